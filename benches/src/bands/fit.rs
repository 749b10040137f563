//! Finds the weights of the bands: the means of what is missed and what is counted too much by Poisson likelihood with
//! an identity link and weights not below 0 (the iteration of Richardson 1972 and Lucy 1974, which is EM), their spread by
//! the negative binomial's likelihood, and the width by the share of other scenes' bins that the bands hold.

use wayside_types::quality::{Model, Tendency, settled};
use wayside_types::{Evidence, Sign};

use super::sample::{Sample, Score};
use super::tally::Origin;

/// Signs, what comes once, and hours.
const TERMS: usize = Sign::ALL.len() + 2;
/// Rounds of the iteration; it has long come to rest.
const ROUNDS: usize = 4_000;
/// Sizes that are tried: the spread of a camera's own ways, 300 to 15 %.
const SIZES: std::ops::RangeInclusive<i32> = 0..=60;
/// What the bands are to hold of the scenes that they were not fitted to: more than they promise.
const WANTED: f64 = 0.97;
/// What a quiet scene weighs, of one with traffic.
const QUIET: f64 = 0.1;
/// At least so many are missed in an hour, whatever was seen. Chosen, not fitted: scenes in which hardly anybody comes say none, but
/// a camera may see a class worse than any of these does.
const LEAST_MISSED_PER_HOUR: f64 = 0.05;

/// Signs that say nothing by themselves: of how a track ended nothing follows for a count that its beginning and the
/// other signs don't tell, and the end comes later than the bin.
fn is_used(sign: Sign, together: bool) -> bool {
    match sign {
        Sign::Ended | Sign::EndedAstray => false,
        Sign::Wavering | Sign::Elsewhere | Sign::Hesitant | Sign::Resembling => !together,
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
    terms[TERMS - 2] = settled(sample.seconds);
    terms[TERMS - 1] = sample.seconds / 3_600.0;
    terms
}

/// Fits the weights to all samples. The width is such that bands which were fitted to the one half of the scenes hold what is wanted
/// of the other half, even and odd ones together, of every kind of scene for itself.
pub fn fit(samples: &[Sample]) -> Model {
    let half =
        |odd: bool| -> Vec<&Sample> { samples.iter().filter(|s| s.scene.is_multiple_of(2) != odd).collect() };
    let halves = [true, false].map(|odd| (of(&half(!odd)), half(odd)));
    let mut model = of(&samples.iter().collect::<Vec<_>>());
    while model.z < 4.0 {
        let holds = |origin: Origin| {
            let scores = halves.iter().map(|(fitted, others)| {
                let own = others.iter().copied().filter(|s| s.origin == origin);
                let fitted = Model { z: model.z, ..*fitted };
                Score::of(own, |s| fitted.band(s.count, &s.evidence, s.seconds))
            });
            let (held, bins) = scores.fold((0, 0), |sum, s| (sum.0 + s.held, sum.1 + s.bins));
            held as f64 >= WANTED * bins as f64
        };
        if Origin::ALL.into_iter().all(holds) {
            break;
        }
        model.z += 0.02;
    }
    model
}

fn of(samples: &[&Sample]) -> Model {
    let missed = tendency(samples, LEAST_MISSED_PER_HOUR, |s| s.missed as f64);
    let surplus = tendency(samples, 0.0, |s| s.surplus as f64);
    Model { missed, surplus, z: 1.0 }
}

/// What a sample weighs: drawn ones more than made ones, of which there are far more, so that they are heard; but not as much as
/// all of those together, or the fit would be that of a few pictures. Quiet ones weigh less than others, or what is known of a busy road would be
/// made up for by what is not there on an empty one.
fn weight_of(samples: &[&Sample]) -> impl Fn(&Sample) -> f64 {
    let counted = |origin: Origin| -> f64 {
        samples.iter().filter(|s| s.origin == origin).map(|s| s.count as f64).sum()
    };
    let weight = |made: Origin, drawn: Origin| {
        let (made, drawn) = (counted(made), counted(drawn));
        if made > 0.0 && drawn > 0.0 { (made / drawn).sqrt() } else { 1.0 }
    };
    let (busy, quiet) = (weight(Origin::Made, Origin::Drawn), weight(Origin::MadeQuiet, Origin::DrawnQuiet));
    move |sample| match sample.origin {
        Origin::Made => 1.0,
        Origin::Drawn => busy,
        Origin::MadeQuiet => QUIET,
        Origin::DrawnQuiet => QUIET * quiet,
    }
}

/// What a sample says to the fit.
struct Row {
    terms: [f64; TERMS],
    wrong: f64,
    weight: f64,
}

impl Row {
    fn mean(&self, weights: &[f64; TERMS]) -> f64 {
        self.terms.iter().zip(weights).map(|(t, w)| t * w).sum::<f64>().max(1e-9)
    }
}

fn tendency(samples: &[&Sample], least_per_hour: f64, wrong: impl Fn(&Sample) -> f64) -> Tendency {
    let weight = weight_of(samples);
    let rows: Vec<Row> =
        samples.iter().map(|s| Row { terms: terms(s), wrong: wrong(s), weight: weight(s) }).collect();
    let mut sums = [0.0; TERMS];
    for row in &rows {
        sums.iter_mut().zip(row.terms).for_each(|(sum, term)| *sum += row.weight * term);
    }
    let mut weights = [0.05; TERMS];
    for _ in 0..ROUNDS {
        let mut gains = [0.0; TERMS];
        for row in &rows {
            let ratio = row.weight * row.wrong / row.mean(&weights);
            gains.iter_mut().zip(row.terms).for_each(|(gain, term)| *gain += term * ratio);
        }
        for ((weight, gain), sum) in weights.iter_mut().zip(gains).zip(sums) {
            *weight = if sum > 0.0 { *weight * gain / sum } else { 0.0 };
        }
    }
    weights[TERMS - 1] = weights[TERMS - 1].max(least_per_hour);
    let likelihood = |size: f64| -> f64 {
        rows.iter().map(|row| row.weight * log_negative_binomial(row.wrong, row.mean(&weights), size)).sum()
    };
    let sizes = SIZES.map(|n| 0.1 * 1.09_f64.powi(n));
    let size = sizes.max_by(|a, b| likelihood(*a).total_cmp(&likelihood(*b))).unwrap_or(1.0);
    let mut per_sign = [0.0; Sign::ALL.len()];
    per_sign.iter_mut().zip(weights).for_each(|(to, from)| *to = rounded(from));
    Tendency {
        per_sign,
        once: rounded(weights[TERMS - 2]),
        per_hour: rounded(weights[TERMS - 1]),
        size: (size * 100.0).round() / 100.0,
    }
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
            "Tendency {{\n            per_sign: [\n                {},\n            ],\n            once: {:.4},\n            per_hour: {:.4},\n            size: {:.2},\n        }}",
            halves.join(",\n                "),
            t.once,
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
