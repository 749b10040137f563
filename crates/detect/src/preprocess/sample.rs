//! A plane scaled to its size in the input, one row at a time and only when it is asked for: nothing is
//! stored in between but one row of the plane. Down to a half this is plain bilinear interpolation, which
//! still reads every pixel and is what detectors are trained with. Beyond that it would skip pixels and small
//! vehicles would flicker, so the triangle is widened with the scale. The noise of dark pictures is evened out by a
//! triangle of at least [`SOFT_PX`].

use multiversion::multiversion;

use super::pairs::{Pairs, READ};
use super::plane::Plane;

/// A soft picture is made of triangles that reach so many pixels of the plane, where it becomes smaller at all.
const SOFT_PX: f32 = 2.0;
/// What the weights of rows add up to: a row of bytes, weighted and added up, just fits 16 bits.
const ONE: u16 = 256;
/// And what a sum is then divided by; a power of two, so nothing is lost.
const SHARE: f32 = 1.0 / 256.0;

/// From which pixels each pixel of a scaled side is made.
#[derive(Debug, Default)]
struct Axis {
    from: usize,
    /// How far the triangle reaches, pixels of the plane.
    reach: f32,
    /// Weights for each pixel of the result; those that it has no use for are 0.
    taps: usize,
    /// For each pixel of the result, the first pixel that it is made from.
    first: Vec<u32>,
    /// `taps` weights for each pixel of the result, of sum 1.
    weights: Vec<f32>,
}

impl Axis {
    /// Both sides are at least 1 and below 2^15. Says whether anything is other than before.
    #[expect(clippy::cast_precision_loss, reason = "sides are far below 2^24")]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positions are in the plane")]
    fn set(&mut self, from: usize, to: usize, widened: bool, soft: bool) -> bool {
        let scale = from as f32 / to as f32;
        let least = if soft && scale > 1.0 { SOFT_PX } else { 1.0 };
        let reach = if widened { scale.max(least) } else { least };
        if self.from == from && self.first.len() == to && self.reach == reach {
            return false;
        }
        (self.from, self.reach) = (from, reach);
        self.taps = ((2.0 * reach).ceil() as usize).clamp(1, from);
        self.first.clear();
        self.weights.clear();
        for index in 0..to {
            // Where the pixel's middle lies, counted in pixels' middles.
            let middle = ((index as f32 + 0.5) * scale - 0.5).clamp(0.0, from as f32 - 1.0);
            let first = ((middle - reach).floor() + 1.0).clamp(0.0, (from - self.taps) as f32);
            self.first.push(first as u32);
            let began = self.weights.len();
            let weight = |tap: usize| (1.0 - (first + tap as f32 - middle).abs() / reach).max(0.0);
            self.weights.extend((0..self.taps).map(weight));
            let of_index = self.weights.get_mut(began..).unwrap_or_default();
            let sum: f32 = of_index.iter().sum();
            of_index.iter_mut().for_each(|weight| *weight /= sum);
        }
        true
    }

    /// The weights as whole numbers, those of each pixel of the result with a sum of [`ONE`].
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "shares of 256")]
    fn write_whole(&self, whole: &mut Vec<u16>) {
        whole.clear();
        for weights in self.weights.chunks_exact(self.taps) {
            // Rounding the sums, not the parts, is what keeps the whole exact.
            let (mut sum, mut given) = (0.0, 0);
            whole.extend(weights.iter().map(|weight| {
                sum += weight;
                let upto = ((sum * f32::from(ONE)).round() as u16).min(ONE);
                upto - std::mem::replace(&mut given, upto)
            }));
        }
    }
}

/// Scales planes of one kind. Keeps its memory from plane to plane.
#[derive(Debug, Default)]
pub(super) struct Sampler {
    across: Axis,
    /// `across`, where 16 pixels can be made at once.
    pairs: Pairs,
    down: Axis,
    /// The weights of `down`.
    down_weights: Vec<u16>,
    /// A row that is scaled from top to bottom but not yet from left to right, [`ONE`] times as large …
    sums: Vec<u16>,
    /// … and as it is.
    tall: Vec<f32>,
}

impl Sampler {
    /// Prepares for a plane that becomes `size` (width, height) pixels; a soft one has less of its noise.
    pub(super) fn begin<'s, 'p>(
        &'s mut self,
        plane: Plane<'p>,
        size: (u32, u32),
        soft: bool,
    ) -> Scaled<'s, 'p> {
        let (width, height) = (size.0 as usize, size.1 as usize);
        let widened = plane.width > 2 * width || plane.height > 2 * height;
        if self.across.set(plane.width, width, widened, soft) {
            let of_two: &[_] = if self.across.taps == 2 { self.across.weights.as_chunks().0 } else { &[] };
            self.pairs.set(&self.across.first, of_two, f32::from(ONE));
        }
        if self.down.set(plane.height, height, widened, soft) {
            self.down.write_whole(&mut self.down_weights);
        }
        self.sums.resize(plane.width * plane.channels + READ, 0);
        self.tall.resize(plane.width * plane.channels, 0.0);
        Scaled { sampler: self, plane }
    }
}

/// A plane that is read as if it had the size that it was begun with.
pub(super) struct Scaled<'s, 'p> {
    sampler: &'s mut Sampler,
    plane: Plane<'p>,
}

impl Scaled<'_, '_> {
    /// Writes a row, each channel of the plane into a slice of the size's width. A row that there is none of, or
    /// another number of channels than the plane's, leaves `out` as it is.
    pub(super) fn row<const CHANNELS: usize>(&mut self, index: usize, mut out: [&mut [f32]; CHANNELS]) {
        let Sampler { across, pairs, down, down_weights, sums, tall } = &mut *self.sampler;
        let weights = down_weights.get(index * down.taps..(index + 1) * down.taps).unwrap_or_default();
        let Some(&first) = down.first.get(index) else { return };
        if self.plane.channels != CHANNELS {
            return;
        }
        if let &[above, below] = weights {
            let rows = [self.plane.row(first as usize), self.plane.row(first as usize + 1)];
            add_rows(rows, [above, below], sums);
            if CHANNELS == 1 && out.first_mut().is_some_and(|out| pairs.make(sums, out)) {
                return;
            }
        } else {
            sums.fill(0);
            for (tap, &weight) in weights.iter().enumerate().filter(|(_, weight)| **weight > 0) {
                add_row(self.plane.row(first as usize + tap), weight, sums);
            }
        }
        as_floats(sums, tall);
        for (channel, out) in out.into_iter().enumerate() {
            let Some(row) = tall.get(channel..) else { return };
            if across.taps == 2 {
                interpolate::<CHANNELS>(row, across, out);
            } else {
                add_up::<CHANNELS>(row, across, out);
            }
        }
    }
}

/// Adds two rows of bytes up, by weights with a sum of [`ONE`].
#[multiversion(targets("x86_64+avx512f+avx512bw", "x86_64+avx2"))]
fn add_rows([above, below]: [&[u8]; 2], [of_above, of_below]: [u16; 2], sums: &mut [u16]) {
    for ((sum, &above), &below) in sums.iter_mut().zip(above).zip(below) {
        *sum = u16::from(above) * of_above + u16::from(below) * of_below;
    }
}

/// Sums with weights of [`ONE`] as what they stand for.
#[multiversion(targets("x86_64+avx2"))]
fn as_floats(sums: &[u16], out: &mut [f32]) {
    out.iter_mut().zip(sums).for_each(|(value, &sum)| *value = f32::from(sum) * SHARE);
}

/// One channel of a row, made from two pixels each.
fn interpolate<const CHANNELS: usize>(row: &[f32], across: &Axis, out: &mut [f32]) {
    let n = out.len();
    let (Some(first), Some(weights)) = (across.first.get(..n), across.weights.as_chunks::<2>().0.get(..n))
    else {
        return;
    };
    let Some(last) = row.len().checked_sub(CHANNELS + 1) else { return };
    for i in 0..n {
        // Never beyond the last pair anyway; said here, it spares two checks a pixel.
        let at = (first[i] as usize * CHANNELS).min(last);
        out[i] = row[at] * weights[i][0] + row[at + CHANNELS] * weights[i][1];
    }
}

/// Adds a row of bytes, times a weight.
#[multiversion(targets("x86_64+avx2"))]
fn add_row(row: &[u8], weight: u16, sums: &mut [u16]) {
    sums.iter_mut().zip(row).for_each(|(sum, &byte)| *sum += u16::from(byte) * weight);
}

/// One channel of a row, made from any number of pixels each.
fn add_up<const CHANNELS: usize>(row: &[f32], across: &Axis, out: &mut [f32]) {
    let weights = across.weights.chunks_exact(across.taps.max(1));
    for ((out, &first), weights) in out.iter_mut().zip(&across.first).zip(weights) {
        let pixels = row.get(first as usize * CHANNELS..).unwrap_or_default().iter().step_by(CHANNELS);
        *out = pixels.zip(weights).map(|(value, weight)| value * weight).sum();
    }
}
