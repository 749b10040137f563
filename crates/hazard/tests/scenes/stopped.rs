//! `stopped_vehicle`.

use wayside_types::{IncidentKind, RoadUserClass, ZoneKind};

use crate::world::{Actor, RATES, World, car, carriageway, lane, none, only, seconds, zone};

/// Drives in from the left, brakes, stands at x = 500 from second 10 on, drives off at `until`.
fn stopping(until: f64) -> Vec<(f64, f64, f64)> {
    vec![
        (4.0, 0.0, 250.0),
        (8.0, 400.0, 250.0),
        (9.0, 470.0, 250.0),
        (10.0, 500.0, 250.0),
        (until, 500.0, 250.0),
        (until + 1.0, 540.0, 250.0),
        (until + 4.0, 1000.0, 250.0),
    ]
}

#[test]
fn a_vehicle_that_stops_in_a_lane_is_one_incident_that_ends() {
    for rate in RATES {
        for zones in [lane(), carriageway()] {
            for brightness in [false, true] {
                let world = World { brightness, ..World::new(zones.clone(), vec![car(&stopping(40.0))]) };
                let found = only(world.run(rate, 60.0), IncidentKind::StoppedVehicle);
                assert_eq!(found.len(), 1, "at {rate}/s");
                let (onset, detected) = (seconds(found[0].onset), seconds(found[0].detected));
                assert!((9.0..11.5).contains(&onset), "at {rate}/s: onset {onset}");
                assert!((14.0..17.0).contains(&detected), "at {rate}/s: detected {detected}");
                let ended = seconds(found[0].ended.expect("it drove off"));
                assert!((39.0..44.0).contains(&ended), "at {rate}/s: ended {ended}");
                assert_eq!(found[0].why[0].setting, "hold_s");
                assert!(found[0].why[0].value >= found[0].why[0].limit);
            }
        }
    }
}

#[test]
fn blinking_and_new_names_are_still_one_incident() {
    for rate in RATES {
        // Seen for 1.5 s of every 4; a new track each time.
        let blinking = Actor {
            seen: |t| !(12.0..=60.0).contains(&t) || (t % 4.0) < 1.5,
            renamed_at: (12..60).step_by(4).map(f64::from).collect(),
            ..car(&stopping(70.0))
        };
        for brightness in [false, true] {
            let world = World { brightness, ..World::new(lane(), vec![blinking.clone()]) };
            let found = only(world.run(rate, 90.0), IncidentKind::StoppedVehicle);
            assert_eq!(found.len(), 1, "at {rate}/s, brightness {brightness}: {found:?}");
            let ended = seconds(found[0].ended.unwrap());
            assert!((66.0..75.0).contains(&ended), "at {rate}/s: {ended}");
        }
    }
}

#[test]
fn of_two_zones_over_one_road_the_lane_is_told_once() {
    for rate in RATES {
        let mut zones = vec![zone("all", ZoneKind::Carriageway, (0.0, 1000.0), (195.0, 310.0))];
        zones.extend(lane());
        // Its foot is a little beyond the lane's edge, the rest of it is not.
        let at = |y: f64| stopping(40.0).iter().map(|&(t, x, _)| (t, x, y)).collect::<Vec<_>>();
        for y in [250.0, 301.5] {
            let found = World::new(zones.clone(), vec![car(&at(y))]).run(rate, 60.0);
            let found = only(found, IncidentKind::StoppedVehicle);
            let told: Vec<_> = found.iter().map(|i| i.zone.as_ref().map(ToString::to_string)).collect();
            assert_eq!(told, [Some("lane".to_owned())], "at {rate}/s, {y}");
        }
    }
}

#[test]
fn brightness_keeps_a_vehicle_that_the_detector_lost_for_good() {
    for rate in RATES {
        let lost =
            Actor { seen: |t| !(16.0..80.0).contains(&t), renamed_at: vec![80.0], ..car(&stopping(90.0)) };
        let world = World { brightness: true, ..World::new(lane(), vec![lost]) };
        let found = only(world.run(rate, 110.0), IncidentKind::StoppedVehicle);
        assert_eq!(found.len(), 1, "at {rate}/s: {found:?}");
        assert!(seconds(found[0].ended.unwrap()) > 85.0, "at {rate}/s: {found:?}");
    }
}

#[test]
fn it_ends_when_the_place_is_empty_though_nobody_saw_it_leave() {
    for rate in RATES {
        let towed = Actor {
            ..car(&[(4.0, 0.0, 250.0), (8.0, 400.0, 250.0), (10.0, 500.0, 250.0), (30.0, 500.0, 250.0)])
        };
        let world = World { brightness: true, ..World::new(lane(), vec![towed]) };
        let found = only(world.run(rate, 60.0), IncidentKind::StoppedVehicle);
        let ended = seconds(found[0].ended.expect("the place is empty"));
        assert!((29.0..31.0).contains(&ended), "at {rate}/s: {ended}");
    }
}

/// By night one of a queue is seen now and another then.
#[test]
fn a_queue_of_which_one_is_seen_at_a_time_is_none() {
    let seen: [fn(f64) -> bool; 4] = [
        |t| t < 15.0 || (t as u64 / 2).is_multiple_of(4),
        |t| t < 15.0 || t as u64 / 2 % 4 == 1,
        |t| t < 15.0 || t as u64 / 2 % 4 == 2,
        |t| t < 15.0 || t as u64 / 2 % 4 == 3,
    ];
    let queue = (0..4).map(|i| {
        let (x, t) = (900.0 - 100.0 * f64::from(i), f64::from(i));
        let way = [(t, x - 700.0, 250.0), (9.0 + t, x - 50.0, 250.0), (10.0 + t, x, 250.0), (60.0, x, 250.0)];
        Actor { seen: seen[i as usize], ..car(&way) }
    });
    none(&World { brightness: true, ..World::new(lane(), queue.collect()) }, 36.0);
}

#[test]
fn passing_traffic_makes_no_second_incident() {
    for rate in RATES {
        let mut actors = vec![car(&stopping(50.0))];
        // Others pass in the next lane, boxes overlapping.
        for i in 0..12 {
            let t = 11.0 + 3.0 * f64::from(i);
            actors.push(car(&[(t, 0.0, 275.0), (t + 5.0, 1000.0, 275.0)]));
        }
        for brightness in [false, true] {
            let world = World { brightness, ..World::new(carriageway(), std::mem::take(&mut actors)) };
            let found = only(world.run(rate, 70.0), IncidentKind::StoppedVehicle);
            assert_eq!(found.len(), 1, "at {rate}/s: {found:?}");
            actors = world.actors;
        }
    }
}

#[test]
fn what_is_no_stopped_vehicle() {
    let parked = car(&[(0.0, 500.0, 250.0), (90.0, 500.0, 250.0)]);
    none(&World::new(lane(), vec![parked]), 60.0);
    let parked = Actor { seen: |t| (t % 7.0) < 3.0, ..car(&[(0.0, 500.0, 250.0), (90.0, 500.0, 250.0)]) };
    none(&World::new(lane(), vec![parked]), 60.0);
    // A bus at its stop beside the lane; a vehicle that only waits for a moment; somebody on foot.
    let at = |y: f64| stopping(40.0).iter().map(|&(t, x, _)| (t, x, y)).collect::<Vec<_>>();
    let bus = Actor { class: RoadUserClass::Bus, size: (140.0, 70.0), ..car(&at(330.0)) };
    none(&World::new(lane(), vec![bus]), 60.0);
    none(&World::new(lane(), vec![car(&stopping(13.0))]), 60.0);
    let person = Actor { class: RoadUserClass::Pedestrian, size: (15.0, 40.0), ..car(&stopping(40.0)) };
    none(&World::new(lane(), vec![person]), 60.0);
    // Crawling is not standing.
    none(&World::new(lane(), vec![car(&[(0.0, 100.0, 250.0), (60.0, 900.0, 250.0)])]), 60.0);
    let off = &mut World::new(lane(), vec![car(&stopping(40.0))]);
    off.settings.stopped_vehicle.enabled = false;
    none(off, 60.0);
}

#[test]
fn a_parked_car_that_the_detector_finds_late_is_none() {
    let late = Actor { seen: |t| t > 20.0, ..car(&[(0.0, 500.0, 250.0), (90.0, 500.0, 250.0)]) };
    none(&World { brightness: true, ..World::new(lane(), vec![late]) }, 60.0);
}

#[test]
fn a_vehicle_that_is_first_seen_standing_where_the_road_was_empty_is_one() {
    for rate in RATES {
        let late = Actor { seen: |t| t > 10.5, ..car(&stopping(40.0)) };
        let world = World { brightness: true, ..World::new(lane(), vec![late]) };
        let found = only(world.run(rate, 60.0), IncidentKind::StoppedVehicle);
        assert_eq!(found.len(), 1, "at {rate}/s");
    }
}

/// Water that gathers from second 12 on, within so many seconds, and that the detector takes for a car.
fn puddle(shows: fn(f64) -> f64) -> Actor {
    Actor {
        seen: |t| t > 13.0,
        level: 60,
        shows,
        score: 0.5,
        ..car(&[(0.0, 500.0, 250.0), (90.0, 500.0, 250.0)])
    }
}

fn rises(t: f64, over_s: f64) -> f64 {
    ((t - 12.0) / over_s).clamp(0.0, 1.0)
}

#[test]
fn what_came_by_and_by_is_no_vehicle() {
    for shows in [|t| rises(t, 4.0), |t| rises(t, 10.0)] {
        none(&World { brightness: true, ..World::new(lane(), vec![puddle(shows)]) }, 60.0);
        // Others pass in front while it comes and afterwards.
        let mut actors: Vec<Actor> = (0..12)
            .map(|i| 9.5 + 3.5 * f64::from(i))
            .map(|t| car(&[(t, 0.0, 270.0), (t + 3.0, 1000.0, 270.0)]))
            .collect();
        actors.push(puddle(shows));
        none(&World { brightness: true, ..World::new(lane(), actors) }, 60.0);
    }
}

#[test]
fn what_was_there_from_one_moment_to_the_next_is_a_vehicle_however_little_it_differs() {
    for rate in RATES {
        for level in [60, 74, 106, 170] {
            let at_once = Actor { level, ..puddle(|t| rises(t, 0.2)) };
            let world = World { brightness: true, ..World::new(lane(), vec![at_once]) };
            let found = only(world.run(rate, 40.0), IncidentKind::StoppedVehicle);
            assert_eq!(found.len(), 1, "at {rate}/s, level {level}");
            let detected = seconds(found[0].detected);
            assert!((17.5..19.5).contains(&detected), "at {rate}/s, level {level}: {detected}");
        }
    }
}

#[test]
fn who_drives_up_to_where_water_gathered_is_one() {
    for rate in RATES {
        let way: Vec<_> = stopping(60.0).iter().map(|&(t, x, y)| (t + 20.0, x + 5.0, y)).collect();
        let wet = Actor { seen: |t| (13.0..29.0).contains(&t), ..puddle(|t| rises(t, 4.0)) };
        let world = World { brightness: true, ..World::new(lane(), vec![wet, car(&way)]) };
        let found = only(world.run(rate, 70.0), IncidentKind::StoppedVehicle);
        assert_eq!(found.len(), 1, "at {rate}/s: {found:?}");
        let (onset, detected) = (seconds(found[0].onset), seconds(found[0].detected));
        assert!((28.5..31.5).contains(&onset), "at {rate}/s: onset {onset}");
        assert!((33.5..37.0).contains(&detected), "at {rate}/s: detected {detected}");
    }
}

/// A queue of six comes to stand behind one another and goes again.
#[test]
fn a_vehicle_as_grey_as_the_road_of_which_only_the_last_bit_was_seen_is_one() {
    for rate in RATES {
        let way = [(8.0, 458.0, 250.0), (10.0, 500.0, 250.0), (40.0, 500.0, 250.0)];
        let grey = Actor { level: 98, ..car(&way) };
        let world = World { brightness: true, ..World::new(lane(), vec![grey]) };
        let found = only(world.run(rate, 30.0), IncidentKind::StoppedVehicle);
        assert_eq!(found.len(), 1, "at {rate}/s");
        let detected = seconds(found[0].detected);
        assert!((14.0..17.0).contains(&detected), "at {rate}/s: detected {detected}");
    }
}

#[test]
fn who_leaves_does_not_stand_anew_on_the_way_out() {
    // It stood for less than the hold; then somebody comes onto its way out whom the detector does not know, as bright as it.
    let leaves = [
        (4.0, 0.0, 250.0),
        (8.0, 440.0, 250.0),
        (9.0, 500.0, 250.0),
        (11.5, 500.0, 250.0),
        (12.5, 620.0, 250.0),
        (13.5, 1000.0, 250.0),
    ];
    let unknown = [(12.6, 575.0, 400.0), (13.0, 575.0, 255.0), (16.0, 575.0, 255.0), (16.5, 575.0, 400.0)];
    let lorry = Actor { seen: |_| false, size: (110.0, 60.0), ..car(&unknown) };
    let world = World { brightness: true, ..World::new(lane(), vec![car(&leaves), lorry]) };
    none(&world, 25.0);
}

#[test]
fn a_shadow_does_not_go_on_for_who_was_hardly_seen_to_stand() {
    let gone = [
        (4.0, 0.0, 250.0),
        (8.0, 440.0, 250.0),
        (9.0, 500.0, 250.0),
        (10.6, 500.0, 250.0),
        (11.2, 600.0, 250.0),
    ];
    let hardly = Actor { score: 0.12, seen: |t| t < 10.5, ..car(&gone) };
    let shadow = Actor {
        seen: |_| false,
        size: (300.0, 90.0),
        level: 150,
        ..car(&[(10.8, 500.0, 290.0), (30.0, 500.0, 290.0)])
    };
    let world = World { brightness: true, ..World::new(lane(), vec![hardly, shadow]) };
    none(&world, 30.0);
}

fn queue(until: f64) -> Vec<Actor> {
    let way = |i: f64| {
        let (x, t) = (800.0 - 80.0 * i, 5.0 + 0.8 * i);
        vec![
            (t - 3.0, x - 300.0, 250.0),
            (t - 1.0, x - 60.0, 250.0),
            (t, x, 250.0),
            (until + i, x, 250.0),
            (until + i + 3.0, x + 400.0, 250.0),
        ]
    };
    (0..6).map(|i| car(&way(f64::from(i)))).collect()
}

#[test]
fn who_stands_in_a_queue_is_not_stopped() {
    none(&World::new(lane(), queue(25.0)), 50.0);
}

#[test]
fn alone_at_a_signal_is_usual_where_a_queue_zone_says_so() {
    let mut zones = lane();
    zones.push(zone("signal", ZoneKind::Queue, (300.0, 700.0), (200.0, 300.0)));
    none(&World::new(zones, vec![car(&stopping(70.0))]), 90.0);
}

#[test]
fn where_vehicles_use_to_stop_they_may_once_that_is_known() {
    for rate in RATES {
        // A stop of 4 s in the lane every 20 s; the fifth time somebody stands 7 s, the sixth for good.
        let way = |i: u32, s: f64| -> Vec<(f64, f64, f64)> {
            let t = 20.0 * f64::from(i);
            vec![
                (t, 0.0, 250.0),
                (t + 5.0, 440.0, 250.0),
                (t + 6.5, 500.0, 250.0),
                (t + 6.5 + s, 500.0, 250.0),
                (t + 9.5 + s, 900.0, 250.0),
            ]
        };
        let mut actors: Vec<Actor> = (0..4).map(|i| car(&way(i, 3.5))).collect();
        actors.push(car(&way(4, 6.0)));
        let world = World::new(lane(), actors);
        assert!(world.run(rate, 110.0).is_empty(), "at {rate}/s: {:?}", world.run(rate, 110.0));
        let mut actors = world.actors;
        actors.push(car(&way(5, 40.0)));
        let found = only(World::new(lane(), actors).run(rate, 150.0), IncidentKind::StoppedVehicle);
        assert_eq!(found.len(), 1, "at {rate}/s");
    }
}

#[test]
fn two_that_wait_at_a_signal_one_after_the_other_are_not_one_because_a_third_hid_it() {
    let mut zones = lane();
    zones.push(zone("signal", ZoneKind::Queue, (300.0, 700.0), (200.0, 300.0)));
    let first = Actor { seen: |t| t < 14.0, ..car(&stopping(66.0)) };
    let in_front = Actor {
        size: (90.0, 60.0),
        level: 150,
        ..car(&[(9.0, 0.0, 285.0), (13.0, 505.0, 285.0), (66.0, 505.0, 285.0), (69.0, 1000.0, 285.0)])
    };
    let second =
        car(&[(66.0, 300.0, 250.0), (69.0, 500.0, 250.0), (135.0, 500.0, 250.0), (139.0, 1000.0, 250.0)]);
    let world = World { brightness: true, ..World::new(zones, vec![first, in_front, second]) };
    none(&world, 145.0);
}

#[test]
fn one_after_the_other_in_a_queue_is_not_one_who_stands_however_much_they_look_like_one() {
    let mut zones = lane();
    zones.push(zone("signal", ZoneKind::Queue, (300.0, 700.0), (200.0, 300.0)));
    // Each drives off as the next is there, who is not seen before.
    let stays =
        |from: f64, to: f64| car(&[(from, 500.0, 250.0), (to, 500.0, 250.0), (to + 4.0, 1000.0, 250.0)]);
    let first = car(&[(0.0, 0.0, 250.0), (5.0, 500.0, 250.0), (60.0, 500.0, 250.0), (64.0, 1000.0, 250.0)]);
    let queue = vec![first, stays(60.0, 120.0), stays(120.0, 180.0), stays(180.0, 240.0)];
    let world = World::new(zones, queue);
    none(&world, 260.0);
    // Who stands there for good is told all the same.
    let stands = vec![world.actors[0].clone(), stays(60.0, 300.0)];
    for rate in RATES {
        let world = World { actors: stands.clone(), ..World::new(world.zones.clone(), vec![]) };
        let found = only(world.run(rate, 260.0), IncidentKind::StoppedVehicle);
        assert_eq!(found.len(), 1, "at {rate}/s: {found:?}");
        assert!(seconds(found[0].detected) >= 180.0, "at {rate}/s: {found:?}");
    }
}

#[test]
fn who_waits_in_a_queue_zone_with_its_foot_beyond_the_edge_waits_there() {
    let mut zones = lane();
    zones.push(zone("signal", ZoneKind::Queue, (300.0, 700.0), (200.0, 300.0)));
    zones.push(zone("exit", ZoneKind::Lane, (0.0, 1000.0), (300.0, 350.0)));
    let way = [
        (0.0, 0.0, 304.0),
        (5.0, 400.0, 304.0),
        (6.5, 500.0, 304.0),
        (60.0, 500.0, 304.0),
        (64.0, 1000.0, 304.0),
    ];
    none(&World::new(zones, vec![car(&way)]), 70.0);
}
