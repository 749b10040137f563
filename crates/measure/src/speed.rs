//! Speed on the ground around a crossing: the slope of the path in metres over time by least squares,
//! said only where the path is long enough and a pixel is worth little enough.

use wayside_types::{FrameSize, Point, Timestamp};

use crate::homography::Homography;
use crate::path::{Path, seconds};

/// The path this long before and after the crossing is used.
const WINDOW_S: f64 = 1.0;
/// Fewer steps than this say nothing.
const MIN_STEPS: usize = 4;
/// Shorter paths on the ground than this say nothing, metres.
const MIN_PATH_M: f64 = 3.0;
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
        metres_per_px += worth(ground, fraction, width, height)?;
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
    let span_s = samples.last()?.0 - samples.first()?.0;
    let trusted = speed * span_s >= MIN_PATH_M && error <= MAX_ERROR_MPS.max(MAX_ERROR_SHARE * speed);
    (trusted && speed.is_finite()).then_some(speed)
}

/// Metres that a pixel is worth on the ground, in its worst direction.
fn worth(ground: &Homography, p: Point, width: f64, height: f64) -> Option<f64> {
    let mut j = ground.jacobian(p)?;
    j.column_mut(0).scale_mut(1.0 / width);
    j.column_mut(1).scale_mut(1.0 / height);
    Some(j.singular_values().max())
}
