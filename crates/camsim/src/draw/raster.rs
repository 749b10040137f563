//! Textured quadrilaterals through the pinhole camera into a buffer of twice the picture's resolution
//! with depth: occlusion is per sample, edges are smooth once four samples become one pixel.

use nalgebra::Vector3;

use super::camera::{Camera, NEAR_M, World};
use super::texture::Texture;

/// Samples per pixel along each side.
pub const SAMPLES: usize = 2;

/// Colour (Y, U, V, coverage) and inverse depth of every sample; depth 0 is infinitely far.
#[derive(Debug, Clone)]
pub struct Samples {
    /// Samples across.
    pub width: usize,
    /// Samples down.
    pub height: usize,
    /// Y, U, V, and 255 where something was drawn.
    pub colour: Vec<[u8; 4]>,
    /// 1 / metres along the view axis.
    pub inverse_depth: Vec<f32>,
}

/// A rectangle of samples, half-open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rect {
    /// Left.
    pub x0: usize,
    /// Top.
    pub y0: usize,
    /// Right, not included.
    pub x1: usize,
    /// Bottom, not included.
    pub y1: usize,
}

/// One face: corners in order around it, each with its place in the texture in texels.
#[derive(Debug, Clone, Copy)]
pub struct Face {
    /// Corners in metres.
    pub corners: [World; 4],
    /// Texels, one pair a corner.
    pub texels: [[f32; 2]; 4],
    /// How bright the face is lit: 1 leaves the texture's colours.
    pub light: f32,
    /// Share of haze in front of it, 0 to 1.
    pub haze: f32,
}

impl Samples {
    /// An empty buffer for pictures of this size in pixels.
    #[must_use]
    pub fn new(width: u32, height: u32) -> Self {
        let (width, height) = (width as usize * SAMPLES, height as usize * SAMPLES);
        Self { width, height, colour: vec![[0; 4]; width * height], inverse_depth: vec![0.0; width * height] }
    }

    /// The samples that a set of points covers, clipped; `None` when they are out of the picture or
    /// not all in front of the camera.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the buffer")]
    pub fn bounds(&self, camera: &Camera, points: &[World]) -> Option<Rect> {
        let (mut low, mut high) = ([f64::MAX; 2], [f64::MIN; 2]);
        for &point in points {
            let pixel = camera.project(point)?;
            for (axis, value) in [pixel.x, pixel.y].into_iter().enumerate() {
                low[axis] = low[axis].min(value * SAMPLES as f64);
                high[axis] = high[axis].max(value * SAMPLES as f64);
            }
        }
        let clip = |value: f64, limit: usize| value.clamp(0.0, limit as f64) as usize;
        let rect = Rect {
            x0: clip(low[0].floor(), self.width),
            y0: clip(low[1].floor(), self.height),
            x1: clip(high[0].ceil(), self.width),
            y1: clip(high[1].ceil(), self.height),
        };
        (rect.x0 < rect.x1 && rect.y0 < rect.y1).then_some(rect)
    }

    /// Draws a face if its front (corners counter-clockwise seen from outside) looks at the camera, or
    /// from both sides with `two_sided`.
    pub fn draw(&mut self, camera: &Camera, texture: &Texture, face: &Face, two_sided: bool, haze: [u8; 3]) {
        let mut corners = [Corner::default(); 4];
        for (corner, (point, texel)) in corners.iter_mut().zip(face.corners.iter().zip(face.texels)) {
            let (pixel, depth) = camera.project_with_depth(*point);
            if depth < NEAR_M {
                return;
            }
            *corner = Corner::new(pixel.x, pixel.y, depth, texel);
        }
        let normal = (face.corners[1] - face.corners[0]).cross(&(face.corners[3] - face.corners[0]));
        let towards: Vector3<f64> = camera.position() - face.corners[0];
        if !two_sided && normal.dot(&towards) <= 0.0 {
            return;
        }
        let area = |at: fn(&Corner) -> (f32, f32)| {
            let [a, b, c, d] = corners.each_ref().map(at);
            ((c.0 - a.0) * (d.1 - b.1) - (d.0 - b.0) * (c.1 - a.1)).abs() / 2.0
        };
        let covered = area(|c| (c.x, c.y));
        let level = texture.level_for((area(|c| (c.u, c.v)) / covered.max(0.25)).sqrt());
        let ink =
            Ink { texture, level, light: face.light, haze: face.haze, haze_colour: haze.map(f32::from) };
        self.triangle([corners[0], corners[1], corners[2]], &ink);
        self.triangle([corners[0], corners[2], corners[3]], &ink);
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the buffer")]
    fn triangle(&mut self, [a, b, c]: [Corner; 3], ink: &Ink<'_>) {
        let area = (b.x - a.x) * (c.y - a.y) - (c.x - a.x) * (b.y - a.y);
        if area.abs() < 1e-3 {
            return;
        }
        let top = a.y.min(b.y).min(c.y).max(0.0).floor() as usize;
        let bottom = (a.y.max(b.y).max(c.y).max(0.0).ceil() as usize).min(self.height);
        let per = 1.0 / area;
        // Weights of b and c at a point are affine in x and y.
        let (bx, by) = ((c.y - a.y) * per, -(c.x - a.x) * per);
        let (cx, cy) = (-(b.y - a.y) * per, (b.x - a.x) * per);
        let mix = |va: f32, vb: f32, vc: f32| Affine {
            base: va - (a.x * ((vb - va) * bx + (vc - va) * cx) + a.y * ((vb - va) * by + (vc - va) * cy)),
            dx: (vb - va) * bx + (vc - va) * cx,
            dy: (vb - va) * by + (vc - va) * cy,
        };
        let near = mix(a.near, b.near, c.near);
        let u = mix(a.u * a.near, b.u * b.near, c.u * c.near);
        let v = mix(a.v * a.near, b.v * b.near, c.v * c.near);
        for row in top..bottom {
            let y = row as f32 + 0.5;
            let Some((left, right)) = span([a, b, c], y, self.width) else { continue };
            let start = row * self.width;
            for column in left..right {
                let x = column as f32 + 0.5;
                let depth = near.at(x, y);
                if depth <= self.inverse_depth[start + column] {
                    continue;
                }
                let metres = 1.0 / depth;
                let texel = ink.texture.sample(ink.level, u.at(x, y) * metres, v.at(x, y) * metres);
                if texel[3] >= 128 {
                    self.inverse_depth[start + column] = depth;
                    self.colour[start + column] = ink.shade(texel);
                }
            }
        }
    }
}

/// Columns whose centres lie inside the triangle in this row.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the buffer")]
fn span(corners: [Corner; 3], y: f32, width: usize) -> Option<(usize, usize)> {
    let (mut left, mut right) = (f32::MAX, f32::MIN);
    for i in 0..3 {
        let (p, q) = (corners[i], corners[(i + 1) % 3]);
        if (p.y <= y) != (q.y <= y) {
            let x = p.x + (y - p.y) / (q.y - p.y) * (q.x - p.x);
            left = left.min(x);
            right = right.max(x);
        }
    }
    let column = |x: f32| ((x - 0.5).ceil().max(0.0) as usize).min(width);
    let (left, right) = (column(left), column(right));
    (left < right).then_some((left, right))
}

struct Affine {
    base: f32,
    dx: f32,
    dy: f32,
}

impl Affine {
    #[inline]
    fn at(&self, x: f32, y: f32) -> f32 {
        self.base + self.dx * x + self.dy * y
    }
}

/// A corner in samples, with 1 / depth and its texel.
#[derive(Debug, Clone, Copy, Default)]
struct Corner {
    x: f32,
    y: f32,
    near: f32,
    u: f32,
    v: f32,
}

impl Corner {
    #[expect(clippy::cast_possible_truncation, reason = "single precision is enough for a picture")]
    fn new(x: f64, y: f64, depth: f64, [u, v]: [f32; 2]) -> Self {
        let scale = SAMPLES as f64;
        Self { x: (x * scale) as f32, y: (y * scale) as f32, near: (1.0 / depth) as f32, u, v }
    }
}

struct Ink<'a> {
    texture: &'a Texture,
    level: usize,
    light: f32,
    haze: f32,
    haze_colour: [f32; 3],
}

impl Ink<'_> {
    #[inline]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a byte's range")]
    fn shade(&self, [y, u, v, _]: [u8; 4]) -> [u8; 4] {
        let clear = 1.0 - self.haze;
        let luma = (16.0 + (f32::from(y) - 16.0) * self.light).min(235.0);
        // Light beyond white bleaches, shade keeps the hue.
        let tint = self.light.min(1.0);
        let chroma = |c: u8, haze: f32| (128.0 + (f32::from(c) - 128.0) * tint) * clear + haze * self.haze;
        let luma = luma * clear + self.haze_colour[0] * self.haze;
        [luma as u8, chroma(u, self.haze_colour[1]) as u8, chroma(v, self.haze_colour[2]) as u8, 255]
    }
}
