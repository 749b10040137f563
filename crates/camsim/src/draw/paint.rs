//! Surfaces of the ground: asphalt, concrete, grass, paving and worn road markings, as colours of a
//! place in metres. Which surface lies where is the scenes' business.

use nalgebra::Point2;

/// R, G, B of 0 to 255.
pub type Rgb = [f32; 3];

/// A repeatable number of 0 to 1 for a lattice point.
fn lattice(x: i64, y: i64, seed: u64) -> f64 {
    let mut h = (x as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ (y as u64).wrapping_mul(0xc2b2_ae3d_27d4_eb4f)
        ^ seed.wrapping_mul(0x1656_67b1_9e37_79f9);
    h = (h ^ (h >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    h = (h ^ (h >> 32)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((h ^ (h >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

/// Smooth noise of −1 to 1 with features of about one unit.
#[must_use]
pub fn noise(x: f64, y: f64, seed: u64) -> f64 {
    let (ix, iy) = (x.floor(), y.floor());
    let smooth = |t: f64| t * t * (3.0 - 2.0 * t);
    let (fx, fy) = (smooth(x - ix), smooth(y - iy));
    let at = |dx: i64, dy: i64| lattice(ix as i64 + dx, iy as i64 + dy, seed);
    let top = at(0, 0) * (1.0 - fx) + at(1, 0) * fx;
    let bottom = at(0, 1) * (1.0 - fx) + at(1, 1) * fx;
    (top * (1.0 - fy) + bottom * fy) * 2.0 - 1.0
}

/// Several scales of noise on top of each other, −1 to 1.
#[must_use]
pub fn rough(x: f64, y: f64, seed: u64) -> f64 {
    let octaves = [(1.0, 0.5), (2.3, 0.28), (5.1, 0.22)];
    octaves.iter().enumerate().map(|(i, (f, a))| a * noise(x * f, y * f, seed + i as u64)).sum()
}

fn shade(base: Rgb, factor: f64) -> Rgb {
    base.map(|c| c * factor as f32)
}

/// One colour over another with this share of the upper.
#[must_use]
pub fn over(under: Rgb, upper: Rgb, share: f64) -> Rgb {
    std::array::from_fn(|i| under[i] + (upper[i] - under[i]) * share as f32)
}

/// Asphalt: dark patches of repair, grain of the stones.
#[must_use]
pub fn asphalt(p: Point2<f64>, seed: u64) -> Rgb {
    let large = rough(p.x / 6.0, p.y / 6.0, seed) * 0.07;
    let grain = noise(p.x * 9.0, p.y * 9.0, seed + 7) * 0.05;
    let patch = if noise(p.x / 9.0, p.y / 4.0, seed + 9) > 0.72 { -0.09 } else { 0.0 };
    shade([118.0, 118.0, 120.0], 1.0 + large + grain + patch)
}

/// Grass, mown now and then.
#[must_use]
pub fn grass(p: Point2<f64>, seed: u64) -> Rgb {
    let value = 1.0 + rough(p.x / 2.0, p.y / 2.0, seed) * 0.22 + noise(p.x * 7.0, p.y * 7.0, seed) * 0.12;
    let dry = (rough(p.x / 11.0, p.y / 11.0, seed + 3) * 0.5 + 0.4).clamp(0.0, 1.0);
    shade(over([84.0, 104.0, 58.0], [124.0, 122.0, 78.0], dry), value)
}

/// Concrete paving slabs of 0.6 m.
#[must_use]
pub fn paving(p: Point2<f64>, seed: u64) -> Rgb {
    let (x, y) = (p.x / 0.6, p.y / 0.6);
    let slab = lattice(x.floor() as i64, y.floor() as i64, seed) * 0.10 - 0.05;
    let joint = (x - x.floor()).min(y - y.floor()) < 0.06;
    let value = 1.0 + slab + rough(p.x, p.y, seed) * 0.06 - if joint { 0.14 } else { 0.0 };
    shade([168.0, 163.0, 154.0], value)
}

/// Kerb stones.
#[must_use]
pub fn kerb(p: Point2<f64>, seed: u64) -> Rgb {
    shade([188.0, 186.0, 180.0], 1.0 + rough(p.x * 2.0, p.y * 2.0, seed) * 0.06)
}

/// Paint on asphalt, worn here and there.
#[must_use]
pub fn marking(under: Rgb, p: Point2<f64>, seed: u64) -> Rgb {
    let wear = (0.86 + rough(p.x * 1.7, p.y * 1.7, seed + 21) * 0.45).clamp(0.35, 0.95);
    over(under, [226.0, 226.0, 220.0], wear)
}

/// Whether a place along a broken line is paint: dashes of `dash` metres every `period` metres.
#[must_use]
pub fn dashed(along: f64, dash: f64, period: f64) -> bool {
    along.rem_euclid(period) < dash
}
