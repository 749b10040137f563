//! The usual direction of traffic at each place of the picture, learnt from the vehicles that go there. A place where
//! they go both ways has none.

use std::collections::HashMap;

use wayside_types::{FrameSize, Point, TrackId};

use crate::road::RoadUser;

const COLUMNS: usize = 24;
const ROWS: usize = 14;
/// Directions are counted in so many sectors.
const SECTORS: usize = 8;
/// This share of the vehicles of a place goes its usual way, or it has none.
const USUAL_SHARE: f64 = 0.95;
/// From so many on, old ones count half.
const MOST: u32 = 2_000;
/// A way from frame to frame is looked at in so many steps.
const STEPS: u32 = 4;
/// Slower than this says nothing of the direction, box units a second.
const LEAST_UNITS_S: f64 = 0.5;

#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    sectors: [u32; SECTORS],
    sum: (f64, f64),
}

/// Usual directions.
#[derive(Debug)]
pub struct Field {
    cells: Vec<Cell>,
    size: FrameSize,
    /// In which cell each vehicle was counted last, and where: once a cell.
    last: HashMap<TrackId, (usize, Point)>,
}

impl Field {
    pub fn new(size: FrameSize) -> Self {
        Self { cells: vec![Cell::default(); COLUMNS * ROWS], size, last: HashMap::new() }
    }

    /// Learns from a frame; `direction` says which way somebody goes.
    pub fn learn(&mut self, users: &[&RoadUser], direction: impl Fn(&RoadUser) -> Option<Point>) {
        self.last.retain(|id, _| users.iter().any(|u| u.id == *id));
        for user in users.iter().filter(|u| u.speed_units.is_some_and(|v| v >= LEAST_UNITS_S)) {
            let Some(way) = direction(user) else { continue };
            // At few frames a second a vehicle leaps over cells.
            let (mut cell, from) =
                self.last.get(&user.id).map_or((None, user.p), |(cell, p)| (Some(*cell), *p));
            let between = |i: u32| f64::from(i) / f64::from(STEPS);
            let places = (1..=STEPS).map(|i| {
                Point::new(
                    from.x + (user.p.x - from.x) * between(i),
                    from.y + (user.p.y - from.y) * between(i),
                )
            });
            let indices: Vec<usize> = places.filter_map(|p| self.index(p)).collect();
            for index in indices {
                if cell.replace(index) != Some(index) {
                    self.cells[index].add(way);
                }
            }
            if let Some(cell) = cell {
                self.last.insert(user.id, (cell, user.p));
            }
        }
    }

    /// The usual direction at a place (px), of length 1, once `vehicles` were seen there.
    pub fn usual(&self, p: Point, vehicles: u32) -> Option<Point> {
        let cell = self.cells[self.index(p)?];
        let total: u32 = cell.sectors.iter().sum();
        let best = (0..SECTORS).max_by_key(|&i| cell.sectors[i])?;
        let around: u32 = [SECTORS - 1, 0, 1].map(|step| cell.sectors[(best + step) % SECTORS]).iter().sum();
        let length = cell.sum.0.hypot(cell.sum.1);
        (total >= vehicles && f64::from(around) >= USUAL_SHARE * f64::from(total) && length > 0.0)
            .then(|| Point::new(cell.sum.0 / length, cell.sum.1 / length))
    }

    fn index(&self, p: Point) -> Option<usize> {
        let cell = |v: f64, whole: u32, cells: usize| {
            let share = v / f64::from(whole.max(1));
            // What is cut off at the edge of the picture belongs to its last cell.
            (-0.05..=1.05).contains(&share).then(|| ((share.max(0.0) * cells as f64) as usize).min(cells - 1))
        };
        Some(cell(p.y, self.size.height, ROWS)? * COLUMNS + cell(p.x, self.size.width, COLUMNS)?)
    }
}

impl Cell {
    fn add(&mut self, way: Point) {
        let turn = way.y.atan2(way.x) / std::f64::consts::TAU;
        let sector = (turn.rem_euclid(1.0) * SECTORS as f64) as usize % SECTORS;
        self.sectors[sector] += 1;
        self.sum.0 += way.x;
        self.sum.1 += way.y;
        if self.sectors.iter().sum::<u32>() >= MOST {
            self.sectors.iter_mut().for_each(|n| *n /= 2);
            self.sum = (self.sum.0 / 2.0, self.sum.1 / 2.0);
        }
    }
}
