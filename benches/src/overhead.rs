//! What the pipeline costs beyond what can't be saved: decoding the file and running the model on the
//! frames that are due. All sides run in this process, one after the other, several times.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, bail};
use wayside_config::load_for_analyze;
use wayside_detect::{Detector, Model, Provider, Runtime};
use wayside_engine::{DetectorSetup, Workers};
use wayside_ingest::{FileSummary, SourceOptions, read_file};
use wayside_types::{CameraSpec, Detection, Frame, MotionSettings, Profile};

use crate::{cpu, say};

/// What is measured.
#[derive(Debug, clap::Args)]
pub struct OverheadArgs {
    /// The video file
    video: PathBuf,
    /// Its camera file
    #[arg(long)]
    camera: PathBuf,
    /// Analysed frames a second
    #[arg(long, default_value_t = 10.0)]
    rate: f64,
    /// The detector of our side; else the profile's
    #[arg(long)]
    model: Option<String>,
    /// How often each side runs
    #[arg(long, default_value_t = 5)]
    runs: usize,
}

/// Footage, and what it is decoded and looked at with.
pub struct Subject {
    spec: Arc<CameraSpec>,
    video: PathBuf,
    options: SourceOptions,
    setup: DetectorSetup,
}

impl Subject {
    /// Reads the settings and the model's manifest.
    ///
    /// # Errors
    /// When a file of these can't be used.
    pub fn load(video: &Path, camera: &Path, rate: f64, model: Option<&str>) -> anyhow::Result<Self> {
        let loaded = load_for_analyze(None, camera, video)?;
        let mut spec = loaded.camera;
        // Every due frame goes through the model, as on the other sides.
        let motion = MotionSettings { gate: false, ..spec.profile.motion };
        let model = model.unwrap_or(&spec.profile.model).to_owned();
        spec.profile = Arc::new(Profile { rate_fps: rate, motion, model, ..Profile::clone(&spec.profile) });
        let settings = loaded.settings;
        let model = Model::load(&settings.models_dir, &spec.profile.model)?;
        wayside_ingest::init()?;
        Ok(Self {
            options: SourceOptions { rate_fps: rate, ..SourceOptions::default() },
            setup: DetectorSetup {
                runtime: Runtime::load(&settings.onnxruntime)?,
                models: vec![model],
                model_files_dir: settings.model_files_dir,
                provider: Provider::Cpu,
                workers: Workers::Exactly(1),
            },
            spec: Arc::new(spec),
            video: video.to_owned(),
        })
    }

    /// Decodes the file and keeps nothing; gives what it held and one of its frames.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn decode(&self) -> anyhow::Result<(FileSummary, Option<Frame>)> {
        let mut kept = None;
        let summary = read_file(self.spec.id.clone(), &self.video, &self.options, &mut |frame| {
            kept.get_or_insert(frame);
            ControlFlow::Continue(())
        })?;
        Ok((summary, kept))
    }

    /// The camera.
    pub fn spec(&self) -> &CameraSpec {
        &self.spec
    }

    /// Shows every due frame to the detector: its second, and what was found with at least this score.
    ///
    /// # Errors
    /// When the file or the model can't be used.
    pub fn look(&self, least: f32, tell: &mut dyn FnMut(f64, &[Detection])) -> anyhow::Result<()> {
        let mut detector = self.setup.open_as_needed(1)?.pop().context("no detector")?;
        let mut failed = Ok(());
        read_file(self.spec.id.clone(), &self.video, &self.options, &mut |frame| match detector
            .detect(std::slice::from_ref(&frame), least)
        {
            Ok(found) => {
                found.first().into_iter().for_each(|found| tell(frame.media_time.as_secs_f64(), found));
                ControlFlow::Continue(())
            }
            Err(error) => {
                failed = Err(error);
                ControlFlow::Break(())
            }
        })?;
        Ok(failed?)
    }

    /// A detector that has run once.
    ///
    /// # Errors
    /// When the model can't be used.
    pub fn open(&self, frame: &Frame) -> anyhow::Result<Detector> {
        let mut detector = self.setup.open_as_needed(1)?.pop().context("no detector")?;
        detector.detect(std::slice::from_ref(frame), 0.1)?;
        Ok(detector)
    }
}

/// Prints the overhead.
///
/// # Errors
/// When the clip, the model or ONNX Runtime can't be used.
pub fn run(args: &OverheadArgs) -> anyhow::Result<()> {
    let subject = Subject::load(&args.video, &args.camera, args.rate, args.model.as_deref())?;
    let mut ratios = Vec::new();
    for round in 0..=args.runs {
        let (decode_s, (summary, frame)) = cpu::spent(|| subject.decode())?;
        let frames = summary.due;
        let frame = frame.context("the clip has no frame")?;
        // Each side pays for its own opening: the file here, the model there, both in the pipeline.
        // The model's first run is its opening's: only then it is opened in the frame's shape.
        let (open_s, mut detector) = cpu::spent(|| subject.open(&frame))?;
        drop(frame);
        let (infer_s, ()) = cpu::spent(|| {
            for _ in 1..frames {
                detector.infer_again()?;
            }
            Ok(())
        })?;
        drop(detector);
        let (pipeline_s, _) =
            cpu::spent(|| Ok(wayside_engine::analyze(&subject.spec, &subject.video, &subject.setup)?))?;
        // The first round warms caches and is not counted.
        if round > 0 {
            let ratio = pipeline_s / (decode_s + open_s + infer_s);
            say(&format!(
                "decode {decode_s:.2} s + opening the model {open_s:.2} s + inference {infer_s:.2} s ({frames} frames), \
                 pipeline {pipeline_s:.2} s: {ratio:.3}"
            ));
            ratios.push(ratio);
        }
    }
    say(&format!(
        "overhead at {} frames a second: {:.3} (median of {})",
        args.rate,
        median(&mut ratios),
        ratios.len()
    ));
    Ok(())
}

/// Prints our CPU seconds over those of the Python pipeline.
///
/// # Errors
/// When either side can't run.
pub fn against_python(args: &OverheadArgs, python: &Path) -> anyhow::Result<()> {
    let subject = Subject::load(&args.video, &args.camera, args.rate, args.model.as_deref())?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/baseline.py");
    let model = subject.setup.model_files_dir.join("yolox_nano_416.onnx");
    let mut ratios = Vec::new();
    for _ in 0..args.runs {
        let (ours_s, _) =
            cpu::spent(|| Ok(wayside_engine::analyze(&subject.spec, &subject.video, &subject.setup)?))?;
        let before = cpu::now()?;
        let status = Command::new(python)
            .arg(&script)
            .args([&args.video, &args.camera, &model])
            .arg(args.rate.to_string())
            .status()
            .with_context(|| python.display().to_string())?;
        if !status.success() {
            bail!("{}: {status}", script.display());
        }
        let theirs_s = cpu::now()?.children_s - before.children_s;
        let ratio = ours_s / theirs_s;
        say(&format!("wayside {ours_s:.2} s, python {theirs_s:.2} s: {ratio:.3}"));
        ratios.push(ratio);
    }
    say(&format!(
        "against Python at {} frames a second: {:.3} (median of {})",
        args.rate,
        median(&mut ratios),
        ratios.len()
    ));
    Ok(())
}

/// The middle one, the upper of two; not a number where there is none.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
