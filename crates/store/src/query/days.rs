//! Packed days (`crate::days`) in answers: which days of a question are packed and up to date, what they add up to, and what
//! of the question is left to be read row by row. A day is one of UTC: where a site's day is another, its first and last
//! hours are what is left.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use sqlx::postgres::PgConnection;
use wayside_types::{Doubts, Evidence, RoadUserClass, Timestamp};

use super::bins::Span;
use super::coverage::CoverageMap;
use super::fetch::{Series, Sum, Wanted};
use super::fill::base_length_s;
use super::flow::{Flow, FlowSum};
use super::measurements::MeasurementKind;
use super::sources::Sources;
use super::stored;
use crate::database::Database;
use crate::days::{self, Counts, Flows, Signs, Subject, Watched};
use crate::error::StoreError;
use crate::lengths::{DAY_S, MINUTE_S, QUARTER_S};

/// What is wanted of packed days beside what was watched.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Parts {
    pub(super) counts: bool,
    pub(super) flows: bool,
    pub(super) signs: bool,
}

/// The packed days of a question.
#[derive(Debug, Default)]
pub(super) struct Days {
    days: Vec<Day>,
    /// For each day's start the span of each of its stretches.
    spans: BTreeMap<Timestamp, Vec<usize>>,
    rest: Option<Rest>,
}

/// A camera's day.
#[derive(Debug)]
struct Day {
    camera: String,
    start: Timestamp,
    counts: Counts,
    flows: Flows,
    signs: Signs,
    watched: Watched,
}

/// Stretches of cameras that no packed day has: parallel lists, and the time from the first to the last.
#[derive(Debug)]
pub(crate) struct Rest {
    /// Each once.
    pub(super) cameras: Vec<String>,
    pub(super) camera: Vec<String>,
    pub(super) from: Vec<SqlTimestamp>,
    pub(super) to: Vec<SqlTimestamp>,
    pub(super) start: SqlTimestamp,
    pub(super) end: SqlTimestamp,
}

impl Rest {
    /// All of a stretch, of these cameras.
    pub(crate) fn whole(cameras: &[String], start: SqlTimestamp, end: SqlTimestamp) -> Self {
        let (camera, many) = (cameras.to_vec(), cameras.len());
        Self { cameras: camera.clone(), camera, from: vec![start; many], to: vec![end; many], start, end }
    }
}

impl Days {
    /// Reads the packed days that lie within these bins, if they are made of whole quarters of an hour.
    pub(super) async fn read(
        db: &Database,
        snapshot: &mut PgConnection,
        cameras: &[String],
        bins: &[Span],
        parts: Parts,
    ) -> Result<Self, StoreError> {
        let (Some(first), Some(last)) = (bins.first(), bins.last()) else { return Ok(Self::default()) };
        let whole = Span { start: first.start, end: last.end };
        let length_s = Sources::of(bins, MINUTE_S).top_s;
        let mut found = Self::default();
        if let Some((first, after)) = days_within(whole).filter(|_| length_s >= QUARTER_S) {
            found.days = packed(db, snapshot, cameras, length_s, (first, after), parts).await?;
            for start in found.days.iter().map(|day| day.start).collect::<BTreeSet<_>>() {
                found.spans.insert(start, spans_of(start, length_s, bins));
            }
        }
        found.rest = found.rest_of(cameras, whole);
        Ok(found)
    }

    /// What they leave to be read row by row.
    pub(super) fn rest(&self) -> Option<&Rest> {
        self.rest.as_ref()
    }

    /// Sums of line crossings, as [`super::fetch::lines`] makes them of rows.
    pub(super) fn lines(&self, wanted: Wanted<'_>) -> Vec<Sum> {
        let mut sums = Sums::<i64>::default();
        for day in &self.days {
            let spans = self.spans_of(day);
            let of_camera = sums.of(&day.camera);
            for (subject, counts) in day.counts.iter().filter(|(subject, _)| wanted.has(subject)) {
                let sum = Run::of(of_camera, wanted.project(subject), spans);
                for (span, count) in spans.iter().zip(counts).filter(|(_, count)| **count > 0) {
                    *sum.at(*span).get_or_insert_default() += i64::from(*count);
                }
            }
        }
        sums.series(wanted.base_s)
    }

    /// Flows, added up over whatever is not told apart. They are taken out of the days.
    pub(super) fn take_flows(&mut self, wanted: Wanted<'_>) -> Result<Vec<Flow>, StoreError> {
        let mut sums = Sums::<FlowSum>::default();
        for day in &mut self.days {
            let spans = self.spans.get(&day.start).map(Vec::as_slice).unwrap_or_default();
            let of_camera = sums.of(&day.camera);
            for (subject, flows) in std::mem::take(&mut day.flows) {
                if !wanted.is_of(&subject) {
                    continue;
                }
                let sum = Run::of(of_camera, wanted.project(&subject), spans);
                for (span, flow) in spans.iter().zip(flows) {
                    let Some(flow) = flow else { continue };
                    if !flow.is_sound() {
                        return stored(Err("a histogram that is not within its scale"));
                    }
                    FlowSum::add(sum.at(*span), flow);
                }
            }
        }
        Ok(sums.series(wanted.base_s))
    }

    /// What counts say of themselves: of each camera, subject and span.
    pub(super) fn signs(&self) -> impl Iterator<Item = (&str, &Subject, usize, &Evidence)> {
        self.days.iter().flat_map(move |day| {
            day.signs.of.iter().flat_map(move |(subject, signs)| {
                let seen = self.spans_of(day).iter().zip(signs).filter(|(_, evidence)| !evidence.is_empty());
                seen.map(move |(span, evidence)| (day.camera.as_str(), subject, *span, evidence))
            })
        })
    }

    /// How long cameras were in question, of each camera and span.
    pub(super) fn doubts(&self) -> impl Iterator<Item = (&str, usize, &Doubts)> {
        self.days.iter().flat_map(move |day| {
            let spans = self.spans_of(day);
            let known = day.signs.doubts.iter().flatten();
            known.filter_map(move |(stretch, doubts)| {
                Some((day.camera.as_str(), *spans.get(usize::from(*stretch))?, doubts))
            })
        })
    }

    /// Of which cameras' days (numbered from 1970 on) [`Days::doubts`] knows all.
    pub(super) fn with_doubts(&self) -> BTreeSet<(&str, i64)> {
        let known = self.days.iter().filter(|day| day.signs.doubts.is_some());
        known.map(|day| (day.camera.as_str(), day.start.as_second().div_euclid(i64::from(DAY_S)))).collect()
    }

    /// What was observed by bins that were stored with this length.
    pub(super) fn watched(&self, base_s: i32, map: &mut CoverageMap) {
        for day in &self.days {
            for ((version, _), observed) in day.watched.iter().filter(|((_, part_s), _)| *part_s == base_s) {
                let seen = self.spans_of(day).iter().copied().zip(observed.iter().copied());
                map.add(&day.camera, base_s, version, seen.filter(|(_, observed)| observed.bins > 0));
            }
        }
    }

    /// The span of each of a day's stretches.
    fn spans_of(&self, day: &Day) -> &[usize] {
        self.spans.get(&day.start).map(Vec::as_slice).unwrap_or_default()
    }

    fn rest_of(&self, cameras: &[String], whole: Span) -> Option<Rest> {
        let mut known: BTreeMap<&str, BTreeSet<Timestamp>> = BTreeMap::new();
        for day in &self.days {
            known.entry(&day.camera).or_default().insert(day.start);
        }
        let mut gaps: Vec<(&String, Span)> = Vec::new();
        for camera in cameras {
            let mut from = whole.start;
            for day in known.get(camera.as_str()).into_iter().flatten() {
                gaps.push((camera, Span { start: from, end: *day }));
                from = day.checked_add(DAY).unwrap_or(whole.end);
            }
            gaps.push((camera, Span { start: from, end: whole.end }));
        }
        gaps.retain(|(_, gap)| gap.start < gap.end);
        let start = gaps.iter().map(|(_, gap)| gap.start).min()?;
        let end = gaps.iter().map(|(_, gap)| gap.end).max()?;
        let mut once: Vec<String> = gaps.iter().map(|(camera, _)| (*camera).clone()).collect();
        once.dedup();
        Some(Rest {
            cameras: once,
            camera: gaps.iter().map(|(camera, _)| (*camera).clone()).collect(),
            from: gaps.iter().map(|(_, gap)| gap.start.to_sqlx()).collect(),
            to: gaps.iter().map(|(_, gap)| gap.end.to_sqlx()).collect(),
            start: start.to_sqlx(),
            end: end.to_sqlx(),
        })
    }
}

/// Sums in the making, by camera, in the order in which days are read, and subject.
struct Sums<T>(Vec<(String, BTreeMap<Subject, Run<T>>)>);

impl<T> Default for Sums<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// Something of consecutive spans.
struct Run<T> {
    first: usize,
    of: Vec<Option<T>>,
}

impl<T> Sums<T> {
    /// Those of a camera, whose days are read one after the other.
    fn of(&mut self, camera: &str) -> &mut BTreeMap<Subject, Run<T>> {
        let known = self.0.last().is_some_and(|(last, _)| last == camera);
        let last = self.0.len().saturating_sub(usize::from(known));
        if !known {
            self.0.push((camera.to_owned(), BTreeMap::new()));
        }
        &mut self.0[last].1
    }

    fn series(self, base_s: i32) -> Vec<Series<T>> {
        let by_camera = self.0.into_iter().flat_map(|(camera, subjects)| {
            subjects.into_iter().map(move |(subject, run)| (camera.clone(), subject, run))
        });
        let series = by_camera.map(|(camera, (a, b, class), Run { first, of })| {
            let of = (first..).zip(of).filter_map(|(span, sum)| Some((span, sum?))).collect();
            Series { camera, a, b, class, base_s, of }
        });
        series.collect()
    }
}

impl<T> Run<T> {
    /// That of a subject, to be added to in these spans, the first of which is the first of all.
    fn of<'a>(of_camera: &'a mut BTreeMap<Subject, Self>, subject: Subject, spans: &[usize]) -> &'a mut Self {
        let first = spans.first().copied().unwrap_or_default();
        of_camera.entry(subject).or_insert_with(|| Self { first, of: Vec::new() })
    }

    /// What there is of a span so far.
    fn at(&mut self, span: usize) -> &mut Option<T> {
        if span < self.first {
            let room = self.first - span;
            self.of.splice(0..0, std::iter::repeat_with(|| None).take(room));
            self.first = span;
        }
        let index = span - self.first;
        if index >= self.of.len() {
            self.of.resize_with(index + 1, || None);
        }
        &mut self.of[index]
    }
}

impl Wanted<'_> {
    /// Whether crossings of this subject are wanted of what was stored with this length.
    fn has(&self, subject: &Subject) -> bool {
        let base_s =
            subject.2.parse().map(|class: RoadUserClass| base_length_s(MeasurementKind::Lines, class));
        base_s == Ok(self.base_s) && self.is_of(subject)
    }

    fn is_of(&self, (line, _, class): &Subject) -> bool {
        self.classes.contains(class) && (self.lines.is_empty() || self.lines.contains(line))
    }

    /// The subject without what is summed over.
    fn project(&self, (line, direction, class): &Subject) -> Subject {
        let keep = |apart: bool, part: &String| if apart { part.clone() } else { String::new() };
        let [by_line, by_direction, by_class] = self.apart;
        (keep(by_line, line), keep(by_direction, direction), keep(by_class, class))
    }
}

/// A day of UTC.
pub(super) const DAY: SignedDuration = SignedDuration::from_secs(DAY_S as i64);

/// The start of the day of UTC that holds an instant.
pub(super) fn floor_to_day(at: Timestamp) -> Timestamp {
    let into_day = SignedDuration::from_nanos((at.as_nanosecond().rem_euclid(DAY.as_nanos())) as i64);
    at.checked_sub(into_day).unwrap_or(at)
}

/// The start of the first whole day of UTC within a stretch and the end of the last.
fn days_within(whole: Span) -> Option<(Timestamp, Timestamp)> {
    let day_s = i64::from(DAY_S);
    let first = whole.start.as_second().checked_add(day_s - 1)?.div_euclid(day_s).checked_mul(day_s)?;
    let after = whole.end.as_second().div_euclid(day_s) * day_s;
    let at = |second| Timestamp::from_second(second).ok();
    (first < after).then(|| at(first).zip(at(after))).flatten()
}

/// In which of these bins the stretches of a day lie.
fn spans_of(day: Timestamp, length_s: i32, bins: &[Span]) -> Vec<usize> {
    let starts = (0..DAY_S / length_s).map(|n| day.as_second() + i64::from(n * length_s));
    starts.map(|start| bins.partition_point(|bin| bin.start.as_second() <= start).saturating_sub(1)).collect()
}

/// The packed days from one to another that no mark says are out of date.
async fn packed(
    db: &Database,
    snapshot: &mut PgConnection,
    cameras: &[String],
    length_s: i32,
    (first, after): (Timestamp, Timestamp),
    parts: Parts,
) -> Result<Vec<Day>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT p.camera, start_at AS "start_at: SqlTimestamp", watched, CASE WHEN $5 THEN counts END AS counts,
                  CASE WHEN $6 THEN flows END AS flows, CASE WHEN $7 THEN signs END AS signs
           FROM UNNEST($1::text[]) AS w(camera) JOIN camera_day p ON p.camera = w.camera
           WHERE length_s = $2 AND start_at >= $3 AND start_at < $4 AND NOT EXISTS
               (SELECT FROM rollup_due d WHERE d.camera = p.camera AND d.length_s = 86400 AND d.start_at = p.start_at)
           ORDER BY p.camera, start_at"#,
        cameras,
        length_s,
        first.to_sqlx() as _,
        after.to_sqlx() as _,
        parts.counts,
        parts.flows,
        parts.signs,
    )
    .fetch_all(snapshot);
    let mut days = Vec::new();
    for row in db.answer("the packed days", rows).await? {
        days.push(Day {
            camera: row.camera,
            start: row.start_at.to_jiff(),
            counts: part(row.counts.as_deref())?,
            flows: part(row.flows.as_deref())?,
            signs: row.signs.map_or_else(|| Ok(Signs::default()), |bytes| stored(Signs::unpack(&bytes)))?,
            watched: part(Some(&row.watched))?,
        });
    }
    Ok(days)
}

fn part<T: Default + serde::de::DeserializeOwned>(bytes: Option<&[u8]>) -> Result<T, StoreError> {
    bytes.map_or_else(|| Ok(T::default()), |bytes| stored(days::unpack(bytes)))
}

#[cfg(test)]
mod tests {
    use wayside_types::{BinLength, TimeZone};

    use super::super::bins::bins;
    use super::*;

    fn ts(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn whole_days_of_utc_lie_within_a_stretch() {
        let within = |start: &str, end: &str| days_within(Span { start: ts(start), end: ts(end) });
        let (a, b) = ("2026-11-20T00:00:00Z", "2026-11-22T00:00:00Z");
        assert_eq!(within(a, b), Some((ts(a), ts(b))));
        assert_eq!(within("2026-11-19T23:59:59Z", "2026-11-22T23:00:00Z"), Some((ts(a), ts(b))));
        assert_eq!(within("2026-11-20T00:00:01Z", "2026-11-21T23:59:59Z"), None);
        assert_eq!(
            within("1969-12-30T23:00:00Z", "1970-01-01T00:00:00Z").unwrap().0,
            ts("1969-12-31T00:00:00Z")
        );
    }

    #[test]
    fn stretches_of_a_day_go_into_the_bins_that_hold_them() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let spans = bins(BinLength::Day, ts("2026-11-19T23:00:00Z"), ts("2026-11-22T23:00:00Z"), &zone, 9);
        let hours = spans_of(ts("2026-11-21T00:00:00Z"), 3_600, &spans);
        assert_eq!(hours.len(), 24);
        assert_eq!((&hours[..23], hours[23]), (&[1; 23][..], 2));
    }

    #[test]
    fn what_is_not_packed_is_left() {
        let day = |camera: &str, start: &str| Day {
            camera: camera.to_owned(),
            start: ts(start),
            counts: Counts::new(),
            flows: Flows::new(),
            signs: Signs::default(),
            watched: Watched::new(),
        };
        let whole = Span { start: ts("2026-11-19T23:00:00Z"), end: ts("2026-11-23T00:00:00Z") };
        let days = vec![
            day("a", "2026-11-20T00:00:00Z"),
            day("a", "2026-11-22T00:00:00Z"),
            day("b", "2026-11-20T00:00:00Z"),
        ];
        let days = Days { days, ..Days::default() };
        let rest = days.rest_of(&["a".to_owned(), "b".to_owned(), "c".to_owned()], whole).unwrap();
        let gaps = rest.camera.iter().zip(&rest.from).zip(&rest.to);
        let gaps: Vec<String> =
            gaps.map(|((c, from), to)| format!("{c} {} {}", from.to_jiff(), to.to_jiff())).collect();
        assert_eq!(
            gaps,
            [
                "a 2026-11-19T23:00:00Z 2026-11-20T00:00:00Z",
                "a 2026-11-21T00:00:00Z 2026-11-22T00:00:00Z",
                "b 2026-11-19T23:00:00Z 2026-11-20T00:00:00Z",
                "b 2026-11-21T00:00:00Z 2026-11-23T00:00:00Z",
                "c 2026-11-19T23:00:00Z 2026-11-23T00:00:00Z",
            ]
        );
        assert_eq!(rest.cameras, ["a", "b", "c"]);
        let one_day = Span { start: ts("2026-11-20T00:00:00Z"), end: ts("2026-11-21T00:00:00Z") };
        assert!(days.rest_of(&["b".to_owned()], one_day).is_none());
    }
}
