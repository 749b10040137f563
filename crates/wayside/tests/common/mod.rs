//! What the end-to-end tests share: simulated cameras and a whole site as real processes on loopback, in a
//! throw-away directory, and questions asked over HTTP.

#![allow(dead_code, reason = "each test file uses its own part of this")]

pub mod live;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// The binary under test.
pub const WAYSIDE: &str = env!("CARGO_BIN_EXE_wayside");

/// The checkout.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A file of the footage with ground truth, or `None` with a loud word where it is absent.
pub fn shared(path: &str) -> Option<PathBuf> {
    let file = root().join("../shared").join(path);
    if file.exists() {
        return file.canonicalize().ok();
    }
    eprintln!("SKIPPED: {} is absent", file.display());
    None
}

/// Waits until `done` gives something.
#[expect(clippy::disallowed_methods, reason = "real processes run on real time")]
pub fn wait<T>(most: Duration, what: &str, mut done: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(value) = done() {
            return value;
        }
        assert!(began.elapsed() < most, "waited {most:?} for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A directory that other users may enter: PostgreSQL runs as one when the test runs as root.
pub fn scratch() -> TempDir {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::Builder::new().prefix("wayside-e2e-").tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    dir
}

/// A process that is asked to end when dropped, and killed if it doesn't.
pub struct Process(Child);

impl Process {
    pub fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::null()).spawn().unwrap())
    }

    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    pub fn is_alive(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }

    /// As by `kill -9`.
    pub fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// As by Ctrl-C; true when it ended well.
    pub fn stop(&mut self) -> bool {
        send("-TERM", self.pid());
        let ended = wait(Duration::from_secs(60), "the process to end", || self.0.try_wait().unwrap());
        ended.success()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.is_alive() {
            send("-TERM", self.pid());
            for _ in 0..200 {
                if !self.is_alive() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
            self.kill();
        }
    }
}

/// Sends a signal.
pub fn send(signal: &str, pid: u32) {
    Command::new("kill").args([signal, &pid.to_string()]).status().unwrap();
}

/// Simulated cameras in a process of their own.
pub struct Camsim {
    pub process: Process,
    pub port: u16,
    args: Vec<String>,
}

impl Camsim {
    /// Serves `what` (videos, `--scene …`) and writes camera files into `cameras`.
    pub fn start(what: &[&str], cameras: &Path) -> Self {
        let args: Vec<String> = what.iter().map(|&s| s.to_owned()).collect();
        let port = free_port();
        let ready = cameras.with_extension("ready");
        let mut command = Command::new(WAYSIDE);
        command.arg("camsim").args(&args).args(["--port", &port.to_string()]);
        command.arg("--cameras").arg(cameras).arg("--ready-file").arg(&ready).stdout(Stdio::null());
        let process = Process::start(&mut command);
        wait(Duration::from_secs(60), "the simulated cameras", || ready.exists().then_some(()));
        Self { process, port, args }
    }

    /// The same cameras at the same addresses, after they were killed.
    pub fn start_again(&mut self) {
        let mut command = Command::new(WAYSIDE);
        command.arg("camsim").args(&self.args).args(["--port", &self.port.to_string()]).stdout(Stdio::null());
        self.process = Process::start(&mut command);
    }
}

pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A whole site: settings, data, and `wayside run`.
pub struct Site {
    pub dir: TempDir,
    pub listen: String,
    pub process: Option<Process>,
    /// What `wayside run` finds in its environment besides the test's own.
    pub environment: Vec<(&'static str, String)>,
    agent: ureq::Agent,
}

impl Site {
    /// An empty site; camera files go into [`Site::cameras`].
    pub fn new() -> Self {
        let dir = scratch();
        std::fs::create_dir_all(dir.path().join("cameras")).unwrap();
        let listen = format!("127.0.0.1:{}", free_port());
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(20)))
            .http_status_as_error(false);
        let site = Self { listen, process: None, environment: Vec::new(), agent: config.build().into(), dir };
        site.configure("");
        site
    }

    /// Writes the settings, with `more` at their end.
    pub fn configure(&self, more: &str) {
        let path = self.dir.path();
        let text = format!(
            "data_dir = {:?}\nlisten = {:?}\ntimezone = \"UTC\"\ncameras_dir = {:?}\n{more}",
            path.join("data"),
            self.listen,
            self.cameras(),
        );
        std::fs::write(self.config(), text).unwrap();
    }

    pub fn config(&self) -> PathBuf {
        self.dir.path().join("wayside.toml")
    }

    pub fn cameras(&self) -> PathBuf {
        self.dir.path().join("cameras")
    }

    pub fn log(&self) -> PathBuf {
        self.dir.path().join("run.log")
    }

    /// Starts `wayside run` and waits until it is ready.
    pub fn start(&mut self) {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log()).unwrap();
        let mut command = Command::new(WAYSIDE);
        command.arg("run").arg("--config").arg(self.config()).stdout(Stdio::null()).stderr(log);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        self.process = Some(Process::start(&mut command));
        wait(Duration::from_secs(90), "readiness", || {
            let alive = self.process.as_mut().is_some_and(Process::is_alive);
            assert!(alive, "wayside ended: {}", std::fs::read_to_string(self.log()).unwrap_or_default());
            (self.status("/readyz") == Some(200)).then_some(())
        });
    }

    /// The status of a GET, `None` while nobody answers.
    pub fn status(&self, path: &str) -> Option<u16> {
        let answer = self.agent.get(format!("http://{}{path}", self.listen)).call().ok()?;
        Some(answer.status().as_u16())
    }

    /// The body of a GET as text, `None` while nobody answers or the answer is no success.
    pub fn text(&self, path: &str) -> Option<String> {
        let mut answer = self.agent.get(format!("http://{}{path}", self.listen)).call().ok()?;
        if !answer.status().is_success() {
            return None;
        }
        answer.body_mut().read_to_string().ok()
    }

    /// The body of a GET as JSON.
    pub fn json(&self, path: &str) -> Option<Value> {
        serde_json::from_str(&self.text(path)?).ok()
    }

    /// Every item of a paged list.
    pub fn items(&self, path: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut next = path.to_owned();
        loop {
            let page = wait(Duration::from_secs(60), &next, || self.json(&next));
            items.extend(page["items"].as_array().cloned().unwrap_or_default());
            match page["next_cursor"].as_str() {
                Some(cursor) => next = format!("{path}&cursor={cursor}"),
                None => return items,
            }
        }
    }
}

/// Runs the binary to its end; exit status, standard output, standard error.
pub fn run(args: &[&str]) -> (bool, String, String) {
    let output = Command::new(WAYSIDE).args(args).stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (output.status.success(), text(output.stdout), text(output.stderr))
}
