//! What a labelled scene is: a video, its camera file, and a label file that says what goes wrong in it and when.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;
use wayside_types::IncidentKind;

/// Ending of a label file's name.
const ENDING: &str = ".label.toml";

/// A label file as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct LabelFile {
    /// The video, beside the label.
    video: PathBuf,
    /// Its camera file, beside the label.
    camera: PathBuf,
    /// The kind that the scene was made for: shown, or, in a negative, tempted.
    about: IncidentKind,
    /// How it was made: scenes of one family differ by chance only.
    family: String,
    /// What goes wrong; nothing in a negative.
    #[serde(default)]
    hazard: Vec<Hazard>,
    /// Kinds that may be told or not: what else the scene happens to show.
    #[serde(default)]
    tolerated: Vec<IncidentKind>,
}

/// Something that goes wrong, seconds of the video.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hazard {
    /// What.
    pub kind: IncidentKind,
    /// Where; absent where it is about the whole view or any of several zones.
    pub zone: Option<String>,
    /// When its condition begins.
    pub onset_s: f64,
    /// When it ends; absent if it lasts to the end.
    pub end_s: Option<f64>,
    /// Whether it is several of a kind one after another, each of which may be told.
    #[serde(default)]
    pub several: bool,
}

/// A scene that can be run.
#[derive(Debug, Clone)]
pub struct Scene {
    /// The label file's name without its ending.
    pub name: String,
    /// Where the video is.
    pub video: PathBuf,
    /// Where its camera file is.
    pub camera: PathBuf,
    /// The kind that it was made for.
    pub about: IncidentKind,
    /// How it was made.
    pub family: String,
    /// What goes wrong.
    pub hazards: Vec<Hazard>,
    /// What may be told besides.
    pub tolerated: Vec<IncidentKind>,
}

/// All scenes of a directory, by name.
///
/// # Errors
/// When the directory or a label can't be read.
pub fn scenes(dir: &Path) -> anyhow::Result<Vec<Scene>> {
    let entries = std::fs::read_dir(dir).with_context(|| format!("{}: can't be read", dir.display()))?;
    let mut scenes = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("{}: can't be read", dir.display()))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(ENDING));
        if let Some(name) = name {
            scenes.push(read(dir, &path, name)?);
        }
    }
    scenes.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(scenes)
}

fn read(dir: &Path, path: &Path, name: &str) -> anyhow::Result<Scene> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{}: can't be read", path.display()))?;
    let label: LabelFile = toml::from_str(&text).with_context(|| path.display().to_string())?;
    Ok(Scene {
        name: name.to_owned(),
        video: dir.join(label.video),
        camera: dir.join(label.camera),
        about: label.about,
        family: label.family,
        hazards: label.hazard,
        tolerated: label.tolerated,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_and_mistakes_in_them_told() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        write(
            "b.label.toml",
            "video = \"b.mp4\"\ncamera = \"b.toml\"\nabout = \"wrong_way\"\nfamily = \"backwards\"\n\
             [[hazard]]\nkind = \"wrong_way\"\nzone = \"left\"\nonset_s = 3.5\nend_s = 9\n",
        );
        write(
            "a.label.toml",
            "video = \"a.mp4\"\ncamera = \"b.toml\"\nabout = \"wrong_way\"\nfamily = \"as is\"\n",
        );
        write("b.mp4", "");
        let [a, b] = scenes(dir.path()).unwrap().try_into().unwrap();
        assert_eq!((a.name.as_str(), a.hazards.len()), ("a", 0));
        let hazard = Hazard {
            kind: IncidentKind::WrongWay,
            zone: Some("left".into()),
            onset_s: 3.5,
            end_s: Some(9.0),
            several: false,
        };
        assert_eq!(b.hazards, [hazard]);
        assert_eq!(b.video, dir.path().join("b.mp4"));
        write("c.label.toml", "video = \"c.mp4\"\nwhat = 1\n");
        let error = format!("{:#}", scenes(dir.path()).unwrap_err());
        assert!(error.contains("c.label.toml") && error.contains("what"), "{error}");
    }
}
