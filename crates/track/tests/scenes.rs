//! Synthetic traffic: vehicles as a detector sees them (noise, misses, false boxes), at several rates.
//! Every vehicle must be one confirmed track, whatever the order of a frame's detections.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use wayside_track::Tracker;
use wayside_types::{
    BBox, Detection, FrameSize, RoadUserClass, Timestamp, TrackId, TrackSettings, TrackUpdate,
};

const SIZE: FrameSize = FrameSize { width: 640, height: 360 };

/// A vehicle that drives straight through the picture.
#[derive(Clone, Copy)]
struct Vehicle {
    start_s: f64,
    x: f64,
    y: f64,
    vx: f64,
    w: f64,
    h: f64,
    class: RoadUserClass,
}

impl Vehicle {
    fn seen(&self, t: f64) -> Option<BBox> {
        let x = self.x + self.vx * (t - self.start_s);
        let (x1, x2) = ((x - self.w / 2.0).max(0.0), (x + self.w / 2.0).min(640.0));
        // The detector sees what is at least half in the picture.
        (t >= self.start_s && x2 - x1 > self.w / 2.0)
            .then(|| BBox::new(x1 as f32, (self.y - self.h) as f32, x2 as f32, self.y as f32))
    }
}

/// Two lanes one way, two the other; a car every 2 s in each, every third lane with lorries.
fn street() -> Vec<Vehicle> {
    let mut all = Vec::new();
    for (lane, (y, vx)) in
        [(90.0, -330.0), (140.0, -260.0), (210.0, 200.0), (300.0, 150.0)].into_iter().enumerate()
    {
        for i in 0..5 {
            let long = lane == 2 && i % 2 == 0;
            all.push(Vehicle {
                start_s: 0.3 * lane as f64 + 2.5 * f64::from(i),
                x: if vx > 0.0 { -60.0 } else { 700.0 },
                y,
                vx,
                w: if long { 190.0 } else { 100.0 },
                h: if long { 80.0 } else { 45.0 },
                class: if long { RoadUserClass::Truck } else { RoadUserClass::Car },
            });
        }
    }
    all
}

fn frame(vehicles: &[Vehicle], t: f64, rng: &mut Pcg64, miss: f64, jitter: f64) -> Vec<Detection> {
    let mut all = Vec::new();
    for v in vehicles {
        let Some(b) = v.seen(t) else { continue };
        if rng.random::<f64>() < miss {
            continue;
        }
        let mut off = |side: f64| ((rng.random::<f64>() - 0.5) * 2.0 * jitter * side) as f32;
        let bbox = BBox::new(b.x1 + off(v.w), b.y1 + off(v.h), b.x2 + off(v.w), b.y2 + off(v.h));
        let score = 0.2 + 0.7 * rng.random::<f32>();
        all.push(Detection { bbox, class: v.class, score });
    }
    // One false box in five frames, somewhere.
    if rng.random::<f64>() < 0.2 {
        let (x, y) = (rng.random::<f32>() * 600.0, rng.random::<f32>() * 320.0);
        let bbox = BBox::new(x, y, x + 40.0, y + 30.0);
        all.push(Detection { bbox, class: RoadUserClass::Car, score: 0.1 + 0.2 * rng.random::<f32>() });
    }
    all
}

fn at(t: f64) -> Timestamp {
    Timestamp::from_nanosecond((t * 1e9) as i128).unwrap()
}

/// Confirmed tracks that drove at least a third of the picture.
fn long_tracks(rate: f64, seed: u64, miss: f64, shuffle: bool) -> (usize, Vec<TrackUpdate>) {
    let vehicles = street();
    let mut rng = Pcg64::seed_from_u64(seed);
    let mut tracker = Tracker::new(TrackSettings::default(), SIZE);
    let mut spans: Vec<(TrackId, f32, f32)> = Vec::new();
    let mut updates = Vec::new();
    for i in 0..(18.0 * rate) as u32 {
        let t = f64::from(i) / rate;
        let mut detections = frame(&vehicles, t, &mut rng, miss, 0.03);
        if shuffle {
            detections.reverse();
        }
        let update = tracker.update(at(t), &detections);
        for track in update.active.iter().filter(|t| t.confirmed && t.observed) {
            let x = track.bbox.reference().x as f32;
            match spans.iter_mut().find(|s| s.0 == track.id) {
                Some(span) => (span.1, span.2) = (span.1.min(x), span.2.max(x)),
                None => spans.push((track.id, x, x)),
            }
        }
        updates.push(update);
    }
    (spans.iter().filter(|s| s.2 - s.1 > 213.0).count(), updates)
}

#[test]
fn every_vehicle_is_one_track_at_any_rate() {
    for rate in [5.0, 7.5, 10.0, 15.0, 25.0] {
        for (seed, miss) in [(1, 0.0), (2, 0.05), (3, 0.10), (4, 0.10)] {
            let (n, _) = long_tracks(rate, seed, miss, false);
            assert_eq!(n, street().len(), "at {rate}/s, {miss} missed, seed {seed}");
        }
    }
}

#[test]
fn the_order_of_detections_makes_no_difference() {
    let (_, a) = long_tracks(10.0, 5, 0.1, false);
    let (_, b) = long_tracks(10.0, 5, 0.1, true);
    for (a, b) in a.iter().zip(&b) {
        assert_eq!(a.active.len(), b.active.len());
        for (a, b) in a.active.iter().zip(&b.active) {
            assert!(a.id == b.id && a.bbox == b.bbox && a.class == b.class && a.hits == b.hits);
        }
    }
}

#[test]
fn a_vehicle_behind_another_keeps_its_track() {
    // A car is overtaken by a lorry on the near lane and not seen for 0.8 s.
    let car =
        Vehicle { start_s: 0.0, x: 60.0, y: 150.0, vx: 160.0, w: 90.0, h: 40.0, class: RoadUserClass::Car };
    for rate in [5.0, 10.0, 25.0] {
        let mut tracker = Tracker::new(TrackSettings::default(), SIZE);
        let mut ids = Vec::new();
        for i in 0..(3.0 * rate) as u32 {
            let t = f64::from(i) / rate;
            let hidden = (1.2..2.0).contains(&t);
            let seen =
                car.seen(t).filter(|_| !hidden).map(|bbox| Detection { bbox, class: car.class, score: 0.6 });
            let update = tracker.update(at(t), seen.as_slice());
            ids.extend(update.active.iter().filter(|t| t.observed).map(|t| t.id));
        }
        assert!(ids.iter().all(|id| *id == ids[0]), "at {rate}/s");
    }
}

#[test]
fn a_shaking_camera_moves_no_parked_car() {
    let mut tracker = Tracker::new(TrackSettings::default(), SIZE);
    let mut rng = Pcg64::seed_from_u64(9);
    let parked: Vec<(f32, f32)> =
        (0..6).map(|i| (60.0 + 90.0 * i as f32, 120.0 + 30.0 * (i % 3) as f32)).collect();
    let mut worst = 0.0_f64;
    for i in 0..100 {
        let (dx, dy) = (6.0 * (rng.random::<f32>() - 0.5), 6.0 * (rng.random::<f32>() - 0.5));
        let boxes = parked.iter().map(|(x, y)| BBox::new(x + dx, y + dy, x + dx + 70.0, y + dy + 36.0));
        let seen: Vec<_> =
            boxes.map(|bbox| Detection { bbox, class: RoadUserClass::Car, score: 0.7 }).collect();
        let update = tracker.update(at(f64::from(i) / 10.0), &seen);
        if i > 20 {
            assert_eq!(update.active.len(), parked.len());
            let mean =
                update.active.iter().zip(&parked).map(|(t, p)| t.bbox.reference().x - f64::from(p.0) - 35.0);
            worst = worst.max((mean.sum::<f64>() / parked.len() as f64).abs());
        }
    }
    assert!(worst < 3.0, "parked cars moved by {worst} px");
}

/// Cars that come towards the camera, as a pinhole sees them on the ground: in lane `x_m`, `z_m` away.
fn approaching(x_m: f64, z_m: f64) -> Option<BBox> {
    let scale = 700.0 / z_m;
    let (x, y) = (320.0 + scale * x_m, 60.0 + scale * 6.0);
    let (w, h) = (1.9 * scale, 1.5 * scale);
    let seen = z_m > 8.0 && y < 360.0 && x - w / 2.0 > 0.0 && x + w / 2.0 < 640.0;
    seen.then(|| BBox::new((x - w / 2.0) as f32, (y - h) as f32, (x + w / 2.0) as f32, y as f32))
}

#[test]
fn a_drift_of_all_tracks_is_not_taken_for_the_camera() {
    // Everything comes nearer and the camera sways by 6 px: what is said of places must stay near the
    // undisturbed picture, for lines are drawn on that. At the profiles' rates; at 25 a second such a sway
    // still moves places by up to 15 px.
    for rate in [5.0, 10.0] {
        let mut tracker = Tracker::new(TrackSettings::default(), SIZE);
        let mut off = Vec::new();
        for i in 0..(20.0 * rate) as u32 {
            let t = f64::from(i) / rate;
            let (dx, dy) = ((6.0 * (8.2 * t).sin()) as f32, (6.0 * (11.9 * t).sin()) as f32);
            let real: Vec<BBox> = (0..60)
                .filter_map(|k| {
                    let x_m = [-5.0, -1.5, 2.0, 5.5][k % 4];
                    approaching(x_m, 110.0 + 9.0 * k as f64 - 25.0 * t)
                })
                .filter(|b| b.height() > 8.0)
                .collect();
            let seen: Vec<_> = real
                .iter()
                .map(|b| BBox::new(b.x1 + dx, b.y1 + dy, b.x2 + dx, b.y2 + dy))
                .map(|bbox| Detection { bbox, class: RoadUserClass::Car, score: 0.7 })
                .collect();
            let update = tracker.update(at(t), &seen);
            for track in update.active.iter().filter(|t| t.observed && t.hits > 4) {
                let here = track.bbox.reference();
                let nearest = real.iter().map(|b| b.reference().distance(here)).min_by(f64::total_cmp);
                off.extend(nearest);
            }
        }
        off.sort_by(f64::total_cmp);
        assert!(off.len() > 200, "only {} detections followed at {rate}/s", off.len());
        let typical = off[off.len() / 2];
        // Uncorrected it would be some 6 px; an offset that runs away with the traffic is several times that.
        assert!(typical < 7.0, "half of the places are more than {typical} px off at {rate}/s");
    }
}

#[test]
fn a_stream_that_stutters_keeps_its_tracks() {
    // Every fifth picture is the one before once more, as sources do that were converted from another rate.
    let mut tracker = Tracker::new(TrackSettings::default(), SIZE);
    let mut ids = Vec::new();
    for i in 0..32_u32 {
        let shown = if i % 5 == 4 { i - 1 } else { i };
        let t = f64::from(i) / 10.0;
        let Some(bbox) = approaching(2.0, 60.0 - 14.0 * f64::from(shown) / 10.0) else { break };
        let update = tracker.update(at(t), &[Detection { bbox, class: RoadUserClass::Car, score: 0.8 }]);
        ids.extend(update.active.iter().filter(|t| t.observed).map(|t| t.id));
    }
    assert!(ids.len() > 24 && ids.iter().all(|id| *id == ids[0]), "{} of one car", ids.len());
}

#[test]
fn what_is_unmistakable_is_told_of_at_first_sight_and_only_while_it_is_seen() {
    let seen = |score: f32| Detection {
        bbox: BBox::new(300.0, 200.0, 360.0, 250.0),
        class: RoadUserClass::Car,
        score,
    };
    // Of one frame with a car and two without: whether it is told of.
    let told = |first: &[Detection]| {
        let mut tracker = Tracker::new(TrackSettings::default(), SIZE);
        [first, &[], &[]]
            .into_iter()
            .enumerate()
            .map(|(i, seen)| {
                let update = tracker.update(at(i as f64 / 10.0), seen);
                update.active.iter().chain(&update.ended).filter(|t| t.confirmed).count()
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(told(&[seen(0.7)]), [1, 0, 0]);
    assert_eq!(told(&[seen(0.5)]), [0, 0, 0], "it may be anything");
    // What looks like a part of something else is not told of beside it.
    let bonnet = Detection { bbox: BBox::new(305.0, 205.0, 340.0, 245.0), ..seen(0.6) };
    assert_eq!(told(&[seen(0.9), bonnet])[0], 1);
}

#[test]
fn two_halves_of_a_car_are_one_and_two_cars_are_two() {
    // The front half is seen with 0.3 to 0.5 beside the rear half with 0.6; cars a length apart are seen so too.
    let confirmed = |ahead_px: f32, up_px: f32| {
        let mut tracker = Tracker::new(TrackSettings::default(), SIZE);
        let mut most = 0;
        for i in 0..12_u32 {
            let (x, y) = (100.0 + 14.0 * i as f32, 250.0 - 9.0 * i as f32);
            let rear = BBox::new(x, y - 50.0, x + 60.0, y);
            let front = BBox::new(x + ahead_px, y - 50.0 - up_px, x + ahead_px + 55.0, y - up_px);
            let score = [0.5, 0.4, 0.3][i as usize % 3];
            let seen = [(rear, 0.6), (front, score)].map(|(bbox, score)| Detection {
                bbox,
                class: RoadUserClass::Car,
                score,
            });
            let update = tracker.update(at(f64::from(i) / 10.0), &seen);
            most = update.active.iter().filter(|t| t.confirmed).count();
        }
        most
    };
    assert_eq!(confirmed(40.0, 12.0), 1, "two halves");
    assert_eq!(confirmed(75.0, 45.0), 2, "two cars");
}

#[test]
fn a_car_that_waited_half_behind_another_is_somebody_once_it_drives_off() {
    let waits_s = 15.0;
    // Where a part would end: level with a better seen car, a sixth of it covered.
    let seen = |t: f64| {
        let ahead = (60.0 * (t - waits_s).max(0.0)) as f32;
        let standing = (BBox::new(400.0, 100.0, 460.0, 140.0), 0.75);
        let other = (BBox::new(362.0 - ahead, 102.0, 408.0 - ahead, 138.0), 0.45);
        [standing, other].map(|(bbox, score)| Detection { bbox, class: RoadUserClass::Car, score })
    };
    let mut tracker = Tracker::new(TrackSettings::default(), SIZE);
    let mut known = Vec::new();
    for step in 0..180 {
        let t = f64::from(step) / 10.0;
        let update = tracker.update(at(t), &seen(t));
        let other = update.active.iter().find(|track| track.bbox.y1 > 101.0).unwrap();
        known.push((t, other.id, other.confirmed));
    }
    assert!(known.iter().all(|(_, id, _)| *id == known[0].1), "one track");
    assert!(known.iter().all(|(t, _, confirmed)| *t > waits_s || !confirmed), "it looks like a part");
    let (t, ..) = known.iter().find(|(_, _, confirmed)| *confirmed).expect("it drove off");
    assert!(*t < waits_s + 1.5, "after {} s", t - waits_s);
}

#[test]
fn a_car_that_was_seen_as_one_with_another_is_somebody_once_it_drives_off() {
    let waits_s = 15.0;
    // One box around both while they wait, and within it, on ground further back, the one in front; then each by itself.
    let seen = |t: f64| {
        let ahead = (60.0 * (t - waits_s).max(0.0)) as f32;
        let behind = (BBox::new(455.0, 100.0, 520.0, 138.0), 0.7);
        let front = BBox::new(388.0 - ahead, 106.0, 430.0 - ahead, 128.0);
        let boxes = if t < waits_s {
            vec![(BBox::new(388.0, 95.0, 520.0, 139.0), 0.6), (front, 0.5)]
        } else {
            vec![behind, (front, 0.65)]
        };
        boxes
            .into_iter()
            .map(|(bbox, score)| Detection { bbox, class: RoadUserClass::Car, score })
            .collect::<Vec<_>>()
    };
    let mut tracker = Tracker::new(TrackSettings::default(), SIZE);
    let mut known = Vec::new();
    for step in 0..190 {
        let t = f64::from(step) / 10.0;
        let update = tracker.update(at(t), &seen(t));
        let leftmost = update.active.iter().filter(|track| track.observed && track.bbox.x2 < 440.0);
        known.extend(leftmost.map(|track| (t, track.id, track.confirmed)));
    }
    assert!(known[0].0 < 1.0, "it is followed from the first on");
    assert!(known.iter().all(|(_, id, _)| *id == known[0].1), "one track");
    assert!(known.iter().all(|(t, _, confirmed)| *t > waits_s || !confirmed), "it looks like a part");
    let (t, ..) = known.iter().find(|(_, _, confirmed)| *confirmed).expect("it drove off");
    assert!(*t < waits_s + 2.5, "after {} s", t - waits_s);
}

#[test]
fn a_weak_box_of_something_smaller_does_not_lead_a_hidden_car_away() {
    let car = |t: f64, score: f32| {
        let x = (50.0 + 95.0 * t) as f32;
        Detection { bbox: BBox::new(x, 112.0, x + 220.0, 217.0), class: RoadUserClass::Car, score }
    };
    let parked =
        Detection { bbox: BBox::new(141.0, 80.0, 276.0, 146.0), class: RoadUserClass::Car, score: 0.11 };
    let mut tracker = Tracker::new(TrackSettings::default(), SIZE);
    let mut ids = Vec::new();
    for step in 0..=25 {
        let t = f64::from(step) / 15.0;
        let seen = match step {
            // What it drives behind is seen for a moment, weakly and half as large both ways.
            0..=14 => vec![car(t, 0.5)],
            15 => vec![parked],
            16..=21 => vec![],
            _ => vec![car(t, 0.5)],
        };
        let update = tracker.update(at(t), &seen);
        let own = |b: &BBox| (b.y2 - 217.0).abs() < 20.0;
        if let [car] = update.active.iter().filter(|track| own(&track.bbox)).collect::<Vec<_>>()[..] {
            ids.push((step, car.id));
        }
    }
    let first = ids.first().unwrap().1;
    assert!(
        ids.len() == 26 && ids.iter().all(|(_, id)| *id == first),
        "followed in {} of 26 frames",
        ids.len()
    );
}

#[test]
fn time_that_stands_still_or_goes_back_does_no_harm() {
    let mut tracker = Tracker::new(TrackSettings::default(), SIZE);
    let d = [Detection { bbox: BBox::new(10., 10., 60., 50.), class: RoadUserClass::Car, score: 0.8 }];
    for _ in 0..3 {
        tracker.update(at(100.0), &d);
    }
    let update = tracker.update(at(100.1), &d);
    assert_eq!((update.active.len(), update.active[0].hits), (1, 2), "frames of one time count once");
    assert_eq!(tracker.update(at(99.9), &d).active.len(), 1, "a frame out of order is left out");
    let back = tracker.update(at(50.0), &d);
    assert_eq!((back.ended.len(), back.active.len()), (1, 1), "the stream began anew");
    assert_eq!(tracker.finish().ended.len(), 1);
    assert!(tracker.finish().ended.is_empty());
}

mod absurd {
    use super::*;
    use proptest::prelude::*;

    fn number() -> impl Strategy<Value = f32> {
        prop_oneof![
            3 => -100.0_f32..800.0,
            1 => prop::sample::select(vec![f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, f32::MAX, f32::MIN, 1e-30]),
        ]
    }

    proptest! {
        #[test]
        fn never_panics_and_never_says_nonsense(
            frames in prop::collection::vec(
                (-1e3_f64..1e3, prop::collection::vec((number(), number(), number(), number(), number(), 0_usize..6), 0..12)),
                1..30,
            ),
        ) {
            let mut tracker = Tracker::new(TrackSettings::default(), SIZE);
            for (t, boxes) in frames {
                let detections: Vec<Detection> = boxes.iter().map(|&(x1, y1, x2, y2, score, class)| Detection {
                    bbox: BBox { x1, y1, x2, y2 }, class: RoadUserClass::ALL[class], score,
                }).collect();
                let update = tracker.update(at(t), &detections);
                for track in update.active.iter().chain(&update.ended) {
                    let b = track.bbox;
                    prop_assert!([b.x1, b.y1, b.x2, b.y2].iter().all(|v| v.is_finite()));
                    prop_assert!(b.width() > 0.0 && b.height() > 0.0);
                    prop_assert!(track.velocity_px_s.x.is_finite() && track.hits > 0);
                }
            }
        }
    }
}
