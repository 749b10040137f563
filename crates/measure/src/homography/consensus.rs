//! Which pairs agree, when not all do: random sample consensus (Fischler and Bolles, CACM 24(6), 1981) with the
//! samples taken in a fixed order, all of them where they are few, and scored by how well each pair fits up to the
//! limit (MSAC; Torr and Zisserman, CVIU 78(1), 2000). The same pairs always give the same answer.

use nalgebra::{Matrix3, SMatrix, SVector};
use wayside_types::Point;

use super::linear::{equations, in_front, moved, normalisation};
use super::model::{Model, Pair};
use crate::lens::Lens;

/// No more samples of four than this are tried, for all lenses together. With a quarter of the pairs wrong, three
/// in ten samples hold none of them.
const MOST_SAMPLES: usize = 6_000;
/// Sines of a sample's angles below this make it useless.
const MIN_SINE: f64 = 0.02;

/// Indices of the pairs that the best sample speaks for, behind whichever of `lenses` suits it best. `limit` is in
/// standard deviations of a pair.
pub(super) fn agreeing(pairs: &[Pair], lenses: &[Lens], limit: f64) -> Option<Vec<usize>> {
    let mut best: Option<(f64, Model)> = None;
    for &lens in lenses {
        let Some(sampler) = Sampler::new(pairs, lens) else { continue };
        for sample in samples(pairs.len(), MOST_SAMPLES / lenses.len().max(1)) {
            let Some(model) = sampler.model(sample) else { continue };
            let worst = best.as_ref().map_or(f64::INFINITY, |(cost, _)| *cost);
            let mut cost = 0.0;
            for pair in pairs {
                cost += model.off(pair).min(limit).powi(2);
                if cost >= worst {
                    break;
                }
            }
            if cost < worst {
                best = Some((cost, model));
            }
        }
    }
    let (_, model) = best?;
    Some(within(pairs, &model, limit))
}

/// Indices of the pairs that a model fits.
pub(super) fn within(pairs: &[Pair], model: &Model, limit: f64) -> Vec<usize> {
    (0..).zip(pairs).filter(|(_, pair)| model.off(pair) <= limit).map(|(i, _)| i).collect()
}

/// Fits four pairs at a time, quickly.
struct Sampler {
    lens: Lens,
    image: Vec<Point>,
    ground: Vec<Point>,
    from_norm: Matrix3<f64>,
    back: Matrix3<f64>,
}

impl Sampler {
    fn new(pairs: &[Pair], lens: Lens) -> Option<Self> {
        let straight = |p: &Pair| lens.straight(lens.centred(p.image)).map(|u| Point::new(u.x, u.y));
        let image: Vec<Point> = pairs.iter().map(straight).collect::<Option<_>>()?;
        let ground: Vec<Point> = pairs.iter().map(|p| p.ground).collect();
        let from_norm = normalisation(&image, "image").ok()?;
        let to_norm = normalisation(&ground, "ground_m").ok()?;
        let (image, ground) = (moved(&image, &from_norm), moved(&ground, &to_norm));
        Some(Self { lens, image, ground, from_norm, back: to_norm.try_inverse()? })
    }

    /// The plane through four pairs, its last entry 1: the middle of the image points is never at infinity.
    fn model(&self, sample: [usize; 4]) -> Option<Model> {
        let from = take(&self.image, sample)?;
        let to = take(&self.ground, sample)?;
        if !(spreads(&from) && spreads(&to)) {
            return None;
        }
        let mut a = SMatrix::<f64, 8, 8>::zeros();
        let mut b = SVector::<f64, 8>::zeros();
        for (i, (f, t)) in from.iter().zip(&to).enumerate() {
            for (k, row) in equations(*f, *t).into_iter().enumerate() {
                let (entries, last) = row.split_at(8);
                for (j, entry) in entries.iter().enumerate() {
                    a[(2 * i + k, j)] = *entry;
                }
                b[2 * i + k] = -last.first().copied()?;
            }
        }
        let h = a.lu().solve(&b)?;
        let h = Matrix3::new(h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7], 1.0);
        let h = in_front(h, &from)?;
        Some(Model { lens: self.lens, to_ground: self.back * h * self.from_norm })
    }
}

fn take(points: &[Point], sample: [usize; 4]) -> Option<[Point; 4]> {
    let [a, b, c, d] = sample.map(|i| points.get(i).copied());
    Some([a?, b?, c?, d?])
}

/// Whether no three of four points lie on a line.
fn spreads(p: &[Point; 4]) -> bool {
    let [a, b, c, d] = p;
    let bent = |a: &Point, b: &Point, c: &Point| {
        let cross = (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
        cross.abs() > MIN_SINE * a.distance(*b) * a.distance(*c)
    };
    bent(a, b, c) && bent(a, b, d) && bent(a, c, d) && bent(b, c, d)
}

/// Every four of `n`, or `most` of them spread evenly over all in a fixed order.
fn samples(n: usize, most: usize) -> impl Iterator<Item = [usize; 4]> {
    let all = binomial(n, 4);
    // A golden-section stride without a common divisor visits no sample twice.
    let mut stride = if all > most { all * 618 / 1_000 } else { 1 };
    while gcd(stride, all) > 1 {
        stride += 1;
    }
    (0..all.min(most)).map(move |i| quadruple(i * stride % all))
}

/// The quadruple of this rank in the combinatorial number system, largest index first.
fn quadruple(mut rank: usize) -> [usize; 4] {
    let mut sample = [0; 4];
    for (place, k) in sample.iter_mut().zip([4, 3, 2, 1]) {
        let mut index = k - 1;
        while binomial(index + 1, k) <= rank {
            index += 1;
        }
        rank -= binomial(index, k);
        *place = index;
    }
    sample
}

fn binomial(n: usize, k: usize) -> usize {
    if n < k { 0 } else { (0..k).fold(1, |product, i| product * (n - i) / (i + 1)) }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn samples_are_fours_and_none_comes_twice() {
        for (n, most, want) in
            [(4, 6_000, 1), (6, 6_000, 15), (12, 6_000, 495), (40, 6_000, 6_000), (40, 240, 240)]
        {
            let seen: BTreeSet<[usize; 4]> = samples(n, most).collect();
            assert_eq!(seen.len(), want, "{want} different samples of {n}");
            for sample in &seen {
                assert!(
                    sample.iter().all(|i| *i < n) && sample.windows(2).all(|w| w[0] > w[1]),
                    "{sample:?}"
                );
            }
            // None is left out for good.
            let used: BTreeSet<usize> = seen.iter().flatten().copied().collect();
            assert_eq!(used.len(), n);
        }
    }
}
