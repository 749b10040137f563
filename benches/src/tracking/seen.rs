//! What a camera above the road sees of the traffic, and what a detector makes of it: boxes that are off, scores that
//! come and go, vehicles hidden by others or missed for a while, parts of vehicles, and things that are none.

use std::collections::HashMap;

use rand::{Rng, RngExt};
use wayside_types::{BBox, Detection, FrameSize, Point, RoadUserClass};

use super::traffic::{Lane, Traffic, Vehicle};

/// The picture.
pub const SIZE: FrameSize = FrameSize { width: 640, height: 360 };
/// Smaller than this nobody is asked to see it.
const SMALLEST_PX: f32 = 7.0;
/// Less of a vehicle than this, and it counts as out of sight.
const VISIBLE: f64 = 0.25;
/// How long a detector's mood about one vehicle lasts.
const MOOD_S: f64 = 0.8;

/// How the camera stands: it looks along y.
#[derive(Debug, Clone, Copy)]
pub struct View {
    pub focal_px: f64,
    /// Above the ground.
    pub height_m: f64,
    /// Down from level.
    pub pitch_rad: f64,
}

impl Default for View {
    fn default() -> Self {
        Self { focal_px: 560.0, height_m: 12.0, pitch_rad: 0.33 }
    }
}

/// What makes it hard for the detector.
#[derive(Debug, Clone, Copy)]
pub struct Trouble {
    /// Boxes are off by so many times the usual.
    pub noise: f64,
    /// Share of detections that are missing for no reason.
    pub misses: f64,
    /// Added to the logit of every score: light.
    pub light: f64,
    /// How far one sees, metres; the logit falls by 1 for each.
    pub fog_m: f64,
    /// Share of detections with another one of half the vehicle.
    pub halves: f64,
    /// Share of buses and lorries, and a fifth of it of cars, of which a part is for long taken for a vehicle as well: a
    /// cab, a load, a half.
    pub parts: f64,
    /// Share of buses and lorries, and a seventh as many cars, that look like another class, some now and then, some nearly always.
    /// With 0 a fifth of the detections of every lorry are of a car.
    pub alike: f64,
    /// Places that look like vehicles now and then.
    pub clutter: usize,
    /// Share of frames with a box around nothing.
    pub ghosts: f64,
}

impl Default for Trouble {
    fn default() -> Self {
        Self {
            noise: 1.0,
            misses: 0.03,
            light: 0.0,
            fog_m: f64::INFINITY,
            halves: 0.03,
            parts: 0.0,
            alike: 0.0,
            clutter: 4,
            ghosts: 0.3,
        }
    }
}

/// One vehicle as it truly appears.
pub struct Truth {
    pub id: u32,
    pub bbox: BBox,
    class: RoadUserClass,
    visible: f64,
    depth_m: f64,
}

/// What stays from frame to frame of what a detector thinks.
pub struct Seer {
    trouble: Trouble,
    moods: HashMap<u32, [f64; 5]>,
    parts: HashMap<u32, Option<Part>>,
    /// As which other class a vehicle appears, and in which share of its detections.
    alike: HashMap<u32, Option<(RoadUserClass, f64)>>,
    clutter: Vec<(BBox, f64)>,
}

/// Everybody in view and not hidden.
pub fn truth(traffic: &Traffic, view: &View) -> Vec<Truth> {
    let mut seen: Vec<(f64, BBox, BBox, &Vehicle)> = Vec::new();
    for (lane, vehicles) in &traffic.lanes {
        for vehicle in vehicles {
            if let Some((depth, whole)) = project(lane, vehicle, view) {
                seen.push((depth, whole, clipped(&whole), vehicle));
            }
        }
    }
    seen.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut all = Vec::new();
    for (index, (depth_m, whole, bbox, vehicle)) in seen.iter().enumerate() {
        let inside = bbox.area() / whole.area().max(1.0);
        if inside < 0.3 || bbox.width().min(bbox.height()) < SMALLEST_PX {
            continue;
        }
        let nearer: Vec<BBox> = seen.iter().take(index).map(|(_, _, bbox, _)| *bbox).collect();
        let visible = uncovered(bbox, &nearer);
        if visible >= VISIBLE {
            all.push(Truth { id: vehicle.id, bbox: *bbox, class: vehicle.class, visible, depth_m: *depth_m });
        }
    }
    all
}

/// Where in the picture (px) the reference points of all vehicles are, hidden ones too.
pub fn references(traffic: &Traffic, view: &View) -> Vec<(u32, RoadUserClass, Point)> {
    let all = traffic.lanes.iter().flat_map(|(lane, vehicles)| vehicles.iter().map(move |v| (lane, v)));
    let placed = all.filter_map(|(lane, vehicle)| {
        let bbox = clipped(&project(lane, vehicle, view)?.1);
        (bbox.area() > 0.0).then(|| (vehicle.id, vehicle.class, bbox.reference()))
    });
    placed.collect()
}

/// Where in the picture (px) a place on the ground (metres) is.
pub fn place(view: &View, [x, y]: [f64; 2]) -> Point {
    let (u, v, _) = view.see(x, y, 0.0);
    Point::new(u, v)
}

impl View {
    /// Pixel and depth of a place in space.
    fn see(&self, x: f64, y: f64, z: f64) -> (f64, f64, f64) {
        let (sin, cos) = self.pitch_rad.sin_cos();
        let ahead = y * cos - (z - self.height_m) * sin;
        let up = y * sin + (z - self.height_m) * cos;
        let u = f64::from(SIZE.width) / 2.0 + self.focal_px * x / ahead;
        let v = f64::from(SIZE.height) / 2.0 - self.focal_px * up / ahead;
        (u, v, ahead)
    }
}

/// Depth and box of a cuboid on the ground, if it is in front of the camera.
fn project(lane: &Lane, vehicle: &Vehicle, view: &View) -> Option<(f64, BBox)> {
    let (dx, dy) = (lane.to[0] - lane.from[0], lane.to[1] - lane.from[1]);
    let length = dx.hypot(dy);
    let (ux, uy) = (dx / length, dy / length);
    let [long, wide, high] = vehicle.size_m;
    let (mut x1, mut y1, mut x2, mut y2) = (f64::MAX, f64::MAX, f64::MIN, f64::MIN);
    let mut depth = f64::MAX;
    for back in [0.0, long] {
        for side in [-wide / 2.0, wide / 2.0] {
            for z in [0.0, high] {
                let along = vehicle.s - back;
                let x = lane.from[0] + ux * along - uy * side;
                let y = lane.from[1] + uy * along + ux * side;
                let (u, v, ahead) = view.see(x, y, z);
                if ahead < 4.0 {
                    return None;
                }
                (x1, y1, x2, y2) = (x1.min(u), y1.min(v), x2.max(u), y2.max(v));
                depth = depth.min(ahead);
            }
        }
    }
    Some((depth, BBox::new(x1 as f32, y1 as f32, x2 as f32, y2 as f32)))
}

fn clipped(bbox: &BBox) -> BBox {
    let (width, height) = (SIZE.width as f32, SIZE.height as f32);
    let x = |v: f32| v.clamp(0.0, width);
    let y = |v: f32| v.clamp(0.0, height);
    BBox::new(x(bbox.x1), y(bbox.y1), x(bbox.x2), y(bbox.y2))
}

/// The share of a box that no other covers, on a grid of 8 × 8.
fn uncovered(bbox: &BBox, others: &[BBox]) -> f64 {
    let mut free = 0;
    for i in 0..64_u8 {
        let x = bbox.x1 + bbox.width() * (f32::from(i % 8) + 0.5) / 8.0;
        let y = bbox.y1 + bbox.height() * (f32::from(i / 8) + 0.5) / 8.0;
        free += u32::from(!others.iter().any(|o| o.x1 <= x && x <= o.x2 && o.y1 <= y && y <= o.y2));
    }
    f64::from(free) / 64.0
}

impl Seer {
    pub fn new(trouble: Trouble, random: &mut impl Rng) -> Self {
        let spot = |random: &mut _| {
            let (x, y) = (uniform(random, 0.0, 580.0), uniform(random, 60.0, 320.0));
            let (w, h) = (uniform(random, 15.0, 60.0), uniform(random, 12.0, 40.0));
            (BBox::new(x as f32, y as f32, (x + w) as f32, (y + h) as f32), uniform(random, -3.0, 0.0))
        };
        let clutter = (0..trouble.clutter).map(|_| spot(random)).collect();
        Self { trouble, moods: HashMap::new(), parts: HashMap::new(), alike: HashMap::new(), clutter }
    }

    /// What a detector finds in a frame, `dt` seconds after the one before.
    pub fn detect(&mut self, truth: &[Truth], dt: f64, random: &mut impl Rng) -> Vec<Detection> {
        let keep = (-dt / MOOD_S).exp();
        let fresh = (1.0 - keep * keep).sqrt();
        let Trouble { noise, misses, light, fog_m, halves, parts, ghosts, .. } = self.trouble;
        let mut found = Vec::new();
        for vehicle in truth {
            let mood =
                self.moods.entry(vehicle.id).or_insert_with(|| std::array::from_fn(|_| normal(random)));
            mood.iter_mut().for_each(|m| *m = *m * keep + fresh * normal(random));
            let (w, h) = (vehicle.bbox.width(), vehicle.bbox.height());
            let large = (f64::from((w * h).sqrt()) / 18.0).ln();
            let logit = 0.9 + 1.1 * large + 0.9 * mood[0] + 0.5 * normal(random)
                - 5.0 * (1.0 - vehicle.visible)
                + light
                - vehicle.depth_m / fog_m;
            let score = logistic(logit).min(0.95);
            if score < 0.1 || random.random::<f64>() < misses {
                continue;
            }
            let mut off = |n: usize, side: f32| {
                (noise * (f64::from(side) * (0.02 * mood[n] + 0.025 * normal(random)) + 0.5 * normal(random)))
                    as f32
            };
            let b = &vehicle.bbox;
            let bbox = BBox::new(b.x1 + off(1, w), b.y1 + off(2, h), b.x2 + off(3, w), b.y2 + off(4, h));
            let class = self.class_of(vehicle, random);
            found.push(Detection { bbox, class, score: score as f32 });
            if random.random::<f64>() < halves {
                let half = BBox::new(b.x1, b.y1, b.x1 + w * 0.55, b.y2);
                found.push(Detection { bbox: half, class: RoadUserClass::Car, score: (0.6 * score) as f32 });
            }
            if parts > 0.0 {
                let part =
                    self.parts.entry(vehicle.id).or_insert_with(|| Part::draw(parts, vehicle.class, random));
                let seen = part.as_mut().and_then(|part| part.see(&bbox, score, (keep, fresh), random));
                // A detector that is taken with the part at times forgets the whole.
                if let Some((part, instead)) = seen {
                    if instead {
                        found.pop();
                    }
                    found.push(part);
                }
            }
        }
        for (bbox, mood) in &mut self.clutter {
            *mood = -2.0 + (*mood + 2.0) * keep + fresh * normal(random);
            let score = logistic(*mood);
            if score >= 0.1 {
                found.push(Detection { bbox: *bbox, class: RoadUserClass::Car, score: score as f32 });
            }
        }
        if random.random::<f64>() < ghosts {
            let (x, y) = (uniform(random, 0.0, 600.0), uniform(random, 30.0, 330.0));
            let bbox = BBox::new(x as f32, y as f32, (x + 30.0) as f32, (y + 22.0) as f32);
            let score = uniform(random, 0.1, 0.45) as f32;
            found.push(Detection { bbox, class: RoadUserClass::Car, score });
        }
        found.retain(|d| d.bbox.width() > 2.0 && d.bbox.height() > 2.0);
        found
    }

    /// As which class a vehicle appears in a frame.
    fn class_of(&mut self, vehicle: &Truth, random: &mut impl Rng) -> RoadUserClass {
        let share = self.trouble.alike;
        let other = if share > 0.0 {
            *self.alike.entry(vehicle.id).or_insert_with(|| draw_alike(share, vehicle.class, random))
        } else {
            (vehicle.class == RoadUserClass::Truck).then_some((RoadUserClass::Car, 0.2))
        };
        other.filter(|(_, often)| random.random::<f64>() < *often).map_or(vehicle.class, |(other, _)| other)
    }
}

/// Whether a vehicle looks like one of another class, and how often.
fn draw_alike(share: f64, class: RoadUserClass, random: &mut impl Rng) -> Option<(RoadUserClass, f64)> {
    use RoadUserClass::{Bus, Car, Truck};
    let (likely, unlikely, share) = match class {
        Truck => (Car, Bus, share),
        Bus => (Truck, Car, share),
        Car => (Truck, Bus, share / 7.0),
        _ => return None,
    };
    let looks = random.random::<f64>() < share;
    let other = if random.random::<f64>() < 0.8 { likely } else { unlikely };
    let often = random.random::<f64>();
    looks.then_some((other, often))
}

/// A part of a vehicle that looks like one.
struct Part {
    /// Left, top, right and bottom, in shares of the box.
    sides: [f32; 4],
    class: RoadUserClass,
    mood: f64,
    /// How sure the detector is of it, against the whole: a logit.
    bias: f64,
}

impl Part {
    fn draw(share: f64, class: RoadUserClass, random: &mut impl Rng) -> Option<Self> {
        let large = matches!(class, RoadUserClass::Truck | RoadUserClass::Bus);
        let has = random.random::<f64>() < if large { share } else { share / 5.0 };
        let reach = uniform(random, 0.35, 0.8) as f32;
        let sides = match random.random_range(0..4) {
            0 => [0.0, 0.0, reach, 1.0],
            1 => [1.0 - reach, 0.0, 1.0, 1.0],
            2 => [0.0, 1.0 - reach, 1.0, 1.0],
            _ => [0.05, 0.0, 0.95, reach],
        };
        let lorry = large && random.random::<f64>() < 0.6;
        let class = if lorry { RoadUserClass::Truck } else { RoadUserClass::Car };
        let (mood, bias) = (normal(random), uniform(random, -2.5, 1.0));
        has.then_some(Self { sides, class, mood, bias })
    }

    /// The part where it is seen, and whether instead of the whole, whose box and score these are.
    fn see(
        &mut self,
        whole: &BBox,
        score: f64,
        (keep, fresh): (f64, f64),
        random: &mut impl Rng,
    ) -> Option<(Detection, bool)> {
        self.mood = self.mood * keep + fresh * normal(random);
        let logit = (score / (1.0 - score)).ln() + self.bias + self.mood;
        let part = logistic(logit).min(0.95);
        let [left, top, right, bottom] = self.sides;
        let (w, h) = (whole.width(), whole.height());
        let mut off = |side: f32| side * 0.03 * normal(random) as f32;
        let bbox = BBox::new(
            whole.x1 + left * w + off(w),
            whole.y1 + top * h + off(h),
            whole.x1 + right * w + off(w),
            whole.y1 + bottom * h + off(h),
        );
        let detection = Detection { bbox, class: self.class, score: part as f32 };
        (part >= 0.1).then_some((detection, self.mood + self.bias > 1.8))
    }
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

pub fn uniform(random: &mut impl Rng, from: f64, to: f64) -> f64 {
    from + (to - from) * random.random::<f64>()
}

/// Standard normal (Box and Muller, 1958).
fn normal(random: &mut impl Rng) -> f64 {
    let (a, b): (f64, f64) = (random.random(), random.random());
    (-2.0 * (1.0 - a).ln()).sqrt() * (std::f64::consts::TAU * b).cos()
}
