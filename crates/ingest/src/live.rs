//! One camera that is connected again whenever it is lost, each on a thread of its own so that none delays
//! another. Its life is `supervisor`'s work; this is what the engine holds and hears.

use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use wayside_types::{CameraId, Frame, FrameSize, SharedClock, SourceUrl, Timestamp};

use crate::decoder;
use crate::error::IngestError;
use crate::options::SourceOptions;
use crate::pipeline::file;
use crate::supervisor::{Shared, Supervisor};

/// Who takes frames and hears of changes.
pub trait FrameSink: Send + Sync + 'static {
    /// A frame that is due for analysis. Called on the camera's streaming thread, which decodes nothing
    /// meanwhile: it must be quick. At most about three frames of a camera may be held at a time.
    fn frame(&self, frame: Frame);

    /// The source's state changed. Called on the source's own threads; must be quick, and must not stop the source.
    fn state(&self, change: SourceChange);
}

/// What happens to a source. No text holds credentials.
#[derive(Debug, Clone, PartialEq)]
pub enum SourceChange {
    /// A connection is being made.
    Connecting,
    /// Frames are coming.
    Live {
        /// Their size.
        size: FrameSize,
        /// For people: `H.264`, `H.265`, or a file's media type.
        codec: String,
        /// GStreamer's name of the decoder.
        decoder: String,
    },
    /// The size of frames changed while they went on coming.
    SizeChanged {
        /// Size until now.
        from: FrameSize,
        /// Size of the next frame.
        to: FrameSize,
    },
    /// The camera was lost, and will be tried again.
    Lost {
        /// Why, for an operator.
        reason: String,
        /// After this long.
        retry_in: Duration,
    },
    /// A file was played to its end. Nothing follows.
    Ended,
    /// The source can't work as it is configured.
    Failed {
        /// Why, for an operator.
        reason: String,
        /// A camera is tried again after this long, because a person may have set it right; a file is not.
        retry_in: Option<Duration>,
    },
}

impl SourceChange {
    /// A short name for metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Live { .. } => "live",
            Self::SizeChanged { .. } => "size_changed",
            Self::Lost { .. } => "lost",
            Self::Ended => "ended",
            Self::Failed { .. } => "failed",
        }
    }
}

/// Figures of a source since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceStats {
    /// Frames that came, decoded or skipped.
    pub frames: u64,
    /// Frames whose decoding was timed.
    pub decoded: u64,
    /// How long decoding them took in all.
    pub decode_time: Duration,
    /// Frames that were due for analysis.
    pub due: u64,
    /// Times that a lost connection was made anew, successfully or not.
    pub reconnects: u64,
    /// Times that time stamps took up a new base while connected: they jumped back by over 1 s, ahead of
    /// arrival by over 10 s, or stood still for over 1 s. Media time then goes on by the time that really passed.
    pub discontinuities: u64,
    /// Capture time of the newest frame that was due.
    pub newest_captured_at: Option<Timestamp>,
    /// Whether that time came from the camera's own clock (RTP and its sender reports) rather than from
    /// arrival.
    pub camera_clock_used: bool,
}

/// A running source: a camera, or a file that is played once at its own pace. Stops when dropped.
///
/// Across reconnections, frame numbers go on and media time moves on by the time away, so that neither ever goes
/// back. A frame's capture time is that of the camera's clock (RTP time stamps and RTCP sender reports, RFC 3550)
/// where it lies at most 10 s before and 1 s after the arrival, else the arrival; it stands still rather than step
/// back by up to 10 s when the one takes over from the other. Time stamps that jump are taken up as described
/// at [`SourceStats::discontinuities`].
///
/// Metrics, all labelled with the camera only: `wayside_ingest_frames_total`, `wayside_ingest_due_total`,
/// `wayside_ingest_reconnects_total`, and `wayside_ingest_state_changes_total` also with the state.
pub struct LiveSource {
    shared: Arc<Shared>,
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl LiveSource {
    /// Starts the source on a thread of its own and returns at once: whether it can be reached is told by
    /// [`SourceChange`]s. `seed` shapes the jitter of its pauses; give each camera its own.
    ///
    /// # Errors
    /// [`IngestError::Setting`], [`IngestError::MissingPlugins`] or [`IngestError::NoDecoder`] for what can
    /// never work on this machine; for a file, also what [`crate::read_file`] says of one that is not there.
    pub fn start(
        camera: CameraId,
        source: SourceUrl,
        options: SourceOptions,
        clock: SharedClock,
        seed: u64,
        sink: Arc<dyn FrameSink>,
    ) -> Result<Self, IngestError> {
        crate::init()?;
        options.validate()?;
        decoder::check(&options.decoders)?;
        if let SourceUrl::File(path) = &source {
            file::check(path)?;
        }
        let shared = Arc::new(Shared::new(camera.clone(), options.rate_fps, Arc::clone(&clock)));
        let (stop, stopped) = mpsc::channel();
        let supervisor = Supervisor::new(Arc::clone(&shared), source, options, clock, seed, sink, stopped);
        let thread = std::thread::Builder::new()
            .name(format!("cam-{camera}"))
            .spawn(move || supervisor.run())
            .map_err(|e| IngestError::Build { what: "camera's thread", reason: e.to_string() })?;
        Ok(Self { shared, stop: Some(stop), thread: Some(thread) })
    }

    /// Figures since the start.
    #[must_use]
    pub fn stats(&self) -> SourceStats {
        self.shared.stats()
    }

    /// Stops the source and waits until no frame can come any more. Dropping does the same.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for LiveSource {
    fn drop(&mut self) {
        // The supervisor sees the channel close.
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
