//! What each route answers when something is wrong with the request: always problem details that name the
//! field, its value and what would be accepted.

use axum::body::Body;
use serde_json::{Value, json};

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
    let site = Site::over(no_database());
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
async fn what_is_not_there_is_said_so() {
    let site = Site::over(no_database());
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
    let site = Site::over(no_database());
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
    let site = Site::over(no_database());
    let long = format!("/api/v1/cameras?cursor={}", "x".repeat(9_000));
    problem(&site.get(&long).await, 414, "uri-too-long");
    let answer = site
        .send("POST", "/api/v1/cameras", &[("content-length", "20000")], Body::from(vec![0; 20_000]))
        .await;
    problem(&answer, 413, "payload-too-large");
}

#[tokio::test]
async fn other_names_are_not_answered_to() {
    let site = Site::over(no_database());
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
    let open = Site::listening(no_database(), "0.0.0.0:8080");
    assert_eq!(open.get_with("/healthz", &[("host", "wayside.city.example")]).await.status, 200);
}
