//! What was submitted comes out of a query: summed exactly, zero-filled where watched, absent where not,
//! in pages that join without seams.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails it the same way")]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use support::{With, camera, partly, psql, ts, watched};
use tempfile::TempDir;
use wayside_store::query::{
    Cursor, GroupBy, GroupKey, MeasurementKind, MeasurementQuery, MeasurementRow, RowSubject, SmallCells,
    cameras, measurements,
};
use wayside_store::{Database, StoreError, Writer, WriterOptions, upkeep};
use wayside_testkit::{SimClock, TestDb};
use wayside_types::{
    BinLength, CameraId, CameraSpec, ClosedBins, Direction, Grade, LineId, RoadUserClass, TimeZone, Timestamp,
};

const FORWARD: Direction = Direction::Forward;
const CAR: RoadUserClass = RoadUserClass::Car;

/// A database with these cameras and whatever was submitted.
async fn stored(db: &TestDb, specs: Vec<CameraSpec>, closed: Vec<ClosedBins>) -> Database {
    let clock = SimClock::at("2026-11-21T12:00:00Z");
    let database = db.open(clock.shared()).await;
    let spool = TempDir::new().unwrap();
    let options = WriterOptions::new(1, specs);
    let writer = Writer::start(database.clone(), spool.path(), clock.shared(), options).unwrap();
    writer.submit(closed).unwrap();
    tokio::time::timeout(Duration::from_secs(60), writer.clone().shutdown()).await.unwrap();
    assert_eq!(writer.stats().spooled_rows, 0, "{:?}", writer.stats());
    // What is over is read from sums; tests/sums.rs shows that answers are the same without them.
    upkeep::catch_up(&database, ts("2026-11-21T12:00:00Z")).await.unwrap();
    database
}

fn two_cameras() -> Vec<CameraSpec> {
    vec![camera("a", &["n", "s"]), camera("b", &["x"])]
}

fn query(from: &str, to: &str, bin: BinLength) -> MeasurementQuery {
    MeasurementQuery::new(ts(from), ts(to), bin, TimeZone::UTC)
}

fn total(rows: &[MeasurementRow]) -> u64 {
    rows.iter().filter_map(|row| row.count).sum()
}

#[tokio::test]
async fn minutes_come_back_with_their_zeros() {
    let db = TestDb::new().await;
    let (start, later) = (ts("2026-11-21T10:00:00Z"), ts("2026-11-21T10:02:00Z"));
    let bins = vec![
        watched("a", BinLength::Minute1, start, 1).line("n", FORWARD, CAR, 7),
        watched("a", BinLength::Minute1, later, 1),
    ];
    let database = stored(&db, two_cameras(), bins).await;
    let query = query("2026-11-21T10:00:00Z", "2026-11-21T10:05:00Z", BinLength::Minute1);
    let page = measurements(&database, &query).await.unwrap();
    // Two watched minutes × two lines × two directions × three motor classes; nothing at 10:01, nothing of b.
    assert_eq!(page.items.len(), 2 * 2 * 2 * 3);
    assert!(page.next.is_none());
    assert_eq!(total(&page.items), 7);
    assert!(page.items.iter().all(|row| row.start == start || row.start == later));
    let counted = page.items.iter().find(|row| row.count == Some(7)).unwrap();
    assert_eq!(counted.start, start);
    assert!(counted.complete && counted.grade == Grade::Good);
    let line = Some(LineId::new("n").unwrap());
    assert_eq!(counted.subject, RowSubject::Line { line, direction: Some(FORWARD) });
    database.close().await;
}

#[tokio::test]
async fn runs_of_one_bin_are_summed() {
    let db = TestDb::new().await;
    let start = ts("2026-11-21T10:00:00Z");
    let bins = vec![
        partly("a", BinLength::Minute1, start, 1, 20.0).line("n", FORWARD, CAR, 5),
        partly("a", BinLength::Minute1, start, 2, 39.5).line("n", FORWARD, CAR, 15),
        partly("a", BinLength::Minute1, ts("2026-11-21T10:01:00Z"), 2, 30.0).line("n", FORWARD, CAR, 2),
    ];
    let database = stored(&db, two_cameras(), bins).await;
    let mut query = query("2026-11-21T10:00:00Z", "2026-11-21T10:02:00Z", BinLength::Minute1);
    query.lines = vec![LineId::new("n").unwrap()];
    query.group_by = GroupBy::from([GroupKey::Line]);
    let rows = measurements(&database, &query).await.unwrap().items;
    assert_eq!(rows.len(), 2);
    assert_eq!((rows[0].count, rows[0].complete), (Some(20), true));
    assert!((rows[0].observed_s - 59.5).abs() < 1e-9);
    // Half watched: counted, and said to be half.
    assert_eq!((rows[1].count, rows[1].complete, rows[1].grade), (Some(2), false, Grade::Poor));
    assert!(rows[1].flow.is_none(), "speeds are told of quarters of an hour and longer");
    // Five minutes of which two were watched.
    query.bin = BinLength::Minute5;
    let rows = measurements(&database, &query).await.unwrap().items;
    assert_eq!((rows.len(), rows[0].count, rows[0].complete), (1, Some(22), false));
    assert!((rows[0].observed_s - 89.5).abs() < 1e-9);
    database.close().await;
}

/// While a quarter of an hour runs, a run of the program that ended in it has left part of the quarter, and minutes go on.
#[tokio::test]
async fn a_flow_is_by_what_was_observed_of_each_part() {
    let db = TestDb::new().await;
    let (start, next) = (ts("2026-11-21T10:00:00Z"), ts("2026-11-21T10:01:00Z"));
    let minute = |at, epoch| watched("a", BinLength::Minute1, at, epoch).line("n", FORWARD, CAR, 30);
    let on_foot = RoadUserClass::Pedestrian;
    let left = partly("a", BinLength::Minute15, start, 1, 40.0).line("n", FORWARD, on_foot, 1);
    let closed = vec![minute(start, 1), left, minute(next, 2)];
    let database = stored(&db, vec![camera("a", &["n"])], closed).await;
    let mut asked = query("2026-11-21T10:00:00Z", "2026-11-21T10:15:00Z", BinLength::Minute15);
    asked.group_by = GroupBy::from([GroupKey::Line, GroupKey::Direction]);
    let rows = measurements(&database, &asked).await.unwrap().items;
    let forward = rows.iter().find(|row| row.count == Some(61)).unwrap();
    // 60 in two minutes and 1 in 40 s.
    assert_eq!((forward.flow_per_h, forward.pcu_per_h), (Some(1_890.0), None));
    assert!((forward.observed_s - 40.0).abs() < 1e-9 && !forward.complete);
    database.close().await;
}

/// Two days and more around a change of the clock, with counts that are easy to tell apart, and holes.
fn a_weekend(camera: &str, from: Timestamp, hours: i64) -> Vec<ClosedBins> {
    let mut bins = Vec::new();
    for n in 0..hours * 60 {
        let start = Timestamp::from_second(from.as_second() + n * 60).unwrap();
        if n % 97 == 13 || (500..800).contains(&n) {
            continue;
        }
        let mut minute = watched(camera, BinLength::Minute1, start, n / 1_000);
        if n % 3 != 0 {
            minute = minute.line("n", FORWARD, CAR, u32::try_from(n % 11 + 1).unwrap());
        }
        if n % 7 == 0 {
            minute = minute.line("s", Direction::Backward, RoadUserClass::Truck, 1);
        }
        bins.push(minute);
        if n % 15 == 0 {
            let people = u32::try_from(n / 15 % 5).unwrap();
            let mut quarter = watched(camera, BinLength::Minute15, start, n / 1_000);
            if people > 0 {
                quarter = quarter.line("n", FORWARD, RoadUserClass::Pedestrian, people);
            }
            bins.push(quarter);
        }
    }
    bins
}

/// The sums by hand: bin, line, direction and class to count.
fn by_hand(bins: &[ClosedBins], length: BinLength, zone: &TimeZone) -> BTreeMap<(Timestamp, String), u64> {
    let mut sums = BTreeMap::new();
    for bin in bins.iter().flat_map(|closed| &closed.bins) {
        if bin.key.class.shortest_bin() <= length {
            let start = length.bounds(bin.key.start, zone).0;
            *sums.entry((start, format!("{:?} {}", bin.key.subject, bin.key.class))).or_default() +=
                u64::from(bin.count);
        }
    }
    sums
}

#[tokio::test]
async fn longer_bins_are_exact_sums_of_shorter_ones() {
    let db = TestDb::new().await;
    // The night in which Berlin's day has 25 hours.
    let bins = a_weekend("a", ts("2026-10-24T20:00:00Z"), 60);
    let database = stored(&db, two_cameras(), bins.clone()).await;
    for (zone, lengths) in [("Europe/Berlin", BinLength::ALL), ("Asia/Kathmandu", &BinLength::ALL[2..])] {
        let zone = TimeZone::get(zone).unwrap();
        for length in lengths {
            let mut query = MeasurementQuery::new(
                ts("2026-10-23T00:00:00Z"),
                ts("2026-10-28T00:00:00Z"),
                *length,
                zone.clone(),
            );
            query.limit = 10_000;
            let mut rows = Vec::new();
            loop {
                let page = measurements(&database, &query).await.unwrap();
                rows.extend(page.items);
                query.cursor = page.next;
                if query.cursor.is_none() {
                    break;
                }
            }
            let mut found = BTreeMap::new();
            for row in rows.iter().filter(|row| row.count != Some(0)) {
                let RowSubject::Line { line: Some(line), direction: Some(direction) } = &row.subject else {
                    panic!("a row without line and direction: {row:?}")
                };
                let subject = wayside_types::BinSubject::Line(line.clone(), *direction);
                let key = (row.start, format!("{subject:?} {}", row.class.unwrap()));
                assert!(found.insert(key, row.count.unwrap()).is_none(), "{row:?} is there twice");
                assert_eq!((row.start, row.end), length.bounds(row.start, &zone));
            }
            assert_eq!(found, by_hand(&bins, *length, &zone), "{length}");
            // Every group of a bin that was watched has a row, and no bin has half of its rows.
            let mut groups: BTreeMap<Timestamp, usize> = BTreeMap::new();
            for row in &rows {
                *groups.entry(row.start).or_default() += 1;
            }
            let full = if *length < BinLength::Minute15 { 2 * 2 * 3 } else { 2 * 2 * 6 };
            assert!(
                groups.values().all(|n| *n == full || (*length >= BinLength::Minute15 && n % 12 == 0)),
                "{length}"
            );
        }
    }
    database.close().await;
}

#[tokio::test]
async fn pages_join_without_seams() {
    let db = TestDb::new().await;
    let from = ts("2026-10-24T20:00:00Z");
    let mut bins = a_weekend("a", from, 30);
    bins.extend(a_weekend("c", from, 30));
    let specs = vec![camera("a", &["n", "s"]), camera("b", &["x"]), camera("c", &["n", "s"])];
    let database = stored(&db, specs, bins).await;
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    for (length, limits) in
        [(BinLength::Hour, [7, 1_000]), (BinLength::Minute15, [97, 4_000]), (BinLength::Day, [1, 48])]
    {
        let mut whole = MeasurementQuery::new(
            ts("2026-10-20T00:00:00Z"),
            ts("2026-11-01T00:00:00Z"),
            length,
            zone.clone(),
        );
        whole.limit = 10_000;
        let all = measurements(&database, &whole).await.unwrap();
        assert!(all.next.is_none());
        assert!(all.items.is_sorted_by_key(|row| (row.camera.clone(), row.start)));
        for limit in limits {
            let mut query = MeasurementQuery { limit, ..whole.clone() };
            let mut joined = Vec::new();
            loop {
                let page = measurements(&database, &query).await.unwrap();
                assert!(page.items.len() <= limit as usize);
                joined.extend(page.items);
                let Some(next) = page.next else { break };
                // As a client does: through text.
                query.cursor = Some(next.to_string().parse::<Cursor>().unwrap());
            }
            assert_eq!(joined, all.items, "{length} by {limit}");
        }
    }
    database.close().await;
}

#[tokio::test]
async fn zeros_follow_the_lines_that_were_drawn_then() {
    let db = TestDb::new().await;
    let mut closed = vec![watched("a", BinLength::Minute1, ts("2026-11-21T10:00:00Z"), 1)];
    let mut after = watched("a", BinLength::Minute1, ts("2026-11-21T10:01:00Z"), 2);
    after.coverage.config_version = "v2".to_owned();
    closed.push(after);
    let redrawn = CameraSpec { config_version: "v2".to_owned(), ..camera("a", &["n", "w"]) };
    let database = stored(&db, vec![camera("a", &["n"])], closed).await;
    database.upsert_cameras(&[redrawn]).await.unwrap();
    let mut query = query("2026-11-21T10:00:00Z", "2026-11-21T11:00:00Z", BinLength::Minute1);
    query.group_by = GroupBy::from([GroupKey::Line]);
    let rows = measurements(&database, &query).await.unwrap().items;
    let shown: Vec<String> = rows
        .iter()
        .map(|row| match &row.subject {
            RowSubject::Line { line: Some(line), direction: None } => format!("{} {line}", row.start),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(shown, ["2026-11-21T10:00:00Z n", "2026-11-21T10:01:00Z n", "2026-11-21T10:01:00Z w"]);
    let page = cameras(&database, None, 10).await.unwrap();
    assert_eq!(page.items[0].lines, [LineId::new("n").unwrap(), LineId::new("w").unwrap()]);
    database.close().await;
}

#[tokio::test]
async fn small_movements_are_hidden() {
    let db = TestDb::new().await;
    let quarter = |n: i64| Timestamp::from_second(ts("2026-11-21T10:00:00Z").as_second() + n * 900).unwrap();
    let bins = (0..4)
        .map(|n| {
            let count = u32::try_from(n + 1).unwrap();
            watched("a", BinLength::Minute15, quarter(n), 1).movement("n", "s", CAR, count)
        })
        .collect();
    let database = stored(&db, two_cameras(), bins).await;
    let mut query = query("2026-11-21T10:00:00Z", "2026-11-21T11:00:00Z", BinLength::Minute15);
    query.kind = MeasurementKind::Movements;
    query.group_by = GroupBy::from([GroupKey::From, GroupKey::To]);
    query.cameras = vec![CameraId::new("a").unwrap()];
    let counts = |rows: &[MeasurementRow]| -> Vec<(Option<u64>, bool)> {
        let there = RowSubject::Movement {
            from: Some(LineId::new("n").unwrap()),
            to: Some(LineId::new("s").unwrap()),
        };
        rows.iter().filter(|row| row.subject == there).map(|row| (row.count, row.suppressed)).collect()
    };
    let rows = measurements(&database, &query).await.unwrap().items;
    assert_eq!(counts(&rows), [(None, true), (None, true), (Some(3), false), (Some(4), false)]);
    // The way back was watched too; its zeros say no more than any other small number.
    assert_eq!(rows.len(), 8);
    assert!(
        rows.iter()
            .all(|row| row.count.is_some_and(|count| count >= 3) || (row.count.is_none() && row.suppressed))
    );
    query.small_cells = SmallCells::Show;
    let rows = measurements(&database, &query).await.unwrap().items;
    assert_eq!(counts(&rows), [(Some(1), false), (Some(2), false), (Some(3), false), (Some(4), false)]);
    // An hour is the sum of what may be shown: 10 would give away the two quarters that are hidden.
    query.bin = BinLength::Hour;
    let rows = measurements(&database, &query).await.unwrap().items;
    assert_eq!(counts(&rows), [(Some(10), false)]);
    query.small_cells = SmallCells::Suppress;
    let rows = measurements(&database, &query).await.unwrap().items;
    assert_eq!(counts(&rows), [(Some(7), false)]);
    assert!(rows[0].complete);
    database.close().await;
}

/// Two cameras that differ in nothing but their small cells, and every question that may be asked of them: the
/// same answers, so that no adding and subtracting of answers can tell the two apart.
#[tokio::test]
async fn no_sum_tells_what_a_small_cell_holds() {
    let db = TestDb::new().await;
    let lines = ["n", "s", "w"];
    let quarter = |n: i64| Timestamp::from_second(ts("2026-11-21T10:00:00Z").as_second() + n * 900).unwrap();
    let of_camera = |camera: &'static str, small: [u32; 3]| {
        (0..4).map(move |n| {
            let bin = watched(camera, BinLength::Minute15, quarter(n), 1);
            let bin = bin.movement("n", "s", CAR, 3).movement("n", "w", CAR, 5 + u32::try_from(n).unwrap());
            let bin = if small[0] > 0 { bin.movement("s", "n", CAR, small[0]) } else { bin };
            let bin = if small[1] > 0 { bin.movement("n", "s", RoadUserClass::Bus, small[1]) } else { bin };
            if n == 2 { bin.movement("w", "s", RoadUserClass::Bicycle, small[2]) } else { bin }
        })
    };
    let bins = of_camera("a", [2, 1, 2]).chain(of_camera("b", [0, 2, 1])).collect();
    let specs = vec![camera("a", &lines), camera("b", &lines)];
    let database = stored(&db, specs, bins).await;
    let mut query = query("2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z", BinLength::Minute15);
    query.kind = MeasurementKind::Movements;
    let (mut asked, mut sum) = (0, 0);
    for keys in subsets(&[GroupKey::From, GroupKey::To, GroupKey::Class]) {
        for wanted in [vec![], vec!["n"], vec!["s", "w"]] {
            for classes in subsets(&[CAR, RoadUserClass::Bus, RoadUserClass::Bicycle]) {
                for bin in [BinLength::Minute15, BinLength::Hour, BinLength::Day] {
                    query.bin = bin;
                    query.group_by = keys.iter().copied().collect();
                    query.lines = wanted.iter().map(|id| LineId::new(id).unwrap()).collect();
                    query.classes.clone_from(&classes);
                    let rows = measurements(&database, &query).await.unwrap().items;
                    let (a, b): (Vec<_>, Vec<_>) =
                        rows.into_iter().partition(|row| row.camera.as_str() == "a");
                    let plain = |rows: Vec<MeasurementRow>| -> Vec<_> {
                        let key = |row: MeasurementRow| {
                            (row.start, row.subject, row.class, row.count, row.suppressed, row.flow)
                        };
                        rows.into_iter().map(key).collect()
                    };
                    sum += total(&a);
                    let (a, b) = (plain(a), plain(b));
                    assert!(!a.is_empty());
                    assert_eq!(a, b, "{keys:?} {wanted:?} {classes:?} {bin}");
                    asked += 1;
                }
            }
        }
    }
    assert!(asked == 8 * 3 * 8 * 3 && sum > 5_000, "{asked} questions, {sum} counted");
    database.close().await;
}

fn subsets<T: Copy>(of: &[T]) -> Vec<Vec<T>> {
    let chosen = |bits: usize| (0..of.len()).filter(|n| bits >> n & 1 == 1).map(|n| of[n]).collect();
    (0..1 << of.len()).map(chosen).collect()
}

#[tokio::test]
async fn questions_that_break_a_rule_name_it() {
    let db = TestDb::new().await;
    let database = stored(&db, two_cameras(), Vec::new()).await;
    let good = query("2026-11-21T10:00:00Z", "2026-11-21T11:00:00Z", BinLength::Minute1);
    type Change = fn(&mut MeasurementQuery);
    let cases: [(&str, Change); 7] = [
        ("pedestrians are stored and shown in bins of 15m or longer", |q| {
            q.classes = vec![CAR, RoadUserClass::Pedestrian]
        }),
        ("motorcycles are stored and shown in bins of 15m or longer", |q| {
            q.bin = BinLength::Minute5;
            q.classes = vec![RoadUserClass::Motorcycle];
        }),
        ("movements are stored and shown in bins of 15m or longer", |q| {
            q.kind = MeasurementKind::Movements;
            q.group_by = GroupBy::from([GroupKey::From]);
        }),
        ("limit can't be used: 0 is not within 1 to 10000", |q| q.limit = 0),
        ("to can't be used", |q| q.to = q.from),
        ("more than 1600000", |q| q.from = ts("2020-01-01T00:00:00Z")),
        ("group can't be used: line counts group by line, direction and class", |q| {
            q.group_by = GroupBy::from([GroupKey::From]);
        }),
    ];
    for (message, change) in cases {
        let mut query = good.clone();
        change(&mut query);
        let error = measurements(&database, &query).await.unwrap_err();
        assert!(matches!(error, StoreError::TooFine { .. } | StoreError::BadQuery { .. }));
        assert!(error.to_string().contains(message), "{error}");
    }
    assert!(measurements(&database, &good).await.unwrap().items.is_empty());
    database.close().await;
}

#[tokio::test]
async fn cameras_come_in_pages() {
    let db = TestDb::new().await;
    let specs: Vec<CameraSpec> = (0..7).map(|n| camera(&format!("cam-{n}"), &["n"])).collect();
    let database = stored(&db, specs.clone(), Vec::new()).await;
    // A repeated write changes nothing but what changed.
    let renamed = CameraSpec { name: "New name".to_owned(), location: None, ..camera("cam-3", &["n"]) };
    database.upsert_cameras(&[renamed]).await.unwrap();
    let (mut cursor, mut found) = (None, Vec::new());
    loop {
        let page = cameras(&database, cursor.as_ref(), 3).await.unwrap();
        found.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(
        found.iter().map(|row| row.id.clone()).collect::<Vec<_>>(),
        specs.iter().map(|spec| spec.id.clone()).collect::<Vec<_>>()
    );
    assert_eq!((found[3].name.as_str(), found[3].location), ("New name", None));
    assert_eq!(found[0].location, specs[0].location);
    // No source, with or without its password, is anywhere in the table.
    assert!(psql(db.url(), "SELECT * FROM camera").iter().all(|row| !row.contains("nowhere.mp4")));
    assert!(cameras(&database, None, 0).await.is_err());
    database.close().await;
}
