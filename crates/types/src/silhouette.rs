//! A motion silhouette: which cells of a camera's picture look different from the empty road, and nothing else of them.
//! No detector has a part in it, so that a person can tally what a detector missed. It lives in memory for as long as a
//! page looks at it. How large cells must be is `redact`'s to say, which of them differ `ingest`'s to see.

use std::fmt;
use std::sync::Arc;

use crate::frame::FrameSize;
use crate::time::Timestamp;

/// A row of square cells, beginning at the picture's left edge. What is left at the right, less than a cell, is in none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SilhouetteBand {
    /// First row of pixels.
    pub top_px: u32,
    /// Width and height of a cell in pixels.
    pub side_px: u32,
    /// Cells across.
    pub columns: u32,
}

/// How a picture is cut into cells: bands of them from top to bottom. Rows above the first band, where the road
/// is beyond the horizon, have none, nor have those below the last, which are fewer than a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SilhouetteGrid {
    /// The picture that is cut: the running background's, which is smaller than the camera's frames.
    pub size: FrameSize,
    /// From top to bottom, one after another.
    pub bands: Vec<SilhouetteBand>,
}

impl SilhouetteGrid {
    /// Cells in all.
    #[must_use]
    pub fn cells(&self) -> usize {
        self.bands.iter().map(|band| band.columns as usize).sum()
    }
}

/// The silhouette of a moment.
#[derive(Clone, PartialEq)]
pub struct Silhouette {
    /// Capture time of the frame.
    pub at: Timestamp,
    /// How the picture was cut.
    pub grid: Arc<SilhouetteGrid>,
    /// Whether each cell differs from the empty road, band by band, from left to right.
    pub cells: Vec<bool>,
    /// Share of the picture whose empty road is known, 0 to 1; elsewhere no cell is set.
    pub known_share: f32,
}

impl fmt::Debug for Silhouette {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Silhouette").field("at", &self.at).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_shows_is_not_printed() {
        let band = SilhouetteBand { top_px: 2, side_px: 4, columns: 3 };
        let grid = SilhouetteGrid { size: FrameSize { width: 14, height: 6 }, bands: vec![band; 2] };
        assert_eq!(grid.cells(), 6);
        let at = Timestamp::UNIX_EPOCH;
        let seen = |cells| Silhouette { at, grid: Arc::new(grid.clone()), cells, known_share: 1.0 };
        assert_eq!(format!("{:?}", seen(vec![true; 6])), format!("{:?}", seen(vec![false; 6])));
    }
}
