//! Benchmarks of the whole, each printing a ratio and its two sides from one run. What they showed, and on
//! which machine, is in `docs/measurements.md`; how to run them in `benches/README.md`. Nothing here is a
//! test: times depend on the machine.

mod cpu;
mod overhead;
mod site;

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
    Startup(site::SiteArgs),
    /// Resident memory of `wayside run` with 1 and with 8 cameras
    Memory(site::SiteArgs),
}

fn main() -> ExitCode {
    let done = match Cli::parse().bench {
        Bench::Overhead(args) => overhead::run(&args),
        Bench::Python { overhead, python } => overhead::against_python(&overhead, &python),
        Bench::Startup(args) => site::startup(&args),
        Bench::Memory(args) => site::memory(&args),
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
