//! How well vehicles are followed: HOTA, IDF1 and MOTA of our tracker beside those of the `trackers` package, on the
//! same made detections in the same run. The traffic is in [`traffic`], what is seen of it in [`seen`]; the other
//! trackers and the metrics are in `python/tracking.py`, so that we do not judge ourselves.

pub mod seen;
pub mod traffic;

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;
use serde::Serialize;
use wayside_track::Tracker;
use wayside_types::{BBox, Detection, Timestamp, TrackId, TrackSettings};

use seen::{SIZE, Seer, Trouble, Truth, View};
use traffic::{Lane, Traffic};

/// Frames a second that are made; slower rates leave some out.
pub const FPS: u32 = 25;
/// Traffic before the first frame, so that the road is full.
pub const AHEAD_S: u32 = 60;

#[derive(Debug, clap::Args)]
pub struct TrackingArgs {
    /// Python with benches/python/requirements.txt installed
    #[arg(long)]
    python: PathBuf,
    /// Seconds of each scene
    #[arg(long, default_value_t = 40)]
    seconds: u32,
    /// Seed of everything random
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// One scene at one rate, as the Python side reads it. Boxes are x1, y1, x2, y2 in pixels.
#[derive(Serialize)]
struct Sequence {
    scene: &'static str,
    /// Vehicles in view, mean over frames.
    vehicles: f64,
    rate: u32,
    settings: [(f32, f32); 4],
    frames: Vec<Frame>,
}

#[derive(Serialize)]
struct Frame {
    t: f64,
    truth: Vec<(u32, [f32; 4])>,
    /// Box, score and class.
    found: Vec<([f32; 4], f32, usize)>,
    /// What our tracker makes of it, a list for each of [`SETTINGS`].
    ours: Vec<Vec<(u32, [f32; 4])>>,
}

/// Settings that our tracker is tried with, the shipped one first: `high_score`, `start_score`. The others are tried
/// with several as well.
const SETTINGS: [(f32, f32); 4] = [(0.4, 0.1), (0.4, 0.25), (0.4, 0.4), (0.6, 0.6)];

/// A made picture: when, who is there, what was found.
struct Made {
    t: f64,
    truth: Vec<Truth>,
    found: Vec<Detection>,
}

/// Makes the scenes, follows everybody in them, and has all trackers judged.
///
/// # Errors
/// When Python or what it needs is not there.
pub fn run(args: &TrackingArgs) -> anyhow::Result<()> {
    let scenes: [(&'static str, Vec<Lane>); 6] = [
        ("junction, quiet", traffic::junction(0.8)),
        ("junction, usual", traffic::junction(1.5)),
        ("junction, full", traffic::junction(6.0)),
        ("motorway, quiet", traffic::motorway(1.0, 1.0)),
        ("motorway, usual", traffic::motorway(1.5, 0.7)),
        ("motorway, full", traffic::motorway(3.0, 0.35)),
    ];
    let mut sequences = Vec::new();
    for (index, (name, lanes)) in scenes.into_iter().enumerate() {
        let seed = args.seed.wrapping_mul(1_000).wrapping_add(index as u64);
        let made = film(lanes, args.seconds, seed);
        for rate in [5, 10, 25] {
            sequences.push(follow(name, &made, rate));
        }
    }
    judge(&args.python, &sequences)
}

fn film(lanes: Vec<Lane>, seconds: u32, seed: u64) -> Vec<Made> {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let mut traffic = Traffic::new(lanes);
    let mut seer = Seer::new(Trouble::default(), &mut random);
    let view = View::default();
    let dt = 1.0 / f64::from(FPS);
    for _ in 0..AHEAD_S * FPS {
        traffic.step(dt, &mut random);
    }
    (0..seconds * FPS)
        .map(|number| {
            traffic.step(dt, &mut random);
            let truth = seen::truth(&traffic, &view);
            let found = seer.detect(&truth, dt, &mut random);
            Made { t: f64::from(number) * dt, truth, found }
        })
        .collect()
}

/// Our tracker over every frame that is due at a rate, with each of the settings.
fn follow(scene: &'static str, made: &[Made], rate: u32) -> Sequence {
    let mut trackers: Vec<(Tracker, HashMap<TrackId, u32>)> = SETTINGS
        .iter()
        .map(|(high_score, start_score)| TrackSettings {
            high_score: *high_score,
            start_score: *start_score,
            ..TrackSettings::default()
        })
        .map(|settings| (Tracker::new(settings, SIZE), HashMap::new()))
        .collect();
    let mut due = 0.0;
    let mut frames = Vec::new();
    for picture in made {
        if picture.t + 1e-9 < due {
            continue;
        }
        due += 1.0 / f64::from(rate);
        let at = Timestamp::UNIX_EPOCH + std::time::Duration::from_secs_f64(picture.t);
        let ours = trackers
            .iter_mut()
            .map(|(tracker, numbers)| {
                let update = tracker.update(at, &picture.found);
                let shown = update.active.iter().filter(|track| track.confirmed && track.observed);
                let numbered = shown.map(|track| {
                    let next = numbers.len() as u32;
                    (*numbers.entry(track.id).or_insert(next), corners(&track.bbox))
                });
                numbered.collect()
            })
            .collect();
        frames.push(Frame {
            t: picture.t,
            truth: picture.truth.iter().map(|v| (v.id, corners(&v.bbox))).collect(),
            found: picture.found.iter().map(|d| (corners(&d.bbox), d.score, d.class as usize)).collect(),
            ours,
        });
    }
    let seen: usize = frames.iter().map(|frame| frame.truth.len()).sum();
    Sequence { scene, vehicles: seen as f64 / frames.len().max(1) as f64, rate, settings: SETTINGS, frames }
}

fn corners(bbox: &BBox) -> [f32; 4] {
    [bbox.x1, bbox.y1, bbox.x2, bbox.y2]
}

/// The other trackers, the metrics and the table.
fn judge(python: &Path, sequences: &[Sequence]) -> anyhow::Result<()> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/tracking.py");
    let mut child = Command::new(python)
        .arg(&script)
        .stdin(Stdio::piped())
        .spawn()
        .with_context(|| format!("--python {}: can't be started", python.display()))?;
    if let Some(mut input) = child.stdin.take() {
        for sequence in sequences {
            serde_json::to_writer(&mut input, sequence).context("writing to Python")?;
            input.write_all(b"\n").context("writing to Python")?;
        }
    }
    let ended = child.wait().context("waiting for Python")?;
    ensure!(ended.success(), "{} failed: {ended}", script.display());
    Ok(())
}
