//! CPU seconds as the kernel counts them: of this process, of another one, and of the whole machine.
//! Formats: proc(5).

use anyhow::Context;

/// Clock ticks a second in `/proc`: 100 on every Linux that Rust runs on.
const TICKS: f64 = 100.0;

/// CPU seconds, user and system together.
#[derive(Debug, Clone, Copy)]
pub struct Cpu {
    /// Of the process, all threads.
    pub own_s: f64,
    /// Of children that were waited for.
    pub children_s: f64,
}

/// CPU seconds of this process so far.
///
/// # Errors
/// When `/proc/self/stat` can't be read.
pub fn now() -> anyhow::Result<Cpu> {
    of("self")
}

/// CPU seconds of a process so far, by its number.
///
/// # Errors
/// When it is gone.
pub fn of(process: &str) -> anyhow::Result<Cpu> {
    let path = format!("/proc/{process}/stat");
    let stat = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    let fields: Vec<f64> = after_name(&stat).skip(11).take(4).filter_map(|f| f.parse().ok()).collect();
    let [user, system, children_user, children_system] = fields[..] else {
        anyhow::bail!("{path}: not as expected");
    };
    Ok(Cpu { own_s: (user + system) / TICKS, children_s: (children_user + children_system) / TICKS })
}

/// CPU seconds of a process, of its living children and of those it has waited for. What a child did of
/// which nobody has asked yet is missing for a moment, so two readings may differ by less than 0.
///
/// # Errors
/// When it is gone.
pub fn of_family(parent: u32) -> anyhow::Result<f64> {
    let Cpu { own_s, children_s } = of(&parent.to_string())?;
    let mut all_s = own_s + children_s;
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(process) = name.to_str().filter(|n| n.bytes().all(|b| b.is_ascii_digit())) else { continue };
        // A process may end while it is looked at.
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        if after_name(&stat).nth(1) == Some(&parent.to_string())
            && let Ok(cpu) = of(process)
        {
            all_s += cpu.own_s + cpu.children_s;
        }
    }
    Ok(all_s)
}

/// The fields after the name in brackets, which may hold anything; the first is the state.
fn after_name(stat: &str) -> impl Iterator<Item = &str> {
    stat.rsplit(')').next().unwrap_or_default().split_whitespace()
}

/// CPU seconds of the whole machine so far: those that anything took (other guests of the host included), and
/// all there were.
///
/// # Errors
/// When `/proc/stat` can't be read.
pub fn of_machine() -> anyhow::Result<(f64, f64)> {
    let stat = std::fs::read_to_string("/proc/stat").context("/proc/stat")?;
    let line = stat.lines().find_map(|l| l.strip_prefix("cpu ")).context("/proc/stat: not as expected")?;
    // The guests' time, which follows, is in the first two already.
    let fields: Vec<f64> = line.split_whitespace().take(8).filter_map(|f| f.parse().ok()).collect();
    let all: f64 = fields.iter().sum();
    let idle: f64 = fields.iter().skip(3).take(2).sum();
    Ok(((all - idle) / TICKS, all / TICKS))
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

/// Cores that this process may use.
///
/// # Errors
/// When the system doesn't say.
pub fn cores() -> anyhow::Result<usize> {
    Ok(std::thread::available_parallelism().context("the number of cores is not known")?.get())
}
