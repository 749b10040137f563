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
    let profiles = Profiles { good: profiles.clone(), broken: BTreeSet::new() };
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
