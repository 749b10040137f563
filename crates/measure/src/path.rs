//! The last seconds of one track's reference point, kept as long as the track lives, in pixels. What the
//! path means is asked by `crossing` and `speed`.

use std::collections::VecDeque;

use wayside_types::{Point, Timestamp, Track};

/// Steps older than this are forgotten.
const KEEP_S: f64 = 4.0;
/// No more steps than this are kept, however fast frames come.
const KEEP_STEPS: usize = 256;

/// Where a road user was detected.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub at: Timestamp,
    /// Reference point, px.
    pub p: Point,
    /// Box unit: square root of the box's area, px.
    pub unit: f64,
}

impl Step {
    pub fn of(track: &Track) -> Option<Self> {
        let p = track.bbox.reference();
        let unit = f64::from(track.bbox.area().max(0.0)).sqrt();
        let sane = p.x.is_finite() && p.y.is_finite() && unit.is_finite() && unit > 0.0;
        sane.then_some(Self { at: track.last_seen, p, unit })
    }
}

/// Seconds from `from` to `to`, negative when `to` is earlier.
pub(crate) fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}

/// An instant so many seconds later, or the instant itself where that is out of range.
pub(crate) fn later(at: Timestamp, by_s: f64) -> Timestamp {
    let nanos = (by_s * 1e9).clamp(-1e17, 1e17) as i64;
    at.checked_add(jiff::SignedDuration::from_nanos(nanos)).unwrap_or(at)
}

#[derive(Debug, Clone)]
pub(crate) struct Path {
    first: Step,
    steps: VecDeque<Step>,
    travel_boxes: f64,
}

impl Path {
    pub fn new(first: Step) -> Self {
        Self { first, steps: VecDeque::from([first]), travel_boxes: 0.0 }
    }

    pub fn first(&self) -> &Step {
        &self.first
    }

    pub fn last(&self) -> &Step {
        self.steps.back().unwrap_or(&self.first)
    }

    pub fn steps(&self) -> impl DoubleEndedIterator<Item = &Step> + Clone {
        self.steps.iter()
    }

    /// Adds a step; one that is not later than the last is ignored.
    pub fn push(&mut self, step: Step) {
        if step.at <= self.last().at {
            return;
        }
        let unit = self.first.unit.max(step.unit);
        self.travel_boxes = self.travel_boxes.max(self.first.p.distance(step.p) / unit);
        self.steps.push_back(step);
        while self.steps.len() > KEEP_STEPS
            || self.steps.front().is_some_and(|s| seconds(s.at, step.at) > KEEP_S)
        {
            self.steps.pop_front();
        }
    }

    /// The farthest it has been from where it was first seen, in box units.
    pub fn travel_boxes(&self) -> f64 {
        self.travel_boxes
    }

    /// Velocity (px/s) over the last `window_s` seconds of steps, by least squares; `None` with fewer
    /// than three of them.
    pub fn velocity_at_end(&self, window_s: f64) -> Option<Point> {
        let end = self.last().at;
        slope(self.steps.iter().filter(|s| seconds(s.at, end) <= window_s).map(|s| (seconds(end, s.at), s.p)))
    }

    /// The same over the first `window_s` seconds; `None` once those are forgotten.
    pub fn velocity_at_start(&self, window_s: f64) -> Option<Point> {
        let start = self.first.at;
        if self.steps.front().is_none_or(|s| s.at != start) {
            return None;
        }
        slope(
            self.steps
                .iter()
                .filter(|s| seconds(start, s.at) <= window_s)
                .map(|s| (seconds(start, s.at), s.p)),
        )
    }
}

/// Least-squares velocity of points over time.
fn slope(samples: impl Iterator<Item = (f64, Point)> + Clone) -> Option<Point> {
    let n = samples.clone().count();
    if n < 3 {
        return None;
    }
    let mean = |f: fn(&(f64, Point)) -> f64| samples.clone().map(|s| f(&s)).sum::<f64>() / n as f64;
    let (t0, x0, y0) = (mean(|s| s.0), mean(|s| s.1.x), mean(|s| s.1.y));
    let (mut tt, mut tx, mut ty) = (0.0, 0.0, 0.0);
    for (t, p) in samples {
        tt += (t - t0).powi(2);
        tx += (t - t0) * (p.x - x0);
        ty += (t - t0) * (p.y - y0);
    }
    (tt > 0.0).then(|| Point::new(tx / tt, ty / tt))
}
