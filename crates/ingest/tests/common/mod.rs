//! What the integration tests share: clips, generated files, and a sink that remembers.

#![allow(dead_code, reason = "each test binary uses its own part of this")]

use std::path::{Path, PathBuf};

use gstreamer as gst;
use gstreamer::prelude::*;
use wayside_types::CameraId;

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

/// Runs a pipeline to its end, writing a file.
pub fn generate(pipeline: &str) {
    wayside_ingest::init().unwrap();
    let pipeline = gst::parse::launch(pipeline).unwrap();
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
