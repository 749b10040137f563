//! Benchmarks of the whole, each printing a ratio and its two sides from one run. What they showed, and on
//! which machine, is in `docs/measurements.md`; how to run them in `benches/README.md`. Nothing here is a
//! test: times depend on the machine.

mod alerts;
mod bands;
mod cpu;
mod live;
mod metrics;
mod overhead;
mod site;
mod soak;
mod speeds;
mod startup;
mod tracking;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "wayside-benches")]
struct Cli {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// CPU of the pipeline over decode alone plus inference alone, same frames
    Overhead(overhead::OverheadArgs),
    /// CPU of the pipeline over that of OpenCV + onnxruntime + trackers in Python, same clip and rate
    Python {
        #[command(flatten)]
        overhead: overhead::OverheadArgs,
        /// Python with benches/python/requirements.txt installed
        #[arg(long)]
        python: PathBuf,
    },
    /// Time from the start of `wayside run` to readiness, to the first analysed frame and to the first bin
    Startup(startup::SiteArgs),
    /// Resident memory of `wayside run` with 1 and with 8 cameras
    Memory(startup::SiteArgs),
    /// CPU a camera-second of live cameras over RTSP against decode alone plus inference alone
    Density(live::DensityArgs),
    /// The same, then drops and lateness at 80 % of the capacity that was measured
    Live80(live::DensityArgs),
    /// Cameras a core where three of four roads are empty over where all are busy
    Mixed(live::MixedArgs),
    /// CPU a camera among 40 over that among 4
    Scale(live::ScaleArgs),
    /// Time from the frame that fulfils an incident's rule to its event on the wire
    Alerts(alerts::AlertsArgs),
    /// Resident memory of `wayside run` over time, and its slope
    Soak(soak::SoakArgs),
    /// HOTA, IDF1 and MOTA beside ByteTrack and OC-SORT of the trackers package, on the same made detections
    Tracking(tracking::TrackingArgs),
    /// Mean speeds against the truth on made roads: three camera heights, 20 to 120 km/h
    Speeds(speeds::SpeedsArgs),
    /// Whether the truth lies in the bands of counts, on made scenes
    Bands(bands::BandsArgs),
}

fn main() -> ExitCode {
    let done = match Cli::parse().bench {
        Bench::Overhead(args) => overhead::run(&args),
        Bench::Python { overhead, python } => overhead::against_python(&overhead, &python),
        Bench::Startup(args) => startup::startup(&args),
        Bench::Memory(args) => startup::memory(&args),
        Bench::Density(args) => live::density(&args).map(drop),
        Bench::Live80(args) => live::live80(&args),
        Bench::Mixed(args) => live::mixed(&args),
        Bench::Scale(args) => live::scale(&args),
        Bench::Alerts(args) => alerts::run(&args),
        Bench::Soak(args) => soak::run(&args),
        Bench::Tracking(args) => tracking::run(&args),
        Bench::Speeds(args) => speeds::run(&args),
        Bench::Bands(args) => bands::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("bench: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Prints a line.
fn say(text: &str) {
    use std::io::Write;
    drop(writeln!(std::io::stdout(), "{text}"));
}
