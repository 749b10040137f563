//! `stopped_vehicle`: a motor vehicle that came stands where traffic flows. While traffic queues nobody is stopped for
//! a reason of his own; and where vehicles use to stand for a while and go on, as at a bus stop, they may.

use wayside_types::rules::StoppedVehicleSettings;
use wayside_types::{IncidentKind, Point, Reason, Timestamp, ZoneKind};

use crate::congestion::Congestion;
use crate::ledger::Held;
use crate::road::Road;
use crate::seconds;
use crate::severity::{Circumstances, severity};
use crate::stands::Stand;

/// Vehicles that stand closer together than this stand for one reason, box units.
const TOGETHER_UNITS: f64 = 3.0;
/// Traffic queues when this share of a zone's vehicles stands or crawls.
const QUEUE_SHARE: f64 = 0.6;
/// A vehicle that was last known to stand so long ago stands; two are apart if their boxes overlap by no more than this.
const STANDS_S: f64 = 2.0;
const APART_IOU: f32 = 0.15;
/// A place is one where vehicles use to stand once so many did …
const USUAL_STOPS: u32 = 3;
/// … for at least this long, and went on.
const USUAL_STOP_S: f64 = 2.0;
/// There they may stand this much longer than the longest until now.
const USUAL_LONGER: f64 = 1.3;
const USUAL_MORE_S: f64 = 3.0;
/// A zone that holds this share of what the best one holds of a vehicle holds it as well.
const AS_WELL: f64 = 0.7;
/// Whoever stands with so much of its lower part in a zone waits there, though its foot may be beyond the zone's edge.
const LEAST_FOOTPRINT: f64 = 0.25;
/// So many such places are remembered.
const MOST_PLACES: usize = 64;

/// The rule.
pub struct Stopped {
    settings: StoppedVehicleSettings,
    /// When traffic last queued, zone by zone.
    queued_at: Vec<Option<Timestamp>>,
    alarms: Vec<Alarm>,
    usual: Vec<UsualStop>,
    last_key: u64,
}

/// A standing vehicle that is, or is part of, an incident.
#[derive(Debug)]
struct Alarm {
    stand: u64,
    key: u64,
}

/// A place where vehicles stop and go on.
#[derive(Debug)]
struct UsualStop {
    p: Point,
    unit: f64,
    stops: u32,
    longest_s: f64,
}

/// How many vehicles that came stand in a zone, whether or not they are seen now. What overlaps another is counted once: a vehicle
/// of a queue that moves up stands anew where it mostly stood.
fn standing(at: Timestamp, zone: usize, stands: &[Stand]) -> usize {
    let there = |s: &&Stand| s.came && s.zones.contains(&zone) && seconds(s.known_at, at) <= STANDS_S;
    let mut apart: Vec<&Stand> = Vec::new();
    for stand in stands.iter().filter(there) {
        if apart.iter().all(|other| other.bbox.iou(&stand.bbox) <= APART_IOU) {
            apart.push(stand);
        }
    }
    apart.len()
}

impl Stopped {
    pub fn new(settings: StoppedVehicleSettings, zones: usize) -> Self {
        Self { settings, queued_at: vec![None; zones], alarms: Vec::new(), usual: Vec::new(), last_key: 0 }
    }

    /// Takes the standing vehicles of a frame and those that are gone.
    pub fn update(
        &mut self,
        at: Timestamp,
        road: &Road,
        traffic: &Congestion,
        stands: &[Stand],
        gone: &[Stand],
    ) -> Vec<Held> {
        for (zone, queued_at) in self.queued_at.iter_mut().enumerate() {
            let flow = traffic.flow(zone);
            // By night not all of a queue are seen at a time, but where they stand is known.
            let stand = standing(at, zone, stands);
            let (slow, vehicles) = (flow.slow.max(stand), flow.vehicles.max(stand));
            let many = slow >= self.settings.queue_vehicles as usize;
            if flow.crawls || many && slow as f64 >= QUEUE_SHARE * vehicles as f64 {
                *queued_at = Some(at);
            }
        }
        for stand in gone {
            self.note_gone(stand);
        }
        if !self.settings.enabled {
            return Vec::new();
        }
        for stand in stands.iter().filter(|stand| stand.came && stand.is_sure()) {
            let known = self.alarms.iter().any(|alarm| alarm.stand == stand.number);
            if !known && self.fires(stand, road) {
                self.alarm(stand, stands);
            }
        }
        self.held(at, road, traffic, stands)
    }

    /// Where a standing vehicle would be in the way of traffic. Zones may overlap: of those that hold the lower part of its
    /// box about as well as any, a lane says more than a carriageway, and its foot may be a little beyond a lane's edge.
    fn road_zone(stand: &Stand, road: &Road) -> Option<usize> {
        let holds_foot = |zone: &usize| stand.zones.contains(zone);
        let mut shares: Vec<(usize, f64)> = (0..road.zones.len())
            .filter(|&zone| road.zones[zone].is_road())
            .map(|zone| (zone, road.footprint_share(&stand.bbox, zone)))
            .collect();
        // Whoever stands with its foot outside all of them is not on the road.
        shares.iter().find(|(zone, _)| holds_foot(zone))?;
        let most = shares.iter().map(|(_, share)| *share).fold(0.0, f64::max);
        shares.retain(|(zone, share)| *share >= AS_WELL * most && (*share > 0.0 || holds_foot(zone)));
        let lane = |zone: usize| road.zones[zone].zone.kind == ZoneKind::Lane;
        let rank = |(zone, share): &(usize, f64)| (lane(*zone), holds_foot(zone), (*share * 100.0) as u32);
        shares.into_iter().rev().max_by_key(rank).map(|(zone, _)| zone)
    }

    fn fires(&self, stand: &Stand, road: &Road) -> bool {
        let Some(zone) = Self::road_zone(stand, road) else { return false };
        // After a queue its last vehicles still stand for a moment.
        let queued_at = stand.zones.iter().filter_map(|&z| self.queued_at[z]).max();
        let alone_since = queued_at.map_or(stand.since, |queued| queued.max(stand.since));
        let hold_s = self.hold_s(stand, road);
        road.zones[zone].is_road()
            && seconds(alone_since, stand.known_at) >= self.settings.hold_s.min(hold_s)
            && stand.stood_s() >= hold_s
            // Where vehicles queue, one moves up to where another stood.
            && (!Self::in_queue(stand, road) || stand.own_stood_s() >= hold_s)
    }

    fn hold_s(&self, stand: &Stand, road: &Road) -> f64 {
        let set = if Self::in_queue(stand, road) { self.settings.queue_hold_s } else { self.settings.hold_s };
        let usual = self.usual.iter().filter(|u| u.stops >= USUAL_STOPS && u.p.distance(stand.p) <= u.unit);
        let longest_s = usual.map(|u| u.longest_s * USUAL_LONGER + USUAL_MORE_S).fold(0.0, f64::max);
        set.max(longest_s.min(self.settings.queue_hold_s))
    }

    /// Whether a queue zone holds its foot or enough of its lower part.
    fn in_queue(stand: &Stand, road: &Road) -> bool {
        let holds = |zone: usize| {
            stand.zones.contains(&zone) || road.footprint_share(&stand.bbox, zone) >= LEAST_FOOTPRINT
        };
        (0..road.zones.len()).any(|zone| road.zones[zone].zone.kind == ZoneKind::Queue && holds(zone))
    }

    /// Those of the standing vehicles that are told.
    pub fn told<'a>(&'a self, stands: &'a [Stand]) -> impl Iterator<Item = &'a Stand> {
        stands.iter().filter(|stand| self.alarms.iter().any(|alarm| alarm.stand == stand.number))
    }

    fn alarm(&mut self, stand: &Stand, stands: &[Stand]) {
        let near = |alarm: &&Alarm| {
            let other = stands.iter().find(|other| other.number == alarm.stand);
            other.is_some_and(|o| o.p.distance(stand.p) <= TOGETHER_UNITS * o.unit.max(stand.unit))
        };
        let key = self.alarms.iter().find(near).map(|alarm| alarm.key);
        let key = key.unwrap_or_else(|| {
            self.last_key += 1;
            self.last_key
        });
        self.alarms.push(Alarm { stand: stand.number, key });
    }

    fn note_gone(&mut self, stand: &Stand) {
        let alarmed = self.alarms.iter().any(|alarm| alarm.stand == stand.number);
        let stood_s = seconds(stand.since, stand.seen_at);
        if alarmed || !stand.came || stood_s < USUAL_STOP_S {
            return;
        }
        if let Some(usual) = self.usual.iter_mut().find(|u| u.p.distance(stand.p) <= u.unit) {
            usual.stops += 1;
            usual.longest_s = usual.longest_s.max(stood_s);
            return;
        }
        if self.usual.len() >= MOST_PLACES
            && let Some(rarest) = (0..self.usual.len()).min_by_key(|&i| self.usual[i].stops)
        {
            self.usual.swap_remove(rarest);
        }
        self.usual.push(UsualStop { p: stand.p, unit: stand.unit, stops: 1, longest_s: stood_s });
    }

    fn held(&mut self, at: Timestamp, road: &Road, traffic: &Congestion, stands: &[Stand]) -> Vec<Held> {
        self.alarms.retain(|alarm| stands.iter().any(|stand| stand.number == alarm.stand));
        let mut held: Vec<Held> = Vec::new();
        for alarm in &self.alarms {
            let Some(stand) = stands.iter().find(|stand| stand.number == alarm.stand) else { continue };
            if let Some(same) = held.iter_mut().find(|h| h.key == alarm.key) {
                same.last = same.last.max(stand.known_at);
                continue;
            }
            let Some(zone) = Self::road_zone(stand, road) else { continue };
            let flow = traffic.flow(zone);
            let about = Circumstances {
                zone: Some(&road.zones[zone].zone),
                traffic_moves: flow.vehicles > flow.slow,
                lasted_s: seconds(stand.since, at),
                excess: 0.0,
            };
            held.push(Held {
                kind: IncidentKind::StoppedVehicle,
                key: alarm.key,
                zone: Some(road.zones[zone].zone.id.clone()),
                place: Some(road.place(stand.image)),
                severity: severity(IncidentKind::StoppedVehicle, about),
                confidence: 0.5 + 0.5 * stand.score,
                onset: stand.since,
                last: stand.known_at,
                why: vec![
                    Reason::new("stood_s", stand.stood_s(), "hold_s", self.hold_s(stand, road)),
                    Reason::new(
                        "slow_vehicles",
                        flow.slow as f64,
                        "queue_vehicles",
                        f64::from(self.settings.queue_vehicles),
                    ),
                ],
            });
        }
        held
    }
}
