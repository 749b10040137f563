//! What `wayside check` says of calibrations, and what it draws, for a drawn street whose geometry is known.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of a test fails it the same way"
)]

mod common;

use std::path::Path;

use common::{Site, run, scratch};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A site of one camera: a recorded street, whose video lies beside its camera file.
fn site_of_a_recorded_street(seconds: &str) -> Site {
    let site = Site::new();
    let cameras = site.cameras();
    let record = ["--seed", "1", "--record", text(&cameras), "--seconds", seconds];
    let (good, _, error) = run(&[&["camsim", "--scene", "arterial"][..], &record[..]].concat());
    assert!(good, "{error}");
    site
}

fn change(site: &Site, from: &str, to: &str) {
    let file = site.cameras().join("arterial.toml");
    let old = std::fs::read_to_string(&file).unwrap();
    assert!(old.contains(from), "{from} is not in {old}");
    std::fs::write(&file, old.replacen(from, to, 1)).unwrap();
}

/// One of its pairs moved by 30 m, and a line drawn at the horizon.
#[test]
fn a_wrong_pair_is_named_and_far_lines_are_warned_of() {
    let site = site_of_a_recorded_street("3");
    change(&site, "[[line]]", "[[line]]\nid = \"far\"\npoints = [[0.3, 0.02], [0.6, 0.02]]\n\n[[line]]");
    let config = site.config();
    let (good, out, error) = run(&["check", "--offline", "--config", text(&config)]);
    assert!(good, "{out}{error}");
    assert!(out.contains("calibration of 6 pairs, residual 0.00 m"), "{out}");
    assert!(out.contains("if pictures are 1280 pixels wide, which was not looked at"), "{out}");
    assert!(out.contains("line far reaches beyond the horizon") || out.contains("at line far"), "{out}");
    change(&site, "[13.0, 25.4]", "[13.0, 55.4]");
    let (good, out, error) = run(&["check", "--config", text(&config)]);
    assert!(good, "{out}{error}");
    assert!(out.contains("in pictures 640 pixels wide"), "{out}");
    assert!(out.contains("pair 3 of the calibration is 30.00 m off by what the other 5 say"), "{out}");
}

/// The drawing holds the redacted background where the camera was seen for long enough, and says so where not.
#[test]
fn the_grid_is_drawn_over_the_background() {
    for (seconds, has_background) in [("12", true), ("3", false)] {
        let site = site_of_a_recorded_street(seconds);
        let (config, out_dir) = (site.config(), scratch());
        let (good, out, error) = run(&["check", "--config", text(&config), "--grid", text(out_dir.path())]);
        assert!(good, "{out}{error}");
        assert!(out.contains("in pictures 640 pixels wide"), "{out}");
        let files: Vec<_> = std::fs::read_dir(out_dir.path()).unwrap().map(|f| f.unwrap().path()).collect();
        let [file] = files.as_slice() else { panic!("{files:?}") };
        let svg = std::fs::read_to_string(file).unwrap();
        assert!(svg.matches("<polyline points").count() > 10 && svg.matches("class=\"pair\"").count() == 6);
        assert_eq!(svg.contains("data:image/jpeg;base64,"), has_background, "{out}{error}");
        assert_eq!(svg.contains(", no background"), !has_background);
    }
}
