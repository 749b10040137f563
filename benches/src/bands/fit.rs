//! Finds the weights of the bands: the means of what is missed and what is counted too much by Poisson likelihood with
//! an identity link and weights not below 0 (the iteration of Richardson 1972 and Lucy 1974, which is EM), their spread by
//! the negative binomial's likelihood, and the width by the share of other scenes' bins that the bands hold.

use wayside_types::quality::{Model, Tendency};
use wayside_types::{Evidence, Sign};

use super::sample::{Sample, Score};

/// Signs and hours.
const TERMS: usize = Sign::ALL.len() + 1;
/// Rounds of the iteration; it has long come to rest.
const ROUNDS: usize = 4_000;
/// Sizes that are tried: the spread of a camera's own ways, 300 to 15 %.
const SIZES: std::ops::RangeInclusive<i32> = 0..=60;
/// What the bands are to hold of the scenes that they were not fitted to: more than they promise.
const WANTED: f64 = 0.97;

/// Signs that say nothing by themselves: of how a track ended nothing follows for a count that its beginning and the
/// other signs don't tell, and the end comes later than the bin.
fn is_used(sign: Sign, together: bool) -> bool {
    match sign {
        Sign::Ended | Sign::EndedAstray => false,
        Sign::Wavering | Sign::Elsewhere => !together,
        _ => true,
    }
}

fn terms(sample: &Sample) -> [f64; TERMS] {
    let mut terms = [0.0; TERMS];
    let own = |evidence: &Evidence, sign| {
        if is_used(sign, sample.together) { evidence.of(sign) as f64 } else { 0.0 }
    };
    for (term, sign) in terms.iter_mut().zip(Sign::ALL) {
        *term = own(&sample.evidence, sign);
    }
    terms[TERMS - 1] = sample.seconds / 3_600.0;
    terms
}

/// Fits to the samples of even scenes, and the width to those of odd ones.
pub fn fit(samples: &[Sample]) -> Model {
    let even: Vec<&Sample> = samples.iter().filter(|s| s.scene.is_multiple_of(2)).collect();
    let missed = tendency(&even, |s| s.missed as f64);
    let surplus = tendency(&even, |s| s.surplus as f64);
    let mut model = Model { missed, surplus, z: 1.0 };
    let odd = || samples.iter().filter(|s| !s.scene.is_multiple_of(2));
    while model.z < 5.0 {
        let score = Score::of(odd(), |s| model.band(s.count, &s.evidence, s.seconds));
        if score.coverage() >= WANTED {
            break;
        }
        model.z += 0.02;
    }
    model
}

fn tendency(samples: &[&Sample], wrong: impl Fn(&Sample) -> f64) -> Tendency {
    let rows: Vec<([f64; TERMS], f64)> = samples.iter().map(|s| (terms(s), wrong(s))).collect();
    let mut sums = [0.0; TERMS];
    rows.iter().for_each(|(terms, _)| sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term));
    let mut weights = [0.05; TERMS];
    for _ in 0..ROUNDS {
        let mut gains = [0.0; TERMS];
        for (terms, wrong) in &rows {
            let mean: f64 = terms.iter().zip(weights).map(|(t, w)| t * w).sum();
            let ratio = wrong / mean.max(1e-9);
            gains.iter_mut().zip(terms).for_each(|(gain, term)| *gain += term * ratio);
        }
        for ((weight, gain), sum) in weights.iter_mut().zip(gains).zip(sums) {
            *weight = if sum > 0.0 { *weight * gain / sum } else { 0.0 };
        }
    }
    let likelihood = |size: f64| -> f64 {
        let of = |(terms, wrong): &([f64; TERMS], f64)| {
            let mean: f64 = terms.iter().zip(weights).map(|(t, w)| t * w).sum::<f64>().max(1e-9);
            log_negative_binomial(*wrong, mean, size)
        };
        rows.iter().map(of).sum()
    };
    let sizes = SIZES.map(|n| 0.1 * 1.09_f64.powi(n));
    let size = sizes.max_by(|a, b| likelihood(*a).total_cmp(&likelihood(*b))).unwrap_or(1.0);
    let mut per_sign = [0.0; Sign::ALL.len()];
    per_sign.iter_mut().zip(weights).for_each(|(to, from)| *to = rounded(from));
    Tendency { per_sign, per_hour: rounded(weights[TERMS - 1]), size: (size * 100.0).round() / 100.0 }
}

fn rounded(weight: f64) -> f64 {
    (weight * 10_000.0).round() / 10_000.0
}

/// Up to what does not depend on mean or size, but for the size's own part.
fn log_negative_binomial(k: f64, mean: f64, size: f64) -> f64 {
    let rising: f64 = (0..k as u64).map(|i| ((size + i as f64) / (size + mean)).ln()).sum();
    rising + k * mean.ln() + size * (size / (size + mean)).ln()
}

/// As it stands in the source.
pub fn print(name: &str, model: &Model) -> String {
    let tendency = |t: &Tendency| {
        let per_sign: Vec<String> = t.per_sign.iter().map(|w| format!("{w:.4}")).collect();
        let halves: Vec<String> = per_sign.chunks(8).map(|half| half.join(", ")).collect();
        format!(
            "Tendency {{\n            per_sign: [\n                {},\n            ],\n            per_hour: {:.4},\n            size: {:.2},\n        }}",
            halves.join(",\n                "),
            t.per_hour,
            t.size
        )
    };
    format!(
        "    {name}: Model {{\n        missed: {},\n        surplus: {},\n        z: {:.2},\n    }},",
        tendency(&model.missed),
        tendency(&model.surplus),
        model.z
    )
}
