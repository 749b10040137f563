//! What of a camera's bins is kept while a fault of it is suspected.

use jiff::ToSpan;
use wayside_store::Checkpoint;
use wayside_testkit::camera;
use wayside_types::frame::OwnedPixels;
use wayside_types::{
    BBox, BinLength, BinSubject, CameraId, FrameSize, Line, LineId, PixelFormat, Point, RoadUserClass,
    SystemClock,
};

use super::*;
use crate::ticker::save_checkpoint;

const SIZE: FrameSize = FrameSize { width: 640, height: 360 };
/// From here on the picture is dark.
const DARK_FROM: u64 = 200;

fn spec() -> CameraSpec {
    let middle = [Point::new(0.5, 0.1), Point::new(0.5, 0.95)];
    CameraSpec { lines: vec![Line { id: LineId::new("mid").unwrap(), points: middle }], ..camera("street") }
}

fn begin() -> Timestamp {
    "2026-11-20T08:00:00Z".parse().unwrap()
}

fn at(frame: u64) -> Timestamp {
    begin() + i64::try_from(frame * 100).unwrap().milliseconds()
}

/// A chequered road by day, or hardly anything of it; its noise is another in each frame.
fn picture(number: u64, dark: bool) -> Frame {
    let (width, height) = (SIZE.width as usize, SIZE.height as usize);
    let luma = |i: usize| {
        let (x, y) = (i % width, i / width);
        let noise = (x * 7 + y * 13 + usize::try_from(number).unwrap() * 29) % 5;
        let field = if (x / 24 + y / 24).is_multiple_of(2) { 70 } else { 150 };
        u8::try_from(if dark { 16 + noise } else { field + noise }).unwrap()
    };
    let luma: Vec<u8> = (0..width * height).map(luma).collect();
    let chroma = || (vec![128; width * height / 4], width / 2);
    Frame {
        camera: CameraId::new("street").unwrap(),
        captured_at: at(number),
        media_time: Duration::from_millis(number * 100),
        seq: number,
        size: SIZE,
        format: PixelFormat::I420,
        pixels: Arc::new(OwnedPixels::planar(vec![(luma, width), chroma(), chroma()])),
    }
}

/// Five cars, four seconds apart; the last is in the middle of the picture as the dark begins.
fn cars(number: u64) -> Vec<Detection> {
    let car = |entered: u64| {
        let x = (number.checked_sub(entered)? * 20) as f32;
        let shown = x < 560.0;
        shown.then(|| Detection {
            bbox: BBox::new(x, 200.0, x + 80.0, 250.0),
            class: RoadUserClass::Car,
            score: 0.9,
        })
    };
    [20, 60, 100, 140, 188].into_iter().filter_map(car).collect()
}

fn watch(camera: &LiveCamera, frames: std::ops::Range<u64>, dark_until: u64) {
    for number in frames {
        let frame = picture(number, (DARK_FROM..dark_until).contains(&number));
        assert!(camera.must_look(&frame).is_some() || number > 0);
        camera.measure(&frame, Some(cars(number))).unwrap();
    }
}

fn street() -> LiveCamera {
    let clock = SystemClock::shared();
    let run = CameraRun { time_zone: &TimeZone::UTC, epoch: 1, clock: &clock };
    LiveCamera::new(Arc::new(spec()), &run, Announcer::to_nobody()).unwrap()
}

/// Cars and seconds watched in the first minute.
fn minute(bins: &[ClosedBins]) -> (u32, f64) {
    let minute = bins
        .iter()
        .find(|c| c.coverage.length == BinLength::Minute1 && c.coverage.start == begin())
        .expect("the first minute");
    let lines = minute.bins.iter().filter(|b| matches!(b.key.subject, BinSubject::Line(..)));
    (lines.map(|b| b.count).sum(), (minute.coverage.observed_s * 10.0).round() / 10.0)
}

#[test]
fn what_waits_for_a_suspicion_is_in_what_is_kept_for_a_kill() {
    let camera = street();
    watch(&camera, 0..DARK_FROM, 230);
    let before = camera.open_bins();
    assert_eq!((minute(&before.bins), before.supposed), ((4, 19.9), false));
    // A car crosses in the dark. The process might be killed now.
    watch(&camera, DARK_FROM..220, 230);
    let doubted = camera.open_bins();
    assert_eq!((minute(&doubted.bins), doubted.supposed), ((5, 21.9), true));
    assert_eq!(minute(&camera.open_bins().bins), (5, 21.9), "looking changes nothing");
    // The light is back: that is what becomes of the bin.
    watch(&camera, 220..300, 230);
    let after = camera.open_bins();
    assert_eq!((minute(&after.bins), after.supposed), ((5, 29.9), false));
}

#[test]
fn what_a_fault_takes_away_is_not_kept_once_it_is_certain() {
    let camera = street();
    watch(&camera, 0..330, 2_000);
    let certain = camera.open_bins();
    let (cars, watched_s) = minute(&certain.bins);
    assert_eq!((cars, certain.supposed), (4, false));
    assert!((19.5..20.5).contains(&watched_s), "{watched_s}");
    // The bin closes with that.
    assert_eq!(minute(&camera.close_bins(at(640))), (4, watched_s));
}

#[test]
fn a_checkpoint_of_bins_that_close_holds_no_more_than_they_do() {
    let dir = std::env::temp_dir().join(format!("wayside-checkpoint-{}", std::process::id()));
    let checkpoint = Checkpoint::open(&dir.join("checkpoint")).unwrap();
    let cameras = [Arc::new(street())];
    watch(&cameras[0], 0..220, 2_000);
    assert!(save_checkpoint(&cameras, &checkpoint, &[]), "a suspicion is open");
    assert_eq!(minute(&checkpoint.load().unwrap().unwrap().bins).0, 5);
    watch(&cameras[0], 220..330, 2_000);
    let closing = cameras[0].close_bins(at(640));
    assert!(!save_checkpoint(&cameras, &checkpoint, &closing), "it is certain");
    let kept = checkpoint.load().unwrap().unwrap().bins;
    let minutes = |c: &&ClosedBins| c.coverage.length == BinLength::Minute1;
    assert_eq!((minute(&kept).0, kept.iter().filter(minutes).count()), (4, 1));
    std::fs::remove_dir_all(dir).unwrap();
}
