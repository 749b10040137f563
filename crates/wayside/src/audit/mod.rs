//! `wayside audit`: a person counted at the roadside; how far off was Wayside? Reads or asks for the tally (`tally`), has
//! `store` hold it against the counts of the same stretch of time and keep the comparison, and prints it.

mod tally;

use std::io::IsTerminal;
use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use wayside_config::load_site;
use wayside_store::audit::{Audit, Compared, Stretch, Tally, compare, list};
use wayside_types::{Band, CameraSpec, SystemClock, TimeZone, Timestamp};

use crate::process::say;
use crate::run::join_database;

/// Comparisons that are listed.
const LISTED: u32 = 200;
/// A stretch of which less was observed says little.
const WATCHED: f64 = 0.98;
/// A GEH below this is held to be a good agreement.
const GOOD_GEH: f64 = 5.0;
#[derive(Debug, clap::Args)]
pub struct AuditArgs {
    /// The camera's id
    camera: String,
    /// Length of the stretch that was tallied; pedestrians, bicycles and motorcycles want whole quarters of an hour
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=1440))]
    minutes: u32,
    /// When the stretch began, such as 2026-11-21T10:15:00Z; else the newest whole one that is over
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// The tally: CSV of line,direction,class,count, where class is motor (cars, buses and lorries), two_wheeler (bicycles
    /// and motorcycles) or one class; - for standard input. Without it every line is asked for
    #[arg(long, value_name = "FILE")]
    tally: Option<PathBuf>,
    /// Print the comparisons that were kept, and ask for nothing
    #[arg(long, conflicts_with_all = ["from", "tally"])]
    list: bool,
    /// Settings file; else config/wayside.toml under WAYSIDE_HOME, else under the checkout this was built from
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Runs the subcommand.
///
/// # Errors
/// When the camera, the stretch or the tally is not acceptable, or the database can't be reached.
pub fn run(args: &AuditArgs) -> anyhow::Result<()> {
    let site = load_site(args.config.as_deref())?;
    let Some(camera) = site.cameras.iter().find(|camera| camera.id.as_str() == args.camera) else {
        let known: Vec<&str> = site.cameras.iter().map(|camera| camera.id.as_str()).collect();
        bail!("camera {:?} is not one of this site's: {}", args.camera, known.join(" "));
    };
    ensure!(!camera.lines.is_empty(), "camera {} has no lines, so that it counts nothing", camera.id);
    let clock = SystemClock::shared();
    let zone = &site.settings.time_zone;
    let asked = (!args.list).then(|| {
        let now = clock.now();
        let stretch = match args.from {
            Some(from) => Stretch::new(from, args.minutes, now, zone)?,
            None => Stretch::newest(args.minutes, now, zone)?,
        };
        Ok::<_, anyhow::Error>((read_tally(args, camera, &stretch, zone)?, stretch))
    });
    let asked = asked.transpose()?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let database = join_database(&site.settings, clock.clone()).await?;
        let done = match asked {
            Some((tallies, stretch)) => {
                let done = compare(&database, &camera.id, &tallies, &stretch, clock.now()).await;
                done.inspect(|compared| warn_of_gaps(compared))
            }
            None => list(&database, &camera.id, None, LISTED)
                .await
                .map(|audits| audits.into_iter().map(|audit| Compared { audit, band: None }).collect()),
        };
        database.close().await;
        print(&done?, zone);
        Ok(())
    })
}

/// Says so where the camera did not watch all of what was tallied.
fn warn_of_gaps(compared: &[Compared]) {
    let Some(Compared { audit: Audit { observed_s, length_s, .. }, .. }) = compared.first() else { return };
    if *observed_s < WATCHED * f64::from(*length_s) {
        say(&format!(
            "warning: the camera watched {observed_s:.0} of {length_s} s only; what passed meanwhile is missing in its counts"
        ));
    }
}

fn read_tally(
    args: &AuditArgs,
    camera: &CameraSpec,
    stretch: &Stretch,
    zone: &TimeZone,
) -> anyhow::Result<Vec<Tally>> {
    let tallies = match &args.tally {
        Some(path) if path.as_os_str() == "-" => {
            tally::parse(&std::io::read_to_string(std::io::stdin()).context("--tally -")?, camera)
        }
        Some(path) => {
            let name = path.display();
            let text = std::fs::read_to_string(path).with_context(|| format!("--tally {name}"))?;
            tally::parse(&text, camera).with_context(|| format!("--tally {name}"))
        }
        None if std::io::stdin().is_terminal() => {
            let from = stretch.from().to_zoned(zone.clone());
            say(&format!("{} minutes from {}", args.minutes, from.strftime("%Y-%m-%d %H:%M:%S %Z")));
            tally::ask(camera)
        }
        None => bail!("give the tally as --tally FILE, or --tally - for standard input: this is no terminal"),
    }?;
    stretch.check(&tallies)?;
    Ok(tallies)
}

fn print(audits: &[Compared], zone: &TimeZone) {
    if audits.is_empty() {
        say("no comparison was kept for this camera yet");
        return;
    }
    let (line, class) = (
        audits.iter().map(|c| c.audit.line.as_str().len()).max().unwrap_or(0).max(4),
        audits.iter().map(|c| c.audit.class.as_str().len()).max().unwrap_or(0).max(5),
    );
    say(&format!(
        "{:<16} {:>4}  {:<line$}  {:<9} {:<class$}  {:>7} {:>7} {:>8} {:>6}",
        "from", "min", "line", "direction", "class", "counted", "tallied", "error", "GEH"
    ));
    for Compared { audit, band } in audits {
        let within = band.map(|band: Band| {
            let is = if band.holds(u64::from(audit.tallied)) { "within" } else { "OUTSIDE" };
            format!("  {is} {}–{}", band.low, band.high)
        });
        let from = audit.start.to_zoned(zone.clone());
        let error = audit.error_percent().map_or_else(|| "–".to_owned(), |error| format!("{error:+.1} %"));
        let partial = audit.observed_s < WATCHED * f64::from(audit.length_s);
        say(&format!(
            "{:<16} {:>4}  {:<line$}  {:<9} {:<class$}  {:>7} {:>7} {error:>8} {:>6.2}{}{}",
            from.strftime("%Y-%m-%d %H:%M").to_string(),
            audit.length_s / 60,
            audit.line.as_str(),
            audit.direction.as_str(),
            audit.class.as_str(),
            audit.counted,
            audit.tallied,
            audit.geh(),
            within.unwrap_or_default(),
            if partial { "  watched in part" } else { "" },
        ));
    }
    let good = audits.iter().filter(|c| c.audit.geh() < GOOD_GEH).count();
    let (counted, tallied) = audits
        .iter()
        .map(|c| &c.audit)
        .fold((0_u64, 0_u64), |(c, t), a| (c + u64::from(a.counted), t + u64::from(a.tallied)));
    let told: Vec<bool> =
        audits.iter().filter_map(|c| Some(c.band?.holds(u64::from(c.audit.tallied)))).collect();
    if !told.is_empty() {
        let within = told.iter().filter(|within| **within).count();
        say(&format!("the tally lies within the band of the count in {within} of {}", told.len()));
    }
    say(&format!(
        "{counted} counted, {tallied} tallied; GEH under {GOOD_GEH:.0} in {good} of {}",
        audits.len()
    ));
}
