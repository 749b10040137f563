//! Why a camera was lost, in an operator's words. GStreamer's own text is used only where it adds
//! something, and never without the camera's secrets taken out of it.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::time::Duration;

use gstreamer as gst;
use gstreamer::glib;

use crate::error::IngestError;
use crate::pipeline::{Fault, Known};
use crate::secret::{Address, Scrub};

/// What may bring a lost source back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cure {
    /// Trying again.
    Retry,
    /// A person who changes something at the camera or in its settings; trying again seldom is enough.
    Person,
    /// Nothing: the source is what it is.
    Nothing,
}

/// Why a source was lost, and what helps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Loss {
    pub reason: String,
    pub cure: Cure,
}

impl Loss {
    pub fn retry(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), cure: Cure::Retry }
    }

    pub fn needs_person(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), cure: Cure::Person }
    }

    pub fn final_error(error: impl ToString) -> Self {
        Self { reason: error.to_string(), cure: Cure::Nothing }
    }

    /// A file whose streams hold no video.
    pub fn no_video() -> Self {
        Self::final_error("no video stream")
    }
}

/// What a bus error of a camera's pipeline means.
pub(crate) fn explain(fault: &Fault, known: &Known, scrub: &Scrub) -> Loss {
    if let Some(failure) = &known.failure {
        return Loss { reason: scrub.clean(&failure.reason), cure: failure.cure };
    }
    if known.described && known.codec.is_none() {
        return unusable(known);
    }
    let text = scrub.clean(fault.error.message());
    let debug = scrub.clean(&fault.debug);
    classify(&fault.error, &text, &debug)
}

/// A camera that described itself, but with nothing that we take.
fn unusable(known: &Known) -> Loss {
    if known.unsupported.is_empty() {
        let others = if known.others.is_empty() { "nothing".to_owned() } else { known.others.join(", ") };
        return Loss::needs_person(format!("the camera offers no video stream (only: {others})"));
    }
    let codecs = known.unsupported.join(", ");
    Loss::needs_person(format!("codec {codecs} is not supported: the camera must send H.264 or H.265"))
}

fn classify(error: &glib::Error, text: &str, debug: &str) -> Loss {
    let status = |code: &str| debug.contains(&format!("({code})")) || text.contains(&format!("({code})"));
    match error.kind::<gst::ResourceError>() {
        Some(gst::ResourceError::NotAuthorized) => {
            return Loss::needs_person("the camera refused user and password (401 Unauthorized)");
        }
        Some(gst::ResourceError::NotFound) if !debug.contains("resolve") => {
            return Loss::needs_person("the camera has no stream of this path (404 Not Found)");
        }
        _ => {}
    }
    if status("401") || text.contains("Unauthorized") || debug.contains("Unauthorized") {
        return Loss::needs_person("the camera refused user and password (401 Unauthorized)");
    }
    if status("403") {
        return Loss::needs_person("the camera forbids this stream to this user (403 Forbidden)");
    }
    if debug.contains("(Parse error)") {
        return Loss::needs_person(
            "what answers there does not speak RTSP: host, port or path may be another's",
        );
    }
    if debug.contains("UDP packets") {
        return Loss::retry("no video came over UDP: a firewall may block it; try transport = \"tcp\"");
    }
    // The first lines of GStreamer's details are its own source lines.
    let details = debug.lines().last().filter(|line| !line.contains(".c("));
    Loss::retry(details.map_or_else(|| text.to_owned(), |details| format!("{text} {details}")))
}

/// Whether an error says no more than that the connection could not be made.
pub(crate) fn says_nothing(loss: &Loss) -> bool {
    loss.cure == Cure::Retry && loss.reason.contains("onnect")
}

/// Finds out why a camera could not be connected to, by trying it: GStreamer does not say. Takes at most
/// about `patience`; `None` when the connection can be made now.
pub(crate) fn diagnose(address: &Address, patience: Duration) -> Option<String> {
    let (host, port) = host_and_port(&address.location)?;
    let (send, receive) = mpsc::channel();
    // Resolving a name can't be interrupted, so it gets its own thread, which ends by itself.
    let spawned = std::thread::Builder::new().name("diagnose".to_owned()).spawn({
        let host = host.clone();
        move || drop(send.send(try_connect(&host, port, patience)))
    });
    spawned.ok()?;
    let late = || Some(format!("no answer from {host}:{port} within {} s", patience.as_secs_f64()));
    receive.recv_timeout(patience + Duration::from_millis(500)).unwrap_or_else(|_| late())
}

fn try_connect(host: &str, port: u16, patience: Duration) -> Option<String> {
    let Ok(found) = (host, port).to_socket_addrs() else {
        return Some(format!("the host name {host} cannot be resolved (DNS)"));
    };
    let found: Vec<SocketAddr> = found.collect();
    let each = patience / u32::try_from(found.len().max(1)).unwrap_or(1);
    let mut reason = None;
    for address in found {
        match TcpStream::connect_timeout(&address, each.max(Duration::from_millis(10))) {
            Ok(_) => return None,
            Err(error) => reason = Some(words(&error, host, port, patience)),
        }
    }
    reason
}

fn words(error: &std::io::Error, host: &str, port: u16, patience: Duration) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => format!("connection refused by {host}:{port}"),
        ErrorKind::HostUnreachable => format!("host {host} is unreachable (no route)"),
        ErrorKind::NetworkUnreachable => format!("the network of {host} is unreachable"),
        ErrorKind::TimedOut => format!("no answer from {host}:{port} within {} s", patience.as_secs_f64()),
        _ => format!("cannot connect to {host}:{port}: {error}"),
    }
}

/// Host and port of an address without credentials; 554 for `rtsp`, 322 for `rtsps` where none is given.
fn host_and_port(location: &str) -> Option<(String, u16)> {
    let (scheme, rest) = location.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let usual = if scheme == "rtsps" { 322 } else { 554 };
    if let Some(v6) = authority.strip_prefix('[') {
        let (host, after) = v6.split_once(']')?;
        let port = after.strip_prefix(':').map_or(Some(usual), |port| port.parse().ok())?;
        return Some((host.to_owned(), port));
    }
    match authority.split_once(':') {
        Some((host, port)) => Some((host.to_owned(), port.parse().ok()?)),
        None => Some((authority.to_owned(), usual)),
    }
}

/// The error for a file that could not be read, from what GStreamer said and what was seen of it.
pub(crate) fn explain_file(path: &std::path::Path, fault: &Fault, known: &Known, frames: u64) -> IngestError {
    let path = path.to_owned();
    let reason = fault.error.message().to_owned();
    if frames > 0 {
        return IngestError::FileBroken { path, frames, reason };
    }
    if !known.unsupported.is_empty() {
        return IngestError::FileCodec { path, codec: known.unsupported.join(", ") };
    }
    if !known.others.is_empty() && !known.described {
        return IngestError::NoVideoStream { path, found: known.others.join(", ") };
    }
    if let Some(failure) = &known.failure {
        return IngestError::FileTruncated { path, reason: failure.reason.clone() };
    }
    match fault.error.kind::<gst::StreamError>() {
        Some(gst::StreamError::WrongType | gst::StreamError::TypeNotFound) => {
            let found = known.container.clone().unwrap_or(reason);
            IngestError::NotVideo { path, found: found.trim_end_matches('.').to_owned() }
        }
        Some(gst::StreamError::CodecNotFound) => IngestError::FileCodec { path, codec: reason },
        _ => IngestError::FileTruncated { path, reason },
    }
}
