//! A worker: takes frames off the queue, runs its own detector over them and carries each camera's
//! detections through tracking, measuring and binning. One worker a thread, one detector session a
//! worker and model.

use std::time::Duration;

use metrics::{counter, histogram};
use wayside_detect::Detector;
use wayside_types::{Detection, Frame};

use crate::live::{LiveCamera, Shared};
use crate::queue::Queued;

/// The detector is asked for everything from this score on: what must be kept out of the background is
/// more than what is tracked.
const LOWEST_SCORE: f32 = 0.1;

/// Works until the queue is closed and empty. `detectors` are in the order of the models.
pub fn run(shared: &Shared, mut detectors: Vec<Detector>) {
    let most: Vec<usize> = detectors.iter().map(Detector::max_batch).collect();
    while let Some(batch) = shared.queue.take(|model| most.get(model).copied().unwrap_or(1)) {
        let began = shared.clock.monotonic();
        let lanes: Vec<usize> = batch.frames.iter().map(|queued| queued.lane).collect();
        if let Some(detector) = detectors.get_mut(batch.model) {
            work(shared, batch.frames, detector, began);
        }
        for lane in lanes {
            shared.queue.done(lane);
        }
        shared.load.worked(shared.clock.monotonic() - began);
    }
}

/// Looks at the frames that show something new, and takes what is known of the others as still true.
fn work(shared: &Shared, frames: Vec<Queued>, detector: &mut Detector, now: Duration) {
    let mut cameras = Vec::with_capacity(frames.len());
    let mut looked_at = Vec::with_capacity(frames.len());
    for Queued { lane, frame, since } in frames {
        let Some(camera) = shared.cameras.get(lane) else { continue };
        let id = camera.spec.id.as_str().to_owned();
        histogram!("wayside_queue_wait_seconds", "camera" => id.clone())
            .record(now.saturating_sub(since).as_secs_f64());
        if camera.must_look(&frame) {
            cameras.push(camera);
            looked_at.push(frame);
        } else {
            counter!("wayside_frames_gated_total", "camera" => id).increment(1);
            analyse(shared, camera, &frame, None);
        }
    }
    if looked_at.is_empty() {
        return;
    }
    let began = shared.clock.monotonic();
    let found = detector.detect(&looked_at, LOWEST_SCORE);
    histogram!("wayside_detect_seconds").record((shared.clock.monotonic() - began).as_secs_f64());
    match found {
        Ok(found) => {
            for ((camera, frame), detections) in cameras.into_iter().zip(&looked_at).zip(found) {
                show(shared, camera, frame, &detections, detector);
                analyse(shared, camera, frame, Some(detections));
            }
        }
        Err(error) => {
            for (camera, frame) in cameras.into_iter().zip(&looked_at) {
                camera.not_looked();
                camera.frame_dropped("detect_error");
                tracing::warn!(camera = %frame.camera, %error, "frame not analysed");
            }
        }
    }
}

/// Carries a frame's detections to the bins; `None` is those of the camera's frame before.
fn analyse(shared: &Shared, camera: &LiveCamera, frame: &Frame, detections: Option<Vec<Detection>>) {
    let began = shared.clock.monotonic();
    if let Err(error) = camera.measure(frame, detections) {
        tracing::error!(camera = %frame.camera, %error, "frame not measured");
        camera.frame_dropped("measure_error");
        return;
    }
    let id = frame.camera.as_str().to_owned();
    let took = shared.clock.monotonic() - began;
    histogram!("wayside_track_seconds", "camera" => id.clone()).record(took.as_secs_f64());
    camera.board.analysed(frame.captured_at, frame.size);
    counter!("wayside_frames_analysed_total", "camera" => id.clone()).increment(1);
    let age = Duration::try_from(shared.clock.now().duration_since(frame.captured_at)).unwrap_or_default();
    histogram!("wayside_capture_to_result_seconds", "camera" => id).record(age.as_secs_f64());
}

/// Keeps the live view up to date. Only frames that the detector has seen go into the background: pixels of
/// a road user that nobody boxed must not.
fn show(
    shared: &Shared,
    camera: &LiveCamera,
    frame: &Frame,
    detections: &[Detection],
    detector: &mut Detector,
) {
    let now = shared.clock.monotonic();
    let mut view = camera.view();
    view.sample(now, frame, detections);
    match view.picture(now, frame, detector) {
        Ok(Some(jpeg)) => shared.hub.set_background(&frame.camera, jpeg),
        Ok(None) => {}
        Err(error) => tracing::warn!(camera = %frame.camera, %error, "no background view"),
    }
}
