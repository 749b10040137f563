//! A pinhole camera over flat ground: the one geometry behind the pictures, the calibration and the
//! truth. Ground coordinates are metres, x to the right and y ahead on a map seen from above, z up.

use nalgebra::{Point2, Point3, Vector3};

/// Metres in the world: x, y on the ground, z up.
pub type World = Point3<f64>;
/// Pixels, x to the right, y down; the centre of the first pixel is (0.5, 0.5).
pub type Pixel = Point2<f64>;

/// Nearer than this in front of the camera, in metres, nothing is drawn.
pub const NEAR_M: f64 = 1.0;

/// A pinhole camera without distortion.
#[derive(Debug, Clone, PartialEq)]
pub struct Camera {
    position: World,
    right: Vector3<f64>,
    up: Vector3<f64>,
    ahead: Vector3<f64>,
    focal_px: f64,
    centre: Pixel,
    width: u32,
    height: u32,
}

/// Where a camera stands and looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mounting {
    /// Foot of the mast on the ground and height above it, in metres.
    pub position: World,
    /// View direction on the ground, degrees clockwise from the y axis.
    pub heading_deg: f64,
    /// How far the view points below the horizon, in degrees.
    pub pitch_deg: f64,
    /// Angle of view across the picture's width, in degrees.
    pub view_deg: f64,
}

impl Camera {
    /// A camera with pictures of this size in pixels.
    #[must_use]
    pub fn new(mounting: Mounting, width: u32, height: u32) -> Self {
        let (heading, pitch) = (mounting.heading_deg.to_radians(), mounting.pitch_deg.to_radians());
        let right = Vector3::new(heading.cos(), -heading.sin(), 0.0);
        let ahead = Vector3::new(heading.sin() * pitch.cos(), heading.cos() * pitch.cos(), -pitch.sin());
        let half = f64::from(width) / 2.0;
        Self {
            position: mounting.position,
            right,
            up: right.cross(&ahead),
            ahead,
            focal_px: half / (mounting.view_deg.to_radians() / 2.0).tan(),
            centre: Pixel::new(half, f64::from(height) / 2.0),
            width,
            height,
        }
    }

    /// Width and height of the picture in pixels.
    #[must_use]
    pub fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// Where the camera hangs.
    #[must_use]
    pub fn position(&self) -> World {
        self.position
    }

    /// The pixel and the depth along the view axis in metres; the pixel has no meaning when the depth
    /// is not positive.
    #[must_use]
    pub fn project_with_depth(&self, point: World) -> (Pixel, f64) {
        let d = point - self.position;
        let depth = d.dot(&self.ahead);
        let scale = self.focal_px / depth;
        let pixel =
            Pixel::new(self.centre.x + d.dot(&self.right) * scale, self.centre.y - d.dot(&self.up) * scale);
        (pixel, depth)
    }

    /// The pixel of a point; `None` if it is not at least [`NEAR_M`] in front of the camera.
    #[must_use]
    pub fn project(&self, point: World) -> Option<Pixel> {
        let (pixel, depth) = self.project_with_depth(point);
        (depth >= NEAR_M).then_some(pixel)
    }

    /// The direction of sight through a pixel, not normalised.
    #[must_use]
    pub fn ray(&self, pixel: Pixel) -> Vector3<f64> {
        self.ahead * self.focal_px + self.right * (pixel.x - self.centre.x)
            - self.up * (pixel.y - self.centre.y)
    }

    /// The ground point seen in a pixel; `None` at and above the horizon.
    #[must_use]
    pub fn ground(&self, pixel: Pixel) -> Option<Point2<f64>> {
        let ray = self.ray(pixel);
        (ray.z < -1e-6).then(|| {
            let t = -self.position.z / ray.z;
            Point2::new(self.position.x + ray.x * t, self.position.y + ray.y * t)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn camera() -> Camera {
        let mounting = Mounting {
            position: World::new(3.0, -4.0, 8.0),
            heading_deg: 25.0,
            pitch_deg: 20.0,
            view_deg: 60.0,
        };
        Camera::new(mounting, 640, 360)
    }

    #[test]
    fn the_ground_under_a_pixel_projects_back() {
        for (x, y) in [(10.0, 350.0), (320.0, 180.0), (600.0, 300.0), (40.0, 120.0)] {
            let ground = camera().ground(Pixel::new(x, y)).unwrap();
            let pixel = camera().project(World::new(ground.x, ground.y, 0.0)).unwrap();
            assert!((pixel - Pixel::new(x, y)).norm() < 1e-9);
        }
    }

    #[test]
    fn it_looks_where_it_points_and_is_upright() {
        let camera = camera();
        let (sin, cos) = 25f64.to_radians().sin_cos();
        let axis = |d: f64, z: f64| World::new(3.0 + d * sin, -4.0 + d * cos, z);
        let foot = 8.0 / 20f64.to_radians().tan();
        let centre = camera.project(axis(foot, 0.0)).unwrap();
        assert!((centre - Pixel::new(320.0, 180.0)).norm() < 1e-9);
        assert!(camera.project(axis(foot, 1.0)).unwrap().y < centre.y);
        assert!(
            camera
                .project(World::new(3.0 + cos, -4.0 - sin, 0.0) + (axis(foot, 0.0) - axis(0.0, 0.0)))
                .unwrap()
                .x
                > centre.x
        );
        assert!(camera.project(axis(-5.0, 8.0)).is_none());
        assert!(camera.ground(Pixel::new(320.0, -200.0)).is_none());
    }
}
