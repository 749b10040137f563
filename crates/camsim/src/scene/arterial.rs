//! The arterial: two carriageways of two lanes with a median, a cycle track and a footway on either
//! side, seen from the side from a mast of 8.5 m. Traffic near the camera goes to the right.

use nalgebra::Vector3;
use wayside_types::ZoneKind;

use super::SceneSpec;
use super::layout::{
    self, BICYCLES, CYCLISTS, Demand, GroundLine, GroundZone, HazardSpots, Lane, Layout, MOTOR, NO_LORRIES,
    ON_FOOT, Signals, TOWN, WALKERS, rectangle,
};
use super::path::{Ground, Path};
use crate::draw::camera::World;
use crate::draw::canvas::Drawable;
use crate::draw::figure::Card;
use crate::draw::fleet::props;
use crate::draw::paint::{self, Rgb};
use crate::error::CamsimError;

/// Middles of the lanes, metres from the mast.
const EAST: [f64; 2] = [19.9, 23.3];
const WEST: [f64; 2] = [29.3, 32.7];
/// Nearest of all: the default detector tells a bicycle from its rider only where both are large.
const NEAR_TRACK: f64 = 13.4;
const NEAR_FOOTWAY: f64 = 16.0;
const FAR_TRACK: f64 = 36.4;
/// Half the length of what is simulated.
const REACH: f64 = 52.0;
const SPEED: f64 = 12.5;

pub(super) fn layout(spec: &SceneSpec) -> Result<Layout, CamsimError> {
    let seed = spec.seed;
    Ok(Layout {
        camera: layout::camera(spec, 0.0, 0.0, 8.5, [0.0, 19.0, 54.0]),
        light: layout::daylight((-0.5, -0.45, 0.8), 0.85),
        profile: "arterial",
        lanes: lanes(),
        signals: Signals::default(),
        heads: Vec::new(),
        lines: lines(),
        zones: zones(),
        calibration: [(-7.5, 17.8), (7.5, 17.8), (13.0, 25.4), (-13.0, 25.4), (-16.0, 34.8), (16.0, 34.8)]
            .map(|(x, y)| Ground::new(x, y))
            .into(),
        hazards: HazardSpots {
            stop: (0, REACH - 2.0),
            wrong_way: 1,
            object: (1, REACH + 4.0),
            zones: ["eastbound", "eastbound", "eastbound"],
        },
        surface: Box::new(move |p| surface(p, seed)),
        standing: standing()?,
        caption: (0.012, 0.94),
    })
}

fn lanes() -> Vec<Lane> {
    let motor = |name, y: f64, to: f64, mix, per_hour| Lane {
        name,
        path: Path::straight((-REACH * to, y), (REACH * to, y)),
        demand: Demand { per_hour, mix, speed: SPEED },
        stop: None,
        spaced: true,
    };
    let slow = |name, y: f64, to: f64, demand| Lane {
        name,
        path: Path::straight((-24.0 * to, y), (24.0 * to, y)),
        demand,
        stop: None,
        spaced: true,
    };
    let ride = |per_hour| Demand { per_hour, mix: BICYCLES, speed: 4.6 };
    let walk = |per_hour| Demand { per_hour, mix: WALKERS, speed: 1.35 };
    vec![
        motor("east, kerb", EAST[0], 1.0, TOWN, 560.0),
        motor("east, median", EAST[1], 1.0, TOWN, 480.0),
        // The default detector hardly sees the drawn lorries at this distance.
        motor("west, median", WEST[0], -1.0, NO_LORRIES, 480.0),
        motor("west, kerb", WEST[1], -1.0, NO_LORRIES, 560.0),
        slow("cycle track", NEAR_TRACK, 1.0, ride(150.0)),
        slow("far cycle track", FAR_TRACK, -1.0, ride(90.0)),
        slow("footway, east", NEAR_FOOTWAY + 0.4, 1.0, walk(60.0)),
        slow("footway, west", NEAR_FOOTWAY - 0.5, -1.0, walk(60.0)),
        slow("far footway", 38.9, -1.0, walk(70.0)),
    ]
}

fn lines() -> Vec<GroundLine> {
    let line = |id, x: f64, y: (f64, f64), groups| GroundLine {
        id,
        points: [Ground::new(x, y.0), Ground::new(x, y.1)],
        groups,
    };
    vec![
        // Forward is to the right of the picture.
        line("eastbound", -3.0, (17.7, 24.8), &[MOTOR]),
        // Forward is to the left.
        line("westbound", 4.0, (34.4, 27.2), &[MOTOR]),
        // One way.
        line("cycle-track", -1.5, (12.4, 14.5), &[CYCLISTS]),
        line("footway", 2.0, (14.8, 17.4), &[ON_FOOT]),
    ]
}

fn zones() -> Vec<GroundZone> {
    let lane = |id, x: f64, y: (f64, f64), heading: [f64; 2]| GroundZone {
        id,
        kind: ZoneKind::Lane,
        polygon: rectangle((-x, x), y),
        heading: Some(heading.map(|x| Ground::new(x, (y.0 + y.1) / 2.0))),
        closed_to: &[],
    };
    vec![
        lane("eastbound", 8.6, (18.1, 25.0), [-7.0, 7.0]),
        lane("westbound", 13.0, (27.5, 34.5), [11.0, -11.0]),
    ]
}

fn standing() -> Result<Vec<Box<dyn Drawable>>, CamsimError> {
    let mut standing: Vec<Box<dyn Drawable>> = Vec::new();
    let along = Vector3::new(1.0, 0.0, 0.0);
    let houses = [
        ("house-2", props::HOUSE_2, -62.0, (22.0, 18.2)),
        ("house-1", props::HOUSE_1, -38.0, (18.0, 15.0)),
        ("house-4", props::HOUSE_4, -19.0, (26.0, 21.4)),
        ("house-3", props::HOUSE_3, 9.0, (16.0, 11.8)),
        ("house-2", props::HOUSE_2, 26.0, (22.0, 18.2)),
        ("house-1", props::HOUSE_1, 49.0, (18.0, 15.0)),
    ];
    for (name, svg, x, size) in houses {
        standing.push(Box::new(Card::new(name, svg, World::new(x, 46.0, 0.0), along, size)?));
    }
    for (i, x) in [-33.0, -21.0, -9.5, 4.0, 15.0, 27.0].into_iter().enumerate() {
        let (name, svg, size) = match i % 3 {
            0 => ("tree-1", props::TREE_1, (6.4, 8.6)),
            1 => ("tree-2", props::TREE_2, (5.4, 7.4)),
            _ => ("tree-3", props::TREE_3, (7.2, 9.8)),
        };
        standing.push(Box::new(Card::new(name, svg, World::new(x, 41.6, 0.0), along, size)?));
    }
    Ok(standing)
}

fn surface(p: Ground, seed: u64) -> Rgb {
    let y = p.y;
    let edge = |at: f64| (y - at).abs() < 0.09;
    let asphalt = paint::asphalt(p, seed);
    let road = |from: f64, to: f64, middle: f64| {
        let broken = (y - middle).abs() < 0.07 && paint::dashed(p.x, 3.0, 9.0);
        if edge(from + 0.25) || edge(to - 0.25) || broken {
            paint::marking(asphalt, p, seed)
        } else {
            asphalt
        }
    };
    match y {
        _ if y < 12.2 => paint::grass(p, seed),
        _ if y < 14.6 => track(p, !(12.32..=14.48).contains(&y), seed),
        _ if y < 14.8 => paint::kerb(p, seed),
        _ if y < 17.4 => paint::paving(p, seed),
        _ if y < 17.7 => paint::kerb(p, seed),
        _ if y < 25.1 => road(17.7, 25.1, 21.6),
        _ if y < 25.4 || (y > 27.0 && y < 27.3) => paint::over(asphalt, [80.0, 82.0, 80.0], 0.3),
        _ if y < 27.0 => paint::grass(p, seed + 5),
        _ if y < 34.7 => road(27.3, 34.7, 31.0),
        _ if y < 35.0 => paint::kerb(p, seed),
        _ if y < 37.4 => track(p, !(35.15..=37.25).contains(&y), seed),
        _ if y < 40.4 => paint::paving(p, seed),
        _ if y < 44.0 => paint::grass(p, seed + 9),
        _ => paint::paving(p, seed + 2),
    }
}

/// A cycle track of pale reddish asphalt, on which the dark wheels stand out.
fn track(p: Ground, line: bool, seed: u64) -> Rgb {
    let red = paint::over(paint::asphalt(p, seed + 4), [196.0, 164.0, 148.0], 0.75);
    if line { paint::marking(red, p, seed) } else { red }
}
