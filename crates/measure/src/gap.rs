//! Crossings that no detection saw: a road user that was first detected just past a line, or lost just
//! before it, in steady motion in the middle of the picture, is taken to have crossed. Whether somebody
//! else was counted for the same crossing is `recent`'s question.

use wayside_types::{Direction, Point};

use crate::crossing::{Passage, Segment};
use crate::path::{Step, later};

/// The velocity is that of this much of the path.
pub(crate) const WINDOW_S: f64 = 0.5;
/// The same where detections are so far apart that three are needed from longer ago.
pub(crate) const WIDER_WINDOW_S: f64 = 1.0;
/// The line is at most so many seconds and so many box units before the beginning of the path: somebody in
/// steady motion must have come from somewhere.
const MOST_BEFORE: (f64, f64) = (1.0, 2.0);
/// The same after its end: somebody who was lost may have stopped.
const MOST_AFTER: (f64, f64) = (2.0, 1.2);
/// How well a road user is detected is judged over this much of its path, which is waited for.
pub(crate) const JUDGE_S: f64 = 1.0;
/// Only road users that are detected this well, on average over the window, are worth it: parts of
/// vehicles and things that look like one come and go all the time.
pub(crate) const MIN_SCORE: f64 = 0.2;
/// The same for somebody who was detected better than that before: half, since who goes out of sight
/// behind something scores less and less on the way.
pub(crate) const MIN_SCORE_FADED: f64 = 0.1;
/// Slower than this many box units a second, a road user may have stood or turned instead.
const MIN_SPEED_UNITS_S: f64 = 0.5;

/// The cosine of the angle between the ways that a path ends in, as its last detections have it and as its sure ones of the
/// last second do, in steady motion.
const MIN_ONE_WAY: f64 = 0.8;

/// Whether two velocities lead one way.
pub(crate) fn is_one_way(a: Point, b: Point) -> bool {
    a.x * b.x + a.y * b.y >= MIN_ONE_WAY * a.x.hypot(a.y) * b.x.hypot(b.y)
}

/// The crossing before a path began with this step and velocity (px/s).
pub(crate) fn before(segment: &Segment, first: &Step, velocity: Point) -> Option<Passage> {
    extrapolate(segment, first, velocity, -1.0, MOST_BEFORE)
}

/// The crossing after a path ended with this step and velocity (px/s).
pub(crate) fn after(segment: &Segment, last: &Step, velocity: Point) -> Option<Passage> {
    extrapolate(segment, last, velocity, 1.0, MOST_AFTER)
}

/// The crossing of a straight, steady way from a step on (`way` 1) or back (−1) within so many seconds and box units.
pub(crate) fn extrapolate(
    segment: &Segment,
    step: &Step,
    velocity: Point,
    way: f64,
    (most_s, most_units): (f64, f64),
) -> Option<Passage> {
    let speed = velocity.x.hypot(velocity.y);
    let across = segment.across(velocity);
    // Seconds from the step to the line: negative in the past.
    let t = -segment.distance(step.p) / across;
    let near = t * way >= 0.0 && t.abs() <= most_s && t.abs() * speed <= most_units * step.unit;
    // A line that is met at a grazing angle says little about where it is met.
    let square = across.abs() >= 0.5 * speed;
    if !(t.is_finite() && near && square && speed >= MIN_SPEED_UNITS_S * step.unit) {
        return None;
    }
    let place = Point::new(step.p.x + t * velocity.x, step.p.y + t * velocity.y);
    let direction = if across > 0.0 { Direction::Forward } else { Direction::Backward };
    segment.holds(place).then(|| Passage { direction, at: later(step.at, t), place, gap_s: t.abs() })
}
