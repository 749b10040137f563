//! Pictures that need not be decoded: not due for analysis, and no other picture is made from them. Which those
//! are is told before decoding, from the H.264 headers ([`Stream::spares`]) and by asking ahead what the rate
//! gate will say ([`Ahead`]), so that the same frames come out as if everything were decoded. Pure; the
//! probe that drops them is `pipeline::encoded`'s.

use std::time::Duration;

use crate::rate::RateGate;

/// Pictures on their way through a decoder, at most; a decoder that holds back more than any may is not asked
/// to skip.
const MOST_PENDING: usize = 32;
/// A picture this far ahead of the last one shown is on another time base.
const FAR: Duration = Duration::from_secs(2);

/// How H.264 access units are laid out in buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Start codes before each unit (ITU-T H.264, annex B).
    StartCodes,
    /// A length of so many bytes, 1 to 4, before each unit (ISO/IEC 14496-15).
    Lengths(usize),
}

impl Stream {
    /// Whether no other picture is made from this access unit: it consists of slices with `nal_ref_idc` 0 (H.264,
    /// 7.4.1), and of nothing that must be kept, such as parameter sets. In doubt, no.
    pub fn spares(self, unit: &[u8]) -> bool {
        let (mut rest, mut slices) = (unit, false);
        while let Some((header, tail)) = self.next(rest) {
            match (header & 0x1f, header >> 5 & 3) {
                // Data partitions (2 to 4) come from nobody's camera.
                (1, 0) => slices = true,
                // Supplemental information, delimiter, filler.
                (6 | 9 | 12, _) => {}
                _ => return false,
            }
            rest = tail;
        }
        slices
    }

    /// The first byte of the next unit, and what follows the place where it was found.
    fn next(self, data: &[u8]) -> Option<(u8, &[u8])> {
        match self {
            Self::StartCodes => {
                let at = data.windows(3).position(|three| three == [0, 0, 1])?;
                let unit = data.get(at + 3..)?;
                Some((*unit.first()?, unit))
            }
            Self::Lengths(bytes) => {
                let (length, unit) = data.split_at_checked(bytes)?;
                let length = length.iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
                // A broken length ends the search as an unknown unit would: whoever decodes it may complain.
                let tail = unit.get(length..).unwrap_or_default();
                Some((unit.first().copied().unwrap_or(0), tail))
            }
        }
    }
}

/// Knows what is in the decoder, and so what the rate gate will have seen when a picture comes out of it.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    /// Presentation times of what went into the decoder and has not come out.
    pending: Vec<Duration>,
    /// Presentation and media time of the picture that came out last.
    shown: Option<(Duration, Duration)>,
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

    /// An access unit of these NAL unit headers, three bytes each.
    fn unit(stream: Stream, headers: &[u8]) -> Vec<u8> {
        let one = |header: &u8| match stream {
            Stream::StartCodes => vec![0, 0, 0, 1, *header, 0xaa, 0xbb],
            Stream::Lengths(bytes) => {
                let mut one = vec![0; bytes - 1];
                one.extend([3, *header, 0xaa, 0xbb]);
                one
            }
        };
        headers.iter().flat_map(one).collect()
    }

    #[test]
    fn only_pictures_that_nothing_is_made_from_are_spared() {
        for stream in [Stream::StartCodes, Stream::Lengths(4), Stream::Lengths(2), Stream::Lengths(1)] {
            let spares = |headers: &[u8]| stream.spares(&unit(stream, headers));
            assert!(spares(&[0x01]), "a slice of nal_ref_idc 0");
            assert!(spares(&[0x09, 0x06, 0x01, 0x01]), "with delimiter, SEI and a second slice");
            for needed in [[0x21], [0x41], [0x61], [0x65]] {
                assert!(!spares(&needed), "a reference: {needed:02x?}");
            }
            assert!(!spares(&[0x67, 0x68, 0x01]), "parameter sets");
            assert!(!spares(&[0x01, 0x41]), "the second field is a reference");
            assert!(!spares(&[0x02]), "a data partition");
            assert!(!spares(&[0x09]) && !spares(&[]), "no slice at all");
        }
        assert!(!Stream::Lengths(4).spares(&[0xff, 0xff, 0xff, 0xff]));
        assert!(!Stream::Lengths(4).spares(&[0, 0]));
        assert!(!Stream::StartCodes.spares(&[0, 0, 1]));
    }

    /// Display indices in the order of decoding, with whether each is a reference: P, the B in the middle (a
    /// reference), the two about it.
    fn pyramid(groups: u64) -> Vec<(u64, bool)> {
        let group = |g: u64| [(4 * g + 4, true), (4 * g + 2, true), (4 * g + 1, false), (4 * g + 3, false)];
        std::iter::once((0, true)).chain((0..groups).flat_map(group)).collect()
    }

    /// Media times (µs) of what is due of a pyramid that goes through a decoder, and how many pictures were decoded.
    fn through(rate_fps: f64, fps: f64, groups: u64, skip: bool) -> (Vec<u64>, usize) {
        let at = |index: u64| Duration::from_micros((index as f64 * 1e6 / fps) as u64);
        let (mut gate, mut ahead) = (RateGate::new(rate_fps), Ahead::default());
        let (mut waiting, mut due, mut decoded) = (Vec::new(), Vec::new(), 0);
        let mut show = |gate: &mut RateGate, ahead: &mut Ahead, index: u64| {
            // Another base than presentation time's, as in a pipeline.
            let media = at(index) + Duration::from_secs(100);
            ahead.shown(at(index), media);
            if gate.due(media) {
                due.push(u64::try_from(media.as_micros()).unwrap());
            }
        };
        for (index, reference) in pyramid(groups) {
            if skip && ahead.skips(&gate, at(index), !reference) {
                continue;
            }
            decoded += 1;
            waiting.push(index);
            waiting.sort_unstable();
            // The decoder puts pictures in order: it holds two back.
            if waiting.len() > 2 {
                show(&mut gate, &mut ahead, waiting.remove(0));
            }
        }
        waiting.into_iter().for_each(|index| show(&mut gate, &mut ahead, index));
        (due, decoded)
    }

    #[test]
    fn the_same_frames_are_due_with_fewer_decoded() {
        for (rate_fps, fps, at_most) in
            [(5.0, 25.0, 0.62), (10.0, 24.0, 0.76), (1.0, 25.0, 0.53), (12.0, 25.0, 0.76), (25.0, 25.0, 1.0)]
        {
            let (all, of) = through(rate_fps, fps, 500, false);
            let (same, decoded) = through(rate_fps, fps, 500, true);
            assert_eq!(all, same, "{rate_fps} of {fps}");
            let share = decoded as f64 / of as f64;
            assert!(share <= at_most, "{rate_fps} of {fps}: {share} decoded");
        }
    }

    proptest! {
        #[test]
        fn at_any_rate_the_same_frames_are_due(rate_fps in 0.5f64..30.0, fps in 8.0f64..60.0) {
            prop_assert_eq!(through(rate_fps, fps, 60, false).0, through(rate_fps, fps, 60, true).0);
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), length in 1usize..=4) {
            Stream::StartCodes.spares(&bytes);
            Stream::Lengths(length).spares(&bytes);
        }
    }
}
