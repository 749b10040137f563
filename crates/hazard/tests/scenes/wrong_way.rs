//! `wrong_way`.

use proptest::prelude::*;
use wayside_types::{Heading, IncidentKind, Point, RoadUserClass, Severity, ZoneKind};

use crate::world::{Actor, RATES, World, car, carriageway, lane, none, only, seconds, walker, zone};

fn to_the_left() -> Vec<(f64, f64, f64)> {
    vec![(5.0, 1000.0, 250.0), (10.0, 0.0, 250.0)]
}

#[test]
fn who_drives_against_the_lane_is_told_within_two_seconds() {
    for rate in RATES {
        let found =
            only(World::new(lane(), vec![car(&to_the_left())]).run(rate, 20.0), IncidentKind::WrongWay);
        assert_eq!(found.len(), 1, "at {rate}/s");
        let detected = seconds(found[0].detected);
        assert!((6.0..7.2).contains(&detected), "at {rate}/s: {detected}");
        assert_eq!(found[0].severity, Severity::Severe);
        let ended = seconds(found[0].ended.unwrap());
        assert!((9.5..10.5).contains(&ended), "at {rate}/s: {ended}");
    }
}

/// A road of two ways by night on which the detector sees nobody: one goes from left to right or back, with its foot at a height.
fn unseen_by_night(from_x: f64, to_x: f64, y: f64) -> World {
    let mut back = zone("back", ZoneKind::Lane, (0.0, 1000.0), (300.0, 400.0));
    back.heading = Some(Heading { from: Point::new(0.9, 0.7), to: Point::new(0.1, 0.7) });
    let unseen = Actor { size: (90.0, 65.0), seen: |_| false, ..car(&[(5.0, from_x, y), (15.0, to_x, y)]) };
    let zones = lane().into_iter().chain([back]).collect();
    World { brightness: true, night: true, ..World::new(zones, vec![unseen]) }
}

#[test]
fn whom_the_detector_does_not_see_by_night_its_light_gives_away() {
    for rate in RATES {
        let found = only(unseen_by_night(1000.0, 0.0, 280.0).run(rate, 25.0), IncidentKind::WrongWay);
        assert_eq!(found.len(), 1, "at {rate}/s: {found:?}");
        let detected = seconds(found[0].detected);
        assert!((6.0..8.5).contains(&detected), "at {rate}/s: {detected}");
    }
}

#[test]
fn light_that_goes_along_or_is_of_the_lane_beside_or_comes_by_day_is_of_nobody_who_goes_the_wrong_way() {
    none(&unseen_by_night(0.0, 1000.0, 280.0), 25.0);
    // Half of it reaches into the lane that goes the other way.
    for y in [320.0, 335.0, 390.0] {
        none(&unseen_by_night(1000.0, 0.0, y), 25.0);
    }
    none(&World { night: false, ..unseen_by_night(1000.0, 0.0, 280.0) }, 25.0);
}

#[test]
fn lamps_that_go_on_one_after_the_other_are_nobody_who_drives() {
    // As at road works: the next is there a little before one goes off.
    let lamp = |i: u32| {
        let (x, from) = (700.0 - 90.0 * f64::from(i), 5.0 + 0.4 * f64::from(i));
        let way = [(from, x, 280.0), (from + 0.59, x, 280.0)];
        Actor { size: (90.0, 65.0), seen: |_| false, ..car(&way) }
    };
    none(&World { actors: (0..7).map(lamp).collect(), ..unseen_by_night(0.0, 0.0, 280.0) }, 15.0);
}

#[test]
fn what_is_no_wrong_way() {
    let right: Vec<Actor> = (0..8)
        .map(|i| f64::from(i) * 3.0)
        .map(|t| car(&[(t, 0.0, 250.0), (t + 5.0, 1000.0, 250.0)]))
        .collect();
    none(&World::new(lane(), right), 40.0);
    // Pushing back by less than its own length; turning out of the lane; walking; driving where nothing is drawn.
    none(
        &World::new(
            lane(),
            vec![car(&[(0.0, 500.0, 250.0), (4.0, 500.0, 250.0), (6.0, 460.0, 250.0), (20.0, 460.0, 250.0)])],
        ),
        20.0,
    );
    none(&World::new(lane(), vec![car(&[(0.0, 500.0, 300.0), (3.0, 480.0, 100.0)])]), 10.0);
    none(&World::new(lane(), vec![walker(&to_the_left())]), 20.0);
    none(&World::new(lane(), vec![car(&[(5.0, 1000.0, 400.0), (10.0, 0.0, 400.0)])]), 20.0);
}

#[test]
fn a_detection_that_jumps_back_does_not_drive_back() {
    // A track that hops from each vehicle to the next behind it.
    let mut way = Vec::new();
    for i in 0..10 {
        let t = f64::from(i);
        way.extend([(t, 600.0, 250.0), (t + 0.95, 700.0, 250.0)]);
    }
    none(&World::new(lane(), vec![car(&way)]), 12.0);
}

#[test]
fn a_box_that_passes_to_the_next_in_a_queue_does_not_drive_back() {
    // From a car that crawls to the one behind it, once and three times running, at any moment between two frames.
    for at in (0..10).map(|i| 10.0 + 0.07 * f64::from(i)) {
        let once = [(4.0, 0.0), (9.0, 620.0), (at, 640.0), (at + 0.02, 565.0), (20.0, 600.0)];
        let thrice = [
            (3.0, 0.0),
            (9.0, 800.0),
            (at, 820.0),
            (at + 0.02, 745.0),
            (at + 0.8, 747.0),
            (at + 0.82, 672.0),
            (at + 1.6, 674.0),
            (at + 1.62, 599.0),
            (20.0, 620.0),
        ];
        for way in [once.to_vec(), thrice.to_vec()] {
            let way: Vec<_> = way.into_iter().map(|(t, x)| (t, x, 250.0)).collect();
            let mut world = World::new(lane(), vec![car(&way)]);
            world.settings.stopped_vehicle.enabled = false;
            none(&world, 20.0);
        }
    }
}

#[test]
fn a_lorry_in_the_next_lane_of_which_only_the_lower_edge_is_in_this_one_is_right_there() {
    let way: Vec<_> = to_the_left().iter().map(|&(t, x, _)| (t, x, 203.0)).collect();
    let lorry = Actor { class: RoadUserClass::Truck, size: (170.0, 95.0), ..car(&way) };
    none(&World::new(lane(), vec![lorry]), 20.0);
}

#[test]
fn who_leaves_beside_the_lane_and_is_then_taken_for_one_that_waits_in_it_does_not_come_against_it() {
    for x in [380.0, 375.0, 370.0] {
        let way = [
            (5.0, 1000.0, 195.0),
            (8.0, 400.0, 195.0),
            (8.2, 380.0, 215.0),
            (8.5, x, 232.0),
            (8.9, x + 5.0, 236.0),
            (20.0, x + 5.0, 236.0),
        ];
        let mut world = World::new(lane(), vec![car(&way)]);
        world.settings.stopped_vehicle.enabled = false;
        none(&world, 20.0);
    }
}

#[test]
fn a_box_that_is_now_large_and_now_small_is_nobody_who_drives() {
    let flickering = Actor { grown: |t| if (t % 0.4) < 0.2 { 1.0 } else { 2.5 }, ..car(&to_the_left()) };
    none(&World::new(lane(), vec![flickering]), 20.0);
}

#[test]
fn a_track_that_hops_between_still_things_over_gaps_does_not_drive() {
    let hops =
        Actor { seen: |t| (t % 1.2) < 0.25, score: 0.15, ..car(&[(5.0, 700.0, 250.0), (9.0, 500.0, 250.0)]) };
    none(&World::new(lane(), vec![hops]), 15.0);
}

#[test]
fn who_leaves_at_the_lower_edge_is_on_the_road_until_gone() {
    let mut towards = zone("lane", ZoneKind::Lane, (300.0, 700.0), (400.0, 500.0));
    towards.heading = Some(Heading { from: Point::new(0.5, 1.0), to: Point::new(0.5, 0.8) });
    for rate in RATES {
        // Its foot is in the picture for 0.7 s, and 0.6 s longer its roof is.
        let way = [(5.0, 500.0, 410.0), (5.7, 500.0, 499.0), (6.3, 500.0, 540.0)];
        let found = World::new(vec![towards.clone()], vec![car(&way)]).run(rate, 10.0);
        assert_eq!(only(found, IncidentKind::WrongWay).len(), 1, "at {rate}/s");
    }
}

#[test]
fn who_goes_the_wrong_way_from_one_zone_into_another_is_one_incident() {
    let zones = vec![
        zone("right", ZoneKind::Lane, (480.0, 1000.0), (200.0, 300.0)),
        zone("left", ZoneKind::Lane, (0.0, 520.0), (200.0, 300.0)),
    ];
    for rate in RATES {
        let way = vec![(2.0, 1000.0, 250.0), (18.0, 0.0, 250.0)];
        let found = only(World::new(zones.clone(), vec![car(&way)]).run(rate, 30.0), IncidentKind::WrongWay);
        assert_eq!(found.len(), 1, "at {rate}/s: {found:?}");
    }
}

#[test]
fn the_usual_direction_is_learnt_where_no_lane_is_drawn() {
    for rate in RATES {
        let mut actors: Vec<Actor> = (0..35)
            .map(|i| 2.0 * f64::from(i))
            .map(|t| car(&[(t, 0.0, 265.0), (t + 4.0, 1000.0, 265.0)]))
            .collect();
        actors.push(car(&[(80.0, 1000.0, 265.0), (85.0, 0.0, 265.0)]));
        let found = only(World::new(carriageway(), actors).run(rate, 95.0), IncidentKind::WrongWay);
        assert_eq!(found.len(), 1, "at {rate}/s");
        assert!((80.0..83.0).contains(&seconds(found[0].detected)), "at {rate}/s");
    }
}

#[test]
fn a_street_that_is_driven_both_ways_has_no_wrong_one() {
    let way = |i: u32| {
        let t = 2.0 * f64::from(i);
        if i.is_multiple_of(3) {
            car(&[(t, 1000.0, 250.0), (t + 4.0, 0.0, 250.0)])
        } else {
            car(&[(t, 0.0, 250.0), (t + 4.0, 1000.0, 250.0)])
        }
    };
    none(&World::new(carriageway(), (0..45).map(way).collect()), 100.0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whoever goes along the heading within 60° is right, at any speed and rate.
    #[test]
    fn along_the_heading_is_never_wrong(
        speed in 20.0..900.0_f64, rise in -1.5..1.5_f64, rate in 5.0..25.0_f64, w in 20.0..150.0_f64,
    ) {
        let s = 100.0 / speed;
        let actor = Actor { class: RoadUserClass::Truck, size: (w, w * 0.6), ..car(&[
            (0.0, 450.0, 250.0 - 50.0 * rise), (s, 550.0, 250.0 + 50.0 * rise)]) };
        prop_assert!(World::new(lane(), vec![actor]).run(rate, s + 1.0).is_empty());
    }
}
