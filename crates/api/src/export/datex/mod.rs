//! Traffic data as DATEX II v3 (EN 16157): the table of measurement sites, and what was measured at them. A site is a line
//! and a direction. Names, order and cardinality of elements are those of the schema 3.7 (namespaces `d2Payload`, `common`,
//! `roadTrafficData`, `locationReferencing`); `xml` writes them, `sites` and `measured` say which.
//!
//! DATEX II has no road users on foot: pedestrians are left out. Wayside's cars are vans and pick-ups too, and its
//! motorcycles are scooters too; they are mapped to what includes these.

mod measured;
mod sites;
mod xml;

pub(crate) use measured::measured_data;
pub(crate) use sites::site_table;

use wayside_types::{CameraSpec, Direction, Line, RoadUserClass};

use super::place::{OnMap, Place};
use crate::state::ApiParts;

/// Its media type.
pub(crate) const MEDIA_TYPE: &str = "application/xml";

/// The id of the one table of sites.
const TABLE: &str = "wayside";

/// Who is counted together.
struct Group {
    classes: &'static [RoadUserClass],
    /// The terms of the standard's `VehicleTypeEnum`.
    vehicle_types: &'static [&'static str],
}

/// The groups, each with its class, after all motor vehicles.
const GROUPS: [Group; 6] = [
    Group {
        classes: &super::geojson::MOTOR,
        vehicle_types: &["carOrLightVehicle", "bus", "lorry", "motorcycle", "motorscooter"],
    },
    Group { classes: &[RoadUserClass::Car], vehicle_types: &["carOrLightVehicle"] },
    Group { classes: &[RoadUserClass::Bus], vehicle_types: &["bus"] },
    Group { classes: &[RoadUserClass::Truck], vehicle_types: &["lorry"] },
    Group { classes: &[RoadUserClass::Motorcycle], vehicle_types: &["motorcycle", "motorscooter"] },
    Group { classes: &[RoadUserClass::Bicycle], vehicle_types: &["bicycle"] },
];

/// What is measured of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantity {
    Flow,
    /// Arithmetic mean and percentiles.
    Speed,
    /// Harmonic mean.
    SpaceMeanSpeed,
    Headway,
    Occupancy,
}

impl Quantity {
    const ALL: [Self; 5] = [Self::Flow, Self::Speed, Self::SpaceMeanSpeed, Self::Headway, Self::Occupancy];

    /// The term of `MeasuredOrDerivedDataTypeEnum`.
    const fn value_type(self) -> &'static str {
        match self {
            Self::Flow => "trafficFlow",
            Self::Speed | Self::SpaceMeanSpeed => "trafficSpeed",
            Self::Headway => "trafficHeadway",
            Self::Occupancy => "trafficConcentration",
        }
    }

    /// The term of `ComputationMethodEnum`, where there is one.
    const fn method(self) -> Option<&'static str> {
        match self {
            Self::Speed | Self::Headway => Some("arithmeticAverageOfSamplesInATimePeriod"),
            Self::SpaceMeanSpeed => Some("harmonicAverageOfSamplesInATimePeriod"),
            Self::Flow | Self::Occupancy => None,
        }
    }
}

/// The index under which sites and measurements speak of the same: the group and the quantity.
fn index(group: usize, quantity: Quantity) -> usize {
    let quantity = Quantity::ALL.iter().position(|known| *known == quantity).unwrap_or_default();
    10 * group + quantity + 1
}

/// A line and a direction with a place on the map.
struct Site<'a> {
    camera: &'a CameraSpec,
    line: &'a Line,
    direction: Direction,
    place: Place,
    heading_deg: Option<u16>,
}

impl Site<'_> {
    fn id(&self) -> String {
        format!("{}/{}/{}", self.camera.id, self.line.id, self.direction.as_str())
    }
}

/// All sites in order. The standard wants a place for each: lines of a camera without any are left out.
fn sites(parts: &ApiParts) -> Vec<Site<'_>> {
    let mut sites = Vec::new();
    for camera in parts.cameras.iter() {
        let on_map = OnMap::new(camera, &parts.ground);
        for line in &camera.lines {
            let Some(place) = on_map.site(line) else { continue };
            for direction in [Direction::Forward, Direction::Backward] {
                let heading_deg = on_map.heading_deg(line, direction);
                sites.push(Site { camera, line, direction, place, heading_deg });
            }
        }
    }
    sites
}

/// The version of the table: another as soon as a camera's drawing is another (FNV-1a of the configurations' versions).
fn table_version(parts: &ApiParts) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for camera in parts.cameras.iter() {
        for byte in camera.id.as_str().bytes().chain(camera.config_version.bytes()) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    format!("{hash:016x}")
}

/// Why there is no publication.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DatexError {
    /// The standard wants at least one site with a place.
    #[error(
        "no camera has both a line and a location: give location (or calibration.ground_origin) in a camera file"
    )]
    NoSite,
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] wayside_store::StoreError),
    /// Writing failed, which memory does not.
    #[error("the document could not be written: {0}")]
    Write(#[from] std::io::Error),
}
