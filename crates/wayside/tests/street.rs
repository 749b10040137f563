//! The drawn street with its truth, through the whole pipeline and the real detector: counts, and mean speeds
//! within 5 % or 3 km/h. A recording goes through H.264 like a camera's stream. Counts should be exact; where
//! a recording is known to be counted wrong, the test says by how much, so that it can't get worse unseen.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of a test fails it the same way"
)]

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use common::{run, scratch};
use serde_json::Value;

/// Line and direction.
type Passage = (String, String);

fn load(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn passage(row: &Value) -> Passage {
    let text = |key: &str| row[key].as_str().unwrap().to_owned();
    (text("line"), text("direction"))
}

/// Crossings of the classes that the truth counts at a line.
fn counted(report: &Value, wanted: &Value) -> u64 {
    let of = |row: &&Value| {
        let classes = wanted["classes"].as_array().cloned().unwrap_or_default();
        passage(row) == passage(wanted) && (classes.is_empty() || classes.contains(&row["class"]))
    };
    report["counts"].as_array().unwrap().iter().filter(of).map(|row| row["count"].as_u64().unwrap()).sum()
}

fn check(scene: &str, seed: &str, known_wrong: u64) {
    let dir = scratch();
    let path = |ending: &str| dir.path().join(format!("{scene}.{ending}"));
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let (good, _, error) =
        run(&["camsim", "--scene", scene, "--seed", seed, "--record", &text(dir.path()), "--seconds", "60"]);
    assert!(good, "{error}");
    let (video, camera, json) = (text(&path("mp4")), text(&path("toml")), text(&path("json")));
    let (good, _, error) = run(&["analyze", &video, "--camera", &camera, "--json", &json]);
    assert!(good, "{error}");
    let (truth, report) = (load(&path("truth.json")), load(&path("json")));
    let (mut crossings, mut wrong) = (0, 0);
    for wanted in truth["counts"].as_array().unwrap() {
        let (want, got) = (wanted["count"].as_u64().unwrap(), counted(&report, wanted));
        if got != want {
            eprintln!("{scene}, seed {seed}, {:?}: counted {got}, truly {want}", passage(wanted));
        }
        wrong += got.abs_diff(want);
        crossings += want;
    }
    assert!(crossings > 0, "nothing crossed a line");
    assert_eq!(
        report["incidents"],
        serde_json::json!([]),
        "{scene}, seed {seed}: usual traffic is no hazard"
    );
    assert!(
        wrong <= known_wrong,
        "{scene}, seed {seed}: {wrong} of {crossings} wrong, known are {known_wrong}"
    );
    let speeds: BTreeMap<Passage, &Value> =
        report["speeds"].as_array().unwrap().iter().map(|row| (passage(row), row)).collect();
    for wanted in truth["speeds"].as_array().unwrap() {
        let (Some(want), Some(got)) = (wanted["mean_kmh"].as_f64(), speeds.get(&passage(wanted))) else {
            continue;
        };
        // Fewer than five say nothing, and then there must be no figure.
        let Some(got) = got["mean_kmh"].as_f64() else { continue };
        let accepted = (0.05 * want).max(3.0);
        assert!(
            (got - want).abs() <= accepted,
            "{scene}, seed {seed}, {:?}: {got} km/h, truly {want}",
            passage(wanted)
        );
    }
}

#[test]
fn the_junction_is_counted() {
    check("junction", "1", 0);
    check("junction", "3", 0);
    check("junction", "4", 0);
}

#[test]
fn the_arterial_is_counted() {
    check("arterial", "1", 0);
    check("arterial", "2", 0);
    check("arterial", "3", 0);
}

#[test]
fn the_highway_is_counted() {
    check("highway", "1", 0);
    check("highway", "3", 0);
}

/// What can be asked for on the command line really happens, when it was asked for, and is in the truth.
#[test]
fn hazards_come_on_request() {
    let dir = scratch();
    let record = |hazard: &str| {
        let into = ["--record", dir.path().to_str().unwrap(), "--seconds", "30"];
        run(&[&["camsim", "--scene", "arterial", "--hazard", hazard][..], &into].concat())
    };
    for (hazard, kind) in [
        ("stopped@10", "stopped_vehicle"),
        ("wrong-way@10", "wrong_way"),
        ("object@11", "object_on_road"),
        ("fog@10", "low_visibility"),
    ] {
        let (good, _, error) = record(hazard);
        assert!(good, "{error}");
        let truth = load(&dir.path().join("arterial.truth.json"));
        let kinds: Vec<&str> =
            truth["incidents"].as_array().unwrap().iter().map(|i| i["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, [kind], "{hazard}: {truth}");
    }
    for bad in ["flood", "stopped@5", "stopped@soon", "fog@"] {
        let (good, _, error) = record(bad);
        assert!(!good && error.contains("--hazard") && error.contains("must be"), "{bad}: {error}");
    }
}
