//! Reading `pipelines/*.toml`: one profile a file, its name the file's. A table or key that is left out
//! takes the default of `types::profile`. What the settings do is said where they are used (`ingest`,
//! `detect`, `track`, `measure`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wayside_types::{CountSettings, DecodeSettings, DetectSettings, MotionSettings, Profile, TrackSettings};

use crate::camera::Profiles;
use crate::document::Document;
use crate::drawing::position;
use crate::error::{ConfigError, ConfigErrors, Position};
use crate::rules::read_hazard;
use crate::section::{Item, Section};

/// Keys of a profile file.
pub(crate) const PROFILE_KEYS: &[&str] =
    &["rate_fps", "model", "decode", "motion", "detect", "track", "count", "hazard"];
/// Keys of `[decode]`.
pub(crate) const DECODE_KEYS: &[&str] = &["keyframes_only"];
/// Keys of `[motion]`.
pub(crate) const MOTION_KEYS: &[&str] = &["gate", "refresh_ms"];
/// Keys of `[detect]`.
pub(crate) const DETECT_KEYS: &[&str] = &["low_score", "brighten"];
/// Keys of `[track]`.
pub(crate) const TRACK_KEYS: &[&str] = &["high_score", "start_score", "lost_ms"];
/// Keys of `[count]`.
pub(crate) const COUNT_KEYS: &[&str] = &["min_travel_boxes", "recount_ms"];

/// Analysed frames a second, at most.
pub(crate) const MOST_RATE_FPS: f64 = 60.0;

/// Reads every `*.toml` of a directory as a profile.
///
/// # Errors
/// Every mistake in all of them, or that the directory can't be read or holds none.
pub fn load_profiles(directory: &Path) -> Result<BTreeMap<String, Arc<Profile>>, ConfigErrors> {
    let mut errors = ConfigErrors::default();
    let profiles = read_profiles(directory, &mut errors);
    errors.into_result(Some(profiles.good))
}

/// Reads the profiles as far as they can be read.
pub(crate) fn read_profiles(directory: &Path, errors: &mut ConfigErrors) -> Profiles {
    let mut profiles = Profiles::default();
    let files = match toml_files(directory) {
        Ok(files) => files,
        Err(error) => {
            errors.0.push(error);
            return profiles;
        }
    };
    if files.is_empty() {
        errors.0.push(ConfigError::about_file(directory, "holds no profile (*.toml)"));
    }
    for file in files {
        let name = file.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        match Document::read(&file).map(|document| read_profile(document, &name)) {
            Ok((Some((profile, model_at)), found)) if found.is_empty() => {
                profiles.model_at.insert(name.clone(), model_at);
                profiles.good.insert(name, Arc::new(profile));
            }
            Ok((_, found)) => {
                errors.0.extend(found);
                profiles.broken.insert(name);
            }
            Err(error) => {
                errors.0.push(error);
                profiles.broken.insert(name);
            }
        }
    }
    profiles
}

/// The `*.toml` files of a directory in the order of their names, without hidden ones.
///
/// # Errors
/// When the directory can't be read.
pub(crate) fn toml_files(directory: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let unreadable = |e: std::io::Error| ConfigError::about_file(directory, format!("can't be read: {e}"));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let hidden = path.file_name().is_none_or(|n| n.to_string_lossy().starts_with('.'));
        if !hidden && path.extension().is_some_and(|e| e == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read_profile(document: Document, name: &str) -> (Option<(Profile, Position)>, Vec<ConfigError>) {
    let fits = (1..=40).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !fits {
        let message = "the file's name is the profile's and must be 1 to 40 characters of a-z, 0-9 and '-'";
        document.fail(None, "", None, message.to_owned());
    }
    let (table, _) = document.parse();
    let profile = read_root(&Section::root(&document, table.get_ref(), PROFILE_KEYS), name);
    drop(table);
    (profile, document.finish())
}

fn read_root(root: &Section<'_>, name: &str) -> Option<(Profile, Position)> {
    let rate_fps = root
        .need("rate_fps", "analysed frames a second, above 0 and at most 60")
        .and_then(|i| i.number_above(0.0, MOST_RATE_FPS, "frames a second"));
    let model = root
        .need("model", "the name of a manifest in the models directory, without .toml")
        .and_then(|item| Some((read_model_name(&item)?, position(root.doc(), &item))));
    let table = |key, keys| root.get(key).and_then(|item| item.section(keys, PROFILE_KEYS));
    let mut decode = DecodeSettings::default();
    if let Some(section) = table("decode", DECODE_KEYS) {
        set(&mut decode.keyframes_only, section.get("keyframes_only").and_then(|i| i.flag()));
    }
    let mut motion = MotionSettings::default();
    if let Some(section) = table("motion", MOTION_KEYS) {
        set(&mut motion.gate, section.get("gate").and_then(|i| i.flag()));
        let refresh = section.get("refresh_ms").and_then(|i| i.whole(500..=60_000, "milliseconds"));
        set(&mut motion.refresh_ms, refresh);
    }
    let mut detect = DetectSettings::default();
    let section = table("detect", DETECT_KEYS);
    let low_score = section.as_ref().and_then(|section| section.get("low_score"));
    set(&mut detect.low_score, low_score.as_ref().and_then(score));
    set(&mut detect.brighten, section.and_then(|section| section.get("brighten")).and_then(|i| i.flag()));
    let mut track = TrackSettings::default();
    let section = table("track", TRACK_KEYS);
    for (key, setting) in [("high_score", &mut track.high_score), ("start_score", &mut track.start_score)] {
        let item = section.as_ref().and_then(|s| s.get(key));
        set(setting, item.as_ref().and_then(score));
        if *setting < detect.low_score {
            match (&item, &low_score) {
                (Some(item), _) => {
                    item.fail(format!("must be at least detect.low_score, {}", detect.low_score))
                }
                (None, Some(low)) => low.fail(format!("must be at most track.{key}, {setting}")),
                (None, None) => {}
            }
        }
    }
    let lost_ms = section.and_then(|s| s.get("lost_ms"));
    set(&mut track.lost_ms, lost_ms.and_then(|i| i.whole(100..=60_000, "milliseconds")));
    let mut count = CountSettings::default();
    if let Some(section) = table("count", COUNT_KEYS) {
        let travel = section.get("min_travel_boxes").and_then(|i| i.number(0.0..=10.0, "box sizes"));
        set(&mut count.min_travel_boxes, travel);
        set(
            &mut count.recount_ms,
            section.get("recount_ms").and_then(|i| i.whole(0..=600_000, "milliseconds")),
        );
    }
    let hazard = root.get("hazard").map(|item| read_hazard(&item)).unwrap_or_default();
    let (model, model_at) = model?;
    let name = name.to_owned();
    let profile = Profile { name, rate_fps: rate_fps?, model, decode, motion, detect, track, count, hazard };
    Some((profile, model_at))
}

fn read_model_name(item: &Item<'_>) -> Option<String> {
    let name = item.words(80)?;
    if name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b)) && !name.starts_with('.') {
        return Some(name.to_owned());
    }
    item.fail(
        "must be the name of a manifest: characters a-z, A-Z, 0-9, '_', '-' and '.', without a directory",
    );
    None
}

#[expect(clippy::cast_possible_truncation, reason = "a score needs no more digits than f32 has")]
fn score(item: &Item<'_>) -> Option<f32> {
    item.number(0.01..=0.99, "").map(|score| score as f32)
}

fn set<T>(setting: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *setting = value;
    }
}
