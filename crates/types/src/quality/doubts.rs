//! How long the camera itself was in question: its view was elsewhere, a fault was suspected, one could not see far. What
//! that is known by is `hazard`'s business; here are the seconds, and how much wider they make a band.

use serde::{Deserialize, Serialize};

use super::Band;

/// Where visibility was low for more than this share of the time, nothing is said of how many passed unseen: a detector
/// that sees nobody leaves no signs.
const MOST_DIM: f64 = 0.1;

/// What is in question at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seeing {
    /// The camera looks, or seems to look, elsewhere than it did.
    pub moved: bool,
    /// A fault of the camera is suspected and not certain.
    pub doubted: bool,
    /// Visibility is low: fog, dust, heavy rain.
    pub dim: bool,
}

/// Seconds of a bin in which something about the camera was in question; all of its lines have the same. They add up.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Doubts {
    /// The view was shifted against its reference, or seemed to be.
    pub moved_s: f64,
    /// A fault of the camera was suspected and not certain; some of these suspicions came to nothing.
    pub doubted_s: f64,
    /// Visibility was low.
    pub dim_s: f64,
}

impl Doubts {
    /// Adds so many seconds of a moment.
    pub fn add(&mut self, seeing: Seeing, seconds: f64) {
        let of = |is: bool| if is { seconds } else { 0.0 };
        self.merge(&Self { moved_s: of(seeing.moved), doubted_s: of(seeing.doubted), dim_s: of(seeing.dim) });
    }

    /// Adds all of another one's.
    pub fn merge(&mut self, other: &Self) {
        self.moved_s += other.moved_s;
        self.doubted_s += other.doubted_s;
        self.dim_s += other.dim_s;
    }

    /// A band that allows for these, of a count over so many seconds watched. What was counted while the camera was
    /// doubted was believed or dropped as a whole once the doubt was over, so that as many as usually pass in that time may
    /// be too many or missing. In low visibility as many may have passed unseen; `None` where that was for more than a tenth
    /// of the time. A view that was elsewhere was not watched: that takes nothing from what was.
    #[must_use]
    pub fn widen(&self, band: Band, count: u64, watched_s: f64) -> Option<Band> {
        #[expect(clippy::cast_precision_loss, reason = "counts of vehicles")]
        let counted = count as f64;
        let share = |seconds: f64| if watched_s > 0.0 { (seconds / watched_s).clamp(0.0, 1.0) } else { 0.0 };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not below 0")]
        let whole = |value: f64| value.round().max(0.0) as u64;
        let doubted = whole(counted * share(self.doubted_s));
        let unseen = whole(counted * share(self.dim_s));
        let band =
            Band { low: band.low.saturating_sub(doubted), high: band.high.saturating_add(doubted + unseen) };
        (share(self.dim_s) <= MOST_DIM).then_some(band)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubts_add_up_and_widen_a_band() {
        let mut doubts = Doubts::default();
        doubts.add(Seeing { moved: true, doubted: true, dim: false }, 4.0);
        doubts.add(Seeing { moved: false, doubted: true, dim: true }, 5.0);
        let mut sum = Doubts { moved_s: 1.0, ..Doubts::default() };
        sum.merge(&doubts);
        assert_eq!(sum, Doubts { moved_s: 5.0, doubted_s: 9.0, dim_s: 5.0 });
        let band = Band { low: 190, high: 230 };
        assert_eq!(Doubts::default().widen(band, 200, 900.0), Some(band));
        // A shifted view was not watched: that is no reason to think that what was watched was counted worse.
        assert_eq!(Doubts { moved_s: 300.0, ..Doubts::default() }.widen(band, 200, 600.0), Some(band));
        // In 9 of 900 s pass 2 of 200.
        let doubted = Doubts { doubted_s: 9.0, ..Doubts::default() };
        assert_eq!(doubted.widen(band, 200, 900.0), Some(Band { low: 188, high: 232 }));
        let dim = |dim_s| Doubts { dim_s, ..Doubts::default() }.widen(band, 200, 900.0);
        assert_eq!(dim(45.0), Some(Band { low: 190, high: 240 }));
        assert_eq!(dim(300.0), None, "who is not seen leaves no signs");
        let nobody = Band { low: 0, high: 1 };
        assert_eq!(doubted.widen(nobody, 0, 0.0), Some(nobody));
    }
}
