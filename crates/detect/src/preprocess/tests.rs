//! Pre-processing against values worked out by hand, with frames that lie about their memory, and its cost.

use proptest::prelude::*;
use wayside_types::PixelFormat;

use super::*;
use crate::manifest::ColourOrder;
use crate::testing::{frame, picture, plain, present, root, to_yuv};

fn spec(resize: ResizeMode) -> InputSpec {
    InputSpec {
        name: "images".to_owned(),
        width: 8,
        height: 8,
        tensor: TensorOrder::Nchw,
        colour: ColourOrder::Bgr,
        scale: 1.0,
        mean: [0.0; 3],
        std: [1.0; 3],
        resize,
        pad: 114,
        size_input: None,
    }
}

fn run(spec: InputSpec, frame: &Frame) -> (Fit, Vec<f32>) {
    let mut preprocessor = Preprocessor::new(spec, 1);
    let mut slot = vec![f32::NAN; preprocessor.slot_len()];
    let fit = preprocessor.write(frame, Lift::NONE, 0, &mut slot).unwrap();
    (fit, slot)
}

#[test]
fn fits_of_each_mode() {
    let size = |width, height| FrameSize { width, height };
    for (mode, frame, want) in [
        (ResizeMode::LetterboxTopLeft, size(640, 360), (0, 0, 416, 234)),
        (ResizeMode::LetterboxTopLeft, size(800, 600), (0, 0, 416, 312)),
        (ResizeMode::LetterboxTopLeft, size(360, 640), (0, 0, 234, 416)),
        (ResizeMode::LetterboxCentre, size(640, 360), (0, 91, 416, 234)),
        (ResizeMode::Stretch, size(640, 360), (0, 0, 416, 416)),
        (ResizeMode::LetterboxCentre, size(16_384, 1), (0, 207, 416, 1)),
    ] {
        let spec = InputSpec { width: 416, height: 416, ..spec(mode) };
        let fit = Fit::new(&spec, frame);
        assert_eq!((fit.left, fit.top, fit.width, fit.height), want, "{mode:?} {frame:?}");
        // The corners of the picture are the corners of the frame.
        let (l, t) = (fit.left as f32, fit.top as f32);
        let b = fit.to_frame([l, t, l + fit.width as f32, t + fit.height as f32]);
        let whole = BBox::new(0.0, 0.0, frame.width as f32, frame.height as f32);
        assert!(b.iou(&whole) > 0.999, "{mode:?} {frame:?}");
    }
}

#[test]
fn channels_padding_and_scaling_by_hand() {
    let frame = plain(4, 2, [10, 20, 30]);
    let (fit, slot) = run(spec(ResizeMode::LetterboxCentre), &frame);
    assert_eq!((fit.top, fit.height), (2, 4));
    for (channel, value) in [30.0, 20.0, 10.0].into_iter().enumerate() {
        for y in 0..8 {
            let want = if (2..6).contains(&y) { value } else { 114.0 };
            assert_eq!(slot[64 * channel + 8 * y..][..8], [want; 8], "channel {channel} row {y}");
        }
    }
    let nhwc = InputSpec {
        tensor: TensorOrder::Nhwc,
        colour: ColourOrder::Rgb,
        scale: 0.1,
        mean: [1.0, 1.0, 1.0],
        std: [1.0, 2.0, 4.0],
        ..spec(ResizeMode::LetterboxTopLeft)
    };
    let (_, slot) = run(nhwc, &frame);
    let close = |got: &[f32], want: [f32; 3]| got.iter().zip(want).all(|(g, w)| (g - w).abs() < 1e-5);
    assert!(close(&slot[..3], [0.0, 0.5, 0.5]), "{:?}", &slot[..3]);
    assert!(close(&slot[3 * 63..], [10.4, 5.2, 2.6]), "{:?}", &slot[3 * 63..]);
}

#[test]
fn a_slot_is_padded_anew_when_the_picture_moves() {
    let mut preprocessor = Preprocessor::new(spec(ResizeMode::LetterboxTopLeft), 1);
    let mut slot = vec![0.0; preprocessor.slot_len()];
    preprocessor.write(&plain(8, 8, [1, 1, 1]), Lift::NONE, 0, &mut slot).unwrap();
    assert!(slot.iter().all(|v| *v == 1.0));
    preprocessor.write(&plain(8, 4, [2, 2, 2]), Lift::NONE, 0, &mut slot).unwrap();
    assert_eq!((slot[0], slot[63]), (2.0, 114.0));
}

#[test]
fn yuv_with_padded_strides_and_odd_sizes_matches_rgb() {
    for (width, height) in [(64, 36), (63, 35), (9, 7)] {
        let mut data = Vec::new();
        for y in 0..height {
            for x in 0..width {
                // Gentle slopes: chroma is halved, so steep ones would differ by right.
                data.extend(
                    [60 + 20 * x / width, 200 - 20 * y / height, 100 + 10 * x / width].map(|v| v as u8),
                );
            }
        }
        let rgb = frame(PixelFormat::Rgb8, width, height, vec![(data, 3 * width as usize)]);
        let (_, want) = run(spec(ResizeMode::Stretch), &rgb);
        for format in [PixelFormat::I420, PixelFormat::Nv12] {
            for padding in [0, 1, 32] {
                let (_, got) = run(spec(ResizeMode::Stretch), &to_yuv(&rgb, format, padding));
                let worst = want.iter().zip(&got).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(worst < 4.0, "{format:?} {width}x{height} padding {padding}: off by {worst}");
            }
        }
    }
}

#[test]
fn large_pictures_are_averaged_not_sampled() {
    // Stripes one pixel wide: sampling would give black or white, a proper resize grey.
    let data: Vec<u8> = (0..640 * 640).flat_map(|i| if i % 2 == 0 { [0; 3] } else { [255; 3] }).collect();
    let stripes = frame(PixelFormat::Rgb8, 640, 640, vec![(data, 1920)]);
    let (_, slot) = run(spec(ResizeMode::Stretch), &stripes);
    assert!(slot.iter().all(|v| (v - 127.5).abs() < 8.0), "{:?}", &slot[..8]);
}

#[test]
fn frames_that_lie_are_refused() {
    let rgb = |w, h, len, stride| frame(PixelFormat::Rgb8, w, h, vec![(vec![0; len], stride)]);
    for (what, frame, part) in [
        ("no width", rgb(0, 4, 48, 12), "each side must be 1 to"),
        ("huge", rgb(20_000, 1, 60_000, 60_000), "each side must be 1 to"),
        ("short stride", rgb(4, 4, 48, 11), "stride of 11"),
        ("no stride", rgb(4, 4, 48, 0), "stride of 0"),
        ("cut short", rgb(4, 4, 47, 12), "cut short"),
        ("empty", rgb(4, 4, 0, 12), "cut short"),
        ("overflow", rgb(4, 4, 48, usize::MAX), "cut short"),
        ("plane missing", frame(PixelFormat::I420, 4, 4, vec![(vec![0; 16], 4), (vec![0; 4], 2)]), "plane 2"),
        ("chroma short", frame(PixelFormat::Nv12, 5, 5, vec![(vec![0; 25], 5), (vec![0; 17], 6)]), "plane 1"),
    ] {
        let mut preprocessor = Preprocessor::new(spec(ResizeMode::Stretch), 1);
        let mut slot = vec![0.0; preprocessor.slot_len()];
        let error = preprocessor.write(&frame, Lift::NONE, 0, &mut slot).unwrap_err();
        assert!(error.contains(part), "{what}: {error}");
    }
    // The last row may end where its pixels end.
    let (_, slot) = run(spec(ResizeMode::Stretch), &rgb(4, 4, 3 * 16 + 12, 16));
    assert_eq!(slot.len(), 192);
}

proptest! {
    #[test]
    fn no_size_stride_or_length_panics(
        format in prop::sample::select(vec![PixelFormat::I420, PixelFormat::Nv12, PixelFormat::Rgb8]),
        width in 0u32..40,
        height in 0u32..40,
        strides in [0usize..130, 0usize..130, 0usize..130],
        missing in 0usize..3,
    ) {
        let planes = strides
            .iter()
            .map(|s| (vec![90; (s * height as usize).saturating_sub(missing)], *s))
            .collect();
        let frame = frame(format, width, height, planes);
        let mut preprocessor = Preprocessor::new(spec(ResizeMode::LetterboxCentre), 1);
        let mut slot = vec![f32::NAN; preprocessor.slot_len()];
        if preprocessor.write(&frame, Lift::NONE, 0, &mut slot).is_ok() {
            prop_assert!(slot.iter().all(|v| (0.0..=255.0).contains(v)));
        }
    }
}

/// What a frame costs, printed.
#[test]
#[ignore = "a measurement: --run-ignored only, --no-capture, on an idle machine"]
#[expect(clippy::disallowed_methods, reason = "this measures real time")]
fn cost_of_a_frame() {
    let Some(path) = present(root().join("../shared/models/frame.png")) else { return };
    let source = picture(&path);
    let full = InputSpec { width: 416, height: 416, ..spec(ResizeMode::LetterboxTopLeft) };
    let crop = |w: u32, h: u32| {
        let data = source.pixels.plane(0).data;
        let at =
            |x: u32, y: u32| ((y % source.size.height) * source.size.width + x % source.size.width) as usize;
        let pixels = (0..h).flat_map(|y| (0..w).map(move |x| (x, y)));
        let bytes = pixels.flat_map(|(x, y)| data[3 * at(x, y)..][..3].to_vec()).collect();
        frame(PixelFormat::Rgb8, w, h, vec![(bytes, 3 * w as usize)])
    };
    for (w, h) in [(640, 360), (1920, 1080)] {
        let rgb = crop(w, h);
        for format in [PixelFormat::I420, PixelFormat::Nv12, PixelFormat::Rgb8] {
            let frame = if format == PixelFormat::Rgb8 { rgb.clone() } else { to_yuv(&rgb, format, 0) };
            let mut preprocessor = Preprocessor::new(full.clone(), 1);
            let mut slot = vec![0.0; preprocessor.slot_len()];
            let times: Vec<_> = (0..60)
                .map(|_| {
                    let start = std::time::Instant::now();
                    preprocessor.write(&frame, Lift::NONE, 0, &mut slot).unwrap();
                    start.elapsed().as_secs_f64() * 1e3
                })
                .collect();
            let best = times.iter().copied().fold(f64::INFINITY, f64::min);
            println!("pre-processing {format:?} {w}x{h} to 416x416: {best:.3} ms (best of {})", times.len());
        }
    }
}

#[test]
fn dark_pictures_are_brightened_alike_in_every_format() {
    let rgb = plain(64, 36, [24, 30, 36]);
    let lift = Lift::for_luma(30.0);
    let mut preprocessor = Preprocessor::new(spec(ResizeMode::LetterboxTopLeft), 1);
    let mut slot = vec![f32::NAN; preprocessor.slot_len()];
    preprocessor.write(&rgb, lift, 0, &mut slot).unwrap();
    let want: Vec<f32> =
        [36.0, 30.0, 24.0].map(|v| 255.0 * (v / 255.0_f32).powf(1.0 / lift.gamma())).to_vec();
    for (channel, want) in want.iter().enumerate() {
        let got = slot[64 * channel];
        assert!((got - want).abs() < 0.5 && *want > 70.0, "channel {channel}: {got} instead of {want}");
        assert_eq!(slot[64 * channel + 63], 114.0, "what is beside the picture stays");
    }
    for format in [PixelFormat::I420, PixelFormat::Nv12] {
        preprocessor.write(&to_yuv(&rgb, format, 0), lift, 0, &mut slot).unwrap();
        for (channel, want) in want.iter().enumerate() {
            let got = slot[64 * channel];
            assert!((got - want).abs() < 12.0, "{format:?} channel {channel}: {got} instead of {want}");
        }
    }
    // The next picture is of another camera, by day.
    preprocessor.write(&rgb, Lift::NONE, 0, &mut slot).unwrap();
    let plainly = [slot[0], slot[64], slot[128]].into_iter().zip([36.0, 30.0, 24.0]);
    plainly.for_each(|(got, want)| assert!((got - want).abs() < 0.01, "{got} instead of {want}"));
}

#[test]
fn the_noise_of_dark_pictures_is_evened_out() {
    // Twelve columns become eight: without softening hardly anything is evened out.
    let data: Vec<u8> = (0..12 * 12).flat_map(|i| if i % 2 == 0 { [20; 3] } else { [40; 3] }).collect();
    let noisy = frame(PixelFormat::Rgb8, 12, 12, vec![(data, 36)]);
    let mut preprocessor = Preprocessor::new(spec(ResizeMode::Stretch), 1);
    let mut slot = vec![f32::NAN; preprocessor.slot_len()];
    let mut spread = |lift: Lift| {
        preprocessor.write(&noisy, lift, 0, &mut slot).unwrap();
        let back = |v: &f32| 255.0 * (v / 255.0).powf(lift.gamma());
        let row: Vec<f32> = slot[24..32].iter().map(back).collect();
        row.iter().copied().fold(f32::MIN, f32::max) - row.iter().copied().fold(f32::MAX, f32::min)
    };
    let (sharp, soft) = (spread(Lift::NONE), spread(Lift::for_luma(30.0)));
    assert!(sharp > 8.0 && soft < 0.7 * sharp, "{soft} of {sharp} grey levels are left");
}
