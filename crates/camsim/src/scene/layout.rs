//! What every kind of scene consists of: a camera, lanes with their traffic, signals, lines and zones
//! on the ground, surfaces and standing things. The kinds fill it in; traffic and pictures use it.

use nalgebra::Vector3;
use wayside_types::{RoadUserClass, ZoneKind};

use super::path::{Ground, Path};
use super::{SceneKind, SceneSpec};
use crate::draw::body::Light;
use crate::draw::camera::{Camera, Mounting, World};
use crate::draw::canvas::Drawable;
use crate::draw::paint::Rgb;
use crate::error::CamsimError;

/// Seconds of amber after green, and of red with amber before it.
const AMBER_S: f64 = 3.0;
const RED_AMBER_S: f64 = 1.0;

/// What uses a lane and how much of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Demand {
    /// Road users an hour at density 1.
    pub per_hour: f64,
    /// Shares of cars, buses and lorries; or of pedestrians and bicycles.
    pub mix: &'static [(RoadUserClass, f64)],
    /// Wished speed in m/s.
    pub speed: f64,
}

/// One way through the scene and who uses it.
#[derive(Debug, Clone)]
pub struct Lane {
    /// For reading only.
    pub name: &'static str,
    /// Its middle, from before it is seen to after.
    pub path: Path,
    /// Its traffic.
    pub demand: Demand,
    /// Metres along the path to the stop line, and the signal group that opens it.
    pub stop: Option<(f64, usize)>,
    /// Whether its road users are kept apart at the lines from those of other lanes, so that none hides
    /// another there: motor vehicles from motor vehicles, people from people.
    pub spaced: bool,
}

/// A counting line on the ground.
#[derive(Debug, Clone)]
pub struct GroundLine {
    /// Its id in the camera file.
    pub id: &'static str,
    /// From, to.
    pub points: [Ground; 2],
    /// What is counted on it; the classes of one group are one number.
    pub groups: &'static [&'static [RoadUserClass]],
}

/// A zone on the ground.
#[derive(Debug, Clone)]
pub struct GroundZone {
    /// Its id in the camera file.
    pub id: &'static str,
    /// What it is for.
    pub kind: ZoneKind,
    /// Corners in order.
    pub polygon: Vec<Ground>,
    /// From, to; for lanes.
    pub heading: Option<[Ground; 2]>,
    /// Who must not be here.
    pub closed_to: &'static [RoadUserClass],
}

/// How long each signal group is green, one after another, each followed by clearance.
#[derive(Debug, Clone, Default)]
pub struct Signals {
    /// Groups in order with their green in seconds; empty where there are no signals.
    pub greens_s: Vec<f64>,
    /// Seconds between greens.
    pub clearance_s: f64,
}

impl Signals {
    /// Whether a group is green at a time.
    #[must_use]
    pub fn is_green(&self, group: usize, time_s: f64) -> bool {
        let cycle: f64 = self.greens_s.iter().map(|green| green + self.clearance_s).sum();
        if cycle <= 0.0 {
            return true;
        }
        let mut rest = time_s.rem_euclid(cycle);
        for (index, green) in self.greens_s.iter().enumerate() {
            if rest < *green {
                return index == group;
            }
            rest -= green + self.clearance_s;
            if rest < 0.0 {
                return false;
            }
        }
        false
    }

    /// What a group's heads show at a time: amber for the first seconds after its green, red with amber
    /// just before it.
    #[must_use]
    pub fn aspect(&self, group: usize, time_s: f64) -> Aspect {
        let green = |at: f64| self.is_green(group, at);
        if green(time_s) {
            Aspect::Green
        } else if green(time_s - AMBER_S.min(self.clearance_s)) {
            Aspect::Amber
        } else if green(time_s + RED_AMBER_S.min(self.clearance_s)) {
            Aspect::RedAmber
        } else {
            Aspect::Red
        }
    }
}

/// What a signal head shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aspect {
    /// Stop.
    Red,
    /// Stop; green is about to come.
    RedAmber,
    /// Go.
    Green,
    /// Stop if that can still be done.
    Amber,
}

/// Where a signal head stands and whose it is.
#[derive(Debug, Clone, Copy)]
pub struct SignalHead {
    /// Left end of its foot.
    pub foot: World,
    /// From the left to the right of its face.
    pub along: Vector3<f64>,
    /// The signal group that it shows.
    pub group: usize,
}

/// Where the requested hazards take place.
#[derive(Debug, Clone)]
pub struct HazardSpots {
    /// Lane and metres along it where a vehicle stops.
    pub stop: (usize, f64),
    /// Lane that is driven the wrong way.
    pub wrong_way: usize,
    /// Lane and metres along it where the crate lies.
    pub object: (usize, f64),
    /// The lane zones these lie in: stop, wrong way, object.
    pub zones: [&'static str; 3],
}

/// Colours a ground place in metres.
pub type Surface = Box<dyn Fn(Ground) -> Rgb + Send + Sync>;

/// A whole scene at rest.
pub struct Layout {
    /// The camera.
    pub camera: Camera,
    /// Light on a clear day.
    pub light: Light,
    /// The profile in `pipelines/` that fits the view.
    pub profile: &'static str,
    /// The lanes.
    pub lanes: Vec<Lane>,
    /// The signals.
    pub signals: Signals,
    /// The heads that show them.
    pub heads: Vec<SignalHead>,
    /// The lines.
    pub lines: Vec<GroundLine>,
    /// The zones.
    pub zones: Vec<GroundZone>,
    /// Ground points for the calibration, seen by the camera.
    pub calibration: Vec<Ground>,
    /// Where hazards take place.
    pub hazards: HazardSpots,
    /// The ground.
    pub surface: Surface,
    /// What stands beside the road.
    pub standing: Vec<Box<dyn Drawable>>,
    /// Top left corner of the caption, as fractions of the picture.
    pub caption: (f64, f64),
}

impl Layout {
    /// The layout of a scene.
    ///
    /// # Errors
    /// When a drawing is damaged.
    pub fn of(spec: &SceneSpec) -> Result<Self, CamsimError> {
        match spec.kind {
            SceneKind::Junction => super::junction::layout(spec),
            SceneKind::Arterial => super::arterial::layout(spec),
            SceneKind::Highway => super::highway::layout(spec),
        }
    }
}

/// A camera for a mounting and the size asked for.
pub(super) fn camera(spec: &SceneSpec, x: f64, y: f64, height: f64, view: [f64; 3]) -> Camera {
    let [heading_deg, pitch_deg, view_deg] = view;
    let position = World::new(x, y, height);
    Camera::new(Mounting { position, heading_deg, pitch_deg, view_deg }, spec.size.0, spec.size.1)
}

/// Daylight with the sun from this side.
pub(super) fn daylight(sun: (f64, f64, f64), direct: f64) -> Light {
    let sun = Vector3::new(sun.0, sun.1, sun.2).normalize();
    Light { sun, direct, visibility_m: 2_500.0, haze: [196, 130, 126] }
}

pub(super) const MOTOR: &[RoadUserClass] = &[RoadUserClass::Car, RoadUserClass::Bus, RoadUserClass::Truck];
pub(super) const ON_FOOT: &[RoadUserClass] = &[RoadUserClass::Pedestrian];
pub(super) const CYCLISTS: &[RoadUserClass] = &[RoadUserClass::Bicycle];
/// The usual traffic of a town.
pub(super) const TOWN: &[(RoadUserClass, f64)] =
    &[(RoadUserClass::Car, 0.84), (RoadUserClass::Bus, 0.07), (RoadUserClass::Truck, 0.09)];
/// The same where lorries are kept out.
pub(super) const NO_LORRIES: &[(RoadUserClass, f64)] =
    &[(RoadUserClass::Car, 0.92), (RoadUserClass::Bus, 0.08)];
/// Where lorries are kept out, but for deliveries.
pub(super) const CENTRE: &[(RoadUserClass, f64)] =
    &[(RoadUserClass::Car, 0.93), (RoadUserClass::Bus, 0.03), (RoadUserClass::Truck, 0.04)];
/// The usual traffic of a long-distance road.
pub(super) const LONG: &[(RoadUserClass, f64)] =
    &[(RoadUserClass::Car, 0.74), (RoadUserClass::Bus, 0.05), (RoadUserClass::Truck, 0.21)];
/// Cars and small vans only.
pub(super) const CARS: &[(RoadUserClass, f64)] = &[(RoadUserClass::Car, 1.0)];
pub(super) const BICYCLES: &[(RoadUserClass, f64)] = &[(RoadUserClass::Bicycle, 1.0)];
pub(super) const WALKERS: &[(RoadUserClass, f64)] = &[(RoadUserClass::Pedestrian, 1.0)];

/// A rectangle on the ground as a polygon.
pub(super) fn rectangle(x: (f64, f64), y: (f64, f64)) -> Vec<Ground> {
    vec![Ground::new(x.0, y.0), Ground::new(x.1, y.0), Ground::new(x.1, y.1), Ground::new(x.0, y.1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_group_is_green_at_a_time_and_each_has_its_turn() {
        let signals = Signals { greens_s: vec![10.0, 8.0, 6.0], clearance_s: 4.0 };
        let mut seen = [0; 3];
        for tenth in 0..720 {
            let time = f64::from(tenth) / 10.0;
            let green: Vec<_> = (0..3).filter(|&g| signals.is_green(g, time)).collect();
            assert!(green.len() <= 1);
            green.iter().for_each(|&g| seen[g] += 1);
        }
        assert_eq!(seen, [200, 160, 120]);
        assert!(Signals::default().is_green(0, 3.0));
    }

    #[test]
    fn a_head_goes_from_green_over_amber_to_red_and_back() {
        let signals = Signals { greens_s: vec![10.0, 8.0], clearance_s: 4.5 };
        let mut shown = Vec::new();
        for tenth in 0..270 {
            shown.push(signals.aspect(0, f64::from(tenth) / 10.0 + 0.05));
        }
        shown.dedup();
        assert_eq!(shown, [Aspect::Green, Aspect::Amber, Aspect::Red, Aspect::RedAmber]);
        assert_eq!(Signals::default().aspect(0, 1.0), Aspect::Green);
    }
}
