//! One road user while it is followed: its motion, its class votes and its life from tentative to ended.
//! Which detection it gets is `associate`'s choice; what its path means is `measure`'s.

use wayside_types::{BBox, Detection, Point, RoadUserClass, Timestamp, Track, TrackId};

use crate::clean::Group;
use crate::motion::{Measured, Motion};

/// Scores of two detections must sum to this to make a road user …
const CONFIRM_EVIDENCE: f64 = 1.0;
/// … and to this where there are at least [`CONFIRM_HITS`] of them.
const CONFIRM_EVIDENCE_LONG: f64 = 0.7;
/// See [`CONFIRM_EVIDENCE_LONG`].
const CONFIRM_HITS: u32 = 3;
/// One detection of this score is a road user at first sight, as long as it is seen.
const FIRST_SIGHT_SCORE: f32 = 0.6;
/// What was never detected well is a road user only once it moved this many of its box units: a sign or a marking that
/// looks like a car now and then stays where it is.
const WEAK_MOVES_UNITS: f64 = 1.0;
/// Detections that follow one another faster than this see the same picture and repeat the same mistake:
/// each counts for as much less.
const INDEPENDENT_S: f64 = 0.13;
/// A part lies in its whole by at least this share of its own box …
const PART_INSIDE: f32 = 0.7;
/// … which is smaller by at least this factor …
const PART_SMALLER: f32 = 1.2;
/// … reaches no further down than this share of its height …
const PART_BELOW: f32 = 0.2;
/// … moves no differently than by this many box units a second …
const PART_SPEED_UNITS_S: f64 = 2.0;
/// … and scores at most so much better, on average (1 / this).
const PART_SCORE: f64 = 0.5;
/// A part that sticks to its whole shares this much of its own box with it …
const PART_STICKS: f32 = 0.12;
/// … ends on the same level, within this share of the whole's height …
const PART_LEVEL: f32 = 0.3;
/// … scores less than this on average …
const PART_WEAK: f64 = 0.6;
/// … and less than this share of what the whole scores.
const PART_WEAKER: f64 = 0.95;
/// A part never leaves its whole, nor outlives it. What shares nothing with it any more and lies elsewhere beside it than
/// before by this many of its own box units, or went so far after that was lost, was another road user all the time: the
/// car that waited behind another one, or that was seen as one with it.
const LEFT_UNITS: f64 = 1.0;
/// One detection of a bicycle or motorcycle weighs as much as this many of a person: the rider on it is
/// seen as a person far more often than a walker is seen as a bicycle.
const RIDDEN_VOTE: f64 = 3.0;

#[derive(Debug, Clone)]
pub(crate) struct Tracklet {
    pub id: TrackId,
    pub group: Group,
    /// Before the second detection: as first seen. Afterwards: predicted to the current frame.
    pub motion: Motion,
    votes: [f64; 6],
    score_sum: f64,
    evidence: f64,
    pub score: f32,
    best_score: f32,
    /// Whether it was ever away from where it was first seen.
    moved: bool,
    from: (f64, f64),
    pub hits: u32,
    /// Detections in which it looked like a part of another track's road user, since it last left one.
    seen_as_part: u32,
    /// Of which it was last.
    whole: Option<Whole>,
    pub observed: bool,
    /// Whether it was observed in the frame before.
    pub seen_lately: bool,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
}

/// What a track was last seen as a part of.
#[derive(Debug, Clone, Copy)]
struct Whole {
    id: TrackId,
    /// Where the part lay beside it, px from centre to centre …
    beside: (f64, f64),
    /// … and in the picture, px.
    at: (f64, f64),
}

fn centre(bbox: &BBox) -> (f64, f64) {
    (f64::from(bbox.x1 + bbox.x2) / 2.0, f64::from(bbox.y1 + bbox.y2) / 2.0)
}

/// Seconds from `from` to `to`.
pub(crate) fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}

impl Tracklet {
    pub fn new(id: TrackId, at: Timestamp, d: &Detection) -> Self {
        let mut new = Self {
            id,
            group: Group::of(d.class),
            motion: Motion::new(&Measured::new(&d.bbox, d.score), d.class),
            votes: [0.0; 6],
            score_sum: 0.0,
            evidence: 0.0,
            score: 0.0,
            best_score: 0.0,
            moved: false,
            from: centre(&d.bbox),
            hits: 0,
            seen_as_part: 0,
            whole: None,
            observed: false,
            seen_lately: false,
            first_seen: at,
            last_seen: at,
        };
        new.note(at, d);
        new
    }

    /// Takes a detection; the motion must have been predicted to `at`.
    pub fn take(&mut self, at: Timestamp, d: &Detection) {
        self.motion.update(&Measured::new(&d.bbox, d.score));
        self.note(at, d);
    }

    fn note(&mut self, at: Timestamp, d: &Detection) {
        let ridden = matches!(d.class, RoadUserClass::Bicycle | RoadUserClass::Motorcycle);
        let weight = if ridden { RIDDEN_VOTE } else { 1.0 };
        self.votes[d.class as usize] += weight * f64::from(d.score);
        self.score_sum += f64::from(d.score);
        let fresh = if self.hits == 0 { 1.0 } else { (seconds(self.last_seen, at) / INDEPENDENT_S).min(1.0) };
        self.evidence += fresh * f64::from(d.score);
        self.score = d.score;
        self.best_score = self.best_score.max(d.score);
        let (x, y) = centre(&self.motion.bbox());
        let away = (x - self.from.0).hypot(y - self.from.1);
        self.moved |= self.hits > 1 && away >= WEAK_MOVES_UNITS * self.motion.unit();
        self.hits = self.hits.saturating_add(1);
        self.observed = true;
        self.last_seen = at;
    }

    pub fn class(&self) -> RoadUserClass {
        let mut best = (RoadUserClass::Car, f64::NEG_INFINITY);
        for (&class, &votes) in RoadUserClass::ALL.iter().zip(&self.votes) {
            if votes > best.1 {
                best = (class, votes);
            }
        }
        best.0
    }

    /// The class that came second in the vote, and its share of all votes.
    pub fn second(&self) -> Option<(RoadUserClass, f32)> {
        let first = self.class();
        let others = RoadUserClass::ALL.iter().zip(self.votes).filter(|(class, _)| **class != first);
        let (class, votes) = others.max_by(|a, b| a.1.total_cmp(&b.1))?;
        let all: f64 = self.votes.iter().sum();
        (votes > 0.0).then_some((*class, (votes / all) as f32))
    }

    /// Whether enough speaks for it: detections, their scores, and that it is not mostly a part of
    /// another road user.
    pub fn confirmed(&self) -> bool {
        let needed = if self.hits >= CONFIRM_HITS { CONFIRM_EVIDENCE_LONG } else { CONFIRM_EVIDENCE };
        2 * self.seen_as_part < self.hits && self.hits >= 2 && self.evidence >= needed
    }

    /// Whether it is worth telling of: confirmed, and detected well at least once or seen to move; or seen for the first
    /// time just now, and unmistakably.
    fn is_somebody(&self, high_score: f32) -> bool {
        let at_first_sight =
            self.observed && self.hits == 1 && self.seen_as_part == 0 && self.score >= FIRST_SIGHT_SCORE;
        at_first_sight || self.confirmed() && (self.best_score >= high_score || self.moved)
    }

    /// Whether this track follows a part of the road user that another one follows. Either its box lies
    /// within the other's, stands on the same ground and is detected no better: a cab and its lorry. (The
    /// car in front of a lorry reaches further down; a box that happens to enclose two cars scores less
    /// than either.) Or it is a weak detection that sticks to a strong one: the bonnet beside the boot.
    pub fn is_part_of(&self, whole: &Self) -> bool {
        let (dvx, dvy) = (self.motion.x.vel - whole.motion.x.vel, self.motion.y.vel - whole.motion.y.vel);
        let apart =
            self.hits > 1 && whole.hits > 1 && dvx.hypot(dvy) > PART_SPEED_UNITS_S * whole.motion.unit();
        if self.group != whole.group || apart {
            return false;
        }
        let (a, b) = (self.motion.bbox(), whole.motion.bbox());
        let shared = a.intersection(&b) / a.area().max(1.0);
        let deeper = a.y2 - b.y2 > PART_BELOW * a.height();
        let scores = |t: &Self| t.score_sum / f64::from(t.hits.max(1));
        let (own, others) = (scores(self), scores(whole));
        let within =
            shared >= PART_INSIDE && b.area() >= PART_SMALLER * a.area() && own <= others / PART_SCORE;
        let level = (a.y2 - b.y2).abs() <= PART_LEVEL * b.height();
        // Of two halves that are both seen badly, the smaller is the part.
        let lesser = own <= PART_WEAKER * others || others < PART_WEAK && a.area() < b.area();
        let sticks = shared >= PART_STICKS && level && own < PART_WEAK && lesser;
        !deeper && (within || sticks)
    }

    /// Notes that it was seen as a part of that track's road user.
    pub fn attach(&mut self, (id, whole): (TrackId, BBox)) {
        self.seen_as_part += 1;
        self.whole = Some(Whole { id, beside: self.beside(&whole), at: centre(&self.motion.bbox()) });
    }

    /// The track that it was last seen as a part of.
    pub fn whole(&self) -> Option<TrackId> {
        self.whole.map(|whole| whole.id)
    }

    /// Notes where its whole is now, or that it is lost. If it left that, it never was a part.
    pub fn compare(&mut self, whole: Option<&BBox>) {
        let Some(Whole { beside, at, .. }) = self.whole else { return };
        let (was, is, apart) = match whole {
            Some(whole) => (beside, self.beside(whole), self.motion.bbox().intersection(whole) <= 0.0),
            None => (at, centre(&self.motion.bbox()), true),
        };
        if apart && (is.0 - was.0).hypot(is.1 - was.1) >= LEFT_UNITS * self.motion.unit() {
            self.seen_as_part = 0;
            self.whole = None;
        }
    }

    fn beside(&self, whole: &BBox) -> (f64, f64) {
        let (own, other) = (centre(&self.motion.bbox()), centre(whole));
        (own.0 - other.0, own.1 - other.1)
    }

    /// As the rest of the system sees it; `high_score` is that of a good detection.
    pub fn track(&self, high_score: f32) -> Track {
        let (vx, vy) = if self.hits > 1 { self.motion.reference_velocity() } else { (0.0, 0.0) };
        Track {
            id: self.id,
            class: self.class(),
            second: self.second(),
            bbox: self.motion.bbox(),
            velocity_px_s: Point::new(vx, vy),
            score: self.score,
            observed: self.observed,
            confirmed: self.is_somebody(high_score),
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            hits: self.hits,
        }
    }
}
