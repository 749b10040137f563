//! Drawn scenes: camsim's street, encoded and decoded like any camera's video, looked at by the detector that ships. What
//! it saw in every frame is kept in a file beside the truth, so that weights and rates can be tried without drawing again;
//! these are drawings' boxes, of nobody.

use std::path::Path;

use anyhow::Context;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde::{Deserialize, Serialize};
use wayside_camsim::draw::canvas::Picture;
use wayside_camsim::scene::layout::Layout;
use wayside_camsim::scene::stage::Stage;
use wayside_camsim::scene::truth::Recorder;
use wayside_camsim::{Encoder, Hazard, SceneKind, SceneSpec, camera_toml};
use wayside_types::{BBox, CameraSpec, Detection, Direction, FrameSize, LineId, RoadUserClass};

use super::tally::{Bin, Origin, Tally};
use crate::overhead::Subject;
use crate::tracking::seen::uniform;

/// Every so many frames of the recording are looked at: 15, 7.5 and 5 a second. Of quiet ones 5 a second were kept.
const STEPS: [usize; 3] = [1, 2, 3];
const QUIET_FPS: f64 = 5.0;
/// Scenes of drawn streets have numbers from here on.
const NUMBERED_FROM: u64 = 1 << 40;
/// What is left of the light by night.
const NIGHT: f32 = 0.22;

/// Box, class and score of a detection.
type Told = ([f32; 4], RoadUserClass, f32);

/// What a drawn scene was and what the detector made of it.
#[derive(Serialize, Deserialize)]
struct Seen {
    /// The camera file.
    camera: String,
    size: (u32, u32),
    seconds: f64,
    /// Line, direction, class, second.
    truth: Vec<(LineId, Direction, RoadUserClass, f64)>,
    /// Second and detections.
    frames: Vec<(f64, Vec<Told>)>,
}

/// The bins of the drawn scenes of these seeds at each rate, seen now or kept under `dir`.
///
/// # Errors
/// When a scene can't be drawn, looked at or kept.
pub fn run_all(
    dir: &Path,
    seeds: std::ops::Range<u64>,
    seconds: u32,
    quiet: bool,
) -> anyhow::Result<Vec<Bin>> {
    std::fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
    let mut bins = Vec::new();
    for seed in seeds {
        let name = if quiet { "quiet" } else { "drawn" };
        let kept = dir.join(format!("{name}-{seed}-{seconds}.json"));
        if !kept.exists() {
            let seen = film(dir, seed, f64::from(seconds), quiet)?;
            let part = kept.with_extension("part");
            std::fs::write(&part, serde_json::to_vec(&seen)?).with_context(|| part.display().to_string())?;
            std::fs::rename(&part, &kept).with_context(|| kept.display().to_string())?;
        }
        let text = std::fs::read(&kept).with_context(|| kept.display().to_string())?;
        let seen: Seen = serde_json::from_slice(&text)
            .with_context(|| format!("{}: not of this bench", kept.display()))?;
        let camera = kept.with_extension("toml");
        std::fs::write(&camera, &seen.camera).with_context(|| camera.display().to_string())?;
        let subject = Subject::load(&camera, &camera, 15.0, None)?;
        let (origin, steps) =
            if quiet { (Origin::DrawnQuiet, &STEPS[..1]) } else { (Origin::Drawn, &STEPS[..]) };
        for step in steps {
            bins.extend(count(&seen, subject.spec(), *step)?.finish(origin, NUMBERED_FROM + seed));
        }
    }
    Ok(bins)
}

/// What a seed draws: a road, how full it is, how thick the air is and how badly it is encoded.
fn spec(seed: u64, seconds: f64, quiet: bool) -> (SceneSpec, u32) {
    let mut random = Pcg64Mcg::seed_from_u64(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let kind = SceneKind::ALL[(seed % 3) as usize];
    let mut spec = SceneSpec::new(kind, seed);
    let (from, to): (f64, f64) = if quiet { (0.01, 0.15) } else { (0.3, 3.0) };
    spec.density = uniform(&mut random, from.ln(), to.ln()).exp();
    let foggy = random.random::<f64>() < 0.3;
    let visibility_m = uniform(&mut random, 45.0, 200.0);
    let quantizer = uniform(&mut random, 18.0, 40.0) as u32;
    if foggy {
        spec.hazards.push(Hazard::Fog { from_s: -60.0, for_s: seconds + 120.0, visibility_m });
    }
    (spec, quantizer)
}

/// A picture with so much of its light.
fn dimmed(mut picture: Picture, light: f32) -> Picture {
    if light < 1.0 {
        let luma = picture.width * picture.height;
        for y in picture.data.iter_mut().take(luma) {
            *y = 16 + (f32::from(y.saturating_sub(16)) * light) as u8;
        }
    }
    picture
}

fn film(dir: &Path, seed: u64, seconds: f64, quiet: bool) -> anyhow::Result<Seen> {
    let (spec, quantizer) = spec(seed, seconds, quiet);
    let light = if quiet && !(seed / 3).is_multiple_of(2) { NIGHT } else { 1.0 };
    let at = |end: &str| dir.join(format!("drawing-{seed}.{end}"));
    let (video, camera) = (at("mp4"), at("toml"));
    let layout = Layout::of(&spec)?;
    let mut stage = Stage::new(&spec)?;
    let mut recorder = Recorder::new(&layout);
    let mut encoder = Encoder::new(spec.size, spec.fps, quantizer, &video)?;
    for _ in 0..(seconds * f64::from(spec.fps)) as u64 {
        recorder.look(&stage, &layout);
        encoder.push(&dimmed(stage.next_frame(), light))?;
    }
    encoder.finish()?;
    let text = camera_toml(&spec, &video.to_string_lossy())?;
    std::fs::write(&camera, &text).with_context(|| camera.display().to_string())?;
    let rate_fps = if quiet { QUIET_FPS } else { f64::from(spec.fps) };
    let subject = Subject::load(&video, &camera, rate_fps, None)?;
    let lines = &subject.spec().lines;
    let crossings = recorder.crossings().iter();
    let truth = crossings
        .filter_map(|c| Some((lines.get(c.line)?.id.clone(), c.direction, c.class, c.at_s)))
        .collect();
    let mut frames = Vec::new();
    subject.look(0.1, &mut |at_s, found| {
        let told = |d: &Detection| ([d.bbox.x1, d.bbox.y1, d.bbox.x2, d.bbox.y2], d.class, d.score);
        frames.push((at_s, found.iter().map(told).collect()));
    })?;
    [&video, &camera].into_iter().try_for_each(std::fs::remove_file)?;
    Ok(Seen { camera: text, size: spec.size, seconds, truth, frames })
}

fn count(seen: &Seen, spec: &CameraSpec, step: usize) -> anyhow::Result<Tally> {
    let size = FrameSize { width: seen.size.0, height: seen.size.1 };
    let mut tally = Tally::new(spec, size, seen.seconds)?;
    for (line, direction, class, at_s) in &seen.truth {
        tally.crossed(line.clone(), *direction, *class, *at_s);
    }
    for (at_s, found) in seen.frames.iter().step_by(step) {
        let detection = |([x1, y1, x2, y2], class, score): &Told| Detection {
            bbox: BBox::new(*x1, *y1, *x2, *y2),
            class: *class,
            score: *score,
        };
        let found: Vec<Detection> = found.iter().map(detection).collect();
        tally.see(*at_s, &found);
    }
    Ok(tally)
}
