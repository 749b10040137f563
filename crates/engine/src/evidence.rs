//! The pictures of an incident: a ring of stills a camera, redacted before they wait in it, one a second, and the two of
//! them that an incident is given, as it began and as it was confirmed. How a still is redacted is `redact`'s, what an
//! incident is `hazard`'s. A frame's own pixels are not kept here.

use std::collections::VecDeque;

use jiff::SignedDuration;
use wayside_ingest::background::reduced;
use wayside_redact::{Marks, Still};
use wayside_types::{Detection, Frame, IncidentId, IncidentRecord, StillKind, Timestamp, Zone};

/// A still is made this often.
const EVERY_S: f64 = 1.0;
/// Detections within this time of a still are covered in it, before and after (design 1.4).
const COVER_S: f64 = 1.0;
/// Stills up to this age wait one a second, older ones further apart, up to the longest hold of a rule.
const AGES: [(f64, f64); 3] = [(10.0, 0.0), (40.0, 5.0), (140.0, 20.0)];
/// Where no frame comes any more, an incident waits so many seconds for a better still.
const PATIENCE: u32 = 4;

/// The stills of one camera that wait for an incident.
#[derive(Default)]
pub struct Evidence {
    /// Younger than what must be covered in them; newest last.
    fresh: VecDeque<(Timestamp, Still)>,
    /// Ready; newest last.
    ring: VecDeque<(Timestamp, Still)>,
    /// What was detected within the last second.
    recent: VecDeque<(Timestamp, Vec<Detection>)>,
    wanted: Vec<Wanted>,
}

/// A still that an incident is to be given.
struct Wanted {
    incident: IncidentId,
    kind: StillKind,
    at: Timestamp,
    marks: Marks,
    /// Times that it was looked for by the clock.
    looked: u32,
}

/// A still for an incident.
pub struct Given {
    /// Whose.
    pub incident: IncidentId,
    /// Which.
    pub kind: StillKind,
    /// When it was taken.
    pub taken_at: Timestamp,
    /// The picture.
    pub still: Still,
    /// What is marked on it.
    pub marks: Marks,
}

impl Evidence {
    /// Takes in a frame that the detector looked at, with everything that it suspects in it. `width_px` is how wide a
    /// still may be.
    pub fn see(&mut self, frame: &Frame, detections: &[Detection], width_px: u32) {
        let at = frame.captured_at;
        if self.fresh.back().or(self.ring.back()).is_some_and(|(last, _)| *last > at) {
            // The camera's clock was set back: times no longer say what belongs together.
            *self = Self { wanted: std::mem::take(&mut self.wanted), ..Self::default() };
        }
        for (taken, still) in &mut self.fresh {
            if seconds(*taken, at) <= COVER_S {
                still.cover(detections);
            }
        }
        self.pass(at);
        self.recent.push_back((at, detections.to_vec()));
        while self.recent.front().is_some_and(|(then, _)| seconds(*then, at) > COVER_S) {
            self.recent.pop_front();
        }
        let due =
            self.fresh.back().or(self.ring.back()).is_none_or(|(last, _)| seconds(*last, at) >= EVERY_S);
        if !due {
            return;
        }
        let known: Vec<Detection> = self.recent.iter().flat_map(|(_, found)| found.iter().copied()).collect();
        let Some((size, rgb)) = reduced(frame, width_px) else { return };
        match Still::new(size, rgb, frame.size, width_px, &known) {
            Ok(still) => self.fresh.push_back((at, still)),
            Err(error) => tracing::warn!(camera = %frame.camera, %error, "no still"),
        }
    }

    /// Time went on: stills that all detections of their second are known of are ready.
    pub fn pass(&mut self, at: Timestamp) {
        let waiting = self.ring.len();
        while self.fresh.front().is_some_and(|(taken, _)| seconds(*taken, at) > COVER_S) {
            self.ring.extend(self.fresh.pop_front());
        }
        if self.ring.len() > waiting {
            self.thin(at);
        }
    }

    fn thin(&mut self, at: Timestamp) {
        let mut newer: Option<Timestamp> = None;
        let mut kept = VecDeque::with_capacity(self.ring.len());
        for (taken, still) in self.ring.drain(..).rev() {
            let age_s = seconds(taken, at);
            let apart_s = AGES.iter().find(|(age, _)| age_s <= *age).map(|(_, apart)| *apart);
            // By the clock's own steps, so that the same ones stay as they grow older.
            let step = |t: Timestamp, s: f64| (t.as_millisecond() as f64 / 1_000.0 / s).floor();
            let keep = match (apart_s, newer) {
                (None, _) => false,
                (Some(apart), Some(newer)) if apart > 0.0 => step(newer, apart) > step(taken, apart),
                (Some(_), _) => true,
            };
            if keep {
                newer = Some(taken);
                kept.push_front((taken, still));
            }
        }
        self.ring = kept;
    }

    /// An incident was detected: it is to be given its two stills.
    pub fn want(&mut self, record: &IncidentRecord, zones: &[Zone]) {
        let incident = &record.incident;
        let zone = zones.iter().find(|zone| Some(&zone.id) == incident.zone.as_ref());
        let outline = zone.map(|zone| zone.polygon.clone()).unwrap_or_default();
        let marks = Marks { outline, place: incident.place.map(|place| place.image) };
        for (kind, at) in [(StillKind::Start, incident.onset), (StillKind::Confirmed, incident.detected)] {
            let (incident, marks) = (record.id.clone(), marks.clone());
            self.wanted.push(Wanted { incident, kind, at, marks, looked: 0 });
        }
    }

    /// The stills of all incidents that wait for theirs, as good as there are.
    pub fn give_all(&mut self, width_px: u32) -> Vec<Given> {
        self.wanted.iter_mut().for_each(|wanted| wanted.looked = PATIENCE);
        self.give(true, width_px)
    }

    /// The stills that are ready for incidents. `by_clock` says that this is asked once a second whether or not frames
    /// come. None is wider than `width_px`: what is known of sizes now holds for older stills as well.
    pub fn give(&mut self, by_clock: bool, width_px: u32) -> Vec<Given> {
        if self.wanted.is_empty() {
            return Vec::new();
        }
        let mut given = Vec::new();
        let ring = &self.ring;
        self.wanted.retain_mut(|wanted| {
            wanted.looked += u32::from(by_clock);
            let settled =
                ring.back().is_some_and(|(newest, _)| *newest >= wanted.at) || wanted.looked >= PATIENCE;
            if !settled {
                return true;
            }
            let far = |taken: Timestamp| taken.duration_since(wanted.at).abs();
            if let Some((taken, still)) = ring.iter().min_by_key(|(taken, _)| far(*taken)) {
                let mut still = still.clone();
                still.bring_to(width_px);
                let (incident, marks) = (wanted.incident.clone(), std::mem::take(&mut wanted.marks));
                given.push(Given { incident, kind: wanted.kind, taken_at: *taken, still, marks });
            }
            false
        });
        given
    }
}

impl Given {
    /// The JPEG, whose only words are camera, time and incident.
    ///
    /// # Errors
    /// When it can't be encoded.
    pub fn jpeg(&self) -> Result<Vec<u8>, wayside_redact::RedactError> {
        let (camera, incident) = (&self.incident.camera, &self.incident);
        let taken = self.taken_at.round(jiff::Unit::Second).unwrap_or(self.taken_at);
        self.still.jpeg(&self.marks, &format!("camera {camera}, {taken}, incident {incident}"))
    }
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).max(SignedDuration::MIN).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::time::Duration;

    use wayside_types::frame::OwnedPixels;
    use wayside_types::{
        BBox, CameraId, FrameSize, Incident, IncidentKind, PixelFormat, RoadUserClass, Severity,
    };

    const SIZE: FrameSize = FrameSize { width: 160, height: 90 };

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_790_000_000_000 + ms).unwrap()
    }

    /// A frame as bright as its second.
    fn frame(ms: i64) -> Frame {
        let grey = u8::try_from(ms / 1_000 % 200).unwrap() + 20;
        Frame {
            camera: CameraId::new("a").unwrap(),
            captured_at: at(ms),
            media_time: Duration::ZERO,
            seq: 0,
            size: SIZE,
            format: PixelFormat::Rgb8,
            pixels: Arc::new(OwnedPixels::rgb8(vec![grey; 160 * 90 * 3], 160)),
        }
    }

    fn record(onset_ms: i64, detected_ms: i64) -> IncidentRecord {
        let incident = Incident {
            kind: IncidentKind::CameraDark,
            zone: None,
            place: None,
            severity: Severity::Minor,
            confidence: 0.8,
            onset: at(onset_ms),
            detected: at(detected_ms),
            ended: None,
            why: Vec::new(),
        };
        IncidentRecord::began("a.1.1".parse().unwrap(), incident, at(detected_ms), None)
    }

    #[test]
    fn an_incident_is_given_its_start_and_its_confirmation() {
        let mut evidence = Evidence::default();
        let mut given = Vec::new();
        for ms in (0..30_000).step_by(100) {
            evidence.see(&frame(ms), &[], 480);
            if ms == 20_000 {
                evidence.want(&record(12_300, 20_000), &[]);
            }
            given.extend(evidence.give(false, 120).into_iter().map(|given| (ms, given)));
        }
        let told: Vec<_> = given.iter().map(|(ms, g)| (*ms, g.kind, g.taken_at)).collect();
        // The second waits until what is detected within a second of it is known.
        assert_eq!(
            told,
            [(20_000, StillKind::Start, at(12_000)), (21_100, StillKind::Confirmed, at(20_000))]
        );
        // What is known of sizes by then holds.
        assert_eq!(given[0].1.still.width_px(), 120);
        let jpeg = given[0].1.jpeg().unwrap();
        let says = b"camera a, 2026-09-21T14:13:32Z, incident a.1.1";
        assert!(jpeg.windows(says.len()).any(|w| w == says), "{}", String::from_utf8_lossy(&jpeg[..120]));
    }

    #[test]
    fn where_no_frame_comes_any_more_the_last_still_serves() {
        let mut evidence = Evidence::default();
        (0..8_000).step_by(100).for_each(|ms| evidence.see(&frame(ms), &[], 480));
        evidence.want(&record(8_000, 18_000), &[]);
        let given: Vec<usize> = (0..5).map(|_| evidence.give(true, 480).len()).collect();
        assert_eq!(given, [0, 0, 0, 2, 0]);
        evidence.want(&record(8_000, 18_000), &[]);
        assert_eq!(evidence.give_all(480).len(), 2);
        assert!(Evidence::default().give_all(480).is_empty());
    }

    /// Somebody who is detected up to a second before or after a still is covered in it, and nobody who is not.
    #[test]
    fn what_is_detected_within_a_second_is_covered() {
        let walker = Detection {
            bbox: BBox::new(40.0, 20.0, 80.0, 70.0),
            class: RoadUserClass::Pedestrian,
            score: 0.1,
        };
        for (seen_ms, covered) in
            [(3_000, false), (4_000, true), (5_000, true), (6_000, true), (6_100, false)]
        {
            let mut evidence = Evidence::default();
            for ms in (0..8_000).step_by(100) {
                let found = if ms == seen_ms { vec![walker] } else { Vec::new() };
                evidence.see(&frame(ms), &found, 480);
            }
            evidence.want(&record(5_000, 5_000), &[]);
            let given = evidence.give_all(480);
            assert_eq!(given[0].taken_at, at(5_000));
            // A frame of the fifth second is nearly black, what is covered is grey.
            let picture = image::load_from_memory(&given[0].jpeg().unwrap()).unwrap().to_luma8();
            let is_covered = picture.get_pixel(34, 12)[0] > 100;
            assert_eq!(is_covered, covered, "seen at {seen_ms}");
        }
    }

    #[test]
    fn the_ring_is_bounded_and_thins_out() {
        let mut evidence = Evidence::default();
        for ms in (0..300_000).step_by(500) {
            evidence.see(&frame(ms), &[], 480);
        }
        let ages: Vec<f64> =
            evidence.ring.iter().rev().map(|(taken, _)| seconds(*taken, at(299_500))).collect();
        assert!(ages.len() <= 24 && ages.iter().filter(|age| **age < 10.0).count() >= 8, "{ages:?}");
        assert!(ages.last().is_some_and(|age| (115.0..=140.0).contains(age)), "{ages:?}");
        // A clock that is set back begins anew.
        evidence.see(&frame(1_000), &[], 480);
        assert_eq!((evidence.ring.len(), evidence.fresh.len()), (0, 1));
    }
}
