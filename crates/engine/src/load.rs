//! How busy the machine is: counters that sinks and workers touch, and the [`Pace`] that follows from them
//! once a second.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::pace::{Load, Pace};

/// What all cameras and workers did since the last look, and the pace that followed.
pub struct LoadMeter {
    workers: usize,
    offered: AtomicU64,
    dropped: AtomicU64,
    worked_us: AtomicU64,
    /// The bits of the share of the profile's rate; read for every frame.
    share: AtomicU64,
    /// The bits of the share of the workers' time that the last look found spent.
    busy: AtomicU64,
    pace: Mutex<(Pace, Duration)>,
}

impl LoadMeter {
    /// A meter of this many workers, at the full rate.
    pub fn new(workers: usize, now: Duration) -> Self {
        let pace = Pace::default();
        Self {
            workers,
            offered: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            worked_us: AtomicU64::new(0),
            share: AtomicU64::new(pace.share().to_bits()),
            busy: AtomicU64::new(0.0_f64.to_bits()),
            pace: Mutex::new((pace, now)),
        }
    }

    /// A frame went to the queue; whether one was dropped for it.
    pub fn offered(&self, dropped: bool) {
        self.offered.fetch_add(1, Ordering::Relaxed);
        self.dropped.fetch_add(u64::from(dropped), Ordering::Relaxed);
    }

    /// A worker spent this long on frames.
    pub fn worked(&self, time: Duration) {
        self.worked_us.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// The share of its profile's rate at which a camera is analysed now.
    pub fn share(&self) -> f64 {
        f64::from_bits(self.share.load(Ordering::Relaxed))
    }

    /// Workers there are.
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// The share of the workers' time that was spent between the last two [`Self::tick`]s, 0 to 1.
    pub fn busy(&self) -> f64 {
        f64::from_bits(self.busy.load(Ordering::Relaxed))
    }

    /// Sums up since the last call; gives the new share if that changed it.
    pub fn tick(&self, now: Duration) -> Option<f64> {
        let mut state = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        let (pace, last) = &mut *state;
        let lasted = now.saturating_sub(*last);
        *last = now;
        let worked_s = Duration::from_micros(self.worked_us.swap(0, Ordering::Relaxed)).as_secs_f64();
        let there_s = lasted.as_secs_f64() * self.workers as f64;
        let load = Load {
            lasted,
            offered: self.offered.swap(0, Ordering::Relaxed),
            dropped: self.dropped.swap(0, Ordering::Relaxed),
            busy: if there_s > 0.0 { worked_s / there_s } else { 0.0 },
        };
        metrics::gauge!("wayside_workers_busy_share").set(load.busy);
        self.busy.store(load.busy.to_bits(), Ordering::Relaxed);
        let changed = pace.observe(load);
        let share = pace.share();
        metrics::gauge!("wayside_rate_share").set(share);
        self.share.store(share.to_bits(), Ordering::Relaxed);
        changed.then_some(share)
    }
}
