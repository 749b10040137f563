//! Whether the truth lies in the bands of counts: fits their weights on made scenes (`scene`) and drawn ones (`drawn`),
//! which the shipped tracker and measurer count (`tally`, `sample`, `fit`), and checks them on others.

mod drawn;
mod fit;
mod sample;
pub mod scene;
mod tally;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use anyhow::Context;

use crate::say;
use sample::{Sample, Score};
use tally::Origin;
use wayside_types::Evidence;
use wayside_types::quality::{Model, WEIGHTS};

/// Scenes that weights are fitted to have seeds below this, those that they are checked on above.
const CHECKED_FROM: u64 = 1_000_000;

/// Quiet scenes of a seed have numbers so far above the others.
const QUIET_FROM: u64 = 5_000;

/// How many truly crossed, for the tables.
const CROSSED: [(&str, std::ops::RangeInclusive<u64>); 4] =
    [("1 to 9", 1..=9), ("10 to 29", 10..=29), ("30 to 99", 30..=99), ("100 and more", 100..=u64::MAX)];

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
    /// Drawn scenes beside the made ones, to fit to or to check
    #[arg(long, default_value_t = 0)]
    drawn: u64,
    /// Seconds of each drawn scene; else those of the others
    #[arg(long)]
    drawn_seconds: Option<u32>,
    /// Made scenes beside these in which hardly anybody comes
    #[arg(long, default_value_t = 0)]
    quiet: u64,
    /// Seconds of each of them
    #[arg(long, default_value_t = 3_600)]
    quiet_seconds: u32,
    /// Drawn scenes in which hardly anybody comes, half of them by night
    #[arg(long, default_value_t = 0)]
    drawn_quiet: u64,
    /// Seconds of each of them
    #[arg(long, default_value_t = 300)]
    drawn_quiet_seconds: u32,
    /// Where is kept what the detector saw of drawn scenes
    #[arg(long, value_name = "DIR")]
    seen: Option<PathBuf>,
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
        let samples = args.samples(0, scenes)?;
        for (name, together) in [("together", true), ("apart", false)] {
            let own: Vec<Sample> = samples.iter().filter(|s| s.together == together).cloned().collect();
            let model = fit::fit(&own);
            say(&fit::print(name, &model));
            for origin in Origin::ALL {
                let what = origin.as_str();
                let own = own.iter().filter(|s| s.origin == origin);
                let score = Score::of(own, |s| model.band(s.count, &s.evidence, s.seconds));
                say(&format!("// {}", line(&format!("{what}, {name}"), &score)));
            }
            say(&format!("// {}", of_nobody(name, &model)));
        }
        return Ok(());
    }
    let samples = args.samples(CHECKED_FROM, args.scenes)?;
    if args.details {
        samples.iter().try_for_each(tell)?;
    }
    for origin in Origin::ALL {
        let what = origin.as_str();
        let own: Vec<&Sample> = samples.iter().filter(|s| s.origin == origin).collect();
        let check = |name: &str, wanted: &dyn Fn(&Sample) -> bool| {
            let score = Score::of(own.iter().copied().filter(|s| wanted(s)), Sample::band);
            if score.bins > 0 {
                say(&line(&format!("{what}, {name}"), &score));
            }
        };
        check("classes together", &|s| s.together);
        check("single classes", &|s| !s.together);
        for (what, together) in [("together", true), ("single", false)] {
            for (crossed, range) in CROSSED {
                let name = format!("{what}, {crossed} crossed");
                check(&name, &|s| s.together == together && range.contains(&s.truth));
            }
            let name = format!("{what}, nobody counted");
            check(&name, &|s| s.together == together && s.count == 0);
        }
    }
    say(&of_nobody("together", &WEIGHTS.together));
    say(&of_nobody("single", &WEIGHTS.apart));
    Ok(())
}

impl BandsArgs {
    /// Those of so many made scenes and of the drawn ones, whose seeds begin here.
    fn samples(&self, from: u64, scenes: u64) -> anyhow::Result<Vec<Sample>> {
        let first = from + self.seed * 10_000;
        let mut samples = samples(first, scenes, self.seconds)?;
        let bins = scene::run_all(first + QUIET_FROM, self.quiet, self.quiet_seconds, true)?;
        samples.extend(bins.iter().flat_map(Sample::of));
        let busy = (self.drawn, self.drawn_seconds.unwrap_or(self.seconds), false);
        for (scenes, seconds, quiet) in [busy, (self.drawn_quiet, self.drawn_quiet_seconds, true)] {
            if scenes > 0 {
                let dir = self.seen.as_deref().context("drawn scenes want --seen DIR")?;
                let bins = drawn::run_all(dir, first..first + scenes, seconds, quiet)?;
                samples.extend(bins.iter().flat_map(Sample::of));
            }
        }
        Ok(samples)
    }
}

fn samples(first: u64, scenes: u64, seconds: u32) -> anyhow::Result<Vec<Sample>> {
    Ok(scene::run_all(first, scenes, seconds, false)?.iter().flat_map(Sample::of).collect())
}

fn tell(s: &Sample) -> anyhow::Result<()> {
    let band = s.band();
    let Sample { scene, line, what, truth, count, missed, surplus, .. } = s;
    let mark = if band.holds(*truth) { "" } else { "  OUT" };
    let (low, high) = (band.low, band.high);
    let evidence = serde_json::to_string(&s.evidence)?;
    say(&format!(
        "{scene} {line} {what} true {truth} counted {count} missed {missed} surplus {surplus} band {low} to {high} {evidence}{mark}"
    ));
    Ok(())
}

/// What is said where nobody was counted and nothing was seen.
fn of_nobody(name: &str, model: &Model) -> String {
    let high = [("minute", 60.0), ("15 minutes", 900.0), ("hour", 3_600.0), ("day", 86_400.0)].map(
        |(what, watched_s)| format!("{what} 0 to {}", model.band(0, &Evidence::default(), watched_s).high),
    );
    format!("{name}, nobody and no sign: {}", high.join(", "))
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
