//! A whole file, frame by frame, as fast as the caller takes them: what `wayside analyze` reads. Times are
//! the file's own, counted from the Unix epoch. A file standing in for a camera is [`crate::live`]'s.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use wayside_types::{CameraId, Frame, FrameSize};

use crate::error::IngestError;
use crate::options::SourceOptions;
use crate::pipeline::{Context, Fault, Notes, Said, Session, file};
use crate::reason;
use crate::tap::Tap;

/// How long a file may make us wait for its next frame before it is given up.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked whether something went wrong.
const TICK: gst::ClockTime = gst::ClockTime::from_mseconds(100);

/// What a file held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileSummary {
    /// Frames it has.
    pub frames: u64,
    /// Those of them that were left undecoded, because they were not due and no other is made from them.
    pub skipped: u64,
    /// Frames that were due for analysis, by frame time.
    pub due: u64,
    /// From the first frame to the end of the last.
    pub duration: Duration,
    /// Size of the first frame in pixels.
    pub size: FrameSize,
    /// Whether the file ended before the duration that it states, or in an error: it is cut off or damaged, and
    /// what was delivered is what could be read.
    pub truncated: bool,
}

/// Reads a file and hands each frame that is due to `on_frame`, which holds up the reading while it runs and
/// ends it by breaking. A frame's capture time is the Unix epoch plus its media time.
///
/// # Errors
/// A variant of [`IngestError`] that names the file and what is wrong with it. Damage after the first frame is no
/// error, but [`FileSummary::truncated`].
pub fn read_file(
    camera: CameraId,
    path: &Path,
    options: &SourceOptions,
    on_frame: &mut dyn FnMut(Frame) -> ControlFlow<()>,
) -> Result<FileSummary, IngestError> {
    crate::init()?;
    options.validate()?;
    crate::decoder::check(&options.decoders)?;
    file::check(path)?;
    let tap = Tap::new(camera.clone(), options.rate_fps, None);
    let mut reader = Reader { path, tap, size: None, stopped: false };
    let mut failed_decoders = Vec::new();
    loop {
        let context = Context {
            options: options.clone(),
            tap: Arc::clone(&reader.tap),
            notes: Arc::new(Notes::default()),
            failed_decoders: failed_decoders.clone(),
        };
        let session = file::open(path, false, &context)?;
        session.play();
        let end = reader.read(&session, on_frame);
        if let Err(failure) = &end
            && reader.tap.frames() == 0
            && let Some(decoder) = failure.by_decoder(&session)
        {
            tracing::warn!(%camera, decoder, "decoder failed before its first frame; trying the next");
            failed_decoders.push(decoder);
            continue;
        }
        return reader.summary(&session, end);
    }
}

/// How reading ended early.
enum Failure {
    Said(Fault),
    /// Everything stopped without a word.
    Dead,
    /// Nothing came for too long.
    Silent,
}

impl Failure {
    /// The decoder's name, if it was the decoder that failed.
    fn by_decoder(&self, session: &Session) -> Option<String> {
        let Self::Said(fault) = self else { return None };
        session.failed_decoder(fault)
    }
}

struct Reader<'a> {
    path: &'a Path,
    tap: Arc<Tap>,
    size: Option<FrameSize>,
    stopped: bool,
}

impl Reader<'_> {
    fn read(
        &mut self,
        session: &Session,
        on_frame: &mut dyn FnMut(Frame) -> ControlFlow<()>,
    ) -> Result<(), Failure> {
        let (mut waited, mut frames, mut dead_ticks) = (gst::ClockTime::ZERO, 0, 0);
        let mut failure = None;
        loop {
            // After an error, only what is waiting already is taken.
            let patience = if failure.is_none() { TICK } else { gst::ClockTime::ZERO };
            if let Some(sample) = session.appsink.try_pull_sample(patience) {
                waited = gst::ClockTime::ZERO;
                if self.hand_over(sample, on_frame).is_break() {
                    self.stopped = true;
                    return Ok(());
                }
                continue;
            }
            if let Some(failure) = failure {
                return Err(failure);
            }
            if session.appsink.is_eos() {
                return Ok(());
            }
            // Frames that are not due are progress as well.
            if self.tap.frames() == frames {
                waited += TICK;
                dead_ticks = if session.is_dead() { dead_ticks + 1 } else { 0 };
            } else {
                (waited, frames, dead_ticks) = (gst::ClockTime::ZERO, self.tap.frames(), 0);
            }
            failure = match session.listen(Duration::ZERO) {
                Said::Error(fault) => Some(Failure::Said(fault)),
                _ if dead_ticks >= 2 => Some(Failure::Dead),
                _ if Duration::from(waited) >= PATIENCE => Some(Failure::Silent),
                _ => None,
            };
        }
    }

    fn hand_over(
        &mut self,
        sample: gst::Sample,
        on_frame: &mut dyn FnMut(Frame) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let Some(frame) = self.tap.frame(&sample) else { return ControlFlow::Continue(()) };
        drop(sample);
        self.size.get_or_insert(frame.size);
        on_frame(frame)
    }

    fn summary(&self, session: &Session, end: Result<(), Failure>) -> Result<FileSummary, IngestError> {
        let frames = self.tap.frames();
        let path = self.path.to_owned();
        let Some(size) = self.size else {
            let known = session.notes.known();
            let cut_off = |reason: String| IngestError::FileTruncated { path, reason };
            return Err(match end {
                Err(Failure::Said(fault)) => reason::explain_file(self.path, &fault, &known, frames),
                Err(Failure::Dead) => cut_off("nothing in it can be played".to_owned()),
                Err(Failure::Silent) => cut_off(format!("no frame within {} s", PATIENCE.as_secs())),
                Ok(()) => cut_off("it ends before its first frame".to_owned()),
            });
        };
        let (newest, length) = self.tap.newest_media();
        let duration = newest + length;
        let truncated = !self.stopped && (end.is_err() || ends_early(session, duration));
        if truncated {
            let why = match &end {
                Err(Failure::Said(fault)) => fault.error.message().to_owned(),
                _ => "it ends before the duration it states".to_owned(),
            };
            tracing::warn!(file = %self.path.display(), frames, why, "file is cut off or damaged");
        }
        Ok(FileSummary {
            frames,
            skipped: self.tap.skipped(),
            due: self.tap.due(),
            duration,
            size,
            truncated,
        })
    }
}

/// Whether frames ended well before the duration that the file states: by 1 s and by 2 % of it.
fn ends_early(session: &Session, duration: Duration) -> bool {
    let stated = session.pipeline.query_duration::<gst::ClockTime>().map(Duration::from).unwrap_or_default();
    let missing = stated.saturating_sub(duration);
    missing >= Duration::from_secs(1) && missing >= stated.mul_f64(0.02)
}
