//! A person's tally beside what was counted in the same stretch of time: which stretches can be compared, and the comparison
//! itself. Keeping comparisons is [`super`]'s; where a tally comes from is the caller's matter.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Unit};
use wayside_types::quality::is_closed;
use wayside_types::{
    Band, BinLength, CameraId, Direction, Doubts, Evidence, LineId, RoadUserClass, TimeZone, Timestamp,
};

use super::{Audit, TallyClass};
use crate::database::Database;
use crate::error::StoreError;
use crate::query::{MeasurementQuery, MeasurementRow, Pages, RowSubject};

/// Bins are closed and kept this long after their end.
const CLOSED_AFTER: SignedDuration = SignedDuration::from_secs(5);

/// One number of a tally.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// Over which line.
    pub line: LineId,
    /// Which way.
    pub direction: Direction,
    /// Who.
    pub class: TallyClass,
    /// How many.
    pub count: u32,
}

impl Tally {
    /// Nobody counts more in a day.
    pub const MOST: u32 = 1_000_000;
}

/// One count beside its tally.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// The two numbers.
    pub audit: Audit,
    /// Where the true count is to be expected; absent where that was not kept, as of minutes.
    pub band: Option<Band>,
}

/// The stretch of time that was tallied, and of what bins it is made.
#[derive(Debug, Clone)]
pub struct Stretch {
    from: Timestamp,
    to: Timestamp,
    length_s: u32,
    bin: BinLength,
    zone: TimeZone,
}

impl Stretch {
    /// A stretch may have so many minutes.
    pub const MINUTES: std::ops::RangeInclusive<u32> = 1..=1440;

    /// So many minutes from a whole minute of the site's clock on, which are over now.
    ///
    /// # Errors
    /// [`StoreError::BadQuery`] for `minutes` out of range, and for a `from` that is not a whole minute or too late.
    pub fn new(from: Timestamp, minutes: u32, now: Timestamp, zone: &TimeZone) -> Result<Self, StoreError> {
        let bad = |field, reason| Err(StoreError::BadQuery { field, reason });
        if !Self::MINUTES.contains(&minutes) {
            let (least, most) = (Self::MINUTES.start(), Self::MINUTES.end());
            return bad("minutes", format!("{minutes} is not from {least} to {most}"));
        }
        let length_s = minutes * 60;
        let starts = |bin: BinLength| bin.bounds(from, zone).0 == from;
        if !starts(BinLength::Minute1) {
            return bad("from", format!("{from} must be a whole minute of the site's clock, as bins are"));
        }
        let quarters = minutes.is_multiple_of(15) && starts(BinLength::Minute15);
        let bin = if quarters { BinLength::Minute15 } else { BinLength::Minute1 };
        let over = from.checked_add(SignedDuration::from_secs(i64::from(length_s)));
        let closed = over.and_then(|to| Ok((to, to.checked_add(CLOSED_AFTER)?)));
        match closed {
            Ok((to, closed)) if closed <= now => Ok(Self { from, to, length_s, bin, zone: zone.clone() }),
            Ok((to, _)) => {
                let now = now.round(Unit::Second).unwrap_or(now);
                bad(
                    "from",
                    format!("{from}: {minutes} minutes from there are over at {to} only; it is {now}"),
                )
            }
            Err(_) => bad("from", format!("{from} is too late")),
        }
    }

    /// The newest so many minutes that are over: whole quarters of an hour where so many are asked for.
    ///
    /// # Errors
    /// As [`Stretch::new`].
    pub fn newest(minutes: u32, now: Timestamp, zone: &TimeZone) -> Result<Self, StoreError> {
        let bin = if minutes.is_multiple_of(15) { BinLength::Minute15 } else { BinLength::Minute1 };
        let end = bin.bounds(now - CLOSED_AFTER, zone).0;
        Self::new(end - SignedDuration::from_mins(i64::from(minutes)), minutes, now, zone)
    }

    /// When it began.
    #[must_use]
    pub const fn from(&self) -> Timestamp {
        self.from
    }

    /// How long it was, in seconds.
    #[must_use]
    pub const fn length_s(&self) -> u32 {
        self.length_s
    }

    /// Refuses tallies of nobody, and of classes that have no bins so short.
    ///
    /// # Errors
    /// [`StoreError::BadQuery`] with the field at fault: `tallies` or `class`.
    pub fn check(&self, tallies: &[Tally]) -> Result<(), StoreError> {
        let bad = |field, reason| Err(StoreError::BadQuery { field, reason });
        if tallies.is_empty() {
            return bad("tallies", "the tally is empty, so that there is nothing to compare".to_owned());
        }
        for (n, Tally { line, direction, class, .. }) in tallies.iter().enumerate() {
            if class.classes().any(|class| class.shortest_bin() > self.bin) {
                return bad(
                    "class",
                    format!(
                        "{} is only counted by the quarter of an hour: give 15, 30, … minutes from :00, :15, :30 or :45",
                        class.as_str()
                    ),
                );
            }
            let key = |t: &Tally| (t.line.clone(), t.direction, t.class);
            if tallies.iter().take(n).any(|before| key(before) == (line.clone(), *direction, *class)) {
                return bad(
                    "tallies",
                    format!("{line} {} {} is there twice", direction.as_str(), class.as_str()),
                );
            }
        }
        Ok(())
    }
}

/// Takes the counts of a stretch from the database, puts each beside its tally and keeps the comparisons.
///
/// # Errors
/// [`StoreError::BadQuery`] for tallies that [`Stretch::check`] refuses and for a stretch that the camera did not watch,
/// [`StoreError::Refused`], [`StoreError::Unavailable`]; nothing is kept then.
pub async fn compare(
    db: &Database,
    camera: &CameraId,
    tallies: &[Tally],
    stretch: &Stretch,
    now: Timestamp,
) -> Result<Vec<Compared>, StoreError> {
    stretch.check(tallies)?;
    let rows = rows(db, camera, stretch).await?;
    if rows.is_empty() {
        let Stretch { from, to, .. } = stretch;
        let reason =
            format!("camera {camera} did not watch from {from} to {to}, so that there is nothing to compare");
        return Err(StoreError::BadQuery { field: "from", reason });
    }
    let observed_s = observed_s(&rows);
    let compared: Vec<Compared> = tallies
        .iter()
        .map(|tally| Compared {
            audit: Audit {
                camera: camera.clone(),
                line: tally.line.clone(),
                direction: tally.direction,
                class: tally.class,
                start: stretch.from,
                length_s: stretch.length_s,
                counted: counted(&rows, tally),
                tallied: tally.count,
                observed_s,
                made_at: now,
            },
            band: band(&rows, tally, observed_s),
        })
        .collect();
    let audits: Vec<Audit> = compared.iter().map(|one| one.audit.clone()).collect();
    super::keep(db, &audits).await?;
    Ok(compared)
}

async fn rows(
    db: &Database,
    camera: &CameraId,
    stretch: &Stretch,
) -> Result<Vec<MeasurementRow>, StoreError> {
    let mut query = MeasurementQuery::new(stretch.from, stretch.to, stretch.bin, stretch.zone.clone());
    query.cameras = vec![camera.clone()];
    query.with_quality = true;
    query.limit = 10_000;
    let mut rows = Vec::new();
    let mut pages = Pages::new(db, query);
    while let Some(page) = pages.next().await? {
        rows.extend(page);
    }
    Ok(rows)
}

/// Seconds that the camera watched: every row of a bin says the same.
fn observed_s(rows: &[MeasurementRow]) -> f64 {
    let mut bins: Vec<(Timestamp, f64)> = rows.iter().map(|row| (row.start, row.observed_s)).collect();
    bins.sort_by_key(|(start, _)| *start);
    bins.dedup_by_key(|(start, _)| *start);
    bins.iter().map(|(_, observed_s)| observed_s).sum()
}

/// The rows that a tally is about.
fn own<'a>(rows: &'a [MeasurementRow], tally: &'a Tally) -> impl Iterator<Item = &'a MeasurementRow> {
    let of_line = |row: &&MeasurementRow| match &row.subject {
        RowSubject::Line { line, direction } => {
            line.as_ref() == Some(&tally.line) && *direction == Some(tally.direction)
        }
        RowSubject::Movement { .. } | RowSubject::Zone { .. } => false,
    };
    let wanted = |row: &&MeasurementRow| row.class.is_some_and(|class| tally.class.holds(class));
    rows.iter().filter(of_line).filter(wanted)
}

fn counted(rows: &[MeasurementRow], tally: &Tally) -> u32 {
    let sum: u64 = own(rows, tally).filter_map(|row| row.count).sum();
    u32::try_from(sum).unwrap_or(u32::MAX)
}

/// Where the true count is to be expected after what was noted in all bins of the stretch; `None` where that was not
/// kept, as of minutes.
fn band(rows: &[MeasurementRow], tally: &Tally, observed_s: f64) -> Option<Band> {
    let (mut evidence, mut doubts) = (Evidence::default(), BTreeMap::new());
    for row in own(rows, tally) {
        let quality = row.quality.as_ref()?;
        quality.band?;
        evidence.merge(&quality.evidence);
        // They are the camera's, the same in every class's row.
        doubts.insert(row.start, quality.doubts);
    }
    let mut in_question = Doubts::default();
    doubts.values().for_each(|doubts| in_question.merge(doubts));
    let classes: Vec<RoadUserClass> = tally.class.classes().collect();
    let count = u64::from(counted(rows, tally));
    let band = Band::of(count, &evidence, observed_s, is_closed(&classes));
    in_question.widen(band, count, observed_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ts(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn stretch(from: &str, minutes: u32) -> Result<Stretch, String> {
        let zone = TimeZone::get("Asia/Kathmandu").unwrap();
        Stretch::new(ts(from), minutes, ts("2026-11-21T12:00:00Z"), &zone).map_err(|error| error.to_string())
    }

    #[test]
    fn stretches_are_whole_and_over() {
        // 5:45 ahead of UTC: its quarters are UTC's.
        assert_eq!(stretch("2026-11-21T11:30:00Z", 15).unwrap().bin, BinLength::Minute15);
        assert_eq!(stretch("2026-11-21T11:31:00Z", 15).unwrap().bin, BinLength::Minute1);
        assert_eq!(stretch("2026-11-21T11:30:00Z", 20).unwrap().bin, BinLength::Minute1);
        for (from, minutes, wanted) in [
            ("2026-11-21T11:30:01Z", 15, "must be a whole minute"),
            ("2026-11-21T11:30:00Z", 0, "minutes can't be used: 0 is not from 1 to 1440"),
            ("2026-11-21T11:30:00Z", 1_441, "1441 is not from 1 to 1440"),
            ("2026-11-21T11:45:00Z", 15, "over at 2026-11-21T12:00:00Z only; it is 2026-11-21T12:00:00Z"),
            ("9999-12-30T22:00:00Z", 60, "too late"),
        ] {
            let error = stretch(from, minutes).unwrap_err();
            assert!(error.contains(wanted), "{from} {minutes}: {error}");
        }
        let zone = TimeZone::UTC;
        let newest = |minutes| Stretch::newest(minutes, ts("2026-11-21T12:15:04Z"), &zone).unwrap().from();
        assert_eq!(newest(15), ts("2026-11-21T11:45:00Z"));
        assert_eq!(newest(2), ts("2026-11-21T12:12:00Z"));
    }

    #[test]
    fn what_has_no_bins_so_short_is_refused() {
        let tally =
            |class| Tally { line: LineId::new("l").unwrap(), direction: Direction::Forward, class, count: 1 };
        let (quarter, minutes) =
            (stretch("2026-11-21T11:30:00Z", 15).unwrap(), stretch("2026-11-21T11:30:00Z", 5).unwrap());
        for class in [TallyClass::TwoWheeler, TallyClass::One(RoadUserClass::Pedestrian)] {
            assert!(quarter.check(&[tally(class)]).is_ok());
            let error = minutes.check(&[tally(TallyClass::Motor), tally(class)]).unwrap_err().to_string();
            assert!(error.contains(class.as_str()) && error.contains("quarter of an hour"), "{error}");
        }
        assert!(minutes.check(&[tally(TallyClass::Motor)]).is_ok());
        assert!(minutes.check(&[]).unwrap_err().to_string().contains("is empty"));
        let twice = quarter.check(&[tally(TallyClass::Motor), tally(TallyClass::Motor)]).unwrap_err();
        assert!(twice.to_string().contains("l forward motor is there twice"), "{twice}");
    }
}
