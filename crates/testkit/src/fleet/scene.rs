//! A labelled scene on its way to disk: pictures by time, the camera file, the label.

use std::fmt::Write as _;
use std::path::Path;

use wayside_camsim::Encoder;
use wayside_types::{IncidentKind, Point};

use super::pixels::{Picture, mirrored};

/// Frames a second of most scenes: as many as are analysed.
pub const FPS: u32 = 5;
/// And of those about fast things: the profiles' own rate.
pub const FAST_FPS: u32 = 10;

/// A zone of a scene's camera file; points are fractions.
#[derive(Debug, Clone)]
pub struct Zone {
    /// Its id.
    pub id: &'static str,
    /// Its kind as the camera file has it.
    pub kind: &'static str,
    /// Its corners.
    pub polygon: Vec<Point>,
    /// The way traffic goes.
    pub heading: Option<[Point; 2]>,
    /// Whether it is closed to pedestrians and bicycles.
    pub closed: bool,
}

impl Zone {
    /// A zone without a heading, open to everybody.
    pub fn new(id: &'static str, kind: &'static str, corners: &[(f64, f64)]) -> Self {
        let polygon = corners.iter().map(|&(x, y)| Point::new(x, y)).collect();
        Self { id, kind, polygon, heading: None, closed: false }
    }

    /// With the way traffic goes.
    pub fn heading(self, from: (f64, f64), to: (f64, f64)) -> Self {
        Self { heading: Some([Point::new(from.0, from.1), Point::new(to.0, to.1)]), ..self }
    }

    /// Closed to pedestrians and bicycles.
    pub fn closed(self) -> Self {
        Self { closed: true, ..self }
    }
}

/// What goes wrong, seconds of the video.
#[derive(Debug, Clone)]
pub struct Hazard {
    /// What.
    pub kind: IncidentKind,
    /// Where.
    pub zone: Option<String>,
    /// From when …
    pub onset_s: f64,
    /// … to when.
    pub end_s: Option<f64>,
    /// Whether it is several of a kind one after another.
    pub several: bool,
}

/// The picture at a time.
pub type Pictures<'a> = Box<dyn FnMut(f64) -> Picture + 'a>;

/// A scene that can be written.
pub struct Scene<'a> {
    /// How long it is.
    pub seconds: f64,
    /// Frames a second.
    pub fps: u32,
    /// x264's quantizer.
    pub quantizer: u32,
    /// Name of the profile.
    pub profile: &'static str,
    /// What is drawn on the camera.
    pub zones: Vec<Zone>,
    /// The rest of the camera file: a calibration.
    pub more: String,
    /// What goes wrong in it.
    pub hazards: Vec<Hazard>,
    /// What may be told or not.
    pub tolerated: Vec<IncidentKind>,
    /// What it shows.
    pub pictures: Pictures<'a>,
}

impl<'a> Scene<'a> {
    /// Nothing goes wrong in it.
    pub fn new(seconds: f64, zones: Vec<Zone>, pictures: Pictures<'a>) -> Self {
        Self {
            seconds,
            fps: FPS,
            quantizer: 20,
            profile: "arterial",
            zones,
            more: String::new(),
            hazards: Vec::new(),
            tolerated: Vec::new(),
            pictures,
        }
    }

    /// With something that goes wrong until its end.
    pub fn with(mut self, kind: IncidentKind, zone: Option<&str>, onset_s: f64, end_s: Option<f64>) -> Self {
        self.hazards.push(Hazard { kind, zone: zone.map(str::to_owned), onset_s, end_s, several: false });
        self
    }

    /// Seen through something: each picture is changed.
    pub fn seen(self, mut change: impl FnMut(f64, Picture) -> Picture + 'a) -> Self {
        let mut pictures = self.pictures;
        Self { pictures: Box::new(move |t| change(t, pictures(t))), ..self }
    }

    /// As in a mirror. Not for calibrated cameras.
    pub fn mirrored(self) -> Self {
        let flip = |p: &Point| Point::new(1.0 - p.x, p.y);
        let zones = self.zones.iter().map(|zone| Zone {
            polygon: zone.polygon.iter().map(flip).collect(),
            heading: zone.heading.map(|ends| ends.map(|p| flip(&p))),
            ..zone.clone()
        });
        let zones = zones.collect();
        Self { zones, ..self }.seen(|_, mut picture| {
            mirrored(&mut picture);
            picture
        })
    }

    /// Writes video, camera file and label.
    ///
    /// # Errors
    /// When the encoder fails or a file can't be written.
    pub fn write(mut self, dir: &Path, name: &str, about: IncidentKind, family: &str) -> anyhow::Result<()> {
        let video = format!("{name}.mp4");
        let mut encoder: Option<Encoder> = None;
        for frame in 0..(self.seconds * f64::from(self.fps)) as u32 {
            let picture = (self.pictures)(f64::from(frame) / f64::from(self.fps));
            let encoder = match &mut encoder {
                Some(encoder) => encoder,
                None => {
                    let size = (u32::try_from(picture.width)?, u32::try_from(picture.height)?);
                    encoder.insert(Encoder::new(size, self.fps, self.quantizer, &dir.join(&video))?)
                }
            };
            encoder.push(&picture)?;
        }
        encoder.map_or(Ok(()), Encoder::finish)?;
        std::fs::write(dir.join(format!("{name}.camera.toml")), self.camera_toml(name, &video))?;
        std::fs::write(dir.join(format!("{name}.label.toml")), self.label_toml(name, &video, about, family))?;
        Ok(())
    }

    fn camera_toml(&self, name: &str, video: &str) -> String {
        let mut text = format!(
            "# Made by wayside-fleet; not a camera of anybody's.\nid = \"fleet\"\nname = {name:?}\nsource = {video:?}\n\
             department = \"traffic\"\nprofile = {:?}\n{}\n",
            self.profile, self.more
        );
        let pair = |p: &Point| format!("[{:.4}, {:.4}]", p.x, p.y);
        for zone in &self.zones {
            let corners: Vec<String> = zone.polygon.iter().map(pair).collect();
            let (id, kind) = (zone.id, zone.kind);
            let _ = writeln!(
                text,
                "\n[[zone]]\nid = {id:?}\nkind = {kind:?}\npolygon = [{}]",
                corners.join(", ")
            );
            if let Some([from, to]) = &zone.heading {
                let _ = writeln!(text, "heading = [{}, {}]", pair(from), pair(to));
            }
            if zone.closed {
                text.push_str("closed_to = [\"pedestrian\", \"bicycle\"]\n");
            }
        }
        text
    }

    fn label_toml(&self, name: &str, video: &str, about: IncidentKind, family: &str) -> String {
        let tolerated: Vec<&str> = self.tolerated.iter().map(|kind| kind.as_str()).collect();
        let mut text = format!(
            "video = {video:?}\ncamera = \"{name}.camera.toml\"\nabout = \"{about}\"\nfamily = {family:?}\n\
             tolerated = {tolerated:?}\n"
        );
        for hazard in &self.hazards {
            let _ =
                writeln!(text, "\n[[hazard]]\nkind = \"{}\"\nonset_s = {:.2}", hazard.kind, hazard.onset_s);
            if let Some(zone) = &hazard.zone {
                let _ = writeln!(text, "zone = {zone:?}");
            }
            if let Some(end_s) = hazard.end_s {
                let _ = writeln!(text, "end_s = {end_s:.2}");
            }
            if hazard.several {
                text.push_str("several = true\n");
            }
        }
        text
    }
}
