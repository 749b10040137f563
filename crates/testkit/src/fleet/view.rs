//! Scenes about the view as a whole: sight that fails, watched places that change, faults of the camera, and what
//! looks like them.

use rand::RngExt;
use rand::seq::IndexedRandom;
use rand_pcg::Pcg64Mcg;
use wayside_camsim::SceneKind;
use wayside_types::IncidentKind;

use super::footage::Footage;
use super::library::{Drawn, Library, lanes, watched};
use super::road::plain;
use super::scene::{Scene, Zone};
use super::sight;
use super::street::Street;
use super::things::{Change, Changed};

/// Seconds of clear view before a fault: at least so many, and up to four more.
const CLEAR_S: f64 = 11.0;

/// A view and when something may go wrong with it.
pub struct View<'a> {
    /// The scene, nothing wrong.
    pub scene: Scene<'a>,
    /// When.
    pub from_s: f64,
    /// Where its horizon is, share of the height.
    pub horizon: f32,
}

/// A clip's street or a drawn one that goes on for so long after its clear part.
pub fn view<'a>(
    library: &'a Library,
    random: &mut Pcg64Mcg,
    after_s: f64,
    which: usize,
) -> anyhow::Result<View<'a>> {
    let from_s = CLEAR_S + f64::from(random.random_range(0..20)) / 5.0;
    let seconds = from_s + after_s;
    let (scene, horizon) = match which {
        0 => (plain(&library.arterial, random, seconds), -1.5),
        1 => (plain(&library.residential, random, seconds), -0.5),
        2 => (plain(&library.motorway, random, seconds), 0.29),
        3 => (plain(&library.cyclist, random, seconds), -0.1),
        4 => (Drawn::new(SceneKind::Highway, seconds).scene(random)?, 0.1),
        5 => (Drawn::new(SceneKind::Arterial, seconds).scene(random)?, 0.1),
        _ => (Drawn::new(SceneKind::Junction, seconds).scene(random)?, 0.0),
    };
    Ok(View { scene, from_s, horizon })
}

impl<'a> View<'a> {
    /// The scene with a fault from its time on.
    pub fn wrong(self, kind: IncidentKind, through: impl FnOnce(Scene<'a>, f64) -> Scene<'a>) -> Scene<'a> {
        let from_s = self.from_s;
        through(self.scene, from_s).with(kind, None, from_s, None)
    }

    /// The scene with something that is no fault.
    pub fn harmless(self, through: impl FnOnce(Scene<'a>, f64) -> Scene<'a>) -> Scene<'a> {
        through(self.scene, self.from_s)
    }
}

/// A watched place of a clip, changed or not, with traffic in front of it.
pub fn watching<'a>(
    footage: &'a Footage,
    random: &mut Pcg64Mcg,
    change: Option<Change>,
    through: impl FnOnce(Scene<'a>, f64) -> Scene<'a>,
) -> Scene<'a> {
    watching_at(footage, watched(footage), random, change, through)
}

/// The same of one of these places.
pub fn watching_at<'a>(
    footage: &'a Footage,
    places: Vec<Zone>,
    random: &mut Pcg64Mcg,
    change: Option<Change>,
    through: impl FnOnce(Scene<'a>, f64) -> Scene<'a>,
) -> Scene<'a> {
    let Some(place) = places.choose(random).cloned() else { return plain(footage, random, 45.0) };
    let from_s = CLEAR_S + random.random_range(0.0..4.0);
    let seconds = from_s + 31.0;
    let mut street = Street::new(footage);
    if let Some(change) = change {
        let changed = Changed::new(change, &place.polygon, from_s, random);
        street.lay_under(move |t, picture| changed.draw(t, picture));
    }
    let usual = footage.passes.len() as f64 / (footage.frames.len() as f64 / footage.fps);
    street.fill(random, (-2.0, seconds), 0.6 * usual, |pass| pass.class.is_motor_vehicle());
    let mut zones = lanes(footage);
    zones.push(place);
    // Only what is watched is asked about.
    zones.retain(|zone| zone.kind == "watch");
    let scene = Scene::new(seconds, zones, Box::new(move |t| street.picture(t)));
    let scene = through(sight::noise(scene, random, 1.2), from_s);
    if change.is_some() {
        scene.with(IncidentKind::WatchChanged, Some("watched"), from_s, None)
    } else {
        scene
    }
}
