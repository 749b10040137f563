//! The lens: from places in the picture as it comes to places in the picture of a lens that keeps straight lines
//! straight, and back. The plane below is [`crate::homography`]'s, the camera above it [`crate::pose`]'s.
//!
//! The model is the division model with one parameter (Fitzgibbon, "Simultaneous linear estimation of multiple
//! view geometry and lens distortion", CVPR 2001): a place `p`, measured from the picture's middle in half
//! diagonals, belongs to `p / (1 + k |p|²)`. Both ways are closed forms, so that mapping back is exact;
//! `k < 0` is the usual barrel, `k > 0` a cushion, and 0 changes nothing. The corners of any picture are 1 from its
//! middle, so `k` keeps its meaning when the stream is scaled, not when it is cropped.

use nalgebra::{Matrix2, Vector2};
use wayside_types::{FrameSize, Point};

/// A lens in front of frames of one size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lens {
    size: FrameSize,
    /// Half the width and half the height, in half diagonals.
    half: Vector2<f64>,
    distortion: f64,
}

impl Lens {
    /// A lens with this distortion coefficient (`k` above, −1 to 1; 0 for a straight one) in front of frames of
    /// this size, whose pixels are square.
    #[must_use]
    pub fn new(size: FrameSize, distortion: f64) -> Self {
        let sides = Vector2::new(f64::from(size.width.max(1)), f64::from(size.height.max(1)));
        Self { size, half: sides / sides.norm(), distortion }
    }

    /// The same frames behind another lens.
    #[must_use]
    pub const fn with_distortion(self, distortion: f64) -> Self {
        Self { distortion, ..self }
    }

    /// The size of the frames.
    #[must_use]
    pub const fn size(&self) -> FrameSize {
        self.size
    }

    /// The coefficient.
    #[must_use]
    pub const fn distortion(&self) -> f64 {
        self.distortion
    }

    /// Pixels in half a diagonal of the frame.
    #[must_use]
    pub fn half_diagonal_px(&self) -> f64 {
        f64::from(self.size.width.max(1)).hypot(f64::from(self.size.height.max(1))) / 2.0
    }

    /// Half diagonals from the middle, for fractions of width and height.
    #[must_use]
    pub fn centred(&self, p: Point) -> Vector2<f64> {
        Vector2::new(2.0 * p.x - 1.0, 2.0 * p.y - 1.0).component_mul(&self.half)
    }

    /// Half diagonals from the middle per fraction of width and height: a diagonal matrix.
    #[must_use]
    pub fn centred_per_fraction(&self) -> Matrix2<f64> {
        Matrix2::from_diagonal(&(2.0 * self.half))
    }

    /// Where a straight lens would show what is at `p`, both in half diagonals from the middle. `None` so far
    /// outside the picture that the model folds over.
    #[must_use]
    pub fn straight(&self, p: Vector2<f64>) -> Option<Vector2<f64>> {
        let stretch = self.distortion * p.norm_squared();
        (stretch > -1.0 && stretch < 1.0).then(|| p / (1.0 + stretch))
    }

    /// The derivative of [`Lens::straight`].
    #[must_use]
    pub fn straight_jacobian(&self, p: Vector2<f64>) -> Option<Matrix2<f64>> {
        let stretch = self.distortion * p.norm_squared();
        let share = 1.0 / (1.0 + stretch);
        (stretch > -1.0 && stretch < 1.0).then(|| {
            Matrix2::identity() * share - p * p.transpose() * (2.0 * self.distortion * share * share)
        })
    }

    /// Where this lens shows what a straight one would show at `u`, as fractions of width and height. `None` for
    /// what a cushion keeps out of every picture.
    #[must_use]
    pub fn shown(&self, u: Vector2<f64>) -> Option<Point> {
        // k |u| |p|² − |p| + |u| = 0, the root that goes to |u| with k to 0.
        let root = 1.0 - 4.0 * self.distortion * u.norm_squared();
        let p = (root >= 0.0).then(|| u * (2.0 / (1.0 + root.sqrt())))?;
        let fraction = p.component_div(&self.half);
        Some(Point::new((fraction.x + 1.0) / 2.0, (fraction.y + 1.0) / 2.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Within the picture the way there and back is exact for every coefficient that may be given, and the
        /// Jacobian is the derivative.
        #[test]
        fn there_and_back(
            k in -0.6_f64..0.6, x in 0.0_f64..1.0, y in 0.0_f64..1.0, width in 100_u32..4000, height in 100_u32..4000,
        ) {
            let lens = Lens::new(FrameSize { width, height }, k);
            let p = lens.centred(Point::new(x, y));
            let back = lens.shown(lens.straight(p).unwrap()).unwrap();
            prop_assert!(back.distance(Point::new(x, y)) < 1e-9, "{back:?}");
            let e = 1e-6;
            let jacobian = lens.straight_jacobian(p).unwrap();
            for step in [Vector2::new(e, 0.0), Vector2::new(0.0, e)] {
                let moved = (lens.straight(p + step).unwrap() - lens.straight(p - step).unwrap()) / (2.0 * e);
                prop_assert!((moved - jacobian * step / e).norm() < 1e-4 * (1.0 + moved.norm()));
            }
            // It never folds over: outwards stays outwards.
            prop_assert!(jacobian.determinant() > 0.0);
        }
    }

    #[test]
    fn a_barrel_pulls_the_corner_in_and_far_outside_says_nothing() {
        let size = FrameSize { width: 1920, height: 1080 };
        let barrel = Lens::new(size, -0.2);
        let corner = barrel.centred(Point::new(1.0, 1.0));
        assert!((corner.norm() - 1.0).abs() < 1e-12);
        // 1 / (1 − 0.2): what is seen at the corner would lie a quarter further out.
        assert!((barrel.straight(corner).unwrap().norm() - 1.25).abs() < 1e-12);
        assert!((Lens::new(size, 0.2).straight(corner).unwrap().norm() - 1.0 / 1.2).abs() < 1e-12);
        assert_eq!(barrel.straight(corner * 2.3), None);
        assert_eq!(Lens::new(size, 0.5).shown(corner), None);
    }
}
