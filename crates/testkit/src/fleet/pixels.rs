//! What is done to pictures: mixing, shifting, blurring, noise. Pictures are I420; brightness is worked on in floats
//! and chroma follows where colour matters.

use rand::{Rng, RngExt};
use rand_pcg::Pcg64Mcg;
pub use wayside_camsim::draw::canvas::Picture;

/// Brightness and the two chroma values of a colour.
pub type Colour = (f32, f32, f32);

/// Changes every pixel's brightness.
pub fn each(picture: &mut Picture, change: impl Fn(usize, usize, f32) -> f32) {
    let width = picture.width;
    let luma = &mut picture.data[..width * picture.height];
    for (y, row) in luma.chunks_exact_mut(width).enumerate() {
        for (x, v) in row.iter_mut().enumerate() {
            *v = level(change(x, y, f32::from(*v)));
        }
    }
}

/// A grey level as a byte, within limited range.
pub fn level(v: f32) -> u8 {
    v.round().clamp(0.0, 255.0) as u8
}

/// Lays a colour over the picture; `share` says how much of it each pixel gets, 0 to 1.
pub fn veil(picture: &mut Picture, colour: Colour, share: impl Fn(usize, usize) -> f32) {
    each(picture, |x, y, v| {
        let share = share(x, y);
        v + (colour.0 - v) * share
    });
    let (width, height) = (picture.width, picture.height);
    let quarter = width * height / 4;
    let (half_width, first) = (width / 2, width * height);
    for i in 0..quarter {
        let share = share(i % half_width * 2, i / half_width * 2);
        for (offset, value) in [(first, colour.1), (first + quarter, colour.2)] {
            let v = f32::from(picture.data[offset + i]);
            picture.data[offset + i] = level(v + (value - v) * share);
        }
    }
}

/// Lays another picture over this one inside a rectangle (pixels), as much as `share` says.
pub fn lay(
    picture: &mut Picture,
    other: &Picture,
    (x0, y0, x1, y1): (usize, usize, usize, usize),
    share: impl Fn(usize, usize) -> f32,
) {
    let (width, height) = (picture.width, picture.height);
    let (quarter, first) = (width * height / 4, width * height);
    let mix =
        |a: &mut u8, b: u8, share: f32| *a = level(f32::from(*a) + (f32::from(b) - f32::from(*a)) * share);
    for y in y0..y1.min(height) {
        for x in x0..x1.min(width) {
            let share = share(x, y);
            if share <= 0.0 {
                continue;
            }
            mix(&mut picture.data[y * width + x], other.data[y * width + x], share);
            if x % 2 == 0 && y % 2 == 0 {
                let i = first + y / 2 * (width / 2) + x / 2;
                mix(&mut picture.data[i], other.data[i], share);
                mix(&mut picture.data[i + quarter], other.data[i + quarter], share);
            }
        }
    }
}

/// The view moved by so many pixels and turned by an angle (radians) about its middle; edges are repeated.
pub fn moved(picture: &Picture, dx: f32, dy: f32, turn: f32) -> Picture {
    let mut out = picture.clone();
    let (sin, cos) = turn.sin_cos();
    for (offset, width, height, scale) in planes(picture) {
        let (cx, cy) = (width as f32 / 2.0, height as f32 / 2.0);
        for y in 0..height {
            for x in 0..width {
                let (px, py) = (x as f32 - cx - dx / scale, y as f32 - cy - dy / scale);
                let (sx, sy) = (cos * px + sin * py + cx, cos * py - sin * px + cy);
                out.data[offset + y * width + x] = sample(&picture.data[offset..], width, height, sx, sy);
            }
        }
    }
    out
}

fn sample(plane: &[u8], width: usize, height: usize, x: f32, y: f32) -> u8 {
    let x = x.clamp(0.0, width as f32 - 1.001);
    let y = y.clamp(0.0, height as f32 - 1.001);
    let (x0, y0) = (x as usize, y as usize);
    let (fx, fy) = (x - x0 as f32, y - y0 as f32);
    let at = |x: usize, y: usize| f32::from(plane[y * width + x]);
    let top = at(x0, y0) * (1.0 - fx) + at(x0 + 1, y0) * fx;
    let bottom = at(x0, y0 + 1) * (1.0 - fx) + at(x0 + 1, y0 + 1) * fx;
    level(top * (1.0 - fy) + bottom * fy)
}

/// Where each plane begins, its width and height, and how many pixels of the picture one of its values spans.
fn planes(picture: &Picture) -> [(usize, usize, usize, f32); 3] {
    let (w, h) = (picture.width, picture.height);
    [(0, w, h, 1.0), (w * h, w / 2, h / 2, 2.0), (w * h * 5 / 4, w / 2, h / 2, 2.0)]
}

/// The picture as in a mirror.
pub fn mirrored(picture: &mut Picture) {
    for (offset, width, height, _) in planes(picture) {
        picture.data[offset..offset + width * height].chunks_exact_mut(width).for_each(<[u8]>::reverse);
    }
}

/// Brightness through a box filter of `2 * radius + 1` pixels, three times: near a Gaussian.
pub fn blurred(picture: &Picture, radius: usize) -> Picture {
    let mut out = picture.clone();
    let (width, height) = (picture.width, picture.height);
    for _ in 0..3 {
        let before = out.data[..width * height].to_vec();
        slide(&before, &mut out.data, (width, 1), (height, width), radius);
        let before = out.data[..width * height].to_vec();
        slide(&before, &mut out.data, (height, width), (width, 1), radius);
    }
    out
}

/// One pass along lines of `count` values `step` apart; `lines` of them begin `line_step` apart.
fn slide(
    from: &[u8],
    to: &mut [u8],
    (count, step): (usize, usize),
    (lines, line_step): (usize, usize),
    radius: usize,
) {
    for line in 0..lines {
        let at = |i: usize| u32::from(from[line * line_step + i.min(count - 1) * step]);
        let mut sum: u32 = (0..=radius).map(at).sum::<u32>() + radius as u32 * at(0);
        for i in 0..count {
            to[line * line_step + i * step] = (sum / (2 * radius as u32 + 1)) as u8;
            sum += at(i + radius + 1);
            sum -= at(i.saturating_sub(radius));
        }
    }
}

/// Noise of a sensor: each pixel's brightness is off by this standard deviation, grey levels.
pub fn noisy(picture: &mut Picture, deviation: f32, random: &mut Pcg64Mcg) {
    let count = picture.width * picture.height;
    for chunk in picture.data[..count].chunks_mut(4) {
        let mut bits = random.next_u64();
        for v in chunk {
            // Two bytes added: a triangle, of a standard deviation of 104.5.
            let (a, b) = ((bits & 255) as f32, (bits >> 8 & 255) as f32);
            bits >>= 16;
            *v = level(f32::from(*v) + (a + b - 255.0) / 104.5 * deviation);
        }
    }
}

/// Smooth noise of 0 to 1 in two dimensions that repeats for the same seed: for smoke, water, dirt.
#[derive(Debug, Clone)]
pub struct Clouds {
    grid: Vec<f32>,
}

impl Clouds {
    const SIDE: usize = 32;

    /// Drawn from a random source.
    pub fn new(random: &mut Pcg64Mcg) -> Self {
        Self { grid: (0..Self::SIDE * Self::SIDE).map(|_| random.random::<f32>()).collect() }
    }

    /// The value at a place; one cell of the grid is one unit.
    pub fn at(&self, x: f32, y: f32) -> f32 {
        let octave = |scale: f32| {
            let (x, y) = (x * scale, y * scale);
            let (x0, y0) = (x.floor(), y.floor());
            let smooth = |t: f32| t * t * (3.0 - 2.0 * t);
            let (fx, fy) = (smooth(x - x0), smooth(y - y0));
            let cell = |dx: f32, dy: f32| {
                let wrap = |v: f32| v.rem_euclid(Self::SIDE as f32) as usize % Self::SIDE;
                self.grid[wrap(y0 + dy) * Self::SIDE + wrap(x0 + dx)]
            };
            let top = cell(0.0, 0.0) * (1.0 - fx) + cell(1.0, 0.0) * fx;
            let bottom = cell(0.0, 1.0) * (1.0 - fx) + cell(1.0, 1.0) * fx;
            top * (1.0 - fy) + bottom * fy
        };
        0.6 * octave(1.0) + 0.28 * octave(2.3) + 0.12 * octave(5.1)
    }
}
