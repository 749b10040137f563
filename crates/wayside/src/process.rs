//! What every subcommand wants of the process: logs on standard error, no core dumps (frames live in
//! memory), one way to print a failure, and a way to wait for Ctrl-C.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context;
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use tracing_subscriber::EnvFilter;

/// Frames of a camera must not end up in a file because a process crashed.
pub fn forbid_core_dumps() {
    // Both are belts; a kernel that refuses one still honours the other.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// ONNX Runtime's release builds keep a telemetry session in the temporary directory, whatever its API is told;
/// only its environment variable turns that off. Nothing of ours phones home or leaves a file behind, so it is
/// set unless somebody set it on purpose. Call it before any thread is started.
pub fn forbid_telemetry() {
    const VARIABLE: &str = "ORT_DISABLE_TELEMETRY";
    if std::env::var_os(VARIABLE).is_none() {
        #[expect(unsafe_code, reason = "changing the environment is sound while there is one thread")]
        // SAFETY: this is the first thing that `main` does; no other thread reads the environment yet.
        unsafe {
            std::env::set_var(VARIABLE, "1");
        }
    }
}

/// Logs to standard error: text on a terminal, JSON lines otherwise when `WAYSIDE_LOG_JSON` is set. `RUST_LOG`
/// chooses what; by default informative messages of our own crates and warnings of the others.
pub fn start_logging() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,wayside=info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::env::var_os("WAYSIDE_LOG_JSON").is_some() {
        builder.json().init();
    } else {
        builder.with_ansi(std::io::stderr().is_terminal()).with_target(false).init();
    }
}

/// Prints a failure with its causes, each once.
pub fn print_error(error: &anyhow::Error) {
    let mut text = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    // Standard error may be closed; there is nobody left to tell then.
    drop(writeln!(std::io::stderr(), "wayside: {text}"));
}

/// How many warnings were printed.
static WARNED: AtomicUsize = AtomicUsize::new(0);

/// Prints what is no fault and should still be looked at.
pub fn warn(text: &str) {
    WARNED.fetch_add(1, Ordering::Relaxed);
    say(&format!("warning: {text}"));
}

/// How many warnings were printed.
#[must_use]
pub fn warned() -> usize {
    WARNED.load(Ordering::Relaxed)
}

/// Prints a line for the person at the terminal.
pub fn say(text: &str) {
    drop(writeln!(std::io::stdout(), "{text}"));
}

/// Tells the person at the terminal what takes so long; results alone go to standard output.
pub fn progress(text: &str) {
    drop(writeln!(std::io::stderr(), "{text}"));
}

/// Writes what `--json OUT` asked for.
///
/// # Errors
/// When the file can't be written.
pub fn write_json(document: &impl serde::Serialize, out: &Path) -> anyhow::Result<()> {
    let mut text = serde_json::to_vec(document)?;
    text.push(b'\n');
    let cant = || format!("--json {}: can't be written", out.display());
    // Opened for writing rather than replaced by a rename, so that a device or a pipe will do as well.
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).open(out).with_context(cant)?;
    file.write_all(&text).with_context(cant)
}

/// Whether [`write_json`] will be able to write: for those who work long before they do.
///
/// # Errors
/// When the file can't be opened.
pub fn check_writable(out: &Path) -> anyhow::Result<()> {
    let opened = std::fs::OpenOptions::new().append(true).create(true).open(out);
    opened.map(drop).with_context(|| format!("--json {}: can't be written", out.display()))
}

/// Resolves at SIGINT or SIGTERM.
///
/// # Errors
/// When the handlers can't be installed.
pub async fn stop_signal() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    Ok(())
}
