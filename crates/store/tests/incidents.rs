//! Incidents from the writer to the list: written whole, however often and in whatever order; found by every filter,
//! page by page; and closed by the next run when nobody saw their end.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails it the same way")]

mod support;

use std::path::Path;
use std::time::Duration;

use support::{camera, psql, ts, within};
use tempfile::TempDir;
use wayside_store::query::{IncidentQuery, incident, incidents, still, stills};
use wayside_store::{
    Checkpoint, Database, DatabaseOptions, OpenState, SecretUrl, StoreError, Writer, WriterOptions, upkeep,
};
use wayside_testkit::{SimClock, TestDb};
use wayside_types::{
    CameraId, Incident, IncidentId, IncidentKind, IncidentRecord, IncidentState, IncidentStill, LonLat,
    Place, Point, Reason, Retention, Severity, StillKind, Timestamp, ZoneId,
};

const PATIENCE: Duration = Duration::from_secs(30);

fn clock() -> SimClock {
    SimClock::at("2026-11-21T12:00:00Z")
}

fn at(s: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + s).unwrap()
}

/// The `number`-th incident of a camera, detected `number` minutes after the first.
fn record(camera: &str, epoch: i64, number: u32) -> IncidentRecord {
    let id = IncidentId { camera: CameraId::new(camera).unwrap(), epoch, number };
    let detected = at(i64::from(number) * 60);
    let incident = Incident {
        kind: IncidentKind::StoppedVehicle,
        zone: Some(ZoneId::new("lane-1").unwrap()),
        place: Some(Place { image: Point::new(0.25, 0.75), ground_m: Some(Point::new(1.5, -20.0)) }),
        severity: Severity::Moderate,
        confidence: 0.9,
        onset: at(i64::from(number) * 60 - 5),
        detected,
        ended: None,
        why: vec![
            Reason::new("stood_s", 5.1, "hold_s", 5.0),
            Reason::new("travel_boxes", 3.0, "min_travel_boxes", 1.0),
        ],
    };
    let map = Some(LonLat { lon: 126.63, lat: 45.6 });
    IncidentRecord { map, ..IncidentRecord::began(id, incident, detected, None) }
}

fn ended(record: &IncidentRecord, after_s: i64) -> IncidentRecord {
    let mut record = record.clone();
    record.revision += 1;
    record.last_seen = record.incident.detected + jiff::SignedDuration::from_secs(after_s);
    (record.state, record.incident.ended) = (IncidentState::Ended, Some(record.last_seen));
    record
}

fn start(database: &Database, spool: &Path, epoch: i64) -> Writer {
    let options = WriterOptions::new(epoch, vec![camera("a", &["n"]), camera("b", &["n"])]);
    Writer::start(database.clone(), spool, clock().shared(), options).unwrap()
}

fn is_written(writer: &Writer) -> bool {
    let stats = writer.stats();
    stats.spooled_rows == 0 && stats.memory_rows == 0
}

async fn all(database: &Database) -> Vec<IncidentRecord> {
    incidents(database, &IncidentQuery::newest(1_000)).await.unwrap().items
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_record_stays_however_they_come() {
    let db = TestDb::new().await;
    let database = db.open(clock().shared()).await;
    let spool = TempDir::new().unwrap();
    let writer = start(&database, spool.path(), 1);
    let (first, second) = (record("a", 1, 1), record("b", 1, 2));
    let mut worse = first.clone();
    (worse.revision, worse.incident.severity) = (2, Severity::Severe);
    worse.incident.why.truncate(1);
    let over = ended(&worse, 30);
    writer.submit_incidents(vec![first.clone(), second.clone()]).unwrap();
    assert!(within(PATIENCE, || is_written(&writer)), "{:?}", writer.stats());
    assert_eq!(all(&database).await, [second.clone(), first.clone()]);
    // In one batch, late, and again.
    for records in [vec![over.clone(), first.clone()], vec![worse, first.clone()], vec![over.clone()]] {
        writer.submit_incidents(records).unwrap();
        assert!(within(PATIENCE, || is_written(&writer)), "{:?}", writer.stats());
        assert_eq!(all(&database).await, [second.clone(), over.clone()]);
    }
    assert_eq!(incident(&database, &over.id).await.unwrap(), Some(over.clone()));
    assert_eq!(incident(&database, &record("a", 2, 1).id).await.unwrap(), None);
    assert_eq!(psql(db.url(), "SELECT count(*) FROM incident_reason"), ["3"]);
    writer.shutdown().await;
    database.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_must_not_be_stored_is_refused_and_the_rest_is_kept() {
    let db = TestDb::new().await;
    let database = db.open(clock().shared()).await;
    let spool = TempDir::new().unwrap();
    let writer = start(&database, spool.path(), 1);
    let good = record("a", 1, 1);
    let mut bad = vec![record("a", 1, 2); 4];
    bad[0].incident.confidence = 1.5;
    bad[1].state = IncidentState::Ended;
    bad[2].incident.why[0].value = f64::NAN;
    bad[3].incident.why = vec![Reason::new("x", 1.0, "y", 2.0); 17];
    for bad in bad {
        let error = writer.submit_incidents(vec![good.clone(), bad]).unwrap_err();
        assert!(matches!(&error, StoreError::BadIncident { id, .. } if id == "a.1.2"), "{error}");
    }
    // What only the database minds is put aside.
    let mut poison = record("a", 1, 3);
    poison.incident.why[0].what = "a\0b".to_owned();
    writer.submit_incidents(vec![poison, record("a", 1, 4)]).unwrap();
    assert!(within(PATIENCE, || is_written(&writer)), "{:?}", writer.stats());
    assert_eq!(all(&database).await, [record("a", 1, 4), good]);
    let aside = std::fs::read_to_string(spool.path().join("rejected.jsonl")).unwrap();
    assert!(aside.lines().count() == 1 && aside.contains("a.1.3"), "{aside}");
    writer.shutdown().await;
    database.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_filtered_and_paged() {
    let db = TestDb::new().await;
    let database = db.open(clock().shared()).await;
    let spool = TempDir::new().unwrap();
    let writer = start(&database, spool.path(), 1);
    let mut told: Vec<IncidentRecord> =
        (1..=6).map(|n| record(["a", "b"][n % 2], 1, u32::try_from(n).unwrap())).collect();
    told[1].incident.kind = IncidentKind::CameraDark;
    (told[1].incident.zone, told[1].incident.place, told[1].map) = (None, None, None);
    told[2].incident.severity = Severity::Extreme;
    told[3] = ended(&told[3], 30);
    told[4] = told[4].clone().unwatched();
    // Two at the same moment: the id decides.
    told[5].incident.detected = told[4].incident.detected;
    writer.submit_incidents(told.clone()).unwrap();
    assert!(within(PATIENCE, || is_written(&writer)), "{:?}", writer.stats());

    let newest = IncidentQuery::newest(100);
    let zone = ZoneId::new("lane-1").unwrap();
    for (query, want) in [
        (newest.clone(), vec![5, 6, 4, 3, 2, 1]),
        (IncidentQuery { cameras: vec![CameraId::new("a").unwrap()], ..newest.clone() }, vec![6, 4, 2]),
        (IncidentQuery { kinds: vec![IncidentKind::CameraDark], ..newest.clone() }, vec![2]),
        (IncidentQuery { states: vec![IncidentState::Open], ..newest.clone() }, vec![6, 3, 2, 1]),
        (
            IncidentQuery { states: vec![IncidentState::Ended, IncidentState::Unknown], ..newest.clone() },
            vec![5, 4],
        ),
        (IncidentQuery { zones: vec![zone], ..newest.clone() }, vec![5, 6, 4, 3, 1]),
        (IncidentQuery { severity: Severity::Severe, ..newest.clone() }, vec![3]),
        (IncidentQuery { from: Some(at(180)), to: Some(at(300)), ..newest.clone() }, vec![4, 3]),
    ] {
        let found = incidents(&database, &query).await.unwrap();
        let numbers: Vec<u32> = found.items.iter().map(|record| record.id.number).collect();
        assert_eq!((numbers, found.next), (want, None), "{query:?}");
        for record in &found.items {
            assert!(told.contains(record), "{record:?}");
        }
    }
    let mut query = IncidentQuery { limit: 2, ..newest };
    let mut numbers = Vec::new();
    loop {
        let page = incidents(&database, &query).await.unwrap();
        assert!(page.items.len() <= 2);
        numbers.extend(page.items.iter().map(|record| record.id.number));
        let Some(next) = page.next else { break };
        query.cursor = Some(next.to_string().parse().unwrap());
    }
    assert_eq!(numbers, [5, 6, 4, 3, 2, 1]);
    for (field, query) in [
        ("limit", IncidentQuery::newest(0)),
        ("limit", IncidentQuery::newest(1_001)),
        ("to", IncidentQuery { from: Some(at(5)), to: Some(at(5)), ..IncidentQuery::newest(1) }),
    ] {
        let error = incidents(&database, &query).await.unwrap_err();
        assert!(matches!(&error, StoreError::BadQuery { field: f, .. } if *f == field), "{error}");
    }
    writer.shutdown().await;
    database.close().await;
}

/// Killed with three incidents open: of one the checkpoint knows when it was last seen, one was detected after it, one
/// ended after it. The next run's own incident stays as it is.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_run_left_open_is_closed_by_the_next() {
    let nowhere = DatabaseOptions::Url(SecretUrl::new("postgres://127.0.0.1:1/x").unwrap());
    let away = Database::connect_lazy(&nowhere, clock().shared()).await.unwrap();
    let dir = TempDir::new().unwrap();
    let (spool, checkpoint) = (dir.path().join("spool"), dir.path().join("checkpoint"));
    let told: Vec<IncidentRecord> = (1..=3).map(|n| record("a", 1, n)).collect();
    let writer = start(&away, &spool, 1);
    writer.submit_incidents(told[..2].to_vec()).unwrap();
    let seen = |record: &IncidentRecord| IncidentRecord { last_seen: at(200), ..record.clone() };
    let open = OpenState { incidents: told[..2].iter().map(seen).collect(), ..OpenState::default() };
    Checkpoint::open(&checkpoint).unwrap().save(&open).unwrap();
    let over = ended(&told[1], 300);
    writer.submit_incidents(vec![over.clone(), told[2].clone()]).unwrap();
    writer.shutdown().await;

    let db = TestDb::new().await;
    let database = db.open(clock().shared()).await;
    let own = record("a", 2, 1);
    for _ in 0..2 {
        let writer = start(&database, &spool, 2);
        writer.recover(&Checkpoint::open(&checkpoint).unwrap()).unwrap();
        writer.submit_incidents(vec![own.clone()]).unwrap();
        let closed = || {
            psql(db.url(), "SELECT id FROM incident WHERE state = 'unknown' ORDER BY id")
                == ["a.1.1", "a.1.3"]
        };
        assert!(within(PATIENCE, || is_written(&writer) && closed()), "{:?}", writer.stats());
        writer.shutdown().await;
        let lost = IncidentRecord { last_seen: at(200), ..told[0].clone() }.unwatched();
        assert_eq!(incident(&database, &lost.id).await.unwrap(), Some(lost));
        assert_eq!(incident(&database, &over.id).await.unwrap(), Some(over.clone()));
        let unseen = told[2].clone().unwatched();
        assert_eq!(incident(&database, &unseen.id).await.unwrap(), Some(unseen));
        assert_eq!(incident(&database, &own.id).await.unwrap(), Some(own.clone()));
    }
    database.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stills_are_kept_once_and_deleted_with_their_incident_or_when_they_are_old() {
    let db = TestDb::new().await;
    let database = db.open(clock().shared()).await;
    let spool = TempDir::new().unwrap();
    let writer = start(&database, spool.path(), 1);
    let picture = |n: u32, kind, days_old: i64, last: u8| IncidentStill {
        incident: record("a", 1, n).id,
        kind,
        taken_at: "2026-11-21T12:00:00Z".parse::<Timestamp>().unwrap()
            - jiff::SignedDuration::from_hours(24 * days_old),
        jpeg: vec![0xff, 0xd8, 0xff, 0xe0, last].into(),
    };
    writer.submit_incidents(vec![record("a", 1, 1), record("a", 1, 2)]).unwrap();
    let kept = picture(1, StillKind::Start, 29, 1);
    for still in [
        kept.clone(),
        picture(1, StillKind::Start, 1, 2),
        picture(1, StillKind::Confirmed, 31, 3),
        picture(2, StillKind::Start, 0, 4),
        // Nobody knows this incident.
        picture(9, StillKind::Start, 0, 5),
    ] {
        writer.submit_still(still).unwrap();
    }
    for bad in [
        vec![0xff, 0xd8],
        b"\x89PNG".to_vec(),
        [vec![0xff, 0xd8], vec![0; IncidentStill::MAX_BYTES]].concat(),
    ] {
        let still = IncidentStill { jpeg: bad.into(), ..kept.clone() };
        assert!(matches!(writer.submit_still(still), Err(StoreError::BadIncident { .. })));
    }
    assert!(within(PATIENCE, || is_written(&writer)), "{:?}", writer.stats());
    assert_eq!(still(&database, &kept.incident, StillKind::Start).await.unwrap(), Some(kept.clone()));

    // What is older than 30 days goes.
    let count = || psql(db.url(), "SELECT count(*) FROM incident_still");
    assert_eq!(count(), ["3"]);
    let now = ts("2026-11-21T12:00:00Z");
    upkeep::tidy(&database, now, &Retention::default()).await.unwrap();
    assert_eq!(count(), ["2"]);
    assert_eq!(stills(&database, &kept.incident).await.unwrap(), [StillKind::Start]);
    psql(db.url(), "DELETE FROM incident WHERE id = 'a.1.1'");
    assert_eq!(count(), ["1"]);
    assert_eq!(still(&database, &kept.incident, StillKind::Start).await.unwrap(), None);
    writer.shutdown().await;
    database.close().await;
}
