//! Cameras over RTSP: one video stream of H.264 or H.265 is set up, everything else the camera offers is
//! left alone. Packets' RTP times and the camera's sender reports go to `tap` for capture times.

use std::sync::{Arc, Mutex, PoisonError};

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;
use wayside_types::camera::RtspTransport;

use super::{Context, Notes, Session, empty, encoded, make};
use crate::capture::SenderReport;
use crate::decoder::Codec;
use crate::error::IngestError;
use crate::reason::Loss;
use crate::secret::Address;
use crate::tap::{Tail, Tap};

/// A pipeline that plays a camera. Frames come out as they arrive.
///
/// # Errors
/// [`IngestError::Build`] when an element can't be made.
pub(crate) fn open(address: &Address, context: &Context) -> Result<Session, IngestError> {
    let (pipeline, bus) = empty()?;
    let wrong = |e: glib::BoolError| IngestError::Build { what: "RTSP pipeline", reason: e.to_string() };
    let source = make("rtspsrc")?;
    configure(&source, address, context);
    pipeline.add(&source).map_err(wrong)?;
    let tail = Tail::add_to(&pipeline, &context.tap, false)?;
    let appsink = tail.appsink.clone();
    select_one_video(&source, &context.notes);
    link_when_ready(&pipeline, &source, tail, context);
    follow_reports(&source, &context.tap);
    Ok(Session { pipeline, bus, appsink, notes: Arc::clone(&context.notes) })
}

fn configure(source: &gst::Element, address: &Address, context: &Context) {
    let options = &context.options;
    source.set_property("location", &address.location);
    // Apart from the address, so that GStreamer's messages about the address can't hold them.
    if let Some(user) = &address.user {
        source.set_property("user-id", user);
        source.set_property("user-pw", address.password.as_deref().unwrap_or_default());
    }
    let protocols = match options.transport {
        RtspTransport::Tcp => "tcp",
        RtspTransport::Udp => "udp",
    };
    source.set_property_from_str("protocols", protocols);
    source.set_property("latency", options.latency_ms);
    source.set_property("tcp-timeout", options.connect_timeout_ms.saturating_mul(1000));
    source.set_property("timeout", options.connect_timeout_ms.saturating_mul(1000));
    source.set_property("user-agent", concat!("Wayside/", env!("CARGO_PKG_VERSION")));
    judge_certificate(source, options.tls_insecure, &context.notes);
}

/// Takes a certificate that can't be verified only by option, and says so where it is refused.
fn judge_certificate(source: &gst::Element, take_any: bool, notes: &Arc<Notes>) {
    let notes = Arc::clone(notes);
    // Called only for a certificate that did not pass.
    source.connect("accept-certificate", false, move |_| {
        if !take_any {
            let reason = "the camera's certificate is not trusted (cameras mostly sign their own): \
                          add it to the system's certificates, or set tls_insecure = true";
            notes.known().failure.get_or_insert(Loss::needs_person(reason));
        }
        Some(take_any.to_value())
    });
}

/// Sets up the first video stream that we can decode, and remembers what else there was.
fn select_one_video(source: &gst::Element, notes: &Arc<Notes>) {
    let notes = Arc::clone(notes);
    let chosen: Mutex<Option<u32>> = Mutex::new(None);
    source.connect("select-stream", false, move |values| {
        let number = values.get(1).and_then(|v| v.get::<u32>().ok()).unwrap_or_default();
        let caps = values.get(2).and_then(|v| v.get::<gst::Caps>().ok());
        let stream = caps.as_ref().and_then(|caps| caps.structure(0));
        let field = |name| stream.and_then(|s| s.get::<String>(name).ok()).unwrap_or_default();
        let (media, encoding) = (field("media"), field("encoding-name"));
        let mut chosen = chosen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = notes.known();
        known.described = true;
        let is_video = media == "video";
        let take = is_video && Codec::from_rtp(&encoding).is_some() && chosen.is_none_or(|n| n == number);
        if take {
            *chosen = Some(number);
        } else if is_video && chosen.is_none() {
            known.unsupported.push(if encoding.is_empty() { "unknown".to_owned() } else { encoding });
        } else {
            known.others.push(media);
        }
        Some(take.to_value())
    });
}

/// Links the chosen stream when its pad appears, or says why it can't be.
fn link_when_ready(pipeline: &gst::Pipeline, source: &gst::Element, tail: Tail, context: &Context) {
    let weak = pipeline.downgrade();
    let context = context.clone();
    let tail = Mutex::new(Some(tail));
    source.connect_pad_added(move |_, pad| {
        let Some(pipeline) = weak.upgrade() else { return };
        let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
        let stream = caps.structure(0);
        let encoding = stream.and_then(|s| s.get::<String>("encoding-name").ok()).unwrap_or_default();
        let clock_rate = stream.and_then(|s| s.get::<i32>("clock-rate").ok()).unwrap_or(90_000);
        let Some(codec) = Codec::from_rtp(&encoding) else { return };
        let Some(tail) = tail.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        context.tap.rtp_starts(u32::try_from(clock_rate).unwrap_or(90_000));
        note_packets(pad, &context.tap);
        let linked = make(codec.depayloader())
            .and_then(|depayloader| encoded::link(&pipeline, pad, codec, Some(depayloader), &tail, &context));
        if let Err(error) = linked {
            context.notes.fail(&pipeline, Loss::needs_person(error.to_string()));
        }
    });
}

/// Remembers the RTP time behind each presentation time.
fn note_packets(pad: &gst::Pad, tap: &Arc<Tap>) {
    let tap = Arc::clone(tap);
    let note = move |buffer: &gst::BufferRef| {
        let mut header = [0u8; 12];
        if let (Some(pts), Ok(())) = (buffer.pts(), buffer.copy_to_slice(0, &mut header)) {
            let [_, _, _, _, a, b, c, d, ..] = header;
            tap.rtp_packet(pts, u32::from_be_bytes([a, b, c, d]));
        }
    };
    pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |_, info| {
        match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => note(buffer),
            Some(gst::PadProbeData::BufferList(list)) => list.iter().for_each(&note),
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}

/// Takes the camera's RTCP sender reports from rtpbin.
fn follow_reports(source: &gst::Element, tap: &Arc<Tap>) {
    let tap = Arc::clone(tap);
    source.connect("new-manager", false, move |values| {
        let manager = values.get(1).and_then(|v| v.get::<gst::Element>().ok())?;
        // UDP without RTCP and other managers than rtpbin have no such signal.
        glib::subclass::SignalId::lookup("on-ssrc-active", manager.type_())?;
        let tap = Arc::clone(&tap);
        manager.connect("on-ssrc-active", false, move |values| {
            let manager = values.first().and_then(|v| v.get::<gst::Element>().ok())?;
            let session = values.get(1).and_then(|v| v.get::<u32>().ok())?;
            let ssrc = values.get(2).and_then(|v| v.get::<u32>().ok())?;
            if let Some(report) = report_of(&manager, session, ssrc) {
                tap.rtp_report(report);
            }
            None
        });
        None
    });
}

fn report_of(manager: &gst::Element, session: u32, ssrc: u32) -> Option<SenderReport> {
    let session = manager.emit_by_name::<Option<glib::Object>>("get-internal-session", &[&session])?;
    let source = session.emit_by_name::<Option<glib::Object>>("get-source-by-ssrc", &[&ssrc])?;
    let stats = source.property::<gst::Structure>("stats");
    if !stats.get::<bool>("have-sr").ok()? || stats.get::<bool>("internal").unwrap_or(false) {
        return None;
    }
    Some(SenderReport {
        ntp: stats.get::<u64>("sr-ntptime").ok()?,
        rtp: stats.get::<u32>("sr-rtptime").ok()?,
    })
}
