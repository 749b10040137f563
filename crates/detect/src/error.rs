//! What can go wrong between a model file and its detections, in words for whoever has to put it right.

use std::path::PathBuf;

use wayside_types::CameraId;

use crate::runtime::Provider;

/// A detector that can't be opened or a frame that can't be analysed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DetectError {
    /// The ONNX Runtime library is not where it should be, or is no ONNX Runtime this build can use.
    #[error(
        "ONNX Runtime can't be loaded from {}: {reason}; run scripts/setup, which puts the pinned library there",
        path.display()
    )]
    Runtime {
        /// Where it was looked for.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A process has one ONNX Runtime.
    #[error("ONNX Runtime is already loaded from {}; a process can't load a second one from {}", loaded.display(), asked.display())]
    SecondRuntime {
        /// The one in use.
        loaded: PathBuf,
        /// The one asked for.
        asked: PathBuf,
    },
    /// The execution provider that was asked for does not load. It is never replaced by another.
    #[error(
        "execution provider {provider} was asked for and can't be loaded: {reason}; \
         set the provider to cpu, or install what {provider} needs"
    )]
    Provider {
        /// Which.
        provider: Provider,
        /// ONNX Runtime's own words.
        reason: String,
    },
    /// An option is out of its range.
    #[error("{option} is {value}; accepted are {accepted}")]
    Option {
        /// Which.
        option: &'static str,
        /// What was given.
        value: String,
        /// What may be given.
        accepted: &'static str,
    },
    /// The model file is missing or unreadable.
    #[error(
        "model {model}: {}: {source}; run scripts/models/fetch.py models/{model}.toml {}",
        path.display(),
        path.parent().unwrap_or(path).display()
    )]
    ModelFile {
        /// The manifest's name.
        model: String,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The model file is not the one that the manifest describes.
    #[error(
        "model {model}: {} has SHA-256 {found}, but its manifest says {expected}; \
         delete the file and run scripts/models/fetch.py models/{model}.toml {}",
        path.display(),
        path.parent().unwrap_or(path).display()
    )]
    Hash {
        /// The manifest's name.
        model: String,
        /// The file.
        path: PathBuf,
        /// The manifest's hash.
        expected: String,
        /// The file's hash.
        found: String,
    },
    /// The graph is not what the manifest describes: names, shapes, types, or an output too many.
    #[error("model {model}: {}", mistakes.join("; "))]
    Graph {
        /// The manifest's name.
        model: String,
        /// Everything that differs.
        mistakes: Vec<String>,
    },
    /// The layout is known to manifests, but can't be run yet.
    #[error(
        "model {model}: layout {layout} is not supported yet, only checked; choose a model of another layout"
    )]
    Unsupported {
        /// The manifest's name.
        model: String,
        /// Its layout.
        layout: &'static str,
    },
    /// ONNX Runtime refuses the model or fails in running it.
    #[error("model {model}: {reason}")]
    Model {
        /// The manifest's name.
        model: String,
        /// ONNX Runtime's own words.
        reason: String,
    },
    /// A frame's planes don't fit its size and format. The other frames of the call are fine: leave this
    /// one out and call again.
    #[error("camera {camera}: frame {index} of this call: {reason}")]
    Frame {
        /// Index in the slice given to [`crate::Detector::detect`].
        index: usize,
        /// Whose frame.
        camera: CameraId,
        /// What does not fit.
        reason: String,
    },
    /// The score threshold is not usable.
    #[error("min_score is {value}; it must be above 0 and at most 1")]
    MinScore {
        /// What was given.
        value: f32,
    },
}
