//! Which frames are due for analysis, by their time stamps alone. Pure; media time that never goes back is
//! made in `timeline`, but the gate also stands time stamps that do.

use std::time::Duration;

/// Steps back in time up to this long are frames out of order; longer ones are a new time base.
const REORDER: Duration = Duration::from_secs(1);
/// A frame this share of a period early is still taken: time stamps are rounded and jitter, and a stream of
/// just the wanted rate must not lose frames to that.
const EARLY: f64 = 0.25;
/// Time saved up beyond the frame just taken, in periods: enough that the average rate is kept, too little
/// for a burst after a gap.
const SAVED: f64 = 0.75;

/// Lets frames through at a rate of frame time, on average never faster.
///
/// Time earns credit, one per period, and a frame that is due spends one. A frame is due from a credit of
/// 0.75; what it overdraws is paid back by the next, so the long-term rate is exact, and what is left over
/// is kept up to 0.75. The dead band between the two keeps a stream whose rate is just the wanted one from
/// losing frames when its time stamps jitter about the threshold.
///
/// Time stamps that stand still earn nothing, so that such frames are not due. One that lies up to 1 s back is out
/// of order: not due, and forgotten. One that lies further back starts a new time base, going on with the
/// credit there is. A gap of two periods or more makes the next frame due and saves nothing up.
#[derive(Debug, Clone)]
pub struct RateGate {
    rate_fps: f64,
    credit: f64,
    last: Option<Duration>,
}

impl RateGate {
    /// A gate for this many frames a second; a rate that is not over 0 lets only the first frame through.
    #[must_use]
    pub fn new(rate_fps: f64) -> Self {
        let rate_fps = if rate_fps > 0.0 { rate_fps } else { 0.0 };
        Self { rate_fps, credit: 0.0, last: None }
    }

    /// Whether the frame with this time stamp is due. Call it once for each frame, in order of decoding.
    pub fn due(&mut self, at: Duration) -> bool {
        let Some(last) = self.last else {
            self.last = Some(at);
            return true;
        };
        match at.checked_sub(last) {
            Some(elapsed) => {
                let earned = elapsed.as_secs_f64() * self.rate_fps;
                self.credit = if earned < 2.0 { (self.credit + earned).min(1.0 + SAVED) } else { 1.0 };
                self.last = Some(at);
            }
            None if last - at <= REORDER => return false,
            None => self.last = Some(at),
        }
        if self.credit >= 1.0 - EARLY {
            self.credit -= 1.0;
            return true;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// How many of the frames at these times (µs) are due.
    fn taken(rate_fps: f64, times_us: impl IntoIterator<Item = u64>) -> usize {
        let mut gate = RateGate::new(rate_fps);
        times_us.into_iter().filter(|&t| gate.due(Duration::from_micros(t))).count()
    }

    #[test]
    fn constant_rates_are_met() {
        for (rate_fps, fps, seconds) in [
            (10.0, 25.0, 60.0),
            (10.0, 23.976, 60.0),
            (5.0, 9.97, 75.0),
            (5.0, 30.0, 60.0),
            (1.0, 25.0, 60.0),
            (8.0, 10.0, 60.0),
        ] {
            let n = taken(rate_fps, (0..(fps * seconds) as u64).map(|k| (k as f64 * 1e6 / fps) as u64));
            let want = rate_fps * seconds;
            assert!((n as f64 - want).abs() <= 1.0, "{rate_fps} of {fps} a second: {n}, not {want}");
        }
    }

    #[test]
    fn a_stream_slower_than_the_rate_passes_whole() {
        assert_eq!(taken(10.0, (0..600).map(|k| k * 125_000)), 600);
        assert_eq!(taken(1000.0, (0..600).map(|k| k * 40_000)), 600);
    }

    #[test]
    fn jitter_costs_a_stream_of_just_the_rate_next_to_nothing() {
        for fps in [9.99, 10.0, 10.01] {
            let times = (0..3000u64)
                .map(|k| (k as f64 * 1e6 / fps) as u64 + 10_000 + (k * 7919 % 20) * 1000 - 10_000);
            let n = taken(10.0, times);
            assert!(n >= 2985, "{n} of 3000 at {fps}");
        }
    }

    #[test]
    fn variable_frame_rate_is_sampled_by_time() {
        // The motorway clip: 288 frames at 0.04 s, then 288 at 0.08 s.
        let times = (0..576u64).map(|k| if k < 288 { k * 40_000 } else { 11_520_000 + (k - 288) * 80_000 });
        let mut gate = RateGate::new(10.0);
        let due: Vec<u64> = times.filter(|&t| gate.due(Duration::from_micros(t))).collect();
        let first = due.iter().filter(|&&t| t < 11_520_000).count();
        assert!((115..=116).contains(&first), "{first}");
        assert!((229..=232).contains(&(due.len() - first)), "{}", due.len() - first);
    }

    #[test]
    fn standing_still_and_small_steps_back_earn_nothing() {
        assert_eq!(taken(10.0, std::iter::repeat_n(5_000_000, 1000)), 1);
        assert_eq!(taken(10.0, (0..1000).map(|k| if k % 2 == 0 { 0 } else { 40_000 })), 1);
    }

    #[test]
    fn a_new_time_base_goes_on_at_the_rate() {
        let times = (0..250u64).map(|k| 100_000_000 + k * 40_000).chain((0..250).map(|k| k * 40_000));
        let n = taken(10.0, times);
        assert!((199..=201).contains(&n), "{n}");
    }

    #[test]
    fn a_gap_makes_one_frame_due_not_a_burst() {
        let mut gate = RateGate::new(10.0);
        assert!(gate.due(Duration::ZERO));
        let after: Vec<bool> =
            (0..6).map(|k| gate.due(Duration::from_secs(3600) + Duration::from_millis(k * 20))).collect();
        assert_eq!(after, [true, false, false, false, true, false]);
    }

    proptest! {
        #[test]
        fn never_faster_than_the_rate(
            rate_fps in 0.5f64..60.0,
            steps in prop::collection::vec(0u64..200_000, 1..400),
        ) {
            let mut at = 0;
            let times: Vec<u64> = steps.iter().map(|s| { at += s; at }).collect();
            let span_s = (times[times.len() - 1] - times[0]) as f64 / 1e6;
            let n = taken(rate_fps, times.iter().copied());
            prop_assert!(n as f64 <= span_s * rate_fps + 1.0 + EARLY + 1e-6);
        }

        #[test]
        fn no_pause_longer_than_needed(
            rate_fps in 0.5f64..60.0,
            steps in prop::collection::vec(1_000u64..100_000, 2..400),
        ) {
            // Between two frames that are due lie less than 1 + EARLY periods and one step of the stream.
            let longest_s = steps.iter().copied().max().unwrap_or(0) as f64 / 1e6;
            let mut gate = RateGate::new(rate_fps);
            let (mut at, mut last_due) = (0, None);
            for step in steps {
                at += step;
                let now_s = at as f64 / 1e6;
                if gate.due(Duration::from_micros(at)) {
                    last_due = Some(now_s);
                } else if let Some(last_s) = last_due {
                    prop_assert!(now_s - last_s <= (1.0 + EARLY) / rate_fps + longest_s + 1e-9);
                }
            }
        }

        #[test]
        fn any_time_stamps_are_survived(times in prop::collection::vec(any::<u64>(), 0..200), rate in any::<f64>()) {
            prop_assert!(taken(rate, times.iter().map(|t| t >> 20)) <= times.len());
        }
    }
}
