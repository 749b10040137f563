//! Media time: a stream's own time since its first frame, made so that it never goes back. Pure; reading
//! time stamps off buffers is `tap`'s work, choosing frames by them [`crate::rate`]'s.

use std::time::Duration;

/// Steps back up to this long are frames out of order; media time stands still for them.
const REORDER: Duration = Duration::from_secs(1);
/// On a live stream, time stamps may run ahead of arrival by this much (a burst after a stall) before they
/// are taken for a new time base.
const AHEAD: Duration = Duration::from_secs(10);
/// On a live stream, time stamps that have not moved on for so long are taken for a new time base.
const STALLED: Duration = Duration::from_secs(1);

/// Turns running times into media times.
///
/// A step forward is believed as it is, except on a live stream where it outruns arrival by over 10 s. A
/// step back of up to 1 s is a frame out of order. Anything else is a *discontinuity*: media time then goes
/// on by the time that really passed (live) or by one frame's duration (file), and the new time stamps count
/// from there. Frames without a time stamp go on in the same way. After a reconnection, media time has
/// moved on by the time that the camera was away.
#[derive(Debug, Clone, Default)]
pub(crate) struct Timeline {
    last: Option<Last>,
}

#[derive(Debug, Clone, Copy)]
struct Last {
    /// The newest time stamp that media time moved on by.
    raw: Option<Duration>,
    media: Duration,
    /// When it moved on.
    arrival: Option<Duration>,
}

/// What a frame's time stamp came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Placed {
    /// Media time, never less than that of the frame before.
    pub media: Duration,
    /// Whether a new time base began here.
    pub discontinuity: bool,
}

impl Timeline {
    /// Places a frame by its running time. `arrival` is the monotonic clock on live streams; `duration` the
    /// frame's own, as far as known.
    pub fn place(&mut self, raw: Option<Duration>, arrival: Option<Duration>, duration: Duration) -> Placed {
        let Some(last) = self.last else {
            self.last = Some(Last { raw, media: Duration::ZERO, arrival });
            return Placed { media: Duration::ZERO, discontinuity: false };
        };
        let passed = match (arrival, last.arrival) {
            (Some(now), Some(then)) => Some(now.saturating_sub(then)),
            _ => None,
        };
        let on = passed.unwrap_or(duration);
        let (step, discontinuity) = match (raw, last.raw) {
            (Some(raw), Some(before)) if raw > before => {
                let step = raw - before;
                let runs_away = passed.is_some_and(|passed| step > passed.saturating_add(AHEAD));
                if runs_away { (on, true) } else { (step, false) }
            }
            (Some(raw), Some(before)) => {
                let stalled = passed.is_some_and(|passed| passed >= STALLED);
                if before - raw <= REORDER && !stalled {
                    return Placed { media: last.media, discontinuity: false };
                }
                (on, true)
            }
            // The first frame of a new connection, or one of a stream without time stamps.
            _ => (on, false),
        };
        let media = last.media.saturating_add(step);
        self.last = Some(Last { raw, media, arrival });
        Placed { media, discontinuity }
    }

    /// The connection was made anew: the next time stamp counts from the time of its arrival.
    pub fn reconnect(&mut self) {
        if let Some(last) = &mut self.last {
            last.raw = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FRAME: Duration = Duration::from_millis(40);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Media times and discontinuities of frames at (raw, arrival) in ms.
    fn places(frames: &[(u64, Option<u64>)]) -> Vec<(u64, bool)> {
        let mut line = Timeline::default();
        frames
            .iter()
            .map(|&(raw, arrival)| line.place(Some(ms(raw)), arrival.map(ms), FRAME))
            .map(|p| (p.media.as_millis() as u64, p.discontinuity))
            .collect()
    }

    #[test]
    fn a_file_counts_from_its_first_frame_and_keeps_its_gaps() {
        assert_eq!(
            places(&[(500, None), (540, None), (9_000, None), (9_040, None)]),
            [(0, false), (40, false), (8_500, false), (8_540, false)]
        );
    }

    #[test]
    fn frames_out_of_order_stand_still_and_a_long_step_back_is_a_new_base() {
        assert_eq!(
            places(&[(0, None), (80, None), (40, None), (120, None)]),
            [(0, false), (80, false), (80, false), (120, false)]
        );
        assert_eq!(
            places(&[(60_000, None), (60_040, None), (0, None), (40, None)]),
            [(0, false), (40, false), (80, true), (120, false)]
        );
    }

    #[test]
    fn a_live_jump_ahead_goes_on_by_arrival() {
        assert_eq!(
            places(&[(0, Some(0)), (40, Some(40)), (500_000, Some(80)), (500_040, Some(120))]),
            [(0, false), (40, false), (80, true), (120, false)]
        );
        // A stall and the burst after it are no jump.
        assert_eq!(places(&[(0, Some(0)), (5_000, Some(40))]), [(0, false), (5_000, false)]);
    }

    #[test]
    fn live_time_stamps_that_stand_still_go_on_by_arrival() {
        assert_eq!(
            places(&[(0, Some(0)), (0, Some(500)), (0, Some(1_000)), (0, Some(1_500)), (0, Some(2_000))]),
            [(0, false), (0, false), (1_000, true), (1_000, false), (2_000, true)]
        );
    }

    #[test]
    fn a_reconnection_moves_on_by_the_time_away() {
        let mut line = Timeline::default();
        line.place(Some(ms(100)), Some(ms(1_000)), FRAME);
        line.place(Some(ms(140)), Some(ms(1_040)), FRAME);
        line.reconnect();
        assert_eq!(line.place(Some(ms(0)), Some(ms(31_040)), FRAME).media, ms(30_040));
        assert_eq!(line.place(Some(ms(40)), Some(ms(31_080)), FRAME).media, ms(30_080));
    }

    proptest! {
        #[test]
        fn media_time_never_goes_back(
            frames in prop::collection::vec((any::<Option<u64>>(), any::<Option<u64>>()), 0..200),
        ) {
            let mut line = Timeline::default();
            let mut before = Duration::ZERO;
            for (raw, arrival) in frames {
                let placed = line.place(raw.map(Duration::from_nanos), arrival.map(Duration::from_nanos), FRAME);
                prop_assert!(placed.media >= before);
                before = placed.media;
            }
        }
    }
}
