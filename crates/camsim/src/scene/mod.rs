//! The drawn street: what a scene is ([`SceneSpec`]), its roads and camera ([`layout`] and one file per
//! kind), its traffic ([`traffic`]), its pictures ([`stage`]) and what really happened ([`truth`]).
//! Drawing itself lives in `draw`, serving in `rtsp`.

mod arterial;
pub mod camera_file;
mod heads;
mod highway;
mod junction;
pub mod layout;
pub mod path;
pub mod record;
pub mod stage;
pub mod traffic;
pub mod truth;

use std::str::FromStr;

/// Which road is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SceneKind {
    /// Four arms, signals, turning movements, crossings, seen obliquely from a corner.
    Junction,
    /// Two carriageways of two lanes, cycle tracks and footways, seen from the side.
    Arterial,
    /// Two carriageways seen obliquely from the verge.
    Highway,
}

impl SceneKind {
    /// All of them: `street` on the command line.
    pub const ALL: [Self; 3] = [Self::Junction, Self::Arterial, Self::Highway];

    /// The name in URLs, camera files and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Junction => "junction",
            Self::Arterial => "arterial",
            Self::Highway => "highway",
        }
    }
}

impl FromStr for SceneKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| format!("scene {text:?} is not one of: junction arterial highway"))
    }
}

/// Something that goes wrong on request. Times are seconds of scene time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Hazard {
    /// A car stops in its lane.
    StoppedVehicle {
        /// When it sets out; it stops some seconds later.
        from_s: f64,
        /// How long it stands.
        for_s: f64,
    },
    /// A car drives against the traffic.
    WrongWay {
        /// When it sets out.
        from_s: f64,
    },
    /// A crate lies in a lane.
    ObjectOnRoad {
        /// When it is there.
        from_s: f64,
        /// How long.
        for_s: f64,
    },
    /// Fog rises within 20 s and goes within 20 s.
    Fog {
        /// When it starts to rise.
        from_s: f64,
        /// How long until it starts to go.
        for_s: f64,
        /// Meteorological range at its thickest, in metres.
        visibility_m: f64,
    },
}

impl Hazard {
    /// The names on the command line.
    pub const NAMES: [&str; 4] = ["stopped", "wrong-way", "object", "fog"];

    /// The usual one of a name, at a second of scene time: 40 s long, fog in which one sees 60 m.
    #[must_use]
    pub fn usual(name: &str, from_s: f64) -> Option<Self> {
        let for_s = 40.0;
        Some(match name {
            "stopped" => Self::StoppedVehicle { from_s, for_s },
            "wrong-way" => Self::WrongWay { from_s },
            "object" => Self::ObjectOnRoad { from_s, for_s },
            "fog" => Self::Fog { from_s, for_s, visibility_m: 60.0 },
            _ => return None,
        })
    }
}

/// A drawn scene. The same specification gives the same frames, byte for byte.
#[derive(Debug, Clone, PartialEq)]
pub struct SceneSpec {
    /// Which road.
    pub kind: SceneKind,
    /// Seed of everything random.
    pub seed: u64,
    /// Width and height in pixels; even, 320×180 to 1920×1080, 16:9 for the shipped lines.
    pub size: (u32, u32),
    /// Frames a second, 1 to 60.
    pub fps: u32,
    /// How much traffic: 1 is the scene's usual, 0 none, at most 3.
    pub density: f64,
    /// What goes wrong.
    pub hazards: Vec<Hazard>,
}

impl SceneSpec {
    /// The usual scene of this kind: 640×360 at 15 frames a second, nothing wrong.
    #[must_use]
    pub fn new(kind: SceneKind, seed: u64) -> Self {
        Self { kind, seed, size: (640, 360), fps: 15, density: 1.0, hazards: Vec::new() }
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// Names the first setting outside its range.
    pub fn check(&self) -> Result<(), crate::CamsimError> {
        let bad = |setting, value: String, accepted| {
            Err(crate::CamsimError::OutOfRange { setting, value, accepted })
        };
        let (width, height) = self.size;
        if !(320..=1920).contains(&width) || !(180..=1080).contains(&height) || (width | height) & 3 != 0 {
            let accepted = "320x180 to 1920x1080 in steps of 4";
            return bad("scene size", format!("{width}x{height}"), accepted);
        }
        if !(1..=60).contains(&self.fps) {
            return bad("scene fps", self.fps.to_string(), "1 to 60");
        }
        if !(0.0..=3.0).contains(&self.density) {
            return bad("scene density", self.density.to_string(), "0 to 3");
        }
        Ok(())
    }
}
