//! The classes a detector may name. This closed list is the first privacy rule: a manifest that maps a
//! label to anything else is refused in `detect`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::bins::BinLength;

macro_rules! classes {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name used in config, API and database.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownClass;
            fn from_str(s: &str) -> Result<Self, UnknownClass> {
                match s {
                    $($text => Ok(Self::$variant),)+
                    other => Err(UnknownClass {
                        value: other.to_owned(),
                        accepted: concat!($($text, " "),+),
                    }),
                }
            }
        }
    };
}

/// A class name outside the allow-list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("class {value:?} is not one of: {accepted}")]
pub struct UnknownClass {
    /// What was given.
    pub value: String,
    /// What may be given, separated by blanks.
    pub accepted: &'static str,
}

classes!(
    /// A kind of road user. There are six and there will be no finer ones.
    RoadUserClass {
        /// Passenger car, taxi, pick-up, van.
        Car = "car",
        /// Bus or coach.
        Bus = "bus",
        /// Lorry.
        Truck = "truck",
        /// Motorcycle or scooter with its rider.
        Motorcycle = "motorcycle",
        /// Bicycle with its rider.
        Bicycle = "bicycle",
        /// A person on foot.
        Pedestrian = "pedestrian",
    }
);

classes!(
    /// What a model of layout `scene` may name.
    SceneClass {
        /// Smoke over the road.
        Smoke = "smoke",
        /// Open fire.
        Fire = "fire",
        /// Water standing on the road.
        Flooding = "flooding",
    }
);

impl RoadUserClass {
    /// Cars, buses and lorries: the classes with bins of one minute.
    #[must_use]
    pub const fn is_motor_vehicle(self) -> bool {
        matches!(self, Self::Car | Self::Bus | Self::Truck)
    }

    /// Whoever follows others on a carriageway: headways and occupancy of lines are theirs.
    #[must_use]
    pub const fn is_in_traffic(self) -> bool {
        self.is_motor_vehicle() || matches!(self, Self::Motorcycle)
    }

    /// Shortest bin in which this class may be stored or shown: one minute for cars, buses and lorries,
    /// fifteen for pedestrians, bicycles and motorcycles.
    #[must_use]
    pub const fn shortest_bin(self) -> BinLength {
        if self.is_motor_vehicle() { BinLength::Minute1 } else { BinLength::Minute15 }
    }
}
