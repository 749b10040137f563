//! The families about faults of the camera itself, and about what looks like them.

use std::f32::consts::PI;

use rand::RngExt;
use rand_pcg::Pcg64Mcg;
use wayside_types::IncidentKind::*;

use super::families::{Family, sealed, some, tuned};
use super::scene::Scene;
use super::sight::{self, cloud, defocused, dirt, dusk, flat, frozen, noise, shadow, shake, turned};
use super::view::view;

/// To the end of the scene.
const ALWAYS: f64 = f64::INFINITY;

fn either(r: &mut Pcg64Mcg) -> f32 {
    if r.random::<bool>() { 1.0 } else { -1.0 }
}

const TUNED_VIEWS: &[usize] = &[0, 2, 4];
const SEALED_VIEWS: &[usize] = &[1, 3, 5, 6];

pub(super) const CAMERA: &[Family] = &[
    tuned(CameraNoSignal, true, "grey, tuned views", |l, r| {
        let which = some(r, TUNED_VIEWS);
        let v = view(l, r, 18.0, which)?;
        let (mut random, light) = (sight::fork(r), r.random_range(60..180));
        Ok(v.wrong(CameraNoSignal, |s, at| flat(s, &mut random, at, ALWAYS, (light, 128, 128), 0.0)))
    }),
    tuned(CameraNoSignal, false, "grey for a moment, tuned views", |l, r| {
        let which = some(r, TUNED_VIEWS);
        let v = view(l, r, 18.0, which)?;
        let mut random = sight::fork(r);
        Ok(v.harmless(|s, at| flat(s, &mut random, at, at + 3.0, (110, 128, 128), 0.0)))
    }),
    sealed(CameraNoSignal, true, "blue with grain, other views", |l, r| {
        let which = some(r, SEALED_VIEWS);
        let v = view(l, r, 18.0, which)?;
        let mut random = sight::fork(r);
        Ok(v.wrong(CameraNoSignal, |s, at| flat(s, &mut random, at, ALWAYS, (75, 190, 110), 2.0)))
    }),
    sealed(CameraNoSignal, false, "blue for a moment, other views", |l, r| {
        let which = some(r, SEALED_VIEWS);
        let v = view(l, r, 18.0, which)?;
        let mut random = sight::fork(r);
        Ok(v.harmless(|s, at| flat(s, &mut random, at, at + 2.0, (75, 190, 110), 2.0)))
    }),
    tuned(CameraFrozen, true, "frozen, tuned views", |l, r| {
        let which = some(r, TUNED_VIEWS);
        let v = view(l, r, 18.0, which)?;
        let mut random = sight::fork(r);
        Ok(v.wrong(CameraFrozen, |s, at| {
            frozen(Scene { quantizer: 16, ..noise(s, &mut random, 2.0) }, at, ALWAYS)
        }))
    }),
    tuned(CameraFrozen, false, "nobody drives, tuned views", |l, r| {
        let which = some(r, &[0, 2]);
        let footage = if which == 0 { &l.arterial } else { &l.motorway };
        let mut random = sight::fork(r);
        let scene =
            Scene::new(28.0, super::library::lanes(footage), Box::new(move |_| footage.plate.clone()));
        Ok(Scene { quantizer: 16, ..noise(scene, &mut random, 2.0) })
    }),
    sealed(CameraFrozen, true, "frozen by night, other views", |l, r| {
        let which = some(r, &[1, 3]);
        let v = view(l, r, 18.0, which)?;
        let mut random = sight::fork(r);
        Ok(v.wrong(CameraFrozen, |s, at| {
            let dark = sight::night(s, &mut random, 1.5, |_| Vec::new());
            frozen(Scene { quantizer: 18, ..dark }, at, ALWAYS)
        }))
    }),
    sealed(CameraFrozen, true, "frozen, drawn streets", |l, r| {
        let which = some(r, &[5, 6]);
        let v = view(l, r, 18.0, which)?;
        Ok(v.wrong(CameraFrozen, |s, at| frozen(Scene { quantizer: 16, ..s }, at, ALWAYS)))
    }),
    sealed(CameraFrozen, false, "nobody drives by night, residential", |l, r| {
        let footage = &l.residential;
        let mut random = sight::fork(r);
        let scene =
            Scene::new(28.0, super::library::lanes(footage), Box::new(move |_| footage.plate.clone()));
        Ok(Scene { quantizer: 18, ..sight::night(scene, &mut random, 1.6, |_| Vec::new()) })
    }),
    sealed(CameraFrozen, false, "stutters, other views", |l, r| {
        let which = some(r, &[1, 3]);
        let v = view(l, r, 18.0, which)?;
        let mut random = sight::fork(r);
        Ok(v.harmless(|s, at| frozen(Scene { quantizer: 16, ..noise(s, &mut random, 2.0) }, at, at + 4.0)))
    }),
    tuned(CameraDark, true, "black, tuned views", |l, r| {
        let which = some(r, TUNED_VIEWS);
        let v = view(l, r, 18.0, which)?;
        let (mut random, light) = (sight::fork(r), r.random_range(14..24));
        Ok(v.wrong(CameraDark, |s, at| flat(s, &mut random, at, ALWAYS, (light, 128, 128), 0.0)))
    }),
    tuned(CameraDark, false, "dusk, tuned views", |l, r| {
        let which = some(r, TUNED_VIEWS);
        Ok(view(l, r, 26.0, which)?.harmless(|s, at| dusk(s, at, 15.0, 1.8)))
    }),
    sealed(CameraDark, true, "a cover with light leaking in, other views", |l, r| {
        let which = some(r, SEALED_VIEWS);
        let v = view(l, r, 18.0, which)?;
        let mut random = sight::fork(r);
        Ok(v.wrong(CameraDark, |s, at| {
            s.seen(move |t, mut p| {
                if t >= at {
                    super::pixels::each(&mut p, |_, _, v| 16.0 + (v - 16.0) * 0.06);
                    super::pixels::noisy(&mut p, 1.5, &mut random);
                }
                p
            })
        }))
    }),
    sealed(CameraDark, false, "night, other views", |l, r| {
        let which = some(r, SEALED_VIEWS);
        let mut v = view(l, r, 18.0, which)?;
        v.scene = sight::night(v.scene, r, 1.7, |_| Vec::new());
        Ok(v.scene)
    }),
    tuned(CameraBlurred, true, "out of focus, tuned views", |l, r| {
        let which = some(r, TUNED_VIEWS);
        let v = view(l, r, 18.0, which)?;
        let radius = r.random_range(4..8);
        Ok(v.wrong(CameraBlurred, |s, at| defocused(s, at, ALWAYS, radius)))
    }),
    tuned(CameraBlurred, true, "dirt, tuned views", |l, r| {
        let which = some(r, TUNED_VIEWS);
        let v = view(l, r, 18.0, which)?;
        let (mut random, share) = (sight::fork(r), r.random_range(0.55..0.7));
        Ok(v.wrong(CameraBlurred, |s, at| dirt(s, &mut random, at, share, 0.85)))
    }),
    tuned(CameraBlurred, false, "out of focus for a moment, tuned views", |l, r| {
        let which = some(r, TUNED_VIEWS);
        Ok(view(l, r, 18.0, which)?.harmless(|s, at| defocused(s, at, at + 3.0, 5)))
    }),
    tuned(CameraBlurred, false, "a little dirt, tuned views", |l, r| {
        let which = some(r, TUNED_VIEWS);
        let v = view(l, r, 18.0, which)?;
        let mut random = sight::fork(r);
        Ok(v.harmless(|s, at| dirt(s, &mut random, at, 0.08, 0.85)))
    }),
    sealed(CameraBlurred, true, "out of focus, other views", |l, r| {
        let which = some(r, SEALED_VIEWS);
        let v = view(l, r, 18.0, which)?;
        let radius = r.random_range(5..10);
        Ok(v.wrong(CameraBlurred, |s, at| defocused(s, at, ALWAYS, radius)))
    }),
    sealed(CameraBlurred, true, "drops on the lens, other views", |l, r| {
        let which = some(r, SEALED_VIEWS);
        let v = view(l, r, 18.0, which)?;
        let mut random = sight::fork(r);
        Ok(v.wrong(CameraBlurred, |s, at| dirt(s, &mut random, at, 0.7, 0.3)))
    }),
    sealed(CameraBlurred, false, "pressed to mush, other views", |l, r| {
        let which = some(r, SEALED_VIEWS);
        Ok(Scene { quantizer: 36, ..view(l, r, 18.0, which)?.scene })
    }),
    sealed(CameraBlurred, false, "a little dirt, other views", |l, r| {
        let which = some(r, SEALED_VIEWS);
        let v = view(l, r, 18.0, which)?;
        let mut random = sight::fork(r);
        Ok(v.harmless(|s, at| dirt(s, &mut random, at, 0.12, 0.6)))
    }),
    tuned(CameraMoved, true, "shifted, tuned views", |l, r| {
        let which = some(r, TUNED_VIEWS);
        let v = view(l, r, 18.0, which)?;
        let (dx, dy) = (either(r) * r.random_range(24.0..70.0), either(r) * r.random_range(0.0..30.0));
        Ok(v.wrong(CameraMoved, |s, at| turned(s, at, ALWAYS, (dx, dy), 0.0)))
    }),
    tuned(CameraMoved, true, "shifted up or down, tuned views", |l, r| {
        let which = some(r, TUNED_VIEWS);
        let v = view(l, r, 18.0, which)?;
        let dy = either(r) * r.random_range(20.0..60.0);
        Ok(v.wrong(CameraMoved, |s, at| turned(s, at, ALWAYS, (0.0, dy), 0.0)))
    }),
    tuned(CameraMoved, false, "shaken, tuned views", |l, r| {
        let which = some(r, TUNED_VIEWS);
        let v = view(l, r, 18.0, which)?;
        Ok(shake(v.scene, r, 2.0))
    }),
    tuned(CameraMoved, false, "knocked for a moment, tuned views", |l, r| {
        let which = some(r, TUNED_VIEWS);
        Ok(view(l, r, 18.0, which)?.harmless(|s, at| turned(s, at, at + 2.0, (30.0, 10.0), 0.0)))
    }),
    sealed(CameraMoved, true, "shifted, other views", |l, r| {
        let which = some(r, SEALED_VIEWS);
        let v = view(l, r, 18.0, which)?;
        let (dx, dy) = (either(r) * r.random_range(20.0..90.0), either(r) * r.random_range(0.0..40.0));
        Ok(v.wrong(CameraMoved, |s, at| turned(s, at, ALWAYS, (dx, dy), 0.0)))
    }),
    sealed(CameraMoved, true, "turned about its axis, other views", |l, r| {
        let which = some(r, SEALED_VIEWS);
        let v = view(l, r, 18.0, which)?;
        let turn = either(r) * r.random_range(4.0..10.0) / 180.0 * PI;
        Ok(v.wrong(CameraMoved, |s, at| turned(s, at, ALWAYS, (0.0, 0.0), turn)))
    }),
    sealed(CameraMoved, false, "shaken by night, other views", |l, r| {
        let which = some(r, &[1, 3]);
        let mut v = view(l, r, 18.0, which)?;
        v.scene = sight::night(v.scene, r, 1.5, |_| Vec::new());
        Ok(shake(v.scene, r, 2.5))
    }),
    sealed(CameraMoved, false, "a cloud and a shadow, other views", |l, r| {
        let which = some(r, SEALED_VIEWS);
        Ok(view(l, r, 18.0, which)?.harmless(|s, at| shadow(cloud(s, at + 6.0, 5.0, 0.6), at, 6.0, 0.8, 0.5)))
    }),
];

pub(super) const MORE: &[Family] = &[
    tuned(CameraMoved, true, "turned about its axis, tuned views", |l, r| {
        let which = some(r, TUNED_VIEWS);
        let v = view(l, r, 18.0, which)?;
        let turn = either(r) * r.random_range(4.0..10.0) / 180.0 * PI;
        Ok(v.wrong(CameraMoved, |s, at| turned(s, at, ALWAYS, (0.0, 0.0), turn)))
    }),
    tuned(CameraMoved, true, "shifted along the road, tuned views", |l, r| {
        let which = some(r, TUNED_VIEWS);
        let v = view(l, r, 18.0, which)?;
        let dx = either(r) * r.random_range(20.0..90.0);
        Ok(v.wrong(CameraMoved, |s, at| turned(s, at, ALWAYS, (dx, 0.0), 0.0)))
    }),
    tuned(CameraMoved, true, "turned and shifted, tuned views", |l, r| {
        let which = some(r, TUNED_VIEWS);
        let v = view(l, r, 18.0, which)?;
        let (dx, dy) = (either(r) * r.random_range(0.0..40.0), either(r) * r.random_range(0.0..25.0));
        let turn = either(r) * r.random_range(3.0..8.0) / 180.0 * PI;
        Ok(v.wrong(CameraMoved, |s, at| turned(s, at, ALWAYS, (dx, dy), turn)))
    }),
    tuned(CameraMoved, false, "shaken at dusk, tuned views", |l, r| {
        let which = some(r, TUNED_VIEWS);
        let mut v = view(l, r, 18.0, which)?;
        v.scene = shake(v.scene, r, 2.0);
        Ok(v.harmless(|s, at| dusk(s, at, 8.0, 1.7)))
    }),
    tuned(CameraMoved, false, "a cloud and a shadow, tuned views", |l, r| {
        let which = some(r, TUNED_VIEWS);
        Ok(view(l, r, 18.0, which)?.harmless(|s, at| shadow(cloud(s, at + 6.0, 5.0, 0.6), at, 6.0, 0.8, 0.5)))
    }),
];
