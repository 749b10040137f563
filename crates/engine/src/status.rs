//! One camera's health as it may be shown: its state, and rates over the last seconds. No counts of road
//! users pass through here.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use wayside_ingest::{SourceChange, SourceStats};
use wayside_types::{CameraId, CameraState, CameraStatus, DroppedShares, FrameSize, StageTimes, Timestamp};

use crate::camera::DropReason;

/// Rates are over this long.
const WINDOW: Duration = Duration::from_secs(10);

/// Counters that the streaming threads and workers touch, and the status made of them.
pub struct StatusBoard {
    analysed: AtomicU64,
    gated: AtomicU64,
    behind: AtomicU64,
    slowed: AtomicU64,
    failed: AtomicU64,
    wait: Timer,
    detect: Timer,
    track: Timer,
    result: Timer,
    inner: Mutex<Inner>,
}

/// How often something took time, and how long in all.
#[derive(Default)]
struct Timer {
    times: AtomicU64,
    took_us: AtomicU64,
}

impl Timer {
    fn took(&self, time: Duration) {
        self.times.fetch_add(1, Ordering::Relaxed);
        self.took_us.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn read(&self) -> Timed {
        Timed { times: self.times.load(Ordering::Relaxed), took_us: self.took_us.load(Ordering::Relaxed) }
    }
}

/// What a [`Timer`] said.
#[derive(Clone, Copy, Default)]
struct Timed {
    times: u64,
    took_us: u64,
}

impl Timed {
    /// The mean since an earlier reading, in milliseconds.
    fn mean_ms_since(self, earlier: Self) -> Option<f64> {
        let times = self.times.saturating_sub(earlier.times);
        (times > 0).then(|| self.took_us.saturating_sub(earlier.took_us) as f64 / 1000.0 / times as f64)
    }
}

struct Inner {
    status: CameraStatus,
    samples: VecDeque<Sample>,
}

/// All totals at one moment.
#[derive(Clone, Copy, Default)]
struct Sample {
    at: Duration,
    received: u64,
    analysed: u64,
    gated: u64,
    behind: u64,
    slowed: u64,
    failed: u64,
    decode: Timed,
    wait: Timed,
    detect: Timed,
    track: Timed,
    result: Timed,
}

impl StatusBoard {
    /// A camera that is about to be connected.
    #[must_use]
    pub fn new(camera: CameraId, now: Timestamp) -> Self {
        let status = CameraStatus::connecting(camera, now);
        let inner = Mutex::new(Inner { status, samples: VecDeque::new() });
        let none = AtomicU64::default;
        let (wait, detect, track, result) = Default::default();
        Self {
            analysed: none(),
            gated: none(),
            behind: none(),
            slowed: none(),
            failed: none(),
            wait,
            detect,
            track,
            result,
            inner,
        }
    }

    /// A worker took a frame after it had waited so long.
    pub fn taken(&self, waited: Duration) {
        self.wait.took(waited);
    }

    /// The detector was spared a frame.
    pub fn gated(&self) {
        self.gated.fetch_add(1, Ordering::Relaxed);
    }

    /// A batch that a frame was part of took the detector so long.
    pub fn detected(&self, took: Duration) {
        self.detect.took(took);
    }

    /// A frame was analysed: how long it was measured, and how old it was then.
    pub fn analysed(&self, captured_at: Timestamp, size: FrameSize, measured: Duration, age: Duration) {
        self.analysed.fetch_add(1, Ordering::Relaxed);
        self.track.took(measured);
        self.result.took(age);
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.status.last_frame_at = Some(captured_at);
        inner.status.size_px = Some([size.width, size.height]);
    }

    /// A frame that was due was dropped.
    pub fn dropped(&self, reason: DropReason) {
        let counter = match reason {
            DropReason::Behind => &self.behind,
            DropReason::Slowed => &self.slowed,
            DropReason::DetectError | DropReason::MeasureError => &self.failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Frames dropped so far.
    #[must_use]
    pub fn dropped_total(&self) -> u64 {
        [&self.behind, &self.slowed, &self.failed].iter().map(|n| n.load(Ordering::Relaxed)).sum()
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

    /// Brings rates, shares and times up to date and gives the status for publishing.
    pub fn refresh(&self, stats: Option<SourceStats>, now: Duration) -> CameraStatus {
        let sample = self.sample(stats, now);
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.samples.push_back(sample);
        while inner.samples.len() > 2 && inner.samples[1].at + WINDOW <= now {
            inner.samples.pop_front();
        }
        let first = inner.samples.front().copied().unwrap_or(sample);
        let status = &mut inner.status;
        status.reconnects = stats.map_or(0, |s| s.reconnects);
        sample.tell_since(first, status);
        status.clone()
    }

    fn sample(&self, stats: Option<SourceStats>, at: Duration) -> Sample {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let decode = stats.map(|s| Timed {
            times: s.decoded,
            took_us: u64::try_from(s.decode_time.as_micros()).unwrap_or(u64::MAX),
        });
        Sample {
            at,
            received: stats.map_or(0, |s| s.frames),
            analysed: read(&self.analysed),
            gated: read(&self.gated),
            behind: read(&self.behind),
            slowed: read(&self.slowed),
            failed: read(&self.failed),
            decode: decode.unwrap_or_default(),
            wait: self.wait.read(),
            detect: self.detect.read(),
            track: self.track.read(),
            result: self.result.read(),
        }
    }
}

impl Sample {
    /// Puts what happened since an earlier moment into a status. A moment that is no later changes no rate.
    fn tell_since(self, earlier: Self, status: &mut CameraStatus) {
        let seconds = self.at.saturating_sub(earlier.at).as_secs_f64();
        if seconds <= 0.0 {
            return;
        }
        let since = |read: fn(&Self) -> u64| read(&self).saturating_sub(read(&earlier)) as f64;
        let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
        let (analysed, gated) = (since(|s| s.analysed), since(|s| s.gated));
        let (behind, slowed, failed) = (since(|s| s.behind), since(|s| s.slowed), since(|s| s.failed));
        let dropped = behind + slowed + failed;
        let due = analysed + dropped;
        status.received_fps = since(|s| s.received) / seconds;
        status.analysed_fps = analysed / seconds;
        status.dropped_share = share(dropped, due);
        status.dropped_for = DroppedShares {
            behind: share(behind, due),
            slowed: share(slowed, due),
            failed: share(failed, due),
        };
        status.gated_share = share(gated.min(analysed), analysed);
        let mean = |read: fn(&Self) -> Timed| read(&self).mean_ms_since(read(&earlier));
        status.stages = StageTimes {
            decode_ms: mean(|s| s.decode),
            wait_ms: mean(|s| s.wait),
            detect_ms: mean(|s| s.detect),
            track_ms: mean(|s| s.track),
            result_ms: mean(|s| s.result),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_tells_of_the_last_seconds_only() {
        let board = StatusBoard::new(CameraId::new("hp-07").unwrap(), Timestamp::UNIX_EPOCH);
        let size = FrameSize { width: 640, height: 360 };
        let ms = Duration::from_millis;
        let frame = |measured, age| board.analysed(Timestamp::UNIX_EPOCH, size, ms(measured), ms(age));
        board.refresh(None, ms(0));
        frame(50, 900);
        board.dropped(DropReason::DetectError);
        let early = board.refresh(None, ms(2_000));
        assert_eq!(early.dropped_for, DroppedShares { behind: 0.0, slowed: 0.0, failed: 0.5 });
        assert_eq!((early.stages.track_ms, early.stages.detect_ms), (Some(50.0), None));

        for second in 1..=5 {
            frame(1, 100);
            frame(3, 200);
            board.taken(ms(4));
            board.gated();
            board.detected(ms(20));
            board.dropped(DropReason::Behind);
            board.dropped(DropReason::Slowed);
            let stats = SourceStats {
                frames: 50 * second,
                decoded: 10 * second,
                decode_time: ms(30 * second),
                due: 20 * second,
                reconnects: 3,
                discontinuities: 0,
                newest_captured_at: None,
                camera_clock_used: false,
            };
            board.refresh(Some(stats), ms(2_000 + 2_000 * second));
        }
        let late = board.refresh(None, ms(12_000));
        assert_eq!(late.dropped_for, DroppedShares { behind: 0.25, slowed: 0.25, failed: 0.0 });
        assert_eq!((late.dropped_share, late.gated_share, late.analysed_fps), (0.5, 0.5, 1.0));
        let stages = StageTimes {
            decode_ms: None,
            wait_ms: Some(4.0),
            detect_ms: Some(20.0),
            track_ms: Some(2.0),
            result_ms: Some(150.0),
        };
        assert_eq!(late.stages, stages);
    }
}
