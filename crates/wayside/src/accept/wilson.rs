//! How sure a share is that was found in so many trials: the score interval of Wilson, "Probable inference, the law
//! of succession, and statistical inference", Journal of the American Statistical Association 22 (1927), equation 3.

/// The 97.5 % point of the normal distribution: 95 % lie within it on both sides.
const Z: f64 = 1.959_963_984_540_054;

/// The 95 % interval of the share of which `hits` of `trials` is the estimate; `None` without trials.
pub fn interval(hits: u64, trials: u64) -> Option<(f64, f64)> {
    if trials == 0 {
        return None;
    }
    let (n, z2) = (trials as f64, Z * Z);
    let p = hits as f64 / n;
    let middle = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    Some(((middle - half).max(0.0), (middle + half).min(1.0)))
}

#[cfg(test)]
mod tests {
    use super::interval;

    #[test]
    fn intervals_are_those_of_the_tables() {
        // Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998),
        // table I, method 3.
        for (hits, trials, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            let (l, h) = interval(hits, trials).unwrap();
            assert!((l - low).abs() < 1e-4 && (h - high).abs() < 1e-4, "{hits} of {trials}: {l} to {h}");
        }
        let (low, high) = interval(50, 50).unwrap();
        assert!((low - 0.9287).abs() < 1e-4 && (high - 1.0).abs() < 1e-9);
        assert_eq!(interval(0, 0), None);
    }
}
