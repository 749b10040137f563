//! The waiting room between cameras and detectors: one short lane a camera, taken in turn. When a lane
//! is full its own oldest frame goes, so that no camera delays another; a camera is served by one worker
//! at a time, so that its frames stay in order. What is done with a frame is [`crate::worker`]'s matter.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use wayside_types::Frame;

/// Frames of one camera that may wait.
const LANE_CAPACITY: usize = 2;

/// Which detector model a lane's frames want; lanes of one model share batches.
pub type ModelIndex = usize;

/// One short lane a camera.
pub struct FairQueue {
    state: Mutex<State>,
    ready: Condvar,
}

struct State {
    lanes: Vec<Lane>,
    next: usize,
    closed: bool,
}

struct Lane {
    model: ModelIndex,
    waiting: VecDeque<Queued>,
    busy: bool,
}

/// A frame that waits, or was handed out.
pub struct Queued {
    /// Whose: the index of its camera.
    pub lane: usize,
    /// The frame.
    pub frame: Frame,
    /// Since when it waits, on the monotonic clock.
    pub since: Duration,
}

/// Frames handed to a worker, all for one model, at most one a camera.
pub struct Batch {
    /// Which model they want.
    pub model: ModelIndex,
    /// The frames.
    pub frames: Vec<Queued>,
}

impl FairQueue {
    /// Lanes in the order of `models`: one a camera, with the model its frames want.
    #[must_use]
    pub fn new(models: &[ModelIndex]) -> Self {
        let lanes = models
            .iter()
            .map(|&model| Lane { model, waiting: VecDeque::with_capacity(LANE_CAPACITY), busy: false })
            .collect();
        Self { state: Mutex::new(State { lanes, next: 0, closed: false }), ready: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a frame at a moment of the monotonic clock. Gives back the camera's oldest waiting frame if that
    /// had to make room, or the frame itself after [`FairQueue::close`].
    pub fn push(&self, lane: usize, frame: Frame, now: Duration) -> Option<Frame> {
        let mut state = self.lock();
        if state.closed {
            return Some(frame);
        }
        let Some(target) = state.lanes.get_mut(lane) else { return Some(frame) };
        let dropped = if target.waiting.len() >= LANE_CAPACITY { target.waiting.pop_front() } else { None };
        target.waiting.push_back(Queued { lane, frame, since: now });
        drop(state);
        self.ready.notify_one();
        dropped.map(|queued| queued.frame)
    }

    /// Waits for work: up to `max_batch(model)` frames of different cameras that want the same model,
    /// cameras in turn. `None` once the queue is closed and empty.
    pub fn take(&self, max_batch: impl Fn(ModelIndex) -> usize) -> Option<Batch> {
        let mut state = self.lock();
        loop {
            if let Some(batch) = state.take(&max_batch) {
                return Some(batch);
            }
            if state.closed && state.lanes.iter().all(|lane| lane.waiting.is_empty()) {
                return None;
            }
            state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Says that a camera's frame is through, so that its next may be taken.
    pub fn done(&self, lane: usize) {
        let mut state = self.lock();
        if let Some(lane) = state.lanes.get_mut(lane) {
            lane.busy = false;
        }
        drop(state);
        self.ready.notify_all();
    }

    /// Frames that wait, over all cameras.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.lock().lanes.iter().map(|lane| lane.waiting.len()).sum()
    }

    /// Frames that wait, camera by camera.
    #[must_use]
    pub fn depths(&self) -> Vec<usize> {
        self.lock().lanes.iter().map(|lane| lane.waiting.len()).collect()
    }

    /// No more frames are taken in; what waits is still handed out.
    pub fn close(&self) {
        self.lock().closed = true;
        self.ready.notify_all();
    }
}

impl State {
    fn take(&mut self, max_batch: &impl Fn(ModelIndex) -> usize) -> Option<Batch> {
        let lanes = self.lanes.len();
        let mut batch: Option<Batch> = None;
        for step in 0..lanes {
            let index = (self.next + step) % lanes;
            let lane = &mut self.lanes[index];
            if lane.busy || batch.as_ref().is_some_and(|b| b.model != lane.model) {
                continue;
            }
            let Some(queued) = lane.waiting.pop_front() else { continue };
            lane.busy = true;
            let model = lane.model;
            let taken = batch.get_or_insert_with(|| Batch { model, frames: Vec::new() });
            taken.frames.push(queued);
            if taken.frames.len() >= max_batch(model).max(1) {
                break;
            }
        }
        if let Some(last) = batch.as_ref().and_then(|b| b.frames.last()) {
            self.next = (last.lane + 1) % lanes;
        }
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use wayside_types::frame::OwnedPixels;
    use wayside_types::{CameraId, FrameSize, PixelFormat, Timestamp};

    fn frame(camera: &str, seq: u64) -> Frame {
        Frame {
            camera: CameraId::new(camera).unwrap(),
            captured_at: Timestamp::UNIX_EPOCH,
            media_time: Duration::from_millis(seq),
            seq,
            size: FrameSize { width: 2, height: 2 },
            format: PixelFormat::Rgb8,
            pixels: Arc::new(OwnedPixels::rgb8(vec![0; 12], 2)),
        }
    }

    fn taken(queue: &FairQueue, max: usize) -> Vec<(usize, u64)> {
        queue.take(|_| max).unwrap().frames.iter().map(|q| (q.lane, q.frame.seq)).collect()
    }

    #[test]
    fn a_full_lane_drops_its_own_oldest() {
        let queue = FairQueue::new(&[0, 0]);
        assert!(queue.push(1, frame("b", 100), Duration::ZERO).is_none());
        for seq in 0..2 {
            assert!(queue.push(0, frame("a", seq), Duration::ZERO).is_none());
        }
        assert_eq!(queue.push(0, frame("a", 2), Duration::ZERO).unwrap().seq, 0);
        assert_eq!((queue.depth(), queue.depths()), (3, vec![2, 1]));
        assert_eq!(taken(&queue, 8), [(0, 1), (1, 100)]);
    }

    #[test]
    fn cameras_take_turns_and_a_busy_one_waits() {
        let queue = FairQueue::new(&[0, 0, 0]);
        for seq in 0..2 {
            for lane in 0..2 {
                queue.push(lane, frame("x", seq), Duration::ZERO);
            }
        }
        assert_eq!(taken(&queue, 1), [(0, 0)]);
        assert_eq!(taken(&queue, 1), [(1, 0)]);
        queue.push(2, frame("z", 9), Duration::ZERO);
        assert_eq!(taken(&queue, 1), [(2, 9)]);
        // Lanes 0 and 1 have frames but are being worked on.
        queue.done(1);
        assert_eq!(taken(&queue, 1), [(1, 1)]);
        queue.done(0);
        assert_eq!(taken(&queue, 1), [(0, 1)]);
    }

    #[test]
    fn a_batch_is_for_one_model() {
        let queue = FairQueue::new(&[0, 1, 0]);
        for lane in 0..3 {
            queue.push(lane, frame("x", lane as u64), Duration::ZERO);
        }
        assert_eq!(taken(&queue, 8), [(0, 0), (2, 2)]);
        assert_eq!(taken(&queue, 8), [(1, 1)]);
    }

    #[test]
    fn a_closed_queue_hands_out_the_rest_and_ends() {
        let queue = FairQueue::new(&[0]);
        queue.push(0, frame("a", 0), Duration::ZERO);
        queue.close();
        assert!(queue.push(0, frame("a", 1), Duration::ZERO).is_some());
        assert_eq!(taken(&queue, 1), [(0, 0)]);
        assert!(queue.take(|_| 1).is_none());
    }
}
