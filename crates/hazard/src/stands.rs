//! Vehicles that stand, known by their place: detections blink, tracks end and begin anew, others drive past in front,
//! and it is still the same vehicle. Where no detection says so, the brightness of the place does.

use std::collections::HashSet;

use wayside_types::{BBox, Point, Timestamp, TrackId};

use crate::objects::Shape;
use crate::reference::READY_S;
use crate::road::{Road, RoadUser};
use crate::scene::{Patch, Scene};
use crate::seconds;

/// A standing vehicle's box overlaps itself by this much from one look to the next …
const SAME_IOU: f32 = 0.3;
/// … or its reference point is this close, box units.
const SAME_UNITS: f64 = 0.5;
/// A track that is too young for a speed overlaps it by this much if it is the vehicle.
const YOUNG_IOU: f32 = 0.65;
/// A track further than this from where its vehicle stood, box units, left with it.
const AWAY_UNITS: f64 = 0.45;
/// Unseen for this long it is gone, if brightness doesn't say anything.
const FORGET_S: f64 = 15.0;
/// The same once its track was seen to drive off.
const LEFT_S: f64 = 4.0;
/// Brightness says that it is gone when it does for this long.
const GONE_S: f64 = 1.5;
/// Grey levels by which a place differs from the empty scene at least, if something came to it.
const NEW_LEVELS: f32 = 10.0;
/// And by which it does if it was seen to drive the last bit up.
const RATHER_NEW_LEVELS: f32 = 5.0;
/// Grey levels below which nothing came to it, whatever the detector says.
const OLD_LEVELS: f32 = 3.0;
/// What is closer to one of two pictures than this share of the other is that one.
const CLOSER: f32 = 0.6;
/// What was not seen to drive up is a vehicle from this mean score on.
const SURE_SCORE: f64 = 0.45;
/// Or if it is at least this share of a car's size: things are smaller.
const SURE_SIZE: f64 = 0.5;
/// And the detector means it: a patch of light may be as large.
const LARGE_SCORE: f64 = 0.25;
/// Somebody who stands with a lower score than this, and is no vehicle that is known, may be none at all.
const DOUBTED_SCORE: f32 = 0.4;
/// What the detector does not know is one after this long, and no surer than this.
const SHAPE_S: f64 = 3.0;
const SHAPE_SCORE: f64 = 0.2;
/// Its foot is this share of its height above the lower edge of its cells.
const FOOT_SHARE: f64 = 0.1;
/// Smaller than this share of a car's box it is none, however sure the detector is.
const LEAST_SIZE: f64 = 0.35;
/// Brightness keeps who was seen with this mean score, or standing for so long.
const WELL_SCORE: f64 = 0.2;
const WELL_S: f64 = 2.0;
/// What came by and by for this share of it is no vehicle, unless one was seen to drive up.
const CREPT_SHARE: f64 = 0.45;
/// It is asked until it stands for so long.
const CREEPS_S: f64 = 12.0;
/// A vehicle of which this share is hidden by one that stands in front can't be seen.
const BEHIND_SHARE: f32 = 0.5;
/// A new look at what it looks like is taken this often.
const LOOK_S: f64 = 3.0;

/// Whether somebody who stands may be none: a thing, mud or water that the detector takes for a road user, which it does
/// not surely look like.
pub fn is_doubtful(user: &RoadUser, stands: &[Stand]) -> bool {
    let known = stands.iter().find(|stand| stand.bbox.iou(&user.bbox) > SAME_IOU);
    user.anchor.is_some() && known.map_or(user.score < DOUBTED_SCORE, |stand| !stand.is_sure())
}

/// Whether somebody was there before the camera watched: a part of what it usually shows.
pub fn was_there(user: &RoadUser, stands: &[Stand]) -> bool {
    let is = |stand: &Stand| !stand.came && stand.bbox.iou(&user.bbox) > SAME_IOU;
    user.anchor.is_some() && stands.iter().any(is)
}

/// A standing vehicle.
#[derive(Debug)]
pub struct Stand {
    pub number: u64,
    pub bbox: BBox,
    pub p: Point,
    pub image: Point,
    pub unit: f64,
    pub zones: Vec<usize>,
    pub since: Timestamp,
    /// When it was last known to be there, by a detection or by its place's brightness.
    pub known_at: Timestamp,
    /// When a detection last showed it.
    pub seen_at: Timestamp,
    /// Whether it came while the camera watched.
    pub came: bool,
    /// Whether it was seen to drive up.
    pub arrived: bool,
    /// Whether it was seen to drive the last bit up, as things don't.
    pub rolled: bool,
    /// Whether something new as large as a vehicle lies there: what the detector says of it may be little then.
    pub shaped: bool,
    /// The largest share of a car's size that it was seen to have.
    pub car_share: f64,
    /// Mean score of what showed it.
    pub score: f64,
    looks: u32,
    track: Option<TrackId>,
    /// Since when whoever stands there now does, as far as tracks say, none once its own left: in a queue others move up.
    own_since: Option<Timestamp>,
    look: Option<(Timestamp, Patch)>,
    gone_s: f64,
    /// Whether its place was seen with nobody in front since it stands, or can't be.
    seen_free: bool,
    /// Whether what is there came by and by, as no vehicle does.
    pub crept: bool,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Stands {
    pub all: Vec<Stand>,
    last_number: u64,
    begun: Option<Timestamp>,
}

impl Stands {
    /// Takes what is seen; gives the stands that are over. The scene is absent where the camera does not see it clearly:
    /// smoke looks like neither the vehicle nor the road.
    pub fn update(
        &mut self,
        at: Timestamp,
        dt_s: f64,
        users: &[RoadUser],
        scene: Option<&Scene>,
    ) -> Vec<Stand> {
        let begun = *self.begun.get_or_insert(at);
        let vehicles = || users.iter().filter(|u| u.class.is_motor_vehicle());
        for user in vehicles().filter(|u| u.confirmed && u.anchor.is_some()) {
            self.see(at, user, scene, begun);
        }
        let moving: Vec<BBox> = vehicles().filter(|u| u.anchor.is_none()).map(|u| u.bbox).collect();
        let seen: Vec<BBox> = self.all.iter().filter(|s| s.seen_at == at).map(|s| s.bbox).collect();
        for stand in &mut self.all {
            stand.blink(at, users);
            stand.note_leaving(users);
            if let Some(scene) = scene.filter(|_| !seen.iter().any(|front| stand.is_behind(front))) {
                stand.look(at, dt_s, scene, &moving);
            }
            stand.note_creeping(scene, &moving);
        }
        let over = |stand: &mut Stand| stand.is_over(at);
        self.all.extract_if(.., over).collect()
    }

    /// Takes what is as large as a vehicle, came and lies still, and the detector does not know. From then on the brightness of its
    /// place, which the scene shows, says whether it is still there.
    pub fn see_shapes(&mut self, at: Timestamp, road: &Road, scene: &Scene, shapes: &[Shape]) {
        // What the road looks like must be known from before.
        let Some(begun) = self.begun else { return };
        let is_new = |shape: &&Shape| seconds(begun, shape.since) >= READY_S;
        for shape in shapes.iter().filter(is_new).filter(|shape| seconds(shape.since, at) >= SHAPE_S) {
            let same = |stand: &&mut Stand| stand.bbox.intersection(&shape.bbox) > 0.0;
            if let Some(stand) = self.all.iter_mut().find(same) {
                (stand.seen_at, stand.known_at, stand.gone_s) = (at, at, 0.0);
                stand.shaped |= stand.bbox.iou(&shape.bbox) > SAME_IOU;
                continue;
            }
            self.last_number += 1;
            let look = scene.patch(&shape.bbox);
            self.all
                .push(Stand { look: Some((at, look)), ..Stand::of_shape(self.last_number, at, road, shape) });
        }
    }

    /// Time passed that nobody watched: what stood then stands until the opposite is seen.
    pub fn resume(&mut self, at: Timestamp) {
        for stand in &mut self.all {
            stand.known_at = at;
            stand.gone_s = 0.0;
        }
    }

    /// Tracks of vehicles that were there before the camera watched.
    pub fn parked(&self) -> HashSet<TrackId> {
        self.all.iter().filter(|stand| !stand.came).filter_map(|stand| stand.track).collect()
    }

    /// Boxes under which the empty scene is not seen: those of vehicles that came.
    pub fn came(&self) -> impl Iterator<Item = BBox> + '_ {
        self.all.iter().filter(|stand| stand.came).map(|stand| stand.bbox)
    }

    fn see(&mut self, at: Timestamp, user: &RoadUser, scene: Option<&Scene>, begun: Timestamp) {
        let Some(anchor) = user.anchor else { return };
        if let Some(stand) = self.all.iter_mut().find(|stand| stand.is(user)) {
            stand.take(at, user);
            return;
        }
        // On its way out it does not stand anew at every step.
        if anchor.left.is_some() {
            return;
        }
        let new = scene.and_then(|scene| scene.difference_from_empty(&user.bbox));
        // Whoever stood there before the first seconds were over may have been there for days.
        let watched = seconds(begun, anchor.since) >= 3.0;
        let came = match new {
            Some(levels) if levels >= NEW_LEVELS => user.arrived || watched,
            Some(levels) if levels < OLD_LEVELS => false,
            // A vehicle as grey as the road, of which only the last bit of its way was seen.
            Some(levels) if levels >= RATHER_NEW_LEVELS => user.arrived || user.rolled && watched,
            _ => user.arrived,
        };
        self.last_number += 1;
        self.all.push(Stand {
            number: self.last_number,
            bbox: user.bbox,
            p: anchor.place,
            image: user.image,
            unit: user.unit,
            zones: user.zones.clone(),
            since: anchor.since,
            known_at: at,
            seen_at: at,
            came,
            arrived: user.arrived,
            rolled: user.rolled,
            shaped: false,
            car_share: user.car_share.unwrap_or(0.0),
            score: user.standing_score,
            looks: 1,
            track: Some(user.id),
            own_since: Some(anchor.since),
            look: None,
            gone_s: 0.0,
            seen_free: false,
            crept: false,
        });
    }
}

impl Stand {
    fn of_shape(number: u64, at: Timestamp, road: &Road, shape: &Shape) -> Self {
        // Its lowest cells are half road, and those at the lower edge of the picture end where zones do.
        let foot = shape.bbox.reference();
        let p = Point::new(foot.x, foot.y - FOOT_SHARE * f64::from(shape.bbox.height()));
        let image = road.image(p);
        Self {
            number,
            bbox: shape.bbox,
            p,
            image,
            unit: f64::from(shape.bbox.area()).sqrt().max(1.0),
            zones: (0..road.zones.len()).filter(|&i| road.zones[i].zone.contains(image)).collect(),
            since: shape.since,
            known_at: at,
            seen_at: at,
            came: true,
            arrived: false,
            rolled: true,
            shaped: true,
            car_share: 0.0,
            score: SHAPE_SCORE,
            looks: 1,
            track: None,
            own_since: Some(shape.since),
            look: None,
            gone_s: 0.0,
            seen_free: false,
            crept: false,
        }
    }

    /// Whether it is one beyond doubt: a thing on the road may be taken for a vehicle, but not surely, and drives up never.
    pub fn is_sure(&self) -> bool {
        let large = self.car_share >= SURE_SIZE;
        // Where no sizes are known the share is none.
        let small = self.car_share > 0.0 && self.car_share < LEAST_SIZE;
        let looks_so = large && self.score >= LARGE_SCORE || self.score >= SURE_SCORE && !small;
        self.rolled || self.shaped || looks_so && self.seen_free
    }

    /// How long it is known to have stood.
    pub fn stood_s(&self) -> f64 {
        seconds(self.since, self.known_at)
    }

    /// The same of whoever stands there now, no time if its own track left: nobody knows who stands there then.
    pub fn own_stood_s(&self) -> f64 {
        self.own_since.map_or(0.0, |since| seconds(since, self.known_at))
    }

    fn is(&self, user: &RoadUser) -> bool {
        if self.track == Some(user.id) {
            return !self.is_away(user);
        }
        self.bbox.iou(&user.bbox) >= SAME_IOU
            || self.p.distance(user.p) <= SAME_UNITS * self.unit.min(user.unit)
    }

    /// Whether its own track is somewhere else.
    fn is_away(&self, user: &RoadUser) -> bool {
        user.p.distance(self.p) > AWAY_UNITS * self.unit
    }

    fn take(&mut self, at: Timestamp, user: &RoadUser) {
        self.arrived |= user.arrived;
        self.rolled |= user.rolled;
        // Whoever drives up to where water gathered stands there.
        if self.crept && user.arrived {
            (self.came, self.crept) = (true, false);
            self.since = user.anchor.map_or(at, |anchor| anchor.since);
        }
        self.car_share = self.car_share.max(user.car_share.unwrap_or(0.0));
        self.track = Some(user.id);
        self.own_since = self.own_since.or(user.anchor.map(|anchor| anchor.since));
        self.seen_at = at;
        self.known_at = at;
        self.gone_s = 0.0;
        self.looks = (self.looks + 1).min(100);
        self.score += (f64::from(user.score) - self.score) / f64::from(self.looks);
    }

    /// A weak or young track in its place is the vehicle as well, if it does not move.
    fn blink(&mut self, at: Timestamp, users: &[RoadUser]) {
        let still = |u: &&RoadUser| {
            let iou = self.bbox.iou(&u.bbox);
            // Somebody of whom no speed is known yet may be on the way in.
            let stays = if Some(u.id) == self.track {
                !self.is_away(u)
            } else {
                u.speed_units.map_or(iou >= YOUNG_IOU, |v| v < 0.2)
            };
            u.class.is_motor_vehicle() && stays && iou >= 0.4
        };
        if users.iter().any(|u| still(&u)) {
            self.seen_at = at;
            self.known_at = at;
            self.gone_s = 0.0;
        }
    }

    /// Its track drives away with it, or with somebody who passed in front.
    fn note_leaving(&mut self, users: &[RoadUser]) {
        if users.iter().any(|u| Some(u.id) == self.track && self.is_away(u)) {
            self.own_since = None;
        }
    }

    /// Whether the brightness of its place came to be so from one moment to the next, as long as it has not stood for long.
    fn note_creeping(&mut self, scene: Option<&Scene>, moving: &[BBox]) {
        let Some(scene) = scene else {
            self.seen_free = true;
            return;
        };
        if self.is_hidden(moving) {
            return;
        }
        self.seen_free = true;
        if self.came
            && !self.rolled
            && self.stood_s() <= CREEPS_S
            && scene.slow_share(&self.bbox) >= CREPT_SHARE
        {
            (self.came, self.crept) = (false, true);
        }
    }

    /// Whether somebody passes in front.
    fn is_hidden(&self, moving: &[BBox]) -> bool {
        moving.iter().any(|bbox| bbox.intersection(&self.bbox) > 0.1 * self.bbox.area())
    }

    /// Whether a vehicle that stands in front hides most of it: the brightness of its place is that one's then.
    fn is_behind(&self, front: &BBox) -> bool {
        front.y2 > self.bbox.y2 && front.intersection(&self.bbox) >= BEHIND_SHARE * self.bbox.area()
    }

    /// What the brightness of its place says.
    fn look(&mut self, at: Timestamp, dt_s: f64, scene: &Scene, moving: &[BBox]) {
        if self.is_hidden(moving) {
            return;
        }
        let due = self.look.as_ref().is_none_or(|(then, _)| seconds(*then, at) >= LOOK_S);
        if self.seen_at == at {
            if due {
                self.look = Some((at, scene.patch(&self.bbox)));
            }
            return;
        }
        let Some((_, patch)) = &self.look else { return };
        let differences = scene.difference_from(patch).zip(scene.difference_from_empty(&self.bbox));
        let Some((from_it, from_empty)) = differences else { return };
        if from_empty < CLOSER * from_it {
            self.gone_s += dt_s;
        } else if from_it < CLOSER * from_empty && self.was_seen_well() {
            self.gone_s = 0.0;
            self.known_at = at;
        }
    }

    /// Whether the detector meant it or saw it for some time: brightness, which a shadow changes too, goes on from there.
    fn was_seen_well(&self) -> bool {
        self.score >= WELL_SCORE || seconds(self.since, self.seen_at) >= WELL_S
    }

    fn is_over(&self, at: Timestamp) -> bool {
        let unknown_s = seconds(self.known_at, at);
        self.gone_s >= GONE_S || unknown_s >= if self.own_since.is_none() { LEFT_S } else { FORGET_S }
    }
}
