//! `wayside check`: everything that `run` would need, looked at without running, and all that is wrong
//! said at once.

use std::path::PathBuf;

use anyhow::bail;
use wayside_config::load_site;
use wayside_measure::{Homography, Measurer};
use wayside_types::FrameSize;

use crate::detectors;
use crate::probe;
use crate::process::say;

/// Arguments of `wayside check`.
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// Don't connect to the cameras
    #[arg(long)]
    offline: bool,
    /// Settings file; else config/wayside.toml under WAYSIDE_HOME, else under the checkout this was built from
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Any size will do to see whether a drawing can be used.
const SOME_SIZE: FrameSize = FrameSize { width: 1280, height: 720 };

/// Runs the subcommand.
///
/// # Errors
/// When anything is wrong; each finding is printed first.
pub fn run(args: &CheckArgs) -> anyhow::Result<()> {
    let site = load_site(args.config.as_deref())?;
    let mut findings: Vec<String> = Vec::new();
    for warning in &site.warnings {
        say(&format!("warning: {warning}"));
    }
    for camera in &site.cameras {
        if let Err(error) = Measurer::new(camera, SOME_SIZE) {
            findings.push(format!("camera {}: {error}", camera.id));
        }
        if let Some(Ok(homography)) = camera.calibration.as_ref().map(Homography::fit) {
            say(&format!("camera {}: calibration residual {:.2} m", camera.id, homography.residual_m()));
        }
    }
    let media = detectors::start_media();
    let models = site.cameras.iter().map(|camera| camera.profile.model.as_str());
    let setup = detectors::setup(&site.settings, models).and_then(|setup| {
        setup.open()?;
        Ok(setup)
    });
    match (media, setup) {
        (Ok(()), Ok(setup)) if !args.offline => probe::cameras(&site.cameras, &setup.models),
        (media, setup) => {
            findings.extend(media.err().into_iter().chain(setup.err()).map(|error| format!("{error:#}")));
        }
    }
    if let Err(error) = std::net::TcpListener::bind(site.settings.listen) {
        findings.push(format!("listen {}: {error}", site.settings.listen));
    }
    for finding in &findings {
        say(finding);
    }
    if findings.is_empty() {
        let (cameras, profiles) =
            (counted(site.cameras.len(), "camera"), counted(site.profiles.len(), "profile"));
        say(&format!("{}: {cameras}, {profiles}: all good", site.settings.config_file.display()));
        return Ok(());
    }
    bail!("{} found", counted(findings.len(), "fault"))
}

fn counted(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}
