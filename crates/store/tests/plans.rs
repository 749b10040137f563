//! Questions read what they are about and nothing else: no other month's partition, no table from end to end, and of an
//! index about as many rows as go into the answer. Told by PostgreSQL's own statistics of what was read, of months large enough for
//! its planner to have a choice.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails it the same way")]

mod support;

use std::collections::BTreeMap;

use support::{psql, ts};
use wayside_store::query::{MeasurementQuery, measurements};
use wayside_testkit::{SimClock, TestDb};
use wayside_types::{BinLength, CameraId, RoadUserClass, TimeZone};

/// Sixty cameras, ten days of each of two months by the quarter of an hour.
const FILL: &str = "
    SELECT ensure_month('2026-09-01'), ensure_month('2026-10-01');
    CREATE TEMP TABLE made AS SELECT 'c' || n AS camera, start_at
        FROM generate_series(1, 60) n, generate_series(1, 2) month, generate_series(0, 959) quarter,
             LATERAL (SELECT make_timestamptz(2026, 8 + month, 10, 0, 0, 0, 'UTC') + make_interval(mins => 15 * quarter) AS start_at) at;
    INSERT INTO camera (camera, name, department, profile, config_version, updated_at)
        SELECT DISTINCT camera, camera, 'traffic', 'arterial', 'v1', now() FROM made;
    INSERT INTO camera_line (camera, config_version, line) SELECT DISTINCT camera, 'v1', 'n' FROM made;
    INSERT INTO coverage (camera, length_s, start_at, epoch, observed_s, dropped_share, grade, config_version)
        SELECT camera, 900, start_at, 1, 900, 0, 'good', 'v1' FROM made;
    INSERT INTO line_bin (camera, length_s, start_at, line, direction, class, epoch, count)
        SELECT camera, 900, start_at, 'n', 'forward', 'pedestrian', 1, 3 FROM made;
    ANALYZE;
    SELECT pg_stat_reset();
";

/// By table: rows read from end to end, and rows read by an index.
const READ: &str = "
    SELECT t.relname, t.seq_tup_read, coalesce(sum(i.idx_tup_read), 0)
    FROM pg_stat_user_tables t LEFT JOIN pg_stat_user_indexes i USING (relid)
    WHERE t.relname ~ '_2026_[0-9]{2}$' GROUP BY 1, 2 HAVING t.seq_tup_read > 0 OR sum(i.idx_tup_read) > 0
";

#[tokio::test]
async fn a_question_reads_what_it_is_about() {
    let db = TestDb::new().await;
    let clock = SimClock::at("2026-11-22T12:00:00Z");
    // The schema, with no connection left whose statistics are still to come.
    db.open(clock.shared()).await.close().await;
    psql(db.url(), FILL);
    for cameras in [1_usize, 12] {
        psql(db.url(), "SELECT pg_stat_reset()");
        let database = db.open(clock.shared()).await;
        let (from, to) = (ts("2026-10-12T00:00:00Z"), ts("2026-10-13T00:00:00Z"));
        let mut question = MeasurementQuery::new(from, to, BinLength::Minute15, TimeZone::UTC);
        question.cameras = (1..=cameras).map(|n| CameraId::new(&format!("c{n}")).unwrap()).collect();
        question.classes = vec![RoadUserClass::Pedestrian];
        question.limit = 10_000;
        let rows = measurements(&database, &question).await.unwrap().items;
        let counted: u64 = rows.iter().filter_map(|row| row.count).sum();
        assert_eq!(counted, 3 * 96 * cameras as u64, "{cameras} cameras");
        database.close().await;
        let about = 96 * cameras as u64;
        let mut read: BTreeMap<String, u64> = BTreeMap::new();
        for line in psql(db.url(), READ) {
            let fields: Vec<&str> = line.split('|').collect();
            let [table, whole, by_index] = fields[..] else { panic!("{line}") };
            assert!(table.ends_with("_2026_10"), "{cameras} cameras: another month is read: {line}");
            assert_eq!(whole, "0", "{cameras} cameras: a table is read from end to end: {line}");
            *read.entry(table.to_owned()).or_default() += by_index.parse::<u64>().unwrap();
        }
        for part in ["line_bin", "coverage"] {
            let of: u64 = read.iter().filter(|(table, _)| table.starts_with(part)).map(|(_, n)| n).sum();
            assert!(
                (about..=4 * about).contains(&of),
                "{cameras} cameras: {of} rows of {part} for {about}: {read:?}"
            );
        }
    }
}
