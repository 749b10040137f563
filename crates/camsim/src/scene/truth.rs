//! What really happened on a scene. A road user's reference point is the projected middle of the bottom
//! edge of its box, the box being drawn around the projection of its outline: the same point that a
//! perfect detector would give. A line is crossed when that point's way from one frame to the next
//! cuts the segment in the image; the ground truth needs no picture.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;
use wayside_types::{Direction, Line, Point, RoadUserClass};

use super::layout::Layout;
use super::path::Ground;
use super::stage::Stage;
use super::traffic::Part;
use crate::draw::camera::{Camera, Pixel, World};

/// Truth of a recording, in the form that the scorer reads.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Truth {
    /// The camera's id.
    pub camera: String,
    /// Complete crossings.
    pub counts: Vec<CountTruth>,
    /// Speeds at the lines.
    pub speeds: Vec<SpeedTruth>,
    /// From line to line.
    pub movements: Vec<MovementTruth>,
    /// What went wrong on request.
    pub incidents: Vec<IncidentTruth>,
}

/// Crossings of one line in one direction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CountTruth {
    /// The line's id.
    pub line: &'static str,
    /// The direction.
    pub direction: Direction,
    /// The classes that are counted together.
    pub classes: Vec<RoadUserClass>,
    /// How many.
    pub count: u32,
    /// The same, class by class.
    pub by_class: BTreeMap<RoadUserClass, u32>,
}

/// Speeds of motor vehicles at one line in one direction.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SpeedTruth {
    /// The line's id.
    pub line: &'static str,
    /// The direction.
    pub direction: Direction,
    /// How many vehicles.
    pub n: usize,
    /// Their mean speed.
    pub mean_kmh: f64,
    /// The speed that 85 % do not exceed (nearest rank).
    pub p85_kmh: f64,
}

/// Motor vehicles that came over one line and left over another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MovementTruth {
    /// First line.
    pub from: &'static str,
    /// Last line.
    pub to: &'static str,
    /// The classes that are counted together.
    pub classes: Vec<RoadUserClass>,
    /// How many.
    pub count: u32,
}

/// Something that went wrong.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IncidentTruth {
    /// One of the incident kinds.
    pub kind: &'static str,
    /// The zone it happened in; none for the whole view.
    pub zone: Option<&'static str>,
    /// When its condition began.
    pub start_s: f64,
    /// When it ended; `None` if it had not.
    pub end_s: Option<f64>,
}

/// One crossing, for tests and for finding a quiet moment to end at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Crossing {
    /// Who, counted from 1 in this scene.
    pub actor: u64,
    /// Its class.
    pub class: RoadUserClass,
    /// Index of the line.
    pub line: usize,
    /// Which way.
    pub direction: Direction,
    /// When.
    pub at_s: f64,
    /// How fast, m/s.
    pub speed: f64,
    /// The place of the reference point's crossing in the image, in pixels.
    pub place: Point,
}

/// Watches a stage and writes down what happens.
pub struct Recorder {
    lines: Vec<[Point; 2]>,
    last: HashMap<u64, (Pixel, f64)>,
    crossings: Vec<Crossing>,
    incidents: Vec<IncidentTruth>,
    open: HashSet<&'static str>,
}

impl Recorder {
    /// Nothing has happened yet.
    #[must_use]
    pub fn new(layout: &Layout) -> Self {
        Self {
            lines: layout.lines.iter().map(|line| image_line(&layout.camera, &line.points)).collect(),
            last: HashMap::new(),
            crossings: Vec::new(),
            incidents: Vec::new(),
            open: HashSet::new(),
        }
    }

    /// Looks at the stage before its next frame is drawn.
    pub fn look(&mut self, stage: &Stage, layout: &Layout) {
        let now = stage.time_s();
        let mut seen = HashMap::new();
        let mut happening: Vec<(&'static str, Option<&'static str>)> = Vec::new();
        let [stop_zone, wrong_zone, object_zone] = layout.hazards.zones;
        for (actor, pose, reference) in stage.sightings() {
            match actor.part {
                Part::Stops { at_m, .. } if actor.speed < 0.3 && (actor.way_m - at_m).abs() < 4.0 => {
                    happening.push(("stopped_vehicle", Some(stop_zone)));
                }
                Part::WrongWay if in_zone(layout, wrong_zone, Ground::new(pose.x, pose.y)) => {
                    happening.push(("wrong_way", Some(wrong_zone)));
                }
                _ => {}
            }
            let Some(reference) = reference else { continue };
            if let Some((before, then)) = self.last.get(&actor.id).copied() {
                let from_to = [before, reference].map(|p| Point::new(p.x, p.y));
                for (line, segment) in self.lines.iter().enumerate() {
                    let Some((share, direction)) = crossing(segment, &from_to) else { continue };
                    self.crossings.push(Crossing {
                        actor: actor.id,
                        class: actor.class,
                        line,
                        direction,
                        at_s: then + (now - then) * share,
                        speed: actor.speed,
                        place: Point::new(
                            from_to[0].x + (from_to[1].x - from_to[0].x) * share,
                            from_to[0].y + (from_to[1].y - from_to[0].y) * share,
                        ),
                    });
                }
            }
            seen.insert(actor.id, (reference, now));
        }
        self.last = seen;
        if stage.object().is_some() {
            happening.push(("object_on_road", Some(object_zone)));
        }
        if stage.fog() >= 0.5 {
            happening.push(("low_visibility", None));
        }
        self.note(&happening, now);
    }

    fn note(&mut self, happening: &[(&'static str, Option<&'static str>)], now: f64) {
        for &(kind, zone) in happening {
            if self.open.insert(kind) {
                self.incidents.push(IncidentTruth { kind, zone, start_s: round(now), end_s: None });
            }
        }
        let ended: Vec<_> =
            self.open.iter().copied().filter(|k| happening.iter().all(|(kind, _)| kind != k)).collect();
        for kind in ended {
            self.open.remove(kind);
            if let Some(incident) = self.incidents.iter_mut().rev().find(|i| i.kind == kind) {
                incident.end_s = Some(round(now));
            }
        }
    }

    /// All crossings so far, in order of time.
    #[must_use]
    pub fn crossings(&self) -> &[Crossing] {
        &self.crossings
    }

    /// Sums up.
    #[must_use]
    pub fn truth(&self, camera: &str, layout: &Layout) -> Truth {
        let mut counts = Vec::new();
        let mut speeds = Vec::new();
        for (index, line) in layout.lines.iter().enumerate() {
            for direction in [Direction::Forward, Direction::Backward] {
                let here: Vec<&Crossing> =
                    self.crossings.iter().filter(|c| c.line == index && c.direction == direction).collect();
                for group in line.groups {
                    let mut by_class = BTreeMap::new();
                    for crossing in here.iter().filter(|c| group.contains(&c.class)) {
                        *by_class.entry(crossing.class).or_insert(0) += 1;
                    }
                    counts.push(CountTruth {
                        line: line.id,
                        direction,
                        classes: group.to_vec(),
                        count: by_class.values().sum(),
                        by_class,
                    });
                }
                speeds.extend(speed_truth(line.id, direction, &here));
            }
        }
        Truth {
            camera: camera.to_owned(),
            counts,
            speeds,
            movements: self.movements(layout),
            incidents: self.incidents.clone(),
        }
    }

    fn movements(&self, layout: &Layout) -> Vec<MovementTruth> {
        let mut by_actor: BTreeMap<u64, Vec<&Crossing>> = BTreeMap::new();
        for crossing in self.crossings.iter().filter(|c| c.class.is_motor_vehicle()) {
            by_actor.entry(crossing.actor).or_default().push(crossing);
        }
        let mut movements: BTreeMap<(usize, usize), u32> = BTreeMap::new();
        for crossings in by_actor.values() {
            if let [first, .., last] = crossings[..] {
                *movements.entry((first.line, last.line)).or_default() += 1;
            }
        }
        movements
            .into_iter()
            .map(|((from, to), count)| MovementTruth {
                from: layout.lines[from].id,
                to: layout.lines[to].id,
                classes: super::layout::MOTOR.to_vec(),
                count,
            })
            .collect()
    }
}

fn speed_truth(line: &'static str, direction: Direction, here: &[&Crossing]) -> Option<SpeedTruth> {
    let mut kmh: Vec<f64> =
        here.iter().filter(|c| c.class.is_motor_vehicle()).map(|c| c.speed * 3.6).collect();
    if kmh.is_empty() {
        return None;
    }
    kmh.sort_by(f64::total_cmp);
    let rank = (kmh.len() * 85).div_ceil(100) - 1;
    let mean = kmh.iter().sum::<f64>() / kmh.len() as f64;
    Some(SpeedTruth { line, direction, n: kmh.len(), mean_kmh: round(mean), p85_kmh: round(kmh[rank]) })
}

fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// A line's ends in pixels.
pub(super) fn image_line(camera: &Camera, ends: &[Ground; 2]) -> [Point; 2] {
    ends.map(|end| {
        let (pixel, _) = camera.project_with_depth(World::new(end.x, end.y, 0.0));
        Point::new(pixel.x, pixel.y)
    })
}

/// Whether a way cuts a line: the share of the way before the cut, and the direction.
fn crossing(line: &[Point; 2], way: &[Point; 2]) -> Option<(f64, Direction)> {
    let [a, b] = *line;
    let [p, q] = *way;
    let (before, after) = (Line::side(a, b, p), Line::side(a, b, q));
    if (before < 0.0) == (after < 0.0) {
        return None;
    }
    // The line's ends must lie on different sides of the way.
    if (Line::side(p, q, a) < 0.0) == (Line::side(p, q, b) < 0.0) {
        return None;
    }
    let direction = if before < 0.0 { Direction::Forward } else { Direction::Backward };
    Some((before / (before - after), direction))
}

fn in_zone(layout: &Layout, id: &str, place: Ground) -> bool {
    let Some(zone) = layout.zones.iter().find(|zone| zone.id == id) else { return false };
    let polygon = &zone.polygon;
    let mut inside = false;
    for (a, b) in polygon.iter().zip(polygon.iter().cycle().skip(1)) {
        if (a.y > place.y) != (b.y > place.y) && place.x < a.x + (place.y - a.y) / (b.y - a.y) * (b.x - a.x) {
            inside = !inside;
        }
    }
    inside
}
