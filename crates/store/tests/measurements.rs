//! What was submitted comes out of a query: summed exactly, zero-filled where watched, absent where not.

mod support;

use std::time::Duration;

use support::{With, camera, ts, watched};
use tempfile::TempDir;
use wayside_store::query::{MeasurementQuery, RowSubject, measurements};
use wayside_store::{Database, Writer, WriterOptions};
use wayside_testkit::{SimClock, TestDb};
use wayside_types::{BinLength, ClosedBins, Direction, RoadUserClass, TimeZone};

/// A database with cameras `a` (lines n, s) and `b` (line x) and whatever was submitted.
async fn stored(db: &TestDb, closed: Vec<ClosedBins>) -> Database {
    let clock = SimClock::at("2026-11-21T12:00:00Z");
    let database = db.open(clock.shared()).await;
    let spool = TempDir::new().unwrap();
    let options = WriterOptions::new(1, vec![camera("a", &["n", "s"]), camera("b", &["x"])]);
    let writer = Writer::start(database.clone(), spool.path(), clock.shared(), options).unwrap();
    writer.submit(closed).unwrap();
    tokio::time::timeout(Duration::from_secs(30), writer.clone().shutdown()).await.unwrap();
    assert_eq!(writer.stats().spooled_rows, 0, "{:?}", writer.stats());
    database
}

#[tokio::test]
async fn minutes_come_back_with_their_zeros() {
    let db = TestDb::new().await;
    let start = ts("2026-11-21T10:00:00Z");
    let later = ts("2026-11-21T10:02:00Z");
    let database = stored(
        &db,
        vec![
            watched("a", BinLength::Minute1, start, 1).line("n", Direction::Forward, RoadUserClass::Car, 7),
            watched("a", BinLength::Minute1, later, 1),
        ],
    )
    .await;
    let query = MeasurementQuery::new(start, ts("2026-11-21T10:05:00Z"), BinLength::Minute1, TimeZone::UTC);
    let page = measurements(&database, &query).await.unwrap();
    // Two watched minutes × two lines × two directions × three motor classes.
    assert_eq!(page.items.len(), 2 * 2 * 2 * 3);
    assert!(page.next.is_none());
    assert_eq!(page.items.iter().filter_map(|row| row.count).sum::<u64>(), 7);
    let counted = page.items.iter().find(|row| row.count == Some(7)).unwrap();
    assert_eq!(counted.start, start);
    assert!(counted.complete);
    assert!(
        matches!(&counted.subject, RowSubject::Line { line: Some(line), direction: Some(Direction::Forward) } if line.as_str() == "n")
    );
    database.close().await;
}
