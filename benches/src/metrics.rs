//! Reads what `/metrics` says (Prometheus' text format 0.0.4): sums over cameras, and quantiles of histograms.

use std::collections::BTreeMap;

/// One reading: every sample's name with its labels, and its value.
#[derive(Debug, Clone, Default)]
pub struct Metrics(Vec<(String, f64)>);

impl Metrics {
    /// Reads the text; comments and lines without a number are left out.
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        Self(
            lines
                .filter_map(|l| l.rsplit_once(' ').and_then(|(k, v)| Some((k.to_owned(), v.parse().ok()?))))
                .collect(),
        )
    }

    fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        self.0.iter().filter_map(move |(key, value)| {
            let labels = key.strip_prefix(name)?;
            (labels.is_empty() || labels.starts_with('{')).then_some((labels, *value))
        })
    }

    /// The sum over all labels; 0 where there is no sample.
    pub fn sum(&self, name: &str) -> f64 {
        self.of(name).map(|(_, value)| value).sum()
    }

    /// How many samples there are: cameras, for a metric with a label `camera` alone.
    pub fn samples(&self, name: &str) -> usize {
        self.of(name).count()
    }

    /// What a histogram counted up to each upper bound, over all other labels, the lowest bound first.
    pub fn buckets(&self, name: &str) -> Vec<(f64, f64)> {
        let mut sums: BTreeMap<u64, (f64, f64)> = BTreeMap::new();
        for (labels, value) in self.of(&format!("{name}_bucket")) {
            let bound = label(labels, "le")
                .and_then(|b| if b == "+Inf" { Some(f64::INFINITY) } else { b.parse().ok() });
            let Some(bound) = bound.filter(|b| *b >= 0.0) else { continue };
            // The bits of numbers that are not negative sort as the numbers do.
            sums.entry(bound.to_bits()).or_insert((bound, 0.0)).1 += value;
        }
        sums.into_values().collect()
    }
}

fn label<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = labels.split_once(&format!("{name}=\""))?;
    Some(rest.split_once('"')?.0)
}

/// The `q` quantile of what came between two readings of a histogram, straight-line within its bucket as
/// Prometheus' `histogram_quantile` does. `None` where nothing came; infinite above the last finite bound.
pub fn quantile(before: &[(f64, f64)], after: &[(f64, f64)], q: f64) -> Option<f64> {
    let earlier = |bound: f64| before.iter().find(|(b, _)| *b == bound).map_or(0.0, |(_, n)| *n);
    let counts: Vec<(f64, f64)> = after.iter().map(|(bound, n)| (*bound, n - earlier(*bound))).collect();
    let rank = q * counts.last().filter(|(_, n)| *n > 0.0)?.1;
    let (mut low, mut under) = (0.0, 0.0);
    for (bound, up_to) in counts {
        if up_to >= rank && up_to > under {
            let within = (rank - under) / (up_to - under);
            return Some(if bound.is_finite() { low + (bound - low) * within } else { f64::INFINITY });
        }
        (low, under) = (bound, up_to);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# TYPE frames_total counter\nframes_total{camera=\"a\"} 10\nframes_total{camera=\"b\"} 5\n\
        frames_total_more 100\nage_seconds_bucket{camera=\"a\",le=\"0.1\"} 4\nage_seconds_bucket{camera=\"b\",le=\"0.1\"} 4\n\
        age_seconds_bucket{camera=\"a\",le=\"+Inf\"} 5\nage_seconds_bucket{camera=\"b\",le=\"+Inf\"} 5\n\
        age_seconds_bucket{camera=\"a\",le=\"0.2\"} 5\nage_seconds_bucket{camera=\"b\",le=\"0.2\"} 4\nwaiting 3\n";

    #[test]
    fn sums_are_over_labels_of_one_name() {
        let metrics = Metrics::parse(TEXT);
        assert_eq!(metrics.sum("frames_total"), 15.0);
        assert_eq!(metrics.samples("frames_total"), 2);
        assert_eq!(metrics.sum("waiting"), 3.0);
        assert_eq!(metrics.sum("nothing"), 0.0);
    }

    #[test]
    fn quantiles_lie_straight_within_their_bucket() {
        let after = Metrics::parse(TEXT).buckets("age_seconds");
        assert_eq!(after, [(0.1, 8.0), (0.2, 9.0), (f64::INFINITY, 10.0)]);
        let near = |q: f64, wanted: f64| {
            let got = quantile(&[], &after, q).unwrap();
            assert!((got - wanted).abs() < 1e-9, "{q}: {got} is not {wanted}");
        };
        near(0.4, 0.05);
        near(0.8, 0.1);
        near(0.85, 0.15);
        assert_eq!(quantile(&[], &after, 0.99), Some(f64::INFINITY));
    }

    #[test]
    fn only_what_came_in_between_counts() {
        let before = [(0.1, 8.0), (0.2, 8.0), (f64::INFINITY, 8.0)];
        let after = [(0.1, 8.0), (0.2, 12.0), (f64::INFINITY, 12.0)];
        assert!((quantile(&before, &after, 0.5).unwrap() - 0.15).abs() < 1e-9);
        assert_eq!(quantile(&before, &before, 0.5), None);
        assert_eq!(quantile(&[], &[], 0.5), None);
    }
}
