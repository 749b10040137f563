//! What lies between the road and the picture: weather, light, the sensor, and the camera's own faults. Each takes a
//! scene and gives the scene seen through it.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use wayside_types::BBox;

use super::pixels::{Clouds, Picture, blurred, each, level, moved, noisy, veil};
use super::scene::Scene;

/// Noise of a usual sensor, grey levels.
const SENSOR_NOISE: f32 = 1.2;
/// Neutral chroma.
const GREY: f32 = 128.0;

/// A random source of its own.
pub fn fork(random: &mut Pcg64Mcg) -> Pcg64Mcg {
    Pcg64Mcg::seed_from_u64(random.random())
}

/// Through a sensor with this noise, grey levels.
pub fn noise<'a>(scene: Scene<'a>, random: &mut Pcg64Mcg, deviation: f32) -> Scene<'a> {
    let mut random = fork(random);
    scene.seen(move |_, mut picture| {
        noisy(&mut picture, deviation, &mut random);
        picture
    })
}

/// By night: dark by a gamma, lamps of vehicles shining, and a noisy sensor. `boxes` says where vehicles are.
pub fn night<'a>(
    scene: Scene<'a>,
    random: &mut Pcg64Mcg,
    gamma: f32,
    boxes: impl Fn(f64) -> Vec<BBox> + 'a,
) -> Scene<'a> {
    let mut random = fork(random);
    scene.seen(move |t, mut picture| {
        each(&mut picture, |_, _, v| 16.0 + 219.0 * ((v - 16.0).max(0.0) / 219.0).powf(gamma));
        let quarter = picture.width * picture.height / 4;
        for chroma in &mut picture.data[4 * quarter..] {
            *chroma = level(GREY + (f32::from(*chroma) - GREY) * 0.5);
        }
        boxes(t).iter().for_each(|b| flares(&mut picture, b));
        noisy(&mut picture, 3.0, &mut random);
        picture
    })
}

/// Two lamps at the lower edge of a box, with their halo and their shine on a wet road below.
pub fn flares(picture: &mut Picture, b: &BBox) {
    let size = b.width().min(b.height());
    let (radius, y) = (0.16 * size, b.y2 - 0.25 * b.height());
    let lamps = [b.x1 + 0.15 * b.width(), b.x2 - 0.15 * b.width()];
    let reach = size as usize + 2;
    let (x0, x1) =
        ((b.x1 as usize).saturating_sub(reach), (b.x2.max(0.0) as usize + reach).min(picture.width));
    let (y0, y1) =
        ((b.y1 as usize).saturating_sub(reach), (b.y2.max(0.0) as usize + 2 * reach).min(picture.height));
    for py in y0..y1 {
        for px in x0..x1 {
            let shine = lamps.iter().map(|&x| {
                let (dx, dy) = ((px as f32 - x) / radius, (py as f32 - y) / radius);
                let halo = (-(dx * dx + dy * dy) / 2.0).exp();
                let below = if dy > 0.0 { 0.45 * (-dx * dx / 1.5).exp() * (-dy / 6.0).exp() } else { 0.0 };
                halo.max(below)
            });
            let share = shine.fold(0.0, f32::max);
            let v = &mut picture.data[py * picture.width + px];
            *v = level(f32::from(*v) + (245.0 - f32::from(*v)) * share);
        }
    }
}

/// Through rain: so many bright streaks in each frame, and a veil of this share.
pub fn rain<'a>(scene: Scene<'a>, random: &mut Pcg64Mcg, streaks: usize, share: f32) -> Scene<'a> {
    let mut random = fork(random);
    scene.seen(move |_, mut picture| {
        if share > 0.0 {
            veil(&mut picture, (150.0, GREY, GREY), |_, _| share);
        }
        self::streaks(&mut picture, streaks, &mut random);
        picture
    })
}

/// So many bright streaks in one frame.
pub fn streaks(picture: &mut Picture, count: usize, random: &mut Pcg64Mcg) {
    (0..count).for_each(|_| streak(picture, random));
}

fn streak(picture: &mut Picture, random: &mut Pcg64Mcg) {
    let (w, h) = (picture.width, picture.height);
    let (x, y) = (random.random_range(0..w), random.random_range(0..h));
    let (length, lean) = (random.random_range(8..28), random.random_range(-0.15..0.15_f32));
    let bright = random.random_range(12.0..45.0_f32);
    for i in 0..length {
        let (px, py) = (x as f32 + lean * i as f32, y + i);
        if (0.0..w as f32).contains(&px) && py < h {
            let v = &mut picture.data[py * w + px as usize];
            *v = level(f32::from(*v) + bright);
        }
    }
}

/// How a thing comes: nothing before `from_s`, all of it `over_s` later.
pub fn rise(t: f64, from_s: f64, over_s: f64) -> f32 {
    ((t - from_s) / over_s.max(1e-6)).clamp(0.0, 1.0) as f32
}

/// How far away each row of a picture is, 1 at its lower edge: a level road seen from above, with the horizon so far
/// up (share of the height; negative lies above the picture).
pub fn depth(row: f32, horizon: f32) -> f32 {
    ((1.0 - horizon) / (row - horizon).max(0.02)).min(12.0)
}

/// Fog that comes within some seconds and takes so much a unit of depth.
pub fn fog<'a>(
    scene: Scene<'a>,
    from_s: f64,
    over_s: f64,
    thick: f32,
    horizon: f32,
    light: f32,
) -> Scene<'a> {
    let mut random = Pcg64Mcg::seed_from_u64(u64::from(thick.to_bits()));
    scene.seen(move |t, mut picture| {
        let now = thick * rise(t, from_s, over_s);
        if now > 0.0 {
            let height = picture.height as f32;
            veil(&mut picture, (light, GREY, GREY), |_, y| {
                1.0 - (-now * depth(y as f32 / height, horizon)).exp()
            });
            // The sensor's own noise is not behind the fog.
            noisy(&mut picture, SENSOR_NOISE, &mut random);
        }
        picture
    })
}

/// Smoke that drifts through the picture, thickest where its clouds are; `least` to `most` of it is hidden.
pub fn smoke<'a>(
    scene: Scene<'a>,
    random: &mut Pcg64Mcg,
    from_s: f64,
    (least, most): (f32, f32),
    light: f32,
) -> Scene<'a> {
    let clouds = Clouds::new(random);
    let mut random = fork(random);
    let (vx, vy) = (random.random_range(0.15..0.5_f32), random.random_range(-0.3..-0.1_f32));
    scene.seen(move |t, mut picture| {
        let now = rise(t, from_s, 3.0);
        if now > 0.0 {
            let scale = 5.0 / picture.width as f32;
            let (ox, oy) = (vx * t as f32, vy * t as f32);
            veil(&mut picture, (light, GREY, GREY), |x, y| {
                let cloud = clouds.at(x as f32 * scale - ox, y as f32 * scale - oy);
                now * (least + (most - least) * ((cloud - 0.25) * 2.0).clamp(0.0, 1.0))
            });
            noisy(&mut picture, SENSOR_NOISE, &mut random);
        }
        picture
    })
}

/// A cloud passes: the light falls to a share of itself and comes back.
pub fn cloud<'a>(scene: Scene<'a>, at_s: f64, half_s: f64, to: f32) -> Scene<'a> {
    scene.seen(move |t, mut picture| {
        let dim = (1.0 - ((t - at_s) / half_s).abs() as f32).clamp(0.0, 1.0) * (1.0 - to);
        if dim > 0.0 {
            each(&mut picture, |_, _, v| 16.0 + (v - 16.0) * (1.0 - dim));
        }
        picture
    })
}

/// Dusk: a gamma that grows from 1 over the scene.
pub fn dusk<'a>(scene: Scene<'a>, from_s: f64, over_s: f64, gamma: f32) -> Scene<'a> {
    scene.seen(move |t, mut picture| {
        let now = 1.0 + (gamma - 1.0) * rise(t, from_s, over_s);
        each(&mut picture, |_, _, v| 16.0 + 219.0 * ((v - 16.0).max(0.0) / 219.0).powf(now));
        picture
    })
}

/// A shadow with a soft edge that moves over the picture from one side, to cover a share of its width, and stays.
pub fn shadow<'a>(scene: Scene<'a>, from_s: f64, over_s: f64, to: f32, dark: f32) -> Scene<'a> {
    scene.seen(move |t, mut picture| {
        let width = picture.width as f32;
        let edge = to * width * rise(t, from_s, over_s);
        if edge > 0.0 {
            each(&mut picture, |x, y, v| {
                let inside = ((edge - x as f32 - 0.3 * y as f32) / 12.0).clamp(0.0, 1.0);
                16.0 + (v - 16.0) * (1.0 - inside * (1.0 - dark))
            });
        }
        picture
    })
}

/// The camera shakes by so many pixels.
pub fn shake<'a>(scene: Scene<'a>, random: &mut Pcg64Mcg, px: f32) -> Scene<'a> {
    let (a, b) = (random.random_range(5.0..9.0_f64), random.random_range(8.0..13.0_f64));
    scene.seen(move |t, picture| moved(&picture, px * (t * a).sin() as f32, px * (t * b).cos() as f32, 0.0))
}

/// The camera looks elsewhere from a time on: by pixels, and turned by radians.
pub fn turned<'a>(scene: Scene<'a>, from_s: f64, to_s: f64, (dx, dy): (f32, f32), turn: f32) -> Scene<'a> {
    scene.seen(
        move |t, picture| {
            if (from_s..to_s).contains(&t) { moved(&picture, dx, dy, turn) } else { picture }
        },
    )
}

/// Out of focus from a time on.
pub fn defocused<'a>(scene: Scene<'a>, from_s: f64, to_s: f64, radius: usize) -> Scene<'a> {
    let mut random = Pcg64Mcg::seed_from_u64(radius as u64);
    scene.seen(move |t, picture| {
        if !(from_s..to_s).contains(&t) {
            return picture;
        }
        let mut soft = blurred(&picture, radius);
        // The sensor is behind the lens.
        noisy(&mut soft, SENSOR_NOISE, &mut random);
        soft
    })
}

/// Dirt on the lens from a time on: what it covers is out of focus and of one colour; `share` of the picture is.
pub fn dirt<'a>(scene: Scene<'a>, random: &mut Pcg64Mcg, from_s: f64, share: f32, opaque: f32) -> Scene<'a> {
    let clouds = Clouds::new(random);
    let light = random.random_range(60.0..150.0_f32);
    let mut limit = None;
    scene.seen(move |t, mut picture| {
        if t < from_s {
            return picture;
        }
        let scale = 6.0 / picture.width as f32;
        let at = |x: usize, y: usize| clouds.at(x as f32 * scale, y as f32 * scale);
        let limit = *limit.get_or_insert_with(|| {
            let (w, h) = (picture.width, picture.height);
            let mut all: Vec<f32> = (0..h)
                .step_by(8)
                .flat_map(|y| (0..w).step_by(8).map(move |x| (x, y)))
                .map(|(x, y)| at(x, y))
                .collect();
            all.sort_by(f32::total_cmp);
            all[((1.0 - share) * (all.len() - 1) as f32) as usize]
        });
        let soft = blurred(&picture, picture.width / 40);
        let cover = |x: usize, y: usize| ((at(x, y) - limit) * 25.0 + 0.5).clamp(0.0, 1.0);
        let size = (0, 0, picture.width, picture.height);
        super::pixels::lay(&mut picture, &soft, size, cover);
        veil(&mut picture, (light, GREY, GREY), |x, y| opaque * cover(x, y));
        picture
    })
}

/// From a time on, one colour, with the noise of a receiver.
pub fn flat<'a>(
    scene: Scene<'a>,
    random: &mut Pcg64Mcg,
    from_s: f64,
    to_s: f64,
    colour: (u8, u8, u8),
    grain: f32,
) -> Scene<'a> {
    let mut random = fork(random);
    scene.seen(move |t, mut picture| {
        if (from_s..to_s).contains(&t) {
            let luma = picture.width * picture.height;
            picture.data[..luma].fill(colour.0);
            picture.data[luma..luma * 5 / 4].fill(colour.1);
            picture.data[luma * 5 / 4..].fill(colour.2);
            if grain > 0.0 {
                noisy(&mut picture, grain, &mut random);
            }
        }
        picture
    })
}

/// From a time on, the same picture; with `of` more than 1, the last so many by turns.
pub fn frozen<'a>(scene: Scene<'a>, from_s: f64, to_s: f64) -> Scene<'a> {
    let mut last = None;
    scene.seen(move |t, picture| {
        if (from_s..to_s).contains(&t) {
            return last.clone().unwrap_or(picture);
        }
        last = Some(picture.clone());
        picture
    })
}
