//! Histograms with fixed edges, which can be added up exactly: what percentiles of any stretch of time come from.
//! What goes into one, and how few may not be shown, is said in [`crate::bins`].

use serde::{Deserialize, Serialize};

/// The edges of a histogram: buckets of one width from 0 on, the last open to above.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// Width of a bucket, in the unit of the values.
    pub width: f64,
    /// How many buckets there are.
    pub buckets: u16,
}

/// Speeds in km/h: 2 km/h each, the last from 200 on.
pub const SPEED_SCALE: Scale = Scale { width: 2.0, buckets: 101 };

/// Headways in seconds: half a second each, the last from 60 on.
pub const HEADWAY_SCALE: Scale = Scale { width: 0.5, buckets: 121 };

impl Scale {
    /// The bucket of a value; what is below 0 or no number counts as 0.
    #[must_use]
    pub fn bucket(self, value: f64) -> u16 {
        let last = self.buckets.saturating_sub(1);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the buckets")]
        let index = (value / self.width).floor().clamp(0.0, f64::from(last)) as u16;
        index
    }
}

/// How many values fell into each bucket of a [`Scale`], kept from the first to the last bucket that holds any.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Histogram {
    first: u16,
    counts: Vec<u32>,
}

impl Histogram {
    /// From the first bucket that holds any and the counts from there on; `None` where the ends are empty or lie
    /// beyond the scale.
    #[must_use]
    pub fn from_parts(first: u16, counts: Vec<u32>, scale: Scale) -> Option<Self> {
        let histogram = Self { first, counts };
        histogram.is_within(scale).then_some(histogram)
    }

    /// Whether its ends hold values and lie within the scale.
    #[must_use]
    pub fn is_within(&self, scale: Scale) -> bool {
        let ends = [self.counts.first(), self.counts.last()];
        let trimmed = self.counts.is_empty() || ends.iter().all(|end| end.is_some_and(|n| *n > 0));
        trimmed && usize::from(self.first) + self.counts.len() <= usize::from(scale.buckets)
    }

    /// The first bucket that holds any.
    #[must_use]
    pub const fn first(&self) -> u16 {
        self.first
    }

    /// Counts from the first bucket that holds any to the last.
    #[must_use]
    pub fn counts(&self) -> &[u32] {
        &self.counts
    }

    /// How many values it holds.
    #[must_use]
    pub fn n(&self) -> u64 {
        self.counts.iter().map(|n| u64::from(*n)).sum()
    }

    /// Adds values to a bucket.
    pub fn add(&mut self, bucket: u16, n: u32) {
        if n == 0 {
            return;
        }
        if self.counts.is_empty() {
            self.first = bucket;
        }
        if bucket < self.first {
            let room = usize::from(self.first - bucket);
            self.counts.splice(0..0, std::iter::repeat_n(0, room));
            self.first = bucket;
        }
        let index = usize::from(bucket - self.first);
        if index >= self.counts.len() {
            self.counts.resize(index + 1, 0);
        }
        if let Some(count) = self.counts.get_mut(index) {
            *count = count.saturating_add(n);
        }
    }

    /// Adds all of another one's values: the histogram of both together.
    pub fn merge(&mut self, other: &Self) {
        if self.counts.is_empty() || other.counts.is_empty() {
            if self.counts.is_empty() {
                self.clone_from(other);
            }
            return;
        }
        let first = self.first.min(other.first);
        self.counts.splice(0..0, std::iter::repeat_n(0, usize::from(self.first - first)));
        self.first = first;
        let offset = usize::from(other.first - first);
        let len = self.counts.len().max(offset + other.counts.len());
        self.counts.resize(len, 0);
        for (count, n) in self.counts.iter_mut().skip(offset).zip(&other.counts) {
            *count = count.saturating_add(*n);
        }
    }

    /// The value that this share of the values (0 to 1) does not exceed, as if values lay evenly within their
    /// bucket: off by less than a bucket's width. In the open bucket, its lower edge. `None` when it is empty.
    #[must_use]
    pub fn quantile(&self, scale: Scale, share: f64) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "counts of road users are far below 2^52")]
        let rank = share.clamp(0.0, 1.0) * self.n() as f64;
        let mut below = 0.0;
        for (bucket, n) in (self.first..).zip(&self.counts) {
            let n = f64::from(*n);
            if n > 0.0 && below + n >= rank {
                let within = if bucket + 1 == scale.buckets { 0.0 } else { (rank - below) / n };
                return Some((f64::from(bucket) + within) * scale.width);
            }
            below += n;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64]) -> Histogram {
        let mut histogram = Histogram::default();
        values.iter().for_each(|v| histogram.add(SPEED_SCALE.bucket(*v), 1));
        histogram
    }

    #[test]
    fn values_find_their_buckets() {
        for (value, bucket) in [
            (-3.0, 0),
            (f64::NAN, 0),
            (0.0, 0),
            (1.999, 0),
            (2.0, 1),
            (49.9, 24),
            (199.9, 99),
            (200.0, 100),
            (1e9, 100),
        ] {
            assert_eq!(SPEED_SCALE.bucket(value), bucket, "{value}");
        }
    }

    /// However values are shared out and put together again, the same histogram comes out.
    #[test]
    fn parts_make_the_whole() {
        let values: Vec<f64> = (0..500).map(|n| f64::from(n * 37 % 211)).collect();
        let whole = of(&values);
        assert_eq!(whole.n(), 500);
        for parts in [2, 3, 7, 96] {
            let mut sum = Histogram::default();
            values.chunks(values.len().div_ceil(parts)).rev().for_each(|part| sum.merge(&of(part)));
            assert_eq!(sum, whole, "{parts} parts");
        }
        assert_eq!(Histogram::from_parts(whole.first(), whole.counts().to_vec(), SPEED_SCALE), Some(whole));
    }

    #[test]
    fn percentiles_are_off_by_less_than_a_bucket() {
        let mut values: Vec<f64> = (0..400).map(|n| 30.0 + f64::from(n * 7919 % 400) / 13.0).collect();
        let histogram = of(&values);
        values.sort_by(f64::total_cmp);
        for share in [0.15, 0.5, 0.85] {
            let exact = values[(share * 399.0) as usize];
            let found = histogram.quantile(SPEED_SCALE, share).unwrap();
            assert!((found - exact).abs() < SPEED_SCALE.width, "{share}: {found} for {exact}");
        }
        assert_eq!(Histogram::default().quantile(SPEED_SCALE, 0.5), None);
        assert_eq!(of(&[250.0]).quantile(SPEED_SCALE, 0.85), Some(200.0));
    }

    #[test]
    fn strange_parts_are_refused() {
        for (first, counts) in [(0, vec![0, 1]), (0, vec![1, 0]), (100, vec![1, 1]), (101, vec![1])] {
            assert_eq!(Histogram::from_parts(first, counts.clone(), SPEED_SCALE), None, "{first} {counts:?}");
        }
    }
}
