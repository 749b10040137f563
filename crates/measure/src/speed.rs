//! Speed on the ground around a crossing: the slope of the path in metres over time by least squares,
//! said only where the path is long enough and a pixel is worth little enough.
//!
//! A box's lower edge is off by about a pixel and a half, and by much the same from frame to frame, so more frames
//! help little: what counts is how many pixels' worth the path is long. On synthetic tracks with such errors speeds
//! scatter by about 7 % where that is 30 to 50, by 11 % where it is 20 to 30 and by over 20 % below 15, where they are
//! too high on average as well, since errors across the way add to it. The test below holds the limit.

use wayside_types::{FrameSize, Point, Timestamp};

use crate::homography::Homography;
use crate::path::{Path, seconds};

/// The path this long before and after the crossing is used.
const WINDOW_S: f64 = 1.0;
/// Fewer steps than this say nothing.
const MIN_STEPS: usize = 4;
/// Shorter paths on the ground than this say nothing, metres.
const MIN_PATH_M: f64 = 3.0;
/// Too far away: the path must be this many times what a pixel is worth on the ground there, in its worst direction.
const MIN_PATH_PX: f64 = 30.0;
/// A reference point is never better than this, pixels.
const REFERENCE_SIGMA_PX: f64 = 1.5;
/// A speed whose standard error is above this many m/s (3 km/h) …
const MAX_ERROR_MPS: f64 = 3.0 / 3.6;
/// … and above this share of it is not trusted.
const MAX_ERROR_SHARE: f64 = 0.05;

/// Speed around an instant, m/s, from the steps whose box is not cut off by the picture's edge; `None` where it
/// can't be trusted.
pub(crate) fn speed(ground: &Homography, size: FrameSize, path: &Path, at: Timestamp) -> Option<f64> {
    let (width, height) = (f64::from(size.width), f64::from(size.height));
    let mut samples = Vec::new();
    let mut metres_per_px = 0.0;
    for step in path.steps().filter(|s| s.whole && seconds(s.at, at).abs() <= WINDOW_S) {
        let fraction = Point::new(step.p.x / width, step.p.y / height);
        samples.push((seconds(at, step.at), ground.to_ground(fraction)?));
        metres_per_px += ground.metres_per_px(fraction, size.width)?;
    }
    if samples.len() < MIN_STEPS {
        return None;
    }
    let n = samples.len() as f64;
    metres_per_px /= n;
    let mean = |f: fn(&(f64, Point)) -> f64| samples.iter().map(f).sum::<f64>() / n;
    let (t0, x0, y0) = (mean(|s| s.0), mean(|s| s.1.x), mean(|s| s.1.y));
    let (mut tt, mut tx, mut ty) = (0.0, 0.0, 0.0);
    for (t, p) in &samples {
        tt += (t - t0).powi(2);
        tx += (t - t0) * (p.x - x0);
        ty += (t - t0) * (p.y - y0);
    }
    if tt <= 0.0 {
        return None;
    }
    let (vx, vy) = (tx / tt, ty / tt);
    let speed = vx.hypot(vy);
    let squares: f64 = samples
        .iter()
        .map(|(t, p)| (p.x - x0 - vx * (t - t0)).powi(2) + (p.y - y0 - vy * (t - t0)).powi(2))
        .sum();
    let sigma = (squares / (n - 2.0) / 2.0).sqrt().max(REFERENCE_SIGMA_PX * metres_per_px);
    let error = sigma / tt.sqrt();
    let path_m = speed * (samples.last()?.0 - samples.first()?.0);
    let trusted = path_m >= MIN_PATH_M.max(MIN_PATH_PX * metres_per_px)
        && error <= MAX_ERROR_MPS.max(MAX_ERROR_SHARE * speed);
    (trusted && speed.is_finite()).then_some(speed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::{Step, later};
    use wayside_types::Calibration;

    const SIZE: FrameSize = FrameSize { width: 640, height: 360 };

    /// A camera that looks along a road: its height, the angle it looks down by, its focal length in pixels.
    #[derive(Clone, Copy)]
    struct Camera {
        height_m: f64,
        tilt: f64,
        focal_px: f64,
    }

    impl Camera {
        /// Pixels of a place `x` to the right of the camera and `y` ahead.
        fn see(&self, x: f64, y: f64) -> Point {
            let (sin, cos) = self.tilt.sin_cos();
            let depth = y * cos + self.height_m * sin;
            let down = self.height_m * cos - y * sin;
            Point::new(320.0 + self.focal_px * x / depth, 180.0 + self.focal_px * down / depth)
        }

        fn ground(&self) -> Homography {
            let ground =
                [(-4.0, 15.0), (4.0, 15.0), (5.0, 60.0), (-5.0, 60.0)].map(|(x, y)| Point::new(x, y));
            let image = ground.map(|g| self.see(g.x, g.y)).map(|p| Point::new(p.x / 640.0, p.y / 360.0));
            let calibration = Calibration {
                image: image.to_vec(),
                ground_m: ground.to_vec(),
                ground_origin: None,
                distortion: None,
            };
            Homography::fit(&calibration, SIZE).unwrap()
        }
    }

    /// Normal numbers that are the same in every run (Knuth's MMIX generator, Box and Muller's transform).
    struct Noise(u64);

    impl Noise {
        fn uniform(&mut self) -> f64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((self.0 >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
        }

        fn normal(&mut self) -> f64 {
            (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
        }
    }

    /// A vehicle at `metres_s` that is `away_m` from the camera's foot at time 0, seen for a second before and after
    /// at 10 frames a second. Its reference point is off by 1.5 px for half a second at a time, and by a pixel
    /// anew in every frame.
    fn drive(camera: &Camera, metres_s: f64, away_m: f64, noise: &mut Noise) -> Path {
        let keep = (-0.1_f64 / 0.5).exp();
        let mut off = [1.5 * noise.normal(), 1.5 * noise.normal()];
        let mut path: Option<Path> = None;
        for frame in -10_i32..=10 {
            let t = f64::from(frame) / 10.0;
            let seen = camera.see(3.0, away_m + metres_s * t);
            off = off.map(|o| keep * o + (1.0 - keep * keep).sqrt() * 1.5 * noise.normal());
            let p = Point::new(seen.x + off[0] + noise.normal(), seen.y + off[1] + noise.normal());
            let step =
                Step { at: later(Timestamp::UNIX_EPOCH, 100.0 + t), p, unit: 30.0, score: 0.9, whole: true };
            match &mut path {
                Some(path) => path.push(step),
                None => path = Some(Path::new(step)),
            }
        }
        path.unwrap()
    }

    fn crossing() -> Timestamp {
        later(Timestamp::UNIX_EPOCH, 100.0)
    }

    const CAMERAS: [Camera; 3] = [
        Camera { height_m: 6.0, tilt: 0.25, focal_px: 500.0 },
        Camera { height_m: 10.0, tilt: 0.30, focal_px: 600.0 },
        Camera { height_m: 15.0, tilt: 0.35, focal_px: 600.0 },
    ];

    /// What is trusted is right on average and scatters little; what lies beyond the limit would not.
    #[test]
    fn what_is_too_far_away_is_left_out_and_would_be_wrong() {
        let mut noise = Noise(7);
        let (mut trusted, mut beyond) = (Vec::new(), Vec::new());
        for camera in CAMERAS {
            let ground = camera.ground();
            for kmh in [20.0, 40.0, 60.0, 80.0, 100.0, 120.0] {
                for away_m in [40.0, 60.0, 80.0, 110.0, 150.0, 200.0] {
                    let metres_s = kmh / 3.6;
                    let middle = camera.see(3.0, away_m);
                    let middle = Point::new(middle.x / 640.0, middle.y / 360.0);
                    let worth_m = ground.metres_per_px(middle, SIZE.width).unwrap();
                    for _ in 0..20 {
                        let path = drive(&camera, metres_s, away_m, &mut noise);
                        match speed(&ground, SIZE, &path, crossing()) {
                            Some(got) => trusted.push(got / metres_s - 1.0),
                            None if 2.0 * metres_s / worth_m > 10.0 => {
                                beyond.extend(slope(&ground, &path, metres_s))
                            }
                            None => {}
                        }
                    }
                }
            }
        }
        let mean = |all: &[f64]| all.iter().sum::<f64>() / all.len() as f64;
        let scatter = |all: &[f64]| (all.iter().map(|e| e * e).sum::<f64>() / all.len() as f64).sqrt();
        assert!(trusted.len() > 500 && beyond.len() > 200, "{} and {}", trusted.len(), beyond.len());
        assert!(mean(&trusted).abs() < 0.015, "off by {:.3} on average", mean(&trusted));
        assert!(scatter(&trusted) < 0.08, "scatter {:.3}", scatter(&trusted));
        assert!(scatter(&beyond) > 2.0 * scatter(&trusted), "{:.3}", scatter(&beyond));
    }

    /// The share by which the slope between the ends of a path is off, for those that `speed` won't say.
    fn slope(ground: &Homography, path: &Path, metres_s: f64) -> Option<f64> {
        let place = |s: &Step| ground.to_ground(Point::new(s.p.x / 640.0, s.p.y / 360.0));
        let span_s = seconds(path.first().at, path.last().at);
        Some(place(path.last())?.distance(place(path.first())?) / span_s / metres_s - 1.0)
    }

    #[test]
    fn a_short_path_says_nothing_however_near() {
        let camera = CAMERAS[0];
        let ground = camera.ground();
        let mut noise = Noise(1);
        // 2.8 m in two seconds, right below the camera.
        assert_eq!(speed(&ground, SIZE, &drive(&camera, 1.4, 15.0, &mut noise), crossing()), None);
        assert!(speed(&ground, SIZE, &drive(&camera, 5.0, 15.0, &mut noise), crossing()).is_some());
    }
}
