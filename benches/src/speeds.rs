//! Mean speeds at lines across made roads whose geometry is known: three camera heights, 20 to 120 km/h, with boxes that are
//! off, detections that are missing and vehicles that hide one another. True is how fast each vehicle, hidden or not, was as
//! it crossed; measured is what the tracker and the measurer that ship say of those whose speed they trust.

use std::collections::HashMap;
use std::time::Duration;

use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;
use wayside_measure::{Event, Measurer};
use wayside_track::Tracker;
use wayside_types::{Calibration, CameraSpec, Line, LineId, Point, Timestamp};

use crate::bands::scene::made_camera;
use crate::say;
use crate::tracking::seen::{self, SIZE, Seer, Trouble, View};
use crate::tracking::traffic::{self, Traffic};
use crate::tracking::{AHEAD_S, FPS};

/// Cameras as they hang above roads: on a pole, on a gantry, on a high mast or bridge.
const VIEWS: [View; 3] = [
    View { focal_px: 500.0, height_m: 6.0, pitch_rad: 0.25 },
    View { focal_px: 600.0, height_m: 10.0, pitch_rad: 0.30 },
    View { focal_px: 600.0, height_m: 15.0, pitch_rad: 0.35 },
];
/// How fast the traffic wants to go, km/h on average over the lanes.
const PACES_KMH: [f64; 6] = [20.0, 40.0, 60.0, 80.0, 100.0, 120.0];
/// Where the lines lie, metres ahead of the camera's foot.
const LINE_M: f64 = 35.0;
/// Of the true mean, whichever is more.
const OFF_KMH: f64 = 3.0;
const OFF_SHARE: f64 = 0.05;
/// A mean of fewer says nothing.
const LEAST: usize = 5;

#[derive(Debug, clap::Args)]
pub struct SpeedsArgs {
    /// Seconds of each road
    #[arg(long, default_value_t = 120)]
    seconds: u32,
    /// Analysed frames a second, 1 to 25
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=25))]
    rate: u32,
    /// Which roads
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// The speeds of a line one way, km/h.
#[derive(Debug, Default)]
struct Passed {
    truly: Vec<f64>,
    measured: Vec<f64>,
    /// Counted without a speed that can be trusted.
    untrusted: usize,
}

impl Passed {
    /// How far the measured mean is from the true one, km/h and share; none where too few went in.
    fn off(&self) -> Option<(f64, f64)> {
        if self.truly.len().min(self.measured.len()) < LEAST {
            return None;
        }
        let truly = mean(&self.truly);
        let off = mean(&self.measured) - truly;
        Some((off, off / truly))
    }

    fn told(&self) -> String {
        let (truly, n, untrusted) = (mean(&self.truly), self.measured.len(), self.untrusted);
        let Some((_, share)) = self.off() else { return format!("{truly:6.1}  too few ({n}, {untrusted})") };
        let missed = if self.is_within() == Some(false) { " MISSED" } else { "" };
        format!("{truly:6.1} {:6.1} ({n}, {untrusted}) {:+.1} %{missed}", mean(&self.measured), 100.0 * share)
    }

    fn is_within(&self) -> Option<bool> {
        let (off, share) = self.off()?;
        Some(off.abs() <= OFF_KMH || share.abs() <= OFF_SHARE)
    }
}

/// Runs the bench.
///
/// # Errors
/// When a road can't be measured.
pub fn run(args: &SpeedsArgs) -> anyhow::Result<()> {
    say(
        "height  pace      towards: true, measured (n, untrusted)          away: true, measured (n, untrusted)",
    );
    let (mut within, mut of) = (0, 0);
    for view in VIEWS {
        for pace in PACES_KMH {
            let sides = drive(view, pace, args)?;
            let told: Vec<String> = sides.iter().map(Passed::told).collect();
            say(&format!("{:4} m {pace:4} km/h  {}", view.height_m, told.join("    ")));
            let verdicts: Vec<bool> = sides.iter().filter_map(Passed::is_within).collect();
            of += verdicts.len();
            within += verdicts.iter().filter(|verdict| **verdict).count();
        }
    }
    say(&format!("{within} of {of} means within {OFF_KMH} km/h or {:.0} %", 100.0 * OFF_SHARE));
    Ok(())
}

/// Lets traffic go by a camera and measures it: towards the camera, and away from it.
fn drive(view: View, pace_kmh: f64, args: &SpeedsArgs) -> anyhow::Result<[Passed; 2]> {
    let mut random = Pcg64Mcg::seed_from_u64(args.seed ^ pace_kmh.to_bits() ^ view.height_m.to_bits());
    // Lanes differ: the mean of what their drivers want is 0.95 of 30 m/s at pace 1.
    let lanes = traffic::motorway(0.5, pace_kmh / 3.6 / 30.0 / 0.95);
    let mut traffic = Traffic::new(lanes);
    let mut seer = Seer::new(Trouble { misses: 0.08, ..Trouble::default() }, &mut random);
    let spec = camera(&view, f64::from(args.rate))?;
    let (mut tracker, mut measurer) = (Tracker::new(spec.profile.track, SIZE), Measurer::new(&spec, SIZE)?);
    let dt = 1.0 / f64::from(FPS);
    for _ in 0..AHEAD_S * FPS {
        traffic.step(dt, &mut random);
    }
    let mut sides: [Passed; 2] = Default::default();
    let take = |sides: &mut [Passed; 2], events: Vec<Event>| {
        for event in events {
            let Event::Crossing(crossing) = event else { continue };
            let side = &mut sides[usize::from(crossing.line.as_str() == "away")];
            match crossing.speed_mps {
                Some(speed) => side.measured.push(3.6 * speed),
                None => side.untrusted += 1,
            }
        }
    };
    let (mut last, mut due, mut now): (HashMap<u32, f64>, f64, Timestamp) = Default::default();
    for number in 0..args.seconds * FPS {
        traffic.step(dt, &mut random);
        let at_s = f64::from(number) * dt;
        last = crossed(&traffic, &view, &last, &mut sides);
        if at_s + 1e-9 < due {
            continue;
        }
        due += 1.0 / f64::from(args.rate);
        now = Timestamp::UNIX_EPOCH + Duration::from_secs_f64(at_s);
        let found = seer.detect(&seen::truth(&traffic, &view), 1.0 / f64::from(args.rate), &mut random);
        let tracks = tracker.update(now, &found);
        take(&mut sides, measurer.update(now, &tracks));
    }
    let ended = tracker.finish();
    take(&mut sides, measurer.update(now, &ended));
    take(&mut sides, measurer.finish());
    Ok(sides)
}

/// Notes who truly crossed the lines since the last look, and answers with where everybody is now, pixels down the picture.
fn crossed(
    traffic: &Traffic,
    view: &View,
    last: &HashMap<u32, f64>,
    sides: &mut [Passed; 2],
) -> HashMap<u32, f64> {
    let line = seen::place(view, [0.0, LINE_M]).y;
    let speeds: HashMap<u32, f64> =
        traffic.lanes.iter().flat_map(|(_, vehicles)| vehicles.iter().map(|v| (v.id, v.v))).collect();
    let now: HashMap<u32, f64> =
        seen::references(traffic, view).into_iter().map(|(id, _, p)| (id, p.y)).collect();
    for (id, y) in &now {
        let (Some(before), Some(speed)) = (last.get(id), speeds.get(id)) else { continue };
        if (*before < line) != (*y < line) {
            sides[usize::from(*y < line)].truly.push(3.6 * speed);
        }
    }
    now
}

/// The camera with its exact calibration and a line across each carriageway.
fn camera(view: &View, rate_fps: f64) -> anyhow::Result<CameraSpec> {
    let share = |[x, y]: [f64; 2]| {
        let p = seen::place(view, [x, y]);
        Point::new(p.x / f64::from(SIZE.width), p.y / f64::from(SIZE.height))
    };
    let ground = [[-10.0, 25.0], [10.0, 25.0], [14.0, 80.0], [-14.0, 80.0]];
    let across = |id: &str, from: f64, to: f64| {
        anyhow::Ok(Line {
            id: LineId::new(id)?,
            points: [share([from, LINE_M]), share([to, LINE_M])].map(inside),
        })
    };
    Ok(CameraSpec {
        calibration: Some(Calibration {
            image: ground.map(share).to_vec(),
            ground_m: ground.map(|[x, y]| Point::new(x, y)).to_vec(),
            ground_origin: None,
            distortion: None,
        }),
        lines: vec![across("towards", -16.0, -0.6)?, across("away", 0.6, 16.0)?],
        ..made_camera(rate_fps)?
    })
}

/// Lines end where the picture does.
fn inside(p: Point) -> Point {
    Point::new(p.x.clamp(0.0, 1.0), p.y.clamp(0.0, 1.0))
}

fn mean(all: &[f64]) -> f64 {
    all.iter().sum::<f64>() / all.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every height and pace at the profiles' rate, for a shorter time than the bench's.
    #[test]
    fn mean_speeds_are_within_their_bounds() {
        let args = SpeedsArgs { seconds: 60, rate: 10, seed: 7 };
        let mut told = 0;
        for view in VIEWS {
            for pace in PACES_KMH {
                for side in drive(view, pace, &args).unwrap() {
                    assert_ne!(
                        side.is_within(),
                        Some(false),
                        "{} m, {pace} km/h: {:?}",
                        view.height_m,
                        side.off()
                    );
                    told += usize::from(side.off().is_some());
                }
            }
        }
        assert!(told >= 30, "{told} of 36 means could be told");
    }
}
