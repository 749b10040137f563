//! `wayside check`: everything that `run` would need, looked at without running, and all that is wrong
//! said at once. `ground` says what the calibrations are good for, `grid` draws them.

mod grid;
pub mod ground;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use wayside_config::{Site, load_site};
use wayside_detect::Detector;
use wayside_engine::{DetectorSetup, IngestSources, backdrop};
use wayside_measure::{Homography, Measurer};
use wayside_store::{DatabaseOptions, database};
use wayside_types::{CameraSpec, FrameSize, SystemClock};

use crate::detectors;
use crate::probe::{self, Sizes};
use crate::process::{progress, say, warn, warned};
use crate::run::{database_options, source_options};

/// Arguments of `wayside check`.
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// Don't connect to the cameras, nor to the server of database.url
    #[arg(long)]
    offline: bool,
    /// Also draw each calibrated camera's metre grid, lines and zones over its background, as DIR/ID.svg; each
    /// such camera is watched for 25 s for that
    #[arg(long, value_name = "DIR", conflicts_with = "offline")]
    grid: Option<PathBuf>,
    /// Settings file; else config/wayside.toml under WAYSIDE_HOME, else under the checkout this was built from
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Detectors that were opened, and what they were opened from.
type Opened = (Vec<Detector>, DetectorSetup);

/// Runs the subcommand.
///
/// # Errors
/// When anything is wrong; each finding is printed first.
pub fn run(args: &CheckArgs) -> anyhow::Result<()> {
    let site = load_site(args.config.as_deref())?;
    let mut findings: Vec<String> = Vec::new();
    for warning in &site.warnings {
        warn(&warning.to_string());
    }
    if let Some(dir) = &args.grid {
        std::fs::create_dir_all(dir).with_context(|| format!("--grid {}: can't be made", dir.display()))?;
    }
    for camera in &site.cameras {
        if let Err(error) = Measurer::new(camera, FrameSize::USUAL) {
            findings.push(error.to_string());
        }
    }
    let media = detectors::start_media();
    let models = site.cameras.iter().map(|camera| camera.profile.model.as_str());
    let opened = detectors::setup(&site.settings, models).and_then(|setup| Ok((setup.open()?, setup)));
    let sources = IngestSources(source_options(&site.settings.rtsp));
    let mut sizes = Sizes::new();
    match (media, opened) {
        (Ok(()), Ok(mut opened)) => {
            if !args.offline {
                sizes = probe::cameras(&site.cameras, &sources, &opened.1.models);
            }
            describe_ground(&site, &sizes);
            if let Some(dir) = &args.grid {
                draw_grids(&site, dir, &sizes, &mut opened)?;
            }
        }
        (media, opened) => {
            describe_ground(&site, &sizes);
            findings.extend(media.err().into_iter().chain(opened.err()).map(|error| format!("{error:#}")));
        }
    }
    findings.extend(look_at_the_database(&site, args.offline)?);
    if let Err(error) = std::net::TcpListener::bind(site.settings.listen) {
        findings.push(format!("listen {}: {error}", site.settings.listen));
    }
    conclude(&site, &findings)
}

/// What is wrong with where measurements are to be kept. A server that is away is worth a warning only: `run` waits for it.
fn look_at_the_database(site: &Site, offline: bool) -> anyhow::Result<Option<String>> {
    let options = database_options(&site.settings)?;
    let is_server = matches!(options, DatabaseOptions::Url(_));
    if is_server && offline {
        return Ok(None);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(match runtime.block_on(database::look(&options)) {
        Ok(()) => None,
        Err(error) if is_server => {
            let error = anyhow::Error::from(error);
            warn(&format!("database.url: {error:#}; what is measured waits on disk until it answers"));
            None
        }
        Err(error) => Some(format!("{:#}", anyhow::Error::from(error))),
    })
}

/// A camera's calibration fitted for its pictures, if it has one and it fits.
fn fitted(camera: &CameraSpec, size: Option<FrameSize>) -> Option<Homography> {
    Homography::fit(camera.calibration.as_ref()?, size.unwrap_or(FrameSize::USUAL)).ok()
}

fn describe_ground(site: &Site, sizes: &Sizes) {
    for camera in &site.cameras {
        let size = sizes.get(&camera.id).copied();
        if let Some(homography) = fitted(camera, size) {
            for text in ground::describe(camera, &homography, size) {
                match text.strip_prefix("warning: ") {
                    Some(warning) => warn(warning),
                    None => say(&text),
                }
            }
        }
    }
}

/// Draws every calibrated camera. What is in the way of its background is said and no fault of the site's.
fn draw_grids(site: &Site, dir: &Path, sizes: &Sizes, (open, setup): &mut Opened) -> anyhow::Result<()> {
    let options = source_options(&site.settings.rtsp);
    for camera in &site.cameras {
        let size = sizes.get(&camera.id).copied();
        let Some(homography) = fitted(camera, size) else { continue };
        let model = setup.models.iter().position(|m| m.name() == camera.profile.model);
        let mut background = None;
        if let (Some(_), Some(detector)) = (size, model.and_then(|index| open.get_mut(index))) {
            progress(&format!("camera {}: watching it for its background …", camera.id));
            match backdrop(camera, &options, detector, &SystemClock::shared()) {
                Ok(made) => background = made.jpeg,
                Err(error) => warn(&format!("camera {}: no background: {error}", camera.id)),
            }
        }
        let file = grid::write(dir, camera, &homography, background.as_deref())?;
        say(&format!("camera {}: its grid is drawn in {}", camera.id, file.display()));
    }
    Ok(())
}

fn conclude(site: &Site, findings: &[String]) -> anyhow::Result<()> {
    for finding in findings {
        say(finding);
    }
    if findings.is_empty() {
        let (cameras, profiles) =
            (counted(site.cameras.len(), "camera"), counted(site.profiles.len(), "profile"));
        let verdict = match warned() {
            0 => "all good".to_owned(),
            n => format!("no fault, {}", counted(n, "warning")),
        };
        say(&format!("{}: {cameras}, {profiles}: {verdict}", site.settings.config_file.display()));
        return Ok(());
    }
    bail!("{} found", counted(findings.len(), "fault"))
}

fn counted(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}
