//! `object_on_road`: pictures without anybody, in which something comes to lie, changes, or only seems to.

use wayside_hazard::{HazardWatch, Sight};
use wayside_types::{
    BBox, FrameSize, GroundMap, HazardSettings, Incident, IncidentKind, LumaCells, Point, RoadUserClass,
    Track, TrackId, TrackUpdate, ViewSample, Zone, ZoneKind,
};

use crate::world::{RATES, carriageway, moment, only, seconds, zone};

const SIDE: usize = 10;
const COLUMNS: usize = 100;
const ROWS: usize = 50;
const SIZE: FrameSize = FrameSize { width: 1000, height: 500 };
/// When it happens.
pub const FROM_S: f64 = 12.0;

/// Twenty pixels a metre.
struct Flat;

impl GroundMap for Flat {
    fn to_ground(&self, image: Point) -> Option<Point> {
        Some(Point::new(image.x * 50.0, -image.y * 25.0))
    }
}

/// What a cell (by its column and row) shows at a time: its brightness and its steepest step, grey levels.
pub type Shown = dyn Fn(f64, usize, usize) -> (f64, u8);

/// Asphalt with a few marks.
pub fn road(x: usize, y: usize) -> (f64, u8) {
    let mark = x % 9 == 3 && y % 7 < 2;
    (
        90.0 + f64::from(((x * 7 + y * 13) % 5) as u8) + if mark { 60.0 } else { 0.0 },
        if mark { 60 } else { 6 },
    )
}

pub fn run(zones: &[Zone], rate: f64, until_s: f64, shown: &Shown) -> Vec<Incident> {
    run_with(zones, rate, until_s, &|_| TrackUpdate::default(), shown)
}

/// The same with whom the detector sees at a time.
pub fn run_with(
    zones: &[Zone],
    rate: f64,
    until_s: f64,
    seen: &dyn Fn(f64) -> TrackUpdate,
    shown: &Shown,
) -> Vec<Incident> {
    run_on(Some(Box::new(Flat)), zones, (rate, until_s), seen, shown)
}

/// The same on a ground that is known or not, at a rate for so many seconds.
pub fn run_on(
    ground: Option<Box<dyn GroundMap>>,
    zones: &[Zone],
    (rate, until_s): (f64, f64),
    seen: &dyn Fn(f64) -> TrackUpdate,
    shown: &Shown,
) -> Vec<Incident> {
    let mut watch = HazardWatch::new(HazardSettings::default(), zones, SIZE, ground);
    let mut all = Vec::new();
    for frame in 0..(until_s * rate) as usize {
        let t = frame as f64 / rate;
        let cells: Vec<(f64, u8)> = (0..COLUMNS * ROWS).map(|i| shown(t, i % COLUMNS, i / COLUMNS)).collect();
        let means = cells.iter().map(|(level, _)| (level * 16.0) as u16).collect();
        let view = ViewSample {
            cells: LumaCells { columns: COLUMNS, rows: ROWS, side_px: SIDE, means },
            edges: vec![8.0; 144],
            squares: Vec::new(),
            steps: cells.iter().map(|(_, step)| *step).collect(),
            change: Some(0.5),
            change_most: Some(3.0),
        };
        for change in watch.see(&Sight { at: moment(t), tracks: &seen(t), view: Some(&view) }) {
            all.retain(|(number, _)| *number != change.number);
            all.push((change.number, change.incident));
        }
    }
    all.into_iter().map(|(_, incident)| incident).collect()
}

/// Cells of a thing of three by three in the middle of the road.
pub fn there(x: usize, y: usize) -> bool {
    (50..53).contains(&x) && (24..27).contains(&y)
}

#[test]
fn a_thing_on_the_road_is_one_incident_that_ends_when_it_is_gone() {
    for rate in RATES {
        let found = run(&carriageway(), rate, 50.0, &|t, x, y| match road(x, y) {
            // Lit from above, dark in front, with edges.
            _ if there(x, y) && (FROM_S..35.0).contains(&t) => (if y == 24 { 180.0 } else { 60.0 }, 80),
            road => road,
        });
        let [incident] = only(found, IncidentKind::ObjectOnRoad).try_into().unwrap();
        assert_eq!(incident.zone.unwrap().as_str(), "road");
        let (onset, detected) = (seconds(incident.onset), seconds(incident.detected));
        assert!((11.9..13.0).contains(&onset), "at {rate}/s: {onset}");
        assert!((21.9..24.0).contains(&detected), "at {rate}/s: {detected}");
        assert!((33.0..40.0).contains(&seconds(incident.ended.unwrap())), "at {rate}/s");
        assert_eq!(incident.why[1].what, "size_m");
        assert!((1.4..1.6).contains(&incident.why[1].value));
    }
}

#[test]
fn light_and_shadow_small_and_passing_things_are_none() {
    type Cell = (f64, u8);
    type Change = fn(f64, usize, usize, Cell) -> Cell;
    let cases: [(&str, Change); 6] = [
        // It has edges where it ends, and inside the road's own.
        ("a shadow with sharp edges", |_, x, y, (level, step)| {
            let inside = (x, y) == (51, 25);
            (16.0 + (level - 16.0) * 0.55, if inside { step } else { step.max(45) })
        }),
        ("light with soft edges", |_, _, _, (level, step)| (level * 1.5, step + 4)),
        ("a puddle", |_, _, y, (level, step)| {
            (16.0 + (level - 16.0) * 0.6 + f64::from((y % 2) as u8) * 4.0, step)
        }),
        ("something small", |_, x, y, cell| if (x, y) == (51, 25) { (97.0, 70) } else { cell }),
        ("something that flutters", |t, x, _, cell| {
            if ((t * 2.0) as usize + x).is_multiple_of(3) { (190.0, 90) } else { cell }
        }),
        ("something for a moment", |t, _, _, cell| if t < FROM_S + 8.0 { (190.0, 90) } else { cell }),
    ];
    for rate in RATES {
        for (what, change) in cases {
            let found = run(&carriageway(), rate, 40.0, &move |t, x, y| {
                let cell = road(x, y);
                if t >= FROM_S && there(x, y) { change(t, x, y, cell) } else { cell }
            });
            assert!(found.is_empty(), "{what} at {rate}/s: {found:?}");
        }
        let beside = zone("road", ZoneKind::Carriageway, (0.0, 1000.0), (300.0, 400.0));
        let found = run(&[beside], rate, 40.0, &|t, x, y| {
            if t >= FROM_S && there(x, y) { (190.0, 90) } else { road(x, y) }
        });
        assert!(found.is_empty(), "beside the road at {rate}/s: {found:?}");
    }
}

/// Somebody whom the detector does not know is over the place for half a second, every so many seconds.
fn passes(t: f64, every_s: f64) -> bool {
    t.rem_euclid(every_s) < 0.5
}

#[test]
fn whoever_passes_unknown_begins_nothing_anew() {
    for rate in RATES {
        let found = run(&carriageway(), rate, 30.0, &|t, x, y| match road(x, y) {
            _ if there(x, y) && t >= 5.0 && passes(t, 3.1) => (135.0, 40),
            _ if there(x, y) && t >= FROM_S => (if y == 24 { 180.0 } else { 60.0 }, 80),
            road => road,
        });
        let [incident] = only(found, IncidentKind::ObjectOnRoad).try_into().unwrap();
        let detected = seconds(incident.detected);
        assert!((21.9..25.0).contains(&detected), "at {rate}/s: {detected}");
    }
}

#[test]
fn what_rises_by_and_by_while_somebody_passes_unknown_is_none() {
    for rate in RATES {
        let found = run(&carriageway(), rate, 40.0, &|t, x, y| {
            let (level, step) = road(x, y);
            let risen = ((t - FROM_S) / 5.0).clamp(0.0, 1.0);
            match there(x, y) {
                true if t >= 5.0 && passes(t, 2.3) => (150.0, 40),
                // As dark as no shadow, and with waves: only its coming by and by tells it from a thing.
                true if risen > 0.0 => (level - 60.0 * risen, step.max((70.0 * risen) as u8)),
                _ => (level, step),
            }
        });
        assert!(found.is_empty(), "at {rate}/s: {found:?}");
    }
}

#[test]
fn lamps_in_the_first_seconds_leave_no_thing_behind() {
    for rate in RATES {
        // The road is known after three seconds, and something bright went by just then.
        let found = run(&carriageway(), rate, 30.0, &|t, x, y| match road(x, y) {
            _ if there(x, y) && (2.2..3.1).contains(&t) => (200.0, 10),
            (level, step) if there(x, y) => (level, if t >= 3.1 { 60 } else { step }),
            road => road,
        });
        assert!(found.is_empty(), "at {rate}/s: {found:?}");
    }
}

#[test]
fn what_stands_on_the_far_edge_of_a_road_is_told_and_what_stands_beyond_it_is_not() {
    for (top, told) in [(17, true), (15, false)] {
        for rate in RATES {
            let found = run(&carriageway(), rate, 40.0, &move |t, x, y| match road(x, y) {
                _ if (50..53).contains(&x) && (top..top + 3).contains(&y) && t >= FROM_S => {
                    (if y % 2 == 0 { 180.0 } else { 60.0 }, 80)
                }
                road => road,
            });
            assert_eq!(
                only(found, IncidentKind::ObjectOnRoad).len(),
                usize::from(told),
                "from row {top} at {rate}/s"
            );
        }
    }
}

#[test]
fn what_the_edge_of_the_picture_cuts_is_none() {
    for rate in RATES {
        let found = run(&carriageway(), rate, 40.0, &|t, x, y| match road(x, y) {
            _ if x < 4 && (24..27).contains(&y) && t >= FROM_S => (if y == 24 { 180.0 } else { 60.0 }, 80),
            road => road,
        });
        assert!(found.is_empty(), "at {rate}/s: {found:?}");
    }
}

#[test]
fn the_road_under_who_stood_there_from_the_beginning_is_no_thing() {
    for rate in RATES {
        let seen = |t: f64| {
            let x = 470.0 + (120.0 * (t - FROM_S).max(0.0)) as f32;
            if x < 1000.0 {
                one(TrackId::FIRST, BBox::new(x, 220.0, x + 90.0, 280.0), 0.8)
            } else {
                TrackUpdate::default()
            }
        };
        // A car as grey as the road on a line that it hides.
        let found = run_with(&carriageway(), rate, 40.0, &seen, &|t, x, y| match road(x, y) {
            (level, step) if there(x, y) => {
                if t < FROM_S + 0.4 {
                    (level, step)
                } else {
                    (170.0, 80)
                }
            }
            road => road,
        });
        assert!(found.is_empty(), "at {rate}/s: {found:?}");
    }
}

#[test]
fn where_cars_are_seen_nearer_only_a_thing_is_known_by_how_they_shrink() {
    let zones = [
        zone("far", ZoneKind::Carriageway, (0.0, 1000.0), (40.0, 110.0)),
        zone("near", ZoneKind::Carriageway, (0.0, 1000.0), (250.0, 480.0)),
    ];
    let seen = |t: f64| match t {
        t if t < 4.5 => {
            let x = 200.0 * t as f32;
            one(TrackId::FIRST, BBox::new(x, 290.0, x + 60.0, 330.0), 0.8)
        }
        t if t < 9.0 => {
            let x = 200.0 * (t - 4.5) as f32;
            one(TrackId::FIRST.next(), BBox::new(x, 408.0, x + 62.0, 450.0), 0.8)
        }
        _ => TrackUpdate::default(),
    };
    for rate in RATES {
        let found = run_on(None, &zones, (rate, 40.0), &seen, &|t, x, y| match road(x, y) {
            _ if (50..53).contains(&x) && (6..9).contains(&y) && t >= FROM_S => {
                (if y % 2 == 0 { 180.0 } else { 60.0 }, 80)
            }
            road => road,
        });
        let [incident] = only(found, IncidentKind::ObjectOnRoad).try_into().unwrap();
        assert_eq!(incident.zone.unwrap().as_str(), "far", "at {rate}/s");
    }
}

/// A car of a size (px) that drives through along the road in the first seconds.
fn passes_first(t: f64, (w, h): (f32, f32)) -> TrackUpdate {
    let x = 100.0 * t as f32;
    if t < 9.0 {
        one(TrackId::FIRST, BBox::new(x, 270.0 - h, x + w, 270.0), 0.8)
    } else {
        TrackUpdate::default()
    }
}

#[test]
fn where_the_ground_is_known_a_thing_is_no_vehicle_however_small_cars_seemed() {
    for rate in RATES {
        let seen = |t: f64| passes_first(t, (24.0, 20.0));
        let found = run_with(&carriageway(), rate, 40.0, &seen, &|t, x, y| match road(x, y) {
            _ if there(x, y) && t >= FROM_S => (if y == 24 { 180.0 } else { 60.0 }, 80),
            road => road,
        });
        assert_eq!(only(found, IncidentKind::ObjectOnRoad).len(), 1, "at {rate}/s");
    }
}

#[test]
fn what_is_new_and_as_large_as_a_vehicle_is_one_also_if_the_detector_hardly_knows_it() {
    for rate in RATES {
        let seen = |t: f64| match t {
            t if t >= FROM_S + 0.5 => one(TrackId::FIRST.next(), BBox::new(500.0, 230.0, 560.0, 270.0), 0.2),
            t => passes_first(t, (60.0, 40.0)),
        };
        let found = run_with(&carriageway(), rate, 40.0, &seen, &|t, x, y| match road(x, y) {
            _ if (50..56).contains(&x) && (23..27).contains(&y) && t >= FROM_S => {
                (if y % 2 == 0 { 180.0 } else { 60.0 }, 80)
            }
            road => road,
        });
        let [incident] = only(found, IncidentKind::StoppedVehicle).try_into().unwrap();
        let detected = seconds(incident.detected);
        assert!((16.9..19.0).contains(&detected), "at {rate}/s: {detected}");
    }
}

#[test]
fn a_vehicle_that_the_detector_never_sees_is_told_when_it_stood_for_the_hold_and_ends_when_it_is_gone() {
    for rate in RATES {
        let seen = |t: f64| passes_first(t, (60.0, 40.0));
        let found = run_with(&carriageway(), rate, 50.0, &seen, &|t, x, y| match road(x, y) {
            _ if (50..56).contains(&x) && (23..27).contains(&y) && (FROM_S..40.0).contains(&t) => {
                (if y % 2 == 0 { 180.0 } else { 60.0 }, 80)
            }
            road => road,
        });
        let [incident] = only(found, IncidentKind::StoppedVehicle).try_into().unwrap();
        let (detected, ended) = (seconds(incident.detected), seconds(incident.ended.unwrap()));
        assert!((16.9..19.0).contains(&detected), "at {rate}/s: {detected}");
        assert!((39.0..42.0).contains(&ended), "at {rate}/s: {ended}");
    }
}

/// One car in a box with a score.
pub fn one(id: TrackId, bbox: BBox, score: f32) -> TrackUpdate {
    let track = Track {
        id,
        class: RoadUserClass::Car,
        second: None,
        bbox,
        velocity_px_s: Point::new(0.0, 0.0),
        score,
        observed: true,
        confirmed: true,
        first_seen: moment(0.0),
        last_seen: moment(0.0),
        hits: 10,
    };
    TrackUpdate { active: vec![track], ended: Vec::new() }
}

#[test]
fn rain_hides_no_edges_of_a_thing() {
    for rate in RATES {
        let found = run(&carriageway(), rate, 40.0, &move |t, x, y| {
            // Every fifth look a streak is in the cell.
            let look = (t * rate).round() as usize;
            let streak = (look * 7 + x * 3 + y * 11).is_multiple_of(5);
            let (level, step) = match road(x, y) {
                _ if there(x, y) && t >= FROM_S => (if y == 24 { 180.0 } else { 60.0 }, 35),
                road => road,
            };
            (level, if streak { 90 } else { step })
        });
        assert_eq!(only(found, IncidentKind::ObjectOnRoad).len(), 1, "at {rate}/s");
    }
}

#[test]
fn rain_gives_light_no_edges() {
    for rate in RATES {
        let found = run(&carriageway(), rate, 40.0, &move |t, x, y| {
            // In three looks of ten a streak is in the cell, no one knows in which.
            let look = (t * rate).round() as usize;
            let streak = ((look * 64 + x) * 64 + y).wrapping_mul(0x9E37_79B9) >> 12 & 1023 < 300;
            let (level, step) = road(x, y);
            let lit = if there(x, y) && t >= FROM_S { 1.5 } else { 1.0 };
            (level * lit, if streak { 90 } else { step })
        });
        assert!(found.is_empty(), "at {rate}/s: {found:?}");
    }
}

#[test]
fn a_thing_without_edges_is_told_by_those_that_it_hides_but_dirt_on_the_lens_is_not() {
    let hides = |t: f64, x: usize, y: usize| match road(x, y) {
        _ if there(x, y) && t >= FROM_S => (if y == 24 { 180.0 } else { 60.0 }, 12),
        (level, _) if there(x, y) => (level, 60),
        road => road,
    };
    let dirty = move |t: f64, x: usize, y: usize| match hides(t, x, y) {
        (level, step) if (5..17).contains(&x) && y < 8 && t >= FROM_S => (level + 30.0, step),
        road => road,
    };
    for rate in RATES {
        let found = run(&carriageway(), rate, 40.0, &hides);
        assert_eq!(only(found, IncidentKind::ObjectOnRoad).len(), 1, "at {rate}/s");
        let found = run(&carriageway(), rate, 40.0, &dirty);
        assert!(only(found, IncidentKind::ObjectOnRoad).is_empty(), "at {rate}/s, dirty");
    }
}

#[test]
fn light_as_large_as_a_vehicle_is_none_however_sharp_and_fast_it_comes() {
    for rate in RATES {
        let seen = |t: f64| passes_first(t, (60.0, 40.0));
        let found = run_with(&carriageway(), rate, 40.0, &seen, &|t, x, y| {
            let (level, step) = road(x, y);
            match (50..56).contains(&x) && (23..27).contains(&y) && t >= FROM_S {
                true if (51..55).contains(&x) && (24..26).contains(&y) => (level * 1.5, step + 4),
                true => (level * 1.5, step.max(50)),
                false => (level, step),
            }
        });
        assert!(found.is_empty(), "at {rate}/s: {found:?}");
    }
}
