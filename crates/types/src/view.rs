//! What a frame's brightness says of the camera itself: means of cells and how sharp the picture is. `ingest` reads
//! it off the luma plane, `hazard` compares it with what the camera usually shows. Memory only; a cell of a picture
//! 640 wide is 8 × 8 pixels, in which nobody can be made out.

/// Means of the luma plane in square cells, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct LumaCells {
    /// Cells across.
    pub columns: usize,
    /// Cells down.
    pub rows: usize,
    /// Sides of a cell in pixels of the frame.
    pub side_px: usize,
    /// `columns * rows` means in 1/16 grey levels.
    pub means: Vec<u16>,
}

/// How many blocks across and down sharpness is told in.
pub const VIEW_BLOCKS: (usize, usize) = (16, 9);

/// What one frame shows of the camera.
#[derive(Debug, Clone, PartialEq)]
pub struct ViewSample {
    /// Brightness.
    pub cells: LumaCells,
    /// Mean step from a pixel to the next but one along rows, grey levels, in [`VIEW_BLOCKS`] blocks row by row.
    pub edges: Vec<f32>,
    /// Mean square of the same steps, grey levels squared, in the same blocks. One edge of a height has the same mean step however
    /// soft it is, and the smaller a square the softer; empty where it was not read.
    pub squares: Vec<f32>,
    /// Steepest step of each cell, grey levels: the largest difference of two pixels that are about a quarter of its
    /// side apart, across or down. In the cells' order; empty where nothing wants them.
    pub steps: Vec<u8>,
    /// Mean change of a pixel since the frame before, grey levels; `None` for the first.
    pub change: Option<f32>,
    /// The same in the block that changed most.
    pub change_most: Option<f32>,
}
