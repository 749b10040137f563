//! A road user followed through consecutive frames of one camera. It lives in memory only and is gone
//! when the road user leaves the view; its id can be compared and hashed, and nothing else.

use std::fmt;

use crate::class::RoadUserClass;
use crate::geometry::{BBox, Point};
use crate::time::Timestamp;

/// Tells the tracks of one camera apart while they last. It has no `Serialize` and no `Display`, and its
/// `Debug` prints nothing, so that it can't end up in a file, a message or a log.
///
/// ```compile_fail,E0277
/// fn wants_serialize<T: serde::Serialize>() {}
/// wants_serialize::<wayside_types::TrackId>();
/// ```
///
/// ```compile_fail,E0277
/// fn wants_display<T: std::fmt::Display>() {}
/// wants_display::<wayside_types::TrackId>();
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TrackId(u64);

impl TrackId {
    /// The id after this one; a tracker starts at [`TrackId::FIRST`].
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    /// The first id a tracker gives.
    pub const FIRST: Self = Self(0);
}

impl fmt::Debug for TrackId {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

/// A track as it stands after a frame. Boxes and speeds are in pixels of the source frame.
#[derive(Debug, Clone)]
pub struct Track {
    /// Good for this camera and this moment.
    pub id: TrackId,
    /// The class most of its detections voted for, weighted by score.
    pub class: RoadUserClass,
    /// The class that came second in that vote, with its share of the votes, up to 0.5; `None` where all agreed.
    pub second: Option<(RoadUserClass, f32)>,
    /// The filtered box.
    pub bbox: BBox,
    /// The filtered reference point's speed, pixels a second.
    pub velocity_px_s: Point,
    /// Score of the detection that was last associated.
    pub score: f32,
    /// Whether a detection was associated in this very frame; otherwise the box is predicted.
    pub observed: bool,
    /// Whether it counts as a road user: enough detections have agreed, and it was detected well once or seen to move; or
    /// it is seen for the first time in this very frame, and unmistakably.
    pub confirmed: bool,
    /// When it was first detected.
    pub first_seen: Timestamp,
    /// When it was last detected.
    pub last_seen: Timestamp,
    /// Detections so far.
    pub hits: u32,
}

/// What a tracker says after one frame.
#[derive(Debug, Clone, Default)]
pub struct TrackUpdate {
    /// Every track that is alive: tentative, confirmed, and lost but still predicted.
    pub active: Vec<Track>,
    /// Tracks that ended with this frame.
    pub ended: Vec<Track>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_prints_nothing() {
        assert_eq!(format!("{:?}", TrackId::FIRST.next()), "");
    }
}
