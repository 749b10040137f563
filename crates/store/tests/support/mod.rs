//! Cameras and bins for the tests of this crate.

#![allow(dead_code, reason = "each test file uses some of these")]

use std::sync::Arc;

use wayside_types::camera::RtspTransport;
use wayside_types::{
    Bin, BinKey, BinLength, BinSubject, CameraId, CameraSpec, ClosedBins, CountSettings, Coverage,
    DecodeSettings, Department, DetectSettings, Direction, Grade, Line, LineId, Location, Point, Profile,
    RoadUserClass, SourceUrl, SpeedSummary, Timestamp, TrackSettings,
};

pub fn ts(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn camera(id: &str, lines: &[&str]) -> CameraSpec {
    let profile = Profile {
        name: "intersection".to_owned(),
        rate_fps: 10.0,
        model: "yolox-nano-416".to_owned(),
        decode: DecodeSettings::default(),
        detect: DetectSettings::default(),
        track: TrackSettings::default(),
        count: CountSettings::default(),
    };
    CameraSpec {
        id: CameraId::new(id).unwrap(),
        name: format!("Camera {id}"),
        source: SourceUrl::File("/nowhere.mp4".into()),
        transport: RtspTransport::Tcp,
        department: Department::new("traffic").unwrap(),
        profile: Arc::new(profile),
        location: Some(Location { lon: 126.63, lat: 45.6, heading_deg: Some(90.0) }),
        calibration: None,
        lines: lines
            .iter()
            .map(|id| Line {
                id: LineId::new(id).unwrap(),
                points: [Point::new(0.0, 0.5), Point::new(1.0, 0.5)],
            })
            .collect(),
        zones: Vec::new(),
        config_version: "v1".to_owned(),
    }
}

/// A watched bin without counts.
pub fn watched(camera: &str, length: BinLength, start: Timestamp, epoch: i64) -> ClosedBins {
    partly(camera, length, start, epoch, f64::from(length.nominal_s()))
}

/// A bin of which some seconds were watched.
pub fn partly(camera: &str, length: BinLength, start: Timestamp, epoch: i64, observed_s: f64) -> ClosedBins {
    ClosedBins {
        coverage: Coverage {
            camera: CameraId::new(camera).unwrap(),
            start,
            length,
            epoch,
            observed_s,
            dropped_share: 0.0,
            grade: Grade::of(observed_s / f64::from(length.nominal_s()), 0.0),
            config_version: "v1".to_owned(),
        },
        bins: Vec::new(),
    }
}

fn add(
    closed: &mut ClosedBins,
    subject: BinSubject,
    class: RoadUserClass,
    count: u32,
    speed: Option<SpeedSummary>,
) {
    let coverage = &closed.coverage;
    let key = BinKey {
        camera: coverage.camera.clone(),
        subject,
        class,
        start: coverage.start,
        length: coverage.length,
        epoch: coverage.epoch,
    };
    closed.bins.push(Bin { key, count, speed });
}

pub trait With: Sized {
    fn line(self, line: &str, direction: Direction, class: RoadUserClass, count: u32) -> Self;
    fn speed(self, line: &str, class: RoadUserClass, count: u32, mean_kmh: f64) -> Self;
    fn movement(self, from: &str, to: &str, class: RoadUserClass, count: u32) -> Self;
}

impl With for ClosedBins {
    fn line(mut self, line: &str, direction: Direction, class: RoadUserClass, count: u32) -> Self {
        add(&mut self, BinSubject::Line(LineId::new(line).unwrap(), direction), class, count, None);
        self
    }

    fn speed(mut self, line: &str, class: RoadUserClass, count: u32, mean_kmh: f64) -> Self {
        let subject = BinSubject::Line(LineId::new(line).unwrap(), Direction::Forward);
        add(&mut self, subject, class, count, Some(SpeedSummary { n: count, mean_kmh }));
        self
    }

    fn movement(mut self, from: &str, to: &str, class: RoadUserClass, count: u32) -> Self {
        let subject = BinSubject::Movement(LineId::new(from).unwrap(), LineId::new(to).unwrap());
        add(&mut self, subject, class, count, None);
        self
    }
}
