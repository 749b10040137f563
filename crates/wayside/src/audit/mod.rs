//! `wayside audit`: a person counted at the roadside; how far off was Wayside? Reads or asks for the tally (`tally`), takes
//! the counts of the same stretch of time from the database, keeps the comparison there and prints it.

mod tally;

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use jiff::{SignedDuration, Unit};
use wayside_config::load_site;
use wayside_store::Database;
use wayside_store::audit::{Audit, TallyClass, keep, list};
use wayside_store::query::{MeasurementQuery, MeasurementRow, Pages, RowSubject};
use wayside_types::quality::is_closed;
use wayside_types::{
    Band, BinLength, CameraSpec, Doubts, Evidence, RoadUserClass, SystemClock, TimeZone, Timestamp,
};

use crate::process::say;
use crate::run::join_database;
use tally::Tally;

/// Comparisons that are listed.
const LISTED: u32 = 200;
/// A stretch of which less was observed says little.
const WATCHED: f64 = 0.98;
/// A GEH below this is held to be a good agreement.
const GOOD_GEH: f64 = 5.0;
/// Bins close up to this long after their end.
const CLOSED_AFTER: SignedDuration = SignedDuration::from_secs(5);

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
    /// The tally: CSV of line,direction,class,count, where class is motor (cars, buses and lorries) or one class; - for
    /// standard input. Without it every line is asked for
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
        let stretch = Stretch::of(args, clock.now(), zone)?;
        Ok::<_, anyhow::Error>((read_tally(args, camera, &stretch)?, stretch))
    });
    let asked = asked.transpose()?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let database = join_database(&site.settings, clock.clone()).await?;
        let done = match asked {
            Some((tallies, stretch)) => compare(&database, camera, &tallies, &stretch, clock.now()).await,
            None => {
                let audits = list(&database, &camera.id, LISTED).await?;
                Ok(audits.into_iter().map(|audit| (audit, None)).collect())
            }
        };
        database.close().await;
        print(&done?, zone);
        Ok(())
    })
}

/// The stretch of time that was tallied, and of what bins it is made.
struct Stretch {
    from: Timestamp,
    to: Timestamp,
    length_s: u32,
    bin: BinLength,
    zone: TimeZone,
}

impl Stretch {
    fn of(args: &AuditArgs, now: Timestamp, zone: &TimeZone) -> anyhow::Result<Self> {
        let length_s = args.minutes * 60;
        let length = SignedDuration::from_secs(i64::from(length_s));
        let quarters = args.minutes.is_multiple_of(15);
        let starts = |bin: BinLength, at: Timestamp| bin.bounds(at, zone).0 == at;
        let from = match args.from {
            Some(from) => from,
            None => {
                let bin = if quarters { BinLength::Minute15 } else { BinLength::Minute1 };
                bin.bounds(now - CLOSED_AFTER, zone).0 - length
            }
        };
        ensure!(
            starts(BinLength::Minute1, from),
            "--from {from}: must be a whole minute of the site's clock, as bins are"
        );
        let bin = if quarters && starts(BinLength::Minute15, from) {
            BinLength::Minute15
        } else {
            BinLength::Minute1
        };
        let to = from + length;
        ensure!(
            to + CLOSED_AFTER <= now,
            "--from {from}: {} minutes from there are over at {to} only; it is {}",
            args.minutes,
            now.round(Unit::Second).unwrap_or(now)
        );
        Ok(Self { from, to, length_s, bin, zone: zone.clone() })
    }
}

fn read_tally(args: &AuditArgs, camera: &CameraSpec, stretch: &Stretch) -> anyhow::Result<Vec<Tally>> {
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
            let from = stretch.from.to_zoned(stretch.zone.clone());
            say(&format!("{} minutes from {}", args.minutes, from.strftime("%Y-%m-%d %H:%M:%S %Z")));
            tally::ask(camera)
        }
        None => bail!("give the tally as --tally FILE, or --tally - for standard input: this is no terminal"),
    }?;
    ensure!(!tallies.is_empty(), "the tally is empty, so that there is nothing to compare");
    for Tally { class, .. } in &tallies {
        if let TallyClass::One(class) = class
            && class.shortest_bin() > stretch.bin
        {
            bail!(
                "class {class}: is only counted by the quarter of an hour; give --minutes 15, 30, … and a --from at \
                 :00, :15, :30 or :45"
            );
        }
    }
    Ok(tallies)
}

/// Takes the counts from the database and keeps each beside its tally.
async fn compare(
    database: &Database,
    camera: &CameraSpec,
    tallies: &[Tally],
    stretch: &Stretch,
    now: Timestamp,
) -> anyhow::Result<Vec<(Audit, Option<Band>)>> {
    let rows = rows(database, camera, stretch).await?;
    ensure!(
        !rows.is_empty(),
        "camera {} did not watch from {} to {}, so that there is nothing to compare",
        camera.id,
        stretch.from,
        stretch.to
    );
    let observed_s = observed_s(&rows);
    if observed_s < WATCHED * f64::from(stretch.length_s) {
        say(&format!(
            "warning: the camera watched {observed_s:.0} of {} s only; what passed meanwhile is missing in its counts",
            stretch.length_s
        ));
    }
    let audits: Vec<Audit> = tallies
        .iter()
        .map(|tally| Audit {
            camera: camera.id.clone(),
            line: tally.line.clone(),
            direction: tally.direction,
            class: tally.class,
            start: stretch.from,
            length_s: stretch.length_s,
            counted: counted(&rows, tally),
            tallied: tally.count,
            observed_s,
            made_at: now,
        })
        .collect();
    keep(database, &audits).await?;
    let bands = tallies.iter().map(|tally| band(&rows, tally, observed_s)).collect::<Vec<_>>();
    Ok(audits.into_iter().zip(bands).collect())
}

async fn rows(
    database: &Database,
    camera: &CameraSpec,
    stretch: &Stretch,
) -> anyhow::Result<Vec<MeasurementRow>> {
    let mut query = MeasurementQuery::new(stretch.from, stretch.to, stretch.bin, stretch.zone.clone());
    query.cameras = vec![camera.id.clone()];
    query.with_quality = true;
    query.limit = 10_000;
    let mut rows = Vec::new();
    let mut pages = Pages::new(database, query);
    while let Some(page) = pages.next().await? {
        rows.extend(page);
    }
    Ok(rows)
}

/// Seconds that the camera watched: every row of a bin says the same.
fn observed_s(rows: &[MeasurementRow]) -> f64 {
    let mut bins: Vec<(Timestamp, f64)> = rows.iter().map(|row| (row.start, row.observed_s)).collect();
    bins.sort_by_key(|(start, _)| *start);
    bins.dedup_by_key(|(start, _)| *start);
    bins.iter().map(|(_, observed_s)| observed_s).sum()
}

/// The rows that a tally is about.
fn own<'a>(rows: &'a [MeasurementRow], tally: &'a Tally) -> impl Iterator<Item = &'a MeasurementRow> {
    let of_line = |row: &&MeasurementRow| match &row.subject {
        RowSubject::Line { line, direction } => {
            line.as_ref() == Some(&tally.line) && *direction == Some(tally.direction)
        }
        RowSubject::Movement { .. } | RowSubject::Zone { .. } => false,
    };
    let wanted = |row: &&MeasurementRow| row.class.is_some_and(|class| tally.class.holds(class));
    rows.iter().filter(of_line).filter(wanted)
}

fn counted(rows: &[MeasurementRow], tally: &Tally) -> u32 {
    let sum: u64 = own(rows, tally).filter_map(|row| row.count).sum();
    u32::try_from(sum).unwrap_or(u32::MAX)
}

/// Where the true count is to be expected after what was noted in all bins of the stretch; `None` where that was not
/// kept, as of minutes.
fn band(rows: &[MeasurementRow], tally: &Tally, observed_s: f64) -> Option<Band> {
    let (mut evidence, mut doubts) = (Evidence::default(), BTreeMap::new());
    for row in own(rows, tally) {
        let quality = row.quality.as_ref()?;
        quality.band?;
        evidence.merge(&quality.evidence);
        // They are the camera's, the same in every class's row.
        doubts.insert(row.start, quality.doubts);
    }
    let mut in_question = Doubts::default();
    doubts.values().for_each(|doubts| in_question.merge(doubts));
    let classes: Vec<RoadUserClass> =
        RoadUserClass::ALL.iter().copied().filter(|class| tally.class.holds(*class)).collect();
    let count = u64::from(counted(rows, tally));
    let band = Band::of(count, &evidence, observed_s, is_closed(&classes));
    in_question.widen(band, count, observed_s)
}

fn print(audits: &[(Audit, Option<Band>)], zone: &TimeZone) {
    if audits.is_empty() {
        say("no comparison was kept for this camera yet");
        return;
    }
    let (line, class) = (
        audits.iter().map(|(a, _)| a.line.as_str().len()).max().unwrap_or(0).max(4),
        audits.iter().map(|(a, _)| a.class.as_str().len()).max().unwrap_or(0).max(5),
    );
    say(&format!(
        "{:<16} {:>4}  {:<line$}  {:<9} {:<class$}  {:>7} {:>7} {:>8} {:>6}",
        "from", "min", "line", "direction", "class", "counted", "tallied", "error", "GEH"
    ));
    for (audit, band) in audits {
        let within = band.map(|band| {
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
    let good = audits.iter().filter(|(audit, _)| audit.geh() < GOOD_GEH).count();
    let (counted, tallied) = audits
        .iter()
        .fold((0_u64, 0_u64), |(c, t), (a, _)| (c + u64::from(a.counted), t + u64::from(a.tallied)));
    let told: Vec<bool> =
        audits.iter().filter_map(|(a, band)| Some((*band)?.holds(u64::from(a.tallied)))).collect();
    if !told.is_empty() {
        let within = told.iter().filter(|within| **within).count();
        say(&format!("the tally lies within the band of the count in {within} of {}", told.len()));
    }
    say(&format!(
        "{counted} counted, {tallied} tallied; GEH under {GOOD_GEH:.0} in {good} of {}",
        audits.len()
    ));
}
