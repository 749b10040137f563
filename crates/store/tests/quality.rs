//! What counts say of themselves on its way through the database: exact sums of quarters of an hour, bands only where the
//! evidence is of the count, nothing lowered by a stale row.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails it the same way")]

mod support;

use std::time::Duration;

use support::{With, camera, psql, ts, watched};
use tempfile::TempDir;
use wayside_store::query::{GroupBy, GroupKey, MeasurementQuery, MeasurementRow, measurements};
use wayside_store::{Database, StoreError, Writer, WriterOptions, upkeep};
use wayside_testkit::{SimClock, TestDb};
use wayside_types::{
    Band, BinLength, ClosedBins, Direction, Doubts, Evidence, LineId, QualityBin, RoadUserClass, Sign,
    TimeZone,
};

const CAR: RoadUserClass = RoadUserClass::Car;
const TRUCK: RoadUserClass = RoadUserClass::Truck;

async fn submit(database: &Database, closed: Vec<ClosedBins>) {
    let clock = SimClock::at("2026-11-21T12:00:00Z");
    let spool = TempDir::new().unwrap();
    let options = WriterOptions::new(1, vec![camera("a", &["n"])]);
    let writer = Writer::start(database.clone(), spool.path(), clock.shared(), options).unwrap();
    writer.submit(closed).unwrap();
    tokio::time::timeout(Duration::from_secs(60), writer.clone().shutdown()).await.unwrap();
    let stats = writer.stats();
    assert_eq!((stats.spooled_rows, stats.rejected_rows), (0, 0), "{stats:?}");
}

fn noted(class: RoadUserClass, signs: &[(Sign, u64)]) -> QualityBin {
    let mut evidence = Evidence::default();
    signs.iter().for_each(|(sign, times)| evidence.add(*sign, *times));
    QualityBin { line: LineId::new("n").unwrap(), direction: Direction::Forward, class, evidence }
}

/// A quarter of an hour from that minute of the day on, in which so many were counted and noted.
fn quarter(minute: u32, epoch: i64, noted: Vec<QualityBin>) -> Vec<ClosedBins> {
    let start = ts(&format!("2026-11-21T{:02}:{:02}:00Z", minute / 60, minute % 60));
    let mut counted = watched("a", BinLength::Minute1, start, epoch);
    for row in &noted {
        let count = u32::try_from(row.evidence.of(Sign::Counted)).unwrap();
        if count > 0 {
            counted = counted.line("n", Direction::Forward, row.class, count);
        }
    }
    let mut closed = watched("a", BinLength::Minute15, start, epoch);
    closed.quality = noted;
    vec![counted, closed]
}

async fn rows(database: &Database, bin: BinLength, by: &[GroupKey]) -> Vec<MeasurementRow> {
    let (from, to) = (ts("2026-11-21T00:00:00Z"), ts("2026-11-22T00:00:00Z"));
    let mut query = MeasurementQuery::new(from, to, bin, TimeZone::UTC);
    query.classes = vec![CAR, RoadUserClass::Bus, TRUCK];
    query.group_by = by.iter().copied().collect::<GroupBy>();
    query.with_quality = true;
    let rows = measurements(database, &query).await.unwrap().items;
    rows.into_iter().filter(|row| row.count.is_some_and(|count| count > 0)).collect()
}

#[tokio::test]
async fn evidence_adds_up_over_quarters_epochs_and_classes() {
    let db = TestDb::new().await;
    let database = db.open(SimClock::at("2026-11-21T12:00:00Z").shared()).await;
    let cars = [(Sign::Counted, 20), (Sign::Weak, 3), (Sign::Short, 1), (Sign::Wavering, 2)];
    let trucks = [(Sign::Counted, 4), (Sign::Elsewhere, 2), (Sign::Merged, 1)];
    let mut closed = quarter(8 * 60, 1, vec![noted(CAR, &cars), noted(TRUCK, &trucks)]);
    closed.extend(quarter(8 * 60 + 15, 2, vec![noted(CAR, &cars)]));
    closed[1].doubts = Doubts { moved_s: 30.0, doubted_s: 90.0, dim_s: 0.0 };
    closed[3].doubts = Doubts { moved_s: 0.0, doubted_s: 30.5, dim_s: 10.0 };
    submit(&database, closed).await;

    let by = [GroupKey::Line, GroupKey::Direction];
    let hour = rows(&database, BinLength::Hour, &by).await;
    let mut sum = noted(CAR, &cars).evidence;
    sum.merge(&noted(CAR, &cars).evidence);
    sum.merge(&noted(TRUCK, &trucks).evidence);
    let quality = hour[0].quality.clone().unwrap();
    assert_eq!((hour.len(), hour[0].count, &quality.evidence), (1, Some(44), &sum));
    // The camera's seconds are the same for all classes, and count once.
    let doubts = Doubts { moved_s: 30.0, doubted_s: 120.5, dim_s: 10.0 };
    // Two minutes were observed, of which less than a tenth was dim.
    assert_eq!(hour[0].observed_s, 120.0);
    assert_eq!(quality.doubts, doubts);
    // All motor vehicles: none is taken for one of another class.
    let band = Band::of(44, &sum, hour[0].observed_s, true);
    assert_eq!(quality.band, doubts.widen(band, 44, hour[0].observed_s));
    assert!(quality.band.unwrap().width() > band.width());
    assert!(quality.band.unwrap().holds(44));

    let classes = rows(&database, BinLength::Minute15, &[GroupKey::Class]).await;
    assert_eq!(classes.len(), 3);
    let truck = classes.iter().find(|row| row.class == Some(TRUCK)).unwrap();
    let quality = truck.quality.clone().unwrap();
    assert_eq!(quality.evidence, noted(TRUCK, &trucks).evidence);
    let band = Band::of(4, &quality.evidence, truck.observed_s, false);
    assert_eq!(quality.band, quality.doubts.widen(band, 4, truck.observed_s));
    assert_eq!(quality.doubts.doubted_s, 90.0);

    // The packed day says the same, by the quarter and by the hour.
    upkeep::catch_up(&database, ts("2026-11-22T00:01:00Z")).await.unwrap();
    psql(db.url(), "DELETE FROM line_quality; UPDATE coverage SET moved_s = 0, doubted_s = 0, dim_s = 0");
    assert_eq!(rows(&database, BinLength::Hour, &by).await, hour);
    assert_eq!(rows(&database, BinLength::Minute15, &[GroupKey::Class]).await, classes);
    database.close().await;
}

#[tokio::test]
async fn a_count_without_its_evidence_has_no_band_and_a_stale_row_lowers_nothing() {
    let db = TestDb::new().await;
    let database = db.open(SimClock::at("2026-11-21T12:00:00Z").shared()).await;
    let whole = quarter(8 * 60, 1, vec![noted(CAR, &[(Sign::Counted, 10), (Sign::Crowded, 2)])]);
    let mut stale = whole[1].clone();
    stale.quality = vec![noted(CAR, &[(Sign::Counted, 6)])];
    let mut old = quarter(9 * 60, 1, vec![noted(CAR, &[(Sign::Counted, 10)])]);
    old[1].quality.clear();
    submit(&database, whole).await;
    submit(&database, vec![stale]).await;
    submit(&database, old).await;
    let rows = rows(&database, BinLength::Minute15, &[GroupKey::Class]).await;
    let told: Vec<(Option<u64>, bool)> =
        rows.iter().map(|row| (row.count, row.quality.as_ref().unwrap().band.is_some())).collect();
    assert_eq!(told, [(Some(10), true), (Some(10), false)]);
    let kept = psql(db.url(), "SELECT counted, crowded, length_s FROM line_quality");
    assert_eq!(kept, ["10|2|900"]);
    database.close().await;
}

#[tokio::test]
async fn nothing_finer_than_a_quarter_of_an_hour_is_taken() {
    let db = TestDb::new().await;
    let database = db.open(SimClock::at("2026-11-21T12:00:00Z").shared()).await;
    let clock = SimClock::at("2026-11-21T12:00:00Z");
    let spool = TempDir::new().unwrap();
    let writer =
        Writer::start(database.clone(), spool.path(), clock.shared(), WriterOptions::new(1, Vec::new()))
            .unwrap();
    let mut minute = watched("a", BinLength::Minute1, ts("2026-11-21T08:00:00Z"), 1);
    minute.quality = vec![noted(CAR, &[(Sign::Counted, 1)])];
    let refused = writer.submit(vec![minute]).unwrap_err();
    assert!(matches!(refused, StoreError::TooFine { shortest: BinLength::Minute15, .. }), "{refused}");
    tokio::time::timeout(Duration::from_secs(60), writer.shutdown()).await.unwrap();
    database.close().await;
}

/// A day's band comes from its packed day, as wide as what that day was in question wants it, also where quarters are gone or
/// the site's day is another than that of UTC; a day that was packed before doubts were takes them from its quarters.
#[tokio::test]
async fn a_packed_day_keeps_how_long_its_camera_was_in_question() {
    let db = TestDb::new().await;
    let database = db.open(SimClock::at("2026-11-23T12:00:00Z").shared()).await;
    let mut closed = Vec::new();
    for (minute, doubted_s) in [(8 * 60, 90.0), (9 * 60 + 30, 0.0), (23 * 60 + 45, 30.0)] {
        let mut quarter = quarter(minute, 1, vec![noted(CAR, &[(Sign::Counted, 40)])]);
        quarter[1].doubts = Doubts { moved_s: 5.0, doubted_s, dim_s: 1.0 };
        closed.extend(quarter);
    }
    submit(&database, closed).await;
    let day = async |zone: &str| {
        let (from, to) = (ts("2026-11-20T00:00:00Z"), ts("2026-11-23T00:00:00Z"));
        let mut query = MeasurementQuery::new(from, to, BinLength::Day, TimeZone::get(zone).unwrap());
        query.classes = vec![CAR];
        query.group_by = [GroupKey::Line].into_iter().collect::<GroupBy>();
        query.with_quality = true;
        let rows = measurements(&database, &query).await.unwrap().items;
        rows.into_iter().filter(|row| row.count.is_some_and(|count| count > 0)).collect::<Vec<_>>()
    };
    let zones = ["UTC", "Asia/Tokyo", "America/Lima"];
    let doubts = |rows: &[MeasurementRow]| -> Vec<Doubts> {
        rows.iter().map(|row| row.quality.as_ref().unwrap().doubts).collect()
    };
    let mut unpacked = Vec::new();
    for zone in zones {
        unpacked.push(day(zone).await);
    }
    let whole = Doubts { moved_s: 15.0, doubted_s: 120.0, dim_s: 3.0 };
    assert_eq!(doubts(&unpacked[0]), [whole]);
    let first = Doubts { moved_s: 10.0, doubted_s: 90.0, dim_s: 2.0 };
    let last = Doubts { moved_s: 5.0, doubted_s: 30.0, dim_s: 1.0 };
    assert_eq!(doubts(&unpacked[1]), [first, last]);
    assert!(unpacked[0][0].quality.as_ref().unwrap().band.unwrap().width() > 0);

    let pack = async || {
        upkeep::catch_up(&database, ts("2026-11-22T00:01:00Z")).await.unwrap();
        assert_eq!(psql(db.url(), "SELECT count(*) FROM rollup_due"), ["0"]);
    };
    pack().await;
    let same = async |what: &str| {
        for (zone, unpacked) in zones.iter().zip(&unpacked) {
            assert_eq!(&day(zone).await, unpacked, "{what}, {zone}");
        }
    };
    same("packed, and quarters kept").await;
    // Packed by an older program: the first byte is 1, and the doubts at the end are not there.
    let packed = psql(db.url(), "SELECT encode(signs, 'hex') FROM camera_day WHERE length_s = 3600");
    psql(
        db.url(),
        "CREATE TABLE newer AS SELECT * FROM camera_day;
         UPDATE camera_day SET signs = '\\x01'::bytea || substr(signs, 2, length(signs) - 1 - (1 + 3 * 25))",
    );
    assert!(packed[0].starts_with("02"), "{packed:?}");
    same("packed without doubts").await;
    // Nothing is left of the quarters.
    psql(
        db.url(),
        "DELETE FROM camera_day; INSERT INTO camera_day SELECT * FROM newer; DROP TABLE newer;
         DELETE FROM line_quality; DELETE FROM coverage WHERE length_s = 900",
    );
    assert_eq!(day("UTC").await, unpacked[0], "quarters are gone");
    database.close().await;
}
