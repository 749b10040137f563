//! Files of whatever `decodebin` opens: the first video stream is taken, all else left undecoded. H.264 and
//! H.265 take the same way as from a camera, so that the decoder preference and keyframe filter hold.

use std::path::Path;
use std::sync::Arc;

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;

use super::{Context, Known, Session, empty, encoded, make};
use crate::decoder::{self, Codec};
use crate::error::IngestError;
use crate::reason::Loss;
use crate::tap::Tail;

/// Checks what can be told without GStreamer: that there is a readable, regular, non-empty file.
///
/// # Errors
/// One of the `File…` variants of [`IngestError`].
pub(crate) fn check(path: &Path) -> Result<(), IngestError> {
    let unreadable = |reason: String| IngestError::FileUnreadable { path: path.to_owned(), reason };
    let file = std::fs::File::open(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => IngestError::FileMissing { path: path.to_owned() },
        _ => unreadable(e.to_string()),
    })?;
    let data = file.metadata().map_err(|e| unreadable(e.to_string()))?;
    if !data.is_file() {
        return Err(unreadable("it is not a regular file".to_owned()));
    }
    if data.len() == 0 {
        return Err(IngestError::FileEmpty { path: path.to_owned() });
    }
    Ok(())
}

/// A pipeline that reads a file; with `sync` at its own pace, else as fast as frames are taken.
///
/// # Errors
/// [`IngestError::Build`], or [`IngestError::FileUnreadable`] for a path that GStreamer can't express.
pub(crate) fn open(path: &Path, sync: bool, context: &Context) -> Result<Session, IngestError> {
    let (pipeline, bus) = empty()?;
    let wrong = |e: glib::BoolError| IngestError::Build { what: "file pipeline", reason: e.to_string() };
    let location = path.to_str().ok_or_else(|| IngestError::FileUnreadable {
        path: path.to_owned(),
        reason: "its name is not UTF-8".to_owned(),
    })?;
    let source = make("filesrc")?;
    source.set_property("location", location);
    let bin = make("decodebin")?;
    pipeline.add_many([&source, &bin]).map_err(wrong)?;
    source.link(&bin).map_err(wrong)?;
    let tail = Tail::add_to(&pipeline, &context.tap, sync)?;
    let appsink = tail.appsink.clone();
    let session = Session { pipeline, bus, appsink, notes: Arc::clone(&context.notes) };
    choose_streams(&bin, context);
    take_first_video(&session.pipeline, &bin, tail, context);
    Ok(session)
}

/// Leaves H.264 and H.265 to our own decoders, and everything that is not video undecoded.
fn choose_streams(bin: &gst::Element, context: &Context) {
    let notes = Arc::clone(&context.notes);
    bin.connect("autoplug-continue", false, move |values| {
        let caps = values.get(2).and_then(|v| v.get::<gst::Caps>().ok());
        let name = caps.as_ref().and_then(|caps| caps.structure(0)).map(|s| s.name().to_string());
        let name = name.unwrap_or_default();
        // The first question is about the file as a whole.
        let is_top = notes.known().container.is_none();
        if is_top {
            notes.known().container = Some(name.clone());
        }
        if !is_top && name != "video/x-raw" && (name.starts_with("video/") || name.starts_with("image/")) {
            notes.known().codec.get_or_insert(name.clone());
        }
        let ours = Codec::from_media_type(&name).is_some();
        let other =
            name.starts_with("audio/") || name.starts_with("text/") || name.starts_with("subpicture/");
        // A file that is nothing but audio may still hold a picture stream (an audio container).
        let stop = ours || (other && !is_top);
        Some((!stop).to_value())
    });
    let notes = Arc::clone(&context.notes);
    bin.connect("unknown-type", false, move |values| {
        let caps = values.get(2).and_then(|v| v.get::<gst::Caps>().ok());
        if let Some(caps) = caps {
            let mut known = notes.known();
            note_stream(&mut known, &caps);
        }
        None
    });
    let context = context.clone();
    bin.connect("deep-element-added", false, move |values| {
        let element = values.get(2).and_then(|v| v.get::<gst::Element>().ok());
        if let Some(element) = element.filter(is_video_decoder) {
            decoder::bound_threads(&element);
            if context.options.keyframes_only {
                encoded::keyframes_only(&element, &context.tap);
            }
            let mut known = context.notes.known();
            known.decoder.get_or_insert(element.factory().map(|f| f.name().to_string()).unwrap_or_default());
        }
        None
    });
}

fn is_video_decoder(element: &gst::Element) -> bool {
    let kinds = gst::ElementFactoryType::DECODER | gst::ElementFactoryType::MEDIA_VIDEO;
    element.factory().is_some_and(|factory| factory.has_type(kinds))
}

/// A stream that nothing decodes: video of an unknown codec, or something else.
fn note_stream(known: &mut Known, caps: &gst::Caps) {
    let name = caps.structure(0).map(|s| s.name().to_string()).unwrap_or_default();
    if name.starts_with("video/") || name.starts_with("image/") {
        known.unsupported.push(name);
    } else {
        known.others.push(name);
    }
}

/// Links the first video stream to the pipeline's end when it shows up.
fn take_first_video(pipeline: &gst::Pipeline, bin: &gst::Element, tail: Tail, context: &Context) {
    let weak = pipeline.downgrade();
    let context_added = context.clone();
    let tail = std::sync::Mutex::new(Some(tail));
    bin.connect_pad_added(move |_, pad| {
        let Some(pipeline) = weak.upgrade() else { return };
        let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
        let name = caps.structure(0).map(|s| s.name().to_string()).unwrap_or_default();
        if !name.starts_with("video/") && !name.starts_with("image/") {
            note_stream(&mut context_added.notes.known(), &caps);
            return;
        }
        let Some(tail) = tail.lock().ok().and_then(|mut tail| tail.take()) else { return };
        let linked = match Codec::from_media_type(&name) {
            Some(codec) => encoded::link(&pipeline, pad, codec, None, &tail, &context_added),
            None => tail.sink().and_then(|sink| {
                let wrong = |e: gst::PadLinkError| IngestError::Build {
                    what: "file pipeline",
                    reason: e.to_string(),
                };
                pad.link(&sink).map(drop).map_err(wrong)
            }),
        };
        match linked {
            Ok(()) => context_added.notes.known().described = true,
            Err(error) => context_added.notes.fail(&pipeline, Loss::final_error(error)),
        }
    });
    let weak = pipeline.downgrade();
    let notes = Arc::clone(&context.notes);
    bin.connect_no_more_pads(move |_| {
        if let Some(pipeline) = weak.upgrade().filter(|_| !notes.known().described) {
            notes.fail(&pipeline, Loss::no_video());
        }
    });
}
