//! Incidents all their way, over real RTSP: from the drawn street to the log, the metrics, the live events, the database
//! and the API; while the database is away, after `kill -9`, and to their end.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of a test fails it the same way"
)]

mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use common::live::Listener;
use common::{Camsim, Site, scratch, wait};
use serde_json::Value;
use tempfile::TempDir;
use wayside_camsim::{Hazard, SceneKind, SceneSpec, record};

const PATIENCE: Duration = Duration::from_secs(120);
/// From the frame that fulfils a rule to the event, in a test that shares its machine; `benches` measures what it is.
const LATEST_S: f64 = 2.5;

fn text<'a>(incident: &'a Value, key: &str) -> &'a str {
    incident[key].as_str().unwrap_or_default()
}

/// The first version of an incident of this kind in this state that was told from a position on.
fn heard(listener: &Listener, from: usize, kind: &str, state: &str) -> Value {
    wait(PATIENCE, &format!("{kind} to be {state}"), || {
        let told = listener.incidents();
        let fits =
            |(incident, _): &&(Value, _)| text(incident, "kind") == kind && text(incident, "state") == state;
        told.iter().skip(from).find(fits).map(|(incident, _)| incident.clone())
    })
}

fn is_stored(site: &Site, id: &str, state: &str) -> Value {
    wait(PATIENCE, &format!("{id} to be kept as {state}"), || {
        let incident = site.json(&format!("/api/v1/incidents/{id}"))?;
        (text(&incident, "state") == state).then_some(incident)
    })
}

/// A camera that shows a highway on which somebody drives the wrong way, again and again, and its files.
fn wrong_way_camera(site: &Site) -> (Camsim, TempDir) {
    let dir = scratch();
    let path = |name: &str| dir.path().join(name);
    let spec = SceneSpec {
        hazards: vec![Hazard::WrongWay { from_s: 6.0 }],
        ..SceneSpec::new(SceneKind::Highway, 2)
    };
    record(&spec, 30.0, &path("wrong.mp4"), &path("wrong.json"), &path("wrong.toml")).unwrap();
    (Camsim::start(&[path("wrong.mp4").to_str().unwrap()], &site.cameras()), dir)
}

#[test]
fn an_incident_comes_all_the_way_whatever_fails() {
    let mut site = Site::new();
    // Nobody listens on port 1: the database is away from the start.
    site.configure("[database]\nurl = \"postgres://nobody@127.0.0.1:1/none\"\n");
    let (mut cameras, _files) = wrong_way_camera(&site);
    site.start();
    let listener = Listener::start(&site.listen);

    // Told at once, although the database is away; logged and counted.
    let driver = heard(&listener, 0, "wrong_way", "open");
    let (_, came) = listener.incidents().into_iter().find(|(told, _)| told["id"] == driver["id"]).unwrap();
    let detected: jiff::Timestamp = text(&driver, "detected_at").parse().unwrap();
    let after_s = came.duration_since(detected).as_secs_f64();
    assert!((-0.5..LATEST_S).contains(&after_s), "told {after_s} s after its frame: {driver}");
    assert!(driver["zone"].is_string() && driver["place"]["ground_m"].is_array(), "{driver}");
    assert!(
        driver["why"].as_array().unwrap().iter().any(|why| why["setting"] == "min_angle_deg"),
        "{driver}"
    );
    let log = std::fs::read_to_string(site.log()).unwrap();
    assert!(log.contains("incident began") && log.contains("wrong_way"), "{log}");
    let metrics = site.text("/metrics").unwrap();
    assert!(
        metrics.lines().any(|l| l.starts_with("wayside_incidents_total{") && l.contains("wrong_way")),
        "{metrics}"
    );
    assert_eq!(site.status("/api/v1/incidents"), Some(503));
    assert_eq!(site.status("/readyz"), Some(200));

    // The camera falls silent, and the process is killed while that lasts.
    cameras.process.kill();
    let silent = heard(&listener, 0, "camera_no_signal", "open");
    site.process.as_mut().unwrap().kill();
    let told = listener.incidents();

    // With a database again, everything that was told is there, once; what was open says that nobody saw its end.
    site.configure("");
    site.start();
    let kept = is_stored(&site, text(&silent, "id"), "unknown");
    assert!(
        kept["ended_at"].is_null() && text(&kept, "last_seen_at") >= text(&silent, "last_seen_at"),
        "{kept}"
    );
    let mut newest: BTreeMap<&str, &Value> = BTreeMap::new();
    for (incident, _) in &told {
        newest.insert(text(incident, "id"), incident);
    }
    let rows = site.items("/api/v1/incidents?limit=2");
    let mut ids: Vec<&str> = rows.iter().map(|row| text(row, "id")).collect();
    ids.sort_unstable();
    assert_eq!(ids, newest.keys().copied().collect::<Vec<_>>(), "what was told and what was kept");
    for row in &rows {
        let last = newest[text(row, "id")];
        let state = if text(last, "state") == "open" { "unknown" } else { "ended" };
        assert_eq!((text(row, "state"), &row["why"]), (state, &last["why"]), "{row} {last}");
    }

    // The camera comes, goes and comes: an incident that begins, is there for whoever comes later, and ends.
    let from = listener.incidents().len();
    cameras.start_again();
    heard(&listener, from, "wrong_way", "open");
    cameras.process.kill();
    let open = heard(&listener, from, "camera_no_signal", "open");
    assert_ne!(open["id"], silent["id"]);
    let later = Listener::start(&site.listen);
    assert_eq!(heard(&later, 0, "camera_no_signal", "open")["id"], open["id"]);
    drop(later);
    is_stored(&site, text(&open, "id"), "open");
    assert_eq!(site.items("/api/v1/incidents?state=open&kind=camera_no_signal&limit=1")[0]["id"], open["id"]);
    cameras.start_again();
    let ended = heard(&listener, from, "camera_no_signal", "ended");
    assert_eq!(ended["id"], open["id"]);
    let row = is_stored(&site, text(&open, "id"), "ended");
    assert_eq!(row["ended_at"], ended["ended_at"]);

    // Stopped in an orderly way, nothing stays open.
    assert!(site.process.take().unwrap().stop(), "it did not end well");
    site.start();
    wait(PATIENCE, "nothing to be open of an earlier run", || {
        let open = site.json("/api/v1/incidents?state=open")?;
        let earlier = |row: &Value| text(row, "detected_at") < text(&ended, "ended_at");
        (!open["items"].as_array()?.iter().any(earlier)).then_some(())
    });
}
