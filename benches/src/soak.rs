//! Memory over time: whether `run` grows while nothing changes.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;

use crate::say;
use crate::site::{Group, Plan, Site};

/// What is measured.
#[derive(Debug, clap::Args)]
pub struct SoakArgs {
    /// The video that every camera shows
    video: PathBuf,
    /// Its camera file; else the one beside the video
    #[arg(long)]
    camera: Option<PathBuf>,
    /// The `wayside` binary; else the one beside this program
    #[arg(long)]
    wayside: Option<PathBuf>,
    /// Analysed frames a second; else the profile's
    #[arg(long)]
    rate: Option<f64>,
    /// How many cameras
    #[arg(long, default_value_t = 8)]
    cameras: u32,
    /// How many minutes
    #[arg(long, default_value_t = 30.0)]
    minutes: f64,
    /// Seconds between two looks
    #[arg(long, default_value_t = 30)]
    every_s: u64,
    /// Seconds before the first look: queues and caches fill
    #[arg(long, default_value_t = 120)]
    settle_s: u64,
}

/// Prints resident memory as it goes and its slope.
///
/// # Errors
/// When the site doesn't come up or ends.
pub fn run(args: &SoakArgs) -> anyhow::Result<()> {
    let most_s = args.minutes * 60.0;
    if args.every_s == 0 || most_s < 2.0 * args.every_s as f64 {
        bail!(
            "--minutes {}: must be at least two times --every-s {}, which is above 0",
            args.minutes,
            args.every_s
        );
    }
    let groups = [Group { video: args.video.clone(), camera: args.camera.clone(), cameras: args.cameras }];
    let site = Site::start(&Plan { wayside: args.wayside.as_deref(), groups: &groups, rate: args.rate })?;
    site.wait_for_all()?;
    std::thread::sleep(Duration::from_secs(args.settle_s));
    let began_s = site.age().as_secs_f64();
    let mut looks = Vec::new();
    loop {
        let at_s = site.age().as_secs_f64() - began_s;
        let mb = site.resident_mb()?;
        say(&format!("{:6.1} min: {mb:.1} MB", at_s / 60.0));
        looks.push((at_s / 3600.0, mb));
        if at_s >= most_s {
            break;
        }
        std::thread::sleep(Duration::from_secs(args.every_s));
    }
    let (slope, cameras) = (slope(&looks), f64::from(args.cameras));
    say(&format!(
        "{} cameras for {} min: slope {slope:.2} MB an hour, {:.3} MB an hour a camera (target: flat)",
        args.cameras,
        args.minutes,
        slope / cameras
    ));
    Ok(())
}

/// The slope of the straight line through points by least squares; not a number where all have one `x`.
fn slope(points: &[(f64, f64)]) -> f64 {
    let n = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
    let (x0, y0) = (mean(|p| p.0), mean(|p| p.1));
    let (mut xy, mut xx) = (0.0, 0.0);
    for (x, y) in points {
        xy += (x - x0) * (y - y0);
        xx += (x - x0) * (x - x0);
    }
    xy / xx
}

#[cfg(test)]
mod tests {
    use super::slope;

    #[test]
    fn the_slope_is_that_of_the_line_of_least_squares() {
        assert!((slope(&[(0.0, 5.0), (1.0, 7.0), (2.0, 9.0)]) - 2.0).abs() < 1e-12);
        assert!((slope(&[(0.0, 1.0), (1.0, 3.0), (2.0, 2.0)]) - 0.5).abs() < 1e-12);
        assert!(slope(&[(0.0, 4.0), (3.0, 4.0)]).abs() < 1e-12);
        assert!(slope(&[(1.0, 4.0)]).is_nan());
    }
}
