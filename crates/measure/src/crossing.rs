//! Whether a path crossed a line. A side counts only at some distance from the line, so that a box that
//! trembles on it crosses nothing; and only the finite segment counts.

use wayside_types::{Direction, Line, Point, Timestamp};

use crate::path::{Path, Step, later, seconds};

/// A side is certain from this distance to the line on, in box units …
const MARGIN_UNITS: f64 = 0.12;
/// … and from this many pixels on.
const MARGIN_PX: f64 = 1.5;

/// A line in pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Segment {
    a: Point,
    b: Point,
    length: f64,
}

impl Segment {
    /// `None` when both ends are in one place.
    pub fn new(line: &Line, width: f64, height: f64) -> Option<Self> {
        let [a, b] = line.points.map(|p| p.scaled(width, height));
        let length = a.distance(b);
        (length > 1e-6 && length.is_finite()).then_some(Self { a, b, length })
    }

    /// Signed distance, px: positive on the side that *forward* leads to.
    pub fn distance(&self, p: Point) -> f64 {
        Line::side(self.a, self.b, p) / self.length
    }

    /// Place along the line: 0 at its first, 1 at its second point.
    pub fn along(&self, p: Point) -> f64 {
        let (dx, dy) = (self.b.x - self.a.x, self.b.y - self.a.y);
        ((p.x - self.a.x) * dx + (p.y - self.a.y) * dy) / (self.length * self.length)
    }

    /// Whether a place on the endless line lies within its ends.
    pub fn holds(&self, place: Point) -> bool {
        (0.0..=1.0).contains(&self.along(place))
    }

    /// How far a place on the endless line is from the nearer end, px: positive between the ends, negative beyond.
    pub fn distance_to_end(&self, place: Point) -> f64 {
        let along = self.along(place);
        along.min(1.0 - along) * self.length
    }

    /// Whether any of it lies within an upright rectangle, given by two corners (Liang and Barsky's clipping).
    pub fn meets(&self, low: Point, high: Point) -> bool {
        let (dx, dy) = (self.b.x - self.a.x, self.b.y - self.a.y);
        let (mut enters, mut leaves) = (0.0_f64, 1.0_f64);
        let sides = [
            (-dx, self.a.x - low.x),
            (dx, high.x - self.a.x),
            (-dy, self.a.y - low.y),
            (dy, high.y - self.a.y),
        ];
        for (slope, room) in sides {
            if slope == 0.0 {
                if room < 0.0 {
                    return false;
                }
            } else if slope < 0.0 {
                enters = enters.max(room / slope);
            } else {
                leaves = leaves.min(room / slope);
            }
        }
        enters <= leaves
    }

    /// Component of a velocity across the line, px/s, positive for *forward*.
    pub fn across(&self, v: Point) -> f64 {
        ((self.b.x - self.a.x) * v.y - (self.b.y - self.a.y) * v.x) / self.length
    }

    fn margin(step: &Step) -> f64 {
        (MARGIN_UNITS * step.unit).max(MARGIN_PX)
    }
}

/// A line, or its straight continuation, that was crossed. Whether it was within the line's ends is asked
/// by [`Segment::holds`] once the path goes on far enough to know the place well.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Passage {
    pub direction: Direction,
    pub at: Timestamp,
    /// Where, px.
    pub place: Point,
    /// Between the detections on both sides, or to the one on this side, seconds.
    pub gap_s: f64,
}

/// On which side of one line a track was last seen for certain.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Side {
    positive: bool,
    /// Time of the step that said so.
    since: Timestamp,
}

impl Side {
    /// Where a track starts is taken at face value, even close to the line: whether it then moves far
    /// enough to count is asked later.
    pub fn new(segment: &Segment, first: &Step) -> Self {
        Self { positive: segment.distance(first.p) >= 0.0, since: first.at }
    }

    /// Looks at the newest step of a path.
    pub fn update(&mut self, segment: &Segment, path: &Path) -> Option<Passage> {
        let step = path.last();
        let distance = segment.distance(step.p);
        if distance.abs() < Segment::margin(step) {
            return None;
        }
        let positive = distance > 0.0;
        let since = std::mem::replace(&mut self.since, step.at);
        if positive == self.positive {
            return None;
        }
        self.positive = positive;
        // The last change of sign since the certain step on the other side is the crossing.
        let mut pieces = path.steps().rev().zip(path.steps().rev().skip(1));
        let (to, from) = pieces.find(|(to, from)| {
            from.at <= since
                || (segment.distance(from.p) > 0.0) != positive && (segment.distance(to.p) > 0.0) == positive
        })?;
        Some(passage(segment, from, to))
    }
}

fn passage(segment: &Segment, from: &Step, to: &Step) -> Passage {
    let (d0, d1) = (segment.distance(from.p), segment.distance(to.p));
    let share = if d0 == d1 { 1.0 } else { (d0 / (d0 - d1)).clamp(0.0, 1.0) };
    let place = Point::new(from.p.x + share * (to.p.x - from.p.x), from.p.y + share * (to.p.y - from.p.y));
    let direction = if d1 > 0.0 { Direction::Forward } else { Direction::Backward };
    let gap_s = seconds(from.at, to.at);
    Passage { direction, at: later(from.at, share * gap_s), place, gap_s }
}
