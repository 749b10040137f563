//! The line we do not cross, searched for byte by byte: 128-bit canaries are planted all over every frame,
//! and each box that the detector or the tracker finds is a canary by itself. A full run (detector, tracking,
//! bins, private database, API) follows, and no canary may be in any byte that it kept, logged or sent.
//!
//! A `TrackId` can't be planted: it begins at zero in every tracker, has no constructor from a number, and the
//! compile-fail tests in `types::track` prove that it can be neither serialised nor displayed. What is planted
//! in ids instead is in the ids of lines, which belong in the store and the API but in no log and no metric.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of a test fails it the same way"
)]

mod common;
// Not a part of `common`: only this test builds what it needs.
#[path = "common/canary.rs"]
mod canary;
#[path = "common/full_run/mod.rs"]
mod full_run;
#[path = "common/search.rs"]
mod search;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use canary::{Canary, Forms, Searcher, byte_forms, number_forms};
use common::{Process, WAYSIDE, scratch, wait};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use wayside_types::BBox;

/// In the environment of the process that does the run: where.
const RUN_IN: &str = "WAYSIDE_TEST_PRIVACY_DIR";

/// Without it in the environment ONNX Runtime writes an id of its own into the temporary directory as soon as
/// it is loaded, whatever is asked of its API afterwards.
const NO_TELEMETRY: &str = "ORT_DISABLE_TELEMETRY";

/// The run is a process of its own, so that its temporary, home and working directories are its own and
/// standard output and error can be searched, too.
#[test]
fn no_canary_leaves_a_full_run() {
    if let Some(dir) = std::env::var_os(RUN_IN) {
        return full_run::run(Path::new(&dir));
    }
    let dir = scratch();
    let own = |name: &str| {
        use std::os::unix::fs::PermissionsExt;
        let path = dir.path().join(name);
        std::fs::create_dir(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o1777)).unwrap();
        path
    };
    let (temporary, home, working) = (own("tmp"), own("home"), own("cwd"));
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "no_canary_leaves_a_full_run", "--nocapture"])
        .env(RUN_IN, dir.path())
        .env("TMPDIR", &temporary)
        .env("HOME", &home)
        // This process is not the binary, which must see to this itself; the next test is about that.
        .env(NO_TELEMETRY, "1")
        .current_dir(&working)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&said);
    eprintln!("{text}");
    assert!(output.status.success() && text.contains("1 passed"), "the run failed, see above");
    let found = full_run::plain_searcher().find(&said);
    assert!(found.is_empty(), "printed: {found:?}");
    for place in [temporary, home, working] {
        let left: Vec<_> = std::fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(left.is_empty(), "left behind: {left:?}");
    }
}

fn searcher(canary: Canary, boxes: &[BBox]) -> Searcher {
    let mut forms = Forms::default();
    forms.frame(&canary);
    boxes.iter().for_each(|bbox| forms.bbox(bbox));
    forms.searcher(canary)
}

/// The search itself must be able to find: each form, anywhere, packed or in a picture.
#[test]
fn the_search_finds_every_form() {
    let planted = canary::canary(7);
    let bbox = BBox { x1: 101.237_64, y1: 88.5, x2: 140.913_1, y2: 119.081_9 };
    let searcher = searcher(planted, &[bbox]);
    let hay = |needle: &[u8]| [vec![0x41; 997].as_slice(), needle, &[0x42; 55]].concat();
    let finds = |bytes: &[u8], what: &str| assert!(!searcher.find(bytes).is_empty(), "{what} was not found");
    assert!(searcher.find(&hay(b"101.237 only one coordinate 999.999")).is_empty());

    let coordinates = [bbox.x1, bbox.y1, bbox.x2, bbox.y2];
    let little: Vec<u8> = coordinates.iter().flat_map(|c| c.to_le_bytes()).collect();
    let big: Vec<u8> = coordinates.iter().flat_map(|c| c.to_be_bytes()).collect();
    for bytes in [planted, little.try_into().unwrap(), big.try_into().unwrap()] {
        for (form, text) in byte_forms(&bytes) {
            finds(&hay(&text), form);
        }
        finds(&packed(&hay(&bytes)), "packed");
    }
    for (form, text) in number_forms(&planted) {
        finds(&hay(&text), form);
    }
    finds(&hay(format!("{coordinates:?}").as_bytes()), "a box as Debug writes it");
    finds(&hay(format!("x1={:.3} and x2={:.3}", bbox.x1, bbox.x2).as_bytes()), "a box, rounded");
    let (x, y) = (f64::from(bbox.x1), f64::from(bbox.y2));
    finds(&hay(format!("{{\"x\":{x},\"y\":{y}}}").as_bytes()), "a box as JSON writes it");

    // What base64 itself would write, from a reference: RFC 4648's alphabet over a known text.
    let known: Canary = *b"canary, sixteen!";
    let known_search = self::searcher(known, &[]);
    for text in ["Y2FuYXJ5LCBzaXh0ZWVuIQ==", "eGNhbmFyeSwgc2l4dGVlbiF4", "eHhjYW5hcnksIHNpeHRlZW4heA=="] {
        assert!(!known_search.find(text.as_bytes()).is_empty(), "{text} was not found");
    }
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The binary itself, with a file to analyse: neither it nor a library of it leaves a temporary file.
#[test]
fn the_binary_leaves_no_temporary_file() {
    let dir = scratch();
    let temporary = dir.path().join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let run = |args: &[&std::ffi::OsStr]| {
        let mut command = Command::new(WAYSIDE);
        command.args(args).env("TMPDIR", &temporary).env_remove(NO_TELEMETRY).stdin(Stdio::null());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let (video, camera) = (dir.path().join("arterial.mp4"), dir.path().join("arterial.toml"));
    let record = ["camsim", "--scene", "arterial", "--seconds", "1", "--record"].map(std::ffi::OsStr::new);
    run(&[record.as_slice(), &[dir.path().as_os_str()]].concat());
    run(&["analyze".as_ref(), video.as_os_str(), "--camera".as_ref(), camera.as_os_str()]);
    let left: Vec<_> = std::fs::read_dir(&temporary).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "left behind: {left:?}");
}

/// Frames live in memory: a crash must not write them to a file.
#[test]
fn core_dumps_are_off() {
    let limit = getrlimit(Resource::Core);
    // A shell that already forbids core dumps would let this test pass for nothing.
    if setrlimit(Resource::Core, Rlimit { current: limit.maximum, ..limit }).is_err()
        || limit.maximum == Some(0)
    {
        eprintln!(
            "SKIPPED: core dumps are forbidden here already, so that the binary can't show that it does so"
        );
        return;
    }
    let control = Process::start(Command::new("sleep").arg("60"));
    assert!(!forbids_core_dumps(control.pid()), "the control process can't dump core either");
    let mut command = Command::new(WAYSIDE);
    command.args(["camsim", "--scene", "arterial", "--port", "0"]).stdout(Stdio::null());
    let mut process = Process::start(&mut command);
    wait(Duration::from_secs(20), "core dumps to be forbidden", || {
        assert!(process.is_alive(), "wayside ended");
        forbids_core_dumps(process.pid()).then_some(())
    });
}

fn forbids_core_dumps(pid: u32) -> bool {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    line.split_whitespace().skip(4).take(2).eq(["0", "0"])
}
