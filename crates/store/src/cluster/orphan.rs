//! What an earlier run left behind: a server that outlived a killed Wayside, or a lock file of one that is
//! gone. A process is known to work on a data directory by its working directory, which every PostgreSQL
//! process sets to it; process numbers alone are never trusted, because they are used again.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::PORT;
use super::layout::Layout;
use crate::error::StoreError;

const STEP: Duration = Duration::from_millis(50);

/// Stops every process that still works on the cluster, then removes a lock file that nobody holds. The
/// caller holds the directory's lock, so no other Wayside owns those processes.
pub(super) fn stop_leftovers(layout: &Layout, socket_dir: &Path) -> Result<(), StoreError> {
    let data = layout.data();
    let pid_file = data.join("postmaster.pid");
    // The kernel has told a server whose Wayside was killed to shut down: it may be on its way already.
    for (signal, patience) in [
        (Some(Signal::INT), Duration::from_secs(60)),
        (Some(Signal::QUIT), Duration::from_secs(10)),
        (Some(Signal::KILL), Duration::from_secs(10)),
    ] {
        let living = users_of(data);
        if living.is_empty() {
            break;
        }
        tracing::warn!(dir = %layout.dir().display(), processes = living.len(), "stopping a PostgreSQL that outlived its Wayside");
        if let Some(signal) = signal {
            for pid in targets(&pid_file, &living) {
                // It may have gone in this moment, which is what we want.
                let _ = kill_process(pid, signal);
            }
        }
        wait_until_gone(data, patience);
    }
    if !users_of(data).is_empty() {
        let reason = "a server that an earlier run left behind can't be stopped".to_owned();
        return Err(StoreError::ServerStart { dir: layout.dir().to_owned(), reason });
    }
    // PostgreSQL removes stale lock files itself unless their process number is in use: by something else, or
    // by the dead server itself while nobody has collected it. Then it would refuse to start. Nobody uses the
    // directory, and the socket's is this cluster's alone, so the files are stale for certain.
    for stale in [pid_file, socket_dir.join(format!(".s.PGSQL.{PORT}.lock"))] {
        match fs::remove_file(&stale) {
            Ok(()) => {
                tracing::info!(file = %stale.display(), "removed a stale lock file; PostgreSQL will recover")
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(StoreError::io("removing", stale)(error)),
        }
    }
    Ok(())
}

/// The postmaster if it lives (it tells its children), else everyone that is left.
fn targets(pid_file: &Path, living: &[Pid]) -> Vec<Pid> {
    let postmaster = fs::read_to_string(pid_file)
        .ok()
        .and_then(|text| text.lines().next().and_then(|line| line.trim().parse().ok()))
        .and_then(Pid::from_raw);
    match postmaster {
        Some(pid) if living.contains(&pid) => vec![pid],
        _ => living.to_vec(),
    }
}

fn wait_until_gone(data: &Path, patience: Duration) {
    let steps = patience.as_millis() / STEP.as_millis();
    for _ in 0..steps {
        if users_of(data).is_empty() {
            return;
        }
        thread::sleep(STEP);
    }
}

/// Processes whose working directory is `data`.
pub(super) fn users_of(data: &Path) -> Vec<Pid> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    processes
        .flatten()
        .filter_map(|entry| {
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            let cwd = fs::read_link(entry.path().join("cwd")).ok()?;
            (cwd == data && is_postgres(&entry.path())).then(|| Pid::from_raw(pid)).flatten()
        })
        .collect()
}

/// A shell that somebody left standing in the directory is no server. A server whose program was
/// upgraded while it ran shows its path with " (deleted)".
fn is_postgres(process: &Path) -> bool {
    fs::read_link(process.join("exe")).is_ok_and(|exe| {
        exe.file_name()
            .is_some_and(|name| name.to_string_lossy().trim_end_matches(" (deleted)") == "postgres")
    })
}
