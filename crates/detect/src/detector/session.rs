//! One ONNX Runtime session of one manifest: opening it with every check there is, and running frames
//! through it. The tensor that frames are written to is allocated once. Which of a model's sessions a frame
//! goes to is decided in [`super`].

use std::path::Path;

use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{Session, SessionInputValue, SessionOutputs};
use ort::value::{DynValue, TensorRef};
use sha2::{Digest, Sha256};
use wayside_types::{Detection, Frame};

use super::{DetectorOptions, frame_error};
use crate::DetectError;
use crate::decode::{self, Candidate, Labels};
use crate::graph::{self, Batch};
use crate::kernels::{self, Kept};
use crate::manifest::{Layout, Manifest, ResizeMode};
use crate::post::{self, PostSettings};
use crate::preprocess::{Fit, Lift, Preprocessor};
use crate::runtime::{Provider, Runtime};

/// One session with the memory it works in.
pub(super) struct ShapeSession {
    manifest: Manifest,
    session: Session,
    labels: Labels,
    preprocessor: Preprocessor,
    /// Whether the graph's batch is fixed, so that a run always takes all slots.
    fixed_batch: bool,
    slots: usize,
    input: Vec<f32>,
    sizes: Vec<i64>,
    candidates: Vec<Candidate>,
    runs: u64,
}

impl ShapeSession {
    /// Opens what a manifest describes, by what was `kept` of it; errors as [`super::Detector::open`] has them.
    pub fn open(
        runtime: &Runtime,
        manifest: &Manifest,
        models_dir: &Path,
        options: &DetectorOptions,
        kept: &Kept,
    ) -> Result<Self, DetectError> {
        if manifest.layout == Layout::Scene {
            return Err(DetectError::Unsupported {
                model: manifest.name.clone(),
                layout: manifest.layout.as_str(),
            });
        }
        let bytes = read_verified(manifest, models_dir)?;
        let session = session(runtime, manifest, options, (&bytes, kept))?;
        let (inputs, outputs) = graph::ports(&session);
        let batch = graph::check(manifest, &inputs, &outputs)
            .map_err(|mistakes| DetectError::Graph { model: manifest.name.clone(), mistakes })?;
        let (slots, fixed_batch) = match batch {
            Batch::Dynamic => (options.max_batch, false),
            Batch::Fixed(n) => (n, true),
        };
        let preprocessor = Preprocessor::new(manifest.input.clone(), slots);
        Ok(Self {
            input: vec![0.0; slots * preprocessor.slot_len()],
            sizes: vec![1; 2 * slots],
            labels: Labels::new(&manifest.classes),
            manifest: manifest.clone(),
            session,
            preprocessor,
            fixed_batch,
            slots,
            candidates: Vec::new(),
            runs: 0,
        })
    }

    /// Most frames that go through in one run. More frames in one [`Self::detect`] are split up.
    pub fn max_batch(&self) -> usize {
        self.slots
    }

    /// From now on at most so many frames go through in one run, where the graph leaves it open.
    pub fn limit_batch(&mut self, most: usize) {
        if !self.fixed_batch {
            self.slots = self.slots.min(most.max(1));
        }
    }

    /// How often the model has been run so far.
    pub fn runs(&self) -> u64 {
        self.runs
    }

    /// Finds the road users in those `frames`, each with how much it is brightened, that `wanted` lists, and puts each
    /// frame's list at its place in `found`.
    pub fn detect(
        &mut self,
        (frames, lifts): (&[Frame], &[Lift]),
        wanted: &[usize],
        min_score: f32,
        found: &mut [Vec<Detection>],
    ) -> Result<(), DetectError> {
        for chunk in wanted.chunks(self.slots.max(1)) {
            let fits = self.prepare((frames, lifts), chunk)?;
            self.run(&fits, min_score, |slot, detections| {
                if let Some(place) = chunk.get(slot).and_then(|index| found.get_mut(*index)) {
                    *place = detections;
                }
            })?;
        }
        Ok(())
    }

    /// Runs once more on what lies in the input, and decodes nothing.
    pub fn infer_again(&mut self) -> Result<(), DetectError> {
        let Self { manifest, session, input, sizes, .. } = self;
        run_session(manifest, session, input, sizes, if self.fixed_batch { self.slots } else { 1 })?;
        self.runs += 1;
        Ok(())
    }

    /// Writes up to `slots` of the frames into the input.
    fn prepare(
        &mut self,
        (frames, lifts): (&[Frame], &[Lift]),
        wanted: &[usize],
    ) -> Result<Vec<Fit>, DetectError> {
        let len = self.preprocessor.slot_len();
        let mut fits = Vec::with_capacity(wanted.len());
        let frames = wanted.iter().filter_map(|index| Some((*index, frames.get(*index)?)));
        for ((slot, (index, frame)), input) in frames.enumerate().zip(self.input.chunks_exact_mut(len)) {
            let lift = lifts.get(index).copied().unwrap_or_default();
            let fit = self
                .preprocessor
                .write(frame, lift, slot, input)
                .map_err(|reason| frame_error(index, frame, reason))?;
            if let Some(size) = self.sizes.get_mut(2 * slot..2 * slot + 2) {
                let told = told_size(&self.manifest, &fit);
                size.copy_from_slice(&[i64::from(told.0), i64::from(told.1)]);
            }
            fits.push(fit);
        }
        Ok(fits)
    }

    fn run(
        &mut self,
        fits: &[Fit],
        min_score: f32,
        mut found: impl FnMut(usize, Vec<Detection>),
    ) -> Result<(), DetectError> {
        let Self { manifest, session, input, sizes, labels, candidates, .. } = self;
        // A fixed batch is run whole: what lies in slots without a frame is never looked at.
        let batch = if self.fixed_batch { self.slots } else { fits.len() };
        let outputs = run_session(manifest, session, input, sizes, batch)?;
        self.runs += 1;
        let reader = Reader { manifest, outputs: &outputs, batch };
        for (slot, fit) in fits.iter().enumerate() {
            reader.decode(slot, labels, min_score, candidates)?;
            let told = told_size(manifest, fit);
            let settings = PostSettings {
                nms_iou: manifest.nms_iou,
                duplicate_iou: manifest.duplicate_iou,
                join_riders: manifest.join_riders,
            };
            let in_frame = manifest.input.size_input.is_some() && told == (fit.frame.width, fit.frame.height);
            let place = |c: [f32; 4]| {
                if in_frame { wayside_types::BBox::new(c[0], c[1], c[2], c[3]) } else { fit.to_frame(c) }
            };
            found(slot, post::finish(candidates, *fit, place, settings));
        }
        Ok(())
    }
}

/// One run over the first `batch` slots of the input.
fn run_session<'s>(
    manifest: &Manifest,
    session: &'s mut Session,
    input: &[f32],
    sizes: &[i64],
    batch: usize,
) -> Result<SessionOutputs<'s>, DetectError> {
    let spec = &manifest.input;
    let failed = |error: ort::Error| model_error(manifest, &error);
    let shape = spec.tensor.shape(batch, spec.width, spec.height);
    let floats = shape.iter().product::<usize>().min(input.len());
    let pictures = TensorRef::from_array_view((shape, &input[..floats])).map_err(failed)?;
    let mut inputs: Vec<(&str, SessionInputValue<'_>)> = vec![(&spec.name, pictures.into())];
    if let Some(name) = &spec.size_input {
        let told = &sizes[..(2 * batch).min(sizes.len())];
        inputs.push((name, TensorRef::from_array_view(([batch, 2], told)).map_err(failed)?.into()));
    }
    session.run(inputs).map_err(failed)
}

/// What a `size_input` is told: the frame's size where the frame is stretched over the whole input, so that
/// boxes come back in its pixels; the input's own size where it is letterboxed.
fn told_size(manifest: &Manifest, fit: &Fit) -> (u32, u32) {
    match manifest.input.resize {
        ResizeMode::Stretch => (fit.frame.width, fit.frame.height),
        ResizeMode::LetterboxTopLeft | ResizeMode::LetterboxCentre => {
            (manifest.input.width, manifest.input.height)
        }
    }
}

/// Finds its way in the outputs of one run.
struct Reader<'a, 'o> {
    manifest: &'a Manifest,
    outputs: &'a SessionOutputs<'o>,
    batch: usize,
}

impl Reader<'_, '_> {
    fn decode(
        &self,
        slot: usize,
        labels: &Labels,
        min_score: f32,
        out: &mut Vec<Candidate>,
    ) -> Result<(), DetectError> {
        out.clear();
        let input = (self.manifest.input.width, self.manifest.input.height);
        match self.manifest.layout {
            Layout::YoloxRaw => {
                let (rows, dims) = self.floats("predictions", slot)?;
                decode::yolox::decode(rows, last(&dims), input, labels, min_score, out);
            }
            Layout::Yolov8 => {
                let (rows, dims) = self.floats("predictions", slot)?;
                decode::yolov8::decode(rows, last(&dims), labels, min_score, out);
            }
            Layout::EndToEnd => {
                let (rows, _) = self.floats("detections", slot)?;
                decode::end_to_end::decode(rows, labels, min_score, out);
            }
            Layout::Detr => {
                let label_of = self.integers("labels", slot)?;
                let (boxes, _) = self.floats("boxes", slot)?;
                let (scores, _) = self.floats("scores", slot)?;
                decode::detr::decode(&label_of, boxes, scores, labels, min_score, out);
            }
            Layout::Ssd => {
                let (boxes, _) = self.floats("boxes", slot)?;
                let (scores, dims) = self.floats("scores", slot)?;
                decode::ssd::decode(boxes, scores, last(&dims), input, labels, min_score, out);
            }
            // Refused by `open`.
            Layout::Scene => {}
        }
        Ok(())
    }

    fn output(&self, role: &str) -> Result<&DynValue, DetectError> {
        let name = self.manifest.outputs.get(role);
        name.and_then(|name| self.outputs.get(name))
            .ok_or_else(|| self.error(format!("gave no output {role}")))
    }

    /// One picture's part of an output, and the output's dimensions.
    fn floats(&self, role: &str, slot: usize) -> Result<(&[f32], Vec<usize>), DetectError> {
        let (shape, data) = self
            .output(role)?
            .try_extract_tensor::<f32>()
            .map_err(|error| self.error(format!("output {role}: {error}")))?;
        let dims: Vec<usize> = shape.iter().map(|d| usize::try_from(*d).unwrap_or(0)).collect();
        Ok((self.part(role, &dims, data, slot)?, dims))
    }

    fn integers(&self, role: &str, slot: usize) -> Result<Vec<i64>, DetectError> {
        let value = self.output(role)?;
        if let Ok((shape, data)) = value.try_extract_tensor::<i64>() {
            let dims: Vec<usize> = shape.iter().map(|d| usize::try_from(*d).unwrap_or(0)).collect();
            return Ok(self.part(role, &dims, data, slot)?.to_vec());
        }
        let (shape, data) = value
            .try_extract_tensor::<i32>()
            .map_err(|error| self.error(format!("output {role}: {error}")))?;
        let dims: Vec<usize> = shape.iter().map(|d| usize::try_from(*d).unwrap_or(0)).collect();
        Ok(self.part(role, &dims, data, slot)?.iter().map(|v| i64::from(*v)).collect())
    }

    /// Shapes that are only known at run time are checked here, after [`graph::check`] has seen the others.
    fn part<'d, T>(
        &self,
        role: &str,
        dims: &[usize],
        data: &'d [T],
        slot: usize,
    ) -> Result<&'d [T], DetectError> {
        let len: usize = dims.iter().skip(1).product();
        (dims.first() == Some(&self.batch))
            .then(|| data.get(slot * len..(slot + 1) * len))
            .flatten()
            .ok_or_else(|| {
                self.error(format!("output {role} has shape {dims:?} for a batch of {}", self.batch))
            })
    }

    fn error(&self, reason: String) -> DetectError {
        DetectError::Model { model: self.manifest.name.clone(), reason }
    }
}

fn last(dims: &[usize]) -> usize {
    dims.last().copied().unwrap_or(0)
}

fn model_error(manifest: &Manifest, error: &ort::Error) -> DetectError {
    DetectError::Model { model: manifest.name.clone(), reason: error.to_string() }
}

/// Reads the model file and compares its hash. The bytes that were hashed are the bytes that are run.
fn read_verified(manifest: &Manifest, models_dir: &Path) -> Result<Vec<u8>, DetectError> {
    let path = models_dir.join(&manifest.file);
    let bytes = std::fs::read(&path).map_err(|source| DetectError::ModelFile {
        model: manifest.name.clone(),
        path: path.clone(),
        source,
    })?;
    let found: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
    if found != manifest.sha256 {
        return Err(DetectError::Hash {
            model: manifest.name.clone(),
            path,
            expected: manifest.sha256.clone(),
            found,
        });
    }
    Ok(bytes)
}

/// Opens a graph, on the processor with our own kernels where they are faster and it has a place for them.
fn session(
    runtime: &Runtime,
    manifest: &Manifest,
    options: &DetectorOptions,
    (graph, kept): (&[u8], &Kept),
) -> Result<Session, DetectError> {
    let plain = || {
        let builder = builder(runtime, options).map_err(|error| DetectError::Runtime {
            path: runtime.library().to_owned(),
            reason: error.to_string(),
        })?;
        let mut builder = match options.provider.dispatch() {
            None => builder,
            Some(provider) => builder.with_execution_providers([provider]).map_err(|error| {
                DetectError::Provider { provider: options.provider, reason: error.to_string() }
            })?,
        };
        builder.commit_from_memory(graph).map_err(|error| model_error(manifest, &error))
    };
    if options.provider != Provider::Cpu || options.intra_threads != 1 {
        return plain();
    }
    match kernels::open(&|| builder(runtime, options), graph, kept) {
        Ok(Some(session)) => Ok(session),
        Ok(None) => plain(),
        Err(error) => {
            let session = plain()?;
            tracing::warn!(model = manifest.name, %error, "runs without the faster kernels");
            Ok(session)
        }
    }
}

/// All graph optimisations, and no thread that spins while there is nothing to do: an idle camera must cost
/// nothing.
fn builder(runtime: &Runtime, options: &DetectorOptions) -> ort::Result<SessionBuilder> {
    let builder = Session::builder(runtime.environment())?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_intra_threads(options.intra_threads)?
        .with_inter_threads(1)?
        .with_intra_op_spinning(false)?
        .with_inter_op_spinning(false)?;
    Ok(builder)
}
