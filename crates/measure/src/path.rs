//! The last seconds of one track's reference point, kept as long as the track lives, in pixels. What the
//! path means is asked by `crossing` and `speed`.

use std::collections::VecDeque;

use wayside_types::{BBox, Point, Timestamp, Track};

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
    /// Score of the detection.
    pub score: f64,
    /// Whether the box is clear of the picture's edge: the middle of a box that is cut off moves at half the
    /// speed of the road user in it.
    pub whole: bool,
}

impl Step {
    /// A track's newest detection, with the box to judge its place by.
    pub fn of(track: &Track, bbox: BBox, whole: bool) -> Option<Self> {
        let p = bbox.reference();
        let unit = f64::from(bbox.area().max(0.0)).sqrt();
        let sane = p.x.is_finite() && p.y.is_finite() && unit.is_finite() && unit > 0.0;
        sane.then_some(Self { at: track.last_seen, p, unit, score: f64::from(track.score), whole })
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
    best_score: f64,
}

impl Path {
    pub fn new(first: Step) -> Self {
        Self { first, steps: VecDeque::from([first]), travel_boxes: 0.0, best_score: first.score }
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
        self.best_score = self.best_score.max(step.score);
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

    /// From where it was first seen to a place, in box units.
    pub fn boxes_to(&self, place: Point) -> f64 {
        self.first.p.distance(place) / self.first.unit.max(self.last().unit)
    }

    /// The larger one of the box units now and at an instant, or as near to it as the path was.
    pub fn unit_since(&self, at: Timestamp) -> f64 {
        let off = |s: &&Step| seconds(s.at, at).abs();
        let steps = std::iter::once(&self.first).chain(&self.steps);
        let then = steps.min_by(|a, b| off(a).total_cmp(&off(b)));
        then.map_or(0.0, |s| s.unit).max(self.last().unit)
    }

    /// The best score of all its detections.
    pub fn best_score(&self) -> f64 {
        self.best_score
    }

    /// Velocity (px/s) over the last `window_s` seconds of steps, by least squares; `None` with fewer
    /// than three of them.
    pub fn velocity_at_end(&self, window_s: f64) -> Option<Point> {
        let end = self.last().at;
        slope(self.steps.iter().filter(|s| seconds(s.at, end) <= window_s).map(|s| (seconds(end, s.at), s.p)))
    }

    /// The same by least squares weighted by the squares of scores.
    pub fn sure_velocity_at_end(&self, window_s: f64) -> Option<Point> {
        let end = self.last().at;
        let near = self.steps.iter().filter(|s| seconds(s.at, end) <= window_s);
        line(near.map(|s| (seconds(end, s.at), s.p, s.score * s.score))).map(|(_, velocity)| velocity)
    }

    /// Where the path is at an instant, judged from the steps within `window_s` of it on both sides, the
    /// well detected ones more; `None` with fewer than three of them.
    pub fn place_at(&self, at: Timestamp, window_s: f64) -> Option<Point> {
        let near = self.steps.iter().filter(|s| seconds(at, s.at).abs() <= window_s);
        let samples: Vec<_> = near.map(|s| (seconds(at, s.at), s.p, s.score * s.score)).collect();
        robust_line(&samples)
    }

    /// Mean score of the detections of the last `window_s` seconds.
    pub fn score_at_end(&self, window_s: f64) -> f64 {
        let end = self.last().at;
        mean_score(self.steps.iter().filter(|s| seconds(s.at, end) <= window_s))
    }

    /// The same of the first `window_s` seconds.
    pub fn score_at_start(&self, window_s: f64) -> f64 {
        let start = self.first.at;
        mean_score(self.steps.iter().filter(|s| seconds(start, s.at) <= window_s))
    }

    /// Velocity over the first `window_s` seconds; `None` once those are forgotten.
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

/// Mean score of the steps within a window.
fn mean_score<'a>(steps: impl Iterator<Item = &'a Step>) -> f64 {
    let (mut n, mut sum) = (0.0, 0.0);
    for s in steps {
        n += 1.0;
        sum += s.score;
    }
    if n > 0.0 { sum / n } else { 0.0 }
}

/// Least-squares velocity of points over time.
fn slope(samples: impl Iterator<Item = (f64, Point)> + Clone) -> Option<Point> {
    line(samples.map(|(t, p)| (t, p, 1.0))).map(|(_, velocity)| velocity)
}

/// Where the straight path is at time 0, outliers (boxes around two road users, or around half of one)
/// weighing little: least squares, weighted anew by Cauchy's function of the distance.
fn robust_line(samples: &[(f64, Point, f64)]) -> Option<Point> {
    const ROUNDS: usize = 5;
    let (mut place, mut velocity) = line(samples.iter().copied())?;
    for _ in 0..ROUNDS {
        let off =
            |t: f64, p: Point| p.distance(Point::new(place.x + t * velocity.x, place.y + t * velocity.y));
        let mut all: Vec<f64> = samples.iter().map(|(t, p, _)| off(*t, *p)).collect();
        all.sort_by(f64::total_cmp);
        let scale = all.get(all.len() / 2)?.max(0.5);
        let weighed = samples.iter().map(|&(t, p, w)| (t, p, w / (1.0 + (off(t, p) / scale).powi(2))));
        (place, velocity) = line(weighed.collect::<Vec<_>>().into_iter())?;
    }
    Some(place)
}

/// The straight, steady path through weighted points over time, by least squares: where it is at time 0,
/// and its velocity. `None` with fewer than three points or all at one time.
fn line(samples: impl Iterator<Item = (f64, Point, f64)> + Clone) -> Option<(Point, Point)> {
    if samples.clone().count() < 3 {
        return None;
    }
    let weight: f64 = samples.clone().map(|s| s.2).sum();
    let mean = |f: fn(&(f64, Point, f64)) -> f64| samples.clone().map(|s| s.2 * f(&s)).sum::<f64>() / weight;
    let (t0, x0, y0) = (mean(|s| s.0), mean(|s| s.1.x), mean(|s| s.1.y));
    let (mut tt, mut tx, mut ty) = (0.0, 0.0, 0.0);
    for (t, p, w) in samples {
        tt += w * (t - t0).powi(2);
        tx += w * (t - t0) * (p.x - x0);
        ty += w * (t - t0) * (p.y - y0);
    }
    let (vx, vy) = (tx / tt, ty / tt);
    let here = Point::new(x0 - vx * t0, y0 - vy * t0);
    (tt > 0.0 && here.x.is_finite() && here.y.is_finite()).then_some((here, Point::new(vx, vy)))
}
