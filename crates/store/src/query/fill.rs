//! Puts rows together: sums projected on what the query groups by, zeros where a camera watched and counted
//! nothing, coverage, and the small cells of movements hidden. No database here.

use std::collections::{BTreeMap, BTreeSet};

use wayside_types::{
    CameraId, Direction, Grade, LEAST_SUMMARISED, LineId, RoadUserClass, ZoneDelay, ZoneId, ZoneQueue,
};

use super::bins::Span;
use super::coverage::{CameraCoverage, CoverageMap, Observed, Watch};
use super::fetch::{Drawings, Drawn, DrawnZone, Sum};
use super::flow::{Flow, FlowSum, LineFlow, StoredZone, ZoneFlow, ZoneSum};
use super::measurements::{GroupKey, MeasurementKind, MeasurementQuery, MeasurementRow, RowSubject};
use super::stored;
use crate::error::StoreError;
use crate::lengths::{MINUTE_S, QUARTER_S};

/// What a row is about: the parts of its key in the list's order, empty where not grouped by.
pub(super) type Group = [String; 3];

/// A row in the making.
#[derive(Debug, Default)]
struct Cell {
    minutes: Part,
    quarters: Part,
    flow: Option<FlowSum>,
    zone: ZoneSum,
}

/// What of a row comes from stored bins of one length.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    /// Whether any could.
    used: bool,
    count: i64,
    pcu: f64,
}

/// A camera's crossings of one group.
pub(super) struct GroupCounts {
    pub(super) group: Group,
    pub(super) subject: RowSubject,
    pub(super) class: Option<RoadUserClass>,
    /// Of each bin that a row would be made of, how many; `None` where the bin was not watched whole.
    pub(super) of: Vec<(usize, Option<u64>)>,
}

/// The rows of a camera in the making: of each span that has any, by group.
#[derive(Default)]
struct Cells {
    /// In the list's order, with the place of each among a span's cells.
    groups: BTreeMap<Group, usize>,
    spans: BTreeMap<usize, Vec<Option<Cell>>>,
}

impl Cells {
    /// The place of a group.
    fn place(&mut self, group: Group) -> usize {
        let next = self.groups.len();
        *self.groups.entry(group).or_insert(next)
    }

    /// The cell of a span at a group's place.
    fn at(&mut self, span: usize, place: usize) -> &mut Cell {
        let cells = self.spans.entry(span).or_default();
        if cells.len() <= place {
            cells.resize_with(self.groups.len().max(place + 1), || None);
        }
        cells[place].get_or_insert_default()
    }
}

/// What of a row is the same in all bins.
struct Head {
    subject: RowSubject,
    class: Option<RoadUserClass>,
    group_of_scheme: Option<String>,
}

/// A bin of a camera.
#[derive(Clone, Copy)]
struct Bin<'a> {
    camera: &'a CameraId,
    span: Span,
    watch: Option<&'a Watch>,
    /// The configurations that [`Watch::versions`] points to.
    versions: &'a [String],
}

/// What was observed of a row's bin.
struct Observation {
    seconds: f64,
    dropped_share: f64,
    complete: bool,
}

impl Bin<'_> {
    /// What was observed by stored bins of this length.
    fn observed(&self, length_s: i32) -> Observed {
        self.watch.and_then(|watch| watch.by(length_s)).unwrap_or_default()
    }

    fn observation(&self, cell: &Cell) -> Observation {
        // Where classes of both stored lengths are summed, the row is as good as the worse of the two.
        // What was told of a line only when its quarter closed is as good as the quarter.
        let quarters = cell.quarters.used || !cell.minutes.used;
        let candidates = [(cell.minutes.used, MINUTE_S), (quarters, QUARTER_S)];
        let used = candidates
            .into_iter()
            .filter(|(used, _)| *used)
            .map(|(_, length)| (self.observed(length), length));
        let (observed, length_s) =
            used.min_by(|a, b| a.0.seconds.total_cmp(&b.0.seconds)).unwrap_or_default();
        let (seconds, dropped_share) = shares(observed, self.span);
        Observation { seconds, dropped_share, complete: is_complete(observed, length_s, seconds, self.span) }
    }

    /// A number by the hour, each part by what its own bins observed: while a quarter of an hour runs, minutes know more of it than
    /// what an earlier run of the program left of the quarter.
    fn per_hour(&self, cell: &Cell, of: impl Fn(&Part) -> f64) -> Option<f64> {
        let parts = [(&cell.minutes, MINUTE_S), (&cell.quarters, QUARTER_S)];
        let rates = parts.into_iter().filter(|(part, _)| part.used).filter_map(|(part, length_s)| {
            let (seconds, _) = shares(self.observed(length_s), self.span);
            (seconds > 0.0).then(|| of(part) * 3_600.0 / seconds)
        });
        rates.reduce(|a, b| a + b)
    }
}

/// The places of what could have been counted, with the stored length that it comes from; by the configurations in force,
/// and whether minutes and quarters were watched: the same for most bins of a page.
type Zeros<'a> = BTreeMap<(&'a [usize], [bool; 2]), Vec<(usize, i32)>>;

/// Those of one camera, out of a list that is in the order of cameras.
fn of_camera<'a, T>(all: &'a [T], camera_of: impl Fn(&T) -> &String, camera: &str) -> &'a [T] {
    let first = all.partition_point(|one| camera_of(one).as_str() < camera);
    let after = all.partition_point(|one| camera_of(one).as_str() <= camera);
    all.get(first..after).unwrap_or_default()
}

/// Everything about some cameras and bins; lists are in the order of cameras.
#[derive(Debug, Clone, Copy)]
pub(super) struct Material<'a> {
    pub(super) query: &'a MeasurementQuery,
    pub(super) classes: &'a [RoadUserClass],
    pub(super) sums: &'a [Sum],
    pub(super) zones: &'a [StoredZone],
    pub(super) coverage: &'a CoverageMap,
    pub(super) drawn: &'a Drawings,
}

/// The stored length that a class's counts come from.
pub(super) fn base_length_s(kind: MeasurementKind, class: RoadUserClass) -> i32 {
    if kind == MeasurementKind::Lines && class.is_motor_vehicle() { MINUTE_S } else { QUARTER_S }
}

impl Material<'_> {
    /// The rows of one camera, by bin and group. Its flows are taken out of theirs, which are in the order of cameras, too.
    pub(super) fn rows(
        &self,
        camera: &CameraId,
        spans: &[Span],
        flows: &mut [Flow],
    ) -> Result<Vec<MeasurementRow>, StoreError> {
        let none = CameraCoverage::default();
        let coverage = self.coverage.of(camera.as_str()).unwrap_or(&none);
        let mut cells = self.cells(camera.as_str(), coverage, flows)?;
        let heads = cells.groups.iter().map(|(group, place)| Ok((self.head(group)?, *place)));
        let heads = heads.collect::<Result<Vec<_>, StoreError>>()?;
        let mut rows = Vec::with_capacity(cells.spans.len() * heads.len());
        for (index, of_span) in &mut cells.spans {
            let (Some(span), watch) = (spans.get(*index), coverage.spans.get(index)) else { continue };
            let bin = Bin { camera, span: *span, watch, versions: &coverage.versions };
            for (head, place) in &heads {
                if let Some(cell) = of_span.get_mut(*place).and_then(Option::take) {
                    rows.push(self.row(bin, head, cell));
                }
            }
        }
        Ok(rows)
    }

    /// What of [`Material::rows`] days are compared by; for crossings of lines.
    pub(super) fn counts(&self, camera: &CameraId, spans: &[Span]) -> Result<Vec<GroupCounts>, StoreError> {
        let none = CameraCoverage::default();
        let coverage = self.coverage.of(camera.as_str()).unwrap_or(&none);
        let cells = self.cells(camera.as_str(), coverage, &mut [])?;
        let mut all = Vec::with_capacity(cells.groups.len());
        for (group, place) in &cells.groups {
            let Head { subject, class, .. } = self.head(group)?;
            let mut of = Vec::with_capacity(cells.spans.len());
            for (index, of_span) in &cells.spans {
                let (Some(span), Some(Some(cell))) = (spans.get(*index), of_span.get(*place)) else {
                    continue;
                };
                let watch = coverage.spans.get(index);
                let bin = Bin { camera, span: *span, watch, versions: &coverage.versions };
                let Observation { complete, .. } = bin.observation(cell);
                of.push((*index, complete.then(|| u64::try_from(cell.count()).unwrap_or_default())));
            }
            all.push(GroupCounts { group: group.clone(), subject, class, of });
        }
        Ok(all)
    }

    /// All that was counted, and zeros for what could have been while the camera watched.
    fn cells(
        &self,
        camera: &str,
        coverage: &CameraCoverage,
        flows: &mut [Flow],
    ) -> Result<Cells, StoreError> {
        let mut cells = Cells::default();
        let mut zeros = Zeros::new();
        for (span, watch) in &coverage.spans {
            let watched = [MINUTE_S, QUARTER_S].map(|base_s| watch.by(base_s).is_some());
            let countable = zeros.entry((&watch.versions, watched)).or_insert_with(|| {
                let versions = watch.versions.iter().filter_map(|version| coverage.versions.get(*version));
                let all = self.countable(camera, versions, watched).into_iter();
                all.map(|(group, base_s)| (cells.place(group), base_s)).collect()
            });
            for (place, base_s) in countable {
                cells.at(*span, *place).part(*base_s);
            }
        }
        for sum in of_camera(self.sums, |sum| &sum.camera, camera) {
            let class = class_of(&sum.class)?;
            let place = cells.place(self.project(&sum.a, &sum.b, class));
            let scheme = self.query.scheme.as_ref();
            let pcu = scheme.and_then(|scheme| scheme.group_of(class)).map_or(0.0, |group| group.pcu);
            for (span, count) in &sum.of {
                let part = cells.at(*span, place).part(sum.base_s);
                part.count += count;
                part.pcu += pcu * *count as f64;
            }
        }
        let first = flows.partition_point(|flow| flow.camera.as_str() < camera);
        for flow in flows.iter_mut().skip(first).take_while(|flow| flow.camera == camera) {
            let place = cells.place(self.project(&flow.a, &flow.b, class_of(&flow.class)?));
            for (span, sum) in flow.of.drain(..) {
                FlowSum::add(&mut cells.at(span, place).flow, sum);
            }
        }
        for zone in of_camera(self.zones, |zone| &zone.camera, camera) {
            let place = cells.place(self.project(&zone.zone, "", RoadUserClass::Car));
            let cell = cells.at(zone.span, place);
            cell.part(QUARTER_S);
            cell.zone.merge(zone.latest, &zone.sum);
        }
        Ok(cells)
    }

    /// What could have been counted while these configurations were in force, with the stored length that it comes from.
    fn countable<'v>(
        &self,
        camera: &str,
        versions: impl Iterator<Item = &'v String>,
        [minutes, quarters]: [bool; 2],
    ) -> BTreeSet<(Group, i32)> {
        let base_of = |class: RoadUserClass| base_length_s(self.query.kind, class);
        // Of classes that are summed over one of each stored length stands for all.
        let mut known = BTreeSet::new();
        let mut is_new = |class: RoadUserClass| known.insert((self.project("", "", class), base_of(class)));
        let watched = |class: RoadUserClass| if base_of(class) == MINUTE_S { minutes } else { quarters };
        let classes = self.classes.iter().copied().filter(|class| watched(*class) && is_new(*class));
        let classes: Vec<RoadUserClass> = classes.collect();
        let mut all = BTreeSet::new();
        for version in versions {
            let Some(drawn) = self.drawn.get(&(camera.to_owned(), version.clone())) else { continue };
            for (a, b) in subjects(self.query, drawn) {
                all.extend(classes.iter().map(|class| (self.project(a, b, *class), base_of(*class))));
            }
        }
        all
    }

    fn project(&self, a: &str, b: &str, class: RoadUserClass) -> Group {
        let by = &self.query.group_by;
        let (first, second) = match self.query.kind {
            MeasurementKind::Lines => (GroupKey::Line, GroupKey::Direction),
            MeasurementKind::Movements => (GroupKey::From, GroupKey::To),
            MeasurementKind::Zones => return [a.to_owned(), String::new(), String::new()],
        };
        let keep =
            |key: GroupKey, part: &str| if by.contains(&key) { part.to_owned() } else { String::new() };
        let group = self.query.scheme.as_ref().and_then(|scheme| scheme.group_of(class));
        let class = group.map_or(class.as_str(), |group| group.id.as_str());
        [keep(first, a), keep(second, b), keep(GroupKey::Class, class)]
    }

    fn head(&self, group: &Group) -> Result<Head, StoreError> {
        let grouped = self.query.scheme.is_some();
        let class = part(&group[2]);
        Ok(Head {
            subject: subject(self.query.kind, group)?,
            class: class.filter(|_| !grouped).map(|name| stored(name.parse())).transpose()?,
            group_of_scheme: class.filter(|_| grouped).map(str::to_owned),
        })
    }

    fn row(&self, bin: Bin<'_>, head: &Head, cell: Cell) -> MeasurementRow {
        let Observation { seconds, dropped_share, complete } = bin.observation(&cell);
        let kind = self.query.kind;
        let hidden = kind == MeasurementKind::Movements && cell.count() < self.query.small_cells.least();
        let shown = kind != MeasurementKind::Zones && !hidden;
        let grouped = self.query.scheme.is_some();
        let zone = match &head.subject {
            RowSubject::Zone { zone } => self.zone(bin, zone, &cell.zone, (seconds, complete)),
            _ => None,
        };
        MeasurementRow {
            camera: bin.camera.clone(),
            subject: head.subject.clone(),
            class: head.class,
            group: head.group_of_scheme.clone(),
            start: bin.span.start,
            end: bin.span.end,
            flow_per_h: bin.per_hour(&cell, |part| part.count as f64).filter(|_| shown),
            pcu_per_h: bin.per_hour(&cell, |part| part.pcu).filter(|_| grouped && shown),
            count: shown.then(|| u64::try_from(cell.count()).unwrap_or_default()),
            suppressed: hidden,
            flow: self.flow(cell.flow, bin.observed(QUARTER_S).seconds.min(bin.span.seconds())),
            quality: None,
            zone,
            observed_s: seconds,
            dropped_share,
            grade: Grade::of(seconds / bin.span.seconds(), dropped_share),
            complete,
        }
    }

    /// How a line was crossed in a bin of which `observed_s` are stored in quarters of an hour.
    fn flow(&self, sum: Option<FlowSum>, observed_s: f64) -> Option<LineFlow> {
        let by = &self.query.group_by;
        let stored = self.query.flows
            && self.query.kind == MeasurementKind::Lines
            && self.query.bin >= wayside_types::BinLength::Minute15;
        let sum = stored.then(|| sum.unwrap_or_default())?;
        // What several lines or directions were occupied for adds up to nothing that means something.
        let apart = by.contains(&GroupKey::Line) && by.contains(&GroupKey::Direction);
        let occupancy = (apart && observed_s > 0.0).then(|| (sum.occupied_s as f64 / observed_s).min(1.0));
        let headways = Some(sum.headways).filter(|h| h.n >= LEAST_SUMMARISED);
        let whole = !by.contains(&GroupKey::Class) && self.query.classes.is_empty();
        let gap_mean_s =
            headways.as_ref().zip(occupancy.filter(|_| whole)).map(|(h, o)| h.mean_s() * (1.0 - o));
        let speeds = Some(sum.speeds).filter(|s| s.n >= LEAST_SUMMARISED);
        Some(LineFlow { untrusted: sum.untrusted, speeds, headways, occupancy, gap_mean_s })
    }

    /// What a zone was like in a bin; `None` for one that no configuration of the bin drew.
    fn zone(
        &self,
        bin: Bin<'_>,
        id: &ZoneId,
        sum: &ZoneSum,
        (observed_s, complete): (f64, bool),
    ) -> Option<ZoneFlow> {
        let places = bin.watch.into_iter().flat_map(|watch| &watch.versions);
        let mut drawn = places.rev().filter_map(|version| {
            let key = (bin.camera.as_str().to_owned(), bin.versions.get(*version)?.clone());
            self.drawn.get(&key)?.zones.iter().find(|zone| zone.id == *id)
        });
        let DrawnZone { kind, calibrated, .. } = drawn.next()?;
        let mean = |seconds: f64| if observed_s > 0.0 { seconds / observed_s } else { 0.0 };
        let empty = calibrated.then_some(0.0).filter(|_| sum.vehicle_s == 0);
        let delay = sum.delay.filter(|delay| delay.n >= LEAST_SUMMARISED);
        Some(ZoneFlow {
            kind: *kind,
            occupancy: mean(sum.occupied_s as f64).min(1.0),
            vehicles_mean: mean(sum.vehicle_s as f64),
            density_per_km: sum.vehicle_s_per_km.or(empty).map(mean),
            queue: (*calibrated && kind.has_queues()).then(|| queue(sum, complete, bin.span)),
            delay_n: delay.map(|delay| delay.n),
            delay_mean_s: delay.map(|ZoneDelay { n, sum_s }| sum_s / f64::from(n)),
        })
    }
}

/// The queue of a bin. A stored bin without a row had none; what stood in an earlier one is not what stands now.
fn queue(sum: &ZoneSum, complete: bool, span: Span) -> ZoneQueue {
    let queue = sum.queue.unwrap_or_default();
    let quarter = jiff::SignedDuration::from_secs(i64::from(QUARTER_S));
    let is_last =
        sum.queue_of.and_then(|start| start.checked_add(quarter).ok()).is_some_and(|end| end >= span.end);
    if is_last || !complete { queue } else { ZoneQueue { last_m: 0.0, last_vehicles: 0, ..queue } }
}

impl Cell {
    /// That of stored bins of this length, which is in use from now on.
    fn part(&mut self, base_length_s: i32) -> &mut Part {
        let part = if base_length_s == MINUTE_S { &mut self.minutes } else { &mut self.quarters };
        part.used = true;
        part
    }

    fn count(&self) -> i64 {
        self.minutes.count + self.quarters.count
    }
}

/// Everything that a camera with these lines can count, as far as the query wants it.
fn subjects<'a>(query: &'a MeasurementQuery, drawn: &'a Drawn) -> Vec<(&'a str, &'a str)> {
    let lines = &drawn.lines;
    let wanted = |line: &LineId| query.lines.is_empty() || query.lines.contains(line);
    match query.kind {
        MeasurementKind::Lines => lines
            .iter()
            .filter(|line| wanted(line))
            .flat_map(|line| {
                [Direction::Forward, Direction::Backward].map(|direction| (line.as_str(), direction.as_str()))
            })
            .collect(),
        MeasurementKind::Movements => lines
            .iter()
            .flat_map(|from| lines.iter().map(move |to| (from, to)))
            .filter(|(from, to)| from != to && (wanted(from) || wanted(to)))
            .map(|(from, to)| (from.as_str(), to.as_str()))
            .collect(),
        MeasurementKind::Zones => {
            let wanted = |zone: &&DrawnZone| query.zones.is_empty() || query.zones.contains(&zone.id);
            drawn.zones.iter().filter(wanted).map(|zone| (zone.id.as_str(), "")).collect()
        }
    }
}

pub(super) fn shares(observed: Observed, span: Span) -> (f64, f64) {
    let seconds = observed.seconds.min(span.seconds());
    let dropped = if observed.seconds > 0.0 { observed.dropped_s / observed.seconds } else { 0.0 };
    (seconds, dropped.clamp(0.0, 1.0))
}

/// Complete is a bin of which every part has been stored and at least 98 % was observed.
pub(super) fn is_complete(observed: Observed, length_s: i32, seconds: f64, span: Span) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "at most 1,500 minutes in a day")]
    let stored_s = observed.bins as f64 * f64::from(length_s);
    stored_s >= span.seconds() && seconds >= 0.98 * span.seconds()
}

/// Where classes were summed over any stands for them: the row has none.
fn class_of(name: &str) -> Result<RoadUserClass, StoreError> {
    part(name).map_or(Ok(RoadUserClass::Car), |name| stored(name.parse()))
}

fn part(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn subject(kind: MeasurementKind, group: &Group) -> Result<RowSubject, StoreError> {
    let line = |text: &str| part(text).map(|id| stored(LineId::new(id))).transpose();
    Ok(match kind {
        MeasurementKind::Lines => RowSubject::Line {
            line: line(&group[0])?,
            direction: part(&group[1]).map(|name| stored(name.parse::<Direction>())).transpose()?,
        },
        MeasurementKind::Movements => RowSubject::Movement { from: line(&group[0])?, to: line(&group[1])? },
        MeasurementKind::Zones => RowSubject::Zone { zone: stored(ZoneId::new(&group[0]))? },
    })
}
