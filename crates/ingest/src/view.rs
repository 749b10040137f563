//! What a frame's brightness says of the camera itself, read off some rows of the luma plane: how sharp each part of
//! the picture is and how much it changed since the frame before. The cells come from [`crate::motion`], which has
//! them anyway. What is usual for a camera and what is a fault is `hazard`'s.

use wayside_types::view::VIEW_BLOCKS;
use wayside_types::{Frame, FrameSize, LumaCells, PixelFormat, ViewSample};

use crate::steps::Steps;

/// Rows read in each row of blocks; more cost time and tell no more.
const ROWS_A_BLOCK: usize = 8;
/// Edges are steps over this many pixels: one pixel's is mostly noise.
const STEP: usize = 2;

/// Reads a camera's frames one after another.
#[derive(Default)]
pub struct ViewMeter {
    rows: Option<Rows>,
    /// Where steps are wanted.
    steps: Option<Steps>,
}

impl std::fmt::Debug for ViewMeter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ViewMeter").finish_non_exhaustive()
    }
}

/// The rows of one frame that are compared with the next one's.
struct Rows {
    size: FrameSize,
    /// Row after row, one byte a pixel.
    before: Vec<u8>,
    row: Vec<u8>,
}

impl ViewMeter {
    /// A meter that also looks for the steepest step of every cell, for which every other row is read.
    #[must_use]
    pub fn with_steps() -> Self {
        Self { steps: Some(Steps::default()), ..Self::default() }
    }

    /// What the next frame shows; `cells` are those of the same frame. `None` for a frame without pixels or cells,
    /// or with fewer than its size says.
    pub fn sample(&mut self, frame: &Frame, cells: Option<LumaCells>) -> Option<ViewSample> {
        let cells = cells?;
        let width = frame.size.width as usize;
        if width < VIEW_BLOCKS.0 * 2 * STEP || (frame.size.height as usize) < VIEW_BLOCKS.1 {
            return None;
        }
        let known = self.rows.as_ref().is_some_and(|rows| rows.size == frame.size);
        if !known {
            let before = vec![0; width * VIEW_BLOCKS.1 * ROWS_A_BLOCK];
            self.rows = Some(Rows { size: frame.size, before, row: vec![0; width] });
        }
        let sums = self.rows.as_mut()?.read(frame)?;
        let per_block = (ROWS_A_BLOCK * (width / VIEW_BLOCKS.0)) as f32;
        let means = |sums: &[u32]| sums.iter().map(|&sum| sum as f32 / per_block).collect::<Vec<_>>();
        let mut changes = means(&sums.changes);
        changes.sort_by(f32::total_cmp);
        let change = changes.get(changes.len() / 4).copied().filter(|_| known);
        let change_most = changes.last().copied().filter(|_| known);
        let steps = match &mut self.steps {
            Some(steps) => steps.of(frame, &cells)?,
            None => Vec::new(),
        };
        let (edges, squares) = (means(&sums.edges), means(&sums.squares));
        Some(ViewSample { cells, edges, squares, steps, change, change_most })
    }

    /// Forgets the frame before.
    pub fn forget(&mut self) {
        self.rows = None;
    }
}

struct Sums {
    edges: Vec<u32>,
    squares: Vec<u32>,
    changes: Vec<u32>,
}

impl Rows {
    fn read(&mut self, frame: &Frame) -> Option<Sums> {
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        let plane = frame.pixels.plane(0);
        let block = width / VIEW_BLOCKS.0;
        let count = VIEW_BLOCKS.0 * VIEW_BLOCKS.1;
        let mut sums = Sums { edges: vec![0; count], squares: vec![0; count], changes: vec![0; count] };
        let wanted = VIEW_BLOCKS.1 * ROWS_A_BLOCK;
        for (index, before) in self.before.chunks_exact_mut(width).enumerate() {
            let y = (2 * index + 1) * height / (2 * wanted);
            match frame.format {
                PixelFormat::I420 | PixelFormat::Nv12 => {
                    self.row.copy_from_slice(plane.data.get(y * plane.stride..)?.get(..width)?);
                }
                // Green is the best part of the brightness.
                PixelFormat::Rgb8 => {
                    let line = plane.data.get(y * plane.stride..)?.get(..3 * width)?;
                    let green = line.iter().skip(1).step_by(3);
                    self.row.iter_mut().zip(green).for_each(|(to, &from)| *to = from);
                }
            }
            let first = index / ROWS_A_BLOCK * VIEW_BLOCKS.0;
            let places = sums.edges.iter_mut().zip(&mut sums.squares).zip(&mut sums.changes).skip(first);
            let parts = self.row.chunks_exact(block).zip(before.chunks_exact(block));
            for ((now, then), ((edges, squares), changes)) in parts.zip(places).take(VIEW_BLOCKS.0) {
                *edges += difference(&now[STEP..], now);
                *squares += squared(&now[STEP..], now);
                *changes += difference(now, then);
            }
            before.copy_from_slice(&self.row);
        }
        Some(sums)
    }
}

/// The sum of absolute differences; the compiler makes SIMD of it.
fn difference(a: &[u8], b: &[u8]) -> u32 {
    a.iter().zip(b).map(|(&a, &b)| u32::from(a.abs_diff(b))).sum()
}

/// The sum of squared differences, of no more pixels than a row of a block has: it does not overflow up to pictures of 16 k.
fn squared(a: &[u8], b: &[u8]) -> u32 {
    a.iter().zip(b).map(|(&a, &b)| (i32::from(a) - i32::from(b)).pow(2).cast_unsigned()).sum()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use wayside_types::frame::OwnedPixels;
    use wayside_types::{CameraId, MotionSettings, Timestamp};

    use super::*;
    use crate::MotionGate;

    fn frame(ms: u64, luma: impl Fn(usize, usize) -> u8) -> Frame {
        let size = FrameSize { width: 320, height: 180 };
        let data = (0..180).flat_map(|y| (0..320).map(move |x| (x, y))).map(|(x, y)| luma(x, y)).collect();
        let chroma = vec![128; 160 * 90];
        Frame {
            camera: CameraId::new("c").unwrap(),
            captured_at: Timestamp::UNIX_EPOCH,
            media_time: Duration::from_millis(ms),
            seq: 0,
            size,
            format: PixelFormat::I420,
            pixels: Arc::new(OwnedPixels::planar(vec![(data, 320), (chroma.clone(), 160), (chroma, 160)])),
        }
    }

    fn samples(frames: &[Frame]) -> Vec<ViewSample> {
        let mut gate = MotionGate::new(MotionSettings { gate: false, ..MotionSettings::default() });
        let mut meter = ViewMeter::with_steps();
        frames
            .iter()
            .map(|frame| {
                assert!(gate.must_look(frame));
                meter.sample(frame, gate.cells()).unwrap()
            })
            .collect()
    }

    #[test]
    fn edges_and_changes_are_told_where_they_are() {
        // Stripes of 4 pixels in the right half only; the second frame differs in the top left corner.
        let stripes = |x: usize| if x >= 160 && (x / 4).is_multiple_of(2) { 180 } else { 80 };
        let first = frame(0, |x, _| stripes(x));
        let second = frame(100, |x, y| stripes(x) + if x < 40 && y < 40 { 30 } else { 0 });
        let [a, b] = samples(&[first, second]).try_into().unwrap();
        assert_eq!(a.change, None);
        assert!(a.edges[0].abs() < 1e-6 && a.edges[15] > 20.0, "{:?}", &a.edges[..16]);
        // Steps of 100 or none.
        assert!((a.squares[15] - 100.0 * a.edges[15]).abs() < 1.0 && a.squares[0].abs() < 1e-6);
        assert_eq!(b.change, Some(0.0));
        assert!((b.change_most.unwrap() - 30.0).abs() < 1e-3);
        assert_eq!((b.cells.columns, b.cells.rows, b.cells.side_px), (80, 45, 4));
        assert_eq!(b.cells.means[0], 110 * 16);
        // Stripes of 4 pixels have a step of 100 in every cell, the even half has none but where the corner ends.
        assert_eq!(
            (a.steps[0], a.steps[45], a.steps[79]),
            (0, 100, 0),
            "the last cell ends before the next stripe"
        );
        assert_eq!((b.steps[9], b.steps[10], b.steps[8]), (30, 0, 0));
    }

    #[test]
    fn a_plane_that_is_too_short_is_no_sample() {
        let mut short = frame(0, |_, _| 90);
        short.pixels = Arc::new(OwnedPixels::planar(vec![(vec![0; 1000], 320)]));
        let cells = samples(&[frame(0, |_, _| 90)])[0].cells.clone();
        assert_eq!(ViewMeter::default().sample(&short, Some(cells)), None);
    }
}
