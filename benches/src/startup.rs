//! How soon a site is up, and how much memory a camera takes.

use std::path::PathBuf;

use wayside_types::{Clock, SystemClock};

use crate::say;
use crate::site::{Group, Plan, Site};

/// What is measured.
#[derive(Debug, clap::Args)]
pub struct SiteArgs {
    /// The video that every camera shows
    video: PathBuf,
    /// The `wayside` binary; else the one beside this program
    #[arg(long)]
    wayside: Option<PathBuf>,
    /// Analysed frames a second; else the profile's
    #[arg(long)]
    rate: Option<f64>,
    /// Seconds that the cameras run before memory is read
    #[arg(long, default_value_t = 90)]
    settle_s: u64,
}

impl SiteArgs {
    fn start(&self, cameras: u32) -> anyhow::Result<Site> {
        let groups = [Group { video: self.video.clone(), camera: None, cameras }];
        Site::start(&Plan { wayside: self.wayside.as_deref(), groups: &groups, rate: self.rate })
    }
}

/// Prints how soon a site with one camera is up.
///
/// # Errors
/// When it doesn't come up.
pub fn startup(args: &SiteArgs) -> anyhow::Result<()> {
    let site = args.start(1)?;
    let clock = SystemClock::default();
    let passed =
        |what: &str| say(&format!("{what}: {:.2} s after the start", clock.monotonic().as_secs_f64()));
    site.wait(60, "readiness", || site.get("/readyz").is_some())?;
    passed("ready");
    let analysed = "wayside_frames_analysed_total{";
    let seen = || site.get("/metrics").is_some_and(|m| m.contains(analysed));
    site.wait(60, "the first analysed frame", seen)?;
    passed("first frame analysed");
    let counted = || site.get(&recent_minutes()).is_some_and(|m| m.contains("\"count\":"));
    site.wait(150, "the first closed bin", counted)?;
    passed("first count (bins close on the minute)");
    Ok(())
}

fn recent_minutes() -> String {
    let now = SystemClock::default().now();
    let second = |s: i64| wayside_types::Timestamp::from_second(s).unwrap_or(now);
    let end = now.as_second() / 60 * 60;
    format!("/api/v1/measurements?from={}&to={}&bin=1m", second(end - 600), second(end))
}

/// Prints resident memory with 1 and with 8 cameras and what one camera takes.
///
/// # Errors
/// When a site doesn't come up.
pub fn memory(args: &SiteArgs) -> anyhow::Result<()> {
    let mut resident = Vec::new();
    for cameras in [1, 8] {
        let site = args.start(cameras)?;
        site.wait_for_all()?;
        std::thread::sleep(std::time::Duration::from_secs(args.settle_s));
        let mb = site.resident_mb()?;
        say(&format!("{cameras} camera(s): {mb:.0} MB resident after {} s", args.settle_s));
        resident.push(mb);
    }
    if let [one, eight] = resident[..] {
        say(&format!(
            "a camera takes {:.1} MB over a base of {:.0} MB",
            (eight - one) / 7.0,
            one - (eight - one) / 7.0
        ));
    }
    Ok(())
}
