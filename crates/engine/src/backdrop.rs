//! One camera's background view made on the spot, for drawings: the same detector, running background and redaction
//! as live, over some seconds of the camera. The view itself is [`crate::view`]'s; nothing else of the frames stays.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use bytes::Bytes;
use wayside_detect::{DetectError, Detector, Lift};
use wayside_ingest::{
    FrameSink, IngestError, LiveSource, MotionGate, SourceChange, SourceOptions, read_file,
};
use wayside_types::{CameraSpec, Frame, FrameSize, SharedClock, SourceUrl};

use crate::light::Light;
use crate::view::{FIRST_PICTURE_AFTER, LiveView, SUSPICION_SCORE, ViewError};

/// Twice as often as the view takes samples, so that none falls away because a frame came a little early.
const RATE_FPS: f64 = 2.0;
/// The camera is watched for so long, if it lasts.
const WATCH_FOR: Duration = Duration::from_secs(25);
/// A camera must have sent its first frame after this long, or nothing is drawn behind.
const PATIENCE: Duration = Duration::from_secs(15);

/// A camera's background and what was learnt by the way.
pub struct Backdrop {
    /// The size of the camera's frames.
    pub size: FrameSize,
    /// The redacted view as a JPEG, smaller than the frames; `None` when the camera was not seen for long enough.
    pub jpeg: Option<Bytes>,
}

/// A background that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum BackdropError {
    /// The source can't be read.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// The detector failed.
    #[error(transparent)]
    Detect(#[from] DetectError),
    /// The view could not be made.
    #[error(transparent)]
    View(#[from] ViewError),
    /// No frame came.
    #[error("{0}")]
    NoFrame(String),
}

/// Watches a camera for some seconds and makes its background view. A file is read as fast as it goes, a live
/// camera watched in real time. `options` are those of live sources; rate and transport follow from the camera.
///
/// # Errors
/// [`BackdropError`] when no frame can be had, or the detector or the view fails.
pub fn backdrop(
    spec: &CameraSpec,
    options: &SourceOptions,
    detector: &mut Detector,
    clock: &SharedClock,
) -> Result<Backdrop, BackdropError> {
    let options = SourceOptions {
        rate_fps: RATE_FPS,
        keyframes_only: false,
        transport: spec.transport,
        ..options.clone()
    };
    let mut maker = Maker {
        view: LiveView::new(spec.calibration.clone(), Duration::ZERO),
        gate: MotionGate::new(spec.profile.motion),
        light: Light::new(spec.profile.detect),
        lift: Lift::NONE,
        detector,
        first: None,
        last: None,
    };
    match &spec.source {
        SourceUrl::File(path) => {
            let mut taken = Ok(());
            read_file(spec.id.clone(), path, &options, &mut |frame| match maker.take(frame) {
                Ok(flow) => flow,
                Err(error) => {
                    taken = Err(error);
                    ControlFlow::Break(())
                }
            })?;
            taken?;
        }
        SourceUrl::Rtsp(_) => maker.watch(spec, options, clock)?,
    }
    maker.finish()
}

struct Maker<'a> {
    view: LiveView,
    /// For its cells: every frame is looked at.
    gate: MotionGate,
    light: Light,
    /// How much the last frame was brightened for the detector.
    lift: Lift,
    detector: &'a mut Detector,
    /// Media time of the first frame.
    first: Option<Duration>,
    last: Option<Frame>,
}

impl Maker<'_> {
    fn take(&mut self, frame: Frame) -> Result<ControlFlow<()>, DetectError> {
        self.gate.must_look(&frame);
        self.lift = self.light.see(&frame, self.gate.cells().as_ref());
        let found =
            self.detector.detect_lifted(std::slice::from_ref(&frame), &[self.lift], SUSPICION_SCORE)?;
        let found = found.into_iter().next().unwrap_or_default();
        let seen_for = frame.media_time.saturating_sub(*self.first.get_or_insert(frame.media_time));
        self.view.sample(seen_for, &frame, &found);
        self.last = Some(frame);
        Ok(if seen_for >= WATCH_FOR { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    fn watch(
        &mut self,
        spec: &CameraSpec,
        options: SourceOptions,
        clock: &SharedClock,
    ) -> Result<(), BackdropError> {
        let (heard, hears) = sync_channel(2);
        let (id, source) = (spec.id.clone(), spec.source.clone());
        let sink = Arc::new(Sink(heard));
        let _source = LiveSource::start(id, source, options, clock.clone(), 0, sink)?;
        let began = clock.monotonic();
        let mut reason = format!("no frame within {} s", PATIENCE.as_secs());
        loop {
            let until = if self.last.is_some() { WATCH_FOR + PATIENCE } else { PATIENCE };
            let left = (began + until).saturating_sub(clock.monotonic());
            match hears.recv_timeout(left) {
                Ok(Heard::Frame(frame)) => {
                    if self.take(frame)?.is_break() {
                        return Ok(());
                    }
                }
                Ok(Heard::Trouble(why)) => reason = why,
                // What was seen until now may be enough; else there is nothing to be shown.
                Err(_) if self.last.is_some() => return Ok(()),
                Err(_) => return Err(BackdropError::NoFrame(reason)),
            }
        }
    }

    fn finish(mut self) -> Result<Backdrop, BackdropError> {
        let (Some(first), Some(frame)) = (self.first, self.last.take()) else {
            return Err(BackdropError::NoFrame("the source holds no frame".to_owned()));
        };
        let seen_for = frame.media_time.saturating_sub(first);
        // The view is due after the same time as live, and not before.
        let jpeg = if seen_for < FIRST_PICTURE_AFTER {
            None
        } else {
            self.view.picture(seen_for, &frame, (self.detector, self.lift))?
        };
        Ok(Backdrop { size: frame.size, jpeg })
    }
}

enum Heard {
    Frame(Frame),
    Trouble(String),
}

/// Hands over what comes; a frame for which there is no room is left out, as another follows a second later.
struct Sink(SyncSender<Heard>);

impl FrameSink for Sink {
    fn frame(&self, frame: Frame) {
        drop(self.0.try_send(Heard::Frame(frame)));
    }

    fn state(&self, change: SourceChange) {
        if let SourceChange::Lost { reason, .. } | SourceChange::Failed { reason, .. } = change {
            drop(self.0.try_send(Heard::Trouble(reason)));
        }
    }
}
