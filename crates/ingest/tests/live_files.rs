//! Files standing in for cameras: played once at their own pace.

mod common;

use std::sync::Arc;

use common::{camera, clip, mp4, quick, start};
use wayside_ingest::{FrameSink, IngestError, LiveSource, SourceChange, SourceOptions};
use wayside_types::{Clock, SourceUrl, SystemClock};

#[test]
fn a_file_plays_once_at_its_own_pace() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.mp4");
    mp4(&path, 50, 25, (64, 64));
    let clock = SystemClock::default();
    let (live, recorder) = start(path.to_str().unwrap(), quick());
    let heard = recorder.wait_state("the end", |state| *state == SourceChange::Ended);
    let took_s = clock.monotonic().as_secs_f64();
    assert!((1.8..4.0).contains(&took_s), "2 s of film took {took_s} s");
    assert_eq!(live.stats().frames, 50);
    assert!((19..=21).contains(&heard.frames.len()), "{}", heard.frames.len());
    for frame in &heard.frames {
        let behind_s = frame.arrived_at.duration_since(frame.captured_at).as_secs_f64();
        assert!((0.0..0.5).contains(&behind_s), "captured {behind_s} s before arrival");
    }
    assert_eq!(heard.states.len(), 3, "{:?}", heard.states);
}

#[test]
fn a_real_clip_passes_as_a_camera() {
    let Some(path) = clip("junction-truck-3s.mp4") else { return };
    let (_live, recorder) = start(path.to_str().unwrap(), quick());
    let heard = recorder.wait_state("the end", |state| *state == SourceChange::Ended);
    assert!((28..=32).contains(&heard.frames.len()), "{}", heard.frames.len());
    assert!(
        matches!(&heard.states[1], SourceChange::Live { codec, .. } if codec == "H.264"),
        "{:?}",
        heard.states
    );
}

#[test]
fn a_file_that_can_never_work_fails_once() {
    let dir = tempfile::tempdir().unwrap();
    let text = dir.path().join("text.mp4");
    std::fs::write(&text, "no video\n".repeat(1000)).unwrap();
    let (_live, recorder) = start(text.to_str().unwrap(), quick());
    let heard = recorder.wait_state("failure", |s| matches!(s, SourceChange::Failed { retry_in: None, .. }));
    assert!(recorder.reason().contains("not a video"), "{:?}", heard.states);

    let sound = dir.path().join("sound.wav");
    common::generate(&format!(
        "audiotestsrc num-buffers=50 ! wavenc ! filesink location={}",
        sound.display()
    ));
    let (_live, recorder) = start(sound.to_str().unwrap(), quick());
    assert!(recorder.reason().contains("no video stream"), "{}", recorder.reason());

    let whole = dir.path().join("whole.mp4");
    mp4(&whole, 50, 25, (64, 64));
    let bytes = std::fs::read(&whole).unwrap();
    std::fs::write(&whole, &bytes[..bytes.len() / 2]).unwrap();
    let (_live, recorder) = start(whole.to_str().unwrap(), quick());
    assert!(recorder.reason().contains("cut off or damaged"), "{}", recorder.reason());
}

#[test]
fn what_can_never_work_is_refused_at_the_start() {
    let begin = |path: &str, options: SourceOptions| {
        let sink: Arc<dyn FrameSink> = Arc::new(common::Recorder::default());
        LiveSource::start(camera(), SourceUrl::File(path.into()), options, SystemClock::shared(), 1, sink)
            .err()
    };
    assert!(matches!(begin("/no/such/file.mp4", quick()), Some(IngestError::FileMissing { .. })));
    let rate = SourceOptions { rate_fps: -1.0, ..quick() };
    assert!(matches!(
        begin("/no/such/file.mp4", rate),
        Some(IngestError::Setting { setting: "rate_fps", .. })
    ));
    let decoders = SourceOptions { decoders: vec!["no-such".to_owned()], ..quick() };
    assert!(matches!(begin("/no/such/file.mp4", decoders), Some(IngestError::NoDecoder { .. })));
}
