//! The running background picture on which the live view is based: what a camera sees when nobody is there.
//! Pixels inside a grown detection box never enter, a pixel never seen free stays unknown. Pure; bringing the
//! picture to the scale that may be shown, and one more detector pass over it, are `redact`'s and `engine`'s.
//!
//! [`reduce`] makes the small picture and its mask, [`median`] remembers samples, [`shape`] says where a frame differs.

mod median;
mod reduce;
mod shape;

use wayside_types::{BBox, Frame, FrameSize, PixelFormat};

use self::median::Samples;
use self::reduce::{Grid, Mask, Matrix, RowSums};
pub use self::shape::Shape;

/// Widest background there is, in pixels.
pub const MAX_WIDTH_PX: u32 = 480;
/// How much a box is grown on every side, as a share of its width and height.
const GROWTH: f32 = 0.2;
/// Once a pixel has all its samples, only every so many updates give it a new one: at one update a second
/// the median then spans a minute, which a walker whom the detector missed does not fill.
const SPACING: u64 = 4;
/// Grey of what was never seen free.
const UNKNOWN_GREY: u8 = 128;

/// The running median of one camera, of at most 480 pixels across.
///
/// Each pixel is the median of its last 15 samples, so that it settles within a few updates and
/// up to seven wrong samples of fifteen do no harm. At 480×270 it takes about 3.3 MB.
pub struct Background {
    max_width_px: u32,
    running: Option<Running>,
}

struct Running {
    source: FrameSize,
    grid: Grid,
    mask: Mask,
    /// Y of the whole small picture, U and V of half its width and height.
    planes: [Samples; 3],
    updates: u64,
    sums: RowSums,
    /// The median brightness, once it was wanted, until the next sample.
    luma: Option<Vec<u8>>,
}

/// The background as it stands. Pixels without `known` are grey.
#[derive(Clone, PartialEq, Eq)]
pub struct BackgroundView {
    /// Its size in pixels.
    pub size: FrameSize,
    /// Size of the frames that it was made of.
    pub source: FrameSize,
    /// Packed R, G, B, `3 * width` bytes a row.
    pub rgb: Vec<u8>,
    /// Whether each pixel was ever seen free.
    pub known: Vec<bool>,
}

impl std::fmt::Debug for BackgroundView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BackgroundView").field("size", &self.size).finish_non_exhaustive()
    }
}

impl BackgroundView {
    /// The share of pixels that were seen free, 0 to 1.
    #[must_use]
    pub fn known_share(&self) -> f64 {
        let known = self.known.iter().filter(|&&known| known).count();
        known as f64 / self.known.len().max(1) as f64
    }
}

impl Background {
    /// An unknown background of at most this width, held to 1 to 480 pixels. It is never wider than the frames.
    #[must_use]
    pub fn new(max_width_px: u32) -> Self {
        Self { max_width_px: max_width_px.clamp(1, MAX_WIDTH_PX), running: None }
    }

    /// Takes a frame's free pixels; meant to be called about once a second. `boxes` are all detections of the
    /// frame in its pixels; they are grown by 20 % a side here. A pixel of the background enters only if
    /// none of the source pixels it is averaged from, chroma included, lies in a grown box. A frame of
    /// another size starts the background anew. A frame with a box that is not finite is left out whole, as is one
    /// whose planes are shorter than its size says.
    pub fn update(&mut self, frame: &Frame, boxes: &[BBox]) {
        if frame.size.width == 0 || frame.size.height == 0 {
            return;
        }
        let finite = |b: &BBox| [b.x1, b.y1, b.x2, b.y2].iter().all(|v| v.is_finite());
        if !boxes.iter().all(finite) {
            return;
        }
        let max_width_px = self.max_width_px;
        let running = match &mut self.running {
            Some(running) if running.source == frame.size => running,
            other => other.insert(Running::new(frame.size, max_width_px)),
        };
        running.update(frame, boxes);
    }

    /// The background as it stands; `None` before the first frame.
    #[must_use]
    pub fn view(&self) -> Option<BackgroundView> {
        self.running.as_ref().map(Running::view)
    }

    /// Forgets everything: the scene is another one.
    pub fn restart(&mut self) {
        self.running = None;
    }

    /// Bytes held for samples and masks.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.running.as_ref().map_or(0, |running| {
            running.planes.iter().map(Samples::memory_bytes).sum::<usize>() + running.mask.memory_bytes()
        })
    }
}

impl Running {
    fn new(source: FrameSize, max_width_px: u32) -> Self {
        let grid = Grid::new(source, max_width_px);
        let planes = [grid.luma_len(), grid.chroma_len(), grid.chroma_len()].map(Samples::new);
        Self {
            source,
            mask: Mask::new(&grid),
            grid,
            planes,
            updates: 0,
            sums: RowSums::default(),
            luma: None,
        }
    }

    fn update(&mut self, frame: &Frame, boxes: &[BBox]) {
        let Some(source) = reduce::Source::of(frame) else { return };
        self.mask.clear();
        for bbox in boxes {
            self.mask.cover(&self.grid, &bbox.grown(GROWTH));
        }
        let refresh = self.updates.is_multiple_of(SPACING);
        self.updates += 1;
        self.luma = None;
        let (grid, mask) = (&self.grid, &self.mask);
        let [y, u, v] = &mut self.planes;
        let (columns, rows) = grid.luma();
        for (row, &span) in rows.iter().enumerate() {
            let first = row * columns.len();
            if (first..first + columns.len()).all(|index| mask.luma(index) || !y.wants(index, refresh)) {
                continue;
            }
            source.sum_luma_rows(span, &mut self.sums);
            for (index, &column) in (first..).zip(columns) {
                if !mask.luma(index) && y.wants(index, refresh) {
                    y.push(index, source.luma(&self.sums, column));
                }
            }
        }
        let (columns, rows) = grid.chroma();
        for (row, &span) in rows.iter().enumerate() {
            let first = row * columns.len();
            if (first..first + columns.len()).all(|index| mask.chroma(index) || !u.wants(index, refresh)) {
                continue;
            }
            source.sum_chroma_rows(span, &mut self.sums);
            for (index, &column) in (first..).zip(columns) {
                if !mask.chroma(index) && u.wants(index, refresh) {
                    let [cb, cr] = source.chroma(&self.sums, column);
                    u.push(index, cb);
                    v.push(index, cr);
                }
            }
        }
    }

    fn view(&self) -> BackgroundView {
        let [y, u, v] = self.planes.each_ref().map(Samples::medians);
        let size = self.grid.size();
        let matrix = Matrix::usual_for(self.source);
        let mut rgb = Vec::with_capacity(y.len() * 3);
        let mut known = Vec::with_capacity(y.len());
        for (index, &luma) in y.iter().enumerate() {
            let chroma = self.grid.chroma_of(index);
            let seen = self.planes[0].is_known(index) && self.planes[1].is_known(chroma);
            known.push(seen);
            rgb.extend(if seen { matrix.to_rgb([luma, u[chroma], v[chroma]]) } else { [UNKNOWN_GREY; 3] });
        }
        BackgroundView { size, source: self.source, rgb, known }
    }
}

/// A frame's picture at this width or its own, whichever is less, keeping its shape: packed R, G, B of the size that comes
/// with it, each pixel the mean of those it covers. `None` for a frame whose planes are shorter than its size says.
#[must_use]
pub fn reduced(frame: &Frame, width_px: u32) -> Option<(FrameSize, Vec<u8>)> {
    if frame.size.width == 0 || frame.size.height == 0 {
        return None;
    }
    let source = reduce::Source::of(frame)?;
    let grid = Grid::new(frame.size, width_px.clamp(1, MAX_WIDTH_PX));
    let mut sums = RowSums::default();
    let mut chroma = Vec::with_capacity(grid.chroma_len());
    let (columns, rows) = grid.chroma();
    for &row in rows {
        source.sum_chroma_rows(row, &mut sums);
        chroma.extend(columns.iter().map(|&column| source.chroma(&sums, column)));
    }
    let matrix = Matrix::usual_for(frame.size);
    let mut rgb = Vec::with_capacity(grid.luma_len() * 3);
    let (columns, rows) = grid.luma();
    for &row in rows {
        source.sum_luma_rows(row, &mut sums);
        for &column in columns {
            let [u, v] = chroma[grid.chroma_of(rgb.len() / 3)];
            rgb.extend(matrix.to_rgb([source.luma(&sums, column), u, v]));
        }
    }
    Some((grid.size(), rgb))
}

/// Bytes of one row of each plane, for checking that a frame holds what it says.
fn row_bytes(format: PixelFormat, size: FrameSize) -> [(usize, usize); 3] {
    let (w, h) = (size.width as usize, size.height as usize);
    let (cw, ch) = (w.div_ceil(2), h.div_ceil(2));
    match format {
        PixelFormat::I420 => [(w, h), (cw, ch), (cw, ch)],
        PixelFormat::Nv12 => [(w, h), (2 * cw, ch), (0, 0)],
        PixelFormat::Rgb8 => [(3 * w, h), (0, 0), (0, 0)],
    }
}

#[cfg(test)]
mod tests;
