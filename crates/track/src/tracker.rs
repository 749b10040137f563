//! The tracker: one frame's detections in, every living and every ended track out. Nothing in here reads
//! a clock, draws a random number or leaves memory.

use wayside_types::{BBox, Detection, FrameSize, Timestamp, Track, TrackId, TrackSettings, TrackUpdate};

use crate::associate::associate;
use crate::clean::{Group, clean, is_part, is_same};
use crate::flow::Flow;
use crate::shake::Shake;
use crate::tracklet::{Tracklet, seconds};

/// A track of one detection ends after this long without a second one, or after two frames.
const TENTATIVE_S: f64 = 0.3;
/// Slower than this many box units a second is standing: it teaches nothing about the usual motion.
const STANDING_UNITS_S: f64 = 0.3;
/// Detections a track needs before the flow learns from it.
const LEARN_HITS: u32 = 4;
/// A track ends when less than this share of its predicted box is still in the picture.
const MIN_VISIBLE_SHARE: f32 = 0.15;
/// Share of its growth a box keeps from frame to frame while nothing is seen of it.
const UNSEEN_GROWTH: f64 = 0.5;

/// Follows the road users of one camera from frame to frame.
///
/// Memory only: tracks are gone when the road users leave the view. The same detections at the same
/// times give the same tracks, whatever order a frame's detections come in.
#[derive(Debug)]
pub struct Tracker {
    settings: TrackSettings,
    size: FrameSize,
    tracks: Vec<Tracklet>,
    next_id: TrackId,
    last_at: Option<Timestamp>,
    flow: Flow,
    shake: Shake,
}

impl Tracker {
    /// A tracker for a camera's frames of this size (pixels). The settings come from the profile.
    #[must_use]
    pub fn new(settings: TrackSettings, size: FrameSize) -> Self {
        Self {
            settings,
            size,
            tracks: Vec::new(),
            next_id: TrackId::FIRST,
            last_at: None,
            flow: Flow::new(size),
            shake: Shake::default(),
        }
    }

    /// Takes a frame's detections (score ≥ `low_score`, those in ignore zones already removed; boxes in
    /// pixels of the source frame) and says which tracks live and which ended.
    ///
    /// Frames must come in the order of their times. One that is not later than its predecessor changes
    /// nothing, unless time went back by more than `lost_ms`: then the stream began anew and every track
    /// ends. Boxes that are not finite, empty or outside the picture are ignored.
    pub fn update(&mut self, at: Timestamp, detections: &[Detection]) -> TrackUpdate {
        let mut ended = Vec::new();
        let dt_s = match self.last_at {
            None => 0.0,
            Some(last) if at > last => seconds(last, at),
            Some(last) if seconds(at, last) > self.lost_s() => {
                ended = self.drain();
                0.0
            }
            Some(_) => return TrackUpdate { active: self.active(), ended },
        };
        self.last_at = Some(at);
        self.end_unseen(at, &mut ended);
        self.predict(dt_s);
        self.end_outside(&mut ended);
        let detections = clean(detections, self.size);
        self.shake.fade(dt_s);
        let (detections, taken) = self.associate(at, &detections);
        self.end_tentative(at, dt_s, &mut ended);
        self.start(at, &detections, &taken);
        self.note_parts();
        self.learn();
        TrackUpdate { active: self.active(), ended }
    }

    /// The stream is over: every track ends.
    pub fn finish(&mut self) -> TrackUpdate {
        self.last_at = None;
        TrackUpdate { active: Vec::new(), ended: self.drain() }
    }

    fn lost_s(&self) -> f64 {
        f64::from(self.settings.lost_ms) / 1_000.0
    }

    fn active(&self) -> Vec<Track> {
        self.tracks.iter().map(|t| t.track(self.settings.high_score)).collect()
    }

    fn drain(&mut self) -> Vec<Track> {
        let high_score = self.settings.high_score;
        self.tracks.drain(..).map(|t| t.track(high_score)).collect()
    }

    fn end_unseen(&mut self, at: Timestamp, ended: &mut Vec<Track>) {
        let lost_s = self.lost_s();
        self.end_where(ended, |t| seconds(t.last_seen, at) > lost_s);
    }

    /// Whoever was last seen on its way out and is predicted to be out is gone: what appears at the edge
    /// next is somebody else.
    fn end_outside(&mut self, ended: &mut Vec<Track>) {
        let (width, height) = (self.size.width as f32, self.size.height as f32);
        self.end_where(ended, |t| {
            let b = t.motion.bbox();
            let visible = b.intersection(&BBox::new(0.0, 0.0, width, height));
            t.hits > 1 && visible < MIN_VISIBLE_SHARE * b.area()
        });
    }

    /// Tentative tracks get a second chance, but not a long one.
    fn end_tentative(&mut self, at: Timestamp, dt_s: f64, ended: &mut Vec<Track>) {
        let limit_s = TENTATIVE_S.max(1.5 * dt_s);
        self.end_where(ended, |t| !t.confirmed() && seconds(t.last_seen, at) > limit_s);
    }

    fn end_where(&mut self, ended: &mut Vec<Track>, over: impl Fn(&Tracklet) -> bool) {
        let high_score = self.settings.high_score;
        self.tracks.retain(|t| {
            let over = over(t);
            if over {
                ended.push(t.track(high_score));
            }
            !over
        });
    }

    fn predict(&mut self, dt_s: f64) {
        for t in &mut self.tracks {
            if !t.observed {
                t.motion.damp_growth(UNSEEN_GROWTH);
            }
            t.seen_lately = t.observed;
            t.observed = false;
            if t.hits > 1 {
                t.motion.predict(dt_s);
            }
        }
    }

    /// Gives detections to tracks, the camera's own movement taken out; returns the detections without it
    /// and which of them were taken.
    fn associate(&mut self, at: Timestamp, raw: &[Detection]) -> (Vec<Detection>, Vec<bool>) {
        let find = |detections: &[Detection]| {
            associate(&self.tracks, detections, at, self.settings.high_score, &self.flow)
        };
        let mut detections = self.shake.steadied(raw);
        let mut pairs = find(&detections);
        if self.shake.learn(&self.tracks, &detections, &pairs) {
            detections = self.shake.steadied(raw);
            pairs = find(&detections);
        }
        let mut taken = vec![false; detections.len()];
        for pair in pairs {
            let (Some(track), Some(d)) = (self.tracks.get_mut(pair.track), detections.get(pair.detection))
            else {
                continue;
            };
            track.motion = pair.motion;
            track.take(at, d);
            taken[pair.detection] = true;
        }
        (detections, taken)
    }

    /// Starts tracks from the detections that nobody took and that don't show a road user twice.
    fn start(&mut self, at: Timestamp, detections: &[Detection], taken: &[bool]) {
        for (d, _) in detections.iter().zip(taken).filter(|(_, taken)| !**taken) {
            if d.score < self.settings.start_score {
                continue;
            }
            let weak = d.score < self.settings.high_score;
            let group = Group::of(d.class);
            let known = |t: &Tracklet| {
                let b = t.motion.bbox();
                t.observed && t.group == group && (is_same(&b, &d.bbox) || (weak && is_part(&b, &d.bbox)))
            };
            if !self.tracks.iter().any(known) {
                self.tracks.push(Tracklet::new(self.next_id, at, d));
                self.next_id = self.next_id.next();
            }
        }
    }

    /// Notes which tracks follow a part of a road user whose whole is followed as well, and which left it.
    fn note_parts(&mut self) {
        let seen: Vec<usize> = (0..self.tracks.len()).filter(|&i| self.tracks[i].observed).collect();
        for &i in &seen {
            let part = &self.tracks[i];
            let others = || seen.iter().filter(|&&j| j != i).map(|&j| &self.tracks[j]);
            let place = |t: &Tracklet| (t.id, t.motion.bbox());
            if let Some(whole) = others().find(|t| part.is_part_of(t)).map(place) {
                self.tracks[i].attach(whole);
            } else if let Some(id) = part.whole() {
                // One that is unseen for a moment may come back.
                match self.tracks.iter().find(|t| t.id == id).map(|t| (t.observed, t.motion.bbox())) {
                    Some((true, whole)) => self.tracks[i].compare(Some(&whole)),
                    Some((false, _)) => {}
                    None => self.tracks[i].compare(None),
                }
            }
        }
    }

    fn learn(&mut self) {
        for t in self.tracks.iter().filter(|t| t.observed && t.confirmed() && t.hits >= LEARN_HITS) {
            let (vx, vy) = (t.motion.x.vel, t.motion.y.vel);
            if vx.hypot(vy) >= STANDING_UNITS_S * t.motion.unit() {
                let reference = t.motion.bbox().reference();
                self.flow.learn(reference.x, reference.y, vx, vy);
            }
        }
    }
}
