//! `object_on_road`: something lies still on a road that was not there, and is neither a vehicle nor a trick of the light. What
//! tells it is brightness that differs from the empty scene's and edges that the empty scene has not. A shadow
//! darkens evenly, light brightens without new edges, and both are larger or softer than things.

use wayside_types::rules::ObjectSettings;
use wayside_types::{BBox, IncidentKind, Point, Reason, Timestamp};

use crate::calm::STILL_LEVELS;
use crate::ledger::Held;
use crate::road::{Road, RoadUser};
use crate::scene::{Grid, Scene};
use crate::seconds;
use crate::severity::{Circumstances, severity};
use crate::stands::{Stand, is_doubtful};

mod cell;
mod looks;

use cell::{Cell, WIDE_S};

/// Grey levels by which a cell differs from the empty scene at least, if something lies there.
const NEW_LEVELS: f32 = 9.0;
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
/// What lies at the far edge of a lane stands out beyond it: cells so many rows above those of the road are looked at as well.
const ABOVE_ROWS: usize = 6;
/// So much of the road at once is a change of light.
const MOST_OF_ROAD: f64 = 0.12;
/// What is new this close to a standing vehicle, a share of its box a side, is part of it, its shadow or its lamps' shine …
const BESIDE: f32 = 0.35;
/// … and of what is new this close to one that was there before so much is, as boxes and cells are no more exact: all of that was
/// there before as well.
const BESIDE_PARKED: f32 = 0.05;
const PARKED_PART: f32 = 0.25;
/// Steps of the empty scene, and of what came, are followed by so many grey levels a second.
const STEP_RATE: f32 = 10.0;
const EDGE_RATE: f32 = 25.0;
/// The incident lasts this long beyond the last look that showed it.
const LINGER_S: f64 = 3.0;
/// Parts of one thing are so many cells each at least, and came within so long.
const PART_CELLS: usize = 2;
const TOGETHER_S: f64 = 0.5;
/// A thing looks like one for this share of the time.
const MOSTLY: f64 = 0.6;
/// What looks otherwise for so long is something else; sooner somebody passed whom the detector does not know.
const OTHER_S: f64 = 0.9;

/// The rule.
pub struct Objects {
    settings: ObjectSettings,
    grid: Grid,
    /// When the road was first seen.
    begun: Option<Timestamp>,
    /// Which cells are road, and of which zone.
    zone: Vec<Option<usize>>,
    /// Which cells are looked at: those, and what stands on their far edge.
    watched: Vec<bool>,
    cells: Vec<Cell>,
    /// The share of the picture that is new, but for road users.
    new_share: f64,
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

#[derive(Debug)]
struct Alarm {
    bbox: BBox,
    held: Held,
}

impl Alarm {
    /// Whether it is of what a blob is part of: with half of its longer side all around, as a stripe of it may be as grey as the road.
    fn is_at(&self, blob: &Blob) -> bool {
        let b = &self.bbox;
        let by = b.width().max(b.height()) / 2.0;
        BBox::new(b.x1 - by, b.y1 - by, b.x2 + by, b.y2 + by).intersection(&blob.bbox) > 0.0
    }
}

/// Whether what is new is part of a standing vehicle, its shadow or its shine.
fn is_part(stand: &Stand, blob: &Blob) -> bool {
    let (beside, part) = if stand.came { (BESIDE, 0.0) } else { (BESIDE_PARKED, PARKED_PART) };
    stand.is_sure() && stand.bbox.grown(beside).intersection(&blob.bbox) > part * blob.bbox.area()
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
            watched: Vec::new(),
            cells: Vec::new(),
            new_share: 0.0,
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
        for user in users.iter().filter(|user| !is_doubtful(user, stands)) {
            self.grid.cover(&mut hidden, &user.bbox.grown(0.2));
        }
        // Where somebody stood from the beginning the road is not known, also where nobody is sure of it.
        let mut covered = hidden.clone();
        let there = stands.iter().filter(|stand| !stand.came).map(|stand| stand.bbox);
        for bbox in users.iter().map(|user| user.bbox).chain(there) {
            self.grid.cover(&mut covered, &bbox);
        }
        self.note(at, dt_s, (scene, steps), &hidden, &covered);
        let is_new = |i: usize| !hidden[i] && scene.off(i).is_some_and(|off| off.abs() >= NEW_LEVELS);
        self.new_share = (0..hidden.len()).filter(|&i| is_new(i)).count() as f64 / hidden.len() as f64;
        self.mark_wide(dt_s, road, is_new);
        let blobs = self.blobs(at);
        let on_road = self.zone.iter().filter(|zone| zone.is_some()).count();
        let cells = blobs.iter().flat_map(|blob| &blob.cells).filter(|&&i| self.zone[i].is_some()).count();
        self.suspects.clear();
        self.shapes.clear();
        if cells as f64 <= MOST_OF_ROAD * on_road as f64 {
            for blob in &blobs {
                if !self.stands_on_road(blob) || stands.iter().any(|stand| is_part(stand, blob)) {
                    continue;
                }
                // Until sizes are known there nothing is said of it, but it is not learnt either.
                let is_known = self.size(blob, road).is_some();
                let looks_so = self.is_thing(blob, scene) && (!is_known || self.has_size(blob, road));
                let mostly = self.mostly(blob, dt_s, looks_so);
                if looks_so || mostly && is_known {
                    self.suspects.push(blob.bbox);
                }
                if looks_so && mostly && is_known {
                    // What was told as a thing stays one, however large the next cars turn out to be.
                    let told = self.alarms.iter().any(|alarm| alarm.is_at(blob));
                    if !told && self.is_as_large_as_a_vehicle(blob, road) {
                        // So large a thing shows more than light does, however fast that came.
                        if !self.is_even(blob, scene) {
                            self.shapes.push(Shape { bbox: blob.bbox, since: blob.since });
                        }
                    } else if told || !self.may_be_vehicle(blob, road, stands) && !self.is_cut(blob) {
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
        let is_road = |i: usize| self.zone.get(i).is_some_and(Option::is_some);
        let above = |i: usize| (0..=ABOVE_ROWS).any(|rows| is_road(i + rows * self.grid.columns));
        self.watched = (0..steps.len()).map(above).collect();
    }

    /// Takes what each cell of the road shows: not where somebody is (`hidden`), and nothing is known of the road itself where somebody
    /// may be (`covered`).
    fn note(
        &mut self,
        at: Timestamp,
        dt_s: f64,
        (scene, steps): (&Scene, &[u8]),
        hidden: &[bool],
        covered: &[bool],
    ) {
        let follow = |level: &mut f32, step: f32, rate: f32| {
            let most = rate * dt_s.min(1.0) as f32;
            *level += (step - *level).clamp(-most, most);
        };
        for i in 0..self.cells.len() {
            if !self.watched[i] || hidden[i] {
                continue;
            }
            let Some(off) = scene.off(i) else { continue };
            let (cell, step) = (&mut self.cells[i], f32::from(steps[i]));
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
                    follow(&mut cell.edge, step, EDGE_RATE);
                    cell.seen_s += dt_s;
                    // Lamps that pass are none of what lies there.
                    cell.peak = cell.peak.max(cell.off.abs());
                    cell.gone_s = (cell.gone_s - FORGIVEN * dt_s).max(0.0);
                }
                (false, Some(_)) => {
                    cell.gone_s += dt_s;
                    if cell.gone_s >= GONE_S.min(GONE_FIRST_S + GONE_SHARE * cell.seen_s) {
                        cell.since = None;
                    }
                }
                (false, None) => {
                    cell.free_s += if covered[i] { 0.0 } else { dt_s };
                    follow(&mut cell.step, step, STEP_RATE);
                }
            }
            cell.calm(dt_s, off);
        }
    }

    /// Marks cells that are new together with more than a thing covers, on the road and beside it.
    /// What was there before is not part of what came.
    fn mark_wide(&mut self, dt_s: f64, road: &Road, is_new: impl Fn(usize) -> bool) {
        if self.cells.iter().all(|cell| cell.since.is_none()) {
            return;
        }
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
        let mut blobs: Vec<Blob> = Vec::new();
        for mut new in self.grid.patches(settled).into_iter().filter_map(blob) {
            // A thing of which a stripe is as grey as the road is one, whichever of its parts was found first.
            while let Some(index) = blobs.iter().position(|other| self.are_one(other, &new)) {
                let other = blobs.swap_remove(index);
                new.cells.extend(other.cells);
                (new.bbox, new.since) = (self.grid.bbox(&new.cells), new.since.min(other.since));
            }
            blobs.push(new);
        }
        blobs
    }

    /// Whether two blobs came together, at once, with no more than a cell between them.
    fn are_one(&self, a: &Blob, b: &Blob) -> bool {
        let by = 1.5 * self.grid.side_px;
        let near = BBox::new(a.bbox.x1 - by, a.bbox.y1 - by, a.bbox.x2 + by, a.bbox.y2 + by);
        let came = |blob: &Blob| {
            let arrived = blob.cells.iter().filter(|&&i| self.cells[i].arrived()).count();
            blob.cells.len() >= PART_CELLS && 2 * arrived >= blob.cells.len()
        };
        near.intersection(&b.bbox) > 0.0
            && seconds(a.since, b.since).abs() <= TOGETHER_S
            && came(a)
            && came(b)
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

    fn tell(&mut self, at: Timestamp, blob: &Blob, road: &Road) {
        if let Some(alarm) = self.alarms.iter_mut().find(|alarm| alarm.is_at(blob)) {
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
        let index = blob.cells.iter().find_map(|&i| self.zone_at_foot(i));
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
