//! `wayside analyze`: one file, offline, its totals as JSON.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::bail;
use wayside_config::load_for_analyze;
use wayside_engine::Report;
use wayside_measure::Homography;
use wayside_types::{FrameSize, Profile};

use crate::check::ground::left_out;
use crate::detectors;
use crate::process::{progress, say, write_json};

/// Arguments of `wayside analyze`.
#[derive(Debug, clap::Args)]
pub struct AnalyzeArgs {
    /// The video file
    video: PathBuf,
    /// The camera file with the lines and zones to count at; its `source` is ignored
    #[arg(long, value_name = "FILE")]
    camera: PathBuf,
    /// Where to write the report; else a summary is printed
    #[arg(long, value_name = "OUT")]
    json: Option<PathBuf>,
    /// Analysed frames a second; else the profile's
    #[arg(long, value_name = "FPS", allow_negative_numbers = true)]
    rate: Option<f64>,
    /// Name of a manifest in models/; else the profile's
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Settings file; else config/wayside.toml under WAYSIDE_HOME, else under the checkout this was built from
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Runs the subcommand.
///
/// # Errors
/// When an argument, the camera file, the model or the video can't be used.
pub fn run(args: &AnalyzeArgs) -> anyhow::Result<()> {
    if let Some(rate) = args.rate
        && !(rate > 0.0 && rate <= 60.0)
    {
        bail!("--rate {rate}: must be more than 0 and at most 60 frames a second");
    }
    let loaded = load_for_analyze(args.config.as_deref(), &args.camera, &args.video)?;
    let mut spec = loaded.camera;
    let mut profile = Profile::clone(&spec.profile);
    profile.rate_fps = args.rate.unwrap_or(profile.rate_fps);
    if let Some(model) = &args.model {
        detectors::check_model(&loaded.settings, model)?;
        profile.model.clone_from(model);
    }
    let setup = detectors::setup(&loaded.settings, std::iter::once(profile.model.as_str()))?;
    spec.profile = Arc::new(profile);
    detectors::start_media()?;
    // What is wrong with a calibration altogether is said when the first frame's size is known.
    if let Some(Ok(homography)) = spec.calibration.as_ref().map(|c| Homography::fit(c, FrameSize::USUAL)) {
        left_out(&spec, &homography).iter().for_each(|warning| progress(warning));
    }
    let report = wayside_engine::analyze(&Arc::new(spec), &args.video, &setup)?;
    match &args.json {
        Some(out) => write_json(&report, out),
        None => {
            summarise(&report);
            Ok(())
        }
    }
}

fn summarise(report: &Report) {
    let video = &report.video;
    say(&format!(
        "{}: {:.1} s, {} frames, {} analysed",
        report.camera, video.duration_s, video.frames, video.analysed
    ));
    for count in &report.counts {
        say(&format!(
            "  {:<20} {:<9} {:<11} {:>5}",
            count.line,
            count.direction.as_str(),
            count.class,
            count.count
        ));
    }
    for movement in &report.movements {
        let between = format!("{} → {}", movement.from, movement.to);
        say(&format!("  {between:<30} {:<11} {:>5}", movement.class, movement.count));
    }
    for speed in &report.speeds {
        // Without calibration there is nothing to say of speeds.
        let Some(untrusted) = speed.untrusted else { continue };
        let (line, direction, n) = (&speed.line, speed.direction.as_str(), speed.n);
        let figures = match (speed.mean_kmh, speed.p85_kmh) {
            (Some(mean), Some(p85)) => format!("mean {mean} km/h, 85th percentile {p85} km/h of {n}"),
            _ => format!("{n} speeds, too few for figures"),
        };
        say(&format!(
            "  {line:<20} {direction:<9} {figures}, {untrusted} more counted without a trusted speed"
        ));
    }
    for line in &report.quality.lines {
        let (id, direction, count, [low, high]) =
            (&line.line, line.direction.as_str(), line.count, line.band);
        let who =
            if line.classes.iter().any(|class| class.is_motor_vehicle()) { "vehicles" } else { "others" };
        say(&format!("  {id:<20} {direction:<9} {who:<11} {count:>5}, truly {low} to {high} (95 %)"));
    }
    let quality = &report.quality;
    say(&format!("  tracks {}, counted {}, broken {}", quality.tracks, quality.counted, quality.broken));
}
