//! A worker: takes frames off the queue, runs its own detector over them and carries each camera's
//! detections through tracking, measuring and binning. One worker a thread, one detector session a
//! worker and model.

use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, histogram};
use wayside_detect::Detector;
use wayside_types::{Detection, Frame};

use crate::live::{LiveCamera, Shared};
use crate::queue::Batch;

/// The detector is asked for everything from this score on: what must be kept out of the background is
/// more than what is tracked.
const LOWEST_SCORE: f32 = 0.1;

/// Works until the queue is closed and empty. `detectors` are in the order of the models.
pub fn run(shared: &Shared, mut detectors: Vec<Detector>) {
    let most: Vec<usize> = detectors.iter().map(Detector::max_batch).collect();
    while let Some(batch) = shared.queue.take(|model| most.get(model).copied().unwrap_or(1)) {
        if let Some(detector) = detectors.get_mut(batch.model) {
            work(shared, &batch, detector);
        }
        for (lane, _) in &batch.frames {
            shared.queue.done(*lane);
        }
    }
}

fn work(shared: &Shared, batch: &Batch, detector: &mut Detector) {
    let frames: Vec<Frame> = batch.frames.iter().map(|(_, frame)| frame.clone()).collect();
    let began = shared.clock.monotonic();
    let found = detector.detect(&frames, LOWEST_SCORE);
    histogram!("wayside_detect_seconds").record((shared.clock.monotonic() - began).as_secs_f64());
    match found {
        Ok(found) => {
            for ((lane, frame), detections) in batch.frames.iter().zip(found) {
                if let Some(camera) = shared.cameras.get(*lane) {
                    analyse(shared, camera, frame, detections, detector);
                }
            }
        }
        Err(error) => {
            for (lane, frame) in &batch.frames {
                if let Some(camera) = shared.cameras.get(*lane) {
                    camera.frame_dropped("detect_error");
                }
                tracing::warn!(camera = %frame.camera, %error, "frame not analysed");
            }
        }
    }
}

fn analyse(
    shared: &Shared,
    camera: &Arc<LiveCamera>,
    frame: &Frame,
    detections: Vec<Detection>,
    detector: &mut Detector,
) {
    let now = shared.clock.monotonic();
    show(shared, camera, frame, &detections, detector, now);
    if let Err(error) = camera.measure(frame, detections) {
        tracing::error!(camera = %frame.camera, %error, "frame not measured");
        camera.frame_dropped("measure_error");
        return;
    }
    camera.board.analysed(frame.captured_at, frame.size);
    let id = frame.camera.as_str().to_owned();
    counter!("wayside_frames_analysed_total", "camera" => id.clone()).increment(1);
    let age = Duration::try_from(shared.clock.now().duration_since(frame.captured_at)).unwrap_or_default();
    histogram!("wayside_capture_to_result_seconds", "camera" => id).record(age.as_secs_f64());
}

fn show(
    shared: &Shared,
    camera: &LiveCamera,
    frame: &Frame,
    detections: &[Detection],
    detector: &mut Detector,
    now: Duration,
) {
    let mut view = camera.view();
    view.sample(now, frame, detections);
    match view.picture(now, frame, detector) {
        Ok(Some(jpeg)) => shared.hub.set_background(&frame.camera, jpeg),
        Ok(None) => {}
        Err(error) => tracing::warn!(camera = %frame.camera, %error, "no background view"),
    }
}
