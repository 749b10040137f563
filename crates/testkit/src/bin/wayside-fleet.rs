//! Makes a fleet of labelled scenes for `wayside accept`: `wayside-fleet DIR --seed 1 --per-kind 10 [--sealed]`.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Parser;
use wayside_testkit::fleet::{Library, Order, make};
use wayside_types::IncidentKind;

/// Makes labelled scenes out of the clips and the drawn streets
#[derive(Debug, Parser)]
struct Args {
    /// Where to; made if it is not there
    dir: PathBuf,
    /// Of everything random: the same seed makes the same scenes
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Positives of each kind, and as many negatives
    #[arg(long, default_value_t = 10)]
    per_kind: usize,
    /// The families that rules are not tuned on
    #[arg(long)]
    sealed: bool,
    /// Only this kind; may be given more than once
    #[arg(long)]
    kind: Vec<IncidentKind>,
    /// Only families whose name holds this text, as "by night"
    #[arg(long, default_value = "")]
    family: String,
    /// Instead, scenes of so many minutes in which nothing goes wrong: each street through each condition
    #[arg(long, value_name = "MINUTES", value_parser = minutes)]
    quiet_min: Option<f64>,
    /// Directory of the clips; else ../shared/clips beside the checkout
    #[arg(long)]
    clips: Option<PathBuf>,
}

/// A length from 1 to 120 minutes.
fn minutes(text: &str) -> Result<f64, String> {
    let minutes: f64 = text.parse().map_err(|_| format!("{text:?} is no number"))?;
    if (1.0..=120.0).contains(&minutes) { Ok(minutes) } else { Err(format!("{text}: 1 to 120 minutes")) }
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let built_from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let home = std::env::var_os("WAYSIDE_HOME").map_or(built_from, PathBuf::from);
    let clips = args.clips.unwrap_or_else(|| home.join("../shared/clips"));
    if !clips.is_dir() {
        bail!("{}: the clips are not there; name their directory with --clips", clips.display());
    }
    let library = Library::load(clips, home)?;
    let order = Order {
        seed: args.seed,
        sealed: args.sealed,
        per_kind: args.per_kind,
        kinds: args.kind.into_iter().collect::<BTreeSet<_>>(),
        family: args.family,
        quiet_s: args.quiet_min.map(|minutes| 60.0 * minutes),
        jobs: std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
    };
    let count = make(&library, &order, &args.dir)?;
    eprintln!("{count} scenes in {}", args.dir.display());
    Ok(())
}
