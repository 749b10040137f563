//! What a detector says of one frame: a box, a class and a score, and nothing that could tell one
//! individual from another.

use crate::class::RoadUserClass;
use crate::geometry::BBox;

/// One road user in one frame. Memory only: it has no `Serialize`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// Where, in pixels of the source frame.
    pub bbox: BBox,
    /// What.
    pub class: RoadUserClass,
    /// How sure, 0 to 1.
    pub score: f32,
}
