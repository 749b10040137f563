//! What is drawn: a street with a hazard, and the canary all over its frames.

use wayside_camsim::{Hazard, SceneKind, SceneSpec};
use wayside_types::frame::OwnedPixels;

use crate::canary::Canary;

pub(super) const FPS: u32 = 10;
/// Traffic before the first frame, so that the street is not empty.
pub(super) const AHEAD_S: u32 = 12;
/// Distance of canaries in the picture: any crop worth keeping holds one.
const GRID: (usize, usize) = (64, 36);

pub(super) fn scene() -> SceneSpec {
    // Somebody drives the wrong way, so that there is an incident to search.
    let hazards = vec![Hazard::WrongWay { from_s: f64::from(AHEAD_S) + 10.0 }];
    SceneSpec { fps: FPS, density: 1.5, hazards, ..SceneSpec::new(SceneKind::Arterial, 11) }
}

/// The frame's planes with the canary all over them: four rows high in the luma, so that a picture of it would
/// show it, too.
pub(super) fn plant(i420: &[u8], canary: &Canary) -> OwnedPixels {
    let (width, height) = (640, 360);
    let (luma, chroma) = i420.split_at(width * height);
    let (u, v) = chroma.split_at(chroma.len() / 2);
    let planted = |plane: &[u8], width: usize, rows: usize, grid: (usize, usize)| {
        let mut plane = plane.to_vec();
        let last = plane.len() / width - rows;
        for top in (0..=last).step_by(grid.1).chain([last]) {
            for left in (0..=width - canary.len()).step_by(grid.0).chain([width - canary.len()]) {
                for row in top..top + rows {
                    plane[row * width + left..][..canary.len()].copy_from_slice(canary);
                }
            }
        }
        (plane, width)
    };
    let half = (GRID.0 / 2, GRID.1 / 2);
    OwnedPixels::planar(vec![
        planted(luma, width, 4, GRID),
        planted(u, width / 2, 1, half),
        planted(v, width / 2, 1, half),
    ])
}
