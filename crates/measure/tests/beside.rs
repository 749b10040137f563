//! Vehicles beside, before and behind one another, whose boxes and tracks the detector and the tracker can't keep apart.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod common;

use common::{RATE, SIZE, line, middle};
use wayside_measure::{Event, Measurer};
use wayside_types::{BBox, Direction, Line, Point, RoadUserClass, Timestamp, Track, TrackId, TrackUpdate};

/// A track: when it begins and is last detected, seconds, and its box, px, and score at a time.
struct Car {
    begins_s: f64,
    ends_s: f64,
    seen: Box<dyn Fn(f64) -> (BBox, f32)>,
}

fn car(begins_s: f64, ends_s: f64, seen: impl Fn(f64) -> (BBox, f32) + 'static) -> Car {
    Car { begins_s, ends_s, seen: Box::new(seen) }
}

/// A box by its reference point and size.
fn stands_at(x: f64, y: f64, width: f64, height: f64) -> BBox {
    BBox::new((x - width / 2.0) as f32, (y - height) as f32, (x + width / 2.0) as f32, y as f32)
}

fn at(t: f64) -> Timestamp {
    Timestamp::from_nanosecond(((1_000.0 + t) * 1e9) as i128).unwrap()
}

/// Crossings forward and backward; tracks end 1.5 s after they were last detected.
fn counts(lines: Vec<Line>, cars: &[Car], until_s: f64) -> (usize, usize) {
    let mut measurer = Measurer::new(&common::camera(lines, vec![], None), SIZE).unwrap();
    let mut events = Vec::new();
    for i in 0..=(until_s * RATE) as u32 {
        let t = f64::from(i) / RATE;
        let mut update = TrackUpdate::default();
        for (car, id) in cars.iter().zip(std::iter::successors(Some(TrackId::FIRST), |id| Some(id.next()))) {
            if t < car.begins_s - 1e-9 || t > car.ends_s + 1.6 {
                continue;
            }
            let then = t.min(car.ends_s);
            let ((bbox, score), (was, _)) = ((car.seen)(then), (car.seen)(then - 0.1));
            let (p, q) = (was.reference(), bbox.reference());
            let track = Track {
                id,
                class: RoadUserClass::Car,
                second: None,
                bbox,
                velocity_px_s: Point::new((q.x - p.x) / 0.1, (q.y - p.y) / 0.1),
                score,
                observed: t <= car.ends_s + 1e-9,
                confirmed: t - car.begins_s > 0.25,
                first_seen: at(car.begins_s),
                last_seen: at(then),
                hits: ((then - car.begins_s) * RATE) as u32 + 1,
            };
            if t > car.ends_s + 1.5 { update.ended.push(track) } else { update.active.push(track) }
        }
        events.extend(measurer.update(at(t), &update));
    }
    let n = |way| events.iter().filter(|e| matches!(e, Event::Crossing(c) if c.direction == way)).count();
    (n(Direction::Forward), n(Direction::Backward))
}

/// Across the picture at this height of 500 px; forward is down.
fn across(y: f64) -> Vec<Line> {
    vec![line("across", [0.05, y / 500.0], [0.95, y / 500.0])]
}

#[test]
fn people_before_a_waiting_car_do_not_move_it() {
    // It comes from the left to the line, waits, and at last goes over it.
    let way = |t: f64| (200.0 + 100.0 * t.min(2.0), 260.0 + 60.0 * (t - 12.0).max(0.0));
    let grows = |t: f64, to: f64| if (6.0..9.0).contains(&t) { to } else { 0.0 };
    let waits = move |legs: f64, wider: f64| {
        car(0.0, 15.0, move |t| {
            let ((x, y), legs) = (way(t), grows(t, legs));
            (stands_at(x, y + legs, 100.0 + grows(t, wider), 60.0 + legs), 0.7)
        })
    };
    for (legs, wider) in [(25.0, 0.0), (25.0, 18.0), (40.0, 10.0)] {
        assert_eq!(counts(across(268.0), &[waits(legs, wider)], 9.5), (0, 0), "{legs} px lower");
        assert_eq!(counts(across(268.0), &[waits(legs, wider)], 17.0), (1, 0), "{legs} px lower");
    }
}

#[test]
fn what_stood_and_comes_straight_on_is_counted() {
    // Its box grows on all sides about the same.
    let nearer = |t: f64| 1.0 + 0.2 * (t - 6.0_f64).max(0.0);
    let comes = car(0.0, 9.0, move |t| {
        let scale = nearer(t);
        (stands_at(500.0, 260.0 + 60.0 * (scale - 1.0), 100.0 * scale, 70.0 * scale), 0.7)
    });
    assert_eq!(counts(across(275.0), &[comes], 11.0), (0, 0), "too short a way to count");
    let comes = car(0.0, 9.0, move |t| {
        let (scale, x) = (nearer(t), 300.0 + 100.0 * t.min(2.0));
        (stands_at(x, 260.0 + 60.0 * (scale - 1.0), 100.0 * scale, 70.0 * scale), 0.7)
    });
    assert_eq!(counts(across(275.0), &[comes], 11.0), (1, 0));
}

#[test]
fn a_part_that_is_lost_crosses_nothing_where_the_whole_is_followed() {
    // Of a half hidden car a window was followed, then all of it; it turns away before the line.
    let window = || car(0.0, 2.4, |t| (stands_at(230.0 + 100.0 * t, 300.0, 40.0, 30.0), 0.5));
    let turns = |t: f64| (230.0 + 100.0 * t.min(2.4), 320.0 - 60.0 * (t - 2.4).max(0.0));
    let whole = |begins_s| {
        car(begins_s, 5.0, move |t| {
            let (x, y) = turns(t);
            (stands_at(x, y, 100.0, 70.0), 0.7)
        })
    };
    assert_eq!(counts(middle(), &[window(), whole(2.0)], 7.0), (0, 0));
    // Alone it went over the line, and so it did if the other was there all the time: then it hides it.
    assert_eq!(counts(middle(), &[window()], 7.0), (1, 0));
    assert_eq!(counts(middle(), &[window(), whole(0.0)], 7.0), (1, 0));
}

#[test]
fn a_track_that_leaps_to_the_next_lane_and_is_lost_crosses_nothing() {
    // Along the line; then weak boxes between it and the car beside it lead up to the line.
    let leaps = |weak: f32| {
        car(0.0, 2.4, move |t| {
            let up = 110.0 * (t - 2.0).max(0.0);
            (stands_at(300.0 + 80.0 * t, 400.0 - up, 100.0, 60.0), if up > 0.0 { weak } else { 0.6 })
        })
    };
    assert_eq!(counts(across(310.0), &[leaps(0.15)], 5.0), (0, 0));
    // What is seen well turns.
    assert_eq!(counts(across(310.0), &[leaps(0.6)], 5.0), (0, 1));
}
