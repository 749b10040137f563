//! `object_on_road`: something lies still on a road that was not there, and is neither a vehicle nor a trick of the light. What
//! tells it is brightness that differs from the empty scene's and edges that the empty scene has not. A shadow
//! darkens evenly, light brightens without new edges, and both are larger or softer than things.

use wayside_types::rules::ObjectSettings;
use wayside_types::{BBox, IncidentKind, Point, Reason, Timestamp};

use crate::ledger::Held;
use crate::reference::READY_S;
use crate::road::{Road, RoadUser};
use crate::scene::{Grid, Scene};
use crate::seconds;
use crate::severity::{Circumstances, severity};
use crate::stands::Stand;

/// Grey levels by which a cell differs from the empty scene at least, if something lies there.
const NEW_LEVELS: f32 = 9.0;
/// What changes by more than this in between does not lie still.
const STILL_LEVELS: f32 = 14.0;
/// A cell is as it was once it was so for this long.
const GONE_S: f64 = 1.5;
/// Sooner if it was hardly seen to be new: this long, and this share of the time that it was.
const GONE_FIRST_S: f64 = 0.35;
const GONE_SHARE: f64 = 0.2;
/// What is there again makes up for so much of the time that it was not: what flutters does not.
const FORGIVEN: f64 = 0.25;
/// Cells become candidates after this long: what passes does not.
const SETTLED_S: f64 = 1.6;
/// So much of the time it must have been seen, not hidden.
const SEEN_SHARE: f64 = 0.4;
/// New edges are steeper than the empty scene's by this many grey levels …
const NEW_STEP: f32 = 16.0;
/// … in this share of a thing's cells, and in one at least.
const STEEP_SHARE: f64 = 0.25;
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
/// From this share of a car's box on it is as large as a vehicle.
const VEHICLE_SHARE: f64 = 0.55;
/// So much of the road at once is a change of light.
const MOST_OF_ROAD: f64 = 0.12;
/// Steps of the empty scene are followed over about this long.
const STEPS_S: f64 = 4.0;
/// The incident lasts this long beyond the last look that showed it.
const LINGER_S: f64 = 3.0;
/// What a cell shows is evened out over about this long, and is calm once it was so for some time.
const EVEN_S: f64 = 0.3;
const CALM_S: f64 = 0.7;
/// What is calm now is held against what was when it last was, but for what came over about this long …
const LEAP_S: f64 = 0.5;
/// … and came at once if this share of it did within the first seconds, for half of its cells. Light, dusk and water come by
/// and by, whoever passes meanwhile.
const ARRIVED_SHARE: f32 = 0.5;
const ARRIVING_S: f64 = 2.0;
/// What is new together with more than a thing covers for this share of its first seconds came with it.
const WIDE_S: f64 = 4.0;
const WIDE_SHARE: f64 = 0.5;
/// A thing looks like one for this share of the time.
const MOSTLY: f64 = 0.6;
/// What looks otherwise for so long is something else; sooner somebody passed whom the detector does not know.
const OTHER_S: f64 = 0.9;
/// It is no light if this share of it came so in each of its cells.
const AT_ONCE_SHARE: f32 = 0.7;
/// Black in limited range: darkness of light is counted from here.
const BLACK: f32 = 16.0;

/// The rule.
pub struct Objects {
    settings: ObjectSettings,
    grid: Grid,
    /// When the road was first seen.
    begun: Option<Timestamp>,
    /// Which cells are road, and of which zone.
    zone: Vec<Option<usize>>,
    cells: Vec<Cell>,
    alarms: Vec<Alarm>,
    last_key: u64,
    /// Boxes (px) of what may be things: the empty scene is not learnt there.
    suspects: Vec<BBox>,
    shapes: Vec<Shape>,
}

/// Something still and new that is as large as a vehicle: one that the detector does not know, by night for instance.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Its box, pixels.
    pub bbox: BBox,
    /// Since when it is there.
    pub since: Timestamp,
}

#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    since: Option<Timestamp>,
    off: f32,
    /// The largest difference since then: light is learnt by and by, its edges stay.
    peak: f32,
    /// How long it was seen to be new, and not to be since then.
    seen_s: f64,
    gone_s: f64,
    /// The empty scene's steepest step, grey levels.
    step: f32,
    /// By how much it is off, evened out, and for how long that was calm; and how it was when it last was.
    even: f32,
    calm_s: f64,
    stable: f32,
    /// The largest leap from there since it is new.
    leap: f32,
    /// How long it was part of something settled, and of what looked like a thing.
    looked_s: f64,
    thing_s: f64,
    /// Since when it looks otherwise, and for how long it was seen to.
    other: Option<Timestamp>,
    other_s: f64,
    /// How long, in its first seconds, it was new together with more than a thing covers.
    wide_s: f64,
}

impl Cell {
    /// Something may have come.
    fn begin(&mut self, at: Timestamp, off: f32) {
        let Self { step, even, calm_s, stable, .. } = *self;
        *self = Self { since: Some(at), off, peak: off.abs(), step, even, calm_s, stable, ..Self::default() };
    }

    /// Whether it came together with more than a thing covers: that was light or shadow, also when most of it is learnt
    /// already. The lamps of whoever passed meanwhile are none of it.
    fn is_wide(&self) -> bool {
        self.wide_s >= WIDE_SHARE * self.seen_s.min(WIDE_S)
    }

    /// Takes by how much it is off: what is calm may have leapt there.
    fn calm(&mut self, dt_s: f64, off: f32) {
        if (off - self.even).abs() > STILL_LEVELS {
            (self.even, self.calm_s) = (off, 0.0);
            return;
        }
        self.even += (off - self.even) * (dt_s / EVEN_S).min(1.0) as f32;
        self.calm_s += dt_s;
        if self.calm_s < CALM_S {
            return;
        }
        if self.seen_s <= ARRIVING_S {
            self.leap = self.leap.max((self.even - self.stable).abs());
        }
        self.stable += (self.even - self.stable) * (dt_s / LEAP_S).min(1.0) as f32;
    }

    /// Whether what is there came at once.
    fn arrived(&self) -> bool {
        self.leap >= ARRIVED_SHARE * self.peak
    }
}

#[derive(Debug)]
struct Alarm {
    bbox: BBox,
    held: Held,
}

/// Cells that belong together.
struct Blob {
    cells: Vec<usize>,
    bbox: BBox,
    since: Timestamp,
}

impl Objects {
    pub fn new(settings: ObjectSettings) -> Self {
        Self {
            settings,
            grid: Grid::default(),
            begun: None,
            zone: Vec::new(),
            cells: Vec::new(),
            alarms: Vec::new(),
            last_key: 0,
            suspects: Vec::new(),
            shapes: Vec::new(),
        }
    }

    /// Where the empty scene may be hidden by a thing, pixels.
    pub fn suspects(&self) -> impl Iterator<Item = BBox> + '_ {
        self.suspects.iter().copied()
    }

    /// What the last frame showed that is as large as a vehicle.
    pub fn shapes(&self) -> &[Shape] {
        &self.shapes
    }

    /// Takes a frame that the scene has seen, of a camera that nothing is wrong with; `steps` are the steepest steps in
    /// the cells.
    pub fn update(
        &mut self,
        at: Timestamp,
        dt_s: f64,
        road: &Road,
        users: &[RoadUser],
        stands: &[Stand],
        (scene, steps): (&Scene, &[u8]),
    ) -> Vec<Held> {
        if !self.settings.enabled || steps.is_empty() || !road.zones.iter().any(|zone| zone.is_road()) {
            return Vec::new();
        }
        if self.grid != scene.grid() || self.cells.len() != steps.len() {
            self.begin(at, road, scene, steps);
            return Vec::new();
        }
        let mut hidden = vec![false; self.cells.len()];
        // A thing may be taken for a vehicle or for somebody, which it does not surely look like.
        let doubtful = |user: &RoadUser| {
            let known = stands.iter().find(|stand| stand.bbox.iou(&user.bbox) > 0.3);
            user.anchor.is_some() && known.map_or(user.score < 0.4, |stand| !stand.is_sure())
        };
        for user in users.iter().filter(|user| !doubtful(user)) {
            self.grid.cover(&mut hidden, &user.bbox.grown(0.2));
        }
        self.note(at, dt_s, scene, steps, &hidden);
        self.mark_wide(dt_s, road, scene, &hidden);
        let blobs = self.blobs(at);
        let on_road = self.zone.iter().filter(|zone| zone.is_some()).count();
        let cells: usize = blobs.iter().map(|blob| blob.cells.len()).sum();
        self.suspects.clear();
        self.shapes.clear();
        if cells as f64 <= MOST_OF_ROAD * on_road as f64 {
            for blob in &blobs {
                let stands_there = stands
                    .iter()
                    .filter(|s| s.is_sure())
                    .any(|s| s.bbox.grown(0.35).intersection(&blob.bbox) > 0.0);
                // Until sizes are known there nothing is said of it.
                if stands_there || self.size(blob, road).is_none() {
                    continue;
                }
                let looks_so = self.is_thing(blob, road, scene, steps);
                let mostly = self.mostly(blob, dt_s, looks_so);
                if looks_so || mostly {
                    self.suspects.push(blob.bbox);
                }
                if looks_so && mostly {
                    if self.is_as_large_as_a_vehicle(blob, road) {
                        self.shapes.push(Shape { bbox: blob.bbox, since: blob.since });
                    } else {
                        self.tell(at, blob, road);
                    }
                }
            }
        }
        self.alarms.retain(|alarm| seconds(alarm.held.last, at) <= LINGER_S);
        self.alarms.iter().map(|alarm| alarm.held.clone()).collect()
    }

    fn begin(&mut self, at: Timestamp, road: &Road, scene: &Scene, steps: &[u8]) {
        self.begun = Some(at);
        self.grid = scene.grid();
        self.cells = steps.iter().map(|&step| Cell { step: f32::from(step), ..Cell::default() }).collect();
        let zone_of = |i: usize| {
            let p = self.grid.middle(i, road.size);
            road.zones.iter().position(|zone| zone.is_road() && zone.zone.contains(p))
        };
        self.zone = (0..steps.len()).map(zone_of).collect();
    }

    /// Takes what each cell of the road shows.
    fn note(&mut self, at: Timestamp, dt_s: f64, scene: &Scene, steps: &[u8], hidden: &[bool]) {
        let follow = (dt_s / STEPS_S).min(1.0) as f32;
        for i in 0..self.cells.len() {
            if self.zone[i].is_none() || hidden[i] {
                continue;
            }
            let Some(off) = scene.off(i) else { continue };
            let cell = &mut self.cells[i];
            let is_new = off.abs() >= NEW_LEVELS;
            match (is_new, cell.since) {
                (true, None) => cell.begin(at, off),
                (true, Some(_)) if (off - cell.off).abs() > STILL_LEVELS => {
                    let other = *cell.other.get_or_insert(at);
                    cell.other_s += dt_s;
                    if cell.other_s >= OTHER_S {
                        cell.begin(other, off);
                    }
                }
                (true, Some(_)) => {
                    (cell.other, cell.other_s) = (None, 0.0);
                    cell.off += (off - cell.off) * 0.2;
                    cell.seen_s += dt_s;
                    cell.peak = cell.peak.max(off.abs());
                    cell.gone_s = (cell.gone_s - FORGIVEN * dt_s).max(0.0);
                }
                (false, Some(_)) => {
                    cell.gone_s += dt_s;
                    if cell.gone_s >= GONE_S.min(GONE_FIRST_S + GONE_SHARE * cell.seen_s) {
                        cell.since = None;
                    }
                }
                (false, None) => {
                    cell.step += (f32::from(steps[i]) - cell.step) * follow;
                }
            }
            cell.calm(dt_s, off);
        }
    }

    /// Marks cells that are new together with more than a thing covers, on the road and beside it.
    /// What was there before is not part of what came.
    fn mark_wide(&mut self, dt_s: f64, road: &Road, scene: &Scene, hidden: &[bool]) {
        if self.cells.iter().all(|cell| cell.since.is_none()) {
            return;
        }
        let is_new = |i: usize| !hidden[i] && scene.off(i).is_some_and(|off| off.abs() >= NEW_LEVELS);
        for cells in self.grid.patches(is_new) {
            let bbox = self.grid.bbox(&cells);
            if self.extent(&cells, &bbox, road).is_some_and(|(size, _, most)| size > most) {
                for &i in &cells {
                    let cell = &mut self.cells[i];
                    if cell.since.is_some() && cell.seen_s <= WIDE_S {
                        cell.wide_s += dt_s;
                    }
                }
            }
        }
    }

    /// Settled cells that touch one another.
    fn blobs(&self, at: Timestamp) -> Vec<Blob> {
        // Behind traffic it is seen for a part of the time only, but for that part.
        let settled = |i: usize| {
            let cell = &self.cells[i];
            cell.since.is_some_and(|since| cell.seen_s >= SETTLED_S.max(SEEN_SHARE * seconds(since, at)))
        };
        let blob = |cells: Vec<usize>| {
            let mut times: Vec<Timestamp> = cells.iter().filter_map(|&i| self.cells[i].since).collect();
            times.sort();
            let (bbox, since) = (self.grid.bbox(&cells), *times.get(times.len() / 3)?);
            Some(Blob { cells, bbox, since })
        };
        self.grid.patches(settled).into_iter().filter_map(blob).collect()
    }

    /// Whether it mostly looked like a thing until now: what is at the limit does at times.
    fn mostly(&mut self, blob: &Blob, dt_s: f64, looks_so: bool) -> bool {
        let (mut looked_s, mut thing_s) = (0.0, 0.0);
        for &i in &blob.cells {
            let cell = &mut self.cells[i];
            cell.looked_s += dt_s;
            cell.thing_s += if looks_so { dt_s } else { 0.0 };
            looked_s += cell.looked_s;
            thing_s += cell.thing_s;
        }
        thing_s >= MOSTLY * looked_s
    }

    fn is_thing(&self, blob: &Blob, road: &Road, scene: &Scene, steps: &[u8]) -> bool {
        self.is_later(blob)
            && self.has_size(blob, road)
            && self.came_at_once(blob)
            && self.has_edges(blob, steps)
            && !self.is_light(blob, scene, steps)
    }

    /// Whether the road was known when it came.
    fn is_later(&self, blob: &Blob) -> bool {
        self.begun.is_some_and(|begun| seconds(begun, blob.since) >= READY_S)
    }

    /// Whether it is as large as is set and not larger than things are.
    fn has_size(&self, blob: &Blob, road: &Road) -> bool {
        self.size(blob, road).is_some_and(|(size, least, most)| (least..=most).contains(&size))
    }

    /// Whether it came by itself and from one moment to the next.
    fn came_at_once(&self, blob: &Blob) -> bool {
        let count = |pick: fn(&Cell) -> bool| blob.cells.iter().filter(|&&i| pick(&self.cells[i])).count();
        2 * count(Cell::arrived) >= blob.cells.len() && 2 * count(Cell::is_wide) < blob.cells.len()
    }

    fn is_as_large_as_a_vehicle(&self, blob: &Blob, road: &Road) -> bool {
        let on_road = blob.cells.iter().filter(|&&i| self.zone[i].is_some()).count();
        let side = f64::from(self.grid.side_px);
        let area = blob.cells.len() as f64 * side * side;
        let car = road.cars.area(road.image(Point::new(0.0, f64::from(blob.bbox.y2))).y);
        2 * on_road >= blob.cells.len() && car.is_some_and(|car| area >= VEHICLE_SHARE * car)
    }

    fn size(&self, blob: &Blob, road: &Road) -> Option<(f64, f64, f64)> {
        self.extent(&blob.cells, &blob.bbox, road)
    }

    /// How large something is, how large it must be and may be: metres, or car boxes.
    fn extent(&self, cells: &[usize], b: &BBox, road: &Road) -> Option<(f64, f64, f64)> {
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

    /// Whether it has edges where the empty scene has none.
    fn has_edges(&self, blob: &Blob, steps: &[u8]) -> bool {
        let steep = |&&i: &&usize| f32::from(steps[i]) >= self.cells[i].step + NEW_STEP;
        let count = blob.cells.iter().filter(steep).count() as f64;
        count >= 1.0_f64.max(STEEP_SHARE * blob.cells.len() as f64)
    }

    /// Whether it is a trick of the light: as much more or less of it everywhere, no darker than a shadow, no brighter
    /// than the sun, and without steps inside that the change of light itself would not make.
    fn is_light(&self, blob: &Blob, scene: &Scene, steps: &[u8]) -> bool {
        let most = blob.cells.iter().map(|&i| self.cells[i].off.abs()).fold(0.0, f32::max);
        let whole = blob.cells.iter().filter(|&&i| self.cells[i].off.abs() >= 0.6 * most);
        let left: Vec<f32> = whole
            .filter_map(|&i| scene.empty(i).map(|empty| 1.0 + self.cells[i].off / (empty - BLACK).max(4.0)))
            .collect();
        let n = left.len().max(1) as f32;
        let mean = left.iter().sum::<f32>() / n;
        let spread = (left.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / n).sqrt();
        let all = |sign: f32| blob.cells.iter().all(|&i| sign * self.cells[i].off > 0.0);
        let one_way = all(1.0) || all(-1.0);
        let peak = blob.cells.iter().map(|&i| self.cells[i].peak).fold(0.0, f32::max);
        let step = blob.cells.iter().map(|&i| f32::from(steps[i]) - self.cells[i].step).fold(0.0, f32::max);
        let (darkest, brightest) = LIGHT;
        // Light becomes more by and by; what is brighter from one moment to the next, and stays, is a thing.
        let at_once =
            all(1.0) && blob.cells.iter().all(|&i| self.cells[i].leap >= AT_ONCE_SHARE * self.cells[i].peak);
        one_way
            && !at_once
            && !self.is_patterned(blob, steps)
            && (darkest..=brightest).contains(&mean)
            && spread < LIGHT_SPREAD * mean.max(0.1)
            && step <= STEP_TIMES * peak + STEP_MORE
    }

    /// Whether it has edges of its own inside, where light and shadow leave the road's.
    fn is_patterned(&self, blob: &Blob, steps: &[u8]) -> bool {
        let columns = self.grid.columns;
        let is_inside = |&&i: &&usize| {
            let beside = [Some(i + 1), i.checked_sub(1), Some(i + columns), i.checked_sub(columns)];
            beside.iter().flatten().all(|near| blob.cells.contains(near))
        };
        let inside: Vec<usize> = blob.cells.iter().filter(is_inside).copied().collect();
        let patterned = inside.iter().filter(|&&i| f32::from(steps[i]) >= self.cells[i].step + INNER_STEP);
        !inside.is_empty() && 2 * patterned.count() >= inside.len()
    }

    fn tell(&mut self, at: Timestamp, blob: &Blob, road: &Road) {
        let near = |alarm: &&mut Alarm| alarm.bbox.grown(0.5).intersection(&blob.bbox) > 0.0;
        if let Some(alarm) = self.alarms.iter_mut().find(near) {
            alarm.held.last = at;
            alarm.bbox = blob.bbox;
            return;
        }
        let lain_s = seconds(blob.since, at);
        let Some((size, least, _)) = self.size(blob, road) else { return };
        if lain_s < self.settings.hold_s {
            return;
        }
        let b = blob.bbox;
        let foot = road.image(Point::new(f64::from(b.x1 + b.x2) / 2.0, f64::from(b.y2)));
        let index = blob.cells.iter().find_map(|&i| self.zone[i]);
        let zone = index.map(|index| &road.zones[index].zone);
        let about = Circumstances { zone, traffic_moves: true, lasted_s: lain_s, excess: 0.0 };
        let contrast = blob.cells.iter().map(|&i| self.cells[i].off.abs()).fold(0.0, f32::max);
        let (what, setting) =
            if road.is_calibrated() { ("size_m", "min_size_m") } else { ("car_share", "min_car_share") };
        self.last_key += 1;
        let held = Held {
            kind: IncidentKind::ObjectOnRoad,
            key: self.last_key,
            zone: zone.map(|zone| zone.id.clone()),
            place: Some(road.place(foot)),
            severity: severity(IncidentKind::ObjectOnRoad, about),
            confidence: 0.6 + 0.4 * f64::from((contrast / 60.0).min(1.0)),
            onset: blob.since,
            last: at,
            why: vec![
                Reason::new("lain_s", lain_s, "hold_s", self.settings.hold_s),
                Reason::new(what, size, setting, least),
            ],
        };
        self.alarms.push(Alarm { bbox: blob.bbox, held });
    }
}
