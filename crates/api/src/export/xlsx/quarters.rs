//! Quarters of an hour, gathered for tables that look across them: what was counted, what was watched, and the busiest
//! hour. Only what is not zero (of movements: what may be shown) is held; the rest follows from what was watched.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use wayside_store::query::{GroupKey, MeasurementKind, MeasurementQuery, Pages, RowSubject};
use wayside_types::{BinLength, RoadUserClass, TimeZone, Timestamp};

use super::super::rows::{ExportError, ROWS_AT_ONCE};
use super::{QUARTER, local};
use crate::state::ApiParts;

/// What a count is of: a line and a direction, or two lines.
pub(crate) type Subject = (String, String);

/// Counts by when they were made.
pub(crate) type Series = BTreeMap<Timestamp, u64>;

/// Cars, buses, trucks and motorcycles.
pub(crate) const MOTOR: [RoadUserClass; 4] =
    [RoadUserClass::Car, RoadUserClass::Bus, RoadUserClass::Truck, RoadUserClass::Motorcycle];

/// All quarters of an hour of a study.
#[derive(Default)]
pub(crate) struct Quarters {
    pub(crate) cameras: BTreeMap<String, Camera>,
}

/// Those of a camera.
#[derive(Default)]
pub(crate) struct Camera {
    /// What was watched: every start, and whether all of it.
    pub(crate) watched: BTreeMap<Timestamp, bool>,
    pub(crate) counts: BTreeMap<Subject, BTreeMap<RoadUserClass, Series>>,
    pub(crate) classes: BTreeSet<RoadUserClass>,
}

/// Four whole quarters with the most in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peak {
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) volume: u64,
    pub(crate) highest_quarter: u64,
}

impl Quarters {
    /// Loads the quarters that the question is about, of lines or of movements.
    pub(crate) async fn load(
        parts: &ApiParts,
        query: &MeasurementQuery,
        kind: MeasurementKind,
    ) -> Result<Self, ExportError> {
        let keys = match kind {
            MeasurementKind::Movements => [GroupKey::From, GroupKey::To, GroupKey::Class],
            _ => [GroupKey::Line, GroupKey::Direction, GroupKey::Class],
        };
        // Classes that the bins of the question do not allow were never asked for; quarters allow all.
        let all = MeasurementQuery {
            kind,
            bin: QUARTER,
            group_by: keys.into(),
            scheme: None,
            flows: false,
            with_quality: false,
            limit: ROWS_AT_ONCE,
            cursor: None,
            ..query.clone()
        };
        let mut quarters = Self::default();
        let mut pages = Pages::new(&parts.database, all);
        while let Some(rows) = pages.next().await? {
            for row in rows {
                let camera = quarters.cameras.entry(row.camera.to_string()).or_default();
                let whole = camera.watched.entry(row.start).or_insert(true);
                *whole = *whole && row.complete;
                let text = |part: Option<&dyn ToString>| part.map(ToString::to_string).unwrap_or_default();
                let subject = match &row.subject {
                    RowSubject::Line { line, direction } => (
                        text(line.as_ref().map(|l| l as &dyn ToString)),
                        direction.map(|way| way.as_str().to_owned()).unwrap_or_default(),
                    ),
                    RowSubject::Movement { from, to } => (
                        text(from.as_ref().map(|l| l as &dyn ToString)),
                        text(to.as_ref().map(|l| l as &dyn ToString)),
                    ),
                    RowSubject::Zone { .. } => continue,
                };
                let Some(class) = row.class else { continue };
                camera.classes.insert(class);
                let series = camera.counts.entry(subject).or_default().entry(class).or_default();
                if let Some(n) = row.count.filter(|n| *n > 0) {
                    series.insert(row.start, n);
                }
            }
        }
        Ok(quarters)
    }
}

impl Camera {
    /// The sum of some classes of a subject.
    pub(crate) fn sum(&self, subject: &Subject, classes: &[RoadUserClass]) -> Series {
        let mut sum = Series::new();
        let of_subject = self.counts.get(subject);
        for class in classes {
            for (start, n) in of_subject.and_then(|all| all.get(class)).into_iter().flatten() {
                *sum.entry(*start).or_default() += n;
            }
        }
        sum
    }

    /// The local days that were watched.
    pub(crate) fn days(&self, zone: &TimeZone) -> BTreeSet<jiff::civil::Date> {
        self.watched.keys().map(|start| local(*start, zone).date()).collect()
    }

    /// The busiest hour that was watched whole; of a local day if one is named: the one in which the hour begins.
    pub(crate) fn peak(
        &self,
        series: &Series,
        zone: &TimeZone,
        day: Option<jiff::civil::Date>,
    ) -> Option<Peak> {
        let quarter = SignedDuration::from_secs(i64::from(BinLength::Minute15.nominal_s()));
        let mut best: Option<Peak> = None;
        for (&start, _) in self.watched.iter().filter(|(_, whole)| **whole) {
            if day.is_some_and(|day| local(start, zone).date() != day) {
                continue;
            }
            let mut at = start;
            let (mut volume, mut highest_quarter) = (0, 0);
            let whole = (0..4).all(|_| {
                let whole = self.watched.get(&at) == Some(&true);
                let n = series.get(&at).copied().unwrap_or_default();
                volume += n;
                highest_quarter = n.max(highest_quarter);
                at = at.checked_add(quarter).unwrap_or(at);
                whole
            });
            if whole && best.is_none_or(|best| volume > best.volume) {
                best = Some(Peak { start, end: at, volume, highest_quarter });
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(quarter: i64) -> Timestamp {
        Timestamp::from_second(1_763_683_200 + 900 * quarter).unwrap()
    }

    #[test]
    fn the_peak_is_the_busiest_hour_of_whole_quarters() {
        let watched = (0..12).map(|quarter| (at(quarter), quarter != 3)).collect();
        let mut camera = Camera { watched, ..Camera::default() };
        let counts = [0, 100, 100, 100, 1, 2, 3, 4, 5, 4, 0, 0];
        let series: Series = (0..).zip(counts).map(|(quarter, n)| (at(quarter), n)).collect();
        // The hundreds are next to a quarter that was watched in part.
        let want = Peak { start: at(6), end: at(10), volume: 16, highest_quarter: 5 };
        assert_eq!(camera.peak(&series, &TimeZone::UTC, None), Some(want));
        camera.watched.remove(&at(7));
        assert_eq!(camera.peak(&series, &TimeZone::UTC, None).map(|peak| peak.start), Some(at(8)));
        camera.watched.retain(|start, _| *start < at(5));
        assert_eq!(camera.peak(&series, &TimeZone::UTC, None), None, "no hour was watched whole");
    }
}
