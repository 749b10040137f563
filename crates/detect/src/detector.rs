//! Running a model: one session for each shape that it comes in, and every frame to the one that fits its
//! picture best. One session is in [`session`]. Scheduling many cameras over detectors is the engine's work.

mod session;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use wayside_types::{Detection, Frame};

use crate::DetectError;
use crate::kernels::Kept;
use crate::manifest::Model;
use crate::preprocess::{Lift, Preprocessor};
use crate::runtime::{Provider, Runtime};
use session::ShapeSession;

/// How a model is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DetectorOptions {
    /// What runs it. Asked for and not there is an error.
    pub provider: Provider,
    /// Threads within one run, 1 to 256. On the processor 1 is best: cameras are spread over detectors.
    pub intra_threads: usize,
    /// Most frames in one run where the model has a dynamic batch, 1 to 64.
    pub max_batch: usize,
    /// Whether a shape of the model is opened only when a frame comes that it fits best: what is wrong with it is said
    /// then. Else all are opened, and looked at, at once.
    pub as_needed: bool,
}

impl Default for DetectorOptions {
    fn default() -> Self {
        Self { provider: Provider::Cpu, intra_threads: 1, max_batch: 8, as_needed: false }
    }
}

/// One model with the memory it works in. One thread uses it at a time; open one for each worker.
pub struct Detector {
    model: Model,
    /// In the order of the model's shapes; `None` for one that was not needed yet.
    sessions: Vec<Option<ShapeSession>>,
    /// What opening the shapes takes, for those that are not open yet.
    kept: Vec<Option<Arc<Kept>>>,
    runtime: Runtime,
    models_dir: PathBuf,
    options: DetectorOptions,
    /// The shape of the last frame.
    last: usize,
}

impl std::fmt::Debug for Detector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Detector")
            .field("model", &self.model.name())
            .field("max_batch", &self.max_batch())
            .finish_non_exhaustive()
    }
}

impl Detector {
    /// Opens a model in all its shapes, out of a directory of model files (`.wayside/models` in a checkout).
    ///
    /// # Errors
    /// When an option is out of range, a file is missing or has another hash, ONNX Runtime refuses it or
    /// the provider, a graph's inputs or outputs differ from the manifest, a graph has an output that
    /// the layout does not name, or the layout is `scene`.
    pub fn open(
        runtime: &Runtime,
        model: &Model,
        models_dir: &Path,
        options: &DetectorOptions,
    ) -> Result<Self, DetectError> {
        check_options(options)?;
        let kept: Vec<_> = model.shapes().iter().map(|_| Arc::default()).collect();
        Self::open_with(runtime, model, models_dir, options, &kept)
    }

    /// As [`Self::open`], one for each of so many workers: a shape's graph is optimised once for all of them.
    ///
    /// # Errors
    /// As [`Self::open`] has them.
    pub fn open_each(
        runtime: &Runtime,
        model: &Model,
        models_dir: &Path,
        options: &DetectorOptions,
        workers: usize,
    ) -> Result<Vec<Self>, DetectError> {
        check_options(options)?;
        let kept: Vec<_> = model.shapes().iter().map(|_| Arc::default()).collect();
        (0..workers).map(|_| Self::open_with(runtime, model, models_dir, options, &kept)).collect()
    }

    fn open_with(
        runtime: &Runtime,
        model: &Model,
        models_dir: &Path,
        options: &DetectorOptions,
        kept: &[Arc<Kept>],
    ) -> Result<Self, DetectError> {
        let mut detector = Self {
            model: model.clone(),
            sessions: model.shapes().iter().map(|_| None).collect(),
            kept: kept.iter().cloned().map(Some).collect(),
            runtime: runtime.clone(),
            models_dir: models_dir.to_owned(),
            options: *options,
            last: 0,
        };
        if !options.as_needed {
            for shape in 0..detector.sessions.len() {
                detector.session(shape)?;
            }
        }
        Ok(detector)
    }

    /// The session of one of the model's shapes, opened if it was not needed before.
    fn session(&mut self, shape: usize) -> Result<Option<&mut ShapeSession>, DetectError> {
        let (Some(place), Some(manifest)) = (self.sessions.get_mut(shape), self.model.shapes().get(shape))
        else {
            return Ok(None);
        };
        if place.is_none() {
            // The last worker to open it lets go of what was kept.
            let kept = self.kept.get_mut(shape).and_then(Option::take).unwrap_or_default();
            let (runtime, options) = (&self.runtime, &self.options);
            *place = Some(ShapeSession::open(runtime, manifest, &self.models_dir, options, &kept)?);
        }
        Ok(place.as_mut())
    }

    fn opened(&self) -> impl Iterator<Item = &ShapeSession> {
        self.sessions.iter().flatten()
    }

    /// Most frames that go through in one run, of the shapes that are open. More frames in one [`Self::detect`] are
    /// split up.
    #[must_use]
    pub fn max_batch(&self) -> usize {
        self.opened().map(ShapeSession::max_batch).max().unwrap_or(self.options.max_batch)
    }

    /// From now on at most so many frames go through in one run, at least 1. A graph whose batch is fixed stays as
    /// it is, and more than it was opened for is never taken.
    pub fn limit_batch(&mut self, most: usize) {
        self.options.max_batch = self.options.max_batch.min(most.max(1));
        for session in self.sessions.iter_mut().flatten() {
            session.limit_batch(most);
        }
    }

    /// How often the model has been run so far.
    #[must_use]
    pub fn runs(&self) -> u64 {
        self.opened().map(ShapeSession::runs).sum()
    }

    /// Finds the road users in frames, which may be of different cameras, sizes and formats. The result has
    /// one list a frame, in the frames' order, best score first: boxes in pixels of the frame (they may reach
    /// past its edge), scores of at least `min_score`.
    ///
    /// # Errors
    /// [`DetectError::Frame`] names the first frame whose planes don't fit its size; nothing has been run
    /// then, and the other frames can be given again. Otherwise when ONNX Runtime fails.
    pub fn detect(&mut self, frames: &[Frame], min_score: f32) -> Result<Vec<Vec<Detection>>, DetectError> {
        self.detect_lifted(frames, &[], min_score)
    }

    /// As [`Self::detect`], of frames that are brightened for the model, each by the lift at its place in `lifts`;
    /// frames beyond them are shown as they are.
    ///
    /// # Errors
    /// As [`Self::detect`] has them.
    pub fn detect_lifted(
        &mut self,
        frames: &[Frame],
        lifts: &[Lift],
        min_score: f32,
    ) -> Result<Vec<Vec<Detection>>, DetectError> {
        if !(min_score > 0.0 && min_score <= 1.0) {
            return Err(DetectError::MinScore { value: min_score });
        }
        for (index, frame) in frames.iter().enumerate() {
            Preprocessor::check(frame).map_err(|reason| frame_error(index, frame, reason))?;
        }
        let shapes: Vec<usize> = frames.iter().map(|frame| self.model.shape_for(frame.size)).collect();
        self.last = shapes.last().copied().unwrap_or(self.last);
        let mut found = vec![Vec::new(); frames.len()];
        for shape in 0..self.sessions.len() {
            let wanted: Vec<usize> =
                (0..frames.len()).filter(|index| shapes.get(*index) == Some(&shape)).collect();
            if wanted.is_empty() {
                continue;
            }
            if let Some(session) = self.session(shape)? {
                session.detect((frames, lifts), &wanted, min_score, &mut found)?;
            }
        }
        Ok(found)
    }

    /// Runs the model once more on what the last frame left in its input and looks at nothing that comes out:
    /// what inference alone costs, for benchmarks.
    ///
    /// # Errors
    /// When ONNX Runtime fails.
    pub fn infer_again(&mut self) -> Result<(), DetectError> {
        self.session(self.last)?.map_or(Ok(()), ShapeSession::infer_again)
    }
}

fn frame_error(index: usize, frame: &Frame, reason: String) -> DetectError {
    DetectError::Frame { index, camera: frame.camera.clone(), reason }
}

fn check_options(options: &DetectorOptions) -> Result<(), DetectError> {
    for (option, value, range, accepted) in [
        ("intra_threads", options.intra_threads, 1..=256, "1 to 256"),
        ("max_batch", options.max_batch, 1..=64, "1 to 64"),
    ] {
        if !range.contains(&value) {
            return Err(DetectError::Option { option, value: value.to_string(), accepted });
        }
    }
    Ok(())
}
