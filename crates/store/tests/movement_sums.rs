//! Hours of movements, of those who were lost and of zones give the same answers as the quarters that they were summed from,
//! whatever is summed already, whatever comes late, and when the quarters are gone; and they show no more.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails it the same way")]

mod support;

use std::time::Duration;

use jiff::SignedDuration;
use support::{With, camera, partly, psql, ts, watched};
use tempfile::TempDir;
use wayside_store::query::{
    GroupKey, MatrixQuery, MeasurementKind, MeasurementQuery, MeasurementRow, MovementMatrix, SmallCells,
    matrix, measurements,
};
use wayside_store::{Database, Writer, WriterOptions, upkeep};
use wayside_testkit::{SimClock, TestDb};
use wayside_types::{
    Bin, BinKey, BinLength, BinSubject, Calibration, CameraId, CameraSpec, ClosedBins, LineId, Point,
    Retention, RoadUserClass, TimeZone, Timestamp, Zone, ZoneBin, ZoneDelay, ZoneId, ZoneKind, ZoneQueue,
};

const DAY: &str = "2026-11-20T00:00:00Z";
const NOW: &str = "2026-11-22T12:00:00Z";
const QUARTER: BinLength = BinLength::Minute15;

fn at(minutes: i64) -> Timestamp {
    ts(DAY).checked_add(SignedDuration::from_mins(minutes)).unwrap()
}

fn spec() -> CameraSpec {
    let mut spec = camera("a", &["n", "s", "w"]);
    let polygon = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]].map(Point::from).to_vec();
    let zone = |id: &str, kind| Zone {
        id: ZoneId::new(id).unwrap(),
        kind,
        polygon: polygon.clone(),
        heading: None,
        closed_to: Vec::new(),
        free_flow_kmh: None,
    };
    spec.zones = vec![zone("q", ZoneKind::Queue), zone("l", ZoneKind::Lane)];
    spec.calibration =
        Some(Calibration { image: Vec::new(), ground_m: Vec::new(), ground_origin: None, distortion: None });
    spec
}

async fn write(database: &Database, closed: Vec<ClosedBins>) {
    let spool = TempDir::new().unwrap();
    let options = WriterOptions::new(1, vec![spec()]);
    let writer = Writer::start(database.clone(), spool.path(), SimClock::at(NOW).shared(), options).unwrap();
    writer.submit(closed).unwrap();
    tokio::time::timeout(Duration::from_secs(60), writer.clone().shutdown()).await.unwrap();
    assert_eq!(writer.stats().spooled_rows + writer.stats().rejected_rows, 0, "{:?}", writer.stats());
}

fn lost(mut closed: ClosedBins, from: &str, class: RoadUserClass, count: u32) -> ClosedBins {
    let c = &closed.coverage;
    let subject = BinSubject::Lost(LineId::new(from).unwrap());
    let camera = CameraId::clone(&c.camera);
    let key = BinKey { camera, subject, class, start: c.start, length: c.length, epoch: c.epoch };
    closed.bins.push(Bin { key, count });
    closed
}

fn zone(mut closed: ClosedBins, id: &str, n: u32, queue: Option<u32>) -> ClosedBins {
    closed.zones.push(ZoneBin {
        zone: ZoneId::new(id).unwrap(),
        occupied_s: n / 3,
        vehicle_s: n,
        length_m: Some(40.0),
        queue: queue.map(|last_vehicles| ZoneQueue {
            max_m: f64::from(n % 50 + 7 * last_vehicles),
            max_vehicles: n % 7 + last_vehicles,
            last_m: 7.0 * f64::from(last_vehicles),
            last_vehicles,
        }),
        delay: (!n.is_multiple_of(4)).then(|| ZoneDelay { n: 5 + n % 9, sum_s: f64::from(n) / 4.0 }),
    });
    closed
}

/// Thirty hours of quarters. Every fifth has a second run of the program in it, whose cells make some of the first run's
/// large enough to be shown; now and then a zone has no row, and some quarters were not watched.
fn quarters() -> Vec<ClosedBins> {
    let mut all = Vec::new();
    for quarter in (0..30 * 4_i64).filter(|quarter| quarter % 31 != 17) {
        let n = u32::try_from(quarter).unwrap();
        let of = |epoch, observed_s| partly("a", QUARTER, at(quarter * 15), epoch, observed_s);
        let mut bin = of(1, if quarter % 5 == 0 { 500.0 } else { 900.0 });
        for (from, to, class, count) in [
            ("n", "s", RoadUserClass::Car, n % 5),
            ("n", "w", RoadUserClass::Car, n % 7),
            ("s", "n", RoadUserClass::Bicycle, n % 4),
            ("w", "n", RoadUserClass::Truck, u32::from(n.is_multiple_of(6))),
        ] {
            if count > 0 {
                bin = bin.movement(from, to, class, count);
            }
        }
        if !n.is_multiple_of(4) {
            bin = lost(bin, "n", RoadUserClass::Car, n % 4);
        }
        if !n.is_multiple_of(7) {
            bin = zone(bin, "q", 13 * n % 900, Some(n % 5));
        }
        all.push(zone(bin, "l", 7 * n % 900, None));
        if quarter % 5 == 0 {
            let second = of(2, 300.0).movement("n", "s", RoadUserClass::Car, 1 + n % 2);
            let second = lost(second.movement("w", "n", RoadUserClass::Truck, 2), "n", RoadUserClass::Car, 1);
            all.push(zone(second, "q", 11 * n % 300, Some(n % 4)));
        }
    }
    all
}

fn questions() -> Vec<MeasurementQuery> {
    let mut questions = Vec::new();
    for zone in ["UTC", "Europe/Berlin", "Asia/Kathmandu"] {
        for bin in [QUARTER, BinLength::Hour, BinLength::Day] {
            let zone = TimeZone::get(zone).unwrap();
            let mut query = MeasurementQuery::new(at(-1_440), at(3 * 1_440), bin, zone);
            query.limit = 10_000;
            query.group_by.clear();
            questions.push(MeasurementQuery { kind: MeasurementKind::Zones, ..query.clone() });
            query.kind = MeasurementKind::Movements;
            for small_cells in [SmallCells::Suppress, SmallCells::Show] {
                let query = MeasurementQuery { small_cells, ..query.clone() };
                questions.push(query.clone());
                let apart = [GroupKey::From, GroupKey::To, GroupKey::Class].into();
                let lines = vec![LineId::new("w").unwrap()];
                questions.push(MeasurementQuery { group_by: apart, ..query.clone() });
                questions.push(MeasurementQuery { lines, classes: vec![RoadUserClass::Car], ..query });
            }
        }
    }
    questions
}

/// Whether all of a question's bins are made of whole hours of UTC.
fn is_of_hours(query: &MeasurementQuery) -> bool {
    query.bin >= BinLength::Hour && query.zone.iana_name() != Some("Asia/Kathmandu")
}

async fn answers(database: &Database) -> (Vec<Vec<MeasurementRow>>, Vec<MovementMatrix>) {
    let mut answers = Vec::new();
    for question in questions() {
        let mut rows = measurements(database, &question).await.unwrap().items;
        for row in &mut rows {
            // Sums of fractions depend on their order in the last places.
            let round = |value: f64| (value * 1e6).round() / 1e6;
            row.observed_s = round(row.observed_s);
            if let Some(zone) = &mut row.zone {
                zone.occupancy = round(zone.occupancy);
                zone.vehicles_mean = round(zone.vehicles_mean);
                zone.density_per_km = zone.density_per_km.map(round);
                zone.delay_mean_s = zone.delay_mean_s.map(round);
            }
        }
        answers.push(rows);
    }
    let mut matrices = Vec::new();
    // Whole hours, and a stretch that begins and ends within one.
    for (from, to) in [(0, 30 * 60), (15, 29 * 60 + 30)] {
        for small_cells in [SmallCells::Suppress, SmallCells::Show] {
            let question = MatrixQuery {
                camera: CameraId::new("a").unwrap(),
                classes: Vec::new(),
                from: at(from),
                to: at(to),
                zone: TimeZone::UTC,
                small_cells,
            };
            let mut matrix = matrix(database, &question).await.unwrap().unwrap();
            matrix.observed_s = matrix.observed_s.round();
            matrices.push(matrix);
        }
    }
    (answers, matrices)
}

type Answers = (Vec<Vec<MeasurementRow>>, Vec<MovementMatrix>);

fn same(what: &str, found: &Answers, expected: &Answers) {
    for ((found, expected), question) in found.0.iter().zip(&expected.0).zip(questions()) {
        assert!(!expected.is_empty());
        for (found, expected) in found.iter().zip(expected) {
            assert_eq!(found, expected, "{what}: {question:?}");
        }
        assert_eq!(found.len(), expected.len(), "{what}: {question:?}");
    }
    assert_eq!(found.1, expected.1, "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_do_not_depend_on_what_is_summed() {
    let db = TestDb::new().await;
    let database = db.open(SimClock::at(NOW).shared()).await;
    write(&database, quarters()).await;
    let expected = answers(&database).await;
    let hours = |table: &str| psql(db.url(), &format!("SELECT count(*) FROM {table} WHERE length_s = 3600"));
    assert_eq!(hours("movement_bin"), ["0"]);
    let hidden = |all: &Answers| all.0.iter().flatten().filter(|row| row.suppressed).count();
    assert!(hidden(&expected) > 100, "{}", hidden(&expected));

    upkeep::catch_up(&database, at(12 * 60 + 31)).await.unwrap();
    same("half summed", &answers(&database).await, &expected);
    upkeep::catch_up(&database, ts(NOW)).await.unwrap();
    assert_eq!(psql(db.url(), "SELECT count(*) FROM rollup_due"), ["0"]);
    same("all summed", &answers(&database).await, &expected);
    // Of one more car in the second run a cell becomes large enough, and with it what the first run counted there.
    let late = vec![
        watched("a", QUARTER, at(15 * 6), 3).movement("n", "s", RoadUserClass::Car, 2),
        zone(watched("a", QUARTER, at(15 * 17), 1), "q", 450, Some(3)),
        lost(watched("a", QUARTER, at(15 * 2), 3), "n", RoadUserClass::Car, 1),
    ];
    write(&database, late.clone()).await;
    let other = TestDb::new().await;
    let unsummed = other.open(SimClock::at(NOW).shared()).await;
    write(&unsummed, quarters().into_iter().chain(late).collect()).await;
    let expected = answers(&unsummed).await;
    unsummed.close().await;
    same("late and not summed", &answers(&database).await, &expected);
    upkeep::catch_up(&database, ts(NOW)).await.unwrap();
    same("late and summed", &answers(&database).await, &expected);
    let whole = "SELECT length_s, sum(count) FROM movement_bin GROUP BY 1 ORDER BY 1";
    let [quarters, hours] = &psql(db.url(), whole)[..] else { panic!("two lengths") };
    assert_eq!(quarters.strip_prefix("900|"), hours.strip_prefix("3600|"));

    // Hours come from hours, and quarters from quarters.
    for table in ["movement_bin", "movement_lost", "zone_bin"] {
        psql(db.url(), &format!("DELETE FROM {table} WHERE length_s = 900"));
    }
    let found = answers(&database).await;
    for ((found, expected), question) in found.0.iter().zip(&expected.0).zip(questions()) {
        if is_of_hours(&question) {
            assert_eq!(found, expected, "{question:?}");
        } else {
            assert_ne!(found, expected, "{question:?}");
        }
    }
    assert_eq!(found.1[..2], expected.1[..2]);
    assert_ne!(found.1[2..], expected.1[2..]);
    database.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hours_outlive_their_quarters() {
    let db = TestDb::new().await;
    let database = db.open(SimClock::at(NOW).shared()).await;
    let month = |start: &str| {
        let bin = watched("a", QUARTER, ts(start), 1).movement("n", "s", RoadUserClass::Car, 4);
        let bin = bin.movement("n", "w", RoadUserClass::Car, 2);
        zone(lost(bin, "n", RoadUserClass::Car, 5), "q", 450, Some(2))
    };
    write(&database, ["2026-06-30T23:45:00Z", "2026-07-01T00:00:00Z"].map(month).to_vec()).await;
    let retention = Retention { quarters_days: Some(60), hours_days: Some(130), ..Retention::default() };
    let stored = || {
        ["movement_bin", "movement_lost", "zone_bin"].map(|table| {
            psql(db.url(), &format!("SELECT length_s, count(*) FROM {table} GROUP BY 1 ORDER BY 1")).join(" ")
        })
    };
    let now = ts("2026-11-07T00:00:00Z");
    upkeep::tidy(&database, now, &retention).await.unwrap();
    assert_eq!(stored(), ["900|4", "900|2", "900|2"], "what is not summed stays");
    upkeep::catch_up(&database, now).await.unwrap();
    upkeep::tidy(&database, now, &retention).await.unwrap();
    assert_eq!(stored(), ["3600|4", "3600|2", "3600|2"]);
    let mut query = MeasurementQuery::new(
        ts("2026-06-30T00:00:00Z"),
        ts("2026-07-02T00:00:00Z"),
        BinLength::Hour,
        TimeZone::UTC,
    );
    query.group_by.clear();
    query.kind = MeasurementKind::Movements;
    let counts = async |query: &MeasurementQuery| {
        let rows = measurements(&database, query).await.unwrap().items;
        rows.iter().map(|row| (row.count, row.observed_s)).collect::<Vec<_>>()
    };
    assert_eq!(counts(&query).await, [(Some(4), 900.0), (Some(4), 900.0)]);
    query.small_cells = SmallCells::Show;
    assert_eq!(counts(&query).await, [(Some(6), 900.0), (Some(6), 900.0)]);
    query.kind = MeasurementKind::Zones;
    let rows = measurements(&database, &query).await.unwrap().items;
    let queue = rows.iter().filter_map(|row| row.zone?.queue).map(|queue| queue.max_vehicles).max();
    assert_eq!(queue, Some(450 % 7 + 2));
    upkeep::tidy(&database, ts("2026-11-08T00:00:01Z"), &retention).await.unwrap();
    assert_eq!(stored(), ["3600|2", "3600|1", "3600|1"], "June's hours are 130 days old");
    database.close().await;
}

/// What the version before this one stored is kept, and its hours are summed.
#[tokio::test(flavor = "multi_thread")]
async fn older_rows_are_kept_and_summed() {
    let db = TestDb::new().await;
    let mut files: Vec<_> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let (before, after) = files.split_at(10);
    for file in before {
        psql(db.url(), &std::fs::read_to_string(file).unwrap());
    }
    psql(
        db.url(),
        "SELECT ensure_month('2026-11-01');
         INSERT INTO movement_bin SELECT 'a', 900, '2026-11-20T10:00:00Z', 'n', 's', 'car', epoch, 2
             FROM generate_series(1, 3) AS epoch;
         INSERT INTO movement_bin VALUES ('a', 900, '2026-11-20T10:45:00Z', 'n', 's', 'car', 3, 2);
         INSERT INTO movement_lost VALUES ('a', 900, '2026-11-20T10:00:00Z', 'n', 'car', 1, 4);
         INSERT INTO zone_bin VALUES ('a', 900, '2026-11-20T10:15:00Z', 'q', 1, 880, 200, 400, 50, 30, 4, 7, 1, 6, 60),
             ('a', 900, '2026-11-20T10:30:00Z', 'q', 1, 900, 10, 20, 50, 14, 2, 0, 0, NULL, NULL)",
    );
    psql(db.url(), &std::fs::read_to_string(&after[0]).unwrap());
    assert_eq!(
        psql(db.url(), "SELECT camera, length_s, start_at AT TIME ZONE 'UTC' FROM rollup_due"),
        ["a|3600|2026-11-20 10:00:00"]
    );
    let rows = "SELECT length_s, epoch, count, shown FROM movement_bin ORDER BY 1, 2, 3";
    assert_eq!(psql(db.url(), rows), ["900|1|2|", "900|2|2|", "900|3|2|", "900|3|2|"]);
    assert_eq!(psql(db.url(), "SELECT count, shown FROM movement_lost"), ["4|"]);
    assert_eq!(
        psql(db.url(), "SELECT vehicle_s, queue_last, delay_n, latest_at FROM zone_bin ORDER BY start_at"),
        ["400|1|6|", "20|0||"]
    );
    // The database refuses an hour that does not say what may be shown, and one that would show more than there was.
    for sql in [
        "UPDATE movement_bin SET shown = 2",
        "INSERT INTO movement_bin VALUES ('a', 3600, '2026-11-20T10:00:00Z', 'n', 's', 'car', 1, 2, NULL)",
        "INSERT INTO movement_bin VALUES ('a', 3600, '2026-11-20T10:00:00Z', 'n', 's', 'car', 1, 2, 3)",
        "INSERT INTO movement_lost VALUES ('a', 60, '2026-11-20T10:00:00Z', 'n', 'car', 1, 2, 2)",
    ] {
        let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| psql(db.url(), sql)));
        assert!(refused.is_err(), "{sql}");
    }
}
