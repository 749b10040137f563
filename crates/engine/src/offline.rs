//! A file from its first to its last frame, as fast as it goes: the same ingest, detector, tracker and
//! measurer as live, but nothing is dropped. Several workers detect at once; their results are put back
//! in order before they are tracked.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use wayside_detect::{DetectError, Detector, Lift};
use wayside_ingest::{FileSummary, IngestError, MotionGate, SourceOptions, read_file};
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
    let mut detectors = Vec::new();
    for _ in 0..setup.workers.most() {
        detectors.extend(setup.open_as_needed()?.into_iter().next());
    }
    let options = SourceOptions {
        rate_fps: spec.profile.rate_fps,
        keyframes_only: spec.profile.decode.keyframes_only,
        ..SourceOptions::default()
    };
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
        let read = read(spec, path, &options, frames_in, found_in);
        let analysed = analysis.join().map_err(|_| AnalyzeError::Worker)?;
        // What broke the analysis says more than the reader that was stopped by it.
        let mut analysed = analysed?;
        let summary = read?;
        Ok(analysed.report(spec, &summary))
    })
}

fn read(
    spec: &CameraSpec,
    path: &Path,
    options: &SourceOptions,
    frames: SyncSender<Due>,
    found: Sender<Found>,
) -> Result<FileSummary, IngestError> {
    let mut index = 0;
    let mut gate = MotionGate::new(spec.profile.motion);
    let mut light = Light::new(spec.profile.detect);
    let mut meter = view_meter(spec);
    read_file(spec.id.clone(), path, options, &mut |frame| {
        // Nobody receives any more once a worker gave up: the error is on its way.
        let look = gate.must_look(&frame);
        let cells = gate.cells();
        let lift = light.see(&frame, cells.as_ref());
        let view = meter.sample(&frame, cells);
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

fn detect_all(frames: &Mutex<Receiver<Due>>, found: &Sender<Found>, mut detector: Detector, low_score: f32) {
    loop {
        let next = frames.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Numbered { index, value: (frame, lift, view) }) = next else { return };
        let moment = FrameMoment::from(&frame);
        let result = detector
            .detect_lifted(std::slice::from_ref(&frame), &[lift], low_score)
            .map(|found| found.into_iter().next().unwrap_or_default());
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
    /// When the file's own time was 0.
    origin: Timestamp,
    incidents: Incidents,
}

impl Analysed {
    fn of(spec: &Arc<CameraSpec>, found: &Receiver<Found>) -> Result<Self, AnalyzeError> {
        let mut this = Self {
            analysis: CameraAnalysis::new(spec.clone()),
            totals: Totals::default(),
            frames: 0,
            origin: Timestamp::UNIX_EPOCH,
            incidents: Incidents::default(),
        };
        let mut waiting = BTreeMap::new();
        let mut last_found = Vec::new();
        while let Ok(Numbered { index, value }) = found.recv() {
            waiting.insert(index, value);
            while let Some((moment, view, detections)) = waiting.remove(&this.frames) {
                if let Some(detections) = detections {
                    last_found = detections?;
                }
                let outcome = this.analysis.process(moment, last_found.clone(), view.as_ref());
                let failed = |source| AnalyzeError::Measure { camera: spec.id.to_string(), source };
                let outcome = outcome.map_err(failed)?;
                outcome.events.iter().for_each(|event| this.totals.add(event));
                outcome.incidents.into_iter().for_each(|change| this.incidents.take(change));
                this.origin = moment.origin();
                this.frames += 1;
            }
        }
        Ok(this)
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
