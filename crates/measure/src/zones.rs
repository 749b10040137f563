//! How full zones are: the share of their area that road users stand on, over time, the length of
//! the queue of standing vehicles on the ground, and what vehicles lose against free flow. Alerts about queues are
//! `hazard`'s, bins `zone_bin`'s.

use std::collections::HashMap;

use wayside_types::{BBox, FrameSize, Point, Timestamp, Track, TrackId, Zone, ZoneId};

use crate::event::ZoneMoment;
use crate::homography::Homography;
use crate::path::seconds;
use crate::presence::lower_half;

/// Slower than this on the ground is standing, m/s (5 km/h).
pub(crate) const STANDING_MPS: f64 = 5.0 / 3.6;
/// A vehicle belongs to a queue once it has stood for this long.
const STANDING_HOLD_S: f64 = 1.0;
/// Vehicles whose reference points are further apart than this on the ground are in different queues.
const QUEUE_GAP_M: f64 = 15.0;
/// Lengths of vehicles that a queue ends with, metres: a car, and a bus or lorry.
const VEHICLE_M: (f64, f64) = (4.5, 12.0);
/// The area of a zone is sampled at about this many places a side of its bounding box.
const GRID: usize = 24;
/// A vehicle has left a zone when it was not seen in it for so long.
const LEFT_S: f64 = 1.0;

/// What a zone looked like over the whole time.
#[derive(Debug, Clone, PartialEq)]
pub struct ZoneSummary {
    /// Which.
    pub zone: ZoneId,
    /// Share of the zone's area that road users stood on, averaged over time, 0 to 1; `None` when
    /// nothing was watched.
    pub occupancy: Option<f64>,
    /// Length of the longest queue, metres; 0 where none stood, `None` without calibration and for zones
    /// that are neither lane nor queue.
    pub max_queue_m: Option<f64>,
}

/// A vehicle as far as queues are concerned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    pub reference: Point,
    pub ground: Point,
    pub is_long: bool,
    pub for_s: f64,
}

/// A car, bus or lorry in a frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Vehicle {
    pub id: TrackId,
    pub bbox: BBox,
    /// On the ground, m/s, where calibrated.
    pub speed_mps: Option<f64>,
}

/// All that zones are measured from in a frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub at: Timestamp,
    /// Since the frame before, seconds; 0 where that was not watched.
    pub dt_s: f64,
    /// Of everyone.
    pub boxes: &'a [BBox],
    pub vehicles: &'a [Vehicle],
    pub standing: &'a [Standing],
}

/// A vehicle's stay in a zone.
#[derive(Debug, Clone, Copy)]
struct Stay {
    lost_s: f64,
    last: Timestamp,
}

#[derive(Debug, Clone)]
pub(crate) struct ZoneMeter {
    zone: Zone,
    size: FrameSize,
    samples: Vec<Point>,
    /// The least and the greatest place among them, px.
    extent: (Point, Point),
    covered_s: f64,
    watched_s: f64,
    max_queue_m: Option<f64>,
    length_m: Option<f64>,
    stays: HashMap<TrackId, Stay>,
    /// Whether the last moment told of a queue.
    queued: bool,
}

impl ZoneMeter {
    pub fn new(zone: &Zone, size: FrameSize, ground: Option<&Homography>) -> Self {
        let queues = ground.is_some() && zone.kind.has_queues();
        let samples = samples(zone, size);
        Self {
            zone: zone.clone(),
            size,
            extent: extent(&samples),
            samples,
            covered_s: 0.0,
            watched_s: 0.0,
            max_queue_m: queues.then_some(0.0),
            length_m: ground.and_then(|ground| length_m(zone, ground)),
            stays: HashMap::new(),
            queued: false,
        }
    }

    /// Takes the state of a frame; says what the zone was like, unless it was empty.
    pub fn update(&mut self, scene: Scene<'_>) -> Option<ZoneMoment> {
        let watched = scene.dt_s > 0.0 && !self.samples.is_empty();
        if watched {
            self.covered_s += scene.dt_s * self.share(scene.boxes.iter());
            self.watched_s += scene.dt_s;
        }
        let queue = self.max_queue_m.is_some().then(|| longest_queue(self.standing(scene.standing)));
        if let (Some(longest), Some((metres, _))) = (self.max_queue_m, queue) {
            self.max_queue_m = Some(longest.max(metres));
        }
        if !self.zone.kind.is_measured() {
            return None;
        }
        let inside: Vec<Vehicle> = scene.vehicles.iter().filter(|v| self.holds(v)).copied().collect();
        let lost_s = self.delays(scene.at, scene.dt_s, &inside);
        let share = if watched { self.share(scene.vehicles.iter().map(|v| &v.bbox)) } else { 0.0 };
        let queues = queue.is_some_and(|(_, vehicles)| vehicles > 0);
        let tell = !inside.is_empty() || share > 0.0 || !lost_s.is_empty() || queues || self.queued;
        self.queued = queues;
        tell.then(|| ZoneMoment {
            zone: self.zone.id.clone(),
            at: scene.at,
            seconds: scene.dt_s,
            share,
            vehicles: u32::try_from(inside.len()).unwrap_or(u32::MAX),
            length_m: self.length_m,
            queue,
            lost_s,
        })
    }

    pub fn summary(&self) -> ZoneSummary {
        ZoneSummary {
            zone: self.zone.id.clone(),
            occupancy: (self.watched_s > 0.0).then(|| self.covered_s / self.watched_s),
            max_queue_m: self.max_queue_m,
        }
    }

    /// Share of the area that lies under the lower halves of boxes: those stand on the ground, near enough for it.
    fn share<'a>(&self, boxes: impl Iterator<Item = &'a BBox>) -> f64 {
        let (low, high) = self.extent;
        let touches = |(from, to): &(Point, Point)| {
            from.x <= high.x && to.x >= low.x && from.y <= high.y && to.y >= low.y
        };
        let halves: Vec<(Point, Point)> = boxes.map(lower_half).filter(touches).collect();
        let holds = |p: &Point, (low, high): &(Point, Point)| {
            p.x >= low.x && p.x <= high.x && p.y >= low.y && p.y <= high.y
        };
        let covered = self.samples.iter().filter(|p| halves.iter().any(|half| holds(p, half))).count();
        covered as f64 / self.samples.len().max(1) as f64
    }

    fn holds(&self, vehicle: &Vehicle) -> bool {
        let place = vehicle.bbox.reference();
        self.zone.contains(fraction(place, self.size))
    }

    /// Those who have stood in it for long enough to queue.
    fn standing(&self, standing: &[Standing]) -> Vec<Standing> {
        let queued = standing.iter().filter(|s| s.for_s >= STANDING_HOLD_S);
        queued.filter(|s| self.zone.contains(fraction(s.reference, self.size))).copied().collect()
    }

    /// Adds to what vehicles lost against free flow, and says what those lost who left.
    fn delays(&mut self, at: Timestamp, dt_s: f64, inside: &[Vehicle]) -> Vec<f64> {
        let Some(free_mps) = self.zone.free_flow_kmh.map(|kmh| kmh / 3.6) else { return Vec::new() };
        for vehicle in inside {
            let Some(speed) = vehicle.speed_mps else { continue };
            let stay = self.stays.entry(vehicle.id).or_insert(Stay { lost_s: 0.0, last: at });
            stay.lost_s += dt_s * (1.0 - speed / free_mps).clamp(0.0, 1.0);
            stay.last = at;
        }
        let mut left: Vec<f64> = Vec::new();
        self.stays.retain(|_, stay| {
            let stays = seconds(stay.last, at) <= LEFT_S;
            if !stays {
                left.push(stay.lost_s);
            }
            stays
        });
        // In no order of theirs.
        left.sort_by(f64::total_cmp);
        left
    }
}

fn fraction(p: Point, size: FrameSize) -> Point {
    Point::new(p.x / f64::from(size.width), p.y / f64::from(size.height))
}

/// How long a zone is on the ground, metres: along its heading, or else between the corners that are furthest apart.
/// `None` where it reaches the horizon.
fn length_m(zone: &Zone, ground: &Homography) -> Option<f64> {
    let corners: Vec<Point> = zone.polygon.iter().map(|p| ground.to_ground(*p)).collect::<Option<_>>()?;
    let length = match zone.heading {
        Some(heading) => {
            let (from, to) = (ground.to_ground(heading.from)?, ground.to_ground(heading.to)?);
            let long = from.distance(to);
            let along =
                |p: &Point| ((p.x - from.x) * (to.x - from.x) + (p.y - from.y) * (to.y - from.y)) / long;
            let (low, high) = corners
                .iter()
                .map(along)
                .fold((f64::MAX, f64::MIN), |(low, high), a| (low.min(a), high.max(a)));
            high - low
        }
        None => corners.iter().flat_map(|a| corners.iter().map(|b| a.distance(*b))).fold(0.0, f64::max),
    };
    (length.is_finite() && length > 0.0).then_some(length)
}

/// Places inside a zone, px.
fn samples(zone: &Zone, size: FrameSize) -> Vec<Point> {
    let bound = |pick: fn(&Point) -> f64, fold: fn(f64, f64) -> f64, start: f64| {
        zone.polygon.iter().map(pick).fold(start, fold).clamp(0.0, 1.0)
    };
    let (x0, x1) = (bound(|p| p.x, f64::min, 1.0), bound(|p| p.x, f64::max, 0.0));
    let (y0, y1) = (bound(|p| p.y, f64::min, 1.0), bound(|p| p.y, f64::max, 0.0));
    let at = |low: f64, high: f64, i: usize| low + (high - low) * (i as f64 + 0.5) / GRID as f64;
    (0..GRID * GRID)
        .map(|i| Point::new(at(x0, x1, i % GRID), at(y0, y1, i / GRID)))
        .filter(|p| zone.contains(*p))
        .map(|p| p.scaled(f64::from(size.width), f64::from(size.height)))
        .collect()
}

/// The least and the greatest place.
fn extent(places: &[Point]) -> (Point, Point) {
    let least = |pick: fn(&Point) -> f64| places.iter().map(pick).fold(f64::INFINITY, f64::min);
    let most = |pick: fn(&Point) -> f64| places.iter().map(pick).fold(f64::NEG_INFINITY, f64::max);
    (Point::new(least(|p| p.x), least(|p| p.y)), Point::new(most(|p| p.x), most(|p| p.y)))
}

/// The longest run of standing vehicles: metres, and how many they are.
fn longest_queue(mut left: Vec<Standing>) -> (f64, u32) {
    let mut longest = (0.0_f64, 0);
    while let Some(seed) = left.pop() {
        let mut run = vec![seed];
        let mut next = 0;
        while let Some(member) = run.get(next).copied() {
            let (near, far): (Vec<_>, Vec<_>) =
                left.into_iter().partition(|s| s.ground.distance(member.ground) <= QUEUE_GAP_M);
            run.extend(near);
            left = far;
            next += 1;
        }
        let span = run
            .iter()
            .flat_map(|a| run.iter().map(move |b| a.ground.distance(b.ground)))
            .fold(0.0_f64, f64::max);
        let last = if run.iter().any(|s| s.is_long) { VEHICLE_M.1 } else { VEHICLE_M.0 };
        if span + last > longest.0 {
            longest = (span + last, u32::try_from(run.len()).unwrap_or(u32::MAX));
        }
    }
    longest
}

/// A vehicle's standing on the ground: `None` when it moves, is no motor vehicle or is off the ground.
pub(crate) fn standing(
    ground: &Homography,
    track: &Track,
    size: FrameSize,
    since: &mut Option<Timestamp>,
    now: Timestamp,
) -> Option<Standing> {
    let reference = track.bbox.reference();
    let place = fraction(reference, size);
    let speed = ground_speed(ground, track, size);
    if !track.class.is_motor_vehicle() || speed.is_none_or(|s| s.is_nan() || s >= STANDING_MPS) {
        *since = None;
        return None;
    }
    let since = *since.get_or_insert(now);
    let is_long = track.class != wayside_types::RoadUserClass::Car;
    Some(Standing { reference, ground: ground.to_ground(place)?, is_long, for_s: seconds(since, now) })
}

/// How fast a track goes on the ground, m/s.
pub(crate) fn ground_speed(ground: &Homography, track: &Track, size: FrameSize) -> Option<f64> {
    let velocity = fraction(track.velocity_px_s, size);
    let jacobian = ground.jacobian(fraction(track.bbox.reference(), size))?;
    Some((jacobian * nalgebra::Vector2::new(velocity.x, velocity.y)).norm()).filter(|speed| speed.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(y: f64) -> Standing {
        Standing { reference: Point::new(0.0, 0.0), ground: Point::new(0.0, y), is_long: false, for_s: 5.0 }
    }

    #[test]
    fn queues_are_runs_of_standing_vehicles() {
        for (what, ys, want) in [
            ("nobody", vec![], (0.0, 0)),
            ("one", vec![3.0], (4.5, 1)),
            ("three", vec![0.0, 14.0, 7.0], (18.5, 3)),
            ("two runs, the longer counts", vec![0.0, 7.0, 40.0, 47.0, 54.0], (18.5, 3)),
        ] {
            let got = longest_queue(ys.into_iter().map(at).collect());
            assert!((got.0 - want.0).abs() < 1e-9 && got.1 == want.1, "{what}: {got:?}");
        }
    }
}
