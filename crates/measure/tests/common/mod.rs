//! The camera of these tests.

use wayside_types::{Calibration, CameraSpec, FrameSize, Line, LineId, Point, Zone};

pub const SIZE: FrameSize = FrameSize { width: 1000, height: 500 };
pub const RATE: f64 = 10.0;

/// A line between two places of the picture, 0 to 1.
pub fn line(id: &str, a: [f64; 2], b: [f64; 2]) -> Line {
    Line { id: LineId::new(id).unwrap(), points: [Point::from(a), Point::from(b)] }
}

/// Upwards through the middle: forward is to the right.
pub fn middle() -> Vec<Line> {
    vec![line("mid", [0.5, 0.95], [0.5, 0.3])]
}

/// A camera of [`RATE`] with all settings as they are where nothing is said.
pub fn camera(lines: Vec<Line>, zones: Vec<Zone>, calibration: Option<Calibration>) -> CameraSpec {
    CameraSpec { lines, zones, calibration, ..wayside_testkit::camera("test") }
}
