//! The picture itself: a background that was painted once, shadows and road users on top, grain of the
//! sensor over all. Frames come out as I420, ready for the encoder.

use nalgebra::Point2;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::body::{Light, Pose};
use super::camera::{Camera, Pixel, World};
use super::raster::{Rect, SAMPLES, Samples};
use super::texture::Yuv;

/// Grain values kept; every row of every frame starts somewhere else in them.
const GRAIN: usize = 1 << 15;

/// Something that is drawn in a frame.
pub trait Drawable {
    /// Points whose projections bound what is seen of it.
    fn hull(&self) -> Vec<World>;
    /// Draws it.
    fn draw(&self, samples: &mut Samples, camera: &Camera, light: &Light);
    /// What throws its shadow.
    fn shade(&self) -> Option<Shade>;
}

/// A box that throws a shadow.
#[derive(Debug, Clone, Copy)]
pub struct Shade {
    /// Where it stands.
    pub pose: Pose,
    /// Length, width and height in metres.
    pub size_m: [f64; 3],
    /// How much of the light it keeps off, 0 to 1: a bicycle is mostly air.
    pub solid: f64,
}

/// A picture in I420: Y, then U and V at half the size both ways, without padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Pixels across; even.
    pub width: usize,
    /// Pixels down; even.
    pub height: usize,
    /// Y, U and V one after another.
    pub data: Vec<u8>,
}

impl Picture {
    fn new(width: usize, height: usize) -> Self {
        Self { width, height, data: vec![128; width * height * 3 / 2] }
    }

    /// Sets a pixel, and the chroma of the cell of four that it belongs to.
    pub(crate) fn set(&mut self, x: usize, y: usize, colour: Yuv) {
        let (at, quarter) = (self.chroma_index(x, y), self.width * self.height / 4);
        self.data[y * self.width + x] = colour.y;
        self.data[at] = colour.u;
        self.data[at + quarter] = colour.v;
    }

    /// This picture with a share of 0 to 256 of the other one over it.
    fn mixed(&self, other: &Self, share: u16) -> Self {
        let mix = |(a, b): (&u8, &u8)| ((u16::from(*a) * (256 - share) + u16::from(*b) * share) >> 8) as u8;
        Self { data: self.data.iter().zip(&other.data).map(mix).collect(), ..*self }
    }

    fn chroma_index(&self, x: usize, y: usize) -> usize {
        self.width * self.height + y / 2 * (self.width / 2) + x / 2
    }

    /// Packed R, G, B for pictures to look at.
    #[must_use]
    pub fn to_rgb(&self) -> Vec<u8> {
        let quarter = self.width * self.height / 4;
        (0..self.width * self.height)
            .flat_map(|i| {
                let at = self.chroma_index(i % self.width, i / self.width);
                Yuv { y: self.data[i], u: self.data[at], v: self.data[at + quarter] }.to_rgb()
            })
            .collect()
    }
}

/// What never moves: the painted picture and the depth of what stands in front of the road.
#[derive(Debug, Clone)]
pub struct Backdrop {
    picture: Picture,
    inverse_depth: Vec<f32>,
    /// Kept free of road users: the caption.
    caption: Rect,
}

impl Backdrop {
    /// Grey all over.
    #[must_use]
    pub fn blank(camera: &Camera) -> Self {
        let (width, height) = camera.size();
        Self {
            picture: Picture::new(width as usize, height as usize),
            inverse_depth: Samples::new(width, height).inverse_depth,
            caption: Rect { x0: 0, y0: 0, x1: 0, y1: 0 },
        }
    }

    /// Paints the ground and sky (`colour` of a sight ray's ground point, R, G, B of 0 to 255), then the
    /// standing things, then the caption.
    pub fn paint(
        camera: &Camera,
        light: &Light,
        colour: &dyn Fn(Option<Point2<f64>>, Pixel) -> [f32; 3],
        standing: &[Box<dyn Drawable>],
        caption: &dyn Fn(&mut Picture) -> Rect,
    ) -> Self {
        let (width, height) = camera.size();
        let mut picture = Picture::new(width as usize, height as usize);
        paint_ground(&mut picture, camera, light, colour);
        let mut samples = Samples::new(width, height);
        for thing in standing {
            thing.draw(&mut samples, camera, light);
        }
        let all = Rect { x0: 0, y0: 0, x1: samples.width, y1: samples.height };
        resolve(&mut picture, &mut samples, all);
        let caption = caption(&mut picture);
        Self { picture, inverse_depth: samples.inverse_depth, caption }
    }
}

fn paint_ground(
    picture: &mut Picture,
    camera: &Camera,
    light: &Light,
    colour: &dyn Fn(Option<Point2<f64>>, Pixel) -> [f32; 3],
) {
    const FINE: usize = 3;
    let (width, height) = (picture.width, picture.height);
    let quarter = width * height / 4;
    let mut chroma = vec![[0.0f32; 2]; quarter];
    for y in 0..height {
        for x in 0..width {
            let mut sum = [0.0f32; 3];
            for i in 0..FINE * FINE {
                let at = |k: usize, i: usize| k as f64 + (i as f64 + 0.5) / FINE as f64;
                let pixel = Pixel::new(at(x, i % FINE), at(y, i / FINE));
                let ground = camera.ground(pixel);
                let rgb = colour(ground, pixel);
                let away = ground.map(|g| (World::new(g.x, g.y, 0.0) - camera.position()).norm());
                let haze = light.haze_at(away.unwrap_or(900.0)) as f32;
                let yuv = Yuv::from_rgb(rgb[0], rgb[1], rgb[2]);
                for ((sum, own), haze_colour) in sum.iter_mut().zip([yuv.y, yuv.u, yuv.v]).zip(light.haze) {
                    *sum += f32::from(own) * (1.0 - haze) + f32::from(haze_colour) * haze;
                }
            }
            let mean = sum.map(|s| s / (FINE * FINE) as f32);
            picture.data[y * width + x] = mean[0] as u8;
            let cell = &mut chroma[y / 2 * (width / 2) + x / 2];
            cell[0] += mean[1] / 4.0;
            cell[1] += mean[2] / 4.0;
        }
    }
    let start = width * height;
    for (i, [u, v]) in chroma.into_iter().enumerate() {
        picture.data[start + i] = u as u8;
        picture.data[start + quarter + i] = v as u8;
    }
}

/// Draws frame after frame onto one backdrop.
pub struct Canvas {
    camera: Camera,
    light: Light,
    backdrop: Backdrop,
    fog: Option<(Light, Backdrop)>,
    samples: Samples,
    grain: Vec<i8>,
    seed: u64,
}

impl Canvas {
    /// A canvas; `grain` is the standard deviation of the sensor's noise in steps of luma.
    #[must_use]
    pub fn new(camera: Camera, light: Light, backdrop: Backdrop, grain: f32, seed: u64) -> Self {
        let (width, height) = camera.size();
        let mut random = Pcg64Mcg::seed_from_u64(seed ^ 0x6772_6169_6e00);
        // The sum of four uniform numbers is close enough to a normal one.
        let spread = grain * (12.0f32 / 4.0).sqrt();
        let grain = (0..GRAIN + width as usize)
            .map(|_| (0..4).map(|_| random.random_range(-0.5f32..0.5)).sum::<f32>() * spread)
            .map(|value| value.round() as i8)
            .collect();
        Self { camera, light, backdrop, fog: None, samples: Samples::new(width, height), grain, seed }
    }

    /// The camera.
    #[must_use]
    pub fn camera(&self) -> &Camera {
        &self.camera
    }

    /// The same view in thick fog.
    pub fn set_fog(&mut self, light: Light, backdrop: Backdrop) {
        self.fog = Some((light, backdrop));
    }

    /// Draws one frame with this share of fog, 0 to 1. The same number, things and fog give the same
    /// bytes.
    #[must_use]
    pub fn frame(&mut self, number: u64, things: &[Box<dyn Drawable>], fog: f64) -> Picture {
        let clear = self.light;
        let mut picture = match &self.fog {
            Some((thick, backdrop)) if fog > 0.0 => {
                self.light = clear.towards(thick, fog);
                self.backdrop.picture.mixed(&backdrop.picture, (fog * 256.0) as u16)
            }
            _ => self.backdrop.picture.clone(),
        };
        let seen: Vec<(Rect, &dyn Drawable)> = things
            .iter()
            .filter_map(|thing| {
                let rect = self.samples.bounds(&self.camera, &thing.hull())?;
                Some((even(rect, &self.samples), &**thing))
            })
            .collect();
        for (_, thing) in &seen {
            if let Some(shade) = thing.shade() {
                self.shadow(&mut picture, &shade);
            }
        }
        for &(rect, _) in &seen {
            self.clear(rect);
        }
        for (_, thing) in &seen {
            thing.draw(&mut self.samples, &self.camera, &self.light);
        }
        for &(rect, _) in &seen {
            resolve(&mut picture, &mut self.samples, rect);
        }
        self.restore_caption(&mut picture);
        self.add_grain(&mut picture, number);
        self.light = clear;
        picture
    }

    fn clear(&mut self, rect: Rect) {
        for y in rect.y0..rect.y1 {
            let row = y * self.samples.width;
            let (from, to) = (row + rect.x0, row + rect.x1);
            self.samples.colour[from..to].fill([0; 4]);
            self.samples.inverse_depth[from..to].copy_from_slice(&self.backdrop.inverse_depth[from..to]);
        }
    }

    /// Darkens the ground under and beside a box.
    fn shadow(&self, picture: &mut Picture, shade: &Shade) {
        let [length, width, height] = shade.size_m;
        let reach = self.light.sun.xy() * (-height * 0.85 / self.light.sun.z.max(0.2));
        let foot: Vec<_> = [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]
            .map(|(x, y)| shade.pose.place(x * (length / 2.0 - 0.1), y * (width / 2.0 - 0.1), 0.0).xy())
            .into();
        let cast: Vec<_> = foot.iter().map(|p| p + reach).collect();
        let hull = convex_hull(foot.iter().chain(&cast).copied().collect());
        let margin = 0.6;
        let corners: Vec<_> = hull
            .iter()
            .flat_map(|p| {
                [(-margin, -margin), (margin, -margin), (margin, margin), (-margin, margin)]
                    .map(|(dx, dy)| World::new(p.x + dx, p.y + dy, 0.0))
            })
            .collect();
        let Some(rect) = self.samples.bounds(&self.camera, &corners) else { return };
        let (footprint, shadow) = (Edges::of(&foot), Edges::of(&hull));
        let direct = self.light.direct * 0.5 * shade.solid;
        for y in rect.y0 / SAMPLES..rect.y1.div_ceil(SAMPLES) {
            for x in rect.x0 / SAMPLES..rect.x1.div_ceil(SAMPLES) {
                let sample = y * SAMPLES * self.samples.width + x * SAMPLES;
                if self.backdrop.inverse_depth[sample] > 0.0 {
                    continue;
                }
                let pixel = Pixel::new(x as f64 + 0.5, y as f64 + 0.5);
                let Some(ground) = self.camera.ground(pixel) else { continue };
                let soft = shadow.inside(ground, 0.2) * direct;
                let under = footprint.inside(ground, 0.45) * 0.55 * shade.solid;
                let keep = ((1.0 - soft) * (1.0 - under)) as f32;
                let luma = &mut picture.data[y * picture.width + x];
                *luma = (16.0 + (f32::from(*luma) - 16.0) * keep) as u8;
            }
        }
    }

    fn restore_caption(&self, picture: &mut Picture) {
        let rect = self.backdrop.caption;
        for y in rect.y0..rect.y1 {
            let row = y * picture.width + rect.x0..y * picture.width + rect.x1;
            picture.data[row.clone()].copy_from_slice(&self.backdrop.picture.data[row]);
            let quarter = picture.width * picture.height / 4;
            let from = picture.chroma_index(rect.x0, y);
            let to = picture.chroma_index(rect.x1, y);
            for plane in [0, quarter] {
                let row = from + plane..to + plane;
                picture.data[row.clone()].copy_from_slice(&self.backdrop.picture.data[row]);
            }
        }
    }

    fn add_grain(&self, picture: &mut Picture, number: u64) {
        let mut random = Pcg64Mcg::seed_from_u64(self.seed.wrapping_add(number.wrapping_mul(0x9e37_79b9)));
        for row in picture.data[..picture.width * picture.height].chunks_exact_mut(picture.width) {
            let start = random.random_range(0..GRAIN);
            for (luma, grain) in row.iter_mut().zip(&self.grain[start..]) {
                *luma = luma.saturating_add_signed(*grain);
            }
        }
    }
}

/// Widens a rectangle to whole cells of chroma.
fn even(rect: Rect, samples: &Samples) -> Rect {
    const CELL: usize = SAMPLES * 2;
    Rect {
        x0: rect.x0 / CELL * CELL,
        y0: rect.y0 / CELL * CELL,
        x1: (rect.x1.div_ceil(CELL) * CELL).min(samples.width),
        y1: (rect.y1.div_ceil(CELL) * CELL).min(samples.height),
    }
}

/// Brings the drawn samples onto the picture, cell of chroma by cell, and forgets their coverage, so
/// that rectangles may overlap.
fn resolve(picture: &mut Picture, samples: &mut Samples, rect: Rect) {
    const CELL: usize = SAMPLES * 2;
    let quarter = picture.width * picture.height / 4;
    for cell_y in (rect.y0..rect.y1).step_by(CELL) {
        for cell_x in (rect.x0..rect.x1).step_by(CELL) {
            let (mut chroma, mut drawn) = ([0u32; 2], 0u32);
            for (py, px) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                let (mut luma, mut covered) = (0u32, 0u32);
                for i in 0..SAMPLES * SAMPLES {
                    let y = cell_y + py * SAMPLES + i / SAMPLES;
                    let x = cell_x + px * SAMPLES + i % SAMPLES;
                    let sample = &mut samples.colour[y * samples.width + x];
                    if sample[3] != 0 {
                        luma += u32::from(sample[0]);
                        chroma[0] += u32::from(sample[1]);
                        chroma[1] += u32::from(sample[2]);
                        covered += 1;
                        sample[3] = 0;
                    }
                }
                if covered > 0 {
                    let (x, y) = (cell_x / SAMPLES + px, cell_y / SAMPLES + py);
                    let under = &mut picture.data[y * picture.width + x];
                    *under = ((luma + (4 - covered) * u32::from(*under)) / 4) as u8;
                    drawn += covered;
                }
            }
            if drawn > 0 {
                let at = picture.chroma_index(cell_x / SAMPLES, cell_y / SAMPLES);
                for (plane, sum) in [(0, chroma[0]), (quarter, chroma[1])] {
                    let under = &mut picture.data[at + plane];
                    *under = ((sum + (16 - drawn) * u32::from(*under)) / 16) as u8;
                }
            }
        }
    }
}

/// The outward half-planes of a convex polygon.
struct Edges(Vec<[f64; 3]>);

impl Edges {
    /// From corners in counter-clockwise order.
    fn of(corners: &[Point2<f64>]) -> Self {
        let edges = corners.iter().zip(corners.iter().cycle().skip(1)).map(|(a, b)| {
            let (dx, dy) = (b.x - a.x, b.y - a.y);
            let length = dx.hypot(dy).max(1e-9);
            let (nx, ny) = (dy / length, -dx / length);
            [nx, ny, -(nx * a.x + ny * a.y)]
        });
        Self(edges.collect())
    }

    /// 1 well inside, 0 well outside, smooth over `soft` metres on both sides of the edge.
    fn inside(&self, p: Point2<f64>, soft: f64) -> f64 {
        let outside = self.0.iter().map(|[nx, ny, c]| nx * p.x + ny * p.y + c).fold(f64::MIN, f64::max);
        let t = ((soft - outside) / (2.0 * soft)).clamp(0.0, 1.0);
        t * t * (3.0 - 2.0 * t)
    }
}

/// Andrew's monotone chain; counter-clockwise.
fn convex_hull(mut points: Vec<Point2<f64>>) -> Vec<Point2<f64>> {
    points.sort_by(|a, b| a.x.total_cmp(&b.x).then(a.y.total_cmp(&b.y)));
    let turn = |a: &Point2<f64>, b: &Point2<f64>, c: &Point2<f64>| (b - a).perp(&(c - a));
    let half = |points: &mut dyn Iterator<Item = Point2<f64>>| {
        let mut chain: Vec<Point2<f64>> = Vec::new();
        for p in points {
            while chain.len() > 1 && turn(&chain[chain.len() - 2], &chain[chain.len() - 1], &p) <= 0.0 {
                chain.pop();
            }
            chain.push(p);
        }
        chain.pop();
        chain
    };
    let mut hull = half(&mut points.iter().copied());
    hull.extend(half(&mut points.iter().rev().copied()));
    hull
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hull_of_a_square_with_a_point_inside_is_the_square() {
        let points = [(0.0, 0.0), (2.0, 2.0), (2.0, 0.0), (1.0, 0.9), (0.0, 2.0)];
        let hull = convex_hull(points.map(|(x, y)| Point2::new(x, y)).into());
        assert_eq!(hull.len(), 4);
        let edges = Edges::of(&hull);
        assert!((edges.inside(Point2::new(1.0, 1.0), 0.1) - 1.0).abs() < 1e-9);
        assert!(edges.inside(Point2::new(2.2, 1.0), 0.1).abs() < 1e-9);
        assert!((edges.inside(Point2::new(2.0, 1.0), 0.1) - 0.5).abs() < 1e-9);
    }
}
