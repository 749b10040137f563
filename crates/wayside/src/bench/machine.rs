//! What the kernel says of this machine: CPU seconds of this process and of everything, and the memory that is
//! free to use. Formats: proc(5).

use anyhow::Context;

/// Clock ticks a second in `/proc`: 100 on every Linux that Rust runs on.
const TICKS: f64 = 100.0;

/// CPU seconds of this process so far, user and system, all threads.
///
/// # Errors
/// When `/proc/self/stat` can't be read.
pub fn own_cpu_s() -> anyhow::Result<f64> {
    let text = std::fs::read_to_string("/proc/self/stat").context("/proc/self/stat")?;
    process_cpu_s(&text).context("/proc/self/stat: not as expected")
}

fn process_cpu_s(text: &str) -> Option<f64> {
    // The second field is the name in brackets and may hold anything.
    let mut fields = text.rsplit(')').next()?.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS)
}

/// How the CPU time of the whole machine was spent since it started, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Times {
    /// By any program or the kernel.
    pub busy_s: f64,
    /// By other guests of the same host.
    pub stolen_s: f64,
    /// All there was, idle time included.
    pub all_s: f64,
}

impl Times {
    /// Until now.
    ///
    /// # Errors
    /// When `/proc/stat` can't be read.
    pub fn now() -> anyhow::Result<Self> {
        let text = std::fs::read_to_string("/proc/stat").context("/proc/stat")?;
        Self::parse(&text).context("/proc/stat: not as expected")
    }

    fn parse(text: &str) -> Option<Self> {
        let line = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
        let fields: Vec<f64> = line.split_whitespace().map_while(|f| f.parse().ok()).collect();
        // The guests' time, which follows, is in `user` and `nice` already.
        let [user, nice, system, idle, waiting, interrupts, soft, stolen] = *fields.get(..8)? else {
            return None;
        };
        let busy = user + nice + system + interrupts + soft;
        Some(Self {
            busy_s: busy / TICKS,
            stolen_s: stolen / TICKS,
            all_s: (busy + idle + waiting + stolen) / TICKS,
        })
    }
}

/// What else this machine did while something was measured, as shares of all its CPU time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OtherWork {
    /// By other programs.
    pub others: f64,
    /// By other guests of the same host.
    pub stolen: f64,
}

impl OtherWork {
    /// Between two moments in which this process took `own_s` seconds.
    #[must_use]
    pub fn between(before: Times, after: Times, own_s: f64) -> Self {
        let all_s = (after.all_s - before.all_s).max(1.0 / TICKS);
        Self {
            others: ((after.busy_s - before.busy_s - own_s) / all_s).clamp(0.0, 1.0),
            stolen: ((after.stolen_s - before.stolen_s) / all_s).clamp(0.0, 1.0),
        }
    }
}

/// Memory that programs could still take, MB; `None` where the kernel doesn't say.
pub fn memory_available_mb() -> Option<f64> {
    available_mb(&std::fs::read_to_string("/proc/meminfo").ok()?)
}

fn available_mb(text: &str) -> Option<f64> {
    let kb: f64 = text
        .lines()
        .find_map(|l| l.strip_prefix("MemAvailable:"))?
        .split_whitespace()
        .next()?
        .parse()
        .ok()?;
    Some(kb / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_any_name_is_read() {
        let text = "42 (a) b (c)) S 1 42 42 0 -1 4194304 100 0 0 0 250 50 7 3 20 0 1 0 100 1000 10";
        assert_eq!(process_cpu_s(text), Some(3.0));
        assert_eq!(process_cpu_s("42 (x) S 1"), None);
    }

    #[test]
    fn the_machines_times_are_read_and_compared() {
        let before = Times::parse("cpu  100 0 100 700 50 10 20 20 90 0\ncpu0 1 2 3\n").unwrap();
        assert_eq!(before, Times { busy_s: 2.3, stolen_s: 0.2, all_s: 10.0 });
        let after = Times::parse("cpu  600 0 200 900 50 10 20 120 90 0\n").unwrap();
        let work = OtherWork::between(before, after, 4.0);
        assert!((work.others - 2.0 / 9.0).abs() < 1e-9, "{work:?}");
        assert!((work.stolen - 1.0 / 9.0).abs() < 1e-9, "{work:?}");
        assert_eq!(Times::parse("cpu  1 2 3\n"), None);
        assert_eq!(Times::parse("intr 1 2 3\n"), None);
    }

    #[test]
    fn available_memory_is_read() {
        assert_eq!(available_mb("MemTotal: 9 kB\nMemAvailable:   2048 kB\n"), Some(2.0));
        assert_eq!(available_mb("MemTotal: 9 kB\n"), None);
    }

    #[test]
    fn this_machine_can_be_read() {
        assert!(own_cpu_s().unwrap() >= 0.0);
        let now = Times::now().unwrap();
        assert!(now.all_s >= now.busy_s && now.busy_s > 0.0, "{now:?}");
    }
}
