//! For how long a camera watched: the stretches between analysed frames, given to the bins together with the events of
//! that time. While a fault of the camera is suspected both wait, so that a suspicion which comes to nothing costs neither.

use wayside_hazard::Belief;
use wayside_measure::Binner;
use wayside_types::Timestamp;

/// More stretches than this, minutes of them, wait in one piece.
const MOST_WAITING: usize = 2_000;

/// What one camera watched lately.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    last: Option<Seen>,
    /// Stretches of a time of which it is not certain yet whether the camera was at fault, in their order.
    waiting: Vec<Stretch>,
}

/// The last frame that was analysed.
#[derive(Debug, Clone, Copy)]
struct Seen {
    captured_at: Timestamp,
    /// Frames of this camera that had been dropped until then.
    dropped: u64,
}

/// From one analysed frame to a later one, without a hole.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    from: Timestamp,
    to: Timestamp,
    analysed: u64,
    dropped: u64,
}

impl Watched {
    /// When the last frame was captured.
    pub fn last_at(&self) -> Option<Timestamp> {
        self.last.map(|last| last.captured_at)
    }

    /// The next analysed frame, until which so many of this camera's had been dropped in all. Gives the stretch since the
    /// last one, unless that is a hole: longer than two seconds and than three frames at the camera's rate.
    pub fn see(
        &mut self,
        captured_at: Timestamp,
        dropped: u64,
        rate_fps: f64,
    ) -> Option<(Timestamp, Timestamp)> {
        let last = self.last.replace(Seen { captured_at, dropped })?;
        let gap_s = captured_at.duration_since(last.captured_at).as_secs_f64();
        if gap_s <= 0.0 || gap_s > (3.0 / rate_fps).max(2.0) {
            return None;
        }
        let dropped = dropped.saturating_sub(last.dropped);
        let full = self.waiting.len() >= MOST_WAITING;
        match self.waiting.last_mut().filter(|before| full && before.to == last.captured_at) {
            Some(before) => {
                before.to = captured_at;
                before.analysed += 1;
                before.dropped += dropped;
            }
            None => {
                self.waiting.push(Stretch { from: last.captured_at, to: captured_at, analysed: 1, dropped });
            }
        }
        Some((last.captured_at, captured_at))
    }

    /// Gives the bins what waited and is certain by now; what was watched while the camera was at fault is left out.
    pub fn settle(&mut self, binner: &mut Binner, belief: impl Fn(Timestamp) -> Belief) {
        for stretch in self.waiting.extract_if(.., |stretch| belief(stretch.to) != Belief::Doubted) {
            if belief(stretch.to) == Belief::Believed {
                binner.observed(stretch.from, stretch.to, stretch.analysed, stretch.dropped);
            }
        }
    }

    /// Gives these bins, a copy, what waits, as if the suspicion came to nothing. It goes on waiting here.
    pub fn suppose(&self, binner: &mut Binner, belief: impl Fn(Timestamp) -> Belief) {
        Self { last: None, waiting: self.waiting.clone() }.settle(binner, belief);
    }

    /// The stream ended: the next frame begins anew.
    pub fn end(&mut self) {
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use wayside_types::{BinLength, CameraId, ClosedBins, TimeZone};

    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).unwrap()
    }

    /// A camera of 10 frames a second that watches for two minutes; from 50 s to 65 s a fault is suspected, which comes to
    /// nothing or not.
    fn two_minutes(comes_to_nothing: bool) -> Vec<f64> {
        let mut binner = Binner::new(CameraId::new("c").unwrap(), TimeZone::UTC, 1, "v".to_owned());
        let mut watched = Watched::default();
        let doubt = at(50_000)..at(65_000);
        for ms in (0..=120_000).step_by(100) {
            watched.see(at(ms), 0, 10.0);
            watched.settle(&mut binner, |t| match doubt.contains(&t) {
                true if doubt.contains(&at(ms)) => Belief::Doubted,
                true if !comes_to_nothing => Belief::Refuted,
                _ => Belief::Believed,
            });
        }
        let minutes = |c: &ClosedBins| c.coverage.length == BinLength::Minute1;
        binner.flush().iter().filter(|c| minutes(c)).map(|c| c.coverage.observed_s).collect()
    }

    #[test]
    fn a_suspicion_that_comes_to_nothing_takes_no_time_away() {
        let whole: Vec<f64> = two_minutes(true).iter().map(|s| s.round()).collect();
        assert_eq!(whole, [60.0, 60.0]);
        // Stretches are of the moment at which they end.
        let rounded: Vec<f64> = two_minutes(false).iter().map(|s| (s * 10.0).round() / 10.0).collect();
        assert_eq!(rounded, [49.9, 55.1]);
    }

    #[test]
    fn holes_and_other_streams_were_not_watched() {
        let mut watched = Watched::default();
        assert_eq!(watched.see(at(0), 0, 10.0), None);
        assert_eq!(watched.see(at(2_000), 0, 10.0), Some((at(0), at(2_000))));
        assert_eq!(watched.see(at(4_100), 0, 10.0), None, "a hole");
        assert_eq!(watched.see(at(4_000), 0, 10.0), None, "back in time");
        watched.end();
        assert_eq!(watched.see(at(4_100), 0, 10.0), None, "another stream");
    }
}
