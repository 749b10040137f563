//! Night, made in two ways that have little in common, so that what helps by one is not merely how the other was made:
//! by a gamma, which takes most from what is dark, with large lamps that shine on a wet road; and by exposure, which takes
//! the same share from everything, under street lamps, with small lamps on a dry road.

use rand::RngExt;
use rand_pcg::Pcg64Mcg;
use wayside_types::BBox;

use super::pixels::{Picture, each, level, noisy};
use super::scene::Scene;
use super::sight;

/// How a night is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Dark {
    /// By this gamma.
    Gamma(f32),
    /// This share of the light, and more under street lamps.
    Lamps(f32),
}

/// Glow of the sky and stray light in the lens, grey levels.
const GLOW: f32 = 4.0;
/// Noise of a sensor with its gain turned up, grey levels.
const NOISE: f32 = 3.5;
/// What is left of colours.
const COLOUR: f32 = 0.65;

/// By night; `boxes` says where vehicles are.
pub fn dark<'a>(
    scene: Scene<'a>,
    random: &mut Pcg64Mcg,
    how: Dark,
    boxes: impl Fn(f64) -> Vec<BBox> + 'a,
) -> Scene<'a> {
    match how {
        Dark::Gamma(gamma) => sight::night(scene, random, gamma, boxes),
        Dark::Lamps(share) => lamplit(scene, random, share, boxes),
    }
}

/// A place that a street lamp lights, fractions of the picture's width and height.
#[derive(Debug, Clone, Copy)]
struct Pool {
    x: f32,
    y: f32,
    radius: f32,
    bright: f32,
}

fn lamplit<'a>(
    scene: Scene<'a>,
    random: &mut Pcg64Mcg,
    share: f32,
    boxes: impl Fn(f64) -> Vec<BBox> + 'a,
) -> Scene<'a> {
    let mut random = sight::fork(random);
    let pools: Vec<Pool> = (0..random.random_range(2..5))
        .map(|_| Pool {
            x: random.random_range(0.0..1.0),
            y: random.random_range(0.1..1.0),
            radius: random.random_range(0.12..0.3),
            bright: random.random_range(0.4..1.1),
        })
        .collect();
    scene.seen(move |t, mut picture| {
        let (w, h) = (picture.width as f32, picture.height as f32);
        let users = boxes(t);
        each(&mut picture, |x, y, v| {
            let (x, y) = (x as f32, y as f32);
            let lit = |p: &Pool| {
                let (dx, dy) = ((x / w - p.x) / p.radius, (y / h - p.y) / (0.6 * p.radius));
                p.bright * (-(dx * dx + dy * dy)).exp()
            };
            let lamps = users.iter().map(|b| beam(b, x, y)).fold(0.0, f32::max);
            let light = share * (1.0 + pools.iter().map(lit).sum::<f32>()) + 0.5 * lamps;
            16.0 + GLOW + (v - 16.0).max(0.0) * light.min(1.0)
        });
        let quarter = picture.width * picture.height / 4;
        for chroma in &mut picture.data[4 * quarter..] {
            *chroma = level(128.0 + (f32::from(*chroma) - 128.0) * COLOUR);
        }
        users.iter().for_each(|b| lamps(&mut picture, b));
        noisy(&mut picture, NOISE, &mut random);
        picture
    })
}

/// How much the road beside a vehicle is lit by its lamps, 0 to 1.
fn beam(b: &BBox, x: f32, y: f32) -> f32 {
    let (w, h) = (b.width(), b.height());
    if x < b.x1 - 2.0 * w || x > b.x2 + 2.0 * w || y < b.y1 - h || y > b.y2 + h {
        return 0.0;
    }
    let (dx, dy) = ((x - (b.x1 + b.x2) / 2.0) / (0.9 * w), (y - b.y2) / (0.45 * h));
    (-(dx * dx + dy * dy)).exp()
}

/// Two small lamps.
fn lamps(picture: &mut Picture, b: &BBox) {
    let radius = 0.07 * b.width().min(b.height());
    let y = b.y2 - 0.3 * b.height();
    let reach = 4.0 * radius + 1.0;
    for x in [b.x1 + 0.12 * b.width(), b.x2 - 0.12 * b.width()] {
        // Casts of floats saturate: what lies outside the picture ends at its edge.
        let span =
            |from: f32, to: f32, most: usize| (from as usize).min(most)..(to.max(0.0) as usize).min(most);
        for py in span(y - reach, y + reach, picture.height) {
            for px in span(x - reach, x + reach, picture.width) {
                let (dx, dy) = ((px as f32 - x) / radius, (py as f32 - y) / radius);
                let share = (-(dx * dx + dy * dy) / 2.0).exp();
                let v = &mut picture.data[py * picture.width + px];
                *v = level(f32::from(*v) + (235.0 - f32::from(*v)) * share);
            }
        }
    }
}
