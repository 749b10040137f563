//! Follows what a tracker says frame by frame and turns it into events: each road user that crosses a
//! line counts once, however its box trembles or its track breaks. Tracks are forgotten as they end.

mod line;
mod noted;
mod settle;

use std::collections::HashMap;
use std::time::Duration;

use wayside_types::{
    BBox, CameraSpec, CountSettings, Direction, FrameSize, LineId, Point, Timestamp, Track, TrackId,
    TrackUpdate,
};

use crate::company::Company;
use crate::crossing::{Segment, Side};
use crate::event::{Event, Lost};
use crate::homography::{CalibrationError, Homography};
use crate::path::{Path, Step, later, seconds};
use crate::presence::{Over, UNSEEN_S, over};
use crate::quality::{Leads, Places, Suspect};
use crate::recent::Recent;
use crate::rest::Rest;
use crate::zones::{Scene, Vehicle, ZoneMeter, ZoneSummary, ground_speed, standing};
use settle::Pending;

/// No event is dated earlier than this before the frame that it is reported with.
pub const MAX_LATENESS: Duration = Duration::from_millis(2_500);

/// A track is at the picture's edge when its box is this close to it, in shares of width or height.
const EDGE_SHARE: f64 = 0.02;
/// A box of which others cover this share is hard to see …
const CROWDED_SHARE: f32 = 0.25;
/// … and one of which they cover this much is where two may be taken for one.
const MERGED_SHARE: f32 = 0.5;

/// A camera that can't be measured.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MeasureError {
    /// A frame without area.
    #[error("camera {camera}: frames of {width}×{height} pixels can't be measured; at least 1×1 is needed")]
    EmptyFrame {
        /// Which camera.
        camera: String,
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
    },
    /// A line without length.
    #[error("camera {camera}: both points of line {line} are in one place; a line needs a length")]
    EmptyLine {
        /// Which camera.
        camera: String,
        /// Which line.
        line: LineId,
    },
    /// A calibration that fits nothing.
    #[error("camera {camera}: {source}")]
    Calibration {
        /// Which camera.
        camera: String,
        /// What is wrong with it.
        source: CalibrationError,
    },
}

/// How well the tracks served counting. Figures of the whole time, of no individual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quality {
    /// Road users followed.
    pub tracks: u64,
    /// Those of them that crossed a line and counted.
    pub counted: u64,
    /// Those that were lost in motion in the middle of the picture, or came into being there.
    pub broken: u64,
}

/// Measures one camera.
#[derive(Debug)]
pub struct Measurer {
    settings: CountSettings,
    high_score: f32,
    size: FrameSize,
    lines: Vec<MeasuredLine>,
    ground: Option<Homography>,
    zones: Vec<ZoneMeter>,
    /// A gap between frames longer than this was not watched, seconds.
    max_step_s: f64,
    users: HashMap<TrackId, User>,
    company: Company,
    first_at: Option<Timestamp>,
    last_at: Option<Timestamp>,
    quality: Quality,
    places: Places,
    suspects: Vec<Suspect>,
}

#[derive(Debug)]
struct MeasuredLine {
    id: LineId,
    segment: Segment,
    recent: Recent,
    /// Forward and backward.
    leads: [Leads; 2],
}

/// A road user while its track lasts.
#[derive(Debug)]
struct User {
    path: Path,
    rest: Rest,
    sides: Vec<Side>,
    pending: Vec<Pending>,
    /// Lines counted so far, first and last, and when.
    entered: Option<usize>,
    left: Option<(usize, Timestamp)>,
    /// Whether a movement of its was reported.
    moved: bool,
    counted: bool,
    starts_inside: bool,
    looked_back: bool,
    standing_since: Option<Timestamp>,
    /// Whether it was first seen within another's box.
    came_out: bool,
    /// Whether it was asked if it came over a line unseen.
    suspected: bool,
    /// The last line counted, for where its track ends.
    crossed: Option<(usize, Direction)>,
}

impl Measurer {
    /// A measurer for a camera whose frames have this size (pixels).
    ///
    /// # Errors
    /// [`MeasureError`] for a line without length, a calibration that fits nothing, frames without area.
    pub fn new(spec: &CameraSpec, size: FrameSize) -> Result<Self, MeasureError> {
        let camera = spec.id.to_string();
        if size.width == 0 || size.height == 0 {
            return Err(MeasureError::EmptyFrame { camera, width: size.width, height: size.height });
        }
        let mut lines = Vec::with_capacity(spec.lines.len());
        for line in &spec.lines {
            let segment = Segment::new(line, f64::from(size.width), f64::from(size.height))
                .ok_or_else(|| MeasureError::EmptyLine { camera: camera.clone(), line: line.id.clone() })?;
            lines.push(MeasuredLine {
                id: line.id.clone(),
                segment,
                recent: Recent::default(),
                leads: Default::default(),
            });
        }
        let ground = spec.calibration.as_ref().map(|c| Homography::fit(c, size)).transpose();
        let ground = ground.map_err(|source| MeasureError::Calibration { camera, source })?;
        let zones = spec.zones.iter().map(|z| ZoneMeter::new(z, size, ground.as_ref())).collect();
        // The same hole in a stream that coverage leaves out.
        let max_step_s = (3.0 / spec.profile.rate_fps).max(2.0);
        Ok(Self {
            settings: spec.profile.count,
            high_score: spec.profile.track.high_score,
            size,
            lines,
            ground,
            zones,
            max_step_s,
            users: HashMap::new(),
            company: Company::default(),
            first_at: None,
            last_at: None,
            quality: Quality::default(),
            places: Places::new(size, &spec.zones),
            suspects: Vec::new(),
        })
    }

    /// Takes what the tracker said of the frame at `at`, and says what counts. Frames must come in the
    /// order of their times.
    pub fn update(&mut self, at: Timestamp, tracks: &TrackUpdate) -> Vec<Event> {
        let mut events = Vec::new();
        self.first_at.get_or_insert(at);
        self.company.update(tracks);
        for track in &tracks.ended {
            self.end(at, track, &mut events);
            self.company.forget(track.id);
        }
        for track in &tracks.active {
            self.follow(track);
            self.look_back(track);
            self.suspect_before(track, false);
            self.settle(at, track, false, &mut events);
        }
        let dt_s =
            self.last_at.map(|last| seconds(last, at)).filter(|dt| (0.0..=self.max_step_s).contains(dt));
        self.measure_lines(at, dt_s.unwrap_or_default(), &tracks.active, &mut events);
        self.measure_zones(at, dt_s.unwrap_or_default(), &tracks.active, &mut events);
        self.note_suspects(at, false, &mut events);
        for line in &mut self.lines {
            line.recent.forget(at, 2.0 * f64::from(self.settings.recount_ms) / 1_000.0 + 5.0);
        }
        self.last_at = Some(at);
        events
    }

    /// The stream is over: call it after the tracker's own last update was given to
    /// [`Measurer::update`]. Whoever is still followed is forgotten.
    pub fn finish(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        if let Some(at) = self.last_at.take() {
            self.note_suspects(at, true, &mut events);
        }
        self.users.clear();
        events
    }

    /// How well it went so far.
    #[must_use]
    pub const fn quality(&self) -> Quality {
        self.quality
    }

    /// How full the zones have been so far, in the order of the camera file.
    #[must_use]
    pub fn zones(&self) -> Vec<ZoneSummary> {
        self.zones.iter().map(ZoneMeter::summary).collect()
    }

    /// The fitted calibration, if the camera has one.
    #[must_use]
    pub const fn ground(&self) -> Option<&Homography> {
        self.ground.as_ref()
    }

    /// Notes where a track is, and which lines it crossed to get there.
    fn follow(&mut self, track: &Track) {
        if !track.observed {
            return;
        }
        let inside = !self.is_at_edge(&track.bbox);
        let motor = track.class.is_motor_vehicle();
        let stood = self.users.get_mut(&track.id).filter(|_| motor).map(|user| user.rest.place(track));
        let Some(step) = Step::of(track, stood.unwrap_or(track.bbox), inside) else { return };
        let (lines, company) = (&mut self.lines, &self.company);
        let user = self.users.entry(track.id).or_insert_with(|| User {
            path: Path::new(step),
            rest: Rest::new(track),
            sides: lines.iter().map(|l| Side::new(&l.segment, &step)).collect(),
            pending: Vec::new(),
            entered: None,
            left: None,
            moved: false,
            counted: false,
            starts_inside: inside,
            looked_back: false,
            standing_since: None,
            came_out: company.covered(track.id, &track.bbox, MERGED_SHARE),
            suspected: false,
            crossed: None,
        });
        user.path.push(step);
        for (index, (line, side)) in lines.iter_mut().zip(&mut user.sides).enumerate() {
            line.recent.seen(track.id, step.at);
            let Some(passage) = side.update(&line.segment, &user.path) else { continue };
            // Going back over a line before the crossing was reported takes it back.
            let waiting = user.pending.len();
            user.pending.retain(|p| p.line != index || p.passage.direction == passage.direction);
            if user.pending.len() == waiting {
                let crowded = company.covered(track.id, &track.bbox, CROWDED_SHARE);
                user.pending.push(Pending { line: index, passage, seen: true, crowded });
            }
        }
    }

    fn end(&mut self, now: Timestamp, track: &Track, events: &mut Vec<Event>) {
        self.look_ahead(now, track);
        self.suspect_before(track, true);
        self.suspect_after(now, track);
        self.settle(now, track, true, events);
        let Some(user) = self.users.remove(&track.id) else { return };
        self.suspect_unsure(track, &user);
        if !track.confirmed {
            return;
        }
        self.quality.tracks += 1;
        self.note_end(now, track, &user, events);
        // Whoever is still seen when the stream ends is not lost, nor is who left the picture.
        let out_of_sight = seconds(track.last_seen, now) > UNSEEN_S && !self.is_at_edge(&track.bbox);
        if let Some(line) = user.entered.filter(|_| out_of_sight && !user.moved)
            && let Some(line) = self.lines.get(line)
        {
            let at = track.last_seen.max(later(now, -MAX_LATENESS.as_secs_f64()));
            events.push(Event::Lost(Lost { line: line.id.clone(), class: track.class, at }));
        }
        let unit = user.path.last().unit;
        let moves = |v: Option<Point>| v.is_some_and(|v| v.x.hypot(v.y) >= unit);
        let lost = !self.is_at_edge(&track.bbox) && moves(user.path.velocity_at_end(0.5));
        let late = user.starts_inside && moves(user.path.velocity_at_start(0.5));
        if user.path.travel_boxes() >= self.settings.min_travel_boxes && (lost || late) {
            self.quality.broken += 1;
        }
    }

    fn is_at_edge(&self, b: &BBox) -> bool {
        let (w, h) = (f64::from(self.size.width), f64::from(self.size.height));
        let (mx, my) = (EDGE_SHARE * w, EDGE_SHARE * h);
        f64::from(b.x1) <= mx
            || f64::from(b.y1) <= my
            || f64::from(b.x2) >= w - mx
            || f64::from(b.y2) >= h - my
    }

    /// For how long vehicles are over lines.
    fn measure_lines(&self, at: Timestamp, dt_s: f64, active: &[Track], events: &mut Vec<Event>) {
        if dt_s <= 0.0 {
            return;
        }
        let there = active
            .iter()
            .filter(|t| t.confirmed && t.class.is_in_traffic() && seconds(t.last_seen, at) <= UNSEEN_S);
        let vehicles: Vec<Over> = there
            .filter_map(|t| {
                let came_from = self.users.get(&t.id)?.path.first().p;
                Some(Over { class: t.class, bbox: t.bbox, came_from })
            })
            .collect();
        for line in &self.lines {
            events.extend(over(&line.id, &line.segment, &vehicles, at, dt_s));
        }
    }

    fn measure_zones(&mut self, at: Timestamp, dt_s: f64, active: &[Track], events: &mut Vec<Event>) {
        if self.zones.is_empty() {
            return;
        }
        let confirmed = || active.iter().filter(|t| t.confirmed);
        let boxes: Vec<BBox> = confirmed().map(|t| t.bbox).collect();
        let ground = self.ground.as_ref();
        let vehicles: Vec<Vehicle> = confirmed()
            .filter(|t| t.class.is_motor_vehicle() && seconds(t.last_seen, at) <= UNSEEN_S)
            .map(|t| {
                let speed_mps = ground.and_then(|ground| ground_speed(ground, t, self.size));
                Vehicle { id: t.id, bbox: t.bbox, speed_mps }
            })
            .collect();
        let mut queue = Vec::new();
        if let Some(ground) = &self.ground {
            for track in active.iter().filter(|t| t.confirmed) {
                if let Some(user) = self.users.get_mut(&track.id) {
                    queue.extend(standing(ground, track, self.size, &mut user.standing_since, at));
                }
            }
        }
        let scene = Scene { at, dt_s, boxes: &boxes, vehicles: &vehicles, standing: &queue };
        events.extend(self.zones.iter_mut().filter_map(|zone| zone.update(scene)).map(Event::Zone));
    }
}
