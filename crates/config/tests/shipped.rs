//! What is shipped loads: the settings, profiles and examples of the repository, the camera files of the
//! real clips; and the committed schemas are those of the code.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails it the same way")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use wayside_config::{
    CameraUse, Env, RtspSettings, camera_schema_json, load_camera_file, load_for_analyze_in, load_profiles,
    load_site_in, profile_schema_json, schemes_schema_json, site_schema_json,
};
use wayside_types::{CountSettings, DetectSettings, HazardSettings, RoadUserClass, SourceUrl, TrackSettings};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

#[test]
fn shipped_settings_and_profiles() {
    let site = load_site_in(None, &Env::given([])).unwrap();
    assert_eq!(site.settings.home, root());
    assert!(site.settings.listen.ip().is_loopback());
    let rates: Vec<(&str, f64)> = site.profiles.iter().map(|(n, p)| (n.as_str(), p.rate_fps)).collect();
    let want =
        [("arterial", 10.0), ("highway", 10.0), ("intersection", 10.0), ("residential", 5.0), ("watch", 1.0)];
    assert_eq!(rates, want);
    for (name, profile) in &site.profiles {
        assert_eq!(profile.decode.keyframes_only, name == "watch");
    }
}

#[test]
fn shipped_examples() {
    let profiles = load_profiles(&root().join("pipelines")).unwrap();
    let mut seen = 0;
    for entry in fs::read_dir(root().join("config/cameras")).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().ends_with(".toml.example") {
            load_camera_file(&path, &profiles, CameraUse::Analyze(Path::new("x"))).unwrap();
            seen += 1;
        }
    }
    assert!(seen >= 2, "only {seen} examples");
}

#[test]
fn camera_files_of_the_real_clips() {
    let clips = root().join("../shared/clips");
    if !clips.is_dir() {
        eprintln!("SKIPPED: {} is not there", clips.display());
        return;
    }
    for name in ["arterial", "residential", "motorway-vfr"] {
        let video = Path::new("/dev/null");
        let camera = clips.join(format!("{name}.toml"));
        let analysis = load_for_analyze_in(None, &camera, video, &Env::given([])).unwrap();
        assert_eq!(analysis.camera.id.as_str(), name);
        assert_eq!(analysis.camera.source, SourceUrl::File(video.to_owned()));
        assert!(!analysis.camera.lines.is_empty());
    }
}

#[test]
fn home_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().to_str().unwrap();
    let load = |home: &str| {
        load_site_in(None, &Env::given([("WAYSIDE_HOME", home)])).map(|_| ()).unwrap_err().to_string()
    };
    assert_eq!(load("relative"), "relative: WAYSIDE_HOME must be an absolute path");
    assert_eq!(load("/nowhere/at/all"), "/nowhere/at/all: WAYSIDE_HOME must be an existing directory");
    let got = load(home);
    assert!(
        got.starts_with(&format!("{home}/config/wayside.toml: does not exist; name the settings")),
        "{got}"
    );
    fs::create_dir_all(dir.path().join("config/cameras")).unwrap();
    fs::create_dir_all(dir.path().join("pipelines")).unwrap();
    fs::write(dir.path().join("config/wayside.toml"), "data_dir = \"../data\"\ntimezone = \"Asia/Harbin\"\n")
        .unwrap();
    fs::write(dir.path().join("pipelines/p.toml"), "rate_fps = 2.5\nmodel = \"m\"\n").unwrap();
    let site = load_site_in(None, &Env::given([("WAYSIDE_HOME", home)])).unwrap();
    assert_eq!(site.settings.onnxruntime, dir.path().join(".wayside/lib/libonnxruntime.so"));
    assert!(site.settings.data_dir.ends_with("data") && site.settings.data_dir.is_absolute());
    assert!(!dir.path().join("data").exists(), "loading made the data directory");
    // No camera yet is no mistake, but worth saying.
    assert_eq!(site.warnings.len(), 1);
    assert!(site.settings.check_listen(false).is_ok());
}

#[test]
fn schemas_are_committed() {
    let directory = root().join("docs/reference/schema");
    for (name, text) in [
        ("site", site_schema_json()),
        ("camera", camera_schema_json()),
        ("profile", profile_schema_json()),
        ("schemes", schemes_schema_json()),
    ] {
        let file = directory.join(format!("{name}.schema.json"));
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            fs::create_dir_all(&directory).unwrap();
            fs::write(&file, &text).unwrap();
        }
        let committed = fs::read_to_string(&file).unwrap_or_default();
        assert!(
            committed == text,
            "{} is not what the code says: run the tests with UPDATE_SCHEMA=1",
            file.display()
        );
    }
}

/// Keys of every table of a file, as the reader lists them in its messages about unknown keys.
#[test]
fn schemas_and_readers_know_the_same_keys() {
    let dir = tempfile::tempdir().unwrap();
    for sub in ["config/cameras", "pipelines"] {
        fs::create_dir_all(dir.path().join(sub)).unwrap();
    }
    let odd = "x__ = 1\n";
    fs::write(
        dir.path().join("config/wayside.toml"),
        format!("{odd}[database]\n{odd}[inference]\n{odd}[retention]\n{odd}[rtsp]\n{odd}[publisher]\n{odd}[[export]]\n{odd}"),
    )
    .unwrap();
    fs::write(
        dir.path().join("pipelines/p.toml"),
        format!("{odd}[decode]\n{odd}[motion]\n{odd}[detect]\n{odd}[track]\n{odd}[count]\n{odd}[hazard]\n{odd}[hazard.stopped_vehicle]\n{odd}[hazard.wrong_way]\n{odd}[hazard.congestion]\n{odd}[hazard.pedestrian_on_carriageway]\n{odd}[hazard.object_on_road]\n{odd}[hazard.watch_changed]\n{odd}[hazard.low_visibility]\n{odd}[hazard.camera_no_signal]\n{odd}[hazard.camera_frozen]\n{odd}[hazard.camera_dark]\n{odd}[hazard.camera_blurred]\n{odd}[hazard.camera_moved]\n{odd}"),
    )
    .unwrap();
    fs::write(
        dir.path().join("config/cameras/c.toml"),
        format!("{odd}[location]\n{odd}[calibration]\n{odd}[calibration.ground_origin]\n{odd}[[line]]\n{odd}[[zone]]\n{odd}"),
    )
    .unwrap();
    fs::write(
        dir.path().join("config/schemes.toml"),
        format!("{odd}[[scheme]]\n{odd}[[scheme.group]]\n{odd}"),
    )
    .unwrap();
    let env = Env::given([("WAYSIDE_HOME", dir.path().to_str().unwrap())]);
    let errors = load_site_in(None, &env).unwrap_err();
    let mut read = BTreeSet::new();
    for error in errors.0.iter().filter(|e| e.key.ends_with("x__")) {
        let keys = error.message.split("accepted here: ").nth(1).unwrap().trim_end_matches(')');
        read.insert(keys.split(", ").map(str::to_owned).collect::<BTreeSet<_>>());
    }
    assert_eq!(read.len(), 35, "tables whose keys were told");
    let mut described = BTreeSet::new();
    for text in [site_schema_json(), camera_schema_json(), profile_schema_json(), schemes_schema_json()] {
        let schema: Value = serde_json::from_str(&text).unwrap();
        let definitions = schema["$defs"].as_object().unwrap().values();
        for table in std::iter::once(&schema).chain(definitions) {
            if let Some(properties) = table["properties"].as_object() {
                assert_eq!(table["additionalProperties"], Value::Bool(false));
                described.insert(properties.keys().cloned().collect::<BTreeSet<_>>());
            }
        }
    }
    assert_eq!(described, read);
}

/// The tables of the reference say what the code does.
#[test]
fn documented_defaults_are_those_of_the_code() {
    let text = fs::read_to_string(root().join("docs/reference/config.md")).unwrap();
    let (detect, track, count) =
        (DetectSettings::default(), TrackSettings::default(), CountSettings::default());
    let rtsp = RtspSettings::default();
    let hazard = HazardSettings::default();
    for (key, default) in [
        ("detect.low_score", detect.low_score.to_string()),
        ("detect.brighten", detect.brighten.to_string()),
        ("track.high_score", track.high_score.to_string()),
        ("track.start_score", track.start_score.to_string()),
        ("track.lost_ms", track.lost_ms.to_string()),
        ("count.min_travel_boxes", count.min_travel_boxes.to_string()),
        ("count.recount_ms", count.recount_ms.to_string()),
        ("hazard.stopped_vehicle.hold_s", hazard.stopped_vehicle.hold_s.to_string()),
        ("hazard.stopped_vehicle.queue_hold_s", hazard.stopped_vehicle.queue_hold_s.to_string()),
        ("hazard.stopped_vehicle.min_travel_boxes", hazard.stopped_vehicle.min_travel_boxes.to_string()),
        ("hazard.stopped_vehicle.queue_vehicles", hazard.stopped_vehicle.queue_vehicles.to_string()),
        ("hazard.wrong_way.hold_s", hazard.wrong_way.hold_s.to_string()),
        ("hazard.wrong_way.min_lengths", hazard.wrong_way.min_lengths.to_string()),
        ("hazard.wrong_way.min_angle_deg", hazard.wrong_way.min_angle_deg.to_string()),
        ("hazard.wrong_way.learn_vehicles", hazard.wrong_way.learn_vehicles.to_string()),
        ("hazard.congestion.hold_s", hazard.congestion.hold_s.to_string()),
        ("hazard.congestion.max_speed_kmh", hazard.congestion.max_speed_kmh.to_string()),
        ("hazard.congestion.max_speed_share", hazard.congestion.max_speed_share.to_string()),
        ("hazard.congestion.min_occupancy", hazard.congestion.min_occupancy.to_string()),
        ("hazard.congestion.queue_share", hazard.congestion.queue_share.to_string()),
        ("hazard.pedestrian_on_carriageway.hold_s", hazard.pedestrian_on_carriageway.hold_s.to_string()),
        (
            "hazard.pedestrian_on_carriageway.min_score",
            hazard.pedestrian_on_carriageway.min_score.to_string(),
        ),
        ("hazard.object_on_road.hold_s", hazard.object_on_road.hold_s.to_string()),
        ("hazard.object_on_road.min_size_m", hazard.object_on_road.min_size_m.to_string()),
        ("hazard.object_on_road.min_car_share", hazard.object_on_road.min_car_share.to_string()),
        ("hazard.watch_changed.hold_s", hazard.watch_changed.hold_s.to_string()),
        ("hazard.watch_changed.min_changed_share", hazard.watch_changed.min_changed_share.to_string()),
        ("hazard.low_visibility.hold_s", hazard.low_visibility.hold_s.to_string()),
        ("hazard.low_visibility.max_contrast_share", hazard.low_visibility.max_contrast_share.to_string()),
        ("hazard.low_visibility.max_edges_share", hazard.low_visibility.max_edges_share.to_string()),
        ("hazard.camera_no_signal.hold_s", hazard.camera_no_signal.hold_s.to_string()),
        ("hazard.camera_no_signal.max_contrast", hazard.camera_no_signal.max_contrast.to_string()),
        ("hazard.camera_frozen.hold_s", hazard.camera_frozen.hold_s.to_string()),
        ("hazard.camera_frozen.max_change_share", hazard.camera_frozen.max_change_share.to_string()),
        ("hazard.camera_dark.hold_s", hazard.camera_dark.hold_s.to_string()),
        ("hazard.camera_dark.max_bright", hazard.camera_dark.max_bright.to_string()),
        ("hazard.camera_blurred.hold_s", hazard.camera_blurred.hold_s.to_string()),
        ("hazard.camera_blurred.max_edges_share", hazard.camera_blurred.max_edges_share.to_string()),
        ("hazard.camera_blurred.min_area_share", hazard.camera_blurred.min_area_share.to_string()),
        ("hazard.camera_moved.hold_s", hazard.camera_moved.hold_s.to_string()),
        ("hazard.camera_moved.min_shift_share", hazard.camera_moved.min_shift_share.to_string()),
        ("connect_timeout_ms", rtsp.connect_timeout_ms.to_string()),
        ("stall_timeout_ms", rtsp.stall_timeout_ms.to_string()),
        ("retry_first_ms", rtsp.retry_first_ms.to_string()),
        ("retry_max_ms", rtsp.retry_max_ms.to_string()),
        ("jitter_buffer_ms", rtsp.jitter_buffer_ms.to_string()),
    ] {
        let row = format!("| `{key}` | {default} |");
        assert!(text.contains(&row), "docs/reference/config.md has no row that begins with {row}");
    }
}

/// The shipped schemes read, hold every class once, and weigh a car as one.
#[test]
fn shipped_schemes_are_whole() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().to_str().unwrap();
    for sub in ["config/cameras", "pipelines"] {
        fs::create_dir_all(dir.path().join(sub)).unwrap();
    }
    fs::write(dir.path().join("config/wayside.toml"), "data_dir = \"../data\"\ntimezone = \"UTC\"\n")
        .unwrap();
    fs::write(dir.path().join("pipelines/p.toml"), "rate_fps = 2.5\nmodel = \"m\"\n").unwrap();
    let env = Env::given([("WAYSIDE_HOME", home)]);
    assert!(load_site_in(None, &env).unwrap().schemes.is_empty(), "a table that nobody named may be absent");
    fs::copy(root().join("config/schemes.toml"), dir.path().join("config/schemes.toml")).unwrap();
    let schemes = load_site_in(None, &env).unwrap().schemes;
    let ids: Vec<&str> = schemes.iter().map(|scheme| scheme.id.as_str()).collect();
    assert_eq!(ids, ["eu-8-1-like", "us-fhwa-like", "cn-jtg"]);
    for scheme in &schemes {
        let pcu = |class| scheme.group_of(class).unwrap().pcu;
        assert_eq!(pcu(RoadUserClass::Car), 1.0, "{}", scheme.id);
        assert!(pcu(RoadUserClass::Truck) > 1.0 && pcu(RoadUserClass::Bus) > 1.0, "{}", scheme.id);
        assert!(RoadUserClass::ALL.iter().all(|class| scheme.group_of(*class).is_some()), "{}", scheme.id);
    }
}

#[test]
fn schemes_that_are_not_whole_are_named() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("cameras")).unwrap();
    fs::create_dir_all(dir.path().join("pipelines")).unwrap();
    fs::write(dir.path().join("pipelines/p.toml"), "rate_fps = 2.5\nmodel = \"m\"\n").unwrap();
    let config = dir.path().join("wayside.toml");
    fs::write(
        &config,
        "data_dir = \"data\"\ntimezone = \"UTC\"\nprofiles_dir = \"pipelines\"\nschemes = \"s.toml\"\n",
    )
    .unwrap();
    let env = Env::given([("WAYSIDE_HOME", dir.path().to_str().unwrap())]);
    let said = || {
        load_site_in(Some(&config), &env)
            .unwrap_err()
            .0
            .iter()
            .map(|e| e.to_string())
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert!(said().contains("s.toml"), "a table that was named must be there: {}", said());
    let group = |id: &str, rest: &str| format!("[[scheme.group]]\nid = \"{id}\"\ntitle = \"T\"\n{rest}\n");
    let head = "[[scheme]]\nid = \"a\"\ntitle = \"A\"\n";
    for (text, want) in [
        (group("x", "classes = [\"van\"]\npcu = 1"), "must be one of: car, bus, truck".to_owned()),
        (group("x", "classes = [\"car\"]\npcu = 11"), "must be from 0 to 10 passenger-car units".to_owned()),
        (group("x", "classes = []\npcu = 1"), "has 0 classes but must have 1 to 6".to_owned()),
        (
            group("x", "classes = [\"car\"]\npcu = 1") + &group("x", "classes = [\"bus\"]\npcu = 1"),
            "is taken already".to_owned(),
        ),
    ] {
        fs::write(dir.path().join("s.toml"), format!("{head}{text}")).unwrap();
        assert!(said().contains(&want), "{text}: {}", said());
    }
    fs::write(dir.path().join("s.toml"), format!("{head}{}", group("x", "classes = [\"car\"]\npcu = 1")))
        .unwrap();
    assert!(said().contains("bus is in 0 groups; every class must be in exactly one"), "{}", said());
}
