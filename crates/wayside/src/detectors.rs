//! From settings to detectors: which models the cameras' profiles name, and how they run.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use anyhow::{Context, bail};
use wayside_config::{Provider as Asked, Settings};
use wayside_detect::{Model, Provider, Runtime};
use wayside_engine::{DetectorSetup, Workers};

/// Loads ONNX Runtime and `models`, each once.
///
/// # Errors
/// When the library or a manifest can't be loaded.
pub fn setup<'a>(
    settings: &Settings,
    models: impl Iterator<Item = &'a str>,
) -> anyhow::Result<DetectorSetup> {
    let names: BTreeSet<&str> = models.collect();
    let models =
        names.into_iter().map(|name| Model::load(&settings.models_dir, name)).collect::<Result<_, _>>()?;
    let runtime = Runtime::load(&settings.onnxruntime)?;
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    Ok(DetectorSetup {
        runtime,
        models,
        model_files_dir: settings.model_files_dir.clone(),
        provider: match settings.provider {
            Asked::Cpu => Provider::Cpu,
            Asked::Cuda => Provider::Cuda,
            Asked::TensorRt => Provider::TensorRt,
        },
        workers: settings.inference_workers.map_or(Workers::UpTo(cores), |n| Workers::Exactly(n.get())),
    })
}

/// Whether `--model NAME` names a manifest of the site's.
///
/// # Errors
/// When it doesn't.
pub fn check_model(settings: &Settings, model: &str) -> anyhow::Result<()> {
    let known = model.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    if !known || !settings.models_dir.join(format!("{model}.toml")).is_file() {
        bail!("--model {model:?}: there is no such manifest in {}", settings.models_dir.display());
    }
    Ok(())
}

/// Starts GStreamer, naming what is missing.
///
/// # Errors
/// When it or one of the plugins needed is not installed.
pub fn start_media() -> anyhow::Result<()> {
    wayside_ingest::init().context("GStreamer")
}
