//! H.264 and H.265 from wherever they come to the pipeline's end: parser, a decoder that works here, and the
//! filter that keeps anything but keyframes from the decoder where that is wanted.

use std::sync::Arc;

use gstreamer as gst;
use gstreamer::prelude::*;

use super::{Context, make};
use crate::decoder::{self, Codec};
use crate::error::IngestError;
use crate::tap::{Tail, Tap};

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
