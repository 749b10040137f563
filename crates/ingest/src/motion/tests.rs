//! The gate on drawn luma planes: noise is no motion, the smallest vehicle that counts is.

use std::sync::Arc;

use wayside_types::frame::OwnedPixels;
use wayside_types::{CameraId, FrameSize, PixelFormat, Timestamp};

use super::*;

const WIDTH: usize = 640;
const HEIGHT: usize = 360;
const PERIOD: Duration = Duration::from_millis(100);

/// Frames of a grey road, with what is drawn onto each of them.
struct Road {
    gate: MotionGate,
    at: Duration,
    noise: u64,
    level: u8,
}

impl Road {
    fn new() -> Self {
        Self { gate: MotionGate::new(MotionSettings::default()), at: Duration::ZERO, noise: 1, level: 90 }
    }

    /// Shows a frame with a box (x, y, width, height) so much brighter than the road.
    fn show(&mut self, drawn: Option<([usize; 4], u8)>) -> bool {
        let mut luma = vec![0; WIDTH * HEIGHT];
        for value in &mut luma {
            // A linear congruential generator: sensor noise of ± 3 grey levels.
            self.noise = self.noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            *value = self.level + (self.noise >> 60) as u8 % 7;
        }
        if let Some(([x, y, w, h], brighter)) = drawn {
            for row in luma.chunks_exact_mut(WIDTH).skip(y).take(h) {
                row[x..x + w].iter_mut().for_each(|v| *v += brighter);
            }
        }
        let chroma = vec![128; WIDTH * HEIGHT / 4];
        let planes = vec![(luma, WIDTH), (chroma.clone(), WIDTH / 2), (chroma, WIDTH / 2)];
        let frame = Frame {
            camera: CameraId::new("a").unwrap(),
            captured_at: Timestamp::UNIX_EPOCH,
            media_time: self.at,
            seq: 0,
            size: FrameSize { width: WIDTH as u32, height: HEIGHT as u32 },
            format: PixelFormat::I420,
            pixels: Arc::new(OwnedPixels::planar(planes)),
        };
        self.at += PERIOD;
        self.gate.must_look(&frame)
    }

    fn warm(mut self) -> Self {
        while self.at < WARM_UP + HOLD {
            self.show(None);
        }
        self
    }

    /// How many of so many frames were looked at.
    fn looked(&mut self, frames: usize, drawn: Option<([usize; 4], u8)>) -> usize {
        (0..frames).filter(|_| self.show(drawn)).count()
    }
}

#[test]
fn every_frame_of_the_first_seconds_is_looked_at() {
    let mut road = Road::new();
    assert_eq!(road.looked(100, None), 100);
}

#[test]
fn an_empty_road_is_looked_at_every_four_seconds() {
    let mut road = Road::new().warm();
    let looked = road.looked(400, None);
    assert!((9..=11).contains(&looked), "{looked} of 400");
}

#[test]
fn a_far_car_is_seen_at_once() {
    let mut road = Road::new().warm();
    road.looked(20, None);
    // 14 × 10 pixels, 12 grey levels off the road, anywhere on the grid of cells.
    for offset in 0..8 {
        let drawn = Some(([300 + offset, 100 + offset, 14, 10], 12));
        assert!(road.show(drawn), "offset {offset}");
        // Gone again, which is a change too; then quiet.
        road.looked(30, None);
        assert!(!road.show(None));
    }
}

#[test]
fn a_slow_car_is_never_lost() {
    let mut road = Road::new().warm();
    let mut unseen = 0;
    for step in 0..200 {
        // A quarter of a pixel a frame.
        let seen = road.show(Some(([200 + step / 4, 200, 30, 20], 25)));
        unseen = if seen { 0 } else { unseen + 1 };
        assert!(unseen <= 8, "unseen for {unseen} frames");
    }
}

#[test]
fn a_standing_car_needs_no_second_look_and_its_leaving_does() {
    let mut road = Road::new().warm();
    let drawn = Some(([200, 200, 60, 40], 40));
    assert!(road.show(drawn));
    road.looked(10, drawn);
    assert!(road.looked(100, drawn) <= 3);
    assert!(road.show(None));
}

#[test]
fn the_exposure_may_drift() {
    let mut road = Road::new().warm();
    let mut looked = 0;
    for step in 0..100 {
        road.level = 90 + step / 5;
        looked += usize::from(road.show(None));
    }
    assert!(looked <= 4, "{looked} of 100");
}

#[test]
fn another_size_and_another_stream_are_looked_at() {
    let mut road = Road::new().warm();
    road.looked(8, None);
    road.at = Duration::ZERO;
    assert!(road.show(None));
    assert_eq!(road.looked(50, None), 50, "the warm-up begins anew");
}

#[test]
fn a_gate_that_is_off_lets_everything_through() {
    let mut road = Road::new();
    road.gate = MotionGate::new(MotionSettings { gate: false, ..MotionSettings::default() });
    assert_eq!(road.looked(200, None), 200);
}
