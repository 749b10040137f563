//! What a camera's source writes into: due frames go to the camera's lane of the queue, fewer of them while
//! the machine is overloaded, and changes of its state to the board and the pages.

use std::sync::{Arc, Mutex, PoisonError};

use wayside_ingest::{FrameSink, RateGate, SourceChange};
use wayside_types::{Frame, LiveEvent};

use crate::camera::DropReason;
use crate::live::Shared;

/// The sink of one camera.
pub struct CameraSink {
    lane: usize,
    shared: Arc<Shared>,
    slowed: Mutex<Slowed>,
}

/// Lets fewer frames through while the machine is overloaded.
struct Slowed {
    share: f64,
    gate: RateGate,
}

impl Slowed {
    fn lets_through(&mut self, share: f64, rate_fps: f64, frame: &Frame) -> bool {
        if share.to_bits() != self.share.to_bits() {
            *self = Self { share, gate: RateGate::new(rate_fps * share) };
        }
        share >= 1.0 || self.gate.due(frame.media_time)
    }
}

impl CameraSink {
    /// The sink of the camera with this lane and rate.
    pub fn new(lane: usize, shared: Arc<Shared>, rate_fps: f64) -> Self {
        Self { lane, shared, slowed: Mutex::new(Slowed { share: 1.0, gate: RateGate::new(rate_fps) }) }
    }
}

impl FrameSink for CameraSink {
    fn frame(&self, frame: Frame) {
        let Some(camera) = self.shared.cameras.get(self.lane) else { return };
        let mut slowed = self.slowed.lock().unwrap_or_else(PoisonError::into_inner);
        if !slowed.lets_through(self.shared.load.share(), camera.spec.profile.rate_fps, &frame) {
            camera.frame_dropped(DropReason::Slowed);
            return;
        }
        let dropped = self.shared.queue.push(self.lane, frame, self.shared.clock.monotonic());
        self.shared.load.offered(dropped.is_some());
        if dropped.is_some() {
            camera.frame_dropped(DropReason::Behind);
        }
    }

    fn state(&self, change: SourceChange) {
        let Some(camera) = self.shared.cameras.get(self.lane) else { return };
        if matches!(change, SourceChange::Lost { .. } | SourceChange::Ended | SourceChange::Failed { .. }) {
            camera.stream_broke();
        }
        let status = camera.board.change(&change, self.shared.clock.now());
        self.shared.hub.publish(LiveEvent::Camera(status));
    }
}
