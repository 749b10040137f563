//! The last pass of pre-processing: resized 8-bit planes become scaled floats in the tensor's own channel
//! and dimension order. The inner loops are kept so plain that the compiler turns them into SIMD.

use super::Fit;
use crate::manifest::{ColourOrder, InputSpec, TensorOrder};

/// YUV to RGB, limited range (Y 16 to 235, U and V 16 to 240).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Matrix {
    red_v: f32,
    green_u: f32,
    green_v: f32,
    blue_u: f32,
}

/// Stretches limited-range luma to 0 to 255.
const LUMA: f32 = 255.0 / 219.0;

impl Matrix {
    /// ITU-R BT.601, of pictures below 720 rows.
    pub(super) const BT601: Self = Self::from_weights(0.299, 0.114);
    /// ITU-R BT.709, of pictures of 720 rows and more.
    pub(super) const BT709: Self = Self::from_weights(0.2126, 0.0722);

    /// From the standard's luma weights of red and blue: R' = Y' + 2(1-Kr) Cr and so on, with chroma of
    /// ±112 steps.
    const fn from_weights(kr: f32, kb: f32) -> Self {
        let chroma = 255.0 / 112.0;
        let kg = 1.0 - kr - kb;
        Self {
            red_v: chroma * (1.0 - kr),
            green_u: -chroma * (1.0 - kb) * kb / kg,
            green_v: -chroma * (1.0 - kr) * kr / kg,
            blue_u: chroma * (1.0 - kb),
        }
    }

    /// Frames carry no colour description, so the customary rule decides.
    pub(super) fn for_height(height_px: u32) -> Self {
        if height_px < 720 { Self::BT601 } else { Self::BT709 }
    }

    /// The weights of (1, y, u, v) for red, green and blue, whose clamped result is `pixel * gain + bias`.
    fn folded(self, gain: [f32; 3], bias: [f32; 3]) -> [Folded; 3] {
        let rows = [(0.0, self.red_v), (self.green_u, self.green_v), (self.blue_u, 0.0)];
        let mut folded = [Folded::default(); 3];
        for (((u, v), out), (gain, bias)) in rows.into_iter().zip(&mut folded).zip(gain.into_iter().zip(bias))
        {
            *out = Folded {
                one: (-16.0 * LUMA - 128.0 * (u + v)) * gain + bias,
                y: LUMA * gain,
                u: u * gain,
                v: v * gain,
                least: bias,
                most: 255.0 * gain + bias,
            };
        }
        folded
    }
}

/// One colour's conversion and scaling in one go: `clamp(one + y Y + u U + v V)`.
#[derive(Debug, Clone, Copy, Default)]
struct Folded {
    one: f32,
    y: f32,
    u: f32,
    v: f32,
    least: f32,
    most: f32,
}

impl Folded {
    #[inline(always)]
    fn at(self, y: f32, u: f32, v: f32) -> f32 {
        // `max` and `min` are one instruction each where `clamp` would keep NaN, which no byte can be.
        (self.one + self.y * y + self.u * u + self.v * v).max(self.least).min(self.most)
    }
}

/// Rows of equal length in, three rows of that length out. Indexed loops over slices of one length are
/// what the compiler vectorises.
fn yuv_row(folded: [Folded; 3], [y, u, v]: [&[u8]; 3], [red, green, blue]: [&mut [f32]; 3]) {
    let n = y.len();
    if u.len() != n || v.len() != n || red.len() != n || green.len() != n || blue.len() != n {
        return;
    }
    let [r, g, b] = folded;
    for i in 0..n {
        let (y, u, v) = (f32::from(y[i]), f32::from(u[i]), f32::from(v[i]));
        red[i] = r.at(y, u, v);
        green[i] = g.at(y, u, v);
        blue[i] = b.at(y, u, v);
    }
}

/// Resized chroma, half as wide and high as the picture (rounded up), no padding.
pub(super) enum Chroma<'a> {
    /// U and V apart (I420).
    Planar(&'a [u8], &'a [u8]),
    /// U and V by turns (NV12).
    Interleaved(&'a [u8]),
}

impl Chroma<'_> {
    /// Writes one row of chroma as two rows of the picture want it: every sample twice.
    fn double_row(&self, row: usize, u: &mut [u8], v: &mut [u8]) {
        let half = u.len().div_ceil(2);
        match self {
            Self::Planar(all_u, all_v) => {
                let range = row * half..(row + 1) * half;
                double(all_u.get(range.clone()).unwrap_or_default().iter().copied(), u);
                double(all_v.get(range).unwrap_or_default().iter().copied(), v);
            }
            Self::Interleaved(all) => {
                let (pairs, _) =
                    all.get(2 * row * half..2 * (row + 1) * half).unwrap_or_default().as_chunks::<2>();
                double(pairs.iter().map(|[u, _]| *u), u);
                double(pairs.iter().map(|[_, v]| *v), v);
            }
        }
    }
}

/// Every sample twice; the last one once where the row is odd.
#[inline(always)]
fn double(samples: impl DoubleEndedIterator<Item = u8> + Clone, row: &mut [u8]) {
    let (pairs, odd) = row.as_chunks_mut::<2>();
    if let (Some(odd), Some(last)) = (odd.first_mut(), samples.clone().next_back()) {
        *odd = last;
    }
    for (pair, sample) in pairs.iter_mut().zip(samples) {
        *pair = [sample, sample];
    }
}

/// Scratch for one row.
#[derive(Default)]
pub(super) struct Rows {
    u: Vec<u8>,
    v: Vec<u8>,
    colours: Vec<f32>,
}

/// Where in the tensor's slot a picture goes, and how its values are scaled.
pub(super) struct Target {
    order: TensorOrder,
    input_width: usize,
    input_height: usize,
    left: usize,
    top: usize,
    width: usize,
    /// Tensor channel of red, green and blue.
    channel: [usize; 3],
    /// By tensor channel: value = pixel * gain + bias.
    gain: [f32; 3],
    bias: [f32; 3],
}

impl Target {
    pub(super) fn new(spec: &InputSpec, fit: Fit) -> Self {
        let mut gain = [0.0; 3];
        let mut bias = [0.0; 3];
        for c in 0..3 {
            gain[c] = spec.scale / spec.std[c];
            bias[c] = -spec.mean[c] / spec.std[c];
        }
        Self {
            order: spec.tensor,
            input_width: spec.width as usize,
            input_height: spec.height as usize,
            left: fit.left as usize,
            top: fit.top as usize,
            width: fit.width as usize,
            channel: match spec.colour {
                ColourOrder::Rgb => [0, 1, 2],
                ColourOrder::Bgr => [2, 1, 0],
            },
            gain,
            bias,
        }
    }

    /// Fills the whole slot with the padding value.
    pub(super) fn pad(&self, value: u8, slot: &mut [f32]) {
        let value = |c: usize| f32::from(value) * self.gain[c] + self.bias[c];
        match self.order {
            TensorOrder::Nchw => {
                let plane = (self.input_width * self.input_height).max(1);
                for (c, channel) in slot.chunks_mut(plane).take(3).enumerate() {
                    channel.fill(value(c));
                }
            }
            TensorOrder::Nhwc => {
                let values = [value(0), value(1), value(2)];
                for pixel in slot.chunks_exact_mut(3) {
                    pixel.copy_from_slice(&values);
                }
            }
        }
    }

    /// Luma of the picture's size and chroma of half that, no padding.
    pub(super) fn write_yuv(
        &self,
        matrix: Matrix,
        y: &[u8],
        chroma: &Chroma<'_>,
        rows: &mut Rows,
        slot: &mut [f32],
    ) {
        let w = self.width;
        let folded = matrix.folded(self.by_colour(self.gain), self.by_colour(self.bias));
        let Rows { u, v, colours } = rows;
        u.resize(w, 0);
        v.resize(w, 0);
        colours.resize(3 * w, 0.0);
        for (index, y) in y.chunks_exact(w).enumerate() {
            if index % 2 == 0 {
                chroma.double_row(index / 2, u, v);
            }
            if let Some(colours) = self.channel_rows(index, slot) {
                yuv_row(folded, [y, u, v], colours);
                continue;
            }
            let (red, rest) = colours.split_at_mut(w);
            let (green, blue) = rest.split_at_mut(w);
            yuv_row(folded, [y, u, v], [&mut *red, &mut *green, &mut *blue]);
            let pixels = red.iter().zip(green.iter()).zip(blue.iter()).map(|((r, g), b)| [*r, *g, *b]);
            self.write_pixels(index, pixels, slot);
        }
    }

    /// Packed RGB of the picture's size, no padding.
    pub(super) fn write_rgb(&self, rgb: &[u8], slot: &mut [f32]) {
        let gain = self.by_colour(self.gain);
        let bias = self.by_colour(self.bias);
        for (index, row) in rgb.chunks_exact(3 * self.width).enumerate() {
            let pixels =
                row.chunks_exact(3).map(|p| [0, 1, 2].map(|c: usize| f32::from(p[c]) * gain[c] + bias[c]));
            match self.channel_rows(index, slot) {
                Some([red, green, blue]) => {
                    let out = red.iter_mut().zip(green.iter_mut()).zip(blue.iter_mut());
                    for (((red, green), blue), [r, g, b]) in out.zip(pixels) {
                        (*red, *green, *blue) = (r, g, b);
                    }
                }
                None => self.write_pixels(index, pixels, slot),
            }
        }
    }

    /// Values of the tensor's channels, sorted as red, green, blue.
    fn by_colour(&self, by_channel: [f32; 3]) -> [f32; 3] {
        self.channel.map(|c| by_channel[c])
    }

    /// The picture's row in the planes of red, green and blue; `None` for a tensor with channels last.
    fn channel_rows<'s>(&self, row: usize, slot: &'s mut [f32]) -> Option<[&'s mut [f32]; 3]> {
        if self.order == TensorOrder::Nhwc {
            return None;
        }
        let start = (self.top + row) * self.input_width + self.left;
        let range = start..start + self.width;
        let mut planes = slot.chunks_exact_mut(self.input_width * self.input_height);
        let first = planes.next()?.get_mut(range.clone())?;
        let second = planes.next()?.get_mut(range.clone())?;
        let third = planes.next()?.get_mut(range)?;
        Some(if self.channel[0] == 0 { [first, second, third] } else { [third, second, first] })
    }

    /// Writes scaled red, green and blue into a tensor with channels last.
    fn write_pixels(&self, row: usize, pixels: impl Iterator<Item = [f32; 3]>, slot: &mut [f32]) {
        let start = (self.top + row) * self.input_width + self.left;
        let [cr, cg, cb] = self.channel;
        let Some(out) = slot.get_mut(3 * start..3 * (start + self.width)) else { return };
        for (out, [r, g, b]) in out.chunks_exact_mut(3).zip(pixels) {
            (out[cr], out[cg], out[cb]) = (r, g, b);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_colours_come_out_right() {
        // Black, white, and the bars' red and blue of BT.601 and BT.709 at full saturation.
        for (matrix, yuv, rgb) in [
            (Matrix::BT601, [16u8, 128, 128], [0.0, 0.0, 0.0]),
            (Matrix::BT601, [235, 128, 128], [255.0, 255.0, 255.0]),
            (Matrix::BT601, [81, 90, 240], [254.0, 0.0, 0.0]),
            (Matrix::BT601, [41, 240, 110], [0.0, 0.0, 255.0]),
            (Matrix::BT709, [63, 102, 240], [255.0, 0.0, 0.0]),
            (Matrix::BT709, [32, 240, 118], [0.0, 0.0, 255.0]),
        ] {
            let [y, u, v] = yuv.map(f32::from);
            let got = matrix.folded([1.0; 3], [0.0; 3]).map(|colour| colour.at(y, u, v));
            for (got, want) in got.iter().zip(rgb) {
                assert!((got - want).abs() <= 2.0, "{yuv:?} gave {got} instead of {want}");
            }
        }
    }
}
