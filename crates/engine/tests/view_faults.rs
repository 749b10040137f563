//! Faults of the camera and fog, made of real footage pixel by pixel: each must be told and nothing else, and the same
//! footage as it is, or by night, is none. No detector is needed for these.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of a test fails it the same way"
)]

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use wayside_hazard::{HazardWatch, Sight};
use wayside_ingest::{MotionGate, SourceOptions, ViewMeter, read_file};
use wayside_types::frame::OwnedPixels;
use wayside_types::{
    CameraId, Frame, HazardSettings, Incident, IncidentKind, MotionSettings, Point, Timestamp, TrackUpdate,
    Zone, ZoneId, ZoneKind,
};

/// Clear view before the fault, and how long the fault is shown.
const CLEAR_S: f64 = 20.0;
const FAULT_S: f64 = 40.0;
const RATE: f64 = 5.0;

fn clips() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/clips");
    let named = ["arterial-20s.mp4", "residential-75s.mp4", "motorway-vfr.mp4"].map(|name| folder.join(name));
    let (there, absent): (Vec<_>, Vec<_>) = named.into_iter().partition(|file| file.exists());
    absent.iter().for_each(|file| eprintln!("SKIPPED: {} is absent", file.display()));
    there
}

/// A picture's luma, row by row.
#[derive(Clone)]
struct Luma {
    width: usize,
    height: usize,
    data: Vec<u8>,
}

/// The lumas of a clip at the rate, over and over for so long.
fn lumas(path: &Path) -> Vec<(Frame, Luma)> {
    wayside_ingest::init().unwrap();
    let options = SourceOptions { rate_fps: RATE, ..SourceOptions::default() };
    let mut lumas = Vec::new();
    read_file(CameraId::new("clip").unwrap(), path, &options, &mut |frame| {
        let (width, height) = (frame.size.width as usize, frame.size.height as usize);
        let plane = frame.pixels.plane(0);
        let rows = (0..height).flat_map(|y| plane.data[y * plane.stride..][..width].to_vec());
        let luma = Luma { width, height, data: rows.collect() };
        let empty = OwnedPixels::planar(vec![]);
        lumas.push((Frame { pixels: Arc::new(empty), ..frame }, luma));
        ControlFlow::Continue(())
    })
    .unwrap();
    lumas
}

fn at(t: f64) -> Timestamp {
    Timestamp::from_nanosecond((t * 1e9) as i128).unwrap()
}

/// Incidents of the clip, each frame changed by `change`, which knows the time and the frame before.
fn incidents(clip: &[(Frame, Luma)], change: impl FnMut(f64, Luma) -> Luma) -> Vec<Incident> {
    incidents_within(CLEAR_S + FAULT_S, clip, change)
}

/// The same of the clip over and over for so many seconds.
fn incidents_within(
    seconds: f64,
    clip: &[(Frame, Luma)],
    mut change: impl FnMut(f64, Luma) -> Luma,
) -> Vec<Incident> {
    let mut gate = MotionGate::new(MotionSettings::default());
    let mut meter = ViewMeter::with_steps();
    let mut watch = HazardWatch::new(HazardSettings::default(), &[], clip[0].0.size, None);
    let tracks = TrackUpdate::default();
    let mut all = BTreeMap::new();
    for index in 0..(seconds * RATE) as usize {
        let t = index as f64 / RATE;
        let (frame, luma) = &clip[index % clip.len()];
        let luma = change(t, luma.clone());
        let pixels = Arc::new(OwnedPixels::planar(vec![(luma.data, luma.width)]));
        let frame = Frame { pixels, media_time: Duration::from_secs_f64(t), ..frame.clone() };
        gate.must_look(&frame);
        let view = meter.sample(&frame, gate.cells());
        let changes = watch.see(&Sight { at: at(t), tracks: &tracks, view: view.as_ref() });
        all.extend(changes.into_iter().map(|change| (change.number, change.incident)));
    }
    all.into_values().collect()
}

fn each(luma: Luma, pixel: impl Fn(usize, usize, f64) -> f64) -> Luma {
    let width = luma.width;
    let data = luma.data.iter().enumerate();
    let data =
        data.map(|(i, &v)| pixel(i % width, i / width, f64::from(v)).clamp(0.0, 255.0) as u8).collect();
    Luma { data, ..luma }
}

/// A box filter of `2 * radius + 1` pixels, along rows and then along columns.
fn blurred(luma: &Luma, radius: usize) -> Luma {
    let pass = |luma: &Luma, step: usize, count: usize, lines: usize, line_step: usize| {
        let mut out = luma.clone();
        for line in 0..lines {
            for i in 0..count {
                let (from, to) = (i.saturating_sub(radius), (i + radius).min(count - 1));
                let sum: usize = (from..=to).map(|k| luma.data[line * line_step + k * step] as usize).sum();
                out.data[line * line_step + i * step] = (sum / (to - from + 1)) as u8;
            }
        }
        out
    };
    let across = pass(luma, 1, luma.width, luma.height, luma.width);
    pass(&across, luma.width, luma.height, luma.width, 1)
}

fn shifted(luma: &Luma, dx: i64, dy: i64) -> Luma {
    let (w, h) = (luma.width as i64, luma.height as i64);
    let from = |x: i64, y: i64| luma.data[((y - dy).rem_euclid(h) * w + (x - dx).rem_euclid(w)) as usize];
    let data = (0..h).flat_map(|y| (0..w).map(move |x| (x, y))).map(|(x, y)| from(x, y)).collect();
    Luma { data, ..luma.clone() }
}

/// The picture turned about its middle, degrees clockwise; what was outside is as its edge.
fn turned(luma: &Luma, deg: f64) -> Luma {
    let (w, h) = (luma.width as f64, luma.height as f64);
    let (sin, cos) = deg.to_radians().sin_cos();
    let from = |x: usize, y: usize| {
        let (px, py) = (x as f64 - w / 2.0, y as f64 - h / 2.0);
        let sx = (cos * px + sin * py + w / 2.0).clamp(0.0, w - 1.0);
        let sy = (cos * py - sin * px + h / 2.0).clamp(0.0, h - 1.0);
        luma.data[sy as usize * luma.width + sx as usize]
    };
    let data = (0..luma.height).flat_map(|y| (0..luma.width).map(move |x| (x, y)));
    Luma { data: data.map(|(x, y)| from(x, y)).collect(), ..luma.clone() }
}

/// Fog by distance, which is taken to grow upwards in the picture.
fn fogged(luma: Luma, thick: f64) -> Luma {
    let height = luma.height as f64;
    each(luma, |_, y, v| {
        let clear = (-thick * (1.2 - y as f64 / height)).exp();
        v * clear + 200.0 * (1.0 - clear)
    })
}

#[track_caller]
fn told(clip: &Path, kind: IncidentKind, hold_s: f64, found: &[Incident]) {
    let [incident] = found else { panic!("{}: {kind} wanted, found {found:#?}", clip.display()) };
    assert_eq!(incident.kind, kind, "{}: {incident:#?}", clip.display());
    let detected = incident.detected.duration_since(at(CLEAR_S)).as_secs_f64();
    assert!(
        (hold_s - 1.0..hold_s + 5.0).contains(&detected),
        "{}: {kind} told after {detected} s",
        clip.display()
    );
}

#[test]
fn half_an_hour_of_busy_roads_that_nobody_is_detected_on_raises_nothing() {
    for path in clips() {
        let found = incidents_within(1_800.0, &lumas(&path), |_, luma| luma);
        assert!(found.is_empty(), "{}: {found:?}", path.display());
    }
}

#[test]
fn faults_made_of_real_footage_are_told() {
    for path in clips() {
        let clip = lumas(&path);
        let width = clip[0].1.width as i64;
        let faulty = |t: f64| t >= CLEAR_S;
        let mut random = Pcg64Mcg::seed_from_u64(11);
        let found = incidents(&clip, |t, luma| if faulty(t) { each(luma, |_, _, _| 16.0) } else { luma });
        told(&path, IncidentKind::CameraDark, 10.0, &found);
        let found =
            incidents(&clip, |t, luma| if faulty(t) { blurred(&luma, luma.width / 90) } else { luma });
        told(&path, IncidentKind::CameraBlurred, 10.0, &found);
        let soil = |x: usize, y: usize| {
            let (x, y) = (x as f64 / width as f64 * 9.0, y as f64 / width as f64 * 9.0);
            (x * 1.3 + (y * 1.7).sin() * 1.5).sin() + (y * 2.1 + x.cos()).cos() > -0.35
        };
        let found = incidents(&clip, |t, luma| {
            if faulty(t) { each(luma, |x, y, v| if soil(x, y) { 0.1 * v + 90.0 } else { v }) } else { luma }
        });
        told(&path, IncidentKind::CameraBlurred, 10.0, &found);
        for (dx, dy) in [(width / 16, 0), (-width / 30, width / 40), (0, -width / 25)] {
            let found = incidents(&clip, |t, luma| if faulty(t) { shifted(&luma, dx, dy) } else { luma });
            told(&path, IncidentKind::CameraMoved, 10.0, &found);
        }
        for deg in [4.0, -9.0] {
            let found = incidents(&clip, |t, luma| if faulty(t) { turned(&luma, deg) } else { luma });
            told(&path, IncidentKind::CameraMoved, 10.0, &found);
        }
        let found = incidents(&clip, |t, luma| if faulty(t) { fogged(luma, 1.8) } else { luma });
        told(&path, IncidentKind::LowVisibility, 30.0, &found);
        // The last clear picture, again and again. Noise is that of a camera: the clips' own was pressed out.
        let mut last = None;
        let found = incidents(&clip, |t, luma| {
            if faulty(t) {
                return last.clone().unwrap();
            }
            let mut luma = luma;
            luma.data.iter_mut().for_each(|v| *v = v.saturating_add_signed(random.random_range(-2..=2)));
            last = Some(luma.clone());
            luma
        });
        told(&path, IncidentKind::CameraFrozen, 10.0, &found);
    }
}

#[test]
fn slightly_out_of_focus_is_told_and_fog_and_smoke_never_are() {
    for path in clips() {
        let clip = lumas(&path);
        let faulty = |t: f64| t >= CLEAR_S;
        let (width, height) = (clip[0].1.width as f64, clip[0].1.height as f64);
        for radius in [320, 213] {
            let radius = clip[0].1.width / radius;
            let found = incidents(&clip, |t, luma| if faulty(t) { blurred(&luma, radius) } else { luma });
            told(&path, IncidentKind::CameraBlurred, 10.0, &found);
        }
        let not_blurred = |what: &str, found: Vec<Incident>| {
            let blurred = found.iter().any(|incident| incident.kind == IncidentKind::CameraBlurred);
            assert!(!blurred, "{what}, {}: {found:#?}", path.display());
        };
        // Of any thickness, evenly and by depth from a horizon in the picture on.
        for thick in [0.4, 1.0, 2.5] {
            let even = incidents(&clip, |t, luma| if faulty(t) { fogged(luma, thick) } else { luma });
            not_blurred(&format!("fog of {thick}"), even);
            let far = incidents(&clip, |t, luma| {
                let clear = |y: usize| (-thick * 0.3 / (y as f64 / height - 0.1).max(0.02)).exp();
                if faulty(t) { each(luma, |_, y, v| v * clear(y) + 200.0 * (1.0 - clear(y))) } else { luma }
            });
            not_blurred(&format!("fog of {thick} by depth"), far);
        }
        let smoke = incidents(&clip, |t, luma| {
            let shade = |x: usize, y: usize| {
                let (x, y) = (x as f64 / width * 14.0 - t, y as f64 / width * 11.0 - 0.4 * t);
                0.5 + 0.25 * x.sin() + 0.25 * (y + (1.7 * x).sin()).cos()
            };
            if !faulty(t) {
                return luma;
            }
            each(luma, |x, y, v| v + (180.0 - v) * (0.4 + 0.55 * shade(x, y)))
        });
        not_blurred("smoke", smoke);
    }
}

#[test]
fn footage_as_it_is_by_night_and_shaken_has_no_fault() {
    for path in clips() {
        let clip = lumas(&path);
        let none = |what: &str, found: Vec<Incident>| {
            assert!(found.is_empty(), "{what}, {}: {found:#?}", path.display())
        };
        none("as it is", incidents(&clip, |_, luma| luma));
        none(
            "by night",
            incidents(&clip, |_, luma| {
                each(luma, |_, _, v| 16.0 + 220.0 * ((v - 16.0).max(0.0) / 220.0).powf(2.2))
            }),
        );
        let step = clip[0].1.width as f64 / 160.0;
        none(
            "shaken",
            incidents(&clip, |t, luma| {
                shifted(&luma, (step * (t * 7.0).sin()) as i64, (step * (t * 11.0).cos()) as i64)
            }),
        );
        none(
            "under a passing cloud",
            incidents(&clip, |t, luma| {
                let gain = 1.0 - 0.35 * (1.0 - ((t - 30.0) / 8.0).abs()).clamp(0.0, 1.0);
                each(luma, |_, _, v| 16.0 + (v - 16.0) * gain)
            }),
        );
    }
}

/// What the rules and what they are shown cost a frame, on the busy clip and on its first frame again and again, with a
/// road and a watched place over most of the picture. Nobody is tracked: following road users costs next to nothing.
#[test]
#[ignore = "a measurement: --run-ignored only, --no-capture, on an idle machine"]
#[expect(clippy::disallowed_methods, reason = "real time is what is measured")]
fn what_the_rules_cost_a_frame() {
    let Some(path) = clips().into_iter().next() else { return };
    let clip = lumas(&path);
    let zone = |id: &str, kind, (x1, y1): (f64, f64), (x2, y2): (f64, f64)| Zone {
        id: ZoneId::new(id).unwrap(),
        kind,
        polygon: vec![Point::new(x1, y1), Point::new(x2, y1), Point::new(x2, y2), Point::new(x1, y2)],
        heading: None,
        closed_to: Vec::new(),
        free_flow_kmh: None,
    };
    let zones = [
        zone("road", ZoneKind::Carriageway, (0.0, 0.1), (1.0, 0.9)),
        zone("place", ZoneKind::Watch, (0.3, 0.3), (0.6, 0.6)),
    ];
    for (what, moves) in [("busy road", true), ("empty road", false)] {
        let mut gate = MotionGate::new(MotionSettings::default());
        let mut meter = ViewMeter::with_steps();
        let mut watch = HazardWatch::new(HazardSettings::default(), &zones, clip[0].0.size, None);
        let tracks = TrackUpdate::default();
        let (mut shown_s, mut rules_s) = (0.0, 0.0);
        let frames = 600;
        for index in 0..frames {
            let t = index as f64 / 10.0;
            let (frame, luma) = &clip[if moves { index % clip.len() } else { 0 }];
            let pixels = Arc::new(OwnedPixels::planar(vec![(luma.data.clone(), luma.width)]));
            let frame = Frame { pixels, media_time: Duration::from_secs_f64(t), ..frame.clone() };
            gate.must_look(&frame);
            let begun = std::time::Instant::now();
            let view = meter.sample(&frame, gate.cells());
            shown_s += begun.elapsed().as_secs_f64();
            let begun = std::time::Instant::now();
            watch.see(&Sight { at: at(t), tracks: &tracks, view: view.as_ref() });
            rules_s += begun.elapsed().as_secs_f64();
        }
        let us = |s: f64| s / f64::from(frames as u32) * 1e6;
        eprintln!("{what}: what is shown {:.0} µs a frame, rules {:.0} µs", us(shown_s), us(rules_s));
        assert!(us(shown_s + rules_s) < 3_000.0, "that is no small part of a frame any more");
    }
}
