//! How long to wait before a lost camera is tried again. Pure; the waiting is `supervisor`'s.

use std::time::Duration;

use rand::RngExt;
use rand::SeedableRng;
use rand_pcg::Pcg32;

use crate::options::Backoff;

/// The pauses of one camera: doubled from failure to failure up to the cap, each shortened at random.
#[derive(Debug)]
pub(crate) struct Pauses {
    settings: Backoff,
    random: Pcg32,
    failures: u32,
}

impl Pauses {
    /// Pauses that are the same for the same seed.
    pub fn new(settings: Backoff, seed: u64) -> Self {
        Self { settings, random: Pcg32::seed_from_u64(seed), failures: 0 }
    }

    /// The connection held: the next failure is a first one.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// The pause after a failure that a retry may cure.
    pub fn next(&mut self) -> Duration {
        let doubled =
            1u64.checked_shl(self.failures).unwrap_or(u64::MAX).saturating_mul(self.settings.first_ms);
        self.failures = self.failures.saturating_add(1);
        self.jittered(doubled.min(self.settings.max_ms))
    }

    /// The longest pause, for a failure that only a person cures: a refused password, a wrong codec.
    /// Cameras lock out whoever tries a wrong password too often.
    pub fn longest(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        self.jittered(self.settings.max_ms)
    }

    fn jittered(&mut self, pause_ms: u64) -> Duration {
        let random: f64 = self.random.random();
        Duration::from_millis(pause_ms).mul_f64(1.0 - self.settings.jitter.clamp(0.0, 1.0) * random)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pauses_double_up_to_the_cap_and_start_anew() {
        let mut pauses = Pauses::new(Backoff { first_ms: 100, max_ms: 1000, jitter: 0.0 }, 1);
        let got: Vec<u128> = (0..6).map(|_| pauses.next().as_millis()).collect();
        assert_eq!(got, [100, 200, 400, 800, 1000, 1000]);
        pauses.reset();
        assert_eq!(pauses.next().as_millis(), 100);
        assert_eq!(pauses.longest().as_millis(), 1000);
    }

    #[test]
    fn two_cameras_do_not_come_back_in_step() {
        let of = |seed| {
            let mut pauses = Pauses::new(Backoff::default(), seed);
            (0..5).map(|_| pauses.next()).collect::<Vec<_>>()
        };
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }

    proptest! {
        #[test]
        fn a_pause_lies_between_its_bounds(first_ms in 10u64..5_000, more in 0u64..100_000, jitter in 0.0f64..=1.0, seed: u64) {
            let settings = Backoff { first_ms, max_ms: first_ms + more, jitter };
            let mut pauses = Pauses::new(settings, seed);
            for n in 0..100u32 {
                let full_ms = (first_ms as f64 * 2f64.powi(n as i32)).min(settings.max_ms as f64);
                let got_ms = pauses.next().as_secs_f64() * 1e3;
                prop_assert!(got_ms <= full_ms + 1e-3 && got_ms >= full_ms * (1.0 - jitter) - 1e-3);
            }
        }
    }
}
