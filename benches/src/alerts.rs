//! How long an alert takes to whoever listens: from the capture of the frame that fulfilled an incident's rule to the moment
//! its event came over `/api/v1/live`, over real RTSP, decoding, detection, rules, database and all.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use wayside_camsim::{Hazard, SceneKind, SceneSpec, record};
use wayside_types::{Clock, SystemClock, Timestamp};

use crate::say;
use crate::site::{Group, Plan, Scratch, Site};

/// Length of the drawn film: a wrong-way driver comes once in each round of it.
const FILM_S: f64 = 30.0;

/// What is measured.
#[derive(Debug, clap::Args)]
pub struct AlertsArgs {
    /// The `wayside` binary; else the one beside this program
    #[arg(long)]
    wayside: Option<PathBuf>,
    /// How many cameras show a wrong-way driver every 30 s, all at the same time
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=100))]
    cameras: u32,
    /// Seconds that are listened
    #[arg(long, default_value_t = 600)]
    seconds: u64,
    /// Seed of the drawn traffic
    #[arg(long, default_value_t = 2)]
    seed: u64,
}

/// Prints the quantiles of the time from frame to event.
///
/// # Errors
/// When the site doesn't come up, or no alert came.
pub fn run(args: &AlertsArgs) -> anyhow::Result<()> {
    let scratch = Scratch::new("alerts")?;
    let (film, camera) = film(args.seed, scratch.path())?;
    let groups = [Group { video: film, camera: Some(camera), cameras: args.cameras }];
    let site = Site::start(&Plan { wayside: args.wayside.as_deref(), groups: &groups, rate: None })?;
    site.wait_for_all()?;
    let mut took_s = listen(&site, Duration::from_secs(args.seconds))?;
    took_s.sort_by(f64::total_cmp);
    let (Some(first), Some(last)) = (took_s.first(), took_s.last()) else { bail!("no alert came") };
    let quantile = |q: f64| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in the list")]
        let place = (q * took_s.len() as f64).ceil() as usize;
        took_s.get(place.saturating_sub(1)).copied().unwrap_or(*last)
    };
    say(&format!(
        "{} alerts of {} cameras in {} s, capture to event: p50 {:.0} ms, p99 {:.0} ms, least {:.0} ms, most {:.0} ms (p99 \
         target at most 1000)",
        took_s.len(),
        args.cameras,
        args.seconds,
        1000.0 * quantile(0.5),
        1000.0 * quantile(0.99),
        1000.0 * first,
        1000.0 * last
    ));
    Ok(())
}

/// Draws a highway with a wrong-way driver; gives video and camera file.
fn film(seed: u64, dir: &Path) -> anyhow::Result<(PathBuf, PathBuf)> {
    let path = |name: &str| dir.join(name);
    let spec = SceneSpec {
        hazards: vec![Hazard::WrongWay { from_s: 6.0 }],
        ..SceneSpec::new(SceneKind::Highway, seed)
    };
    record(&spec, FILM_S, &path("film.mp4"), &path("film.json"), &path("film.toml"))?;
    Ok((path("film.mp4"), path("film.toml")))
}

/// Listens for so long; gives the time from capture to event of each incident whose first version came, in seconds.
fn listen(site: &Site, most: Duration) -> anyhow::Result<Vec<f64>> {
    let clock = SystemClock::default();
    let mut lines = BufReader::new(site.stream("/api/v1/live", Duration::from_millis(200))?);
    let (mut event, mut line) = (String::new(), String::new());
    let (mut known, mut took_s) = (BTreeSet::new(), Vec::new());
    // What was open before is told first, and is not new.
    let began = clock.now();
    while clock.monotonic() < most {
        match lines.read_line(&mut line) {
            Ok(0) => bail!("the live events ended"),
            Ok(_) => {}
            // A line that is not whole yet is read on.
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => continue,
            Err(error) => return Err(error).context("the live events"),
        }
        let came = clock.now();
        if let Some(name) = line.strip_prefix("event:") {
            event = name.trim().to_owned();
        } else if let (Some(data), "incident") = (line.strip_prefix("data:"), event.as_str()) {
            let incident: serde_json::Value = serde_json::from_str(data).context("an incident")?;
            let text = |key: &str| incident.get(key).and_then(serde_json::Value::as_str).unwrap_or_default();
            let detected: Timestamp = text("detected_at").parse().context("detected_at of an incident")?;
            if detected > began && known.insert(text("id").to_owned()) {
                took_s.push(came.duration_since(detected).as_secs_f64());
            }
        }
        line.clear();
    }
    Ok(took_s)
}
