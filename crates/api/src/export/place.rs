//! Where things lie on the map: from a camera's picture over its ground to longitude and latitude (WGS 84), where the
//! calibration says how its ground lies on the Earth.

use wayside_types::camera::GroundOrigin;
use wayside_types::{CameraSpec, Direction, Line, Point};

use crate::state::GroundMap;

/// Half the greater axis of WGS 84, metres (NIMA TR 8350.2, third edition, section 3).
const A_M: f64 = 6_378_137.0;
/// The square of its eccentricity, f (2 − f) with f = 1 / 298.257223563.
const E2: f64 = 0.006_694_379_990_141_317;

/// Longitude and latitude, degrees.
pub(crate) type Place = [f64; 2];

/// A camera's way to the map.
pub(crate) struct OnMap<'a> {
    camera: &'a CameraSpec,
    ground: &'a GroundMap,
    origin: Option<GroundOrigin>,
}

impl<'a> OnMap<'a> {
    pub(crate) fn new(camera: &'a CameraSpec, ground: &'a GroundMap) -> Self {
        let origin = camera.calibration.as_ref().and_then(|calibration| calibration.ground_origin);
        Self { camera, ground, origin }
    }

    /// Where a point of the picture is; `None` without a place for the ground, and beyond the horizon.
    pub(crate) fn place(&self, point: Point) -> Option<Place> {
        let origin = self.origin?;
        let metres = (self.ground)(&self.camera.id, point)?;
        Some(place(&origin, metres))
    }

    /// A line from its first end to its second.
    pub(crate) fn line(&self, line: &Line) -> Option<[Place; 2]> {
        let [a, b] = line.points;
        Some([self.place(a)?, self.place(b)?])
    }

    /// Where a line stands: its middle, else the camera.
    pub(crate) fn site(&self, line: &Line) -> Option<Place> {
        let [a, b] = line.points;
        let middle = Point::new(f64::midpoint(a.x, b.x), f64::midpoint(a.y, b.y));
        self.place(middle).or_else(|| self.camera.location.map(|at| [at.lon, at.lat]))
    }

    /// Which way those go who cross a line in a direction, whole degrees clockwise from north, 0 to 359.
    pub(crate) fn heading_deg(&self, line: &Line, direction: Direction) -> Option<u16> {
        let (origin, [a, b]) = (self.origin?, line.points);
        let (a, b) = ((self.ground)(&self.camera.id, a)?, (self.ground)(&self.camera.id, b)?);
        // On the ground, which is seen from above, forward is to the right of the line.
        let along_deg = (b.x - a.x).atan2(b.y - a.y).to_degrees() + origin.y_axis_deg;
        let turn_deg = match direction {
            Direction::Forward => 90.0,
            Direction::Backward => -90.0,
        };
        let heading = (along_deg + turn_deg).round().rem_euclid(360.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 0 to 359")]
        Some(heading as u16)
    }
}

/// A point of the ground on the map, by the radii of curvature at the origin: off by about d² / R, 1 mm at 100 m and
/// 16 cm at 1 km.
fn place(origin: &GroundOrigin, metres: Point) -> Place {
    let (sin, cos) = origin.y_axis_deg.to_radians().sin_cos();
    let (east, north) = (metres.x * cos + metres.y * sin, metres.y * cos - metres.x * sin);
    let (sin_lat, cos_lat) = origin.lat.to_radians().sin_cos();
    let w = 1.0 - E2 * sin_lat * sin_lat;
    let lat = origin.lat + (north * w * w.sqrt() / (A_M * (1.0 - E2))).to_degrees();
    let lon = origin.lon + (east * w.sqrt() / (A_M * cos_lat)).to_degrees();
    [rounded((lon + 540.0).rem_euclid(360.0) - 180.0), rounded(lat)]
}

/// To a centimetre.
fn rounded(degrees: f64) -> f64 {
    (degrees * 1e7).round() / 1e7
}

/// Twice the area that a ring of places runs around, positive where it runs anticlockwise.
pub(crate) fn doubled_area(ring: &[Place]) -> f64 {
    let next = ring.iter().cycle().skip(1);
    ring.iter().zip(next).map(|(a, b)| a[0] * b[1] - b[0] * a[1]).sum()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::testing::cameras;

    /// Lengths of a degree on WGS 84 as tables give them, at 45.6° north.
    #[test]
    fn metres_become_degrees() {
        let origin = |y_axis_deg| GroundOrigin { lon: 126.63, lat: 45.6, y_axis_deg };
        let [lon, lat] = place(&origin(0.0), Point::new(78.013, 111.143));
        assert!((lon - 126.631).abs() < 2e-7 && (lat - 45.601).abs() < 2e-7, "{lon} {lat}");
        // The y axis points east: x points south.
        let [lon, lat] = place(&origin(90.0), Point::new(111.143, 78.013));
        assert!((lon - 126.631).abs() < 2e-7 && (lat - 45.599).abs() < 2e-7, "{lon} {lat}");
        let [lon, _] =
            place(&GroundOrigin { lon: 179.999_9, lat: 0.0, y_axis_deg: 0.0 }, Point::new(100.0, 0.0));
        assert!((-180.0..-179.99).contains(&lon), "{lon}");
    }

    #[test]
    fn forward_is_to_the_right_of_a_line() {
        let mut camera = cameras()[0].clone();
        if let Some(calibration) = &mut camera.calibration {
            calibration.ground_origin = Some(GroundOrigin { lon: 126.63, lat: 45.6, y_axis_deg: 0.0 });
        }
        let ground: GroundMap = Arc::new(|_, p| Some(Point::new(100.0 * p.x, 100.0 * (1.0 - p.y))));
        let on_map = OnMap::new(&camera, &ground);
        // From the near edge of the picture to the far one: north. Its right hand is east.
        let line = &camera.lines[0];
        assert_eq!(on_map.heading_deg(line, Direction::Forward), Some(90));
        assert_eq!(on_map.heading_deg(line, Direction::Backward), Some(270));
        assert!(line.points[0].y > line.points[1].y);
    }
}
