//! Families that came later, for what rules were found to miss or to tell falsely: all of them tuned.

use rand::RngExt;
use wayside_types::IncidentKind::*;

use super::dark::Dark;
use super::families::{Family, some, thing, tuned};
use super::library::grounds;
use super::road::{BREAKDOWN, Lying, Standing, backwards, lies, plain, plain_by_night, stands, stretched};
use super::scene::Scene;
use super::sight::{self, cloud, defocused, dirt, dusk, fog, noise, rain, shadow, smoke};
use super::things::{Change, Thing};
use super::view::{view, watching, watching_at};

pub(super) const MORE: &[Family] = &[
    tuned(StoppedVehicle, true, "stands by night, motorway", |l, r| {
        let gamma = r.random_range(1.5..1.9);
        stands(&l.motorway, r, Standing { night: Some(Dark::Gamma(gamma)), ..BREAKDOWN })
    }),
    tuned(StoppedVehicle, true, "stands at dusk, residential", |l, r| {
        let gamma = r.random_range(1.3..1.6);
        stands(&l.residential, r, Standing { night: Some(Dark::Gamma(gamma)), ..BREAKDOWN })
    }),
    tuned(StoppedVehicle, false, "ordinary traffic by night, arterial", |l, r| {
        Ok(plain_by_night(&l.arterial, r, 24.0, Dark::Gamma(1.7)))
    }),
    tuned(ObjectOnRoad, true, "a carton, a tyre or a bag, residential", |l, r| {
        let what = thing(r, &[Thing::Carton, Thing::Tyre, Thing::Bag]);
        lies(&l.residential, r, what, None)
    }),
    tuned(ObjectOnRoad, true, "a bag or a tyre at dusk, motorway", |l, r| {
        let what = thing(r, &[Thing::Bag, Thing::Tyre]);
        lies(&l.motorway, r, what, Some(Dark::Gamma(1.4)))
    }),
    tuned(ObjectOnRoad, false, "ordinary traffic, residential", |l, r| Ok(plain(&l.residential, r, 34.0))),
    tuned(LowVisibility, true, "dark smoke, arterial and drawn highway", |l, r| {
        let which = some(r, &[0, 4]);
        let v = view(l, r, 44.0, which)?;
        let mut random = sight::fork(r);
        Ok(v.wrong(LowVisibility, |s, at| smoke(s, &mut random, at, (0.6, 0.97), 60.0)))
    }),
    tuned(StoppedVehicle, true, "stands in rain, arterial", |l, r| {
        let scene = stands(&l.arterial, r, BREAKDOWN)?;
        Ok(rain(scene, r, 250, 0.12))
    }),
    tuned(StoppedVehicle, true, "stands, residential, mirrored", |l, r| {
        Ok(stands(&l.residential, r, BREAKDOWN)?.mirrored())
    }),
    tuned(StoppedVehicle, false, "dusk falls, residential", |l, r| {
        let from_s = r.random_range(6.0..9.0);
        Ok(dusk(plain(&l.residential, r, 34.0), from_s, 22.0, 1.7))
    }),
    tuned(StoppedVehicle, false, "ordinary traffic in rain, residential", |l, r| {
        Ok(rain(plain(&l.residential, r, 30.0), r, 250, 0.12))
    }),
    tuned(WrongWay, true, "backwards by night, motorway", |l, r| {
        backwards(&l.motorway, r, Some(Dark::Gamma(1.6)))
    }),
    tuned(WrongWay, true, "backwards in rain, arterial", |l, r| {
        let scene = backwards(&l.arterial, r, None)?;
        Ok(rain(scene, r, 250, 0.12))
    }),
    tuned(WrongWay, false, "ordinary traffic by night, arterial, mirrored", |l, r| {
        Ok(plain_by_night(&l.arterial, r, 20.0, Dark::Gamma(1.6)).mirrored())
    }),
    tuned(ObjectOnRoad, true, "a barrel by night, motorway", |l, r| {
        let what = thing(r, &[Thing::Barrel]);
        lies(&l.motorway, r, what, Some(Dark::Gamma(1.5)))
    }),
    tuned(ObjectOnRoad, false, "a puddle in rain, arterial", |l, r| {
        let scene = lies(&l.arterial, r, Lying::Puddle, None)?;
        Ok(rain(scene, r, 250, 0.12))
    }),
    tuned(ObjectOnRoad, false, "ordinary traffic by night, residential", |l, r| {
        Ok(plain_by_night(&l.residential, r, 30.0, Dark::Gamma(1.6)))
    }),
    tuned(WatchChanged, true, "mud, arterial and motorway", |l, r| {
        let footage = if r.random() { &l.arterial } else { &l.motorway };
        Ok(watching(footage, r, Some(Change::Mud), |s, _| s))
    }),
    tuned(WatchChanged, true, "water in rain, motorway", |l, r| {
        let mut random = sight::fork(r);
        Ok(watching(&l.motorway, r, Some(Change::Water), |s, _| rain(s, &mut random, 250, 0.1)))
    }),
    tuned(WatchChanged, false, "rain and a cloud, arterial", |l, r| {
        let mut random = sight::fork(r);
        Ok(watching(&l.arterial, r, None, |s, at| rain(cloud(s, at + 8.0, 9.0, 0.6), &mut random, 250, 0.08)))
    }),
    tuned(WatchChanged, false, "a noisy sensor, arterial", |l, r| {
        let mut random = sight::fork(r);
        Ok(watching(&l.arterial, r, None, |s, _| noise(s, &mut random, 5.0)))
    }),
];

/// Likenesses of what was missed: nights of another make, dusk, and watched places on other grounds.
pub(super) const LATER: &[Family] = &[
    tuned(StoppedVehicle, true, "stands under street lamps, arterial", |l, r| {
        let share = r.random_range(0.28..0.42);
        stands(&l.arterial, r, Standing { night: Some(Dark::Lamps(share)), ..BREAKDOWN })
    }),
    tuned(StoppedVehicle, true, "stands under street lamps, residential, mirrored", |l, r| {
        let share = r.random_range(0.2..0.32);
        Ok(stands(&l.residential, r, Standing { night: Some(Dark::Lamps(share)), ..BREAKDOWN })?.mirrored())
    }),
    tuned(StoppedVehicle, true, "stands under street lamps, motorway", |l, r| {
        let share = r.random_range(0.25..0.4);
        stands(&l.motorway, r, Standing { night: Some(Dark::Lamps(share)), ..BREAKDOWN })
    }),
    tuned(StoppedVehicle, false, "stops for a moment under street lamps, residential", |l, r| {
        stands(&l.residential, r, Standing { for_s: 2.5, night: Some(Dark::Lamps(0.28)), ..BREAKDOWN })
    }),
    tuned(StoppedVehicle, false, "ordinary traffic under street lamps, motorway", |l, r| {
        Ok(plain_by_night(&l.motorway, r, 24.0, Dark::Lamps(0.3)))
    }),
    tuned(StoppedVehicle, false, "ordinary traffic under street lamps, arterial", |l, r| {
        Ok(plain_by_night(&l.arterial, r, 24.0, Dark::Lamps(0.35)))
    }),
    tuned(WrongWay, true, "backwards under street lamps, arterial, mirrored", |l, r| {
        let share = r.random_range(0.28..0.42);
        Ok(backwards(&l.arterial, r, Some(Dark::Lamps(share)))?.mirrored())
    }),
    tuned(WrongWay, true, "backwards under street lamps, motorway", |l, r| {
        let share = r.random_range(0.25..0.4);
        backwards(&l.motorway, r, Some(Dark::Lamps(share)))
    }),
    tuned(WrongWay, true, "backwards by night, residential", |l, r| {
        let gamma = r.random_range(1.6..2.0);
        backwards(&l.residential, r, Some(Dark::Gamma(gamma)))
    }),
    tuned(WrongWay, false, "ordinary traffic under street lamps, arterial, mirrored", |l, r| {
        Ok(plain_by_night(&l.arterial, r, 20.0, Dark::Lamps(0.35)).mirrored())
    }),
    tuned(WrongWay, false, "ordinary traffic by night, residential, mirrored", |l, r| {
        Ok(plain_by_night(&l.residential, r, 20.0, Dark::Gamma(1.8)).mirrored())
    }),
    tuned(ObjectOnRoad, true, "a barrel or a carton at dusk, residential", |l, r| {
        let what = thing(r, &[Thing::Barrel, Thing::Carton]);
        lies(&l.residential, r, what, Some(Dark::Gamma(1.5)))
    }),
    tuned(ObjectOnRoad, true, "a barrel at dusk under street lamps, arterial, mirrored", |l, r| {
        let what = thing(r, &[Thing::Barrel]);
        Ok(lies(&l.arterial, r, what, Some(Dark::Lamps(0.5)))?.mirrored())
    }),
    tuned(ObjectOnRoad, true, "a pallet or a bag, arterial, mirrored", |l, r| {
        let what = thing(r, &[Thing::Pallet, Thing::Bag]);
        Ok(lies(&l.arterial, r, what, None)?.mirrored())
    }),
    tuned(ObjectOnRoad, false, "light falls at dusk, motorway", |l, r| {
        lies(&l.motorway, r, Lying::Light, Some(Dark::Gamma(1.4)))
    }),
    tuned(ObjectOnRoad, false, "light falls at dusk, residential", |l, r| {
        lies(&l.residential, r, Lying::Light, Some(Dark::Gamma(1.5)))
    }),
    tuned(ObjectOnRoad, false, "a shadow falls under street lamps, arterial, mirrored", |l, r| {
        Ok(lies(&l.arterial, r, Lying::Shadow, Some(Dark::Lamps(0.5)))?.mirrored())
    }),
    tuned(WatchChanged, true, "mud, other grounds", |l, r| {
        let footage = if r.random() { &l.residential } else { &l.cyclist };
        Ok(watching_at(footage, grounds(footage), r, Some(Change::Mud), |s, _| s))
    }),
    tuned(WatchChanged, true, "water, other grounds", |l, r| {
        let footage = if r.random() { &l.residential } else { &l.cyclist };
        Ok(watching_at(footage, grounds(footage), r, Some(Change::Water), |s, _| s))
    }),
    tuned(WatchChanged, true, "covered or displaced, other grounds", |l, r| {
        let footage = if r.random() { &l.residential } else { &l.cyclist };
        let change = if r.random() { Change::Covered } else { Change::Displaced };
        Ok(watching_at(footage, grounds(footage), r, Some(change), |s, _| s))
    }),
    tuned(WatchChanged, false, "shadow, other grounds", |l, r| {
        let footage = if r.random() { &l.residential } else { &l.cyclist };
        Ok(watching_at(footage, grounds(footage), r, None, |s, at| shadow(s, at, 7.0, 1.4, 0.5)))
    }),
    tuned(WatchChanged, false, "traffic passes and dusk falls, other grounds", |l, r| {
        let footage = if r.random() { &l.residential } else { &l.cyclist };
        Ok(watching_at(footage, grounds(footage), r, None, |s, at| dusk(s, at, 20.0, 1.6)))
    }),
    tuned(ObjectOnRoad, true, "a carton or a tyre at dusk, arterial", |l, r| {
        let what = thing(r, &[Thing::Carton, Thing::Tyre]);
        let gamma = r.random_range(1.4..1.6);
        lies(&l.arterial, r, what, Some(Dark::Gamma(gamma)))
    }),
    tuned(ObjectOnRoad, false, "a puddle, motorway", |l, r| lies(&l.motorway, r, Lying::Puddle, None)),
    tuned(ObjectOnRoad, false, "a puddle in rain, residential, mirrored", |l, r| {
        let scene = lies(&l.residential, r, Lying::Puddle, None)?;
        Ok(rain(scene, r, 200, 0.08).mirrored())
    }),
];

/// Likenesses of what was told falsely: water that gathers where traffic hides how, jams that a detector sees badly, and
/// drawn streets through haze and dusk.
pub(super) const LATEST: &[Family] = &[
    tuned(ObjectOnRoad, false, "a puddle, motorway, mirrored, noisy", |l, r| {
        let scene = lies(&l.motorway, r, Lying::Puddle, None)?;
        Ok(noise(scene, r, 4.0).mirrored())
    }),
    tuned(ObjectOnRoad, false, "a puddle in rain, arterial, mirrored", |l, r| {
        let scene = lies(&l.arterial, r, Lying::Puddle, None)?;
        Ok(rain(scene, r, 300, 0.1).mirrored())
    }),
    tuned(ObjectOnRoad, false, "a puddle at dusk under street lamps, motorway", |l, r| {
        lies(&l.motorway, r, Lying::Puddle, Some(Dark::Lamps(0.5)))
    }),
    tuned(ObjectOnRoad, false, "dusk falls, drawn highway", |l, r| {
        Ok(view(l, r, 40.0, 4)?.harmless(|s, at| dusk(s, at, 20.0, 1.8)))
    }),
    tuned(ObjectOnRoad, false, "smog, drawn arterial and junction", |l, r| {
        let which = some(r, &[5, 6]);
        let thick = r.random_range(0.1..0.25);
        Ok(view(l, r, 40.0, which)?.harmless(|s, at| fog(s, at, 10.0, thick, -0.8, 170.0)))
    }),
    tuned(WrongWay, false, "a jam in rain, motorway", |l, r| {
        let scene = stretched(&l.motorway, r, 7.0, None);
        Ok(jammed(rain(scene, r, 300, 0.1)))
    }),
    tuned(WrongWay, false, "a jam, arterial, mirrored, noisy", |l, r| {
        let scene = stretched(&l.arterial, r, 7.0, None);
        Ok(jammed(noise(scene, r, 4.0).mirrored()))
    }),
    tuned(WrongWay, false, "a jam in rain, arterial", |l, r| {
        let scene = stretched(&l.arterial, r, 6.0, None);
        Ok(jammed(rain(scene, r, 300, 0.1)))
    }),
    tuned(WrongWay, false, "dim and noisy, drawn streets", |l, r| {
        let which = some(r, &[4, 5, 6]);
        let mut random = sight::fork(r);
        Ok(view(l, r, 30.0, which)?.harmless(|s, at| noise(dusk(s, at, 4.0, 1.5), &mut random, 5.0)))
    }),
    tuned(WrongWay, false, "haze, drawn highway", |l, r| {
        let thick = r.random_range(0.08..0.2);
        Ok(view(l, r, 40.0, 4)?.harmless(|s, at| fog(s, at, 6.0, thick, -1.0, 205.0)))
    }),
];

/// Likenesses of what was still missed or told falsely: cameras out of focus or wetted, by day and at dusk, things that
/// are hard to see, vehicles by night, and pictures through haze or pressed to mush.
pub(super) const NEWEST: &[Family] = &[
    tuned(CameraBlurred, true, "slightly out of focus, tuned clips, mirrored", |l, r| {
        let which = some(r, &[0, 2]);
        let v = view(l, r, 18.0, which)?;
        let radius = r.random_range(3..6);
        Ok(v.wrong(CameraBlurred, |s, at| defocused(s, at, f64::INFINITY, radius)).mirrored())
    }),
    tuned(CameraBlurred, true, "far out of focus, tuned views, noisy", |l, r| {
        let which = some(r, CLEAR_VIEWS);
        let v = view(l, r, 18.0, which)?;
        let (mut random, radius) = (sight::fork(r), r.random_range(7..13));
        Ok(v.wrong(CameraBlurred, |s, at| noise(defocused(s, at, f64::INFINITY, radius), &mut random, 3.0)))
    }),
    tuned(CameraBlurred, true, "out of focus at dusk, tuned views", |l, r| {
        let which = some(r, CLEAR_VIEWS);
        let v = view(l, r, 18.0, which)?;
        let (radius, gamma) = (r.random_range(4..9), r.random_range(1.3..1.7));
        Ok(v.wrong(CameraBlurred, |s, at| defocused(dusk(s, 0.0, 0.1, gamma), at, f64::INFINITY, radius)))
    }),
    tuned(CameraBlurred, true, "out of focus in haze, tuned views", |l, r| {
        let which = some(r, CLEAR_VIEWS);
        let v = view(l, r, 18.0, which)?;
        let (radius, thick) = (r.random_range(4..10), r.random_range(0.3..0.5));
        Ok(v.wrong(CameraBlurred, |s, at| {
            defocused(fog(s, -9.0, 1.0, thick, -1.5, 180.0), at, f64::INFINITY, radius)
        }))
    }),
    tuned(CameraBlurred, true, "drops on the lens, tuned views", |l, r| {
        let which = some(r, CLEAR_VIEWS);
        let v = view(l, r, 18.0, which)?;
        let (mut random, share, opaque) =
            (sight::fork(r), r.random_range(0.6..0.75), r.random_range(0.15..0.45));
        Ok(v.wrong(CameraBlurred, |s, at| dirt(s, &mut random, at, share, opaque)))
    }),
    tuned(CameraBlurred, true, "dirt at dusk, tuned clips, mirrored", |l, r| {
        let which = some(r, &[0, 2]);
        let v = view(l, r, 18.0, which)?;
        let (mut random, share, gamma) =
            (sight::fork(r), r.random_range(0.6..0.75), r.random_range(1.2..1.6));
        let scene =
            v.wrong(CameraBlurred, |s, at| dirt(dusk(s, 0.0, 0.1, gamma), &mut random, at, share, 0.85));
        Ok(scene.mirrored())
    }),
    tuned(CameraBlurred, false, "pressed to mush, tuned views", |l, r| {
        let which = some(r, CLEAR_VIEWS);
        Ok(Scene { quantizer: r.random_range(34..40), ..view(l, r, 24.0, which)?.scene })
    }),
    tuned(CameraBlurred, false, "rain and drops here and there, tuned views", |l, r| {
        let which = some(r, CLEAR_VIEWS);
        let v = view(l, r, 18.0, which)?;
        let (mut random, mut other) = (sight::fork(r), sight::fork(r));
        Ok(v.harmless(|s, at| dirt(rain(s, &mut other, 200, 0.05), &mut random, at, 0.12, 0.4)))
    }),
    tuned(ObjectOnRoad, true, "a carton or a barrel, residential, mirrored, noisy", |l, r| {
        let what = thing(r, &[Thing::Carton, Thing::Barrel]);
        let scene = lies(&l.residential, r, what, None)?;
        Ok(noise(scene, r, 2.5).mirrored())
    }),
    tuned(ObjectOnRoad, true, "a pallet or a bag in rain, residential, mirrored", |l, r| {
        let what = thing(r, &[Thing::Pallet, Thing::Bag]);
        let scene = lies(&l.residential, r, what, None)?;
        Ok(rain(scene, r, 200, 0.08).mirrored())
    }),
    tuned(ObjectOnRoad, true, "a barrel or a pallet at dusk, motorway, mirrored", |l, r| {
        let what = thing(r, &[Thing::Barrel, Thing::Pallet]);
        let gamma = r.random_range(1.4..1.6);
        Ok(lies(&l.motorway, r, what, Some(Dark::Gamma(gamma)))?.mirrored())
    }),
    tuned(ObjectOnRoad, true, "a pallet or a bag at dusk, arterial, mirrored", |l, r| {
        let what = thing(r, &[Thing::Pallet, Thing::Bag]);
        let gamma = r.random_range(1.3..1.6);
        Ok(lies(&l.arterial, r, what, Some(Dark::Gamma(gamma)))?.mirrored())
    }),
    tuned(ObjectOnRoad, false, "ordinary traffic pressed to mush, arterial and residential", |l, r| {
        let footage = if r.random() { &l.arterial } else { &l.residential };
        Ok(Scene { quantizer: r.random_range(34..40), ..plain(footage, r, 40.0) })
    }),
    tuned(ObjectOnRoad, false, "pressed to mush, drawn streets", |l, r| {
        let which = some(r, &[4, 5, 6]);
        Ok(Scene { quantizer: r.random_range(34..40), ..view(l, r, 30.0, which)?.scene })
    }),
    tuned(ObjectOnRoad, false, "haze and noise, drawn streets", |l, r| {
        let which = some(r, &[4, 5, 6]);
        let (thick, over_s) = (r.random_range(0.1..0.22), r.random_range(3.0..8.0));
        let mut random = sight::fork(r);
        let v = view(l, r, 40.0, which)?;
        Ok(v.harmless(|s, at| noise(fog(s, at, over_s, thick, -1.2, 200.0), &mut random, 2.0)))
    }),
    tuned(StoppedVehicle, true, "stands by night in rain, arterial, mirrored", |l, r| {
        let gamma = r.random_range(1.4..1.8);
        let scene = stands(&l.arterial, r, Standing { night: Some(Dark::Gamma(gamma)), ..BREAKDOWN })?;
        Ok(rain(scene, r, 150, 0.04).mirrored())
    }),
];

/// Likenesses of what was missed or told falsely after that: jams that a detector sees badly in the dark, drivers against the
/// traffic through rain in the dark, things on dim roads.
pub(super) const FURTHER: &[Family] = &[
    tuned(StoppedVehicle, false, "a jam under street lamps, motorway", |l, r| {
        let (times, share) = (r.random_range(6.0..9.0), r.random_range(0.25..0.4));
        Ok(jammed(stretched(&l.motorway, r, times, Some(Dark::Lamps(share)))))
    }),
    tuned(StoppedVehicle, false, "a jam at dusk, arterial, mirrored", |l, r| {
        let (times, gamma) = (r.random_range(6.0..9.0), r.random_range(1.4..1.7));
        Ok(jammed(stretched(&l.arterial, r, times, Some(Dark::Gamma(gamma)))).mirrored())
    }),
    tuned(StoppedVehicle, false, "a jam at dusk in rain, motorway, mirrored", |l, r| {
        let (times, gamma) = (r.random_range(6.0..9.0), r.random_range(1.3..1.5));
        let scene = stretched(&l.motorway, r, times, Some(Dark::Gamma(gamma)));
        Ok(jammed(rain(scene, r, 150, 0.05)).mirrored())
    }),
    tuned(WrongWay, true, "backwards at dusk in rain, motorway", |l, r| {
        let gamma = r.random_range(1.2..1.4);
        let scene = backwards(&l.motorway, r, Some(Dark::Gamma(gamma)))?;
        Ok(rain(scene, r, 250, 0.08))
    }),
    tuned(WrongWay, true, "backwards by night in rain, arterial, mirrored", |l, r| {
        let gamma = r.random_range(1.4..1.7);
        let scene = backwards(&l.arterial, r, Some(Dark::Gamma(gamma)))?;
        Ok(rain(scene, r, 150, 0.05).mirrored())
    }),
    tuned(ObjectOnRoad, true, "a barrel or a bag at dusk in rain, arterial, mirrored", |l, r| {
        let (what, gamma) = (thing(r, &[Thing::Barrel, Thing::Bag]), r.random_range(1.3..1.5));
        let scene = lies(&l.arterial, r, what, Some(Dark::Gamma(gamma)))?;
        Ok(rain(scene, r, 150, 0.05).mirrored())
    }),
];

/// The views that rules about the camera are tuned on: the arterial, the motorway, the drawn highway.
const CLEAR_VIEWS: &[usize] = &[0, 2, 4];

/// A jam that is not what its scene is about.
fn jammed(scene: Scene<'_>) -> Scene<'_> {
    Scene { hazards: Vec::new(), tolerated: vec![Congestion], ..scene }
}
