//! What each route answers when something is wrong with the request: always problem details that name the
//! field, its value and what would be accepted.

use axum::body::Body;
use serde_json::{Value, json};
use wayside_store::WriterStats;

use crate::testing::{Answer, Site, no_database};

/// Checks the envelope and returns it.
#[track_caller]
fn problem(answer: &Answer, status: u16, kind: &str) -> Value {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.header("cache-control"), "no-store");
    let body = answer.json();
    assert_eq!(body["type"], format!("urn:wayside:problem:{kind}"));
    assert_eq!(body["status"], status);
    assert!(!body["title"].as_str().unwrap().is_empty());
    assert!(!body["detail"].as_str().unwrap().is_empty());
    body
}

#[tokio::test]
async fn bad_parameters_are_named() {
    let site = Site::over(no_database().await);
    for (path, field, value, accepted) in [
        ("/api/v1/cameras?limit=0", "limit", "0", "a whole number from 1 to 1000"),
        ("/api/v1/cameras?limit=1001", "limit", "1001", "a whole number from 1 to 1000"),
        ("/api/v1/cameras?limit=-1", "limit", "-1", "a whole number from 1 to 1000"),
        ("/api/v1/cameras?limit=", "limit", "", "a whole number from 1 to 1000"),
        ("/api/v1/cameras?cursor=%00", "cursor", "\0", "the next_cursor of an earlier page"),
        ("/api/v1/cameras?limit=1&limit=2", "limit", "2", "given at most once"),
        ("/api/v1/cameras?page=2", "page", "2", "only the parameters: limit cursor"),
        ("/api/v1/cameras/hp-07?x=1", "x", "1", "no parameters here"),
        ("/api/v1/live?camera=hp-99", "camera", "hp-99", "one of the cameras: hp-07 hp-01"),
        ("/api/v1/live?camera=hp-07,", "camera", "", "one of the cameras: hp-07 hp-01"),
        ("/api/v1/live?since=1", "since", "1", "only the parameters: camera"),
    ] {
        let body = problem(&site.get(path).await, 400, "invalid-parameter");
        assert_eq!(body["errors"], json!([{"field": field, "value": value, "accepted": accepted}]), "{path}");
        assert!(body["detail"].as_str().unwrap().contains(accepted), "{path}");
    }
}

#[tokio::test]
async fn bad_questions_are_named() {
    const BINS: &str = "one of: 1m 5m 15m 1h 1d";
    const TIME: &str = "an RFC 3339 time such as 2026-11-21T08:00:00Z, before 9999-12-31";
    const FINE: &str = "in bins of 1m: car bus truck";
    let site = Site::over(no_database().await);
    for (query, field, value, accepted) in [
        ("camera=hp-99", "camera", "hp-99", "one of the cameras: hp-07 hp-01"),
        ("camera=hp-07,HP", "camera", "HP", "one of the cameras: hp-07 hp-01"),
        ("line=west", "line", "west", "one of the lines of these cameras: east-in north-out only"),
        ("camera=hp-01&line=east-in", "line", "east-in", "one of the lines of these cameras: only"),
        ("class=van", "class", "van", "in bins of 15m: car bus truck motorcycle bicycle pedestrian"),
        ("class=van&bin=1m", "class", "van", FINE),
        ("bin=2m", "bin", "2m", BINS),
        ("bin=", "bin", "", BINS),
        ("kind=zone", "kind", "zone", "one of: lines movements zones"),
        (
            "kind=movements&bin=5m",
            "bin",
            "5m",
            "one of: 15m 1h 1d (movements are kept in bins of 15m or longer)",
        ),
        ("from=yesterday", "from", "yesterday", TIME),
        ("to=2026-11-21", "to", "2026-11-21", TIME),
        ("to=9999-12-31T23:59:59Z", "to", "9999-12-31T23:59:59Z", TIME),
        ("group=camera", "group", "camera", "some of: line direction class; or none"),
        ("group=", "group", "", "some of: line direction class; or none"),
        ("kind=movements&group=line", "group", "line", "some of: from to class; or none"),
        ("limit=10001", "limit", "10001", "a whole number from 1 to 10000"),
        ("cursor=x", "cursor", "x", "the next_cursor of an earlier page"),
        (
            "colour=red",
            "colour",
            "red",
            "only the parameters: format kind bin camera line zone class group scheme detail to from limit cursor",
        ),
        (
            "from=2026-11-21T10:00:00Z&to=2026-11-21T10:00:00Z",
            "from",
            "2026-11-21T10:00:00Z",
            "a time before 2026-11-21T10:00:00Z (to)",
        ),
        (
            "from=2027-01-01T00:00:00Z",
            "from",
            "2027-01-01T00:00:00Z",
            "a time before 2026-11-21T12:00:30Z (now, because to is missing)",
        ),
        (
            "from=0001-01-01T00:00:00Z&to=9999-01-01T00:00:00Z&bin=1h",
            "from",
            "0001-01-01T00:00:00Z",
            "9930-07-22T00:00:00Z or later: at most 600000 bins of 1h at once; longer bins reach further",
        ),
    ] {
        let body =
            problem(&site.get(&format!("/api/v1/measurements?{query}")).await, 400, "invalid-parameter");
        let want = json!([{"field": field, "value": value, "accepted": accepted}]);
        assert_eq!(body["errors"], want, "{query}");
    }
    for class in ["pedestrian", "bicycle", "motorcycle"] {
        for bin in ["1m", "5m"] {
            let path = format!("/api/v1/measurements?class=car,{class}&bin={bin}");
            let body = problem(&site.get(&path).await, 400, "invalid-parameter");
            let accepted = format!("in bins of {bin}: car bus truck; {class} needs bins of 15m or longer");
            assert_eq!(body["errors"], json!([{"field": "class", "value": class, "accepted": accepted}]));
        }
    }
    // Several at once, all of them named.
    let body =
        problem(&site.get("/api/v1/measurements?bin=2m&camera=x&limit=0").await, 400, "invalid-parameter");
    let fields: Vec<_> = body["errors"].as_array().unwrap().iter().map(|e| e["field"].clone()).collect();
    assert_eq!(fields, ["bin", "camera", "limit"]);
}

#[tokio::test]
async fn csv_is_whole_or_nothing() {
    let site = Site::over(no_database().await);
    for query in ["limit=5", "cursor=1.hp-07"] {
        let path = format!("/api/v1/measurements?{query}");
        let body = problem(&site.get_with(&path, &[("accept", "text/csv")]).await, 400, "invalid-parameter");
        assert_eq!(body["errors"][0]["accepted"], "left out: csv holds all rows");
    }
    let html = site.get_with("/api/v1/measurements", &[("accept", "text/html")]).await;
    assert_eq!(
        problem(&html, 406, "not-acceptable")["errors"][0]["accepted"],
        "one of: application/json text/csv application/vnd.apache.parquet \
         application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    );
}

#[tokio::test]
async fn a_database_that_is_away_is_said_so() {
    let site = Site::over(no_database().await);
    for accept in ["application/json", "text/csv"] {
        let answer = site.get_with("/api/v1/measurements", &[("accept", accept)]).await;
        let body = problem(&answer, 503, "database-away");
        assert!(body["detail"].as_str().unwrap().contains("try again later"), "{body}");
        assert_eq!(answer.header("retry-after"), "5");
    }
    // Closed bins wait on disk: nothing is lost, and it is said.
    let ready = site.get("/readyz").await;
    assert_eq!(
        (ready.status, ready.json()["database"].as_str()),
        (200, Some("spooling")),
        "{}",
        ready.text()
    );
    assert!(ready.json()["reasons"][0].as_str().unwrap().contains("can't be reached"));
    // They wait in memory only: not ready.
    let stats = WriterStats { memory_rows: 12, ..WriterStats::default() };
    let site = Site::with(no_database().await, "127.0.0.1:8080", stats);
    let body = problem(&site.get("/readyz").await, 503, "not-ready");
    assert!(body["detail"].as_str().unwrap().contains("12 rows"), "{body}");
}

#[tokio::test]
async fn what_is_not_there_is_said_so() {
    let site = Site::over(no_database().await);
    for path in ["/api/v1/cameras/hp-99", "/api/v1/cameras/HP%2F..", "/api/v1/cameras/%F0%9F%9A%97"] {
        let body = problem(&site.get(path).await, 404, "not-found");
        assert_eq!(body["errors"][0]["field"], "id");
        assert_eq!(body["errors"][0]["accepted"], "one of the cameras: hp-07 hp-01");
    }
    for path in
        ["/api", "/api/v2/cameras", "/api/v1/", "/nothing.js", "/../etc/passwd", "/api/docs/x.js", "//"]
    {
        problem(&site.get(path).await, 404, "not-found");
    }
}

#[tokio::test]
async fn what_is_read_only_is_not_written() {
    let site = Site::over(no_database().await);
    for (method, path) in [
        ("POST", "/api/v1/cameras"),
        ("DELETE", "/api/v1/cameras/hp-07"),
        ("PUT", "/healthz"),
        ("BREW", "/api/v1/live"),
    ] {
        let answer = site.send(method, path, &[], Body::empty()).await;
        problem(&answer, 405, "method-not-allowed");
        assert_eq!(answer.header("allow"), "GET,HEAD", "{method} {path}");
    }
}

#[tokio::test]
async fn what_is_too_big_is_not_taken() {
    let site = Site::over(no_database().await);
    let long = format!("/api/v1/cameras?cursor={}", "x".repeat(9_000));
    problem(&site.get(&long).await, 414, "uri-too-long");
    let answer = site
        .send("POST", "/api/v1/cameras", &[("content-length", "20000")], Body::from(vec![0; 20_000]))
        .await;
    problem(&answer, 413, "payload-too-large");
}

#[tokio::test]
async fn other_names_are_not_answered_to() {
    let site = Site::over(no_database().await);
    for host in ["evil.example", "evil.example:8080", "10.0.0.5:8080", "", "localhost.evil.example"] {
        for path in ["/", "/api/v1/cameras", "/metrics", "/api/v1/live"] {
            let answer = site.get_with(path, &[("host", host)]).await;
            let body = problem(&answer, 421, "wrong-host");
            assert_eq!(body["errors"][0]["field"], "Host");
            assert_eq!(answer.header("set-cookie"), "");
        }
    }
    for host in ["127.0.0.1:8080", "[::1]:8080", "localhost"] {
        assert_eq!(site.get_with("/healthz", &[("host", host)]).await.status, 200, "{host}");
    }
    // With --insecure on an outside address nobody knows all the names that it goes by.
    let open = Site::with(no_database().await, "0.0.0.0:8080", WriterStats::default());
    assert_eq!(open.get_with("/healthz", &[("host", "wayside.city.example")]).await.status, 200);
}
