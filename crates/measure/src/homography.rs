//! The plane homography between the picture and the ground: normalised direct linear transform, least
//! squares over four or more pairs (Hartley and Zisserman, Multiple View Geometry, 2nd ed., algorithm
//! 4.2). Image points are fractions of width and height, ground points metres.

use nalgebra::{DMatrix, Matrix2, Matrix3, Vector3};
use wayside_types::{Calibration, Point};

/// Why a calibration can't be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CalibrationError {
    /// Lists of different lengths.
    #[error(
        "calibration: {image} points in `image` but {ground} in `ground_m`; each image point needs its ground point"
    )]
    Unpaired {
        /// Points in `image`.
        image: usize,
        /// Points in `ground_m`.
        ground: usize,
    },
    /// Fewer than four pairs.
    #[error("calibration: {0} pairs of points; 4 or more are needed")]
    TooFew(usize),
    /// A coordinate that is no number.
    #[error("calibration: pair {0} (counted from 1) has a coordinate that is not a finite number")]
    NotFinite(usize),
    /// Two pairs in the same place.
    #[error(
        "calibration: pairs {first} and {second} (counted from 1) have the same {which} point; each must be elsewhere"
    )]
    Duplicate {
        /// One pair.
        first: usize,
        /// The other.
        second: usize,
        /// `image` or `ground_m`.
        which: &'static str,
    },
    /// Points (nearly) on one straight line.
    #[error(
        "calibration: the {which} points lie (nearly) on a straight line; four corners of an area on the road are needed, no three of them in line"
    )]
    Degenerate {
        /// `image` or `ground_m`.
        which: &'static str,
    },
    /// Left-handed ground coordinates, or pairs in the wrong order.
    #[error(
        "calibration: the ground is seen mirrored; `ground_m` must be right-handed seen from above (x to the right when y points ahead), in the order of `image`"
    )]
    Mirrored,
    /// Some points would lie beyond the horizon.
    #[error(
        "calibration: no view of flat ground fits these pairs (some would lie beyond the horizon); check their order"
    )]
    Horizon,
    /// The pairs contradict one another.
    #[error(
        "calibration: the pairs are {residual_m:.2} m off on average, accepted is up to {accepted_m:.2} m; check each ground point"
    )]
    Residual {
        /// Root mean square distance, metres.
        residual_m: f64,
        /// What would have been accepted.
        accepted_m: f64,
    },
}

/// Residuals above this share of the ground points' spread are refused.
const MAX_RESIDUAL_SHARE: f64 = 0.10;
/// Below this ratio of singular values a set of points counts as a line.
const MIN_SPREAD_RATIO: f64 = 0.01;

/// Maps picture to ground and back.
#[derive(Debug, Clone)]
pub struct Homography {
    to_ground: Matrix3<f64>,
    to_image: Matrix3<f64>,
    residual_m: f64,
}

impl Homography {
    /// Fits the pairs of a calibration.
    ///
    /// # Errors
    /// [`CalibrationError`] when there are fewer than four pairs, when they are unpaired, repeated, not
    /// finite, in line, mirrored (a proper image-to-ground homography has a negative determinant, since
    /// the image's y points down), beyond the horizon, or contradict one another.
    pub fn fit(calibration: &Calibration) -> Result<Self, CalibrationError> {
        let (image, ground) = (&calibration.image, &calibration.ground_m);
        check_points(image, ground)?;
        let (from, from_norm) = normalised(image, "image")?;
        let (to, to_norm) = normalised(ground, "ground_m")?;
        let degenerate = CalibrationError::Degenerate { which: "image" };
        let h = direct_linear(&from, &to).ok_or_else(|| degenerate.clone())?;
        let back = to_norm.try_inverse().ok_or_else(|| degenerate.clone())?;
        let mut h = back * h * from_norm;
        // The sign is free: points in front of the camera get a positive third coordinate.
        let depths: Vec<f64> = image.iter().map(|p| (h * Vector3::new(p.x, p.y, 1.0)).z).collect();
        let scale = depths.iter().fold(0.0_f64, |a, d| a.max(d.abs()));
        if depths.iter().any(|d| d.abs() < 1e-6 * scale) {
            return Err(CalibrationError::Horizon);
        }
        let negative = depths.iter().filter(|d| **d < 0.0).count();
        if negative != 0 && negative != depths.len() {
            return Err(CalibrationError::Horizon);
        }
        h /= if negative > 0 { -scale } else { scale };
        if h.determinant() >= 0.0 {
            return Err(CalibrationError::Mirrored);
        }
        let to_image = h.try_inverse().ok_or(degenerate)?;
        let mut fitted = Self { to_ground: h, to_image, residual_m: 0.0 };
        fitted.residual_m = fitted.residual(image, ground)?;
        Ok(fitted)
    }

    fn residual(&self, image: &[Point], ground: &[Point]) -> Result<f64, CalibrationError> {
        let mut sum = 0.0;
        for (i, g) in image.iter().zip(ground) {
            let p = self.to_ground(*i).ok_or(CalibrationError::Horizon)?;
            sum += p.distance(*g).powi(2);
        }
        let residual_m = (sum / image.len() as f64).sqrt();
        let accepted_m = MAX_RESIDUAL_SHARE * spread(ground);
        if residual_m > accepted_m {
            return Err(CalibrationError::Residual { residual_m, accepted_m });
        }
        Ok(residual_m)
    }

    /// The matrix that takes ground metres to fractions of the picture, up to scale.
    #[must_use]
    pub const fn ground_to_image(&self) -> &Matrix3<f64> {
        &self.to_image
    }

    /// Where a point of the picture (fractions) lies on the ground (metres); `None` at and above the
    /// horizon.
    #[must_use]
    pub fn to_ground(&self, p: Point) -> Option<Point> {
        project(&self.to_ground, p)
    }

    /// Where a point of the ground (metres) lies in the picture (fractions); `None` behind the camera.
    #[must_use]
    pub fn to_image(&self, p: Point) -> Option<Point> {
        // The inverse keeps the sign of the depth: it is positive for what the camera sees.
        project(&self.to_image, p)
    }

    /// Metres per fraction of the picture at a point (fractions): rows are ground x and y, columns image
    /// x and y. `None` at and above the horizon.
    #[must_use]
    pub fn jacobian(&self, p: Point) -> Option<Matrix2<f64>> {
        let h = &self.to_ground;
        let v = h * Vector3::new(p.x, p.y, 1.0);
        (v.z > MIN_DEPTH).then(|| {
            let (x, y) = (v.x / v.z, v.y / v.z);
            Matrix2::new(
                h[(0, 0)] - x * h[(2, 0)],
                h[(0, 1)] - x * h[(2, 1)],
                h[(1, 0)] - y * h[(2, 0)],
                h[(1, 1)] - y * h[(2, 1)],
            ) / v.z
        })
    }

    /// Root mean square distance between the calibration's ground points and where their image points
    /// fall, metres.
    #[must_use]
    pub const fn residual_m(&self) -> f64 {
        self.residual_m
    }
}

/// Third coordinates below this are at the horizon: calibration points lie at about 1.
const MIN_DEPTH: f64 = 1e-4;

fn project(h: &Matrix3<f64>, p: Point) -> Option<Point> {
    let v = h * Vector3::new(p.x, p.y, 1.0);
    let q = Point::new(v.x / v.z, v.y / v.z);
    (v.z > MIN_DEPTH && q.x.is_finite() && q.y.is_finite()).then_some(q)
}

fn check_points(image: &[Point], ground: &[Point]) -> Result<(), CalibrationError> {
    if image.len() != ground.len() {
        return Err(CalibrationError::Unpaired { image: image.len(), ground: ground.len() });
    }
    if image.len() < 4 {
        return Err(CalibrationError::TooFew(image.len()));
    }
    for (i, (a, b)) in image.iter().zip(ground).enumerate() {
        if ![a.x, a.y, b.x, b.y].iter().all(|v| v.is_finite()) {
            return Err(CalibrationError::NotFinite(i + 1));
        }
    }
    for (which, points) in [("image", image), ("ground_m", ground)] {
        let near = 1e-6 * spread(points);
        for (i, a) in points.iter().enumerate() {
            for (j, b) in points.iter().enumerate().skip(i + 1) {
                if a.distance(*b) <= near {
                    return Err(CalibrationError::Duplicate { first: i + 1, second: j + 1, which });
                }
            }
        }
    }
    Ok(())
}

fn mean(points: &[Point]) -> Point {
    let n = points.len().max(1) as f64;
    Point::new(points.iter().map(|p| p.x).sum::<f64>() / n, points.iter().map(|p| p.y).sum::<f64>() / n)
}

/// Root mean square distance from the mean.
fn spread(points: &[Point]) -> f64 {
    let c = mean(points);
    (points.iter().map(|p| p.distance(c).powi(2)).sum::<f64>() / points.len().max(1) as f64).sqrt()
}

/// Points moved to mean 0 and spread √2, with the matrix that does it.
fn normalised(points: &[Point], which: &'static str) -> Result<(Vec<Point>, Matrix3<f64>), CalibrationError> {
    let (c, s) = (mean(points), spread(points));
    if !(s > 0.0 && s.is_finite()) {
        return Err(CalibrationError::Degenerate { which });
    }
    let k = std::f64::consts::SQRT_2 / s;
    let moved: Vec<Point> = points.iter().map(|p| Point::new((p.x - c.x) * k, (p.y - c.y) * k)).collect();
    // No four of the points may share a line with all but one other: every subset that leaves one point
    // out must still spread both ways, or the solution is not unique.
    let subsets = (0..moved.len()).map(|skip| {
        let rest: Vec<Point> =
            moved.iter().enumerate().filter(|(i, _)| *i != skip).map(|(_, p)| *p).collect();
        flatness(&rest)
    });
    if subsets.fold(f64::INFINITY, f64::min) < MIN_SPREAD_RATIO {
        return Err(CalibrationError::Degenerate { which });
    }
    Ok((moved, Matrix3::new(k, 0.0, -k * c.x, 0.0, k, -k * c.y, 0.0, 0.0, 1.0)))
}

/// Smaller over larger standard deviation along the principal axes: 0 for points in line.
fn flatness(points: &[Point]) -> f64 {
    let c = mean(points);
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for p in points {
        let (x, y) = (p.x - c.x, p.y - c.y);
        xx += x * x;
        xy += x * y;
        yy += y * y;
    }
    let (half, root) = ((xx + yy) / 2.0, ((xx - yy) / 2.0).hypot(xy));
    ((half - root).max(0.0) / (half + root).max(f64::MIN_POSITIVE)).sqrt()
}

/// The homography that maps `from` to `to` with the smallest algebraic error.
fn direct_linear(from: &[Point], to: &[Point]) -> Option<Matrix3<f64>> {
    let mut normal = DMatrix::<f64>::zeros(9, 9);
    for (a, b) in from.iter().zip(to) {
        let rows = [
            [-a.x, -a.y, -1.0, 0.0, 0.0, 0.0, b.x * a.x, b.x * a.y, b.x],
            [0.0, 0.0, 0.0, -a.x, -a.y, -1.0, b.y * a.x, b.y * a.y, b.y],
        ];
        for row in rows {
            let row = DMatrix::from_row_slice(1, 9, &row);
            normal += row.transpose() * row;
        }
    }
    let eigen = normal.symmetric_eigen();
    let smallest = eigen.eigenvalues.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1))?.0;
    let h = eigen.eigenvectors.column(smallest);
    let h = Matrix3::from_row_slice(&h.iter().copied().collect::<Vec<f64>>());
    h.iter().all(|v| v.is_finite()).then_some(h)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn points(p: &[[f64; 2]]) -> Vec<Point> {
        p.iter().map(|&p| Point::from(p)).collect()
    }

    fn calibration(image: &[[f64; 2]], ground: &[[f64; 2]]) -> Calibration {
        Calibration { image: points(image), ground_m: points(ground), ground_origin: None }
    }

    const IMAGE: [[f64; 2]; 4] = [[0.10, 0.90], [0.90, 0.90], [0.70, 0.30], [0.30, 0.30]];
    const GROUND: [[f64; 2]; 4] = [[0., 0.], [14., 0.], [14., 60.], [0., 60.]];

    #[test]
    fn the_example_of_the_camera_file_fits() {
        let h = Homography::fit(&calibration(&IMAGE, &GROUND)).unwrap();
        assert!(h.residual_m() < 1e-6);
        for (i, g) in IMAGE.iter().zip(&GROUND) {
            assert!(h.to_ground(Point::from(*i)).unwrap().distance(Point::from(*g)) < 1e-6);
            assert!(h.to_image(Point::from(*g)).unwrap().distance(Point::from(*i)) < 1e-9);
        }
        // The two long sides meet at y = -0.3: nothing above that is ground.
        assert!(h.to_ground(Point::new(0.5, -0.31)).is_none());
        assert!(h.jacobian(Point::new(0.5, -0.31)).is_none());
    }

    #[test]
    fn refusals_name_the_fault() {
        let mirrored: Vec<[f64; 2]> = GROUND.iter().map(|g| [-g[0], g[1]]).collect();
        let crossed = [GROUND[0], GROUND[1], GROUND[3], GROUND[2]];
        for (what, image, ground, want) in [
            ("three", &IMAGE[..3], &GROUND[..3], "3 pairs"),
            ("unpaired", &IMAGE[..], &GROUND[..3], "4 points in `image` but 3"),
            ("mirrored", &IMAGE[..], &mirrored[..], "mirrored"),
            ("crossed", &IMAGE[..], &crossed[..], "horizon"),
            ("in line", &[[0.1, 0.1], [0.2, 0.2], [0.3, 0.3], [0.9, 0.9]][..], &GROUND[..], "straight line"),
            (
                "three in line",
                &[[0.1, 0.1], [0.2, 0.2], [0.3, 0.3], [0.9, 0.1]][..],
                &GROUND[..],
                "straight line",
            ),
            ("ground in line", &IMAGE[..], &[[0., 0.], [1., 0.], [2., 0.], [3., 0.]][..], "ground_m points"),
            ("twice", &[IMAGE[0], IMAGE[0], IMAGE[2], IMAGE[3]][..], &GROUND[..], "pairs 1 and 2"),
            ("no number", &[[f64::NAN, 0.], IMAGE[1], IMAGE[2], IMAGE[3]][..], &GROUND[..], "pair 1"),
            (
                "contradiction",
                &[IMAGE[0], IMAGE[1], IMAGE[2], IMAGE[3], [0.5, 0.6]][..],
                &[GROUND[0], GROUND[1], GROUND[2], GROUND[3], [30., 15.]][..],
                "off on average",
            ),
        ] {
            let error = Homography::fit(&calibration(image, ground)).unwrap_err().to_string();
            assert!(error.contains(want), "{what}: {error}");
        }
    }

    proptest! {
        /// A pinhole camera over flat ground is found again from five of its points, and the Jacobian is
        /// the derivative.
        #[test]
        fn finds_any_camera(height in 3.0_f64..20.0, tilt in 0.15_f64..1.2, focal in 0.6_f64..2.0, turn in -3.0_f64..3.0) {
            let see = |g: [f64; 2]| {
                // Ground x right, y ahead; the camera looks ahead and down by `tilt`.
                let (x, y) = (g[0], g[1] + height / tilt.tan());
                let (depth, down) = (y * tilt.cos() + height * tilt.sin(), height * tilt.cos() - y * tilt.sin());
                [0.5 + focal * x / depth, 0.5 + focal * down / depth]
            };
            let spin = |g: [f64; 2]| [g[0] * turn.cos() - g[1] * turn.sin() + 3.0, g[0] * turn.sin() + g[1] * turn.cos()];
            let near: Vec<[f64; 2]> = [[-3., -2.], [3., -2.], [4., 8.], [-4., 9.], [0.5, 2.]].to_vec();
            let image: Vec<[f64; 2]> = near.iter().map(|&g| see(g)).collect();
            let ground: Vec<[f64; 2]> = near.iter().map(|&g| spin(g)).collect();
            let h = Homography::fit(&calibration(&image, &ground)).unwrap();
            let at = Point::from(see([1.0, 4.0]));
            prop_assert!(h.to_ground(at).unwrap().distance(Point::from(spin([1.0, 4.0]))) < 1e-5);
            let j = h.jacobian(at).unwrap();
            let e = 1e-6;
            let moved = h.to_ground(Point::new(at.x + e, at.y)).unwrap();
            let here = h.to_ground(at).unwrap();
            prop_assert!(((moved.x - here.x) / e - j[(0, 0)]).abs() < 1e-2 * (1.0 + j[(0, 0)].abs()));
        }
    }
}
