//! All rules of one camera. What a frame shows goes in with its time, what changed about incidents comes out. The
//! order in which rules stand back for one another is decided here; each rule is in the module of its name.

use std::collections::VecDeque;

use wayside_types::{
    BBox, FrameSize, GroundMap, HazardSettings, IncidentChange, IncidentKind, Timestamp, TrackUpdate,
    ViewSample, Zone,
};

use crate::camera::{Camera, KINDS};
use crate::congestion::{Apart, Congestion};
use crate::ledger::{Held, Ledger};
use crate::objects::Objects;
use crate::people::People;
use crate::reference::hidden_parts;
use crate::road::{Road, RoadUser};
use crate::scene::Scene;
use crate::seconds;
use crate::stands::Stands;
use crate::stopped::Stopped;
use crate::watched::Watched;
use crate::wrong_way::WrongWay;

/// A stretch without frames that is longer than this was not watched.
const HOLE_S: f64 = 2.0;
/// Stretches of doubt that are remembered; events are dated at most a few seconds back.
const DOUBTS_KEPT: usize = 8;

/// Whether what a camera showed is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Belief {
    /// Nothing was wrong, or what was suspected came to nothing.
    Believed,
    /// A fault is suspected and not yet certain.
    Doubted,
    /// There was a fault.
    Refuted,
}

/// A time in which a fault was suspected.
#[derive(Debug, Clone, Copy)]
struct Doubted {
    from: Timestamp,
    until: Option<Timestamp>,
    certain: bool,
}

/// What one analysed frame shows.
#[derive(Debug)]
pub struct Sight<'a> {
    /// When.
    pub at: Timestamp,
    /// The road users that are followed.
    pub tracks: &'a TrackUpdate,
    /// The brightness, where it could be read.
    pub view: Option<&'a ViewSample>,
}

/// The incident rules of one camera.
pub struct HazardWatch {
    road: Road,
    scene: Scene,
    stands: Stands,
    stopped: Stopped,
    wrong_way: WrongWay,
    congestion: Congestion,
    people: People,
    objects: Objects,
    watched: Watched,
    camera: Camera,
    ledger: Ledger,
    last: Option<Timestamp>,
    doubts: VecDeque<Doubted>,
}

impl std::fmt::Debug for HazardWatch {
    /// Prints nothing of who is on the road.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HazardWatch").field("ledger", &self.ledger).finish_non_exhaustive()
    }
}

impl HazardWatch {
    /// Rules for frames of this size (pixels), with the camera's zones and, if it is calibrated, its ground.
    #[must_use]
    pub fn new(
        settings: HazardSettings,
        zones: &[Zone],
        size: FrameSize,
        ground: Option<Box<dyn GroundMap>>,
    ) -> Self {
        let road = Road::new(zones, size, ground, settings.stopped_vehicle.min_travel_boxes);
        Self {
            scene: Scene::default(),
            stands: Stands::default(),
            stopped: Stopped::new(settings.stopped_vehicle, road.zones.len()),
            wrong_way: WrongWay::new(settings.wrong_way, &road),
            congestion: Congestion::new(settings.congestion, &road),
            people: People::new(settings.pedestrian_on_carriageway),
            objects: Objects::new(settings.object_on_road),
            watched: Watched::new(settings.watch_changed),
            camera: Camera::new(settings),
            ledger: Ledger::default(),
            last: None,
            doubts: VecDeque::new(),
            road,
        }
    }

    /// Takes a frame. Frames come in the order of their times; one that is not later than its predecessor says
    /// nothing, unless time went back by more than two seconds: then ways are forgotten and time goes on from there.
    pub fn see(&mut self, sight: &Sight<'_>) -> Vec<IncidentChange> {
        let at = sight.at;
        let dt_s = self.last.map_or(0.0, |last| seconds(last, at));
        if self.last.is_some() && dt_s <= 0.0 && dt_s > -HOLE_S {
            return Vec::new();
        }
        if !(0.0..=HOLE_S).contains(&dt_s) {
            self.forget_ways();
            self.stands.resume(at);
        }
        self.last = Some(at);
        let dt_s = if (0.0..=HOLE_S).contains(&dt_s) { dt_s } else { 0.0 };
        if let Some(view) = sight.view {
            self.scene.see(&view.cells);
            let boxes = sight.tracks.active.iter().filter(|track| track.observed).map(|track| track.bbox);
            let hidden = hidden_parts(boxes, self.road.size);
            self.camera.see(at, dt_s, view, hidden, &self.scene);
        }
        let mut held = self.camera.held();
        self.note_doubt(at, &held);
        if self.doubted().is_some() {
            return self.ledger.update(at, held, |kind| KINDS.contains(&kind));
        }
        held.extend(self.rules(at, dt_s, sight));
        let clean = sight.view.is_some() && self.camera.is_clean();
        let by_view = [IncidentKind::ObjectOnRoad, IncidentKind::WatchChanged];
        self.ledger
            .update(at, held, |kind| kind != IncidentKind::External && (clean || !by_view.contains(&kind)))
    }

    /// No frame came for so long (seconds) until now; asked about once a second.
    pub fn silent(&mut self, at: Timestamp, for_s: f64) -> Vec<IncidentChange> {
        self.camera.silent(at, for_s);
        let held = self.camera.held();
        self.note_doubt(at, &held);
        self.ledger.update(at, held, |kind| kind == IncidentKind::CameraNoSignal)
    }

    /// The stream broke: whoever comes next is somebody else.
    pub fn forget_ways(&mut self) {
        self.road.forget();
        self.wrong_way.forget();
        self.people.forget();
        self.congestion.forget();
    }

    /// Nobody watches any more: of what is open it is not known how it ends.
    pub fn finish(&mut self) -> Vec<IncidentChange> {
        self.ledger.close()
    }

    /// The numbers of the incidents that are open, and when each was last known to hold.
    pub fn open(&self) -> impl Iterator<Item = (u64, Timestamp)> {
        self.ledger.open()
    }

    /// Whether a fault of the camera or low visibility shows, certain or not.
    #[must_use]
    pub fn suspects(&self, kind: IncidentKind) -> bool {
        self.camera.suspects(kind)
    }

    /// Since when the camera is not believed, if it is not.
    #[must_use]
    pub fn doubted(&self) -> Option<Timestamp> {
        self.doubts.back().filter(|doubt| doubt.until.is_none()).map(|doubt| doubt.from)
    }

    /// Since when it is not certain whether the camera is at fault.
    #[must_use]
    pub fn undecided(&self) -> Option<Timestamp> {
        self.doubts.back().filter(|doubt| doubt.until.is_none() && !doubt.certain).map(|doubt| doubt.from)
    }

    /// Whether the camera is believed in what it showed at a moment of the last seconds. A suspicion reaches back to
    /// its first frame, so this is asked of what happened when it is counted, not when it is seen; and as long as it is
    /// neither certain nor over, it is asked again.
    #[must_use]
    pub fn belief(&self, at: Timestamp) -> Belief {
        let of_then = |doubt: &&Doubted| at >= doubt.from && doubt.until.is_none_or(|until| at < until);
        match self.doubts.iter().rev().find(of_then) {
            Some(doubt) if doubt.certain => Belief::Refuted,
            Some(doubt) if doubt.until.is_none() => Belief::Doubted,
            _ => Belief::Believed,
        }
    }

    /// `held` are the faults that are certain.
    fn note_doubt(&mut self, at: Timestamp, held: &[Held]) {
        match (self.camera.suspected_since(), self.doubted()) {
            (Some(since), None) => {
                if self.doubts.len() >= DOUBTS_KEPT {
                    self.doubts.pop_front();
                }
                self.doubts.push_back(Doubted { from: since, until: None, certain: false });
                self.forget_ways();
            }
            (None, Some(_)) => {
                if let Some(doubt) = self.doubts.back_mut() {
                    doubt.until = Some(at);
                }
                self.stands.resume(at);
            }
            _ => {}
        }
        let certain = held.iter().any(|held| held.kind.is_camera_fault());
        if let Some(doubt) = self.doubts.back_mut().filter(|doubt| doubt.until.is_none()) {
            doubt.certain |= certain;
        }
    }

    fn rules(&mut self, at: Timestamp, dt_s: f64, sight: &Sight<'_>) -> Vec<Held> {
        let users = self.road.update(at, sight.tracks);
        let parked = self.stands.parked();
        let clean = sight.view.filter(|_| self.camera.is_clean());
        if clean.is_some() {
            let on_the_way = |u: &&RoadUser| !parked.contains(&u.id);
            let busy: Vec<BBox> = users
                .iter()
                .filter(on_the_way)
                .map(|u| u.bbox)
                .chain(self.stands.came())
                .chain(self.objects.suspects())
                .collect();
            self.scene.learn(dt_s, busy.into_iter());
        }
        let clear = clean.map(|_| &self.scene);
        let gone = self.stands.update(at, dt_s, &users, clear);
        if clean.is_some() {
            self.stands.see_shapes(at, &self.road, &self.scene, self.objects.shapes());
        }
        let parked = self.stands.parked();
        let told: Vec<BBox> = self.stopped.told(&self.stands.all).map(|stand| stand.bbox).collect();
        let mut held =
            self.congestion.update(at, dt_s, &self.road, &users, Apart { parked: &parked, told: &told });
        held.extend(self.stopped.update(at, &self.road, &self.congestion, &self.stands.all, &gone));
        held.extend(self.wrong_way.update(at, &self.road, &users, &parked, clear));
        held.extend(self.people.update(at, &self.road, &self.congestion, &users));
        // Fog takes the edges and the light that these two go by: then they stand still, and so do their incidents.
        if let Some(view) = clean {
            let (road, scene) = (&self.road, &self.scene);
            let things = self.objects.update(at, dt_s, road, &users, &self.stands.all, (scene, &view.steps));
            held.extend(things);
            held.extend(self.watched.update(at, dt_s, road, (&users, &self.stands.all), scene));
        }
        held
    }
}
