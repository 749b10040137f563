//! `wayside bench` as a real process on a short drawn recording: the result is one, and adds up. What the
//! figures are depends on the machine.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of a test fails it the same way"
)]

mod common;

use std::path::Path;
use std::process::{Command, Stdio};

use common::{WAYSIDE, root, scratch, shared};
use serde_json::Value;

/// Runs `wayside bench` with a temporary directory of its own; exit status, standard output and error.
fn bench(temporary: &Path, args: &[&str]) -> (bool, String, String) {
    let mut command = Command::new(WAYSIDE);
    command.arg("bench").args(args).env("TMPDIR", temporary).env("WAYSIDE_HOME", root());
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

fn number(value: &Value, path: &str) -> f64 {
    value.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("{path} is no number in {value}"))
}

/// What must hold of every rate's figures, on any machine.
fn adds_up(result: &Value, at: &Value) {
    let whole = number(at, "/cpu_s_per_camera_s/pipeline");
    let (decode, inference) =
        (number(at, "/cpu_s_per_camera_s/decode"), number(at, "/cpu_s_per_camera_s/inference"));
    assert!(whole > 0.0 && decode > 0.0 && inference > 0.0 && decode <= whole, "{at}");
    let cores = number(result, "/machine/cores");
    assert!((number(at, "/cameras/cores") * whole / cores - 1.0).abs() < 0.05, "{at}");
    assert!(
        (number(at, "/cameras/arithmetic_limit") * (decode + inference) / cores - 1.0).abs() < 0.05,
        "{at}"
    );
    assert!(number(at, "/cameras/capacity") <= number(at, "/cameras/cores"), "{at}");
    let recommended = number(at, "/cameras/recommended");
    assert!((recommended - (0.8 * number(at, "/cameras/capacity"))).abs() <= 1.0, "{at}");
    let shares: f64 =
        ["decode", "inference", "rest"].map(|s| number(at, &format!("/shares/{s}"))).iter().sum();
    assert!((shares - 1.0).abs() < 0.01, "{at}");
}

#[test]
fn a_drawn_street_gives_a_number_of_cameras() {
    let dir = scratch();
    let args =
        ["--size", "320x180", "--fps", "10", "--seconds", "4", "--rate", "4,1", "--json", "/dev/stdout"];
    let (good, out, error) = bench(dir.path(), &args);
    assert!(good, "{error}");
    let result: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}"));
    assert_eq!((number(&result, "/footage/width"), number(&result, "/footage/height")), (320.0, 180.0));
    assert!((number(&result, "/footage/fps") - 10.0).abs() < 0.1, "{result}");
    assert_eq!(result["model"], "yolox_nano");
    let [slow, fast] = result["rates"].as_array().unwrap().as_slice() else { panic!("{result}") };
    assert_eq!((number(slow, "/rate_fps"), number(fast, "/rate_fps")), (1.0, 4.0), "the lowest comes first");
    for at in [slow, fast] {
        adds_up(&result, at);
        // The first frame is always due, which in four seconds is one more than the rate says.
        assert!((number(at, "/due_fps") / number(at, "/rate_fps") - 1.0).abs() < 0.3, "{at}");
    }
    let inference = |at: &Value| number(at, "/cpu_s_per_camera_s/inference");
    assert!(inference(fast) > 2.0 * inference(slow), "four times the frames: {result}");
    assert!(error.contains("drawing") && error.contains("round 3 of 3"), "{error}");
    let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().path()).collect();
    assert!(left.is_empty(), "left behind: {left:?}");
}

#[test]
fn input_that_cannot_be_used_is_named() {
    let dir = scratch();
    let fails = |args: &[&str], says: &[&str]| {
        let (good, _, error) = bench(dir.path(), args);
        assert!(!good, "{args:?} was taken");
        assert!(!error.contains("panicked"), "{args:?}: {error}");
        for part in says {
            assert!(error.contains(part), "{args:?}: {part:?} is not in: {error}");
        }
    };
    fails(&["--size", "10x10"], &["--size 10x10", "320x180 to 1920x1080"]);
    fails(&["--rate", "90"], &["--rate 90", "at most 60"]);
    fails(&["--profile", "arterail"], &["--profile \"arterail\"", "arterial", "residential"]);
    fails(&["--model", "../x"], &["--model \"../x\""]);
    fails(&["/nowhere/clip.mp4"], &["/nowhere/clip.mp4"]);
    fails(&["--config", "/nowhere/wayside.toml"], &["/nowhere/wayside.toml"]);
    let Some(clip) = shared("clips/junction-truck-3s.mp4") else { return };
    let clip = clip.to_str().unwrap();
    fails(&[clip, "--rate", "25"], &["--rate 25", "20.0 frames a second"]);
    fails(&[clip, "--json", "/nowhere/out.json", "--rate", "1"], &["--json /nowhere/out.json"]);
}
