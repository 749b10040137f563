//! `wayside camsim`: simulated RTSP cameras on this machine, from files (remuxed, never re-encoded) or
//! drawn, and camera files to go with them.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::ValueEnum;
use wayside_camsim::{
    CamServer, CamsimOptions, Hazard, MountedCamera, SceneKind, SceneSpec, camera_toml, record,
};

use crate::process::{say, stop_signal};

/// Arguments of `wayside camsim`.
#[derive(Debug, clap::Args)]
pub struct CamsimArgs {
    /// Video files to serve in a loop
    videos: Vec<PathBuf>,
    /// Drawn scenes to serve; `street` is all three
    #[arg(long = "scene", value_name = "SCENE")]
    scenes: Vec<Scene>,
    /// What goes wrong in every drawn scene, once: stopped, wrong-way, object or fog, and at which second (20 unless given),
    /// such as stopped@60; may be repeated
    #[arg(long = "hazard", value_name = "KIND[@SECOND]", value_parser = hazard, requires = "scenes")]
    hazards: Vec<Hazard>,
    /// Port on the loopback interface; 0 takes any free one
    #[arg(long, default_value_t = 8554)]
    port: u16,
    /// How many cameras of each
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    copies: u32,
    /// What the drawn traffic is made from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Write a camera file for each camera into this directory
    #[arg(long, value_name = "DIR")]
    cameras: Option<PathBuf>,
    /// Make this file once the cameras can be reached
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Don't serve: write each scene as NAME.mp4, NAME.truth.json and NAME.toml into this directory
    #[arg(long, value_name = "DIR", requires = "scenes", conflicts_with_all = ["videos", "cameras", "ready_file"])]
    record: Option<PathBuf>,
    /// How long a recording is
    #[arg(long, default_value_t = 60.0, requires = "record")]
    seconds: f64,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Scene {
    Street,
    Junction,
    Arterial,
    Highway,
}

impl Scene {
    fn kinds(self) -> &'static [SceneKind] {
        match self {
            Self::Street => &[SceneKind::Junction, SceneKind::Arterial, SceneKind::Highway],
            Self::Junction => &[SceneKind::Junction],
            Self::Arterial => &[SceneKind::Arterial],
            Self::Highway => &[SceneKind::Highway],
        }
    }
}

/// Reads `KIND` or `KIND@SECOND`.
fn hazard(text: &str) -> Result<Hazard, String> {
    let (name, second) = text.split_once('@').unwrap_or((text, "20"));
    // Whoever makes the hazard has to come into view first, and traffic to get out of the way.
    let second = second.parse().ok().filter(|second| (10.0..=86_400.0).contains(second));
    let second = second.ok_or("the second after @ must be 10 to 86400")?;
    Hazard::usual(name, second).ok_or_else(|| format!("must be one of: {}", Hazard::NAMES.join(" ")))
}

/// Runs the subcommand.
///
/// # Errors
/// When there is nothing to serve, a file can't be used, or the port is taken.
pub fn run(args: &CamsimArgs) -> anyhow::Result<()> {
    let scenes: Vec<SceneSpec> = args
        .scenes
        .iter()
        .flat_map(|scene| scene.kinds())
        .map(|&kind| SceneSpec { hazards: args.hazards.clone(), ..SceneSpec::new(kind, args.seed) })
        .collect();
    if let Some(directory) = &args.record {
        return record_all(&scenes, args.seconds, directory);
    }
    if scenes.is_empty() && args.videos.is_empty() {
        bail!("camsim: name a video file, or --scene street for drawn cameras");
    }
    let options = CamsimOptions {
        videos: args.videos.clone(),
        scenes: scenes.clone(),
        port: args.port,
        copies: args.copies,
        credentials: None,
    };
    let server = CamServer::start(options)?;
    let mounted = server.urls();
    if let Some(directory) = &args.cameras {
        write_camera_files(&mounted, &args.videos, &scenes, args.copies, directory)?;
    }
    for camera in &mounted {
        say(&camera.url);
    }
    if let Some(file) = &args.ready_file {
        std::fs::write(file, b"").with_context(|| file.display().to_string())?;
    }
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(stop_signal())?;
    server.stop();
    Ok(())
}

/// One camera file a mounted camera. The server lists videos first, then scenes, each with its copies.
fn write_camera_files(
    mounted: &[MountedCamera],
    videos: &[PathBuf],
    scenes: &[SceneSpec],
    copies: u32,
    directory: &Path,
) -> anyhow::Result<()> {
    let copies = copies as usize;
    std::fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
    for (index, camera) in mounted.iter().enumerate() {
        let text =
            match (videos.get(index / copies), scenes.get((index / copies).saturating_sub(videos.len()))) {
                (Some(video), _) => video_camera(video, camera)?,
                (None, Some(scene)) => named(&camera_toml(scene, &camera.url)?, camera)?,
                (None, None) => continue,
            };
        let file = directory.join(format!("{}.toml", camera.name));
        std::fs::write(&file, text).with_context(|| file.display().to_string())?;
    }
    Ok(())
}

/// The camera file beside a video, with the simulated camera's name and address; without one, a line down
/// and a line across the middle of the picture.
fn video_camera(video: &Path, camera: &MountedCamera) -> anyhow::Result<String> {
    let beside = video.with_extension("toml");
    let text = if beside.is_file() {
        std::fs::read_to_string(&beside).with_context(|| beside.display().to_string())?
    } else {
        UNDRAWN.to_owned()
    };
    named(&text, camera).with_context(|| beside.display().to_string())
}

fn named(text: &str, camera: &MountedCamera) -> anyhow::Result<String> {
    let mut table: toml::Table = text.parse()?;
    table.insert("id".to_owned(), camera.name.clone().into());
    table.insert("source".to_owned(), camera.url.clone().into());
    table.entry("name").or_insert_with(|| camera.name.clone().into());
    Ok(toml::to_string(&table)?)
}

/// Lines for a video that nobody has drawn any for.
const UNDRAWN: &str = r#"
department = "traffic"
profile = "arterial"

[[line]]
id = "down"
points = [[0.5, 0.98], [0.5, 0.02]]

[[line]]
id = "across"
points = [[0.02, 0.6], [0.98, 0.6]]
"#;

/// A camera file for a video that nobody has drawn lines for.
///
/// # Errors
/// When it can't be written as TOML.
pub fn undrawn_camera(id: &str, video: &Path, profile: &str) -> anyhow::Result<String> {
    let mut table: toml::Table = UNDRAWN.parse()?;
    let source = video.display().to_string();
    for (key, value) in [("id", id), ("name", id), ("source", &source), ("profile", profile)] {
        table.insert(key.to_owned(), value.into());
    }
    Ok(toml::to_string(&table)?)
}

fn record_all(scenes: &[SceneSpec], seconds: f64, directory: &Path) -> anyhow::Result<()> {
    if !(1.0..=86_400.0).contains(&seconds) {
        bail!("--seconds {seconds}: must be 1 to 86400");
    }
    std::fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
    for scene in scenes {
        let name = scene.kind.as_str();
        let file = |ending: &str| directory.join(format!("{name}.{ending}"));
        record(scene, seconds, &file("mp4"), &file("truth.json"), &file("toml"))?;
        say(&file("mp4").display().to_string());
    }
    Ok(())
}
