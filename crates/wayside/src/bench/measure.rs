//! Runs footage through decoding alone, the model alone and the whole offline pipeline, as often at a time as
//! the machine has cores: a full machine is what the result is about, and there cores share caches and memory.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use wayside_detect::{Detector, Provider};
use wayside_engine::{DetectorSetup, Workers};
use wayside_ingest::{SourceOptions, read_file};
use wayside_types::{CameraSpec, Clock, Frame, FrameSize, Profile, SystemClock};

use super::machine::{self, OtherWork, Times};
use super::verdict::{Costs, Limits, Verdict};
use crate::process::progress;

/// How often everything is measured; the median counts.
const ROUNDS: usize = 3;
/// Runs of the model in one round, on each core.
const RUNS: u32 = 30;
/// Any score will do to run the model once.
const SOME_SCORE: f32 = 0.1;
/// The least CPU time that is told from none.
const CLOCK_S: f64 = 0.01;
/// Footage may be this long.
const SHORTEST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(600);

/// What is measured.
pub struct Subject {
    /// The camera with its profile; the rate is replaced by each that is measured.
    pub spec: Arc<CameraSpec>,
    /// The footage.
    pub video: PathBuf,
    /// The detector.
    pub setup: DetectorSetup,
}

/// What the footage is.
#[derive(Debug, Clone, PartialEq)]
pub struct Footage {
    /// The file; `None` for the drawn street.
    pub video: Option<PathBuf>,
    /// Of its pictures.
    pub size: FrameSize,
    /// Frames decoded a second.
    pub fps: f64,
    /// How long it is.
    pub seconds: f64,
}

impl Footage {
    /// Reads it once from end to end.
    ///
    /// # Errors
    /// When it can't be read, or is too short or too long.
    pub fn look(spec: &CameraSpec, video: &Path, drawn: bool) -> anyhow::Result<Self> {
        let mut too_long = false;
        let options = options(&spec.profile);
        let summary = read_file(spec.id.clone(), video, &options, &mut |frame| {
            too_long = frame.media_time > LONGEST;
            if too_long { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        let (name, seconds) = (video.display(), summary.duration.as_secs_f64());
        if too_long {
            bail!("VIDEO {name}: is longer than 600 s and is read many times; must be 2 to 600 s long");
        }
        if summary.duration < SHORTEST {
            bail!("VIDEO {name}: is {seconds:.1} s long; must be 2 to 600 s long");
        }
        Ok(Self {
            video: (!drawn).then(|| video.to_owned()),
            size: summary.size,
            fps: summary.frames as f64 / seconds,
            seconds,
        })
    }

    /// The rates to measure: those asked for, else the profile's and half of it.
    ///
    /// # Errors
    /// When one is above the footage's own.
    pub fn rates(&self, asked: &[f64], profile: &Profile) -> anyhow::Result<Vec<f64>> {
        // Time stamps jitter, and a length is known to a frame.
        let most = self.fps * 1.05;
        if let Some(rate) = asked.iter().find(|rate| **rate > most) {
            bail!(
                "--rate {rate}: the footage has {:.1} frames a second{}; must be at most that",
                self.fps,
                if profile.decode.keyframes_only { " that are decoded (keyframes only)" } else { "" }
            );
        }
        let usual = profile.rate_fps.min(self.fps);
        let mut rates = if asked.is_empty() { vec![usual / 2.0, usual] } else { asked.to_vec() };
        rates.sort_by(f64::total_cmp);
        rates.dedup();
        Ok(rates)
    }
}

/// Everything that was found out.
#[derive(Debug)]
pub struct Measured {
    /// What was shown.
    pub footage: Footage,
    /// Name of the profile.
    pub profile: String,
    /// Name of the model.
    pub model: String,
    /// What ran it.
    pub provider: Provider,
    /// What the machine has.
    pub limits: Limits,
    /// What else the machine did meanwhile.
    pub other_work: OtherWork,
    /// Costs and verdict by rate, the lowest first.
    pub rates: Vec<(f64, Costs, Verdict)>,
}

/// One round's figures: those of the model, and decoding and pipeline by rate.
struct Round {
    /// CPU seconds of one run of the model.
    run_s: f64,
    /// Runs a second of all cores together.
    runs_a_second: f64,
    by_rate: Vec<AtRate>,
}

struct AtRate {
    due_fps: f64,
    decode: f64,
    whole: f64,
}

/// Measures everything.
///
/// # Errors
/// When the footage or the model can't be used.
pub fn all(subject: &Subject, footage: Footage, rates: &[f64]) -> anyhow::Result<Measured> {
    let memory_mb = machine::memory_available_mb();
    let cores = std::thread::available_parallelism().context("the number of cores is not known")?.get();
    let (before, own_before) = (Times::now()?, machine::own_cpu_s()?);
    let mut rounds = Vec::new();
    for round in 0..=ROUNDS {
        progress(&if round == 0 { "warming up".to_owned() } else { format!("round {round} of {ROUNDS}") });
        let figures = subject.round(rates, cores, footage.seconds)?;
        // The first round warms caches and is not counted.
        if round > 0 {
            rounds.push(figures);
        }
    }
    let other_work = OtherWork::between(before, Times::now()?, machine::own_cpu_s()? - own_before);
    let provider = subject.setup.provider;
    let runs_a_second = median(rounds.iter().map(|r| r.runs_a_second));
    let limits = Limits {
        cores,
        workers: subject.setup.workers.most(),
        accelerator_fps: (provider != Provider::Cpu).then_some(runs_a_second),
        memory_mb,
        size: footage.size,
    };
    let run_s = median(rounds.iter().map(|r| r.run_s));
    let at = |index: usize, rate: f64| {
        let of = |figure: fn(&AtRate) -> f64| {
            median(rounds.iter().filter_map(|r| r.by_rate.get(index)).map(figure))
        };
        let due_fps = of(|r| r.due_fps);
        let costs =
            Costs { due_fps, decode: of(|r| r.decode), inference: run_s * due_fps, whole: of(|r| r.whole) };
        (rate, costs, Verdict::of(&costs, &limits))
    };
    Ok(Measured {
        footage,
        profile: subject.spec.profile.name.clone(),
        model: subject.spec.profile.model.clone(),
        provider,
        other_work,
        rates: rates.iter().enumerate().map(|(index, rate)| at(index, *rate)).collect(),
        limits,
    })
}

impl Subject {
    fn round(&self, rates: &[f64], cores: usize, seconds: f64) -> anyhow::Result<Round> {
        let frame = self.first_frame()?;
        let (open_s, detectors) = cpu_spent(|| at_once(vec![(); cores], |()| self.open(&frame)))?;
        let clock = SystemClock::default();
        let (model_s, _) = cpu_spent(|| at_once(detectors, run_often))?;
        let runs = f64::from(RUNS) * cores as f64;
        let runs_a_second = runs / clock.monotonic().as_secs_f64();
        let run_s = model_s / runs;
        // A camera that runs for weeks opens its model once. What the first run finds is no part of opening.
        let open_s = (open_s - run_s * cores as f64).max(0.0);
        let by_rate = rates
            .iter()
            .map(|&rate| {
                let options = SourceOptions { rate_fps: rate, ..options(&self.spec.profile) };
                let (decode_s, due) = cpu_spent(|| at_once(vec![(); cores], |()| self.decode(&options)))?;
                let mut spec = CameraSpec::clone(&self.spec);
                spec.profile = Arc::new(Profile { rate_fps: rate, ..Profile::clone(&spec.profile) });
                let setup = DetectorSetup { workers: Workers::Exactly(1), ..self.setup.clone() };
                let spec = Arc::new(spec);
                let (whole_s, _) = cpu_spent(|| {
                    at_once(vec![(); cores], |()| Ok(wayside_engine::analyze(&spec, &self.video, &setup)?))
                })?;
                let seconds = seconds * cores as f64;
                let whole_s = (whole_s - open_s).max(decode_s).max(CLOCK_S);
                let due_fps = due.iter().sum::<u64>() as f64 / seconds;
                Ok(AtRate { due_fps, decode: decode_s / seconds, whole: whole_s / seconds })
            })
            .collect::<anyhow::Result<_>>()?;
        Ok(Round { run_s, runs_a_second, by_rate })
    }

    fn first_frame(&self) -> anyhow::Result<Frame> {
        let mut first = None;
        read_file(self.spec.id.clone(), &self.video, &options(&self.spec.profile), &mut |frame| {
            first = Some(frame);
            ControlFlow::Break(())
        })?;
        first.context("the footage has no frame")
    }

    /// A detector that has run once: ONNX Runtime does some of its work then.
    fn open(&self, frame: &Frame) -> anyhow::Result<Detector> {
        let mut detector = self.setup.open()?.pop().context("no model")?;
        detector.detect(std::slice::from_ref(frame), SOME_SCORE)?;
        Ok(detector)
    }

    /// Decodes everything and keeps nothing; the number of frames that were due.
    fn decode(&self, options: &SourceOptions) -> anyhow::Result<u64> {
        let nothing = &mut |_| ControlFlow::Continue(());
        Ok(read_file(self.spec.id.clone(), &self.video, options, nothing)?.due)
    }
}

fn options(profile: &Profile) -> SourceOptions {
    SourceOptions { keyframes_only: profile.decode.keyframes_only, ..SourceOptions::default() }
}

fn run_often(mut detector: Detector) -> anyhow::Result<()> {
    for _ in 0..RUNS {
        detector.infer_again()?;
    }
    Ok(())
}

/// Does the work for each of `inputs` on a thread of its own.
fn at_once<T: Send, U: Send>(
    inputs: Vec<T>,
    work: impl Fn(T) -> anyhow::Result<U> + Sync,
) -> anyhow::Result<Vec<U>> {
    let work = &work;
    std::thread::scope(|scope| {
        let threads: Vec<_> = inputs.into_iter().map(|input| scope.spawn(move || work(input))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| anyhow::anyhow!("a thread ended unexpectedly"))?)
            .collect()
    })
}

/// CPU seconds that this process spends on `work`.
fn cpu_spent<T>(work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<(f64, T)> {
    let before = machine::own_cpu_s()?;
    let done = work()?;
    Ok((machine::own_cpu_s()? - before, done))
}

/// The middle one, the upper of two; not a number where there is none.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
