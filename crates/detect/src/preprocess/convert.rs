//! The last step of pre-processing: rows of a scaled picture become floats in the tensor's own channel
//! and dimension order. The inner loops are kept so plain that the compiler turns them into SIMD; those that cost
//! the most are compiled for AVX2 and AVX-512 as well, and which of them runs is decided by the processor. None
//! fuses a multiplication with an addition, so that all give the same floats.

use multiversion::multiversion;

use super::Fit;
use super::lift::Curve;
use super::sample::Scaled;
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

    /// The same with colours so many times as strong.
    fn stronger(self, times: f32) -> Self {
        let Self { red_v, green_u, green_v, blue_u } = self;
        Self {
            red_v: red_v * times,
            green_u: green_u * times,
            green_v: green_v * times,
            blue_u: blue_u * times,
        }
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
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn yuv_row(folded: [Folded; 3], [y, u, v]: [&[f32]; 3], [red, green, blue]: [&mut [f32]; 3]) {
    let n = y.len();
    if u.len() != n || v.len() != n || red.len() != n || green.len() != n || blue.len() != n {
        return;
    }
    let [r, g, b] = folded;
    for i in 0..n {
        let (y, u, v) = (y[i], u[i], v[i]);
        red[i] = r.at(y, u, v);
        green[i] = g.at(y, u, v);
        blue[i] = b.at(y, u, v);
    }
}

/// Chroma, half as wide and high as the picture (rounded up).
pub(super) enum Chroma<'s, 'p> {
    /// U and V apart (I420).
    Planar(Scaled<'s, 'p>, Scaled<'s, 'p>),
    /// U and V by turns (NV12).
    Interleaved(Scaled<'s, 'p>),
}

impl Chroma<'_, '_> {
    fn row(&mut self, index: usize, half_u: &mut [f32], half_v: &mut [f32]) {
        match self {
            Self::Planar(u, v) => {
                u.row(index, [half_u]);
                v.row(index, [half_v]);
            }
            Self::Interleaved(uv) => uv.row(index, [half_u, half_v]),
        }
    }
}

/// Every sample twice; the last one once where the row is odd.
fn double(samples: &[f32], row: &mut [f32]) {
    let (pairs, odd) = row.as_chunks_mut::<2>();
    if let (Some(odd), Some(last)) = (odd.first_mut(), samples.last()) {
        *odd = *last;
    }
    for (pair, sample) in pairs.iter_mut().zip(samples) {
        *pair = [*sample, *sample];
    }
}

/// Scratch for one row: three in, three out, and two of half that length.
#[derive(Default)]
pub(super) struct Rows {
    picture: [Vec<f32>; 3],
    colours: [Vec<f32>; 3],
    half: [Vec<f32>; 2],
}

impl Rows {
    fn resize(&mut self, width: usize) {
        self.picture.iter_mut().chain(&mut self.colours).for_each(|row| row.resize(width, 0.0));
        self.half.iter_mut().for_each(|row| row.resize(width.div_ceil(2), 0.0));
    }
}

/// Where in the tensor's slot a picture goes, and how its values are scaled.
pub(super) struct Target {
    order: TensorOrder,
    input_width: usize,
    input_height: usize,
    left: usize,
    top: usize,
    width: usize,
    height: usize,
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
            height: fit.height as usize,
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

    /// Luma of the picture's size and chroma of half that, brightened by the curve.
    pub(super) fn write_yuv(
        &self,
        matrix: Matrix,
        luma: &mut Scaled<'_, '_>,
        chroma: &mut Chroma<'_, '_>,
        curve: &Curve,
        rows: &mut Rows,
        slot: &mut [f32],
    ) {
        let matrix = matrix.stronger(curve.lift().chroma());
        let folded = matrix.folded(self.by_colour(self.gain), self.by_colour(self.bias));
        rows.resize(self.width);
        let Rows { picture: [y, u, v], colours, half: [half_u, half_v] } = rows;
        for index in 0..self.height {
            luma.row(index, [y.as_mut_slice()]);
            curve.luma(y);
            if index.is_multiple_of(2) {
                chroma.row(index / 2, half_u, half_v);
                double(half_u, u);
                double(half_v, v);
            }
            self.write_row(index, slot, colours, |out| yuv_row(folded, [y, u, v], out));
        }
    }

    /// RGB of the picture's size, brightened by the curve.
    pub(super) fn write_rgb(
        &self,
        rgb: &mut Scaled<'_, '_>,
        curve: &Curve,
        rows: &mut Rows,
        slot: &mut [f32],
    ) {
        let (gain, bias) = (self.by_colour(self.gain), self.by_colour(self.bias));
        rows.resize(self.width);
        for index in 0..self.height {
            self.write_row(index, slot, &mut rows.colours, |mut out| {
                rgb.row(index, out.each_mut().map(|row| &mut **row));
                for ((row, gain), bias) in out.into_iter().zip(gain).zip(bias) {
                    curve.colour(row);
                    row.iter_mut().for_each(|value| *value = *value * gain + bias);
                }
            });
        }
    }

    /// Has a row written, as red, green and blue, where it belongs in the slot.
    fn write_row(
        &self,
        index: usize,
        slot: &mut [f32],
        colours: &mut [Vec<f32>; 3],
        write: impl FnOnce([&mut [f32]; 3]),
    ) {
        if let Some(rows) = self.channel_rows(index, slot) {
            return write(rows);
        }
        write(colours.each_mut().map(Vec::as_mut_slice));
        let start = (self.top + index) * self.input_width + self.left;
        let Some(pixels) = slot.get_mut(3 * start..3 * (start + self.width)) else { return };
        for (colour, &channel) in colours.iter().zip(&self.channel) {
            let values = pixels.iter_mut().skip(channel).step_by(3);
            values.zip(colour).for_each(|(out, value)| *out = *value);
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
