//! All the material of a fleet: the clips with what is drawn on them, and the drawn streets.

use std::path::PathBuf;

use rand::RngExt;
use rand_pcg::Pcg64Mcg;
use wayside_camsim::scene::stage::Stage;
use wayside_camsim::{Hazard, SceneKind, SceneSpec, camera_toml, foresee};
use wayside_types::{IncidentKind, Point};

use super::footage::{Footage, Places};
use super::scene::{FPS, Hazard as Label, Scene, Zone};

/// Frames a second of drawn traffic; every third or sixth is shown.
const DRAWN_FPS: u32 = 30;

/// The clips.
#[derive(Debug)]
pub struct Library {
    /// Five lanes seen from the side.
    pub arterial: Footage,
    /// A street with parked cars.
    pub residential: Footage,
    /// Two carriageways of three lanes, seen along the road.
    pub motorway: Footage,
    /// A junction that a cyclist crosses.
    pub cyclist: Footage,
}

impl Library {
    /// Reads all clips and finds who passes.
    ///
    /// # Errors
    /// When a clip, the model or ONNX Runtime can't be used.
    pub fn load(clips: PathBuf, home: PathBuf) -> anyhow::Result<Self> {
        let places = Places { clips, home };
        let load = |name, fps| Footage::load(&places, name, fps);
        std::thread::scope(|scope| {
            let residential = scope.spawn(|| load("residential-75s", 9.8));
            let (arterial, motorway) = (load("arterial-20s", 23.976)?, load("motorway-vfr", 25.0)?);
            let cyclist = load("junction-cyclist-3s", 20.0)?;
            let residential =
                residential.join().map_err(|_| anyhow::anyhow!("a thread ended unexpectedly"))??;
            Ok(Self { arterial, residential, motorway, cyclist })
        })
    }
}

/// The lanes of a clip.
pub fn lanes(footage: &Footage) -> Vec<Zone> {
    match footage.name {
        "arterial-20s" => vec![
            Zone::new("eastbound", "lane", &[(0.0, 0.82), (1.0, 0.82), (1.0, 0.42), (0.0, 0.42)])
                .heading((0.1, 0.6), (0.9, 0.6)),
            Zone::new("westbound", "lane", &[(0.0, 0.27), (1.0, 0.27), (1.0, 0.12), (0.0, 0.12)])
                .heading((0.9, 0.2), (0.1, 0.2)),
        ],
        "motorway-vfr" => vec![
            Zone::new("away", "lane", &[(0.0, 1.0), (0.44, 1.0), (0.49, 0.5), (0.38, 0.5), (0.0, 0.85)])
                .heading((0.25, 0.95), (0.45, 0.5))
                .closed(),
            Zone::new("towards", "lane", &[(0.58, 1.0), (1.0, 1.0), (1.0, 0.88), (0.62, 0.5), (0.53, 0.5)])
                .heading((0.56, 0.5), (0.8, 0.95))
                .closed(),
        ],
        "residential-75s" => vec![Zone::new(
            "street",
            "carriageway",
            &[(0.30, 0.62), (0.84, 0.60), (0.80, 0.34), (0.42, 0.36)],
        )],
        _ => vec![
            Zone::new("junction", "carriageway", &[(0.02, 0.36), (0.98, 0.36), (1.0, 1.0), (0.0, 1.0)])
                .closed(),
        ],
    }
}

/// Places of a clip that may be watched: where there is something to see and seldom anybody.
pub fn watched(footage: &Footage) -> Vec<Zone> {
    let watch = |corners: &[(f64, f64)]| Zone::new("watched", "watch", corners);
    let square = |x0, y0, x1, y1| watch(&[(x0, y1), (x1, y1), (x1, y0), (x0, y0)]);
    match footage.name {
        "arterial-20s" => vec![
            square(0.60, 0.74, 0.84, 0.90),
            square(0.02, 0.25, 0.20, 0.40),
            square(0.52, 0.25, 0.70, 0.40),
        ],
        "motorway-vfr" => vec![
            square(0.76, 0.26, 1.0, 0.42),
            square(0.45, 0.55, 0.52, 0.95),
            square(0.22, 0.34, 0.40, 0.46),
        ],
        "residential-75s" => {
            vec![square(0.08, 0.78, 0.30, 0.93), square(0.78, 0.86, 1.0, 1.0), square(0.46, 0.0, 0.68, 0.14)]
        }
        _ => vec![square(0.36, 0.75, 0.60, 0.92), square(0.40, 0.52, 0.62, 0.68)],
    }
}

/// More such places, on other grounds of the same clips.
pub fn grounds(footage: &Footage) -> Vec<Zone> {
    let square = |x0, y0, x1, y1| Zone::new("watched", "watch", &[(x0, y1), (x1, y1), (x1, y0), (x0, y0)]);
    if footage.name == "residential-75s" {
        return vec![
            square(0.0, 0.80, 0.14, 0.98),
            square(0.50, 0.80, 0.74, 0.98),
            square(0.80, 0.64, 0.97, 0.84),
        ];
    }
    vec![square(0.62, 0.72, 0.86, 0.92), square(0.10, 0.72, 0.34, 0.95), square(0.62, 0.40, 0.85, 0.60)]
}

/// Which street is drawn, and how.
#[derive(Debug, Clone)]
pub struct Drawn {
    /// The street.
    pub kind: SceneKind,
    /// How long.
    pub seconds: f64,
    /// What goes wrong.
    pub hazards: Vec<Hazard>,
    /// How much traffic.
    pub density: f64,
    /// Frames a second that are shown.
    pub fps: u32,
    /// Seconds of traffic before the scene begins: the street is empty at first.
    pub before_s: f64,
}

impl Drawn {
    /// The usual traffic and nothing wrong.
    pub fn new(kind: SceneKind, seconds: f64) -> Self {
        Self { kind, seconds, hazards: Vec::new(), density: 1.0, fps: FPS, before_s: 0.0 }
    }

    fn frames_before(&self) -> u32 {
        (self.before_s * f64::from(DRAWN_FPS)) as u32
    }

    fn spec(&self, random: &mut Pcg64Mcg) -> SceneSpec {
        let seed = random.random_range(1..1_000_000);
        let (hazards, density) = (self.hazards.clone(), self.density);
        SceneSpec { fps: DRAWN_FPS, hazards, density, ..SceneSpec::new(self.kind, seed) }
    }

    /// The scene, with its truth as the label.
    ///
    /// # Errors
    /// When the street can't be drawn.
    pub fn scene<'a>(&self, random: &mut Pcg64Mcg) -> anyhow::Result<Scene<'a>> {
        let spec = self.spec(random);
        let truth = foresee(&spec, self.seconds)?;
        let text = camera_toml(&spec, "drawn.mp4")?;
        let mut stage = Stage::new(&spec)?;
        let steps = DRAWN_FPS / self.fps;
        (0..self.frames_before()).for_each(|_| stage.skip());
        let pictures = Box::new(move |_| {
            let picture = stage.next_frame();
            (1..steps).for_each(|_| stage.skip());
            picture
        });
        let mut scene = Scene::new(self.seconds, Vec::new(), pictures);
        scene.fps = self.fps;
        scene.more = text.find("[calibration]").map_or(String::new(), |at| text[at..].to_owned());
        for incident in truth.incidents {
            scene.hazards.push(Label {
                kind: incident.kind.parse::<IncidentKind>()?,
                zone: incident.zone.map(str::to_owned),
                onset_s: incident.start_s,
                end_s: incident.end_s,
                several: false,
            });
        }
        Ok(scene)
    }

    /// Times at which somebody on foot or on a bicycle is inside a polygon (fractions), and all places of such people.
    ///
    /// # Errors
    /// When the street can't be drawn.
    pub fn people(&self, random: &Pcg64Mcg, polygon: &[Point]) -> anyhow::Result<(Vec<f64>, Vec<Point>)> {
        let spec = self.spec(&mut random.clone());
        let mut stage = Stage::new(&spec)?;
        let (mut times, mut places) = (Vec::new(), Vec::new());
        (0..self.frames_before()).for_each(|_| stage.skip());
        for _ in 0..(self.seconds * f64::from(DRAWN_FPS)) as u32 {
            let (w, h) = (f64::from(spec.size.0), f64::from(spec.size.1));
            let people = stage.road_users().filter(|(class, _)| !class.is_motor_vehicle());
            let here: Vec<Point> = people.map(|(_, p)| Point::new(p.x / w, p.y / h)).collect();
            if here.iter().any(|p| super::footage::contains(polygon, *p)) {
                times.push(stage.time_s() - self.before_s);
            }
            places.extend(here);
            stage.skip();
        }
        Ok((times, places))
    }
}
