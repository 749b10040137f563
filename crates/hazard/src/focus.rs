//! Whether the picture is out of focus: fine steps of brightness are lost and the scene's own coarse ones are left. Fog takes both
//! alike, whatever is near and far; smoke makes coarse steps, which are none of the scene's; dirt takes all of some places.
//!
//! Fine steps are told by their mean squares (Tenengrad's measure; Pertuz, Puig and Garcia, Pattern Recognition 46, 2013): an
//! edge has the same mean step however soft it is, but not the same square. Coarse are the steps from cell to cell along the
//! same rows: fog by depth makes steps of its own down the picture, and none across. A sensor's noise, which no lens softens, is
//! taken off: a camera that turns its gain down in the morning loses fine steps as well.

use wayside_types::ViewSample;
use wayside_types::view::VIEW_BLOCKS;

use crate::parts::parts_of;
use crate::reference::{BlockShare, Look, Reference};

/// Parts whose steps are smaller, fine (root of the mean square) and coarse (mean), grey levels, tell nothing.
const LEAST_FINE: f32 = 3.0;
const LEAST_COARSE: f32 = 1.5;
/// A part is out of focus if no more than this share of the fine is left for each of the coarse. Fog and smoke leave about
/// as much of both.
const FINE_TO_COARSE: f32 = 0.8;
/// Of the coarse so much is left at least: of less nothing can be said.
const LEAST_LEFT: f32 = 0.1;
/// The square of a noise's steps for the square of its mean change, if it is normal: π / 2.
const NOISE_SQUARE: f32 = std::f32::consts::FRAC_PI_2;

/// What is known of the sharpness of a camera.
#[derive(Debug)]
pub struct Focus {
    reference: Reference,
    /// What the last frame showed, and each part of it against its reference.
    look: Option<Look>,
    shares: Option<Vec<BlockShare>>,
}

impl Default for Focus {
    fn default() -> Self {
        Self { reference: Reference::telling(LEAST_FINE, LEAST_COARSE), look: None, shares: None }
    }
}

impl Focus {
    /// Looks at a frame, of which `look` is known; `empty` is the empty scene in the same cells, and
    /// `noise` the change of a pixel from frame to frame that is the sensor's, grey levels.
    pub fn see(&mut self, view: &ViewSample, look: &Look, empty: &[f32], noise: f32) {
        (self.look, self.shares) = (None, None);
        if view.squares.len() != VIEW_BLOCKS.0 * VIEW_BLOCKS.1 || empty.len() != view.cells.means.len() {
            return;
        }
        let of_noise = NOISE_SQUARE * noise * noise;
        let fine = view.squares.iter().map(|square| (square - of_noise).max(0.0).sqrt()).collect();
        let (coarse, own) = coarse(view, empty);
        let look = look.with(fine, coarse, own);
        self.shares = self.reference.compare(&look);
        self.look = Some(look);
    }

    /// Learns from the frame that it saw last, with which nothing is wrong.
    pub fn learn(&mut self, dt_s: f64) {
        if let Some(look) = &self.look {
            self.reference.learn(look, dt_s);
        }
    }

    /// How many parts tell something, and the share of them that is out of focus: of whose fine steps less than `limit` is left.
    pub fn out(&self, limit: f32) -> Option<(usize, f64)> {
        let shares = self.shares.as_deref()?;
        let is_out =
            |s: &&BlockShare| s.edges < limit && s.own >= LEAST_LEFT && s.edges <= FINE_TO_COARSE * s.own;
        Some((shares.len(), shares.iter().filter(is_out).count() as f64 / shares.len().max(1) as f64))
    }
}

/// Mean step from cell to cell along rows in each block, grey levels, and as much of the empty scene's as is left in it, by least
/// squares.
fn coarse(view: &ViewSample, empty: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let cells = &view.cells;
    let mut sums = vec![Steps::default(); VIEW_BLOCKS.0 * VIEW_BLOCKS.1];
    parts_of((cells.columns, cells.rows), VIEW_BLOCKS, |part, indices| {
        // The last cell of a row has none to its right.
        let row_ends = (indices.start / cells.columns + 1) * cells.columns;
        let steps = indices.start..(indices.end + 1).min(row_ends);
        let (Some(now), Some(empty)) = (cells.means.get(steps.clone()), empty.get(steps)) else { return };
        for (now, empty) in now.windows(2).zip(empty.windows(2)) {
            let now = (f32::from(now[1]) - f32::from(now[0])) / 16.0;
            sums[part].add(now, empty[1] - empty[0]);
        }
    });
    sums.iter().map(|steps| (steps.now / steps.n.max(1.0), steps.own())).unzip()
}

/// Sums over the steps of a block.
#[derive(Debug, Clone, Copy, Default)]
struct Steps {
    n: f32,
    now: f32,
    empty: f32,
    both: f32,
    empty_square: f32,
}

impl Steps {
    fn add(&mut self, now: f32, empty: f32) {
        self.n += 1.0;
        self.now += now.abs();
        self.empty += empty.abs();
        self.both += now * empty;
        self.empty_square += empty * empty;
    }

    fn own(&self) -> f32 {
        (self.both / self.empty_square.max(1e-3)).max(0.0) * self.empty / self.n.max(1.0)
    }
}
