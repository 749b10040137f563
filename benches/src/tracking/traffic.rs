//! Vehicles on straight lanes: they follow one another by the intelligent driver model (Treiber, Hennecke and Helbing,
//! 2000) and stop at signals. Metres and seconds on the ground; nobody is seen here.

use rand::{Rng, RngExt};
use wayside_types::RoadUserClass;

/// What the model's drivers are like: acceleration, comfortable braking (m/s²), time gap (s) and distance at rest (m).
const ACCELERATION: f64 = 1.5;
const BRAKING: f64 = 2.0;
const GAP_S: f64 = 1.2;
const AT_REST_M: f64 = 2.0;
/// Nobody brakes harder than this.
const HARDEST: f64 = 8.0;

/// One lane, from where vehicles come to where they go.
#[derive(Debug, Clone)]
pub struct Lane {
    pub from: [f64; 2],
    pub to: [f64; 2],
    /// Mean desired speed.
    pub speed_ms: f64,
    /// Vehicles a second that want in.
    pub flow: f64,
    pub signal: Option<Signal>,
}

/// A stop line that is closed part of the time.
#[derive(Debug, Clone, Copy)]
pub struct Signal {
    /// Where along the lane.
    pub at_m: f64,
    pub cycle_s: f64,
    /// When within the cycle it is open.
    pub open_s: (f64, f64),
}

impl Signal {
    fn is_open(&self, t: f64) -> bool {
        let within = t.rem_euclid(self.cycle_s);
        self.open_s.0 <= within && within < self.open_s.1
    }
}

/// A vehicle on its lane; `s` is where its front is, from the lane's start.
#[derive(Debug, Clone)]
pub struct Vehicle {
    pub id: u32,
    pub class: RoadUserClass,
    /// Length, width and height.
    pub size_m: [f64; 3],
    pub s: f64,
    pub v: f64,
    desired: f64,
}

/// All lanes with who is on them, first to last.
pub struct Traffic {
    pub lanes: Vec<(Lane, Vec<Vehicle>)>,
    t: f64,
    next_id: u32,
}

impl Traffic {
    pub fn new(lanes: Vec<Lane>) -> Self {
        Self { lanes: lanes.into_iter().map(|lane| (lane, Vec::new())).collect(), t: 0.0, next_id: 0 }
    }

    /// Moves everybody on by `dt` seconds.
    pub fn step(&mut self, dt: f64, random: &mut impl Rng) {
        self.t += dt;
        for (lane, vehicles) in &mut self.lanes {
            let length = (lane.to[0] - lane.from[0]).hypot(lane.to[1] - lane.from[1]);
            let closed = lane.signal.filter(|signal| !signal.is_open(self.t)).map(|signal| signal.at_m);
            let mut ahead: Option<(f64, f64)> = None;
            for vehicle in vehicles.iter_mut() {
                let stop = closed.filter(|at| vehicle.s < *at).map(|at| (at, 0.0));
                let nearest = [ahead, stop].into_iter().flatten().min_by(|a, b| a.0.total_cmp(&b.0));
                vehicle.drive(nearest, dt);
                ahead = Some((vehicle.s - vehicle.size_m[0], vehicle.v));
            }
            vehicles.retain(|vehicle| vehicle.s - vehicle.size_m[0] < length);
            let room = vehicles.last().is_none_or(|last| last.s - last.size_m[0] > GAP_S * last.v + 4.0);
            if room && random.random::<f64>() < lane.flow * dt {
                let speed = vehicles.last().map_or(lane.speed_ms, |last| last.v.min(lane.speed_ms));
                vehicles.push(Vehicle::new(self.next_id, lane.speed_ms, speed, random));
                self.next_id += 1;
            }
        }
    }
}

impl Vehicle {
    fn new(id: u32, lane_speed: f64, v: f64, random: &mut impl Rng) -> Self {
        let (class, size_m) = match random.random::<f64>() {
            x if x < 0.80 => (RoadUserClass::Car, [4.4, 1.8, 1.5]),
            x if x < 0.90 => (RoadUserClass::Truck, [9.0, 2.5, 3.3]),
            x if x < 0.95 => (RoadUserClass::Bus, [12.0, 2.5, 3.1]),
            _ => (RoadUserClass::Motorcycle, [2.1, 0.8, 1.6]),
        };
        let desired = lane_speed * (0.85 + 0.3 * random.random::<f64>());
        Self { id, class, size_m, s: 0.0, v, desired }
    }

    /// `nearest` is the place and speed of what must not be driven into.
    fn drive(&mut self, nearest: Option<(f64, f64)>, dt: f64) {
        let free = 1.0 - (self.v / self.desired).powi(4);
        let held = nearest.map_or(0.0, |(place, speed)| {
            let gap = (place - self.s).max(0.1);
            let closing = self.v * (self.v - speed) / (2.0 * (ACCELERATION * BRAKING).sqrt());
            let wanted = AT_REST_M + (self.v * GAP_S + closing).max(0.0);
            (wanted / gap).powi(2)
        });
        let a = (ACCELERATION * (free - held)).max(-HARDEST);
        let v = (self.v + a * dt).max(0.0);
        self.s += 0.5 * (self.v + v) * dt;
        self.v = v;
    }
}

/// Eight lanes along the camera's view and six across, with signals.
pub fn junction(density: f64) -> Vec<Lane> {
    let along = Signal { at_m: 0.0, cycle_s: 36.0, open_s: (0.0, 19.0) };
    let across = Signal { at_m: 0.0, cycle_s: 36.0, open_s: (22.0, 33.0) };
    let lane =
        |from, to, signal| Lane { from, to, speed_ms: 13.0, flow: 0.12 * density, signal: Some(signal) };
    let mut lanes = Vec::new();
    for x in [-13.0, -9.5, -6.0, -2.5] {
        lanes.push(lane([x, 150.0], [x, 5.0], Signal { at_m: 80.0, ..along }));
        lanes.push(lane([-x, 5.0], [-x, 150.0], Signal { at_m: 35.0, ..along }));
    }
    for y in [44.5, 48.0, 51.5] {
        lanes.push(lane([-60.0, y], [60.0, y], Signal { at_m: 42.0, ..across }));
        lanes.push(lane([60.0, y + 10.5], [-60.0, y + 10.5], Signal { at_m: 42.0, ..across }));
    }
    lanes
}

/// Four lanes each way without signals; `pace` is a share of 30 m/s.
pub fn motorway(density: f64, pace: f64) -> Vec<Lane> {
    let lane = |x: f64, from, to, speed_ms| Lane {
        from: [x, from],
        to: [x, to],
        speed_ms,
        flow: 0.4 * density,
        signal: None,
    };
    [(2.5, 0.8), (6.2, 0.9), (9.9, 1.0), (13.6, 1.1)]
        .into_iter()
        .flat_map(|(x, share)| {
            let speed = 30.0 * pace * share;
            [lane(-x, 190.0, 5.0, speed), lane(x, 5.0, 190.0, speed)]
        })
        .collect()
}
