//! What many live cameras cost: CPU a camera-second over real RTSP against the arithmetic limit of the same
//! run, what is dropped and how late results are, empty roads against busy ones, many cameras against few.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};

use crate::metrics::quantile;
use crate::overhead::{Subject, median};
use crate::site::{Group, Plan, Reading, Site};
use crate::{cpu, say};

/// More of the machine than this in other hands spoils a measurement.
const BUSY: f64 = 0.05;
/// More dropped frames than this, and the cost is that of a machine that can't keep up.
const MOST_DROPPED: f64 = 0.01;
/// Runs of the model on each core for the arithmetic limit.
const RUNS: u32 = 100;

/// How a site is run and for how long it is watched.
#[derive(Debug, clap::Args)]
pub struct Watch {
    /// The `wayside` binary; else the one beside this program
    #[arg(long)]
    wayside: Option<PathBuf>,
    /// Seconds between the first frame of every camera and the measurement
    #[arg(long, default_value_t = 20)]
    settle_s: u64,
    /// Seconds that are measured
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

/// One video on many cameras.
#[derive(Debug, clap::Args)]
pub struct DensityArgs {
    /// The video that every camera shows, of a busy road
    video: PathBuf,
    /// Its camera file
    #[arg(long)]
    camera: PathBuf,
    /// Analysed frames a second
    #[arg(long)]
    rate: f64,
    /// How many cameras; else 80 % of the arithmetic limit
    #[arg(long)]
    cameras: Option<u32>,
    /// How often both sides are measured in turn, the limit before and after each time
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    #[command(flatten)]
    watch: Watch,
}

/// Busy and empty roads.
#[derive(Debug, clap::Args)]
pub struct MixedArgs {
    /// The video of a busy road
    busy: PathBuf,
    /// The video of an empty one, of the same size and frame rate
    empty: PathBuf,
    /// The busy road's camera file; else the one beside the video
    #[arg(long)]
    busy_camera: Option<PathBuf>,
    /// The empty road's camera file; else the one beside the video
    #[arg(long)]
    empty_camera: Option<PathBuf>,
    /// Analysed frames a second
    #[arg(long, default_value_t = 10.0)]
    rate: f64,
    /// How many cameras, in fours: one of each four shows the busy road
    #[arg(long, default_value_t = 4)]
    cameras: u32,
    #[command(flatten)]
    watch: Watch,
}

/// Few and many cameras.
#[derive(Debug, clap::Args)]
pub struct ScaleArgs {
    /// The video that every camera shows
    video: PathBuf,
    /// Its camera file; else the one beside the video
    #[arg(long)]
    camera: Option<PathBuf>,
    /// Analysed frames a second: few, so that the many cameras fit
    #[arg(long, default_value_t = 1.0)]
    rate: f64,
    /// How many cameras are few
    #[arg(long, default_value_t = 4)]
    few: u32,
    /// How many are many
    #[arg(long, default_value_t = 40)]
    many: u32,
    #[command(flatten)]
    watch: Watch,
}

/// What a site did between two readings.
struct Stretch {
    before: Reading,
    after: Reading,
    cameras: f64,
    rate: f64,
}

impl Stretch {
    fn seconds(&self) -> f64 {
        (self.after.at - self.before.at).as_secs_f64()
    }

    /// What grew, for each second of a camera.
    fn per_camera_s(&self, of: impl Fn(&Reading) -> f64) -> f64 {
        (of(&self.after) - of(&self.before)) / (self.cameras * self.seconds())
    }

    fn counted(&self, name: &str) -> f64 {
        self.after.metrics.sum(name) - self.before.metrics.sum(name)
    }

    /// CPU seconds of `run` for each second of a camera.
    fn cost(&self) -> f64 {
        self.per_camera_s(|r| r.run_s)
    }

    fn dropped(&self) -> f64 {
        self.counted("wayside_frames_dropped_total") / self.counted("wayside_ingest_due_total").max(1.0)
    }

    fn late_ms(&self, q: f64) -> f64 {
        let of = |r: &Reading| r.metrics.buckets("wayside_capture_to_result_seconds");
        quantile(&of(&self.before), &of(&self.after), q).map_or(f64::NAN, |s| s * 1000.0)
    }

    fn lateness(&self) -> String {
        let (dropped, p99) = (100.0 * self.dropped(), self.late_ms(0.99));
        format!(
            "dropped {dropped:.2} % (target at most 1 %), capture to result p99 {p99:.0} ms (target at most 400)"
        )
    }

    /// Share of the machine that neither the site nor this program took.
    fn others(&self) -> f64 {
        let grown = |of: fn(&Reading) -> f64| of(&self.after) - of(&self.before);
        let ours = grown(|r| r.run_s + r.postgres_s + r.camsim_s + r.own_s);
        (grown(|r| r.machine_s.0) - ours) / grown(|r| r.machine_s.1).max(0.01)
    }

    fn print(&self) {
        let due = self.counted("wayside_ingest_due_total") / (self.cameras * self.seconds());
        let analysed = self.counted("wayside_frames_analysed_total") / (self.cameras * self.seconds());
        say(&format!(
            "{} cameras at {} a second for {:.0} s: run {:.4} CPU s a camera-second ({:.0} % of the machine's cores); \
             apart from it PostgreSQL {:.4}, camsim {:.4}",
            self.cameras,
            self.rate,
            self.seconds(),
            self.cost(),
            100.0 * self.cost() * self.cameras / cpu::cores().map_or(f64::NAN, |c| c as f64),
            self.per_camera_s(|r| r.postgres_s),
            self.per_camera_s(|r| r.camsim_s),
        ));
        say(&format!(
            "  due {due:.2} a camera-second, analysed {analysed:.2}; dropped {:.2} %; capture to result p50 {:.0} ms, \
             p99 {:.0} ms; {:.0} MB resident",
            100.0 * self.dropped(),
            self.late_ms(0.5),
            self.late_ms(0.99),
            self.after.resident_mb
        ));
        if due < 0.95 * self.rate {
            say(
                "  NOT VALID: fewer frames came due than the rate says: the video has fewer, or cameras were lost",
            );
        }
        if self.dropped() > MOST_DROPPED {
            say("  NOT VALID as a cost: more than 1 % dropped, so a camera-second was not all done");
        }
        if self.others() > BUSY {
            let others = 100.0 * self.others();
            say(&format!("  NOT QUIET: other programs took {others:.0} % of the machine meanwhile"));
        }
    }
}

impl Watch {
    fn site(&self, groups: &[Group], rate: f64) -> anyhow::Result<Stretch> {
        let site = Site::start(&Plan { wayside: self.wayside.as_deref(), groups, rate: Some(rate) })?;
        site.wait_for_all()?;
        std::thread::sleep(Duration::from_secs(self.settle_s));
        let before = site.read()?;
        std::thread::sleep(Duration::from_secs(self.seconds));
        let after = site.read()?;
        let stretch = Stretch { before, after, cameras: f64::from(site.cameras), rate };
        stretch.print();
        Ok(stretch)
    }
}

/// CPU seconds for each second of a camera of what can't be saved.
struct Alone {
    decode: f64,
    inference: f64,
}

impl Alone {
    /// Measured on so many threads at once.
    fn measure(subject: &Subject, threads: usize) -> anyhow::Result<Self> {
        let frame = subject.decode()?.1.context("the clip has no frame")?;
        let (decode_s, summaries) = cpu::spent(|| at_once(vec![(); threads], |()| Ok(subject.decode()?.0)))?;
        let summary = summaries.first().context("no thread")?;
        let seconds = summary.duration.as_secs_f64();
        let detectors = at_once(vec![(); threads], |()| subject.open(&frame))?;
        let (model_s, _) = cpu::spent(|| {
            at_once(detectors, |mut detector| {
                for _ in 0..RUNS {
                    detector.infer_again()?;
                }
                Ok(())
            })
        })?;
        let run_s = model_s / (f64::from(RUNS) * threads as f64);
        Ok(Self {
            decode: decode_s / (seconds * threads as f64),
            inference: run_s * summary.due as f64 / seconds,
        })
    }

    fn sum(&self) -> f64 {
        self.decode + self.inference
    }
}

fn at_once<T: Send, U: Send>(
    inputs: Vec<T>,
    work: impl Fn(T) -> anyhow::Result<U> + Sync,
) -> anyhow::Result<Vec<U>> {
    let work = &work;
    std::thread::scope(|scope| {
        let threads: Vec<_> = inputs.into_iter().map(|input| scope.spawn(move || work(input))).collect();
        let ended = |_| anyhow::anyhow!("a thread ended unexpectedly");
        threads.into_iter().map(|thread| thread.join().map_err(ended)?).collect()
    })
}

/// Prints the arithmetic limit and gives it in cameras.
fn arithmetic_limit(subject: &Subject, rate: f64) -> anyhow::Result<f64> {
    // A machine at its limit works on all cores.
    let cores = cpu::cores()?;
    let alone = Alone::measure(subject, cores)?;
    let limit = cores as f64 / alone.sum();
    say(&format!(
        "alone, on {cores} threads at once: decode {:.4} + inference {:.4} CPU s a camera-second at {rate} a second: \
         arithmetic limit {limit:.1} cameras on {cores} cores",
        alone.decode, alone.inference
    ));
    Ok(limit)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates, and is never negative"
)]
fn most(share: f64, of: f64) -> u32 {
    ((share * of) as u32).max(1)
}

/// Prints cost, capacity and its ratio to the arithmetic limit, both measured in turn because a machine's pace changes by the
/// minute; gives the median capacity. Unless the number of cameras is given, there are fewer and fewer until hardly a
/// frame is dropped.
///
/// # Errors
/// When the site doesn't come up.
pub fn density(args: &DensityArgs) -> anyhow::Result<f64> {
    let subject = Subject::load(&args.video, &args.camera, args.rate, None)?;
    let mut before = arithmetic_limit(&subject, args.rate)?;
    let mut cameras = args.cameras.unwrap_or(most(0.8, before));
    let (mut capacities, mut ratios) = (Vec::new(), Vec::new());
    for _ in 0..args.rounds.max(1) {
        let stretch = loop {
            let stretch = args.watch.site(&args.groups(cameras), args.rate)?;
            // What is dropped costs nothing: a capacity made of it would be too high.
            if stretch.dropped() <= MOST_DROPPED || args.cameras.is_some() || cameras == 1 {
                break stretch;
            }
            cameras = most(0.85, f64::from(cameras));
        };
        say(&stretch.lateness());
        let after = arithmetic_limit(&subject, args.rate)?;
        let (capacity, limit) = (cpu::cores()? as f64 / stretch.cost(), f64::midpoint(before, after));
        let ratio = capacity / limit;
        say(&format!("capacity {capacity:.1} cameras over arithmetic limit {limit:.1}: {ratio:.3}"));
        capacities.push(capacity);
        ratios.push(ratio);
        before = after;
    }
    say(&format!(
        "density at {} a second: {:.3} (median of {}; target at least 0.9)",
        args.rate,
        median(&mut ratios),
        ratios.len()
    ));
    Ok(median(&mut capacities))
}

/// The same, then at 80 % of the capacity that was measured.
///
/// # Errors
/// When a site doesn't come up.
pub fn live80(args: &DensityArgs) -> anyhow::Result<()> {
    let capacity = density(args)?;
    let cameras = most(0.8, capacity);
    let stretch = args.watch.site(&args.groups(cameras), args.rate)?;
    say(&format!("live at 80 % of a capacity of {capacity:.1}: {cameras} cameras"));
    say(&stretch.lateness());
    Ok(())
}

impl DensityArgs {
    fn groups(&self, cameras: u32) -> [Group; 1] {
        [Group { video: self.video.clone(), camera: Some(self.camera.clone()), cameras }]
    }
}

/// Prints how many more cameras a core holds where three of four roads are empty.
///
/// # Errors
/// When a site doesn't come up or the number of cameras is not in fours.
pub fn mixed(args: &MixedArgs) -> anyhow::Result<()> {
    if args.cameras == 0 || !args.cameras.is_multiple_of(4) {
        bail!("--cameras {}: must be 4, 8, 12 and so on", args.cameras);
    }
    let quarter = args.cameras / 4;
    let busy = |cameras| Group { video: args.busy.clone(), camera: args.busy_camera.clone(), cameras };
    let empty = Group { video: args.empty.clone(), camera: args.empty_camera.clone(), cameras: 3 * quarter };
    say("all roads busy");
    let all_busy = args.watch.site(&[busy(args.cameras)], args.rate)?.cost();
    say("three of four roads empty");
    let mixed = args.watch.site(&[busy(quarter), empty], args.rate)?.cost();
    say(&format!(
        "three of four empty at {} a second: {:.1} cameras a core over {:.1} all busy: {:.2} (target at least 2.5)",
        args.rate,
        1.0 / mixed,
        1.0 / all_busy,
        all_busy / mixed
    ));
    Ok(())
}

/// Prints what a camera costs among many over what it costs among few.
///
/// # Errors
/// When a site doesn't come up.
pub fn scale(args: &ScaleArgs) -> anyhow::Result<()> {
    let at = |cameras| {
        let group = Group { video: args.video.clone(), camera: args.camera.clone(), cameras };
        Ok::<_, anyhow::Error>(args.watch.site(&[group], args.rate)?.cost())
    };
    let (few, many) = (at(args.few)?, at(args.many)?);
    say(&format!(
        "CPU a camera at {} a second: {many:.4} among {} over {few:.4} among {}: {:.3} (target at most 1.1)",
        args.rate,
        args.many,
        args.few,
        many / few
    ));
    Ok(())
}
