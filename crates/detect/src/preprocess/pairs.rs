//! A row scaled from left to right, each pixel made from two, 16 at a time: for processors with AVX-512. The floats
//! are the same as those of the plain loop.

/// Pixels of the result that are made at once.
const MADE: usize = 16;
/// Pixels of the row that they are made from: a row is read as if it had so many more.
pub(super) const READ: usize = 32;

/// From which pixels of a row each pixel of the result is made. Empty where the plain loop has to do it: without
/// AVX-512, and where a row becomes about half as wide or less.
#[derive(Debug, Default)]
pub(super) struct Pairs(Vec<Group>);

/// The same for [`MADE`] neighbours.
#[derive(Debug, Default, Clone)]
#[repr(C, align(64))]
struct Group {
    /// Which of the pixels that are read, the left one and the right one by turns.
    order: [[u16; 2]; MADE],
    left: [f32; MADE],
    right: [f32; MADE],
    /// The first pixel that is read.
    first: usize,
}

impl Pairs {
    /// Prepares for pixels made from the one at `first` and the next, by weights for values `times` as large.
    pub(super) fn set(&mut self, first: &[u32], weights: &[[f32; 2]], times: f32) {
        self.0.clear();
        if !is_there() || first.is_empty() || first.len() != weights.len() {
            return;
        }
        for (first, weights) in first.chunks(MADE).zip(weights.chunks(MADE)) {
            let began = first.iter().copied().min().unwrap_or_default();
            let mut group = Group { first: began as usize, ..Group::default() };
            for (i, (first, weights)) in first.iter().zip(weights).enumerate() {
                let Some(left) =
                    u16::try_from(first - began).ok().filter(|left| usize::from(*left) + 1 < READ)
                else {
                    self.0.clear();
                    return;
                };
                group.order[i] = [left, left + 1];
                (group.left[i], group.right[i]) = (weights[0] / times, weights[1] / times);
            }
            self.0.push(group);
        }
    }

    /// Makes a row out of one with [`READ`] values beyond its end; `false`, and nothing done, where the plain loop has to.
    pub(super) fn make(&self, row: &[u16], out: &mut [f32]) -> bool {
        #[cfg(target_arch = "x86_64")]
        if !self.0.is_empty() {
            #[expect(unsafe_code, reason = "groups are only made where the processor has AVX-512")]
            unsafe {
                avx512::make(&self.0, row, out);
            }
            return true;
        }
        let _ = (row, out);
        false
    }
}

fn is_there() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use std::arch::x86_64::{
        __m512i, _mm512_add_ps, _mm512_and_si512, _mm512_cvtepi32_ps, _mm512_loadu_ps, _mm512_loadu_si512,
        _mm512_mul_ps, _mm512_permutexvar_epi16, _mm512_set1_epi32, _mm512_srli_epi32, _mm512_storeu_ps,
    };

    use super::{Group, MADE, READ};

    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn make(groups: &[Group], row: &[u16], out: &mut [f32]) {
        let (whole, rest) = out.as_chunks_mut::<MADE>();
        let mut last = [0.0; MADE];
        let outs = whole.iter_mut().chain((!rest.is_empty()).then_some(&mut last));
        for (group, out) in groups.iter().zip(outs) {
            let read = row.get(group.first..).and_then(|row| row.first_chunk::<READ>());
            let Some(read) = read else { return };
            one(group, read, out);
        }
        rest.iter_mut().zip(last).for_each(|(to, value)| *to = value);
    }

    #[target_feature(enable = "avx512f,avx512bw")]
    fn one(group: &Group, read: &[u16; READ], out: &mut [f32; MADE]) {
        #[expect(unsafe_code, reason = "each array has 64 bytes, which are read at any alignment")]
        let (values, order, left_share, right_share) = unsafe {
            (
                _mm512_loadu_si512(read.as_ptr().cast::<__m512i>()),
                _mm512_loadu_si512(group.order.as_ptr().cast::<__m512i>()),
                _mm512_loadu_ps(group.left.as_ptr()),
                _mm512_loadu_ps(group.right.as_ptr()),
            )
        };
        let pairs = _mm512_permutexvar_epi16(order, values);
        let left = _mm512_cvtepi32_ps(_mm512_and_si512(pairs, _mm512_set1_epi32(0xffff)));
        let right = _mm512_cvtepi32_ps(_mm512_srli_epi32::<16>(pairs));
        // Not fused, so that the floats are those of any processor.
        let made = _mm512_add_ps(_mm512_mul_ps(left, left_share), _mm512_mul_ps(right, right_share));
        #[expect(unsafe_code, reason = "and written where 16 floats have room")]
        unsafe {
            _mm512_storeu_ps(out.as_mut_ptr(), made);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_floats_are_those_of_the_plain_loop(
            row in prop::collection::vec(0..=u16::MAX, 2..200),
            places in prop::collection::vec((0.0..1.0_f32, 0.0..=1.0_f32), 1..150),
        ) {
            let mut first: Vec<u32> =
                places.iter().map(|(at, _)| (at * (row.len() - 1) as f32) as u32).collect();
            first.sort_unstable();
            let weights: Vec<[f32; 2]> = places.iter().map(|(_, share)| [1.0 - share, *share]).collect();
            let mut pairs = Pairs::default();
            pairs.set(&first, &weights, 256.0);
            let spans = first.chunks(MADE).map(|first| first[first.len() - 1] - first[0]);
            let near = spans.into_iter().all(|span| (span as usize) + 1 < READ);
            let mut padded = row.clone();
            padded.resize(row.len() + READ, u16::MAX);
            let mut made = vec![f32::NAN; first.len()];
            prop_assert_eq!(pairs.make(&padded, &mut made), near && is_there());
            if near && is_there() {
                let plain = |at: usize| f32::from(row[at]) / 256.0;
                for (i, &at) in first.iter().enumerate() {
                    let want = plain(at as usize) * weights[i][0] + plain(at as usize + 1) * weights[i][1];
                    prop_assert_eq!(made[i], want, "pixel {}", i);
                }
            }
        }
    }
}
