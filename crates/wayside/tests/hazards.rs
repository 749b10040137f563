//! Hazards through the whole pipeline and the real detector: drawn streets in which something goes wrong, and real
//! footage in which nothing does. Rules alone are tested in `hazard`, footage played backwards in `engine`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of a test fails it the same way"
)]

mod common;

use std::path::Path;

use common::{run, scratch, shared};
use serde_json::{Value, json};
use wayside_camsim::{Hazard, SceneKind, SceneSpec, record};

fn analyze(video: &Path, camera: &Path, out: &Path) -> Value {
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let (good, _, error) = run(&["analyze", &text(video), "--camera", &text(camera), "--json", &text(out)]);
    assert!(good, "{error}");
    serde_json::from_str(&std::fs::read_to_string(out).unwrap()).unwrap()
}

/// Draws a street in which these things go wrong and analyses it: each must be told once, and nothing else.
fn check(kind: SceneKind, seed: u64, seconds: f64, hazards: Vec<Hazard>, hold_s: impl Fn(&str) -> f64) {
    let dir = scratch();
    let path = |name: &str| dir.path().join(name);
    let spec = SceneSpec { hazards, ..SceneSpec::new(kind, seed) };
    let truth = record(&spec, seconds, &path("s.mp4"), &path("s.truth.json"), &path("s.toml")).unwrap();
    let report = analyze(&path("s.mp4"), &path("s.toml"), &path("s.json"));
    let found = report["incidents"].as_array().unwrap();
    let what = format!("{}, seed {seed}: truly {:?}, found {found:#?}", spec.kind.as_str(), truth.incidents);
    assert_eq!(found.len(), truth.incidents.len(), "{what}");
    for wanted in &truth.incidents {
        let of_kind: Vec<&Value> = found.iter().filter(|i| i["kind"] == wanted.kind).collect();
        let [incident] = of_kind.as_slice() else { panic!("{what}") };
        // A lane may lie in a carriageway.
        assert!(incident["zone"].is_string() == wanted.zone.is_some(), "{what}");
        let delay_s = incident["detected_s"].as_f64().unwrap() - wanted.start_s;
        assert!((0.0..=hold_s(wanted.kind) + 5.0).contains(&delay_s), "{delay_s} s after the onset: {what}");
        eprintln!("{} {}: told {delay_s:.1} s after its onset", spec.kind.as_str(), wanted.kind);
    }
}

fn hold_s(kind: &str) -> f64 {
    match kind {
        "stopped_vehicle" => 5.0,
        "wrong_way" => 1.0,
        // Fog takes 20 s to rise.
        "low_visibility" => 30.0 + 20.0,
        _ => 0.0,
    }
}

#[test]
fn a_stopped_vehicle_and_a_wrong_way_driver_on_the_drawn_highway() {
    check(SceneKind::Highway, 1, 60.0, vec![Hazard::StoppedVehicle { from_s: 10.0, for_s: 25.0 }], hold_s);
    check(SceneKind::Highway, 2, 40.0, vec![Hazard::WrongWay { from_s: 12.0 }], hold_s);
}

#[test]
fn a_stopped_vehicle_and_a_wrong_way_driver_on_the_drawn_arterial() {
    check(SceneKind::Arterial, 1, 60.0, vec![Hazard::StoppedVehicle { from_s: 10.0, for_s: 25.0 }], hold_s);
    check(SceneKind::Arterial, 2, 40.0, vec![Hazard::WrongWay { from_s: 12.0 }], hold_s);
}

#[test]
fn fog_on_the_drawn_highway() {
    let fog = Hazard::Fog { from_s: 15.0, for_s: 70.0, visibility_m: 40.0 };
    check(SceneKind::Highway, 3, 85.0, vec![fog], hold_s);
}

#[test]
fn nothing_is_wrong_in_the_real_footage() {
    for (video, camera) in
        [("arterial-20s", "arterial"), ("residential-75s", "residential"), ("motorway-vfr", "motorway-vfr")]
    {
        let (Some(video), Some(camera)) =
            (shared(&format!("clips/{video}.mp4")), shared(&format!("clips/{camera}.toml")))
        else {
            return;
        };
        let dir = scratch();
        let report = analyze(&video, &camera, &dir.path().join("report.json"));
        assert_eq!(report["incidents"], json!([]), "{}", video.display());
    }
}
