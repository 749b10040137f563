//! What is usual on days whose clock jumps: each past day goes in once, whatever hours it had twice or not at all.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails it the same way")]

mod support;

use std::time::Duration;

use jiff::ToSpan;
use jiff::civil::Date;
use support::{With, camera, watched};
use tempfile::TempDir;
use wayside_store::query::{GroupBy, TypicalQuery, TypicalRow, movers, typical};
use wayside_store::{Database, Writer, WriterOptions, upkeep};
use wayside_testkit::{SimClock, TestDb};
use wayside_types::{BinLength, ClosedBins, Direction, RoadUserClass, TimeZone};

const BICYCLE: RoadUserClass = RoadUserClass::Bicycle;

fn berlin() -> TimeZone {
    TimeZone::get("Europe/Berlin").unwrap()
}

/// Every quarter of an hour of a day of Berlin; of each hour that begins at or after midnight, by the order in which they
/// come, this many in its first quarter.
fn day(date: &str, count: impl Fn(usize) -> u32) -> Vec<ClosedBins> {
    let date: Date = date.parse().unwrap();
    let start = date.to_zoned(berlin()).unwrap().timestamp();
    let end = date.tomorrow().unwrap().to_zoned(berlin()).unwrap().timestamp();
    let mut bins = Vec::new();
    let mut quarter = 0;
    let mut at = start;
    while at < end {
        let mut bin = watched("a", BinLength::Minute15, at, 1);
        if quarter % 4 == 0 && count(quarter / 4) > 0 {
            bin = bin.line("n", Direction::Forward, BICYCLE, count(quarter / 4));
        }
        bins.push(bin);
        quarter += 1;
        at = at.checked_add(15.minutes()).unwrap();
    }
    bins
}

async fn stored(db: &TestDb, closed: Vec<ClosedBins>) -> Database {
    let clock = SimClock::at("2026-12-01T12:00:00Z");
    let database = db.open(clock.shared()).await;
    let spool = TempDir::new().unwrap();
    let options = WriterOptions::new(1, vec![camera("a", &["n"])]);
    let writer = Writer::start(database.clone(), spool.path(), clock.shared(), options).unwrap();
    writer.submit(closed).unwrap();
    tokio::time::timeout(Duration::from_secs(60), writer.clone().shutdown()).await.unwrap();
    assert_eq!(writer.stats().spooled_rows, 0, "{:?}", writer.stats());
    upkeep::catch_up(&database, "2026-12-01T12:00:00Z".parse().unwrap()).await.unwrap();
    database
}

fn question(day: &str, bin: BinLength) -> TypicalQuery {
    TypicalQuery {
        cameras: Vec::new(),
        lines: Vec::new(),
        classes: vec![BICYCLE],
        day: day.parse().unwrap(),
        weeks: 4,
        bin,
        group_by: GroupBy::new(),
        zone: berlin(),
    }
}

/// The rows that begin at an hour of the clock.
fn at(rows: &[TypicalRow], hour: i8) -> Vec<&TypicalRow> {
    rows.iter().filter(|row| row.start.to_zoned(berlin()).hour() == hour).collect()
}

#[tokio::test]
async fn an_hour_that_comes_twice_goes_in_once() {
    let db = TestDb::new().await;
    // Clocks were set back on 25 October 2026, a Sunday of 25 hours: its third and fourth hour are both from 2 to 3.
    let mut bins = day("2026-10-25", |hour| match hour {
        2 => 90,
        3 => 70,
        _ => 10,
    });
    for (sunday, count) in [("2026-10-11", 10), ("2026-10-18", 20), ("2026-11-01", 30), ("2026-11-08", 50)] {
        bins.extend(day(sunday, move |_| count));
    }
    let database = stored(&db, bins).await;
    let hours = typical(&database, &question("2026-11-08", BinLength::Hour)).await.unwrap();
    assert_eq!(hours.len(), 24);
    let twice = at(&hours, 2)[0].usual.unwrap();
    // Of 10, 20, 30 and 90; with the other 70 the median would be 30, of five days where there are four.
    assert_eq!((twice.median, twice.days), (25.0, 4), "{twice:?}");
    let before = at(&hours, 1)[0].usual.unwrap();
    assert_eq!((before.median, before.days), (15.0, 4), "of 10, 20, 10 and 30");
    // A day of 25 hours is no measure for one of 24: three are left.
    let days = typical(&database, &question("2026-11-08", BinLength::Day)).await.unwrap();
    let [whole] = &days[..] else { panic!("{days:?}") };
    assert_eq!(
        (whole.count, whole.usual.unwrap().median, whole.usual.unwrap().days),
        (Some(1_200), 480.0, 3)
    );
    let moved = movers(&database, &question("2026-11-08", BinLength::Day)).await.unwrap();
    assert_eq!((moved[0].count, moved[0].usual, moved[0].hours), (1_200, 25.0 + 23.0 * 15.0, 24));
    database.close().await;
}

#[tokio::test]
async fn the_day_itself_may_have_25_or_23_hours() {
    let db = TestDb::new().await;
    let mut bins = day("2026-10-25", |hour| if hour == 3 { 70 } else { 40 });
    for (sunday, count) in [("2026-09-27", 10), ("2026-10-04", 20), ("2026-10-11", 30), ("2026-10-18", 50)] {
        bins.extend(day(sunday, move |_| count));
    }
    // Clocks were set forward on 29 March 2026: there was no hour from 2 to 3.
    bins.extend(day("2026-03-29", |_| 7));
    for sunday in ["2026-03-08", "2026-03-15", "2026-03-22"] {
        bins.extend(day(sunday, |_| 4));
    }
    let database = stored(&db, bins).await;
    let autumn = typical(&database, &question("2026-10-25", BinLength::Hour)).await.unwrap();
    assert_eq!(autumn.len(), 24, "each hour of the clock once");
    let twice = at(&autumn, 2);
    assert_eq!(twice.len(), 1);
    assert_eq!((twice[0].count, twice[0].usual.unwrap().median), (Some(40), 25.0));
    assert_eq!(twice[0].start.to_string(), "2026-10-25T00:00:00Z", "the first of the two");
    let spring = typical(&database, &question("2026-03-29", BinLength::Hour)).await.unwrap();
    assert_eq!((spring.len(), at(&spring, 2).len()), (23, 0));
    assert_eq!((at(&spring, 3)[0].count, at(&spring, 3)[0].usual.unwrap().days), (Some(7), 3));
    database.close().await;
}
