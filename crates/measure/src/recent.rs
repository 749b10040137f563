//! Crossings of one line that were counted a moment ago, so that one road user whose track broke is not
//! counted twice. Two tracks that were seen at the same time are two road users.

use wayside_types::{Direction, Point, Timestamp, TrackId};

use crate::company::Seen;
use crate::crossing::Passage;
use crate::path::seconds;

/// Crossings further apart in time than this are never the same road user's.
const WINDOW_S: f64 = 1.0;
/// Nor are those further apart in space than this many box units.
const WINDOW_UNITS: f64 = 0.8;

/// Reference points of one vehicle under two tracks differ by at most this along its way, in box units:
/// the next vehicle of the lane is further away …
const SAME_ALONG_UNITS: f64 = 0.9;
/// … and by this across it: the next lane is further away …
const SAME_BESIDE_UNITS: f64 = 0.2;
/// … or by this, if the box of one lies within that of the other: part of a vehicle whose way goes aslant through
/// the picture stands higher than the whole.
const PART_BESIDE_UNITS: f64 = 0.3;

/// A crossing that was counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted {
    pub track: TrackId,
    pub direction: Direction,
    pub at: Timestamp,
    pub place: Point,
    pub unit: f64,
    pub motor: bool,
    /// When its track was last detected, as far as known.
    pub last_seen: Timestamp,
    pub velocity: Point,
}

/// The recent crossings of one line.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recent {
    counted: Vec<Counted>,
}

impl Recent {
    /// Forgets what is too old to matter, and notes that a track was detected.
    pub fn seen(&mut self, track: TrackId, at: Timestamp) {
        for c in self.counted.iter_mut().filter(|c| c.track == track) {
            c.last_seen = at;
        }
    }

    pub fn forget(&mut self, now: Timestamp, keep_s: f64) {
        self.counted.retain(|c| seconds(c.at, now) <= keep_s);
    }

    pub fn push(&mut self, counted: Counted) {
        self.counted.push(counted);
    }

    /// Whether this track crossed this line, either way, less than `recount_s` ago.
    pub fn same_track(&self, track: TrackId, at: Timestamp, recount_s: f64) -> bool {
        self.counted.iter().any(|c| c.track == track && seconds(c.at, at).abs() < recount_s)
    }

    /// Whether another track's vehicle was counted in the very place where this one is: two vehicles can't
    /// be there at once, so both tracks follow one. Only vehicles: people do walk abreast.
    /// `seen` says how the new track is now seen beside a counted one: if apart, then they are two that were
    /// taken for one when they crossed side by side.
    /// Gives how the two are seen; that they were within one another says more than that it is unclear.
    pub fn same_place(
        &self,
        new: &Passage,
        unit: f64,
        motor: bool,
        seen: impl Fn(TrackId) -> Seen,
    ) -> Option<Seen> {
        let is_there = |c: &&Counted| {
            let most_beside = match seen(c.track) {
                Seen::Apart => return false,
                Seen::Within => PART_BESIDE_UNITS,
                Seen::Unclear => SAME_BESIDE_UNITS,
            };
            let dt = seconds(c.at, new.at);
            let unit = unit.max(c.unit);
            let speed = c.velocity.x.hypot(c.velocity.y);
            if !(motor && c.motor && c.direction == new.direction && dt.abs() <= WINDOW_S && speed > 0.0) {
                return false;
            }
            let (dx, dy) =
                (new.place.x - c.place.x - dt * c.velocity.x, new.place.y - c.place.y - dt * c.velocity.y);
            let along = (dx * c.velocity.x + dy * c.velocity.y) / speed;
            let beside = (dy * c.velocity.x - dx * c.velocity.y) / speed;
            along.abs() <= SAME_ALONG_UNITS * unit && beside.abs() <= most_beside * unit
        };
        let there = self.counted.iter().filter(is_there).map(|c| seen(c.track));
        there.reduce(|a, b| if a == Seen::Within { a } else { b })
    }

    /// Whether somebody was counted about where and when this one would have crossed.
    pub fn explains(&self, new: &Passage, unit: f64) -> bool {
        self.counted.iter().any(|c| {
            c.direction == new.direction
                && seconds(c.at, new.at).abs() <= WINDOW_S
                && c.place.distance(new.place) <= unit.max(c.unit)
        })
    }

    /// Whether another track that ended before this one began crossed here just now: then both are one
    /// road user.
    pub fn broken(&self, new: &Passage, first_seen: Timestamp, unit: f64, motor: bool) -> bool {
        self.counted.iter().any(|c| {
            c.motor == motor
                && c.direction == new.direction
                && c.last_seen < first_seen
                && seconds(c.at, new.at).abs() <= WINDOW_S
                && {
                    // Where the counted road user would be on the way when the new one crosses.
                    let dt = seconds(c.at, new.at);
                    let moved = Point::new(c.place.x + dt * c.velocity.x, c.place.y + dt * c.velocity.y);
                    moved.distance(new.place) <= WINDOW_UNITS * unit.max(c.unit)
                }
        })
    }
}
