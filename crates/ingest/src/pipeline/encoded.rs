//! H.264 and H.265 from wherever they come to the pipeline's end: parser, a decoder that works here, and the
//! filters before it: what need not be decoded, or not yet, and anything but keyframes where only those are wanted.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use gstreamer as gst;
use gstreamer::prelude::*;

use super::{Context, make};
use crate::decoder::{self, Codec};
use crate::error::IngestError;
use crate::tap::{Tail, Tap};
use crate::units::{Layout, Stream};

/// Builds `[depayloader !] parser ! decoder` behind `source` and links it to the pipeline's end.
///
/// # Errors
/// [`IngestError::NoDecoder`], or [`IngestError::Build`] when elements can't be made or linked.
pub(crate) fn link(
    pipeline: &gst::Pipeline,
    source: &gst::Pad,
    codec: Codec,
    depayloader: Option<gst::Element>,
    tail: &Tail,
    context: &Context,
) -> Result<(), IngestError> {
    let wrong = |reason: String| IngestError::Build { what: "decoding part of the pipeline", reason };
    let parser = make(codec.parser())?;
    let decoder = decoder::choose(codec, &context.options.decoders, &context.failed_decoders)?;
    if context.options.keyframes_only {
        keyframes_only(&decoder, &context.tap);
    }
    let chain: Vec<gst::Element> = depayloader.into_iter().chain([parser, decoder.clone()]).collect();
    pipeline.add_many(&chain).map_err(|e| wrong(e.to_string()))?;
    gst::Element::link_many(&chain).map_err(|e| wrong(e.to_string()))?;
    let out = decoder.static_pad("src").ok_or_else(|| wrong("the decoder has no output".to_owned()))?;
    if let Some(sink) = decoder.static_pad("sink") {
        await_keyframe(&sink, &context.tap);
        if !context.options.keyframes_only {
            spare(&sink, codec, &context.tap);
        }
        context.tap.time_decoder(&sink, &out);
    }
    out.link(&tail.sink()?).map_err(|e| wrong(e.to_string()))?;
    for element in chain.iter().rev() {
        element.sync_state_with_parent().map_err(|e| wrong(e.to_string()))?;
    }
    let first = chain.first().and_then(|element| element.static_pad("sink"));
    let first = first.ok_or_else(|| wrong("the chain has no input".to_owned()))?;
    source.link(&first).map_err(|e| wrong(e.to_string()))?;
    let mut known = context.notes.known();
    known.codec = Some(codec.name().to_owned());
    known.decoder = decoder.factory().map(|factory| factory.name().to_string());
    Ok(())
}

/// Keeps everything but keyframes from a decoder. What is dropped still shows that the source lives.
pub(crate) fn keyframes_only(decoder: &gst::Element, tap: &Arc<Tap>) {
    let Some(pad) = decoder.static_pad("sink") else { return };
    let tap = Arc::clone(tap);
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        tap.beat();
        match info.buffer() {
            Some(buffer) if buffer.flags().contains(gst::BufferFlags::DELTA_UNIT) => {
                gst::PadProbeReturn::Handled
            }
            _ => gst::PadProbeReturn::Ok,
        }
    });
}

/// Tells of the first keyframe that the decoder is given.
fn await_keyframe(sink: &gst::Pad, tap: &Arc<Tap>) {
    tap.keyframe_awaited();
    let tap = Arc::clone(tap);
    sink.add_probe(gst::PadProbeType::BUFFER, move |_, info| match info.buffer() {
        Some(buffer) if !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT) => {
            tap.keyframe(buffer.pts());
            gst::PadProbeReturn::Remove
        }
        _ => gst::PadProbeReturn::Ok,
    });
}

/// What a decoder is spared: pictures that are not due and that no other picture is made from, and being given each as it
/// comes, where a picture that is due is not waited for.
fn spare(sink: &gst::Pad, codec: Codec, tap: &Arc<Tap>) {
    let tap = Arc::clone(tap);
    let kinds =
        gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM | gst::PadProbeType::EVENT_FLUSH;
    let stream: Mutex<Option<Stream>> = Mutex::new(None);
    let waiting: Mutex<Vec<gst::Buffer>> = Mutex::new(Vec::new());
    // What waited passes this probe a second time.
    let giving = AtomicBool::new(false);
    sink.add_probe(kinds, move |pad, info| {
        if giving.load(Ordering::Relaxed) {
            return gst::PadProbeReturn::Ok;
        }
        let give = |buffers: Vec<gst::Buffer>| {
            giving.store(true, Ordering::Relaxed);
            let done = buffers.into_iter().try_for_each(|buffer| pad.chain(buffer).map(drop));
            giving.store(false, Ordering::Relaxed);
            tap.given();
            done
        };
        let take = || std::mem::take(&mut *waiting.lock().unwrap_or_else(PoisonError::into_inner));
        match info.data.take() {
            Some(gst::PadProbeData::Event(event)) => {
                match event.view() {
                    gst::EventView::Caps(caps) => {
                        *stream.lock().unwrap_or_else(PoisonError::into_inner) =
                            described(codec, caps.caps());
                    }
                    gst::EventView::FlushStop(_) => drop(take()),
                    _ => {}
                }
                // Pictures stay before what came after them.
                if event.is_serialized()
                    && event.type_() != gst::EventType::FlushStop
                    && let Err(error) = give(take())
                {
                    tracing::debug!(%error, "pictures that waited were not taken");
                }
                info.data = Some(gst::PadProbeData::Event(event));
                gst::PadProbeReturn::Ok
            }
            Some(gst::PadProbeData::Buffer(buffer)) => {
                let spared =
                    stream.lock().unwrap_or_else(PoisonError::into_inner).as_mut().is_some_and(|stream| {
                        buffer.map_readable().is_ok_and(|unit| stream.spares(unit.as_slice()))
                    });
                if tap.skips(buffer.pts(), spared) {
                    info.data = Some(gst::PadProbeData::Buffer(buffer));
                    return gst::PadProbeReturn::Handled;
                }
                let timed = buffer.pts().is_some();
                waiting.lock().unwrap_or_else(PoisonError::into_inner).push(buffer);
                if !(timed && tap.may_wait()) {
                    info.flow_res = give(take()).map(|()| gst::FlowSuccess::Ok);
                }
                gst::PadProbeReturn::Handled
            }
            other => {
                info.data = other;
                gst::PadProbeReturn::Ok
            }
        }
    });
}

/// How whole pictures lie in a decoder's buffers; `None` for anything else, such as streams with fields.
fn described(codec: Codec, caps: &gst::CapsRef) -> Option<Stream> {
    let of = caps.structure(0)?;
    let whole = of.get::<&str>("alignment").is_ok_and(|alignment| alignment == "au");
    // The parser of H.264 says either, or both, depending on the stream; that of H.265 speaks of fields only.
    let progressive = of.get::<&str>("interlace-mode").ok().map(|mode| mode == "progressive");
    let framed = of.get::<&str>("coded-picture-structure").ok().map(|coded| coded == "frame");
    let told = codec == Codec::H265 || progressive.is_some() || framed.is_some();
    if !whole || !told || progressive == Some(false) || framed == Some(false) {
        return None;
    }
    if of.get::<&str>("stream-format").ok()? == "byte-stream" {
        return Some(Stream::new(codec, Layout::StartCodes));
    }
    let record = of.get::<gst::Buffer>("codec_data").ok()?;
    let record = record.map_readable().ok()?;
    // A byte of the configuration record ends in the length's size less one.
    let sizes = record.get(if codec == Codec::H264 { 4 } else { 21 })?;
    let mut stream = Stream::new(codec, Layout::Lengths(usize::from(sizes & 3) + 1));
    if codec == Codec::H265 {
        stream.read_record(&record);
    }
    Some(stream)
}
