//! What the integration tests share: clips, generated files, and a sink that remembers.

#![allow(dead_code, reason = "each test binary uses its own part of this")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

pub mod server;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use wayside_ingest::{Backoff, FrameSink, LiveSource, SourceChange, SourceOptions};
use wayside_types::{CameraId, Clock, Frame, FrameSize, SourceUrl, SystemClock, Timestamp};

pub fn camera() -> CameraId {
    CameraId::new("cam-1").unwrap()
}

/// A real clip beside the checkout, or `None` with a loud word.
pub fn clip(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/clips").join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("SKIPPED: {} is not there", path.display());
    None
}

/// Whether GStreamer has an element; says loudly where it has not.
pub fn has_element(name: &str) -> bool {
    wayside_ingest::init().unwrap();
    let there = gst::ElementFactory::find(name).is_some();
    if !there {
        eprintln!("SKIPPED: GStreamer's {name} is not installed");
    }
    there
}

/// Runs a pipeline to its end, writing a file.
pub fn generate(pipeline: &str) {
    generate_without(0, pipeline);
}

/// The same without the first of what goes through the element called `cut`.
pub fn generate_without(first: usize, pipeline: &str) {
    wayside_ingest::init().unwrap();
    let pipeline = gst::parse::launch(pipeline).unwrap();
    let bin = pipeline.downcast_ref::<gst::Bin>().unwrap();
    if let Some(cut) = bin.by_name("cut") {
        let left = std::sync::atomic::AtomicUsize::new(first);
        cut.static_pad("sink").unwrap().add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            let order = std::sync::atomic::Ordering::Relaxed;
            match left.fetch_update(order, order, |left| left.checked_sub(1)) {
                Ok(_) => gst::PadProbeReturn::Drop,
                Err(_) => gst::PadProbeReturn::Ok,
            }
        });
    }
    let bus = pipeline.bus().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
    let message =
        bus.timed_pop_filtered(gst::ClockTime::from_seconds(30), &kinds).expect("generated in time");
    if let gst::MessageView::Error(error) = message.view() {
        panic!("{} {:?}", error.error(), error.debug());
    }
    pipeline.set_state(gst::State::Null).unwrap();
}

/// A test picture as H.264 in an MP4: `frames` at `fps`, of this size.
pub fn mp4(path: &Path, frames: u32, fps: u32, size: (u32, u32)) {
    generate(&format!(
        "videotestsrc num-buffers={frames} pattern=ball ! video/x-raw,format=I420,width={},height={},framerate={fps}/1 \
         ! x264enc speed-preset=ultrafast key-int-max={fps} ! mp4mux ! filesink location={}",
        size.0,
        size.1,
        path.display()
    ));
}

/// What the tests look at of a frame.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    pub seq: u64,
    pub media: Duration,
    pub captured_at: Timestamp,
    pub arrived_at: Timestamp,
    pub size: FrameSize,
}

/// A sink that remembers all it was given.
#[derive(Default)]
pub struct Recorder {
    heard: Mutex<Heard>,
    changed: Condvar,
}

#[derive(Debug, Default, Clone)]
pub struct Heard {
    pub frames: Vec<Seen>,
    pub states: Vec<SourceChange>,
}

impl FrameSink for Recorder {
    fn frame(&self, frame: Frame) {
        self.heard.lock().unwrap().frames.push(Seen {
            seq: frame.seq,
            media: frame.media_time,
            captured_at: frame.captured_at,
            arrived_at: SystemClock::default().now(),
            size: frame.size,
        });
        self.changed.notify_all();
    }

    fn state(&self, change: SourceChange) {
        self.heard.lock().unwrap().states.push(change);
        self.changed.notify_all();
    }
}

impl Recorder {
    /// Waits until `enough` holds, at most 15 s.
    pub fn wait(&self, what: &str, enough: impl Fn(&Heard) -> bool) -> Heard {
        let heard = self.heard.lock().unwrap();
        let patience = Duration::from_secs(15);
        let (heard, late) = self.changed.wait_timeout_while(heard, patience, |heard| !enough(heard)).unwrap();
        assert!(
            !late.timed_out(),
            "{what} did not happen: {:?}, {} frames",
            heard.states,
            heard.frames.len()
        );
        heard.clone()
    }

    /// Waits for a state and gives what was heard until then.
    pub fn wait_state(&self, what: &str, wanted: impl Fn(&SourceChange) -> bool) -> Heard {
        self.wait(what, |heard| heard.states.iter().any(&wanted))
    }

    /// The reason of the first loss or failure.
    pub fn reason(&self) -> String {
        let reason = |change: &SourceChange| match change {
            SourceChange::Lost { reason, .. } | SourceChange::Failed { reason, .. } => Some(reason.clone()),
            _ => None,
        };
        let heard = self.wait("a loss", |heard| heard.states.iter().any(|s| reason(s).is_some()));
        heard.states.iter().find_map(reason).unwrap()
    }
}

/// Settings that lose no time.
pub fn quick() -> SourceOptions {
    SourceOptions {
        rate_fps: 10.0,
        connect_timeout_ms: 4_000,
        watchdog_ms: 1_000,
        backoff: Backoff { first_ms: 100, max_ms: 400, jitter: 0.5 },
        ..SourceOptions::default()
    }
}

/// Starts a source into a new recorder.
pub fn start(url: &str, options: SourceOptions) -> (LiveSource, Arc<Recorder>) {
    let recorder = Arc::new(Recorder::default());
    let source = match wayside_types::camera::RtspUrl::new(url) {
        Some(url) => SourceUrl::Rtsp(url),
        None => SourceUrl::File(url.into()),
    };
    let sink = Arc::clone(&recorder) as Arc<dyn FrameSink>;
    let live = LiveSource::start(camera(), source, options, SystemClock::shared(), 1, sink).unwrap();
    (live, recorder)
}
