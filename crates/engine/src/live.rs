//! Many cameras at once: starts their sources, queues their frames, runs the workers, and keeps the
//! clock by which bins close, the checkpoint is saved and pages are told. Offline files go through
//! [`crate::offline`] instead.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use jiff::SignedDuration;
use metrics::counter;
use wayside_detect::{DetectError, Detector, DetectorOptions, Manifest, Provider, Runtime};
use wayside_ingest::{FrameSink, MotionGate, RateGate, SourceChange};
use wayside_measure::{Binner, CalibrationError, Homography, MeasureError};
use wayside_store::checkpoint::Checkpoint;
use wayside_store::{StoreError, Writer};
use wayside_types::{
    CameraSpec, ClosedBins, Detection, Frame, Icon, LiveEvent, LiveHub, SharedClock, TimeZone, Timestamp,
};

use crate::analysis::{CameraAnalysis, FrameMoment};
use crate::load::LoadMeter;
use crate::queue::FairQueue;
use crate::source::{OpenSource, Source};
use crate::status::StatusBoard;
use crate::ticker;
use crate::view::LiveView;
use crate::worker;

/// Icons of a moment that is longer past are not shown.
const ICONS_FADE: SignedDuration = SignedDuration::from_secs(3);

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
    /// The manifests of every model that a camera's profile names.
    pub manifests: Vec<Manifest>,
    /// Where the model files lie.
    pub model_files_dir: PathBuf,
    /// What runs them.
    pub provider: Provider,
    /// Worker threads, each with a session a model.
    pub workers: usize,
}

impl DetectorSetup {
    /// Opens one detector a manifest, in their order.
    ///
    /// # Errors
    /// [`DetectError`] of the first that can't be opened.
    pub fn open(&self) -> Result<Vec<Detector>, DetectError> {
        let max_batch = if self.provider == Provider::Cpu { 1 } else { 8 };
        let options = DetectorOptions { provider: self.provider, intra_threads: 1, max_batch };
        self.manifests
            .iter()
            .map(|manifest| Detector::open(&self.runtime, manifest, &self.model_files_dir, &options))
            .collect()
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
}

/// One camera's state in a running engine.
pub struct LiveCamera {
    pub(crate) spec: Arc<CameraSpec>,
    pub(crate) board: StatusBoard,
    view: Mutex<LiveView>,
    work: Mutex<Work>,
    /// Set when the stream broke: tracks end before the next frame.
    broken: AtomicBool,
}

struct Work {
    gate: MotionGate,
    /// What the detector found in the last frame that it looked at.
    found: Vec<Detection>,
    analysis: CameraAnalysis,
    binner: Binner,
    last: Option<Watched>,
}

/// The last frame that was analysed, for coverage.
struct Watched {
    captured_at: Timestamp,
    dropped: u64,
}

impl LiveCamera {
    fn new(spec: Arc<CameraSpec>, parts: &EngineParts) -> Result<Self, EngineError> {
        let camera = spec.id.to_string();
        let fit = spec.calibration.as_ref().map(Homography::fit).transpose();
        let homography = fit.map_err(|source| EngineError::Calibration { camera, source })?;
        let binner =
            Binner::new(spec.id.clone(), parts.time_zone.clone(), parts.epoch, spec.config_version.clone());
        Ok(Self {
            board: StatusBoard::new(spec.id.clone(), parts.clock.now()),
            view: Mutex::new(LiveView::new(homography, parts.clock.monotonic())),
            work: Mutex::new(Work {
                gate: MotionGate::new(spec.profile.motion),
                found: Vec::new(),
                analysis: CameraAnalysis::new(spec.clone()),
                binner,
                last: None,
            }),
            broken: AtomicBool::new(false),
            spec,
        })
    }

    pub(crate) fn view(&self) -> MutexGuard<'_, LiveView> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn frame_dropped(&self, reason: &'static str) {
        self.board.dropped();
        let camera = self.spec.id.as_str().to_owned();
        counter!("wayside_frames_dropped_total", "camera" => camera, "reason" => reason).increment(1);
    }

    /// Whether the detector must look at a frame: it may show something that the last one did not. Asked of
    /// every frame before it is measured; where the stream broke before it, what was followed ends here.
    pub(crate) fn must_look(&self, frame: &Frame) -> bool {
        let mut work = self.work();
        if self.broken.swap(false, Ordering::AcqRel) {
            work.end_stream();
        }
        work.gate.must_look(frame)
    }

    /// The detector could not look at the frame that it had to.
    pub(crate) fn not_looked(&self) {
        self.work().gate.forget();
    }

    /// Carries a frame's detections to the bins; `None` says that nothing changed since the frame before.
    pub(crate) fn measure(
        &self,
        frame: &Frame,
        detections: Option<Vec<Detection>>,
    ) -> Result<(), MeasureError> {
        let mut work = self.work();
        if let Some(mut detections) = detections {
            detections.retain(|d| d.score >= self.spec.profile.detect.low_score);
            work.found = detections;
        }
        let found = work.found.clone();
        let events = work.analysis.process(FrameMoment::from(frame), found)?;
        for event in &events {
            work.binner.event(event);
        }
        let dropped = self.board.dropped_total();
        work.watched(frame.captured_at, dropped, self.spec.profile.rate_fps);
        Ok(())
    }

    /// The stream broke or ended: what was being followed is gone.
    fn end_stream(&self) {
        self.broken.store(false, Ordering::Release);
        self.work().end_stream();
    }

    pub(crate) fn close_bins(&self, now: Timestamp) -> Vec<ClosedBins> {
        self.work().binner.close_until(now)
    }

    pub(crate) fn open_bins(&self) -> Vec<ClosedBins> {
        self.work().binner.snapshot()
    }

    pub(crate) fn next_close_at(&self, closed: &ClosedBins, now: Timestamp) -> Timestamp {
        self.work().binner.next_close(closed.coverage.length, now)
    }

    /// The icons of the moment; none while no frames come.
    pub(crate) fn icons(&self, now: Timestamp) -> Vec<Icon> {
        let work = self.work();
        let fresh = work.last.as_ref().is_some_and(|last| now.duration_since(last.captured_at) < ICONS_FADE);
        if fresh { work.analysis.icons() } else { Vec::new() }
    }
}

impl Work {
    fn end_stream(&mut self) {
        self.last = None;
        self.gate.forget();
        self.found.clear();
        for event in self.analysis.restart() {
            self.binner.event(&event);
        }
    }

    /// The stretch since the last analysed frame was watched, unless it is a hole: longer than two
    /// seconds and than three frames at the camera's rate.
    fn watched(&mut self, captured_at: Timestamp, dropped: u64, rate_fps: f64) {
        if let Some(last) = &self.last {
            let gap_s = captured_at.duration_since(last.captured_at).as_secs_f64();
            if gap_s > 0.0 && gap_s <= (3.0 / rate_fps).max(2.0) {
                let missed = dropped.saturating_sub(last.dropped);
                self.binner.observed(last.captured_at, captured_at, 1, missed);
            }
        }
        self.last = Some(Watched { captured_at, dropped });
    }
}

/// A running engine.
pub struct Engine {
    shared: Arc<Shared>,
    /// `None` for a camera that can never work as configured.
    sources: Arc<Vec<Option<Box<dyn Source>>>>,
    workers: Vec<JoinHandle<()>>,
    ticker: JoinHandle<()>,
}

/// What a camera's source writes into.
struct CameraSink {
    lane: usize,
    shared: Arc<Shared>,
    slowed: Mutex<Slowed>,
}

/// Lets fewer frames through while the machine is overloaded.
struct Slowed {
    share: f64,
    gate: RateGate,
}

impl Slowed {
    fn lets_through(&mut self, share: f64, rate_fps: f64, frame: &Frame) -> bool {
        if share.to_bits() != self.share.to_bits() {
            *self = Self { share, gate: RateGate::new(rate_fps * share) };
        }
        share >= 1.0 || self.gate.due(frame.media_time)
    }
}

impl FrameSink for CameraSink {
    fn frame(&self, frame: Frame) {
        let Some(camera) = self.shared.cameras.get(self.lane) else { return };
        let mut slowed = self.slowed.lock().unwrap_or_else(PoisonError::into_inner);
        if !slowed.lets_through(self.shared.load.share(), camera.spec.profile.rate_fps, &frame) {
            camera.frame_dropped("slowed");
            return;
        }
        let dropped = self.shared.queue.push(self.lane, frame, self.shared.clock.monotonic());
        self.shared.load.offered(dropped.is_some());
        if dropped.is_some() {
            camera.frame_dropped("behind");
        }
    }

    fn state(&self, change: SourceChange) {
        let Some(camera) = self.shared.cameras.get(self.lane) else { return };
        if matches!(change, SourceChange::Lost { .. } | SourceChange::Ended | SourceChange::Failed { .. }) {
            camera.broken.store(true, Ordering::Release);
        }
        let status = camera.board.change(&change, self.shared.clock.now());
        self.shared.hub.publish(LiveEvent::Camera(status));
    }
}

impl Engine {
    /// Opens every detector, then starts workers, ticker and sources. A camera that can't be reached is
    /// no error: it is retried.
    ///
    /// # Errors
    /// [`EngineError`] when a model, a drawing or a source can never work as configured.
    pub fn start(parts: EngineParts) -> Result<Self, EngineError> {
        let models = model_indices(&parts)?;
        let cameras = parts
            .cameras
            .iter()
            .map(|spec| LiveCamera::new(spec.clone(), &parts).map(Arc::new))
            .collect::<Result<Vec<_>, _>>()?;
        let mut detectors = Vec::new();
        for _ in 0..parts.detectors.workers.max(1) {
            detectors.push(parts.detectors.open()?);
        }
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
        Ok(Self { shared, sources, workers, ticker })
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
            camera.end_stream();
            last.extend(camera.close_bins(now));
            last.extend(camera.open_bins());
        }
        self.shared.writer.submit(last)?;
        self.shared.checkpoint.save(&[])?;
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
    let slowed = Mutex::new(Slowed { share: 1.0, gate: RateGate::new(spec.profile.rate_fps) });
    let sink = Arc::new(CameraSink { lane, shared: shared.clone(), slowed });
    match sources.open(spec, shared.clock.clone(), seed, sink.clone()) {
        Ok(source) => Some(source),
        Err(error) => {
            tracing::error!(camera = %spec.id, %error, "camera can't be opened");
            sink.state(SourceChange::Failed { reason: error.to_string(), retry_in: None });
            None
        }
    }
}

/// For each camera the index of its model in the manifests.
fn model_indices(parts: &EngineParts) -> Result<Vec<usize>, EngineError> {
    let find = |spec: &Arc<CameraSpec>| {
        let model = &spec.profile.model;
        parts
            .detectors
            .manifests
            .iter()
            .position(|m| m.name == *model)
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
