//! `wayside check`: everything that `run` would need, looked at without running, and all that is wrong
//! said at once.

use std::path::Path;

use anyhow::bail;
use wayside_config::load_site;
use wayside_measure::{Homography, Measurer};
use wayside_types::FrameSize;

use crate::detectors;
use crate::process::say;

/// Any size will do to see whether a drawing can be used.
const SOME_SIZE: FrameSize = FrameSize { width: 1280, height: 720 };

/// Runs the subcommand.
///
/// # Errors
/// When anything is wrong; each finding is printed first.
pub fn run(config: Option<&Path>) -> anyhow::Result<()> {
    let site = load_site(config)?;
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
    if let Err(error) = detectors::start_media() {
        findings.push(format!("{error:#}"));
    }
    let models = site.cameras.iter().map(|camera| camera.profile.model.as_str());
    match detectors::setup(&site.settings, models).and_then(|setup| Ok(setup.open()?)) {
        Ok(_) => {}
        Err(error) => findings.push(format!("{error:#}")),
    }
    if let Err(error) = std::net::TcpListener::bind(site.settings.listen) {
        findings.push(format!("listen {}: {error}", site.settings.listen));
    }
    for finding in &findings {
        say(finding);
    }
    if findings.is_empty() {
        let (cameras, profiles) = (site.cameras.len(), site.profiles.len());
        say(&format!(
            "{}: {cameras} cameras, {profiles} profiles: all good",
            site.settings.config_file.display()
        ));
        return Ok(());
    }
    bail!(
        "{} found",
        if findings.len() == 1 { "1 fault".to_owned() } else { format!("{} faults", findings.len()) }
    )
}
