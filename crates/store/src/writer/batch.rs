//! Turns closed bins into columns for one statement a table. Rows of the same key within a batch become one
//! here, with the same rule that the database applies: within an epoch, numbers only grow.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use wayside_types::{
    Bin, BinLength, BinSubject, ClosedBins, Coverage, Doubts, FlowBin, QualityBin, RoadUserClass, Timestamp,
    ZoneBin,
};

use super::flow_columns::{FlowColumns, ZoneColumns, check_flow, check_zone};
use super::incidents::Newest;
use super::quality_columns::{QualityColumns, check_quality, seen};
use super::stills::Stills;
use crate::error::StoreError;
use crate::lengths::{DAY_S, HOUR_S, QUARTER_S};
use crate::months::month_of;
use crate::spool::Load;

/// What every row of every table begins with.
pub(crate) type Head = (String, i32, Timestamp);

/// The rows of a batch, by key, in the order in which the database will find their places.
#[derive(Debug, Default)]
pub(super) struct Rows {
    coverage: BTreeMap<(Head, i64), (Coverage, Doubts)>,
    lines: BTreeMap<(Head, [&'static str; 2], String, i64), i32>,
    movements: BTreeMap<(Head, String, String, &'static str, i64), i32>,
    lost: BTreeMap<(Head, String, &'static str, i64), i32>,
    flows: BTreeMap<(Head, [&'static str; 2], String, i64), FlowBin>,
    /// With the seconds that the camera observed.
    zones: BTreeMap<(Head, String, i64), (f64, ZoneBin)>,
    quality: BTreeMap<(Head, [&'static str; 2], String, i64), QualityBin>,
    pub(super) incidents: Newest,
    pub(super) stills: Stills,
}

impl Rows {
    /// Takes the rows of these records.
    pub(super) fn of(load: &Load) -> Self {
        let (incidents, stills) = (Newest::of(&load.notices), Stills::of(&load.notices));
        let mut rows = Self { incidents, stills, ..Self::default() };
        for record in &load.bins {
            rows.add_coverage(&record.coverage, record.doubts);
            for bin in &record.bins {
                rows.add_bin(bin);
            }
            rows.add_flows(record);
            rows.add_zones(record);
            rows.add_quality(record);
        }
        rows
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.coverage.len()
            + self.lines.len()
            + self.movements.len()
            + self.lost.len()
            + self.flows.len()
            + self.zones.len()
            + self.quality.len()
            + self.incidents.rows()
            + self.stills.rows()
    }

    /// The months that these rows fall into.
    pub(super) fn months(&self) -> Vec<Date> {
        let mut months: Vec<Date> = self
            .coverage
            .keys()
            .map(|key| key.0.2)
            .chain(self.lines.keys().map(|key| key.0.2))
            .chain(self.movements.keys().map(|key| key.0.2))
            .chain(self.lost.keys().map(|key| key.0.2))
            .chain(self.flows.keys().map(|key| key.0.2))
            .chain(self.zones.keys().map(|key| key.0.2))
            .chain(self.quality.keys().map(|key| key.0.2))
            .map(month_of)
            .collect();
        months.sort_unstable();
        months.dedup();
        months
    }

    fn add_coverage(&mut self, coverage: &Coverage, doubts: Doubts) {
        let key = (head(coverage.camera.as_str(), coverage.length, coverage.start), coverage.epoch);
        match self.coverage.get_mut(&key) {
            Some((known, _)) if known.observed_s > coverage.observed_s => {}
            Some(known) => *known = (coverage.clone(), doubts),
            None => {
                self.coverage.insert(key, (coverage.clone(), doubts));
            }
        }
    }

    fn add_bin(&mut self, bin: &Bin) {
        let key = &bin.key;
        let head = head(key.camera.as_str(), key.length, key.start);
        let class = key.class.as_str();
        let count = i32::try_from(bin.count).unwrap_or(i32::MAX);
        // Of two reports on the same bin of the same epoch the later one counted more.
        let known = match &key.subject {
            BinSubject::Line(line, direction) => {
                let key = (head, [direction.as_str(), class], line.to_string(), key.epoch);
                self.lines.entry(key).or_insert(count)
            }
            BinSubject::Movement(from, to) => {
                let key = (head, from.to_string(), to.to_string(), class, key.epoch);
                self.movements.entry(key).or_insert(count)
            }
            BinSubject::Lost(from) => {
                self.lost.entry((head, from.to_string(), class, key.epoch)).or_insert(count)
            }
        };
        *known = count.max(*known);
    }

    fn add_flows(&mut self, record: &ClosedBins) {
        let c = &record.coverage;
        for flow in &record.flows {
            let head = head(c.camera.as_str(), c.length, c.start);
            let key = (head, [flow.direction.as_str(), flow.class.as_str()], flow.line.to_string(), c.epoch);
            let known = self.flows.entry(key).or_insert_with(|| flow.clone());
            if (flow.count, flow.occupied_s) > (known.count, known.occupied_s) {
                *known = flow.clone();
            }
        }
    }

    fn add_zones(&mut self, record: &ClosedBins) {
        let c = &record.coverage;
        for zone in &record.zones {
            let key = (head(c.camera.as_str(), c.length, c.start), zone.zone.to_string(), c.epoch);
            let known = self.zones.entry(key).or_insert_with(|| (c.observed_s, zone.clone()));
            if c.observed_s > known.0 {
                *known = (c.observed_s, zone.clone());
            }
        }
    }

    /// The quarters, hours and days whose sums these rows change, in the order in which they are locked.
    pub(super) fn marks(&self) -> BTreeSet<(&str, i32, Timestamp)> {
        let heads = self.coverage.keys().map(|key| &key.0);
        let heads =
            heads.chain(self.lines.keys().map(|key| &key.0)).chain(self.flows.keys().map(|key| &key.0));
        let mut marks = BTreeSet::new();
        for (camera, length_s, start) in heads {
            for longer_s in [QUARTER_S, HOUR_S, DAY_S].into_iter().filter(|longer_s| longer_s > length_s) {
                let second = start.as_second();
                let start = Timestamp::from_second(second - second.rem_euclid(i64::from(longer_s)));
                marks.extend(start.ok().map(|start| (camera.as_str(), longer_s, start)));
            }
        }
        marks
    }

    fn add_quality(&mut self, record: &ClosedBins) {
        let c = &record.coverage;
        for row in &record.quality {
            let head = head(c.camera.as_str(), c.length, c.start);
            let key = (head, [row.direction.as_str(), row.class.as_str()], row.line.to_string(), c.epoch);
            let known = self.quality.entry(key).or_insert_with(|| row.clone());
            if seen(&row.evidence) > seen(&known.evidence) {
                *known = row.clone();
            }
        }
    }

    pub(super) fn coverage(&self) -> CoverageColumns {
        let mut columns = CoverageColumns::default();
        for ((head, epoch), (row, doubts)) in &self.coverage {
            columns.head.push(head);
            columns.epoch.push(*epoch);
            columns.observed_s.push(row.observed_s);
            columns.dropped_share.push(row.dropped_share);
            columns.grade.push(row.grade.as_str().to_owned());
            columns.config_version.push(row.config_version.clone());
            columns.moved_s.push(doubts.moved_s);
            columns.doubted_s.push(doubts.doubted_s);
            columns.dim_s.push(doubts.dim_s);
        }
        columns
    }

    pub(super) fn lines(&self) -> CountColumns {
        let mut columns = CountColumns::default();
        for ((head, [direction, class], line, epoch), count) in &self.lines {
            columns.push(head, [line, direction], class, *epoch, *count);
        }
        columns
    }

    pub(super) fn movements(&self) -> CountColumns {
        let mut columns = CountColumns::default();
        for ((head, from, to, class, epoch), count) in &self.movements {
            columns.push(head, [from, to], class, *epoch, *count);
        }
        columns
    }

    pub(super) fn lost(&self) -> CountColumns {
        let mut columns = CountColumns::default();
        for ((head, from, class, epoch), count) in &self.lost {
            columns.push(head, [from, ""], class, *epoch, *count);
        }
        columns
    }

    pub(super) fn flows(&self) -> FlowColumns {
        let mut columns = FlowColumns::default();
        for ((head, _, _, epoch), flow) in &self.flows {
            columns.push(head, *epoch, flow);
        }
        columns
    }

    pub(super) fn quality(&self) -> QualityColumns {
        let mut columns = QualityColumns::default();
        for ((head, _, _, epoch), row) in &self.quality {
            columns.push(head, *epoch, row);
        }
        columns
    }

    pub(super) fn zones(&self) -> ZoneColumns {
        let mut columns = ZoneColumns::default();
        for ((head, _, epoch), (observed_s, zone)) in &self.zones {
            columns.push(head, *epoch, *observed_s, zone);
        }
        columns
    }
}

fn head(camera: &str, length: BinLength, start: Timestamp) -> Head {
    (camera.to_owned(), i32::try_from(length.nominal_s()).unwrap_or(i32::MAX), start)
}

/// The columns that all tables share.
#[derive(Debug, Default)]
pub(crate) struct HeadColumns {
    pub(crate) camera: Vec<String>,
    pub(crate) length_s: Vec<i32>,
    pub(crate) start_at: Vec<SqlTimestamp>,
}

impl HeadColumns {
    pub(crate) fn push(&mut self, head: &Head) {
        self.camera.push(head.0.clone());
        self.length_s.push(head.1);
        self.start_at.push(head.2.to_sqlx());
    }
}

/// Columns of `coverage`.
#[derive(Debug, Default)]
pub(super) struct CoverageColumns {
    pub(super) head: HeadColumns,
    pub(super) epoch: Vec<i64>,
    pub(super) observed_s: Vec<f64>,
    pub(super) dropped_share: Vec<f64>,
    pub(super) grade: Vec<String>,
    pub(super) config_version: Vec<String>,
    pub(super) moved_s: Vec<f64>,
    pub(super) doubted_s: Vec<f64>,
    pub(super) dim_s: Vec<f64>,
}

/// Columns of a table of counts; `a` and `b` are line and direction, or the two lines of a movement.
#[derive(Debug, Default)]
pub(super) struct CountColumns {
    pub(super) head: HeadColumns,
    pub(super) a: Vec<String>,
    pub(super) b: Vec<String>,
    pub(super) class: Vec<String>,
    pub(super) epoch: Vec<i64>,
    pub(super) count: Vec<i32>,
}

impl CountColumns {
    fn push(&mut self, head: &Head, [a, b]: [&str; 2], class: &str, epoch: i64, count: i32) {
        self.head.push(head);
        self.a.push(a.to_owned());
        self.b.push(b.to_owned());
        self.class.push(class.to_owned());
        self.epoch.push(epoch);
        self.count.push(count);
    }
}

/// Refuses what must never be stored, before it is in the spool: the database would refuse it for ever.
pub(super) fn check(closed: &ClosedBins) -> Result<(), StoreError> {
    let coverage = &closed.coverage;
    let bad = |reason: String| StoreError::BadBin { camera: coverage.camera.to_string(), reason };
    if !(0.0..=f64::from(coverage.length.nominal_s()) * 1.05).contains(&coverage.observed_s) {
        return Err(bad(format!(
            "observed_s {} is not within its length of {} s",
            coverage.observed_s,
            coverage.length.nominal_s()
        )));
    }
    if !(0.0..=1.0).contains(&coverage.dropped_share) {
        return Err(bad(format!("dropped_share {} is not within 0 to 1", coverage.dropped_share)));
    }
    for bin in &closed.bins {
        let key = &bin.key;
        if (&key.camera, key.start, key.length, key.epoch)
            != (&coverage.camera, coverage.start, coverage.length, coverage.epoch)
        {
            return Err(bad(
                "a count has another camera, start, length or epoch than its coverage".to_owned()
            ));
        }
        let shortest = match key.subject {
            BinSubject::Movement(..) | BinSubject::Lost(_) => BinLength::Minute15,
            BinSubject::Line(..) => key.class.shortest_bin(),
        };
        if key.length < shortest {
            let what = match key.subject {
                BinSubject::Movement(..) | BinSubject::Lost(_) => "movements".to_owned(),
                BinSubject::Line(..) => plural(key.class),
            };
            return Err(StoreError::TooFine { what, shortest, asked: key.length });
        }
        if bin.count == 0 || i32::try_from(bin.count).is_err() {
            return Err(bad(format!("count {} is not within 1 to {}", bin.count, i32::MAX)));
        }
    }
    let is_long_only = !(closed.flows.is_empty() && closed.zones.is_empty() && closed.quality.is_empty());
    if coverage.length < BinLength::Minute15 && is_long_only {
        let what = "speeds, headways, occupancy, zones and quality".to_owned();
        return Err(StoreError::TooFine { what, shortest: BinLength::Minute15, asked: coverage.length });
    }
    if !matches!(coverage.length, BinLength::Minute1 | BinLength::Minute15) {
        return Err(bad(format!(
            "a length of {} is not stored: bins are of one minute or of fifteen",
            coverage.length
        )));
    }
    for flow in &closed.flows {
        check_flow(flow).map_err(bad)?;
    }
    for zone in &closed.zones {
        check_zone(zone).map_err(bad)?;
    }
    for row in &closed.quality {
        check_quality(row).map_err(bad)?;
    }
    Ok(())
}

/// A class in the plural, for messages.
pub(crate) fn plural(class: RoadUserClass) -> String {
    match class {
        RoadUserClass::Bus => "buses".to_owned(),
        other => format!("{other}s"),
    }
}
