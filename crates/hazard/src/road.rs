//! Road users with what is remembered of their way: where they were in the last seconds, since when they stand, how
//! far they came. Which of that is a hazard is for the rules to say.

use std::collections::{HashMap, VecDeque};

use wayside_types::{
    BBox, FrameSize, GroundMap, Place, Point, RoadUserClass, Timestamp, Track, TrackId, TrackUpdate, Zone,
    ZoneKind,
};

use crate::cars::Cars;
use crate::{before, seconds};

/// How long a way is remembered.
const TRAIL_S: f64 = 8.0;
/// Places closer together in time than this are not kept apart, so that 25 frames a second cost no more than 10.
const SPACING_S: f64 = 0.09;
/// Speeds are taken over about this long …
const SPEED_S: f64 = 1.0;
/// … and over no less than this.
const LEAST_SPEED_S: f64 = 0.35;
/// Who stays within this many box units for [`SETTLE_S`] stands.
const SETTLE_UNITS: f64 = 0.2;
const SETTLE_S: f64 = 1.0;
/// And its box keeps its size but for this share.
const SETTLE_GROWTH: f64 = 0.2;
/// Who is further than this from where it stood, for [`LEAVE_S`], has left.
const LEAVE_UNITS: f64 = 0.35;
const LEAVE_S: f64 = 0.5;
/// Who drove this share of the way that is asked for drove the last bit of it.
const ROLLED_SHARE: f64 = 0.5;
/// Places this close to where somebody came to stand are the last bit of its way there, box units.
const APPROACH_UNITS: (f64, f64) = (0.15, 1.5);

/// The last of the picture at its edge, fractions.
const EDGE: f64 = 1e-3;

/// One place on a way.
#[derive(Debug, Clone, Copy)]
pub struct Fix {
    pub at: Timestamp,
    /// Reference point, px.
    pub p: Point,
    /// Square root of the box's area, px.
    pub unit: f64,
}

/// Where and since when somebody stands.
#[derive(Debug, Clone, Copy)]
pub struct Anchor {
    pub place: Point,
    pub since: Timestamp,
    /// Since when it is further from there than one who stands.
    pub left: Option<Timestamp>,
}

/// A road user that is seen in this very frame.
#[derive(Debug, Clone)]
pub struct RoadUser {
    pub id: TrackId,
    pub class: RoadUserClass,
    pub bbox: BBox,
    /// Reference point, px.
    pub p: Point,
    /// The same in fractions of the picture.
    pub image: Point,
    pub unit: f64,
    /// Its box's area against that of a car there.
    pub car_share: Option<f64>,
    pub score: f32,
    /// Mean score since it stands; the score while it does not.
    pub standing_score: f64,
    pub confirmed: bool,
    /// Indices of the zones that its reference point is in.
    pub zones: Vec<usize>,
    /// Box units a second.
    pub speed_units: Option<f64>,
    /// Metres a second on the ground.
    pub speed_mps: Option<f64>,
    pub anchor: Option<Anchor>,
    /// Whether it drove up to where it stands rather than being found there.
    pub arrived: bool,
    /// Whether it was seen to drive the last bit up to there.
    pub rolled: bool,
}

/// A zone and what of it the rules ask.
#[derive(Debug, Clone)]
pub struct RoadZone {
    pub zone: Zone,
    /// Fractions inside it, for occupancy.
    pub samples: Vec<Point>,
}

impl RoadZone {
    /// Whether vehicles drive there.
    pub fn is_road(&self) -> bool {
        matches!(self.zone.kind, ZoneKind::Lane | ZoneKind::Carriageway)
    }
}

#[derive(Debug)]
struct Past {
    trail: VecDeque<Fix>,
    first: Fix,
    /// Furthest it was from its first place, box units.
    reach: f64,
    anchor: Option<Anchor>,
    arrived: bool,
    rolled: bool,
    /// Mean score since it stands, and of how many looks.
    score: (f64, f64),
}

/// All road users of one camera and its zones.
pub struct Road {
    pub size: FrameSize,
    pub zones: Vec<RoadZone>,
    pub cars: Cars,
    ground: Option<Box<dyn GroundMap>>,
    pasts: HashMap<TrackId, Past>,
    min_travel_boxes: f64,
}

impl Road {
    pub fn new(
        zones: &[Zone],
        size: FrameSize,
        ground: Option<Box<dyn GroundMap>>,
        min_travel_boxes: f64,
    ) -> Self {
        let zones = zones.iter().map(|z| RoadZone { zone: z.clone(), samples: samples(z) }).collect();
        Self { size, zones, cars: Cars::default(), ground, pasts: HashMap::new(), min_travel_boxes }
    }

    /// Whether places on the ground are known.
    pub fn is_calibrated(&self) -> bool {
        self.ground.is_some()
    }

    /// Pixels to fractions.
    pub fn image(&self, p: Point) -> Point {
        Point::new(p.x / f64::from(self.size.width.max(1)), p.y / f64::from(self.size.height.max(1)))
    }

    /// Where on the ground a place of the picture (fractions) is.
    pub fn to_ground(&self, image: Point) -> Option<Point> {
        self.ground.as_ref()?.to_ground(image)
    }

    /// A place of the picture (fractions) and of the ground.
    pub fn place(&self, image: Point) -> Place {
        Place { image, ground_m: self.to_ground(image) }
    }

    /// The share of the lower third of a box (px) that a zone holds.
    pub fn footprint_share(&self, b: &BBox, zone: usize) -> f64 {
        const ACROSS: u32 = 6;
        const DOWN: u32 = 3;
        let at = |from: f32, to: f32, i: u32, of: u32| {
            f64::from(from) + f64::from(to - from) * (f64::from(i) + 0.5) / f64::from(of)
        };
        let top = b.y2 - b.height() / 3.0;
        let places = (0..ACROSS * DOWN)
            .map(|i| Point::new(at(b.x1, b.x2, i % ACROSS, ACROSS), at(top, b.y2, i / ACROSS, DOWN)));
        let inside =
            places.filter(|p| self.zones[zone].zone.contains(within_picture(self.image(*p)))).count();
        inside as f64 / f64::from(ACROSS * DOWN)
    }

    /// Everybody is somebody else from now on.
    pub fn forget(&mut self) {
        self.pasts.clear();
    }

    /// The way of somebody, oldest place first.
    pub fn trail(&self, id: TrackId) -> impl DoubleEndedIterator<Item = &Fix> {
        self.pasts.get(&id).into_iter().flat_map(|past| &past.trail)
    }

    /// Takes a frame's tracks and gives those that are seen in it.
    pub fn update(&mut self, at: Timestamp, tracks: &TrackUpdate) -> Vec<RoadUser> {
        let alive = |id: &TrackId| tracks.active.iter().any(|track| track.id == *id);
        self.pasts.retain(|id, _| alive(id));
        let seen: Vec<&Track> = tracks.active.iter().filter(|track| track.observed).collect();
        let users: Vec<RoadUser> = seen.into_iter().map(|track| self.follow(at, track)).collect();
        self.cars.learn(&users, self.size);
        users
    }

    fn follow(&mut self, at: Timestamp, track: &Track) -> RoadUser {
        let p = track.bbox.reference();
        let unit = f64::from(track.bbox.area()).sqrt().max(1.0);
        let fix = Fix { at, p, unit };
        let min_travel = self.min_travel_boxes;
        let past = self.pasts.entry(track.id).or_insert_with(|| Past::new(fix));
        past.take(fix, min_travel);
        let standing_score = past.mean_score(track.score);
        let speed = past.speed_over(SPEED_S);
        let (anchor, arrived, rolled) = (past.anchor, past.arrived, past.rolled);
        let image = self.image(p);
        let within = within_picture(image);
        let zones = (0..self.zones.len()).filter(|&i| self.zones[i].zone.contains(within)).collect();
        let speed_mps = speed.and_then(|(from, to)| {
            let [a, b] = [from, to].map(|fix| self.to_ground(self.image(fix.p)));
            Some(a?.distance(b?) / seconds(from.at, to.at))
        });
        let units = |(from, to): (Fix, Fix)| from.p.distance(to.p) / seconds(from.at, to.at) / unit;
        RoadUser {
            id: track.id,
            class: track.class,
            bbox: track.bbox,
            p,
            image,
            unit,
            car_share: self.cars.area(image.y).map(|area| unit * unit / area),
            score: track.score,
            standing_score,
            confirmed: track.confirmed,
            zones,
            speed_units: speed.map(units),
            speed_mps,
            anchor,
            arrived,
            rolled,
        }
    }
}

impl Past {
    fn new(fix: Fix) -> Self {
        Self {
            trail: VecDeque::from([fix]),
            first: fix,
            reach: 0.0,
            anchor: None,
            arrived: false,
            rolled: false,
            score: (0.0, 0.0),
        }
    }

    fn take(&mut self, fix: Fix, min_travel_boxes: f64) {
        if self.trail.back().is_some_and(|last| seconds(last.at, fix.at) >= SPACING_S) {
            self.trail.push_back(fix);
        }
        while self.trail.front().is_some_and(|first| seconds(first.at, fix.at) > TRAIL_S) {
            self.trail.pop_front();
        }
        let unit = fix.unit.max(self.first.unit);
        self.reach = self.reach.max(fix.p.distance(self.first.p) / unit);
        self.settle(fix, min_travel_boxes);
    }

    /// Notes whether it stands.
    fn settle(&mut self, fix: Fix, min_travel_boxes: f64) {
        if let Some(anchor) = &mut self.anchor {
            if fix.p.distance(anchor.place) <= LEAVE_UNITS * fix.unit {
                anchor.left = None;
            } else if seconds(*anchor.left.get_or_insert(fix.at), fix.at) >= LEAVE_S {
                self.anchor = None;
                (self.arrived, self.rolled) = (false, false);
            }
            return;
        }
        let since = before(fix.at, SETTLE_S);
        let recent = || self.trail.iter().rev().take_while(|f| seconds(f.at, since) <= 0.3);
        let Some(oldest) = recent().last().filter(|f| seconds(f.at, fix.at) >= SETTLE_S - 0.05) else {
            return;
        };
        let n = recent().count() as f64;
        let mean =
            recent().fold(Point::new(0.0, 0.0), |sum, f| Point::new(sum.x + f.p.x / n, sum.y + f.p.y / n));
        // Who slowly comes in at the edge of the picture grows there, and its reference point hardly moves.
        let as_large = |f: &Fix| (f.unit - fix.unit).abs() <= SETTLE_GROWTH * fix.unit;
        if recent().all(|f| f.p.distance(mean) <= SETTLE_UNITS * fix.unit && as_large(f)) {
            self.anchor = Some(Anchor { place: mean, since: oldest.at, left: None });
            // A detection that hops from a passing vehicle to one that always stood there leaves no places between.
            let (near, far) = APPROACH_UNITS;
            let between = |f: &&Fix| (near..=far).contains(&(f.p.distance(mean) / fix.unit));
            let steps = self.trail.iter().filter(between).count();
            self.arrived = self.reach >= min_travel_boxes && steps >= 2;
            self.rolled = self.reach >= ROLLED_SHARE * min_travel_boxes && steps >= 2;
        }
    }

    /// Takes a score and gives the mean of those since it stands.
    fn mean_score(&mut self, score: f32) -> f64 {
        let (mean, looks) = if self.anchor.is_some() { self.score } else { (0.0, 0.0) };
        let mean = mean + (f64::from(score) - mean) / (looks + 1.0);
        self.score = (mean, (looks + 1.0).min(100.0));
        mean
    }

    /// The first and the last place of about so many seconds.
    fn speed_over(&self, s: f64) -> Option<(Fix, Fix)> {
        let last = *self.trail.back()?;
        let first = self.trail.iter().find(|f| seconds(f.at, last.at) <= s + 0.05)?;
        (seconds(first.at, last.at) >= LEAST_SPEED_S).then_some((*first, last))
    }
}

/// A place beyond the edge of the picture is on the road that ends there, fractions.
fn within_picture(p: Point) -> Point {
    let (low, high) = (EDGE, 1.0 - EDGE);
    Point::new(p.x.clamp(low, high), p.y.clamp(low, high))
}

/// Some places inside a zone, fractions.
fn samples(zone: &Zone) -> Vec<Point> {
    const SIDE: usize = 16;
    let range = |pick: fn(&Point) -> f64| {
        let values = zone.polygon.iter().map(pick);
        values.fold((1.0_f64, 0.0_f64), |(low, high), v| (low.min(v), high.max(v)))
    };
    let (x, y) = (range(|p| p.x), range(|p| p.y));
    let at = |(low, high): (f64, f64), i: usize| low + (high - low) * (i as f64 + 0.5) / SIDE as f64;
    let all = (0..SIDE * SIDE).map(|i| Point::new(at(x, i % SIDE), at(y, i / SIDE)));
    all.filter(|p| zone.contains(*p)).collect()
}
