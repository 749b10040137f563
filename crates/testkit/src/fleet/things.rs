//! Things that come to lie on a road, and what becomes of a watched place: laid over the empty road, under everybody
//! who drives there.

use rand::RngExt;
use rand_pcg::Pcg64Mcg;
use wayside_types::{BBox, Point};

use super::footage::contains;
use super::pixels::{Clouds, Colour, Picture, lay, level, moved, veil};

/// What lies there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thing {
    /// A carton: a lit top and a dark front.
    Carton,
    /// A tyre lying flat.
    Tyre,
    /// A full bag.
    Bag,
    /// A pallet seen from above: planks.
    Pallet,
    /// A bright barrel with bands.
    Barrel,
}

/// A thing with its shadow, ready to be laid onto pictures.
#[derive(Debug)]
pub struct Placed {
    thing: Thing,
    /// Where, pixels.
    pub bbox: BBox,
    colour: Colour,
    clouds: Clouds,
}

impl Placed {
    /// A thing of a colour that chance picks, with its foot in the middle of the lower edge of a box.
    pub fn new(thing: Thing, bbox: BBox, random: &mut Pcg64Mcg) -> Self {
        let colour = match thing {
            Thing::Carton => (random.random_range(120.0..170.0), 112.0, 144.0),
            Thing::Tyre => (random.random_range(18.0..26.0), 128.0, 128.0),
            Thing::Bag => (random.random_range(150.0..220.0), 128.0, 126.0),
            Thing::Pallet => (random.random_range(130.0..175.0), 110.0, 140.0),
            Thing::Barrel => (random.random_range(110.0..140.0), 90.0, 190.0),
        };
        Self { thing, bbox, colour, clouds: Clouds::new(random) }
    }

    /// Lays it onto a picture, its shadow first.
    pub fn draw(&self, picture: &mut Picture) {
        let b = self.bbox;
        let (w, h) = (b.width(), b.height());
        let middle = (b.x1 + 0.65 * w, b.y2 - 0.12 * h);
        veil(picture, (30.0, 128.0, 128.0), |x, y| {
            let (dx, dy) = ((x as f32 - middle.0) / (0.65 * w), (y as f32 - middle.1) / (0.22 * h));
            0.5 * (1.0 - (dx * dx + dy * dy)).clamp(0.0, 1.0)
        });
        let mut body = picture.clone();
        veil(&mut body, self.colour, |_, _| 1.0);
        let area = (b.x1 as usize, b.y1 as usize, b.x2.ceil() as usize, b.y2.ceil() as usize);
        for y in area.1..area.3.min(picture.height) {
            for x in area.0..area.2.min(picture.width) {
                let v = &mut body.data[y * picture.width + x];
                *v = level(f32::from(*v) * self.shade(x, y));
            }
        }
        lay(picture, &body, area, |x, y| if self.covers(x, y) { 1.0 } else { 0.0 });
    }

    /// Place inside the box, −1 to 1 both ways.
    fn within(&self, x: usize, y: usize) -> (f32, f32) {
        let b = self.bbox;
        ((x as f32 - b.x1) / b.width() * 2.0 - 1.0, (y as f32 - b.y1) / b.height() * 2.0 - 1.0)
    }

    fn covers(&self, x: usize, y: usize) -> bool {
        let (u, v) = self.within(x, y);
        let round = u * u + v * v;
        match self.thing {
            Thing::Carton | Thing::Pallet => u.abs() <= 1.0 && v.abs() <= 1.0,
            Thing::Tyre => (0.16..=1.0).contains(&round),
            Thing::Bag => round <= 0.75 + 0.25 * self.clouds.at(u * 2.0 + 4.0, v * 2.0 + 4.0),
            Thing::Barrel => u.abs() <= 0.8 && v.abs() <= 1.0,
        }
    }

    fn shade(&self, x: usize, y: usize) -> f32 {
        let (u, v) = self.within(x, y);
        let stripes = |n: f32, dark: f32| if ((v + 1.0) * n).rem_euclid(2.0) < 1.4 { 1.0 } else { dark };
        match self.thing {
            Thing::Carton if v < -0.2 => 1.15 - 0.1 * u,
            Thing::Carton => 0.55 + 0.1 * u,
            Thing::Tyre => 1.0 + 0.5 * (1.0 - v),
            Thing::Bag => 0.55 + 0.6 * self.clouds.at(u * 3.0, v * 3.0) - 0.15 * v,
            Thing::Pallet => stripes(4.0, 0.35),
            Thing::Barrel => stripes(2.0, 1.7) * (1.0 - 0.35 * u.abs()),
        }
    }
}

/// What becomes of a watched place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Water stands over it, rising within some seconds: even, with ripples and a sheen.
    Water,
    /// A sheet lies over it.
    Covered,
    /// What was there has been pushed aside.
    Displaced,
    /// Mud: dark and rough.
    Mud,
}

/// A change of a place (polygon of fractions), from a time on.
#[derive(Debug)]
pub struct Changed {
    change: Change,
    polygon: Vec<Point>,
    from_s: f64,
    light: f32,
    clouds: Clouds,
    shift: (f32, f32, f32),
}

impl Changed {
    /// With what chance decides.
    pub fn new(change: Change, polygon: &[Point], from_s: f64, random: &mut Pcg64Mcg) -> Self {
        let range = |pick: fn(&Point) -> f64| {
            let all = polygon.iter().map(pick);
            all.fold((1.0_f64, 0.0_f64), |(low, high), v| (low.min(v), high.max(v)))
        };
        let (x, y) = (range(|p| p.x), range(|p| p.y));
        let sign = if random.random::<bool>() { 1.0 } else { -1.0 };
        let shift = (
            sign * random.random_range(0.3..0.5) * (x.1 - x.0) as f32,
            random.random_range(0.25..0.5) * (y.1 - y.0) as f32,
            random.random_range(0.2..0.6_f32),
        );
        let light = match change {
            Change::Water => random.random_range(75.0..130.0),
            Change::Covered => random.random_range(60.0..190.0),
            Change::Mud => random.random_range(35.0..55.0),
            Change::Displaced => 0.0,
        };
        Self { change, polygon: polygon.to_vec(), from_s, light, clouds: Clouds::new(random), shift }
    }

    /// Lays it onto the empty road at a time of the scene.
    pub fn draw(&self, t: f64, picture: &mut Picture) {
        if t < self.from_s {
            return;
        }
        let (w, h) = (picture.width as f32, picture.height as f32);
        let now = match self.change {
            Change::Water | Change::Mud => super::sight::rise(t, self.from_s, 2.0),
            Change::Covered | Change::Displaced => 1.0,
        };
        let other = match self.change {
            Change::Displaced => moved(picture, self.shift.0 * w, self.shift.1 * h, self.shift.2),
            _ => self.surface(t, picture),
        };
        let area = (0, 0, picture.width, picture.height);
        lay(picture, &other, area, |x, y| {
            // Water and mud end in no straight line.
            let wobble = match self.change {
                Change::Water | Change::Mud => {
                    0.02 * (self.clouds.at(x as f32 / 12.0, y as f32 / 12.0) - 0.5)
                }
                _ => 0.0,
            };
            let p = Point::new(f64::from(x as f32 / w + wobble), f64::from(y as f32 / h + wobble));
            if contains(&self.polygon, p) { now } else { 0.0 }
        });
    }

    fn surface(&self, t: f64, picture: &Picture) -> Picture {
        let mut surface = picture.clone();
        let drift = t as f32 * 0.6;
        let width = picture.width;
        for (i, v) in surface.data[..width * picture.height].iter_mut().enumerate() {
            let (x, y) = ((i % width) as f32, (i / width) as f32);
            *v = level(match self.change {
                Change::Water => {
                    0.12 * f32::from(*v)
                        + 0.88 * self.light
                        + 10.0 * (self.clouds.at(x / 22.0 + drift, y / 9.0) - 0.5)
                }
                Change::Mud => self.light + 22.0 * (self.clouds.at(x / 7.0, y / 7.0) - 0.5),
                _ => self.light + 5.0 * (self.clouds.at(x / 40.0, y / 40.0) - 0.5),
            });
        }
        surface
    }
}
