//! A file from its first to its last frame, as fast as it goes: the same ingest, detector, tracker and
//! measurer as live, but nothing is dropped. Several workers detect at once; their results are put back
//! in order before they are tracked. Where there is one, all that follows decoding is done in one thread: handing frames
//! over would cost more than it gains.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use wayside_detect::{DetectError, Detector, Lift};
use wayside_ingest::{FileSummary, IngestError, MotionGate, SourceOptions, ViewMeter, read_file};
use wayside_measure::{MeasureError, Totals};
use wayside_types::{
    CameraSpec, Detection, Frame, Incident, IncidentChange, IncidentPhase, Timestamp, ViewSample,
};

use crate::analysis::{CameraAnalysis, FrameMoment, view_meter};
use crate::light::Light;
use crate::live::DetectorSetup;
use crate::report::{self, Report};

/// Decoded frames that may wait for a worker.
const FRAMES_AHEAD: usize = 4;

/// An analysis that could not be finished.
#[derive(Debug, thiserror::Error)]
pub enum AnalyzeError {
    /// The file can't be read.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// The detector can't be opened or fails.
    #[error(transparent)]
    Detect(#[from] DetectError),
    /// The camera's drawing can't be used.
    #[error("camera {camera}: {source}")]
    Measure {
        /// Whose.
        camera: String,
        /// Why.
        source: MeasureError,
    },
    /// A worker ended by a panic.
    #[error("a detector thread ended unexpectedly")]
    Worker,
}

struct Numbered<T> {
    index: u64,
    value: T,
}

/// A frame on its way to the detector, with how much it is brightened there and what its brightness shows.
type Due = Numbered<(Frame, Lift, Option<ViewSample>)>;

/// What is known of a frame: when it was, what its brightness shows, and what the detector found; `None` where
/// nothing had changed since the frame before and it was not asked.
type Found = Numbered<(FrameMoment, Option<ViewSample>, Option<Result<Vec<Detection>, DetectError>>)>;

/// Analyses a whole file at the rate of the camera's profile and gives its totals. `setup` holds the one
/// model to use.
///
/// # Errors
/// [`AnalyzeError`] when the file, the detector or the camera's drawing can't be used.
pub fn analyze(spec: &Arc<CameraSpec>, path: &Path, setup: &DetectorSetup) -> Result<Report, AnalyzeError> {
    let mut detectors = setup.open_as_needed(setup.workers.most())?;
    let options = SourceOptions {
        rate_fps: spec.profile.rate_fps,
        keyframes_only: spec.profile.decode.keyframes_only,
        ..SourceOptions::default()
    };
    match detectors.pop() {
        Some(detector) if detectors.is_empty() => alone(spec, path, &options, detector),
        last => together(spec, path, &options, detectors.into_iter().chain(last)),
    }
}

fn alone(
    spec: &Arc<CameraSpec>,
    path: &Path,
    options: &SourceOptions,
    mut detector: Detector,
) -> Result<Report, AnalyzeError> {
    let mut analysed = Analysed::new(spec);
    let mut eye = Eye::new(spec);
    let mut failed = Ok(());
    let read = read_file(spec.id.clone(), path, options, &mut |frame| {
        let Glance { look, lift, view } = eye.see(&frame);
        let found = look.then(|| detect(&mut detector, &frame, lift, spec.profile.detect.low_score));
        match analysed.take(spec, FrameMoment::from(&frame), view, found) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Err(error);
                ControlFlow::Break(())
            }
        }
    });
    // What broke the analysis says more than the reader that was stopped by it.
    failed?;
    Ok(analysed.report(spec, &read?))
}

fn together(
    spec: &Arc<CameraSpec>,
    path: &Path,
    options: &SourceOptions,
    detectors: impl Iterator<Item = Detector>,
) -> Result<Report, AnalyzeError> {
    let low_score = spec.profile.detect.low_score;
    let (frames_in, frames_out) = sync_channel::<Due>(FRAMES_AHEAD);
    let frames_out = Mutex::new(frames_out);
    let (found_in, found_out) = channel::<Found>();
    std::thread::scope(|scope| {
        for detector in detectors {
            let (frames_out, found_in) = (&frames_out, found_in.clone());
            scope.spawn(move || detect_all(frames_out, &found_in, detector, low_score));
        }
        let analysis = scope.spawn(move || Analysed::of(spec, &found_out));
        let read = read(spec, path, options, frames_in, found_in);
        let analysed = analysis.join().map_err(|_| AnalyzeError::Worker)?;
        // What broke the analysis says more than the reader that was stopped by it.
        let mut analysed = analysed?;
        let summary = read?;
        Ok(analysed.report(spec, &summary))
    })
}

/// What is seen of a frame before anything is detected in it.
struct Eye {
    gate: MotionGate,
    light: Light,
    meter: ViewMeter,
}

/// Whether the detector must look at a frame and how much it is brightened for that, and what its brightness shows.
struct Glance {
    look: bool,
    lift: Lift,
    view: Option<ViewSample>,
}

impl Eye {
    fn new(spec: &CameraSpec) -> Self {
        Self {
            gate: MotionGate::new(spec.profile.motion),
            light: Light::new(spec.profile.detect),
            meter: view_meter(spec),
        }
    }

    fn see(&mut self, frame: &Frame) -> Glance {
        let look = self.gate.must_look(frame);
        let cells = self.gate.cells();
        let lift = self.light.see(frame, cells.as_ref());
        Glance { look, lift, view: self.meter.sample(frame, cells) }
    }
}

fn read(
    spec: &CameraSpec,
    path: &Path,
    options: &SourceOptions,
    frames: SyncSender<Due>,
    found: Sender<Found>,
) -> Result<FileSummary, IngestError> {
    let mut index = 0;
    let mut eye = Eye::new(spec);
    read_file(spec.id.clone(), path, options, &mut |frame| {
        // Nobody receives any more once a worker gave up: the error is on its way.
        let Glance { look, lift, view } = eye.see(&frame);
        let sent = if look {
            frames.send(Numbered { index, value: (frame, lift, view) }).is_ok()
        } else {
            found.send(Numbered { index, value: (FrameMoment::from(&frame), view, None) }).is_ok()
        };
        if !sent {
            return ControlFlow::Break(());
        }
        index += 1;
        ControlFlow::Continue(())
    })
}

fn detect(
    detector: &mut Detector,
    frame: &Frame,
    lift: Lift,
    low_score: f32,
) -> Result<Vec<Detection>, DetectError> {
    let found = detector.detect_lifted(std::slice::from_ref(frame), &[lift], low_score)?;
    Ok(found.into_iter().next().unwrap_or_default())
}

fn detect_all(frames: &Mutex<Receiver<Due>>, found: &Sender<Found>, mut detector: Detector, low_score: f32) {
    loop {
        let next = frames.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Numbered { index, value: (frame, lift, view) }) = next else { return };
        let moment = FrameMoment::from(&frame);
        let result = detect(&mut detector, &frame, lift, low_score);
        let failed = result.is_err();
        if found.send(Numbered { index, value: (moment, view, Some(result)) }).is_err() || failed {
            return;
        }
    }
}

struct Analysed {
    analysis: CameraAnalysis,
    totals: Totals,
    frames: u64,
    /// What was detected last.
    last_found: Vec<Detection>,
    /// When the file's own time was 0.
    origin: Timestamp,
    incidents: Incidents,
}

impl Analysed {
    fn new(spec: &Arc<CameraSpec>) -> Self {
        Self {
            analysis: CameraAnalysis::new(spec.clone()),
            totals: Totals::default(),
            frames: 0,
            last_found: Vec::new(),
            origin: Timestamp::UNIX_EPOCH,
            incidents: Incidents::default(),
        }
    }

    fn of(spec: &Arc<CameraSpec>, found: &Receiver<Found>) -> Result<Self, AnalyzeError> {
        let mut this = Self::new(spec);
        let mut waiting = BTreeMap::new();
        while let Ok(Numbered { index, value }) = found.recv() {
            waiting.insert(index, value);
            while let Some((moment, view, detections)) = waiting.remove(&this.frames) {
                this.take(spec, moment, view, detections)?;
            }
        }
        Ok(this)
    }

    /// Takes the next frame.
    fn take(
        &mut self,
        spec: &CameraSpec,
        moment: FrameMoment,
        view: Option<ViewSample>,
        detections: Option<Result<Vec<Detection>, DetectError>>,
    ) -> Result<(), AnalyzeError> {
        if let Some(detections) = detections {
            self.last_found = detections?;
        }
        let outcome = self.analysis.process(moment, self.last_found.clone(), view.as_ref());
        let failed = |source| AnalyzeError::Measure { camera: spec.id.to_string(), source };
        let outcome = outcome.map_err(failed)?;
        outcome.events.iter().for_each(|event| self.totals.add(event));
        outcome.incidents.into_iter().for_each(|change| self.incidents.take(change));
        self.origin = moment.origin();
        self.frames += 1;
        Ok(())
    }

    fn report(&mut self, spec: &CameraSpec, summary: &FileSummary) -> Report {
        let zones = self.analysis.zones();
        self.analysis.restart().iter().for_each(|event| self.totals.add(event));
        let incidents: Vec<&Incident> = self.incidents.all.iter().collect();
        let incidents = report::incidents(&incidents, self.origin);
        let quality = self.analysis.quality();
        Report::new(spec, summary, self.frames, &self.totals, &zones, incidents, quality)
    }
}

/// A file's incidents as they stand, in the order in which they were told.
#[derive(Default)]
struct Incidents {
    all: Vec<Incident>,
    /// Where those lie that are open, by the rules' numbers: where the picture's size changes these begin anew.
    open: BTreeMap<u64, usize>,
}

impl Incidents {
    fn take(&mut self, change: IncidentChange) {
        let IncidentChange { number, phase, incident, .. } = change;
        match self.open.get(&number).and_then(|index| self.all.get_mut(*index)) {
            Some(known) => *known = incident,
            None => {
                self.open.insert(number, self.all.len());
                self.all.push(incident);
            }
        }
        if matches!(phase, IncidentPhase::Ended | IncidentPhase::Lost) {
            self.open.remove(&number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wayside_types::{IncidentKind, Severity};

    #[test]
    fn a_number_that_begins_anew_is_another_incident() {
        let at = |s: i64| Timestamp::from_second(s).unwrap();
        let mut incidents = Incidents::default();
        for (number, phase, onset_s, kind) in [
            (1, IncidentPhase::Began, 10, IncidentKind::CameraDark),
            (2, IncidentPhase::Began, 20, IncidentKind::StoppedVehicle),
            (1, IncidentPhase::Changed, 10, IncidentKind::CameraDark),
            (1, IncidentPhase::Ended, 10, IncidentKind::CameraDark),
            (2, IncidentPhase::Lost, 20, IncidentKind::StoppedVehicle),
            (1, IncidentPhase::Began, 30, IncidentKind::WrongWay),
        ] {
            let incident = Incident {
                kind,
                zone: None,
                place: None,
                severity: Severity::Minor,
                confidence: 0.5,
                onset: at(onset_s),
                detected: at(onset_s + 5),
                ended: (phase == IncidentPhase::Ended).then(|| at(onset_s + 9)),
                why: Vec::new(),
            };
            incidents.take(IncidentChange { number, phase, last_seen: at(onset_s + 9), incident });
        }
        let told: Vec<_> = incidents.all.iter().map(|i| (i.kind, i.onset, i.ended.is_some())).collect();
        let want = [
            (IncidentKind::CameraDark, at(10), true),
            (IncidentKind::StoppedVehicle, at(20), false),
            (IncidentKind::WrongWay, at(30), false),
        ];
        assert_eq!(told, want);
    }
}
