//! Puts rows together: sums projected on what the query groups by, zeros where a camera watched and counted
//! nothing, coverage, and the small cells of movements hidden. No database here.

use std::collections::BTreeMap;

use wayside_types::{CameraId, Direction, Grade, LineId, RoadUserClass, SpeedSummary};

use super::bins::Span;
use super::fetch::{CoverageMap, DrawnLines, Observed, Sum};
use super::measurements::{GroupKey, MeasurementKind, MeasurementQuery, MeasurementRow, RowSubject};
use super::stored;
use crate::error::StoreError;

/// The stored lengths that everything is summed from.
pub(super) const MINUTE_S: i32 = 60;
pub(super) const QUARTER_S: i32 = 900;

/// What a row is about: the parts of its key in the list's order, empty where not grouped by.
pub(super) type Group = [String; 3];

/// A row in the making.
#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    count: i64,
    speed_n: i64,
    speed_sum_kmh: f64,
    from_minutes: bool,
    from_quarters: bool,
}

/// Everything about one camera and some bins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Material<'a> {
    pub(super) query: &'a MeasurementQuery,
    pub(super) classes: &'a [RoadUserClass],
    pub(super) sums: &'a [Sum],
    pub(super) coverage: &'a CoverageMap,
    pub(super) drawn: &'a DrawnLines,
}

/// The stored length that a class's counts come from.
pub(super) fn base_length_s(kind: MeasurementKind, class: RoadUserClass) -> i32 {
    if kind == MeasurementKind::Lines && class.is_motor_vehicle() { MINUTE_S } else { QUARTER_S }
}

impl Material<'_> {
    /// The rows of one camera, by bin and group.
    pub(super) fn rows(&self, camera: &CameraId, spans: &[Span]) -> Result<Vec<MeasurementRow>, StoreError> {
        let mut cells: BTreeMap<(usize, Group), Cell> = BTreeMap::new();
        for index in 0..spans.len() {
            self.add_zeros(camera.as_str(), index, &mut cells);
        }
        for sum in self.sums.iter().filter(|sum| sum.camera == camera.as_str()) {
            let class: RoadUserClass = stored(sum.class.parse())?;
            let cell = cells.entry((sum.span, self.project(&sum.a, &sum.b, class))).or_default();
            cell.mark(base_length_s(self.query.kind, class));
            cell.count += sum.count;
            cell.speed_n += sum.speed_n;
            cell.speed_sum_kmh += sum.speed_sum_kmh;
        }
        cells
            .iter()
            .filter_map(|((index, group), cell)| spans.get(*index).map(|span| (*index, *span, group, cell)))
            .map(|(index, span, group, cell)| self.row(camera, index, span, group, cell))
            .collect()
    }

    /// Makes a cell for everything that could have been counted while the camera watched.
    fn add_zeros(&self, camera: &str, index: usize, cells: &mut BTreeMap<(usize, Group), Cell>) {
        let key = (camera.to_owned(), index);
        let Some(versions) = self.coverage.versions.get(&key) else { return };
        for version in versions {
            let Some(lines) = self.drawn.get(&(camera.to_owned(), version.clone())) else { continue };
            for &class in self.classes {
                let base = base_length_s(self.query.kind, class);
                if !self.coverage.observed.contains_key(&(camera.to_owned(), index, base)) {
                    continue;
                }
                for (a, b) in subjects(self.query, lines) {
                    cells.entry((index, self.project(a, b, class))).or_default().mark(base);
                }
            }
        }
    }

    fn project(&self, a: &str, b: &str, class: RoadUserClass) -> Group {
        let by = &self.query.group_by;
        let (first, second) = match self.query.kind {
            MeasurementKind::Lines => (GroupKey::Line, GroupKey::Direction),
            MeasurementKind::Movements => (GroupKey::From, GroupKey::To),
        };
        let keep =
            |key: GroupKey, part: &str| if by.contains(&key) { part.to_owned() } else { String::new() };
        [keep(first, a), keep(second, b), keep(GroupKey::Class, class.as_str())]
    }

    fn row(
        &self,
        camera: &CameraId,
        index: usize,
        span: Span,
        group: &Group,
        cell: &Cell,
    ) -> Result<MeasurementRow, StoreError> {
        let observed = |length: i32| {
            let key = (camera.as_str().to_owned(), index, length);
            self.coverage.observed.get(&key).copied().unwrap_or_default()
        };
        // Where classes of both stored lengths are summed, the row is as good as the worse of the two.
        let candidates = [(cell.from_minutes, MINUTE_S), (cell.from_quarters, QUARTER_S)];
        let used =
            candidates.into_iter().filter(|(used, _)| *used).map(|(_, length)| (observed(length), length));
        let (observed, length_s) =
            used.min_by(|a, b| a.0.seconds.total_cmp(&b.0.seconds)).unwrap_or_default();
        let (seconds, dropped_share) = shares(observed, span);
        let hidden =
            self.query.kind == MeasurementKind::Movements && cell.count < self.query.small_cells.least();
        Ok(MeasurementRow {
            camera: camera.clone(),
            subject: subject(self.query.kind, group)?,
            class: part(&group[2]).map(|name| stored(name.parse())).transpose()?,
            start: span.start,
            end: span.end,
            count: (!hidden).then(|| u64::try_from(cell.count).unwrap_or_default()),
            suppressed: hidden,
            speed: speed(cell),
            observed_s: seconds,
            dropped_share,
            grade: Grade::of(seconds / span.seconds(), dropped_share),
            complete: is_complete(observed, length_s, seconds, span),
        })
    }
}

impl Cell {
    fn mark(&mut self, base_length_s: i32) {
        if base_length_s == MINUTE_S {
            self.from_minutes = true;
        } else {
            self.from_quarters = true;
        }
    }
}

/// Everything that a camera with these lines can count, as far as the query wants it.
fn subjects<'a>(query: &'a MeasurementQuery, lines: &'a [LineId]) -> Vec<(&'a str, &'a str)> {
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
    }
}

fn shares(observed: Observed, span: Span) -> (f64, f64) {
    let seconds = observed.seconds.min(span.seconds());
    let dropped = if observed.seconds > 0.0 { observed.dropped_s / observed.seconds } else { 0.0 };
    (seconds, dropped.clamp(0.0, 1.0))
}

/// Complete is a bin of which every part has been stored and at least 98 % was observed.
fn is_complete(observed: Observed, length_s: i32, seconds: f64, span: Span) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "at most 1,500 minutes in a day")]
    let stored_s = observed.bins as f64 * f64::from(length_s);
    stored_s >= span.seconds() && seconds >= 0.98 * span.seconds()
}

fn speed(cell: &Cell) -> Option<SpeedSummary> {
    let n = u32::try_from(cell.speed_n).ok().filter(|n| *n >= SpeedSummary::MIN_N)?;
    Some(SpeedSummary { n, mean_kmh: cell.speed_sum_kmh / f64::from(n) })
}

fn part(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn subject(kind: MeasurementKind, group: &Group) -> Result<RowSubject, StoreError> {
    let line = |text: &str| part(text).map(|id| stored(LineId::new(id))).transpose();
    Ok(match kind {
        MeasurementKind::Lines => RowSubject::Line {
            line: line(&group[0])?,
            direction: match part(&group[1]) {
                None => None,
                Some("forward") => Some(Direction::Forward),
                Some("backward") => Some(Direction::Backward),
                Some(other) => return stored(Err(format!("direction {other:?}"))),
            },
        },
        MeasurementKind::Movements => RowSubject::Movement { from: line(&group[0])?, to: line(&group[1])? },
    })
}
