//! What `measure` says of the road users of one camera: that somebody of some class crossed a line or
//! made a movement, and when; how long lines were occupied, and what zones were like. An event carries no track id
//! and no box; `binner` turns events into bins.

use jiff::SignedDuration;
use wayside_types::{Direction, Evidence, LineId, RoadUserClass, Timestamp, ZoneId};

/// Something that counts.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A line was crossed.
    Crossing(Crossing),
    /// A road user entered by one line and left by another.
    Movement(Movement),
    /// A road user entered by a line and was lost from sight: where it left is not known, and not guessed.
    Lost(Lost),
    /// Vehicles were over a line.
    Presence(Presence),
    /// What a zone was like.
    Zone(ZoneMoment),
    /// Signs by which a line's count may be wrong.
    Noted(Noted),
}

/// What was noted of a crossing, or of somebody who was nearly counted.
#[derive(Debug, Clone, PartialEq)]
pub struct Noted {
    /// At which line.
    pub line: LineId,
    /// Which way.
    pub direction: Direction,
    /// Of what class.
    pub class: RoadUserClass,
    /// When; at most [`crate::MAX_LATENESS`] before the frame that it was reported with.
    pub at: Timestamp,
    /// What.
    pub evidence: Evidence,
}

/// One road user that crossed one line and was lost before another, inside of the picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Lost {
    /// The line it crossed.
    pub line: LineId,
    /// Of what class.
    pub class: RoadUserClass,
    /// When it was last seen; at most [`crate::MAX_LATENESS`] before the frame that it was reported with.
    pub at: Timestamp,
}

/// For how long since the frame before vehicles of a class were over a line.
#[derive(Debug, Clone, PartialEq)]
pub struct Presence {
    /// Which line.
    pub line: LineId,
    /// Which way they go.
    pub direction: Direction,
    /// Of what class.
    pub class: RoadUserClass,
    /// When the frame was taken.
    pub at: Timestamp,
    /// Their part of the time since the frame before, seconds.
    pub seconds: f64,
}

/// What a zone was like since the frame before: cars, buses and lorries only.
#[derive(Debug, Clone, PartialEq)]
pub struct ZoneMoment {
    /// Which zone.
    pub zone: ZoneId,
    /// When the frame was taken.
    pub at: Timestamp,
    /// Time since the frame before, seconds; 0 where that was not watched.
    pub seconds: f64,
    /// Share of the zone's area that they stood on, 0 to 1.
    pub share: f64,
    /// How many were in it.
    pub vehicles: u32,
    /// How long the zone is along its traffic, metres, where calibrated.
    pub length_m: Option<f64>,
    /// The longest queue, where the zone has any: metres and vehicles.
    pub queue: Option<(f64, u32)>,
    /// What those who left lost in it against free flow, seconds each, in no order.
    pub lost_s: Vec<f64>,
}

/// One crossing of one line.
#[derive(Debug, Clone, PartialEq)]
pub struct Crossing {
    /// Which line.
    pub line: LineId,
    /// Which way.
    pub direction: Direction,
    /// Of what class.
    pub class: RoadUserClass,
    /// When the reference point was on the line; at most [`crate::MAX_LATENESS`] before the frame that
    /// it was reported with.
    pub at: Timestamp,
    /// How fast on the ground, m/s, where calibration and path allow to say so.
    pub speed_mps: Option<f64>,
}

/// One movement from line to line.
#[derive(Debug, Clone, PartialEq)]
pub struct Movement {
    /// The line crossed first.
    pub from: LineId,
    /// The line crossed last.
    pub to: LineId,
    /// Of what class.
    pub class: RoadUserClass,
    /// When the last line was crossed; at most [`crate::MAX_LATENESS`] before the frame that it was
    /// reported with.
    pub at: Timestamp,
}

impl Event {
    /// When it happened.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        match self {
            Self::Crossing(c) => c.at,
            Self::Movement(m) => m.at,
            Self::Lost(l) => l.at,
            Self::Presence(p) => p.at,
            Self::Zone(z) => z.at,
            Self::Noted(n) => n.at,
        }
    }

    /// The same event at another time: so much later, or at `limit` where that is out of range.
    pub fn shift(&mut self, by: SignedDuration, limit: Timestamp) {
        let at = match self {
            Self::Crossing(c) => &mut c.at,
            Self::Movement(m) => &mut m.at,
            Self::Lost(l) => &mut l.at,
            Self::Presence(p) => &mut p.at,
            Self::Zone(z) => &mut z.at,
            Self::Noted(n) => &mut n.at,
        };
        *at = at.checked_add(by).unwrap_or(limit);
    }
}
