//! A day beside what is usual: the same weekday of past weeks, bin by bin of the site's clock, as median and quartiles.
//! Only bins that were watched whole are compared, on either side, and each past day once: an hour that comes twice does not count
//! double, and days of 23 or 25 hours are no measure for whole days. Everything is asked of `measurements`, so that what is
//! hidden there is hidden here.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::Arc;

use jiff::ToSpan;
use jiff::civil::{Date, Time};
use tokio::task::JoinSet;
use wayside_types::{BinLength, CameraId, LineId, RoadUserClass, TimeZone, Timestamp};

use super::Group;
use super::bins::bins;
use super::fill::GroupCounts;
use super::measurements::{GroupBy, MeasurementQuery, RowSubject, Scene};
use crate::database::Database;
use crate::error::StoreError;

/// Most rows of a day.
const ROWS_MAX: usize = 200_000;
/// How many days are asked for at once.
const AT_ONCE: usize = 2;
/// What is usual is said of at least so many days.
const DAYS_LEAST: usize = 3;

/// A question for a day and what is usual.
#[derive(Debug, Clone)]
pub struct TypicalQuery {
    /// Which cameras; empty for all.
    pub cameras: Vec<CameraId>,
    /// Which lines; empty for all.
    pub lines: Vec<LineId>,
    /// Which classes; empty for all that the bin's length allows.
    pub classes: Vec<RoadUserClass>,
    /// The day, on the site's clock.
    pub day: Date,
    /// How many weeks before it are looked at.
    pub weeks: u8,
    /// How long the bins are.
    pub bin: BinLength,
    /// What rows are told apart by: line, direction, class.
    pub group_by: GroupBy,
    /// On whose clock bins are cut: the site's.
    pub zone: TimeZone,
}

/// What was counted on the same weekday of past weeks in this bin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usual {
    /// Half of the days had less.
    pub median: f64,
    /// A quarter of the days had less.
    pub low: f64,
    /// A quarter of the days had more.
    pub high: f64,
    /// How many days went into it, at least three: those on which the bin was watched whole (and, where bins are days, that had
    /// 24 hours).
    pub days: u32,
}

/// A bin of the day.
#[derive(Debug, Clone, PartialEq)]
pub struct TypicalRow {
    /// Whose.
    pub camera: CameraId,
    /// What was counted.
    pub subject: RowSubject,
    /// Of which class; absent where rows are not told apart by it.
    pub class: Option<RoadUserClass>,
    /// Start of the bin, inclusive.
    pub start: Timestamp,
    /// End of the bin, exclusive.
    pub end: Timestamp,
    /// How many on the day; absent where the bin was not watched whole.
    pub count: Option<u64>,
    /// What is usual; absent where fewer than three days are known.
    pub usual: Option<Usual>,
}

/// Answers with the bins of the day that were watched on it or are known of enough other days: by camera, group and time.
///
/// # Errors
/// [`StoreError::BadQuery`] for a question whose answer is too long, and as [`super::measurements`].
pub async fn typical(db: &Database, query: &TypicalQuery) -> Result<Vec<TypicalRow>, StoreError> {
    let mut answer = Vec::new();
    let mut places: BTreeMap<Time, Option<(Timestamp, Timestamp)>> = BTreeMap::new();
    for (camera, groups) in &compared(db, query).await? {
        for compared in groups.values() {
            for (clock, bin) in &compared.bins {
                let usual = usual(&bin.past);
                if bin.count.is_none() && usual.is_none() {
                    continue;
                }
                let place = places.entry(*clock).or_insert_with(|| {
                    on_day(query.day, *clock, &query.zone).map(|start| query.bin.bounds(start, &query.zone))
                });
                let Some((start, end)) = *place else { continue };
                let (camera, subject, class) = (camera.clone(), compared.subject.clone(), compared.class);
                answer.push(TypicalRow { camera, subject, class, start, end, count: bin.count, usual });
            }
        }
    }
    Ok(answer)
}

/// Asks for the day and for those of past weeks, [`AT_ONCE`] at a time on threads of their own: what the database gives of a
/// day takes as long to be put together as to be looked up.
async fn compared(db: &Database, query: &TypicalQuery) -> Result<BTreeMap<CameraId, Groups>, StoreError> {
    let days = (0..=i64::from(query.weeks))
        .map_while(|weeks| Some((weeks, query.day.checked_sub(weeks.weeks()).ok()?)));
    let mut questions = days.filter_map(|(weeks, day)| Some((weeks, question(query, day)?))).peekable();
    let mut cameras = BTreeMap::new();
    let Some((_, first)) = questions.peek() else { return Ok(cameras) };
    let scene = Arc::new(Scene::of(db, first).await?);
    let mut at_work = JoinSet::new();
    loop {
        while at_work.len() < AT_ONCE
            && let Some((weeks, question)) = questions.next()
        {
            let (db, scene) = (db.clone(), scene.clone());
            at_work.spawn(async move { day(&db, &scene, weeks, &question).await });
        }
        let Some(done) = at_work.join_next().await else { return Ok(cameras) };
        let known = add(&mut cameras, done.unwrap_or_else(|ended| resume_unwind(ended.into_panic()))?);
        if known > ROWS_MAX {
            return Err(too_long());
        }
    }
}

/// What was counted on a day.
struct Day {
    /// How many weeks ago.
    weeks: i64,
    /// Of each bin what the site's clock shows at its start, and whether it is as long as its name says: a day of 23 or 25 hours
    /// says nothing of how many are usual in 24.
    clock: Vec<(Time, bool)>,
    counted: Vec<(CameraId, Vec<GroupCounts>)>,
}

async fn day(
    db: &Database,
    scene: &Scene,
    weeks: i64,
    question: &MeasurementQuery,
) -> Result<Day, StoreError> {
    let spans = bins(question.bin, question.from, question.to, &question.zone, usize::MAX);
    let counted = scene.counted(db, question, &spans, ROWS_MAX).await?.ok_or_else(too_long)?;
    let nominal_s = f64::from(question.bin.nominal_s());
    let clock = spans.iter().map(|span| {
        let is_usual = (span.seconds() - nominal_s).abs() < 1.0;
        (span.start.to_zoned(question.zone.clone()).time(), is_usual)
    });
    Ok(Day { weeks, clock: clock.collect(), counted })
}

fn too_long() -> StoreError {
    let reason =
        format!("a day of more than {ROWS_MAX} rows; ask for fewer cameras, fewer groups or longer bins");
    StoreError::BadQuery { field: "camera", reason }
}

/// Adds a day to what is known of others; gives of how many bins something is known.
fn add(cameras: &mut BTreeMap<CameraId, Groups>, day: Day) -> usize {
    for (camera, groups) in day.counted {
        let of_camera = cameras.entry(camera).or_default();
        for GroupCounts { group, subject, class, of } in groups {
            let empty = || Compared { subject, class, bins: BTreeMap::new() };
            let compared = of_camera.entry(group).or_insert_with(empty);
            for (span, count) in of {
                let Some((clock, is_usual)) = day.clock.get(span) else { continue };
                compared.bins.entry(*clock).or_default().add(day.weeks, count, *is_usual);
            }
        }
    }
    cameras.values().flat_map(BTreeMap::values).map(|compared| compared.bins.len()).sum()
}

/// Where a time of the clock lies on the day that was asked for; nowhere when the clock skips it, so that no bin comes twice.
fn on_day(day: Date, clock: Time, zone: &TimeZone) -> Option<Timestamp> {
    let at = day.to_datetime(clock).to_zoned(zone.clone()).ok()?;
    (at.time() == clock).then(|| at.timestamp())
}

/// What is known of a camera.
type Groups = BTreeMap<Group, Compared>;

/// A group's bins of the clock.
struct Compared {
    subject: RowSubject,
    class: Option<RoadUserClass>,
    bins: BTreeMap<Time, Bin>,
}

/// What is known of a bin of the clock.
#[derive(Default)]
struct Bin {
    count: Option<u64>,
    /// By how many weeks ago, one a day.
    past: Vec<(i64, u64)>,
}

impl Bin {
    /// Adds what was counted so many weeks ago, if the bin was watched whole. Of an hour that comes twice when clocks are set back
    /// the first that was watched whole is compared, on either side: else the hours of such a day would weigh double among those of
    /// other days.
    fn add(&mut self, weeks: i64, count: Option<u64>, is_usual_length: bool) {
        if weeks == 0 {
            self.count = self.count.or(count);
        } else if let Some(count) = count.filter(|_| is_usual_length)
            && self.past.last().is_none_or(|(known, _)| *known != weeks)
        {
            self.past.push((weeks, count));
        }
    }
}

/// What is asked of a day; nothing where the calendar ends.
fn question(query: &TypicalQuery, day: Date) -> Option<MeasurementQuery> {
    let midnight = |day: Date| day.to_zoned(query.zone.clone()).map(|at| at.timestamp()).ok();
    let (from, to) = (midnight(day)?, midnight(day.tomorrow().ok()?)?);
    let mut question = MeasurementQuery::new(from, to, query.bin, query.zone.clone());
    question.cameras.clone_from(&query.cameras);
    question.lines.clone_from(&query.lines);
    question.classes.clone_from(&query.classes);
    question.group_by.clone_from(&query.group_by);
    question.flows = false;
    Some(question)
}

/// Median and quartiles, between neighbours in proportion (type 7 of Hyndman and Fan, what spreadsheets do).
fn usual(past: &[(i64, u64)]) -> Option<Usual> {
    let mut counts: Vec<u64> = past.iter().map(|(_, count)| *count).collect();
    if counts.len() < DAYS_LEAST {
        return None;
    }
    counts.sort_unstable();
    #[expect(clippy::cast_precision_loss, reason = "counts of a day are far below 2^52")]
    let at = |share: f64| {
        let place = share * (counts.len() - 1) as f64;
        let below = place.floor();
        let value = |index: f64| counts.get(index as usize).map_or(0.0, |n| *n as f64);
        value(below) + (place - below) * (value((below + 1.0).min((counts.len() - 1) as f64)) - value(below))
    };
    let days = u32::try_from(counts.len()).unwrap_or(u32::MAX);
    Some(Usual { median: at(0.5), low: at(0.25), high: at(0.75), days })
}

/// How far a camera's day is from what is usual, over the hours of which both are known.
#[derive(Debug, Clone, PartialEq)]
pub struct Mover {
    /// Whose.
    pub camera: CameraId,
    /// How many on the day.
    pub count: u64,
    /// The medians of the same hours, added up.
    pub usual: f64,
    /// How many hours were compared.
    pub hours: u32,
}

impl Mover {
    /// How many more than usual; fewer where negative.
    #[must_use]
    pub fn difference(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "counts of a day are far below 2^52")]
        let count = self.count as f64;
        count - self.usual
    }
}

/// The cameras whose day is furthest from what is usual, furthest first. The question's bins and groups are not used.
///
/// # Errors
/// As [`typical`].
pub async fn movers(db: &Database, query: &TypicalQuery) -> Result<Vec<Mover>, StoreError> {
    let hours = TypicalQuery { bin: BinLength::Hour, group_by: GroupBy::new(), ..query.clone() };
    let mut movers = Vec::new();
    for (camera, groups) in compared(db, &hours).await? {
        let mut mover = Mover { camera, count: 0, usual: 0.0, hours: 0 };
        for bin in groups.values().flat_map(|compared| compared.bins.values()) {
            let (Some(count), Some(usual)) = (bin.count, usual(&bin.past)) else { continue };
            mover.count += count;
            mover.usual += usual.median;
            mover.hours += 1;
        }
        movers.extend(Some(mover).filter(|mover| mover.hours > 0));
    }
    movers.sort_by(|a, b| b.difference().abs().total_cmp(&a.difference().abs()));
    Ok(movers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_that_the_clock_skips_has_no_bin() {
        let zone = TimeZone::get("Europe/London").unwrap();
        let day: Date = "2026-03-29".parse().unwrap();
        let at = |hour| on_day(day, Time::constant(hour, 0, 0, 0), &zone).map(|at| at.to_string());
        assert_eq!(at(0).as_deref(), Some("2026-03-29T00:00:00Z"));
        assert_eq!(at(1), None);
        assert_eq!(at(2).as_deref(), Some("2026-03-29T01:00:00Z"));
    }

    #[test]
    fn what_is_usual_is_the_middle_of_at_least_three_days() {
        let usual = |counts: &[u64]| usual(&(1..).zip(counts.iter().copied()).collect::<Vec<_>>());
        assert_eq!(usual(&[4, 9]), None);
        assert_eq!(usual(&[9, 4, 5]), Some(Usual { median: 5.0, low: 4.5, high: 7.0, days: 3 }));
        // One day that was like no other moves nothing much.
        let with_a_fair = usual(&[100, 102, 98, 101, 900]).unwrap();
        assert_eq!((with_a_fair.median, with_a_fair.low, with_a_fair.high), (101.0, 100.0, 102.0));
    }
}
