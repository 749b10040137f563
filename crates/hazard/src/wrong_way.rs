//! `wrong_way`: somebody drives against a lane's heading, or, where no lane is drawn, against the direction that the
//! camera knows as usual. All who do so in one zone at a time are one incident.

mod light;

use std::collections::{HashMap, HashSet};

use wayside_types::rules::WrongWaySettings;
use wayside_types::{IncidentKind, Point, Reason, RoadUserClass, Timestamp, TrackId, ZoneKind};

use crate::field::Field;
use crate::ledger::Held;
use crate::road::{Fix, Road, RoadUser};
use crate::scene::Scene;
use crate::seconds;
use crate::severity::{Circumstances, severity};
use crate::wrong_way::light::{Light, Lit};

/// Which way somebody goes is taken over about this long …
const DIRECTION_S: f64 = 0.5;
/// … and over at least this many box units.
const DIRECTION_UNITS: f64 = 0.12;
/// A step of its way that is shorter than this, box units, is none.
const LEAST_STEP_UNITS: f64 = 0.04;
/// Who stands still for longer than this begins anew.
const PAUSE_S: f64 = 1.5;
/// Who is seen less often than this is not followed: a weak track hops from one thing to another in between.
const MOST_GAP_S: f64 = 0.7;
/// The straight way is at least this share of the way driven; a detection that jumps about does not drive.
const STRAIGHT_SHARE: f64 = 0.7;
/// Who drives is on the way for this share of the time, at this share of the mean speed at least, seen over steps of so many
/// seconds: a box that passes from one vehicle of a queue to the next behind it leaps and stands.
const STEADY_SHARE: f64 = 0.6;
const STEADY_SPEED: f64 = 0.3;
const STEADY_STEP_S: f64 = 0.12;
/// Its way up to the lane counts as well, but it is in there for this share of the hold, and comes so many of its lengths against it
/// there: who leaves beside the lane and is then taken for one that waits in it does not.
const INSIDE_SHARE: f64 = 0.25;
const INSIDE_LENGTHS: f64 = 0.4;
/// So much of the lower third of its box is in the lane: the middle of a lorry's lower edge may lie in the next one.
const LEAST_FOOTPRINT: f64 = 0.25;
/// Between two places of a way its box grows or shrinks at most so many times: otherwise it is something else that is seen.
const MOST_GROWTH: f64 = 1.5;
/// The incident lasts this long beyond the last who was seen.
const LINGER_S: f64 = 3.0;
/// Light is not known to be a vehicle's.
const LIGHT_CONFIDENCE: f64 = 0.6;
/// Key of what happens outside all zones.
const NOWHERE: u64 = u64::MAX;

/// The rule.
pub struct WrongWay {
    settings: WrongWaySettings,
    field: Field,
    against: HashMap<TrackId, Against>,
    alarms: HashMap<u64, Alarm>,
    light: Light,
}

/// Somebody who goes against the usual direction.
#[derive(Debug)]
struct Against {
    since: Timestamp,
    /// When it was first seen where that is against the usual direction.
    inside: Timestamp,
    inside_p: Point,
    from: Point,
    last: Timestamp,
    last_p: Point,
    driven: f64,
    usual: Point,
    angle_deg: f64,
}

#[derive(Debug)]
struct Alarm {
    held: Held,
    /// Whoever goes on into a zone that overlaps or follows is no second incident.
    tracks: HashSet<TrackId>,
}

impl WrongWay {
    pub fn new(settings: WrongWaySettings, road: &Road) -> Self {
        let (against, alarms) = (HashMap::new(), HashMap::new());
        Self { settings, field: Field::new(road.size), against, alarms, light: Light::default() }
    }

    /// Tracks begin anew; what was learnt stays.
    pub fn forget(&mut self) {
        self.against.clear();
        self.light.forget();
    }

    /// `clear` is the scene while the camera sees well.
    pub fn update(
        &mut self,
        at: Timestamp,
        road: &Road,
        users: &[RoadUser],
        parked: &HashSet<TrackId>,
        clear: Option<&Scene>,
    ) -> Vec<Held> {
        let drives = |u: &&RoadUser| u.class.is_motor_vehicle() || u.class == RoadUserClass::Motorcycle;
        let users: Vec<&RoadUser> =
            users.iter().filter(drives).filter(|u| u.confirmed && !parked.contains(&u.id)).collect();
        self.against.retain(|id, a| users.iter().any(|u| u.id == *id) || seconds(a.last, at) <= PAUSE_S);
        for user in &users {
            self.follow(at, road, user);
        }
        self.field.learn(&users, |user| direction(road, user).map(|(way, _)| way));
        if let Some(scene) = clear.filter(|_| self.settings.enabled) {
            for lit in self.light.see(at, road, &users, scene, &self.settings) {
                self.alarm_by_light(at, road, &lit);
            }
        }
        self.alarms.retain(|_, alarm| seconds(alarm.held.last, at) <= LINGER_S);
        if !self.settings.enabled {
            return Vec::new();
        }
        self.alarms.values().map(|alarm| alarm.held.clone()).collect()
    }

    /// The direction that traffic has where somebody is, and the zone that says so.
    fn usual(&self, road: &Road, user: &RoadUser) -> Option<(Point, Option<usize>)> {
        let lane = user.zones.iter().find_map(|&index| Some((heading(road, index)?, Some(index))));
        if lane.is_some() {
            return lane;
        }
        let zone = user.zones.iter().copied().find(|&i| road.zones[i].zone.kind == ZoneKind::Carriageway);
        // Where roads are drawn, the rest of the picture is none.
        if zone.is_none() && road.zones.iter().any(|zone| zone.is_road()) {
            return None;
        }
        Some((self.field.usual(user.p, self.settings.learn_vehicles)?, zone))
    }

    fn follow(&mut self, at: Timestamp, road: &Road, user: &RoadUser) {
        let Some((way, then)) = direction(road, user) else { return };
        // Where nothing is usual, nothing is said for or against.
        let Some((usual, zone)) = self.usual(road, user) else { return };
        let angle_deg = angle_deg(way, usual);
        if angle_deg < self.settings.min_angle_deg {
            self.against.remove(&user.id);
            return;
        }
        let (since, from) = came_from(road, user, then, usual, self.settings.min_angle_deg);
        if self.against.get(&user.id).is_some_and(|a| seconds(a.last, at) > MOST_GAP_S) {
            self.against.remove(&user.id);
        }
        let against = self.against.entry(user.id).or_insert(Against {
            since,
            inside: at,
            inside_p: user.p,
            from,
            last: at,
            last_p: user.p,
            driven: from.distance(user.p),
            usual,
            angle_deg,
        });
        if against.last < at {
            against.driven += against.last_p.distance(user.p);
            against.last = at;
            against.last_p = user.p;
            against.angle_deg = angle_deg;
        }
        let lengths = against.lengths(against.from, user);
        let straight = against.from.distance(user.p) >= STRAIGHT_SHARE * against.driven;
        if seconds(against.since, at) >= self.settings.hold_s
            && seconds(against.inside, at) >= INSIDE_SHARE * self.settings.hold_s
            && against.lengths(against.inside_p, user) >= INSIDE_LENGTHS
            && lengths >= self.settings.min_lengths
            && straight
            && against.is_steady(road, user)
            && zone.is_none_or(|zone| road.footprint_share(&user.bbox, zone) >= LEAST_FOOTPRINT)
        {
            self.alarm(at, road, user, zone, lengths);
        }
    }

    fn alarm(&mut self, at: Timestamp, road: &Road, user: &RoadUser, zone: Option<usize>, lengths: f64) {
        let Some(against) = self.against.get(&user.id) else { return };
        let key = zone.map_or(NOWHERE, |zone| zone as u64);
        let known =
            self.alarms.iter().find(|(_, alarm)| alarm.tracks.contains(&user.id)).map(|(key, _)| *key);
        if let Some(alarm) = self.alarms.get_mut(&known.unwrap_or(key)) {
            alarm.held.last = at;
            alarm.tracks.insert(user.id);
            return;
        }
        let held = Wrong {
            zone,
            image: user.image,
            confidence: 0.5 + 0.5 * f64::from(user.score),
            since: against.since,
            lengths,
            angle_deg: against.angle_deg,
        }
        .held(at, key, road, &self.settings);
        self.alarms.insert(key, Alarm { held, tracks: HashSet::from([user.id]) });
    }

    /// Whoever is told of in that lane already is whose light it is.
    fn alarm_by_light(&mut self, at: Timestamp, road: &Road, lit: &Lit) {
        let key = lit.zone as u64;
        if let Some(alarm) = self.alarms.get_mut(&key) {
            alarm.held.last = at;
            return;
        }
        let held = Wrong {
            zone: Some(lit.zone),
            image: road.image(lit.bbox.reference()),
            confidence: LIGHT_CONFIDENCE,
            since: lit.since,
            lengths: lit.lengths,
            angle_deg: lit.angle_deg,
        }
        .held(at, key, road, &self.settings);
        self.alarms.insert(key, Alarm { held, tracks: HashSet::new() });
    }
}

/// What tells that somebody goes the wrong way.
struct Wrong {
    zone: Option<usize>,
    image: Point,
    confidence: f64,
    since: Timestamp,
    lengths: f64,
    angle_deg: f64,
}

impl Wrong {
    fn held(self, at: Timestamp, key: u64, road: &Road, settings: &WrongWaySettings) -> Held {
        let zone = self.zone.map(|zone| &road.zones[zone].zone);
        let about = Circumstances { zone, traffic_moves: true, lasted_s: 0.0, excess: 0.0 };
        Held {
            kind: IncidentKind::WrongWay,
            key,
            zone: zone.map(|zone| zone.id.clone()),
            place: Some(road.place(self.image)),
            severity: severity(IncidentKind::WrongWay, about),
            confidence: self.confidence,
            onset: self.since,
            last: at,
            why: vec![
                Reason::new("against_s", seconds(self.since, at), "hold_s", settings.hold_s),
                Reason::new("lengths", self.lengths, "min_lengths", settings.min_lengths),
                Reason::new("angle_deg", self.angle_deg, "min_angle_deg", settings.min_angle_deg),
            ],
        }
    }
}

/// The way that traffic goes in a zone with a heading, of length one.
fn heading(road: &Road, zone: usize) -> Option<Point> {
    let (w, h) = (f64::from(road.size.width), f64::from(road.size.height));
    let heading = road.zones[zone].zone.heading?;
    let (from, to) = (heading.from.scaled(w, h), heading.to.scaled(w, h));
    unit(Point::new(to.x - from.x, to.y - from.y))
}

/// Between two ways of length one.
fn angle_deg(a: Point, b: Point) -> f64 {
    (a.x * b.x + a.y * b.y).clamp(-1.0, 1.0).acos().to_degrees()
}

impl Against {
    /// Whether it drove all the way rather than being now here and now there.
    fn is_steady(&self, road: &Road, user: &RoadUser) -> bool {
        let mut steps: Vec<(f64, f64)> = Vec::new();
        let mut last: Option<&Fix> = None;
        for fix in road.trail(user.id).filter(|fix| fix.at >= self.since) {
            let Some(from) = last else {
                last = Some(fix);
                continue;
            };
            let s = seconds(from.at, fix.at);
            if s >= STEADY_STEP_S {
                let (dx, dy) = (fix.p.x - from.p.x, fix.p.y - from.p.y);
                // Whoever comes nearer grows on the way.
                steps.push((s, -(dx * self.usual.x + dy * self.usual.y) / fix.unit));
                last = Some(fix);
            }
        }
        let (whole_s, way) = steps.iter().fold((0.0, 0.0), |(s, way), step| (s + step.0, way + step.1));
        let least = STEADY_SPEED * way / whole_s;
        let on_the_way_s: f64 = steps.iter().filter(|(s, way)| way / s >= least).map(|(s, _)| s).sum();
        on_the_way_s >= STEADY_SHARE * whole_s
    }

    /// How far it came from a place against the usual direction, in its own lengths along it.
    fn lengths(&self, from: Point, user: &RoadUser) -> f64 {
        let (dx, dy) = (user.p.x - from.x, user.p.y - from.y);
        let against = -(dx * self.usual.x + dy * self.usual.y);
        let (w, h) = (f64::from(user.bbox.width()), f64::from(user.bbox.height()));
        against / (self.usual.x.abs() * w + self.usual.y.abs() * h).max(1.0)
    }
}

/// Which way somebody goes, of length 1, with when and where (px) that was taken from.
fn direction(road: &Road, user: &RoadUser) -> Option<(Point, (Timestamp, Point))> {
    let mut fixes = road.trail(user.id).rev();
    let last = fixes.next()?;
    let mut later = *last;
    let mut is_next = |fix: &&Fix| {
        let later = std::mem::replace(&mut later, **fix);
        is_same_size(later.unit, fix.unit) && seconds(fix.at, later.at) <= MOST_GAP_S
    };
    let then = fixes
        .by_ref()
        .take_while(|fix| is_next(fix))
        .find(|fix| seconds(fix.at, last.at) >= DIRECTION_S - 0.05)?;
    // A way of which the first part is long past is none of now.
    if seconds(then.at, last.at) > PAUSE_S || then.p.distance(last.p) < DIRECTION_UNITS * user.unit {
        return None;
    }
    let way = unit(Point::new(last.p.x - then.p.x, last.p.y - then.p.y))?;
    Some((way, (then.at, then.p)))
}

/// Since when and from where (px) somebody goes straight against the usual direction, before it came to where that is known.
fn came_from(
    road: &Road,
    user: &RoadUser,
    then: (Timestamp, Point),
    usual: Point,
    min_angle_deg: f64,
) -> (Timestamp, Point) {
    let most = min_angle_deg.to_radians().cos();
    let (mut first, mut unit_px) = (then, None);
    for fix in road.trail(user.id).rev().filter(|fix| fix.at < then.0) {
        let (dx, dy) = (first.1.x - fix.p.x, first.1.y - fix.p.y);
        let against = dx * usual.x + dy * usual.y <= most * dx.hypot(dy);
        let moves = dx.hypot(dy) >= LEAST_STEP_UNITS * user.unit;
        let grows = unit_px.replace(fix.unit).is_some_and(|unit| !is_same_size(unit, fix.unit));
        if grows
            || !against
            || !moves
            || seconds(fix.at, first.0) > MOST_GAP_S
            || goes_along(road, fix.p, (dx, dy))
        {
            break;
        }
        first = (fix.at, fix.p);
    }
    first
}

/// Whether a box may have become as large as another from one look to the next.
fn is_same_size(a: f64, b: f64) -> bool {
    a.max(b) <= MOST_GROWTH * a.min(b)
}

/// Whether a way is that of a lane there: who leaves it is not wrong before.
fn goes_along(road: &Road, p: Point, (dx, dy): (f64, f64)) -> bool {
    let image = road.image(p);
    road.zones.iter().filter(|zone| zone.zone.contains(image)).filter_map(|zone| zone.zone.heading).any(
        |heading| {
            let (w, h) = (f64::from(road.size.width), f64::from(road.size.height));
            dx * (heading.to.x - heading.from.x) * w + dy * (heading.to.y - heading.from.y) * h > 0.0
        },
    )
}

fn unit(p: Point) -> Option<Point> {
    let length = p.x.hypot(p.y);
    (length > 0.0).then(|| Point::new(p.x / length, p.y / length))
}
