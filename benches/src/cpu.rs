//! CPU seconds of this process and of its children that have ended, as the kernel counts them.

use anyhow::Context;

/// Clock ticks a second in `/proc`: 100 on every Linux that Rust runs on.
const TICKS: f64 = 100.0;

/// CPU seconds, user and system together.
#[derive(Debug, Clone, Copy)]
pub struct Cpu {
    /// Of this process, all threads.
    pub own_s: f64,
    /// Of children that were waited for.
    pub children_s: f64,
}

/// CPU seconds so far.
///
/// # Errors
/// When `/proc/self/stat` can't be read.
pub fn now() -> anyhow::Result<Cpu> {
    let stat = std::fs::read_to_string("/proc/self/stat").context("/proc/self/stat")?;
    // The second field is the name in brackets and may hold anything.
    let rest = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<f64> = rest.split_whitespace().skip(11).take(4).filter_map(|f| f.parse().ok()).collect();
    let [user, system, children_user, children_system] = fields[..] else {
        anyhow::bail!("/proc/self/stat: not as expected");
    };
    Ok(Cpu { own_s: (user + system) / TICKS, children_s: (children_user + children_system) / TICKS })
}

/// CPU seconds that this process spends on `work`.
///
/// # Errors
/// Those of `work`.
pub fn spent<T>(work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<(f64, T)> {
    let before = now()?;
    let done = work()?;
    Ok((now()?.own_s - before.own_s, done))
}
