//! The last samples of every pixel, and their median. Samples lie slot by slot, so that medians of many
//! pixels are found together by compare-and-swap, which compiles to vector minima and maxima.

/// Samples kept of each pixel; odd, so that there is a middle one.
pub(super) const SLOTS: usize = 15;
/// Pixels whose medians are found together.
const BLOCK: usize = 32;

/// The samples of one plane.
pub(super) struct Samples {
    /// `SLOTS` planes of as many bytes as there are pixels.
    slots: Vec<Vec<u8>>,
    /// Samples taken: counted up to `SLOTS`, then round from `SLOTS` to `2 * SLOTS - 1`.
    taken: Vec<u8>,
}

impl Samples {
    /// No samples of this many pixels. Empty slots hold 0 and 255 in turn, so that the middle of all slots is a
    /// middle one of the samples, however many there are.
    pub fn new(len: usize) -> Self {
        let slots = (0..SLOTS).map(|slot| vec![if slot % 2 == 0 { 0 } else { 255 }; len]).collect();
        Self { slots, taken: vec![0; len] }
    }

    /// Adds a sample; the oldest goes.
    pub fn push(&mut self, index: usize, value: u8) {
        let taken = usize::from(self.taken[index]);
        self.slots[taken % SLOTS][index] = value;
        let next = if taken + 1 == 2 * SLOTS { SLOTS } else { taken + 1 };
        self.taken[index] = u8::try_from(next).unwrap_or(0);
    }

    /// Whether there is any sample.
    pub fn is_known(&self, index: usize) -> bool {
        self.taken[index] > 0
    }

    /// Whether a pixel takes a sample now: always until it has them all, then only at a refresh.
    pub fn wants(&self, index: usize, refresh: bool) -> bool {
        refresh || usize::from(self.taken[index]) < SLOTS
    }

    /// The median of each pixel's samples; of an even number the lower middle one.
    pub fn medians(&self) -> Vec<u8> {
        let len = self.taken.len();
        let mut medians = vec![0; len];
        for (block, out) in medians.chunks_mut(BLOCK).enumerate() {
            let mut values = [[0u8; BLOCK]; SLOTS];
            for (value, slot) in values.iter_mut().zip(&self.slots) {
                value[..out.len()].copy_from_slice(&slot[block * BLOCK..][..out.len()]);
            }
            out.copy_from_slice(&middle(values)[..out.len()]);
        }
        medians
    }

    pub fn memory_bytes(&self) -> usize {
        (SLOTS + 1) * self.taken.len()
    }
}

/// The middle value of each column: a selection sort that stops at the middle.
fn middle(mut values: [[u8; BLOCK]; SLOTS]) -> [u8; BLOCK] {
    for place in 0..=SLOTS / 2 {
        let (low, rest) = values.split_at_mut(place + 1);
        let low = &mut low[place];
        for other in rest {
            for (a, b) in low.iter_mut().zip(other.iter_mut()) {
                (*a, *b) = ((*a).min(*b), (*a).max(*b));
            }
        }
    }
    values[SLOTS / 2]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_the_median_of_the_last_samples(
            pixels in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..50), 1..80),
        ) {
            let mut samples = Samples::new(pixels.len());
            for (index, values) in pixels.iter().enumerate() {
                values.iter().for_each(|&v| samples.push(index, v));
            }
            for (median, values) in samples.medians().into_iter().zip(&pixels) {
                let mut last: Vec<u8> = values.iter().rev().take(SLOTS).copied().collect();
                last.sort_unstable();
                prop_assert_eq!(median, last[(last.len() - 1) / 2]);
            }
        }
    }
}
