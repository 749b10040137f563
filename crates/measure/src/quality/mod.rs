//! The signs by which counting may be wrong: what is told of a crossing beside its count, and who was nearly counted.
//! Where tracks usually begin and end is in `places`, how long they are followed in `leads`. What the signs mean for a count is said in
//! `wayside_types::quality`; whether something counts is `measurer`'s and `recent`'s question.

mod leads;
mod places;

use wayside_types::{Evidence, Point, RoadUserClass, Sign, Timestamp, Track};

use crate::crossing::{Passage, Segment};
use crate::gap;
use crate::path::{Path, Step, seconds};

pub(crate) use leads::Leads;
pub(crate) use places::Places;

/// A line that was crossed between detections further apart than this was crossed unseen.
const BRIDGED_S: f64 = 0.45;
/// Detections are counted within this much of a crossing …
const AROUND_S: f64 = 0.7;
/// … and fewer than these are few.
const FEW: usize = 4;
/// How well a road user is detected is judged over this much of its path.
const JUDGE_S: f64 = 1.5;
/// Where another class has this share of a track's votes, the track wavers between the two …
const WAVERS: f32 = 0.25;
/// … and from this share on it hesitates.
const HESITATES: f32 = 0.05;
/// A line's end is this near, in box units.
const AT_END_UNITS: f64 = 0.1;
/// A line is at most so many seconds and box units beyond the end of a track that may have been lost on its way to it.
const MOST_AWAY: (f64, f64) = (3.0, 4.0);
/// Whoever moved less than this, in box units, came from nowhere and goes nowhere.
const LEAST_TRAVEL: f64 = 0.5;
/// A suspect waits this long after it would have crossed: its road user may be counted under another track.
pub(crate) const EXPLAINED_S: f64 = 1.5;

/// By which signs a track might as well be of another class, and of which: the sign of its own class and the other's.
pub(crate) fn other_class(track: &Track) -> Option<(RoadUserClass, Sign, Sign)> {
    let (class, share) = track.second?;
    if share >= WAVERS {
        Some((class, Sign::Wavering, Sign::Elsewhere))
    } else {
        (share >= HESITATES).then_some((class, Sign::Hesitant, Sign::Resembling))
    }
}

/// Whether a place on the endless line (px) is so close to one of the segment's ends, for a road user of this box unit, that it may
/// as well be on the other side of it.
pub(crate) fn is_at_end(segment: &Segment, place: Point, unit: f64) -> bool {
    segment.distance_to_end(place).abs() <= AT_END_UNITS * unit
}

/// What is known of a crossing that is being counted.
pub(crate) struct Counted<'a> {
    pub path: &'a Path,
    pub passage: &'a Passage,
    /// Whether the path itself crossed.
    pub seen: bool,
    pub crowded: bool,
    /// Whether it crossed at the very end of the line.
    pub at_end: bool,
    pub began_well: bool,
    pub high_score: f64,
}

impl Counted<'_> {
    /// What is to be said of it.
    pub fn evidence(&self) -> Evidence {
        let around = self.path.steps().filter(|s| seconds(self.passage.at, s.at).abs() <= AROUND_S).count();
        let mut evidence = Evidence::default();
        let mut note = |sign, is| evidence.add(sign, u64::from(is));
        note(Sign::Counted, true);
        note(Sign::Astray, !self.began_well);
        note(Sign::Inferred, !self.seen);
        note(Sign::Bridged, self.seen && self.passage.gap_s > BRIDGED_S);
        note(Sign::Weak, self.path.score_at_end(JUDGE_S) < self.high_score);
        note(Sign::Sparse, around < FEW);
        note(Sign::Crowded, self.crowded);
        note(Sign::AtEnd, self.at_end);
        evidence
    }
}

/// A road user that may have crossed a line and was not counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Suspect {
    pub line: usize,
    pub passage: Passage,
    pub class: RoadUserClass,
    pub sign: Sign,
    pub unit: f64,
}

impl Suspect {
    pub fn is_due(&self, now: Timestamp) -> bool {
        seconds(self.passage.at, now) >= EXPLAINED_S
    }
}

/// Where a path that ended would have crossed a line.
pub(crate) fn after(segment: &Segment, path: &Path, velocity: Point) -> Option<Passage> {
    reach(path, path.last(), |step| gap::extrapolate(segment, step, velocity, 1.0, MOST_AWAY))
}

/// Where a path would have crossed a line before it began.
pub(crate) fn before(segment: &Segment, path: &Path, velocity: Point) -> Option<Passage> {
    reach(path, path.first(), |step| gap::extrapolate(segment, step, velocity, -1.0, MOST_AWAY))
}

fn reach(path: &Path, step: &Step, extrapolate: impl Fn(&Step) -> Option<Passage>) -> Option<Passage> {
    (path.travel_boxes() >= LEAST_TRAVEL).then(|| extrapolate(step)).flatten()
}
