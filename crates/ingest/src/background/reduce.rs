//! The small picture: which source pixels each of its pixels is averaged from, which of them are free, and
//! the averages. A pixel's footprint is whole source pixels, and whole chroma samples, so that nothing of a
//! covered pixel can leak into its neighbours.

use wayside_types::{BBox, Frame, FrameSize, PixelFormat, Plane};

use super::row_bytes;

/// A half-open range of source pixels or chroma samples along one axis.
pub(super) type Span = (usize, usize);

/// Footprints of the small picture's pixels, axis by axis.
pub(super) struct Grid {
    size: FrameSize,
    source: FrameSize,
    /// In source pixels.
    luma: [Vec<Span>; 2],
    /// In chroma samples, each of 2 × 2 source pixels.
    chroma: [Vec<Span>; 2],
}

impl Grid {
    /// The grid of at most this width for frames of this size, keeping their shape.
    pub fn new(source: FrameSize, max_width_px: u32) -> Self {
        let width = source.width.min(max_width_px);
        let height = (u64::from(source.height) * u64::from(width)).div_ceil(u64::from(source.width).max(1));
        let height = u32::try_from(height).unwrap_or(u32::MAX).clamp(1, source.height);
        let axis = |small: u32, whole: u32| luma_spans(small as usize, whole as usize);
        let luma = [axis(width, source.width), axis(height, source.height)];
        let chroma = luma.each_ref().map(|spans| chroma_spans(spans));
        Self { size: FrameSize { width, height }, source, luma, chroma }
    }

    pub fn size(&self) -> FrameSize {
        self.size
    }

    pub fn luma_len(&self) -> usize {
        self.luma[0].len() * self.luma[1].len()
    }

    pub fn chroma_len(&self) -> usize {
        self.chroma[0].len() * self.chroma[1].len()
    }

    /// Footprints of columns and of rows, in source pixels.
    pub fn luma(&self) -> (&[Span], &[Span]) {
        (&self.luma[0], &self.luma[1])
    }

    /// Footprints of chroma columns and rows, in chroma samples.
    pub fn chroma(&self) -> (&[Span], &[Span]) {
        (&self.chroma[0], &self.chroma[1])
    }

    /// The chroma pixel that colours a pixel.
    pub fn chroma_of(&self, index: usize) -> usize {
        let width = self.luma[0].len();
        (index / width / 2) * self.chroma[0].len() + (index % width) / 2
    }
}

fn luma_spans(small: usize, whole: usize) -> Vec<Span> {
    (0..small).map(|i| (i * whole / small, ((i + 1) * whole).div_ceil(small))).collect()
}

/// Pairs of luma spans in chroma samples: all those that the pair's pixels touch.
fn chroma_spans(luma: &[Span]) -> Vec<Span> {
    luma.chunks(2).map(|pair| (pair[0].0 / 2, pair[pair.len() - 1].1.div_ceil(2))).collect()
}

/// Which pixels of the small picture are covered by a road user.
pub(super) struct Mask {
    luma: Vec<bool>,
    chroma: Vec<bool>,
}

impl Mask {
    pub fn new(grid: &Grid) -> Self {
        Self { luma: vec![false; grid.luma_len()], chroma: vec![false; grid.chroma_len()] }
    }

    pub fn clear(&mut self) {
        self.luma.fill(false);
        self.chroma.fill(false);
    }

    pub fn luma(&self, index: usize) -> bool {
        self.luma[index]
    }

    pub fn chroma(&self, index: usize) -> bool {
        self.chroma[index]
    }

    pub fn memory_bytes(&self) -> usize {
        self.luma.len() + self.chroma.len()
    }

    /// Covers every pixel whose footprint touches the box, which is in source pixels.
    pub fn cover(&mut self, grid: &Grid, bbox: &BBox) {
        let columns = touched(bbox.x1, bbox.x2, grid.source.width);
        let rows = touched(bbox.y1, bbox.y2, grid.source.height);
        fill(&mut self.luma, &grid.luma, [columns, rows], 1);
        fill(&mut self.chroma, &grid.chroma, [columns, rows], 2);
    }
}

/// The source pixels that a box touches along one axis; empty when it lies outside.
fn touched(from: f32, to: f32, whole: u32) -> Span {
    let whole = whole as usize;
    // Casts of floats saturate: what lies outside the picture ends at its edge.
    let start = from.floor().max(0.0) as usize;
    let end = if to < 0.0 { 0 } else { (to.ceil() as usize).max(start.saturating_add(1)) };
    (start.min(whole), end.min(whole))
}

/// Sets the rectangle of pixels whose footprints, `scale` source pixels a unit, touch the columns and rows.
fn fill(mask: &mut [bool], spans: &[Vec<Span>; 2], touched: [Span; 2], scale: usize) {
    let range = |axis: usize| {
        let (start, end) = touched[axis];
        let from = spans[axis].partition_point(|span| span.1 * scale <= start);
        let to = spans[axis].partition_point(|span| span.0 * scale < end);
        from..if start < end { to } else { from }
    };
    let (columns, rows) = (range(0), range(1));
    if columns.is_empty() {
        return;
    }
    for row in rows {
        mask[row * spans[0].len()..][columns.clone()].fill(true);
    }
}

/// A frame whose planes were found to be as large as its size says.
pub(super) struct Source<'a> {
    format: PixelFormat,
    size: FrameSize,
    planes: Vec<Plane<'a>>,
    matrix: Matrix,
}

impl<'a> Source<'a> {
    /// The frame's planes; `None` if one is too short.
    pub fn of(frame: &'a Frame) -> Option<Self> {
        let rows = row_bytes(frame.format, frame.size);
        let planes: Vec<_> = (0..frame.format.planes()).map(|index| frame.pixels.plane(index)).collect();
        let whole = planes.iter().zip(rows).all(|(plane, (bytes, rows))| {
            plane.stride >= bytes && plane.data.len() >= plane.stride * (rows.max(1) - 1) + bytes
        });
        let matrix = Matrix::usual_for(frame.size);
        whole.then_some(Self { format: frame.format, size: frame.size, planes, matrix })
    }

    /// Adds up these rows of source pixels, for [`Source::luma`].
    pub fn sum_luma_rows(&self, rows: Span, sums: &mut RowSums) {
        sums.rows = rows.1 - rows.0;
        self.sum_rows(0, rows, &mut sums.first);
    }

    /// Adds up these rows of chroma samples, for [`Source::chroma`].
    pub fn sum_chroma_rows(&self, rows: Span, sums: &mut RowSums) {
        sums.rows = rows.1 - rows.0;
        match self.format {
            PixelFormat::I420 => {
                self.sum_rows(1, rows, &mut sums.first);
                self.sum_rows(2, rows, &mut sums.second);
            }
            PixelFormat::Nv12 => self.sum_rows(1, rows, &mut sums.first),
            PixelFormat::Rgb8 => {
                let rows = in_pixels(rows, self.size.height);
                self.sum_luma_rows(rows, sums);
            }
        }
    }

    /// Mean luma of a footprint: these columns of source pixels in rows that were added up.
    pub fn luma(&self, sums: &RowSums, columns: Span) -> u8 {
        match self.format {
            PixelFormat::I420 | PixelFormat::Nv12 => mean::<1>(&sums.first, columns, sums.rows)[0],
            PixelFormat::Rgb8 => self.matrix.to_yuv(mean::<3>(&sums.first, columns, sums.rows))[0],
        }
    }

    /// Mean U and V of a footprint: these columns of chroma samples in rows that were added up.
    pub fn chroma(&self, sums: &RowSums, columns: Span) -> [u8; 2] {
        match self.format {
            PixelFormat::I420 => {
                [&sums.first, &sums.second].map(|plane| mean::<1>(plane, columns, sums.rows)[0])
            }
            PixelFormat::Nv12 => mean::<2>(&sums.first, columns, sums.rows),
            PixelFormat::Rgb8 => {
                let columns = in_pixels(columns, self.size.width);
                let [_, u, v] = self.matrix.to_yuv(mean::<3>(&sums.first, columns, sums.rows));
                [u, v]
            }
        }
    }

    fn sum_rows(&self, plane: usize, rows: Span, sums: &mut Vec<u32>) {
        let Plane { data, stride } = self.planes[plane];
        let (bytes, _) = row_bytes(self.format, self.size)[plane];
        sums.clear();
        sums.resize(bytes, 0);
        for row in rows.0..rows.1 {
            for (sum, &value) in sums.iter_mut().zip(&data[row * stride..][..bytes]) {
                *sum += u32::from(value);
            }
        }
    }
}

/// Sums of a footprint's rows, column by column: of one plane, or of U and V.
#[derive(Default)]
pub(super) struct RowSums {
    first: Vec<u32>,
    second: Vec<u32>,
    rows: usize,
}

/// Means of `N` interleaved channels over these columns.
fn mean<const N: usize>(sums: &[u32], columns: Span, rows: usize) -> [u8; N] {
    let n = ((columns.1 - columns.0) * rows).max(1) as u64;
    let mut totals = [n / 2; N];
    for pixel in sums[columns.0 * N..columns.1 * N].chunks_exact(N) {
        for (total, &sum) in totals.iter_mut().zip(pixel) {
            *total += u64::from(sum);
        }
    }
    totals.map(|total| u8::try_from(total / n).unwrap_or(u8::MAX))
}

/// A range of chroma samples in source pixels.
fn in_pixels((from, to): Span, whole: u32) -> Span {
    (2 * from, (2 * to).min(whole as usize))
}

/// How YUV is made of RGB, limited range (ITU-R BT.601 and BT.709).
pub(super) struct Matrix {
    kr: f32,
    kb: f32,
}

impl Matrix {
    /// BT.709 from 720 lines on, else BT.601: what decoders assume when a stream does not say.
    pub fn usual_for(size: FrameSize) -> Self {
        if size.height >= 720 { Self { kr: 0.2126, kb: 0.0722 } } else { Self { kr: 0.299, kb: 0.114 } }
    }

    pub fn to_rgb(&self, [y, u, v]: [u8; 3]) -> [u8; 3] {
        let luma = (f32::from(y) - 16.0) * (255.0 / 219.0);
        let [u, v] = [u, v].map(|c| (f32::from(c) - 128.0) * (255.0 / 224.0));
        let r = luma + v * (2.0 * (1.0 - self.kr));
        let b = luma + u * (2.0 * (1.0 - self.kb));
        let g = (luma - self.kr * r - self.kb * b) * (1.0 / (1.0 - self.kr - self.kb));
        [r, g, b].map(rounded)
    }

    pub fn to_yuv(&self, rgb: [u8; 3]) -> [u8; 3] {
        let [r, g, b] = rgb.map(f32::from);
        let luma = self.kr * r + (1.0 - self.kr - self.kb) * g + self.kb * b;
        let u = 128.0 + (b - luma) / (2.0 * (1.0 - self.kb)) * (224.0 / 255.0);
        let v = 128.0 + (r - luma) / (2.0 * (1.0 - self.kr)) * (224.0 / 255.0);
        [16.0 + luma * (219.0 / 255.0), u, v].map(rounded)
    }
}

/// The nearest byte. Casts of floats saturate; `f32::round` would be a call for each pixel.
fn rounded(value: f32) -> u8 {
    (value + 0.5) as u8
}
