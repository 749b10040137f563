//! `object_on_road` where things are hard to see: in dim light, beside lamps and parked vehicles, where hardly a car was seen.

use wayside_types::{BBox, Incident, IncidentKind, TrackId, TrackUpdate};

use crate::things::{FROM_S, Shown, one, road, run, run_on, run_with, there};
use crate::world::{RATES, carriageway, only, seconds};

/// A car of a size (px) that drives through with its foot at a height `y` of the picture in the first seconds.
fn passes_at(t: f64, y: f32, (w, h): (f32, f32)) -> TrackUpdate {
    let x = 100.0 * t as f32;
    if t < 9.0 { one(TrackId::FIRST, BBox::new(x, y - h, x + w, y), 0.8) } else { TrackUpdate::default() }
}

/// What is told on a ground that is not known.
fn uncalibrated(rate: f64, seen: &dyn Fn(f64) -> TrackUpdate, shown: &Shown) -> Vec<Incident> {
    run_on(None, &carriageway(), (rate, 40.0), seen, shown)
}

#[test]
fn nearer_than_any_car_was_seen_a_thing_is_told_and_what_may_be_a_vehicle_is_not() {
    // Cars of 2400 px² passed four rows further up. There things are of 900 and 3000 px².
    for (cells, told) in [((3, 3), 1), ((6, 5), 0)] {
        for rate in RATES {
            let seen = |t: f64| passes_at(t, 100.0, (60.0, 40.0));
            let found = uncalibrated(rate, &seen, &move |t, x, y| {
                let lies = (50..50 + cells.0).contains(&x) && (27 - cells.1..27).contains(&y);
                if lies && t >= FROM_S { (if y % 2 == 0 { 180.0 } else { 60.0 }, 80) } else { road(x, y) }
            });
            assert_eq!(only(found, IncidentKind::ObjectOnRoad).len(), told, "{cells:?} at {rate}/s");
        }
    }
}

#[test]
fn a_bright_thing_is_told_though_passing_lamps_light_an_edge_of_it() {
    for rate in RATES {
        let found = run(&carriageway(), rate, 40.0, &|t, x, y| match road(x, y) {
            (level, _) if (x, y) == (50, 24) && t >= FROM_S => {
                (level + if (FROM_S + 3.0..FROM_S + 7.0).contains(&t) { 31.0 } else { 18.0 }, 40)
            }
            // Without edges inside it might be light.
            (level, step) if there(x, y) && t >= FROM_S => {
                (level + 60.0, if (x, y) == (51, 25) { step } else { 40 })
            }
            road => road,
        });
        let [incident] = only(found, IncidentKind::ObjectOnRoad).try_into().unwrap();
        let detected = seconds(incident.detected);
        assert!((21.9..24.0).contains(&detected), "at {rate}/s: {detected}");
    }
}

#[test]
fn a_thing_close_to_a_parked_vehicle_is_told() {
    for rate in RATES {
        // Its box was a little wider at first.
        let seen = |t: f64| {
            one(TrackId::FIRST, BBox::new(440.0, 200.0, if t < 2.0 { 498.0 } else { 490.0 }, 262.0), 0.8)
        };
        let found = run_with(&carriageway(), rate, 40.0, &seen, &|t, x, y| match road(x, y) {
            _ if there(x, y) && t >= FROM_S => (if y == 24 { 180.0 } else { 60.0 }, 80),
            road => road,
        });
        assert_eq!(only(found, IncidentKind::ObjectOnRoad).len(), 1, "at {rate}/s");
    }
}

#[test]
fn parts_of_a_thing_with_a_stripe_as_grey_as_the_road_are_one() {
    // Either part alone is smaller than is told.
    for rate in RATES {
        let seen = |t: f64| passes_at(t, 270.0, (125.0, 80.0));
        let found = uncalibrated(rate, &seen, &|t, x, y| match road(x, y) {
            _ if there(x, y) && y != 25 && t >= FROM_S => (if y == 24 { 180.0 } else { 40.0 }, 80),
            road => road,
        });
        let [incident] = only(found, IncidentKind::ObjectOnRoad).try_into().unwrap();
        assert!((0.055..0.065).contains(&incident.why[1].value), "at {rate}/s: {:?}", incident.why);
    }
}

#[test]
fn half_as_large_as_a_car_it_is_no_thing_where_the_detector_rather_sees_a_vehicle() {
    for (score, told) in [(None, 1), (Some(0.2), 0)] {
        for rate in RATES {
            let seen = |t: f64| match score {
                Some(score) if t >= FROM_S + 0.5 => {
                    one(TrackId::FIRST.next(), BBox::new(500.0, 240.0, 540.0, 270.0), score)
                }
                _ => passes_at(t, 270.0, (60.0, 40.0)),
            };
            let found = uncalibrated(rate, &seen, &|t, x, y| match road(x, y) {
                _ if (50..54).contains(&x) && (24..27).contains(&y) && t >= FROM_S => {
                    (if y % 2 == 0 { 180.0 } else { 60.0 }, 80)
                }
                road => road,
            });
            assert_eq!(only(found, IncidentKind::ObjectOnRoad).len(), told, "{score:?} at {rate}/s");
        }
    }
}
