//! One camera in a running engine: what is known of its last frame, what is being followed and measured,
//! its health, its view, and its metrics. Frames come to it from [`crate::worker`], one at a time.

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::SignedDuration;
use metrics::{Counter, Histogram, counter, histogram};
use wayside_detect::Lift;
use wayside_hazard::Belief;
use wayside_ingest::{MotionGate, ViewMeter};
use wayside_measure::{Binner, GRACE, Homography, MeasureError};
use wayside_types::{
    CameraSpec, ClosedBins, Detection, Frame, FrameSize, Icon, IncidentChange, IncidentRecord, SharedClock,
    TimeZone, Timestamp, ViewSample,
};

use crate::analysis::{CameraAnalysis, FrameMoment, view_meter};
use crate::evidence::Evidence;
use crate::incidents::{Announcer, Book};
use crate::light::Light;
use crate::live::EngineError;
use crate::status::StatusBoard;
use crate::view::LiveView;
use crate::watched::Watched;

/// Icons of a moment that is longer past are not shown.
const ICONS_FADE: SignedDuration = SignedDuration::from_secs(3);

/// One camera's state in a running engine.
pub struct LiveCamera {
    /// As configured.
    pub spec: Arc<CameraSpec>,
    /// Its health.
    pub board: StatusBoard,
    view: Mutex<LiveView>,
    work: Mutex<Work>,
    /// Set when the stream broke: tracks end before the next frame.
    broken: AtomicBool,
    metrics: CameraMetrics,
}

/// What a camera's bins are like before they are closed.
pub struct OpenBins {
    /// The bins.
    pub bins: Vec<ClosedBins>,
    /// Whether something is in them that may yet be dropped: a later state of them may hold less.
    pub supposed: bool,
}

/// Of the run that a camera is in.
pub struct CameraRun<'a> {
    /// The site's zone.
    pub time_zone: &'a TimeZone,
    /// The run's number.
    pub epoch: i64,
    /// The clock.
    pub clock: &'a SharedClock,
}

/// Why a due frame was not analysed.
#[derive(Debug, Clone, Copy)]
pub enum DropReason {
    /// No worker was free in time.
    Behind,
    /// The machine is overloaded and the camera was slowed down a step.
    Slowed,
    /// The detector failed.
    DetectError,
    /// Its detections could not be measured.
    MeasureError,
}

impl DropReason {
    const ALL: [Self; 4] = [Self::Behind, Self::Slowed, Self::DetectError, Self::MeasureError];

    const fn label(self) -> &'static str {
        match self {
            Self::Behind => "behind",
            Self::Slowed => "slowed",
            Self::DetectError => "detect_error",
            Self::MeasureError => "measure_error",
        }
    }
}

/// Handles of the camera's metrics, so that no frame looks them up.
struct CameraMetrics {
    analysed: Counter,
    gated: Counter,
    /// In the order of [`DropReason::ALL`].
    dropped: [Counter; 4],
    queue_wait: Histogram,
    track: Histogram,
    capture_to_result: Histogram,
}

impl CameraMetrics {
    fn new(camera: &str) -> Self {
        let id = || camera.to_owned();
        let dropped = |reason: DropReason| counter!("wayside_frames_dropped_total", "camera" => id(), "reason" => reason.label());
        Self {
            analysed: counter!("wayside_frames_analysed_total", "camera" => id()),
            gated: counter!("wayside_frames_gated_total", "camera" => id()),
            dropped: DropReason::ALL.map(dropped),
            queue_wait: histogram!("wayside_queue_wait_seconds", "camera" => id()),
            track: histogram!("wayside_track_seconds", "camera" => id()),
            capture_to_result: histogram!("wayside_capture_to_result_seconds", "camera" => id()),
        }
    }
}

struct Work {
    gate: MotionGate,
    light: Light,
    meter: ViewMeter,
    /// What the brightness of the frame that is being looked at shows.
    view: Option<ViewSample>,
    /// Whether a frame came since that was asked last, and when the last was known to have come.
    heard: bool,
    silent_since: Duration,
    /// What the detector found in the last frame that it looked at.
    found: Vec<Detection>,
    analysis: CameraAnalysis,
    binner: Binner,
    incidents: Book,
    announcer: Announcer,
    /// Stills that wait for an incident; none where no rule is looked for. With how wide one may be.
    evidence: Option<Evidence>,
    still_width_px: u32,
    watched: Watched,
}

impl LiveCamera {
    /// A camera before its first frame.
    ///
    /// # Errors
    /// [`EngineError::Calibration`] when its calibration can't be used.
    pub fn new(
        spec: Arc<CameraSpec>,
        run: &CameraRun<'_>,
        announcer: Announcer,
    ) -> Result<Self, EngineError> {
        let CameraRun { time_zone, epoch, clock } = *run;
        let camera = spec.id.to_string();
        // Frames have no size yet; what is wrong with a calibration hardly ever depends on it.
        let fit = spec.calibration.as_ref().map(|c| Homography::fit(c, FrameSize::USUAL)).transpose();
        let fitted = fit.map_err(|source| EngineError::Calibration { camera, source })?;
        for wrong in fitted.iter().flat_map(|h| &h.agreement().left_out) {
            let pair = wrong.pair;
            tracing::warn!(camera = %spec.id, pair, "a pair of the calibration contradicts the others and is left out");
        }
        let binner = Binner::new(spec.id.clone(), time_zone.clone(), epoch, spec.config_version.clone())
            .calibrated(spec.calibration.is_some());
        let origin = spec.calibration.as_ref().and_then(|calibration| calibration.ground_origin);
        Ok(Self {
            board: StatusBoard::new(spec.id.clone(), clock.now()),
            view: Mutex::new(LiveView::new(spec.calibration.clone(), clock.monotonic())),
            work: Mutex::new(Work {
                gate: MotionGate::new(spec.profile.motion),
                light: Light::new(spec.profile.detect),
                meter: view_meter(&spec),
                view: None,
                heard: false,
                silent_since: clock.monotonic(),
                found: Vec::new(),
                analysis: CameraAnalysis::new(spec.clone()),
                binner,
                incidents: Book::new(spec.id.clone(), epoch, origin),
                announcer,
                evidence: spec.profile.hazard.any_enabled().then(Evidence::default),
                still_width_px: 1,
                watched: Watched::default(),
            }),
            broken: AtomicBool::new(false),
            metrics: CameraMetrics::new(spec.id.as_str()),
            spec,
        })
    }

    /// What the page shows of it.
    pub fn view(&self) -> MutexGuard<'_, LiveView> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A due frame was dropped.
    pub fn frame_dropped(&self, reason: DropReason) {
        self.board.dropped(reason);
        if let Some(counter) = self.metrics.dropped.get(reason as usize) {
            counter.increment(1);
        }
    }

    /// A worker took a frame after it had waited so long.
    pub fn frame_taken(&self, waited: Duration) {
        self.board.taken(waited);
        self.metrics.queue_wait.record(waited.as_secs_f64());
    }

    /// The detector was spared a frame.
    pub fn frame_gated(&self) {
        self.board.gated();
        self.metrics.gated.increment(1);
    }

    /// A frame is through: how long it was measured, and how old it is now.
    pub fn frame_analysed(&self, frame: &Frame, measured: Duration, now: Timestamp) {
        let age = Duration::try_from(now.duration_since(frame.captured_at)).unwrap_or_default();
        self.board.analysed(frame.captured_at, frame.size, measured, age);
        self.metrics.analysed.increment(1);
        self.metrics.track.record(measured.as_secs_f64());
        self.metrics.capture_to_result.record(age.as_secs_f64());
    }

    /// The stream broke: before the next frame is looked at, what was followed ends.
    pub fn stream_broke(&self) {
        self.broken.store(true, Ordering::Release);
    }

    /// Whether the detector must look at a frame, as it may show something that the last one did not, and how much the
    /// frame is brightened for it. Asked of every frame before it is measured; where the stream broke before it,
    /// what was followed ends here.
    pub fn must_look(&self, frame: &Frame) -> Option<Lift> {
        let mut work = self.work();
        if self.broken.swap(false, Ordering::AcqRel) {
            work.end_stream();
        }
        let look = work.gate.must_look(frame);
        let cells = work.gate.cells();
        let lift = work.light.see(frame, cells.as_ref());
        work.view = work.meter.sample(frame, cells);
        look.then_some(lift)
    }

    /// The detector could not look at the frame that it had to.
    pub fn not_looked(&self) {
        self.work().gate.forget();
    }

    /// Carries a frame's detections to the bins; `None` says that nothing changed since the frame before.
    pub fn measure(&self, frame: &Frame, detections: Option<Vec<Detection>>) -> Result<(), MeasureError> {
        let still_width_px = self.view().still_width_px(frame.size);
        let mut work = self.work();
        work.still_width_px = still_width_px;
        work.look_for_evidence(frame, detections.as_deref());
        if let Some(mut detections) = detections {
            detections.retain(|d| d.score >= self.spec.profile.detect.low_score);
            work.found = detections;
        }
        let found = work.found.clone();
        let view = work.view.take();
        work.heard = true;
        let outcome = work.analysis.process(FrameMoment::from(frame), found, view.as_ref())?;
        for event in &outcome.events {
            work.binner.event(event);
        }
        let dropped = self.board.dropped_total();
        work.watched(frame.captured_at, dropped, self.spec.profile.rate_fps);
        work.tell(outcome.incidents, &self.spec);
        work.show_evidence(false);
        Ok(())
    }

    /// Asked once a second: whether frames still come, at a moment of both clocks.
    pub fn silent(&self, now: Timestamp, monotonic: Duration) {
        let mut work = self.work();
        if std::mem::take(&mut work.heard) {
            work.silent_since = monotonic;
        }
        let for_s = monotonic.saturating_sub(work.silent_since).as_secs_f64();
        let changes = work.analysis.silent(now, for_s);
        work.tell(changes, &self.spec);
        work.show_evidence(true);
    }

    /// Incidents that are not over, with the moments at which they were last seen.
    pub fn open_incidents(&self) -> Vec<IncidentRecord> {
        let work = self.work();
        work.incidents.open(work.analysis.open_incidents())
    }

    /// The engine stops: what was being followed is gone, and nobody sees how incidents go on.
    pub fn stop(&self) {
        self.broken.store(false, Ordering::Release);
        let mut work = self.work();
        work.end_stream();
        let lost = work.analysis.lose_incidents();
        work.tell(lost, &self.spec);
        work.show_evidence_left();
    }

    /// Bins that are over by now, and not undecided; each comes once.
    pub fn close_bins(&self, now: Timestamp) -> Vec<ClosedBins> {
        let mut work = self.work();
        let undecided = work.analysis.undecided_since(now).and_then(|since| since.checked_add(GRACE).ok());
        work.binner.close_until(undecided.map_or(now, |until| now.min(until)))
    }

    /// Bins that are not closed yet, as they stand. What waits for a suspicion of a fault is in them as if the suspicion came
    /// to nothing, which is how it is taken when nothing more is seen: whoever keeps them for that case loses none of it.
    pub fn open_bins(&self) -> OpenBins {
        self.work().open_bins()
    }

    /// When the next bin of a closed one's length will close.
    pub fn next_close_at(&self, closed: &ClosedBins, now: Timestamp) -> Timestamp {
        self.work().binner.next_close(closed.coverage.length, now)
    }

    /// The icons of the moment; none while no frames come.
    pub fn icons(&self, now: Timestamp) -> Vec<Icon> {
        let work = self.work();
        let fresh = work.watched.last_at().is_some_and(|last| now.duration_since(last) < ICONS_FADE);
        if fresh { work.analysis.icons() } else { Vec::new() }
    }
}

impl Work {
    /// Says what is new about incidents, while the camera is ours: its changes are told in their order.
    fn tell(&mut self, changes: Vec<IncidentChange>, spec: &CameraSpec) {
        let records = self.incidents.take(changes);
        if let Some(evidence) = &mut self.evidence {
            let new = records.iter().filter(|record| record.revision == 1);
            new.for_each(|record| evidence.want(record, &spec.zones));
        }
        self.announcer.tell(records);
    }

    /// Takes in a frame with all that the detector suspects in it; `None` where it did not look.
    fn look_for_evidence(&mut self, frame: &Frame, suspected: Option<&[Detection]>) {
        match (&mut self.evidence, suspected) {
            (Some(evidence), Some(suspected)) => evidence.see(frame, suspected, self.still_width_px),
            (Some(evidence), None) => evidence.pass(frame.captured_at),
            (None, _) => {}
        }
    }

    fn show_evidence(&mut self, by_clock: bool) {
        if let Some(evidence) = &mut self.evidence {
            self.announcer.show(evidence.give(by_clock, self.still_width_px));
        }
    }

    /// No better stills will come for incidents that still wait for theirs.
    fn show_evidence_left(&mut self) {
        if let Some(evidence) = &mut self.evidence {
            self.announcer.show(evidence.give_all(self.still_width_px));
        }
    }

    fn open_bins(&self) -> OpenBins {
        let Some(last_at) = self.watched.last_at().filter(|at| self.analysis.belief(*at) == Belief::Doubted)
        else {
            return OpenBins { bins: self.binner.snapshot(), supposed: false };
        };
        let mut binner = self.binner.clone();
        for event in self.analysis.supposed(last_at) {
            binner.event(&event);
        }
        self.watched.suppose(&mut binner, |at| self.analysis.belief_at_the_end(at));
        OpenBins { bins: binner.snapshot(), supposed: true }
    }

    fn end_stream(&mut self) {
        self.gate.forget();
        self.light.forget();
        self.meter.forget();
        self.found.clear();
        for event in self.analysis.restart() {
            self.binner.event(&event);
        }
        // A suspicion that nothing more is seen of came to nothing.
        self.watched.end();
        self.watched.settle(&mut self.binner, |at| self.analysis.belief_at_the_end(at));
    }

    /// A frame was analysed: so long the camera watched.
    fn watched(&mut self, captured_at: Timestamp, dropped: u64, rate_fps: f64) {
        if let Some((from, to)) = self.watched.see(captured_at, dropped, rate_fps) {
            self.binner.doubted(from, to, self.analysis.seeing(to));
        }
        self.watched.settle(&mut self.binner, |at| self.analysis.belief(at));
    }
}
