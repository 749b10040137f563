//! Measurements from a real database: as JSON in pages, as CSV, grouped, aligned, suppressed.

use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use wayside_store::{Database, Writer, WriterOptions};
use wayside_testkit::TestDb;
use wayside_types::{
    Band, Bin, BinKey, BinLength, BinSubject, CameraId, ClosedBins, Coverage, Direction, Doubts, Evidence,
    FlowBin, Grade, Headways, LineId, QualityBin, RoadUserClass, Sign, Speeds, Timestamp, ZoneBin, ZoneDelay,
    ZoneId, ZoneQueue,
};

use crate::testing::{Site, cameras, clock};

const JSON: [(&str, &str); 1] = [("accept", "application/json")];
const CSV: [(&str, &str); 1] = [("accept", "text/csv")];

/// A fully watched bin of camera hp-07.
pub(super) fn watched(length: BinLength, start: Timestamp) -> ClosedBins {
    let coverage = Coverage {
        camera: CameraId::new("hp-07").unwrap(),
        start,
        length,
        epoch: 1,
        observed_s: f64::from(length.nominal_s()),
        dropped_share: 0.0,
        grade: Grade::Good,
        config_version: "v1".to_owned(),
    };
    ClosedBins::of(coverage)
}

pub(super) fn count(
    mut closed: ClosedBins,
    subject: BinSubject,
    class: RoadUserClass,
    count: u32,
) -> ClosedBins {
    let Coverage { camera, start, length, epoch, .. } = closed.coverage.clone();
    closed.bins.push(Bin { key: BinKey { camera, subject, class, start, length, epoch }, count });
    closed
}

pub(super) fn line(id: &str, direction: Direction) -> BinSubject {
    BinSubject::Line(LineId::new(id).unwrap(), direction)
}

pub(super) fn movement(from: &str, to: &str) -> BinSubject {
    BinSubject::Movement(LineId::new(from).unwrap(), LineId::new(to).unwrap())
}

pub(super) fn at(minute: i64) -> Timestamp {
    let start: Timestamp = "2026-11-21T11:30:00Z".parse().unwrap();
    Timestamp::from_second(start.as_second() + 60 * minute).unwrap()
}

/// Two watched quarters of an hour: seven cars in the first minute, two in the sixteenth, pedestrians and
/// movements in the first quarter.
pub(crate) fn half_an_hour() -> Vec<ClosedBins> {
    let mut all: Vec<ClosedBins> = (0..30).map(|m| watched(BinLength::Minute1, at(m))).collect();
    let forward = line("east-in", Direction::Forward);
    all[0] = count(all[0].clone(), forward.clone(), RoadUserClass::Car, 7);
    all[15] = count(all[15].clone(), line("north-out", Direction::Backward), RoadUserClass::Car, 2);
    let quarter = watched(BinLength::Minute15, at(0));
    let quarter = count(quarter, forward, RoadUserClass::Pedestrian, 4);
    let quarter = count(quarter, movement("east-in", "north-out"), RoadUserClass::Car, 18);
    let mut quarter = count(quarter, movement("east-in", "north-out"), RoadUserClass::Bus, 2);
    quarter = count(quarter, BinSubject::Lost(LineId::new("east-in").unwrap()), RoadUserClass::Car, 4);
    quarter = count(quarter, BinSubject::Lost(LineId::new("north-out").unwrap()), RoadUserClass::Car, 2);
    quarter.flows.push(seven_cars());
    quarter.zones.push(a_queue());
    quarter.quality.push(noted_of_seven());
    quarter.doubts = doubts_of_seven();
    all.push(quarter);
    all.push(watched(BinLength::Minute15, at(15)));
    all
}

/// Seven cars, one of them with a speed that could not be trusted, 12 s one behind the other, 4 s over the line.
fn seven_cars() -> FlowBin {
    let (mut speeds, mut headways) = (Speeds::default(), Headways::default());
    [20.0, 25.0, 30.0, 31.0, 32.0, 60.0].iter().for_each(|kmh| speeds.add(*kmh));
    (0..6).for_each(|_| headways.add(12.0));
    FlowBin {
        line: LineId::new("east-in").unwrap(),
        direction: Direction::Forward,
        class: RoadUserClass::Car,
        count: 7,
        untrusted: Some(1),
        occupied_s: 4,
        speeds: Some(speeds),
        headways: Some(headways),
    }
}

/// What was noted of them: one came out of nowhere, two were weak, one more may have been lost; some might be of another
/// class, and some passed at the end of the line, on either side.
fn noted_of_seven() -> QualityBin {
    let mut evidence = Evidence::default();
    let signs = [(Sign::Counted, 7), (Sign::Astray, 1), (Sign::Weak, 2), (Sign::Short, 1), (Sign::Ended, 4)];
    let more = [
        (Sign::Wavering, 1),
        (Sign::Hesitant, 3),
        (Sign::Resembling, 2),
        (Sign::AtEnd, 4),
        (Sign::PastEnd, 5),
    ];
    signs.into_iter().chain(more).for_each(|(sign, times)| evidence.add(sign, times));
    let (line, direction) = (LineId::new("east-in").unwrap(), Direction::Forward);
    QualityBin { line, direction, class: RoadUserClass::Car, evidence }
}

/// A suspicion of some seconds that came to nothing.
fn doubts_of_seven() -> Doubts {
    Doubts { doubted_s: 4.5, ..Doubts::default() }
}

/// The band of seven cars of a quarter.
fn band_of_seven() -> Band {
    let band = Band::of(7, &noted_of_seven().evidence, 900.0, false);
    doubts_of_seven().widen(band, 7, 900.0).unwrap()
}

fn a_queue() -> ZoneBin {
    ZoneBin {
        zone: ZoneId::new("lane-1").unwrap(),
        occupied_s: 90,
        vehicle_s: 450,
        length_m: Some(50.0),
        queue: Some(ZoneQueue { max_m: 18.5, max_vehicles: 3, last_m: 4.5, last_vehicles: 1 }),
        delay: Some(ZoneDelay { n: 7, sum_s: 70.0 }),
    }
}

/// The API over a database that holds these bins.
pub(super) async fn site(db: &TestDb, closed: Vec<ClosedBins>) -> (Site, Database) {
    let database = fill(db, closed).await;
    (Site::over(database.clone()), database)
}

/// A database that holds these bins.
pub(crate) async fn fill(db: &TestDb, closed: Vec<ClosedBins>) -> Database {
    let clock = clock();
    let database = db.open(clock.shared()).await;
    let spool = TempDir::new().unwrap();
    let options = WriterOptions::new(1, cameras().to_vec());
    let writer = Writer::start(database.clone(), spool.path(), clock.shared(), options).unwrap();
    writer.submit(closed).unwrap();
    tokio::time::timeout(Duration::from_secs(30), writer.clone().shutdown()).await.unwrap();
    assert_eq!(writer.stats().spooled_rows, 0, "{:?}", writer.stats());
    database
}

async fn items(site: &Site, query: &str) -> Vec<Value> {
    let answer = site.get_with(&format!("/api/v1/measurements?{query}"), &JSON).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    let page = answer.json();
    assert_eq!(page["next_cursor"], json!(null), "{query}");
    page["items"].as_array().unwrap().clone()
}

/// The items that counted something.
fn counted(items: &[Value]) -> Vec<&Value> {
    items.iter().filter(|item| item["count"].as_u64() != Some(0)).collect()
}

#[tokio::test]
async fn what_was_stored_is_answered() {
    let db = TestDb::new().await;
    let (site, database) = site(&db, half_an_hour()).await;
    let span = "from=2026-11-21T11:30:00Z&to=2026-11-21T12:00:00Z";

    rows_have_this_shape(&site, span).await;
    rows_are_grouped(&site, span).await;
    pages_make_the_whole(&site, span).await;
    small_movements_are_hidden(&site, span).await;
    zones_have_rows_of_their_own(&site, span).await;
    the_matrix_is_the_sum_of_movements(&site, span).await;
    schemes_put_classes_together(&site, span).await;
    csv_holds_the_same(&site, span).await;
    hours_follow_the_site(&site).await;
    assert_eq!(site.get("/readyz").await.json()["database"], "reachable");
    database.close().await;
}

async fn rows_have_this_shape(site: &Site, span: &str) {
    let minutes = items(site, &format!("camera=hp-07&bin=1m&{span}")).await;
    // Thirty watched minutes × two lines × two directions × three motor classes; pedestrians need 15 minutes.
    assert_eq!(minutes.len(), 30 * 2 * 2 * 3);
    let row = counted(&minutes)[0];
    assert_eq!(
        *row,
        json!({
            "camera": "hp-07", "line": "east-in", "direction": "forward", "class": "car", "group": null,
            "start": "2026-11-21T11:30:00Z", "end": "2026-11-21T11:31:00Z",
            "count": 7, "suppressed": false, "flow_per_h": 420.0, "pcu_per_h": null,
            "band": null, "quality": null,
            "speed": null, "untrusted": null, "headway": null, "gap_mean_s": null, "occupancy": null,
            "observed_s": 60.0, "dropped_share": 0.0, "grade": "good", "complete": true,
        })
    );
    let zero = minutes.iter().find(|item| item["count"] == 0).unwrap();
    assert_eq!((&zero["speed"], &zero["complete"]), (&json!(null), &json!(true)));
    // The default is the last 24 hours in quarters of an hour, all classes.
    let quarters = items(site, "").await;
    assert_eq!(quarters.len(), 2 * 2 * 2 * 6);
    let mut row = counted(&quarters).into_iter().find(|row| row["class"] == "car").unwrap().clone();
    let counts = items(site, "detail=counts").await;
    let bare = counted(&counts).into_iter().find(|row| row["class"] == "car").unwrap();
    assert_eq!(
        (&bare["count"], &bare["speed"], &bare["headway"]),
        (&row["count"], &json!(null), &json!(null))
    );
    assert_eq!(row["speed"].as_object_mut().unwrap().remove("p15_kmh"), Some(json!(21.8)));
    assert_eq!(row["headway"].as_object_mut().unwrap().remove("p15_s"), Some(json!(12.08)));
    assert_eq!(
        row,
        json!({
            "camera": "hp-07", "line": "east-in", "direction": "forward", "class": "car", "group": null,
            "start": "2026-11-21T11:30:00Z", "end": "2026-11-21T11:45:00Z",
            "count": 7, "suppressed": false, "flow_per_h": 28.0, "pcu_per_h": null,
            "band": {"low": band_of_seven().low, "high": band_of_seven().high, "coverage": 0.95},
            "quality": {"began_well": 0.857, "ended_well": 1.0, "broken_suspects": 1, "merged_suspects": 0, "weak": 2,
                        "signs": {"counted": 7, "astray": 1, "weak": 2, "short": 1, "ended": 4, "wavering": 1, "hesitant": 3,
                                  "resembling": 2, "at_end": 4, "past_end": 5},
                        "moved_s": 0.0, "doubted_s": 4.5, "dim_s": 0.0},
            "speed": {"n": 6, "time_mean_kmh": 33.0, "space_mean_kmh": 29.48, "p50_kmh": 31.0, "p85_kmh": 60.2},
            "untrusted": 1, "headway": {"n": 6, "mean_s": 12.0, "p50_s": 12.25, "p85_s": 12.43},
            "gap_mean_s": null, "occupancy": 0.0044,
            "observed_s": 900.0, "dropped_share": 0.0, "grade": "good", "complete": true,
        })
    );
    let line = items(site, "group=line,direction&line=east-in").await;
    assert_eq!(line[0]["direction"], "backward");
    assert_eq!((&line[1]["speed"]["n"], &line[1]["gap_mean_s"]), (&json!(6), &json!(11.95)));
    assert!(items(site, &format!("camera=hp-01&{span}")).await.is_empty(), "hp-01 watched nothing");
}

async fn rows_are_grouped(site: &Site, span: &str) {
    let total = items(site, &format!("group=none&bin=15m&{span}")).await;
    let counts: Vec<_> = total.iter().map(|item| item["count"].clone()).collect();
    assert_eq!(counts, [json!(11), json!(2)]);
    assert_eq!(
        (&total[0]["line"], &total[0]["direction"], &total[0]["class"]),
        (&json!(null), &json!(null), &json!(null))
    );
    let classes = items(site, &format!("group=class&class=car&class=pedestrian&bin=1h&{span}")).await;
    assert!(classes.iter().all(|item| item["line"].is_null() && item["class"].is_string()));
    let lines = items(site, &format!("group=line&line=north-out&bin=15m&{span}")).await;
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|item| item["line"] == "north-out"));
}

async fn pages_make_the_whole(site: &Site, span: &str) {
    let whole = items(site, &format!("bin=1m&{span}")).await;
    let mut paged = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/api/v1/measurements?bin=1m&limit=77&{span}{cursor}");
        let page = site.get(&path).await.json();
        let items = page["items"].as_array().unwrap();
        assert!((1..=77).contains(&items.len()));
        paged.extend(items.iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(paged, whole);
}

async fn small_movements_are_hidden(site: &Site, span: &str) {
    let rows = items(site, &format!("kind=movements&bin=15m&{span}")).await;
    let shown: Vec<_> = rows.iter().filter(|row| !row["count"].is_null()).collect();
    assert_eq!(shown.len(), 1);
    assert_eq!(
        (&shown[0]["from"], &shown[0]["to"], &shown[0]["count"], &shown[0]["suppressed"]),
        (&json!("east-in"), &json!("north-out"), &json!(18), &json!(false))
    );
    assert!(rows.iter().filter(|row| row["count"].is_null()).all(|row| row["suppressed"] == true));
    assert!(rows.iter().all(|row| row.get("line").is_none()));
    let csv = site.get_with(&format!("/api/v1/measurements?kind=movements&class=bus&{span}"), &CSV).await;
    assert!(csv.text().contains("east-in,north-out,bus,,<3,,,"), "{}", csv.text());
}

async fn zones_have_rows_of_their_own(site: &Site, span: &str) {
    let rows = items(site, &format!("kind=zones&{span}")).await;
    assert_eq!(
        rows[0],
        json!({
            "camera": "hp-07", "zone": "lane-1", "start": "2026-11-21T11:30:00Z", "end": "2026-11-21T11:45:00Z",
            "zone_kind": "lane", "occupancy": 0.1, "vehicles_mean": 0.5, "density_per_km": 10.0,
            "queue": {"max_m": 18.5, "max_vehicles": 3, "last_m": 4.5, "last_vehicles": 1},
            "delay": {"n": 7, "mean_s": 10.0}, "level_of_service": {"grade": "B", "scale": "hcm-density"},
            "observed_s": 900.0, "dropped_share": 0.0, "grade": "good", "complete": true,
        })
    );
    // Nothing was in it in the second quarter.
    assert_eq!(
        (rows.len(), &rows[1]["vehicles_mean"], &rows[1]["level_of_service"]["grade"]),
        (2, &json!(0.0), &json!("A"))
    );
    let csv = site.get_with(&format!("/api/v1/measurements?kind=zones&zone=lane-1&{span}"), &CSV).await;
    let lines: Vec<&str> = csv.text().split_terminator("\r\n").collect();
    assert_eq!(
        lines[..2],
        [
            "camera,start,end,zone,zone_kind,occupancy,vehicles_mean,density_per_km,queue_max_m,queue_max_vehicles,\
             queue_last_m,queue_last_vehicles,delay_n,delay_mean_s,los,los_scale,observed_s,dropped_share,grade,complete",
            "hp-07,2026-11-21T11:30:00Z,2026-11-21T11:45:00Z,lane-1,lane,0.1,0.5,10,18.5,3,4.5,1,7,10,B,hcm-density,\
             900,0,good,true"
        ]
    );
    for (query, part) in [
        ("kind=zones&bin=5m", "zones are kept in bins of 15m or longer"),
        ("kind=zones&zone=nowhere", "one of the measured zones of these cameras: lane-1"),
        ("kind=zones&class=car", "zones are measured for cars, buses and trucks together"),
        ("kind=zones&group=class", "zones are told apart by zone"),
        ("kind=zones&line=east-in", "zones are chosen with zone"),
        ("zone=lane-1", "left out, unless kind=zones"),
        ("kind=zone", "one of: lines movements zones"),
    ] {
        let answer = site.get_with(&format!("/api/v1/measurements?{query}"), &JSON).await;
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.text().contains(part), "{query}: {}", answer.text());
    }
}

async fn the_matrix_is_the_sum_of_movements(site: &Site, span: &str) {
    let answer = site.get(&format!("/api/v1/measurements/matrix?camera=hp-07&{span}")).await;
    assert_eq!(
        answer.json(),
        json!({
            "camera": "hp-07", "start": "2026-11-21T11:30:00Z", "end": "2026-11-21T12:00:00Z",
            "lines": ["east-in", "north-out"], "counts": [[null, 18], [null, null]], "lost": [4, null],
            "observed_s": 1800.0, "dropped_share": 0.0, "grade": "good", "complete": true,
        })
    );
    let buses = site.get(&format!("/api/v1/measurements/matrix?camera=hp-07&class=bus&{span}")).await.json();
    assert_eq!(
        (&buses["counts"], &buses["lost"]),
        (&json!([[null, null], [null, null]]), &json!([null, null]))
    );
    let unwatched = site.get(&format!("/api/v1/measurements/matrix?camera=hp-01&{span}")).await.json();
    assert_eq!((&unwatched["observed_s"], &unwatched["complete"]), (&json!(0.0), &json!(false)));
    for (query, part) in [
        ("", "camera is missing; accepted: one of the cameras"),
        ("camera=", "camera is \"\"; accepted: one of the cameras"),
        ("camera=nowhere", "camera is \"nowhere\""),
        ("camera=hp-07&bin=1h", "bin is \"1h\"; accepted: only the parameters: camera class to from"),
        ("camera=hp-07&from=2020-01-01T00:00:00Z", "a matrix is of a year at most"),
        ("camera=hp-07&from=2026-11-21T11:30:00Z&to=2026-11-21T11:30:00Z", "a time before"),
    ] {
        let answer = site.get(&format!("/api/v1/measurements/matrix?{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(part), "{query}: {detail}");
    }
}

async fn schemes_put_classes_together(site: &Site, span: &str) {
    let rows = items(site, &format!("scheme=two&group=line,class&line=east-in&bin=15m&{span}")).await;
    let seen: Vec<_> = rows[..2]
        .iter()
        .map(|row| (&row["class"], &row["group"], &row["count"], &row["flow_per_h"], &row["pcu_per_h"]))
        .collect();
    let null = json!(null);
    assert_eq!(
        seen,
        [
            (&null, &json!("motor"), &json!(7), &json!(28.0), &json!(42.0)),
            (&null, &json!("others"), &json!(4), &json!(16.0), &json!(4.0))
        ]
    );
    assert_eq!(rows[0]["speed"]["n"], 6);
    // The sum of all classes is weighted too.
    let total = items(site, &format!("scheme=two&group=none&bin=15m&{span}")).await;
    assert_eq!((&total[0]["group"], &total[0]["pcu_per_h"]), (&null, &json!(46.0)));
    let answer = site.get("/api/v1/measurements?scheme=three").await;
    assert!(answer.text().contains("one of the class schemes: two"), "{}", answer.text());
    let pages = site.get(&format!("/api/v1/measurements?scheme=two&bin=15m&limit=3&{span}")).await.json();
    let next = pages["next_cursor"].as_str().unwrap();
    let rest = items(site, &format!("scheme=two&bin=15m&cursor={next}&{span}")).await;
    assert_eq!(rest.len() + 3, 2 * 2 * 2 * 2, "two quarters, lines, directions and groups");
}

async fn csv_holds_the_same(site: &Site, span: &str) {
    let query = format!("/api/v1/measurements?bin=1m&class=car&{span}");
    let csv = site.get_with(&query, &CSV).await;
    assert_eq!((csv.status, csv.header("vary")), (200, "accept"));
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8; header=present");
    let lines: Vec<&str> = csv.text().split_terminator("\r\n").collect();
    assert_eq!(
        lines[0],
        "camera,start,end,line,direction,class,group,count,flow_per_h,pcu_per_h,count_low,count_high,\
         began_well,ended_well,broken_suspects,merged_suspects,weak,moved_s,doubted_s,dim_s,\
         astray,wavering,elsewhere,hesitant,resembling,at_end,past_end,speed_n,speed_time_mean_kmh,speed_space_mean_kmh,\
         speed_p15_kmh,speed_p50_kmh,speed_p85_kmh,untrusted,headway_n,headway_mean_s,headway_p15_s,headway_p50_s,\
         headway_p85_s,gap_mean_s,occupancy,observed_s,dropped_share,grade,complete"
    );
    let first = "hp-07,2026-11-21T11:30:00Z,2026-11-21T11:31:00Z,east-in,forward,car,,7,420,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,60,0,good,true";
    assert!(lines.contains(&first), "{:?}", &lines[..5]);
    assert_eq!(lines.len(), 1 + 30 * 2 * 2);
    assert!(!csv.text().replace("\r\n", "").contains(['\r', '\n']));
    let quarters = site.get_with(&format!("/api/v1/measurements?class=car&{span}"), &CSV).await;
    let Band { low, high } = band_of_seven();
    let first = format!(
        "hp-07,2026-11-21T11:30:00Z,2026-11-21T11:45:00Z,east-in,forward,car,,7,28,,{low},{high},0.857,1,1,0,2,0,4.5,0,1,1,0,3,2,4,5,6,33,\
         29.48,21.8,31,60.2,1,6,12,12.08,12.25,12.43,,0.0044,900,0,good,true"
    );
    assert!(quarters.text().lines().any(|line| line == first), "{}", quarters.text());
    let total = site.get_with(&format!("/api/v1/measurements?bin=15m&group=none&{span}"), &CSV).await;
    assert!(total.text().contains(",,,,,11,"), "what is summed is empty: {}", total.text());
}

/// The site is in Kathmandu, 5 h 45 min ahead: its hours begin at a quarter past.
async fn hours_follow_the_site(site: &Site) {
    let span = "from=2026-11-21T11:00:00Z&to=2026-11-21T13:00:00Z";
    let hours = items(site, &format!("bin=1h&group=none&class=car&{span}")).await;
    assert_eq!(
        (&hours[0]["start"], &hours[0]["end"]),
        (&json!("2026-11-21T11:15:00Z"), &json!("2026-11-21T12:15:00Z"))
    );
    assert_eq!(
        (&hours[0]["count"], &hours[0]["complete"]),
        (&json!(9), &json!(false)),
        "half of it was watched"
    );
}

#[tokio::test]
async fn csv_streams_what_no_page_holds() {
    let db = TestDb::new().await;
    let minutes = (0..1_000).map(|m| watched(BinLength::Minute1, at(m - 1_000))).collect();
    let (site, database) = site(&db, minutes).await;
    let csv = site.get_with("/api/v1/measurements?bin=1m", &CSV).await;
    assert_eq!(csv.text().lines().count(), 1 + 1_000 * 2 * 2 * 3);
    assert_eq!(csv.text().matches("camera,start").count(), 1, "the names of the columns come once");
    let zipped = site.get_with("/api/v1/measurements?bin=1m", &[CSV[0], ("accept-encoding", "gzip")]).await;
    assert_eq!(zipped.header("content-encoding"), "gzip");
    assert!(zipped.body.len() * 10 < csv.body.len(), "{} of {}", zipped.body.len(), csv.body.len());
    database.close().await;
}
