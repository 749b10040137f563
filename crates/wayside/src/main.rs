//! The `wayside` command: reads its arguments and hands over to the module of the subcommand's name. What
//! the subcommands do is in the other crates; here they are only put together.

mod accept;
mod analyze;
mod audit;
mod bench;
mod camsim;
mod check;
mod detectors;
mod ground;
mod migrate;
mod probe;
mod process;
mod run;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Turns fixed cameras into traffic measurements and hazard alerts, and recognises no one.
#[derive(Debug, Parser)]
#[command(name = "wayside", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run cameras, database, query API and page in one process
    Run(run::RunArgs),
    /// Analyse a video file offline, as fast as it goes
    Analyze(analyze::AnalyzeArgs),
    /// Hold counts against a person's tally and keep the comparison
    Audit(audit::AuditArgs),
    /// Run labelled scenes through the incident rules and say how they did
    Accept(accept::AcceptArgs),
    /// Measure how many cameras this machine holds, and what the limit is
    Bench(bench::BenchArgs),
    /// Validate settings, profiles, models and libraries, try every camera, and say all that is wrong
    Check(check::CheckArgs),
    /// Serve simulated RTSP cameras on this machine, from files or drawn
    Camsim(camsim::CamsimArgs),
    /// Bring the database's schema up to date and stop
    Migrate(ConfigArgs),
}

#[derive(Debug, clap::Args)]
struct ConfigArgs {
    /// Settings file; else config/wayside.toml under WAYSIDE_HOME, else under the checkout this was built from
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

fn main() -> ExitCode {
    process::forbid_telemetry();
    process::forbid_core_dumps();
    process::start_logging();
    let done = match Cli::parse().command {
        Command::Run(args) => run::run(&args),
        Command::Analyze(args) => analyze::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Accept(args) => accept::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Camsim(args) => camsim::run(&args),
        Command::Migrate(args) => migrate::run(args.config.as_deref()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            process::print_error(&error);
            ExitCode::FAILURE
        }
    }
}
