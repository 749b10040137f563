//! The last pass of pre-processing: resized 8-bit planes become scaled floats in the tensor's own channel
//! and dimension order. The inner loops are plain zips of slices, which the compiler turns into SIMD.

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

    #[inline(always)]
    fn rgb(self, y: u8, u: u8, v: u8) -> [f32; 3] {
        let y = (f32::from(y) - 16.0) * LUMA;
        let (u, v) = (f32::from(u) - 128.0, f32::from(v) - 128.0);
        let clamp = |x: f32| x.clamp(0.0, 255.0);
        [
            clamp(y + self.red_v * v),
            clamp(y + self.green_u * u + self.green_v * v),
            clamp(y + self.blue_u * u),
        ]
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

    /// Planes of the picture's size, no padding.
    pub(super) fn write_yuv(&self, matrix: Matrix, y: &[u8], u: &[u8], v: &[u8], slot: &mut [f32]) {
        let w = self.width;
        let rows = y.chunks_exact(w).zip(u.chunks_exact(w)).zip(v.chunks_exact(w));
        for (index, ((y, u), v)) in rows.enumerate() {
            let pixels = y.iter().zip(u).zip(v).map(|((y, u), v)| matrix.rgb(*y, *u, *v));
            self.write_row(index, pixels, slot);
        }
    }

    /// Packed RGB of the picture's size, no padding.
    pub(super) fn write_rgb(&self, rgb: &[u8], slot: &mut [f32]) {
        for (index, row) in rgb.chunks_exact(3 * self.width).enumerate() {
            let pixels = row.chunks_exact(3).map(|p| [f32::from(p[0]), f32::from(p[1]), f32::from(p[2])]);
            self.write_row(index, pixels, slot);
        }
    }

    #[inline(always)]
    fn write_row(&self, row: usize, pixels: impl Iterator<Item = [f32; 3]>, slot: &mut [f32]) {
        let start = (self.top + row) * self.input_width + self.left;
        let [cr, cg, cb] = self.channel;
        let scale = |c: usize, value: f32| value * self.gain[c] + self.bias[c];
        match self.order {
            TensorOrder::Nchw => {
                let plane = self.input_width * self.input_height;
                let (first, rest) = slot.split_at_mut(plane.min(slot.len()));
                let (second, third) = rest.split_at_mut(plane.min(rest.len()));
                let range = start..start + self.width;
                let [Some(first), Some(second), Some(third)] =
                    [first.get_mut(range.clone()), second.get_mut(range.clone()), third.get_mut(range)]
                else {
                    return;
                };
                let (red, blue) = if cr == 0 { (first, third) } else { (third, first) };
                let out = red.iter_mut().zip(second.iter_mut()).zip(blue.iter_mut());
                for (((red, green), blue), [r, g, b]) in out.zip(pixels) {
                    *red = scale(cr, r);
                    *green = scale(cg, g);
                    *blue = scale(cb, b);
                }
            }
            TensorOrder::Nhwc => {
                let Some(out) = slot.get_mut(3 * start..3 * (start + self.width)) else { return };
                for (out, [r, g, b]) in out.chunks_exact_mut(3).zip(pixels) {
                    out[cr] = scale(cr, r);
                    out[cg] = scale(cg, g);
                    out[cb] = scale(cb, b);
                }
            }
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
            (Matrix::BT601, [16, 128, 128], [0.0, 0.0, 0.0]),
            (Matrix::BT601, [235, 128, 128], [255.0, 255.0, 255.0]),
            (Matrix::BT601, [81, 90, 240], [254.0, 0.0, 0.0]),
            (Matrix::BT601, [41, 240, 110], [0.0, 0.0, 255.0]),
            (Matrix::BT709, [63, 102, 240], [255.0, 0.0, 0.0]),
            (Matrix::BT709, [32, 240, 118], [0.0, 0.0, 255.0]),
        ] {
            let got = matrix.rgb(yuv[0], yuv[1], yuv[2]);
            for (got, want) in got.iter().zip(rgb) {
                assert!((got - want).abs() <= 2.0, "{yuv:?} gave {got} instead of {want}");
            }
        }
    }
}
