//! One road user while it is followed: its motion, its class votes and its life from tentative to ended.
//! Which detection it gets is `associate`'s choice; what its path means is `measure`'s.

use wayside_types::{Detection, Point, RoadUserClass, Timestamp, Track, TrackId};

use crate::clean::Group;
use crate::motion::{Measured, Motion};

/// Detections that make a track a road user, whatever their scores …
const CONFIRM_HITS: u32 = 3;
/// … or fewer whose scores sum to this.
const CONFIRM_SCORE: f64 = 1.0;
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
    pub score: f32,
    pub hits: u32,
    pub observed: bool,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
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
            score: 0.0,
            hits: 0,
            observed: false,
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
        self.score = d.score;
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

    pub fn confirmed(&self) -> bool {
        self.hits >= CONFIRM_HITS || (self.hits >= 2 && self.score_sum >= CONFIRM_SCORE)
    }

    /// As the rest of the system sees it.
    pub fn track(&self) -> Track {
        let (vx, vy) = if self.hits > 1 { self.motion.reference_velocity() } else { (0.0, 0.0) };
        Track {
            id: self.id,
            class: self.class(),
            bbox: self.motion.bbox(),
            velocity_px_s: Point::new(vx, vy),
            score: self.score,
            observed: self.observed,
            confirmed: self.confirmed(),
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            hits: self.hits,
        }
    }
}
