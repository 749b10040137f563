//! `watch_changed`: what a `watch` zone shows is no longer built as it was: under water, covered, pushed aside. Compared are
//! slopes of brightness from cell to cell, each neighbourhood by its own direction and not by its size, so that
//! light, shadow and weather, which make slopes steeper or flatter and leave their directions, change nothing.

use wayside_types::rules::WatchSettings;
use wayside_types::{IncidentKind, Point, Reason, Timestamp, ZoneKind};

use crate::ledger::Held;
use crate::reference::READY_S;
use crate::road::{Road, RoadUser};
use crate::scene::{Grid, Scene};
use crate::seconds;
use crate::severity::{Circumstances, severity};
use crate::stands::{Stand, is_doubtful, was_there};

/// What passes and noise are evened out over about this long.
const EVEN_S: f64 = 1.0;
/// The reference follows slowly while the zone looks like it.
const FOLLOW_S: f64 = 120.0;
/// Slopes below this, grey levels over two cells, tell nothing …
const LEAST_SLOPE: f32 = 2.5;
/// … and so many cells must tell something.
const LEAST_CELLS: usize = 4;
/// A zone with fewer cells than this that have all their neighbours in it is small.
const SMALL_CELLS: usize = 9;
/// Every so-manieth cell of the rest of the picture says how much flatter it became, if so many tell something.
const SCALE_STEP: usize = 3;
const SCALE_CELLS: usize = 20;
/// A neighbourhood whose slopes agree with the reference's less than this is another.
const SAME: f32 = 0.5;
/// What is flatter than this share of what the rest of the picture lets expect agrees less, and with half of it with
/// nothing: a shadow leaves more of the light.
const FLAT: f32 = 0.5;
/// A share of changed cells below this is the zone as it was; the reference follows it.
const AS_IT_WAS: f64 = 0.15;
/// With more than this share behind road users nothing can be told.
const HIDDEN: f64 = 0.3;
/// The zone must look as it was for this long before a change is over: not yet told, and told.
const BACK_S: (f64, f64) = (1.5, 5.0);

/// The rule.
pub struct Watched {
    settings: WatchSettings,
    grid: Grid,
    /// Brightness without what passes.
    even: Vec<f32>,
    /// Slopes of the scene as it was: right and down.
    usual: Vec<(f32, f32)>,
    /// Cells of, or beside, any of the zones.
    in_zone: Vec<bool>,
    seen_s: f64,
    zones: Vec<WatchZone>,
}

#[derive(Debug, Default)]
struct WatchZone {
    index: usize,
    cells: Vec<usize>,
    /// Those of which all neighbours are in the zone: their slopes are of nothing beside it.
    own: Vec<usize>,
    /// How long it was seen.
    seen_s: f64,
    changed: Option<(Timestamp, Timestamp)>,
    back_s: f64,
    told: bool,
    share: f64,
}

impl Watched {
    pub fn new(settings: WatchSettings) -> Self {
        Self {
            settings,
            grid: Grid::default(),
            even: Vec::new(),
            usual: Vec::new(),
            in_zone: Vec::new(),
            seen_s: 0.0,
            zones: Vec::new(),
        }
    }

    /// Takes a frame that the scene has seen, of a camera that nothing is wrong with.
    pub fn update(
        &mut self,
        at: Timestamp,
        dt_s: f64,
        road: &Road,
        (users, stands): (&[RoadUser], &[Stand]),
        scene: &Scene,
    ) -> Vec<Held> {
        if !self.settings.enabled || !road.zones.iter().any(|z| z.zone.kind == ZoneKind::Watch) {
            return Vec::new();
        }
        let Some(pictures) = scene.pictures() else { return Vec::new() };
        if self.grid != scene.grid() {
            self.begin(road, scene, pictures.now);
            return Vec::new();
        }
        let mut hidden = vec![false; self.even.len()];
        // What covers a zone may be taken for somebody who stands in front of it, and who always stood there hides nothing
        // that was seen before.
        let hides = |user: &&RoadUser| !is_doubtful(user, stands) && !was_there(user, stands);
        for user in users.iter().filter(hides) {
            self.grid.cover(&mut hidden, &user.bbox.grown(0.1));
        }
        let share = (dt_s / EVEN_S).min(1.0) as f32;
        for ((even, &now), _) in self.even.iter_mut().zip(pictures.now).zip(&hidden).filter(|(_, h)| !**h) {
            *even += (now - *even) * share;
        }
        let slopes = slopes(&self.even, self.grid);
        let scale = self.scale(&slopes, &hidden);
        let mut zones = std::mem::take(&mut self.zones);
        let held = zones.iter_mut().filter_map(|zone| {
            self.look(zone, at, dt_s, &slopes, &hidden, scale);
            self.held(zone, at, road)
        });
        let held = held.collect();
        self.zones = zones;
        self.follow(dt_s, &slopes, &hidden);
        held
    }

    fn begin(&mut self, road: &Road, scene: &Scene, now: &[f32]) {
        self.grid = scene.grid();
        self.even = now.to_vec();
        self.usual = slopes(&self.even, self.grid);
        let watch = road.zones.iter().enumerate().filter(|(_, z)| z.zone.kind == ZoneKind::Watch);
        let zones = watch.map(|(index, zone)| {
            let inside = |i: &usize| zone.zone.contains(self.grid.middle(*i, road.size));
            let cells: Vec<usize> = self.grid.inner().filter(inside).collect();
            let own = |i: &usize| self.grid.around(*i).all(|near| cells.binary_search(&near).is_ok());
            let own: Vec<usize> = cells.iter().copied().filter(own).collect();
            // What is beside a small zone is looked at with it.
            let own = if own.len() < SMALL_CELLS { cells.clone() } else { own };
            WatchZone { index, cells, own, ..WatchZone::default() }
        });
        self.zones = zones.collect();
        self.seen_s = 0.0;
        self.in_zone = vec![false; now.len()];
        for &cell in self.zones.iter().flat_map(|zone| &zone.cells) {
            self.in_zone[cell] = true;
            self.grid.around(cell).for_each(|near| self.in_zone[near] = true);
        }
    }

    /// Compares one zone with how it was.
    fn look(
        &self,
        zone: &mut WatchZone,
        at: Timestamp,
        dt_s: f64,
        slopes: &[(f32, f32)],
        hidden: &[bool],
        scale: f32,
    ) {
        let behind = zone.cells.iter().filter(|&&i| hidden[i]).count() as f64;
        if behind > HIDDEN * zone.cells.len() as f64 {
            return;
        }
        zone.seen_s += dt_s;
        let telling: Vec<usize> =
            zone.own.iter().copied().filter(|&i| size(self.usual[i]) >= LEAST_SLOPE && !hidden[i]).collect();
        if zone.seen_s < READY_S || telling.len() < LEAST_CELLS {
            return;
        }
        let other = telling.iter().filter(|&&i| self.agreement(zone, i, slopes, scale) < SAME).count();
        zone.share = other as f64 / telling.len() as f64;
        if zone.share >= self.settings.min_changed_share {
            zone.changed = Some((zone.changed.map_or(at, |(since, _)| since), at));
            zone.back_s = 0.0;
        } else if zone.changed.is_some() {
            zone.back_s += dt_s;
            if zone.back_s >= if zone.told { BACK_S.1 } else { BACK_S.0 } {
                (zone.changed, zone.told) = (None, false);
            }
        }
    }

    /// How well a zone's slopes around a cell agree with those of before, −1 to 1.
    fn agreement(&self, zone: &WatchZone, cell: usize, slopes: &[(f32, f32)], scale: f32) -> f32 {
        let (mut both, mut then, mut now) = (0.0, 0.0, 0.0);
        let near = self.grid.around(cell).filter(|near| zone.own.binary_search(near).is_ok());
        for i in near.chain([cell]) {
            let (a, b) = (self.usual[i], slopes[i]);
            both += a.0 * b.0 + a.1 * b.1;
            then += a.0 * a.0 + a.1 * a.1;
            now += b.0 * b.0 + b.1 * b.1;
        }
        both / (then * now.max((FLAT * scale).powi(2) * then)).sqrt().max(1e-6)
    }

    fn held(&self, zone: &mut WatchZone, at: Timestamp, road: &Road) -> Option<Held> {
        let (since, last) = zone.changed?;
        let lasted_s = seconds(since, at);
        if !zone.told && seconds(since, last) < self.settings.hold_s {
            return None;
        }
        zone.told = true;
        let drawn = &road.zones[zone.index].zone;
        let about = Circumstances { zone: Some(drawn), traffic_moves: false, lasted_s, excess: zone.share };
        let n = drawn.polygon.len().max(1) as f64;
        let sum = drawn.polygon.iter().fold((0.0, 0.0), |sum, p| (sum.0 + p.x, sum.1 + p.y));
        Some(Held {
            kind: IncidentKind::WatchChanged,
            key: zone.index as u64,
            zone: Some(drawn.id.clone()),
            place: Some(road.place(Point::new(sum.0 / n, sum.1 / n))),
            severity: severity(IncidentKind::WatchChanged, about),
            confidence: 0.6 + 0.4 * zone.share,
            onset: since,
            last,
            why: vec![
                Reason::new("lasted_s", seconds(since, last), "hold_s", self.settings.hold_s),
                Reason::new(
                    "changed_share",
                    zone.share,
                    "min_changed_share",
                    self.settings.min_changed_share,
                ),
            ],
        })
    }

    /// By how much slopes have become flatter in the rest of the picture: 1 is not at all. The middle cell says, so that
    /// whoever passes does not.
    fn scale(&self, slopes: &[(f32, f32)], hidden: &[bool]) -> f32 {
        let tells = |i: &usize| !hidden[*i] && !self.in_zone[*i] && size(self.usual[*i]) >= LEAST_SLOPE;
        let mut shares: Vec<f32> = (0..slopes.len())
            .step_by(SCALE_STEP)
            .filter(tells)
            .map(|i| size(slopes[i]) / size(self.usual[i]))
            .collect();
        let middle = shares.len() / 2;
        if shares.len() < SCALE_CELLS {
            return 1.0;
        }
        shares.select_nth_unstable_by(middle, f32::total_cmp).1.clamp(0.2, 1.0)
    }

    /// The reference becomes what is seen: fast at first, slowly afterwards, and never what changed.
    fn follow(&mut self, dt_s: f64, slopes: &[(f32, f32)], hidden: &[bool]) {
        self.seen_s += dt_s;
        if self.zones.iter().all(|zone| zone.changed.is_none()) {
            // Whoever was there in the first frame is no part of the rest of the picture.
            let share = (dt_s / self.seen_s.clamp(dt_s.max(1e-3), FOLLOW_S)).min(1.0) as f32;
            let rest = self.usual.iter_mut().zip(slopes).zip(hidden.iter().zip(&self.in_zone));
            for ((usual, slope), _) in rest.filter(|(_, (hidden, in_zone))| !**hidden && !**in_zone) {
                usual.0 += (slope.0 - usual.0) * share;
                usual.1 += (slope.1 - usual.1) * share;
            }
        }
        for zone in &self.zones {
            if zone.changed.is_some() || zone.seen_s >= READY_S && zone.share > AS_IT_WAS {
                continue;
            }
            let time_s = zone.seen_s.clamp(dt_s.max(1e-3), FOLLOW_S);
            let share = (dt_s / time_s).min(1.0) as f32;
            // Neighbours just outside take part in what is compared.
            for &cell in &zone.cells {
                for row in [cell - self.grid.columns, cell, cell + self.grid.columns] {
                    for i in (row - 1..=row + 1).filter(|&i| !hidden[i]) {
                        let part = share / 9.0;
                        self.usual[i].0 += (slopes[i].0 - self.usual[i].0) * part;
                        self.usual[i].1 += (slopes[i].1 - self.usual[i].1) * part;
                    }
                }
            }
        }
    }
}

fn size(slope: (f32, f32)) -> f32 {
    slope.0.hypot(slope.1)
}

/// Slopes of every cell that has neighbours on all sides; the others have none.
fn slopes(levels: &[f32], grid: Grid) -> Vec<(f32, f32)> {
    let mut slopes = vec![(0.0, 0.0); levels.len()];
    for i in grid.inner() {
        slopes[i] = (levels[i + 1] - levels[i - 1], levels[i + grid.columns] - levels[i - grid.columns]);
    }
    slopes
}
