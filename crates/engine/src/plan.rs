//! How many workers there are and how many frames go into one run of the detector: measured before the first
//! frame comes, because neither follows from the provider alone. What is chosen from the measurements is pure.

use std::sync::Arc;
use std::time::Duration;

use wayside_detect::{DetectError, Detector, DetectorOptions, Provider};
use wayside_types::frame::OwnedPixels;
use wayside_types::{CameraId, Clock, Frame, FrameSize, PixelFormat, Timestamp};

use crate::live::DetectorSetup;

/// The most frames in one run that are tried on the processor, where caches are small, and elsewhere.
const CPU_BATCH: usize = 4;
const ACCELERATOR_BATCH: usize = 16;
/// Whoever waits for a batch waits for the whole of it: longer runs are not taken.
const LONGEST_RUN: Duration = Duration::from_millis(100);
/// A larger batch must save at least this share of the time that a frame takes.
const BATCH_PAYS: f64 = 0.05;
/// Times that each batch is run after it was run once to warm up; the fastest counts.
const RUNS: usize = 3;
/// The most workers that are tried on an accelerator: each has its own copy of the model there.
const ACCELERATOR_WORKERS: usize = 4;
/// How long each number of workers is tried.
const TRIAL: Duration = Duration::from_millis(150);
/// A trial ends after so many frames, whatever the clock says.
const TRIAL_FRAMES: usize = 4096;
/// Another number of workers than the usual must get this much more done: a trial this short is not exact.
const WORKERS_PAY: f64 = 0.1;

/// How many workers there are, each with a session a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workers {
    /// So many, at least 1.
    Exactly(usize),
    /// As many as get the most done on this machine, at least 1 and at most so many.
    UpTo(usize),
}

impl Workers {
    /// The most that there can be.
    #[must_use]
    pub fn most(self) -> usize {
        let (Self::Exactly(n) | Self::UpTo(n)) = self;
        n.max(1)
    }
}

/// Opens the detectors of every worker: as many, and with as large batches, as were found to be best. `camera` is
/// anyone's, for the frames that are tried.
///
/// # Errors
/// [`DetectError`] of the first detector that can't be opened or run.
pub fn open(
    setup: &DetectorSetup,
    camera: &CameraId,
    clock: &dyn Clock,
) -> Result<Vec<Vec<Detector>>, DetectError> {
    let on_cpu = setup.provider == Provider::Cpu;
    let options = DetectorOptions {
        provider: setup.provider,
        max_batch: if on_cpu { CPU_BATCH } else { ACCELERATOR_BATCH },
        ..DetectorOptions::default()
    };
    let frame = grey(camera);
    let candidates = candidates(setup.workers, on_cpu);
    let most = candidates.iter().copied().max().unwrap_or(1);
    let mut workers = setup.open_each(&options, most)?;
    let mut batches = Vec::new();
    for detector in workers.first_mut().into_iter().flatten() {
        batches.push(match detector.max_batch() {
            1 => 1,
            _ => best_batch(&time_batches(detector, &frame, clock)?),
        });
    }
    for (detector, batch) in workers.iter_mut().flat_map(|detectors| detectors.iter_mut().zip(&batches)) {
        detector.limit_batch(*batch);
    }
    let usual = if on_cpu { most } else { 1 };
    let chosen = match candidates.as_slice() {
        [] | [_] => most,
        several => best_workers(&time_workers(several, &mut workers, &frame, clock)?, usual),
    };
    workers.truncate(chosen);
    tracing::info!(workers = chosen, ?batches, "detectors are open");
    Ok(workers)
}

/// The numbers of workers that are tried. On the processor all cores or half of them, where two share what one
/// core is made of; on an accelerator from one upwards.
fn candidates(workers: Workers, on_cpu: bool) -> Vec<usize> {
    match workers {
        Workers::Exactly(n) => vec![n.max(1)],
        Workers::UpTo(most) if on_cpu => {
            let mut some = vec![most.div_ceil(2).max(1), most.max(1)];
            some.dedup();
            some
        }
        Workers::UpTo(most) => (1..=most.clamp(1, ACCELERATOR_WORKERS)).collect(),
    }
}

/// How long a run of each batch size takes, sizes doubling.
fn time_batches(
    detector: &mut Detector,
    frame: &Frame,
    clock: &dyn Clock,
) -> Result<Vec<(usize, Duration)>, DetectError> {
    let mut timed = Vec::new();
    let mut batch = 1;
    while batch <= detector.max_batch() {
        let frames = vec![frame.clone(); batch];
        detector.detect(&frames, 1.0)?;
        let mut fastest = Duration::MAX;
        for _ in 0..RUNS {
            let began = clock.monotonic();
            detector.detect(&frames, 1.0)?;
            fastest = fastest.min(clock.monotonic() - began);
        }
        timed.push((batch, fastest));
        batch *= 2;
    }
    Ok(timed)
}

/// The smallest batch that no larger one beats by what is worth it. `timed` is in ascending order.
fn best_batch(timed: &[(usize, Duration)]) -> usize {
    let mut best = (1, f64::INFINITY);
    for (batch, took) in timed {
        let a_frame = took.as_secs_f64() / *batch as f64;
        if *batch == 1 || (*took <= LONGEST_RUN && a_frame < best.1 * (1.0 - BATCH_PAYS)) {
            best = (*batch, a_frame);
        }
    }
    best.0
}

/// Frames a second that so many workers get through, all at once, of the first model.
fn time_workers(
    candidates: &[usize],
    workers: &mut [Vec<Detector>],
    frame: &Frame,
    clock: &dyn Clock,
) -> Result<Vec<(usize, f64)>, DetectError> {
    candidates
        .iter()
        .map(|&count| {
            let done = std::thread::scope(|scope| {
                let started: Vec<_> = workers
                    .iter_mut()
                    .take(count)
                    .filter_map(|detectors| detectors.first_mut())
                    .map(|detector| scope.spawn(|| frames_a_second(detector, frame, clock)))
                    .collect();
                let rates = started.into_iter().map(|thread| thread.join().unwrap_or(Ok(0.0)));
                rates.sum::<Result<f64, DetectError>>()
            })?;
            Ok((count, done))
        })
        .collect()
}

fn frames_a_second(detector: &mut Detector, frame: &Frame, clock: &dyn Clock) -> Result<f64, DetectError> {
    let frames = vec![frame.clone(); detector.max_batch()];
    detector.detect(&frames, 1.0)?;
    let began = clock.monotonic();
    let mut done = 0;
    loop {
        detector.detect(&frames, 1.0)?;
        done += frames.len();
        let lasted = clock.monotonic() - began;
        if lasted >= TRIAL || done >= TRIAL_FRAMES {
            return Ok(done as f64 / lasted.as_secs_f64().max(f64::EPSILON));
        }
    }
}

/// The usual number of workers, unless another gets clearly more done; of several, the fewest.
fn best_workers(timed: &[(usize, f64)], usual: usize) -> usize {
    let rate_of = |count| timed.iter().find(|(n, _)| *n == count).map_or(0.0, |(_, rate)| *rate);
    let mut best = (usual, rate_of(usual));
    for (count, rate) in timed {
        if *rate > best.1 * (1.0 + WORKERS_PAY) {
            best = (*count, *rate);
        }
    }
    best.0
}

/// What is looked at: how long that takes does not depend on what it shows.
fn grey(camera: &CameraId) -> Frame {
    let size = FrameSize { width: 640, height: 360 };
    let (width, height) = (size.width as usize, size.height as usize);
    let chroma = || (vec![128; width * height / 4], width / 2);
    let planes = vec![(vec![128; width * height], width), chroma(), chroma()];
    Frame {
        camera: camera.clone(),
        captured_at: Timestamp::UNIX_EPOCH,
        media_time: Duration::ZERO,
        seq: 0,
        size,
        format: PixelFormat::I420,
        pixels: Arc::new(OwnedPixels::planar(planes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(of: &[(usize, u64)]) -> Vec<(usize, Duration)> {
        of.iter().map(|(batch, ms)| (*batch, Duration::from_millis(*ms))).collect()
    }

    #[test]
    fn batches_are_as_large_as_they_pay_and_nobody_waits_long() {
        // A processor: twice the frames take twice the time.
        assert_eq!(best_batch(&times(&[(1, 10), (2, 20), (4, 39)])), 1);
        // An accelerator: nearly for nothing up to 8.
        assert_eq!(best_batch(&times(&[(1, 4), (2, 5), (4, 6), (8, 9), (16, 18)])), 8);
        // The largest would be the best, and takes too long.
        assert_eq!(best_batch(&times(&[(1, 60), (2, 70), (4, 101)])), 2);
        assert_eq!(best_batch(&times(&[(1, 400), (2, 410)])), 1);
        assert_eq!(best_batch(&[]), 1);
    }

    #[test]
    fn workers_are_the_usual_number_unless_another_gets_clearly_more_done() {
        assert_eq!(best_workers(&[(1, 90.0), (2, 170.0)], 2), 2);
        assert_eq!(best_workers(&[(1, 100.0), (2, 95.0)], 2), 2);
        assert_eq!(best_workers(&[(4, 120.0), (8, 100.0)], 8), 4);
        assert_eq!(best_workers(&[(1, 800.0), (2, 850.0), (3, 1_000.0), (4, 1_050.0)], 1), 3);
    }

    #[test]
    fn as_many_workers_are_tried_as_make_sense() {
        assert_eq!(candidates(Workers::Exactly(7), true), [7]);
        assert_eq!(candidates(Workers::Exactly(0), false), [1]);
        assert_eq!(candidates(Workers::UpTo(1), true), [1]);
        assert_eq!(candidates(Workers::UpTo(2), true), [1, 2]);
        assert_eq!(candidates(Workers::UpTo(5), true), [3, 5]);
        assert_eq!(candidates(Workers::UpTo(16), false), [1, 2, 3, 4]);
    }
}
