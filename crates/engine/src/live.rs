//! Many cameras at once: starts their sources, queues their frames, runs the workers, and keeps the
//! clock by which bins close, the checkpoint is saved and pages are told. Offline files go through
//! [`crate::offline`] instead.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use wayside_detect::{DetectError, Detector, DetectorOptions, Model, Provider, Runtime};
use wayside_ingest::{FrameSink, SourceChange};
use wayside_measure::CalibrationError;
use wayside_store::checkpoint::{Checkpoint, OpenState};
use wayside_store::{StoreError, Writer};
use wayside_types::{CameraSpec, LiveHub, SharedClock, TimeZone};

use crate::camera::{CameraRun, LiveCamera};
use crate::incidents::{Announcer, Keeper};
use crate::load::LoadMeter;
use crate::plan::{self, Workers};
use crate::queue::FairQueue;
use crate::sink::CameraSink;
use crate::source::{OpenSource, Source};
use crate::ticker;
use crate::worker;

/// Everything an engine is built from.
pub struct EngineParts {
    /// The cameras.
    pub cameras: Vec<Arc<CameraSpec>>,
    /// The detectors they may ask for.
    pub detectors: DetectorSetup,
    /// What opens the cameras.
    pub sources: Arc<dyn OpenSource>,
    /// The site's zone.
    pub time_zone: TimeZone,
    /// This run's number: larger than that of every run before.
    pub epoch: i64,
    /// The clock.
    pub clock: SharedClock,
    /// Where pages read.
    pub hub: LiveHub,
    /// Where closed bins go.
    pub writer: Arc<Writer>,
    /// Where open bins are kept.
    pub checkpoint: Checkpoint,
    /// Seed of back-off jitter and of the icons' shuffling.
    pub seed: u64,
}

/// Which detectors there are and how they run.
#[derive(Clone)]
pub struct DetectorSetup {
    /// ONNX Runtime.
    pub runtime: Runtime,
    /// Every model that a camera's profile names.
    pub models: Vec<Model>,
    /// Where the model files lie.
    pub model_files_dir: PathBuf,
    /// What runs them.
    pub provider: Provider,
    /// How many workers there are in a running engine.
    pub workers: Workers,
}

impl DetectorSetup {
    /// Opens one detector a model, in their order, for one frame at a time, in all shapes of the model.
    ///
    /// # Errors
    /// [`DetectError`] of the first that can't be opened.
    pub fn open(&self) -> Result<Vec<Detector>, DetectError> {
        Ok(self.open_each(&self.one_frame(), 1)?.pop().unwrap_or_default())
    }

    /// One detector of the first model for each of so many workers, for one frame at a time; none where there is no model. A
    /// shape is opened when the first frame comes that it fits: pictures of one file are mostly of one size.
    ///
    /// # Errors
    /// What can be wrong before a file of a model is looked at.
    pub fn open_as_needed(&self, workers: usize) -> Result<Vec<Detector>, DetectError> {
        let options = DetectorOptions { as_needed: true, ..self.one_frame() };
        self.models.first().map_or(Ok(Vec::new()), |model| {
            Detector::open_each(&self.runtime, model, &self.model_files_dir, &options, workers)
        })
    }

    fn one_frame(&self) -> DetectorOptions {
        DetectorOptions { provider: self.provider, max_batch: 1, ..DetectorOptions::default() }
    }

    /// One detector a model for each of so many workers, at least one.
    pub(crate) fn open_each(
        &self,
        options: &DetectorOptions,
        workers: usize,
    ) -> Result<Vec<Vec<Detector>>, DetectError> {
        let mut each: Vec<Vec<Detector>> = (0..workers.max(1)).map(|_| Vec::new()).collect();
        for model in &self.models {
            let opened =
                Detector::open_each(&self.runtime, model, &self.model_files_dir, options, each.len())?;
            each.iter_mut().zip(opened).for_each(|(detectors, detector)| detectors.push(detector));
        }
        Ok(each)
    }
}

/// An engine that could not start or stop.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A camera's profile names a model without a manifest.
    #[error("camera {camera}: its profile wants model {model:?}, for which there is no manifest in models/")]
    NoSuchModel {
        /// Whose.
        camera: String,
        /// Which.
        model: String,
    },
    /// A detector can't be opened.
    #[error(transparent)]
    Detect(#[from] DetectError),
    /// A camera's calibration can't be used.
    #[error("camera {camera}: {source}")]
    Calibration {
        /// Whose.
        camera: String,
        /// Why.
        source: CalibrationError,
    },
    /// Bins could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A thread could not be started.
    #[error("thread {name} could not be started: {source}")]
    Thread {
        /// Which.
        name: &'static str,
        /// Why.
        source: std::io::Error,
    },
}

/// What all threads of an engine share.
pub struct Shared {
    pub(crate) cameras: Vec<Arc<LiveCamera>>,
    pub(crate) queue: FairQueue,
    pub(crate) load: LoadMeter,
    pub(crate) clock: SharedClock,
    pub(crate) hub: LiveHub,
    pub(crate) writer: Arc<Writer>,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) stopping: AtomicBool,
    pub(crate) detect_metric: metrics::Histogram,
}

/// A running engine.
pub struct Engine {
    shared: Arc<Shared>,
    /// `None` for a camera that can never work as configured.
    sources: Arc<Vec<Option<Box<dyn Source>>>>,
    workers: Vec<JoinHandle<()>>,
    ticker: JoinHandle<()>,
    keeper: Keeper,
    announcer: Announcer,
}

impl Engine {
    /// Opens every detector, then starts workers, ticker and sources. A camera that can't be reached is
    /// no error: it is retried.
    ///
    /// # Errors
    /// [`EngineError`] when a model, a drawing or a source can never work as configured.
    pub fn start(parts: EngineParts) -> Result<Self, EngineError> {
        let models = model_indices(&parts)?;
        let (keeper, announcer) = Keeper::start(parts.writer.clone(), parts.hub.clone(), parts.clock.clone())
            .map_err(|source| EngineError::Thread { name: "wayside-incidents", source })?;
        let run = CameraRun { time_zone: &parts.time_zone, epoch: parts.epoch, clock: &parts.clock };
        let cameras = parts
            .cameras
            .iter()
            .map(|spec| LiveCamera::new(spec.clone(), &run, announcer.clone()).map(Arc::new))
            .collect::<Result<Vec<_>, _>>()?;
        let detectors = match parts.cameras.first() {
            Some(any) => plan::open(&parts.detectors, &any.id, &*parts.clock)?,
            None => Vec::new(),
        };
        let EngineParts { cameras: specs, sources, clock, hub, writer, checkpoint, seed, .. } = parts;
        let shared = Arc::new(Shared {
            cameras,
            queue: FairQueue::new(&models),
            load: LoadMeter::new(detectors.len(), clock.monotonic()),
            clock,
            hub,
            writer,
            checkpoint,
            stopping: AtomicBool::new(false),
            detect_metric: metrics::histogram!("wayside_detect_seconds"),
        });
        let mut workers = Vec::new();
        for detectors in detectors {
            let shared = shared.clone();
            workers.push(spawn("wayside-worker", move || worker::run(&shared, detectors))?);
        }
        let sources: Vec<_> = specs
            .iter()
            .enumerate()
            .map(|(lane, spec)| open_source(&shared, lane, spec, &*sources, seed.wrapping_add(lane as u64)))
            .collect();
        let sources = Arc::new(sources);
        let (ticking, ticked) = (shared.clone(), sources.clone());
        let ticker = spawn("wayside-ticker", move || ticker::run(&ticking, &ticked, seed))?;
        Ok(Self { shared, sources, workers, ticker, keeper, announcer })
    }

    /// Frames that wait for a worker, over all cameras.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.queue.depth()
    }

    /// Stops the sources, lets what waits through, and hands every open bin to the writer as far as it
    /// was seen.
    ///
    /// # Errors
    /// [`EngineError`] when the last bins could not be kept.
    pub fn stop(self) -> Result<(), EngineError> {
        self.shared.stopping.store(true, Ordering::Release);
        self.ticker.thread().unpark();
        if self.ticker.join().is_err() {
            tracing::error!("the ticker ended by a panic");
        }
        // The ticker is gone, so this is the last handle: dropping it stops every source.
        drop(self.sources);
        self.shared.queue.close();
        for worker in self.workers {
            if worker.join().is_err() {
                tracing::error!("a worker ended by a panic");
            }
        }
        let now = self.shared.clock.now();
        let mut last = Vec::new();
        for camera in &self.shared.cameras {
            camera.stop();
            last.extend(camera.close_bins(now));
            last.extend(camera.open_bins().bins);
        }
        self.shared.writer.submit(last)?;
        // Until they are kept, the checkpoint knows of the incidents that are open.
        self.keeper.finish(&self.announcer);
        self.shared.checkpoint.save(&OpenState::default())?;
        Ok(())
    }
}

/// Starts a camera's source. One that can never work as configured fails alone: the others go on.
fn open_source(
    shared: &Arc<Shared>,
    lane: usize,
    spec: &CameraSpec,
    sources: &dyn OpenSource,
    seed: u64,
) -> Option<Box<dyn Source>> {
    let sink = Arc::new(CameraSink::new(lane, shared.clone(), spec.profile.rate_fps));
    match sources.open(spec, shared.clock.clone(), seed, sink.clone()) {
        Ok(source) => Some(source),
        Err(error) => {
            tracing::error!(camera = %spec.id, %error, "camera can't be opened");
            sink.state(SourceChange::Failed { reason: error.to_string(), retry_in: None });
            None
        }
    }
}

/// For each camera the index of its model.
fn model_indices(parts: &EngineParts) -> Result<Vec<usize>, EngineError> {
    let find = |spec: &Arc<CameraSpec>| {
        let model = &spec.profile.model;
        parts
            .detectors
            .models
            .iter()
            .position(|m| m.name() == model)
            .ok_or_else(|| EngineError::NoSuchModel { camera: spec.id.to_string(), model: model.clone() })
    };
    parts.cameras.iter().map(find).collect()
}

pub(crate) fn spawn<T: Send + 'static>(
    name: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, EngineError> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map_err(|source| EngineError::Thread { name, source })
}
