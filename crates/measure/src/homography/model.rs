//! One guess of how the picture lies on the ground: a lens and a plane. How far a pair is off is judged by how
//! well its points can be known, which `consensus` and `refine` both go by.

use nalgebra::{Matrix2, Matrix3, Vector2, Vector3};
use wayside_types::Point;

use crate::lens::Lens;

/// Third coordinates below this are at the horizon: calibration points lie at about 1.
const MIN_DEPTH: f64 = 1e-4;
/// How well a place is read off the picture, half diagonals: 1.5 px of 640×360, 4.4 px of 1920×1080.
const IMAGE_SIGMA: f64 = 0.004;
/// How well a place is measured on the ground, metres: a good aerial picture or a tape across a road.
const GROUND_SIGMA_M: f64 = 0.15;

/// A place in the picture and on the ground.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair {
    /// Fractions of width and height.
    pub image: Point,
    /// Metres.
    pub ground: Point,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Model {
    pub lens: Lens,
    /// Takes what a straight lens would show (half diagonals from the middle) to metres, up to scale; what the
    /// camera sees has a positive third coordinate.
    pub to_ground: Matrix3<f64>,
}

impl Model {
    /// Where a point of the picture lies on the ground; `None` at and above the horizon.
    pub fn place(&self, image: Point) -> Option<Point> {
        project(&self.to_ground, self.lens.straight(self.lens.centred(image))?)
    }

    /// Metres on the ground per half diagonal of the picture. `None` at and above the horizon.
    pub fn jacobian(&self, image: Point) -> Option<Matrix2<f64>> {
        let shown = self.lens.centred(image);
        let straight = self.lens.straight(shown)?;
        let h = &self.to_ground;
        let v = h * Vector3::new(straight.x, straight.y, 1.0);
        if v.z <= MIN_DEPTH {
            return None;
        }
        let (x, y) = (v.x / v.z, v.y / v.z);
        let plane = Matrix2::new(
            h[(0, 0)] - x * h[(2, 0)],
            h[(0, 1)] - x * h[(2, 1)],
            h[(1, 0)] - y * h[(2, 0)],
            h[(1, 1)] - y * h[(2, 1)],
        ) / v.z;
        Some(plane * self.lens.straight_jacobian(shown)?)
    }

    /// What must be multiplied to a pair's error on the ground to have it in standard deviations: to first order
    /// the error of both its points (Hartley and Zisserman, Multiple View Geometry, 2nd ed., section 4.2.6).
    pub fn whitening(&self, image: Point) -> Option<Matrix2<f64>> {
        let j = self.jacobian(image)?;
        let covariance =
            Matrix2::identity() * GROUND_SIGMA_M.powi(2) + j * j.transpose() * IMAGE_SIGMA.powi(2);
        covariance.cholesky()?.l().try_inverse()
    }

    /// By how much a pair misses, metres.
    pub fn error(&self, pair: &Pair) -> Option<Vector2<f64>> {
        let p = self.place(pair.image)?;
        Some(Vector2::new(p.x - pair.ground.x, p.y - pair.ground.y))
    }

    /// The same in standard deviations; infinite at and above the horizon.
    pub fn off(&self, pair: &Pair) -> f64 {
        let whitened = self.whitening(pair.image).zip(self.error(pair)).map(|(w, e)| (w * e).norm());
        whitened.filter(|off| off.is_finite()).unwrap_or(f64::INFINITY)
    }
}

/// A place mapped by a homography; `None` at and behind the line that goes to infinity.
pub(super) fn project(h: &Matrix3<f64>, p: Vector2<f64>) -> Option<Point> {
    let v = h * Vector3::new(p.x, p.y, 1.0);
    let q = Point::new(v.x / v.z, v.y / v.z);
    (v.z > MIN_DEPTH && q.x.is_finite() && q.y.is_finite()).then_some(q)
}
