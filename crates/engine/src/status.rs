//! One camera's health as it may be shown: its state, and rates over the last seconds. No counts of road
//! users pass through here.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use wayside_ingest::{SourceChange, SourceStats};
use wayside_types::{CameraId, CameraState, CameraStatus, FrameSize, Timestamp};

/// Rates are over this long.
const WINDOW: Duration = Duration::from_secs(10);

/// Counters that the streaming threads and workers touch, and the status made of them.
pub struct StatusBoard {
    analysed: AtomicU64,
    dropped: AtomicU64,
    inner: Mutex<Inner>,
}

struct Inner {
    status: CameraStatus,
    samples: VecDeque<Sample>,
}

#[derive(Clone, Copy)]
struct Sample {
    at: Duration,
    received: u64,
    analysed: u64,
    dropped: u64,
}

impl StatusBoard {
    /// A camera that is about to be connected.
    #[must_use]
    pub fn new(camera: CameraId, now: Timestamp) -> Self {
        let status = CameraStatus::connecting(camera, now);
        let inner = Mutex::new(Inner { status, samples: VecDeque::new() });
        Self { analysed: AtomicU64::new(0), dropped: AtomicU64::new(0), inner }
    }

    /// A frame was analysed.
    pub fn analysed(&self, captured_at: Timestamp, size: FrameSize) {
        self.analysed.fetch_add(1, Ordering::Relaxed);
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.status.last_frame_at = Some(captured_at);
        inner.status.size_px = Some([size.width, size.height]);
    }

    /// A frame that was due was dropped.
    pub fn dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// Frames dropped so far.
    #[must_use]
    pub fn dropped_total(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Takes a change of the source into the status and gives it back for publishing.
    pub fn change(&self, change: &SourceChange, now: Timestamp) -> CameraStatus {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let status = &mut inner.status;
        let (state, reason) = match change {
            SourceChange::Connecting if status.reconnects == 0 && status.last_frame_at.is_none() => {
                (CameraState::Connecting, status.reason.take())
            }
            SourceChange::Connecting => (CameraState::Reconnecting, status.reason.take()),
            SourceChange::Live { size, .. } | SourceChange::SizeChanged { to: size, .. } => {
                status.size_px = Some([size.width, size.height]);
                (CameraState::Live, None)
            }
            SourceChange::Lost { reason, .. } => (CameraState::Reconnecting, Some(reason.clone())),
            SourceChange::Ended => (CameraState::Ended, None),
            SourceChange::Failed { reason, .. } => (CameraState::Failed, Some(reason.clone())),
        };
        if state != status.state {
            status.state = state;
            status.since = now;
        }
        status.reason = reason;
        status.clone()
    }

    /// The rate that the camera was slowed to, analysed frames a second, or `None` at its full rate; gives the
    /// status for publishing.
    pub fn slowed(&self, to_fps: Option<f64>) -> CameraStatus {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.status.slowed_to_fps = to_fps;
        inner.status.clone()
    }

    /// Brings the rates up to date and gives the status for publishing.
    pub fn refresh(&self, stats: Option<SourceStats>, now: Duration) -> CameraStatus {
        let received = stats.map_or(0, |s| s.frames);
        let sample = Sample {
            at: now,
            received,
            analysed: self.analysed.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
        };
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.samples.push_back(sample);
        while inner.samples.len() > 2 && inner.samples[1].at + WINDOW <= now {
            inner.samples.pop_front();
        }
        let first = inner.samples.front().copied().unwrap_or(sample);
        let seconds = now.saturating_sub(first.at).as_secs_f64();
        let status = &mut inner.status;
        status.reconnects = stats.map_or(0, |s| s.reconnects);
        if seconds > 0.0 {
            let per_second = |new: u64, old: u64| new.saturating_sub(old) as f64 / seconds;
            status.received_fps = per_second(sample.received, first.received);
            status.analysed_fps = per_second(sample.analysed, first.analysed);
            let dropped = per_second(sample.dropped, first.dropped);
            let due = dropped + status.analysed_fps;
            status.dropped_share = if due > 0.0 { dropped / due } else { 0.0 };
        }
        status.clone()
    }
}
