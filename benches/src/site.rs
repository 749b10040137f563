//! A whole site as real processes: `wayside camsim` shows files in a loop over RTSP, `wayside run` watches
//! them. Nothing runs in this process, so that each one's CPU time and memory can be read apart. What is made
//! of the readings is in `startup`, `live` and `soak`.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use wayside_types::{Clock, SystemClock};

use crate::cpu;
use crate::metrics::Metrics;

/// Some cameras that show one video.
#[derive(Debug, Clone)]
pub struct Group {
    /// The video.
    pub video: PathBuf,
    /// Its camera file; `None` for the one beside the video.
    pub camera: Option<PathBuf>,
    /// How many.
    pub cameras: u32,
}

/// What a site is made of.
#[derive(Debug)]
pub struct Plan<'a> {
    /// The `wayside` binary; `None` for the one beside this program.
    pub wayside: Option<&'a Path>,
    /// The cameras.
    pub groups: &'a [Group],
    /// Analysed frames a second; `None` for what each camera's profile says.
    pub rate: Option<f64>,
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

/// A directory that is removed when dropped.
pub struct Scratch(PathBuf);

impl Scratch {
    /// An empty one under the system's directory for temporary files.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn new(name: &str) -> anyhow::Result<Self> {
        let dir = std::env::temp_dir().join(format!("wayside-bench-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&dir).with_context(|| dir.display().to_string())?;
        Ok(Self(dir))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// A running site. Dropping it stops everything: `run` before its cameras, the directory last, which is the
/// order of the fields.
pub struct Site {
    run: Running,
    camsims: Vec<Running>,
    dir: Scratch,
    listen: String,
    clock: SystemClock,
    /// How many cameras it has.
    pub cameras: u32,
}

/// What can be read of a running site at one moment; CPU seconds since the start of each.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Since the site was started.
    pub at: Duration,
    /// CPU of `run`.
    pub run_s: f64,
    /// CPU of its private PostgreSQL.
    pub postgres_s: f64,
    /// CPU of the simulated cameras.
    pub camsim_s: f64,
    /// CPU of this program.
    pub own_s: f64,
    /// CPU that anything on this machine took, and all there was.
    pub machine_s: (f64, f64),
    /// Resident memory of `run`, MB.
    pub resident_mb: f64,
    /// What `/metrics` said.
    pub metrics: Metrics,
}

impl Site {
    /// Starts everything; cameras may still be connecting.
    ///
    /// # Errors
    /// When a process can't be started or the cameras don't come up.
    pub fn start(plan: &Plan<'_>) -> anyhow::Result<Self> {
        let wayside = match plan.wayside {
            Some(wayside) => wayside.to_owned(),
            None => std::env::current_exe()?.with_file_name("wayside"),
        };
        let clock = SystemClock::default();
        let cameras = plan.groups.iter().map(|g| g.cameras).sum();
        let dir = Scratch::new(&format!("{cameras}"))?;
        let mut camsims = Vec::new();
        let mut files = CameraFiles::new(dir.0.join("cameras"))?;
        for (index, group) in plan.groups.iter().enumerate() {
            let written = dir.0.join(format!("group-{index}"));
            camsims.push(start_camsim(&wayside, group, &written)?);
            files.take(&written, group.camera.as_deref())?;
        }
        let listen = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let config = dir.0.join("wayside.toml");
        let mut text = format!(
            "data_dir = {:?}\nlisten = {listen:?}\ntimezone = \"UTC\"\ncameras_dir = {:?}\n",
            dir.0.join("data"),
            files.dir
        );
        if let Some(rate) = plan.rate {
            let profiles = dir.0.join("profiles");
            write_profiles(rate, &profiles)?;
            text.push_str(&format!("profiles_dir = {profiles:?}\n"));
        }
        std::fs::write(&config, text)?;
        let log = std::fs::File::create(dir.0.join("run.log"))?;
        let mut run = Command::new(&wayside);
        run.arg("run").arg("--config").arg(&config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let run = Running(run.spawn().with_context(|| wayside.display().to_string())?);
        Ok(Self { run, camsims, dir, listen, clock, cameras })
    }

    /// Since the site was started.
    pub fn age(&self) -> Duration {
        self.clock.monotonic()
    }

    /// The body of a GET, or `None` while nobody answers or the answer is no success.
    pub fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(&self.listen).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        let listen = &self.listen;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {listen}\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        head.starts_with("HTTP/1.1 200").then(|| body.to_owned())
    }

    /// The answer to a GET as it comes, head and all; a read that takes longer than `patience` fails. HTTP/1.0: no chunks.
    ///
    /// # Errors
    /// When nobody answers.
    pub fn stream(&self, path: &str, patience: Duration) -> anyhow::Result<TcpStream> {
        let mut stream = TcpStream::connect(&self.listen)?;
        stream.set_read_timeout(Some(patience))?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.listen)?;
        Ok(stream)
    }

    /// Waits until something is true of the site.
    ///
    /// # Errors
    /// When it takes too long, with the end of what `run` logged.
    pub fn wait(&self, most_s: u64, what: &str, done: impl FnMut() -> bool) -> anyhow::Result<()> {
        wait(Duration::from_secs(most_s), what, done).with_context(|| {
            let log = std::fs::read_to_string(self.dir.0.join("run.log")).unwrap_or_default();
            let lines: Vec<&str> = log.lines().rev().take(5).collect();
            format!("wayside run: {}", lines.into_iter().rev().collect::<Vec<_>>().join(" | "))
        })
    }

    /// Waits until a frame of every camera has been analysed.
    ///
    /// # Errors
    /// When that takes more than two minutes.
    pub fn wait_for_all(&self) -> anyhow::Result<()> {
        let analysed = || {
            let metrics = Metrics::parse(&self.get("/metrics").unwrap_or_default());
            metrics.samples("wayside_frames_analysed_total") >= self.cameras as usize
        };
        self.wait(120, "a frame of every camera", analysed)
    }

    /// Resident memory of `run`, MB.
    ///
    /// # Errors
    /// When it is gone.
    pub fn resident_mb(&self) -> anyhow::Result<f64> {
        resident_mb(self.run.0.id())
    }

    /// Reads everything.
    ///
    /// # Errors
    /// When a process is gone or doesn't answer.
    pub fn read(&self) -> anyhow::Result<Reading> {
        let metrics = self.get("/metrics").context("/metrics doesn't answer")?;
        let mut camsim_s = 0.0;
        for camsim in &self.camsims {
            camsim_s += cpu::of(&camsim.0.id().to_string())?.own_s;
        }
        Ok(Reading {
            at: self.clock.monotonic(),
            run_s: cpu::of(&self.run.0.id().to_string())?.own_s,
            postgres_s: cpu::of_family(self.postmaster()?)?,
            camsim_s,
            own_s: cpu::now()?.own_s,
            machine_s: cpu::of_machine()?,
            resident_mb: self.resident_mb()?,
            metrics: Metrics::parse(&metrics),
        })
    }

    /// The process that is the private PostgreSQL's first.
    fn postmaster(&self) -> anyhow::Result<u32> {
        let file = self.dir.0.join("data/pg/data/postmaster.pid");
        let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let pid = text.lines().next().and_then(|line| line.trim().parse().ok());
        pid.with_context(|| format!("{}: no process number", file.display()))
    }
}

fn resident_mb(process: u32) -> anyhow::Result<f64> {
    let status = format!("/proc/{process}/status");
    let text = std::fs::read_to_string(&status).context(status)?;
    let line = text.lines().find(|l| l.starts_with("VmRSS:")).context("no VmRSS")?;
    let kb: f64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
    Ok(kb / 1024.0)
}

fn start_camsim(wayside: &Path, group: &Group, cameras: &Path) -> anyhow::Result<Running> {
    std::fs::create_dir_all(cameras)?;
    let ready = cameras.with_extension("ready");
    let mut command = Command::new(wayside);
    command.arg("camsim").arg(&group.video);
    command.args(["--port", "0", "--copies", &group.cameras.to_string()]);
    command.arg("--cameras").arg(cameras).arg("--ready-file").arg(&ready);
    let running = Running(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().with_context(|| {
        format!("{}: build it with cargo build --release --workspace --bins", wayside.display())
    })?);
    wait(Duration::from_secs(60), "the simulated cameras", || ready.exists())?;
    Ok(running)
}

/// The camera files of all groups, with ids that differ.
struct CameraFiles {
    dir: PathBuf,
    taken: u32,
}

impl CameraFiles {
    fn new(dir: PathBuf) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&dir)?;
        Ok(Self { dir, taken: 0 })
    }

    /// Takes what `camsim` wrote; `camera` replaces all of it but the address.
    fn take(&mut self, written: &Path, camera: Option<&Path>) -> anyhow::Result<()> {
        for entry in std::fs::read_dir(written)? {
            let theirs = read_table(&entry?.path())?;
            let source = theirs.get("source").cloned().context("a camera file without source")?;
            let mut table = camera.map_or(Ok(theirs), read_table)?;
            self.taken += 1;
            table.insert("id".to_owned(), format!("bench-{}", self.taken).into());
            table.insert("source".to_owned(), source);
            std::fs::write(self.dir.join(format!("{}.toml", self.taken)), toml::to_string(&table)?)?;
        }
        Ok(())
    }
}

/// The shipped profiles, each at `rate`.
fn write_profiles(rate: f64, into: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(into)?;
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pipelines");
    for entry in std::fs::read_dir(&shipped).with_context(|| shipped.display().to_string())? {
        let path = entry?.path();
        if let Some(name) = path.file_name().filter(|_| path.extension().is_some_and(|e| e == "toml")) {
            let mut table = read_table(&path)?;
            table.insert("rate_fps".to_owned(), rate.into());
            std::fs::write(into.join(name), toml::to_string(&table)?)?;
        }
    }
    Ok(())
}

fn read_table(file: &Path) -> anyhow::Result<toml::Table> {
    let named = || file.display().to_string();
    std::fs::read_to_string(file).with_context(named)?.parse().with_context(named)
}

fn wait(most: Duration, what: &str, mut done: impl FnMut() -> bool) -> anyhow::Result<()> {
    let clock = SystemClock::default();
    while clock.monotonic() < most {
        if done() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    bail!("waited {} s for {what}", most.as_secs())
}
