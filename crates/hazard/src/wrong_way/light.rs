//! Light that travels against a drawn lane by night, where the detector hardly sees whose it is: cells that are brighter than the
//! empty road are followed from frame to frame. What tracks say of the wrong way, and what is told, is in the parent module.

use wayside_types::rules::WrongWaySettings;
use wayside_types::{BBox, Point, Timestamp};

use super::{MOST_GROWTH, angle_deg, direction, heading, unit};
use crate::road::{Road, RoadUser};
use crate::scene::{Grid, Scene};
use crate::seconds;

/// A lane whose empty road is darker than this, grey levels, is looked at; elsewhere the detector sees who comes.
const DARK_LEVELS: f32 = 60.0;
/// A cell is lit that is so many grey levels brighter than the empty road …
const LIT_LEVELS: f32 = 12.0;
/// … and so many of them may be a vehicle: fewer are drops of rain, reflections and lamps far away.
const LEAST_CELLS: usize = 12;
/// Light of which this share is in the lane is of the lane …
const INSIDE_SHARE: f32 = 0.5;
/// … unless this share of it is in a lane that goes the other way: then it is the light of who drives there.
const OTHER_SHARE: f32 = 0.15;
/// From one look to the next it covers this share of what it covered, of the larger one.
const SAME_SHARE: f64 = 0.45;
/// Light that was not seen for this long is gone.
const GONE_S: f64 = 0.35;
/// Both its ends come against the lane, the hind one by this share of its length at first: what grows or is hidden moves at one end.
const HIND_LENGTHS: f64 = 0.25;
/// And its middle by this share of its mean length.
const MIDDLE_LENGTHS: f64 = 0.5;
/// It moves against the lane for this share of the time, seen over steps of so many seconds, each further than this part of a cell.
const STEADY_SHARE: f64 = 0.75;
const STEP_S: f64 = 0.25;
const STEP_CELLS: f64 = 0.1;
/// Lamps of the other direction that are as strong as this, against its own light, light up this lane as well …
const BESIDE_STRENGTH: f32 = 0.5;
/// … and travel along with their light: beside a vehicle they are for no more than this share of the time.
const BESIDE_SHARE: f64 = 0.5;

/// All light that is followed.
#[derive(Debug, Default)]
pub struct Light {
    grid: Grid,
    lanes: Vec<Lane>,
    movers: Vec<Mover>,
}

/// Light that goes against a lane.
#[derive(Debug)]
pub struct Lit {
    pub zone: usize,
    pub since: Timestamp,
    pub bbox: BBox,
    pub lengths: f64,
    pub angle_deg: f64,
}

/// A drawn lane in cells.
#[derive(Debug)]
struct Lane {
    zone: usize,
    usual: Point,
    cells: Vec<bool>,
}

/// Light at one moment, seen along a lane.
#[derive(Debug, Clone)]
struct Shape {
    cells: Vec<usize>,
    strength: f32,
    middle: Point,
    /// How far against the lane its hind end, its middle and its head are, px.
    ends: (f64, f64, f64),
}

#[derive(Debug)]
struct Mover {
    lane: usize,
    since: Timestamp,
    last: Timestamp,
    first: Shape,
    now: Shape,
    /// The last step's beginning.
    step: (Timestamp, f64),
    /// Seconds of steps, and of those against the lane.
    steps_s: (f64, f64),
    /// Seconds of looks, and of those beside lamps of the other direction.
    beside_s: (f64, f64),
}

impl Light {
    pub fn forget(&mut self) {
        self.movers.clear();
    }

    /// Looks at a frame, and gives what goes against its lane.
    pub fn see(
        &mut self,
        at: Timestamp,
        road: &Road,
        users: &[&RoadUser],
        scene: &Scene,
        settings: &WrongWaySettings,
    ) -> Vec<Lit> {
        if self.grid != scene.grid() {
            self.grid = scene.grid();
            self.lanes = lanes(road, self.grid);
            self.movers.clear();
        }
        self.movers.retain(|mover| seconds(mover.last, at) <= GONE_S);
        let dark: Vec<usize> = (0..self.lanes.len()).filter(|&i| self.lanes[i].is_dark(scene)).collect();
        if dark.is_empty() {
            return Vec::new();
        }
        let lit = |cell: usize| scene.off(cell).is_some_and(|off| off >= LIT_LEVELS);
        let patches = self.grid.patches(lit);
        for cells in patches.iter().filter(|cells| cells.len() >= LEAST_CELLS) {
            for &lane in &dark {
                if let Some(shape) = self.shape(scene, cells, lane) {
                    self.follow(at, scene, lane, shape);
                }
            }
        }
        let known = |mover: &Mover| self.goes_along(road, users, mover);
        let against = self.movers.iter().filter(|mover| mover.last == at && !known(mover));
        against.filter_map(|mover| mover.lit(&self.lanes[mover.lane], self.grid, settings)).collect()
    }

    /// Lit cells as light of a lane, if they are.
    fn shape(&self, scene: &Scene, cells: &[usize], lane: usize) -> Option<Shape> {
        let strength = |cell: usize| scene.off(cell).unwrap_or(0.0);
        let lane = &self.lanes[lane];
        let whole: f32 = cells.iter().map(|&cell| strength(cell)).sum();
        let within = |lane: &Lane| -> f32 {
            cells.iter().filter(|&&cell| lane.cells[cell]).map(|&cell| strength(cell)).sum()
        };
        let other = self.lanes.iter().filter(|other| lane.is_opposed(other)).map(within).fold(0.0, f32::max);
        if within(lane) < INSIDE_SHARE * whole || other > OTHER_SHARE * whole {
            return None;
        }
        let cells: Vec<usize> = cells.iter().copied().filter(|&cell| lane.cells[cell]).collect();
        let strength_inside = within(lane);
        let mut middle = Point::new(0.0, 0.0);
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for &cell in &cells {
            let p = self.grid.middle_px(cell);
            let share = f64::from(strength(cell) / strength_inside);
            middle = Point::new(middle.x + share * p.x, middle.y + share * p.y);
            (low, high) = (low.min(lane.against(p)), high.max(lane.against(p)));
        }
        let half = f64::from(self.grid.side_px) / 2.0;
        let ends = (low - half, lane.against(middle), high + half);
        (cells.len() >= LEAST_CELLS).then_some(Shape { cells, strength: strength_inside, middle, ends })
    }

    fn follow(&mut self, at: Timestamp, scene: &Scene, lane: usize, shape: Shape) {
        let beside = self.beside(scene, lane, &shape);
        let of_lane = self.movers.iter_mut().filter(|mover| mover.lane == lane && mover.last < at);
        let shared = of_lane.map(|mover| (mover.now.share_of(&shape), mover));
        let Some((_, mover)) =
            shared.filter(|(share, _)| *share >= SAME_SHARE).max_by(|a, b| a.0.total_cmp(&b.0))
        else {
            let step = (at, shape.ends.1);
            let (first, now) = (shape.clone(), shape);
            let mover = Mover {
                lane,
                since: at,
                last: at,
                first,
                now,
                step,
                steps_s: (0.0, 0.0),
                beside_s: (0.0, 0.0),
            };
            self.movers.push(mover);
            return;
        };
        let dt_s = seconds(mover.last, at);
        mover.beside_s.0 += dt_s;
        mover.beside_s.1 += if beside { dt_s } else { 0.0 };
        let step_s = seconds(mover.step.0, at);
        if step_s >= STEP_S {
            let moved = shape.ends.1 - mover.step.1 >= STEP_CELLS * f64::from(self.grid.side_px);
            mover.steps_s.0 += step_s;
            mover.steps_s.1 += if moved { step_s } else { 0.0 };
            mover.step = (at, shape.ends.1);
        }
        let (was, is) = (mover.now.length(), shape.length());
        let same = is <= MOST_GROWTH * was && was <= MOST_GROWTH * is;
        (mover.last, mover.now) = (at, shape);
        // Who goes along, or stands, may yet go against it; light that others join, or leave, is not the same.
        if !same || mover.now.ends.1 <= mover.first.ends.1 {
            mover.first = mover.now.clone();
            (mover.since, mover.step) = (at, (at, mover.now.ends.1));
            (mover.steps_s, mover.beside_s) = ((0.0, 0.0), (0.0, 0.0));
        }
    }

    /// Whether lamps of the other direction are beside light of a lane.
    fn beside(&self, scene: &Scene, lane: usize, shape: &Shape) -> bool {
        let (own, grid) = (&self.lanes[lane], self.grid);
        let at = |cell: usize| own.against(grid.middle_px(cell));
        let mut strength = 0.0;
        for other in self.lanes.iter().filter(|other| own.is_opposed(other)) {
            for cell in (0..other.cells.len()).filter(|&cell| other.cells[cell] && !own.cells[cell]) {
                let off = scene.off(cell).unwrap_or(0.0);
                if off >= LIT_LEVELS && (shape.ends.0..=shape.ends.2).contains(&at(cell)) {
                    strength += off;
                }
            }
        }
        strength >= BESIDE_STRENGTH * shape.strength
    }

    /// Whether somebody who goes along the lane is known to be where light is.
    fn goes_along(&self, road: &Road, users: &[&RoadUser], mover: &Mover) -> bool {
        let bbox = self.grid.bbox(&mover.now.cells);
        let usual = self.lanes[mover.lane].usual;
        users
            .iter()
            .filter(|u| u.confirmed && u.bbox.intersection(&bbox) > 0.0)
            .any(|u| direction(road, u).is_some_and(|(way, _)| way.x * usual.x + way.y * usual.y > 0.0))
    }
}

impl Lane {
    fn against(&self, p: Point) -> f64 {
        -(p.x * self.usual.x + p.y * self.usual.y)
    }

    fn is_opposed(&self, other: &Self) -> bool {
        self.usual.x * other.usual.x + self.usual.y * other.usual.y < 0.0
    }

    fn is_dark(&self, scene: &Scene) -> bool {
        let levels =
            || (0..self.cells.len()).filter(|&cell| self.cells[cell]).filter_map(|cell| scene.empty(cell));
        levels().sum::<f32>() < DARK_LEVELS * levels().count() as f32
    }
}

impl Shape {
    /// How much of the larger of two is in both.
    fn share_of(&self, other: &Self) -> f64 {
        let shared = self.cells.iter().filter(|cell| other.cells.contains(cell)).count();
        shared as f64 / self.cells.len().max(other.cells.len()).max(1) as f64
    }

    fn length(&self) -> f64 {
        self.ends.2 - self.ends.0
    }
}

impl Mover {
    fn lit(&self, lane: &Lane, grid: Grid, settings: &WrongWaySettings) -> Option<Lit> {
        let (first, now) = (&self.first, &self.now);
        let length = (first.length() + now.length()) / 2.0;
        let (dx, dy) = (now.middle.x - first.middle.x, now.middle.y - first.middle.y);
        let way = unit(Point::new(dx, dy))?;
        let angle_deg = angle_deg(way, lane.usual);
        let lengths = (now.ends.2 - first.ends.2) / first.length();
        let goes = seconds(self.since, self.last) >= settings.hold_s
            && angle_deg >= settings.min_angle_deg
            && lengths >= settings.min_lengths
            && now.ends.0 - first.ends.0 >= HIND_LENGTHS * first.length()
            && now.ends.1 - first.ends.1 >= MIDDLE_LENGTHS * length
            && self.steps_s.1 >= STEADY_SHARE * self.steps_s.0
            && self.beside_s.1 <= BESIDE_SHARE * self.beside_s.0;
        let bbox = grid.bbox(&now.cells);
        goes.then_some(Lit { zone: lane.zone, since: self.since, bbox, lengths, angle_deg })
    }
}

/// The drawn lanes with a heading.
fn lanes(road: &Road, grid: Grid) -> Vec<Lane> {
    let lane = |(zone, of): (usize, &crate::road::RoadZone)| {
        let usual = heading(road, zone)?;
        let inside = |cell: usize| of.zone.contains(grid.middle(cell, road.size));
        let cells = (0..grid.columns * grid.rows).map(inside).collect();
        Some(Lane { zone, usual, cells })
    };
    road.zones.iter().enumerate().filter_map(lane).collect()
}
