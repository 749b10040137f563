//! What is noted beside a count: doubt about a class, crossings at the end of a line, tracks that began late.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod common;

use common::{RATE, SIZE, middle};
use wayside_measure::{Event, Measurer};
use wayside_types::{
    BBox, CameraSpec, Evidence, Point, RoadUserClass, Sign, Timestamp, Track, TrackId, TrackUpdate,
};

const CAR: RoadUserClass = RoadUserClass::Car;
const TRUCK: RoadUserClass = RoadUserClass::Truck;

/// Its line goes upwards through the middle, from 475 to 150 px.
fn camera() -> CameraSpec {
    common::camera(middle(), Vec::new(), None)
}

fn at(t: f64) -> Timestamp {
    Timestamp::from_nanosecond(((1_000.0 + t) * 1e9) as i128).unwrap()
}

/// A car that drives to the right at 200 px/s from its first place (px) on, as long as it is in the picture.
#[derive(Clone, Copy)]
struct Car {
    begins_s: f64,
    from: (f64, f64),
    second: Option<(RoadUserClass, f32)>,
}

fn car(begins_s: f64, from: (f64, f64)) -> Car {
    Car { begins_s, from, second: None }
}

/// What is counted and noted of these cars: how many, and the evidence of a class.
fn run(cars: &[Car], class: RoadUserClass) -> (usize, Evidence) {
    let mut measurer = Measurer::new(&camera(), SIZE).unwrap();
    let ids: Vec<TrackId> =
        std::iter::successors(Some(TrackId::FIRST), |id| Some(id.next())).take(cars.len()).collect();
    let until_s = cars.iter().map(|car| car.begins_s).fold(0.0, f64::max) + 8.0;
    let (mut counted, mut evidence) = (0, Evidence::default());
    for i in 0..=(until_s * RATE) as u32 {
        let t = f64::from(i) / RATE;
        let mut update = TrackUpdate::default();
        for (car, id) in cars.iter().zip(&ids) {
            let age = t - car.begins_s;
            let lasts_s = (980.0 - car.from.0) / 200.0;
            if age < -1e-9 || age > lasts_s + 1.6 {
                continue;
            }
            let seen_age = age.min(lasts_s);
            let (x, y) = ((car.from.0 + 200.0 * seen_age) as f32, car.from.1 as f32);
            let track = Track {
                id: *id,
                class: CAR,
                second: car.second,
                bbox: BBox::new((x - 50.0).max(0.0), y - 60.0, (x + 50.0).min(1000.0), y),
                velocity_px_s: Point::new(200.0, 0.0),
                score: 0.7,
                observed: age <= lasts_s + 1e-9,
                confirmed: age > 0.25,
                first_seen: at(car.begins_s),
                last_seen: at(car.begins_s + (seen_age * RATE + 1e-6).floor() / RATE),
                hits: (seen_age * RATE) as u32 + 1,
            };
            let list = if age > lasts_s + 1.4 { &mut update.ended } else { &mut update.active };
            list.push(track);
        }
        for event in measurer.update(at(t), &update) {
            match event {
                Event::Crossing(_) => counted += 1,
                Event::Noted(noted) if noted.class == class => evidence.merge(&noted.evidence),
                _ => {}
            }
        }
    }
    (counted, evidence)
}

#[test]
fn doubt_about_a_class_is_told_of_both() {
    for (second, own, others) in [
        (None, None, None),
        (Some((TRUCK, 0.02)), None, None),
        (Some((TRUCK, 0.1)), Some(Sign::Hesitant), Some(Sign::Resembling)),
        (Some((TRUCK, 0.45)), Some(Sign::Wavering), Some(Sign::Elsewhere)),
    ] {
        let cars = [Car { second, ..car(0.0, (60.0, 300.0)) }];
        let (counted, of_cars) = run(&cars, CAR);
        let (_, of_trucks) = run(&cars, TRUCK);
        assert_eq!((counted, of_cars.of(Sign::Counted)), (1, 1));
        for sign in [Sign::Hesitant, Sign::Wavering] {
            assert_eq!(of_cars.of(sign), u64::from(own == Some(sign)), "{second:?} {sign}");
        }
        for sign in [Sign::Resembling, Sign::Elsewhere] {
            assert_eq!(of_trucks.of(sign), u64::from(others == Some(sign)), "{second:?} {sign}");
        }
        assert_eq!(of_trucks.of(Sign::Counted), 0, "the doubt is no count");
    }
}

#[test]
fn the_end_of_a_line_is_noted_on_both_its_sides() {
    // The box is 77 px in both directions on average: a tenth of that is the end.
    for (y, counts, at_end, past_end) in
        [(440.0, 1, 0, 0), (471.0, 1, 1, 0), (479.0, 0, 0, 1), (499.0, 0, 0, 0), (154.0, 1, 1, 0)]
    {
        let (counted, evidence) = run(&[car(0.0, (60.0, y))], CAR);
        let found = (counted, evidence.of(Sign::AtEnd), evidence.of(Sign::PastEnd));
        assert_eq!(found, (counts, at_end, past_end), "at {y} px");
    }
}

#[test]
fn tracks_that_begin_where_they_may_are_astray_only_if_they_were_followed_briefly() {
    // Each begins at another place within the picture, two seconds before the line or so; the last just before it.
    let begins =
        [(75.0, 200.0), (130.0, 260.0), (90.0, 330.0), (160.0, 390.0), (80.0, 440.0), (110.0, 230.0)];
    let mut cars: Vec<Car> = begins.iter().enumerate().map(|(n, from)| car(7.0 * n as f64, *from)).collect();
    let (counted, evidence) = run(&cars, CAR);
    assert_eq!((counted, evidence.of(Sign::Astray)), (6, 5), "what is usual is known from five on");
    cars.push(car(50.0, (420.0, 300.0)));
    let (counted, evidence) = run(&cars, CAR);
    assert_eq!((counted, evidence.of(Sign::Astray)), (7, 6), "it came from nowhere");
}
