//! GStreamer pipelines from a source to `tap`: [`rtsp`] and [`file`] are where data comes from, [`encoded`] is
//! what H.264 and H.265 go through on the way. Starting, watching and restarting them is `supervisor`'s and
//! `offline`'s.

pub(crate) mod encoded;
pub(crate) mod file;
pub(crate) mod rtsp;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSink;

use crate::error::IngestError;
use crate::reason::Loss;
use crate::tap::Tap;

/// What became known while a pipeline was building itself.
#[derive(Debug, Default)]
pub(crate) struct Notes(Mutex<Known>);

#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The codec of the video, for people.
    pub codec: Option<String>,
    /// The decoder's element name.
    pub decoder: Option<String>,
    /// What other streams there are.
    pub others: Vec<String>,
    /// The codecs of video streams that can't be taken.
    pub unsupported: Vec<String>,
    /// What kind of file it is.
    pub container: Option<String>,
    /// Whether the source has described itself: an RTSP camera answered, a file's streams are found.
    pub described: bool,
    /// The first thing that went wrong, in our own words; goes before GStreamer's.
    pub failure: Option<Loss>,
}

impl Notes {
    pub fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the first failure and makes the pipeline say on its bus that it is over.
    pub fn fail(&self, element: &impl IsA<gst::Element>, loss: Loss) {
        self.known().failure.get_or_insert(loss);
        gst::element_error!(element, gst::ResourceError::Failed, ["see notes"]);
    }
}

/// A pipeline with its end. Stopped when dropped.
pub(crate) struct Session {
    pub pipeline: gst::Pipeline,
    pub bus: gst::Bus,
    pub appsink: AppSink,
    pub notes: Arc<Notes>,
}

/// What a pipeline's bus says, as far as it matters.
pub(crate) enum Said {
    Nothing,
    Eos,
    Error(Fault),
}

/// An error from a bus.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub error: gst::glib::Error,
    /// For developers; may hold secrets.
    pub debug: String,
    /// Which kind of element it came from.
    pub element: Option<String>,
}

impl Fault {
    fn new(message: &gst::message::Error) -> Self {
        let element = message.src().and_then(|src| src.downcast_ref::<gst::Element>());
        Self {
            error: message.error(),
            debug: message.debug().map(String::from).unwrap_or_default(),
            element: element.and_then(|e| e.factory()).map(|factory| factory.name().to_string()),
        }
    }
}

impl Session {
    /// Starts it. What goes wrong after that is said on the bus.
    pub fn play(&self) {
        // A failure leaves its own, better message on the bus.
        let _ = self.pipeline.set_state(gst::State::Playing);
    }

    /// Waits for something to be said; without patience, takes what was said already.
    pub fn listen(&self, patience: Duration) -> Said {
        let kinds = [gst::MessageType::Error, gst::MessageType::Eos];
        let message = if patience.is_zero() {
            self.bus.pop_filtered(&kinds)
        } else {
            let patience =
                gst::ClockTime::from_mseconds(u64::try_from(patience.as_millis()).unwrap_or(u64::MAX));
            self.bus.timed_pop_filtered(patience, &kinds)
        };
        let Some(message) = message else { return Said::Nothing };
        match message.view() {
            gst::MessageView::Error(error) => Said::Error(Fault::new(error)),
            gst::MessageView::Eos(_) => Said::Eos,
            _ => Said::Nothing,
        }
    }
}

impl Session {
    /// Whether no streaming thread runs, so that nothing can come any more. `decodebin` swallows a demuxer's
    /// error that comes while the demuxer is being plugged in, and then nothing is ever said on the bus.
    pub fn is_dead(&self) -> bool {
        let mut alive = false;
        let ended = self.pipeline.iterate_recurse().foreach(|element| {
            alive |= element.pads().iter().any(|pad| pad.task_state() == gst::TaskState::Started);
        });
        ended.is_ok() && !alive
    }

    /// The decoder's name, if it was the decoder that an error came from.
    pub fn failed_decoder(&self, fault: &Fault) -> Option<String> {
        self.notes.known().decoder.clone().filter(|decoder| Some(decoder) == fault.element.as_ref())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Going to NULL does not fail.
        let _ = self.pipeline.set_state(gst::State::Null);
        self.bus.set_flushing(true);
    }
}

/// What every part of building a pipeline needs.
#[derive(Clone)]
pub(crate) struct Context {
    pub options: crate::options::SourceOptions,
    pub tap: Arc<Tap>,
    pub notes: Arc<Notes>,
    /// Decoders that failed on this source before.
    pub failed_decoders: Vec<String>,
}

/// Makes an element by name.
///
/// # Errors
/// [`IngestError::Build`] when there is no such element.
pub(crate) fn make(name: &'static str) -> Result<gst::Element, IngestError> {
    gst::ElementFactory::make(name)
        .build()
        .map_err(|e| IngestError::Build { what: name, reason: e.to_string() })
}

/// A pipeline and its bus, empty.
///
/// # Errors
/// [`IngestError::Build`] when it has no bus, which does not happen.
pub(crate) fn empty() -> Result<(gst::Pipeline, gst::Bus), IngestError> {
    let pipeline = gst::Pipeline::new();
    let bus = pipeline
        .bus()
        .ok_or_else(|| IngestError::Build { what: "pipeline", reason: "it has no bus".to_owned() })?;
    Ok((pipeline, bus))
}
