//! Cameras and bins for the tests of this crate.

#![allow(dead_code, reason = "each test file uses some of these")]

use wayside_types::{
    Bin, BinKey, BinLength, BinSubject, CameraId, CameraSpec, ClosedBins, Coverage, Direction, FlowBin,
    Grade, Headways, Line, LineId, Location, Point, RoadUserClass, Speeds, Timestamp,
};

pub fn ts(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn camera(id: &str, lines: &[&str]) -> CameraSpec {
    let line = |id: &&str| Line {
        id: LineId::new(id).unwrap(),
        points: [Point::new(0.0, 0.5), Point::new(1.0, 0.5)],
    };
    CameraSpec {
        location: Some(Location { lon: 126.63, lat: 45.6, heading_deg: Some(90.0) }),
        lines: lines.iter().map(line).collect(),
        ..wayside_testkit::camera(id)
    }
}

/// A watched bin without counts.
pub fn watched(camera: &str, length: BinLength, start: Timestamp, epoch: i64) -> ClosedBins {
    partly(camera, length, start, epoch, f64::from(length.nominal_s()))
}

/// A bin of which some seconds were watched.
pub fn partly(camera: &str, length: BinLength, start: Timestamp, epoch: i64, observed_s: f64) -> ClosedBins {
    ClosedBins::of(Coverage {
        camera: CameraId::new(camera).unwrap(),
        start,
        length,
        epoch,
        observed_s,
        dropped_share: 0.0,
        grade: Grade::of(observed_s / f64::from(length.nominal_s()), 0.0),
        config_version: "v1".to_owned(),
    })
}

fn add(closed: &mut ClosedBins, subject: BinSubject, class: RoadUserClass, count: u32) {
    let coverage = &closed.coverage;
    let key = BinKey {
        camera: coverage.camera.clone(),
        subject,
        class,
        start: coverage.start,
        length: coverage.length,
        epoch: coverage.epoch,
    };
    closed.bins.push(Bin { key, count });
}

pub trait With: Sized {
    fn line(self, line: &str, direction: Direction, class: RoadUserClass, count: u32) -> Self;
    /// Crossings forward with these speeds (none trusted where empty), one every two seconds, each half a second
    /// over the line.
    fn flow(self, line: &str, class: RoadUserClass, untrusted: u32, kmh: &[f64]) -> Self;
    fn movement(self, from: &str, to: &str, class: RoadUserClass, count: u32) -> Self;
}

impl With for ClosedBins {
    fn line(mut self, line: &str, direction: Direction, class: RoadUserClass, count: u32) -> Self {
        add(&mut self, BinSubject::Line(LineId::new(line).unwrap(), direction), class, count);
        self
    }

    fn flow(mut self, line: &str, class: RoadUserClass, untrusted: u32, kmh: &[f64]) -> Self {
        let count = untrusted + u32::try_from(kmh.len()).unwrap();
        let (mut speeds, mut headways) = (Speeds::default(), Headways::default());
        kmh.iter().for_each(|v| speeds.add(*v));
        (0..count).for_each(|_| headways.add(2.0));
        self.flows.push(FlowBin {
            line: LineId::new(line).unwrap(),
            direction: Direction::Forward,
            class,
            count,
            untrusted: Some(untrusted),
            occupied_s: count / 2,
            speeds: (speeds.n >= 5).then_some(speeds),
            headways: (headways.n >= 5).then_some(headways),
        });
        self
    }

    fn movement(mut self, from: &str, to: &str, class: RoadUserClass, count: u32) -> Self {
        let subject = BinSubject::Movement(LineId::new(from).unwrap(), LineId::new(to).unwrap());
        add(&mut self, subject, class, count);
        self
    }
}

/// Asks the server of this address with its own client, past all of our code; one line a row, `|` between.
pub fn psql(url: &wayside_store::SecretUrl, sql: &str) -> Vec<String> {
    let dirs = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let debian = dirs.map(|dir| dir.path().join("bin/psql")).find(|path| path.is_file());
    let output = std::process::Command::new(debian.unwrap_or_else(|| "psql".into()))
        .args([
            "--no-psqlrc",
            "--quiet",
            "--tuples-only",
            "--no-align",
            "--set",
            "ON_ERROR_STOP=1",
            "--command",
            sql,
        ])
        .arg("--dbname")
        .arg(url.expose())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .filter(|line| !line.is_empty())
        .collect()
}

/// Waits for something that real threads and processes do.
#[expect(clippy::disallowed_methods, reason = "real threads and processes take real time")]
pub fn within(patience: std::time::Duration, mut condition: impl FnMut() -> bool) -> bool {
    let started = std::time::Instant::now();
    while started.elapsed() < patience {
        if condition() {
            return true;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    condition()
}

/// A small disk, for as long as the value lives; `None` where mounting is not allowed.
pub struct SmallDisk(pub std::path::PathBuf);

impl SmallDisk {
    pub fn mount(at: &std::path::Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size},mode=0711"), "tmpfs"])
            .arg(at)
            .status()
            .is_ok_and(|status| status.success());
        mounted.then(|| Self(at.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily, because a failing test may still hold a file on it.
        std::process::Command::new("umount").arg("--lazy").arg(&self.0).status().unwrap();
    }
}
