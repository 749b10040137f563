//! The life of one source: connect, watch, tear down, wait, again. Building pipelines is `pipeline`'s work,
//! words for failures are `reason`'s.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gstreamer as gst;
use gstreamer_app::AppSinkCallbacks;
use wayside_types::{CameraId, FrameSize, SharedClock, SourceUrl};

use crate::backoff::Pauses;
use crate::error::IngestError;
use crate::live::{FrameSink, SourceChange, SourceStats};
use crate::options::SourceOptions;
use crate::pipeline::{Context, Fault, Notes, Said, Session, file, rtsp};
use crate::reason::{self, Cure, Loss};
use crate::secret::Address;
use crate::tap::Tap;

/// How often a running source is looked at.
const TICK: Duration = Duration::from_millis(200);
/// A connection that held for so long was a good one: its loss starts the pauses anew.
const STEADY: Duration = Duration::from_secs(10);

/// What outsiders may see of a running source.
pub(crate) struct Shared {
    camera: CameraId,
    tap: Arc<Tap>,
    reconnects: AtomicU64,
}

impl Shared {
    pub fn new(camera: CameraId, rate_fps: f64, clock: SharedClock) -> Self {
        let tap = Tap::new(camera.clone(), rate_fps, Some(clock));
        Self { camera, tap, reconnects: AtomicU64::new(0) }
    }

    pub fn stats(&self) -> SourceStats {
        let (decoded, decode_time) = self.tap.decoding();
        SourceStats {
            decoded,
            decode_time,
            frames: self.tap.frames(),
            due: self.tap.due(),
            reconnects: self.reconnects.load(Ordering::Relaxed),
            discontinuities: self.tap.discontinuities(),
            newest_captured_at: self.tap.newest_captured(),
            camera_clock_used: self.tap.camera_clock_used(),
        }
    }
}

/// How a connection ended.
enum Outcome {
    Stopped,
    Ended,
    Lost(Loss),
    /// The decoder failed before its first frame; the next one of the list may do better.
    NextDecoder(String),
}

enum Source {
    Camera(Address),
    File(std::path::PathBuf),
}

/// Runs one source until it is stopped or over.
pub(crate) struct Supervisor {
    shared: Arc<Shared>,
    source: Source,
    options: SourceOptions,
    clock: SharedClock,
    sink: Arc<dyn FrameSink>,
    stopped: Receiver<()>,
    pauses: Pauses,
    failed_decoders: Vec<String>,
    reconnects_metric: metrics::Counter,
}

impl Supervisor {
    pub fn new(
        shared: Arc<Shared>,
        source: SourceUrl,
        options: SourceOptions,
        clock: SharedClock,
        seed: u64,
        sink: Arc<dyn FrameSink>,
        stopped: Receiver<()>,
    ) -> Self {
        let label = shared.camera.to_string();
        let source = match source {
            SourceUrl::Rtsp(url) => Source::Camera(Address::new(&url)),
            SourceUrl::File(path) => Source::File(path),
        };
        Self {
            source,
            clock,
            sink,
            stopped,
            pauses: Pauses::new(options.backoff, seed),
            options,
            failed_decoders: Vec::new(),
            reconnects_metric: metrics::counter!("wayside_ingest_reconnects_total", "camera" => label),
            shared,
        }
    }

    pub fn run(mut self) {
        loop {
            self.tell(SourceChange::Connecting);
            let loss = match self.connection() {
                Outcome::Stopped => return,
                Outcome::Ended => return self.tell(SourceChange::Ended),
                Outcome::NextDecoder(decoder) => {
                    tracing::warn!(camera = %self.shared.camera, decoder, "decoder failed; trying the next");
                    self.failed_decoders.push(decoder);
                    continue;
                }
                Outcome::Lost(loss) => loss,
            };
            let is_file = matches!(self.source, Source::File(_));
            let retry_in = match loss.cure {
                // A file that failed once would fail again, and its beginning would be counted twice.
                _ if is_file => {
                    return self.tell(SourceChange::Failed { reason: loss.reason, retry_in: None });
                }
                Cure::Nothing => {
                    return self.tell(SourceChange::Failed { reason: loss.reason, retry_in: None });
                }
                Cure::Person => {
                    let retry_in = self.pauses.longest();
                    self.tell(SourceChange::Failed { reason: loss.reason, retry_in: Some(retry_in) });
                    retry_in
                }
                Cure::Retry => {
                    let retry_in = self.pauses.next();
                    self.tell(SourceChange::Lost { reason: loss.reason, retry_in });
                    retry_in
                }
            };
            match self.stopped.recv_timeout(retry_in) {
                Err(RecvTimeoutError::Timeout) => {}
                _ => return,
            }
            self.shared.reconnects.fetch_add(1, Ordering::Relaxed);
            self.reconnects_metric.increment(1);
        }
    }

    /// One connection from its making to its end. The pipeline is gone when this returns, so that no frame
    /// comes after the state that says why.
    fn connection(&mut self) -> Outcome {
        let tap = &self.shared.tap;
        tap.reconnect();
        let context = Context {
            options: self.options.clone(),
            tap: Arc::clone(tap),
            notes: Arc::new(Notes::default()),
            failed_decoders: self.failed_decoders.clone(),
        };
        let session = match self.open(&context) {
            Ok(session) => session,
            Err(error) => return Outcome::Lost(Loss::needs_person(error.to_string())),
        };
        let (started, frames_before) = (self.clock.monotonic(), tap.frames());
        session.play();
        let outcome = self.watch(&session, started, frames_before);
        drop(session);
        let held = self.clock.monotonic().saturating_sub(started);
        let had_frames = self.shared.tap.frames() > frames_before;
        if held >= STEADY && had_frames {
            self.pauses.reset();
        }
        if matches!(outcome, Outcome::Lost(_)) && !had_frames {
            // What made a decoder fail may have been the stream: next time all get their chance again.
            self.failed_decoders.clear();
        }
        match outcome {
            Outcome::Lost(loss) if reason::says_nothing(&loss) => Outcome::Lost(self.diagnosed(loss)),
            outcome => outcome,
        }
    }

    fn open(&self, context: &Context) -> Result<Session, IngestError> {
        let session = match &self.source {
            Source::Camera(address) => rtsp::open(address, context)?,
            Source::File(path) => file::open(path, true, context)?,
        };
        let delivery = Delivery {
            camera: self.shared.camera.clone(),
            tap: Arc::clone(&self.shared.tap),
            notes: Arc::clone(&session.notes),
            sink: Arc::clone(&self.sink),
            size: Mutex::new(None),
        };
        let callbacks = AppSinkCallbacks::builder().new_sample(move |appsink| {
            let sample = appsink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            delivery.deliver(&sample);
            Ok(gst::FlowSuccess::Ok)
        });
        session.appsink.set_callbacks(callbacks.build());
        Ok(session)
    }

    fn watch(&self, session: &Session, started: Duration, frames_before: u64) -> Outcome {
        let tap = &self.shared.tap;
        let (connect, silence) = (
            Duration::from_millis(self.options.connect_timeout_ms),
            Duration::from_millis(self.options.watchdog_ms),
        );
        loop {
            if !matches!(self.stopped.try_recv(), Err(TryRecvError::Empty)) {
                return Outcome::Stopped;
            }
            let has_frames = tap.frames() > frames_before;
            match session.listen(TICK.min(connect).min(silence)) {
                Said::Error(fault) => return self.lost(session, &fault, has_frames),
                Said::Eos => return self.ended(session),
                Said::Nothing => {}
            }
            let now = self.clock.monotonic();
            if !has_frames && now.saturating_sub(started) > connect {
                return Outcome::Lost(self.never_came(session, connect));
            }
            if has_frames && now.saturating_sub(tap.pulse()) > silence {
                let reason = format!("no frame for {} s: the camera hangs", silence.as_secs_f64());
                return Outcome::Lost(Loss::retry(reason));
            }
        }
    }

    fn never_came(&self, session: &Session, patience: Duration) -> Loss {
        let known = session.notes.known();
        let patience = patience.as_secs_f64();
        match (&self.source, known.described) {
            (Source::File(path), _) => Loss::final_error(IngestError::FileTruncated {
                path: path.clone(),
                reason: format!("no frame within {patience} s"),
            }),
            (_, true) => Loss::retry(format!(
                "the camera describes its stream but sent no picture within {patience} s"
            )),
            (_, false) => Loss::retry(format!("the camera did not answer within {patience} s of connecting")),
        }
    }

    fn ended(&self, session: &Session) -> Outcome {
        match &self.source {
            Source::File(_) if session.notes.known().failure.is_none() => Outcome::Ended,
            Source::File(_) => Outcome::Lost(Loss::no_video()),
            Source::Camera(_) => Outcome::Lost(Loss::retry("the camera ended the stream")),
        }
    }

    fn lost(&self, session: &Session, fault: &Fault, has_frames: bool) -> Outcome {
        if !has_frames && let Some(decoder) = session.failed_decoder(fault) {
            return Outcome::NextDecoder(decoder);
        }
        let known = session.notes.known();
        Outcome::Lost(match &self.source {
            Source::Camera(address) => reason::explain(fault, &known, address.scrub()),
            Source::File(path) => {
                Loss::final_error(reason::explain_file(path, fault, &known, self.shared.tap.frames()))
            }
        })
    }

    /// Says why a connection could not be made, where GStreamer does not.
    fn diagnosed(&self, loss: Loss) -> Loss {
        let Source::Camera(address) = &self.source else { return loss };
        let patience = Duration::from_millis(self.options.connect_timeout_ms);
        match reason::diagnose(address, patience) {
            Some(reason) => Loss::retry(reason),
            None if address.location.starts_with("rtsps:") => Loss::retry(
                "what answers there does not speak TLS, it seems: the camera may want rtsp:// or another port",
            ),
            None => loss,
        }
    }

    fn tell(&self, change: SourceChange) {
        log(&self.shared.camera, &change);
        self.sink.state(change);
    }
}

/// What turns samples into frames for the sink, and says when a stream begins or changes its size.
struct Delivery {
    camera: CameraId,
    tap: Arc<Tap>,
    notes: Arc<Notes>,
    sink: Arc<dyn FrameSink>,
    size: Mutex<Option<FrameSize>>,
}

impl Delivery {
    fn deliver(&self, sample: &gst::Sample) {
        let Some(frame) = self.tap.frame(sample) else { return };
        let before = self.size.lock().unwrap_or_else(PoisonError::into_inner).replace(frame.size);
        let change = match before {
            None => {
                let known = self.notes.known();
                let codec = known.codec.clone().unwrap_or_else(|| "video".to_owned());
                let decoder = known.decoder.clone().unwrap_or_default();
                Some(SourceChange::Live { size: frame.size, codec, decoder })
            }
            Some(from) if from != frame.size => Some(SourceChange::SizeChanged { from, to: frame.size }),
            Some(_) => None,
        };
        if let Some(change) = change {
            log(&self.camera, &change);
            self.sink.state(change);
        }
        self.sink.frame(frame);
    }
}

/// Logs and counts a change.
fn log(camera: &CameraId, change: &SourceChange) {
    let (label, state) = (camera.to_string(), change.name());
    metrics::counter!("wayside_ingest_state_changes_total", "camera" => label, "state" => state).increment(1);
    match change {
        SourceChange::Connecting => tracing::info!(%camera, "connecting"),
        SourceChange::Live { size, codec, decoder } => {
            tracing::info!(%camera, width = size.width, height = size.height, codec, decoder, "live");
        }
        SourceChange::SizeChanged { from, to } => {
            let (from, to) = (from.to_string(), to.to_string());
            tracing::warn!(%camera, from, to, "the picture changed its size");
        }
        SourceChange::Lost { reason, retry_in } => {
            tracing::warn!(%camera, reason, retry_in_s = retry_in.as_secs_f64(), "lost");
        }
        SourceChange::Ended => tracing::info!(%camera, "ended"),
        SourceChange::Failed { reason, retry_in } => {
            tracing::error!(%camera, reason, retry_in_s = retry_in.map(|d| d.as_secs_f64()), "failed");
        }
    }
}
