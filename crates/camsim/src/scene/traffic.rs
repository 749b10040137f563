//! Who is where: arrivals from the seed, car following (IDM: Treiber, Hennecke, Helbing, Phys. Rev. E 62,
//! 2000), signals, and the hazards on request. It steps at the frame rate and knows nothing of pictures.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use wayside_types::RoadUserClass;

use super::layout::{Lane, Layout};
use super::path::{Ground, Path};
use super::{Hazard, SceneSpec};
use crate::draw::body::Pose;
use crate::draw::cast::Look;

/// IDM: acceleration and comfortable braking in m/s², time gap in s, distance at rest in m.
const ACCELERATE: f64 = 1.7;
const BRAKE: f64 = 2.4;
const TIME_GAP_S: f64 = 1.3;
const REST_GAP_M: f64 = 2.2;
/// Nobody looks further ahead.
const LOOK_AHEAD_M: f64 = 70.0;
/// Walkers and cyclists are kept apart at the lines as vehicles are that take this long to pass.
const SLOW_APART_S: f64 = 3.0;
/// A lane takes no arrivals this long before a hazard in it, so that the road is clear for it.
const CLEAR_BEFORE_S: f64 = 14.0;

/// What makes a road user special.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Part {
    /// Nothing.
    Ordinary,
    /// Stops at this many metres of its way for this many seconds.
    Stops {
        /// Metres.
        at_m: f64,
        /// Seconds left to stand.
        left_s: f64,
    },
    /// Drives its lane backwards.
    WrongWay,
}

/// One road user.
#[derive(Debug, Clone)]
pub struct Actor {
    /// Counts up; for the truth only.
    pub id: u64,
    /// Index into the cast.
    pub look: usize,
    /// What it is.
    pub class: RoadUserClass,
    /// Its lane.
    pub lane: usize,
    /// Metres along its way, of its middle.
    pub way_m: f64,
    /// m/s.
    pub speed: f64,
    /// What is special about it.
    pub part: Part,
    wished: f64,
    length: f64,
    width: f64,
}

/// A moment at which somebody will be at a line.
#[derive(Debug, Clone, Copy)]
struct Claim {
    line: usize,
    at_s: f64,
    lane: usize,
    tall: bool,
    motor: bool,
}

/// The traffic of a scene.
pub struct Traffic {
    /// Everybody.
    pub actors: Vec<Actor>,
    /// Scene time in seconds.
    pub time_s: f64,
    lanes: Vec<Lane>,
    reversed: Path,
    wrong_lane: usize,
    /// Per lane and line: metres along the lane to it.
    line_ways: Vec<Vec<f64>>,
    signals: super::layout::Signals,
    next_s: Vec<f64>,
    claims: Vec<Claim>,
    closed: Vec<(usize, f64, f64)>,
    planned: Vec<(f64, usize, Part)>,
    object: Option<(usize, f64, f64, f64)>,
    random: Pcg64Mcg,
    next_id: u64,
    density: f64,
}

impl Traffic {
    /// An empty road at time 0.
    #[must_use]
    pub fn new(spec: &SceneSpec, layout: &Layout) -> Self {
        let mut random = Pcg64Mcg::seed_from_u64(spec.seed ^ 0x7472_6166_6669_6300);
        let wrong_lane = layout.hazards.wrong_way;
        let middle = |line: &super::layout::GroundLine| nalgebra::center(&line.points[0], &line.points[1]);
        let line_ways = layout
            .lanes
            .iter()
            .map(|lane| layout.lines.iter().map(|line| lane.path.nearest(middle(line)).0).collect())
            .collect();
        let mut traffic = Self {
            actors: Vec::new(),
            time_s: 0.0,
            lanes: layout.lanes.clone(),
            reversed: layout.lanes[wrong_lane].path.reversed(),
            wrong_lane,
            line_ways,
            signals: layout.signals.clone(),
            next_s: Vec::new(),
            claims: Vec::new(),
            closed: Vec::new(),
            planned: Vec::new(),
            object: None,
            next_id: 0,
            density: spec.density,
            random: random.clone(),
        };
        traffic.next_s = layout
            .lanes
            .iter()
            .map(|lane| wait(&mut random, lane.demand.per_hour * spec.density) * 0.7)
            .collect();
        traffic.random = random;
        traffic.plan(spec, layout);
        traffic
    }

    fn plan(&mut self, spec: &SceneSpec, layout: &Layout) {
        let spots = &layout.hazards;
        for hazard in &spec.hazards {
            match *hazard {
                Hazard::StoppedVehicle { from_s, for_s } => {
                    let (lane, at_m) = spots.stop;
                    self.closed.push((lane, from_s - 4.0, from_s + for_s + 12.0));
                    self.planned.push((from_s, lane, Part::Stops { at_m, left_s: for_s }));
                }
                Hazard::WrongWay { from_s } => {
                    let lane = spots.wrong_way;
                    self.closed.push((lane, from_s - CLEAR_BEFORE_S, from_s + 16.0));
                    self.planned.push((from_s, lane, Part::WrongWay));
                }
                Hazard::ObjectOnRoad { from_s, for_s } => {
                    let (lane, at_m) = spots.object;
                    self.closed.push((lane, from_s - CLEAR_BEFORE_S, from_s + for_s));
                    self.object = Some((lane, at_m, from_s, from_s + for_s));
                }
                Hazard::Fog { .. } => {}
            }
        }
    }

    /// Where the crate lies now, if it does.
    #[must_use]
    pub fn object(&self) -> Option<Pose> {
        let (lane, at_m, from_s, to_s) = self.object?;
        let here = (from_s..to_s).contains(&self.time_s);
        here.then(|| {
            let place = self.lanes[lane].path.at(at_m);
            Pose { x: place.x, y: place.y, heading: 0.4 }
        })
    }

    /// Where an actor is and how it stands: front and rear follow the way.
    #[must_use]
    pub fn pose(&self, actor: &Actor) -> Pose {
        let path = self.path(actor);
        let reach = (actor.length * 0.33).max(0.2);
        let (rear, front) = (path.at(actor.way_m - reach), path.at(actor.way_m + reach));
        let middle = nalgebra::center(&rear, &front);
        let d = front - rear;
        Pose { x: middle.x, y: middle.y, heading: d.y.atan2(d.x) }
    }

    fn path(&self, actor: &Actor) -> &Path {
        if actor.part == Part::WrongWay && actor.lane == self.wrong_lane {
            &self.reversed
        } else {
            &self.lanes[actor.lane].path
        }
    }

    /// Goes on by `dt` seconds.
    pub fn step(&mut self, dt: f64, looks: &[Look]) {
        self.time_s += dt;
        self.start_planned(looks);
        for lane in 0..self.lanes.len() {
            self.arrive(lane, looks);
        }
        let accelerations: Vec<f64> = (0..self.actors.len()).map(|i| self.acceleration(i)).collect();
        let time = dt;
        for (actor, acceleration) in self.actors.iter_mut().zip(accelerations) {
            actor.speed = (actor.speed + acceleration * time).max(0.0);
            actor.way_m += actor.speed * time;
            if let Part::Stops { at_m, left_s } = &mut actor.part {
                if actor.speed < 0.2 && (actor.way_m - *at_m).abs() < 4.0 {
                    *left_s -= time;
                }
                if *left_s <= 0.0 {
                    actor.part = Part::Ordinary;
                }
            }
        }
        let ends: Vec<f64> = self.actors.iter().map(|a| self.path(a).length()).collect();
        let mut ends = ends.into_iter();
        self.actors.retain(|actor| ends.next().is_some_and(|end| actor.way_m < end));
        let now = self.time_s;
        self.claims.retain(|claim| claim.at_s > now - 8.0);
    }

    fn start_planned(&mut self, looks: &[Look]) {
        let now = self.time_s;
        while let Some(index) = self.planned.iter().position(|&(at, _, _)| at <= now) {
            let (_, lane, part) = self.planned.swap_remove(index);
            let car = self.choose(RoadUserClass::Car, looks);
            let mut actor = self.actor(lane, car, looks, self.lanes[lane].demand.speed * 0.9);
            actor.part = part;
            self.actors.push(actor);
        }
    }

    fn arrive(&mut self, lane: usize, looks: &[Look]) {
        if self.time_s < self.next_s[lane] {
            return;
        }
        let demand = self.lanes[lane].demand;
        let closed = self.closed.iter().any(|&(l, a, b)| l == lane && (a..b).contains(&self.time_s));
        if demand.per_hour * self.density <= 0.0 || closed {
            self.next_s[lane] = self.time_s + 1.0;
            return;
        }
        let class = pick(&mut self.random, demand.mix.iter().map(|&(class, share)| (class, share)));
        let look = self.choose(class.unwrap_or(RoadUserClass::Car), looks);
        let slower = if class == Some(RoadUserClass::Truck) { 0.94 } else { 1.0 };
        let speed = demand.speed * slower * self.random.random_range(0.95..1.05);
        let actor = self.actor(lane, look, looks, speed);
        if self.has_room(&actor) && self.claim(&actor, looks[look].size_m()[2] > 2.1) {
            self.actors.push(actor);
            self.next_s[lane] = self.time_s + wait(&mut self.random, demand.per_hour * self.density);
        } else {
            self.next_s[lane] = self.time_s + 0.5;
        }
    }

    fn actor(&mut self, lane: usize, look: usize, looks: &[Look], wished: f64) -> Actor {
        let [length, width, _] = looks[look].size_m();
        self.next_id += 1;
        Actor {
            id: self.next_id,
            look,
            class: looks[look].class,
            lane,
            way_m: 0.0,
            speed: wished,
            part: Part::Ordinary,
            wished,
            length,
            width,
        }
    }

    fn choose(&mut self, class: RoadUserClass, looks: &[Look]) -> usize {
        let shares = looks.iter().enumerate().filter(|(_, l)| l.class == class).map(|(i, l)| (i, l.share));
        pick(&mut self.random, shares).unwrap_or(0)
    }

    fn has_room(&self, new: &Actor) -> bool {
        // Lanes that begin in one place part only later.
        let start = |lane: usize| self.lanes[lane].path.at(0.0);
        let same = |lane: usize| lane == new.lane || (start(lane) - start(new.lane)).norm() < 1.0;
        self.actors.iter().filter(|a| same(a.lane) && a.part != Part::WrongWay).all(|a| {
            a.way_m - (a.length + new.length) / 2.0 > REST_GAP_M + (new.speed - a.speed).max(0.0) * 3.0 + 4.0
        })
    }

    /// Reserves the moments at the lines, so that nobody hides another there; refuses if taken.
    fn claim(&mut self, actor: &Actor, tall: bool) -> bool {
        if !self.lanes[actor.lane].spaced {
            return true;
        }
        let motor = actor.class.is_motor_vehicle();
        let wanted: Vec<Claim> = self.line_ways[actor.lane]
            .iter()
            .enumerate()
            .map(|(line, way)| Claim {
                line,
                at_s: self.time_s + way / actor.wished,
                lane: actor.lane,
                tall,
                motor,
            })
            .collect();
        // People are slow to get out of one another's way.
        let length_s = if motor { actor.length / actor.wished.max(1.0) } else { SLOW_APART_S };
        let free = wanted.iter().all(|new| {
            self.claims.iter().filter(|old| old.line == new.line && old.motor == motor).all(|old| {
                let apart = if old.lane == new.lane { 1.3 } else { 1.2 };
                let hidden = if old.tall || new.tall { 1.0 } else { 0.0 };
                (old.at_s - new.at_s).abs() > apart + hidden + length_s * 0.5
            })
        });
        if free {
            self.claims.extend(wanted);
        }
        free
    }

    fn acceleration(&self, index: usize) -> f64 {
        let actor = &self.actors[index];
        let on_foot = !actor.class.is_motor_vehicle();
        let mut gaps: Vec<(f64, f64)> = Vec::new();
        if let Part::Stops { at_m, .. } = actor.part {
            gaps.push((at_m - actor.way_m + REST_GAP_M, 0.0));
        }
        gaps.extend(self.signal_gap(actor).map(|gap| (gap, 0.0)));
        if let Some((lane, at_m, from_s, to_s)) = self.object
            && lane == actor.lane
            && (from_s..to_s).contains(&self.time_s)
            && at_m > actor.way_m
        {
            gaps.push((at_m - actor.way_m - actor.length / 2.0 - 1.0, 0.0));
        }
        if !on_foot {
            gaps.extend(self.leaders(index));
        }
        let v = actor.speed;
        let free = 1.0 - (v / actor.wished.max(0.1)).powi(4);
        let worst = gaps
            .into_iter()
            .map(|(gap, other)| {
                let wished_gap = REST_GAP_M
                    + (v * TIME_GAP_S + v * (v - other) / (2.0 * (ACCELERATE * BRAKE).sqrt())).max(0.0);
                (wished_gap / gap.max(0.3)).powi(2)
            })
            .fold(0.0, f64::max);
        (ACCELERATE * (free - worst)).clamp(-8.0, ACCELERATE)
    }

    /// Metres to the stop line while it is closed and can still be kept.
    fn signal_gap(&self, actor: &Actor) -> Option<f64> {
        if actor.part == Part::WrongWay {
            return None;
        }
        let (stop_m, group) = self.lanes[actor.lane].stop?;
        let gap = stop_m - actor.way_m - actor.length / 2.0;
        let can_stop = gap > actor.speed * actor.speed / (2.0 * 3.5) - 0.5;
        let closed = !self.signals.is_green(group, self.time_s);
        (closed && gap > -0.5 && can_stop).then_some(gap + 1.2)
    }

    /// Gap to and speed of every vehicle on the actor's way ahead.
    fn leaders(&self, index: usize) -> Vec<(f64, f64)> {
        let actor = &self.actors[index];
        let path = self.path(actor);
        let here = path.at(actor.way_m);
        let others =
            self.actors.iter().enumerate().filter(|(other, o)| {
                *other != index && o.class.is_motor_vehicle() && o.part != Part::WrongWay
            });
        others
            .filter_map(|(_, other)| {
                if other.lane == actor.lane && other.part != Part::WrongWay && actor.part != Part::WrongWay {
                    let gap = other.way_m - actor.way_m - (other.length + actor.length) / 2.0;
                    return (other.way_m > actor.way_m && gap < LOOK_AHEAD_M).then_some((gap, other.speed));
                }
                let pose = self.pose(other);
                if (Ground::new(pose.x, pose.y) - here).norm() > LOOK_AHEAD_M {
                    return None;
                }
                let reach = other.length / 2.0;
                [-reach, 0.0, reach]
                    .into_iter()
                    .filter_map(|along| {
                        let (way, distance) = path.nearest(pose.place(along, 0.0, 0.0).xy());
                        let on_way = distance < (actor.width + other.width) / 2.0 * 0.85;
                        (on_way && way > actor.way_m).then_some(way - actor.way_m - actor.length / 2.0 - 0.5)
                    })
                    .reduce(f64::min)
                    .filter(|gap| *gap > -actor.length * 0.5)
                    .map(|gap| (gap, other.speed * 0.8))
            })
            .collect()
    }
}

/// Seconds to the next arrival: a Poisson process.
fn wait(random: &mut Pcg64Mcg, per_hour: f64) -> f64 {
    let share: f64 = random.random_range(1e-6..1.0);
    -share.ln() * 3_600.0 / per_hour.max(1e-3)
}

fn pick<T>(random: &mut Pcg64Mcg, shares: impl Iterator<Item = (T, f64)>) -> Option<T> {
    let all: Vec<(T, f64)> = shares.collect();
    let total: f64 = all.iter().map(|(_, share)| share).sum();
    let mut rest = random.random_range(0.0..1.0) * total;
    let mut chosen = None;
    for (item, share) in all {
        rest -= share;
        chosen = Some(item);
        if rest <= 0.0 {
            break;
        }
    }
    chosen
}
