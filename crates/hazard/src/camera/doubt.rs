//! How sure it is of a fault: suspected from its first frame once it lasts, over once it was not seen for some time.

use wayside_types::{IncidentKind, Reason, Timestamp};

use crate::seconds;

/// One odd frame is no suspicion: it must last this long, and then counts from its first frame.
pub(super) const SUSPECT_S: f64 = 0.5;
/// Pictures that repeat are common in streams; of those it takes more.
const SUSPECT_FROZEN_S: f64 = 1.0;
/// A fault is over when nothing was seen of it for this long.
const OVER_S: f64 = 3.0;

#[derive(Debug, Clone, Default)]
pub(super) struct Doubt {
    /// First and last frame that showed it.
    pub seen: Option<(Timestamp, Timestamp)>,
    /// From when on it may have been there.
    pub onset: Option<Timestamp>,
    pub why: Vec<Reason>,
    pub excess: f64,
}

/// What a frame shows of one fault.
pub(super) enum Evidence {
    /// It is there.
    There { why: Vec<Reason>, excess: f64, since: Option<Timestamp> },
    /// It can't be told.
    Untold,
    /// It is not.
    Absent,
}

pub(super) fn there(why: Vec<Reason>) -> Evidence {
    Evidence::There { why, excess: 0.0, since: None }
}

/// How long a fault must be seen before it is suspected.
fn suspect_s(kind: IncidentKind) -> f64 {
    if kind == IncidentKind::CameraFrozen { SUSPECT_FROZEN_S } else { SUSPECT_S }
}

impl Doubt {
    /// Takes a frame's evidence; says whether the fault is there.
    pub fn take(&mut self, kind: IncidentKind, at: Timestamp, evidence: Evidence) -> bool {
        match evidence {
            Evidence::There { why, excess, since } => {
                let first = self.seen.map_or(at, |(first, _)| first);
                self.seen = Some((first, at));
                self.onset.get_or_insert(since.unwrap_or(at));
                (self.why, self.excess) = (why, excess);
                return true;
            }
            Evidence::Untold => {}
            Evidence::Absent => {
                let over =
                    |(first, last)| seconds(first, last) < suspect_s(kind) || seconds(last, at) >= OVER_S;
                if self.seen.is_some_and(over) {
                    *self = Self::default();
                }
            }
        }
        false
    }

    pub fn suspected(&self, kind: IncidentKind) -> Option<Timestamp> {
        let (first, last) = self.seen?;
        self.onset.filter(|_| seconds(first, last) >= suspect_s(kind))
    }
}
