//! `pedestrian_on_carriageway`.

use wayside_types::{IncidentKind, RoadUserClass, Severity, Zone, ZoneKind};

use crate::world::{Actor, RATES, World, car, carriageway, none, only, seconds, walker, zone};

fn closed() -> Vec<Zone> {
    let mut zones = carriageway();
    zones[0].closed_to = vec![RoadUserClass::Pedestrian, RoadUserClass::Bicycle];
    zones
}

fn traffic() -> Vec<Actor> {
    (0..20).map(|i| 2.0 * f64::from(i)).map(|t| car(&[(t, 0.0, 260.0), (t + 4.0, 1000.0, 260.0)])).collect()
}

#[test]
fn somebody_on_a_closed_road_is_told_in_two_seconds() {
    for rate in RATES {
        let mut actors = traffic();
        actors.push(walker(&[
            (20.0, 500.0, 180.0),
            (23.0, 500.0, 240.0),
            (35.0, 700.0, 240.0),
            (38.0, 700.0, 320.0),
        ]));
        let found = only(World::new(closed(), actors).run(rate, 60.0), IncidentKind::PedestrianOnCarriageway);
        assert_eq!(found.len(), 1, "at {rate}/s: {found:?}");
        let detected = seconds(found[0].detected);
        assert!((22.5..24.5).contains(&detected), "at {rate}/s: {detected}");
        assert_eq!(found[0].severity, Severity::Severe);
        // The place is that of the live view's grid.
        let place = found[0].place.unwrap().image;
        let off = (place.x * 32.0 - 0.5).fract().abs() + (place.y * 18.0 - 0.5).fract().abs();
        assert!(off.min(1.0 - off).abs() < 1e-9, "{place:?}");
    }
}

#[test]
fn two_people_on_one_road_are_one_incident() {
    let mut actors = traffic();
    for x in [300.0, 700.0] {
        actors.push(walker(&[(20.0 + x / 100.0, x, 240.0), (35.0, x + 50.0, 240.0)]));
    }
    assert_eq!(World::new(closed(), actors).run(10.0, 60.0).len(), 1);
}

#[test]
fn who_may_be_there_or_is_not_there_at_all() {
    let with = |actor: Actor| {
        let mut actors = traffic();
        actors.push(actor);
        actors
    };
    let way = [(20.0, 400.0, 240.0), (35.0, 600.0, 240.0)];
    // An open road; beyond the barrier; for a moment only; a weak suspicion.
    none(&World::new(carriageway(), with(walker(&way))), 50.0);
    none(&World::new(closed(), with(walker(&[(20.0, 400.0, 190.0), (35.0, 600.0, 190.0)]))), 50.0);
    none(&World::new(closed(), with(walker(&[(20.0, 400.0, 240.0), (21.5, 420.0, 240.0)]))), 50.0);
    none(&World::new(closed(), with(Actor { score: 0.2, ..walker(&way) })), 50.0);
    // On a bridge above: two and a half times as large as on the road.
    none(&World::new(closed(), with(Actor { size: (40.0, 110.0), ..walker(&way) })), 50.0);
    // On a crossing.
    let mut zones = closed();
    zones.push(zone("crossing", ZoneKind::Crossing, (350.0, 650.0), (200.0, 300.0)));
    none(&World::new(zones, with(walker(&way))), 50.0);
}
