//! Slow traffic that fills a zone, and queues that reach over a marked stretch. Speeds are those of the ground where
//! the camera is calibrated, else box sizes a second against the zone's own free flow. Vehicles in a `queue` zone, where
//! standing is usual, slow no lane down; such a zone is full when they stand on all its length.

use std::collections::{HashSet, VecDeque};

use wayside_types::rules::CongestionSettings;
use wayside_types::{BBox, IncidentKind, Point, Reason, Timestamp, TrackId, ZoneKind};

use crate::ledger::Held;
use crate::road::{Road, RoadUser, RoadZone};
use crate::severity::{Circumstances, severity};
use crate::{before, seconds};

/// Slower than this many box units a second is crawling on any road: some 3 to 5 km/h.
const CRAWLING_UNITS_S: f64 = 0.35;
/// Free flow before any vehicle was seen to drive freely, box units a second.
const FIRST_FREE_FLOW: f64 = 2.0;
/// A step of the estimate of free flow, the 85th percentile of speeds, for each second of a vehicle.
const FREE_FLOW_STEP: f64 = 0.05;
/// Who is slower than this share of free flow is held up, stays longer for it, and says so much less of how fast traffic is
/// when nothing holds it up.
const HELD_UP: f64 = 0.5;
const HELD_UP_STEP: f64 = 0.1;
/// Traffic flows again when it is faster than the limit by this factor, or less dense by this.
const FASTER: f64 = 1.5;
const LESS_DENSE: f64 = 0.6;
/// Traffic crawls when all who drove in so many seconds had less than this share of free flow, and were seen for so long
/// together.
const CRAWLS_S: f64 = 8.0;
const CRAWLS_LEAST_S: f64 = 3.0;
const CRAWLS_SHARE: f64 = 0.4;
/// So much of the hold must have been watched.
const WATCHED_SHARE: f64 = 0.8;
/// A queue may be unseen for this long, as somebody changes places in it.
const QUEUE_GAP_S: f64 = 2.0;
/// Zones of which the smaller one shares this much with the other are of one road: one jam in both is one incident.
const SAME_ROAD: f64 = 0.5;
/// Who overlaps a vehicle that is told as stopped by this much is that one.
const TOLD_IOU: f32 = 0.4;
/// Vehicles a queue has at least.
const QUEUE_LEAST: usize = 2;

/// Who is seen and says nothing of how traffic flows.
#[derive(Debug, Clone, Copy)]
pub struct Apart<'a> {
    /// Tracks of vehicles that were there before the camera watched.
    pub parked: &'a HashSet<TrackId>,
    /// Boxes (px) of stopped vehicles that are told as such: they are one cause, and a jam beside them is another.
    pub told: &'a [BBox],
}

/// What one zone's traffic is like now.
#[derive(Debug, Clone, Copy, Default)]
pub struct Flow {
    /// Motor vehicles on their way, parked ones left out.
    pub vehicles: usize,
    /// Of these, how many stand or crawl.
    pub slow: usize,
    /// Whether those who drove in the last seconds all crawled.
    pub crawls: bool,
}

/// The traffic of every zone.
pub struct Congestion {
    settings: CongestionSettings,
    zones: Vec<ZoneTraffic>,
    /// For each zone the others that it lies in, or that lie in it.
    same_road: Vec<Vec<usize>>,
    /// Zones whose jam was told with the last frame.
    told: Vec<usize>,
}

#[derive(Debug)]
struct ZoneTraffic {
    seconds: VecDeque<Second>,
    free_flow: f64,
    flow: Flow,
    congested_since: Option<Timestamp>,
    full: Option<(Timestamp, Timestamp)>,
    axis: Option<(Point, f64)>,
}

/// Sums over about a second.
#[derive(Debug, Clone, Copy)]
struct Second {
    from: Timestamp,
    watched_s: f64,
    vehicle_s: f64,
    /// Of vehicles' speeds, each by how long it was driven.
    distance: f64,
    occupied_s: f64,
    /// Of vehicles that do not stand: their time, and box units driven.
    moving_s: f64,
    moving_units: f64,
}

/// Means over the hold.
#[derive(Debug, Clone, Copy)]
struct Means {
    watched_s: f64,
    speed: Option<f64>,
    occupancy: f64,
}

impl Congestion {
    pub fn new(settings: CongestionSettings, road: &Road) -> Self {
        let zones = &road.zones;
        let same = |i: usize| (0..zones.len()).filter(move |&j| i != j && is_same_road(&zones[i], &zones[j]));
        Self {
            settings,
            zones: zones.iter().map(|zone| ZoneTraffic::new(zone, road)).collect(),
            same_road: (0..zones.len()).map(|i| same(i).collect()).collect(),
            told: Vec::new(),
        }
    }

    /// What a zone's traffic is like now.
    pub fn flow(&self, zone: usize) -> Flow {
        self.zones.get(zone).map(|traffic| traffic.flow).unwrap_or_default()
    }

    /// Takes a frame, `dt_s` after the one before.
    pub fn update(
        &mut self,
        at: Timestamp,
        dt_s: f64,
        road: &Road,
        users: &[RoadUser],
        apart: Apart<'_>,
    ) -> Vec<Held> {
        let vehicles: Vec<&RoadUser> = users
            .iter()
            .filter(|u| u.class.is_motor_vehicle() && u.confirmed && !apart.parked.contains(&u.id))
            .collect();
        let queues: Vec<bool> = road.zones.iter().map(|z| z.zone.kind == ZoneKind::Queue).collect();
        let mut causes = Vec::new();
        for (index, (traffic, zone)) in self.zones.iter_mut().zip(&road.zones).enumerate() {
            let inside: Vec<&RoadUser> =
                vehicles.iter().filter(|u| u.zones.contains(&index)).copied().collect();
            traffic.note_flow(&inside, dt_s);
            let cause = match zone.zone.kind {
                ZoneKind::Lane | ZoneKind::Carriageway => {
                    let told = |u: &RoadUser| apart.told.iter().any(|b| b.iou(&u.bbox) >= TOLD_IOU);
                    let free = |u: &&&RoadUser| !u.zones.iter().any(|&z| queues[z]) && !told(u);
                    let inside: Vec<&RoadUser> = inside.iter().filter(free).copied().collect();
                    traffic.add(at, dt_s, &inside, zone, road, self.settings.hold_s);
                    let free_kmh = zone.zone.free_flow_kmh.filter(|_| road.is_calibrated());
                    traffic.congested(at, road.is_calibrated(), free_kmh, &self.settings)
                }
                ZoneKind::Queue => traffic.full(at, &inside, &self.settings),
                _ => None,
            };
            if let Some(cause) = cause.filter(|_| self.settings.enabled) {
                causes.push((index, cause));
            }
        }
        self.tell(causes, road).map(|(index, cause)| cause.held(at, index, &road.zones[index])).collect()
    }

    /// One of those that are jammed together on one road: the one that was told before, else a lane rather than the
    /// carriageway that it is part of.
    fn tell(
        &mut self,
        mut causes: Vec<(usize, Cause)>,
        road: &Road,
    ) -> impl Iterator<Item = (usize, Cause)> + use<> {
        let is_lane = |zone: usize| road.zones[zone].zone.kind == ZoneKind::Lane;
        causes.sort_by_key(|&(zone, _)| (!self.told.contains(&zone), !is_lane(zone), zone));
        let mut told: Vec<usize> = Vec::new();
        for (zone, _) in &causes {
            if !self.same_road[*zone].iter().any(|other| told.contains(other)) {
                told.push(*zone);
            }
        }
        self.told.clone_from(&told);
        causes.into_iter().filter(move |(zone, _)| told.contains(zone))
    }

    /// Nobody watched for a while.
    pub fn forget(&mut self) {
        for traffic in &mut self.zones {
            traffic.seconds.clear();
            traffic.full = None;
        }
    }
}

struct Cause {
    since: Timestamp,
    excess: f64,
    why: Vec<Reason>,
}

impl Cause {
    fn held(self, at: Timestamp, index: usize, zone: &RoadZone) -> Held {
        let about = Circumstances {
            zone: Some(&zone.zone),
            traffic_moves: false,
            lasted_s: seconds(self.since, at),
            excess: self.excess,
        };
        Held {
            kind: IncidentKind::Congestion,
            key: index as u64,
            zone: Some(zone.zone.id.clone()),
            place: None,
            severity: severity(IncidentKind::Congestion, about),
            confidence: 0.7 + 0.3 * self.excess.clamp(0.0, 1.0),
            onset: self.since,
            last: at,
            why: self.why,
        }
    }
}

impl ZoneTraffic {
    fn new(zone: &RoadZone, road: &Road) -> Self {
        let axis = (zone.zone.kind == ZoneKind::Queue).then(|| long_axis(zone, road)).flatten();
        Self {
            seconds: VecDeque::new(),
            free_flow: FIRST_FREE_FLOW,
            flow: Flow::default(),
            congested_since: None,
            full: None,
            axis,
        }
    }

    fn note_flow(&mut self, inside: &[&RoadUser], dt_s: f64) {
        let crawling = CRAWLING_UNITS_S.max(0.3 * self.free_flow.min(FIRST_FREE_FLOW));
        let is_slow = |u: &&&RoadUser| u.anchor.is_some() || u.speed_units.is_some_and(|v| v < crawling);
        let slow = inside.iter().filter(is_slow).count();
        self.flow = Flow { vehicles: inside.len(), slow, ..self.flow };
        // A jam is no free flow, however long it lasts.
        if 2 * self.flow.slow >= self.flow.vehicles {
            return;
        }
        for speed in inside.iter().filter_map(|u| u.speed_units).filter(|v| *v >= CRAWLING_UNITS_S) {
            let towards = if speed > self.free_flow {
                0.85
            } else if speed > HELD_UP * self.free_flow {
                -0.15
            } else {
                -0.15 * HELD_UP_STEP
            };
            self.free_flow *= 1.0 + FREE_FLOW_STEP * towards * dt_s;
        }
    }

    fn add(
        &mut self,
        at: Timestamp,
        dt_s: f64,
        inside: &[&RoadUser],
        zone: &RoadZone,
        road: &Road,
        hold_s: f64,
    ) {
        while self.seconds.front().is_some_and(|s| seconds(s.from, at) > hold_s + 1.0) {
            self.seconds.pop_front();
        }
        if dt_s <= 0.0 || dt_s > 2.0 {
            return;
        }
        if self.seconds.back().is_none_or(|s| seconds(s.from, at) >= 1.0) {
            let from = before(at, dt_s);
            self.seconds.push_back(Second {
                from,
                watched_s: 0.0,
                vehicle_s: 0.0,
                distance: 0.0,
                occupied_s: 0.0,
                moving_s: 0.0,
                moving_units: 0.0,
            });
        }
        let Some(second) = self.seconds.back_mut() else { return };
        second.watched_s += dt_s;
        for user in inside {
            let speed = if road.is_calibrated() { user.speed_mps.map(|v| v * 3.6) } else { user.speed_units };
            if let Some(speed) = speed {
                second.vehicle_s += dt_s;
                second.distance += dt_s * speed;
            }
        }
        second.occupied_s += dt_s * occupancy(inside, zone, road);
        for speed in inside.iter().filter(|u| u.anchor.is_none()).filter_map(|u| u.speed_units) {
            second.moving_s += dt_s;
            second.moving_units += dt_s * speed;
        }
        self.flow.crawls = self.crawls(at);
    }

    /// Whether vehicles that were on their way in the last seconds were held up.
    fn crawls(&self, at: Timestamp) -> bool {
        let lately = self.seconds.iter().rev().take_while(|s| seconds(s.from, at) <= CRAWLS_S);
        let (time_s, units) = lately.fold((0.0, 0.0), |sum, s| (sum.0 + s.moving_s, sum.1 + s.moving_units));
        time_s >= CRAWLS_LEAST_S && units < CRAWLS_SHARE * self.free_flow * time_s
    }

    fn means(&self) -> Means {
        let sum = |pick: fn(&Second) -> f64| self.seconds.iter().map(pick).sum::<f64>();
        let (watched_s, vehicle_s) = (sum(|s| s.watched_s), sum(|s| s.vehicle_s));
        Means {
            watched_s,
            speed: (vehicle_s > 0.0).then(|| sum(|s| s.distance) / vehicle_s),
            occupancy: if watched_s > 0.0 { sum(|s| s.occupied_s) / watched_s } else { 0.0 },
        }
    }

    /// `free_kmh` is the zone's free flow, where one is set and speeds are those of the ground.
    fn congested(
        &mut self,
        at: Timestamp,
        calibrated: bool,
        free_kmh: Option<f64>,
        settings: &CongestionSettings,
    ) -> Option<Cause> {
        let means = self.means();
        let limit = if let Some(free_kmh) = free_kmh {
            settings.max_speed_share * free_kmh
        } else if calibrated {
            settings.max_speed_kmh
        } else {
            CRAWLING_UNITS_S.max(settings.max_speed_share * self.free_flow)
        };
        let open = self.congested_since.is_some();
        let (limit_now, least) = if open {
            (limit * FASTER, settings.min_occupancy * LESS_DENSE)
        } else {
            (limit, settings.min_occupancy)
        };
        let slow = means.speed.is_some_and(|speed| speed < limit_now);
        let watched = open || means.watched_s >= WATCHED_SHARE * settings.hold_s;
        if !(slow && watched && means.occupancy >= least) {
            self.congested_since = None;
            return None;
        }
        let since = *self.congested_since.get_or_insert(before(at, settings.hold_s));
        let speed = means.speed.unwrap_or_default();
        let speed_reason = if let Some(free_kmh) = free_kmh {
            Reason::new("mean_speed_share", speed / free_kmh, "max_speed_share", settings.max_speed_share)
        } else if calibrated {
            Reason::new("mean_speed_kmh", speed, "max_speed_kmh", limit)
        } else {
            let share = speed / self.free_flow;
            Reason::new("mean_speed_share", share, "max_speed_share", limit / self.free_flow)
        };
        let why = vec![
            Reason::new("lasted_s", seconds(since, at), "hold_s", settings.hold_s),
            speed_reason,
            Reason::new("occupancy", means.occupancy, "min_occupancy", settings.min_occupancy),
        ];
        Some(Cause { since, excess: 1.0 - speed / limit, why })
    }

    /// Whether a queue zone is full of standing vehicles from one end to the other.
    fn full(&mut self, at: Timestamp, inside: &[&RoadUser], settings: &CongestionSettings) -> Option<Cause> {
        let (axis, length) = self.axis?;
        let along = |u: &RoadUser| u.p.x * axis.x + u.p.y * axis.y;
        let standing: Vec<&&RoadUser> = inside.iter().filter(|u| u.anchor.is_some()).collect();
        let ends = standing.iter().fold((f64::MAX, f64::MIN), |(low, high), u| {
            (low.min(along(u) - u.unit / 2.0), high.max(along(u) + u.unit / 2.0))
        });
        let share = ((ends.1 - ends.0) / length).clamp(0.0, 1.0);
        if standing.len() >= QUEUE_LEAST && share >= settings.queue_share {
            self.full = Some((self.full.map_or(at, |(since, _)| since), at));
        }
        let (since, last) = self.full?;
        if seconds(last, at) > QUEUE_GAP_S {
            self.full = None;
            return None;
        }
        let lasted_s = seconds(since, at);
        let why = vec![
            Reason::new("full_s", lasted_s, "hold_s", settings.hold_s),
            Reason::new("reaches_share", share, "queue_share", settings.queue_share),
        ];
        (lasted_s >= settings.hold_s).then_some(Cause { since, excess: 0.5, why })
    }
}

/// Whether one of two zones of a sort lies in the other, mostly.
fn is_same_road(a: &RoadZone, b: &RoadZone) -> bool {
    let share = |of: &RoadZone, other: &RoadZone| {
        let inside = of.samples.iter().filter(|p| other.zone.contains(**p)).count();
        inside as f64 / of.samples.len().max(1) as f64
    };
    a.is_road() == b.is_road() && share(a, b).max(share(b, a)) >= SAME_ROAD
}

/// The share of a zone that vehicles stand on; the lower half of a box is what stands on the ground, near enough.
fn occupancy(inside: &[&RoadUser], zone: &RoadZone, road: &Road) -> f64 {
    let (w, h) = (f64::from(road.size.width), f64::from(road.size.height));
    let holds = |u: &&&RoadUser, p: &Point| {
        let (b, p) = (u.bbox, p.scaled(w, h));
        let middle = f64::from(b.y1 + b.y2) / 2.0;
        (f64::from(b.x1)..=f64::from(b.x2)).contains(&p.x) && (middle..=f64::from(b.y2)).contains(&p.y)
    };
    let covered = zone.samples.iter().filter(|p| inside.iter().any(|u| holds(&u, p))).count();
    covered as f64 / zone.samples.len().max(1) as f64
}

/// The direction in which a zone is longest, and how long it is (px).
fn long_axis(zone: &RoadZone, road: &Road) -> Option<(Point, f64)> {
    let (w, h) = (f64::from(road.size.width), f64::from(road.size.height));
    let corners: Vec<Point> = zone.zone.polygon.iter().map(|p| p.scaled(w, h)).collect();
    let pairs = corners.iter().flat_map(|a| corners.iter().map(move |b| (*a, *b)));
    let (a, b) = pairs.max_by(|x, y| x.0.distance(x.1).total_cmp(&y.0.distance(y.1)))?;
    let length = a.distance(b);
    (length > 0.0).then(|| (Point::new((b.x - a.x) / length, (b.y - a.y) / length), length))
}
