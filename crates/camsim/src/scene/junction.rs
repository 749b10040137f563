//! The junction: four arms with signals, crossings and cycle crossings with a green of their own, seen from
//! a mast at the south-western corner. North is y. Left turns have their own green: so one lane at a time
//! goes over each line, and none hides another there.

use nalgebra::Vector3;
use wayside_types::ZoneKind;

use super::SceneSpec;
use super::layout::{
    self, BICYCLES, CARS, CENTRE, Demand, GroundLine, GroundZone, HazardSpots, Lane, Layout, MOTOR,
    SignalHead, Signals, WALKERS,
};
use super::path::{Ground, Path};
use crate::draw::camera::World;
use crate::draw::canvas::Drawable;
use crate::draw::figure::Card;
use crate::draw::fleet::props;
use crate::draw::paint::{self, Rgb};
use crate::error::CamsimError;

/// Middles of the two lanes of a direction, metres from the middle of the road.
const INNER: f64 = 1.75;
const OUTER: f64 = 5.0;
/// Half the width of a road.
const HALF: f64 = 6.8;
/// Where the stop lines, the counting lines and the far ends lie, metres from the middle.
const STOP: f64 = 14.2;
const COUNT: f64 = 12.9;
const END: f64 = 75.0;
/// Lines lie this much nearer to the camera than the lanes they belong to, since the bottom of a vehicle's
/// box is at its near side: so the reference points of every lane are far from a line's ends.
const NEARER: f64 = 1.1;
/// The lines at the corner below the camera go on so far beyond the kerb: a bus, or who cuts the corner, has its
/// reference point there.
const BEYOND: f64 = 1.5;
const SPEED: f64 = 9.5;
const CROSSING: f64 = 10.9;
const CYCLES: f64 = 8.2;

pub(super) fn layout(spec: &SceneSpec) -> Result<Layout, CamsimError> {
    let seed = spec.seed;
    let lanes = lanes();
    Ok(Layout {
        camera: layout::camera(spec, -25.0, -25.0, 9.0, [45.0, 15.0, 58.0]),
        light: layout::daylight((-0.6, -0.2, 0.8), 0.85),
        profile: "intersection",
        hazards: HazardSpots {
            stop: (0, END - STOP - 4.0),
            wrong_way: 6,
            object: (0, END - STOP - 5.0),
            zones: ["south-approach", "south-exit", "south-approach"],
        },
        lanes,
        signals: Signals { greens_s: vec![10.0, 8.0, 10.0, 8.0, 9.0], clearance_s: 4.5 },
        heads: heads(),
        lines: lines(),
        zones: zones(),
        calibration: [(-6.8, -6.8), (6.8, -6.8), (6.8, 6.8), (-6.8, 6.8), (0.0, -14.2), (-14.2, 0.0)]
            .map(|(x, y)| Ground::new(x, y))
            .into(),
        surface: Box::new(move |p| surface(p, seed)),
        standing: standing()?,
        caption: (0.012, 0.02),
    })
}

/// Turns a place of the southern arm to another arm: 0 south, 1 east, 2 north, 3 west.
fn turned(arm: usize, x: f64, y: f64) -> Ground {
    match arm {
        0 => Ground::new(x, y),
        1 => Ground::new(-y, x),
        2 => Ground::new(-x, -y),
        _ => Ground::new(y, -x),
    }
}

fn lanes() -> Vec<Lane> {
    let mut lanes = Vec::new();
    let names = ["from south", "from east", "from north", "from west"];
    for (arm, name) in names.into_iter().enumerate() {
        let at = |x: f64, y: f64| turned(arm, x, y);
        let through = Path::new(vec![at(OUTER, -END), at(OUTER, END)]);
        // Wide enough for opposite left turns to pass each other.
        let left = Path::bend(at(INNER, -END), at(INNER, INNER), at(-END, INNER), 13.0, 13.0);
        let right = Path::bend(at(OUTER, -END), at(OUTER, -OUTER), at(END, -OUTER), 8.0, 8.0);
        let share = if arm % 2 == 0 { 1.0 } else { 0.8 };
        let ahead = arm % 2 * 2;
        // Who waits to turn left stands between the camera and the lane that goes then: nobody tall does.
        for (path, per_hour, mix, group) in
            [(through, 130.0, CENTRE, ahead), (left, 80.0, CARS, ahead + 1), (right, 55.0, CENTRE, ahead)]
        {
            lanes.push(Lane {
                name,
                path,
                demand: Demand { per_hour: per_hour * share, mix, speed: SPEED },
                stop: Some((END - STOP, group)),
                spaced: false,
            });
        }
    }
    for arm in 0..4 {
        let wait = 26.0 - HALF - 2.0;
        let at = |x: f64, y: f64| turned(arm, x, y);
        let walk = |from: f64, to: f64, y: f64| Path::new(vec![at(from, y), at(to, y)]);
        let foot = Demand { per_hour: 40.0, mix: WALKERS, speed: 1.5 };
        let ride = Demand { per_hour: 45.0, mix: BICYCLES, speed: 4.2 };
        let lane = |name, path, demand| Lane { name, path, demand, stop: Some((wait, 4)), spaced: false };
        lanes.push(lane("crossing", walk(-26.0, 26.0, -CROSSING - 0.5), foot));
        lanes.push(lane("crossing back", walk(26.0, -26.0, -CROSSING + 0.5), foot));
        // Who waited to ride over the western arm would stand before those who wait at the northern stop line.
        if arm != 3 {
            lanes.push(lane("cycle crossing", walk(-26.0, 26.0, -CYCLES), ride));
        }
    }
    lanes
}

fn lines() -> Vec<GroundLine> {
    let ids = [
        ("south-in", "south-out"),
        ("east-in", "east-out"),
        ("north-in", "north-out"),
        ("west-in", "west-out"),
    ];
    let mut lines = Vec::new();
    for (arm, (inwards, outwards)) in ids.into_iter().enumerate() {
        // Towards the camera, which looks north-east.
        let nearer = if arm < 2 { -NEARER } else { NEARER };
        // The far arms' lines end at the kerb: two cars that wait side by side there are one box to the
        // detector, whose bottom trembles just beyond.
        let end = |x: f64| if arm == 1 || arm == 2 { (x + nearer).clamp(-HALF, HALF) } else { x + nearer };
        let line = |id, from: f64, to: f64| GroundLine {
            id,
            points: [turned(arm, end(from), -COUNT), turned(arm, end(to), -COUNT)],
            groups: &[MOTOR],
        };
        // Forward is into the junction on the one, out of it on the other.
        let beyond = |nearest: usize| if arm == nearest { BEYOND } else { 0.0 };
        lines.push(line(inwards, HALF + beyond(3), 0.15));
        lines.push(line(outwards, -HALF - beyond(0), -0.15));
    }
    lines
}

fn zones() -> Vec<GroundZone> {
    let mut zones = Vec::new();
    for (arm, id) in [(0, "south-approach"), (3, "west-approach")] {
        let at = |x: f64, y: f64| turned(arm, x, y);
        let queue = if arm == 0 { "south-queue" } else { "west-queue" };
        let polygon = vec![at(0.0, -14.5), at(0.0, -20.0), at(HALF, -20.0), at(HALF, -14.5)];
        let heading = Some([at(3.4, -19.0), at(3.4, -15.0)]);
        zones.push(GroundZone {
            id,
            kind: ZoneKind::Lane,
            polygon: polygon.clone(),
            heading,
            closed_to: &[],
        });
        zones.push(GroundZone { id: queue, kind: ZoneKind::Queue, polygon, heading: None, closed_to: &[] });
    }
    let exit = |x: f64, y: f64| turned(0, x, y);
    zones.push(GroundZone {
        id: "south-exit",
        kind: ZoneKind::Lane,
        polygon: vec![exit(-HALF, -14.5), exit(-HALF, -18.5), exit(0.0, -18.5), exit(0.0, -14.5)],
        heading: Some([exit(-3.4, -15.0), exit(-3.4, -18.0)]),
        closed_to: &[],
    });
    for (arm, id) in [(0, "south-crossing"), (3, "west-crossing")] {
        let at = |x: f64, y: f64| turned(arm, x, y);
        let (near, far) = (-CROSSING + 1.5, -CROSSING - 1.5);
        let polygon = vec![at(-HALF, near), at(-HALF, far), at(HALF, far), at(HALF, near)];
        zones.push(GroundZone { id, kind: ZoneKind::Crossing, polygon, heading: None, closed_to: &[] });
    }
    zones
}

fn standing() -> Result<Vec<Box<dyn Drawable>>, CamsimError> {
    let mut standing: Vec<Box<dyn Drawable>> = Vec::new();
    let (east, north) = (Vector3::new(1.0, 0.0, 0.0), Vector3::new(0.0, -1.0, 0.0));
    let houses = [
        ("house-2", props::HOUSE_2, (14.0, 34.0), east, (22.0, 18.2)),
        ("house-1", props::HOUSE_1, (37.0, 34.0), east, (18.0, 15.0)),
        ("house-4", props::HOUSE_4, (34.0, 64.0), north, (26.0, 21.4)),
        ("house-1", props::HOUSE_1, (-32.0, 34.0), east, (18.0, 15.0)),
        ("house-3", props::HOUSE_3, (-50.0, 34.0), east, (16.0, 11.8)),
        ("house-3", props::HOUSE_3, (34.0, -14.0), north, (16.0, 11.8)),
        ("house-2", props::HOUSE_2, (34.0, -31.0), north, (22.0, 18.2)),
    ];
    for (name, svg, (x, y), along, size) in houses {
        standing.push(Box::new(Card::new(name, svg, World::new(x, y, 0.0), along, size)?));
    }
    let face = Vector3::new(1.0, -1.0, 0.0);
    let trees = [
        (18.0, 22.0),
        (24.0, 18.0),
        (-20.0, 22.0),
        (-30.0, 20.0),
        (22.0, -20.0),
        (20.0, -32.0),
        (30.0, 30.0),
    ];
    for (i, (x, y)) in trees.into_iter().enumerate() {
        let (name, svg, size) = match i % 3 {
            0 => ("tree-1", props::TREE_1, (6.4, 8.6)),
            1 => ("tree-3", props::TREE_3, (7.2, 9.8)),
            _ => ("tree-2", props::TREE_2, (5.4, 7.4)),
        };
        standing.push(Box::new(Card::new(name, svg, World::new(x, y, 0.0), face, size)?));
    }
    Ok(standing)
}

/// One head an arm, on the side of it that is away from the camera, so that no mast hides who crosses a
/// line, and turned to the camera, so that the picture shows what it shows.
fn heads() -> Vec<SignalHead> {
    [(8.6, -14.6), (14.6, 8.6), (8.6, 14.6), (-14.6, 8.6)]
        .into_iter()
        .enumerate()
        .map(|(arm, (x, y))| SignalHead {
            foot: World::new(x, y, 0.0),
            along: Vector3::new(1.0, -1.0, 0.0),
            group: arm % 2 * 2,
        })
        .collect()
}

fn surface(p: Ground, seed: u64) -> Rgb {
    let (x, y) = (p.x.abs(), p.y.abs());
    // On an arm: distance from the road's middle and from the junction's.
    let (across, along) = if y > x { (p.x, y) } else { (p.y, x) };
    let asphalt = paint::asphalt(p, seed);
    let on_road = x.min(y) < HALF || corner(x, y);
    if !on_road {
        return beside(p, x, y, seed);
    }
    let white = || paint::marking(asphalt, p, seed);
    let side = across.abs();
    if along > STOP {
        // Entering traffic keeps to the right: its half of the arm depends on the arm.
        let entering = if y > x { p.x * p.y < 0.0 } else { p.x * p.y > 0.0 };
        let stop = entering && along < STOP + 0.45 && side < HALF - 0.2;
        let middle = side < 0.09 || (0.22..0.34).contains(&side) && along < 40.0;
        let between = (side - 3.4).abs() < 0.07 && (along < 30.0 || paint::dashed(along, 3.0, 9.0));
        return if stop || middle || between { white() } else { asphalt };
    }
    let zebra = (along - CROSSING).abs() < 1.5 && (across + 100.0).rem_euclid(1.0) < 0.5 && side < HALF;
    let cycle_edge =
        ((along - CYCLES).abs() - 0.95).abs() < 0.06 && paint::dashed(across, 0.5, 1.0) && side < HALF;
    if zebra || cycle_edge {
        return white();
    }
    if (along - CYCLES).abs() < 0.95 && side < HALF {
        return paint::over(asphalt, [150.0, 92.0, 78.0], 0.3);
    }
    asphalt
}

/// The rounded corner between two arms.
fn corner(x: f64, y: f64) -> bool {
    const RADIUS: f64 = 5.0;
    let (dx, dy) = (HALF + RADIUS - x, HALF + RADIUS - y);
    dx > 0.0 && dy > 0.0 && dx.hypot(dy) > RADIUS
}

fn beside(p: Ground, x: f64, y: f64, seed: u64) -> Rgb {
    let from_kerb = x.min(y) - HALF;
    match from_kerb {
        d if d < 0.25 => paint::kerb(p, seed),
        d if d < 6.0 => paint::paving(p, seed),
        d if d < 22.0 && p.x < 0.0 => paint::grass(p, seed),
        d if d < 14.0 => paint::grass(p, seed),
        _ => paint::paving(p, seed + 3),
    }
}
