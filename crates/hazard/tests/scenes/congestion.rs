//! `congestion`.

use wayside_types::{IncidentKind, ZoneKind};

use crate::world::{Actor, RATES, World, car, lane, none, only, seconds, zone};

/// A column of cars that enters freely, then crawls (or stands) from second 20 to `until`, then flows.
fn jam(until: f64, crawl: f64) -> Vec<Actor> {
    (0..40)
        .map(|i| {
            let i = f64::from(i);
            // Those ahead in the picture come first.
            let x = 960.0 - 68.0 * i;
            let drift = crawl * (until - 20.0);
            car(&[
                (10.0, x - 900.0, 250.0),
                (19.0, x - 40.0, 250.0),
                (20.0, x, 250.0),
                (until, x + drift, 250.0),
                (until + 10.0, x + drift + 2_800.0, 250.0),
            ])
        })
        .collect()
}

#[test]
fn a_jam_of_forty_is_one_congestion_and_no_stopped_vehicle() {
    for rate in RATES {
        for crawl in [0.0, 4.0] {
            let found = only(World::new(lane(), jam(90.0, crawl)).run(rate, 140.0), IncidentKind::Congestion);
            assert_eq!(found.len(), 1, "at {rate}/s: {found:?}");
            let detected = seconds(found[0].detected);
            assert!((40.0..56.0).contains(&detected), "at {rate}/s: {detected}");
            let ended = seconds(found[0].ended.expect("it flows again"));
            assert!((90.0..125.0).contains(&ended), "at {rate}/s: {ended}");
        }
    }
}

/// A lane drawn into its carriageway, and two lanes side by side of one carriageway.
#[test]
fn a_jam_in_zones_that_overlap_is_told_once() {
    let road = || zone("road", ZoneKind::Carriageway, (0.0, 1000.0), (190.0, 320.0));
    for zones in [vec![road(), lane().remove(0)], vec![lane().remove(0), road()]] {
        let found = only(World::new(zones, jam(90.0, 4.0)).run(10.0, 140.0), IncidentKind::Congestion);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].zone.as_ref().unwrap().as_str(), "lane", "the lane says more");
        assert!((90.0..125.0).contains(&seconds(found[0].ended.unwrap())));
    }
    // Beside each other they are two.
    let beside = vec![
        zone("near", ZoneKind::Lane, (0.0, 480.0), (200.0, 300.0)),
        zone("far", ZoneKind::Lane, (500.0, 1000.0), (200.0, 300.0)),
    ];
    let found = only(World::new(beside, jam(90.0, 4.0)).run(10.0, 140.0), IncidentKind::Congestion);
    assert_eq!(found.len(), 2, "{found:?}");
}

#[test]
fn dense_traffic_that_flows_and_an_empty_road_are_none() {
    let dense = (0..60)
        .map(|i| 0.5 * f64::from(i))
        .map(|t| car(&[(t, 0.0, 250.0), (t + 5.0, 1000.0, 250.0)]))
        .collect();
    none(&World::new(lane(), dense), 60.0);
    // One slow vehicle alone is no congestion.
    none(&World::new(lane(), vec![car(&[(0.0, 100.0, 250.0), (80.0, 900.0, 250.0)])]), 80.0);
    none(&World::new(lane(), vec![]), 80.0);
}

/// It is large in a small zone, and nobody else is there.
#[test]
fn a_stopped_vehicle_alone_is_no_congestion_as_well() {
    for rate in RATES {
        let stands = Actor {
            size: (150.0, 90.0),
            ..car(&[(4.0, 0.0, 290.0), (9.0, 460.0, 290.0), (10.0, 500.0, 290.0), (90.0, 500.0, 290.0)])
        };
        let small = zone("road", ZoneKind::Carriageway, (400.0, 600.0), (200.0, 300.0));
        let found = only(World::new(vec![small], vec![stands]).run(rate, 80.0), IncidentKind::StoppedVehicle);
        assert_eq!(found.len(), 1, "at {rate}/s: {found:?}");
    }
}

#[test]
fn parked_cars_are_no_congestion() {
    let parked = (0..12).map(|i| {
        car(&[(0.0, 40.0 + 80.0 * f64::from(i), 240.0), (120.0, 40.0 + 80.0 * f64::from(i), 240.0)])
    });
    none(&World::new(lane(), parked.collect()), 120.0);
}

#[test]
fn a_queue_at_a_signal_is_none_until_it_fills_its_zone() {
    let zones = |to: f64| {
        let mut zones = lane();
        zones.push(zone("signal", ZoneKind::Queue, (to, 1000.0), (200.0, 300.0)));
        zones
    };
    // Six vehicles of 70 px each stand before x = 1000.
    let queue = || -> Vec<Actor> {
        (0..6)
            .map(|i| {
                let x = 960.0 - 70.0 * f64::from(i);
                let t = 6.0 + f64::from(i);
                car(&[
                    (t - 5.0, x - 700.0, 250.0),
                    (t - 1.0, x - 60.0, 250.0),
                    (t, x, 250.0),
                    (70.0, x, 250.0),
                    (73.0, x + 600.0, 250.0),
                ])
            })
            .collect()
    };
    none(&World::new(zones(300.0), queue()), 90.0);
    for rate in RATES {
        let found = only(World::new(zones(590.0), queue()).run(rate, 90.0), IncidentKind::Congestion);
        assert_eq!(found.len(), 1, "at {rate}/s: {found:?}");
        assert_eq!(found[0].zone.as_ref().unwrap().as_str(), "signal");
        assert!((70.0..75.0).contains(&seconds(found[0].ended.unwrap())));
    }
}
