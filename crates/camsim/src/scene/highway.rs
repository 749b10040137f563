//! The highway: two carriageways of two lanes with hard shoulders and guard rails, seen from a mast on
//! the right verge, obliquely along the road: the default detector knows lorries and buses from their
//! sides and takes their drawn rears for something else. The near carriageway goes away, the far comes.

use nalgebra::Vector3;
use wayside_types::{RoadUserClass, ZoneKind};

use super::SceneSpec;
use super::layout::{
    self, Demand, GroundLine, GroundZone, HazardSpots, LONG, Lane, Layout, MOTOR, Signals, rectangle,
};
use super::path::{Ground, Path};
use crate::draw::camera::World;
use crate::draw::canvas::Drawable;
use crate::draw::figure::Card;
use crate::draw::fleet::props;
use crate::draw::paint::{self, Rgb};
use crate::error::CamsimError;

/// Where the lines lie, metres along the road.
const LINE: f64 = 17.0;
const FAR: f64 = 170.0;
const NEAR: f64 = -30.0;
/// Middles of the lanes, metres from the middle of the median.
const LANES: [f64; 2] = [3.0, 6.7];

pub(super) fn layout(spec: &SceneSpec) -> Result<Layout, CamsimError> {
    let seed = spec.seed;
    Ok(Layout {
        camera: layout::camera(spec, 16.5, -6.0, 8.5, [-40.0, 16.0, 54.0]),
        light: layout::daylight((-0.55, 0.25, 0.8), 0.8),
        profile: "highway",
        lanes: lanes(),
        signals: Signals::default(),
        heads: Vec::new(),
        lines: lines(),
        zones: zones(),
        calibration: [(8.5, 16.0), (1.2, 12.0), (-8.5, 10.0), (-8.5, 40.0), (1.2, 40.0), (8.5, 24.0)]
            .map(|(x, y)| Ground::new(x, y))
            .into(),
        hazards: HazardSpots {
            stop: (1, 26.0 - NEAR),
            wrong_way: 1,
            object: (1, 22.0 - NEAR),
            zones: ["away", "away", "away"],
        },
        surface: Box::new(move |p| surface(p, seed)),
        standing: standing()?,
        caption: (0.012, 0.02),
    })
}

fn lanes() -> Vec<Lane> {
    let lane = |name, x: f64, away: bool, speed, per_hour| Lane {
        name,
        path: if away { Path::straight((x, NEAR), (x, FAR)) } else { Path::straight((x, FAR), (x, NEAR)) },
        demand: Demand { per_hour, mix: LONG, speed },
        stop: None,
        spaced: true,
    };
    vec![
        lane("away, fast", LANES[0], true, 23.5, 330.0),
        lane("away, slow", LANES[1], true, 20.5, 400.0),
        lane("towards, fast", -LANES[0], false, 23.5, 330.0),
        lane("towards, slow", -LANES[1], false, 20.5, 400.0),
    ]
}

fn lines() -> Vec<GroundLine> {
    let line = |id, from: f64, to: f64| GroundLine {
        id,
        points: [Ground::new(from, LINE), Ground::new(to, LINE)],
        groups: &[MOTOR],
    };
    // Forward is away from the camera on the right, towards it on the left.
    vec![line("away", 9.6, 0.9), line("towards", -9.6, -0.9)]
}

fn zones() -> Vec<GroundZone> {
    let people: &[RoadUserClass] = &[RoadUserClass::Pedestrian, RoadUserClass::Bicycle];
    let lane = |id, x: (f64, f64), heading: [f64; 2]| GroundZone {
        id,
        kind: ZoneKind::Lane,
        polygon: rectangle(x, (13.0, 48.0)),
        heading: Some(heading.map(|y| Ground::new((x.0 + x.1) / 2.0, y))),
        closed_to: people,
    };
    let carriageway = |id, x: (f64, f64)| GroundZone {
        id,
        kind: ZoneKind::Carriageway,
        polygon: rectangle(x, (13.5, 47.0)),
        heading: None,
        closed_to: people,
    };
    vec![
        lane("away", (1.2, 8.5), [16.0, 40.0]),
        lane("towards", (-8.5, -1.2), [40.0, 16.0]),
        carriageway("away-all", (1.2, 8.5)),
        carriageway("towards-all", (-8.5, -1.2)),
    ]
}

fn standing() -> Result<Vec<Box<dyn Drawable>>, CamsimError> {
    let mut standing: Vec<Box<dyn Drawable>> = Vec::new();
    let ahead = Vector3::new(0.0, 1.0, 0.0);
    // Each begins where the whole of it is in front of the camera.
    for (x, start) in [(-0.25, -12.0), (0.25, -12.0), (-11.6, -12.0), (11.6, 4.0)] {
        for piece in 0..4 {
            let foot = World::new(x, start + f64::from(piece) * 40.0, 0.0);
            standing.push(Box::new(Card::new("barrier", props::BARRIER, foot, ahead, (40.0, 0.8))?));
        }
    }
    let across = Vector3::new(1.0, 0.0, 0.0);
    for i in 0..34u32 {
        let side = if i % 2 == 0 { 1.0 } else { -1.0 };
        let y = 34.0 + f64::from(i) * 5.3;
        let x = side * (17.5 + f64::from(i * 7 % 5) * 2.2);
        let (name, svg, size) = match i % 3 {
            0 => ("tree-3", props::TREE_3, (7.2, 9.8)),
            1 => ("tree-2", props::TREE_2, (5.4, 7.4)),
            _ => ("tree-1", props::TREE_1, (6.4, 8.6)),
        };
        standing.push(Box::new(Card::new(name, svg, World::new(x - 3.0, y, 0.0), across, size)?));
    }
    Ok(standing)
}

fn surface(p: Ground, seed: u64) -> Rgb {
    let x = p.x.abs();
    let at = |middle: f64, half: f64| (x - middle).abs() < half;
    let asphalt = paint::asphalt(Ground::new(p.x, p.y / 3.0), seed);
    let worn = if at(2.2, 0.3) || at(3.8, 0.3) || at(5.9, 0.3) || at(7.5, 0.3) { 0.93 } else { 1.0 };
    let asphalt = asphalt.map(|c| c * worn);
    let solid = at(1.15, 0.09) || at(8.65, 0.11);
    let broken = at(4.85, 0.08) && paint::dashed(p.y, 6.0, 15.0);
    match x {
        _ if x < 0.8 => paint::over(paint::grass(p, seed), paint::asphalt(p, seed), 0.4),
        _ if x < 11.0 && (solid || broken) => paint::marking(asphalt, p, seed),
        _ if x < 11.0 => asphalt,
        _ if x < 12.0 => paint::over(paint::grass(p, seed), [150.0, 144.0, 130.0], 0.5),
        _ => paint::grass(p, seed),
    }
}
