//! What a running site costs: how soon it is up, and how much memory a camera takes. Cameras are a file
//! served in a loop over RTSP by `wayside camsim`, a process of its own that is not counted.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use wayside_types::{Clock, SystemClock};

use crate::say;

/// What is measured.
#[derive(Debug, clap::Args)]
pub struct SiteArgs {
    /// The video that every camera shows
    video: PathBuf,
    /// The `wayside` binary
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/release/wayside"))]
    wayside: PathBuf,
    /// Seconds that the cameras run before memory is read
    #[arg(long, default_value_t = 90)]
    settle_s: u64,
}

/// Ends a process when dropped, as Ctrl-C would.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let pid = self.0.id().to_string();
        drop(Command::new("kill").args(["-TERM", &pid]).status());
        drop(self.0.wait());
    }
}

struct Site {
    dir: PathBuf,
    listen: String,
    _camsim: Running,
    run: Running,
}

impl Drop for Site {
    fn drop(&mut self) {
        drop(Command::new("kill").args(["-TERM", &self.run.0.id().to_string()]).status());
        drop(self.run.0.wait());
        drop(std::fs::remove_dir_all(&self.dir));
    }
}

impl Site {
    fn start(args: &SiteArgs, cameras: u32) -> anyhow::Result<Self> {
        let dir = std::env::temp_dir().join(format!("wayside-bench-{}-{cameras}", std::process::id()));
        let camera_files = dir.join("cameras");
        std::fs::create_dir_all(&camera_files)?;
        let ready = dir.join("ready");
        let mut camsim = Command::new(&args.wayside);
        camsim.arg("camsim").arg(&args.video).args(["--port", "0", "--copies", &cameras.to_string()]);
        camsim.arg("--cameras").arg(&camera_files).arg("--ready-file").arg(&ready);
        let camsim = Running(camsim.stdout(Stdio::null()).spawn()?);
        wait(Duration::from_secs(30), "the simulated cameras", || Ok(ready.exists()))?;
        let listen = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let config = dir.join("wayside.toml");
        let text = format!(
            "data_dir = {:?}\nlisten = {listen:?}\ntimezone = \"UTC\"\ncameras_dir = {camera_files:?}\n",
            dir.join("data")
        );
        std::fs::write(&config, text)?;
        let mut run = Command::new(&args.wayside);
        run.arg("run").arg("--config").arg(&config).stdout(Stdio::null());
        Ok(Self { run: Running(run.spawn()?), dir, listen, _camsim: camsim })
    }

    /// The body of a GET, or `None` while nobody answers or the answer is no success.
    fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(&self.listen).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        let listen = &self.listen;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {listen}\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        head.starts_with("HTTP/1.1 200").then(|| body.to_owned())
    }

    fn resident_mb(&self) -> anyhow::Result<f64> {
        let status = format!("/proc/{}/status", self.run.0.id());
        let text = std::fs::read_to_string(&status).context(status)?;
        let line = text.lines().find(|l| l.starts_with("VmRSS:")).context("no VmRSS")?;
        let kb: f64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
        Ok(kb / 1024.0)
    }
}

fn wait(most: Duration, what: &str, mut done: impl FnMut() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    let clock = SystemClock::default();
    while clock.monotonic() < most {
        if done()? {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    bail!("waited {} s for {what}", most.as_secs())
}

/// Prints how soon a site with one camera is up.
///
/// # Errors
/// When it doesn't come up.
pub fn startup(args: &SiteArgs) -> anyhow::Result<()> {
    let site = Site::start(args, 1)?;
    let clock = SystemClock::default();
    let passed =
        |what: &str| say(&format!("{what}: {:.2} s after the start", clock.monotonic().as_secs_f64()));
    wait(Duration::from_secs(60), "readiness", || Ok(site.get("/readyz").is_some()))?;
    passed("ready");
    let analysed = "wayside_frames_analysed_total{";
    let seen = || site.get("/metrics").is_some_and(|m| m.contains(analysed));
    wait(Duration::from_secs(60), "the first analysed frame", || Ok(seen()))?;
    passed("first frame analysed");
    let counted = || site.get(&recent_minutes()).is_some_and(|m| m.contains("\"count\":"));
    wait(Duration::from_secs(150), "the first closed bin", || Ok(counted()))?;
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
        let site = Site::start(args, cameras)?;
        std::thread::sleep(Duration::from_secs(args.settle_s));
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
