//! Runs the server as a child on a thread of its own: starts it, waits until it takes connections, starts it
//! again when it dies, and stops it with a fast shutdown. The thread lives as long as the server, because
//! the kernel's parent-death signal goes by thread, not by process.

use std::collections::VecDeque;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, set_parent_process_death_signal};

use super::PORT;
use super::layout::Layout;
use super::programs::Programs;
use crate::error::StoreError;

const POLL: Duration = Duration::from_millis(20);
const WATCH: Duration = Duration::from_millis(200);
/// Recovery after a crash replays the write-ahead log, at most about a gigabyte of it.
const START_PATIENCE: Duration = Duration::from_secs(300);
const KEPT_LINES: usize = 20;

/// What is to be run.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) layout: Layout,
    pub(super) programs: Programs,
    pub(super) socket_dir: PathBuf,
    pub(super) durable: bool,
}

/// The thread that owns the server.
#[derive(Debug)]
pub(super) struct Supervisor {
    pid: Arc<AtomicU32>,
    // Dropping the sender asks the thread to stop the server.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Supervisor {
    /// Starts the thread and waits until the server takes connections.
    pub(super) fn start(plan: Plan) -> Result<Self, StoreError> {
        let pid = Arc::new(AtomicU32::new(0));
        let (stop, stopped) = channel();
        let (started, first) = channel();
        let shown = Arc::clone(&pid);
        let dir = plan.layout.dir().to_owned();
        let thread = thread::Builder::new()
            .name("wayside-pg".to_owned())
            .spawn(move || watch(&plan, &stopped, &shown, &started))
            .map_err(StoreError::io("starting a thread for", dir.as_path()))?;
        let supervisor = Self { pid, stop: Some(stop), thread: Some(thread) };
        match first.recv() {
            Ok(Ok(())) => Ok(supervisor),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(StoreError::ServerStart { dir, reason: "its thread ended".to_owned() }),
        }
    }

    pub(super) fn pid(&self) -> Option<u32> {
        match self.pid.load(Ordering::Acquire) {
            0 => None,
            pid => Some(pid),
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported there.
            drop(thread.join());
        }
    }
}

/// The thread's life: one server after the other until asked to stop.
fn watch(plan: &Plan, stop: &Receiver<()>, pid: &AtomicU32, started: &Sender<Result<(), StoreError>>) {
    let mut delay = Duration::from_millis(100);
    let mut first = true;
    loop {
        match Server::start(plan, stop, pid) {
            Ok(Some(mut server)) => {
                if first {
                    first = false;
                    drop(started.send(Ok(())));
                } else {
                    tracing::info!("the private PostgreSQL is back");
                }
                delay = Duration::from_millis(100);
                if server.run(stop) == Ended::Asked {
                    return;
                }
                pid.store(0, Ordering::Release);
                tracing::error!(said = server.last_words(), "the private PostgreSQL died; starting it again");
            }
            Ok(None) => return,
            Err(error) if first => {
                drop(started.send(Err(error)));
                return;
            }
            Err(error) => tracing::error!(%error, "the private PostgreSQL can't be started; trying again"),
        }
        if stop.recv_timeout(delay) == Err(RecvTimeoutError::Disconnected) {
            return;
        }
        delay = (delay * 2).min(Duration::from_secs(10));
        if let Err(error) = super::orphan::stop_leftovers(&plan.layout, &plan.socket_dir) {
            tracing::error!(%error, "what is left of the private PostgreSQL can't be stopped");
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Ended {
    Asked,
    ByItself,
}

/// One running server.
struct Server {
    child: Child,
    lines: Arc<Mutex<VecDeque<String>>>,
}

impl Server {
    /// Starts the server and waits until it is ready; `None` when asked to stop meanwhile.
    fn start(plan: &Plan, stop: &Receiver<()>, pid: &AtomicU32) -> Result<Option<Self>, StoreError> {
        let mut command = command(plan);
        let program = plan.programs.postgres();
        let mut child = command.spawn().map_err(StoreError::io("starting", program.as_path()))?;
        pid.store(child.id(), Ordering::Release);
        let lines = Arc::new(Mutex::new(VecDeque::new()));
        if let Some(stderr) = child.stderr.take() {
            let lines = Arc::clone(&lines);
            let reader =
                thread::Builder::new().name("wayside-pg-log".to_owned()).spawn(move || relay(stderr, &lines));
            reader.map_err(StoreError::io("starting a thread for", program.as_path()))?;
        }
        let mut server = Self { child, lines };
        let pid_file = plan.layout.data().join("postmaster.pid");
        let mut waited = Duration::ZERO;
        loop {
            if let Ok(Some(_)) = server.child.try_wait() {
                // The reader needs a moment to take in the last words.
                thread::sleep(POLL * 5);
                return Err(plan.layout.explain(&server.last_words()));
            }
            if is_ready(&pid_file, server.child.id()) {
                return Ok(Some(server));
            }
            if stop.recv_timeout(POLL) == Err(RecvTimeoutError::Disconnected) {
                server.stop();
                return Ok(None);
            }
            waited += POLL;
            if waited >= START_PATIENCE {
                server.stop();
                return Err(plan.layout.explain("it took no connections within 300 s"));
            }
        }
    }

    /// Watches until the server ends or we are asked to stop it.
    fn run(&mut self, stop: &Receiver<()>) -> Ended {
        loop {
            if stop.recv_timeout(WATCH) == Err(RecvTimeoutError::Disconnected) {
                self.stop();
                return Ended::Asked;
            }
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                return Ended::ByItself;
            }
        }
    }

    /// Fast shutdown, then harder.
    fn stop(&mut self) {
        for (signal, patience) in [
            (Signal::INT, Duration::from_secs(30)),
            (Signal::QUIT, Duration::from_secs(10)),
            (Signal::KILL, Duration::from_secs(5)),
        ] {
            let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) else { return };
            let _ = kill_process(pid, signal);
            let steps = patience.as_millis() / POLL.as_millis();
            for _ in 0..steps {
                if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                    return;
                }
                thread::sleep(POLL);
            }
            tracing::warn!(?signal, "the private PostgreSQL does not stop");
        }
    }

    fn last_words(&self) -> String {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().cloned().collect::<Vec<_>>().join("\n")
    }
}

/// The eighth line of the lock file says how far the server is.
fn is_ready(pid_file: &std::path::Path, child: u32) -> bool {
    let Ok(text) = fs::read_to_string(pid_file) else { return false };
    let mut lines = text.lines();
    let owner = lines.next().and_then(|line| line.trim().parse::<u32>().ok());
    owner == Some(child) && lines.nth(6).is_some_and(|line| line.trim() == "ready")
}

/// Whether a line of the server's log is one for the operator.
fn is_news(line: &str) -> bool {
    // Said of each connection when the server is stopped or dies. The first is our own doing, the second told once and for all.
    let expected = ["due to administrator command", "due to unexpected postmaster exit"];
    ["ERROR:", "FATAL:", "PANIC:", "WARNING:"].iter().any(|level| line.contains(level))
        && !expected.iter().any(|reason| line.ends_with(reason))
}

/// The server's log goes where ours goes; its last lines are kept to explain a death.
fn relay(stderr: ChildStderr, kept: &Mutex<VecDeque<String>>) {
    for line in BufReader::new(stderr).lines() {
        let Ok(line) = line else { return };
        if is_news(&line) {
            tracing::warn!(target: "postgres", "{line}");
        } else {
            tracing::debug!(target: "postgres", "{line}");
        }
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT_LINES {
            kept.pop_front();
        }
        kept.push_back(line);
    }
}

fn command(plan: &Plan) -> Command {
    let mut command = plan.layout.command(&plan.programs.postgres());
    command.arg("-D").arg(plan.layout.data());
    let socket = plan.socket_dir.display().to_string();
    // A comma would separate directories; quotes keep the path one.
    let socket = format!("unix_socket_directories=\"{socket}\"");
    let durable = if plan.durable { "on" } else { "off" };
    let settings = [
        "listen_addresses=".to_owned(),
        socket,
        "unix_socket_permissions=0700".to_owned(),
        format!("port={PORT}"),
        format!("fsync={durable}"),
        format!("synchronous_commit={durable}"),
        format!("full_page_writes={durable}"),
        "max_connections=40".to_owned(),
        "shared_buffers=128MB".to_owned(),
        "wal_compression=on".to_owned(),
        "max_wal_size=1GB".to_owned(),
        "timezone=UTC".to_owned(),
        "log_timezone=UTC".to_owned(),
        "logging_collector=off".to_owned(),
        // Statements are never logged: their parameters would be counts.
        "log_statement=none".to_owned(),
        "log_min_error_statement=panic".to_owned(),
        "log_parameter_max_length=0".to_owned(),
        "log_parameter_max_length_on_error=0".to_owned(),
        "cluster_name=wayside".to_owned(),
    ];
    for setting in settings {
        command.arg("-c").arg(setting);
    }
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    // A terminal's Ctrl-C goes to us; we stop the server when we are done with it.
    command.process_group(0);
    die_with_parent(&mut command);
    command
}

/// Has the kernel send a fast shutdown to the server when our thread dies, even by kill -9.
#[expect(unsafe_code, reason = "the only way to run something between fork and exec")]
fn die_with_parent(command: &mut Command) {
    let parent = rustix::process::getpid();
    let hook = move || {
        set_parent_process_death_signal(Some(Signal::INT))?;
        // We may have died before the line above took effect.
        if rustix::process::getppid() == Some(parent) {
            Ok(())
        } else {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
    };
    // SAFETY: between fork and exec only async-signal-safe functions may be called; the hook makes two
    // system calls (prctl, getppid) and allocates nothing.
    unsafe {
        command.pre_exec(hook);
    }
}

#[cfg(test)]
mod tests {
    use super::is_news;

    #[test]
    fn a_stop_is_no_news_and_a_fault_is() {
        for (line, want) in [
            (
                "2026-11-23 17:45:35.595 UTC [9] FATAL:  terminating connection due to administrator command",
                false,
            ),
            (
                "2026-11-23 17:15:43.894 UTC [9] FATAL:  terminating connection due to unexpected postmaster exit",
                false,
            ),
            ("2026-11-23 17:15:43.894 UTC [9] LOG:  database system is ready to accept connections", false),
            (
                "2026-11-23 17:15:43.894 UTC [9] PANIC:  could not write to file \"x\": No space left on device",
                true,
            ),
            ("2026-11-23 17:15:43.894 UTC [9] ERROR:  canceling statement due to statement timeout", true),
        ] {
            assert_eq!(is_news(line), want, "{line}");
        }
    }
}
