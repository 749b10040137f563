//! The whole site: settings, profiles and cameras together, and the checks that need more than one file.
//! Every file is read even when an earlier one is wrong, so that all mistakes come at once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wayside_types::{CameraId, CameraSpec, Profile, Scheme};

use crate::camera::{CameraUse, Loaded, Profiles, Surroundings, read_camera};
use crate::env::Env;
use crate::error::{ConfigError, ConfigErrors, Position};
use crate::locate::locate;
use crate::profile::{read_profiles, toml_files};
use crate::schemes::read_schemes;
use crate::settings::{ReadSettings, Settings, read_settings};

/// All that is configured, checked.
#[derive(Debug, Clone)]
pub struct Site {
    /// `wayside.toml`.
    pub settings: Settings,
    /// Every camera, in the order of the files' names.
    pub cameras: Vec<CameraSpec>,
    /// Every profile by its name.
    pub profiles: BTreeMap<String, Arc<Profile>>,
    /// Class schemes, in the order of their table.
    pub schemes: Vec<Scheme>,
    /// What is allowed but most likely not meant, such as a password in a file; for people to read.
    pub warnings: Vec<ConfigError>,
}

/// What `analyze` needs.
#[derive(Debug, Clone)]
pub struct Analysis {
    /// `wayside.toml`.
    pub settings: Settings,
    /// The camera, with the video as its source.
    pub camera: CameraSpec,
    /// Every profile by its name.
    pub profiles: BTreeMap<String, Arc<Profile>>,
}

/// Reads and checks everything: the settings at `config`, else under `WAYSIDE_HOME`, else in the checkout
/// that the binary was built from, and every camera and profile they point at.
///
/// # Errors
/// Every mistake in all files.
pub fn load_site(config: Option<&Path>) -> Result<Site, ConfigErrors> {
    load_site_in(config, &Env::process())
}

/// [`load_site`] with a given environment.
///
/// # Errors
/// Every mistake in all files.
pub fn load_site_in(config: Option<&Path>, env: &Env) -> Result<Site, ConfigErrors> {
    let place = locate(config, env)?;
    let mut errors = ConfigErrors::default();
    let read = read_settings(&place, env, true, &mut errors);
    let profiles = profiles_of(&read, &mut errors);
    let with = Surroundings { profiles: &profiles, transport: read.transport, env };
    let mut warnings = Vec::new();
    let mut cameras = Vec::new();
    let mut taken = BTreeMap::new();
    for file in camera_files(&read, &mut errors, &mut warnings) {
        let mut loaded = read_camera(&file, CameraUse::Live, &with);
        refuse_taken_id(&file, &mut loaded, &mut taken);
        errors.0.extend(loaded.errors);
        warnings.extend(loaded.warnings);
        cameras.extend(loaded.camera);
    }
    check_models(&read, &profiles, &cameras, &mut errors);
    check_exports(&read, &place.config, &taken, &mut errors);
    let schemes = read_schemes(&read.schemes.0, read.schemes.1, &mut errors);
    let site =
        read.settings.map(|settings| Site { settings, cameras, profiles: profiles.good, schemes, warnings });
    errors.into_result(site)
}

/// Reads the settings, the profiles and one camera file, for analysing `video`. The site's other cameras
/// and whether `data_dir` can be written don't matter.
///
/// # Errors
/// Every mistake in the settings, the profiles and that camera file.
pub fn load_for_analyze(
    config: Option<&Path>,
    camera: &Path,
    video: &Path,
) -> Result<Analysis, ConfigErrors> {
    load_for_analyze_in(config, camera, video, &Env::process())
}

/// [`load_for_analyze`] with a given environment.
///
/// # Errors
/// Every mistake in the settings, the profiles and that camera file.
pub fn load_for_analyze_in(
    config: Option<&Path>,
    camera: &Path,
    video: &Path,
    env: &Env,
) -> Result<Analysis, ConfigErrors> {
    let place = locate(config, env)?;
    let mut errors = ConfigErrors::default();
    let read = read_settings(&place, env, false, &mut errors);
    let profiles = profiles_of(&read, &mut errors);
    let with = Surroundings { profiles: &profiles, transport: read.transport, env };
    let loaded = read_camera(camera, CameraUse::Analyze(video), &with);
    errors.0.extend(loaded.errors);
    let both = read.settings.zip(loaded.camera);
    errors.into_result(both.map(|(settings, camera)| Analysis { settings, camera, profiles: profiles.good }))
}

fn profiles_of(read: &ReadSettings, errors: &mut ConfigErrors) -> Profiles {
    if read.guessed && !read.profiles_dir.is_dir() {
        return Profiles::default();
    }
    read_profiles(&read.profiles_dir, errors)
}

fn camera_files(
    read: &ReadSettings,
    errors: &mut ConfigErrors,
    warnings: &mut Vec<ConfigError>,
) -> Vec<PathBuf> {
    if read.guessed && !read.cameras_dir.is_dir() {
        return Vec::new();
    }
    match toml_files(&read.cameras_dir) {
        Ok(files) => {
            if files.is_empty() {
                let message = "holds no camera (*.toml) yet; docs/guide/add-a-camera.md says how to add one";
                warnings.push(ConfigError::about_file(&read.cameras_dir, message));
            }
            files
        }
        Err(error) => {
            errors.0.push(error);
            Vec::new()
        }
    }
}

/// Two cameras with one id would write into the same bins.
fn refuse_taken_id(file: &Path, loaded: &mut Loaded, taken: &mut BTreeMap<CameraId, (PathBuf, Position)>) {
    let Some((id, position)) = loaded.id.clone() else { return };
    if let Some((first, at)) = taken.get(&id) {
        loaded.errors.push(ConfigError {
            file: file.to_owned(),
            position: Some(position),
            key: "id".to_owned(),
            value: Some(format!("\"{id}\"")),
            message: format!(
                "is taken already by {}:{}; give each camera its own id",
                first.display(),
                at.line
            ),
        });
        return;
    }
    taken.insert(id, (file.to_owned(), position));
}

/// An export may only name cameras that there are.
fn check_exports(
    read: &ReadSettings,
    file: &Path,
    known: &BTreeMap<CameraId, (PathBuf, Position)>,
    errors: &mut ConfigErrors,
) {
    for (id, key, position) in read.export_cameras.iter().filter(|(id, ..)| !known.contains_key(id)) {
        let all: Vec<&str> = known.keys().map(CameraId::as_str).take(12).collect();
        let there = if all.is_empty() { "none".to_owned() } else { all.join(", ") };
        errors.0.push(ConfigError {
            file: file.to_owned(),
            position: Some(*position),
            key: key.clone(),
            value: Some(format!("\"{id}\"")),
            message: format!("there is no such camera; there are: {there}"),
        });
    }
}

/// A profile in use must name a manifest that is there; reading it is `detect`'s work.
fn check_models(read: &ReadSettings, profiles: &Profiles, cameras: &[CameraSpec], errors: &mut ConfigErrors) {
    let in_use: BTreeSet<(&str, &str)> =
        cameras.iter().map(|c| (c.profile.name.as_str(), c.profile.model.as_str())).collect();
    for (profile, model) in in_use {
        let manifest = read.models_dir.join(format!("{model}.toml"));
        if manifest.is_file() {
            continue;
        }
        let there: Vec<String> = toml_files(&read.models_dir)
            .unwrap_or_default()
            .iter()
            .filter_map(|f| Some(f.file_stem()?.to_string_lossy().into_owned()))
            .collect();
        let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
        errors.0.push(ConfigError {
            file: read.profiles_dir.join(format!("{profile}.toml")),
            position: profiles.model_at.get(profile).copied(),
            key: "model".to_owned(),
            value: Some(format!("\"{model}\"")),
            message: format!("there is no manifest {}; there are: {there}", manifest.display()),
        });
    }
}
