use super::sample::{Sample, Score};
use super::{CHECKED_FROM, samples, scene};

/// Scenes that nothing was fitted to, far fewer and shorter than those of the bench.
#[test]
fn the_truth_lies_within_the_bands() {
    let samples = samples(CHECKED_FROM + 5_000_000, 36, 90).unwrap();
    let score = Score::of(samples.iter().filter(|s| s.together), Sample::band);
    assert!(score.bins >= 200, "{score:?}");
    assert!(score.coverage() >= 0.95, "{score:?}: {}", score.coverage());
    assert!(score.mean_width() <= 0.5, "{score:?}: {}", score.mean_width());
    let apart = Score::of(samples.iter().filter(|s| !s.together), Sample::band);
    assert!(apart.coverage() >= 0.95, "{apart:?}: {}", apart.coverage());
}

/// Where hardly anybody comes bands hold as well, and are no wider than is needed for that.
#[test]
fn the_truth_lies_within_the_bands_of_quiet_roads() {
    let bins = scene::run_all(CHECKED_FROM + 6_000_000, 24, 1_800, true).unwrap();
    let samples: Vec<Sample> = bins.iter().flat_map(Sample::of).collect();
    for together in [true, false] {
        let score = Score::of(samples.iter().filter(|s| s.together == together), Sample::band);
        assert!(score.bins >= 150, "{score:?}");
        assert!(score.coverage() >= 0.95, "{score:?}: {}", score.coverage());
        assert!(score.mean_width() <= 0.65, "{score:?}: {}", score.mean_width());
    }
}
