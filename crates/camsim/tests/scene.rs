//! Drawn scenes: the same from the same seed, true to their geometry, and honest about what happened.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test")]

use std::collections::HashSet;

use wayside_camsim::draw::camera::{Pixel, World};
use wayside_camsim::scene::layout::Layout;
use wayside_camsim::scene::stage::Stage;
use wayside_camsim::scene::truth::Recorder;
use wayside_camsim::{CamsimError, Hazard, SceneKind, SceneSpec, camera_toml, foresee, record};

/// FNV-1a of some frames from `from_s` on.
fn hash(spec: &SceneSpec, from_s: f64, frames: usize) -> u64 {
    let mut stage = Stage::new(spec).unwrap();
    while stage.time_s() < from_s {
        stage.skip();
    }
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for _ in 0..frames {
        for byte in stage.next_frame().data {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash
}

#[test]
fn the_same_seed_gives_the_same_frames_and_another_seed_others() {
    for kind in SceneKind::ALL {
        let spec = SceneSpec { size: (320, 180), density: 2.0, ..SceneSpec::new(kind, 11) };
        let first = hash(&spec, 7.0, 3);
        assert_eq!(first, hash(&spec, 7.0, 3), "{kind:?}");
        assert_ne!(first, hash(&SceneSpec { seed: 12, ..spec }, 7.0, 3), "{kind:?}");
    }
}

#[test]
fn every_frame_says_that_it_is_drawn() {
    for kind in SceneKind::ALL {
        let mut stage = Stage::new(&SceneSpec::new(kind, 1)).unwrap();
        let frame = stage.next_frame();
        // The plate is nearly black and its letters nearly white, wherever it lies.
        let row_with_plate = frame.data[..640 * 360]
            .chunks_exact(640)
            .filter(|row| row[12..180].iter().filter(|y| **y < 50).count() > 60)
            .filter(|row| row[12..180].iter().any(|y| *y > 170))
            .count();
        assert!(row_with_plate >= 6, "{kind:?}: {row_with_plate} rows of a caption");
    }
}

#[test]
fn the_calibration_is_exact_and_right_handed() {
    for kind in SceneKind::ALL {
        let spec = SceneSpec::new(kind, 1);
        let layout = Layout::of(&spec).unwrap();
        let file: toml::Table = camera_toml(&spec, "x.mp4").unwrap().parse().unwrap();
        let pairs = |key: &str| -> Vec<[f64; 2]> {
            let list = file["calibration"][key].as_array().unwrap();
            list.iter().map(|pair| std::array::from_fn(|i| pair[i].as_float().unwrap())).collect()
        };
        let (image, ground) = (pairs("image"), pairs("ground_m"));
        assert!(image.len() >= 4 && image.len() == ground.len());
        for (i, g) in image.iter().zip(&ground) {
            assert!(i.iter().all(|f| (0.0..=1.0).contains(f)), "{kind:?}: {i:?} is outside the picture");
            let pixel = layout.camera.project(World::new(g[0], g[1], 0.0)).unwrap();
            let written = Pixel::new(i[0] * 640.0, i[1] * 360.0);
            assert!((pixel - written).norm() < 1e-3, "{kind:?}: {pixel} is not {written}");
        }
        // Seen from above and in the picture the same triangle turns opposite ways (y is down there).
        let turn = |p: &[[f64; 2]]| {
            (p[1][0] - p[0][0]) * (p[2][1] - p[0][1]) - (p[1][1] - p[0][1]) * (p[2][0] - p[0][0])
        };
        assert!(turn(&image) * turn(&ground) < 0.0, "{kind:?}");
    }
}

#[test]
fn lines_and_zones_lie_in_the_picture() {
    for kind in SceneKind::ALL {
        let file: toml::Table = camera_toml(&SceneSpec::new(kind, 1), "a\"b.mp4").unwrap().parse().unwrap();
        assert_eq!(file["source"].as_str(), Some("a\"b.mp4"));
        let mut ids = HashSet::new();
        for (table, key) in [("line", "points"), ("zone", "polygon")] {
            for entry in file[table].as_array().unwrap() {
                assert!(ids.insert(entry["id"].as_str().unwrap().to_owned() + table));
                for value in entry[key].as_array().unwrap().iter().flat_map(|p| p.as_array().unwrap()) {
                    assert!((0.0..=1.0).contains(&value.as_float().unwrap()), "{kind:?} {entry:?}");
                }
            }
        }
    }
}

/// A crossing found from projected boxes lies on the line and happens while the vehicle is there.
#[test]
fn crossings_lie_on_their_lines() {
    for kind in SceneKind::ALL {
        let spec = SceneSpec::new(kind, 4);
        let layout = Layout::of(&spec).unwrap();
        let mut stage = Stage::new(&spec).unwrap();
        let mut recorder = Recorder::new(&layout);
        for _ in 0..15 * 60 {
            recorder.look(&stage, &layout);
            stage.skip();
        }
        assert!(recorder.crossings().len() >= 8, "{kind:?}: too little happened");
        let mut seen = HashSet::new();
        for crossing in recorder.crossings() {
            let line = &layout.lines[crossing.line];
            let ground = layout.camera.ground(Pixel::new(crossing.place.x, crossing.place.y)).unwrap();
            let (a, b) = (line.points[0], line.points[1]);
            let along = (ground - a).dot(&(b - a)) / (b - a).norm_squared();
            let beside = (b - a).perp(&(ground - a)).abs() / (b - a).norm();
            assert!(
                (-0.01..=1.01).contains(&along) && beside < 0.05,
                "{kind:?} {}: {along} {beside}",
                line.id
            );
            assert!(seen.insert((crossing.actor, crossing.line)), "{kind:?}: one vehicle, one line, twice");
        }
    }
}

#[test]
fn free_flow_truth_agrees_with_the_lanes() {
    // On the arterial nobody stops: everybody crosses one line, at nearly the lane's speed.
    let truth = foresee(&SceneSpec::new(SceneKind::Arterial, 9), 90.0).unwrap();
    for count in &truth.counts {
        let expected = count.direction == wayside_types::Direction::Forward || count.line == "footway";
        assert!(expected || count.count == 0, "{count:?}");
        assert_eq!(count.count, count.by_class.values().sum::<u32>());
    }
    for speed in &truth.speeds {
        assert!((38.0..=48.0).contains(&speed.mean_kmh), "{speed:?}");
    }
    assert!(truth.incidents.is_empty());
}

#[test]
fn vehicles_at_the_junction_enter_and_leave() {
    let truth = foresee(&SceneSpec::new(SceneKind::Junction, 2), 180.0).unwrap();
    let into: u32 = truth.movements.iter().map(|m| m.count).sum();
    let turns: HashSet<_> = truth.movements.iter().map(|m| (m.from, m.to)).collect();
    assert!(into >= 15 && turns.len() >= 6, "{truth:?}");
    for movement in &truth.movements {
        assert!(movement.from.ends_with("-in") && movement.to.ends_with("-out"), "{movement:?}");
        assert_ne!(movement.from.split('-').next(), movement.to.split('-').next(), "nobody turns back");
    }
}

#[test]
fn hazards_happen_on_request() {
    let hazards = vec![
        Hazard::WrongWay { from_s: 20.0 },
        Hazard::Fog { from_s: 30.0, for_s: 40.0, visibility_m: 60.0 },
    ];
    for kind in SceneKind::ALL {
        let usual = SceneSpec::new(kind, 3);
        let kinds = |hazards: Vec<Hazard>, seconds| -> Vec<(&'static str, f64, Option<f64>)> {
            let truth = foresee(&SceneSpec { hazards, ..usual.clone() }, seconds).unwrap();
            truth.incidents.iter().map(|i| (i.kind, i.start_s, i.end_s)).collect()
        };
        let happened = kinds(hazards.clone(), 110.0);
        assert_eq!(
            happened.iter().map(|h| h.0).collect::<Vec<_>>(),
            ["wrong_way", "low_visibility"],
            "{kind:?}"
        );
        assert!(happened.iter().all(|h| h.2.is_some()), "{kind:?} {happened:?}");
        let stopped = kinds(vec![Hazard::StoppedVehicle { from_s: 10.0, for_s: 30.0 }], 130.0);
        let [("stopped_vehicle", start, Some(end))] = stopped[..] else { panic!("{kind:?} {stopped:?}") };
        assert!((28.0..=33.0).contains(&(end - start)), "{kind:?} {stopped:?}");
        let object = kinds(vec![Hazard::ObjectOnRoad { from_s: 16.0, for_s: 20.0 }], 60.0);
        let [("object_on_road", start, Some(end))] = object[..] else { panic!("{kind:?} {object:?}") };
        assert!((start - 16.0).abs() < 0.1 && (end - 36.0).abs() < 0.1);
    }
}

#[test]
fn fog_takes_the_contrast() {
    let spec = SceneSpec::new(SceneKind::Highway, 1);
    let foggy = SceneSpec {
        hazards: vec![Hazard::Fog { from_s: 0.0, for_s: 60.0, visibility_m: 50.0 }],
        density: 0.0,
        ..spec.clone()
    };
    let contrast = |spec: &SceneSpec| {
        let mut stage = Stage::new(spec).unwrap();
        while stage.time_s() < 30.0 {
            stage.skip();
        }
        let frame = stage.next_frame();
        let middle = &frame.data[640 * 100..640 * 140];
        f64::from(*middle.iter().max().unwrap()) - f64::from(*middle.iter().min().unwrap())
    };
    let (clear, fog) = (contrast(&SceneSpec { density: 0.0, ..spec }), contrast(&foggy));
    assert!(fog < clear * 0.6, "contrast {fog} in fog, {clear} without");
}

#[test]
fn a_recording_comes_with_truth_and_camera_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name);
    let spec = SceneSpec { size: (320, 180), ..SceneSpec::new(SceneKind::Highway, 6) };
    let truth = record(&spec, 8.0, &file("v.mp4"), &file("t.json"), &file("c.toml")).unwrap();
    assert!(std::fs::metadata(file("v.mp4")).unwrap().len() > 50_000);
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(file("t.json")).unwrap()).unwrap();
    assert_eq!(json, serde_json::to_value(&truth).unwrap());
    assert_eq!(json["camera"], "highway");
    std::fs::read_to_string(file("c.toml")).unwrap().parse::<toml::Table>().unwrap();
    let nowhere = record(&spec, 8.0, &file("no/v.mp4"), &file("t.json"), &file("c.toml"));
    assert!(matches!(nowhere, Err(CamsimError::Write { .. })));
}

#[test]
fn settings_out_of_range_are_named() {
    let good = SceneSpec::new(SceneKind::Arterial, 1);
    for (bad, name) in [
        (SceneSpec { size: (638, 361), ..good.clone() }, "scene size"),
        (SceneSpec { size: (64, 36), ..good.clone() }, "scene size"),
        (SceneSpec { fps: 0, ..good.clone() }, "scene fps"),
        (SceneSpec { density: f64::NAN, ..good.clone() }, "scene density"),
        (SceneSpec { density: -1.0, ..good }, "scene density"),
    ] {
        let error = Stage::new(&bad).err().unwrap();
        assert!(matches!(error, CamsimError::OutOfRange { setting, .. } if setting == name), "{error}");
    }
    assert!("roundabout".parse::<SceneKind>().unwrap_err().contains("junction arterial highway"));
}
