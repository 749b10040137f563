//! Means of the luma plane in square cells: what the motion gate compares and what `hazard` is shown of a frame's
//! brightness. Only how a picture is cut and summed belongs here.

use multiversion::multiversion;
use wayside_types::{Frame, FrameSize, LumaCells, PixelFormat};

/// Cells across the picture, about: a cell of a picture 640 wide is 8 × 8 pixels.
const CELLS_ACROSS: usize = 80;
/// Rows of a cell that are read; more would tell no more than these do.
const ROWS_READ: usize = 8;
/// Cells of pictures 640 wide have sides of so many pixels: a row of such a cell is one word, and [`ROWS_READ`] of them add up to
/// less than 16 bits a quarter.
const WORD: usize = 8;
/// Fractional bits of a cell's mean.
pub(crate) const FRACTION: u32 = 4;

/// How a picture is cut into cells.
#[derive(Debug)]
pub(crate) struct Cells {
    pub size: FrameSize,
    /// Bytes from one pixel to the next, and of the first one's brightness.
    pixel: (usize, usize),
    /// Sides of a cell in pixels.
    side: usize,
    pub columns: usize,
    pub rows: usize,
    /// Sums of one row of cells, kept from frame to frame; where sides are [`WORD`] pixels, each in four parts of 16 bits.
    sums: Vec<u64>,
}

impl Cells {
    pub fn new(size: FrameSize, format: PixelFormat) -> Option<Self> {
        let (width, height) = (size.width as usize, size.height as usize);
        let side = width.div_ceil(CELLS_ACROSS).max(1);
        // What a last incomplete cell would cover at the right and at the bottom is left out.
        let (columns, rows) = (width / side, height / side);
        let pixel = match format {
            PixelFormat::I420 | PixelFormat::Nv12 => (1, 0),
            // Green is the best part of the brightness.
            PixelFormat::Rgb8 => (3, 1),
        };
        (columns > 0 && rows > 0).then(|| Self { size, pixel, side, columns, rows, sums: vec![0; columns] })
    }

    /// Writes the mean of each cell, in 1/16 grey levels; says whether the plane had all of them.
    pub fn means(&mut self, frame: &Frame, means: &mut [u16]) -> bool {
        let plane = frame.pixels.plane(0);
        let every = self.side.div_ceil(ROWS_READ);
        let read = self.side.div_ceil(every);
        let cell_bytes = self.side * self.pixel.0;
        for (row, means) in means.chunks_exact_mut(self.columns).enumerate() {
            self.sums.fill(0);
            for line in (0..self.side).step_by(every) {
                let first = (row * self.side + line) * plane.stride;
                let Some(line) = plane.data.get(first..first + self.columns * cell_bytes) else {
                    return false;
                };
                self.add_line(line, cell_bytes);
            }
            let pixels = (read * self.side) as u64;
            let whole = |sum: u64| if self.in_words() { quarters(sum).iter().sum() } else { sum };
            for (mean, &sum) in means.iter_mut().zip(&self.sums) {
                *mean = u16::try_from((whole(sum) << FRACTION) / pixels).unwrap_or(u16::MAX);
            }
        }
        true
    }

    /// These means with the shape that they are in.
    pub fn of(&self, means: &[u16]) -> LumaCells {
        LumaCells { columns: self.columns, rows: self.rows, side_px: self.side, means: means.to_vec() }
    }

    /// Whether a row of a cell is a word.
    fn in_words(&self) -> bool {
        self.pixel.0 == 1 && self.side == WORD
    }

    /// Plain sums of whole slices are what the compiler makes SIMD of.
    fn add_line(&mut self, line: &[u8], cell_bytes: usize) {
        if self.in_words() {
            return add_words(line.as_chunks().0, &mut self.sums);
        }
        let (stride, offset) = self.pixel;
        for (cell, sum) in line.chunks_exact(cell_bytes).zip(&mut self.sums) {
            *sum += if stride == 1 {
                u64::from(cell.iter().map(|&v| u32::from(v)).sum::<u32>())
            } else {
                cell.iter().skip(offset).step_by(stride).map(|&v| u64::from(v)).sum()
            };
        }
    }
}

/// Adds the sum of each word's bytes, in quarters: of each pair of neighbours.
#[multiversion(targets("x86_64+avx2"))]
fn add_words(words: &[[u8; WORD]], sums: &mut [u64]) {
    const EVERY_OTHER: u64 = 0x00ff_00ff_00ff_00ff;
    for (word, sum) in words.iter().zip(sums) {
        let word = u64::from_le_bytes(*word);
        *sum += (word & EVERY_OTHER) + ((word >> 8) & EVERY_OTHER);
    }
}

/// The four parts that a sum of words is in.
fn quarters(sum: u64) -> [u64; 4] {
    [0, 16, 32, 48].map(|bits| (sum >> bits) & 0xffff)
}
