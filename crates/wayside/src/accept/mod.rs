//! `wayside accept`: labelled scenes through the same code path as `analyze`, and how the incident rules did on them.
//!
//! | module | what |
//! | --- | --- |
//! | [`label`] | what a scene's label file says |
//! | [`score`] | which alert is which hazard, and the sums |
//! | [`wilson`] | how sure a share is |
//! | [`report`] | the table and the JSON |

mod label;
mod report;
mod score;
mod wilson;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, bail};
use wayside_config::load_for_analyze;
use wayside_engine::{DetectorSetup, Workers};
use wayside_types::{IncidentKind, Profile};

use crate::detectors;
use crate::process::{check_writable, progress, write_json};
use label::Scene;
use score::{Alert, Scored};

/// Arguments of `wayside accept`.
#[derive(Debug, clap::Args)]
pub struct AcceptArgs {
    /// Directory with *.label.toml files and the videos and camera files that they name
    dir: PathBuf,
    /// Also write what was found, scene by scene
    #[arg(long, value_name = "OUT")]
    json: Option<PathBuf>,
    /// Analysed frames a second; else each camera's profile's
    #[arg(long, value_name = "FPS", allow_negative_numbers = true)]
    rate: Option<f64>,
    /// Only scenes whose name contains this
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Scenes at a time; else one a core
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Also print every missed hazard and every false alert
    #[arg(long)]
    details: bool,
    /// Settings file; else config/wayside.toml under WAYSIDE_HOME, else under the checkout this was built from
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Runs the subcommand.
///
/// # Errors
/// When a label, a camera file, the model or a video can't be used; no scene is left out in silence.
pub fn run(args: &AcceptArgs) -> anyhow::Result<()> {
    if let Some(rate) = args.rate
        && !(rate > 0.0 && rate <= 60.0)
    {
        bail!("--rate {rate}: must be more than 0 and at most 60 frames a second");
    }
    if let Some(out) = &args.json {
        check_writable(out)?;
    }
    let mut scenes = label::scenes(&args.dir)?;
    scenes.retain(|scene| args.only.as_deref().is_none_or(|text| scene.name.contains(text)));
    if scenes.is_empty() {
        bail!("{}: has no *.label.toml that could be used", args.dir.display());
    }
    detectors::start_media()?;
    let scored = all(args, &scenes)?;
    let tallies = score::tallies(&scored);
    report::print(&tallies, &scored, args.details);
    if let Some(out) = &args.json {
        write_json(&report::json(&tallies, &scored), out)?;
    }
    Ok(())
}

/// Detector setups by model: loaded once, opened for each scene.
type Setups = Mutex<BTreeMap<String, DetectorSetup>>;

/// Every scene, some at a time, in the order of their names.
fn all(args: &AcceptArgs, scenes: &[Scene]) -> anyhow::Result<Vec<Scored>> {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let jobs = args.jobs.map_or(cores, NonZeroUsize::get).min(scenes.len());
    let (next, setups) = (AtomicUsize::new(0), Setups::default());
    let work = || {
        let mut done = Vec::new();
        while let Some((index, scene)) = take(&next, scenes) {
            let scored = one(args, scene, &setups).with_context(|| scene.name.clone());
            // One that can't be used stops the whole: what is not looked at is not accepted.
            if scored.is_err() {
                next.store(scenes.len(), Ordering::Relaxed);
            }
            done.push((index, scored?));
            if (index + 1).is_multiple_of(50) {
                progress(&format!("{} of {} scenes", index + 1, scenes.len()));
            }
        }
        anyhow::Ok(done)
    };
    let mut scored = Vec::new();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            match thread.join() {
                Ok(done) => scored.extend(done?),
                Err(_) => bail!("a thread ended unexpectedly"),
            }
        }
        Ok(())
    })?;
    scored.sort_by_key(|(index, _)| *index);
    Ok(scored.into_iter().map(|(_, scored)| scored).collect())
}

fn take<'a>(next: &AtomicUsize, scenes: &'a [Scene]) -> Option<(usize, &'a Scene)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    scenes.get(index).map(|scene| (index, scene))
}

fn one(args: &AcceptArgs, scene: &Scene, setups: &Setups) -> anyhow::Result<Scored> {
    let loaded = load_for_analyze(args.config.as_deref(), &scene.camera, &scene.video)?;
    let mut spec = loaded.camera;
    let mut profile = Profile::clone(&spec.profile);
    profile.rate_fps = args.rate.unwrap_or(profile.rate_fps);
    // Shipped profiles leave it off until it does well here.
    profile.hazard.object_on_road.enabled = true;
    let model = profile.model.clone();
    let hazard = profile.hazard;
    let hold_s = move |kind: IncidentKind| hazard.hold_s(kind);
    spec.profile = Arc::new(profile);
    let setup = {
        let mut setups = setups.lock().unwrap_or_else(PoisonError::into_inner);
        match setups.get(&model) {
            Some(setup) => setup.clone(),
            None => {
                let mut setup = detectors::setup(&loaded.settings, std::iter::once(model.as_str()))?;
                // Scenes run side by side, each on one core.
                setup.workers = Workers::Exactly(1);
                setups.entry(model).or_insert(setup).clone()
            }
        }
    };
    let report = wayside_engine::analyze(&Arc::new(spec), &scene.video, &setup)?;
    let alerts = report.incidents.iter().map(Alert::from).collect();
    Ok(score::match_scene(scene, alerts, report.video.duration_s, hold_s))
}
