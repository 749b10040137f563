//! Whether what is new on the road looks like a thing: its size, how it came, its edges, and whether light or shadow would
//! look so.

use wayside_types::{BBox, Point};

use super::cell::Cell;
use super::{Blob, Objects};
use crate::reference::READY_S;
use crate::road::Road;
use crate::scene::Scene;
use crate::seconds;
use crate::stands::Stand;

/// New edges are steeper than the empty scene's by this many grey levels …
const NEW_STEP: f32 = 16.0;
/// … in this share of a thing's cells, and in one at least.
const STEEP_SHARE: f64 = 0.25;
/// An edge of the empty scene that is this steep, grey levels, and of which less than this share of what light would leave is left,
/// is hidden.
const HIDDEN_STEP: f32 = 24.0;
const HIDDEN_SHARE: f32 = 0.5;
/// So much of the picture may be new, but for road users, for hidden edges to be those of a thing.
const MOST_NEW: f64 = 0.015;
/// What has edges inside, steeper than the road's by this many grey levels in half of its inner cells, is no trick of the light.
const INNER_STEP: f32 = 12.0;
/// What is left of the light in a shadow, and what the sun makes of shade.
const LIGHT: (f32, f32) = (0.36, 2.2);
/// Light varies less than this over a patch, relative to its mean.
const LIGHT_SPREAD: f32 = 0.16;
/// Steps at the edge of a patch of light are as high as its difference, with noise: no higher than so many times it, and
/// so many grey levels more.
const STEP_TIMES: f32 = 1.4;
const STEP_MORE: f32 = 8.0;
/// A thing is at most so many car boxes large, or metres wide.
const MOST_CARS: f64 = 1.2;
const MOST_M: f64 = 4.0;
/// From this share of a car's box on it is as large as a vehicle, and, where the ground is known, from this long side on.
const VEHICLE_SHARE: f64 = 0.55;
const VEHICLE_M: f64 = 2.0;
/// From this share of a car's box on, what the detector takes for a vehicle at this place may be one.
const MAYBE_SHARE: f64 = 0.35;
const TAKEN_IOU: f32 = 0.25;
/// Where cars were seen further up only, those that are nearer are taken for so many times as large.
const NEARER_CARS: f64 = 2.0;
/// It is no light if this share of it came so, all cells together: one at its edge may have been lit by who passed.
const AT_ONCE_SHARE: f32 = 0.7;
/// The road itself was seen for so long where a thing came to lie: where somebody stood from the beginning it was not, and what shows
/// once they drive off is the road.
const FREE_S: f64 = 2.0;
/// Black in limited range: darkness of light is counted from here.
const BLACK: f32 = 16.0;

impl Objects {
    /// Whether it looks like one, but for its size.
    pub(super) fn is_thing(&self, blob: &Blob, scene: &Scene) -> bool {
        self.is_later(blob)
            && self.came_at_once(blob)
            && self.has_edges(blob, scene)
            && (!self.is_even(blob, scene) || self.brightened_at_once(blob))
    }

    /// Whether the road was known when it came, there as well.
    fn is_later(&self, blob: &Blob) -> bool {
        let known = blob.cells.iter().filter(|&&i| self.cells[i].free_s >= FREE_S).count();
        2 * known >= blob.cells.len() && self.begun.is_some_and(|begun| seconds(begun, blob.since) >= READY_S)
    }

    /// Whether its foot is on the road, or less than a cell above it: what stands beyond it only seems to.
    pub(super) fn stands_on_road(&self, blob: &Blob) -> bool {
        let row = |i: usize| i / self.grid.columns.max(1);
        let lowest = blob.cells.iter().map(|&i| row(i)).max();
        let foot = || blob.cells.iter().filter(|&&i| Some(row(i)) == lowest);
        2 * foot().filter(|&&i| self.zone_at_foot(i).is_some()).count() >= foot().count()
    }

    /// The zone of the road in which a cell is, or the one below it: places are no more exact than that.
    pub(super) fn zone_at_foot(&self, cell: usize) -> Option<usize> {
        let zone = |i: usize| self.zone.get(i).copied().flatten();
        zone(cell).or_else(|| zone(cell + self.grid.columns))
    }

    /// Whether the left, right or lower edge of the picture cuts it: nobody knows how large it is, and a vehicle that the detector finds
    /// badly for being cut may look so.
    pub(super) fn is_cut(&self, blob: &Blob) -> bool {
        let (side, b) = (self.grid.side_px, &blob.bbox);
        let (w, h) = (self.grid.columns as f32 * side, self.grid.rows as f32 * side);
        b.x1 < side / 2.0 || b.x2 > w - side / 2.0 || b.y2 > h - side / 2.0
    }

    /// Whether it is as large as is set and not larger than things are.
    pub(super) fn has_size(&self, blob: &Blob, road: &Road) -> bool {
        self.size(blob, road).is_some_and(|(size, least, most)| (least..=most).contains(&size))
    }

    /// Whether it came by itself and from one moment to the next.
    fn came_at_once(&self, blob: &Blob) -> bool {
        let count = |pick: fn(&Cell) -> bool| blob.cells.iter().filter(|&&i| pick(&self.cells[i])).count();
        2 * count(Cell::arrived) >= blob.cells.len() && 2 * count(Cell::is_wide) < blob.cells.len()
    }

    pub(super) fn is_as_large_as_a_vehicle(&self, blob: &Blob, road: &Road) -> bool {
        let on_road = blob.cells.iter().filter(|&&i| self.zone[i].is_some()).count();
        let side = f64::from(self.grid.side_px);
        let area = blob.cells.len() as f64 * side * side;
        let car = road.cars.area(road.image(Point::new(0.0, f64::from(blob.bbox.y2))).y);
        // Few cars say little of sizes; the ground says more.
        let long = !road.is_calibrated() || self.size(blob, road).is_none_or(|(m, ..)| m >= VEHICLE_M);
        2 * on_road >= blob.cells.len() && long && car.is_some_and(|car| area >= VEHICLE_SHARE * car)
    }

    /// Whether it is nearly as large as a vehicle, and the detector rather takes it for one: then it is told as neither as long as
    /// nobody knows.
    pub(super) fn may_be_vehicle(&self, blob: &Blob, road: &Road, stands: &[Stand]) -> bool {
        let taken = |stand: &Stand| stand.came && stand.bbox.iou(&blob.bbox) >= TAKEN_IOU;
        let large = self.size(blob, road).is_some_and(|(size, ..)| size >= MAYBE_SHARE);
        !road.is_calibrated() && large && stands.iter().any(taken)
    }

    pub(super) fn size(&self, blob: &Blob, road: &Road) -> Option<(f64, f64, f64)> {
        self.extent(&blob.cells, &blob.bbox, road)
            .or_else(|| self.size_below_cars(blob, road))
            .or_else(|| self.size_above_cars(blob, road))
    }

    /// The same where cars are known further down only: `None` unless it is large enough and smaller than any vehicle, by how sizes fall
    /// from row to row.
    fn size_above_cars(&self, blob: &Blob, road: &Road) -> Option<(f64, f64, f64)> {
        let car = road.cars.area_above(road.image(Point::new(0.0, f64::from(blob.bbox.y2))).y)?;
        let side = f64::from(self.grid.side_px);
        let (size, min) = (blob.cells.len() as f64 * side * side / car, self.settings.min_car_share);
        (size >= min && size < VEHICLE_SHARE).then_some((size, min, MOST_CARS))
    }

    /// The same where cars are known further up only: `None` unless it is surely large enough, and smaller than any vehicle.
    fn size_below_cars(&self, blob: &Blob, road: &Road) -> Option<(f64, f64, f64)> {
        let least = road.cars.least_area(road.image(Point::new(0.0, f64::from(blob.bbox.y2))).y)?;
        let side = f64::from(self.grid.side_px);
        let share = blob.cells.len() as f64 * side * side / least;
        let (size, min) = (share / NEARER_CARS, self.settings.min_car_share);
        (size >= min && share < VEHICLE_SHARE).then_some((size, min, MOST_CARS))
    }

    /// How large something is, how large it must be and may be: metres, or car boxes.
    pub(super) fn extent(&self, cells: &[usize], b: &BBox, road: &Road) -> Option<(f64, f64, f64)> {
        let foot = |x: f32| road.to_ground(road.image(Point::new(f64::from(x), f64::from(b.y2))));
        if let Some((left, right)) = foot(b.x1).zip(foot(b.x2)) {
            let px_m = left.distance(right) / f64::from(b.width().max(1.0));
            let longer_m = px_m * f64::from(b.width().max(b.height()));
            return Some((longer_m, self.settings.min_size_m, MOST_M));
        }
        let side = f64::from(self.grid.side_px);
        let area = cells.len() as f64 * side * side;
        let car = road.cars.area(road.image(Point::new(0.0, f64::from(b.y2))).y)?;
        Some((area / car, self.settings.min_car_share, MOST_CARS))
    }

    /// Whether it has edges where the empty scene has none, or hides those that it has.
    fn has_edges(&self, blob: &Blob, scene: &Scene) -> bool {
        // Dirt on the lens hides edges as well, in many places at once.
        let alone = self.new_share <= MOST_NEW;
        let differs = |&&i: &&usize| {
            let cell = &self.cells[i];
            let hidden =
                || cell.step >= HIDDEN_STEP && cell.edge <= HIDDEN_SHARE * cell.step * self.light(i, scene);
            cell.edge >= cell.step + NEW_STEP || alone && hidden()
        };
        let count = blob.cells.iter().filter(differs).count() as f64;
        count >= 1.0_f64.max(STEEP_SHARE * blob.cells.len() as f64)
    }

    /// How much of the empty scene's light a cell shows.
    fn light(&self, cell: usize, scene: &Scene) -> f32 {
        scene.empty(cell).map_or(1.0, |empty| 1.0 + self.cells[cell].off / (empty - BLACK).max(4.0))
    }

    /// Whether it is as much more or less light everywhere, no darker than a shadow, no brighter than the sun, and without steps inside
    /// that the change of light itself would not make: then it is a trick of the light.
    pub(super) fn is_even(&self, blob: &Blob, scene: &Scene) -> bool {
        let most = blob.cells.iter().map(|&i| self.cells[i].off.abs()).fold(0.0, f32::max);
        let whole = blob.cells.iter().filter(|&&i| self.cells[i].off.abs() >= 0.6 * most);
        let left: Vec<f32> = whole.map(|&i| self.light(i, scene)).collect();
        let n = left.len().max(1) as f32;
        let mean = left.iter().sum::<f32>() / n;
        let spread = (left.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / n).sqrt();
        let all = |sign: f32| blob.cells.iter().all(|&i| sign * self.cells[i].off > 0.0);
        let peak = blob.cells.iter().map(|&i| self.cells[i].peak).fold(0.0, f32::max);
        let step = blob.cells.iter().map(|&i| self.cells[i].edge - self.cells[i].step).fold(0.0, f32::max);
        let (darkest, brightest) = LIGHT;
        (all(1.0) || all(-1.0))
            && !self.is_patterned(blob)
            && (darkest..=brightest).contains(&mean)
            && spread < LIGHT_SPREAD * mean.max(0.1)
            && step <= STEP_TIMES * peak + STEP_MORE
    }

    /// Light becomes more by and by; what is brighter from one moment to the next, and stays, is a thing.
    fn brightened_at_once(&self, blob: &Blob) -> bool {
        let sum = |pick: fn(&Cell) -> f32| blob.cells.iter().map(|&i| pick(&self.cells[i])).sum::<f32>();
        blob.cells.iter().all(|&i| self.cells[i].off > 0.0)
            && sum(|cell| cell.leap.min(cell.peak)) >= AT_ONCE_SHARE * sum(|cell| cell.peak)
    }

    /// Whether it has edges of its own inside, where light and shadow leave the road's.
    fn is_patterned(&self, blob: &Blob) -> bool {
        let columns = self.grid.columns;
        let is_inside = |&&i: &&usize| {
            let beside = [Some(i + 1), i.checked_sub(1), Some(i + columns), i.checked_sub(columns)];
            beside.iter().flatten().all(|near| blob.cells.contains(near))
        };
        let inside: Vec<usize> = blob.cells.iter().filter(is_inside).copied().collect();
        let patterned = inside.iter().filter(|&&i| self.cells[i].edge >= self.cells[i].step + INNER_STEP);
        !inside.is_empty() && 2 * patterned.count() >= inside.len()
    }
}
