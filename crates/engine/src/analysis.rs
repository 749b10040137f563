//! What happens to one camera's detections: tracking, measuring, and the incident rules. The same code serves live cameras
//! and files; where frames come from and where events go is decided in [`crate::live`] and
//! [`crate::offline`].

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use wayside_hazard::{Belief, HazardWatch, Sight};
use wayside_ingest::ViewMeter;
use wayside_measure::{Event, Homography, MAX_LATENESS, MeasureError, Measurer, Quality, ZoneSummary};
use wayside_track::Tracker;
use wayside_types::{
    CameraSpec, Detection, Frame, FrameSize, GroundMap, Icon, IncidentChange, IncidentKind, Point, Seeing,
    Timestamp, TrackUpdate, ViewSample, Zone, ZoneKind,
};

/// Whether a suspicion is right must be certain after this long; then bins are closed without what waits.
const LONGEST_UNDECIDED: Duration = Duration::from_secs(60);

/// When and how large a frame was: what is left of it once it has been through the detector.
#[derive(Debug, Clone, Copy)]
pub struct FrameMoment {
    /// Wall-clock capture time.
    pub captured_at: Timestamp,
    /// The stream's own time.
    pub media_time: Duration,
    /// Size in pixels.
    pub size: FrameSize,
}

impl FrameMoment {
    /// When the stream's own time was 0.
    #[must_use]
    pub fn origin(&self) -> Timestamp {
        let since = SignedDuration::try_from(self.media_time).unwrap_or(SignedDuration::ZERO);
        self.captured_at.checked_sub(since).unwrap_or(self.captured_at)
    }
}

impl From<&Frame> for FrameMoment {
    fn from(frame: &Frame) -> Self {
        Self { captured_at: frame.captured_at, media_time: frame.media_time, size: frame.size }
    }
}

/// What a frame led to, in wall-clock time.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Crossings and movements.
    pub events: Vec<Event>,
    /// What is new about incidents.
    pub incidents: Vec<IncidentChange>,
}

/// One camera's tracker, measurer and incident rules.
pub struct CameraAnalysis {
    spec: Arc<CameraSpec>,
    ignored: Vec<Zone>,
    stage: Option<Stage>,
    past: Quality,
    /// The rules know the camera longer than a connection to it lasts.
    hazards: Option<(FrameSize, HazardWatch)>,
    /// What happened while a fault of the camera is suspected: it waits for that to be certain or over.
    withheld: Vec<Event>,
}

/// The calibration as the incident rules know it.
struct Ground(Homography);

impl GroundMap for Ground {
    fn to_ground(&self, image: Point) -> Option<Point> {
        self.0.to_ground(image)
    }
}

struct Stage {
    size: FrameSize,
    tracker: Tracker,
    measurer: Measurer,
    last: FrameMoment,
    tracks: TrackUpdate,
}

impl CameraAnalysis {
    /// An analysis that has seen nothing yet.
    #[must_use]
    pub fn new(spec: Arc<CameraSpec>) -> Self {
        let ignored = spec.zones.iter().filter(|z| z.kind == ZoneKind::Ignore).cloned().collect();
        Self { spec, ignored, stage: None, past: Quality::default(), hazards: None, withheld: Vec::new() }
    }

    /// Takes the detections of the next frame and what its brightness says of the camera. Events and incidents carry
    /// wall-clock time. What happened while the camera itself is in doubt waits until that is certain, and is dropped, or
    /// over.
    ///
    /// Tracks run on the stream's own time, which neither jumps nor drifts within a connection; a stream
    /// that begins anew or changes its size ends them.
    ///
    /// # Errors
    /// [`MeasureError`] when the camera's lines, zones or calibration can't be used with this frame.
    pub fn process(
        &mut self,
        moment: FrameMoment,
        mut detections: Vec<Detection>,
        view: Option<&ViewSample>,
    ) -> Result<Outcome, MeasureError> {
        let mut events = Vec::new();
        let anew = self
            .stage
            .as_ref()
            .is_some_and(|s| s.size != moment.size || moment.media_time < s.last.media_time);
        if anew {
            events = self.restart();
        }
        detections.retain(|d| !self.is_ignored(d, moment.size));
        let undecided = self.undecided_since(moment.captured_at);
        let stage = match &mut self.stage {
            Some(stage) => stage,
            None => self.stage.insert(Stage {
                size: moment.size,
                tracker: Tracker::new(self.spec.profile.track, moment.size),
                measurer: Measurer::new(&self.spec, moment.size)?,
                last: moment,
                tracks: TrackUpdate::default(),
            }),
        };
        stage.last = moment;
        let oldest = oldest(moment.captured_at, undecided);
        let at = stream_time(moment.media_time);
        stage.tracks = stage.tracker.update(at, &detections);
        let fresh = stage.measurer.update(at, &stage.tracks);
        self.withheld.extend(to_wall_clock(fresh, moment));
        let sight = Sight { at: moment.captured_at, tracks: &stage.tracks, view };
        let mut incidents = Vec::new();
        let known = self.hazards.take_if(|(size, _)| *size != moment.size);
        if let Some((_, mut hazards)) = known {
            incidents = hazards.finish();
        }
        let (_, hazards) = self.hazards.get_or_insert_with(|| (moment.size, watch(&self.spec, moment.size)));
        incidents.extend(hazards.see(&sight));
        events.extend(believed(&mut self.withheld, oldest, |at| hazards.belief(at)));
        Ok(Outcome { events, incidents })
    }

    /// No frame came for so long (seconds) until now.
    pub fn silent(&mut self, now: Timestamp, for_s: f64) -> Vec<IncidentChange> {
        self.hazards.as_mut().map(|(_, hazards)| hazards.silent(now, for_s)).unwrap_or_default()
    }

    /// The numbers of the incidents that are open, and when each was last known to hold.
    pub fn open_incidents(&self) -> impl Iterator<Item = (u64, Timestamp)> {
        self.hazards.iter().flat_map(|(_, hazards)| hazards.open())
    }

    /// Nobody watches any more: of what is open it is not known how it ends.
    pub fn lose_incidents(&mut self) -> Vec<IncidentChange> {
        self.hazards.as_mut().map(|(_, hazards)| hazards.finish()).unwrap_or_default()
    }

    /// Since when it is not certain whether the camera is at fault: what happened since then waits, and bins
    /// wait for it a minute at most.
    #[must_use]
    pub fn undecided_since(&self, now: Timestamp) -> Option<Timestamp> {
        let since = self.hazards.as_ref().and_then(|(_, hazards)| hazards.undecided())?;
        Some(since.max(now.checked_sub(LONGEST_UNDECIDED).unwrap_or(now)))
    }

    /// Whether the camera is believed in what it showed at a moment.
    #[must_use]
    pub fn belief(&self, at: Timestamp) -> Belief {
        self.hazards.as_ref().map_or(Belief::Believed, |(_, hazards)| hazards.belief(at))
    }

    /// The same when nothing more will be seen: a suspicion came to nothing.
    #[must_use]
    pub fn belief_at_the_end(&self, at: Timestamp) -> Belief {
        match self.belief(at) {
            Belief::Doubted => Belief::Believed,
            belief => belief,
        }
    }

    /// What is in question about the camera at a moment, that of the last frame.
    #[must_use]
    pub fn seeing(&self, at: Timestamp) -> Seeing {
        let Some((_, hazards)) = &self.hazards else { return Seeing::default() };
        Seeing {
            moved: hazards.suspects(IncidentKind::CameraMoved),
            doubted: hazards.belief(at) == Belief::Doubted,
            dim: hazards.suspects(IncidentKind::LowVisibility),
        }
    }

    /// Ends every track: the stream is over, was lost, or changed. The next frame begins anew.
    pub fn restart(&mut self) -> Vec<Event> {
        let Some(mut stage) = self.stage.take() else { return Vec::new() };
        let oldest = oldest(stage.last.captured_at, self.undecided_since(stage.last.captured_at));
        let at = stream_time(stage.last.media_time);
        let ended = stage.tracker.finish();
        let mut events = stage.measurer.update(at, &ended);
        events.extend(stage.measurer.finish());
        self.past = sum(self.past, stage.measurer.quality());
        let mut events = to_wall_clock(events, stage.last);
        if let Some((_, hazards)) = &mut self.hazards {
            hazards.forget_ways();
            self.withheld.append(&mut events);
            let mut withheld = std::mem::take(&mut self.withheld);
            events = believed(&mut withheld, oldest, |at| self.belief_at_the_end(at));
        }
        events
    }

    /// What is withheld, as if the suspicion came to nothing at this moment; it goes on waiting.
    #[must_use]
    pub fn supposed(&self, now: Timestamp) -> Vec<Event> {
        let oldest = oldest(now, self.undecided_since(now));
        believed(&mut self.withheld.clone(), oldest, |at| self.belief_at_the_end(at))
    }

    /// Self-reported quality so far.
    #[must_use]
    pub fn quality(&self) -> Quality {
        self.stage.as_ref().map_or(self.past, |stage| sum(self.past, stage.measurer.quality()))
    }

    /// Zone summaries of the stream as it runs.
    #[must_use]
    pub fn zones(&self) -> Vec<ZoneSummary> {
        self.stage.as_ref().map(|stage| stage.measurer.zones()).unwrap_or_default()
    }

    /// Class symbols of the road users seen in the last frame, on the coarse grid, sorted by class and
    /// place so that nothing of the tracks' order is left.
    #[must_use]
    pub fn icons(&self) -> Vec<Icon> {
        let Some(stage) = &self.stage else { return Vec::new() };
        let mut icons: Vec<Icon> = stage
            .tracks
            .active
            .iter()
            .filter(|track| track.confirmed && track.observed)
            .map(|track| {
                let place = track.bbox.centre();
                Icon {
                    class: track.class,
                    column: cell(place.x, stage.size.width, Icon::COLUMNS),
                    row: cell(place.y, stage.size.height, Icon::ROWS),
                }
            })
            .collect();
        icons.sort_unstable();
        icons
    }

    fn is_ignored(&self, detection: &Detection, size: FrameSize) -> bool {
        let at = detection.bbox.reference();
        let at = Point::new(at.x / f64::from(size.width.max(1)), at.y / f64::from(size.height.max(1)));
        self.ignored.iter().any(|zone| zone.contains(at))
    }
}

/// The earliest that an event may be dated with the frame of `now`: bins stay open so long, and longer while it is
/// undecided whether to believe what they are made of.
fn oldest(now: Timestamp, undecided: Option<Timestamp>) -> Timestamp {
    let usual = now.checked_sub(MAX_LATENESS).unwrap_or(now);
    undecided.map_or(usual, |since| usual.min(since))
}

/// Takes out of what is withheld the events that are believed by now, none dated before `oldest`, and drops those of a
/// time in which the camera was at fault.
fn believed(
    withheld: &mut Vec<Event>,
    oldest: Timestamp,
    belief: impl Fn(Timestamp) -> Belief,
) -> Vec<Event> {
    let settled = withheld.extract_if(.., |event| belief(event.at()) != Belief::Doubted);
    let believed = settled.filter(|event| belief(event.at()) == Belief::Believed);
    believed
        .map(|mut event| {
            if event.at() < oldest {
                event.shift(event.at().duration_until(oldest), oldest);
            }
            event
        })
        .collect()
}

/// What reads the brightness that a camera's rules want.
pub fn view_meter(spec: &CameraSpec) -> ViewMeter {
    if spec.profile.hazard.object_on_road.enabled { ViewMeter::with_steps() } else { ViewMeter::default() }
}

/// The incident rules for frames of this size. A calibration that can't be used with it is refused by the measurer.
fn watch(spec: &CameraSpec, size: FrameSize) -> HazardWatch {
    let fitted = spec.calibration.as_ref().and_then(|c| Homography::fit(c, size).ok());
    let ground = fitted.map(|homography| Box::new(Ground(homography)) as Box<dyn GroundMap>);
    HazardWatch::new(spec.profile.hazard, &spec.zones, size, ground)
}

fn cell(px: f64, size_px: u32, cells: u8) -> u8 {
    let share = (px / f64::from(size_px.max(1))).clamp(0.0, 1.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and `cells`")]
    let index = (share * f64::from(cells)) as u8;
    index.min(cells - 1)
}

/// The stream's time as the instant that the pure crates want.
fn stream_time(media_time: Duration) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::try_from(media_time).unwrap_or(SignedDuration::ZERO)
}

fn to_wall_clock(mut events: Vec<Event>, moment: FrameMoment) -> Vec<Event> {
    let offset = moment.origin().duration_since(Timestamp::UNIX_EPOCH);
    for event in &mut events {
        event.shift(offset, moment.captured_at);
    }
    events
}

fn sum(a: Quality, b: Quality) -> Quality {
    Quality { tracks: a.tracks + b.tracks, counted: a.counted + b.counted, broken: a.broken + b.broken }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wayside_measure::Crossing;
    use wayside_types::{Direction, LineId, RoadUserClass};

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).unwrap()
    }

    fn crossing(ms: i64) -> Event {
        let (line, direction) = (LineId::new("mid").unwrap(), Direction::Forward);
        Event::Crossing(Crossing { line, direction, class: RoadUserClass::Car, at: at(ms), speed_mps: None })
    }

    #[test]
    fn what_is_withheld_waits_for_the_doubt_to_end() {
        // In doubt from 10 s on; before that a fault from 5 to 8 s.
        let fault = at(5_000)..at(8_000);
        let belief = |open: bool| {
            let fault = fault.clone();
            move |t: Timestamp| match t {
                t if fault.contains(&t) => Belief::Refuted,
                t if open && t >= at(10_000) => Belief::Doubted,
                _ => Belief::Believed,
            }
        };
        let mut withheld = [4_000, 6_000, 9_900, 10_100, 15_000].map(crossing).to_vec();
        let believable = believed(&mut withheld, oldest(at(10_500), None), belief(true));
        // No event is dated longer ago than bins stay open for it; the one of the fault is gone.
        assert_eq!(believable, [crossing(8_000), crossing(9_900)]);
        assert_eq!(withheld, [crossing(10_100), crossing(15_000)]);
        // Bins stayed open from the beginning of the doubt.
        let oldest = oldest(at(15_500), Some(at(10_000)));
        assert_eq!(believed(&mut withheld, oldest, belief(false)), [crossing(10_100), crossing(15_000)]);
        assert_eq!(withheld, []);
    }
}
