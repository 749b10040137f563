//! How fast the machine lets cameras be analysed. When workers fall behind, every camera goes down one
//! declared step of its profile's rate, and up again once there has been room for a while. Pure; the ticker
//! feeds it, the cameras' sinks obey it, the page and the log say so.

use std::time::Duration;

/// Shares of the profile's rate, from the full rate down.
pub const STEPS: [f64; 4] = [1.0, 0.75, 0.5, 0.25];
/// Down a step after this long with more than [`TOO_MANY`] frames dropped.
const PATIENCE: Duration = Duration::from_secs(10);
/// Share of waiting frames dropped that is too many.
const TOO_MANY: f64 = 0.02;
/// Up a step after this long in which the workers had room for it.
const CALM: Duration = Duration::from_secs(60);
/// Busier than this after the step up would soon be too busy again.
const BUSY: f64 = 0.85;
/// At most this busy after the step up there is so much room …
const IDLE: f64 = 0.6;
/// … that calm counts for so many times as long: at the start every camera's every frame is looked at, and what that
/// slowed down need not stay slow.
const SOONER: u32 = 4;

/// What happened in a stretch of time, over all cameras.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    /// How long it was.
    pub lasted: Duration,
    /// Frames that went to the workers' queue.
    pub offered: u64,
    /// Those of them that were dropped because no worker was free in time.
    pub dropped: u64,
    /// Share of the workers' time that was spent on frames, 0 to 1.
    pub busy: f64,
}

/// Which step the machine is on.
#[derive(Debug, Clone, Default)]
pub struct Pace {
    step: usize,
    strained: Duration,
    calm: Duration,
}

impl Pace {
    /// The share of its profile's rate at which a camera is analysed.
    #[must_use]
    pub fn share(&self) -> f64 {
        STEPS.get(self.step).copied().unwrap_or(1.0)
    }

    /// Takes what happened since the last call; says whether the step changed.
    pub fn observe(&mut self, load: Load) -> bool {
        let strained = load.dropped as f64 > TOO_MANY * load.offered as f64;
        if strained {
            self.strained += load.lasted;
            self.calm = Duration::ZERO;
        } else {
            self.strained = Duration::ZERO;
            let up = self.step.checked_sub(1).and_then(|up| STEPS.get(up)).copied();
            self.calm = match up.map(|up| load.busy * up / self.share()) {
                Some(busy) if busy <= IDLE => self.calm + load.lasted * SOONER,
                Some(busy) if busy <= BUSY => self.calm + load.lasted,
                _ => Duration::ZERO,
            };
        }
        let before = self.step;
        if self.strained >= PATIENCE {
            self.step = (self.step + 1).min(STEPS.len() - 1);
        } else if self.calm >= CALM {
            self.step = self.step.saturating_sub(1);
        }
        let changed = self.step != before;
        if changed {
            (self.strained, self.calm) = (Duration::ZERO, Duration::ZERO);
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn load(dropped: u64, busy: f64) -> Load {
        Load { lasted: SECOND, offered: 100, dropped, busy }
    }

    fn share_after(pace: &mut Pace, seconds: u32, load: Load) -> f64 {
        for _ in 0..seconds {
            pace.observe(load);
        }
        pace.share()
    }

    #[test]
    fn strain_steps_down_one_at_a_time_and_no_further_than_declared() {
        let mut pace = Pace::default();
        assert_eq!(share_after(&mut pace, 9, load(3, 1.0)), 1.0);
        assert_eq!(share_after(&mut pace, 1, load(3, 1.0)), 0.75);
        assert_eq!(share_after(&mut pace, 10, load(3, 1.0)), 0.5);
        assert_eq!(share_after(&mut pace, 100, load(90, 1.0)), 0.25);
    }

    #[test]
    fn a_hiccup_is_no_strain() {
        let mut pace = Pace::default();
        for _ in 0..20 {
            assert_eq!(share_after(&mut pace, 9, load(50, 1.0)), 1.0);
            assert_eq!(share_after(&mut pace, 1, load(1, 1.0)), 1.0);
        }
    }

    #[test]
    fn room_for_the_next_step_brings_it_back_up() {
        let mut pace = Pace::default();
        share_after(&mut pace, 20, load(10, 1.0));
        assert_eq!(pace.share(), 0.5);
        // At 0.6 busy, half as much again would be 0.9: no room.
        assert_eq!(share_after(&mut pace, 600, load(0, 0.6)), 0.5);
        assert_eq!(share_after(&mut pace, 60, load(0, 0.5)), 0.75);
        assert_eq!(share_after(&mut pace, 60, load(0, 0.6)), 1.0);
        assert_eq!(share_after(&mut pace, 600, load(0, 0.1)), 1.0);
    }

    #[test]
    fn much_room_brings_it_back_up_soon() {
        let mut pace = Pace::default();
        share_after(&mut pace, 20, load(10, 1.0));
        assert_eq!(share_after(&mut pace, 14, load(0, 0.3)), 0.5);
        assert_eq!(share_after(&mut pace, 1, load(0, 0.3)), 0.75);
        assert_eq!(share_after(&mut pace, 15, load(0, 0.4)), 1.0);
    }

    #[test]
    fn nothing_offered_is_no_strain() {
        let idle = Load { lasted: SECOND, offered: 0, dropped: 0, busy: 0.0 };
        assert_eq!(share_after(&mut Pace::default(), 100, idle), 1.0);
    }
}
