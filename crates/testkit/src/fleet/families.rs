//! Every family of scenes: what it is about, whether something goes wrong, and whether rules may be tuned on it. Scenes of a
//! sealed family are seen through conditions, on roads or with things that no tuned family has, or has together.

use rand::RngExt;
use rand_pcg::Pcg64Mcg;
use wayside_camsim::{Hazard, SceneKind};
use wayside_types::IncidentKind::{self, *};

use super::dark::Dark;
use super::library::Library;
use super::road::{
    BREAKDOWN, Lying, Standing, backwards, cyclist, drawn_with, lies, plain, plain_by_night, rolls_back,
    stands, stretched, walkers,
};
use super::scene::Scene;
use super::sight::{self, cloud, dusk, fog, noise, rain, shadow, smoke};
use super::things::{Change, Thing};
use super::view::{view, watching};

/// Makes one scene of a family.
pub type Make = for<'a> fn(&'a Library, &mut Pcg64Mcg) -> anyhow::Result<Scene<'a>>;

/// Scenes that differ by chance only.
#[derive(Clone, Copy)]
pub struct Family {
    /// The kind that it is for.
    pub about: IncidentKind,
    /// Whether something goes wrong.
    pub positive: bool,
    /// Whether rules may be tuned on it.
    pub sealed: bool,
    /// What it is, unique.
    pub name: &'static str,
    /// How a scene is made.
    pub make: Make,
}

pub(super) const fn tuned(about: IncidentKind, positive: bool, name: &'static str, make: Make) -> Family {
    Family { about, positive, sealed: false, name, make }
}

pub(super) const fn sealed(about: IncidentKind, positive: bool, name: &'static str, make: Make) -> Family {
    Family { about, positive, sealed: true, name, make }
}

pub(super) fn some(r: &mut Pcg64Mcg, of: &[usize]) -> usize {
    of[r.random_range(0..of.len())]
}

/// All of them.
pub fn all() -> Vec<Family> {
    let mut all = Vec::new();
    all.extend(ROAD);
    all.extend(THINGS);
    all.extend(SIGHT);
    all.extend(super::faults::CAMERA);
    // New ones come last: what a seed makes of the others stays.
    all.extend(super::more::MORE);
    all.extend(super::faults::MORE);
    all.extend(super::more::LATER);
    all.extend(super::more::LATEST);
    all.extend(super::more::NEWEST);
    all.extend(super::more::FURTHER);
    all
}

const ROAD: &[Family] = &[
    tuned(StoppedVehicle, true, "stands, arterial", |l, r| stands(&l.arterial, r, BREAKDOWN)),
    tuned(StoppedVehicle, true, "stands, motorway", |l, r| stands(&l.motorway, r, BREAKDOWN)),
    tuned(StoppedVehicle, true, "stands, drawn highway", |_, r| {
        drawn_with(SceneKind::Highway, r, 34.0, |from_s| Hazard::StoppedVehicle { from_s, for_s: 60.0 })
    }),
    tuned(StoppedVehicle, false, "stops for a moment, arterial", |l, r| {
        stands(&l.arterial, r, Standing { for_s: 2.5, ..BREAKDOWN })
    }),
    tuned(StoppedVehicle, false, "parked before the start, motorway", |l, r| {
        stands(&l.motorway, r, Standing { parked: true, ..BREAKDOWN })
    }),
    tuned(StoppedVehicle, false, "stands outside the lanes, arterial", |l, r| {
        stands(&l.arterial, r, Standing { drawn: false, ..BREAKDOWN })
    }),
    tuned(StoppedVehicle, false, "shadow sweeps, arterial", |l, r| {
        let scene = plain(&l.arterial, r, 24.0);
        Ok(shadow(scene, r.random_range(4.0..8.0), r.random_range(3.0..10.0), r.random_range(0.4..1.2), 0.5))
    }),
    sealed(StoppedVehicle, true, "stands, residential", |l, r| stands(&l.residential, r, BREAKDOWN)),
    sealed(StoppedVehicle, true, "stands by night, arterial", |l, r| {
        let gamma = r.random_range(1.5..1.9);
        stands(&l.arterial, r, Standing { night: Some(Dark::Gamma(gamma)), ..BREAKDOWN })
    }),
    sealed(StoppedVehicle, true, "stands in rain, motorway, mirrored", |l, r| {
        let scene = stands(&l.motorway, r, BREAKDOWN)?;
        Ok(rain(scene, r, 250, 0.12).mirrored())
    }),
    sealed(StoppedVehicle, true, "stands, drawn arterial", |_, r| {
        drawn_with(SceneKind::Arterial, r, 34.0, |from_s| Hazard::StoppedVehicle { from_s, for_s: 60.0 })
    }),
    sealed(StoppedVehicle, false, "parked before the start, residential", |l, r| {
        stands(&l.residential, r, Standing { parked: true, ..BREAKDOWN })
    }),
    sealed(StoppedVehicle, false, "stops for a moment by night, arterial", |l, r| {
        stands(&l.arterial, r, Standing { for_s: 3.0, night: Some(Dark::Gamma(1.7)), ..BREAKDOWN })
    }),
    sealed(StoppedVehicle, false, "headlights on a wet road, motorway", |l, r| {
        let scene = plain_by_night(&l.motorway, r, 24.0, Dark::Gamma(1.8));
        Ok(rain(scene, r, 200, 0.05))
    }),
    sealed(StoppedVehicle, false, "a cloud passes, residential", |l, r| {
        Ok(cloud(plain(&l.residential, r, 24.0), r.random_range(8.0..14.0), r.random_range(3.0..7.0), 0.55))
    }),
    tuned(WrongWay, true, "backwards, arterial", |l, r| backwards(&l.arterial, r, None)),
    tuned(WrongWay, true, "backwards, motorway", |l, r| backwards(&l.motorway, r, None)),
    tuned(WrongWay, true, "backwards, drawn highway", |_, r| {
        drawn_with(SceneKind::Highway, r, 30.0, |from_s| Hazard::WrongWay { from_s })
    }),
    tuned(WrongWay, false, "ordinary traffic, arterial", |l, r| Ok(plain(&l.arterial, r, 20.0))),
    tuned(WrongWay, false, "ordinary traffic, motorway", |l, r| Ok(plain(&l.motorway, r, 20.0))),
    tuned(WrongWay, false, "stops and goes on, motorway", |l, r| rolls_back(&l.motorway, r)),
    sealed(WrongWay, true, "backwards, residential", |l, r| backwards(&l.residential, r, None)),
    sealed(WrongWay, true, "backwards by night, arterial", |l, r| {
        backwards(&l.arterial, r, Some(Dark::Gamma(1.6)))
    }),
    sealed(WrongWay, true, "backwards in rain, motorway, mirrored", |l, r| {
        let scene = backwards(&l.motorway, r, None)?;
        Ok(rain(scene, r, 250, 0.12).mirrored())
    }),
    sealed(WrongWay, true, "backwards, drawn arterial", |_, r| {
        drawn_with(SceneKind::Arterial, r, 30.0, |from_s| Hazard::WrongWay { from_s })
    }),
    sealed(WrongWay, false, "ordinary traffic by night, motorway", |l, r| {
        Ok(plain_by_night(&l.motorway, r, 20.0, Dark::Gamma(1.8)))
    }),
    sealed(WrongWay, false, "ordinary traffic, residential, mirrored", |l, r| {
        Ok(plain(&l.residential, r, 20.0).mirrored())
    }),
    sealed(WrongWay, false, "ordinary traffic in rain, arterial", |l, r| {
        Ok(rain(plain(&l.arterial, r, 20.0), r, 300, 0.15))
    }),
    tuned(Congestion, true, "stretched, arterial", |l, r| Ok(stretched(&l.arterial, r, 6.0, None))),
    tuned(Congestion, true, "stretched, motorway", |l, r| Ok(stretched(&l.motorway, r, 6.0, None))),
    tuned(Congestion, false, "a little slower, arterial", |l, r| Ok(stretched(&l.arterial, r, 1.7, None))),
    tuned(Congestion, false, "a little slower, motorway", |l, r| Ok(stretched(&l.motorway, r, 1.7, None))),
    sealed(Congestion, true, "stretched by night, motorway", |l, r| {
        Ok(stretched(&l.motorway, r, 7.0, Some(Dark::Gamma(1.6))))
    }),
    sealed(Congestion, true, "stretched in rain, arterial, mirrored", |l, r| {
        let scene = stretched(&l.arterial, r, 8.0, None);
        Ok(rain(scene, r, 250, 0.12).mirrored())
    }),
    sealed(Congestion, true, "stretched, seen by a noisy sensor, motorway, mirrored", |l, r| {
        let scene = stretched(&l.motorway, r, 9.0, None);
        Ok(noise(scene, r, 3.5).mirrored())
    }),
    sealed(Congestion, false, "a little slower by night, arterial", |l, r| {
        Ok(stretched(&l.arterial, r, 1.5, Some(Dark::Gamma(1.6))))
    }),
    sealed(Congestion, false, "a little slower in rain, motorway", |l, r| {
        let scene = stretched(&l.motorway, r, 1.4, None);
        Ok(rain(scene, r, 250, 0.12))
    }),
    tuned(PedestrianOnCarriageway, true, "cyclist, junction", |l, r| cyclist(&l.cyclist, r, true, None)),
    tuned(PedestrianOnCarriageway, true, "people, drawn arterial", |_, r| walkers(r, true)),
    tuned(PedestrianOnCarriageway, false, "cyclist beside the zone, junction", |l, r| {
        cyclist(&l.cyclist, r, false, None)
    }),
    tuned(PedestrianOnCarriageway, false, "people beside the road, drawn arterial", |_, r| walkers(r, false)),
    sealed(PedestrianOnCarriageway, true, "cyclist at dusk, junction, mirrored", |l, r| {
        Ok(cyclist(&l.cyclist, r, true, Some(Dark::Gamma(1.5)))?.mirrored())
    }),
    sealed(PedestrianOnCarriageway, true, "people in rain, drawn arterial", |_, r| {
        let scene = walkers(r, true)?;
        Ok(rain(scene, r, 250, 0.12))
    }),
    sealed(PedestrianOnCarriageway, false, "cyclist beside the zone in rain, junction", |l, r| {
        let scene = cyclist(&l.cyclist, r, false, None)?;
        Ok(rain(scene, r, 250, 0.12))
    }),
    sealed(PedestrianOnCarriageway, false, "ordinary traffic pressed to mush, motorway", |l, r| {
        Ok(Scene { quantizer: 36, ..plain(&l.motorway, r, 18.0) })
    }),
];

pub(super) fn thing(r: &mut Pcg64Mcg, of: &[Thing]) -> Lying {
    let share = r.random_range(0.32..0.6);
    Lying::Thing(of[r.random_range(0..of.len())], share)
}

const THINGS: &[Family] = &[
    tuned(ObjectOnRoad, true, "a carton or a tyre, arterial", |l, r| {
        let what = thing(r, &[Thing::Carton, Thing::Tyre]);
        lies(&l.arterial, r, what, None)
    }),
    tuned(ObjectOnRoad, true, "a carton or a bag, motorway", |l, r| {
        let what = thing(r, &[Thing::Carton, Thing::Bag]);
        lies(&l.motorway, r, what, None)
    }),
    tuned(ObjectOnRoad, true, "a crate, drawn highway", |_, r| {
        drawn_with(SceneKind::Highway, r, 34.0, |from_s| Hazard::ObjectOnRoad {
            from_s: from_s + 5.0,
            for_s: 60.0,
        })
    }),
    tuned(ObjectOnRoad, false, "a shadow falls, arterial", |l, r| lies(&l.arterial, r, Lying::Shadow, None)),
    tuned(ObjectOnRoad, false, "light falls, motorway", |l, r| lies(&l.motorway, r, Lying::Light, None)),
    tuned(ObjectOnRoad, false, "a puddle, arterial", |l, r| lies(&l.arterial, r, Lying::Puddle, None)),
    tuned(ObjectOnRoad, false, "something small, motorway", |l, r| {
        let scene = lies(&l.motorway, r, Lying::Thing(Thing::Carton, 0.1), None)?;
        Ok(Scene { hazards: Vec::new(), ..scene })
    }),
    sealed(ObjectOnRoad, true, "a pallet or a barrel, residential", |l, r| {
        let what = thing(r, &[Thing::Pallet, Thing::Barrel]);
        lies(&l.residential, r, what, None)
    }),
    sealed(ObjectOnRoad, true, "a barrel at dusk, arterial", |l, r| {
        let what = thing(r, &[Thing::Barrel]);
        lies(&l.arterial, r, what, Some(Dark::Gamma(1.5)))
    }),
    sealed(ObjectOnRoad, true, "a pallet in rain, motorway, mirrored", |l, r| {
        let what = thing(r, &[Thing::Pallet]);
        let scene = lies(&l.motorway, r, what, None)?;
        Ok(rain(scene, r, 250, 0.12).mirrored())
    }),
    sealed(ObjectOnRoad, true, "a crate, drawn arterial", |_, r| {
        drawn_with(SceneKind::Arterial, r, 34.0, |from_s| Hazard::ObjectOnRoad {
            from_s: from_s + 5.0,
            for_s: 60.0,
        })
    }),
    sealed(ObjectOnRoad, false, "a leaf, residential", |l, r| lies(&l.residential, r, Lying::Leaf, None)),
    sealed(ObjectOnRoad, false, "a shadow falls, residential", |l, r| {
        lies(&l.residential, r, Lying::Shadow, None)
    }),
    sealed(ObjectOnRoad, false, "a puddle in rain, motorway", |l, r| {
        let scene = lies(&l.motorway, r, Lying::Puddle, None)?;
        Ok(rain(scene, r, 250, 0.12))
    }),
    sealed(ObjectOnRoad, false, "light falls at dusk, arterial", |l, r| {
        lies(&l.arterial, r, Lying::Light, Some(Dark::Gamma(1.5)))
    }),
    tuned(WatchChanged, true, "water, arterial and motorway", |l, r| {
        let footage = if r.random() { &l.arterial } else { &l.motorway };
        Ok(watching(footage, r, Some(Change::Water), |s, _| s))
    }),
    tuned(WatchChanged, true, "covered, motorway", |l, r| {
        Ok(watching(&l.motorway, r, Some(Change::Covered), |s, _| s))
    }),
    tuned(WatchChanged, true, "displaced, arterial", |l, r| {
        Ok(watching(&l.arterial, r, Some(Change::Displaced), |s, _| s))
    }),
    tuned(WatchChanged, false, "shadow, arterial", |l, r| {
        Ok(watching(&l.arterial, r, None, |s, at| shadow(s, at, 5.0, 1.4, 0.5)))
    }),
    tuned(WatchChanged, false, "dusk, motorway", |l, r| {
        Ok(watching(&l.motorway, r, None, |s, at| dusk(s, at, 20.0, 1.6)))
    }),
    tuned(WatchChanged, false, "traffic passes, arterial", |l, r| {
        Ok(watching(&l.arterial, r, None, |s, _| s))
    }),
    sealed(WatchChanged, true, "water, residential and junction", |l, r| {
        let footage = if r.random() { &l.residential } else { &l.cyclist };
        Ok(watching(footage, r, Some(Change::Water), |s, _| s))
    }),
    sealed(WatchChanged, true, "mud, residential", |l, r| {
        Ok(watching(&l.residential, r, Some(Change::Mud), |s, _| s))
    }),
    sealed(WatchChanged, true, "displaced in rain, junction", |l, r| {
        let mut random = sight::fork(r);
        Ok(watching(&l.cyclist, r, Some(Change::Displaced), |s, _| rain(s, &mut random, 250, 0.1)))
    }),
    sealed(WatchChanged, false, "shadow, residential", |l, r| {
        Ok(watching(&l.residential, r, None, |s, at| shadow(s, at, 8.0, 1.4, 0.55)))
    }),
    sealed(WatchChanged, false, "a cloud in rain, junction", |l, r| {
        let mut random = sight::fork(r);
        Ok(watching(&l.cyclist, r, None, |s, at| rain(cloud(s, at + 8.0, 9.0, 0.6), &mut random, 250, 0.08)))
    }),
    sealed(WatchChanged, false, "a noisy sensor, motorway", |l, r| {
        let mut random = sight::fork(r);
        Ok(watching(&l.motorway, r, None, |s, _| noise(s, &mut random, 5.0)))
    }),
];

const SIGHT: &[Family] = &[
    tuned(LowVisibility, true, "fog by depth, clips", |l, r| {
        let which = some(r, &[0, 1, 2]);
        let v = view(l, r, 44.0, which)?;
        let (horizon, thick) = (v.horizon, if which == 2 { 0.55 } else { 1.3 } * r.random_range(0.9..1.5));
        Ok(v.wrong(LowVisibility, |s, at| fog(s, at, 2.0, thick, horizon, 200.0)))
    }),
    tuned(LowVisibility, true, "fog by depth, drawn highway", |l, r| {
        let v = view(l, r, 44.0, 4)?;
        let (horizon, thick) = (v.horizon, r.random_range(0.8..1.3));
        Ok(v.wrong(LowVisibility, |s, at| fog(s, at, 2.0, thick, horizon, 205.0)))
    }),
    tuned(LowVisibility, true, "white smoke, clips", |l, r| {
        let which = some(r, &[0, 2]);
        let v = view(l, r, 44.0, which)?;
        let mut random = sight::fork(r);
        Ok(v.wrong(LowVisibility, |s, at| smoke(s, &mut random, at, (0.55, 0.95), 190.0)))
    }),
    tuned(LowVisibility, false, "haze, clips", |l, r| {
        let which = some(r, &[0, 1, 2]);
        let v = view(l, r, 40.0, which)?;
        Ok(v.harmless(|s, at| fog(s, at, 8.0, 0.15, -1.0, 200.0)))
    }),
    tuned(LowVisibility, false, "a cloud passes, clips", |l, r| {
        let which = some(r, &[0, 1, 2]);
        Ok(view(l, r, 40.0, which)?.harmless(|s, at| cloud(s, at + 12.0, 10.0, 0.6)))
    }),
    sealed(LowVisibility, true, "fog by depth, junction", |l, r| {
        let v = view(l, r, 44.0, 3)?;
        let (horizon, thick) = (v.horizon, r.random_range(0.9..1.5));
        Ok(v.wrong(LowVisibility, |s, at| fog(s, at, 3.0, thick, horizon, 180.0)))
    }),
    sealed(LowVisibility, true, "dark smoke, clips", |l, r| {
        let which = some(r, &[1, 2, 3]);
        let v = view(l, r, 44.0, which)?;
        let mut random = sight::fork(r);
        Ok(v.wrong(LowVisibility, |s, at| smoke(s, &mut random, at, (0.6, 0.97), 70.0)))
    }),
    sealed(LowVisibility, true, "heavy rain, clips and drawn arterial", |l, r| {
        let which = some(r, &[0, 1, 5]);
        let v = view(l, r, 44.0, which)?;
        let mut random = sight::fork(r);
        Ok(v.wrong(LowVisibility, |s, at| {
            let streaks = sight_from(s, at, &mut random);
            fog(streaks, at, 2.0, 1.4, -3.0, 150.0)
        }))
    }),
    sealed(LowVisibility, false, "light rain, clips", |l, r| {
        let which = some(r, &[0, 1, 2, 3]);
        let v = view(l, r, 40.0, which)?;
        let mut random = sight::fork(r);
        Ok(v.harmless(|s, at| sight_from(s, at, &mut random)))
    }),
    sealed(LowVisibility, false, "dusk, clips", |l, r| {
        let which = some(r, &[0, 1, 2, 3]);
        Ok(view(l, r, 40.0, which)?.harmless(|s, at| dusk(s, at, 25.0, 1.7)))
    }),
    sealed(LowVisibility, false, "haze, drawn streets", |l, r| {
        let which = some(r, &[4, 5, 6]);
        Ok(view(l, r, 40.0, which)?.harmless(|s, at| fog(s, at, 5.0, 0.17, -1.5, 190.0)))
    }),
];

/// Rain without a veil, from a time on.
fn sight_from<'a>(scene: Scene<'a>, from_s: f64, random: &mut Pcg64Mcg) -> Scene<'a> {
    let mut random = sight::fork(random);
    scene.seen(move |t, mut picture| {
        if t >= from_s {
            sight::streaks(&mut picture, 300, &mut random);
        }
        picture
    })
}
