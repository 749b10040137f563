//! Scenes about road users and the road: standing, going the wrong way, jammed, on foot where nobody may be, things
//! that lie there, and the same without the hazard.

use anyhow::Context;
use rand::RngExt;
use rand::seq::IndexedRandom;
use rand_pcg::Pcg64Mcg;
use wayside_camsim::{Hazard as DrawnHazard, SceneKind};
use wayside_types::{BBox, IncidentKind, Point, RoadUserClass};

use super::dark::{Dark, dark};
use super::footage::{Footage, Pass, contains};
use super::library::{Drawn, lanes};
use super::pixels::veil;
use super::scene::{FAST_FPS, FPS, Scene, Zone};
use super::sight::{self, noise};
use super::street::{Street, Way};
use super::things::{Placed, Thing};

/// Road users a second on a clip's street.
fn usual_traffic(footage: &Footage) -> f64 {
    footage.passes.len() as f64 / (footage.frames.len() as f64 / footage.fps)
}

/// Who goes the way that the lane of its way is for.
fn goes_right(footage: &Footage, pass: &Pass) -> bool {
    // Lorries are cut out in pieces where their boxes are.
    pass.class == RoadUserClass::Car
        && zone_of(footage, pass).is_none_or(|(zone, _)| along(&zone, pass) >= 0.0)
}

/// The lane that a pass goes through for longest, with the frames at which it is whole and in it.
fn zone_of(footage: &Footage, pass: &Pass) -> Option<(Zone, Vec<f64>)> {
    let all = lanes(footage).into_iter().map(|zone| {
        let frames = pass.frames_in(&zone.polygon, footage.size());
        (zone, frames)
    });
    all.max_by_key(|(_, frames)| frames.len()).filter(|(_, frames)| frames.len() >= 3)
}

fn along(zone: &Zone, pass: &Pass) -> f64 {
    let (dx, dy) = pass.way();
    zone.heading.map_or(1.0, |[from, to]| dx * (to.x - from.x) + dy * (to.y - from.y))
}

/// A pass that stays in a lane for some looks, at sizes that a camera is meant for, and goes the right way.
fn pick<'a>(
    footage: &'a Footage,
    random: &mut Pcg64Mcg,
    least_travel: f64,
) -> anyhow::Result<(&'a Pass, Zone, Vec<f64>)> {
    let usable: Vec<(&Pass, Zone, Vec<f64>)> = footage
        .passes
        .iter()
        .filter(|pass| {
            pass.class.is_motor_vehicle() && pass.travel() >= least_travel && goes_right(footage, pass)
        })
        .filter_map(|pass| {
            let (zone, frames) = zone_of(footage, pass)?;
            let large = |f: &f64| pass.at(*f).is_some_and(|b| b.width().min(b.height()) >= 24.0);
            let frames: Vec<f64> = frames.into_iter().filter(large).collect();
            (frames.len() >= 2).then_some((pass, zone, frames))
        })
        .collect();
    let found = usable.choose(random).cloned();
    found.with_context(|| format!("{}: nobody passes who could be used", footage.name))
}

/// The street's pictures as a scene with a sensor's noise.
fn shown<'a>(street: Street<'a>, seconds: f64, zones: Vec<Zone>, random: &mut Pcg64Mcg) -> Scene<'a> {
    let scene = Scene::new(seconds, zones, Box::new(move |t| street.picture(t)));
    noise(scene, random, 1.2)
}

/// A street with its usual traffic and nothing wrong.
pub fn plain<'a>(footage: &'a Footage, random: &mut Pcg64Mcg, seconds: f64) -> Scene<'a> {
    let mut street = Street::new(footage);
    street.fill(random, (-2.0, seconds), usual_traffic(footage), |pass| goes_right(footage, pass));
    shown(street, seconds, lanes(footage), random)
}

/// The same, with lamps by night.
pub fn plain_by_night<'a>(footage: &'a Footage, random: &mut Pcg64Mcg, seconds: f64, how: Dark) -> Scene<'a> {
    let mut street = Street::new(footage);
    street.fill(random, (-2.0, seconds), usual_traffic(footage), |pass| goes_right(footage, pass));
    by_night(street, seconds, lanes(footage), random, how)
}

fn by_night<'a>(
    street: Street<'a>,
    seconds: f64,
    zones: Vec<Zone>,
    random: &mut Pcg64Mcg,
    how: Dark,
) -> Scene<'a> {
    let street = std::rc::Rc::new(street);
    let lamps = street.clone();
    let scene = Scene::new(seconds, zones, Box::new(move |t| street.picture(t)));
    dark(scene, random, how, move |t| lamps.boxes(t))
}

/// How a scene of somebody who stands is to be.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    /// For how long; infinite for good.
    pub for_s: f64,
    /// Whether it was there from the beginning.
    pub parked: bool,
    /// By night.
    pub night: Option<Dark>,
    /// Whether the lane is drawn where it stands.
    pub drawn: bool,
}

/// A vehicle comes to a stand in its lane.
pub const BREAKDOWN: Standing = Standing { for_s: f64::INFINITY, parked: false, night: None, drawn: true };

/// Somebody stands.
pub fn stands<'a>(footage: &'a Footage, random: &mut Pcg64Mcg, how: Standing) -> anyhow::Result<Scene<'a>> {
    let (pass, zone, frames) = pick(footage, random, 2.5)?;
    // Far enough in for it to have come, far enough out for the lane to go on behind it.
    let frame = frames[frames.len() / 4 + random.random_range(0..=frames.len() / 2)];
    let at_s = random.random_range(6.0..9.0);
    let seconds = at_s + 16.0;
    let mut street = Street::new(footage);
    let way = if how.parked { Way::Stand { frame } } else { Way::Stop { at_s, frame, for_s: how.for_s } };
    street.add(pass, way);
    street.fill(random, (-2.0, seconds), usual_traffic(footage), |pass| goes_right(footage, pass));
    let mut zones = lanes(footage);
    if !how.drawn {
        zones.retain(|z| z.id != zone.id);
    }
    let scene = match how.night {
        Some(how) => by_night(street, seconds, zones, random, how),
        None => shown(street, seconds, zones, random),
    };
    let wrong = how.drawn && !how.parked && how.for_s.is_infinite();
    Ok(if wrong { scene.with(IncidentKind::StoppedVehicle, Some(zone.id), at_s, None) } else { scene })
}

/// Zones of a clip, with headings where the clip's own have none: the way most vehicles go there.
fn one_way(footage: &Footage) -> Vec<Zone> {
    let mut zones = lanes(footage);
    for zone in zones.iter_mut().filter(|zone| zone.heading.is_none()) {
        let through =
            footage.passes.iter().filter(|pass| pass.frames_in(&zone.polygon, footage.size()).len() >= 3);
        let right: f64 = through.map(|pass| pass.way().0.signum()).sum();
        let (from, to) = if right >= 0.0 { ((0.4, 0.5), (0.8, 0.45)) } else { ((0.8, 0.45), (0.4, 0.5)) };
        *zone = Zone { kind: "lane", ..zone.clone().heading(from, to) };
    }
    zones
}

/// Somebody drives against the traffic.
pub fn backwards<'a>(
    footage: &'a Footage,
    random: &mut Pcg64Mcg,
    night: Option<Dark>,
) -> anyhow::Result<Scene<'a>> {
    let zones = one_way(footage);
    let usable: Vec<(&Pass, &Zone)> = footage
        .passes
        .iter()
        .filter(|pass| pass.class == RoadUserClass::Car && pass.travel() >= 3.0)
        .filter_map(|pass| {
            let inside = |zone: &&Zone| pass.frames_in(&zone.polygon, footage.size()).len() >= 4;
            zones.iter().find(inside).map(|zone| (pass, zone))
        })
        .filter(|(pass, zone)| along(zone, pass) > 0.0)
        .collect();
    let (pass, zone) = *usable.choose(random).context("nobody passes who could be turned round")?;
    let start_s = random.random_range(5.0..8.0);
    // Whoever goes the wrong way goes carefully, and is there long enough to be told at all.
    let whole = pass.frames_in(&zone.polygon, footage.size());
    let there_s = whole.first().zip(whole.last()).map_or(0.0, |(a, b)| b - a) / footage.fps;
    let pace = random.random_range(0.55..0.85_f64).min(there_s / 2.6);
    let lasts = (pass.span().1 - pass.span().0) / footage.fps / pace;
    let seconds = start_s + lasts + 4.0;
    let mut street = Street::new(footage);
    let ghost = street.add_at_pace(pass, Way::Back { start_s }, pace);
    let right = |pass: &Pass| {
        let there = zones.iter().find(|zone| pass.frames_in(&zone.polygon, footage.size()).len() >= 2);
        pass.class.is_motor_vehicle() && there.is_none_or(|zone| along(zone, pass) > 0.0)
    };
    street.fill(random, (-2.0, seconds), usual_traffic(footage), right);
    let (w, h) = footage.size();
    let inside = |t: &f64| {
        let p = ghost.at(*t).map(|b| b.reference());
        p.is_some_and(|p| contains(&zone.polygon, Point::new(p.x / w as f64, p.y / h as f64)))
    };
    let times: Vec<f64> = (0..(seconds * 10.0) as u32).map(|i| f64::from(i) / 10.0).filter(inside).collect();
    let (onset, end) =
        times.first().copied().zip(times.last().copied()).context("the way misses its lane")?;
    let (id, all) = (zone.id, zones.clone());
    let scene = match night {
        Some(how) => by_night(street, seconds, all, random, how),
        None => shown(street, seconds, all, random),
    };
    let scene = Scene { fps: FAST_FPS, ..scene };
    Ok(scene.with(IncidentKind::WrongWay, Some(id), onset, Some(end)))
}

/// Somebody comes to a stand, rolls back a little, and goes on.
pub fn rolls_back<'a>(footage: &'a Footage, random: &mut Pcg64Mcg) -> anyhow::Result<Scene<'a>> {
    let (pass, _, frames) = pick(footage, random, 2.5)?;
    let frame = frames[frames.len() / 2];
    let at_s = random.random_range(6.0..9.0);
    let mut street = Street::new(footage);
    street.add(pass, Way::Stop { at_s, frame, for_s: 2.5 });
    street.fill(random, (-2.0, 18.0), usual_traffic(footage), |pass| goes_right(footage, pass));
    Ok(shown(street, 18.0, one_way(footage), random))
}

/// Traffic takes so many times as long from some time on, and is as dense as the street allows.
pub fn stretched<'a>(
    footage: &'a Footage,
    random: &mut Pcg64Mcg,
    times: f64,
    night: Option<Dark>,
) -> Scene<'a> {
    let from_s = random.random_range(10.0..14.0);
    let seconds = from_s + 45.0;
    let mut street = Street::new(footage);
    street.slow = Some((from_s, times));
    let end = street.traffic_s(seconds);
    let usual = usual_traffic(footage);
    if times >= 4.0 {
        street.pack(random, (from_s - 3.0, end), |pass| goes_right(footage, pass));
        street.fill(random, (-2.0, from_s - 3.0), usual, |pass| goes_right(footage, pass));
    } else {
        street.fill(random, (-2.0, end), usual, |pass| goes_right(footage, pass));
    }
    let zones = lanes(footage);
    let ids: Vec<&str> = zones.iter().map(|zone| zone.id).collect();
    let jammed: Vec<String> = ids
        .iter()
        .filter(|id| is_dense(&street, &zones, id, from_s, seconds))
        .map(ToString::to_string)
        .collect();
    let mut scene = match night {
        Some(how) => by_night(street, seconds, zones, random, how),
        None => shown(street, seconds, zones, random),
    };
    if times >= 4.0 {
        for id in jammed {
            scene = scene.with(IncidentKind::Congestion, Some(&id), from_s, None);
        }
        // Lanes with few on them are slow but not full; whether that is told is nobody's mistake.
        scene.tolerated = vec![IncidentKind::Congestion];
    }
    scene
}

/// Whether vehicles cover enough of a zone during the jam for anybody to call it one.
fn is_dense(street: &Street<'_>, zones: &[Zone], id: &str, from_s: f64, to_s: f64) -> bool {
    let Some(zone) = zones.iter().find(|zone| zone.id == id) else { return false };
    let (w, h) = street.footage.size();
    let (mut on, mut all) = (0, 0);
    for i in 0..24 {
        let t = from_s + (to_s - from_s) * (f64::from(i) + 0.5) / 24.0;
        let boxes = street.boxes(t);
        for (x, y) in (0..w).step_by(12).flat_map(|x| (0..h).step_by(12).map(move |y| (x as f32, y as f32))) {
            if contains(&zone.polygon, Point::new(f64::from(x) / w as f64, f64::from(y) / h as f64)) {
                all += 1;
                let holds =
                    |b: &BBox| (b.x1..=b.x2).contains(&x) && ((b.y1 + b.y2) / 2.0..=b.y2).contains(&y);
                on += i32::from(boxes.iter().any(holds));
            }
        }
    }
    f64::from(on) >= 0.18 * f64::from(all.max(1))
}

/// The cyclist of the junction, in a zone that is closed to bicycles or beside it.
pub fn cyclist<'a>(
    footage: &'a Footage,
    random: &mut Pcg64Mcg,
    closed: bool,
    night: Option<Dark>,
) -> anyhow::Result<Scene<'a>> {
    let rides = |pass: &&Pass| {
        matches!(pass.class, RoadUserClass::Bicycle | RoadUserClass::Pedestrian) && pass.travel() >= 1.5
    };
    let longest = footage.passes.iter().filter(rides).max_by(|a, b| a.travel().total_cmp(&b.travel()));
    let pass = longest.context("the cyclist was not found")?;
    let mut street = Street::new(footage);
    let (start_s, pace) = (random.random_range(5.0..9.0), random.random_range(0.3..0.5));
    let lasts = (pass.span().1 - pass.span().0) / (footage.fps * pace);
    let backwards = random.random::<bool>();
    let way = if backwards { Way::Back { start_s } } else { Way::Drive { start_s } };
    let rider = street.add_at_pace(pass, way, pace);
    let seconds = start_s + lasts + 5.0;
    street.fill(random, (-2.0, seconds), 0.2, |pass| pass.class.is_motor_vehicle());
    let zones = if closed {
        lanes(footage)
    } else {
        // Beside the way: the corner at the lower left, that the cyclist does not touch.
        vec![
            Zone::new("corner", "carriageway", &[(0.0, 0.78), (0.22, 0.78), (0.22, 1.0), (0.0, 1.0)])
                .closed(),
        ]
    };
    let (w, h) = footage.size();
    let inside = |t: &f64| {
        let p = rider.at(*t).map(|b| b.reference());
        p.is_some_and(|p| {
            zones.iter().any(|z| contains(&z.polygon, Point::new(p.x / w as f64, p.y / h as f64)))
        })
    };
    let times: Vec<f64> = (0..(seconds * 10.0) as u32).map(|i| f64::from(i) / 10.0).filter(inside).collect();
    let ends = times.first().copied().zip(times.last().copied());
    let id = zones[0].id;
    let scene = match night {
        Some(how) => by_night(street, seconds, zones, random, how),
        None => shown(street, seconds, zones, random),
    };
    Ok(match ends.filter(|_| closed) {
        Some((onset, end)) => scene.with(IncidentKind::PedestrianOnCarriageway, Some(id), onset, Some(end)),
        None => scene,
    })
}

/// People beside the drawn arterial; their way is closed to them, or only the road is.
pub fn walkers<'a>(random: &mut Pcg64Mcg, closed: bool) -> anyhow::Result<Scene<'a>> {
    let drawn = Drawn { before_s: 30.0, ..Drawn::new(SceneKind::Arterial, 18.0) };
    let before = random.clone();
    let mut scene = drawn.scene(random)?;
    // The rows between the near edge of the cycle track and the far edge of the footway, as lines of the scene say.
    let row = |id: &str, end: usize| -> Option<f64> {
        let at = scene.more.find(&format!("id = {id:?}"))?;
        let numbers = scene.more[at..].split_once("points = ")?.1.split_once('\n')?.0;
        numbers.split([',', '[', ']', ' ']).filter_map(|v| v.parse::<f64>().ok()).nth(2 * end + 1)
    };
    let (low, high) = row("cycle-track", 0).zip(row("footway", 1)).context("the street has other lines")?;
    let corners = [(0.04, low), (0.96, low), (0.96, high), (0.04, high)];
    let zone = if closed {
        Zone::new("path", "carriageway", &corners).closed()
    } else {
        Zone::new(
            "road",
            "carriageway",
            &[(0.0, high - 0.03), (1.0, high - 0.03), (1.0, high - 0.15), (0.0, high - 0.15)],
        )
        .closed()
    };
    let (times, _) = drawn.people(&before, &zone.polygon)?;
    if let Some((onset, end)) = times.first().copied().zip(times.last().copied()).filter(|(a, b)| b - a > 3.0)
    {
        scene = scene.with(IncidentKind::PedestrianOnCarriageway, Some(zone.id), onset, Some(end));
        scene.hazards[0].several = true;
    } else if !times.is_empty() {
        scene.tolerated = vec![IncidentKind::PedestrianOnCarriageway];
    }
    scene.zones.push(zone);
    Ok(scene)
}

/// A drawn street with something that it knows to draw.
pub fn drawn_with<'a>(
    kind: SceneKind,
    random: &mut Pcg64Mcg,
    seconds: f64,
    hazard: impl Fn(f64) -> DrawnHazard,
) -> anyhow::Result<Scene<'a>> {
    let hazard = hazard(random.random_range(4.0..7.0));
    let fps = if matches!(hazard, DrawnHazard::WrongWay { .. }) { FAST_FPS } else { FPS };
    Drawn { hazards: vec![hazard], fps, ..Drawn::new(kind, seconds) }.scene(random)
}

/// What lies on the road of a scene, or seems to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Lying {
    /// A thing, its side a share of a car's.
    Thing(Thing, f32),
    /// A shadow that falls there.
    Shadow,
    /// Light that falls there.
    Light,
    /// A wet place.
    Puddle,
    /// Something that blows over the road.
    Leaf,
}

/// Mean side of the vehicles that pass near a row (pixels).
fn car_side(footage: &Footage, y: f32) -> Option<f32> {
    let mut sides = Vec::new();
    for pass in &footage.passes {
        let (first, last) = pass.span();
        let boxes = (0..=20).filter_map(|i| pass.at(first + (last - first) * f64::from(i) / 20.0));
        sides.extend(
            boxes.filter(|b| (b.y2 - y).abs() < 0.07 * footage.size().1 as f32).map(|b| b.area().sqrt()),
        );
    }
    (sides.len() >= 3).then(|| sides.iter().sum::<f32>() / sides.len() as f32)
}

/// Something comes to lie on a lane.
pub fn lies<'a>(
    footage: &'a Footage,
    random: &mut Pcg64Mcg,
    lying: Lying,
    night: Option<Dark>,
) -> anyhow::Result<Scene<'a>> {
    let zones = lanes(footage);
    let (w, h) = footage.size();
    let from_s = random.random_range(9.0..13.0);
    let seconds = from_s + 24.0;
    let mut place = None;
    for _ in 0..400 {
        let p = Point::new(random.random_range(0.06..0.94), random.random_range(0.1..0.93));
        let zone = zones.iter().find(|z| contains(&z.polygon, p));
        let side = car_side(footage, (p.y * h as f64) as f32).filter(|side| *side >= 40.0);
        if let Some((zone, side)) = zone.zip(side) {
            place = Some((p, zone.id, side));
            break;
        }
    }
    let (p, zone, side) = place.context("no place for a thing")?;
    let (x, y) = ((p.x * w as f64) as f32, (p.y * h as f64) as f32);
    let share = if let Lying::Thing(_, share) = lying { share } else { 0.7 };
    let (bw, bh) = (side * share * 1.1, side * share * 0.9);
    let bbox = BBox::new(x - bw / 2.0, y - bh, x + bw / 2.0, y);
    let mut street = Street::new(footage);
    street.kept_free = if matches!(lying, Lying::Thing(..)) { vec![bbox.grown(0.15)] } else { Vec::new() };
    street.fill(random, (-2.0, seconds), usual_traffic(footage), |pass| goes_right(footage, pass));
    lay(&mut street, lying, bbox, from_s, random);
    let ids = zone;
    let scene = match night {
        Some(how) => by_night(street, seconds, zones, random, how),
        None => shown(street, seconds, zones, random),
    };
    Ok(match lying {
        Lying::Thing(..) => scene.with(IncidentKind::ObjectOnRoad, Some(ids), from_s, None),
        _ => scene,
    })
}

fn lay(street: &mut Street<'_>, lying: Lying, bbox: BBox, from_s: f64, random: &mut Pcg64Mcg) {
    let blob = move |x: usize, y: usize| {
        let (w, h) = (bbox.width() * 0.75, bbox.height() * 0.75);
        let c = bbox.centre();
        let (dx, dy) = ((x as f32 - c.x as f32) / w, (y as f32 - c.y as f32) / h);
        ((1.0 - (dx * dx + dy * dy)) * 3.0).clamp(0.0, 1.0)
    };
    match lying {
        Lying::Thing(thing, _) => {
            let placed = Placed::new(thing, bbox, random);
            street.lay_under(move |t, picture| {
                if t >= from_s {
                    placed.draw(picture);
                }
            });
        }
        Lying::Shadow => {
            street.lay_under(move |t, picture| {
                let now = 0.5 * sight::rise(t, from_s, 2.0);
                super::pixels::each(picture, |x, y, v| 16.0 + (v - 16.0) * (1.0 - now * blob(x, y)));
            });
        }
        Lying::Light => {
            street.lay_under(move |t, picture| {
                let now = 0.7 * sight::rise(t, from_s, 2.0);
                super::pixels::each(picture, |x, y, v| v * (1.0 + now * blob(x, y)));
            });
        }
        Lying::Puddle => {
            street.lay_under(move |t, picture| {
                let now = sight::rise(t, from_s, 4.0);
                super::pixels::each(picture, |x, y, v| {
                    let b = now * blob(x, y);
                    16.0 + (v - 16.0) * (1.0 - 0.45 * b) + b * if y % 9 < 2 { 9.0 } else { 0.0 }
                });
            });
        }
        Lying::Leaf => {
            let speed = random.random_range(15.0..40.0_f32);
            street.lay_under(move |t, picture| {
                let x = bbox.x1 - 60.0 + speed * (t - from_s) as f32;
                if t >= from_s {
                    let y = bbox.y1 + 8.0 * (t as f32).sin();
                    veil(picture, (150.0, 110.0, 145.0), |px, py| {
                        let (dx, dy) = (px as f32 - x, py as f32 - y);
                        if dx * dx + 2.0 * dy * dy < 60.0 { 1.0 } else { 0.0 }
                    });
                }
            });
        }
    }
}
