//! A worker: takes frames off the queue, runs its own detector over them and carries each camera's
//! detections through tracking, measuring and binning. One worker a thread, one detector session a
//! worker and model.

use std::time::Duration;

use wayside_detect::{Detector, Lift};
use wayside_types::{Detection, Frame};

use crate::camera::{DropReason, LiveCamera};
use crate::live::Shared;
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
    let mut lifts = Vec::with_capacity(frames.len());
    for Queued { lane, frame, since } in frames {
        let Some(camera) = shared.cameras.get(lane) else { continue };
        camera.frame_taken(now.saturating_sub(since));
        show_silhouette(shared, camera, &frame, now);
        if let Some(lift) = camera.must_look(&frame) {
            cameras.push(camera);
            looked_at.push(frame);
            lifts.push(lift);
        } else {
            camera.frame_gated();
            analyse(shared, camera, &frame, None);
        }
    }
    if looked_at.is_empty() {
        return;
    }
    let began = shared.clock.monotonic();
    let found = detector.detect_lifted(&looked_at, &lifts, LOWEST_SCORE);
    let took = shared.clock.monotonic() - began;
    shared.detect_metric.record(took.as_secs_f64());
    for camera in &cameras {
        camera.board.detected(took);
    }
    match found {
        Ok(found) => {
            let seen = cameras.into_iter().zip(&looked_at).zip(lifts).zip(found);
            for (((camera, frame), lift), detections) in seen {
                show(shared, camera, frame, &detections, (detector, lift));
                analyse(shared, camera, frame, Some(detections));
            }
        }
        Err(error) => {
            for (camera, frame) in cameras.into_iter().zip(&looked_at) {
                camera.not_looked();
                camera.frame_dropped(DropReason::DetectError);
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
        camera.frame_dropped(DropReason::MeasureError);
        return;
    }
    camera.frame_analysed(frame, shared.clock.monotonic() - began, shared.clock.now());
}

/// Shows which cells of the picture differ from the empty road, to a page that is open for a tally. The frame was not
/// looked at yet: no detector has a part in it.
fn show_silhouette(shared: &Shared, camera: &LiveCamera, frame: &Frame, now: Duration) {
    if !shared.hub.is_silhouette_wanted(&frame.camera) {
        return;
    }
    if let Some(silhouette) = camera.view().silhouette(now, frame) {
        shared.hub.show_silhouette(&frame.camera, silhouette);
    }
}

/// Keeps the live view up to date. Only frames that the detector has seen go into the background: pixels of
/// a road user that nobody boxed must not.
fn show(
    shared: &Shared,
    camera: &LiveCamera,
    frame: &Frame,
    detections: &[Detection],
    (detector, lift): (&mut Detector, Lift),
) {
    let now = shared.clock.monotonic();
    let mut view = camera.view();
    view.sample(now, frame, detections);
    match view.picture(now, frame, (detector, lift)) {
        Ok(Some(jpeg)) => shared.hub.set_background(&frame.camera, jpeg),
        Ok(None) => {}
        Err(error) => tracing::warn!(camera = %frame.camera, %error, "no background view"),
    }
}
