//! `wayside bench`: how many cameras of a given size and rate this machine holds, and what the limit is. This
//! file reads the arguments and finds or draws the footage; [`measure`] runs it, [`machine`] asks the kernel,
//! [`verdict`] does the arithmetic and [`report`] prints it.

mod machine;
mod measure;
mod report;
mod verdict;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use tempfile::TempDir;
use wayside_camsim::{SceneKind, SceneSpec, camera_toml, record};
use wayside_config::{Analysis, load_for_analyze};
use wayside_types::Profile;

use crate::camsim::undrawn_camera;
use crate::detectors;
use crate::process::{progress, stop_signal};
use measure::{Footage, Subject};

/// Arguments of `wayside bench`.
#[derive(Debug, clap::Args)]
pub struct BenchArgs {
    /// A video file as the cameras would send it, 2 to 600 s long; else a street is drawn
    video: Option<PathBuf>,
    /// The video's camera file; else VIDEO with the ending .toml, else a line down and one across
    #[arg(long, value_name = "FILE", requires = "video")]
    camera: Option<PathBuf>,
    /// Size of the drawn street: 320x180 to 1920x1080 in steps of 4 [default: 640x360]
    #[arg(long, value_name = "WxH", conflicts_with = "video")]
    size: Option<String>,
    /// Frames a second of the drawn street, 1 to 60 [default: 25]
    #[arg(long, value_name = "FPS", conflicts_with = "video", allow_negative_numbers = true)]
    fps: Option<String>,
    /// How long the drawn street is, 2 to 600 s [default: 20]
    #[arg(long, value_name = "SECONDS", conflicts_with = "video", allow_negative_numbers = true)]
    seconds: Option<String>,
    /// Analysed frames a second; several may be given [default: the profile's and half of it]
    #[arg(long = "rate", value_name = "FPS", value_delimiter = ',', allow_negative_numbers = true)]
    rates: Vec<String>,
    /// Name of a profile; else the camera file's
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Name of a manifest in models/; else the profile's
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Where to write the result as JSON; else a table is printed
    #[arg(long, value_name = "OUT")]
    json: Option<PathBuf>,
    /// Settings file; else config/wayside.toml under WAYSIDE_HOME, else under the checkout this was built from
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// The profile of footage that has no camera file.
const USUAL_PROFILE: &str = "arterial";
/// The seed of the drawn street: the same traffic in every run.
const SEED: u64 = 1;

/// Runs the subcommand.
///
/// # Errors
/// When an argument, the settings, the model or the video can't be used.
pub fn run(args: &BenchArgs) -> anyhow::Result<()> {
    let wanted = Wanted::of(args)?;
    if let Some(out) = &args.json {
        crate::process::check_writable(out)?;
    }
    detectors::start_media()?;
    let scratch = Scratch::new()?;
    let (video, camera) = wanted.files(args, scratch.path())?;
    let loaded = load_for_analyze(args.config.as_deref(), &camera, &video);
    // The name stands in a camera file that was made here and that nobody knows.
    let loaded = match &args.profile {
        Some(profile) => loaded.with_context(|| format!("--profile {profile:?}"))?,
        None => loaded?,
    };
    let profile = profile_of(args, &loaded)?;
    let setup = detectors::setup(&loaded.settings, std::iter::once(profile.model.as_str()))?;
    let mut spec = loaded.camera;
    spec.profile = Arc::new(profile);
    let drawn = args.video.is_none();
    if drawn {
        // Only now: whatever can be wrong with the settings was found without waiting for it.
        wanted.draw(scratch.path(), &video)?;
    }
    let footage = Footage::look(&spec, &video, drawn)?;
    let rates = footage.rates(&wanted.rates, &spec.profile)?;
    let result = measure::all(&Subject { spec: Arc::new(spec), video, setup }, footage, &rates)?;
    match &args.json {
        Some(out) => crate::process::write_json(&report::document(&result), out),
        None => {
            report::print(&result);
            Ok(())
        }
    }
}

/// What the arguments ask for, checked.
#[derive(Debug, PartialEq)]
struct Wanted {
    size: (u32, u32),
    fps: u32,
    seconds: f64,
    /// Empty: the profile's and half of it.
    rates: Vec<f64>,
}

impl Wanted {
    fn of(args: &BenchArgs) -> anyhow::Result<Self> {
        let seconds = args.seconds.as_deref().unwrap_or("20");
        let seconds = match seconds.parse() {
            Ok(s) if (2.0..=600.0).contains(&s) => s,
            _ => bail!("--seconds {seconds}: must be 2 to 600"),
        };
        let fps = args.fps.as_deref().unwrap_or("25");
        let fps = match fps.parse() {
            Ok(fps) if (1..=60).contains(&fps) => fps,
            _ => bail!("--fps {fps}: must be a whole number of frames a second, 1 to 60"),
        };
        let size = args.size.as_deref().unwrap_or("640x360");
        let size = read_size(size).with_context(|| {
            format!("--size {size}: must be WIDTHxHEIGHT, 320x180 to 1920x1080 in steps of 4")
        })?;
        let rates: Vec<f64> = args.rates.iter().map(|rate| read_rate(rate)).collect::<anyhow::Result<_>>()?;
        if let (None, Some(rate)) = (&args.video, rates.iter().find(|rate| **rate > f64::from(fps))) {
            bail!("--rate {rate}: the drawn street has {fps} frames a second (--fps); must be at most that");
        }
        Ok(Self { size, fps, seconds, rates })
    }

    /// Where the video is or will be, and its camera file, which is made in `scratch` where there is none.
    fn files(&self, args: &BenchArgs, scratch: &Path) -> anyhow::Result<(PathBuf, PathBuf)> {
        let profile = args.profile.as_deref().unwrap_or(USUAL_PROFILE);
        let made = scratch.join("camera.toml");
        let write = |text: String| std::fs::write(&made, text).with_context(|| made.display().to_string());
        let Some(video) = &args.video else {
            let video = scratch.join("street.mp4");
            let drawn = camera_toml(&self.scene(), &video.display().to_string())?;
            let mut table: toml::Table = drawn.parse()?;
            table.insert("profile".to_owned(), profile.into());
            write(toml::to_string(&table)?)?;
            return Ok((video, made));
        };
        let beside = video.with_extension("toml");
        match &args.camera {
            Some(camera) => Ok((video.clone(), camera.clone())),
            None if beside.is_file() => Ok((video.clone(), beside)),
            None => {
                write(undrawn_camera("bench", video, profile)?)?;
                Ok((video.clone(), made))
            }
        }
    }

    fn scene(&self) -> SceneSpec {
        SceneSpec { size: self.size, fps: self.fps, ..SceneSpec::new(SceneKind::Arterial, SEED) }
    }

    fn draw(&self, scratch: &Path, video: &Path) -> anyhow::Result<()> {
        let ((width, height), seconds, fps) = (self.size, self.seconds, self.fps);
        progress(&format!(
            "drawing {seconds} s of a street, {width}x{height} at {fps} frames a second, which takes a while"
        ));
        let beside = |ending: &str| scratch.join(format!("street.{ending}"));
        record(&self.scene(), seconds, video, &beside("truth.json"), &beside("toml"))?;
        Ok(())
    }
}

fn read_size(text: &str) -> Option<(u32, u32)> {
    let (width, height) = text.split_once(['x', 'X', '×'])?;
    let size: (u32, u32) = (width.trim().parse().ok()?, height.trim().parse().ok()?);
    let fits = (320..=1920).contains(&size.0) && (180..=1080).contains(&size.1);
    (fits && size.0.is_multiple_of(4) && size.1.is_multiple_of(4)).then_some(size)
}

fn read_rate(text: &str) -> anyhow::Result<f64> {
    match text.trim().parse() {
        Ok(rate) if rate > 0.0 && rate <= 60.0 => Ok(rate),
        _ => bail!("--rate {text}: must be more than 0 and at most 60 frames a second"),
    }
}

fn profile_of(args: &BenchArgs, loaded: &Analysis) -> anyhow::Result<Profile> {
    let named = match &args.profile {
        None => &loaded.camera.profile,
        Some(name) => loaded.profiles.get(name).with_context(|| {
            let names: Vec<&str> = loaded.profiles.keys().map(String::as_str).collect();
            format!("--profile {name:?}: no profile has this name; there are: {}", names.join(", "))
        })?,
    };
    let mut profile = Profile::clone(named);
    if let Some(model) = &args.model {
        detectors::check_model(&loaded.settings, model)?;
        profile.model.clone_from(model);
    }
    Ok(profile)
}

/// A directory for the drawn street, gone when the measurement ends and when somebody ends it early.
struct Scratch(TempDir);

impl Scratch {
    fn new() -> anyhow::Result<Self> {
        let dir = tempfile::Builder::new().prefix("wayside-bench-").tempdir()?;
        let path = dir.path().to_owned();
        let signals = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("wayside-signals".to_owned()).spawn(move || {
            if signals.block_on(stop_signal()).is_ok() {
                drop(std::fs::remove_dir_all(path));
                // Leaving in good order would take libraries down while other threads are in them.
                let _ =
                    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
            }
        })?;
        Ok(Self(dir))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: BenchArgs,
    }

    fn wanted(line: &[&str]) -> Result<Wanted, String> {
        let line = Line::try_parse_from([&["bench"], line].concat()).map_err(|e| e.to_string())?;
        Wanted::of(&line.args).map_err(|e| format!("{e:#}"))
    }

    #[test]
    fn arguments_are_read() {
        let usual = Wanted { size: (640, 360), fps: 25, seconds: 20.0, rates: Vec::new() };
        assert_eq!(wanted(&[]), Ok(usual));
        let all =
            ["--size", "1920x1080", "--fps", "15", "--seconds", "7.5", "--rate", "5,10", "--rate", "0.5"];
        let asked = Wanted { size: (1920, 1080), fps: 15, seconds: 7.5, rates: vec![5.0, 10.0, 0.5] };
        assert_eq!(wanted(&all), Ok(asked));
    }

    #[test]
    fn a_bad_argument_is_named_with_its_value_and_range() {
        for (option, value, range) in [
            ("--size", "640", "320x180 to 1920x1080"),
            ("--size", "3840x2160", "320x180 to 1920x1080"),
            ("--size", "642x360", "steps of 4"),
            ("--size", "-640x360", "320x180 to 1920x1080"),
            ("--fps", "0", "1 to 60"),
            ("--fps", "-5", "1 to 60"),
            ("--fps", "61", "1 to 60"),
            ("--fps", "12.5", "1 to 60"),
            ("--seconds", "1", "2 to 600"),
            ("--seconds", "NaN", "2 to 600"),
            ("--seconds", "soon", "2 to 600"),
            ("--rate", "0", "more than 0 and at most 60"),
            ("--rate", "-1", "more than 0 and at most 60"),
            ("--rate", "5,inf", "more than 0 and at most 60"),
            ("--rate", "", "more than 0 and at most 60"),
        ] {
            let error = wanted(&[&format!("{option}={value}")]).unwrap_err();
            let last = value.rsplit(',').next().unwrap();
            assert!(error.contains(&format!("{option} {last}:")), "{option} {value}: {error}");
            assert!(error.contains(range), "{option} {value}: {error}");
        }
    }

    #[test]
    fn a_drawn_street_has_no_more_frames_than_it_has() {
        let error = wanted(&["--fps=15", "--rate=5,20"]).unwrap_err();
        assert!(error.contains("--rate 20") && error.contains("at most"), "{error}");
        assert!(wanted(&["clip.mp4", "--rate=30"]).is_ok(), "a video's own rate is not known yet");
    }

    #[test]
    fn options_of_the_drawn_street_are_refused_beside_a_video() {
        for option in ["--size=640x360", "--fps=25", "--seconds=20"] {
            let error = wanted(&["clip.mp4", option]).unwrap_err();
            assert!(error.contains(option.split('=').next().unwrap()), "{error}");
        }
        assert!(
            wanted(&["--camera", "c.toml"]).unwrap_err().contains("VIDEO"),
            "a camera file needs a video"
        );
    }
}
