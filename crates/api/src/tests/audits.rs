//! Tallies that the page hands in, held against counts in a real database.

use std::time::Duration;

use axum::body::Body;
use serde_json::{Value, json};
use tempfile::TempDir;
use wayside_store::{Database, Writer, WriterOptions};
use wayside_testkit::TestDb;
use wayside_types::{
    Bin, BinKey, BinLength, BinSubject, CameraId, ClosedBins, Coverage, Direction, Grade, LineId,
    RoadUserClass, Timestamp,
};

use crate::testing::{Answer, Site, cameras, clock, no_database};

const PATH: &str = "/api/v1/cameras/hp-07/audits";

async fn hand_in(site: &Site, path: &str, body: &str) -> Answer {
    let page = site.page_headers().await;
    let mut headers: Vec<(&str, &str)> = page.iter().map(|(name, value)| (*name, value.as_str())).collect();
    headers.push(("content-type", "application/json"));
    site.send("POST", path, &headers, Body::from(body.to_owned())).await
}

fn tally(class: &str, count: u32) -> Value {
    json!({"line": "east-in", "direction": "forward", "class": class, "count": count})
}

/// Cars by the minute and bicycles by the quarter, watched whole from 11:30 to 11:45.
async fn counted(database: &Database) {
    let spool = TempDir::new().unwrap();
    let options = WriterOptions::new(1, cameras().to_vec());
    let writer = Writer::start(database.clone(), spool.path(), clock().shared(), options).unwrap();
    let start: Timestamp = "2026-11-21T11:30:00Z".parse().unwrap();
    let closed = |length: BinLength, start, class, count| {
        let camera = CameraId::new("hp-07").unwrap();
        let subject = BinSubject::Line(LineId::new("east-in").unwrap(), Direction::Forward);
        let key = BinKey { camera: camera.clone(), subject, class, start, length, epoch: 1 };
        let coverage = Coverage {
            camera,
            start,
            length,
            epoch: 1,
            observed_s: f64::from(length.nominal_s()),
            dropped_share: 0.0,
            grade: Grade::Good,
            config_version: "v1".to_owned(),
        };
        ClosedBins { bins: vec![Bin { key, count }], ..ClosedBins::of(coverage) }
    };
    let minute =
        |n| closed(BinLength::Minute1, start + jiff::SignedDuration::from_mins(n), RoadUserClass::Car, 7);
    let mut all: Vec<ClosedBins> = (0..15).map(minute).collect();
    all.push(closed(BinLength::Minute15, start, RoadUserClass::Bicycle, 12));
    writer.submit(all).unwrap();
    tokio::time::timeout(Duration::from_secs(60), writer.shutdown()).await.unwrap();
}

#[tokio::test]
async fn a_tally_is_compared_kept_and_listed() {
    let db = TestDb::new().await;
    let database = db.open(clock().shared()).await;
    counted(&database).await;
    let site = Site::over(database.clone());
    let asked = |tallies: Value| {
        json!({"from": "2026-11-21T11:30:00Z", "minutes": 15, "tallies": tallies}).to_string()
    };
    let answer = hand_in(&site, PATH, &asked(json!([tally("motor", 100), tally("two_wheeler", 16)]))).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let items = answer.json()["items"].clone();
    let row = |n: usize, field: &str| items[n][field].clone();
    assert_eq!(
        (row(0, "counted"), row(0, "tallied"), row(0, "error_percent")),
        (json!(105), json!(100), json!(5.0))
    );
    assert_eq!((row(0, "minutes"), row(0, "from")), (json!(15), json!("2026-11-21T11:30:00Z")));
    assert_eq!((row(0, "observed_s"), row(0, "made_at")), (json!(900.0), json!("2026-11-21T12:00:30Z")));
    let geh = (2.0_f64 * 20.0 * 20.0 / 820.0).sqrt();
    assert!((row(0, "geh").as_f64().unwrap() - geh).abs() < 1e-9, "{items}");
    // Nothing was noted of these counts, so that there is no band.
    assert_eq!(
        (row(1, "class"), row(1, "counted"), row(1, "band")),
        (json!("two_wheeler"), json!(12), Value::Null)
    );
    assert_eq!(row(1, "error_percent"), json!(-25.0));

    // Given again, a tally replaces the one before; pages follow one another.
    assert_eq!(hand_in(&site, PATH, &asked(json!([tally("motor", 105)]))).await.status, 200);
    let five =
        json!({"from": "2026-11-21T11:31:00Z", "minutes": 5, "tallies": [tally("car", 35)]}).to_string();
    assert_eq!(hand_in(&site, PATH, &five).await.status, 200);
    let mut seen = Vec::new();
    let mut path = format!("{PATH}?limit=1");
    loop {
        let page = site.get(&path).await;
        assert_eq!(page.status, 200, "{}", page.text());
        let page = page.json();
        for item in page["items"].as_array().unwrap() {
            seen.push((item["class"].as_str().unwrap().to_owned(), item["tallied"].as_u64().unwrap()));
            assert!(item["band"].is_null());
        }
        let Some(next) = page["next_cursor"].as_str() else { break };
        path = format!("{PATH}?limit=1&cursor={next}");
    }
    assert_eq!(seen, [("car".to_owned(), 35), ("motor".to_owned(), 105), ("two_wheeler".to_owned(), 16)]);
    assert_eq!(
        site.get("/api/v1/cameras/hp-01/audits").await.json(),
        json!({"items": [], "next_cursor": null})
    );

    for (body, field, wanted) in [
        (
            json!({"from": "2026-11-21T11:30:10Z", "minutes": 15, "tallies": [tally("car", 1)]}),
            "from",
            "whole minute",
        ),
        (
            json!({"from": "2026-11-21T11:50:00Z", "minutes": 15, "tallies": [tally("car", 1)]}),
            "from",
            "are over at",
        ),
        (
            json!({"from": "2026-11-20T11:30:00Z", "minutes": 15, "tallies": [tally("car", 1)]}),
            "from",
            "did not watch",
        ),
        (
            json!({"from": "2026-11-21T11:30:00Z", "minutes": 0, "tallies": [tally("car", 1)]}),
            "minutes",
            "1 to 1440",
        ),
        (
            json!({"from": "2026-11-21T11:31:00Z", "minutes": 5, "tallies": [tally("pedestrian", 1)]}),
            "class",
            "quarter of an hour",
        ),
        (
            json!({"from": "2026-11-21T11:30:00Z", "minutes": 15, "tallies": [tally("car", 1), tally("car", 1)]}),
            "tallies",
            "there twice",
        ),
    ] {
        let answer = hand_in(&site, PATH, &body.to_string()).await;
        let problem = answer.json();
        assert_eq!((answer.status, problem["errors"][0]["field"].as_str()), (400, Some(field)), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(wanted), "{problem}");
    }
    database.close().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_tally_is_named() {
    let site = Site::over(no_database().await);
    let with = |changed: &str, value: Value| {
        let mut one = tally("motor", 1);
        one[changed] = value;
        json!({"from": "2026-11-21T11:30:00Z", "minutes": 15, "tallies": [one]}).to_string()
    };
    let many = |n: usize| json!({"from": "2026-11-21T11:30:00Z", "minutes": 15, "tallies": vec![tally("motor", 1); n]});
    for (body, field, wanted) in [
        (with("line", json!("west")), "tallies[0].line", "one of the lines: east-in north-out"),
        (with("direction", json!("up")), "tallies[0].direction", "one of: forward backward"),
        (with("class", json!("van")), "tallies[0].class", "motor car bus"),
        (with("count", json!(1_000_001)), "tallies[0].count", "from 0 to 1000000"),
        (with("count", json!(-1)), "body", "invalid value"),
        (with("who", json!("me")), "body", "unknown field"),
        (
            json!({"from": "noon", "minutes": 15, "tallies": [tally("motor", 1)]}).to_string(),
            "from",
            "RFC 3339",
        ),
        (many(0).to_string(), "tallies", "1 to 200 numbers"),
        ("{".to_owned(), "body", "an object of from, minutes and tallies"),
    ] {
        let answer = hand_in(&site, PATH, &body).await;
        let problem = answer.json();
        assert_eq!((answer.status, problem["errors"][0]["field"].as_str()), (400, Some(field)), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(wanted), "{body}: {problem}");
    }
    assert_eq!(hand_in(&site, "/api/v1/cameras/hp-99/audits", &many(1).to_string()).await.status, 404);
    let away = hand_in(&site, PATH, &many(1).to_string()).await;
    assert_eq!((away.status, away.json()["type"].as_str()), (503, Some("urn:wayside:problem:database-away")));
    let odd = site.get(&format!("{PATH}?cursor=x")).await;
    assert_eq!((odd.status, odd.json()["errors"][0]["field"].as_str()), (400, Some("cursor")));
    // Not a program, not another site's page, not a form.
    let json = ("content-type", "application/json");
    for headers in [vec![json], vec![json, ("sec-fetch-site", "cross-site")]] {
        let answer = site.send("POST", PATH, &headers, Body::from(many(1).to_string())).await;
        assert_eq!(
            (answer.status, answer.json()["type"].as_str()),
            (403, Some("urn:wayside:problem:browser-only"))
        );
    }
    let page = site.page_headers().await;
    let page: Vec<(&str, &str)> = page.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let form = site.send("POST", PATH, &page, Body::from(many(1).to_string())).await;
    assert_eq!((form.status, form.json()["errors"][0]["field"].as_str()), (400, Some("content-type")));
}
