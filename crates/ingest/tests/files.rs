//! Files: real ones, generated ones and bad ones. Frames must come at their own times, and each kind of bad
//! file must give its own error.

mod common;

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use common::{camera, clip, generate};
use wayside_ingest::{FileSummary, IngestError, SourceOptions, read_file};
use wayside_types::{Frame, FrameSize, PixelFormat, Timestamp};

/// Reads a whole file; `look` sees each frame.
fn read(path: &Path, rate_fps: f64, mut look: impl FnMut(&Frame)) -> Result<FileSummary, IngestError> {
    let options = SourceOptions { rate_fps, ..SourceOptions::default() };
    read_file(camera(), path, &options, &mut |frame| {
        look(&frame);
        ControlFlow::Continue(())
    })
}

#[test]
fn variable_frame_rate_is_analysed_by_its_own_time() {
    let Some(path) = clip("motorway-vfr.mp4") else { return };
    let mut times = Vec::new();
    let summary = read(&path, 10.0, |frame| times.push(frame.media_time.as_secs_f64())).unwrap();
    assert_eq!(summary.frames, 576);
    assert_eq!(summary.size, FrameSize { width: 1280, height: 720 });
    assert!((summary.duration.as_secs_f64() - 34.56).abs() < 0.1, "{:?}", summary.duration);
    assert!(!summary.truncated);
    assert_eq!(summary.due as usize, times.len());
    let first = times.iter().filter(|&&t| t < 11.515).count();
    let second = times.len() - first;
    assert!((114..=117).contains(&first), "{first} analysed in the first 11.52 s");
    assert!((228..=232).contains(&second), "{second} analysed in the second half");
}
