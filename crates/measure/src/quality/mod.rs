//! The signs by which counting may be wrong: what is told of a crossing beside its count, and who was nearly counted.
//! Where tracks usually begin and end is in `places`. What the signs mean for a count is said in
//! `wayside_types::quality`; whether something counts is `measurer`'s and `recent`'s question.

mod places;

use wayside_types::{Evidence, RoadUserClass, Sign, Timestamp};

use crate::crossing::{Passage, Segment};
use crate::gap;
use crate::path::{Path, Step, seconds};

pub(crate) use places::Places;

/// A line that was crossed between detections further apart than this was crossed unseen.
const BRIDGED_S: f64 = 0.45;
/// Detections are counted within this much of a crossing …
const AROUND_S: f64 = 0.7;
/// … and fewer than these are few.
const FEW: usize = 4;
/// How well a road user is detected is judged over this much of its path.
const JUDGE_S: f64 = 1.5;
/// Another class than the last is worth telling where the track was of it in this share of its detections.
const WAVERS: f64 = 0.15;
/// A line is at most so many seconds and box units beyond the end of a track that may have been lost on its way to it.
const MOST_AWAY: (f64, f64) = (3.0, 4.0);
/// Whoever moved less than this, in box units, came from nowhere and goes nowhere.
const LEAST_TRAVEL: f64 = 0.5;
/// A suspect waits this long after it would have crossed: its road user may be counted under another track.
pub(crate) const EXPLAINED_S: f64 = 1.5;

/// How a track was classed, detection by detection.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Classes([u32; 6]);

impl Classes {
    pub fn note(&mut self, class: RoadUserClass) {
        if let Some(n) = self.0.get_mut(class as usize) {
            *n = n.saturating_add(1);
        }
    }

    /// The class that the track might as well be of.
    pub fn other_than(&self, class: RoadUserClass) -> Option<RoadUserClass> {
        let all: u32 = self.0.iter().sum();
        let others = RoadUserClass::ALL.iter().zip(self.0).filter(|(other, _)| **other != class);
        let (other, n) = others.max_by_key(|(_, n)| *n)?;
        (f64::from(n) >= WAVERS * f64::from(all) && n > 1).then_some(*other)
    }
}

/// What is known of a crossing that is being counted.
pub(crate) struct Counted<'a> {
    pub path: &'a Path,
    pub passage: &'a Passage,
    /// Whether the path itself crossed.
    pub seen: bool,
    pub crowded: bool,
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
pub(crate) fn after(segment: &Segment, path: &Path, velocity: wayside_types::Point) -> Option<Passage> {
    reach(path, path.last(), |step| gap::extrapolate(segment, step, velocity, 1.0, MOST_AWAY))
}

/// Where a path would have crossed a line before it began.
pub(crate) fn before(segment: &Segment, path: &Path, velocity: wayside_types::Point) -> Option<Passage> {
    reach(path, path.first(), |step| gap::extrapolate(segment, step, velocity, -1.0, MOST_AWAY))
}

fn reach(path: &Path, step: &Step, extrapolate: impl Fn(&Step) -> Option<Passage>) -> Option<Passage> {
    (path.travel_boxes() >= LEAST_TRAVEL).then(|| extrapolate(step)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_track_wavers_when_it_was_of_another_class_for_a_while() {
        use RoadUserClass::{Bus, Car, Truck};
        let mut classes = Classes::default();
        (0..20).for_each(|_| classes.note(Truck));
        classes.note(Car);
        assert_eq!(classes.other_than(Truck), None, "once is nothing");
        (0..3).for_each(|_| classes.note(Car));
        classes.note(Bus);
        assert_eq!(classes.other_than(Truck), Some(Car));
        assert_eq!(classes.other_than(Car), Some(Truck));
    }
}
