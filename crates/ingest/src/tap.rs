//! Where frames leave a pipeline: each decoded buffer is numbered and placed in time before anything is
//! converted, those that are not due are dropped there, and the rest become [`Frame`]s at the appsink. The
//! elements around it are built in `pipeline`.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSink;
use gstreamer_video::{VideoColorMatrix, VideoColorRange, VideoInfo, VideoMeta};
use wayside_types::{CameraId, Frame, SharedClock, Timestamp};

use crate::capture::{CaptureClock, SenderReport};
use crate::error::IngestError;
use crate::opening::Opening;
use crate::pixels;
use crate::rate::RateGate;
use crate::spare::Ahead;
use crate::timeline::Timeline;

/// Buffers a decoder's pool must be able to spare: the engine holds up to three frames, the appsink one.
const SPARE_BUFFERS: u32 = 4;
/// Capture times stand still rather than step back by up to this much.
const LONGEST_HOLD_NS: i128 = 10_000_000_000;
/// A frame's duration where neither buffer nor caps say: 25 a second.
const USUAL_DURATION: Duration = Duration::from_millis(40);

/// The common state of a source's frames. It outlives a connection, so that numbers and media time go on.
pub(crate) struct Tap {
    camera: CameraId,
    /// The wall clock of a live source; `None` when a file is read offline.
    clock: Option<SharedClock>,
    state: Mutex<State>,
    frames: AtomicU64,
    skipped: AtomicU64,
    due: AtomicU64,
    /// Milliseconds of the monotonic clock when data last came.
    pulse_ms: AtomicU64,
    /// Microseconds of the monotonic clock when the decoder was last given data.
    decode_began_us: AtomicU64,
    /// Pictures that were timed, and microseconds that they took in all.
    decoded: AtomicU64,
    decode_us: AtomicU64,
    decode_metric: metrics::Histogram,
    frames_metric: metrics::Counter,
    due_metric: metrics::Counter,
    skipped_metric: metrics::Counter,
    guessed_metric: metrics::Counter,
}

struct State {
    gate: RateGate,
    ahead: Ahead,
    opening: Opening,
    timeline: Timeline,
    capture: Option<CaptureClock>,
    /// Frames that are due and on their way to the appsink.
    marks: VecDeque<Mark>,
    newest_media: Duration,
    newest_captured: Option<Timestamp>,
    camera_clock_used: bool,
    duration: Duration,
    discontinuities: u64,
}

struct Mark {
    pts: Option<gst::ClockTime>,
    seq: u64,
    media: Duration,
}

impl Tap {
    pub fn new(camera: CameraId, rate_fps: f64, clock: Option<SharedClock>) -> Arc<Self> {
        let label = camera.to_string();
        Arc::new(Self {
            clock,
            state: Mutex::new(State {
                gate: RateGate::new(rate_fps),
                ahead: Ahead::default(),
                opening: Opening::default(),
                timeline: Timeline::default(),
                capture: None,
                marks: VecDeque::new(),
                newest_media: Duration::ZERO,
                newest_captured: None,
                camera_clock_used: false,
                duration: USUAL_DURATION,
                discontinuities: 0,
            }),
            frames: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            due: AtomicU64::new(0),
            pulse_ms: AtomicU64::new(0),
            decode_began_us: AtomicU64::new(0),
            decoded: AtomicU64::new(0),
            decode_us: AtomicU64::new(0),
            decode_metric: metrics::histogram!("wayside_ingest_decode_seconds", "camera" => label.clone()),
            frames_metric: metrics::counter!("wayside_ingest_frames_total", "camera" => label.clone()),
            due_metric: metrics::counter!("wayside_ingest_due_total", "camera" => label.clone()),
            skipped_metric: metrics::counter!("wayside_ingest_skipped_total", "camera" => label.clone()),
            guessed_metric: metrics::counter!("wayside_ingest_guessed_total", "camera" => label),
            camera,
        })
    }

    /// Frames so far, decoded or skipped.
    pub fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }

    /// Frames that were left undecoded so far.
    pub fn skipped(&self) -> u64 {
        self.skipped.load(Ordering::Relaxed)
    }

    /// Frames that were due so far.
    pub fn due(&self) -> u64 {
        self.due.load(Ordering::Relaxed)
    }

    /// Pictures whose decoding was timed so far, and how long they took in all.
    pub fn decoding(&self) -> (u64, Duration) {
        let took = Duration::from_micros(self.decode_us.load(Ordering::Relaxed));
        (self.decoded.load(Ordering::Relaxed), took)
    }

    /// Times that time stamps took up a new base.
    pub fn discontinuities(&self) -> u64 {
        self.state().discontinuities
    }

    /// Media time of the newest decoded frame, and how long one lasts.
    pub fn newest_media(&self) -> (Duration, Duration) {
        let state = self.state();
        (state.newest_media, state.duration)
    }

    /// Capture time of the newest frame delivered.
    pub fn newest_captured(&self) -> Option<Timestamp> {
        self.state().newest_captured
    }

    /// Whether that time came from the camera's clock.
    pub fn camera_clock_used(&self) -> bool {
        self.state().camera_clock_used
    }

    /// The monotonic clock when data last came from the camera.
    pub fn pulse(&self) -> Duration {
        Duration::from_millis(self.pulse_ms.load(Ordering::Relaxed))
    }

    /// Data came from the camera.
    pub fn beat(&self) {
        if let Some(clock) = &self.clock {
            let now_ms = u64::try_from(clock.monotonic().as_millis()).unwrap_or(u64::MAX);
            self.pulse_ms.store(now_ms, Ordering::Relaxed);
        }
    }

    /// Measures how long the decoder takes from being given data to giving a picture: decoders here run on the
    /// thread that feeds them. A decoder that holds pictures back to put them in order, because the stream has
    /// B-frames, is measured from the data that freed the picture.
    pub fn time_decoder(self: &Arc<Self>, sink: &gst::Pad, src: &gst::Pad) {
        let Some(clock) = self.clock.clone() else { return };
        let now_us = move || u64::try_from(clock.monotonic().as_micros()).unwrap_or(u64::MAX);
        let (began, began_us) = (Arc::clone(self), now_us.clone());
        sink.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            began.decode_began_us.store(began_us(), Ordering::Relaxed);
            gst::PadProbeReturn::Ok
        });
        let ended = Arc::clone(self);
        src.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            let took_us = now_us().saturating_sub(ended.decode_began_us.load(Ordering::Relaxed));
            ended.decoded.fetch_add(1, Ordering::Relaxed);
            ended.decode_us.fetch_add(took_us, Ordering::Relaxed);
            ended.decode_metric.record(Duration::from_micros(took_us).as_secs_f64());
            gst::PadProbeReturn::Ok
        });
    }

    /// Whether a picture need not be decoded: no other is made from it (`spared`), and it will not be due. It is a
    /// frame of the camera's all the same.
    pub fn skips(&self, presented: Option<gst::ClockTime>, spared: bool) -> bool {
        let Some(presented) = presented else { return false };
        let mut state = self.state();
        let State { ahead, gate, .. } = &mut *state;
        let skips = ahead.skips(gate, presented.into(), spared);
        if skips && let Some(media) = ahead.media(presented.into()) {
            state.newest_media = state.newest_media.max(media);
        }
        drop(state);
        if skips {
            self.beat();
            self.frames.fetch_add(1, Ordering::Relaxed);
            self.frames_metric.increment(1);
            self.skipped.fetch_add(1, Ordering::Relaxed);
            self.skipped_metric.increment(1);
        }
        skips
    }

    /// Whether the pictures that the decoder was not given yet may wait for the next: see [`Ahead::may_wait`].
    pub fn may_wait(&self) -> bool {
        let mut state = self.state();
        let State { ahead, gate, .. } = &mut *state;
        let waits = ahead.may_wait(gate);
        drop(state);
        if waits {
            self.beat();
        }
        waits
    }

    /// The decoder was given everything that waited.
    pub fn given(&self) {
        self.state().ahead.given();
    }

    /// A stream begins whose keyframes will be told of: until the first, pictures are left out.
    pub fn keyframe_awaited(&self) {
        self.state().opening = Opening::awaited();
    }

    /// The decoder is given a keyframe.
    pub fn keyframe(&self, presented: Option<gst::ClockTime>) {
        self.state().opening.keyframe(presented.map(Into::into));
    }

    /// A new connection: what was on its way is gone, the camera's RTP time starts anew.
    pub fn reconnect(&self) {
        let mut state = self.state();
        state.marks.clear();
        state.ahead.forget();
        state.opening = Opening::default();
        state.capture = None;
        state.timeline.reconnect();
        drop(state);
        self.beat();
    }

    /// RTP time of this clock rate begins.
    pub fn rtp_starts(&self, clock_rate: u32) {
        self.state().capture = Some(CaptureClock::new(clock_rate));
    }

    /// A sender report came.
    pub fn rtp_report(&self, report: SenderReport) {
        if let Some(capture) = &mut self.state().capture {
            capture.report(report);
        }
    }

    /// A packet of the video went by.
    pub fn rtp_packet(&self, pts: gst::ClockTime, rtp: u32) {
        if let Some(capture) = &mut self.state().capture {
            capture.packet(pts.nseconds(), rtp);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Numbers a decoded buffer, places it in time and says whether it is due.
    fn mark(&self, buffer: &gst::BufferRef, running: Option<gst::ClockTime>) -> bool {
        self.beat();
        let seq = self.frames.fetch_add(1, Ordering::Relaxed);
        self.frames_metric.increment(1);
        let arrival = self.clock.as_ref().map(|clock| clock.monotonic());
        let mut state = self.state();
        if let Some(duration) = buffer.duration().filter(|d| !d.is_zero()) {
            state.duration = duration.into();
        }
        let duration = state.duration;
        let placed = state.timeline.place(running.map(Into::into), arrival, duration);
        state.newest_media = placed.media;
        if let Some(presented) = buffer.pts() {
            state.ahead.shown(presented.into(), placed.media);
        }
        if placed.discontinuity {
            state.discontinuities += 1;
            tracing::warn!(camera = %self.camera, "time stamps took up a new base");
        }
        if state.opening.leaves_out(buffer.pts().map(Into::into), placed.media) {
            self.guessed_metric.increment(1);
            return false;
        }
        let due = state.gate.due(placed.media);
        if due {
            self.due.fetch_add(1, Ordering::Relaxed);
            self.due_metric.increment(1);
            state.marks.push_back(Mark { pts: buffer.pts(), seq, media: placed.media });
        }
        due
    }

    /// The frame in a sample that came out at the appsink; `None` if it can't be mapped.
    pub fn frame(&self, sample: &gst::Sample) -> Option<Frame> {
        let pts = sample.buffer()?.pts();
        let picture = pixels::map(sample)?;
        let mut state = self.state();
        // Buffers leave in the order in which they were marked. One that was lost on the way, in a
        // conversion that failed, leaves its mark behind.
        let mark = loop {
            let mark = state.marks.pop_front()?;
            if mark.pts == pts {
                break mark;
            }
        };
        let captured_at = match &self.clock {
            None => Timestamp::UNIX_EPOCH.checked_add(mark.media).unwrap_or(Timestamp::MAX),
            Some(clock) => self.captured(&mut state, pts, clock.now()),
        };
        state.newest_captured = Some(captured_at);
        drop(state);
        Some(Frame {
            camera: self.camera.clone(),
            captured_at,
            media_time: mark.media,
            seq: mark.seq,
            size: picture.size,
            format: picture.format,
            pixels: picture.pixels,
        })
    }
}

impl Tap {
    /// The capture time by the camera's clock, or else arrival.
    fn captured(&self, state: &mut State, pts: Option<gst::ClockTime>, now: Timestamp) -> Timestamp {
        let by_camera = pts.zip(state.capture.as_mut()).and_then(|(pts, capture)| {
            let trusted = !capture.distrusted();
            let at = capture.captured(pts.nseconds(), now);
            if trusted && capture.distrusted() {
                tracing::warn!(camera = %self.camera, "the camera's clock is wrong; using arrival times");
            }
            at
        });
        state.camera_clock_used = by_camera.is_some();
        let at = by_camera.unwrap_or(now);
        state.newest_captured.map_or(at, |newest| not_before(newest, at))
    }
}

/// Switching between arrival and the camera's clock must not turn back time; a wall clock that was set back
/// by more may.
fn not_before(newest: Timestamp, at: Timestamp) -> Timestamp {
    let back_ns = newest.as_nanosecond() - at.as_nanosecond();
    if (0..=LONGEST_HOLD_NS).contains(&back_ns) { newest } else { at }
}

/// What follows the decoder: `videoconvert ! capsfilter ! appsink`. The first two pass buffers through
/// untouched unless the decoder gives neither I420 nor NV12 in limited range.
pub(crate) struct Tail {
    convert: gst::Element,
    filter: gst::Element,
    pub appsink: AppSink,
}

impl Tail {
    /// Builds and links the elements into `pipeline`. With `sync`, frames come out at their own pace.
    ///
    /// # Errors
    /// [`IngestError::Build`] when an element can't be made or linked.
    pub fn add_to(pipeline: &gst::Pipeline, tap: &Arc<Tap>, sync: bool) -> Result<Self, IngestError> {
        let wrong = |e: gst::glib::BoolError| IngestError::Build {
            what: "end of the pipeline",
            reason: e.to_string(),
        };
        let convert =
            gst::ElementFactory::make("videoconvert").property("n-threads", 1u32).build().map_err(wrong)?;
        let filter = gst::ElementFactory::make("capsfilter")
            .property("caps", raw_caps(None))
            .build()
            .map_err(wrong)?;
        let appsink = AppSink::builder().sync(sync).max_buffers(2).enable_last_sample(false).build();
        appsink.set_property("qos", false);
        pipeline.add_many([&convert, &filter, appsink.upcast_ref()]).map_err(wrong)?;
        gst::Element::link_many([&convert, &filter, appsink.upcast_ref()]).map_err(wrong)?;
        let tail = Self { convert, filter, appsink };
        tail.watch(tap)?;
        Ok(tail)
    }

    /// Where the decoder is linked to.
    ///
    /// # Errors
    /// [`IngestError::Build`] when there is no such pad.
    pub fn sink(&self) -> Result<gst::Pad, IngestError> {
        sink_of(&self.convert)
    }

    fn watch(&self, tap: &Arc<Tap>) -> Result<(), IngestError> {
        let filter = self.filter.clone();
        let tap = Arc::clone(tap);
        let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
        self.sink()?.add_probe(kinds, move |pad, info| match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => {
                let segment = pad.sticky_event::<gst::event::Segment>(0);
                let running = segment.as_ref().and_then(|event| {
                    let segment = event.segment().downcast_ref::<gst::ClockTime>()?;
                    segment.to_running_time(buffer.pts()?)
                });
                // A time stamp outside its segment is better than none.
                let due = tap.mark(buffer, running.or(buffer.pts()));
                if due { gst::PadProbeReturn::Ok } else { gst::PadProbeReturn::Handled }
            }
            Some(gst::PadProbeData::Event(event)) => {
                if let gst::EventView::Caps(caps) = event.view() {
                    filter.set_property("caps", raw_caps(VideoInfo::from_caps(caps.caps()).ok().as_ref()));
                }
                gst::PadProbeReturn::Ok
            }
            _ => gst::PadProbeReturn::Ok,
        });
        let pad = sink_of(self.appsink.upcast_ref())?;
        pad.add_probe(gst::PadProbeType::QUERY_DOWNSTREAM, |_, info| {
            match info.query_mut().map(gst::QueryRef::view_mut) {
                Some(gst::QueryViewMut::Allocation(query)) => {
                    propose_allocation(query);
                    gst::PadProbeReturn::Handled
                }
                _ => gst::PadProbeReturn::Ok,
            }
        });
        Ok(())
    }
}

/// Takes whatever strides the decoder likes best, so that it need not copy, and asks its pool for spares.
fn propose_allocation(query: &mut gst::query::Allocation) {
    let size = match query.get() {
        (Some(caps), true) => {
            VideoInfo::from_caps(caps).ok().and_then(|info| u32::try_from(info.size()).ok())
        }
        _ => None,
    };
    if let Some(size) = size {
        query.add_allocation_pool(gst::BufferPool::NONE, size, SPARE_BUFFERS, 0);
    }
    query.add_allocation_meta::<VideoMeta>(None);
}

/// What may leave the pipeline for a decoder's output: I420 or NV12. Full-range YUV (JPEG's, and that of
/// many cameras) is brought to limited range, which is what [`wayside_types::PixelFormat`] promises.
fn raw_caps(decoded: Option<&VideoInfo>) -> gst::Caps {
    let caps = gst::Caps::builder("video/x-raw").field("format", gst::List::new(["I420", "NV12"]));
    let full_range =
        decoded.filter(|info| info.is_yuv() && info.colorimetry().range() == VideoColorRange::Range0_255);
    match full_range.map(|info| info.colorimetry().matrix()) {
        Some(VideoColorMatrix::Bt709) => caps.field("colorimetry", "bt709").build(),
        Some(VideoColorMatrix::Bt2020) => caps.field("colorimetry", "bt2020").build(),
        Some(_) => caps.field("colorimetry", "bt601").build(),
        None => caps.build(),
    }
}

fn sink_of(element: &gst::Element) -> Result<gst::Pad, IngestError> {
    let reason = || format!("{} has no sink pad", element.name());
    element
        .static_pad("sink")
        .ok_or_else(|| IngestError::Build { what: "end of the pipeline", reason: reason() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capture_times_stand_still_for_small_steps_back_only() {
        let at = |s: i64| Timestamp::from_second(1_795_000_000 + s).unwrap();
        for (newest, next, want) in [(0, 1, 1), (5, 4, 5), (10, 0, 10), (11, 0, 0), (3_600, 0, 0)] {
            assert_eq!(not_before(at(newest), at(next)), at(want), "{next} after {newest}");
        }
    }
}
