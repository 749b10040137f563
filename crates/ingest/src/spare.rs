//! Pictures that need not be decoded: not due for analysis, and no other picture is made from them. Which those
//! are is told before decoding, from their headers ([`crate::units`]) and by asking ahead what the rate
//! gate will say ([`Ahead`]), so that the same frames come out as if everything were decoded. And pictures that need
//! not be decoded yet: until one that is due can come out of the decoder they wait and then go through it
//! together, which costs less than one by one with everything else of the machine in between. Pure; the probe that
//! drops and holds them is `pipeline::encoded`'s.

use std::time::Duration;

use crate::rate::RateGate;

/// Pictures on their way through a decoder, at most; a decoder that holds back more than any may is not asked
/// to skip.
const MOST_PENDING: usize = 32;
/// A picture this far ahead of the last one shown is on another time base.
const FAR: Duration = Duration::from_secs(2);
/// Pictures wait until this much of the stream is decoded at a time, at most: whoever asks how far a camera is
/// should not be told old news.
const LONGEST_WAIT: Duration = Duration::from_millis(500);
/// A decoder that keeps more pictures than this before it shows the first is given each at once.
const MOST_KEPT: usize = 8;

/// Knows what is in the decoder, and so what the rate gate will have seen when a picture comes out of it.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    /// Presentation times of what went into the decoder and has not come out.
    pending: Vec<Duration>,
    /// Presentation and media time of the picture that came out last.
    shown: Option<(Duration, Duration)>,
    /// How many pictures the decoder keeps, to put them in order, when it shows one.
    kept: usize,
    /// The picture for which the others no longer wait.
    awaited: Option<Duration>,
}

impl Ahead {
    /// Whether a picture that may be spared will not be due. If not, it counts as given to the decoder.
    pub fn skips(&mut self, gate: &RateGate, presented: Duration, spared: bool) -> bool {
        if spared && self.will_not_be_due(gate, presented) {
            return true;
        }
        if self.pending.len() < MOST_PENDING {
            self.pending.push(presented);
        }
        false
    }

    /// Whether the pictures that the decoder was not given yet, the newest among them, may wait: none that is due would
    /// come out of it now. Everything that is not skipped is asked about; [`Self::given`] ends the waiting.
    pub fn may_wait(&mut self, gate: &RateGate) -> bool {
        self.awaited = None;
        let Some((shown, media)) = self.shown else { return false };
        if self.kept > MOST_KEPT || self.pending.len() >= MOST_PENDING {
            return false;
        }
        let mut all = self.pending.clone();
        all.sort_unstable();
        let (Some(first), Some(last)) = (all.first(), all.last()) else { return false };
        if *first <= shown || *last - shown > LONGEST_WAIT {
            return false;
        }
        let mut gate = gate.clone();
        let Some(due) = all.iter().position(|at| gate.due(media + (*at - shown))) else { return true };
        // The decoder shows one picture for each that it is given beyond those that it keeps.
        let waits = all.len() - (due + 1) < self.kept;
        if !waits {
            self.awaited = all.get(due).copied();
        }
        waits
    }

    /// The decoder has been given everything: learns from what came out how many pictures it keeps.
    pub fn given(&mut self) {
        let Some(awaited) = self.awaited.take() else { return };
        self.kept = if self.pending.contains(&awaited) { self.kept + 1 } else { self.pending.len() };
    }

    /// When a picture after the last one shown is, by media time.
    pub fn media(&self, presented: Duration) -> Option<Duration> {
        self.shown.and_then(|(shown, media)| Some(media + presented.checked_sub(shown)?))
    }

    fn will_not_be_due(&self, gate: &RateGate, presented: Duration) -> bool {
        let Some((shown, media)) = self.shown else { return false };
        if presented <= shown || presented - shown > FAR || self.pending.len() >= MOST_PENDING {
            return false;
        }
        let mut before: Vec<Duration> =
            self.pending.iter().copied().filter(|p| *p > shown && *p < presented).collect();
        before.sort_unstable();
        let mut gate = gate.clone();
        for earlier in before {
            gate.due(media + (earlier - shown));
        }
        !gate.due(media + (presented - shown))
    }

    /// A picture came out of the decoder, and was placed at this media time.
    pub fn shown(&mut self, presented: Duration, media: Duration) {
        // What should have come before it was lost.
        self.pending.retain(|p| *p > presented);
        self.shown = Some((presented, media));
    }

    /// Nothing is on its way any more.
    pub fn forget(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Display indices in the order of decoding, with whether each is a reference: P, the B in the middle (a
    /// reference), the two about it.
    fn pyramid(groups: u64) -> Vec<(u64, bool)> {
        let group = |g: u64| [(4 * g + 4, true), (4 * g + 2, true), (4 * g + 1, false), (4 * g + 3, false)];
        std::iter::once((0, true)).chain((0..groups).flat_map(group)).collect()
    }

    /// What came of a stream that went through a decoder.
    #[derive(Debug, Default, PartialEq)]
    struct Through {
        /// Media time (µs) of what was due, and how many pictures had come when it was shown.
        due: Vec<(u64, usize)>,
        decoded: usize,
        /// How often the decoder was given something.
        turns: usize,
    }

    impl Through {
        fn times(&self) -> Vec<u64> {
            self.due.iter().map(|(at, _)| *at).collect()
        }
    }

    /// What is done with pictures before the decoder.
    #[derive(Clone, Copy, PartialEq)]
    enum Before {
        Nothing,
        Skip,
        SkipAndWait,
    }

    /// Puts a stream through a decoder that keeps so many pictures, to put them in order.
    fn through(
        rate_fps: f64,
        fps: f64,
        stream: impl Iterator<Item = (u64, bool)>,
        keeps: usize,
        before: Before,
    ) -> Through {
        let at = |index: u64| Duration::from_micros((index as f64 * 1e6 / fps) as u64);
        let (mut gate, mut ahead) = (RateGate::new(rate_fps), Ahead::default());
        let (mut inside, mut held, mut done) = (Vec::new(), Vec::new(), Through::default());
        let mut show = |gate: &mut RateGate, ahead: &mut Ahead, index: u64, came: usize| {
            // Another base than presentation time's, as in a pipeline.
            let media = at(index) + Duration::from_secs(100);
            ahead.shown(at(index), media);
            if gate.due(media) {
                done.due.push((u64::try_from(media.as_micros()).unwrap(), came));
            }
        };
        let mut came = 0;
        for (index, reference) in stream {
            came += 1;
            if before != Before::Nothing && ahead.skips(&gate, at(index), !reference) {
                continue;
            }
            held.push(index);
            if before == Before::SkipAndWait && ahead.may_wait(&gate) {
                continue;
            }
            done.turns += 1;
            for index in held.drain(..) {
                done.decoded += 1;
                inside.push(index);
                inside.sort_unstable();
                if inside.len() > keeps {
                    show(&mut gate, &mut ahead, inside.remove(0), came);
                }
            }
            ahead.given();
        }
        done.decoded += held.len();
        inside.append(&mut held);
        inside.sort_unstable();
        inside.into_iter().for_each(|index| show(&mut gate, &mut ahead, index, came));
        done
    }

    /// As most cameras send it: each picture from the one before.
    fn plain(pictures: u64) -> impl Iterator<Item = (u64, bool)> {
        (0..pictures).map(|index| (index, true))
    }

    #[test]
    fn the_same_frames_are_due_with_fewer_decoded() {
        for (rate_fps, fps, at_most) in
            [(5.0, 25.0, 0.62), (10.0, 24.0, 0.76), (1.0, 25.0, 0.53), (12.0, 25.0, 0.76), (25.0, 25.0, 1.0)]
        {
            let all = through(rate_fps, fps, pyramid(500).into_iter(), 2, Before::Nothing);
            let some = through(rate_fps, fps, pyramid(500).into_iter(), 2, Before::Skip);
            assert_eq!(all.times(), some.times(), "{rate_fps} of {fps}");
            let share = some.decoded as f64 / all.decoded as f64;
            assert!(share <= at_most, "{rate_fps} of {fps}: {share} decoded");
        }
    }

    #[test]
    fn pictures_go_through_the_decoder_together_and_what_is_due_comes_as_early() {
        // How often the decoder is given something, over how many pictures there are.
        for (rate_fps, keeps, at_most) in
            [(5.0, 0, 0.21), (10.0, 0, 0.41), (25.0, 0, 1.0), (5.0, 1, 0.21), (0.5, 0, 0.09), (5.0, 12, 1.0)]
        {
            let one_by_one = through(rate_fps, 25.0, plain(2_000), keeps, Before::Skip);
            let together = through(rate_fps, 25.0, plain(2_000), keeps, Before::SkipAndWait);
            let share = together.turns as f64 / 2_000.0;
            assert!(share <= at_most, "{rate_fps} of 25, {keeps} kept: {share}");
            assert_eq!(one_by_one.decoded, together.decoded);
            // What a decoder keeps is learnt from the first pictures; at the end it is emptied.
            let middle = 10..one_by_one.due.len() - 4;
            assert_eq!(one_by_one.due[middle.clone()], together.due[middle], "{rate_fps}, {keeps} kept");
        }
        let one_by_one = through(5.0, 25.0, pyramid(500).into_iter(), 2, Before::Skip);
        let together = through(5.0, 25.0, pyramid(500).into_iter(), 2, Before::SkipAndWait);
        assert_eq!(one_by_one.times(), together.times());
        let later = one_by_one.due.iter().zip(&together.due).skip(10).filter(|(one, all)| all.1 > one.1);
        assert_eq!(later.count(), 0, "a picture that is due waits for none after it that need not be");
        assert!(together.turns * 2 < together.decoded, "{} of {}", together.turns, together.decoded);
    }

    #[test]
    fn a_decoder_that_loses_pictures_is_not_waited_for() {
        let (gate, mut ahead) = (RateGate::new(5.0), Ahead::default());
        let at = |index: u64| Duration::from_millis(index * 40);
        ahead.shown(at(0), at(0));
        let waited = (1..200).filter(|index| {
            ahead.skips(&gate, at(*index), false);
            let waits = ahead.may_wait(&gate);
            if !waits {
                ahead.given();
            }
            waits
        });
        assert!(waited.count() < 20, "nothing ever comes out");
    }

    proptest! {
        #[test]
        fn at_any_rate_the_same_frames_are_due(rate_fps in 0.5f64..30.0, fps in 8.0f64..60.0) {
            let all = through(rate_fps, fps, pyramid(60).into_iter(), 2, Before::Nothing).times();
            for before in [Before::Skip, Before::SkipAndWait] {
                prop_assert_eq!(&all, &through(rate_fps, fps, pyramid(60).into_iter(), 2, before).times());
            }
        }

        #[test]
        fn nothing_that_is_due_comes_later_for_waiting(rate_fps in 0.5f64..30.0, fps in 8.0f64..60.0, keeps in 0usize..4) {
            let one_by_one = through(rate_fps, fps, plain(400), keeps, Before::Skip).due;
            let together = through(rate_fps, fps, plain(400), keeps, Before::SkipAndWait).due;
            prop_assert_eq!(one_by_one.len(), together.len());
            for (one, all) in one_by_one.iter().zip(&together).skip(4) {
                prop_assert_eq!(one, all);
            }
        }
    }
}
