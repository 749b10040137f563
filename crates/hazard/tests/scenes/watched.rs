//! `watch_changed`: places that are watched, which are covered, lost or displaced, or only seem so.

use wayside_types::{BBox, IncidentKind, TrackId, TrackUpdate, Zone, ZoneKind};

use crate::things::{FROM_S, one, run, run_with};
use crate::world::{RATES, only, seconds, zone};

/// A watched place with a pattern of its own.
fn watched(x: usize, y: usize) -> (f64, u8) {
    let ring = (x as f64 - 51.0).hypot(y as f64 - 25.0);
    (90.0 + 35.0 * (ring * 1.1).sin() + f64::from((x % 3) as u8) * 4.0, 30)
}

fn watch_zone() -> Vec<Zone> {
    vec![zone("drain", ZoneKind::Watch, (440.0, 580.0), (190.0, 320.0))]
}

fn inside(x: usize, y: usize) -> bool {
    (43..59).contains(&x) && (18..33).contains(&y)
}

#[test]
fn a_watched_place_under_water_covered_or_displaced_is_told_and_ends_by_itself() {
    type Change = fn(f64, usize, usize) -> f64;
    let cases: [(&str, Change); 4] = [
        ("shallow water", |t, x, y| {
            85.0 + 0.16 * (watched(x, y).0 - 90.0) + 1.5 * (t + x as f64 * 0.4 + y as f64).sin()
        }),
        ("water", |t, x, y| 85.0 + 2.0 * (t + x as f64 * 0.4 + y as f64).sin()),
        ("covered", |_, x, _| 150.0 + x as f64 * 0.2),
        ("displaced", |_, x, y| watched(x + 4, y + 3).0),
    ];
    for rate in RATES {
        for (what, change) in cases {
            let found = run(&watch_zone(), rate, 70.0, &move |t, x, y| {
                let cell = watched(x, y);
                if (FROM_S..50.0).contains(&t) && inside(x, y) { (change(t, x, y), cell.1) } else { cell }
            });
            let [incident] = only(found, IncidentKind::WatchChanged).try_into().unwrap();
            let (onset, detected) = (seconds(incident.onset), seconds(incident.detected));
            assert!((FROM_S - 0.1..14.5).contains(&onset), "{what} at {rate}/s: {onset}");
            assert!((31.9..35.0).contains(&detected), "{what} at {rate}/s: {detected}");
            assert!((48.0..57.0).contains(&seconds(incident.ended.unwrap())), "{what} at {rate}/s");
        }
    }
}

/// Somebody who is seen over the whole watched place with a score.
fn over_the_place(score: f32) -> TrackUpdate {
    one(TrackId::FIRST, BBox::new(430.0, 185.0, 590.0, 325.0), score)
}

#[test]
fn what_covers_a_zone_is_told_though_it_is_taken_for_a_vehicle() {
    let mud = |t: f64, x: usize, y: usize| match watched(x, y) {
        (_, step) if t >= FROM_S && inside(x, y) => (45.0 + f64::from(((x * 5 + y * 11) % 7) as u8), step),
        cell => cell,
    };
    // Mud looks a little like a car; a car that comes to stand in front of the zone looks like one, and one that always stood
    // there is seen with the zone.
    for (score, from_s, told) in [(0.13, FROM_S, 1), (0.8, FROM_S, 0), (0.8, 0.0, 1)] {
        for rate in RATES {
            let seen = |t: f64| if t >= from_s { over_the_place(score) } else { TrackUpdate::default() };
            let found = run_with(&watch_zone(), rate, 50.0, &seen, &mud);
            assert_eq!(
                only(found, IncidentKind::WatchChanged).len(),
                told,
                "{score} from {from_s} s at {rate}/s"
            );
        }
    }
}

#[test]
fn what_a_zone_lost_is_told_whatever_is_beside_it() {
    // The zone alone is covered, and what is around it has strong edges.
    let of_zone = |x: usize, y: usize| (44..58).contains(&x) && (19..32).contains(&y);
    for rate in RATES {
        let found = run(&watch_zone(), rate, 40.0, &move |t, x, y| match watched(x, y) {
            (level, step) if t >= FROM_S && of_zone(x, y) => (85.0 + 0.14 * (level - 90.0), step),
            (level, step) if of_zone(x, y) => (level, step),
            (level, step) => (90.0 + 2.0 * (level - 90.0), step),
        });
        let [incident] = only(found, IncidentKind::WatchChanged).try_into().unwrap();
        assert!(incident.why[1].value > 0.7, "at {rate}/s: {:?}", incident.why);
    }
}

#[test]
fn light_shadow_and_what_passes_change_no_watched_place() {
    type Change = fn(f64, usize, usize, f64) -> f64;
    let cases: [(&str, Change); 5] = [
        ("darker", |_, _, _, level| 16.0 + (level - 16.0) * 0.45),
        ("brighter", |_, _, _, level| level * 1.5 + 10.0),
        ("half in the shade", |_, x, _, level| if x < 51 { level * 0.5 } else { level }),
        ("dusk", |t, _, _, level| level * (1.0 - 0.6 * ((t - FROM_S) / 40.0).min(1.0))),
        (
            "behind somebody for a while",
            |t, _, _, level| if (20.0..30.0).contains(&t) { 40.0 } else { level },
        ),
    ];
    for rate in RATES {
        for (what, change) in cases {
            let found = run(&watch_zone(), rate, 70.0, &move |t, x, y| {
                let (level, step) = watched(x, y);
                if t >= FROM_S && inside(x, y) { (change(t, x, y, level), step) } else { (level, step) }
            });
            assert!(found.is_empty(), "{what} at {rate}/s: {found:?}");
        }
    }
}
