//! `pedestrian_on_carriageway`: a pedestrian or bicycle in a zone that is closed to them. Somebody on a bridge above
//! the road is nearer to the camera, and so too large for the place on the road that its feet seem to stand on. All
//! who are in one zone at a time are one incident, and its place is no finer than the live view's grid.

use std::collections::HashMap;

use wayside_types::rules::PedestrianSettings;
use wayside_types::{Icon, IncidentKind, Point, Reason, RoadUserClass, Timestamp, TrackId, ZoneKind};

use crate::congestion::Congestion;
use crate::ledger::Held;
use crate::road::{Road, RoadUser};
use crate::seconds;
use crate::severity::{Circumstances, severity};

/// Unseen for longer than this begins anew.
const GAP_S: f64 = 1.0;
/// Slower than this many box units a second, some 20 km/h, somebody taken for a motorcycle may ride a bicycle …
const RIDES_UNITS_S: f64 = 4.0;
/// … and does if this share of all looks says so …
const TOLD_SHARE: f64 = 0.3;
/// … or if it goes on so for so many times the hold, no slower than this.
const RIDES_TIMES: f64 = 1.5;
const LEAST_RIDE_UNITS_S: f64 = 0.3;
/// The incident lasts this long beyond the last who was seen.
const LINGER_S: f64 = 3.0;
/// Heights of cars are learnt in so many rows of the picture.
const ROWS: usize = 12;
/// So many cars say how high one is in a row.
const LEAST_CARS: u32 = 5;
/// A person on the road is this many times as high as a car's box there. From above a box holds some of the car's
/// length as well.
const HEIGHT_IN_CARS: (f64, f64) = (0.3, 1.7);
/// In the next row cars may be so many times as high.
const NEXT_ROW: f64 = 1.6;
/// Metres that somebody on the road is high, with what a box may be off.
const HEIGHT_M: (f64, f64) = (0.7, 2.9);

/// The rule.
pub struct People {
    settings: PedestrianSettings,
    cars: [CarHeight; ROWS],
    inside: HashMap<(TrackId, usize), Inside>,
    alarms: HashMap<usize, Held>,
}

#[derive(Debug, Clone, Copy, Default)]
struct CarHeight {
    px: f64,
    cars: u32,
}

/// Somebody in a zone.
#[derive(Debug, Clone)]
struct Inside {
    since: Timestamp,
    last: Timestamp,
    last_p: Point,
    scores: f64,
    looks: u32,
    /// Looks of these at which it was somebody that the zone is closed to.
    told: u32,
}

impl People {
    pub fn new(settings: PedestrianSettings) -> Self {
        Self { settings, cars: [CarHeight::default(); ROWS], inside: HashMap::new(), alarms: HashMap::new() }
    }

    /// Tracks begin anew; what was learnt stays.
    pub fn forget(&mut self) {
        self.inside.clear();
    }

    pub fn update(
        &mut self,
        at: Timestamp,
        road: &Road,
        traffic: &Congestion,
        users: &[RoadUser],
    ) -> Vec<Held> {
        for user in users.iter().filter(|u| u.confirmed && u.class == RoadUserClass::Car && u.score >= 0.4) {
            self.learn(user);
        }
        self.inside.retain(|_, inside| seconds(inside.last, at) <= GAP_S);
        self.alarms.retain(|_, held| seconds(held.last, at) <= LINGER_S);
        if !self.settings.enabled {
            return Vec::new();
        }
        let may_be = |u: &&RoadUser| match u.class {
            RoadUserClass::Pedestrian | RoadUserClass::Bicycle => true,
            RoadUserClass::Motorcycle => u.speed_units.is_some_and(|v| v <= RIDES_UNITS_S),
            _ => false,
        };
        let people = users.iter().filter(|u| u.confirmed && may_be(u));
        let people: Vec<&RoadUser> =
            people.filter(|u| !on_crossing(u, road) && self.is_on_the_ground(u, road)).collect();
        for user in people {
            for &zone in &user.zones {
                let closed_to = &road.zones[zone].zone.closed_to;
                // A rider is taken for one on a motorcycle now and then; how often is looked at below.
                let rider =
                    user.class == RoadUserClass::Motorcycle && closed_to.contains(&RoadUserClass::Bicycle);
                if rider || closed_to.contains(&user.class) {
                    self.note(at, road, traffic, user, zone);
                }
            }
        }
        self.alarms.values().cloned().collect()
    }

    fn learn(&mut self, user: &RoadUser) {
        let row = &mut self.cars[row_of(user.image)];
        let height = f64::from(user.bbox.height());
        row.cars = (row.cars + 1).min(10_000);
        // A median by small steps, from the first height on.
        row.px =
            if row.cars == 1 { height } else { row.px * if height > row.px { 1.01 } else { 1.0 / 1.01 } };
    }

    fn is_on_the_ground(&self, user: &RoadUser, road: &Road) -> bool {
        let height_px = f64::from(user.bbox.height());
        let (w, h) = (f64::from(road.size.width), f64::from(road.size.height));
        let side = |dx: f64| road.to_ground(Point::new(user.image.x + dx / w, user.image.y));
        if let (Some(left), Some(right)) = (side(-5.0), side(5.0)) {
            let height_m = height_px * left.distance(right) / 10.0;
            return (HEIGHT_M.0..=HEIGHT_M.1).contains(&height_m);
        }
        let row = row_of(Point::new(0.0, user.p.y / h));
        let known = |row: &usize| self.cars.get(*row).is_some_and(|car| car.cars >= LEAST_CARS);
        let near = [row, row + 1, row.saturating_sub(1)];
        let Some(of_cars) = near.into_iter().find(known) else { return true };
        let (least, most) = HEIGHT_IN_CARS;
        // Towards the horizon sizes change much from one row to the next.
        let (least, most) = if of_cars == row { (least, most) } else { (least / NEXT_ROW, most * NEXT_ROW) };
        (least..=most).contains(&(height_px / self.cars[of_cars].px.max(1.0)))
    }

    fn note(&mut self, at: Timestamp, road: &Road, traffic: &Congestion, user: &RoadUser, zone: usize) {
        // A rider is followed now as somebody on foot and now as a bicycle, and is there all the time.
        let before = self.inside.iter().filter(|((_, there), inside)| {
            *there == zone && inside.last < at && inside.last_p.distance(user.p) <= user.unit
        });
        let before = before.min_by_key(|(_, inside)| inside.since).map(|(_, inside)| inside.clone());
        let new = Inside { since: at, last: at, last_p: user.p, scores: 0.0, looks: 0, told: 0 };
        let inside = self.inside.entry((user.id, zone)).or_insert(before.unwrap_or(new));
        inside.last = at;
        inside.last_p = user.p;
        inside.looks += 1;
        inside.told += u32::from(user.class != RoadUserClass::Motorcycle);
        inside.scores += f64::from(user.score);
        let (since, score) = (inside.since, inside.scores / f64::from(inside.looks));
        let told = f64::from(inside.told) >= TOLD_SHARE * f64::from(inside.looks);
        // Where traffic does not queue no motorcycle goes as slowly as a bicycle for long.
        let flow = traffic.flow(zone);
        let rides = flow.slow == 0 && user.speed_units.is_some_and(|v| v >= LEAST_RIDE_UNITS_S);
        let hold_s = self.settings.hold_s * if told { 1.0 } else { RIDES_TIMES };
        if seconds(since, at) < hold_s || score < self.settings.min_score || !(told || rides) {
            return;
        }
        // Zones may overlap; it is still the same person.
        let known = user.zones.iter().copied().find(|zone| self.alarms.contains_key(zone));
        if let Some(held) = self.alarms.get_mut(&known.unwrap_or(zone)) {
            held.last = at;
            return;
        }
        let drawn = &road.zones[zone].zone;
        let about = Circumstances {
            zone: Some(drawn),
            traffic_moves: flow.vehicles > flow.slow,
            lasted_s: 0.0,
            excess: 0.0,
        };
        let held = Held {
            kind: IncidentKind::PedestrianOnCarriageway,
            key: zone as u64,
            zone: Some(drawn.id.clone()),
            place: Some(road.place(coarse(user.image))),
            severity: severity(IncidentKind::PedestrianOnCarriageway, about),
            confidence: 0.4 + 0.6 * score,
            onset: since,
            last: at,
            why: vec![
                Reason::new("there_s", seconds(since, at), "hold_s", self.settings.hold_s),
                Reason::new("mean_score", score, "min_score", self.settings.min_score),
            ],
        };
        self.alarms.insert(zone, held);
    }
}

fn on_crossing(user: &RoadUser, road: &Road) -> bool {
    user.zones.iter().any(|&zone| road.zones[zone].zone.kind == ZoneKind::Crossing)
}

fn row_of(image: Point) -> usize {
    // Casts of floats saturate.
    ((image.y * ROWS as f64) as usize).min(ROWS - 1)
}

/// The middle of the live view's cell that a place is in.
fn coarse(image: Point) -> Point {
    let middle = |v: f64, cells: u8| ((v * f64::from(cells)).floor() + 0.5) / f64::from(cells);
    Point::new(middle(image.x, Icon::COLUMNS), middle(image.y, Icon::ROWS))
}
