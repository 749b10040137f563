//! Faults of the camera itself and low visibility, in the order in which they explain one another: no signal, dark,
//! frozen, moved, blurred, low visibility. The first that fits counts. A fault is suspected from the first frame that
//! shows it, and certain after its hold; while one is suspected, nothing else that the camera shows is believed.

use wayside_types::{HazardSettings, IncidentKind, Reason, Timestamp, ViewSample};

use crate::ledger::Held;
use crate::reference::{BlockShare, Look, Reference, SOME_BLOCKS, quantile};
use crate::scene::Scene;
use crate::seconds;
use crate::severity::{Circumstances, severity};
use crate::shift::{Directions, MOST_SHIFT, Movement, NEARBY};

/// The kinds in their order.
pub const KINDS: [IncidentKind; 6] = [
    IncidentKind::CameraNoSignal,
    IncidentKind::CameraDark,
    IncidentKind::CameraFrozen,
    IncidentKind::CameraMoved,
    IncidentKind::CameraBlurred,
    IncidentKind::LowVisibility,
];
/// One odd frame is no suspicion: it must last this long, and then counts from its first frame.
const SUSPECT_S: f64 = 0.5;
/// Pictures that repeat are common in streams; of those it takes more.
const SUSPECT_FROZEN_S: f64 = 1.0;
/// A fault is over when nothing was seen of it for this long.
const OVER_S: f64 = 3.0;
/// What passes is evened out over about this long; fog stays.
const CALM_S: f64 = 3.0;
/// A camera that shows less change than this at its quietest, grey levels, does not tell a frozen picture.
const LEAST_REST: f32 = 0.05;
/// In a picture with less than this share of its usual edges no part may change by more than this many grey levels.
const FROZEN_SHARP: f64 = 0.7;
const NO_CHANGE: f32 = 0.05;
/// Whether the camera looks elsewhere is asked this often.
const MOVED_EVERY_S: f64 = 0.18;
/// It may when edges agree less than this share of what they usually do; far away is looked at below the second.
const AGREEMENT_SHARE: f64 = 0.75;
const FAR_SHARE: f64 = 0.5;
/// Along the stripes of a road edges agree wherever one looks, so nearby it is looked at this often in any case.
const SEEK_EVERY_S: f64 = 1.0;
/// It does when they agree elsewhere by so many times more than here, and by this share of usual …
const FOUND_TIMES: f64 = 1.25;
const STILL_TIMES: f64 = 1.1;
const FOUND_SHARE: f64 = 0.45;
/// Where parts of the picture have lost edges, by more …
const FOUND_DIM_TIMES: f64 = 1.4;
const FOUND_DIM_SHARE: f64 = 0.6;
/// … or nowhere, and hardly any part of the picture agrees with what was there by more than this share of usual.
const LOST_SHARE: f64 = 0.5;
/// Parts whose middle one has less than this of its edges, or a view that has less than this of all its edges left is not looking elsewhere but badly.
const SHARP: f64 = 0.5;
const EDGES_LEFT: f64 = 0.55;
/// Blur takes the fine and leaves the coarse: so many times the share of it, and this share at least. Fog takes both.
const BLUR_LEAVES: (f32, f32) = (1.8, 0.3);
/// Fog leaves no part of the picture as it was: the clearest tenth loses this much as well. Dirt does.
const FOG_CLEAREST: f64 = 0.9;

/// What is known of the camera.
pub struct Camera {
    settings: HazardSettings,
    reference: Reference,
    /// The least change from frame to frame that is usual: its tenth percentile.
    rest: Option<f32>,
    /// The picture without what passes, and each part of it against its reference.
    calm: Option<Look>,
    calm_shares: Option<Vec<BlockShare>>,
    /// Whether the last picture itself, with what passes, shows low visibility; since when it does, and when it last did.
    is_low: bool,
    dim: Option<(Timestamp, Timestamp)>,
    /// How well edges usually agree with the empty scene's, part by part and all together, and when that was last asked.
    usual_agreement: Option<(f64, f64)>,
    agreement_s: f64,
    asked_at: Option<Timestamp>,
    agreed_at: Option<Timestamp>,
    moved: Option<Vec<Reason>>,
    /// Where the old view was found, when it was last sought, and when widely.
    movement: Option<Movement>,
    sought_at: Option<Timestamp>,
    widely_sought_at: Option<Timestamp>,
    doubts: [Doubt; KINDS.len()],
}

#[derive(Debug, Clone, Default)]
struct Doubt {
    /// First and last frame that showed it.
    seen: Option<(Timestamp, Timestamp)>,
    /// From when on it may have been there.
    onset: Option<Timestamp>,
    why: Vec<Reason>,
    excess: f64,
}

/// What a frame shows of one fault.
enum Evidence {
    /// It is there.
    There { why: Vec<Reason>, excess: f64, since: Option<Timestamp> },
    /// It can't be told.
    Untold,
    /// It is not.
    Absent,
}

/// How well edges agree where they were.
#[derive(Debug, Clone, Copy)]
struct Here {
    now: f64,
    usual: f64,
    /// Whether the picture has its edges.
    sharp: bool,
}

fn there(why: Vec<Reason>) -> Evidence {
    Evidence::There { why, excess: 0.0, since: None }
}

impl Camera {
    pub fn new(settings: HazardSettings) -> Self {
        Self {
            settings,
            reference: Reference::default(),
            rest: None,
            calm: None,
            calm_shares: None,
            is_low: false,
            dim: None,
            usual_agreement: None,
            agreement_s: 0.0,
            asked_at: None,
            agreed_at: None,
            moved: None,
            movement: None,
            sought_at: None,
            widely_sought_at: None,
            doubts: Default::default(),
        }
    }

    /// Looks at a frame, which the scene has seen. `dt_s` is the time since the one before, `hidden` the parts of the
    /// picture in which road users are.
    pub fn see(&mut self, at: Timestamp, dt_s: f64, view: &ViewSample, hidden: Vec<bool>, scene: &Scene) {
        let empty = scene.pictures().map_or(&[][..], |pictures| pictures.empty);
        let look = Look::of(view, empty, hidden);
        let calm = self.calm.get_or_insert_with(|| look.clone());
        calm.approach(&look, (dt_s / CALM_S).min(1.0) as f32);
        self.calm_shares = self.reference.compare(calm);
        let shares = self.reference.compare(&look);
        self.is_low = shares.as_deref().is_some_and(|shares| self.low(shares).is_some());
        let mut found = None;
        for (index, kind) in KINDS.into_iter().enumerate() {
            // What comes later in the order is explained by what was found.
            let evidence = if found.is_some() {
                Evidence::Absent
            } else {
                self.evidence(kind, at, view, &look, shares.as_deref(), scene)
            };
            if self.doubts[index].take(kind, at, evidence) {
                found = Some(index);
            }
        }
        // What a fault of the camera explains is no weather.
        let fault = found.is_some_and(|index| KINDS[index].is_camera_fault());
        self.note_dim(at, self.is_low && !fault);
        if found.is_none() && self.is_clean() {
            self.reference.learn(&look, dt_s);
            self.learn_rest(view);
        }
    }

    /// No frame came for so long until now.
    pub fn silent(&mut self, at: Timestamp, for_s: f64) {
        let settings = &self.settings.camera_no_signal;
        if !settings.enabled || for_s < SUSPECT_S + 1.5 {
            return;
        }
        let why = vec![Reason::new("silent_s", for_s, "hold_s", settings.hold_s)];
        let since = Some(crate::before(at, for_s));
        self.doubts[0].take(KINDS[0], at, Evidence::There { why, excess: 0.0, since });
    }

    /// Since when the camera is not believed; `None` when it is.
    pub fn suspected_since(&self) -> Option<Timestamp> {
        let faults = KINDS.iter().zip(&self.doubts).filter(|(kind, _)| kind.is_camera_fault());
        faults.filter_map(|(kind, doubt)| doubt.suspected(*kind)).min()
    }

    /// Whether one of the faults or low visibility is suspected, or more than that.
    pub fn suspects(&self, kind: IncidentKind) -> bool {
        KINDS.iter().zip(&self.doubts).any(|(of, doubt)| *of == kind && doubt.suspected(kind).is_some())
    }

    /// Whether nothing at all is suspected.
    pub fn is_clean(&self) -> bool {
        self.doubts.iter().all(|doubt| doubt.seen.is_none())
    }

    /// The faults that lasted long enough. Of several the first in the order counts.
    pub fn held(&self) -> Vec<Held> {
        let mut held = Vec::new();
        for (kind, doubt) in KINDS.iter().zip(&self.doubts) {
            let (Some((_, last)), Some(since)) = (doubt.seen, doubt.onset) else { continue };
            let lasted_s = seconds(since, last);
            if lasted_s < self.settings.hold_s(*kind) {
                continue;
            }
            let about = Circumstances { zone: None, traffic_moves: false, lasted_s, excess: doubt.excess };
            held.push(Held {
                kind: *kind,
                key: 0,
                zone: None,
                place: None,
                severity: severity(*kind, about),
                confidence: 0.8 + 0.2 * doubt.excess.clamp(0.0, 1.0),
                onset: since,
                last,
                why: doubt.why.clone(),
            });
        }
        held
    }

    fn evidence(
        &mut self,
        kind: IncidentKind,
        at: Timestamp,
        view: &ViewSample,
        look: &Look,
        shares: Option<&[BlockShare]>,
        scene: &Scene,
    ) -> Evidence {
        let s = self.settings;
        let enough = shares.filter(|shares| shares.len() >= SOME_BLOCKS);
        match kind {
            IncidentKind::CameraNoSignal if s.camera_no_signal.enabled => self.no_signal(view, look),
            IncidentKind::CameraDark if s.camera_dark.enabled => self.dark(view),
            IncidentKind::CameraFrozen if s.camera_frozen.enabled => self.frozen(view, enough),
            IncidentKind::CameraMoved if s.camera_moved.enabled => {
                // Where traffic hides most parts, all that are left together say how much is seen.
                let clear = self.reference.is_ready() && self.reference.edges_left(look) >= EDGES_LEFT;
                let sharp = shares.is_none_or(|shares| quantile(shares, 0.5, |s| s.edges) >= SHARP);
                self.moved(at, scene, clear && sharp)
            }
            IncidentKind::CameraBlurred if s.camera_blurred.enabled => self.blurred(enough),
            IncidentKind::LowVisibility if s.low_visibility.enabled => self.low_visibility(),
            _ => Evidence::Absent,
        }
    }

    fn no_signal(&self, view: &ViewSample, look: &Look) -> Evidence {
        let settings = &self.settings.camera_no_signal;
        let n = view.cells.means.len().max(1) as f64;
        let mean = f64::from(look.brightness);
        let squares: f64 = view.cells.means.iter().map(|&m| (f64::from(m) / 16.0 - mean).powi(2)).sum();
        let contrast = (squares / n).sqrt();
        // An even black is dark.
        if contrast >= settings.max_contrast || mean < self.settings.camera_dark.max_bright {
            return Evidence::Absent;
        }
        there(vec![Reason::new("contrast", contrast, "max_contrast", settings.max_contrast)])
    }

    fn dark(&self, view: &ViewSample) -> Evidence {
        let limit = self.settings.camera_dark.max_bright;
        let count = view.cells.means.len();
        let threshold = (limit * 16.0) as u16;
        let brighter = view.cells.means.iter().filter(|m| **m > threshold).count();
        if count == 0 || brighter * 100 > count {
            return Evidence::Absent;
        }
        let share = brighter as f64 / count as f64;
        there(vec![Reason::new("brighter_share", share, "max_bright", limit)])
    }

    fn frozen(&self, view: &ViewSample, shares: Option<&[BlockShare]>) -> Evidence {
        let settings = &self.settings.camera_frozen;
        let (Some(rest), Some(change), Some(most)) = (self.rest, view.change, view.change_most) else {
            return Evidence::Untold;
        };
        // In fog compression swallows the little that changes; only what does not change at all is frozen then.
        let sharp = shares.is_none_or(|shares| quantile(shares, 0.5, |s| s.edges) >= FROZEN_SHARP);
        if rest < LEAST_REST || !sharp && most > NO_CHANGE {
            return Evidence::Absent;
        }
        let limit = f64::from(rest) * settings.max_change_share;
        if f64::from(change) <= limit && most <= 1.0 {
            return there(vec![Reason::new(
                "change_share",
                f64::from(change / rest),
                "max_change_share",
                settings.max_change_share,
            )]);
        }
        // A keyframe of the same picture differs a little, everywhere alike.
        if most <= 3.0 && most <= 4.0 * change.max(0.2) { Evidence::Untold } else { Evidence::Absent }
    }

    fn moved(&mut self, at: Timestamp, scene: &Scene, sharp: bool) -> Evidence {
        let due = self.asked_at.is_none_or(|then| seconds(then, at) >= MOVED_EVERY_S);
        if !due {
            return if self.moved.is_some() { Evidence::Untold } else { Evidence::Absent };
        }
        let dt_s = self.asked_at.map_or(0.0, |then| seconds(then, at).min(1.0));
        self.asked_at = Some(at);
        self.moved = self.ask_moved(at, dt_s, scene, sharp);
        match &self.moved {
            Some(why) => Evidence::There { why: why.clone(), excess: 0.0, since: self.agreed_at },
            None => {
                self.agreed_at = Some(at);
                Evidence::Absent
            }
        }
    }

    fn ask_moved(&mut self, at: Timestamp, dt_s: f64, scene: &Scene, sharp: bool) -> Option<Vec<Reason>> {
        let pictures = scene.pictures()?;
        let [then, now] = [pictures.empty, pictures.now].map(|levels| Directions::of(levels, pictures.shape));
        let agreement = then.agreement(&now)?;
        let here = then.correlation(&now, 0, 0);
        let (usual, usual_here) = self.usual_agreement.unwrap_or((agreement.median, here));
        // Once it is known where the old view is now, it is there until it is here again.
        if let Some(movement) = self.movement
            && then.agreement_after(&now, movement) >= STILL_TIMES * here
        {
            return self.moved.clone();
        }
        // It is asked of a scene that was seen for some seconds, and only while its edges are there.
        let doubtful = agreement.median < AGREEMENT_SHARE * usual;
        let due = self.sought_at.is_none_or(|then| seconds(then, at) >= SEEK_EVERY_S);
        let ready = self.agreement_s >= crate::reference::READY_S;
        self.movement = None;
        if ready && (doubtful || due) {
            self.sought_at = Some(at);
            let far = agreement.median < FAR_SHARE * usual;
            let here = Here { now: here, usual: usual_here, sharp };
            // Along a road some edges agree however far it moved, and most of the picture moves when a camera turns.
            let widely_due = self.widely_sought_at.is_none_or(|then| seconds(then, at) >= SEEK_EVERY_S);
            let widely = doubtful && widely_due;
            let mut found = self.seek(&then, &now, here, far || widely);
            if widely {
                self.widely_sought_at = Some(at);
            }
            if found.is_none() && widely {
                found = self.accept(then.best_turn(&now), then.columns(), here);
            }
            if found.is_some() {
                return found;
            }
            if far && sharp && agreement.best < LOST_SHARE * usual {
                let share = agreement.best / usual;
                return Some(vec![Reason::new("agreement_share", share, "min_agreement_share", LOST_SHARE)]);
            }
        }
        if !(ready && doubtful) && self.is_clean() {
            let share = (dt_s / self.agreement_s.clamp(1.0, 60.0)).min(1.0);
            let follow = |usual: f64, now: f64| usual + (now - usual) * share;
            self.usual_agreement = Some((follow(usual, agreement.median), follow(usual_here, here)));
            self.agreement_s += dt_s;
        }
        None
    }

    /// Looks for the old view elsewhere in the picture.
    fn seek(&mut self, then: &Directions, now: &Directions, here: Here, far: bool) -> Option<Vec<Reason>> {
        for most in if far { &[NEARBY, MOST_SHIFT][..] } else { &[NEARBY] } {
            let (shift, score) = then.best_shift(now, *most);
            let movement = Movement { shift, turn_deg: 0.0 };
            let found = self.accept((movement, score), then.columns(), here);
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// Whether the old view is where it agrees best, and why.
    fn accept(
        &mut self,
        (movement, score): (Movement, f64),
        columns: usize,
        here: Here,
    ) -> Option<Vec<Reason>> {
        let limit = self.settings.camera_moved.min_shift_share;
        let share = movement.share(columns);
        let (of_usual, times) =
            if here.sharp { (FOUND_SHARE, FOUND_TIMES) } else { (FOUND_DIM_SHARE, FOUND_DIM_TIMES) };
        let found = share >= limit && score >= of_usual * here.usual && score >= times * here.now;
        found.then(|| {
            self.movement = Some(movement);
            vec![Reason::new("shift_share", share, "min_shift_share", limit)]
        })
    }

    fn blurred(&self, shares: Option<&[BlockShare]>) -> Evidence {
        let Some(shares) = shares else { return Evidence::Untold };
        let settings = &self.settings.camera_blurred;
        let limit = settings.max_edges_share as f32;
        let clear = |shares: &[BlockShare]| quantile(shares, 0.9, |s| s.contrast) >= FOG_CLEAREST;
        let clear_parts = clear(shares) && self.calm_shares.as_deref().is_some_and(clear);
        // Blur leaves the coarse; dirt takes all of some parts and leaves others as they were.
        let (times, least) = BLUR_LEAVES;
        let coarse_stays = |s: &BlockShare| s.contrast >= least.max(times * s.edges);
        let is_blurred = |s: &&BlockShare| s.edges < limit && (coarse_stays(s) || clear_parts);
        let area = shares.iter().filter(is_blurred).count() as f64 / shares.len().max(1) as f64;
        // A blurred scene is still that scene; smoke, whose shades are as coarse, hides it.
        if area < settings.min_area_share || self.is_low {
            return Evidence::Absent;
        }
        let edges = quantile(shares, 0.5, |s| s.edges);
        there(vec![
            Reason::new("area_share", area, "min_area_share", settings.min_area_share),
            Reason::new("edges_share", edges, "max_edges_share", settings.max_edges_share),
        ])
    }

    /// Evening out takes some seconds, which fog is not to be told later for.
    fn note_dim(&mut self, at: Timestamp, is_low: bool) {
        self.dim = match self.dim {
            Some((since, _)) if is_low => Some((since, at)),
            None if is_low => Some((at, at)),
            dim => dim.filter(|(_, last)| seconds(*last, at) <= CALM_S / 2.0),
        };
    }

    /// Contrast and edges against their references, where both are low all over the picture.
    fn low(&self, shares: &[BlockShare]) -> Option<(f64, f64)> {
        let settings = &self.settings.low_visibility;
        let contrast = quantile(shares, 0.5, |s| s.own);
        let edges = quantile(shares, 0.5, |s| s.edges);
        let clearest = quantile(shares, 0.9, |s| s.own);
        let low = contrast < settings.max_contrast_share && edges < settings.max_edges_share;
        (low && clearest < FOG_CLEAREST).then_some((contrast, edges))
    }

    fn low_visibility(&self) -> Evidence {
        let Some(shares) = self.calm_shares.as_deref() else { return Evidence::Untold };
        let settings = &self.settings.low_visibility;
        let Some((contrast, edges)) = self.low(shares) else { return Evidence::Absent };
        let why = vec![
            Reason::new("contrast_share", contrast, "max_contrast_share", settings.max_contrast_share),
            Reason::new("edges_share", edges, "max_edges_share", settings.max_edges_share),
        ];
        let since = self.dim.map(|(since, _)| since);
        Evidence::There { why, excess: 1.0 - contrast / settings.max_contrast_share, since }
    }

    fn learn_rest(&mut self, view: &ViewSample) {
        let Some(change) = view.change else { return };
        let rest = self.rest.get_or_insert(change);
        // A tenth percentile by steps of its own size.
        *rest *= if change < *rest { 0.91 } else { 1.01 };
        *rest = rest.max(1e-3);
    }
}

/// How long a fault must be seen before it is suspected.
fn suspect_s(kind: IncidentKind) -> f64 {
    if kind == IncidentKind::CameraFrozen { SUSPECT_FROZEN_S } else { SUSPECT_S }
}

impl Doubt {
    /// Takes a frame's evidence; says whether the fault is there.
    fn take(&mut self, kind: IncidentKind, at: Timestamp, evidence: Evidence) -> bool {
        match evidence {
            Evidence::There { why, excess, since } => {
                let first = self.seen.map_or(at, |(first, _)| first);
                self.seen = Some((first, at));
                self.onset.get_or_insert(since.unwrap_or(at));
                (self.why, self.excess) = (why, excess);
                return true;
            }
            Evidence::Untold => {}
            Evidence::Absent => {
                let over =
                    |(first, last)| seconds(first, last) < suspect_s(kind) || seconds(last, at) >= OVER_S;
                if self.seen.is_some_and(over) {
                    *self = Self::default();
                }
            }
        }
        false
    }

    fn suspected(&self, kind: IncidentKind) -> Option<Timestamp> {
        let (first, last) = self.seen?;
        self.onset.filter(|_| seconds(first, last) >= suspect_s(kind))
    }
}
