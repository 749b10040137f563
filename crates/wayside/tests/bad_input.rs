//! Bad input from the command line's side: each mistake gets an error that names it, and nothing panics.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of a test fails it the same way"
)]

mod common;

use std::path::Path;

use common::{Site, root, run, scratch, shared};

const CAMERA: &str = "id = \"c\"\nname = \"C\"\nsource = \"x.mp4\"\ndepartment = \"traffic\"\nprofile = \"arterial\"\n\
                      [[line]]\nid = \"l\"\npoints = [[0.5, 0.9], [0.5, 0.1]]\n";

fn fails(args: &[&str], says: &[&str]) {
    let (good, _, error) = run(args);
    assert!(!good, "{args:?} was taken");
    assert!(!error.contains("panicked"), "{args:?}: {error}");
    for part in says {
        assert!(error.contains(part), "{args:?}: {part:?} is not in: {error}");
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn analyze_names_what_is_wrong_with_its_input() {
    let dir = scratch();
    let file = |name: &str, content: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let camera = file("camera.toml", CAMERA.as_bytes());
    let camera = text(&camera);
    let missing = dir.path().join("missing.mp4");
    fails(&["analyze", text(&missing), "--camera", camera], &["missing.mp4"]);
    let empty = file("empty.mp4", b"");
    fails(&["analyze", text(&empty), "--camera", camera], &["empty.mp4", "empty"]);
    let noise: Vec<u8> = (0..40_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let noise = file("noise.mp4", &noise);
    fails(&["analyze", text(&noise), "--camera", camera], &["noise.mp4"]);
    let words = file("words.mp4", b"this is no video\n".repeat(100).as_slice());
    fails(&["analyze", text(&words), "--camera", camera], &["words.mp4"]);
    let Some(clip) = shared("clips/junction-truck-3s.mp4") else { return };
    fails(&["analyze", text(&clip), "--camera", camera, "--rate", "0"], &["--rate", "0", "60"]);
    fails(&["analyze", text(&clip), "--camera", camera, "--model", "../x"], &["--model", "../x"]);
    fails(
        &["analyze", text(&clip), "--camera", camera, "--json", "/nowhere/out.json"],
        &["--json", "/nowhere"],
    );
    let bad = CAMERA.replace("0.9", "1.9").replace("arterial", "arterail");
    let bad = file("bad.toml", bad.as_bytes());
    fails(
        &["analyze", text(&clip), "--camera", text(&bad)],
        &["bad.toml:5", "arterail", "bad.toml:8", "1.9"],
    );
}

#[test]
fn a_report_may_be_written_to_a_device() {
    let Some(clip) = shared("clips/junction-truck-3s.mp4") else { return };
    let dir = scratch();
    let camera = dir.path().join("camera.toml");
    std::fs::write(&camera, CAMERA).unwrap();
    let (good, out, error) =
        run(&["analyze", text(&clip), "--camera", text(&camera), "--json", "/dev/stdout"]);
    assert!(good, "{error}");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["camera"], "c");
    assert_eq!(report["video"]["frames"], 60);
}

#[test]
fn run_refuses_a_taken_port_an_outside_address_and_a_bad_site() {
    let site = Site::new();
    let config = site.config();
    let config = text(&config);
    let taken = std::net::TcpListener::bind(&site.listen).unwrap();
    fails(&["run", "--config", config], &["listen", &site.listen]);
    drop(taken);
    let all = std::fs::read_to_string(site.config()).unwrap().replace("127.0.0.1", "0.0.0.0");
    std::fs::write(site.config(), all).unwrap();
    fails(&["run", "--config", config], &["listen", "0.0.0.0", "--insecure"]);
    site.configure("colour = \"red\"\n");
    std::fs::write(site.cameras().join("one.toml"), CAMERA.replace("\"c\"", "\"C!\"")).unwrap();
    std::fs::write(site.cameras().join("two.toml"), "not toml at all").unwrap();
    fails(&["run", "--config", config], &["colour", "one.toml:1", "C!", "two.toml:1"]);
    fails(&["check", "--config", config], &["colour", "one.toml:1", "C!", "two.toml:1"]);
}

#[test]
fn check_tries_every_camera_and_warns_of_what_it_finds() {
    let Some(clip) = shared("clips/junction-truck-3s.mp4") else { return };
    let site = Site::new();
    let config = site.config();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let camera = |id: &str, source: &str| {
        let camera = CAMERA.replace("\"c\"", &format!("{id:?}")).replace("x.mp4", source);
        std::fs::write(site.cameras().join(format!("{id}.toml")), camera).unwrap();
    };
    camera("there", text(&clip));
    camera("away", &format!("rtsp://operator:canary@{closed}/x"));
    let (good, out, error) = run(&["check", "--config", text(&config)]);
    assert!(good, "a camera may be off for now: {out} {error}");
    assert!(out.contains("camera there: sends 800x600, H.264"), "{out}");
    assert!(out.contains(&format!("warning: camera away: connection refused by {closed}")), "{out}");
    assert!(out.contains("2 cameras"), "{out}");
    assert!(!out.contains("canary") && !error.contains("canary"), "{out} {error}");
    let (good, out, _) = run(&["check", "--offline", "--config", text(&config)]);
    assert!(good && !out.contains("sends") && !out.contains("refused"), "{out}");
}

#[test]
fn a_model_with_another_hash_is_refused() {
    let dir = scratch();
    let models = dir.path().join("models");
    std::fs::create_dir_all(&models).unwrap();
    let manifest = std::fs::read_to_string(root().join("models/yolox_nano_416.toml")).unwrap();
    let wrong = manifest.replace("615e2661", "00000000").replace("\"yolox_nano_416\"", "\"yolox_nano\"");
    assert_ne!(manifest, wrong);
    std::fs::write(models.join("yolox_nano.toml"), wrong).unwrap();
    let site = Site::new();
    site.configure(&format!("models_dir = {models:?}\n"));
    std::fs::write(site.cameras().join("c.toml"), CAMERA.replace("x.mp4", "/dev/null")).unwrap();
    let config = site.config();
    fails(&["run", "--config", text(&config)], &["yolox_nano", "00000000", "615e2661"]);
}

/// A server that is away is no fault, for `run` waits for it; a site that is checked before it is put to work should hear of it.
#[test]
fn check_says_when_the_database_does_not_answer() {
    let site = Site::new();
    std::fs::write(site.cameras().join("c.toml"), CAMERA).unwrap();
    let config = site.config();
    let check = |more: &str| {
        site.configure(more);
        let (good, out, error) = run(&["check", "--config", text(&config)]);
        assert!(good, "{out}{error}");
        out
    };
    let away = check("[database]\nurl = \"postgres://wayside:hunter2@127.0.0.1:1/wayside\"\n");
    assert!(away.contains("warning: database.url: the database can't be reached"), "{away}");
    assert!(away.contains("no fault, 3 warnings") && !away.contains("all good"), "{away}");
    assert!(!away.contains("hunter2"), "{away}");
    // The other warnings are the camera's, whose video is not there.
    let private = check("");
    assert!(private.contains("no fault, 2 warnings\n") && !private.contains("database"), "{private}");
}

#[test]
fn a_rate_below_zero_is_a_rate() {
    let dir = scratch();
    let camera = dir.path().join("camera.toml");
    std::fs::write(&camera, CAMERA).unwrap();
    let args = ["x.mp4", "--camera", text(&camera), "--rate", "-1"];
    fails(&[&["analyze"][..], &args].concat(), &["--rate -1", "more than 0 and at most 60"]);
}
