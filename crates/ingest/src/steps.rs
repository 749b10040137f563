//! The steepest step of brightness in each cell of the picture: what tells a thing with edges from a shadow or a patch
//! of light without. Read off every other row of the luma plane in one pass.

use wayside_types::{Frame, LumaCells, PixelFormat};

/// Rows of a cell that are read, each compared with the next of them.
const ROWS_READ: usize = 4;

/// Memory that is used again for each frame.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    row: Vec<u8>,
    next: Vec<u8>,
    largest: Vec<u8>,
}

impl Steps {
    /// The largest step in each cell; `None` for a frame with fewer rows than its cells say.
    pub fn of(&mut self, frame: &Frame, cells: &LumaCells) -> Option<Vec<u8>> {
        let (side, width) = (cells.side_px, cells.columns * cells.side_px);
        let apart = (side / ROWS_READ).max(1);
        let mut steps = vec![0; cells.columns * cells.rows];
        self.largest.resize(width, 0);
        for (row, steps) in steps.chunks_exact_mut(cells.columns).enumerate() {
            read(frame, row * side, width, &mut self.row)?;
            self.largest.fill(0);
            for line in (0..side).step_by(apart) {
                // The step out of the last row of the picture leads back into it.
                let below = (row * side + line + apart).min(frame.size.height as usize - 1);
                read(frame, below, width, &mut self.next)?;
                note(&mut self.largest, &self.row, &self.next, apart);
                std::mem::swap(&mut self.row, &mut self.next);
            }
            for (step, cell) in steps.iter_mut().zip(self.largest.chunks_exact(side)) {
                *step = cell.iter().copied().fold(0, u8::max);
            }
        }
        Some(steps)
    }
}

/// Takes the steps from one row to the right and down; the compiler makes SIMD of it.
fn note(largest: &mut [u8], row: &[u8], below: &[u8], apart: usize) {
    let right = row.get(apart..).unwrap_or_default().iter().zip(row);
    for (most, (a, b)) in largest.iter_mut().zip(right) {
        *most = (*most).max(a.abs_diff(*b));
    }
    for (most, (a, b)) in largest.iter_mut().zip(row.iter().zip(below)) {
        *most = (*most).max(a.abs_diff(*b));
    }
}

fn read(frame: &Frame, y: usize, width: usize, row: &mut Vec<u8>) -> Option<()> {
    let plane = frame.pixels.plane(0);
    row.clear();
    match frame.format {
        PixelFormat::I420 | PixelFormat::Nv12 => {
            row.extend_from_slice(plane.data.get(y * plane.stride..)?.get(..width)?);
        }
        // Green is the best part of the brightness.
        PixelFormat::Rgb8 => {
            let line = plane.data.get(y * plane.stride..)?.get(..3 * width)?;
            row.extend(line.iter().skip(1).step_by(3));
        }
    }
    Some(())
}
