//! The normalised direct linear transform: the plane through four or more pairs with the smallest algebraic error
//! (Hartley and Zisserman, Multiple View Geometry, 2nd ed., algorithm 4.2), and which sets of points have none.

use nalgebra::{DMatrix, Matrix3, Vector3};
use wayside_types::Point;

use super::error::CalibrationError;
use super::model::{Model, Pair};
use crate::lens::Lens;

/// Below this ratio of singular values a set of points counts as a line.
const MIN_SPREAD_RATIO: f64 = 0.01;

/// The plane that fits these pairs behind this lens, whatever its handedness.
pub(super) fn plane(pairs: &[Pair], lens: Lens) -> Result<Model, CalibrationError> {
    let straight = |p: &Pair| lens.straight(lens.centred(p.image)).map(|u| Point::new(u.x, u.y));
    let image: Vec<Point> =
        pairs.iter().map(straight).collect::<Option<_>>().ok_or(CalibrationError::Horizon)?;
    let ground: Vec<Point> = pairs.iter().map(|p| p.ground).collect();
    let from_norm = normalisation(&image, "image")?;
    let to_norm = normalisation(&ground, "ground_m")?;
    let degenerate = CalibrationError::Degenerate { which: "image" };
    let h = least_algebraic(&moved(&image, &from_norm), &moved(&ground, &to_norm))
        .ok_or_else(|| degenerate.clone())?;
    let back = to_norm.try_inverse().ok_or(degenerate)?;
    let to_ground = in_front(back * h * from_norm, &image).ok_or(CalibrationError::Horizon)?;
    Ok(Model { lens, to_ground })
}

/// The homography with the sign and scale that give points in front of the camera a positive third coordinate, the
/// largest of these 1; `None` if they don't lie on one side of the horizon.
pub(super) fn in_front(h: Matrix3<f64>, straight: &[Point]) -> Option<Matrix3<f64>> {
    let depths: Vec<f64> = straight.iter().map(|p| (h * Vector3::new(p.x, p.y, 1.0)).z).collect();
    let scale = depths.iter().fold(0.0_f64, |a, d| a.max(d.abs()));
    if scale <= 0.0 || depths.iter().any(|d| d.abs() < 1e-6 * scale) {
        return None;
    }
    let negative = depths.iter().filter(|d| **d < 0.0).count();
    if negative != 0 && negative != depths.len() {
        return None;
    }
    Some(h / if negative > 0 { -scale } else { scale })
}

fn mean(points: &[Point]) -> Point {
    let n = points.len().max(1) as f64;
    Point::new(points.iter().map(|p| p.x).sum::<f64>() / n, points.iter().map(|p| p.y).sum::<f64>() / n)
}

/// Root mean square distance from the mean.
pub(super) fn spread(points: &[Point]) -> f64 {
    let c = mean(points);
    (points.iter().map(|p| p.distance(c).powi(2)).sum::<f64>() / points.len().max(1) as f64).sqrt()
}

/// What moves points to mean 0 and spread √2; refuses those of which no plane can be told.
pub(super) fn normalisation(points: &[Point], which: &'static str) -> Result<Matrix3<f64>, CalibrationError> {
    let (c, s) = (mean(points), spread(points));
    if !(s > 0.0 && s.is_finite()) {
        return Err(CalibrationError::Degenerate { which });
    }
    // No line may hold all points but one: every subset that leaves one out must still spread both ways, or the
    // solution is not unique.
    let subsets = (0..points.len()).map(|skip| {
        let rest: Vec<Point> =
            points.iter().enumerate().filter(|(i, _)| *i != skip).map(|(_, p)| *p).collect();
        flatness(&rest)
    });
    if subsets.fold(f64::INFINITY, f64::min) < MIN_SPREAD_RATIO {
        return Err(CalibrationError::Degenerate { which });
    }
    let k = std::f64::consts::SQRT_2 / s;
    Ok(Matrix3::new(k, 0.0, -k * c.x, 0.0, k, -k * c.y, 0.0, 0.0, 1.0))
}

/// Points moved and scaled by [`normalisation`]'s matrix.
pub(super) fn moved(points: &[Point], by: &Matrix3<f64>) -> Vec<Point> {
    let move_one = |p: &Point| Point::new(by[(0, 0)] * p.x + by[(0, 2)], by[(1, 1)] * p.y + by[(1, 2)]);
    points.iter().map(move_one).collect()
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

/// The two equations that a pair gives for the nine entries of a homography.
pub(super) fn equations(a: Point, b: Point) -> [[f64; 9]; 2] {
    [
        [-a.x, -a.y, -1.0, 0.0, 0.0, 0.0, b.x * a.x, b.x * a.y, b.x],
        [0.0, 0.0, 0.0, -a.x, -a.y, -1.0, b.y * a.x, b.y * a.y, b.y],
    ]
}

/// The homography that maps `from` to `to` with the smallest algebraic error.
fn least_algebraic(from: &[Point], to: &[Point]) -> Option<Matrix3<f64>> {
    let mut normal = DMatrix::<f64>::zeros(9, 9);
    for (a, b) in from.iter().zip(to) {
        for row in equations(*a, *b) {
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
