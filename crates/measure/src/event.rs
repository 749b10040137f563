//! What `measure` says of the road users of one camera: that somebody of some class crossed a line or
//! made a movement, and when. An event carries no track id and no box; `binner` turns events into bins.

use wayside_types::{Direction, LineId, RoadUserClass, Timestamp};

/// Something that counts.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A line was crossed.
    Crossing(Crossing),
    /// A road user entered by one line and left by another.
    Movement(Movement),
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
        }
    }
}
