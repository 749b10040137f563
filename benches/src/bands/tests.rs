use super::sample::{Sample, Score};
use super::{CHECKED_FROM, samples};

/// Scenes that nothing was fitted to, far fewer and shorter than those of the bench.
#[test]
fn the_truth_lies_within_the_bands() {
    let samples = samples(CHECKED_FROM + 5_000_000, 36, 90).unwrap();
    let score = Score::of(samples.iter().filter(|s| s.together), Sample::band);
    assert!(score.bins >= 200, "{score:?}");
    assert!(score.coverage() >= 0.95, "{score:?}: {}", score.coverage());
    assert!(score.mean_width() <= 0.45, "{score:?}: {}", score.mean_width());
    let apart = Score::of(samples.iter().filter(|s| !s.together), Sample::band);
    assert!(apart.coverage() >= 0.95, "{apart:?}: {}", apart.coverage());
}
