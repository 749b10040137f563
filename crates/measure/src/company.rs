//! Who is seen beside whom: whether two tracks may follow one vehicle, as when the detector sees a part of
//! it and the whole of it by turns. Knows boxes of this frame only, and of earlier ones no more than that one
//! was within the other; both in memory for as long as the tracks live.

use std::collections::HashMap;

use wayside_types::{BBox, Point, Track, TrackId, TrackUpdate};

use crate::path::seconds;

/// Tracks whose reference points are this many box units apart across their way follow two vehicles …
const APART_BESIDE_UNITS: f64 = 0.45;
/// … and so do those that are this far apart along it.
const APART_ALONG_UNITS: f64 = 1.5;
/// A vehicle stands that is slower than this many box units a second …
const STANDS_UNITS_S: f64 = 0.15;
/// … and is in the way of another that is bound to pass so near to its reference point, in box units.
const IN_WAY_UNITS: f64 = 0.3;
/// A box that has this share of its area in another is within it.
const WITHIN_SHARE: f32 = 0.9;
/// What is within another for the first time so soon after it was first seen, seconds, came of it.
const YOUNG_S: f64 = 0.6;
/// Of so many others it is known that they were within a track: thousands pass behind a parked lorry.
const OTHERS_KEPT: usize = 16;

/// How two tracks are seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// In this frame in places that one vehicle can't be in: beside its way, or far ahead or behind on it.
    Apart,
    /// Not apart, and at some time the box of one was within that of the other.
    Within,
    /// Neither, or one of them is not seen.
    Unclear,
}

/// Where a track is detected in this frame.
#[derive(Debug, Clone, Copy)]
struct Place {
    bbox: BBox,
    confirmed: bool,
    /// Whether it is a motor vehicle that stands.
    stands: bool,
}

/// The tracks of this frame and who was ever within whom.
#[derive(Debug, Default)]
pub(crate) struct Company {
    places: HashMap<TrackId, Place>,
    within: HashMap<TrackId, Vec<TrackId>>,
    /// Tracks that began within or around a track, by that one.
    heirs: HashMap<TrackId, Vec<TrackId>>,
}

impl Company {
    /// Takes a frame.
    pub fn update(&mut self, tracks: &TrackUpdate) {
        let detected: Vec<&Track> = tracks.active.iter().filter(|t| t.observed).collect();
        let place = |t: &&Track| {
            let speed = t.velocity_px_s.x.hypot(t.velocity_px_s.y);
            let stands = t.class.is_motor_vehicle() && speed < STANDS_UNITS_S * unit(&t.bbox);
            (t.id, Place { bbox: t.bbox, confirmed: t.confirmed, stands })
        };
        self.places = detected.iter().map(place).collect();
        for (index, a) in detected.iter().enumerate() {
            for b in detected.iter().skip(index + 1) {
                if a.bbox.intersection(&b.bbox) >= WITHIN_SHARE * a.bbox.area().min(b.bbox.area()) {
                    note(&mut self.within, a.id, b.id);
                    note(&mut self.within, b.id, a.id);
                    for (older, newer) in [(a, b), (b, a)] {
                        let motor = older.class.is_motor_vehicle() && newer.class.is_motor_vehicle();
                        let young = seconds(newer.first_seen, newer.last_seen) <= YOUNG_S;
                        if motor && young && older.first_seen < newer.first_seen {
                            note(&mut self.heirs, older.id, newer.id);
                        }
                    }
                }
            }
        }
    }

    /// Whether the box of another track covers at least this share of a track's box.
    pub fn covered(&self, track: TrackId, bbox: &BBox, share: f32) -> bool {
        let others = self.places.iter().filter(|(id, _)| **id != track);
        let covers = |place: &Place| place.confirmed && place.bbox.intersection(bbox) >= share * bbox.area();
        bbox.area() > 0.0 && others.map(|(_, place)| place).any(covers)
    }

    /// Whether a vehicle stands on the straight way from one place to another, px, which a track would have to drive through.
    pub fn blocked(&self, track: TrackId, from: Point, to: Point) -> bool {
        let (wx, wy) = (to.x - from.x, to.y - from.y);
        let way = wx.hypot(wy);
        let others =
            self.places.iter().filter(|(id, place)| **id != track && place.confirmed && place.stands);
        way > 0.0
            && others.map(|(_, place)| &place.bbox).any(|bbox| {
                let reference = bbox.reference();
                let (dx, dy) = (reference.x - from.x, reference.y - from.y);
                let (along, beside) = ((dx * wx + dy * wy) / way, (dx * wy - dy * wx) / way);
                (0.0..=way).contains(&along) && beside.abs() <= IN_WAY_UNITS * unit(bbox)
            })
    }

    /// Whether a vehicle that is lost now moves on under another track, which began within or around its own.
    pub fn goes_on(&self, track: TrackId) -> bool {
        let moves = |heir: &TrackId| self.places.get(heir).is_some_and(|p| p.confirmed && !p.stands);
        self.heirs.get(&track).is_some_and(|heirs| heirs.iter().any(moves))
    }

    /// Forgets a track.
    pub fn forget(&mut self, track: TrackId) {
        self.within.remove(&track);
        self.heirs.remove(&track);
    }

    /// How a track, whose box unit this is, is seen beside another. For a crossing that nobody `saw`, what
    /// was within another then counts for more than what is apart from it now.
    pub fn seen(&self, track: &Track, other: TrackId, unit: f64, saw: bool) -> Seen {
        let within = self.within.get(&track.id).is_some_and(|others| others.contains(&other));
        match (within, self.are_apart(track, other, unit)) {
            (true, apart) if !(saw && apart) => Seen::Within,
            (_, true) => Seen::Apart,
            _ => Seen::Unclear,
        }
    }

    fn are_apart(&self, track: &Track, other: TrackId, unit: f64) -> bool {
        let (Some(a), Some(b)) = (self.places.get(&track.id), self.places.get(&other)) else { return false };
        let v = track.velocity_px_s;
        let speed = v.x.hypot(v.y);
        if speed <= 0.0 || !a.confirmed || !b.confirmed {
            return false;
        }
        // The part of a vehicle is as far from its middle as the whole is large.
        let unit = self::unit(&a.bbox).max(self::unit(&b.bbox)).max(unit);
        let (from, to) = (a.bbox.reference(), b.bbox.reference());
        let (dx, dy) = (to.x - from.x, to.y - from.y);
        let (along, beside) = ((dx * v.x + dy * v.y) / speed, (dx * v.y - dy * v.x) / speed);
        beside.abs() >= APART_BESIDE_UNITS * unit || along.abs() >= APART_ALONG_UNITS * unit
    }
}

fn note(of: &mut HashMap<TrackId, Vec<TrackId>>, track: TrackId, other: TrackId) {
    let others = of.entry(track).or_default();
    if !others.contains(&other) {
        if others.len() >= OTHERS_KEPT {
            others.remove(0);
        }
        others.push(other);
    }
}

/// The box unit: the side of a square of its area, px.
fn unit(bbox: &BBox) -> f64 {
    f64::from(bbox.area()).sqrt()
}
