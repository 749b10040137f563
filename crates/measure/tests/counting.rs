//! What counts and what does not, with tracks as a tracker would give them.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod common;

use common::{RATE, SIZE, line, middle};
use proptest::prelude::*;
use wayside_measure::{Event, MAX_LATENESS, MeasureError, Measurer, Totals};
use wayside_types::{
    BBox, Calibration, CameraSpec, Direction, FrameSize, Line, Point, RoadUserClass, Timestamp, Track,
    TrackId, TrackUpdate, Zone, ZoneId, ZoneKind,
};

/// A camera with a lane over most of the picture.
fn camera(lines: Vec<Line>, calibration: Option<Calibration>) -> CameraSpec {
    let lane = Zone {
        id: ZoneId::new("lane").unwrap(),
        kind: ZoneKind::Lane,
        polygon: [[0.0, 0.4], [1.0, 0.4], [1.0, 0.9], [0.0, 0.9]].map(Point::from).to_vec(),
        heading: None,
        closed_to: vec![],
        free_flow_kmh: None,
    };
    common::camera(lines, vec![lane], calibration)
}

fn at(t: f64) -> Timestamp {
    Timestamp::from_nanosecond(((1_000.0 + t) * 1e9) as i128).unwrap()
}

/// One track: when it begins, and where its reference point is `t` seconds later, until when.
struct Path {
    begins_s: f64,
    lasts_s: f64,
    score: f32,
    class: RoadUserClass,
    place: Box<dyn Fn(f64) -> (f64, f64)>,
}

fn path(begins_s: f64, lasts_s: f64, place: impl Fn(f64) -> (f64, f64) + 'static) -> Path {
    Path { begins_s, lasts_s, score: 0.7, class: RoadUserClass::Car, place: Box::new(place) }
}

/// Runs the tracks past a camera, each ending 1.5 s after it was last seen, as the tracker does it.
fn run(spec: &CameraSpec, paths: &[Path], until_s: f64) -> (Vec<Event>, Measurer) {
    let mut measurer = Measurer::new(spec, SIZE).unwrap();
    let mut events = Vec::new();
    let ids: Vec<TrackId> =
        std::iter::successors(Some(TrackId::FIRST), |id| Some(id.next())).take(paths.len()).collect();
    for i in 0..=(until_s * RATE) as u32 {
        let t = f64::from(i) / RATE;
        let mut update = TrackUpdate::default();
        for (path, id) in paths.iter().zip(&ids) {
            let age = t - path.begins_s;
            let seen_age = age.min(path.lasts_s);
            if age < -1e-9 || age > path.lasts_s + 1.6 {
                continue;
            }
            let (x, y) = (path.place)(seen_age);
            let (x2, _) = (path.place)(seen_age + 0.05);
            let track = Track {
                id: *id,
                class: path.class,
                second: None,
                // A detector's boxes end where the picture does.
                bbox: BBox::new(
                    (x as f32 - 50.0).max(0.0),
                    y as f32 - 60.0,
                    (x as f32 + 50.0).min(1000.0),
                    y as f32,
                ),
                velocity_px_s: Point::new((x2 - x) / 0.05, 0.0),
                score: path.score,
                observed: age <= path.lasts_s + 1e-9,
                confirmed: age > 0.25,
                first_seen: at(path.begins_s),
                last_seen: at(path.begins_s + (seen_age * RATE + 1e-6).floor() / RATE),
                hits: (seen_age * RATE) as u32 + 1,
            };
            if age > path.lasts_s + 1.5 { update.ended.push(track) } else { update.active.push(track) }
        }
        for event in measurer.update(at(t), &update) {
            let late = at(t).duration_since(event.at());
            assert!(late.as_secs_f64() <= MAX_LATENESS.as_secs_f64() + 1e-6, "an event {late} late");
            events.push(event);
        }
    }
    events.extend(measurer.finish());
    (events, measurer)
}

fn counts(events: &[Event]) -> (usize, usize) {
    let n = |way| events.iter().filter(|e| matches!(e, Event::Crossing(c) if c.direction == way)).count();
    (n(Direction::Forward), n(Direction::Backward))
}

#[test]
fn counts_what_crosses_and_nothing_else() {
    type Case = (&'static str, Vec<Path>, (usize, usize));
    let right = |y: f64| move |t: f64| (100.0 + 200.0 * t, y);
    let cases: Vec<Case> = vec![
        ("to the right", vec![path(0.0, 4.0, right(300.0))], (1, 0)),
        ("to the left", vec![path(0.0, 4.0, |t| (900.0 - 200.0 * t, 300.0))], (0, 1)),
        ("past the line's end", vec![path(0.0, 4.0, right(120.0))], (0, 0)),
        ("two abreast", vec![path(0.0, 4.0, right(300.0)), path(0.0, 4.0, right(400.0))], (2, 0)),
        ("one after the other", vec![path(0.0, 4.0, right(300.0)), path(0.8, 3.5, right(300.0))], (2, 0)),
        (
            "parked on the line, trembling",
            vec![path(0.0, 10.0, |t| (500.0 + 12.0 * (t * 9.0).sin(), 300.0))],
            (0, 0),
        ),
        ("parked beside it, then gone", vec![path(0.0, 10.0, |_| (460.0, 300.0))], (0, 0)),
        (
            "stops on the line, trembles, goes on",
            vec![path(0.0, 12.0, |t| {
                let x = if t < 2.0 { 100.0 + 200.0 * t } else { 500.0 + 200.0 * (t - 9.0_f64).max(0.0) };
                (x + 5.0 * (t * 11.0).sin(), 300.0)
            })],
            (1, 0),
        ),
        (
            "comes, turns, goes back after a while",
            vec![path(0.0, 12.0, |t| {
                (if t < 3.0 { 100.0 + 200.0 * t } else { 700.0 - 100.0 * (t - 3.0) }, 300.0)
            })],
            (1, 1),
        ),
        (
            "looks over the line and goes back at once",
            vec![path(0.0, 3.0, |t| (530.0 - 150.0 * (t - 1.5).abs(), 300.0))],
            (0, 0),
        ),
        (
            "track breaks on the line",
            vec![path(0.0, 1.95, right(300.0)), path(2.2, 1.8, |t| (540.0 + 200.0 * t, 302.0))],
            (1, 0),
        ),
        (
            "track breaks just past the line",
            vec![path(0.0, 2.3, right(300.0)), path(2.6, 1.4, |t| (620.0 + 200.0 * t, 298.0))],
            (1, 0),
        ),
        ("first seen just past the line", vec![path(1.0, 2.0, |t| (560.0 + 200.0 * t, 300.0))], (1, 0)),
        ("first seen far past it", vec![path(1.0, 1.0, |t| (800.0 + 150.0 * t, 300.0))], (0, 0)),
        ("lost just before it", vec![path(0.0, 1.8, right(300.0))], (1, 0)),
        (
            "lost where one stands before it: it joined the queue",
            vec![path(0.0, 1.8, right(300.0)), path(0.0, 15.0, |_| (490.0, 305.0))],
            (0, 0),
        ),
        (
            "lost just before it, beside one that stands",
            vec![path(0.0, 1.8, right(300.0)), path(0.0, 15.0, |_| (490.0, 345.0))],
            (1, 0),
        ),
        ("lost far before it", vec![path(0.0, 1.2, right(300.0))], (0, 0)),
        (
            "there from the first frame on, past the line",
            vec![path(0.0, 2.0, |t| (560.0 + 200.0 * t, 300.0))],
            (0, 0),
        ),
        (
            "one vehicle under two tracks",
            vec![path(0.0, 4.0, right(300.0)), path(0.3, 3.5, |t| (185.0 + 200.0 * t, 303.0))],
            (1, 0),
        ),
        ("a path of one detection", vec![path(0.0, 0.0, |_| (499.0, 300.0))], (0, 0)),
    ];
    for (what, paths, want) in cases {
        let (events, _) = run(&camera(middle(), None), &paths, 16.0);
        assert_eq!(counts(&events), want, "{what}");
    }
}

#[test]
fn nothing_is_counted_beyond_the_end_of_a_recording() {
    // At 1.8 s the car is just before the line; whether it will cross nobody has seen. Where a stream goes
    // on and the car is lost there, it counts ("lost just before it").
    let spec = camera(middle(), None);
    let car = || vec![path(0.0, 9.0, |t: f64| (100.0 + 200.0 * t, 300.0))];
    let (mut events, mut measurer) = run(&spec, &car(), 1.8);
    let step = |t: f64| 100.0 + 200.0 * t as f32;
    let last = Track {
        id: TrackId::FIRST,
        class: RoadUserClass::Car,
        second: None,
        bbox: BBox::new(step(1.8) - 50.0, 240.0, step(1.8) + 50.0, 300.0),
        velocity_px_s: Point::new(200.0, 0.0),
        score: 0.7,
        observed: true,
        confirmed: true,
        first_seen: at(0.0),
        last_seen: at(1.8),
        hits: 19,
    };
    let ended = TrackUpdate { active: vec![], ended: vec![last] };
    events.extend(measurer.update(at(1.8), &ended));
    assert_eq!(counts(&events), (0, 0));
}

#[test]
fn weak_things_must_go_a_long_way() {
    // A lane marking that is taken for a car now and then, with a shadow passing over it.
    let mut wanders = path(0.0, 4.0, |t| (450.0 + 25.0 * t, 300.0));
    wanders.score = 0.2;
    let mut drives = path(0.0, 4.0, |t| (100.0 + 200.0 * t, 400.0));
    drives.score = 0.2;
    let (events, _) = run(&camera(middle(), None), &[wanders, drives], 8.0);
    assert_eq!(counts(&events), (1, 0));
}

#[test]
fn movements_go_from_the_first_line_to_the_last() {
    let lines = vec![line("in", [0.25, 0.95], [0.25, 0.3]), line("out", [0.75, 0.95], [0.75, 0.3])];
    let paths =
        [path(0.0, 4.5, |t| (60.0 + 200.0 * t, 300.0)), path(0.5, 1.5, |t| (100.0 + 150.0 * t, 400.0))];
    let (events, measurer) = run(&camera(lines, None), &paths, 8.0);
    let mut totals = Totals::default();
    events.iter().for_each(|e| totals.add(e));
    let moves = totals.movements();
    assert_eq!(
        (moves.len(), moves[0].from.as_str(), moves[0].to.as_str(), moves[0].count),
        (1, "in", "out", 1)
    );
    assert_eq!(
        totals.counts().iter().map(|c| (c.line.as_str(), c.count)).collect::<Vec<_>>(),
        [("in", 2), ("out", 1)]
    );
    let quality = measurer.quality();
    assert_eq!((quality.tracks, quality.counted), (2, 2));
    assert_eq!(quality.broken, 1, "the second was lost in the middle of the picture");
}

/// 1000 × 500 px seen from straight above: 20 px a metre.
fn from_above() -> Calibration {
    Calibration {
        image: [[0.0, 1.0], [1.0, 1.0], [1.0, 0.0], [0.0, 0.0]].map(Point::from).to_vec(),
        ground_m: [[0.0, 0.0], [50.0, 0.0], [50.0, 25.0], [0.0, 25.0]].map(Point::from).to_vec(),
        ground_origin: None,
        distortion: None,
    }
}

#[test]
fn speeds_come_from_the_path_on_the_ground() {
    let cars: Vec<Path> = (0..6).map(|i| path(f64::from(i), 4.0, |t| (100.0 + 200.0 * t, 300.0))).collect();
    let (events, _) = run(&camera(middle(), Some(from_above())), &cars, 12.0);
    let mut totals = Totals::default();
    events.iter().for_each(|e| totals.add(e));
    let speed = &totals.speeds()[0];
    assert_eq!((speed.n, speed.untrusted), (6, 0));
    assert!((speed.mean_kmh.unwrap() - 36.0).abs() < 0.5 && (speed.p85_kmh.unwrap() - 36.0).abs() < 0.5);
    // Fewer than five say nothing; without calibration there are none.
    for (calibration, n) in [(Some(from_above()), 4), (None, 6)] {
        let (events, _) = run(&camera(middle(), calibration), &cars[..n], 12.0);
        let mut totals = Totals::default();
        events.iter().for_each(|e| totals.add(e));
        assert_eq!(totals.speeds()[0].mean_kmh, None);
    }
}

/// From so high above that a pixel is worth half a metre, 12 m of path are no speed; both numbers add up to the
/// count.
#[test]
fn whose_speed_is_not_trusted_is_counted_all_the_same() {
    let far = Calibration {
        ground_m: from_above().ground_m.iter().map(|p| p.scaled(10.0, 10.0)).collect(),
        ..from_above()
    };
    let slow = |start: f64| path(start, 20.0, |t| (100.0 + 12.0 * t, 300.0));
    let fast = |start: f64| path(start, 4.0, |t| (100.0 + 200.0 * t, 300.0));
    let cars = vec![fast(0.0), fast(1.0), slow(30.0), slow(60.0), slow(90.0)];
    let at_200_px = vec![line("out", [0.2, 0.95], [0.2, 0.3])];
    let (events, _) = run(&camera(at_200_px, Some(far)), &cars, 120.0);
    let mut totals = Totals::default();
    events.iter().for_each(|e| totals.add(e));
    let speed = &totals.speeds()[0];
    let counted: u32 = totals.counts().iter().map(|c| c.count).sum();
    assert_eq!((speed.n, speed.untrusted, counted), (2, 3, 5));
}

#[test]
fn what_the_edge_cuts_off_is_not_slower() {
    let near_the_edge = vec![line("out", [0.88, 0.95], [0.88, 0.3])];
    let cars: Vec<Path> = (0..6).map(|i| path(f64::from(i), 4.4, |t| (100.0 + 200.0 * t, 300.0))).collect();
    let (events, _) = run(&camera(near_the_edge, Some(from_above())), &cars, 12.0);
    let mut totals = Totals::default();
    events.iter().for_each(|e| totals.add(e));
    let mean_kmh = totals.speeds()[0].mean_kmh.unwrap();
    assert!((mean_kmh - 36.0).abs() < 0.5, "{mean_kmh}");
}

#[test]
fn queues_and_occupancy_are_measured_in_zones() {
    let mut cars: Vec<Path> =
        (0..3).map(|i| path(0.0, 8.0, move |_| (200.0 + 140.0 * f64::from(i), 300.0))).collect();
    cars.push(path(0.0, 1.0, |t| (100.0 + 700.0 * t, 450.0)));
    let (_, measurer) = run(&camera(vec![], Some(from_above())), &cars, 8.0);
    let zone = &measurer.zones()[0];
    // Two gaps of 7 m between the reference points, and a car's length.
    assert!((zone.max_queue_m.unwrap() - 18.5).abs() < 0.1, "{zone:?}");
    let occupancy = zone.occupancy.unwrap();
    // Three footprints of 100 × 30 px in 1000 × 250 px, a fourth for a second.
    assert!((0.03..0.045).contains(&occupancy), "{occupancy}");
    let (_, measurer) = run(&camera(vec![], None), &cars, 8.0);
    assert_eq!(measurer.zones()[0].max_queue_m, None, "no calibration, no metres");
}

/// Who entered and was lost behind something is told; who left the picture or is still there is not.
#[test]
fn who_was_lost_after_a_line_is_told() {
    let lost = |paths: &[Path], until_s| {
        let (events, _) = run(&camera(middle(), None), paths, until_s);
        events.iter().filter(|e| matches!(e, Event::Lost(l) if l.line.as_str() == "mid")).count()
    };
    let right = |t: f64| (100.0 + 200.0 * t, 300.0);
    for (what, lasts_s, until_s, want) in [
        ("lost 100 px past the line", 2.5, 8.0, 1),
        ("left at the edge", 4.4, 8.0, 0),
        ("never reached the line", 1.0, 8.0, 0),
        ("still there", 2.5, 2.6, 0),
    ] {
        assert_eq!(lost(&[path(0.0, lasts_s, right)], until_s), want, "{what}");
    }
    // A movement that is known is not lost, wherever it ends.
    let two = vec![line("a", [0.3, 0.95], [0.3, 0.3]), line("b", [0.6, 0.95], [0.6, 0.3])];
    let (events, _) = run(&camera(two, None), &[path(0.0, 3.2, right)], 8.0);
    assert_eq!(events.iter().filter(|e| matches!(e, Event::Movement(_))).count(), 1);
    assert!(events.iter().all(|e| !matches!(e, Event::Lost(_))));
}

/// Seconds of presence over lines, forward and backward.
fn occupied_s(events: &[Event]) -> (f64, f64) {
    let of = |way| {
        let over = events.iter().filter_map(|e| match e {
            Event::Presence(p) if p.direction == way => Some(p.seconds),
            _ => None,
        });
        over.sum::<f64>()
    };
    (of(Direction::Forward), of(Direction::Backward))
}

#[test]
fn lines_are_occupied_while_vehicles_are_over_them() {
    type Case = (&'static str, Vec<Path>, (f64, f64));
    let at_speed = |px_s: f64| path(0.0, 800.0 / px_s, move |t| (100.0 + px_s * t, 300.0));
    let on_foot = Path { class: RoadUserClass::Pedestrian, ..at_speed(200.0) };
    let stops = path(0.0, 12.0, |t| ((900.0 - 200.0 * t).max(480.0), 300.0));
    let cases: Vec<Case> = vec![
        // Boxes are 100 px wide.
        ("one", vec![at_speed(200.0)], (0.5, 0.0)),
        ("a slow one", vec![at_speed(100.0)], (1.0, 0.0)),
        ("two abreast", vec![at_speed(200.0), at_speed(200.0)], (0.5, 0.0)),
        ("on foot", vec![on_foot], (0.0, 0.0)),
        // Its front is there after 1.75 s.
        ("one that stops on it", vec![stops], (0.0, 12.0 - 1.75)),
    ];
    for (what, paths, want) in cases {
        let (events, _) = run(&camera(middle(), None), &paths, 14.0);
        let found = occupied_s(&events);
        // A frame at either end, and half a second before a lost one is taken to be gone.
        let near = |a: f64, b: f64| (a - b).abs() <= 0.21 || (b > 10.0 && (a - b - 0.5).abs() <= 0.21);
        assert!(near(found.0, want.0) && near(found.1, want.1), "{what}: {found:?} for {want:?}");
    }
}

#[test]
fn what_is_lost_in_a_zone_is_told_when_a_vehicle_has_left_it() {
    let mut spec = camera(vec![], Some(from_above()));
    spec.zones[0].heading = Some([Point::new(0.1, 0.5), Point::new(0.9, 0.5)].into());
    spec.zones[0].free_flow_kmh = Some(72.0);
    // 36 km/h through a lane of 50 m: half of the four seconds is lost, less what is not yet confirmed.
    let cars =
        vec![path(0.0, 4.0, |t| (100.0 + 200.0 * t, 300.0)), path(2.0, 4.0, |t| (100.0 + 200.0 * t, 400.0))];
    let (events, _) = run(&spec, &cars, 12.0);
    let moments: Vec<_> =
        events.iter().filter_map(|e| if let Event::Zone(moment) = e { Some(moment) } else { None }).collect();
    let lost: Vec<f64> = moments.iter().flat_map(|m| m.lost_s.clone()).collect();
    assert!(lost.len() == 2 && lost.iter().all(|s| (1.7..=2.4).contains(s)), "{lost:?}");
    assert!(moments.iter().all(|m| m.length_m.is_some_and(|m| (m - 50.0).abs() < 0.5)));
    let vehicle_s: f64 = moments.iter().map(|m| m.seconds * f64::from(m.vehicles)).sum();
    assert!((7.0..=9.2).contains(&vehicle_s), "{vehicle_s}");
    spec.zones[0].free_flow_kmh = None;
    let (events, _) = run(&spec, &cars, 12.0);
    assert!(
        events.iter().all(|e| !matches!(e, Event::Zone(m) if !m.lost_s.is_empty())),
        "delay against nothing"
    );
}

#[test]
fn refusals_name_the_fault() {
    let flat = camera(vec![line("dot", [0.5, 0.5], [0.5, 0.5])], None);
    let text = Measurer::new(&flat, SIZE).unwrap_err().to_string();
    assert!(text.contains("line dot") && text.contains("camera test"), "{text}");
    let mut mirrored = from_above();
    mirrored.ground_m.iter_mut().for_each(|p| p.x = -p.x);
    let error = Measurer::new(&camera(middle(), Some(mirrored)), SIZE).unwrap_err();
    assert!(matches!(error, MeasureError::Calibration { .. }) && error.to_string().contains("mirrored"));
    let none = FrameSize { width: 0, height: 4 };
    assert!(matches!(Measurer::new(&camera(middle(), None), none), Err(MeasureError::EmptyFrame { .. })));
}

proptest! {
    #[test]
    fn absurd_tracks_never_panic(
        steps in prop::collection::vec(
            (-5.0_f64..5.0, prop::num::f32::ANY, prop::num::f32::ANY, prop::num::f32::ANY, prop::num::f32::ANY, 0_u8..4), 0..60),
    ) {
        let mut measurer = Measurer::new(&camera(middle(), Some(from_above())), SIZE).unwrap();
        for (t, x1, y1, x2, y2, flags) in steps {
            let track = Track {
                id: TrackId::FIRST,
                class: RoadUserClass::Car,
                second: None,
                bbox: BBox { x1, y1, x2, y2 },
                velocity_px_s: Point::new(f64::from(x1), f64::from(y1)),
                score: x2,
                observed: flags & 1 == 1,
                confirmed: true,
                first_seen: at(t),
                last_seen: at(t),
                hits: 3,
            };
            let update = if flags & 2 == 2 {
                TrackUpdate { active: vec![], ended: vec![track] }
            } else {
                TrackUpdate { active: vec![track], ended: vec![] }
            };
            measurer.update(at(t), &update);
        }
        measurer.finish();
    }
}
