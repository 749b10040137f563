//! Real footage played backwards through the detector, the tracker and the rules: everybody drives the wrong way.
//! And what the rules cost.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of a test fails it the same way"
)]

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use wayside_detect::{Detector, DetectorOptions, Model, Runtime};
use wayside_engine::analysis::{CameraAnalysis, FrameMoment};
use wayside_hazard::{HazardWatch, Sight};
use wayside_ingest::{MotionGate, SourceOptions, ViewMeter, read_file};
use wayside_track::Tracker;
use wayside_types::frame::OwnedPixels;
use wayside_types::{
    CameraId, CameraSpec, Clock, Frame, HazardSettings, Heading, Incident, IncidentKind, Point, SystemClock,
    Timestamp, Zone, ZoneId, ZoneKind,
};

const RATE: f64 = 10.0;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn clip(name: &str) -> Option<PathBuf> {
    let file = root().join("../shared/clips").join(name);
    if !file.exists() {
        eprintln!("SKIPPED: {} is absent", file.display());
    }
    file.exists().then_some(file)
}

fn detector() -> Detector {
    let root = root();
    let runtime = Runtime::load(&root.join(".wayside/lib/libonnxruntime.so")).unwrap();
    let model = Model::load(&root.join("models"), "yolox_nano").unwrap();
    let options = DetectorOptions { max_batch: 1, ..DetectorOptions::default() };
    Detector::open(&runtime, &model, &root.join(".wayside/models"), &options).unwrap()
}

/// The frames of a clip that are due, in memory of their own: the decoder needs its own back.
fn frames(path: &Path) -> Vec<Frame> {
    wayside_ingest::init().unwrap();
    let options = SourceOptions { rate_fps: RATE, ..SourceOptions::default() };
    let mut frames = Vec::new();
    read_file(CameraId::new("clip").unwrap(), path, &options, &mut |frame| {
        let planes = (0..frame.format.planes()).map(|i| frame.pixels.plane(i));
        let pixels = OwnedPixels::planar(planes.map(|p| (p.data.to_vec(), p.stride)).collect());
        frames.push(Frame { pixels: Arc::new(pixels), ..frame });
        ControlFlow::Continue(())
    })
    .unwrap();
    frames
}

/// The same from its last frame to its first.
fn backwards(frames: &[Frame]) -> Vec<Frame> {
    let times: Vec<(Duration, Timestamp)> = frames.iter().map(|f| (f.media_time, f.captured_at)).collect();
    let again = frames.iter().rev().zip(times);
    again
        .map(|(frame, (media_time, captured_at))| Frame { media_time, captured_at, ..frame.clone() })
        .collect()
}

fn lane(id: &str, (top, bottom): (f64, f64), (from, to): (f64, f64)) -> Zone {
    let middle = (top + bottom) / 2.0;
    Zone {
        id: ZoneId::new(id).unwrap(),
        kind: ZoneKind::Lane,
        polygon: [[0.0, bottom], [1.0, bottom], [1.0, top], [0.0, top]].map(Point::from).to_vec(),
        heading: Some(Heading { from: Point::new(from, middle), to: Point::new(to, middle) }),
        closed_to: vec![],
        free_flow_kmh: None,
    }
}

/// The arterial as the camera file beside the clip has it.
fn arterial() -> CameraSpec {
    let zones = vec![lane("eastbound", (0.42, 0.95), (0.1, 0.9)), lane("westbound", (0.0, 0.27), (0.9, 0.1))];
    CameraSpec { zones, ..wayside_testkit::camera("arterial") }
}

fn incidents(frames: &[Frame]) -> Vec<Incident> {
    let spec = Arc::new(arterial());
    let (mut detector, mut analysis) = (detector(), CameraAnalysis::new(spec.clone()));
    let (mut gate, mut meter) = (MotionGate::new(spec.profile.motion), ViewMeter::with_steps());
    let mut all = BTreeMap::new();
    for frame in frames {
        assert!(gate.must_look(frame) || frame.media_time > Duration::ZERO);
        let view = meter.sample(frame, gate.cells());
        let found = detector.detect(std::slice::from_ref(frame), 0.1).unwrap().remove(0);
        let outcome = analysis.process(FrameMoment::from(frame), found, view.as_ref()).unwrap();
        all.extend(outcome.incidents.into_iter().map(|change| (change.number, change.incident)));
    }
    all.into_values().collect()
}

#[test]
fn footage_played_backwards_is_wrong_way_in_every_lane() {
    let Some(path) = clip("arterial-20s.mp4") else { return };
    let frames = frames(&path);
    let found = incidents(&backwards(&frames));
    assert!(found.iter().all(|i| i.kind == IncidentKind::WrongWay), "{found:#?}");
    for lane in ["eastbound", "westbound"] {
        let of_lane: Vec<&Incident> =
            found.iter().filter(|i| i.zone.as_ref().unwrap().as_str() == lane).collect();
        assert!(!of_lane.is_empty(), "nobody was told on the lane {lane}: {found:#?}");
        let first = of_lane[0].detected.duration_since(frames[0].captured_at).as_secs_f64();
        assert!(first < 6.0, "{lane}: told only after {first} s");
    }
}

/// The rules and what they are shown against everything else that is done with a frame.
#[test]
#[ignore = "a measurement, for a quiet machine: cargo nextest run --release -p wayside-engine --run-ignored all cost"]
fn the_cost_of_the_rules() {
    let Some(path) = clip("arterial-20s.mp4") else { return };
    let clock = SystemClock::default();
    let began = clock.monotonic();
    let frames = frames(&path);
    let decoding = clock.monotonic() - began;
    let spec = arterial();
    let mut detector = detector();
    let size = frames[0].size;
    let (mut gate, mut meter) = (MotionGate::new(spec.profile.motion), ViewMeter::with_steps());
    let mut tracker = Tracker::new(spec.profile.track, size);
    let mut watch = HazardWatch::new(HazardSettings::default(), &spec.zones, size, None);
    let (mut others, mut rules, mut shown) = (decoding, Duration::ZERO, Duration::ZERO);
    for frame in &frames {
        let a = clock.monotonic();
        gate.must_look(frame);
        let b = clock.monotonic();
        let view = meter.sample(frame, gate.cells());
        let c = clock.monotonic();
        let found = detector.detect(std::slice::from_ref(frame), 0.1).unwrap().remove(0);
        let tracks = tracker.update(frame.captured_at, &found);
        let d = clock.monotonic();
        watch.see(&Sight { at: frame.captured_at, tracks: &tracks, view: view.as_ref() });
        rules += clock.monotonic() - d;
        shown += c - b;
        others += (b - a) + (d - c);
    }
    let per_frame = |t: Duration| t.as_secs_f64() * 1e6 / frames.len() as f64;
    let share = (rules + shown).as_secs_f64() / (others + rules + shown).as_secs_f64();
    eprintln!(
        "per analysed frame: rules {:.0} µs, brightness {:.0} µs, everything else {:.0} µs: {:.2} %",
        per_frame(rules),
        per_frame(shown),
        per_frame(others),
        100.0 * share
    );
    assert!(share <= 0.03, "{share}");
}
