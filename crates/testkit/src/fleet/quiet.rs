//! Long scenes in which nothing goes wrong: each clip over and over, each of them put together anew, and the drawn streets, seen
//! through one condition from beginning to end. A false alert that comes once an hour does not show in scenes of 40 s.

use std::f64::consts::TAU;

use rand_pcg::Pcg64Mcg;
use wayside_camsim::SceneKind;
use wayside_types::BBox;

use super::dark::{Dark, dark};
use super::footage::Footage;
use super::library::{Drawn, Library, lanes};
use super::pixels::each;
use super::road::{plain, plain_by_night};
use super::scene::Scene;
use super::sight::{dusk, fog, noise, rain, shake};

/// A clouded sky brightens and darkens once in so many seconds, down to this share of its light.
const CLOUDS_S: f64 = 150.0;
const CLOUDED: f64 = 0.65;

/// What is seen.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Street {
    /// A clip again and again, every pixel as it was.
    Looped(Clip),
    /// A clip's road users on its empty road, never twice alike.
    Anew(Clip),
    Drawn(SceneKind),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Clip {
    Arterial,
    Residential,
    Motorway,
}

impl Clip {
    fn of(self, library: &Library) -> &Footage {
        match self {
            Self::Arterial => &library.arterial,
            Self::Residential => &library.residential,
            Self::Motorway => &library.motorway,
        }
    }
}

const STREETS: [(&str, Street); 9] = [
    ("arterial, over and over", Street::Looped(Clip::Arterial)),
    ("residential, over and over", Street::Looped(Clip::Residential)),
    ("motorway, over and over", Street::Looped(Clip::Motorway)),
    ("arterial, put together anew", Street::Anew(Clip::Arterial)),
    ("residential, put together anew", Street::Anew(Clip::Residential)),
    ("motorway, put together anew", Street::Anew(Clip::Motorway)),
    ("drawn highway", Street::Drawn(SceneKind::Highway)),
    ("drawn arterial", Street::Drawn(SceneKind::Arterial)),
    ("drawn junction", Street::Drawn(SceneKind::Junction)),
];

/// What it is seen through.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Through {
    Nothing,
    Night(Dark),
    Dusk,
    DuskFalls,
    Rain,
    Fog,
    Haze,
    Mush,
    Noise,
    Clouds,
    Shaking,
}

const CONDITIONS: [(&str, Through); 12] = [
    ("as it is", Through::Nothing),
    ("by night", Through::Night(Dark::Gamma(1.7))),
    ("under street lamps", Through::Night(Dark::Lamps(0.32))),
    ("at dusk", Through::Dusk),
    ("as dusk falls", Through::DuskFalls),
    ("in rain", Through::Rain),
    ("in fog", Through::Fog),
    ("in haze", Through::Haze),
    ("pressed to mush", Through::Mush),
    ("by a noisy sensor", Through::Noise),
    ("under clouds", Through::Clouds),
    ("shaking a little", Through::Shaking),
];

/// A street through a condition.
#[derive(Debug, Clone)]
pub struct Quiet {
    /// What it is, unique.
    pub name: String,
    street: Street,
    through: Through,
}

/// All of them, in an order that does not change.
pub fn all() -> Vec<Quiet> {
    let streets = STREETS.iter().flat_map(|street| CONDITIONS.iter().map(move |through| (street, through)));
    streets
        .map(|((street, of), (condition, through))| Quiet {
            name: format!("{street}, {condition}"),
            street: *of,
            through: *through,
        })
        .collect()
}

impl Quiet {
    /// The scene, so many seconds of it.
    ///
    /// # Errors
    /// When a street can't be drawn.
    pub fn make<'a>(
        &self,
        library: &'a Library,
        random: &mut Pcg64Mcg,
        seconds: f64,
    ) -> anyhow::Result<Scene<'a>> {
        let scene = match (self.street, self.through) {
            (Street::Anew(clip), Through::Night(how)) => {
                return Ok(plain_by_night(clip.of(library), random, seconds, how));
            }
            (Street::Anew(clip), _) => plain(clip.of(library), random, seconds),
            (Street::Looped(clip), _) => looped(clip.of(library), seconds),
            (Street::Drawn(kind), _) => {
                Drawn { before_s: 20.0, ..Drawn::new(kind, seconds) }.scene(random)?
            }
        };
        Ok(match self.through {
            Through::Nothing => scene,
            Through::Night(how) => {
                let clip = if let Street::Looped(clip) = self.street { Some(clip.of(library)) } else { None };
                dark(scene, random, how, move |t| clip.map_or(Vec::new(), |footage| boxes(footage, t)))
            }
            Through::Dusk => dusk(scene, -1.0, 0.1, 1.5),
            Through::DuskFalls => dusk(scene, 60.0, seconds - 60.0, 1.9),
            Through::Rain => rain(scene, random, 250, 0.12),
            Through::Fog => fog(scene, -1.0, 0.1, 0.5, -1.0, 200.0),
            Through::Haze => fog(scene, -1.0, 0.1, 0.18, -1.0, 200.0),
            Through::Mush => Scene { quantizer: 36, ..scene },
            Through::Noise => noise(scene, random, 4.0),
            Through::Clouds => clouds(scene),
            Through::Shaking => shake(scene, random, 1.2),
        })
    }
}

/// The frame of a clip that is shown at a time.
fn frame(footage: &Footage, t: f64) -> f64 {
    (t * footage.fps).floor() % footage.frames.len().max(1) as f64
}

fn looped(footage: &Footage, seconds: f64) -> Scene<'_> {
    Scene::new(seconds, lanes(footage), Box::new(move |t| footage.frame(frame(footage, t)).clone()))
}

/// Who passes in the clip at a time.
fn boxes(footage: &Footage, t: f64) -> Vec<BBox> {
    let now = frame(footage, t);
    footage
        .passes
        .iter()
        .filter(|pass| (pass.span().0..=pass.span().1).contains(&now))
        .filter_map(|p| p.at(now))
        .collect()
}

fn clouds(scene: Scene<'_>) -> Scene<'_> {
    scene.seen(|t, mut picture| {
        let share = 1.0 - (1.0 - CLOUDED) * (0.5 - 0.5 * (TAU * t / CLOUDS_S).cos());
        each(&mut picture, |_, _, v| 16.0 + (v - 16.0) * share as f32);
        picture
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_street_is_seen_through_every_condition_and_names_tell_them_apart() {
        let all = all();
        assert_eq!(all.len(), STREETS.len() * CONDITIONS.len());
        assert_eq!(all.iter().map(|quiet| &quiet.name).collect::<BTreeSet<_>>().len(), all.len());
    }
}
