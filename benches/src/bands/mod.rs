//! Whether the truth lies in the bands of counts: fits their weights on made scenes (`scene`, `sample`, `fit`) and checks
//! them on others.

mod fit;
mod sample;
mod scene;
#[cfg(test)]
mod tests;

use crate::say;
use sample::{Sample, Score};

/// Scenes that weights are fitted to have seeds below this, those that they are checked on above.
const CHECKED_FROM: u64 = 1_000_000;

#[derive(Debug, clap::Args)]
pub struct BandsArgs {
    /// Print new weights, fitted to this many scenes, instead of checking those that are built in
    #[arg(long, value_name = "SCENES")]
    fit: Option<u64>,
    /// Scenes to check
    #[arg(long, default_value_t = 60)]
    scenes: u64,
    /// Seconds of each scene
    #[arg(long, default_value_t = 300)]
    seconds: u32,
    /// Which scenes
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print every sample
    #[arg(long)]
    details: bool,
}

/// Runs the bench.
///
/// # Errors
/// When a scene can't be measured.
pub fn run(args: &BandsArgs) -> anyhow::Result<()> {
    if let Some(scenes) = args.fit {
        let samples = samples(args.seed * 10_000, scenes, args.seconds)?;
        for (name, together) in [("together", true), ("apart", false)] {
            let own: Vec<Sample> = samples.iter().filter(|s| s.together == together).cloned().collect();
            let model = fit::fit(&own);
            say(&fit::print(name, &model));
            let score = Score::of(own.iter(), |s| model.band(s.count, &s.evidence, s.seconds));
            say(&format!("// {}", line(name, &score)));
        }
        return Ok(());
    }
    let samples = samples(CHECKED_FROM + args.seed * 10_000, args.scenes, args.seconds)?;
    if args.details {
        for s in samples.iter().filter(|s| s.together) {
            let band = s.band();
            let Sample { scene, truth, count, missed, surplus, .. } = s;
            let mark = if band.holds(*truth) { "" } else { "  OUT" };
            say(&format!(
                "{scene} true {truth} counted {count} missed {missed} surplus {surplus} band {} to {} {}{mark}",
                band.low,
                band.high,
                serde_json::to_string(&s.evidence)?
            ));
        }
    }
    for (name, together) in [("classes together", true), ("single classes", false)] {
        let score = Score::of(samples.iter().filter(|s| s.together == together), Sample::band);
        say(&line(name, &score));
    }
    for (name, from, to) in
        [("1 to 9", 1, 9), ("10 to 29", 10, 29), ("30 to 99", 30, 99), ("100 and more", 100, u64::MAX)]
    {
        let own = samples.iter().filter(|s| s.together && (from..=to).contains(&s.truth));
        say(&line(&format!("together, {name} crossed"), &Score::of(own, Sample::band)));
    }
    Ok(())
}

fn samples(first: u64, scenes: u64, seconds: u32) -> anyhow::Result<Vec<Sample>> {
    Ok(scene::run_all(first, scenes, seconds)?.iter().flat_map(Sample::of).collect())
}

fn line(name: &str, score: &Score) -> String {
    format!(
        "{name}: {} of {} bins hold the truth ({:.1} %); width {:.1} % of all counts, {:.1} % of a count on average",
        score.held,
        score.bins,
        100.0 * score.coverage(),
        100.0 * score.mean_width(),
        100.0 * score.relative
    )
}
