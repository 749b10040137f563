//! Whatever is wrong in a file is told with its place, its key, its value and what is accepted, and all of
//! it at once.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails it the same way")]

#[path = "bad_input/publish.rs"]
mod publish;

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use wayside_config::{Env, Site, load_site_in};

const SETTINGS: &str =
    "data_dir = \"data\"\ntimezone = \"UTC\"\nprofiles_dir = \"pipelines\"\nmodels_dir = \"models\"\n";
const PROFILE: &str = "rate_fps = 10\nmodel = \"m\"\n";
const CAMERA: &str = "id = \"a\"\nname = \"A\"\nsource = \"rtsp://10.0.0.7/s\"\ndepartment = \"traffic\"\nprofile = \"highway\"\n";

/// A directory with these files over a site that is right, loaded.
fn load(files: &[(&str, &str)]) -> Result<Site, String> {
    let dir = TempDir::new().unwrap();
    let base = [
        ("wayside.toml", SETTINGS),
        ("pipelines/highway.toml", PROFILE),
        ("models/m.toml", ""),
        ("cameras/a.toml", CAMERA),
    ];
    for (name, text) in base.iter().chain(files) {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    load_dir(dir.path())
}

fn load_dir(dir: &Path) -> Result<Site, String> {
    let env = Env::given([("PW", "hunter2")]);
    load_site_in(Some(&dir.join("wayside.toml")), &env)
        .map_err(|e| e.to_string().replace(&format!("{}/", dir.display()), ""))
}

/// Loads a camera file of [`CAMERA`] and this text behind it, and compares every message.
#[track_caller]
fn camera_fails(more: &str, want: &[&str]) {
    fails(&[("cameras/a.toml", &format!("{CAMERA}{more}"))], want);
}

#[track_caller]
fn fails(files: &[(&str, &str)], want: &[&str]) {
    let got = load(files).map(|_| ()).unwrap_err();
    assert_eq!(got.lines().collect::<Vec<_>>(), want, "\n{got}\n");
}

#[test]
fn a_site_without_mistakes_loads() {
    let site = load(&[]).unwrap();
    assert_eq!(site.cameras.len(), 1);
    assert_eq!(site.settings.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(site.profiles["highway"].track, wayside_types::TrackSettings::default());
    assert!(site.warnings.is_empty());
}

#[test]
fn top_of_a_camera_file() {
    fails(
        &[(
            "cameras/a.toml",
            "id = \"A b\"\nname = \"\"\nsource = 7\ndepartment = true\nprofile = \"highwai\"\n",
        )],
        &[
            "cameras/a.toml:1:6: id = \"A b\": must be 1 to 40 characters of a-z, 0-9 and '-'",
            "cameras/a.toml:2:8: name = \"\": must be 1 to 200 characters on one line",
            "cameras/a.toml:3:10: source: is an integer but must be a string in quotes",
            "cameras/a.toml:4:14: department = true: is a boolean but must be a string in quotes",
            "cameras/a.toml:5:11: profile = \"highwai\": no profile has this name; there are: highway; did you mean \"highway\"?",
        ],
    );
    fails(
        &[("cameras/a.toml", "")],
        &[
            "cameras/a.toml: id: missing: a short name of a-z, 0-9 and '-', unique in the site",
            "cameras/a.toml: name: missing: what people call this view",
            "cameras/a.toml: department: missing: who owns the camera, as a short name of a-z, 0-9 and '-'",
            "cameras/a.toml: profile: missing: one of highway",
            "cameras/a.toml: source: missing: rtsp://HOST[:PORT]/PATH, rtsps://… or the path of a video file",
        ],
    );
    camera_fails(
        "colour = 1\nlocatoin = { lon = 1 }\ntransport = \"upd\"\n",
        &[
            "cameras/a.toml:6:1: colour: unknown key (accepted here: id, name, source, transport, department, profile, location, calibration, line, zone)",
            "cameras/a.toml:7:1: locatoin: unknown key; did you mean location? (accepted here: id, name, source, transport, department, profile, location, calibration, line, zone)",
            "cameras/a.toml:8:13: transport = \"upd\": must be one of: tcp, udp",
        ],
    );
    camera_fails(
        "location = { lon = 190, lat = \"x\", heading_deg = -1 }\n",
        &[
            "cameras/a.toml:6:20: location.lon = 190: must be from -180 to 180 degrees east",
            "cameras/a.toml:6:31: location.lat = \"x\": is a string but must be a number",
            "cameras/a.toml:6:50: location.heading_deg = -1: must be from 0 to 360 degrees",
        ],
    );
    camera_fails(
        "location = 7\n[calibration]\ntransport = \"udp\"\n",
        &[
            "cameras/a.toml:6:12: location = 7: is an integer but must be a table with the keys lon, lat, heading_deg",
            "cameras/a.toml:7:1: calibration.image: missing: four or more points of the picture, as [[0.10, 0.90], …]",
            "cameras/a.toml:7:1: calibration.ground_m: missing: as many points of the ground in metres, as [[0, 0], …], or in degrees as ground_lonlat",
            "cameras/a.toml:8:1: calibration.transport: unknown key; it belongs above the first [table] of the file (accepted here: image, ground_m, ground_lonlat, ground_origin, distortion)",
        ],
    );
}

#[test]
fn sources_show_no_secret() {
    let camera = |source: &str| CAMERA.replace("rtsp://10.0.0.7/s", source);
    for (source, want) in [
        (
            "http://u:hunter2@h/",
            "cameras/a.toml:3:10: source: scheme http:// is not supported; accepted are rtsp://HOST[:PORT]/PATH, rtsps://… or the path of a video file",
        ),
        (
            "rtsp://u:${NOPE}@h/",
            "cameras/a.toml:3:10: source: environment variable NOPE is not set or empty; set it before starting Wayside",
        ),
        (
            "rtsp://u:${PW}@h:99999/",
            "cameras/a.toml:3:10: source: the port (what follows the last ':' of the host) must be a number from 1 to 65535",
        ),
        (
            "",
            "cameras/a.toml:3:10: source: is empty; accepted are rtsp://HOST[:PORT]/PATH, rtsps://… or the path of a video file",
        ),
    ] {
        fails(&[("cameras/a.toml", &camera(source))], &[want]);
    }
    fails(
        &[("cameras/a.toml", &camera("clip.mp4\"\ntransport = \"tcp"))],
        &[
            "cameras/a.toml:4:13: transport = \"tcp\": says how RTSP media travels, but the source is a file; leave it out",
        ],
    );
}

#[test]
fn lines_and_zones() {
    camera_fails(
        "[[line]]\nid = \"l\"\npoints = [[0.1, 0.2], [1.2, 0.3]]\n\
         [[line]]\nid = \"l\"\npoints = [[0.5, 0.5], [0.5, 0.5]]\n\
         [[line]]\npoint = [[0, 0], [1, 1]]\n\
         [[line]]\nid = \"m\"\npoints = [[0, 0], [1, 1], [1, 0]]\n\
         [[line]]\nid = \"n\"\npoints = [[0, nan], [1]]\n",
        &[
            "cameras/a.toml:8:23: line.points = [1.2, 0.3]: must be [x, y], each from 0 to 1 (fractions of the picture's width and height)",
            "cameras/a.toml:10:6: line.id = \"l\": is taken already in line 7; give each its own id",
            "cameras/a.toml:11:10: line.points = [[0.5, 0.5], [0.5, 0.5]]: both points are the same; a line must be at least 0.001 of the picture long",
            "cameras/a.toml:12:1: line.id: missing: a short name of a-z, 0-9 and '-'",
            "cameras/a.toml:12:1: line.points: missing: two points, as [[0.1, 0.5], [0.9, 0.5]]",
            "cameras/a.toml:13:1: line.point: unknown key; did you mean points? (accepted here: id, points)",
            "cameras/a.toml:16:10: line.points = [[0, 0], [1, 1], [1, 0]]: has 3 points [x, y] but must have 2",
            "cameras/a.toml:19:11: line.points = [0, nan]: must be [x, y], each from 0 to 1 (fractions of the picture's width and height)",
            "cameras/a.toml:19:21: line.points = [1]: must be [x, y], each from 0 to 1 (fractions of the picture's width and height)",
        ],
    );
    camera_fails(
        "[line]\nid = \"l\"\npoints = [[0, 0], [1, 1]]\n",
        &[
            "cameras/a.toml:6:1: line: is a single table; write [[line]] with double brackets, once for each line",
        ],
    );
    camera_fails(
        "[[zone]]\nid = \"z1\"\nkind = \"lane\"\npolygon = [[0, 0], [1, 1], [1, 0], [0, 1]]\n\
         [[zone]]\nid = \"z2\"\nkind = \"crossing\"\npolygon = [[0, 0], [1, 1]]\nheading = [[0, 0], [1, 0]]\n\
         [[zone]]\nid = \"z3\"\nkind = \"lanes\"\npolygon = [[0, 0], [0.5, 0.5], [1, 1]]\n\
         [[zone]]\nid = \"z4\"\nkind = \"queue\"\npolygon = [[0, 0], [1, 0], [1, 0], [1, 1]]\nclosed_to = [\"car\", \"car\", \"dog\"]\n\
         [[zone]]\nid = \"z5\"\nkind = \"watch\"\npolygon = [[0, 0], [0.001, 0], [0.001, 0.001]]\nfree_flow_kmh = 500\n",
        &[
            "cameras/a.toml:6:1: zone.heading: missing: a lane says which way traffic goes, as an arrow [[from x, y], [to x, y]]",
            "cameras/a.toml:9:11: zone.polygon = [[0, 0], [1, 1], [1, 0], [0, 1]]: edges cross or touch (the edges that start at corners 1 and 3); give the corners in order around the zone",
            "cameras/a.toml:13:11: zone.polygon = [[0, 0], [1, 1]]: has 2 points [x, y] but must have 3 to 200",
            "cameras/a.toml:14:11: zone.heading = [[0, 0], [1, 0]]: only a zone of kind \"lane\" has a heading, and this one is a \"crossing\"",
            "cameras/a.toml:17:8: zone.kind = \"lanes\": must be one of: lane, carriageway, crossing, queue, watch, ignore",
            "cameras/a.toml:18:11: zone.polygon = [[0, 0], [0.5, 0.5], [1, 1]]: covers less than 0.00001 of the picture; the corners must not lie on one line",
            "cameras/a.toml:22:11: zone.polygon = [[0, 0], [1, 0], [1, 0], [1, 1]]: corners 2 and 3 are the same; each corner must be a new place",
            "cameras/a.toml:23:13: zone.closed_to = [\"car\", \"car\", \"dog\"]: only a zone of kind \"carriageway\" or \"lane\" is closed to anyone, and this one is a \"queue\"",
            "cameras/a.toml:23:21: zone.closed_to = \"car\": stands here twice; name each class once",
            "cameras/a.toml:23:28: zone.closed_to = \"dog\": must be one of: car, bus, truck, motorcycle, bicycle, pedestrian",
            "cameras/a.toml:27:11: zone.polygon = [[0, 0], [0.001, 0], [0.001, 0.001]]: covers less than 0.00001 of the picture; the corners must not lie on one line",
            "cameras/a.toml:28:17: zone.free_flow_kmh = 500: only a zone of kind \"lane\" or \"queue\" has a delay against free flow, and this one is a \"watch\"",
            "cameras/a.toml:28:17: zone.free_flow_kmh = 500: must be from 5 to 200 km/h",
        ],
    );
}

#[test]
fn calibration() {
    let four = "ground_m = [[0, 0], [14, 0], [14, 60], [0, 60]]\n";
    for (text, want) in [
        (
            format!("image = [[0.1, 0.9], [0.9, 0.9], [0.7, 0.3]]\n{four}"),
            "cameras/a.toml:7:9: calibration.image = [[0.1, 0.9], [0.9, 0.9], [0.7, 0.3]]: has 3 points [x, y] but must have 4 to 40",
        ),
        (
            format!("image = [[0.1, 0.9], [0.9, 0.9], [0.7, 0.3], [0.3, 0.3], [0.5, 0.5]]\n{four}"),
            "cameras/a.toml:6:1: calibration: image has 5 points and ground_m 4; they are pairs, so both need the same number",
        ),
        (
            format!("image = [[0.1, 0.1], [0.2, 0.2], [0.3, 0.3], [0.9, 0.3]]\n{four}"),
            "cameras/a.toml:6:1: calibration: among the pairs there are no four of which no three lie on one line, in the picture and on the ground; add points away from the line",
        ),
        (
            format!("image = [[0.1, 0.9], [0.9, 0.9], [0.3, 0.3], [0.7, 0.3]]\n{four}"),
            "cameras/a.toml:6:1: calibration: pairs 1, 3 and 4 run the other way round in the picture than the rest do; check their order, and that all points lie below the horizon",
        ),
        (
            format!("image = [[0.9, 0.9], [0.1, 0.9], [0.3, 0.3], [0.7, 0.3]]\n{four}"),
            "cameras/a.toml:6:1: calibration: the ground is mirrored: seen from above, the y axis of ground_m must be reached by turning the x axis anticlockwise; change the sign of one axis",
        ),
        (
            format!("image = [[0.1, 0.9], [0.9, 0.9], [0.7, 0.3], [0.3, inf]]\n{four}"),
            "cameras/a.toml:7:46: calibration.image = [0.3, inf]: must be [x, y], each from 0 to 1 (fractions of the picture's width and height)",
        ),
    ] {
        camera_fails(&format!("[calibration]\n{text}"), &[want]);
    }
    let image = "image = [[0.1, 0.9], [0.9, 0.9], [0.7, 0.3], [0.3, 0.3]]\n";
    let degrees =
        "ground_lonlat = [[126.63, 45.6], [126.6302, 45.6], [126.6302, 45.6005], [126.63, 45.6005]]\n";
    for (text, want) in [
        (
            format!("{image}{four}{degrees}"),
            "cameras/a.toml:9:17: calibration.ground_lonlat = [[126.63, 45.6], [126.6302, 45.6], [126.6302, 45.6005], [126…: stands beside ground_m; the ground is given in metres or in degrees, not both",
        ),
        (
            format!("{image}{degrees}ground_origin = {{ lon = 126.63, lat = 45.6, y_axis_deg = 0 }}\n"),
            "cameras/a.toml:9:17: calibration.ground_origin = { lon = 126.63, lat = 45.6, y_axis_deg = 0 }: follows from ground_lonlat; leave it out",
        ),
        (
            format!("{image}{}", degrees.replace("[126.63, 45.6]", "[45.6, 126.63]")),
            "cameras/a.toml:8:18: calibration.ground_lonlat = [45.6, 126.63]: must be [lon, lat], degrees east from -180 to 180 and degrees north from -90 to 90",
        ),
        (
            format!("{image}{}", degrees.replace("[126.63, 45.6005]", "[127.63, 45.6005]")),
            "cameras/a.toml:8:17: calibration.ground_lonlat = [[126.63, 45.6], [126.6302, 45.6], [126.6302, 45.6005], [127…: point 1 is more than 10 km from the middle of all; check each, longitude first",
        ),
        (
            format!(
                "{image}ground_lonlat = [[45.6, 12.63], [45.6, 12.6302], [45.6005, 12.6302], [45.6005, 12.63]]\n"
            ),
            "cameras/a.toml:6:1: calibration: the ground is mirrored: the points of ground_lonlat are [longitude, latitude], in the order of image",
        ),
        (
            format!("{image}ground_lonlat = [[126.63, 45.6]]\n"),
            "cameras/a.toml:8:17: calibration.ground_lonlat = [[126.63, 45.6]]: has 1 points [lon, lat] but must have 4 to 40",
        ),
        (
            format!("{image}{four}distortion = -0.7\n"),
            "cameras/a.toml:9:14: calibration.distortion = -0.7: must be a number from -0.6 to 0.6, or \"fit\"",
        ),
        (
            format!("{image}{four}distortion = \"fir\"\n"),
            "cameras/a.toml:9:14: calibration.distortion = \"fir\": must be a number from -0.6 to 0.6, or \"fit\"",
        ),
        (
            format!("{image}{four}distortion = nan\n"),
            "cameras/a.toml:9:14: calibration.distortion = nan: must be a finite number",
        ),
        (
            format!("{image}{four}distortion = \"fit\"\n"),
            "cameras/a.toml:9:14: calibration.distortion = \"fit\": needs 8 or more pairs, and there are 4; measure more, or write the number",
        ),
    ] {
        camera_fails(&format!("[calibration]\n{text}"), &[want]);
    }
    camera_fails(
        "[calibration]\nground_origin = { lon = 1, lat = 2 }\n",
        &[
            "cameras/a.toml:6:1: calibration.image: missing: four or more points of the picture, as [[0.10, 0.90], …]",
            "cameras/a.toml:6:1: calibration.ground_m: missing: as many points of the ground in metres, as [[0, 0], …], or in degrees as ground_lonlat",
            "cameras/a.toml:7:17: calibration.ground_origin.y_axis_deg: missing: which way the ground's y axis points, clockwise from north, 0 to 360",
        ],
    );
}

#[test]
fn settings() {
    fails(
        &[(
            "wayside.toml",
            "data_dir = \"wayside.toml/data\"\nlisten = \"localhost:80\"\ntimezone = \"Asia/Shanghia\"\nprofiles_dir = \"pipelines\"\nmodels_dir = \"models\"\n\
             [database]\nurl = \"mysql://u:hunter2@h\"\n[inference]\nprovider = \"gpu\"\nworkers = 0\n\
             [rtsp]\ntransport = \"tpc\"\nretry_first_ms = 2000\nretry_max_ms = 1000\nstall_timeout_ms = 1.5\n[retention]\nstills_days = 0\nminutes_days = 60\nquarters_days = 40\nhours_days = 31\n",
        )],
        &[
            "wayside.toml:1:12: data_dir = \"wayside.toml/data\": wayside.toml is not a directory; name a directory that can be written",
            "wayside.toml:2:10: listen = \"localhost:80\": must be an IP address and a port, such as \"127.0.0.1:8080\" or \"[::1]:8080\"; port 0 takes any free one",
            "wayside.toml:3:12: timezone = \"Asia/Shanghia\": is no IANA time zone; did you mean \"Asia/Shanghai\"?",
            "wayside.toml:7:7: database.url: must begin with postgres:// or postgresql://; leave database.url out for a private cluster",
            "wayside.toml:9:12: inference.provider = \"gpu\": must be one of: cpu, cuda, tensorrt",
            "wayside.toml:10:11: inference.workers = 0: must be a whole number from 1 to 256 sessions",
            "wayside.toml:11:1: rtsp: retry_max_ms is 1000 but must be at least retry_first_ms, 2000",
            "wayside.toml:12:13: rtsp.transport = \"tpc\": must be one of: tcp, udp",
            "wayside.toml:15:20: rtsp.stall_timeout_ms = 1.5: is a float but must be a whole number",
            "wayside.toml:16:1: retention: quarters_days is 40 but must be at least minutes_days, 60: sums outlive their parts",
            "wayside.toml:17:15: retention.stills_days = 0: must be a whole number from 1 to 3650 days",
            "wayside.toml:20:14: retention.hours_days = 31: must be a whole number from 32 to 36500 days",
        ],
    );
    fails(
        &[("wayside.toml", "profiles_dir = \"pipelines\"\nmodels_dir = \"models\"\n")],
        &[
            "wayside.toml: data_dir: missing: the directory where everything is kept",
            "wayside.toml: timezone: missing: the site's IANA time zone, such as \"Asia/Shanghai\" or \"UTC\"",
        ],
    );
    fails(
        &[("wayside.toml", &format!("{SETTINGS}cameras_dir = \"nowhere\"\n"))],
        &["nowhere: can't be read: No such file or directory (os error 2)"],
    );
}

#[test]
fn profiles() {
    fails(
        &[(
            "pipelines/highway.toml",
            "rate_fps = 0\nmodel = \"../m\"\nrate = 5\n[track]\nhigh_score = 0.05\nlost_ms = 5\n[count]\nmin_travel_boxes = -1\n[decode]\nkeyframes_only = \"yes\"\n[motion]\ngate = 1\nrefresh_ms = 5\n",
        )],
        &[
            "pipelines/highway.toml:1:12: rate_fps = 0: must be above 0 and at most 60 frames a second",
            "pipelines/highway.toml:2:9: model = \"../m\": must be the name of a manifest: characters a-z, A-Z, 0-9, '_', '-' and '.', without a directory",
            "pipelines/highway.toml:3:1: rate: unknown key (accepted here: rate_fps, model, decode, motion, detect, track, count, hazard)",
            "pipelines/highway.toml:5:14: track.high_score = 0.05: must be at least detect.low_score, 0.1",
            "pipelines/highway.toml:6:11: track.lost_ms = 5: must be a whole number from 100 to 60000 milliseconds",
            "pipelines/highway.toml:8:20: count.min_travel_boxes = -1: must be from 0 to 10 box sizes",
            "pipelines/highway.toml:10:18: decode.keyframes_only = \"yes\": is a string but must be true or false",
            "pipelines/highway.toml:12:8: motion.gate = 1: is an integer but must be true or false",
            "pipelines/highway.toml:13:14: motion.refresh_ms = 5: must be a whole number from 500 to 60000 milliseconds",
        ],
    );
    fails(
        &[(
            "pipelines/highway.toml",
            "rate_fps = 10\nmodel = \"m\"\n[hazard.stopped_vehicle]\nhold_s = 0\nqueue_vehicles = 2.5\nholds = 1\n[hazard.wrong_way]\nenabled = 1\nmin_angle_deg = 60\n[hazard.smoke]\n[hazard.camera_moved]\nmin_shift_share = nan\n",
        )],
        &[
            "pipelines/highway.toml:4:10: hazard.stopped_vehicle.hold_s = 0: must be from 1 to 600 seconds",
            "pipelines/highway.toml:5:18: hazard.stopped_vehicle.queue_vehicles = 2.5: is a float but must be a whole number",
            "pipelines/highway.toml:6:1: hazard.stopped_vehicle.holds: unknown key; did you mean hold_s? (accepted here: enabled, hold_s, queue_hold_s, min_travel_boxes, queue_vehicles)",
            "pipelines/highway.toml:8:11: hazard.wrong_way.enabled = 1: is an integer but must be true or false",
            "pipelines/highway.toml:9:17: hazard.wrong_way.min_angle_deg = 60: must be from 91 to 180 degrees",
            "pipelines/highway.toml:10:9: hazard.smoke: unknown key (accepted here: stopped_vehicle, wrong_way, congestion, pedestrian_on_carriageway, object_on_road, low_visibility, watch_changed, camera_no_signal, camera_frozen, camera_dark, camera_blurred, camera_moved)",
            "pipelines/highway.toml:12:19: hazard.camera_moved.min_shift_share = nan: must be a finite number",
        ],
    );
    fails(
        &[("pipelines/highway.toml", "rate_fps = 61\nmodel = \"other\"\n")],
        &["pipelines/highway.toml:1:12: rate_fps = 61: must be above 0 and at most 60 frames a second"],
    );
    fails(
        &[("pipelines/highway.toml", "rate_fps = 10\nmodel = \"other\"\n")],
        &[
            "pipelines/highway.toml:2:9: model = \"other\": there is no manifest models/other.toml; there are: m",
        ],
    );
    fails(
        &[(
            "pipelines/highway.toml",
            "rate_fps = 10\nmodel = \"m\"\n[detect]\nlow_score = 0.9\n[track]\nhigh_score = 0.8\nstart_score = 0.95\n",
        )],
        &["pipelines/highway.toml:6:14: track.high_score = 0.8: must be at least detect.low_score, 0.9"],
    );
    fails(
        &[(
            "pipelines/highway.toml",
            "rate_fps = 10\nmodel = \"m\"\n[detect]\nlow_score = 0.9\n[track]\nstart_score = 0.95\n",
        )],
        &["pipelines/highway.toml:4:13: detect.low_score = 0.9: must be at most track.high_score, 0.4"],
    );
    fails(
        &[("pipelines/High Way.toml", PROFILE)],
        &[
            "pipelines/High Way.toml: the file's name is the profile's and must be 1 to 40 characters of a-z, 0-9 and '-'",
        ],
    );
}

#[test]
fn mistakes_of_all_files_come_at_once() {
    fails(
        &[
            ("wayside.toml", &format!("{SETTINGS}listen = \n")),
            ("pipelines/highway.toml", "rate_fps = 10\nmodel = \"m\"\nrate_fps = 11\n"),
            ("cameras/a.toml", &format!("{CAMERA}colour = 1\n[[line]\nid = \"l\"\n")),
            ("cameras/b.toml", &CAMERA.replace("\"traffic\"", "\"Traffic\"")),
            ("cameras/c.toml", "id = \"c\nname = \"secret\n"),
            ("cameras/.hidden.toml", "x"),
            ("cameras/notes.txt", "x"),
        ],
        &[
            "wayside.toml:5:10: not TOML: string values must be quoted, expected literal string",
            "pipelines/highway.toml:3:1: rate_fps: stands twice; give each key once",
            "cameras/a.toml:6:1: colour: unknown key (accepted here: id, name, source, transport, department, profile, location, calibration, line, zone)",
            "cameras/a.toml:7:8: not TOML: unclosed array table, expected `]`",
            "cameras/b.toml:1:6: id = \"a\": is taken already by cameras/a.toml:1; give each camera its own id",
            "cameras/b.toml:4:14: department = \"Traffic\": must be 1 to 40 characters of a-z, 0-9 and '-'",
            "cameras/c.toml:1:8: not TOML: invalid basic string, expected `\"`",
            "cameras/c.toml:2:15: not TOML: invalid basic string, expected `\"`",
        ],
    );
}

#[test]
fn files_that_are_no_text() {
    let dir = TempDir::new().unwrap();
    fs::create_dir_all(dir.path().join("cameras/dir.toml")).unwrap();
    fs::create_dir_all(dir.path().join("pipelines")).unwrap();
    fs::write(dir.path().join("wayside.toml"), SETTINGS).unwrap();
    fs::write(dir.path().join("cameras/bin.toml"), b"id = \"a\"\n\xff\xfe").unwrap();
    fs::write(dir.path().join("cameras/big.toml"), vec![b'#'; 2 << 20]).unwrap();
    let got = load_dir(dir.path()).map(|_| ()).unwrap_err();
    let want = [
        "pipelines: holds no profile (*.toml)",
        "cameras/big.toml: is 2097152 bytes long; at most 1048576 are accepted",
        "cameras/bin.toml: is not UTF-8 text (first bad byte in line 2)",
        "cameras/dir.toml: is not a file; a TOML file is wanted",
    ];
    assert_eq!(got.lines().collect::<Vec<_>>(), want);
}
