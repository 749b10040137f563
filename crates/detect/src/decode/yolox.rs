//! Layout `yolox_raw`: one row a grid cell, with offsets from the cell and sizes as logarithms (Ge et al.,
//! "YOLOX", arXiv 2107.08430; the export without `--decode_in_inference`). Scores went through the sigmoid
//! in the graph.

use super::{Candidate, Labels, around, kept};

/// Pixels a cell, in the order in which the grids follow each other.
const STRIDES: [u32; 3] = [8, 16, 32];

/// Cells of all three grids for an input of this size in pixels.
pub(crate) fn cells(width: u32, height: u32) -> usize {
    STRIDES.iter().map(|s| (width / s) as usize * (height / s) as usize).sum()
}

/// Decodes `predictions` [cells, 5 + labels] of one picture into input pixels.
#[expect(clippy::cast_precision_loss, reason = "grid indices are far below 2^24")]
pub(crate) fn decode(
    predictions: &[f32],
    row_len: usize,
    input: (u32, u32),
    labels: &Labels,
    min_score: f32,
    out: &mut Vec<Candidate>,
) {
    let mut rows = predictions.chunks_exact(row_len.max(5));
    for stride in STRIDES {
        let step = stride as f32;
        for cell_y in 0..input.1 / stride {
            for cell_x in 0..input.0 / stride {
                let Some(row) = rows.next() else { return };
                let objectness = row[4];
                // Most cells end here: no class score is above 1.
                if objectness < min_score || objectness.is_nan() {
                    continue;
                }
                let best = labels.best(|label| row.get(5 + label).map(|s| s * objectness));
                let Some((class, score)) = best.and_then(|(c, s)| Some((c, kept(s, min_score)?))) else {
                    continue;
                };
                let (cx, cy) = ((row[0] + cell_x as f32) * step, (row[1] + cell_y as f32) * step);
                let (w, h) = (row[2].exp() * step, row[3].exp() * step);
                out.push(Candidate { corners: around(cx, cy, w, h), class, score });
            }
        }
    }
}
