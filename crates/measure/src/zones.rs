//! How full zones are: the share of their area that road users stand on, over time, and the length of
//! the queue of standing vehicles on the ground. Alerts about queues are `hazard`'s.

use wayside_types::{BBox, FrameSize, Point, Timestamp, Track, Zone, ZoneId, ZoneKind};

use crate::homography::Homography;
use crate::path::seconds;

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
/// A gap between frames longer than this was not watched, seconds.
const MAX_STEP_S: f64 = 2.0;

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

#[derive(Debug, Clone)]
pub(crate) struct ZoneMeter {
    zone: Zone,
    samples: Vec<Point>,
    covered_s: f64,
    watched_s: f64,
    max_queue_m: Option<f64>,
}

impl ZoneMeter {
    pub fn new(zone: &Zone, size: FrameSize, calibrated: bool) -> Self {
        let queues = calibrated && matches!(zone.kind, ZoneKind::Lane | ZoneKind::Queue);
        Self {
            zone: zone.clone(),
            samples: samples(zone, size),
            covered_s: 0.0,
            watched_s: 0.0,
            max_queue_m: queues.then_some(0.0),
        }
    }

    /// Takes the state of a frame, `dt_s` after the one before.
    pub fn update(&mut self, dt_s: f64, boxes: &[BBox], standing: &[Standing], size: FrameSize) {
        if dt_s > 0.0 && dt_s <= MAX_STEP_S && !self.samples.is_empty() {
            let covered = self.samples.iter().filter(|p| boxes.iter().any(|b| holds(b, **p))).count();
            self.covered_s += dt_s * covered as f64 / self.samples.len() as f64;
            self.watched_s += dt_s;
        }
        if let Some(longest) = self.max_queue_m {
            let (w, h) = (f64::from(size.width), f64::from(size.height));
            let inside: Vec<Standing> = standing
                .iter()
                .filter(|s| s.for_s >= STANDING_HOLD_S)
                .filter(|s| self.zone.contains(Point::new(s.reference.x / w, s.reference.y / h)))
                .copied()
                .collect();
            self.max_queue_m = Some(longest.max(queue_m(inside)));
        }
    }

    pub fn summary(&self) -> ZoneSummary {
        ZoneSummary {
            zone: self.zone.id.clone(),
            occupancy: (self.watched_s > 0.0).then(|| self.covered_s / self.watched_s),
            max_queue_m: self.max_queue_m,
        }
    }
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

/// The lower half of a box is what stands on the ground, near enough for a share of an area.
fn holds(b: &BBox, p: Point) -> bool {
    let (x1, x2) = (f64::from(b.x1), f64::from(b.x2));
    let (y1, y2) = (f64::from(b.y1 + b.y2) / 2.0, f64::from(b.y2));
    p.x >= x1 && p.x <= x2 && p.y >= y1 && p.y <= y2
}

/// Length of the longest run of standing vehicles, metres.
fn queue_m(mut left: Vec<Standing>) -> f64 {
    let mut longest = 0.0_f64;
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
        longest = longest.max(span + last);
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
    let (w, h) = (f64::from(size.width), f64::from(size.height));
    let reference = track.bbox.reference();
    let place = Point::new(reference.x / w, reference.y / h);
    let speed = ground.jacobian(place).map(|j| {
        let v = j * nalgebra::Vector2::new(track.velocity_px_s.x / w, track.velocity_px_s.y / h);
        v.norm()
    });
    if !track.class.is_motor_vehicle() || speed.is_none_or(|s| s.is_nan() || s >= STANDING_MPS) {
        *since = None;
        return None;
    }
    let since = *since.get_or_insert(now);
    let is_long = track.class != wayside_types::RoadUserClass::Car;
    Some(Standing { reference, ground: ground.to_ground(place)?, is_long, for_s: seconds(since, now) })
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
            ("nobody", vec![], 0.0),
            ("one", vec![3.0], 4.5),
            ("three", vec![0.0, 14.0, 7.0], 18.5),
            ("two runs, the longer counts", vec![0.0, 7.0, 40.0, 47.0, 54.0], 18.5),
        ] {
            let got = queue_m(ys.into_iter().map(at).collect());
            assert!((got - want).abs() < 1e-9, "{what}: {got}");
        }
    }
}
