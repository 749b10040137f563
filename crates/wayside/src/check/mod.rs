//! `wayside check`: everything that `run` would need, looked at without running, and all that is wrong
//! said at once. `ground` says what the calibrations are good for, `grid` draws them.

mod grid;
pub mod ground;

use std::path::PathBuf;

use anyhow::{Context, bail};
use wayside_config::{Site, load_site};
use wayside_detect::Detector;
use wayside_engine::{Backdrop, DetectorSetup, backdrop};
use wayside_measure::{Homography, Measurer};
use wayside_types::{CameraSpec, FrameSize, SystemClock};

use crate::detectors;
use crate::process::{progress, say};
use crate::run::source_options;

/// Arguments of `wayside check`.
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// Settings file; else config/wayside.toml under WAYSIDE_HOME, else under the checkout this was built from
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Also draw each calibrated camera's metre grid, lines and zones over its background, as DIR/ID.svg; each
    /// camera is watched for 25 s for that
    #[arg(long, value_name = "DIR")]
    grid: Option<PathBuf>,
}

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
    if let Err(error) = detectors::start_media() {
        findings.push(format!("{error:#}"));
    }
    let models = site.cameras.iter().map(|camera| camera.profile.model.as_str());
    let setup = detectors::setup(&site.settings, models);
    let opened = setup.and_then(|setup| Ok((setup.open()?, setup)));
    let mut detectors = match opened {
        Ok(opened) => Some(opened),
        Err(error) => {
            findings.push(format!("{error:#}"));
            None
        }
    };
    if let Some(dir) = &args.grid {
        std::fs::create_dir_all(dir).with_context(|| format!("--grid {}: can't be made", dir.display()))?;
    }
    for camera in &site.cameras {
        if let Err(error) = Measurer::new(camera, FrameSize::USUAL) {
            findings.push(format!("camera {}: {error}", camera.id));
            continue;
        }
        let Some(calibration) = &camera.calibration else { continue };
        let seen = match &args.grid {
            Some(_) => seen(&site, camera, detectors.as_mut()),
            None => None,
        };
        let size = seen.as_ref().map(|b| b.size);
        match Homography::fit(calibration, size.unwrap_or(FrameSize::USUAL)) {
            Ok(homography) => {
                ground::describe(camera, &homography, size).iter().for_each(|text| say(text));
                if let Some(dir) = &args.grid {
                    let jpeg = seen.and_then(|b| b.jpeg);
                    let file = grid::write(dir, camera, &homography, jpeg.as_deref())?;
                    say(&format!("camera {}: its grid is drawn in {}", camera.id, file.display()));
                }
            }
            Err(error) => findings.push(format!("camera {}: {error}", camera.id)),
        }
    }
    if let Err(error) = std::net::TcpListener::bind(site.settings.listen) {
        findings.push(format!("listen {}: {error}", site.settings.listen));
    }
    conclude(&site, &findings)
}

/// What can be seen of a camera, if anything can; what is in the way is said and no fault of the site's.
fn seen(
    site: &Site,
    camera: &CameraSpec,
    detectors: Option<&mut (Vec<Detector>, DetectorSetup)>,
) -> Option<Backdrop> {
    let (open, setup) = detectors?;
    let model = setup.models.iter().position(|m| m.name() == camera.profile.model)?;
    let detector = open.get_mut(model)?;
    progress(&format!("camera {}: watching it for its background …", camera.id));
    let options = source_options(&site.settings.rtsp);
    let made = backdrop(camera, &options, detector, &SystemClock::shared());
    if let Err(error) = &made {
        say(&format!("warning: camera {}: its grid is drawn without a background: {error}", camera.id));
    }
    made.ok()
}

fn conclude(site: &Site, findings: &[String]) -> anyhow::Result<()> {
    for finding in findings {
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
