//! A road of 1000 × 500 pixels on which actors drive along given ways, seen at a given rate through jittering boxes.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use wayside_hazard::{HazardWatch, Sight};
use wayside_types::{
    BBox, FrameSize, HazardSettings, Heading, Incident, IncidentKind, LumaCells, Point, RoadUserClass,
    Timestamp, Track, TrackId, TrackUpdate, ViewSample, Zone, ZoneId, ZoneKind,
};

pub const SIZE: FrameSize = FrameSize { width: 1000, height: 500 };
/// The rates at which everything must hold.
pub const RATES: [f64; 3] = [5.0, 10.0, 25.0];

/// Somebody on a way of (second, x, y), px; seen while `seen` says so.
#[derive(Clone)]
pub struct Actor {
    pub class: RoadUserClass,
    pub way: Vec<(f64, f64, f64)>,
    pub size: (f64, f64),
    /// How many times as large its box is at a time.
    pub grown: fn(f64) -> f64,
    pub seen: fn(f64) -> bool,
    /// Seconds at which the tracker takes it for somebody new.
    pub renamed_at: Vec<f64>,
    pub score: f32,
    /// How bright it is, grey levels; asphalt is 80 to 102.
    pub level: u16,
    /// How much of it shows at a time, 0 to 1.
    pub shows: fn(f64) -> f64,
}

pub fn car(way: &[(f64, f64, f64)]) -> Actor {
    Actor {
        class: RoadUserClass::Car,
        way: way.to_vec(),
        size: (60.0, 40.0),
        grown: |_| 1.0,
        seen: |_| true,
        renamed_at: vec![],
        score: 0.8,
        level: 170,
        shows: |_| 1.0,
    }
}

pub fn walker(way: &[(f64, f64, f64)]) -> Actor {
    Actor { class: RoadUserClass::Pedestrian, size: (16.0, 44.0), ..car(way) }
}

impl Actor {
    fn at(&self, t: f64) -> Option<Point> {
        let first = self.way.first()?;
        let last = self.way.last()?;
        if t < first.0 || t > last.0 || !(self.seen)(t) {
            return None;
        }
        let pair = self.way.windows(2).find(|pair| t <= pair[1].0);
        let Some([a, b]) = pair else { return Some(Point::new(last.1, last.2)) };
        let share = (t - a.0) / (b.0 - a.0).max(1e-9);
        Some(Point::new(a.1 + (b.1 - a.1) * share, a.2 + (b.2 - a.2) * share))
    }
}

pub fn zone(id: &str, kind: ZoneKind, (x1, x2): (f64, f64), (y1, y2): (f64, f64)) -> Zone {
    let polygon =
        [[x1, y1], [x2, y1], [x2, y2], [x1, y2]].map(|[x, y]| Point::new(x / 1000.0, y / 500.0)).to_vec();
    let heading = (kind == ZoneKind::Lane)
        .then(|| Heading { from: Point::new(0.1, y1 / 500.0), to: Point::new(0.9, y1 / 500.0) });
    Zone { id: ZoneId::new(id).unwrap(), kind, polygon, heading, closed_to: vec![], free_flow_kmh: None }
}

/// One lane to the right over the whole width, y from 200 to 300.
pub fn lane() -> Vec<Zone> {
    vec![zone("lane", ZoneKind::Lane, (0.0, 1000.0), (200.0, 300.0))]
}

pub fn carriageway() -> Vec<Zone> {
    vec![zone("road", ZoneKind::Carriageway, (0.0, 1000.0), (200.0, 300.0))]
}

pub fn moment(t: f64) -> Timestamp {
    Timestamp::from_nanosecond(((1_000.0 + t) * 1e9) as i128).unwrap()
}

pub fn seconds(at: Timestamp) -> f64 {
    at.duration_since(moment(0.0)).as_secs_f64()
}

pub struct World {
    pub zones: Vec<Zone>,
    pub actors: Vec<Actor>,
    pub settings: HazardSettings,
    /// Whether the rules are shown the picture's brightness, with the actors in it that are there (seen or not).
    pub brightness: bool,
    /// Whether the asphalt is as dark as by night, 20 to 42.
    pub night: bool,
}

impl World {
    pub fn new(zones: Vec<Zone>, actors: Vec<Actor>) -> Self {
        Self { zones, actors, settings: HazardSettings::default(), brightness: false, night: false }
    }

    /// Every incident as it stands after so many seconds.
    pub fn run(&self, rate: f64, until_s: f64) -> Vec<Incident> {
        let mut watch = HazardWatch::new(self.settings, &self.zones, SIZE, None);
        let mut random = Pcg64Mcg::seed_from_u64(7);
        let mut all: Vec<(u64, Incident)> = Vec::new();
        let mut alive: Vec<Track> = Vec::new();
        for frame in 0..(until_s * rate) as u64 {
            // Frames don't come quite in time.
            let t = frame as f64 / rate + random.random_range(0.0..0.2) / rate;
            let active = self.tracks(t, &mut random);
            let ended =
                alive.iter().filter(|old| active.iter().all(|new| new.id != old.id)).cloned().collect();
            let tracks = TrackUpdate { active: active.clone(), ended };
            alive = active;
            let view = self.brightness.then(|| self.view(t));
            for change in watch.see(&Sight { at: moment(t), tracks: &tracks, view: view.as_ref() }) {
                match all.iter_mut().find(|(number, _)| *number == change.number) {
                    Some((_, incident)) => *incident = change.incident,
                    None => all.push((change.number, change.incident)),
                }
            }
        }
        all.into_iter().map(|(_, incident)| incident).collect()
    }

    fn tracks(&self, t: f64, random: &mut Pcg64Mcg) -> Vec<Track> {
        let mut tracks = Vec::new();
        for (index, actor) in self.actors.iter().enumerate() {
            let Some(p) = actor.at(t) else { continue };
            let generation = actor.renamed_at.iter().filter(|at| **at <= t).count();
            let id = (0..index * 100 + generation).fold(TrackId::FIRST, |id, _| id.next());
            let mut noise = |size: f64| size * random.random_range(-0.02..0.02);
            let (w, h) = actor.size;
            let (w, h) = (w * (actor.grown)(t), h * (actor.grown)(t));
            let (x, y) = (p.x + noise(w), p.y + noise(h));
            let bbox = [x - w / 2.0, y - h, x + w / 2.0, y].map(|v| v as f32);
            tracks.push(Track {
                id,
                class: actor.class,
                second: None,
                bbox: BBox::new(bbox[0], bbox[1], bbox[2], bbox[3]),
                velocity_px_s: Point::new(0.0, 0.0),
                score: actor.score,
                observed: true,
                confirmed: true,
                first_seen: moment(0.0),
                last_seen: moment(t),
                hits: 10,
            });
        }
        tracks
    }

    /// Asphalt of 90 with some texture; actors are bright, whether the detector sees them or not.
    fn view(&self, t: f64) -> ViewSample {
        let (columns, rows, side_px) = (76, 38, 13);
        let asphalt = if self.night { 20 } else { 80 };
        let mut means: Vec<u16> = (0..columns * rows).map(|i| (asphalt + (i * 7) % 23) as u16 * 16).collect();
        for actor in &self.actors {
            let Some(p) = (Actor { seen: |_| true, ..actor.clone() }).at(t) else { continue };
            let (w, h) = actor.size;
            for (i, mean) in means.iter_mut().enumerate() {
                let (x, y) = (((i % columns) * side_px) as f64 + 6.5, ((i / columns) * side_px) as f64 + 6.5);
                if (p.x - w / 2.0..=p.x + w / 2.0).contains(&x) && (p.y - h..=p.y).contains(&y) {
                    let (road, whole) = (f64::from(*mean), f64::from(actor.level * 16));
                    *mean = (road + (whole - road) * (actor.shows)(t)) as u16;
                }
            }
        }
        ViewSample {
            steps: vec![0; columns * rows],
            cells: LumaCells { columns, rows, side_px, means },
            edges: vec![8.0; 144],
            squares: Vec::new(),
            change: Some(0.5),
            change_most: Some(3.0),
        }
    }
}

/// The incidents of a kind; anything of another kind fails.
#[track_caller]
pub fn only(incidents: Vec<Incident>, kind: IncidentKind) -> Vec<Incident> {
    for incident in &incidents {
        assert_eq!(incident.kind, kind, "{incident:?}");
    }
    incidents
}

#[track_caller]
pub fn none(world: &World, until_s: f64) {
    for rate in RATES {
        let incidents = world.run(rate, until_s);
        assert!(incidents.is_empty(), "at {rate}/s: {incidents:?}");
    }
}
