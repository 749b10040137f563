//! Faults of the camera itself and low visibility, in the order in which they explain one another: no signal, dark,
//! frozen, moved, blurred, low visibility. The first that fits counts. A fault is suspected from the first frame that
//! shows it, and certain after its hold; while one is suspected, nothing else that the camera shows is believed.

use wayside_types::{HazardSettings, IncidentKind, Reason, Timestamp, ViewSample};

use crate::focus::Focus;
use crate::ledger::Held;
use crate::reference::{BlockShare, Look, Reference, SOME_BLOCKS, quantile};
use crate::scene::Scene;
use crate::seconds;
use crate::severity::{Circumstances, severity};
use crate::shift::{Left, Movement};

mod doubt;
mod moved;

use doubt::{Doubt, Evidence, SUSPECT_S, there};
use moved::Sharp;

/// The kinds in their order.
pub const KINDS: [IncidentKind; 6] = [
    IncidentKind::CameraNoSignal,
    IncidentKind::CameraDark,
    IncidentKind::CameraFrozen,
    IncidentKind::CameraMoved,
    IncidentKind::CameraBlurred,
    IncidentKind::LowVisibility,
];
/// What passes is evened out over about this long; fog stays.
const CALM_S: f64 = 3.0;
/// A camera that shows less change than this at its quietest, grey levels, does not tell a frozen picture.
const LEAST_REST: f32 = 0.05;
/// In a picture with less than this share of its usual edges no part may change by more than this many grey levels.
const FROZEN_SHARP: f64 = 0.7;
const NO_CHANGE: f32 = 0.05;
/// Parts whose middle one has less than this of its edges, or a view that has less than this of all its edges left is not looking elsewhere but badly.
const SHARP: f64 = 0.5;
const EDGES_LEFT: f64 = 0.55;
/// Nor is one of whose parts so many have less than this left: something lies on the lens.
const BARE_PARTS: f64 = 0.3;
const BARE: f64 = 0.2;
/// Blur takes the fine and leaves the coarse: so many times the share of it, and this share at least. Fog takes both.
const BLUR_LEAVES: (f32, f32) = (1.8, 0.3);
/// Where few parts tell, this share of them is out of focus.
const SURE_AREA: f64 = 0.6;
/// Of the cells whose edges are weaker behind dirt this share has none at all any more, where so many cells have edges; and so many
/// cells at most are weaker: the rest is as it was.
const COVER_GONE: f64 = 0.45;
const COVER_CELLS: usize = 300;
const COVER_MOST: f64 = 0.7;
/// Fog leaves no part of the picture as it was: the clearest tenth loses this much as well. Dirt does.
const FOG_CLEAREST: f64 = 0.9;

/// What is known of the camera.
pub struct Camera {
    settings: HazardSettings,
    reference: Reference,
    focus: Focus,
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
    /// What was left of the empty scene's edges when that was last asked.
    left: Option<Left>,
    /// Where the old view was found, when it was last sought, and when widely.
    movement: Option<Movement>,
    sought_at: Option<Timestamp>,
    widely_sought_at: Option<Timestamp>,
    doubts: [Doubt; KINDS.len()],
}

impl Camera {
    pub fn new(settings: HazardSettings) -> Self {
        Self {
            settings,
            reference: Reference::default(),
            focus: Focus::default(),
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
            left: None,
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
        if self.settings.camera_blurred.enabled {
            // Smoke changes more than that as it drifts, and a sensor that got better less.
            let noise = self.rest.zip(view.change).map_or(0.0, |(usual, now)| usual.min(now));
            self.focus.see(view, &look, empty, noise);
        }
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
            self.focus.learn(dt_s);
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
                let edges = |q: f64| shares.map_or(1.0, |shares| quantile(shares, q, |s| s.edges));
                let mostly = clear && edges(0.5) >= SHARP;
                let bare =
                    edges(BARE_PARTS) < BARE || self.left.is_some_and(|left| left.gone > left.told / 4);
                // Smoke leaves no part as it was either.
                let everywhere = mostly && !bare && !self.suspects(IncidentKind::LowVisibility);
                self.moved(at, scene, Sharp { mostly, everywhere })
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

    fn blurred(&self, shares: Option<&[BlockShare]>) -> Evidence {
        let settings = &self.settings.camera_blurred;
        if let Some(area) = self.covered().or_else(|| self.out_of_focus()) {
            return there(vec![Reason::new("area_share", area, "min_area_share", settings.min_area_share)]);
        }
        let Some(shares) = shares else { return Evidence::Untold };
        let limit = settings.max_edges_share as f32;
        let clear = |shares: &[BlockShare]| quantile(shares, 0.9, |s| s.contrast) >= FOG_CLEAREST;
        let clear_parts = clear(shares) && self.calm_shares.as_deref().is_some_and(clear);
        // Blur leaves the coarse; dirt takes all of some parts and leaves others as they were. A sensor's noise that ends takes
        // as many edges, which were none of the scene's.
        let (times, least) = BLUR_LEAVES;
        let tell: Vec<(f32, &BlockShare)> = shares.iter().filter_map(|s| s.true_edges.zip(Some(s))).collect();
        let is_blurred = |(edges, s): &&(f32, &BlockShare)| {
            *edges < limit && (s.contrast >= least.max(times * edges) || clear_parts)
        };
        let area = tell.iter().filter(is_blurred).count() as f64 / shares.len().max(1) as f64;
        // A blurred scene is still that scene; smoke, whose shades are as coarse, hides it.
        if area < settings.min_area_share || self.is_low {
            return Evidence::Absent;
        }
        // That of the parts that are blurred, at best: of a view's sharper half the middle says nothing.
        let edges = quantile(shares, settings.min_area_share, |s| s.true_edges.unwrap_or(1.0));
        let edges = edges.min(settings.max_edges_share);
        there(vec![
            Reason::new("area_share", area, "min_area_share", settings.min_area_share),
            Reason::new("edges_share", edges, "max_edges_share", settings.max_edges_share),
        ])
    }

    /// How much of the picture is out of focus, if enough is. Where few parts tell more of them must.
    fn out_of_focus(&self) -> Option<f64> {
        let settings = &self.settings.camera_blurred;
        let (parts, area) = self.focus.out(settings.max_edges_share as f32)?;
        let least = settings.min_area_share;
        (area >= if parts >= SOME_BLOCKS { least } else { least.max(SURE_AREA) }).then_some(area)
    }

    /// How much of the picture has no edges any more, or hardly any, while the rest has its own: what lies on the lens.
    fn covered(&self) -> Option<f64> {
        let left = self.left.filter(|left| left.told >= COVER_CELLS && !self.is_low)?;
        let share = |cells: usize| cells as f64 / left.told as f64;
        let (weak, gone) = (share(left.gone + left.between), share(left.gone));
        let covers = weak >= self.settings.camera_blurred.min_area_share && gone >= COVER_GONE * weak;
        (covers && weak <= COVER_MOST).then_some(weak)
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
