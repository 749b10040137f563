//! Incidents from a real database: the list with its filters and pages, one by its id, and what is refused.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tempfile::TempDir;
use wayside_store::{Writer, WriterOptions};
use wayside_testkit::TestDb;
use wayside_types::{
    CameraId, Incident, IncidentId, IncidentKind, IncidentRecord, IncidentState, IncidentStill, LonLat,
    Place, Point, Reason, Severity, StillKind, ZoneId,
};

use crate::testing::{Site, cameras, clock, no_database};

/// An incident that is open.
pub(super) fn incident(camera: &str, number: u32) -> IncidentRecord {
    let id = IncidentId { camera: CameraId::new(camera).unwrap(), epoch: 1, number };
    let detected = format!("2026-11-21T11:{:02}:05.5Z", 10 + number).parse().unwrap();
    let incident = Incident {
        kind: IncidentKind::StoppedVehicle,
        zone: Some(ZoneId::new("lane-1").unwrap()),
        place: Some(Place { image: Point::new(0.25, 0.75), ground_m: Some(Point::new(1.5, -20.0)) }),
        severity: Severity::Severe,
        confidence: 0.9,
        onset: "2026-11-21T11:00:00Z".parse().unwrap(),
        detected,
        ended: None,
        why: vec![Reason::new("stood_s", 5.1, "hold_s", 5.0)],
    };
    let map = Some(LonLat { lon: 126.63, lat: 45.6 });
    IncidentRecord { map, ..IncidentRecord::began(id, incident, detected, None) }
}

/// The same, over a minute later.
pub(super) fn ended(record: &IncidentRecord) -> IncidentRecord {
    let mut record = record.clone();
    record.revision += 1;
    record.last_seen = record.incident.detected + jiff::SignedDuration::from_secs(60);
    (record.state, record.incident.ended) = (IncidentState::Ended, Some(record.last_seen));
    record
}

/// How the API shows one.
pub(super) fn shown(record: &IncidentRecord) -> Value {
    json!({
        "id": record.id.to_string(), "camera": record.id.camera.as_str(), "revision": record.revision,
        "kind": record.incident.kind.as_str(), "state": record.state.as_str(), "severity": "severe", "confidence": 0.9,
        "zone": "lane-1", "started_at": "2026-11-21T11:00:00Z", "detected_at": record.incident.detected.to_string(),
        "last_seen_at": record.last_seen.to_string(), "ended_at": record.incident.ended.map(|at| at.to_string()),
        "place": {"image": [0.25, 0.75], "ground_m": [1.5, -20.0], "lon": 126.63, "lat": 45.6},
        "why": [{"what": "stood_s", "value": 5.1, "setting": "hold_s", "limit": 5.0}], "stills": null,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn incidents_are_listed_and_shown() {
    let db = TestDb::new().await;
    let database = db.open(clock().shared()).await;
    let spool = TempDir::new().unwrap();
    let options = WriterOptions::new(1, cameras().to_vec());
    let writer = Writer::start(database.clone(), spool.path(), clock().shared(), options).unwrap();
    let mut dark = incident("hp-01", 3);
    (dark.incident.kind, dark.incident.zone, dark.incident.place, dark.map) =
        (IncidentKind::CameraDark, None, None, None);
    let told = [incident("hp-07", 1), ended(&incident("hp-07", 2)), dark.clone()];
    writer.submit_incidents(told.to_vec()).unwrap();
    let jpeg = Bytes::from_static(b"\xff\xd8\xff\xe0 a still");
    let (id, taken_at) = (told[1].id.clone(), told[1].incident.detected);
    writer.submit_still(IncidentStill { incident: id, kind: StillKind::Confirmed, taken_at, jpeg }).unwrap();
    while writer.stats().spooled_rows > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let site = Site::over(database);

    let all = site.get("/api/v1/incidents").await;
    assert_eq!(all.status, 200, "{}", all.text());
    let all = all.json();
    assert_eq!(all["next_cursor"], json!(null));
    assert_eq!(all["items"].as_array().unwrap()[1..], [shown(&told[1]), shown(&told[0])]);
    assert_eq!((&all["items"][0]["zone"], &all["items"][0]["place"]), (&json!(null), &json!(null)));

    for (query, want) in [
        ("camera=hp-07", vec!["hp-07.1.2", "hp-07.1.1"]),
        ("kind=camera_dark,wrong_way", vec!["hp-01.1.3"]),
        ("state=open", vec!["hp-01.1.3", "hp-07.1.1"]),
        ("state=ended&state=unknown", vec!["hp-07.1.2"]),
        ("zone=lane-1&camera=hp-07", vec!["hp-07.1.2", "hp-07.1.1"]),
        ("severity=extreme", vec![]),
        ("severity=severe&to=2026-11-21T11:12:00Z", vec!["hp-07.1.1"]),
        ("from=2026-11-21T11:12:00Z&to=2026-11-21T11:13:00Z", vec!["hp-07.1.2"]),
    ] {
        let found = site.get(&format!("/api/v1/incidents?{query}")).await.json();
        let ids: Vec<&str> =
            found["items"].as_array().unwrap().iter().map(|i| i["id"].as_str().unwrap()).collect();
        assert_eq!(ids, want, "{query}");
    }
    let first = site.get("/api/v1/incidents?limit=2").await.json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = site.get(&format!("/api/v1/incidents?limit=2&cursor={cursor}")).await.json();
    assert_eq!((&second["items"], &second["next_cursor"]), (&json!([shown(&told[0])]), &json!(null)));

    let one = site.get("/api/v1/incidents/hp-07.1.2").await;
    let mut want = shown(&told[1]);
    want["stills"] = json!(["confirmed"]);
    assert_eq!((one.status, one.json()), (200, want));
    assert_eq!(site.get("/api/v1/incidents/hp-07.1.1").await.json()["stills"], json!([]));

    let page = site.page_headers().await;
    let page: Vec<_> = page.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let still = site.get_with("/api/v1/incidents/hp-07.1.2/stills/confirmed", &page).await;
    assert_eq!((still.status, &still.body[..]), (200, &b"\xff\xd8\xff\xe0 a still"[..]));
    assert_eq!((still.header("content-type"), still.header("cache-control")), ("image/jpeg", "no-store"));
    for path in
        ["hp-07.1.2/stills/start", "hp-07.1.2/stills/both", "hp-07.1.1/stills/start", "x/stills/start"]
    {
        assert_eq!(site.get_with(&format!("/api/v1/incidents/{path}"), &page).await.status, 404, "{path}");
    }
    let refused = site.get("/api/v1/incidents/hp-07.1.2/stills/confirmed").await;
    assert_eq!((refused.status, refused.text().contains("a still")), (403, false));
    for id in ["hp-07.1.9", "hp-07", "HP%2F.1.1", "%F0%9F%9A%97"] {
        let none = site.get(&format!("/api/v1/incidents/{id}")).await;
        assert_eq!((none.status, none.json()["errors"][0]["field"].clone()), (404, json!("id")), "{id}");
    }
    writer.shutdown().await;
}

#[tokio::test]
async fn every_parameter_at_fault_is_named() {
    let site = Site::over(no_database().await);
    for (query, field, value, accepted) in [
        ("camera=hp-99", "camera", "hp-99", "one of the cameras: hp-07 hp-01"),
        ("state=over", "state", "over", "some of: open ended unknown"),
        ("zone=lane-9", "zone", "lane-9", "one of the zones of these cameras: lane-1"),
        ("zone=lane-1&camera=hp-01", "zone", "lane-1", "one of the zones of these cameras (there are none)"),
        ("severity=bad", "severity", "bad", "one of: minor moderate severe extreme"),
        ("from=noon", "from", "noon", "an RFC 3339 time such as 2026-11-21T08:00:00Z, before 9999-12-31"),
        ("limit=1001", "limit", "1001", "a whole number from 1 to 1000"),
        ("cursor=1.x", "cursor", "1.x", "the next_cursor of an earlier page"),
        (
            "from=2026-11-21T08:00:00Z&to=2026-11-21T08:00:00Z",
            "from",
            "2026-11-21T08:00:00Z",
            "a time before 2026-11-21T08:00:00Z (to)",
        ),
    ] {
        let answer = site.get(&format!("/api/v1/incidents?{query}")).await;
        let want = json!([{"field": field, "value": value, "accepted": accepted}]);
        assert_eq!((answer.status, &answer.json()["errors"]), (400, &want), "{query}");
    }
    let kinds = site.get("/api/v1/incidents?kind=smoke&colour=red").await.json();
    assert!(kinds["detail"].as_str().unwrap().contains("some of: stopped_vehicle wrong_way"), "{kinds}");
    assert_eq!(kinds["errors"][1]["field"], "colour");
    for path in ["/api/v1/incidents", "/api/v1/incidents/hp-07.1.1"] {
        let away = site.get(path).await;
        assert_eq!((away.status, away.header("retry-after")), (503, "5"), "{path}");
        assert_eq!(away.json()["type"], "urn:wayside:problem:database-away");
    }
}
