//! Vehicles that stand: where one stood is where it is for as long as its box holds what it held then. People who walk past
//! before it, or a shadow, only make its box larger, and its reference point would step over a line that it waits at.

use wayside_types::{BBox, Timestamp, Track};

use crate::path::seconds;

/// A vehicle whose box overlaps the one that it had so much (intersection over union) has not moved since …
const SAME_IOU: f32 = 0.9;
/// … and for so long, seconds, it stands.
const STANDS_S: f64 = 2.0;
/// One that stood still stands where at least this share of the box that it had is within the one that it has …
const HELD_SHARE: f32 = 0.92;
/// … which is not both wider and higher by more than this: what comes nearer is.
const HELD_GROWTH: f32 = 1.2;

/// Where a vehicle is, and since when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rest {
    since: Timestamp,
    bbox: BBox,
}

impl Rest {
    pub const fn new(track: &Track) -> Self {
        Self { since: track.last_seen, bbox: track.bbox }
    }

    /// The box to judge a vehicle's place by, given the one that it is detected with now: that with which it came to
    /// stand as long as it does.
    pub fn place(&mut self, track: &Track) -> BBox {
        let (was, is) = (self.bbox, track.bbox);
        let stands = seconds(self.since, track.last_seen) >= STANDS_S;
        let held = was.intersection(&is) >= HELD_SHARE * was.area();
        let growth = (is.width() / was.width()).min(is.height() / was.height());
        if stands && held && growth <= HELD_GROWTH {
            return was;
        }
        if was.iou(&is) < SAME_IOU {
            *self = Self::new(track);
        }
        is
    }
}
