//! Reading one camera file into a [`CameraSpec`]. What is drawn is `drawing`'s, pairs of points are
//! `calibration`'s, the address is `source`'s; checks across cameras are `site`'s.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use wayside_types::camera::RtspTransport;
use wayside_types::{Calibration, CameraId, CameraSpec, Department, Line, Profile, SourceUrl, Zone};

use crate::calibration::{read_calibration, read_location};
use crate::document::Document;
use crate::drawing::{position, read_id, read_lines, read_zones};
use crate::env::Env;
use crate::error::{ConfigError, ConfigErrors, Position};
use crate::odd::odd;
use crate::section::{Item, Section, closest};
use crate::source::{self, absolute, read_source};

/// Keys of a camera file.
pub(crate) const CAMERA_KEYS: &[&str] = &[
    "id",
    "name",
    "source",
    "transport",
    "department",
    "profile",
    "location",
    "calibration",
    "line",
    "zone",
];

/// What a camera file is read for.
#[derive(Debug, Clone, Copy)]
pub enum CameraUse<'a> {
    /// For running: `source` must be there and right.
    Live,
    /// For `analyze`: `source` is ignored and frames come from this file.
    Analyze(&'a Path),
}

/// The profiles a camera may name.
#[derive(Debug, Default)]
pub(crate) struct Profiles {
    /// Those that are right.
    pub(crate) good: BTreeMap<String, Arc<Profile>>,
    /// Names of those that are not: told already, so naming one is no second mistake.
    pub(crate) broken: BTreeSet<String>,
    /// Where each names its model, for a check that comes later.
    pub(crate) model_at: BTreeMap<String, Position>,
}

/// What reading needs from outside the file.
pub(crate) struct Surroundings<'a> {
    pub(crate) profiles: &'a Profiles,
    pub(crate) transport: RtspTransport,
    pub(crate) env: &'a Env,
}

/// What a file gave: a camera if it is right, its id as far as it could be read, mistakes and warnings.
#[derive(Default)]
pub(crate) struct Loaded {
    pub(crate) camera: Option<CameraSpec>,
    pub(crate) id: Option<(CameraId, Position)>,
    pub(crate) errors: Vec<ConfigError>,
    pub(crate) warnings: Vec<ConfigError>,
}

/// Reads one camera file, with these profiles to choose from and `${ENV}` from the process's environment.
///
/// # Errors
/// Every mistake in the file.
pub fn load_camera_file(
    file: &Path,
    profiles: &BTreeMap<String, Arc<Profile>>,
    purpose: CameraUse<'_>,
) -> Result<CameraSpec, ConfigErrors> {
    let profiles = Profiles { good: profiles.clone(), ..Profiles::default() };
    let surroundings =
        Surroundings { profiles: &profiles, transport: RtspTransport::default(), env: &Env::process() };
    let loaded = read_camera(file, purpose, &surroundings);
    ConfigErrors(loaded.errors).into_result(loaded.camera)
}

/// Reads one camera file as far as it can be read.
pub(crate) fn read_camera(file: &Path, purpose: CameraUse<'_>, with: &Surroundings<'_>) -> Loaded {
    match Document::read(file) {
        Ok(document) => read_document(document, purpose, with),
        Err(error) => Loaded { errors: vec![error], ..Loaded::default() },
    }
}

/// The same for a document that was read already.
pub(crate) fn read_document(document: Document, purpose: CameraUse<'_>, with: &Surroundings<'_>) -> Loaded {
    let mut loaded = Loaded::default();
    let (table, _) = document.parse();
    let root = Section::root(&document, table.get_ref(), CAMERA_KEYS);
    loaded.camera = read_root(&root, purpose, with, &mut loaded);
    drop(table);
    loaded.errors = document.finish();
    loaded
}

fn read_root(
    root: &Section<'_>,
    purpose: CameraUse<'_>,
    with: &Surroundings<'_>,
    loaded: &mut Loaded,
) -> Option<CameraSpec> {
    let doc = root.doc();
    let id = root.need("id", "a short name of a-z, 0-9 and '-', unique in the site").and_then(|item| {
        let id = read_id(&item, item.text()?, CameraId::new)?;
        loaded.id = Some((id.clone(), position(doc, &item)));
        Some(id)
    });
    let name = root.need("name", "what people call this view").and_then(|i| Some(i.words(200)?.to_owned()));
    let department = root
        .need("department", "who owns the camera, as a short name of a-z, 0-9 and '-'")
        .and_then(|item| read_id(&item, item.text()?, Department::new));
    let profile = root
        .need("profile", &format!("one of {}", names(with.profiles)))
        .and_then(|item| read_profile_name(&item, with.profiles));
    let source = match purpose {
        CameraUse::Analyze(video) => Some(SourceUrl::File(video.to_owned())),
        CameraUse::Live => read_live_source(root, with.env, &mut loaded.warnings),
    };
    let transport = root.get("transport").and_then(|item| {
        if let (CameraUse::Live, Some(SourceUrl::File(_))) = (purpose, &source) {
            item.fail("says how RTSP media travels, but the source is a file; leave it out");
        }
        item.one_of(&[("tcp", RtspTransport::Tcp), ("udp", RtspTransport::Udp)])
    });
    let location = root.get("location").and_then(|item| read_location(&item));
    let calibration = root.get("calibration").and_then(|item| read_calibration(&item));
    let lines = read_lines(root.get("line"));
    let zones = read_zones(root.get("zone"));
    loaded.warnings.extend(odd(&lines, &zones).into_iter().map(|(line, message)| ConfigError {
        file: doc.file().to_owned(),
        position: root.get("line").map(|item| position(doc, &item)),
        key: "line".to_owned(),
        value: Some(format!("\"{line}\"")),
        message,
    }));
    let profile = profile?;
    Some(CameraSpec {
        config_version: config_version(&lines, &zones, calibration.as_ref(), &profile),
        id: id?,
        name: name?,
        source: source?,
        transport: transport.unwrap_or(with.transport),
        department: department?,
        profile,
        location,
        calibration,
        lines,
        zones,
    })
}

fn read_profile_name(item: &Item<'_>, profiles: &Profiles) -> Option<Arc<Profile>> {
    let name = item.text()?;
    let found = profiles.good.get(name).cloned();
    if found.is_none() && !profiles.broken.contains(name) {
        let known = profiles.good.keys().chain(&profiles.broken).map(String::as_str);
        let hint = closest(name, known).map_or(String::new(), |c| format!("; did you mean \"{c}\"?"));
        item.fail(format!("no profile has this name; there are: {}{hint}", names(profiles)));
    }
    found
}

fn names(profiles: &Profiles) -> String {
    let all: BTreeSet<&str> = profiles.good.keys().chain(&profiles.broken).map(String::as_str).collect();
    if all.is_empty() { "none".to_owned() } else { all.into_iter().collect::<Vec<_>>().join(", ") }
}

fn read_live_source(root: &Section<'_>, env: &Env, warnings: &mut Vec<ConfigError>) -> Option<SourceUrl> {
    let item = root.need("source", source::ACCEPTED)?.secret();
    let doc = root.doc();
    let directory = directory_of(doc.file());
    let source = read_source(&item, &directory, env)?;
    let mut warn = |message: &str| {
        warnings.push(ConfigError {
            file: doc.file().to_owned(),
            position: Some(position(doc, &item)),
            key: "source".to_owned(),
            value: None,
            message: message.to_owned(),
        });
    };
    if source.plain_password {
        warn("a password stands in the file; write ${NAME} and set NAME in the environment");
    }
    if let SourceUrl::File(path) = &source.url
        && !path.is_file()
    {
        warn("this video file does not exist now; the camera will fail until it does");
    }
    Some(source.url)
}

/// The directory that relative paths in a file start from, absolute.
pub(crate) fn directory_of(file: &Path) -> PathBuf {
    let whole = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    whole.parent().map_or_else(|| PathBuf::from("/"), |parent| absolute(parent, Path::new("")))
}

/// A short hash of all that changes what counts mean: lines, zones, calibration and profile. The order in
/// which lines and zones stand in the file means nothing.
fn config_version(
    lines: &[Line],
    zones: &[Zone],
    calibration: Option<&Calibration>,
    profile: &Profile,
) -> String {
    let lines: BTreeMap<_, _> = lines.iter().map(|l| (l.id.as_str(), l)).collect();
    let zones: BTreeMap<_, _> = zones.iter().map(|z| (z.id.as_str(), z)).collect();
    // Only finite numbers and strings go in, so this can't fail; if it did, the version would say so.
    let text = serde_json::to_string(&(lines, zones, calibration, profile)).unwrap_or_default();
    Sha256::digest(text.as_bytes()).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wayside_types::{
        CountSettings, DecodeSettings, DetectSettings, Distortion, MotionSettings, Point, TrackSettings,
    };

    use super::*;

    fn read(text: Vec<u8>) -> Loaded {
        let profile = Profile {
            name: "highway".to_owned(),
            rate_fps: 10.0,
            model: "m".to_owned(),
            decode: DecodeSettings::default(),
            motion: MotionSettings::default(),
            detect: DetectSettings::default(),
            track: TrackSettings::default(),
            count: CountSettings::default(),
            hazard: Default::default(),
        };
        let mut profiles = Profiles::default();
        profiles.good.insert(profile.name.clone(), Arc::new(profile));
        let env = Env::given([("PW", "hunter2")]);
        let with = Surroundings { profiles: &profiles, transport: RtspTransport::Tcp, env: &env };
        match Document::from_bytes(Path::new("/site/cameras/a.toml"), text) {
            Ok(document) => read_document(document, CameraUse::Live, &with),
            Err(error) => Loaded { errors: vec![error], ..Loaded::default() },
        }
    }

    const WHOLE: &str = r#"
        id = "hp-07"
        name = "Youxie Street, east arm"
        source = "rtsp://ops:${PW}@10.0.0.7/sub"
        transport = "udp"
        department = "traffic"
        profile = "highway"
        location = { lon = 126.63, lat = 45.60, heading_deg = 90 }
        [calibration]
        image    = [[0.10,0.90],[0.90,0.90],[0.70,0.30],[0.30,0.30]]
        ground_m = [[0,0],[14,0],[14,60],[0,60]]
        ground_origin = { lon = 126.63, lat = 45.60, y_axis_deg = 90 }
        [[line]]
        id = "east-in"
        points = [[0.25,0.95],[0.25,0.35]]
        [[line]]
        id = "east-out"
        points = [[0.75,0.35],[0.75,0.95]]
        [[zone]]
        id = "lane-1"
        kind = "lane"
        polygon = [[0.0,0.35],[1.0,0.35],[1.0,0.60],[0.0,0.60]]
        heading = [[0.1,0.5],[0.9,0.5]]
        [[zone]]
        id = "motorway"
        kind = "carriageway"
        polygon = [[0.1,1.0],[0.9,1.0],[0.7,0.2],[0.4,0.2],[0.1,1.0]]
        closed_to = ["pedestrian", "bicycle"]
    "#;

    #[test]
    fn a_whole_camera_file_is_read() {
        let loaded = read(WHOLE.into());
        assert_eq!(loaded.errors, []);
        assert_eq!(loaded.warnings, []);
        let camera = loaded.camera.unwrap();
        let SourceUrl::Rtsp(url) = &camera.source else { panic!("{:?} is no address", camera.source) };
        assert_eq!(url.expose(), "rtsp://ops:hunter2@10.0.0.7/sub");
        assert_eq!(camera.transport, RtspTransport::Udp);
        assert_eq!(camera.location.unwrap().heading_deg, Some(90.0));
        assert_eq!(camera.calibration.as_ref().unwrap().ground_origin.unwrap().y_axis_deg, 90.0);
        assert_eq!(camera.lines.len(), 2);
        let [lane, motorway] = camera.zones.as_slice() else { panic!("{} zones", camera.zones.len()) };
        assert!(lane.heading.is_some() && motorway.heading.is_none());
        assert_eq!(motorway.polygon.len(), 4, "the last corner closed the polygon and says nothing new");
        assert_eq!(motorway.closed_to.len(), 2);
        assert!(!format!("{camera:?}").contains("hunter2"), "{camera:?}");
    }

    /// The same rectangle in degrees, 14 m east and 60 m north, comes out in metres around its middle, and its
    /// place on the map follows.
    #[test]
    fn degrees_become_metres_and_a_place_on_the_map() {
        let metres = "ground_m = [[0,0],[14,0],[14,60],[0,60]]";
        let origin = "ground_origin = { lon = 126.63, lat = 45.60, y_axis_deg = 90 }";
        let degrees = "ground_lonlat = [[126.63, 45.6], [126.6301796, 45.6], [126.6301796, 45.60053984], [126.63, 45.60053984]]";
        assert!(WHOLE.contains(metres) && WHOLE.contains(origin));
        let text = WHOLE.replace(metres, degrees).replace(origin, "distortion = \"fit\"");
        let told = read(text.clone().into()).errors.remove(0).to_string();
        assert!(told.contains("needs 8 or more pairs"), "{told}");
        let loaded = read(text.replace("\"fit\"", "-0.12").into());
        assert_eq!(loaded.errors, []);
        let calibration = loaded.camera.unwrap().calibration.unwrap();
        assert_eq!(calibration.distortion, Some(Distortion::Given(-0.12)));
        for (got, want) in
            calibration.ground_m.iter().zip([[-7.0, -30.0], [7.0, -30.0], [7.0, 30.0], [-7.0, 30.0]])
        {
            assert!(got.distance(Point::from(want)) < 0.02, "{got:?} is not {want:?}");
        }
        let origin = calibration.ground_origin.unwrap();
        assert!((origin.lon - 126.630_089_8).abs() < 1e-9 && (origin.lat - 45.600_269_92).abs() < 1e-9);
        assert_eq!(origin.y_axis_deg, 0.0);
    }

    #[test]
    fn the_version_follows_what_changes_counts() {
        let version = |from: &str, to: &str| {
            assert!(WHOLE.contains(from));
            read(WHOLE.replace(from, to).into()).camera.unwrap().config_version
        };
        let first = version("hp-07", "hp-07");
        assert_eq!(first.len(), 12);
        for same in [("hp-07", "hp-08"), ("Youxie", "Xidazhi"), ("126.63, lat", "126.64, lat")] {
            let is_calibration = same.0.starts_with("126");
            assert_eq!(version(same.0, same.1) == first, !is_calibration, "{same:?}");
        }
        for other in [
            ("0.25,0.95", "0.26,0.95"),
            ("\"lane-1\"", "\"lane-2\""),
            ("14,60", "15,60"),
            ("[calibration]", "[calibration]\ndistortion = -0.1"),
        ] {
            assert_ne!(version(other.0, other.1), first, "{other:?}");
        }
        // Lines in another order are the same lines.
        let swapped = WHOLE
            .replace("\"east-in\"", "\"x\"")
            .replace("\"east-out\"", "\"east-in\"")
            .replace("\"x\"", "\"east-out\"")
            .replace("[[0.25,0.95],[0.25,0.35]]", "[]")
            .replace("[[0.75,0.35],[0.75,0.95]]", "[[0.25,0.95],[0.25,0.35]]")
            .replace("[]", "[[0.75,0.35],[0.75,0.95]]");
        assert_eq!(read(swapped.into()).camera.unwrap().config_version, first);
    }

    /// Every message stays on its line and keeps the secret.
    fn check(loaded: &Loaded) -> Result<(), TestCaseError> {
        prop_assert!(loaded.camera.is_some() || !loaded.errors.is_empty(), "neither a camera nor a reason");
        for error in loaded.errors.iter().chain(&loaded.warnings) {
            let shown = error.to_string();
            prop_assert!(!shown.contains("hunter2"), "{shown}");
            prop_assert!(!shown.contains('\n'), "{shown:?}");
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn any_bytes_give_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            check(&read(bytes))?;
        }

        /// A whole file with a stretch of it replaced: deeper than random bytes get.
        #[test]
        fn any_damage_gives_an_answer(
            at in 0..WHOLE.len(), cut in 0..40_usize, put in "[-\\[\\]{}\"'.=,#0-9a-z\\n$ \\\\]{0,12}",
        ) {
            let mut bytes = WHOLE.as_bytes().to_vec();
            let end = (at + cut).min(bytes.len());
            bytes.splice(at..end, put.into_bytes());
            check(&read(bytes))?;
        }
    }
}
