//! The line that the background holds: what lies in a grown box never enters, in any format, size or scale.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use wayside_types::frame::OwnedPixels;
use wayside_types::{CameraId, Timestamp};

use super::*;

/// A frame painted pixel by pixel in Y, U and V; strides are padded.
fn frame(format: PixelFormat, (width, height): (u32, u32), paint: impl Fn(u32, u32) -> [u8; 3]) -> Frame {
    let pad = 3;
    let chroma = |channel: usize| {
        let mut bytes = Vec::new();
        for y in 0..height.div_ceil(2) {
            for x in 0..width.div_ceil(2) {
                // A chroma sample holds something of all its pixels: any painted one shows.
                let around = [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(dx, dy)| {
                    paint((2 * x + dx).min(width - 1), (2 * y + dy).min(height - 1))[channel]
                });
                bytes.push(around.into_iter().max_by_key(|v| v.abs_diff(128)).unwrap());
            }
            bytes.extend(vec![0; pad]);
        }
        (bytes, width.div_ceil(2) as usize + pad)
    };
    let rows = |x: &dyn Fn(u32, u32) -> Vec<u8>, per_pixel: usize| {
        let mut bytes = Vec::new();
        for y in 0..height {
            (0..width).for_each(|c| bytes.extend(x(c, y)));
            bytes.extend(vec![0; pad]);
        }
        (bytes, width as usize * per_pixel + pad)
    };
    let size = FrameSize { width, height };
    let pixels = match format {
        PixelFormat::I420 => {
            OwnedPixels::planar(vec![rows(&|x, y| vec![paint(x, y)[0]], 1), chroma(1), chroma(2)])
        }
        PixelFormat::Nv12 => {
            let ((u, stride), (v, _)) = (chroma(1), chroma(2));
            let both = u.into_iter().zip(v).flat_map(|(u, v)| [u, v]).collect();
            OwnedPixels::planar(vec![rows(&|x, y| vec![paint(x, y)[0]], 1), (both, stride * 2)])
        }
        PixelFormat::Rgb8 => {
            OwnedPixels::planar(vec![rows(&|x, y| Matrix::usual_for(size).to_rgb(paint(x, y)).to_vec(), 3)])
        }
    };
    Frame {
        camera: CameraId::new("c").unwrap(),
        captured_at: Timestamp::UNIX_EPOCH,
        media_time: Duration::ZERO,
        seq: 0,
        size,
        format,
        pixels: Arc::new(pixels),
    }
}

const ROAD: [u8; 3] = [100, 120, 130];
const PERSON: [u8; 3] = [235, 240, 16];

fn road_rgb(size: (u32, u32)) -> [u8; 3] {
    Matrix::usual_for(FrameSize { width: size.0, height: size.1 }).to_rgb(ROAD)
}

/// Every known pixel shows the road and nothing else (within what rounding does).
fn shows_road_only(view: &BackgroundView, size: (u32, u32)) -> bool {
    let road = road_rgb(size);
    let near = |rgb: &[u8]| rgb.iter().zip(road).all(|(a, b)| a.abs_diff(b) <= 2);
    view.rgb
        .chunks(3)
        .zip(&view.known)
        .all(|(rgb, &known)| if known { near(rgb) } else { rgb == [UNKNOWN_GREY; 3] })
}

#[test]
fn a_free_road_is_known_at_once_in_every_format() {
    for format in [PixelFormat::I420, PixelFormat::Nv12, PixelFormat::Rgb8] {
        for size in [(640, 360), (1281, 721), (33, 17), (1, 1), (2, 400)] {
            let mut background = Background::new(480);
            assert!(background.view().is_none());
            background.update(&frame(format, size, |_, _| ROAD), &[]);
            let view = background.view().unwrap();
            assert_eq!(view.size.width, size.0.min(480), "{size:?}");
            assert_eq!(view.rgb.len(), (view.size.width * view.size.height * 3) as usize);
            assert!((view.known_share() - 1.0).abs() < 1e-9, "{format:?} {size:?}");
            assert!(shows_road_only(&view, size), "{format:?} {size:?}");
        }
    }
}

#[test]
fn what_stands_in_a_box_stays_unknown_until_it_leaves() {
    let size = (640, 360);
    let bbox = BBox::new(100.0, 100.0, 200.0, 200.0);
    let inside = |x: u32, y: u32| (80..220).contains(&x) && (80..220).contains(&y);
    let mut background = Background::new(480);
    for _ in 0..20 {
        background.update(
            &frame(PixelFormat::I420, size, |x, y| if inside(x, y) { PERSON } else { ROAD }),
            &[bbox],
        );
    }
    let view = background.view().unwrap();
    assert!(shows_road_only(&view, size));
    let unknown = 1.0 - view.known_share();
    let boxed = 140.0 * 140.0 / (640.0 * 360.0);
    assert!(
        unknown >= boxed && unknown < boxed * 1.1,
        "{unknown} of the picture is unknown, {boxed} is boxed"
    );
    background.update(&frame(PixelFormat::I420, size, |_, _| ROAD), &[]);
    assert!((background.view().unwrap().known_share() - 1.0).abs() < 1e-9);
}

#[test]
fn somebody_missed_for_a_while_does_not_show() {
    let size = (64, 36);
    let mut background = Background::new(64);
    // A minute of free road, then almost half a minute of somebody whom no box covers.
    for second in 0..88 {
        let value = if second < 60 { ROAD } else { PERSON };
        background.update(&frame(PixelFormat::I420, size, |_, _| value), &[]);
    }
    assert!(shows_road_only(&background.view().unwrap(), size));
    // The same among the very first frames: four of ten.
    let mut background = Background::new(64);
    for second in 0..10 {
        let value = if second % 5 < 2 { PERSON } else { ROAD };
        background.update(&frame(PixelFormat::I420, size, |_, _| value), &[]);
    }
    assert!(shows_road_only(&background.view().unwrap(), size));
}

#[test]
fn a_changed_scene_is_taken_up_and_another_size_starts_anew() {
    let night = [30, 128, 128];
    let mut background = Background::new(64);
    for second in 0..140 {
        let value = if second < 60 { ROAD } else { night };
        background.update(&frame(PixelFormat::I420, (64, 36), |_, _| value), &[]);
    }
    let want = Matrix::usual_for(FrameSize { width: 64, height: 36 }).to_rgb(night);
    assert_eq!(background.view().unwrap().rgb[..3], want);

    let bbox = BBox::new(0.0, 0.0, 40.0, 72.0);
    background.update(&frame(PixelFormat::I420, (128, 72), |_, _| ROAD), &[bbox]);
    let view = background.view().unwrap();
    assert_eq!((view.size.width, view.source.width), (64, 128));
    assert!(view.known_share() < 0.7, "{}", view.known_share());
    assert!(shows_road_only(&view, (128, 72)));
}

#[test]
fn it_is_as_small_as_promised() {
    let mut background = Background::new(5_000);
    background.update(&frame(PixelFormat::I420, (1920, 1080), |_, _| ROAD), &[]);
    assert_eq!(background.view().unwrap().size, FrameSize { width: 480, height: 270 });
    assert!(background.memory_bytes() <= 4_000_000, "{}", background.memory_bytes());
}

#[test]
fn broken_input_adds_nothing() {
    let size = (64, 36);
    let mut background = Background::new(64);
    let endless = BBox { x1: f32::NAN, y1: 0.0, x2: 1.0, y2: 1.0 };
    background.update(&frame(PixelFormat::I420, size, |_, _| PERSON), &[endless]);
    assert!(background.view().is_none());
    let mut short = frame(PixelFormat::I420, size, |_, _| PERSON);
    short.size.height = 200;
    background.update(&short, &[]);
    assert!(background.view().is_none_or(|view| view.known_share() == 0.0));
    short.size.height = 0;
    background.update(&short, &[]);
    // Boxes past every edge.
    for bbox in [
        BBox::new(-1e30, -1e30, 1e30, 1e30),
        BBox::new(-50.0, -50.0, -10.0, -10.0),
        BBox::new(1e9, 1e9, 2e9, 2e9),
        BBox::new(5.0, 5.0, 5.0, 5.0),
    ] {
        let mut background = Background::new(64);
        background.update(&frame(PixelFormat::I420, size, |_, _| ROAD), &[bbox]);
        let share = background.view().unwrap().known_share();
        let covers_all = bbox.x1 < -1e20;
        assert!(if covers_all { share == 0.0 } else { share > 0.9 }, "{share}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_of_a_box_ever_shows(
        format in prop::sample::select(vec![PixelFormat::I420, PixelFormat::Nv12, PixelFormat::Rgb8]),
        size in (8u32..200, 8u32..120),
        max_width in 4u32..220,
        rounds in prop::collection::vec(
            prop::collection::vec((-20f32..220.0, -20f32..140.0, 0f32..80.0, 0f32..60.0), 0..4),
            1..6,
        ),
    ) {
        let mut background = Background::new(max_width);
        for round in rounds {
            let boxes: Vec<BBox> = round.iter().map(|&(x, y, w, h)| BBox::new(x, y, x + w, y + h)).collect();
            let grown: Vec<BBox> = boxes.iter().map(|b| b.grown(0.2)).collect();
            // Every pixel that a grown box touches is planted.
            let planted = |x: u32, y: u32| {
                let (x, y) = (x as f32, y as f32);
                grown.iter().any(|b| x < b.x2 && x + 1.0 > b.x1 && y < b.y2 && y + 1.0 > b.y1)
            };
            let painted = frame(format, size, |x, y| if planted(x, y) { PERSON } else { ROAD });
            background.update(&painted, &boxes);
        }
        prop_assert!(shows_road_only(&background.view().unwrap(), size));
    }
}
