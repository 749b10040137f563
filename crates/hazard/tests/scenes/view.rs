//! Faults of the camera and low visibility, on pictures of brightness with texture, noise and passing vehicles.

use std::f64::consts::FRAC_PI_2;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use wayside_hazard::{Belief, HazardWatch, Sight};
use wayside_types::{
    BBox, HazardSettings, Incident, IncidentKind, LumaCells, Point, RoadUserClass, Track, TrackId,
    TrackUpdate, ViewSample,
};

use crate::world::{RATES, SIZE, moment, only, seconds};

const COLUMNS: i32 = 80;
const ROWS: i32 = 45;

/// How a picture is shown.
#[derive(Clone, Copy)]
struct Shown {
    /// Shift in cells.
    shift: (i32, i32),
    /// Turned about the middle of the picture, degrees clockwise.
    turn: f64,
    /// What is left of the contrast at the top and at the bottom, and the grey that takes its place.
    clear: (f64, f64),
    grey: f64,
    /// By how many grey levels that varies from place to place as it drifts, as smoke does.
    drifting: f64,
    /// What is left of edges beyond that.
    sharp: f64,
    /// What is left of their steepness, which tells how soft an edge is of which all is left.
    steep: f64,
    /// Share of the columns, from the left, of which that holds.
    soft: f64,
    /// The sensor's noise, mean change of a pixel from frame to frame, grey levels.
    noise: f64,
    /// Share of the columns, from the left, behind dirt.
    dirt: f64,
    /// Brightness of everything.
    gain: f64,
    /// Grey levels of the shine of lamps, in stripes all over the picture.
    shine: f64,
    frozen: bool,
}

/// How it is shown over time.
type Changing = fn(f64) -> Shown;

const CLEAR: Shown = Shown {
    shift: (0, 0),
    turn: 0.0,
    clear: (1.0, 1.0),
    grey: 190.0,
    drifting: 0.0,
    sharp: 1.0,
    steep: 1.0,
    soft: 1.0,
    noise: 0.0,
    dirt: 0.0,
    gain: 1.0,
    shine: 0.0,
    frozen: false,
};

fn texture(x: i32, y: i32) -> f64 {
    let hash = (x / 5).wrapping_mul(73) ^ (y / 4).wrapping_mul(151) ^ (x / 11).wrapping_mul(y / 9 + 3);
    f64::from(hash.rem_euclid(120)) + 40.0
}

/// The scene where a cell of the picture shows it.
fn scene_at(shown: Shown, x: i32, y: i32) -> f64 {
    let (sin, cos) = shown.turn.to_radians().sin_cos();
    let (px, py) = (f64::from(x) - 39.5, f64::from(y) - 22.0);
    let (sx, sy) = (cos * px + sin * py + 39.5, cos * py - sin * px + 22.0);
    texture(sx.round() as i32 + 50 - shown.shift.0, sy.round() as i32 + 50 - shown.shift.1)
}

fn picture(shown: Shown, t: f64, random: &mut Pcg64Mcg) -> ViewSample {
    let mut means = Vec::new();
    // Two vehicles pass on the lower half of the picture.
    let cars = [(t * 20.0).rem_euclid(120.0) - 20.0, 100.0 - (t * 14.0).rem_euclid(130.0)];
    for y in 0..ROWS {
        let near = f64::from(y) / f64::from(ROWS);
        let clear = shown.clear.0 + (shown.clear.1 - shown.clear.0) * near;
        for x in 0..COLUMNS {
            let mut level = scene_at(shown, x, y);
            if !shown.frozen
                && (25..32).contains(&y)
                && cars.iter().any(|c| (*c..c + 9.0).contains(&f64::from(x)))
            {
                level = 220.0;
            }
            let drift = (f64::from(x) / 2.8 - t).sin() * (f64::from(y) / 3.5 - 0.4 * t).cos();
            level = level * clear + (shown.grey + shown.drifting * drift) * (1.0 - clear);
            if f64::from(x) < shown.dirt * f64::from(COLUMNS) {
                level = 100.0 + 0.03 * level;
            }
            if x % 12 < 4 {
                level += shown.shine * [0.5, 1.0, 1.0, 0.5][x as usize % 12];
            }
            level = 16.0 + (level - 16.0) * shown.gain + random.random_range(-0.5..0.5);
            means.push((level.clamp(0.0, 255.0) * 16.0) as u16);
        }
    }
    let edges: Vec<f64> = (0..144)
        .map(|block| {
            let near = f64::from(block / 16) / 9.0;
            let dirty = f64::from(block % 16) < shown.dirt * 16.0;
            let clear = shown.clear.0 + (shown.clear.1 - shown.clear.0) * near;
            8.0 * clear * shown.sharp * shown.gain * if dirty { 0.1 } else { 1.0 }
        })
        .collect();
    let steep = |block: usize| if ((block % 16) as f64) < shown.soft * 16.0 { shown.steep } else { 1.0 };
    let of_noise = FRAC_PI_2 * shown.noise.powi(2);
    let square = |(block, edge): (usize, &f64)| ((1.5 * edge * steep(block)).powi(2) + of_noise) as f32;
    let change = if shown.frozen { 0.0 } else { random.random_range(0.4..0.6_f64).max(shown.noise) as f32 };
    ViewSample {
        steps: vec![0; COLUMNS as usize * ROWS as usize],
        cells: LumaCells { columns: COLUMNS as usize, rows: ROWS as usize, side_px: 8, means },
        squares: edges.iter().enumerate().map(square).collect(),
        edges: edges.iter().map(|edge| edge.hypot(shown.noise) as f32).collect(),
        change: Some(change),
        change_most: Some(if shown.frozen { 0.0 } else { 9.0 }),
    }
}

struct Seen {
    incidents: Vec<Incident>,
    /// Moments that were not believed, in steps of a tenth of a second.
    doubted: Vec<f64>,
    /// Those that are known, at the end, to be of a fault.
    dropped: Vec<f64>,
}

fn run(rate: f64, until_s: f64, shown: impl Fn(f64) -> Option<Shown>) -> Seen {
    run_behind(rate, until_s, &TrackUpdate::default(), shown)
}

/// The same with road users in front.
fn run_behind(rate: f64, until_s: f64, tracks: &TrackUpdate, shown: impl Fn(f64) -> Option<Shown>) -> Seen {
    let mut watch = HazardWatch::new(HazardSettings::default(), &[], SIZE, None);
    let mut random = Pcg64Mcg::seed_from_u64(3);
    let mut all: Vec<(u64, Incident)> = Vec::new();
    let (mut doubted, mut asked_of) = (Vec::new(), Vec::new());
    let mut last = 0.0;
    for frame in 0..(until_s * rate) as u64 {
        let t = frame as f64 / rate;
        let changes = match shown(t) {
            Some(shown) => {
                let view = picture(shown, t, &mut random);
                last = t;
                watch.see(&Sight { at: moment(t), tracks, view: Some(&view) })
            }
            None => watch.silent(moment(t), t - last),
        };
        for change in changes {
            match all.iter_mut().find(|(number, _)| *number == change.number) {
                Some((_, incident)) => *incident = change.incident,
                None => all.push((change.number, change.incident)),
            }
        }
        // Events come 0.7 s late at the earliest.
        let asked = t - 0.7;
        if asked >= 0.0 {
            asked_of.push(asked);
        }
        if asked >= 0.0 && watch.belief(moment(asked)) != Belief::Believed {
            doubted.push(asked);
        }
    }
    let dropped = asked_of.into_iter().filter(|&t| watch.belief(moment(t)) == Belief::Refuted).collect();
    Seen { incidents: all.into_iter().map(|(_, incident)| incident).collect(), doubted, dropped }
}

/// Clear for 20 s, then faulty for 30 s, then clear again.
fn fault(kind: IncidentKind, hold_s: f64, faulty: Shown, suspends: bool) {
    // What passes is evened out before weather is judged, which takes some seconds.
    let calm_s = if kind == IncidentKind::LowVisibility { 4.0 } else { 0.0 };
    for rate in RATES {
        let faulty_now = |t: f64| (20.0..20.0 + hold_s + 20.0).contains(&t);
        let seen = run(rate, hold_s + 60.0, |t| Some(if faulty_now(t) { faulty } else { CLEAR }));
        let found = only(seen.incidents, kind);
        assert_eq!(found.len(), 1, "{kind} at {rate}/s: {found:?}");
        let onset = seconds(found[0].onset);
        assert!((19.4..20.5 + calm_s).contains(&onset), "{kind} at {rate}/s: onset {onset}");
        let late = seconds(found[0].detected) - 20.0 - hold_s;
        assert!((-0.6..1.5 + calm_s).contains(&late), "{kind} at {rate}/s: {late} s after the hold");
        let ended = seconds(found[0].ended.unwrap()) - 40.0 - hold_s;
        assert!((-0.5..1.5 + calm_s).contains(&ended), "{kind} at {rate}/s: ended {ended} s late");
        let first = seen.doubted.first().copied();
        assert_eq!(first.is_some(), suspends, "{kind} at {rate}/s");
        if let Some(first) = first {
            assert!((19.0..20.6).contains(&first), "{kind} at {rate}/s: not believed from {first}");
            let dropped = seen.dropped[0];
            assert!((19.0..20.6).contains(&dropped), "{kind} at {rate}/s: dropped from {dropped}");
            let last = seen.doubted.last().unwrap() - 40.0 - hold_s;
            assert!(
                (0.0..4.5).contains(&last),
                "{kind} at {rate}/s: not believed until {last} s after the end"
            );
        }
    }
}

#[test]
fn each_fault_is_told_and_suspends_what_is_seen() {
    fault(IncidentKind::CameraDark, 10.0, Shown { gain: 0.01, ..CLEAR }, true);
    fault(IncidentKind::CameraFrozen, 10.0, Shown { frozen: true, ..CLEAR }, true);
    fault(IncidentKind::CameraMoved, 10.0, Shown { shift: (4, 0), ..CLEAR }, true);
    fault(IncidentKind::CameraMoved, 10.0, Shown { shift: (-9, 5), ..CLEAR }, true);
    // Turned about its own axis, either way.
    fault(IncidentKind::CameraMoved, 10.0, Shown { turn: 5.0, ..CLEAR }, true);
    fault(IncidentKind::CameraMoved, 10.0, Shown { turn: -9.0, ..CLEAR }, true);
    // Turned so far that nothing of the old view is left.
    fault(IncidentKind::CameraMoved, 10.0, Shown { shift: (300, 170), ..CLEAR }, true);
    fault(IncidentKind::CameraBlurred, 10.0, Shown { sharp: 0.2, ..CLEAR }, true);
    // Only a little: its mean steps are nearly as they were.
    fault(IncidentKind::CameraBlurred, 10.0, Shown { sharp: 0.7, steep: 0.4, ..CLEAR }, true);
    // Half of it, while it is as pale as in fog: fog takes no more of the fine than of the coarse.
    let pale = Shown { clear: (0.55, 0.55), steep: 0.3, soft: 0.5, ..CLEAR };
    fault(IncidentKind::CameraBlurred, 10.0, pale, true);
    fault(IncidentKind::CameraBlurred, 10.0, Shown { dirt: 0.6, ..CLEAR }, true);
    // One even grey.
    fault(IncidentKind::CameraNoSignal, 10.0, Shown { clear: (0.0, 0.0), frozen: true, ..CLEAR }, true);
}

/// Lorries parked over most of the picture: ten of its 144 parts are free.
fn lorries() -> TrackUpdate {
    let (w, h) = (SIZE.width as f32, SIZE.height as f32);
    let boxes = [BBox::new(0.0, 0.0, w, h * 7.9 / 9.0), BBox::new(0.0, h * 0.8, w * 5.9 / 16.0, h)];
    let mut id = TrackId::FIRST;
    let lorry = |bbox| {
        id = id.next();
        Track {
            id,
            class: RoadUserClass::Truck,
            second: None,
            bbox,
            velocity_px_s: Point::new(0.0, 0.0),
            score: 0.8,
            observed: true,
            confirmed: true,
            first_seen: moment(0.0),
            last_seen: moment(0.0),
            hits: 10,
        }
    };
    TrackUpdate { active: boxes.map(lorry).to_vec(), ended: Vec::new() }
}

#[test]
fn a_camera_that_moves_while_traffic_hides_most_of_the_picture_is_told() {
    for rate in RATES {
        let moved = Shown { shift: (5, 1), ..CLEAR };
        let seen = run_behind(rate, 45.0, &lorries(), |t| Some(if t >= 20.0 { moved } else { CLEAR }));
        let found = only(seen.incidents, IncidentKind::CameraMoved);
        assert_eq!(found.len(), 1, "at {rate}/s: {found:?}");
        assert!((29.4..32.0).contains(&seconds(found[0].detected)), "at {rate}/s: {found:?}");
    }
}

#[test]
fn what_is_counted_in_a_suspicion_that_comes_to_nothing_is_kept() {
    for rate in RATES {
        let dark = Shown { gain: 0.01, ..CLEAR };
        let seen = run(rate, 40.0, |t| Some(if (20.0..24.0).contains(&t) { dark } else { CLEAR }));
        assert!(seen.incidents.is_empty(), "at {rate}/s: {:?}", seen.incidents);
        assert!(!seen.doubted.is_empty(), "at {rate}/s: nothing was suspected");
        assert_eq!(seen.dropped, Vec::<f64>::new(), "at {rate}/s");
    }
}

#[test]
fn fog_is_low_visibility_and_suspends_nothing() {
    fault(IncidentKind::LowVisibility, 30.0, Shown { clear: (0.1, 0.55), ..CLEAR }, false);
    fault(IncidentKind::LowVisibility, 30.0, Shown { clear: (0.05, 0.2), ..CLEAR }, false);
}

#[test]
fn smoke_has_shades_of_its_own_and_is_no_blurred_camera() {
    let smoke = Shown { clear: (0.25, 0.25), grey: 150.0, drifting: 60.0, ..CLEAR };
    for rate in RATES {
        let seen = run(rate, 90.0, |t| Some(if (20.0..70.0).contains(&t) { smoke } else { CLEAR }));
        let found = only(seen.incidents, IncidentKind::LowVisibility);
        assert_eq!(found.len(), 1, "at {rate}/s: {found:?}");
        let (onset, told) = (seconds(found[0].onset), seconds(found[0].detected));
        assert!(
            (19.4..24.5).contains(&onset) && (49.4..55.5).contains(&told),
            "at {rate}/s: {onset}, {told}"
        );
        // Where its shades are those of the scene by chance a fault is suspected for moments, a quarter of the time at most;
        // nothing that was counted is dropped for it.
        assert!(seen.dropped.is_empty(), "at {rate}/s: dropped {:?}", seen.dropped);
        let doubted_s = seen.doubted.len() as f64 / rate;
        assert!(doubted_s < 12.5, "at {rate}/s: {doubted_s} s not believed: {:?}", seen.doubted);
    }
}

#[test]
fn fog_that_rises_within_a_minute_is_told() {
    let seen = run(10.0, 160.0, |t| {
        let rise = ((t - 20.0) / 60.0).clamp(0.0, 1.0);
        Some(Shown { clear: (1.0 - 0.95 * rise, 1.0 - 0.6 * rise), ..CLEAR })
    });
    let found = only(seen.incidents, IncidentKind::LowVisibility);
    assert_eq!(found.len(), 1);
    assert!(seconds(found[0].detected) < 110.0, "{found:?}");
}

#[test]
fn no_frame_at_all_is_no_signal() {
    for rate in RATES {
        let seen = run(rate, 60.0, |t| (!(20.0..45.0).contains(&t)).then_some(CLEAR));
        let found = only(seen.incidents, IncidentKind::CameraNoSignal);
        assert_eq!(found.len(), 1, "at {rate}/s: {found:?}");
        assert!((19.5..20.5).contains(&seconds(found[0].onset)));
        assert!((29.0..31.5).contains(&seconds(found[0].detected)));
        assert!((44.0..47.0).contains(&seconds(found[0].ended.unwrap())));
    }
}

#[test]
fn what_is_no_fault() {
    let cases: [(&str, Changing); 7] = [
        ("clear", |_| CLEAR),
        ("noise ends at once", |t| Shown { sharp: 0.25, noise: if t < 40.0 { 9.0 } else { 0.0 }, ..CLEAR }),
        ("a passing cloud", |t| Shown { gain: if (20.0..35.0).contains(&t) { 0.7 } else { 1.0 }, ..CLEAR }),
        ("dusk", |t| Shown { gain: (1.0 - t / 240.0).max(0.35), ..CLEAR }),
        ("a gust", |t| Shown { shift: if (20.0..20.4).contains(&t) { (3, 0) } else { (0, 0) }, ..CLEAR }),
        ("wind", |t| Shown { shift: ((2.0 * (t * 9.0).sin()).round() as i32 / 2, 0), ..CLEAR }),
        ("light fog", |t| Shown { clear: if t > 20.0 { (0.65, 0.9) } else { (1.0, 1.0) }, ..CLEAR }),
    ];
    for (what, shown) in cases {
        for rate in RATES {
            let seen = run(rate, 90.0, |t| Some(shown(t)));
            assert!(seen.incidents.is_empty(), "{what} at {rate}/s: {:?}", seen.incidents);
            assert!(seen.doubted.is_empty(), "{what} at {rate}/s was not believed at {:?}", seen.doubted);
        }
    }
}

#[test]
fn repeated_pictures_are_no_frozen_ones() {
    // Every other frame twice; and a camera that shows no noise at all.
    for rate in RATES {
        let twice = run(rate, 60.0, |t| Some(Shown { frozen: (t * rate).round() as i64 % 2 == 1, ..CLEAR }));
        assert!(twice.incidents.is_empty() && twice.doubted.is_empty(), "{:?}", twice.incidents);
        let clean = run(rate, 60.0, |_| Some(Shown { frozen: true, ..CLEAR }));
        assert!(clean.incidents.is_empty() && clean.doubted.is_empty(), "{:?}", clean.incidents);
    }
}

#[test]
fn the_first_in_the_order_explains_the_rest() {
    // Black and still: dark, not frozen; moved into fog: the camera before the weather.
    for (kind, shown) in [
        (IncidentKind::CameraDark, Shown { gain: 0.01, frozen: true, ..CLEAR }),
        (IncidentKind::CameraFrozen, Shown { frozen: true, sharp: 0.2, ..CLEAR }),
    ] {
        let seen = run(10.0, 45.0, |t| Some(if t >= 20.0 { shown } else { CLEAR }));
        assert_eq!(only(seen.incidents, kind).len(), 1);
    }
}

/// Lamps of a jam on a wet road by night: the scene has other edges all over, and is where it was. Elsewhere it is not, lamps or none.
#[test]
fn what_shines_all_over_the_picture_is_no_movement() {
    const DIM: Shown = Shown { clear: (0.12, 0.12), grey: 40.0, ..CLEAR };
    for rate in RATES {
        for (shift, told) in [((0, 0), 0), ((31, 17), 1)] {
            let shown = |t: f64| {
                let shift = if t >= 20.0 { shift } else { (0, 0) };
                Some(Shown { shift, shine: if t >= 20.0 { 90.0 } else { 0.0 }, ..DIM })
            };
            let found = only(run(rate, 50.0, shown).incidents, IncidentKind::CameraMoved);
            assert_eq!(found.len(), told, "{shift:?} at {rate}/s: {found:?}");
        }
    }
}
