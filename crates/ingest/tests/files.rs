//! Files: real ones, generated ones and bad ones. Frames must come at their own times, and each kind of bad
//! file must give its own error.

mod common;

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use common::{camera, clip, generate};
use wayside_ingest::{FileSummary, IngestError, RateGate, SourceOptions, read_file};
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

#[test]
fn what_is_left_undecoded_changes_nothing() {
    let Some(path) = clip("arterial-20s.mp4") else { return };
    let times = |rate_fps: f64| {
        let mut times = Vec::new();
        let summary = read(&path, rate_fps, |frame| times.push(frame.media_time)).unwrap();
        (times, summary)
    };
    let (all, whole) = times(1000.0);
    assert_eq!((all.len(), whole.skipped), (480, 0));
    // Half of this clip's pictures are of the kind that may be skipped.
    for (rate_fps, least) in [(5.0, 150), (10.0, 100)] {
        let (due, summary) = times(rate_fps);
        let mut gate = RateGate::new(rate_fps);
        let wanted: Vec<Duration> = all.iter().copied().filter(|at| gate.due(*at)).collect();
        assert_eq!(due, wanted, "at {rate_fps} a second");
        assert!(summary.skipped >= least, "{} skipped at {rate_fps} a second", summary.skipped);
        let same = (summary.frames, summary.duration, summary.truncated);
        assert_eq!(same, (whole.frames, whole.duration, whole.truncated));
    }
}

#[test]
fn pictures_of_h265_are_left_undecoded_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.mp4");
    generate(&format!(
        "videotestsrc num-buffers=200 pattern=ball ! video/x-raw,format=I420,width=160,height=120,framerate=25/1 \
         ! x265enc speed-preset=ultrafast key-int-max=50 option-string=bframes=3:b-adapt=0 ! h265parse ! mp4mux \
         ! filesink location={}",
        path.display()
    ));
    let pictures = |rate_fps: f64| {
        let mut pictures = Vec::new();
        let summary = read(&path, rate_fps, |frame| {
            let luma = frame.pixels.plane(0);
            let rows = luma.data.chunks(luma.stride).take(120);
            pictures.push((frame.media_time, rows.flat_map(|row| &row[..160]).copied().collect::<Vec<u8>>()));
        });
        (pictures, summary.unwrap())
    };
    let (all, whole) = pictures(1000.0);
    assert_eq!((all.len(), whole.skipped), (200, 0));
    let (due, summary) = pictures(5.0);
    let mut gate = RateGate::new(5.0);
    let wanted: Vec<_> = all.into_iter().filter(|(at, _)| gate.due(*at)).collect();
    let times = |pictures: &[(Duration, Vec<u8>)]| pictures.iter().map(|(at, _)| *at).collect::<Vec<_>>();
    assert_eq!(times(&due), times(&wanted));
    assert!(due == wanted, "what was left out was needed by others");
    assert!(summary.skipped >= 60, "{} skipped", summary.skipped);
    assert_eq!((summary.frames, summary.duration), (whole.frames, whole.duration));
}

#[test]
fn frames_carry_their_times_size_and_pixels() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.mp4");
    generate(&format!(
        "videotestsrc num-buffers=50 pattern=white ! video/x-raw,format=I420,width=322,height=182,framerate=25/1 \
         ! x264enc speed-preset=ultrafast ! mp4mux ! filesink location={}",
        path.display()
    ));
    let mut frames = Vec::new();
    let summary = read(&path, 1000.0, |frame| {
        let luma = frame.pixels.plane(0);
        assert!(luma.stride >= 322 && luma.data.len() >= luma.stride * 181 + 322);
        let row = &luma.data[luma.stride * 181..][..322];
        assert!(row.iter().all(|y| (230..=238).contains(y)), "limited-range white, {row:?}");
        let planes = frame.format.planes();
        assert!(frame.pixels.plane(planes - 1).data.len() >= 161 * 90);
        assert!(frame.pixels.plane(planes).data.is_empty());
        frames.push((frame.seq, frame.media_time, frame.captured_at, frame.size, frame.format));
    })
    .unwrap();
    assert_eq!((summary.frames, summary.due, summary.truncated), (50, 50, false));
    assert_eq!(summary.duration, Duration::from_secs(2));
    for (k, (seq, media, captured, size, format)) in frames.into_iter().enumerate() {
        assert_eq!(seq, k as u64);
        assert!((media.as_secs_f64() - k as f64 * 0.04).abs() < 0.001);
        assert_eq!(captured, Timestamp::UNIX_EPOCH.checked_add(media).unwrap());
        assert_eq!((size, format), (FrameSize { width: 322, height: 182 }, PixelFormat::I420));
    }
}

#[test]
fn full_range_and_other_formats_become_limited_range_i420() {
    let dir = tempfile::tempdir().unwrap();
    for (name, pipeline) in [
        ("mjpeg.avi", "video/x-raw,format=I420,width=64,height=64 ! jpegenc ! avimux"),
        (
            "full.mp4",
            "video/x-raw,format=I420,width=64,height=64,colorimetry=(string)1:4:0:0 ! x264enc speed-preset=ultrafast ! mp4mux",
        ),
        (
            "444.mp4",
            "video/x-raw,format=Y444,width=64,height=64 ! x264enc speed-preset=ultrafast ! video/x-h264,profile=high-4:4:4 ! mp4mux",
        ),
        ("rgb.avi", "video/x-raw,format=BGR,width=64,height=64 ! avimux"),
    ] {
        let path = dir.path().join(name);
        generate(&format!(
            "videotestsrc num-buffers=10 pattern=white ! {pipeline} ! filesink location={}",
            path.display()
        ));
        let mut seen = 0;
        let summary = read(&path, 10.0, |frame| {
            seen += 1;
            assert_eq!(frame.format, PixelFormat::I420, "{name}");
            let y = frame.pixels.plane(0).data[0];
            assert!((233..=237).contains(&y), "{name}: white is {y}");
        });
        let summary = summary.unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!((summary.frames, summary.due, seen), (10, 4, 4), "{name}");
    }
}

#[test]
fn each_bad_file_gives_its_own_error() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    std::fs::write(at("empty.mp4"), b"").unwrap();
    std::fs::write(at("text.mp4"), "This is no video at all.\n".repeat(100)).unwrap();
    let noise: Vec<u8> = (0..50_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    std::fs::write(at("noise.mp4"), noise).unwrap();
    generate(&format!(
        "audiotestsrc num-buffers=50 ! lamemp3enc ! filesink location={}",
        at("sound.mp3").display()
    ));
    generate(&format!(
        "audiotestsrc num-buffers=50 ! wavenc ! filesink location={}",
        at("sound.wav").display()
    ));
    generate(&format!(
        "audiotestsrc num-buffers=50 ! opusenc ! matroskamux ! filesink location={}",
        at("s.mkv").display()
    ));
    common::mp4(&at("whole.mp4"), 50, 25, (64, 64));
    // `mp4mux` writes the index last: without its end, such a file can't be read at all.
    let whole = std::fs::read(at("whole.mp4")).unwrap();
    std::fs::write(at("half.mp4"), &whole[..whole.len() / 2]).unwrap();
    std::fs::write(at("head.mp4"), &whole[..40]).unwrap();

    for (name, want) in [
        ("missing.mp4", "FileMissing"),
        ("", "FileUnreadable"),
        ("empty.mp4", "FileEmpty"),
        ("text.mp4", "NotVideo"),
        ("noise.mp4", "NotVideo"),
        ("sound.mp3", "NoVideoStream"),
        ("sound.wav", "NoVideoStream"),
        ("s.mkv", "NoVideoStream"),
        ("half.mp4", "FileTruncated"),
        ("head.mp4", "FileTruncated"),
    ] {
        let error = read(&at(name), 10.0, |_| ()).expect_err(name);
        assert!(format!("{error:?}").starts_with(want), "{name:?}: {error:?}");
        assert!(error.to_string().contains(&*at(name).to_string_lossy()), "{error}");
        println!("{error}");
    }
}

#[test]
fn a_file_cut_off_midway_gives_its_frames_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    for (name, mux) in [("a.mp4", "mp4mux faststart=true"), ("a.mkv", "matroskamux"), ("a.ts", "mpegtsmux")] {
        let path = dir.path().join(name);
        generate(&format!(
            "videotestsrc num-buffers=250 pattern=snow ! video/x-raw,width=64,height=64,framerate=25/1 \
             ! x264enc speed-preset=ultrafast ! h264parse ! {mux} ! filesink location={}",
            path.display()
        ));
        let whole = read(&path, 25.0, |_| ()).unwrap();
        assert_eq!((whole.frames, whole.truncated), (250, false), "{name}");
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        let half = read(&path, 25.0, |_| ()).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!((100..=150).contains(&half.frames), "{name}: {half:?}");
        // A transport stream states no duration: nothing tells where it should have ended.
        assert_eq!(half.truncated, name != "a.ts", "{name}: {half:?}");
    }
}

#[test]
fn damage_in_the_middle_is_survived() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.mp4");
    common::mp4(&path, 250, 25, (160, 120));
    let mut bytes = std::fs::read(&path).unwrap();
    let (from, to) = (bytes.len() / 3, bytes.len() / 3 + 2_000);
    bytes[from..to].fill(0x5a);
    std::fs::write(&path, bytes).unwrap();
    let summary = read(&path, 25.0, |_| ()).unwrap();
    assert!(summary.frames > 100, "{summary:?}");
}

#[test]
fn what_is_guessed_before_the_first_keyframe_is_left_out() {
    let dir = tempfile::tempdir().unwrap();
    for encoder in [
        "x264enc speed-preset=ultrafast key-int-max=50 ! h264parse",
        "x265enc speed-preset=ultrafast key-int-max=50 ! h265parse",
    ] {
        let path = dir.path().join("a.mp4");
        common::generate_without(
            20,
            &format!(
                "videotestsrc num-buffers=120 pattern=white ! video/x-raw,format=I420,width=160,height=120,framerate=25/1 \
                 ! {encoder} ! identity name=cut ! mp4mux ! filesink location={}",
                path.display()
            ),
        );
        let mut pictures = Vec::new();
        let summary = read(&path, 25.0, |frame| {
            pictures.push((frame.media_time.as_millis(), frame.pixels.plane(0).data[0]));
        })
        .unwrap();
        assert!(pictures.iter().all(|&(_, luma)| luma > 225), "{encoder}: grey among {pictures:?}");
        // H.265's decoder leaves out a few of its own.
        assert!((1_160..=1_280).contains(&pictures[0].0), "{encoder}: {pictures:?}");
        assert!((68..=70).contains(&pictures.len()), "{encoder}: {summary:?}");
    }
}

#[test]
fn keyframes_only_decodes_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.mp4");
    common::mp4(&path, 250, 25, (64, 64));
    let options = SourceOptions { rate_fps: 25.0, keyframes_only: true, ..SourceOptions::default() };
    let mut times = Vec::new();
    let summary = read_file(camera(), &path, &options, &mut |frame| {
        times.push(frame.media_time.as_millis());
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(summary.frames, 10);
    assert_eq!(times, (0..10).map(|s| s * 1000).collect::<Vec<_>>());
}

#[test]
fn breaking_ends_the_reading_and_frames_may_be_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.mp4");
    common::mp4(&path, 250, 25, (64, 64));
    let mut kept = Vec::new();
    let summary = read_file(camera(), &path, &SourceOptions::default(), &mut |frame| {
        kept.push(frame);
        if kept.len() == 20 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .unwrap();
    assert_eq!((kept.len(), summary.truncated), (20, false));
    // The decoder's buffers outlive their pipeline as long as someone holds them.
    assert!(kept.iter().all(|frame| frame.pixels.plane(0).data.len() >= 64 * 63 + 64));
}

#[test]
fn the_real_clips_are_read_whole() {
    // One of them begins between two keyframes.
    for (name, frames, seconds, guessed) in
        [("arterial-20s.mp4", 480, 20.02, 0.0), ("residential-75s.mp4", 750, 75.0, 1.9)]
    {
        let Some(path) = clip(name) else { continue };
        let summary = read(&path, 5.0, |_| ()).unwrap();
        println!("{name}: {summary:?}");
        assert!(summary.frames.abs_diff(frames) <= 20, "{name}: {summary:?}");
        assert!((summary.duration.as_secs_f64() - seconds).abs() < 1.0, "{name}: {summary:?}");
        assert!((summary.due as f64 - (seconds - guessed) * 5.0).abs() <= 5.0, "{name}: {summary:?}");
        assert!(!summary.truncated);
    }
}
