//! Pictures that a decoder guesses because it joined a stream between two keyframes: grey, with what moved since smeared
//! over it. A detector sees things in them, and a background made of them is of no road.

use std::time::Duration;

/// A stream without a keyframe for this long is taken as it comes: some encoders never send one.
const LONGEST: Duration = Duration::from_secs(10);

/// The beginning of a stream, until the first picture that can be right.
#[derive(Debug, Default)]
pub(crate) enum Opening {
    /// No keyframe came yet.
    Awaited { began: Option<Duration> },
    /// When the first keyframe is shown. Pictures shown before it were made from others that are missing, even where they
    /// are decoded after it.
    Came { shown: Duration },
    /// Nothing is left out.
    #[default]
    Over,
}

impl Opening {
    /// A stream begins whose keyframes will be told of.
    pub fn awaited() -> Self {
        Self::Awaited { began: None }
    }

    /// The decoder is given a keyframe, to be shown at this time stamp; `None` where the stream does not say.
    pub fn keyframe(&mut self, shown: Option<Duration>) {
        if let Self::Awaited { .. } = self {
            *self = shown.map_or(Self::Over, |shown| Self::Came { shown });
        }
    }

    /// Whether a picture is to be left out. `shown`: its time stamp; `media`: its media time. Call it once for each
    /// picture, in the order in which they are shown.
    pub fn leaves_out(&mut self, shown: Option<Duration>, media: Duration) -> bool {
        let out = match self {
            Self::Awaited { began } => media.saturating_sub(*began.get_or_insert(media)) < LONGEST,
            Self::Came { shown: first } => shown.is_some_and(|shown| shown < *first),
            Self::Over => false,
        };
        if !out {
            *self = Self::Over;
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenths(tenths: u64) -> Duration {
        Duration::from_millis(tenths * 100)
    }

    /// Which of the pictures in these tenths of a second are left out.
    fn left_out(opening: &mut Opening, pictures: std::ops::Range<u64>) -> Vec<bool> {
        pictures.map(|at| opening.leaves_out(Some(tenths(at)), tenths(at))).collect()
    }

    #[test]
    fn pictures_shown_before_the_first_keyframe_are_left_out() {
        let mut opening = Opening::awaited();
        assert_eq!(left_out(&mut opening, 30..33), [true; 3]);
        opening.keyframe(Some(tenths(35)));
        assert_eq!(left_out(&mut opening, 33..37), [true, true, false, false]);
        // Time stamps that begin anew, and further keyframes, change nothing.
        opening.keyframe(Some(tenths(90)));
        assert_eq!(left_out(&mut opening, 0..3), [false; 3]);
    }

    #[test]
    fn a_stream_without_keyframes_is_taken_after_ten_seconds() {
        let left_out = left_out(&mut Opening::awaited(), 30..180);
        assert!(left_out[..100].iter().all(|&left| left));
        assert!(left_out[100..].iter().all(|&left| !left));
    }

    #[test]
    fn without_time_stamps_the_keyframe_alone_counts() {
        let mut opening = Opening::awaited();
        assert!(opening.leaves_out(None, tenths(1)));
        opening.keyframe(None);
        assert!(!opening.leaves_out(None, tenths(2)));
        assert!(!Opening::default().leaves_out(None, tenths(0)), "nothing to wait for");
    }
}
