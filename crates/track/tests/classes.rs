//! How sure a track is of its class: what came second in the vote, and how near it came.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails it the same way")]

use std::time::Duration;

use wayside_track::Tracker;
use wayside_types::{BBox, Detection, FrameSize, RoadUserClass, Timestamp, TrackSettings};

/// The class of a vehicle that drives by, with what came second, when this many of eight detections are of another class.
fn vote(others: u32) -> (RoadUserClass, Option<(RoadUserClass, f32)>) {
    let mut tracker = Tracker::new(TrackSettings::default(), FrameSize { width: 640, height: 360 });
    let mut last = None;
    for frame in 0..16_u32 {
        let x = 50.0 + 12.0 * frame as f32;
        let class = if frame % 8 < others { RoadUserClass::Truck } else { RoadUserClass::Car };
        let found = Detection { bbox: BBox::new(x, 100.0, x + 80.0, 160.0), class, score: 0.6 };
        let at = Timestamp::UNIX_EPOCH + Duration::from_millis(u64::from(frame) * 100);
        let update = tracker.update(at, &[found]);
        assert_eq!(update.active.len(), 1, "one vehicle under two classes is one");
        last = update.active.first().map(|track| (track.class, track.second));
    }
    last.unwrap()
}

#[test]
fn the_share_of_the_second_class_is_told() {
    assert_eq!(vote(0), (RoadUserClass::Car, None));
    for (others, first, second, share) in [
        (1, RoadUserClass::Car, RoadUserClass::Truck, 0.125),
        (3, RoadUserClass::Car, RoadUserClass::Truck, 0.375),
        (6, RoadUserClass::Truck, RoadUserClass::Car, 0.25),
    ] {
        let (class, told) = vote(others);
        let (other, found) = told.unwrap();
        assert_eq!((class, other), (first, second));
        assert!((found - share).abs() < 1e-4, "{others}: {found}");
    }
}
