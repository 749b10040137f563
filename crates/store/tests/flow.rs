//! Speeds, headways, occupancy and zones on their way through the database: exact sums of their parts on any clock,
//! nothing told of fewer than five, nothing lowered by a stale row.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails it the same way")]

mod support;

use std::time::Duration;

use support::{With, camera, partly, psql, ts, watched};
use tempfile::TempDir;
use wayside_store::query::{
    GroupBy, GroupKey, MeasurementKind, MeasurementQuery, MeasurementRow, RowSubject, measurements,
};
use wayside_store::{Database, StoreError, Writer, WriterOptions};
use wayside_testkit::{SimClock, TestDb};
use wayside_types::{
    BinLength, CameraSpec, ClosedBins, Direction, Headways, LineId, Point, RoadUserClass, Speeds, TimeZone,
    Timestamp, Zone, ZoneBin, ZoneDelay, ZoneId, ZoneKind, ZoneQueue,
};

const CAR: RoadUserClass = RoadUserClass::Car;
const QUARTER: BinLength = BinLength::Minute15;

async fn submit(database: &Database, specs: Vec<CameraSpec>, batches: Vec<Vec<ClosedBins>>) {
    let clock = SimClock::at("2026-11-21T12:00:00Z");
    let spool = TempDir::new().unwrap();
    for closed in batches {
        let options = WriterOptions::new(1, specs.clone());
        let writer = Writer::start(database.clone(), spool.path(), clock.shared(), options).unwrap();
        writer.submit(closed).unwrap();
        tokio::time::timeout(Duration::from_secs(60), writer.clone().shutdown()).await.unwrap();
        let stats = writer.stats();
        assert_eq!((stats.spooled_rows, stats.rejected_rows), (0, 0), "{stats:?}");
    }
}

async fn stored(db: &TestDb, specs: Vec<CameraSpec>, closed: Vec<ClosedBins>) -> Database {
    let database = db.open(SimClock::at("2026-11-21T12:00:00Z").shared()).await;
    submit(&database, specs, vec![closed]).await;
    database
}

async fn all(database: &Database, query: &MeasurementQuery) -> Vec<MeasurementRow> {
    let (mut query, mut rows) = (query.clone(), Vec::new());
    loop {
        let page = measurements(database, &query).await.unwrap();
        rows.extend(page.items);
        query.cursor = page.next;
        if query.cursor.is_none() {
            return rows;
        }
    }
}

fn after(start: Timestamp, minutes: i64) -> Timestamp {
    Timestamp::from_second(start.as_second() + 60 * minutes).unwrap()
}

/// Quarters of an hour with speeds of their own, some with fewer than five, some not watched.
fn quarters(from: Timestamp, n: i64) -> Vec<ClosedBins> {
    (0..n)
        .filter(|i| i % 23 != 7)
        .map(|i| {
            let cars: Vec<f64> = (0..i % 17).map(|k| 20.0 + ((i * 31 + k * 7) % 97) as f64 + 0.3).collect();
            let trucks: Vec<f64> = (0..i % 6).map(|k| 30.0 + ((i + k) % 40) as f64).collect();
            let bin = watched("a", QUARTER, after(from, 15 * i), i / 50);
            bin.flow("n", CAR, u32::try_from(i % 3).unwrap(), &cars).flow(
                "n",
                RoadUserClass::Truck,
                0,
                &trucks,
            )
        })
        .collect()
}

#[derive(Debug, Default, PartialEq)]
struct ByHand {
    untrusted: u64,
    occupied_s: u64,
    watched_s: f64,
    speeds: Speeds,
    headways: Headways,
}

/// The sum by hand of the quarters that begin within a row.
fn by_hand(bins: &[ClosedBins], row: &MeasurementRow) -> ByHand {
    let mut sum = ByHand::default();
    for closed in bins.iter().filter(|c| (row.start..row.end).contains(&c.coverage.start)) {
        for flow in closed.flows.iter().filter(|flow| Some(flow.class) == row.class) {
            sum.untrusted += u64::from(flow.untrusted.unwrap());
            sum.occupied_s += u64::from(flow.occupied_s);
            sum.watched_s += closed.coverage.observed_s;
            flow.speeds.iter().for_each(|speeds| sum.speeds.merge(speeds));
            flow.headways.iter().for_each(|headways| sum.headways.merge(headways));
        }
    }
    sum
}

/// Both nights on which Berlin changes its clock, one of Lord Howe, which changes by half an hour, and places whose
/// hours begin at our half and quarter hours.
#[tokio::test]
async fn hours_and_days_are_the_sums_of_their_quarters() {
    for (zone, from, day_h) in [
        ("Europe/Berlin", "2026-03-28T23:00:00Z", 23.0),
        ("Europe/Berlin", "2026-10-24T22:00:00Z", 25.0),
        ("Australia/Lord_Howe", "2026-04-04T13:00:00Z", 24.5),
        ("Asia/Kolkata", "2026-06-01T18:30:00Z", 24.0),
        ("Asia/Kathmandu", "2026-06-01T18:15:00Z", 24.0),
    ] {
        let db = TestDb::new().await;
        let zone = TimeZone::get(zone).unwrap();
        let from = ts(from);
        let bins = quarters(from, 150);
        let database = stored(&db, vec![camera("a", &["n"])], bins.clone()).await;
        for length in [QUARTER, BinLength::Hour, BinLength::Day] {
            let mut query = MeasurementQuery::new(from, after(from, 40 * 60), length, zone.clone());
            query.limit = 70;
            let rows = all(&database, &query).await;
            let mut n = 0;
            for row in &rows {
                let RowSubject::Line { direction: Some(direction), .. } = row.subject else {
                    panic!("{row:?}")
                };
                let flow = row.flow.as_ref().unwrap();
                if direction == Direction::Backward
                    || row.class.is_none_or(|c| c != CAR && c != RoadUserClass::Truck)
                {
                    assert_eq!(
                        (&flow.speeds, &flow.headways, flow.untrusted),
                        (&None, &None, None),
                        "{row:?}"
                    );
                    continue;
                }
                let want = by_hand(&bins, row);
                assert_eq!(flow.untrusted, Some(want.untrusted), "{row:?}");
                same_speeds(flow.speeds.as_ref(), &want.speeds);
                assert_eq!(flow.headways.as_ref(), Some(&want.headways).filter(|h| h.n > 0));
                let occupancy = want.occupied_s as f64 / want.watched_s;
                assert!((flow.occupancy.unwrap() - occupancy).abs() < 1e-12, "{row:?} {want:?}");
                assert!((row.observed_s - want.watched_s).abs() < 1e-6);
                n += want.speeds.n;
            }
            let all: u32 =
                bins.iter().flat_map(|c| &c.flows).filter_map(|f| f.speeds.as_ref()).map(|s| s.n).sum();
            assert_eq!(n, all, "{length} in {}: every quarter is in one row", zone.iana_name().unwrap());
            if length == BinLength::Day {
                let day = rows[0].end.duration_since(rows[0].start).as_secs_f64() / 3_600.0;
                assert_eq!((rows[0].start, day), (from, day_h));
                assert!(rows.iter().all(|row| !row.complete), "each day has a hole");
            }
        }
        database.close().await;
    }
}

/// The same histogram and number; sums of fractions differ in their last digits with the order of adding.
fn same_speeds(found: Option<&Speeds>, want: &Speeds) {
    let Some(found) = found else { return assert_eq!(want.n, 0) };
    assert_eq!((found.n, &found.histogram), (want.n, &want.histogram));
    assert!((found.time_mean_kmh() - want.time_mean_kmh()).abs() < 1e-9);
    assert!((found.space_mean_kmh() - want.space_mean_kmh()).abs() < 1e-9);
    assert_eq!(found.percentile_kmh(0.85), want.percentile_kmh(0.85));
}

#[tokio::test]
async fn sums_over_classes_lines_and_runs_are_sums_of_what_may_be_told() {
    let db = TestDb::new().await;
    let start = ts("2026-11-21T10:00:00Z");
    let bins = vec![
        partly("a", QUARTER, start, 1, 400.0).flow("n", CAR, 1, &[50.0; 5]).flow(
            "n",
            RoadUserClass::Bus,
            0,
            &[20.0; 4],
        ),
        partly("a", QUARTER, start, 2, 500.0).flow("n", CAR, 0, &[60.0; 10]).flow("s", CAR, 0, &[80.0; 5]),
    ];
    let database = stored(&db, vec![camera("a", &["n", "s"])], bins).await;
    let mut query = MeasurementQuery::new(start, after(start, 15), QUARTER, TimeZone::UTC);
    query.group_by = GroupBy::from([GroupKey::Line, GroupKey::Direction]);
    let rows = all(&database, &query).await;
    let way = |line: &str| {
        let subject =
            RowSubject::Line { line: Some(LineId::new(line).unwrap()), direction: Some(Direction::Forward) };
        rows.iter().find(|row| row.subject == subject).unwrap().flow.clone().unwrap()
    };
    let north = way("n");
    let speeds = north.speeds.unwrap();
    assert_eq!(speeds.n, 15, "the four buses were stored without speeds");
    assert!((speeds.time_mean_kmh() - 850.0 / 15.0).abs() < 1e-9);
    assert!((speeds.space_mean_kmh() - 15.0 / (5.0 / 50.0 + 10.0 / 60.0)).abs() < 1e-9);
    assert_eq!(north.untrusted, Some(1));
    // 6, 4 and 10 vehicles with half a second each of 900 s; headways of 2 s.
    assert!((north.occupancy.unwrap() - 10.0 / 900.0).abs() < 1e-9);
    assert!((north.gap_mean_s.unwrap() - 2.0 * (1.0 - 10.0 / 900.0)).abs() < 1e-9);
    assert_eq!(way("s").speeds.unwrap().n, 5);
    // Of both lines together there are speeds, but no occupancy, which would mean nothing.
    query.group_by = GroupBy::new();
    let total = all(&database, &query).await.remove(0).flow.unwrap();
    assert_eq!((total.speeds.unwrap().n, total.occupancy, total.gap_mean_s), (20, None, None));
    // Minutes and movements have none of it.
    for (bin, kind) in [(BinLength::Minute5, MeasurementKind::Lines), (QUARTER, MeasurementKind::Movements)] {
        let mut query = MeasurementQuery { bin, kind, ..query.clone() };
        query.group_by = GroupBy::new();
        assert!(all(&database, &query).await.iter().all(|row| row.flow.is_none()));
    }
    database.close().await;
}

#[tokio::test]
async fn a_stale_row_lowers_no_speed_and_the_database_refuses_what_is_too_fine() {
    let db = TestDb::new().await;
    let start = ts("2026-11-21T10:00:00Z");
    let open =
        |n: usize, observed_s| partly("a", QUARTER, start, 1, observed_s).flow("n", CAR, 0, &vec![40.0; n]);
    let database =
        stored(&db, vec![camera("a", &["n"])], vec![open(3, 100.0), open(9, 700.0), open(5, 300.0)]).await;
    let seen = "SELECT count, untrusted, speed_n, speed_first, speed_counts, headway_n FROM line_flow";
    assert_eq!(psql(db.url(), seen), ["9|0|9|20|{9}|9"]);
    submit(&database, vec![], vec![vec![open(7, 500.0)], vec![open(12, 900.0)]]).await;
    assert_eq!(psql(db.url(), seen), ["12|0|12|20|{12}|12"]);

    let clock = SimClock::at("2026-11-21T12:00:00Z");
    let spool = TempDir::new().unwrap();
    let writer =
        Writer::start(database.clone(), spool.path(), clock.shared(), WriterOptions::new(1, vec![])).unwrap();
    let minute = watched("a", BinLength::Minute1, start, 1).flow("n", CAR, 0, &[40.0; 9]);
    assert!(matches!(writer.submit(vec![minute]), Err(StoreError::TooFine { .. })));
    let mut few = watched("a", QUARTER, start, 1).flow("n", CAR, 0, &[40.0; 5]);
    few.flows[0].speeds.as_mut().unwrap().n = 4;
    let error = writer.submit(vec![few]).unwrap_err().to_string();
    assert!(error.contains("speeds of 4 values; at least 5 are needed"), "{error}");
    writer.shutdown().await;
    for sql in [
        "UPDATE line_flow SET speed_n = 4",
        "UPDATE line_flow SET length_s = 60",
        "UPDATE line_flow SET speed_counts = NULL",
        "UPDATE line_flow SET speed_first = 100, speed_counts = '{1,1}'",
        "UPDATE line_flow SET headway_n = 1",
    ] {
        let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| psql(db.url(), sql)));
        assert!(refused.is_err(), "{sql}");
    }
    database.close().await;
}

/// What a program before this one left in its spool and its checkpoint is read; the speeds of minutes that were there
/// are no longer told.
#[test]
fn older_files_are_read() {
    let old = r#"[{"coverage":{"camera":"a","start":"2026-11-21T10:00:00Z","length":"1m","epoch":1,"observed_s":60.0,
        "dropped_share":0.0,"grade":"good","config_version":"v1"},"bins":[{"key":{"camera":"a",
        "subject":{"line":["n","forward"]},"class":"car","start":"2026-11-21T10:00:00Z","length":"1m","epoch":1},
        "count":7,"speed":{"n":7,"mean_kmh":31.2}}]}]"#;
    let read: Vec<ClosedBins> = serde_json::from_str(old).unwrap();
    assert_eq!((read[0].bins[0].count, read[0].rows()), (7, 2));
    assert!(read[0].flows.is_empty() && read[0].zones.is_empty());
}

fn zone(id: &str, kind: ZoneKind) -> Zone {
    let polygon = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]].map(Point::from).to_vec();
    let id = ZoneId::new(id).unwrap();
    Zone { id, kind, polygon, heading: None, closed_to: Vec::new(), free_flow_kmh: None }
}

fn zone_bin(queue: (f64, u32, u32), vehicle_s: u32, delay: Option<(u32, f64)>) -> ZoneBin {
    let (max_m, max_vehicles, last_vehicles) = queue;
    ZoneBin {
        zone: ZoneId::new("q").unwrap(),
        occupied_s: vehicle_s / 4,
        vehicle_s,
        length_m: Some(50.0),
        queue: Some(ZoneQueue { max_m, max_vehicles, last_m: f64::from(last_vehicles) * 7.0, last_vehicles }),
        delay: delay.map(|(n, sum_s)| ZoneDelay { n, sum_s }),
    }
}

#[tokio::test]
async fn zones_are_summed_and_empty_ones_filled_in() {
    let db = TestDb::new().await;
    let start = ts("2026-11-21T10:00:00Z");
    let with = |n: i64, zone: Option<ZoneBin>| ClosedBins {
        zones: zone.into_iter().collect(),
        ..watched("a", QUARTER, after(start, 15 * n), 1)
    };
    let bins = vec![
        with(0, Some(zone_bin((40.0, 6, 2), 900, Some((10, 150.0))))),
        with(1, Some(zone_bin((20.0, 3, 0), 450, None))),
        with(2, Some(zone_bin((15.0, 2, 1), 450, Some((5, 30.0))))),
        with(3, None),
    ];
    let mut spec = camera("a", &["n"]);
    spec.zones = vec![zone("q", ZoneKind::Queue), zone("w", ZoneKind::Watch), zone("c", ZoneKind::Crossing)];
    spec.calibration = Some(wayside_types::Calibration {
        image: Vec::new(),
        ground_m: Vec::new(),
        ground_origin: None,
        distortion: None,
    });
    let database = stored(&db, vec![spec], bins).await;
    let mut query = MeasurementQuery::new(start, after(start, 60), QUARTER, TimeZone::UTC);
    query.kind = MeasurementKind::Zones;
    query.group_by = GroupBy::new();
    let rows = all(&database, &query).await;
    let names: Vec<_> = rows.iter().map(|row| row.subject.clone()).collect();
    let subject = |id: &str| RowSubject::Zone { zone: ZoneId::new(id).unwrap() };
    assert_eq!(
        names,
        std::array::from_fn::<_, 8, _>(|n| subject(if n % 2 == 0 { "c" } else { "q" })),
        "a watched zone is not measured"
    );
    assert!(rows.iter().all(|row| row.count.is_none() && row.complete));
    let empty = rows[7].zone.unwrap();
    assert_eq!((empty.occupancy, empty.density_per_km, empty.delay_mean_s), (0.0, Some(0.0), None));
    assert_eq!(empty.queue, Some(ZoneQueue::default()));
    assert_eq!(rows[0].zone.unwrap().queue, None, "nobody queues on a crossing");

    query.bin = BinLength::Hour;
    query.zones = vec![ZoneId::new("q").unwrap()];
    let rows = all(&database, &query).await;
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    let hour = row.zone.unwrap();
    assert!((hour.vehicles_mean - 1_800.0 / 3_600.0).abs() < 1e-9);
    assert!((hour.density_per_km.unwrap() - 10.0).abs() < 1e-9, "half a vehicle in 50 m");
    assert!((hour.occupancy - 449.0 / 3_600.0).abs() < 1e-9, "{}", hour.occupancy);
    assert_eq!((hour.delay_n, hour.delay_mean_s), (Some(15), Some(12.0)));
    let queue = hour.queue.unwrap();
    assert_eq!(
        (queue.max_m, queue.max_vehicles, queue.last_vehicles),
        (40.0, 6, 0),
        "the last quarter was empty"
    );
    query.bin = BinLength::Minute5;
    assert!(matches!(measurements(&database, &query).await, Err(StoreError::TooFine { .. })));
    database.close().await;
}
