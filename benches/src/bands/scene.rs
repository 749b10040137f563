//! Made scenes of varied difficulty, each of its own seed: a road, a camera, a detector with its troubles and a rate. What
//! truly crossed the lines is known of every vehicle, hidden or not; what was counted, and by what signs it may be wrong,
//! comes from the tracker and the measurer that ship.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Context;
use rand::{Rng, RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use wayside_types::{
    CameraId, CameraSpec, Department, Direction, Line, LineId, Point, Profile, RoadUserClass, SourceUrl,
};

use super::tally::{Bin, Origin, Tally};
use crate::tracking::seen::{self, SIZE, Seer, Trouble, View, uniform};
use crate::tracking::traffic::{self, Lane, Traffic};
use crate::tracking::{AHEAD_S, FPS};

/// Rates that cameras run at.
const RATES: [u32; 7] = [5, 5, 8, 10, 10, 15, 25];

/// What a seed makes.
struct Scene {
    lanes: Vec<Lane>,
    lines: Vec<Line>,
    view: View,
    trouble: Trouble,
    rate: u32,
}

impl Scene {
    fn draw(random: &mut impl Rng, quiet: bool) -> anyhow::Result<Self> {
        let trouble = draw_trouble(random);
        let view = View {
            focal_px: uniform(random, 480.0, 640.0),
            height_m: uniform(random, 6.0, 16.0),
            pitch_rad: uniform(random, 0.25, 0.42),
        };
        let rate = RATES[(uniform(random, 0.0, RATES.len() as f64) as usize).min(RATES.len() - 1)];
        let log_uniform = |random: &mut _, from: f64, to: f64| uniform(random, from.ln(), to.ln()).exp();
        let junction = random.random::<f64>() < 0.5;
        let (near, far) = (uniform(random, 22.0, 42.0), uniform(random, 46.0, 80.0));
        let (lanes, mut lines) = if junction {
            let (from, to) = if quiet { (0.005, 0.2) } else { (0.2, 6.0) };
            let lanes = traffic::junction(log_uniform(random, from, to));
            (lanes, vec![("across", [18.5, 42.0], [18.5, 64.0])])
        } else {
            let (from, to) = if quiet { (0.002, 0.08) } else { (0.08, 3.0) };
            (traffic::motorway(log_uniform(random, from, to), uniform(random, 0.35, 1.0)), Vec::new())
        };
        lines.extend([
            ("near-left", [-16.0, near], [-0.8, near]),
            ("near-right", [0.8, near], [16.0, near]),
            ("far-left", [-16.0, far], [-0.8, far]),
            ("far-right", [0.8, far], [16.0, far]),
        ]);
        let drawn = lines.into_iter().map(|(id, a, b)| {
            let points = [a, b].map(|p| seen::place(&view, p));
            let share = |p: Point| {
                Point::new(
                    (p.x / f64::from(SIZE.width)).clamp(0.0, 1.0),
                    (p.y / f64::from(SIZE.height)).clamp(0.0, 1.0),
                )
            };
            Ok(Line { id: LineId::new(id)?, points: points.map(share) })
        });
        let lines = drawn.collect::<anyhow::Result<Vec<_>>>()?;
        // A line that the picture does not show counts nobody.
        let shown = |line: &Line| {
            line.points.iter().all(|p| p.y > 0.03 && p.y < 0.97) && line.points[0] != line.points[1]
        };
        Ok(Self { lanes, lines: lines.into_iter().filter(shown).collect(), view, trouble, rate })
    }

    fn camera(&self) -> anyhow::Result<CameraSpec> {
        Ok(CameraSpec { lines: self.lines.clone(), ..made_camera(f64::from(self.rate))? })
    }
}

fn draw_trouble(random: &mut impl Rng) -> Trouble {
    let mut square = || random.random::<f64>().powi(2);
    let (noise, misses, ghosts, halves, parts) = (square(), square(), square(), square(), square());
    let alike = 0.6 * square();
    let foggy = random.random::<f64>() < 0.25;
    let fog_m = uniform(random, 25.0, 120.0);
    Trouble {
        noise: 0.5 + 1.8 * noise,
        misses: 0.15 * misses,
        light: uniform(random, -1.3, 0.7),
        fog_m: if foggy { fog_m } else { f64::INFINITY },
        halves: 0.07 * halves,
        clutter: uniform(random, 0.0, 9.0) as usize,
        ghosts,
        parts: 0.7 * parts,
        alike,
    }
}

/// Makes the scene of a seed, lets it run for so long, and has it counted. On a quiet one a lane has from 2 to 120 vehicles an hour.
///
/// # Errors
/// When the scene can't be measured.
pub fn run(seed: u64, seconds: u32, quiet: bool) -> anyhow::Result<Vec<Bin>> {
    let mut random = Pcg64Mcg::seed_from_u64(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let scene = Scene::draw(&mut random, quiet)?;
    let spec = scene.camera()?;
    let mut tally = Tally::new(&spec, SIZE, f64::from(seconds))?;
    let mut traffic = Traffic::new(scene.lanes.clone());
    let mut seer = Seer::new(scene.trouble, &mut random);
    let dt = 1.0 / f64::from(FPS);
    for _ in 0..AHEAD_S * FPS {
        traffic.step(dt, &mut random);
    }
    let mut truth = TrueCrossings { lines: &scene.lines, last: HashMap::new() };
    let mut due = 0.0;
    for number in 0..seconds * FPS {
        traffic.step(dt, &mut random);
        let at_s = f64::from(number) * dt;
        for (line, direction, class, crossed_s) in truth.look(&traffic, &scene.view, at_s) {
            tally.crossed(line, direction, class, crossed_s);
        }
        if at_s + 1e-9 < due {
            continue;
        }
        due += 1.0 / f64::from(scene.rate);
        let found =
            seer.detect(&seen::truth(&traffic, &scene.view), 1.0 / f64::from(scene.rate), &mut random);
        tally.see(at_s, &found);
    }
    Ok(tally.finish(if quiet { Origin::MadeQuiet } else { Origin::Made }, seed))
}

/// Watches where all vehicles truly are.
struct TrueCrossings<'a> {
    lines: &'a [Line],
    last: HashMap<u32, (Point, f64)>,
}

impl TrueCrossings<'_> {
    /// Who crossed which line which way since the last look, and when.
    fn look(
        &mut self,
        traffic: &Traffic,
        view: &View,
        at_s: f64,
    ) -> Vec<(LineId, Direction, RoadUserClass, f64)> {
        let mut crossed = Vec::new();
        let mut now = HashMap::new();
        for (id, class, p) in seen::references(traffic, view) {
            now.insert(id, (p, at_s));
            let Some((before, before_s)) = self.last.get(&id).copied() else { continue };
            for line in self.lines {
                let [a, b] = line.points.map(|p| p.scaled(f64::from(SIZE.width), f64::from(SIZE.height)));
                let (d0, d1) = (Line::side(a, b, before), Line::side(a, b, p));
                if (d0 > 0.0) == (d1 > 0.0) {
                    continue;
                }
                let share = d0 / (d0 - d1);
                let on = Point::new(before.x + share * (p.x - before.x), before.y + share * (p.y - before.y));
                let (dx, dy) = (b.x - a.x, b.y - a.y);
                let along = ((on.x - a.x) * dx + (on.y - a.y) * dy) / (dx * dx + dy * dy);
                if (0.0..=1.0).contains(&along) {
                    let direction = if d1 > 0.0 { Direction::Forward } else { Direction::Backward };
                    crossed.push((line.id.clone(), direction, class, before_s + share * (at_s - before_s)));
                }
            }
        }
        self.last = now;
        crossed
    }
}

/// Scenes of consecutive seeds, on all cores.
///
/// # Errors
/// When a scene can't be measured.
pub fn run_all(first: u64, scenes: u64, seconds: u32, quiet: bool) -> anyhow::Result<Vec<Bin>> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    std::thread::scope(|scope| {
        let one = |thread: u64| {
            scope.spawn(move || {
                let seeds = (first..first + scenes).filter(move |seed| seed % threads == thread);
                seeds.map(|seed| run(seed, seconds, quiet)).collect::<anyhow::Result<Vec<_>>>()
            })
        };
        let started: Vec<_> = (0..threads).map(one).collect();
        let mut bins = Vec::new();
        for thread in started {
            let done = thread.join().ok().context("a scene's thread ended by a panic")?;
            bins.extend(done?.into_iter().flatten());
        }
        bins.sort_by_key(|bin| bin.scene);
        Ok(bins)
    })
}

/// A camera of made traffic that looks so many times a second: nothing drawn, no calibration.
///
/// # Errors
/// Never: its names are good ones.
pub fn made_camera(rate_fps: f64) -> anyhow::Result<CameraSpec> {
    Ok(CameraSpec {
        id: CameraId::new("made")?,
        name: "Made".into(),
        source: SourceUrl::File("none".into()),
        transport: Default::default(),
        department: Department::new("traffic")?,
        profile: Arc::new(Profile {
            name: "made".into(),
            rate_fps,
            model: "none".into(),
            decode: Default::default(),
            motion: Default::default(),
            detect: Default::default(),
            track: Default::default(),
            count: Default::default(),
            hazard: Default::default(),
        }),
        location: None,
        calibration: None,
        lines: Vec::new(),
        zones: Vec::new(),
        config_version: "made".into(),
    })
}
