//! The band in which the true count is to be expected. What was missed and what was counted too much are each taken to
//! be negative binomial: their means are weighted sums of the signs, fitted on made and drawn traffic (`wayside-benches bands
//! --fit`), their spread is wider than Poisson's by what cameras differ in. The two are put together by the square-and-add
//! rule for differences (MOVER: Zou and Donner, Statistics in Medicine 27, 2008).
//!
//! Bands of sums are computed from summed evidence, not from bands: means add up, and the part of the spread that a
//! camera has in all its bins does not average out, so that a day's band is no narrower, relative to its count, than that
//! camera's ways allow.

use super::{Evidence, Sign};

/// How often the truth lies within a band, at least, as far as it was checked.
pub const COVERAGE: f64 = 0.95;

/// What was to be added to a count, or taken off it, for each sign.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tendency {
    /// For each sign, in the order of [`Sign::ALL`].
    pub per_sign: [f64; Sign::ALL.len()],
    /// Once, whatever was seen, of what was watched for much longer than [`SETTLED_S`]. Had many come, some would have been seen: of a
    /// gamma distributed flow (shape a, rate b) of which nobody was seen for T, a × T ÷ (T + b) came, which does not grow with T for long.
    pub once: f64,
    /// For each hour watched, whatever was seen.
    pub per_hour: f64,
    /// Size of the negative binomial: the variance is mean + mean² ÷ size.
    pub size: f64,
}

/// Everything that was fitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Model {
    /// What is missed.
    pub missed: Tendency,
    /// What is counted too much.
    pub surplus: Tendency,
    /// How many standard deviations of a normal variable a bound is worth.
    pub z: f64,
}

/// The model of sums in which classes are mixed up only with one another, and of single classes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    /// Of sums.
    pub together: Model,
    /// Of single classes.
    pub apart: Model,
}

/// After so many seconds half of [`Tendency::once`] has come.
pub const SETTLED_S: f64 = 300.0;

/// The share of [`Tendency::once`] that has come after so many seconds.
#[must_use]
pub fn settled(watched_s: f64) -> f64 {
    watched_s / (watched_s + SETTLED_S)
}

/// From so many missed or surplus road users on, steps between whole numbers matter no more.
const MANY: f64 = 40.0;

/// Where the true count is to be expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Band {
    /// At least so many.
    pub low: u64,
    /// At most so many.
    pub high: u64,
}

impl Band {
    /// The band of a count after its evidence, of so many seconds watched. `together` says whether the classes that were
    /// summed are taken for no other ([`super::is_closed`]).
    #[must_use]
    pub fn of(count: u64, evidence: &Evidence, watched_s: f64, together: bool) -> Self {
        let model = if together { &WEIGHTS.together } else { &WEIGHTS.apart };
        model.band(count, evidence, watched_s)
    }

    /// Whether a count lies within.
    #[must_use]
    pub const fn holds(self, count: u64) -> bool {
        self.low <= count && count <= self.high
    }

    /// From the lowest to the highest.
    #[must_use]
    pub const fn width(self) -> u64 {
        self.high - self.low
    }
}

impl Model {
    /// See [`Band::of`]. A count always lies within its own band.
    #[must_use]
    pub fn band(&self, count: u64, evidence: &Evidence, watched_s: f64) -> Band {
        let bounds = Bounds { z: self.z, share: normal_share(self.z) };
        let missed = self.missed.spread(evidence, watched_s, bounds);
        let surplus = self.surplus.spread(evidence, watched_s, bounds);
        let off = missed.mean - surplus.mean;
        let up = (missed.high - missed.mean).hypot(surplus.mean - surplus.low);
        let down = (missed.mean - missed.low).hypot(surplus.high - surplus.mean);
        #[expect(clippy::cast_precision_loss, reason = "counts of vehicles")]
        let counted = count as f64;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not below 0")]
        let whole = |value: f64| value.max(0.0) as u64;
        Band {
            low: whole((counted + off - down).ceil()).min(count),
            high: whole((counted + off + up).floor()).max(count),
        }
    }
}

/// How far to either side of the middle, as a normal variable has it, and the share of that below the upper bound.
#[derive(Clone, Copy)]
struct Bounds {
    z: f64,
    share: f64,
}

/// A mean with the bounds of what may come of it.
struct Spread {
    mean: f64,
    low: f64,
    high: f64,
}

impl Tendency {
    /// How many are to be expected.
    #[must_use]
    pub fn mean(&self, evidence: &Evidence, watched_s: f64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "counts of vehicles")]
        let of_signs = Sign::ALL.into_iter().zip(self.per_sign).map(|(sign, w)| w * evidence.of(sign) as f64);
        let watched_s = watched_s.max(0.0);
        of_signs.sum::<f64>() + self.once * settled(watched_s) + self.per_hour * watched_s / 3_600.0
    }

    fn spread(&self, evidence: &Evidence, watched_s: f64, Bounds { z, share }: Bounds) -> Spread {
        let mean = self.mean(evidence, watched_s);
        let lower = Bounds { z: -z, share: 1.0 - share };
        Spread {
            mean,
            low: quantile(mean, self.size, lower),
            high: quantile(mean, self.size, Bounds { z, share }),
        }
    }
}

/// A quantile of the negative binomial, at a bound of the standard normal distribution. The probability of a whole number
/// is spread over the unit below it, so that of 0 down to −1. Between whole numbers it is
/// linear in the cumulated probability, so that a band does not jump with the last digit of a weight; from
/// [`MANY`] on it is the gamma distribution's of the same mean and variance (Wilson and Hilferty, PNAS 17, 1931).
fn quantile(mean: f64, size: f64, at: Bounds) -> f64 {
    if mean <= 0.0 {
        return 0.0;
    }
    if mean >= MANY {
        let shape = 1.0 / (1.0 / mean + 1.0 / size);
        let root = 1.0 - 1.0 / (9.0 * shape) + at.z / (3.0 * shape.sqrt());
        return mean * root.max(0.0).powi(3);
    }
    let ratio = mean / (size + mean);
    let mut probability = (size * (1.0 - ratio).ln()).exp();
    let (mut before, mut k) = (0.0, 0.0);
    let mut sum = probability;
    while sum < at.share && k < 50.0 * MANY {
        before = sum;
        probability *= ratio * (k + size) / (k + 1.0);
        sum += probability;
        k += 1.0;
    }
    k - 1.0 + ((at.share - before) / (sum - before).max(f64::MIN_POSITIVE)).clamp(0.0, 1.0)
}

/// The share of a standard normal variable below `z` (Abramowitz and Stegun, 26.2.17; off by less than 1e-7).
fn normal_share(z: f64) -> f64 {
    const B: [f64; 5] = [0.319_381_530, -0.356_563_782, 1.781_477_937, -1.821_255_978, 1.330_274_429];
    let t = 1.0 / (1.0 + 0.231_641_9 * z.abs());
    let tail = B.iter().rev().fold(0.0, |sum, b| (sum + b) * t) * (-z * z / 2.0).exp()
        / (2.0 * std::f64::consts::PI).sqrt();
    if z >= 0.0 { 1.0 - tail } else { tail }
}

/// What `wayside-benches bands --fit 400 --seconds 240 --seed 20 --quiet 100 --drawn 36 --drawn-seconds 60 --seen DIR` printed: fitted
/// to made traffic, where much of it comes and where hardly any does, and to drawn pictures before the real detector, none of them footage. What is missed
/// by the hour is chosen: the fit says none.
pub const WEIGHTS: Weights = Weights {
    together: Model {
        missed: Tendency {
            per_sign: [
                0.0043, 0.0000, 0.0000, 0.0345, 0.0168, 0.6927, 0.1567, 2.0518, 0.1395, 0.3890, 1.1984,
                0.2275, 0.0000, 0.0000, 0.0000, 0.0000, 0.0000, 0.0000, 0.0000, 0.0000, 0.0000, 0.0000,
            ],
            once: 0.2292,
            per_hour: 0.0500,
            size: 0.67,
        },
        surplus: Tendency {
            per_sign: [
                0.0012, 0.0032, 0.0000, 0.0539, 0.0000, 0.2390, 0.0117, 0.0000, 0.1305, 0.0000, 0.0243,
                0.2751, 0.0000, 0.0000, 0.0000, 0.0000, 0.0958, 0.0000, 0.0000, 0.0000, 0.0079, 0.0736,
            ],
            once: 0.0157,
            per_hour: 0.0042,
            size: 1.02,
        },
        z: 2.62,
    },
    apart: Model {
        missed: Tendency {
            per_sign: [
                0.0059, 0.0000, 0.0000, 0.1812, 0.0134, 0.5936, 0.2161, 1.3972, 0.0450, 0.3999, 1.1409,
                0.3053, 0.0000, 0.0000, 0.0179, 0.5017, 0.0679, 0.0000, 0.0000, 0.1602, 0.0000, 0.0000,
            ],
            once: 0.2608,
            per_hour: 0.0500,
            size: 1.72,
        },
        surplus: Tendency {
            per_sign: [
                0.0034, 0.0000, 0.0000, 0.0677, 0.0000, 0.2366, 0.0059, 0.0000, 0.1051, 0.0000, 0.0000,
                0.2310, 0.0000, 0.0000, 0.5093, 0.0607, 0.1910, 0.1529, 0.1591, 0.0000, 0.0000, 0.0793,
            ],
            once: 0.0222,
            per_hour: 0.0296,
            size: 4.83,
        },
        z: 2.42,
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(signs: &[(Sign, u64)]) -> Evidence {
        let mut evidence = Evidence::default();
        signs.iter().for_each(|(sign, times)| evidence.add(*sign, *times));
        evidence
    }

    fn quantile(mean: f64, size: f64, z: f64) -> f64 {
        super::quantile(mean, size, Bounds { z, share: normal_share(z) })
    }

    #[test]
    fn quantiles_are_those_of_the_distribution() {
        // Poisson of mean 10, as the size grows beyond all bounds: P(X ≤ 16) = 0.9730, P(X ≤ 17) = 0.9857.
        let high = quantile(10.0, 1e7, 1.959_964);
        assert!((16.0..17.0).contains(&high), "{high}");
        // Geometric (size 1) of mean 1: P(X ≤ 4) = 1 − 2⁻⁵ = 0.96875, P(X ≤ 5) = 0.984.
        let high = quantile(1.0, 1.0, 1.959_964);
        assert!((4.0..5.0).contains(&high), "{high}");
        assert_eq!(quantile(0.0, 1.0, 2.0), 0.0);
        // Nearly all of it is 0, which is spread down to −1.
        assert!((-1.0..=0.0).contains(&quantile(1e-6, 1.0, 2.0)));
        // The exponential distribution (gamma of shape 1) of mean 4,000: its 97.5 % quantile is 3.689 times that.
        let high = quantile(4_000.0, 1.0, 1.959_964) / 4_000.0;
        assert!((high / 3.689 - 1.0).abs() < 0.02, "{high}");
        // Where the gamma distribution takes over nothing jumps.
        let (below, above) = (quantile(MANY - 1e-6, 1.5, 2.0), quantile(MANY, 1.5, 2.0));
        assert!((below / above - 1.0).abs() < 0.03, "{below} {above}");
    }

    #[test]
    fn a_count_lies_in_its_band_and_signs_make_it_wider() {
        let clean = evidence(&[(Sign::Counted, 200)]);
        for count in [0, 1, 7, 200, 5_000] {
            for together in [true, false] {
                let band = Band::of(count, &clean, 900.0, together);
                assert!(band.holds(count), "{count} {band:?}");
            }
        }
        let clean = Band::of(200, &clean, 900.0, true);
        for sign in [Sign::Bridged, Sign::Sparse, Sign::Crowded, Sign::Duplicate, Sign::Short, Sign::Merged] {
            let doubtful = evidence(&[(Sign::Counted, 200), (sign, 30)]);
            let doubtful = Band::of(200, &doubtful, 900.0, true);
            assert!(doubtful.width() > clean.width(), "{sign}: {doubtful:?} {clean:?}");
        }
    }

    #[test]
    fn a_day_of_nobody_is_not_a_crowd_that_nobody_saw() {
        for together in [true, false] {
            let high = |watched_s: f64| Band::of(0, &Evidence::default(), watched_s, together).high;
            let [quarter, hour, day] = [900.0, 3_600.0, 86_400.0].map(high);
            assert!(1 <= quarter && quarter <= hour && hour <= day, "{quarter} {hour} {day}");
            assert!(quarter <= 4 && day <= 12, "{quarter} {day}");
        }
    }

    #[test]
    fn a_day_is_no_surer_than_its_camera() {
        let quarter = evidence(&[(Sign::Counted, 100), (Sign::Sparse, 5), (Sign::Crowded, 10)]);
        let mut day = Evidence::default();
        (0..96).for_each(|_| day.merge(&quarter));
        let of_quarter = Band::of(100, &quarter, 900.0, true).width() as f64 / 100.0;
        let of_day = Band::of(9_600, &day, 86_400.0, true).width() as f64 / 9_600.0;
        assert!(of_day < of_quarter && of_day > 0.5 * of_quarter, "{of_day} {of_quarter}");
    }
}
