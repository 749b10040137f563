//! OGC SensorThings API 1.1 (18-088), read only: what is measured at lines, as the standard's entities. A camera is a Thing
//! and a Sensor, a line a FeatureOfInterest, and each line, direction, class and quantity a Datastream; its quarters of an
//! hour are Observations.
//!
//! `path` reads addresses, `options` and `filter` what stands behind the question mark, `catalogue` knows everything that
//! does not change, `observations` asks the store, `answer` puts them together. Movements and zones are not here: the
//! standard has no place for a count that is hidden.

mod answer;
mod catalogue;
mod filter;
mod observations;
mod options;
mod path;

pub(crate) use answer::{Answer, answer, root};

use serde_json::{Map, Value};

/// Where the service begins, below the server's address.
pub(crate) const ROOT: &str = "/api/v1/sta/v1.1";

/// The kinds of entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Thing,
    Location,
    HistoricalLocation,
    Datastream,
    Sensor,
    ObservedProperty,
    Observation,
    FeatureOfInterest,
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::Thing,
        Self::Location,
        Self::HistoricalLocation,
        Self::Datastream,
        Self::Sensor,
        Self::ObservedProperty,
        Self::Observation,
        Self::FeatureOfInterest,
    ];

    /// The name of its set.
    const fn set(self) -> &'static str {
        match self {
            Self::Thing => "Things",
            Self::Location => "Locations",
            Self::HistoricalLocation => "HistoricalLocations",
            Self::Datastream => "Datastreams",
            Self::Sensor => "Sensors",
            Self::ObservedProperty => "ObservedProperties",
            Self::Observation => "Observations",
            Self::FeatureOfInterest => "FeaturesOfInterest",
        }
    }

    /// What leads on from an entity of this kind (18-088, tables 3 to 20): the name, what it leads to, and whether to many.
    const fn navigation(self) -> &'static [(&'static str, Self, bool)] {
        match self {
            Self::Thing => &[
                ("Locations", Self::Location, true),
                ("HistoricalLocations", Self::HistoricalLocation, true),
                ("Datastreams", Self::Datastream, true),
            ],
            Self::Location => {
                &[("Things", Self::Thing, true), ("HistoricalLocations", Self::HistoricalLocation, true)]
            }
            Self::HistoricalLocation => &[("Thing", Self::Thing, false), ("Locations", Self::Location, true)],
            Self::Datastream => &[
                ("Thing", Self::Thing, false),
                ("Sensor", Self::Sensor, false),
                ("ObservedProperty", Self::ObservedProperty, false),
                ("Observations", Self::Observation, true),
            ],
            Self::Sensor | Self::ObservedProperty => &[("Datastreams", Self::Datastream, true)],
            Self::Observation => &[
                ("Datastream", Self::Datastream, false),
                ("FeatureOfInterest", Self::FeatureOfInterest, false),
            ],
            Self::FeatureOfInterest => &[("Observations", Self::Observation, true)],
        }
    }

    fn leads_to(self, name: &str) -> Option<(Self, bool)> {
        self.navigation().iter().find(|(known, ..)| *known == name).map(|(_, kind, many)| (*kind, *many))
    }
}

/// An entity with its own properties; links are added when it is answered with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entity {
    kind: Kind,
    id: String,
    body: Map<String, Value>,
}

impl Entity {
    fn new(kind: Kind, id: String, body: Value) -> Self {
        let body = match body {
            Value::Object(body) => body,
            _ => Map::new(),
        };
        Self { kind, id, body }
    }

    /// A property by its path; `id` is the entity's own.
    fn property(&self, path: &[String]) -> Option<Value> {
        match path {
            [one] if one == "id" || one == "@iot.id" => Some(Value::String(self.id.clone())),
            [first, rest @ ..] => {
                let start = self.body.get(first)?;
                rest.iter().try_fold(start, |value, name| value.get(name)).cloned()
            }
            [] => None,
        }
    }
}

/// What is wrong with a request: where, what was given, and what is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) field: &'static str,
    pub(crate) value: String,
    pub(crate) accepted: String,
}

impl Refusal {
    fn new(field: &'static str, value: impl Into<String>, accepted: impl Into<String>) -> Self {
        Self { field, value: value.into(), accepted: accepted.into() }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StaError {
    /// The request is at fault.
    #[error("the request is not acceptable")]
    Refused(Refusal),
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] wayside_store::StoreError),
}

impl From<Refusal> for StaError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
