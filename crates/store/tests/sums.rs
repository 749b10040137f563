//! Quarters and hours that were summed give the same answers as what they were summed from, whatever is summed already,
//! whatever comes late, and when the parts are gone.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails it the same way")]

mod support;

use std::time::Duration;

use jiff::SignedDuration;
use support::{With, camera, partly, psql, ts, watched};
use tempfile::TempDir;
use wayside_store::query::{GroupKey, MeasurementQuery, MeasurementRow, measurements};
use wayside_store::{Database, Upkeep, Writer, WriterOptions, upkeep};
use wayside_testkit::{SimClock, TestDb};
use wayside_types::{BinLength, ClosedBins, Direction, Retention, RoadUserClass, TimeZone, Timestamp};

const DAY: &str = "2026-11-20T00:00:00Z";

fn at(minutes: i64) -> Timestamp {
    ts(DAY).checked_add(SignedDuration::from_mins(minutes)).unwrap()
}

async fn write(database: &Database, epoch: i64, closed: Vec<ClosedBins>) {
    let spool = TempDir::new().unwrap();
    let clock = SimClock::at("2026-11-22T12:00:00Z");
    let options = WriterOptions::new(epoch, vec![camera("a", &["n", "s"]), camera("b", &["x"])]);
    let writer = Writer::start(database.clone(), spool.path(), clock.shared(), options).unwrap();
    writer.submit(closed).unwrap();
    tokio::time::timeout(Duration::from_secs(60), writer.clone().shutdown()).await.unwrap();
    assert_eq!(writer.stats().spooled_rows + writer.stats().rejected_rows, 0, "{:?}", writer.stats());
}

/// Thirty hours of two cameras: minutes and quarters, one camera with a hole and a second run of the program in it.
fn hours() -> Vec<ClosedBins> {
    let mut all = Vec::new();
    for minute in 0..30 * 60_i64 {
        let n = u32::try_from(minute * 7 % 11).unwrap();
        let mut bins = |camera: &str, line: &str, epoch, observed_s| {
            let mut bin = partly(camera, BinLength::Minute1, at(minute), epoch, observed_s);
            for (class, count) in [(RoadUserClass::Car, n), (RoadUserClass::Bus, n / 4)] {
                if count > 0 {
                    bin = bin.line(line, Direction::Forward, class, count);
                }
            }
            all.push(bin);
        };
        bins("a", if minute % 3 == 0 { "n" } else { "s" }, 1, 60.0);
        if !(200..290).contains(&minute) {
            bins("b", "x", 1, if minute == 290 { 20.0 } else { 60.0 });
        }
        if minute == 290 {
            bins("b", "x", 2, 30.0);
        }
    }
    for quarter in 0..30 * 4_i64 {
        let n = u32::try_from(quarter % 7).unwrap();
        let speeds: Vec<f64> = (0..quarter % 9).map(|k| 30.0 + 2.5 * k as f64).collect();
        let bin = watched("a", BinLength::Minute15, at(quarter * 15), 1)
            .flow("n", RoadUserClass::Car, n, &speeds)
            .movement("n", "s", RoadUserClass::Car, n + 1);
        all.push(bin.line("s", Direction::Backward, RoadUserClass::Bicycle, n + 2));
    }
    all
}

fn questions() -> Vec<MeasurementQuery> {
    let mut questions = Vec::new();
    for zone in ["UTC", "Europe/Berlin", "Asia/Kathmandu"] {
        for bin in [BinLength::Minute1, BinLength::Minute15, BinLength::Hour, BinLength::Day] {
            for group in
                [vec![], vec![GroupKey::Line], vec![GroupKey::Line, GroupKey::Direction, GroupKey::Class]]
            {
                let zone = TimeZone::get(zone).unwrap();
                let mut query = MeasurementQuery::new(at(-1_440), at(3 * 1_440), bin, zone);
                query.group_by = group.into_iter().collect();
                query.limit = 10_000;
                questions.push(query);
            }
        }
    }
    questions
}

async fn answers(database: &Database) -> Vec<Vec<MeasurementRow>> {
    let mut answers = Vec::new();
    for question in questions() {
        let mut rows = measurements(database, &question).await.unwrap().items;
        for row in &mut rows {
            // Sums of seconds are sums of fractions, which depend on their order in the last places.
            row.observed_s = (row.observed_s * 1e6).round() / 1e6;
            if let Some(speeds) = row.flow.as_mut().and_then(|flow| flow.speeds.as_mut()) {
                speeds.sum_kmh = (speeds.sum_kmh * 1e6).round() / 1e6;
                speeds.inverse_sum_h_per_km = (speeds.inverse_sum_h_per_km * 1e9).round() / 1e9;
            }
        }
        answers.push(rows);
    }
    answers
}

fn same(what: &str, found: &[Vec<MeasurementRow>], expected: &[Vec<MeasurementRow>]) {
    for ((found, expected), question) in found.iter().zip(expected).zip(questions()) {
        assert!(!expected.is_empty());
        for (found, expected) in found.iter().zip(expected) {
            assert_eq!(found, expected, "{what}: {question:?}");
        }
        assert_eq!(found.len(), expected.len(), "{what}: {question:?}");
    }
}

/// Three days of a camera, the second of which has no packed row when its mark is set: pages that end and go on within days,
/// packed or not, are together what one page is, with bands and flows.
#[tokio::test]
async fn pages_of_packed_days_leave_nothing_out_and_give_nothing_twice() {
    let db = TestDb::new().await;
    let database = db.open(SimClock::at("2026-11-24T12:00:00Z").shared()).await;
    let quarters = (0..3 * 96_i64).map(|quarter| {
        let speeds: Vec<f64> = (0..quarter % 8).map(|k| 30.0 + 2.0 * k as f64).collect();
        let n = u32::try_from(quarter % 8).unwrap();
        let closed = watched("a", BinLength::Minute15, at(quarter * 15), 1);
        closed.flow("n", RoadUserClass::Car, n, &speeds).line(
            "s",
            Direction::Forward,
            RoadUserClass::Bicycle,
            n + 1,
        )
    });
    write(&database, 1, quarters.collect()).await;
    upkeep::catch_up(&database, at(4 * 1_440)).await.unwrap();
    assert_eq!(psql(db.url(), "SELECT count(*) FROM camera_day WHERE length_s = 900"), ["3"]);
    for marked in [false, true] {
        if marked {
            psql(db.url(), "INSERT INTO rollup_due VALUES ('a', 86400, '2026-11-21T00:00:00Z', 1)");
        }
        for (zone, bin, limits) in [
            ("UTC", BinLength::Minute15, [193, 500, 777]),
            ("Asia/Shanghai", BinLength::Minute15, [97, 300, 1_000]),
            ("UTC", BinLength::Hour, [1, 49, 130]),
            ("Asia/Kolkata", BinLength::Hour, [50, 99, 200]),
        ] {
            let mut whole =
                MeasurementQuery::new(at(45), at(3 * 1_440 - 30), bin, TimeZone::get(zone).unwrap());
            whole.group_by = [GroupKey::Line, GroupKey::Direction].into();
            (whole.with_quality, whole.limit) = (true, 10_000);
            let all = measurements(&database, &whole).await.unwrap().items;
            assert!(all.len() >= 4 * 70, "{} rows", all.len());
            for limit in limits {
                let (mut query, mut joined) = (MeasurementQuery { limit, ..whole.clone() }, Vec::new());
                loop {
                    let page = measurements(&database, &query).await.unwrap();
                    assert!(page.next.is_none() || page.items.len() == limit as usize, "a short page");
                    joined.extend(page.items);
                    let Some(next) = page.next else { break };
                    query.cursor = Some(next);
                }
                assert!(joined == all, "{zone} {bin} by {limit}: {} of {}", joined.len(), all.len());
            }
        }
    }
    database.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_do_not_depend_on_what_is_summed() {
    let db = TestDb::new().await;
    let database = db.open(SimClock::at("2026-11-22T12:00:00Z").shared()).await;
    write(&database, 1, hours()).await;
    let expected = answers(&database).await;
    let due =
        |length_s| psql(db.url(), &format!("SELECT count(*) FROM rollup_due WHERE length_s = {length_s}"));
    // Two cameras, 120 quarters and 30 hours, of which b missed five quarters.
    assert_eq!((due(900), due(3_600)), (vec!["235".to_owned()], vec!["60".to_owned()]));

    // In the middle of an hour: its first two quarters are over.
    let done = upkeep::catch_up(&database, at(12 * 60 + 31)).await.unwrap();
    assert_eq!(done, 2 * 50 - 5 + 2 * 12);
    assert_eq!(due(86_400), ["4"]);
    same("half summed", &answers(&database).await, &expected);
    // The first day is over, the second is not.
    upkeep::catch_up(&database, at(1_440 + 7 * 60)).await.unwrap();
    assert_eq!((due(3_600), due(86_400)), (vec!["0".to_owned()], vec!["2".to_owned()]));
    same("one day packed", &answers(&database).await, &expected);
    upkeep::catch_up(&database, at(3 * 1_440)).await.unwrap();
    assert_eq!(psql(db.url(), "SELECT count(*) FROM rollup_due"), ["0"]);
    same("all summed", &answers(&database).await, &expected);

    // Late: a minute of the hole, and one that saw more than was known.
    let late = vec![
        partly("b", BinLength::Minute1, at(250), 1, 40.0).line(
            "x",
            Direction::Forward,
            RoadUserClass::Car,
            8,
        ),
        partly("a", BinLength::Minute1, at(16), 1, 60.0).line(
            "s",
            Direction::Forward,
            RoadUserClass::Car,
            90,
        ),
    ];
    write(&database, 1, late.clone()).await;
    let other = TestDb::new().await;
    let unsummed = other.open(SimClock::at("2026-11-22T12:00:00Z").shared()).await;
    write(&unsummed, 1, hours().into_iter().chain(late).collect()).await;
    let expected = answers(&unsummed).await;
    unsummed.close().await;
    assert_eq!((due(900), due(3_600)), (vec!["2".to_owned()], vec!["2".to_owned()]));
    assert_eq!(due(86_400), ["2"]);
    same("late and not summed", &answers(&database).await, &expected);
    upkeep::catch_up(&database, at(3 * 1_440)).await.unwrap();
    same("late and summed", &answers(&database).await, &expected);

    // Days that are not packed come from hours and quarters, and nothing of these from their parts.
    psql(db.url(), "CREATE TABLE kept AS SELECT * FROM camera_day; DELETE FROM camera_day");
    same("not packed", &answers(&database).await, &expected);
    psql(db.url(), "DELETE FROM line_bin WHERE length_s = 60; DELETE FROM coverage WHERE length_s = 60");
    let (found, asked) = (answers(&database).await, questions());
    for ((found, expected), question) in found.iter().zip(&expected).zip(&asked) {
        let expected = if question.bin == BinLength::Minute1 { &[] } else { expected.as_slice() };
        assert_eq!(found, expected, "{question:?}");
    }
    psql(
        db.url(),
        "DELETE FROM line_bin WHERE length_s = 900; DELETE FROM coverage; DELETE FROM line_flow WHERE length_s = 900",
    );
    psql(db.url(), "DELETE FROM coverage_sum WHERE length_s = 900");
    let found = answers(&database).await;
    for ((found, expected), question) in found.iter().zip(&expected).zip(&asked) {
        if question.bin >= BinLength::Hour && !format!("{:?}", question.zone).contains("Kathmandu") {
            assert_eq!(found, expected, "{question:?}");
        }
    }

    // And nothing of packed days from hours and quarters.
    psql(db.url(), "DELETE FROM line_bin; DELETE FROM line_flow; DELETE FROM coverage_sum");
    assert!(answers(&database).await.iter().all(Vec::is_empty));
    psql(db.url(), "INSERT INTO camera_day SELECT * FROM kept");
    let found = answers(&database).await;
    for ((found, expected), question) in found.iter().zip(&expected).zip(&asked) {
        let expected = if question.bin == BinLength::Minute1 { &[] } else { expected.as_slice() };
        assert_eq!(found, expected, "{question:?}");
    }
    database.close().await;
}

/// While bins come in, sums go on beside them: whenever somebody asks, nothing is missing and nothing is twice.
#[tokio::test(flavor = "multi_thread")]
async fn sums_go_on_while_bins_come() {
    let db = TestDb::new().await;
    let clock = SimClock::at("2026-11-22T12:00:00Z");
    let database = db.open(clock.shared()).await;
    let spool = TempDir::new().unwrap();
    let options = WriterOptions { batch_rows: 40, ..WriterOptions::new(1, vec![camera("a", &["n"])]) };
    let writer = Writer::start(database.clone(), spool.path(), clock.shared(), options).unwrap();
    let upkeep = Upkeep::start(database.clone(), clock.shared(), Retention::default());
    let mut query = MeasurementQuery::new(at(0), at(1_440), BinLength::Day, TimeZone::UTC);
    query.group_by.clear();
    let mut last = 0;
    for part in 0..40_i64 {
        let minutes = (0..30).map(|n| {
            // Out of order, so that hours that are summed already are written to again.
            let minute = (part * 30 + n) * 7 % 1_200;
            watched("a", BinLength::Minute1, at(minute), 1).line(
                "n",
                Direction::Forward,
                RoadUserClass::Car,
                1,
            )
        });
        writer.submit(minutes.collect()).unwrap();
        let row = measurements(&database, &query).await.unwrap().items;
        let count = row.first().and_then(|row| row.count).unwrap_or_default();
        assert!((last..=u64::try_from(part + 1).unwrap() * 30).contains(&count), "{count} after {part}");
        last = count;
    }
    tokio::time::timeout(Duration::from_secs(60), writer.shutdown()).await.unwrap();
    upkeep.stop().await;
    upkeep::catch_up(&database, ts("2026-11-22T12:00:00Z")).await.unwrap();
    let row = measurements(&database, &query).await.unwrap().items.remove(0);
    assert_eq!((row.count, row.observed_s), (Some(1_200), 72_000.0));
    let stored = psql(db.url(), "SELECT length_s, sum(count) FROM line_bin GROUP BY 1 ORDER BY 1");
    assert_eq!(stored, ["60|1200", "900|1200", "3600|1200"]);
    database.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn months_go_when_they_are_old_and_summed() {
    let db = TestDb::new().await;
    let database = db.open(SimClock::at("2026-11-22T12:00:00Z").shared()).await;
    let bin = |start: &str| {
        watched("a", BinLength::Minute1, ts(start), 1).line("n", Direction::Forward, RoadUserClass::Car, 5)
    };
    let days = ["2026-07-31T23:59:00Z", "2026-08-01T00:00:00Z", "2026-11-20T10:00:00Z"];
    write(&database, 1, days.map(bin).to_vec()).await;
    let retention = Retention { minutes_days: Some(90), hours_days: Some(120), ..Retention::default() };
    let stored = || psql(db.url(), "SELECT length_s, count(*) FROM line_bin GROUP BY 1 ORDER BY 1");
    // Nothing is summed: nothing goes.
    let (before, after) = (ts("2026-10-29T23:59:59Z"), ts("2026-11-29T00:00:00Z"));
    upkeep::tidy(&database, after, &retention).await.unwrap();
    assert_eq!(stored(), ["60|3"]);
    upkeep::catch_up(&database, after).await.unwrap();
    assert_eq!(stored(), ["60|3", "900|3", "3600|3"]);
    // The last minute of July is 90 days old from 30 October on; that August is over 90 days ago is so only on 30 November.
    upkeep::tidy(&database, before, &retention).await.unwrap();
    assert_eq!(stored(), ["60|3", "900|3", "3600|3"]);
    upkeep::tidy(&database, after, &retention).await.unwrap();
    assert_eq!(stored(), ["60|2", "900|3", "3600|2"]);
    // What the minutes came to is still known, and so is which bins were watched.
    let mut query = MeasurementQuery::new(
        ts("2026-07-31T00:00:00Z"),
        ts("2026-08-01T00:00:00Z"),
        BinLength::Minute15,
        TimeZone::UTC,
    );
    query.group_by.clear();
    let rows = measurements(&database, &query).await.unwrap().items;
    assert_eq!(rows.iter().map(|row| (row.count, row.observed_s)).collect::<Vec<_>>(), [(Some(5), 60.0)]);
    // A minute of a month that is gone finds its partition made again.
    write(&database, 2, vec![bin("2026-07-15T10:00:00Z")]).await;
    assert_eq!(stored(), ["60|3", "900|3", "3600|2"]);
    database.close().await;
}
