//! The camera's pose, taken from its homography: how high it hangs and what a pixel covers above the
//! ground. Assumes square pixels and the optical axis in the middle of the picture, which is how cameras
//! are built; the fit of the homography itself is [`crate::homography`]'s, the lens
//! [`crate::lens`]'s.

use crate::homography::Homography;
use crate::lens::Lens;
use nalgebra::{Matrix3, Vector2, Vector3};
use wayside_types::Point;

/// Image places that are tried across and down, edges included.
const STEPS: u32 = 24;
/// Share by which a picture behind a bending lens is taken to be finer than was found.
const LENS_MARGIN: f64 = 0.05;

/// Where a calibrated camera stands relative to the ground plane, in units of one frame's pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct Pose {
    focal_px: f64,
    /// World to camera: columns are the ground's x, y and the way up.
    rotation: Matrix3<f64>,
    translation: Vector3<f64>,
    lens: Lens,
}

impl Pose {
    /// The pose behind a homography, in units of one pixel of the frames that it was fitted for. `None` where
    /// it can't be told: a view straight down has no horizon to tell the focal length by, and a mirrored
    /// one has no camera.
    ///
    /// Source: Zhang, "A flexible new technique for camera calibration", IEEE TPAMI 22(11), 2000, section
    /// 2.3, with the focal length as the only unknown.
    #[must_use]
    pub fn of(homography: &Homography) -> Option<Self> {
        let lens = *homography.lens();
        // Pixels of a straight lens, from the picture's middle.
        let px = lens.half_diagonal_px();
        let g = Matrix3::from_diagonal(&Vector3::new(px, px, 1.0)) * homography.ground_to_straight();
        let (g1, g2) = (g.column(0), g.column(1));
        // The first two columns of a rotation stand at right angles and are equally long; both say
        // something of 1/f², and the better of the two counts for more.
        let across = (g1[0] * g2[0] + g1[1] * g2[1], g1[2] * g2[2]);
        let length =
            (g1[0] * g1[0] + g1[1] * g1[1] - g2[0] * g2[0] - g2[1] * g2[1], g1[2] * g1[2] - g2[2] * g2[2]);
        let weight = across.0 * across.0 + length.0 * length.0;
        let inverse_square = -(across.0 * across.1 + length.0 * length.1) / weight;
        if !(inverse_square.is_finite() && inverse_square > 0.0) {
            return None;
        }
        let focal_px = inverse_square.sqrt().recip();
        let scaled = Matrix3::from_diagonal(&Vector3::new(focal_px.recip(), focal_px.recip(), 1.0)) * g;
        let mut scale = 2.0 / (scaled.column(0).norm() + scaled.column(1).norm());
        if scaled[(2, 2)] < 0.0 {
            scale = -scale;
        }
        let x = (scaled.column(0) * scale).normalize();
        let mut y = scaled.column(1) * scale;
        y = (y - x * x.dot(&y)).normalize();
        let rotation = Matrix3::from_columns(&[x, y, x.cross(&y)]);
        let translation = scaled.column(2) * scale;
        let pose = Self { focal_px, rotation, translation, lens };
        (pose.height_m() > 0.0).then_some(pose)
    }

    /// How high the camera hangs above the ground plane.
    #[must_use]
    pub fn height_m(&self) -> f64 {
        (-self.rotation.transpose() * self.translation)[2]
    }

    /// What one pixel covers at the finest place of the picture, at this height above the ground, along
    /// the smallest direction: metres. `None` where that plane is not below the camera. Behind a lens that bends,
    /// [`LENS_MARGIN`] less is said: the finest place may then lie between those that are looked at, and a
    /// coefficient is never quite that of the real lens.
    #[must_use]
    pub fn finest_metres_per_px(&self, above_ground_m: f64) -> Option<f64> {
        self.finest_metres_per_px_in_rows(above_ground_m, (0.0, 1.0))
    }

    /// The same of a strip of the picture, from one row to another as fractions of its height. `None` also where all of
    /// the strip is above the horizon.
    #[must_use]
    pub fn finest_metres_per_px_in_rows(&self, above_ground_m: f64, rows: (f64, f64)) -> Option<f64> {
        if self.height_m() <= above_ground_m {
            return None;
        }
        let (first, high) = (rows.0, rows.1 - rows.0);
        // As many rows as the whole picture has in such a strip, and its edges in any case.
        let steps = (1..=STEPS).find(|steps| f64::from(*steps) >= high * f64::from(STEPS)).unwrap_or(STEPS);
        let mut finest: Option<f64> = None;
        for row in (0..=steps).map(|step| first + high * f64::from(step) / f64::from(steps)) {
            for column in (0..=STEPS).map(|step| f64::from(step) / f64::from(STEPS)) {
                let at = self.lens.centred(Point::new(column, row)) * self.lens.half_diagonal_px();
                if let Some(here) = self.metres_per_px(at, above_ground_m) {
                    finest = Some(finest.map_or(here, |f| f.min(here)));
                }
            }
        }
        let margin = if self.lens.distortion() == 0.0 { 0.0 } else { LENS_MARGIN };
        finest.map(|f| f * (1.0 - margin))
    }

    /// The same at one place, in pixels from the picture's middle; `None` above the horizon.
    fn metres_per_px(&self, at: Vector2<f64>, above_ground_m: f64) -> Option<f64> {
        let px = self.lens.half_diagonal_px();
        let ray = |at: Vector2<f64>| {
            let straight = self.lens.straight(at / px)? * (px / self.focal_px);
            let towards = self.rotation.transpose() * straight.push(1.0);
            let down = self.height_m() - above_ground_m;
            (towards[2] < -1e-9).then(|| (towards * (down / -towards[2])).xy())
        };
        let (here, right, below) = (ray(at)?, ray(at + Vector2::x())?, ray(at + Vector2::y())?);
        let jacobian = nalgebra::Matrix2::from_columns(&[right - here, below - here]);
        Some(jacobian.singular_values().min())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wayside_types::{Calibration, Distortion, FrameSize};

    const SIZE: FrameSize = FrameSize { width: 1280, height: 720 };

    /// A camera with this focal length at this height, pitched down, looking along the ground's y axis.
    fn calibration(focal_px: f64, height_m: f64, pitch_deg: f64) -> Calibration {
        let (sin, cos) = pitch_deg.to_radians().sin_cos();
        let see = |x: f64, y: f64| {
            let (ahead, drop) = (y * cos + height_m * sin, height_m * cos - y * sin);
            Point::new(0.5 + focal_px * x / ahead / 1280.0, 0.5 + focal_px * drop / ahead / 720.0)
        };
        let ground: Vec<Point> =
            [(-4.0, 12.0), (4.0, 12.0), (5.0, 30.0), (-6.0, 40.0)].map(|(x, y)| Point::new(x, y)).to_vec();
        let image = ground.iter().map(|p| see(p.x, p.y)).collect();
        Calibration { image, ground_m: ground, ground_origin: None, distortion: None }
    }

    #[test]
    fn the_height_comes_back_and_a_pixel_covers_less_above_the_ground() {
        for (focal_px, height_m, pitch_deg) in [(900.0, 6.0, 25.0), (1500.0, 12.0, 35.0), (700.0, 8.0, 18.0)]
        {
            let fitted = Homography::fit(&calibration(focal_px, height_m, pitch_deg), SIZE).unwrap();
            let pose = Pose::of(&fitted).unwrap();
            assert!((pose.height_m() - height_m).abs() < 0.01, "{} is not {height_m}", pose.height_m());
            let (ground, head) =
                (pose.finest_metres_per_px(0.0).unwrap(), pose.finest_metres_per_px(2.5).unwrap());
            // Everything is nearer to the camera by the share of its height.
            assert!((head / ground - (height_m - 2.5) / height_m).abs() < 0.01);
            // In the middle of the lower edge the distance along the ray is h / sin(pitch + half the angle
            // of view), and across is the smallest direction; towards the corners it is smaller still.
            let steepest = pitch_deg.to_radians() + (360.0_f64 / focal_px).atan();
            let across = height_m / steepest.sin() / focal_px * (360.0_f64 / focal_px).atan().cos();
            let middle = pose.metres_per_px(Vector2::new(0.0, 360.0), 0.0).unwrap();
            assert!((middle / across - 1.0).abs() < 0.02, "{middle} is not {across}");
            assert!(ground <= middle);
        }
    }

    #[test]
    fn far_rows_are_coarser_and_the_sky_has_none() {
        let pose = Pose::of(&Homography::fit(&calibration(900.0, 8.0, 15.0), SIZE).unwrap()).unwrap();
        let of = |from, to| pose.finest_metres_per_px_in_rows(2.5, (from, to));
        assert_eq!(of(0.0, 1.0), pose.finest_metres_per_px(2.5));
        let strips: Vec<f64> =
            (4..20).filter_map(|n| of(f64::from(n) / 20.0, f64::from(n + 1) / 20.0)).collect();
        assert!(strips.len() > 10 && strips.is_sorted_by(|far, near| far > near), "{strips:?}");
        assert_eq!(strips.last().copied(), of(0.0, 1.0));
        // The horizon is 15° above the middle: tan 15° × 900 px = 241 of 360.
        assert_eq!(of(0.0, 0.16), None);
        assert!(of(0.0, 0.18).is_some());
    }

    #[test]
    fn a_camera_below_the_plane_says_nothing() {
        let fitted = Homography::fit(&calibration(900.0, 2.0, 10.0), SIZE).unwrap();
        let pose = Pose::of(&fitted).unwrap();
        assert_eq!(pose.finest_metres_per_px(2.5), None);
    }
    /// The picture of a bending lens must be no finer than its pixels really cover, wherever they are: looked at
    /// in steps six times as small as the pose itself takes.
    #[test]
    fn behind_a_bending_lens_it_errs_towards_smaller_pictures() {
        for distortion in [-0.3, -0.15, 0.1] {
            for (focal_px, height_m, pitch_deg) in [(700.0, 6.0, 30.0), (500.0, 9.0, 40.0)] {
                let straight = calibration(focal_px, height_m, pitch_deg);
                let lens = Lens::new(SIZE, distortion);
                let bend = |p: &Point| lens.shown(Lens::new(SIZE, 0.0).centred(*p)).unwrap();
                let bent = Calibration {
                    image: straight.image.iter().map(bend).collect(),
                    distortion: Some(Distortion::Given(distortion)),
                    ..straight
                };
                let pose = Pose::of(&Homography::fit(&bent, SIZE).unwrap()).unwrap();
                assert!((pose.height_m() - height_m).abs() < 0.01, "{} is not {height_m}", pose.height_m());
                let finest = pose.finest_metres_per_px(2.5).unwrap();
                let all = (0..=144).flat_map(|y| (0..=144).map(move |x| (f64::from(x), f64::from(y))));
                let truly = all
                    .filter_map(|(x, y)| {
                        let at = lens.centred(Point::new(x / 144.0, y / 144.0)) * lens.half_diagonal_px();
                        pose.metres_per_px(at, 2.5)
                    })
                    .fold(f64::INFINITY, f64::min);
                assert!(finest <= truly && finest > 0.9 * truly, "{finest} of {truly}");
            }
        }
    }
}
