//! What is found in the dark: the reference picture darkened in two ways, with the noise of a sensor, looked at as it is
//! and brightened.

use wayside_types::{Detection, Frame, PixelFormat};

use super::{reference, shipped};
use crate::preprocess::Lift;
use crate::testing::{present, root};

/// Another brightness for every value, with noise of some levels.
fn darkened(frame: &Frame, noise: f32, curve: impl Fn(f32) -> f32) -> Frame {
    let mut state = 9_u32;
    // A linear congruential generator: always the same noise.
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    let plane = frame.pixels.plane(0);
    let mut dark = |v: &u8| {
        let value = 255.0 * curve(f32::from(*v) / 255.0) + noise * random();
        value.round().clamp(0.0, 255.0) as u8
    };
    let data = plane.data.iter().map(&mut dark).collect();
    crate::testing::frame(PixelFormat::Rgb8, frame.size.width, frame.size.height, vec![(data, plane.stride)])
}

/// The luma, of limited range, that a third of the picture is below.
fn darker_third(frame: &Frame) -> f32 {
    let mut luma: Vec<f32> = frame
        .pixels
        .plane(0)
        .data
        .chunks_exact(3)
        .map(|p| 16.0 + (0.299 * f32::from(p[0]) + 0.587 * f32::from(p[1]) + 0.114 * f32::from(p[2])) * 0.859)
        .collect();
    luma.sort_by(f32::total_cmp);
    luma[luma.len() / 3]
}

#[test]
fn brightening_finds_what_the_dark_hides() {
    if present(root().join("../shared/models")).is_none() {
        return;
    }
    let (day, _) = reference("yolox_raw");
    let Some(mut detector) = shipped("yolox_nano_416", |_| ()) else { return };
    let known = detector.detect(std::slice::from_ref(&day), 0.4).unwrap().remove(0);
    let mut again = |frame: Frame, lift: Lift| {
        let found = detector.detect_lifted(&[frame], &[lift], 0.25).unwrap().remove(0);
        let is = |d: &&Detection| found.iter().any(|f| f.bbox.iou(&d.bbox) >= 0.5);
        known.iter().filter(is).count()
    };
    let pressed = darkened(&day, 6.0, |v| 0.5 * v.powf(2.4));
    let underexposed = darkened(&day, 6.0, |v| 0.16 * v);
    let mut found = Vec::new();
    for dark in [pressed, underexposed] {
        let luma = darker_third(&dark);
        let lift = Lift::for_luma(luma);
        assert!(lift.gamma() > 1.2, "luma {luma}");
        found.push((again(dark.clone(), Lift::NONE), again(dark, lift)));
    }
    println!("{found:?} of {}, luma by day {}", known.len(), darker_third(&day));
    let [(as_it_is, lifted), (as_it_is_too, lifted_too)] = found[..] else { panic!("two nights") };
    assert!(lifted > as_it_is, "pressed together: {found:?} of {}", known.len());
    assert!(lifted_too >= as_it_is_too, "underexposed: {found:?} of {}", known.len());
}
