//! Everything that does not change from bin to bin, made out of the cameras' configuration: what there is, under which ids,
//! and what belongs to what. Ids are put together from ids of the configuration with dots, so that they stay the same for as
//! long as lines keep their names.

use serde_json::{Value, json};
use wayside_types::{CameraId, CameraSpec, Direction, Line, RoadUserClass};

use super::filter::Filter;
use super::{Entity, Kind};
use crate::export::OnMap;
use crate::state::ApiParts;

/// What is measured of a class at a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quantity {
    pub(super) id: &'static str,
    name: &'static str,
    description: &'static str,
    /// Name, symbol and definition of the unit (UCUM, QUDT); none for a share.
    unit: [Option<&'static str>; 3],
    /// The kind of observation (18-088, table 12).
    observation: &'static str,
}

const COUNT: &str = "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_CountObservation";
const MEASUREMENT: &str = "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement";
const KMH: [Option<&str>; 3] =
    [Some("Kilometre per hour"), Some("km/h"), Some("http://qudt.org/vocab/unit/KiloM-PER-HR")];

/// Everything that is measured, in the order of its ids' meaning.
pub(super) const QUANTITIES: [Quantity; 7] = [
    Quantity {
        id: "count",
        name: "Traffic count",
        description: "Road users that crossed the line in this direction",
        unit: [Some("Number"), Some("1"), Some("http://qudt.org/vocab/unit/NUM")],
        observation: COUNT,
    },
    Quantity {
        id: "flow",
        name: "Traffic flow",
        description: "The count by the hour, over the observed time",
        unit: [Some("Number per hour"), Some("1/h"), Some("http://qudt.org/vocab/unit/NUM-PER-HR")],
        observation: MEASUREMENT,
    },
    Quantity {
        id: "speed",
        name: "Time-mean speed",
        description: "Arithmetic mean of the speeds at the line",
        unit: KMH,
        observation: MEASUREMENT,
    },
    Quantity {
        id: "space-mean-speed",
        name: "Space-mean speed",
        description: "Harmonic mean of the speeds at the line",
        unit: KMH,
        observation: MEASUREMENT,
    },
    Quantity {
        id: "speed-p85",
        name: "85th percentile speed",
        description: "The speed that 85 % do not exceed",
        unit: KMH,
        observation: MEASUREMENT,
    },
    Quantity {
        id: "headway",
        name: "Mean headway",
        description: "Mean time from one vehicle to the next at the line",
        unit: [Some("Second"), Some("s"), Some("http://qudt.org/vocab/unit/SEC")],
        observation: MEASUREMENT,
    },
    Quantity {
        id: "occupancy",
        name: "Occupancy",
        description: "Share of the observed time in which a vehicle of the class was over the line, 0 to 1",
        unit: [None, None, None],
        observation: MEASUREMENT,
    },
];

/// How a filter names an entity, and of a Datastream the camera and the quantity.
const OWN_ID: &[&[&str]] = &[&["id"], &["@iot.id"]];
const ITS_CAMERA: &[&[&str]] = &[
    &["Thing", "id"],
    &["Thing", "@iot.id"],
    &["Sensor", "id"],
    &["Sensor", "@iot.id"],
    &["properties", "camera"],
];
const ITS_PROPERTY: &[&[&str]] = &[&["ObservedProperty", "id"], &["ObservedProperty", "@iot.id"]];

/// A stream of observations.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stream<'a> {
    pub(super) camera: &'a CameraSpec,
    pub(super) line: &'a Line,
    pub(super) direction: Direction,
    pub(super) class: RoadUserClass,
    pub(super) quantity: Quantity,
}

impl Stream<'_> {
    pub(super) fn id(&self) -> String {
        let (camera, line, way) = (&self.camera.id, &self.line.id, self.direction.as_str());
        format!("{camera}.{line}.{way}.{}.{}", self.class, self.quantity.id)
    }

    fn entity(&self) -> Entity {
        let [name, symbol, definition] = self.quantity.unit;
        let (line, way, class) = (&self.line.id, self.direction.as_str(), self.class);
        Entity::new(
            Kind::Datastream,
            self.id(),
            json!({
                "name": format!("{}, {class}, {line} {way}, {}", self.quantity.name, self.camera.name),
                "description": format!(
                    "{} in quarters of an hour; only {class}, at line {line}, {way}", self.quantity.description
                ),
                "observationType": self.quantity.observation,
                "unitOfMeasurement": {"name": name, "symbol": symbol, "definition": definition},
                "properties": {
                    "camera": self.camera.id, "line": line, "direction": way, "class": class.as_str(), "bin": "15m",
                },
            }),
        )
    }
}

/// The catalogue of a site.
pub(super) struct Catalogue<'a>(pub(super) &'a ApiParts);

impl<'a> Catalogue<'a> {
    pub(super) fn camera(&self, id: &str) -> Option<&'a CameraSpec> {
        let id = CameraId::new(id).ok()?;
        self.0.cameras.iter().find(|camera| camera.id == id)
    }

    /// All streams, of one camera if it is named.
    pub(super) fn streams(&self, of: Option<&'a CameraSpec>) -> impl Iterator<Item = Stream<'a>> + use<'a> {
        let cameras: Vec<&'a CameraSpec> = match of {
            Some(camera) => vec![camera],
            None => self.0.cameras.iter().collect(),
        };
        cameras.into_iter().flat_map(|camera| {
            camera.lines.iter().flat_map(move |line| {
                [Direction::Forward, Direction::Backward].into_iter().flat_map(move |direction| {
                    RoadUserClass::ALL.iter().flat_map(move |class| {
                        QUANTITIES.into_iter().map(move |quantity| Stream {
                            camera,
                            line,
                            direction,
                            class: *class,
                            quantity,
                        })
                    })
                })
            })
        })
    }

    /// The stream of an id.
    pub(super) fn stream(&self, id: &str) -> Option<Stream<'a>> {
        let camera = self.camera(id.split('.').next()?)?;
        self.streams(Some(camera)).find(|stream| stream.id() == id)
    }

    /// The camera and line of a feature's id.
    pub(super) fn feature(&self, id: &str) -> Option<(&'a CameraSpec, &'a Line)> {
        let (camera, line) = id.split_once('.')?;
        let camera = self.camera(camera)?;
        Some((camera, camera.lines.iter().find(|known| known.id.as_str() == line)?))
    }

    /// Every entity of a kind; observations are not here.
    pub(super) fn all(&self, kind: Kind) -> Box<dyn Iterator<Item = Entity> + 'a> {
        let parts = self.0;
        let cameras = parts.cameras.iter();
        match kind {
            Kind::Thing => Box::new(cameras.map(thing)),
            Kind::Location => Box::new(cameras.filter_map(location)),
            Kind::Sensor => Box::new(cameras.map(sensor)),
            Kind::Datastream => Box::new(self.streams(None).map(|stream| stream.entity())),
            Kind::ObservedProperty => Box::new(QUANTITIES.iter().map(observed_property)),
            Kind::FeatureOfInterest => {
                Box::new(cameras.flat_map(move |camera| {
                    camera.lines.iter().map(move |line| feature(parts, camera, line))
                }))
            }
            // Cameras stand still: no place of one was ever another's.
            Kind::HistoricalLocation | Kind::Observation => Box::new(std::iter::empty()),
        }
    }

    /// Those of a kind that a filter can only hold for, as it names them or what they belong to; `None` where it names neither.
    /// Observations are not here.
    pub(super) fn named(&self, kind: Kind, filter: &Filter) -> Option<Vec<Entity>> {
        if let Some(id) = filter.must_equal(OWN_ID) {
            return Some(self.one(kind, id).into_iter().collect());
        }
        if kind != Kind::Datastream {
            return None;
        }
        let of = |owner: Kind, id: &str| {
            self.one(owner, id).map(|owner| self.related(&owner, kind)).unwrap_or_default()
        };
        let camera = filter.must_equal(ITS_CAMERA).map(|id| of(Kind::Thing, id));
        camera.or_else(|| filter.must_equal(ITS_PROPERTY).map(|id| of(Kind::ObservedProperty, id)))
    }

    /// Some of every entity of a kind. A city has half a million Datastreams: those of other pages are not made.
    pub(super) fn some(&self, kind: Kind, skip: usize, take: usize) -> Vec<Entity> {
        match kind {
            Kind::Datastream => {
                self.streams(None).skip(skip).take(take).map(|stream| stream.entity()).collect()
            }
            _ => self.all(kind).skip(skip).take(take).collect(),
        }
    }

    /// How many entities of a kind there are.
    pub(super) fn count(&self, kind: Kind) -> usize {
        match kind {
            Kind::Datastream => self.streams(None).count(),
            _ => self.all(kind).count(),
        }
    }

    /// The entity of an id; observations are not here.
    pub(super) fn one(&self, kind: Kind, id: &str) -> Option<Entity> {
        match kind {
            Kind::Thing => self.camera(id).map(thing),
            Kind::Location => self.camera(id).and_then(location),
            Kind::Sensor => self.camera(id).map(sensor),
            Kind::Datastream => self.stream(id).map(|stream| stream.entity()),
            Kind::ObservedProperty => QUANTITIES.iter().find(|known| known.id == id).map(observed_property),
            Kind::FeatureOfInterest => self.feature(id).map(|(camera, line)| feature(self.0, camera, line)),
            Kind::HistoricalLocation | Kind::Observation => None,
        }
    }

    /// What an entity leads to, but for observations.
    pub(super) fn related(&self, from: &Entity, to: Kind) -> Vec<Entity> {
        let id = from.id.as_str();
        let parent = |parts: usize| id.split('.').take(parts).collect::<Vec<_>>().join(".");
        match (from.kind, to) {
            (Kind::Thing, Kind::Location) | (Kind::Location, Kind::Thing) => {
                self.one(to, id).into_iter().collect()
            }
            (Kind::Thing | Kind::Sensor, Kind::Datastream) => {
                let camera = self.camera(id);
                camera
                    .map(|camera| self.streams(Some(camera)).map(|s| s.entity()).collect())
                    .unwrap_or_default()
            }
            (Kind::ObservedProperty, Kind::Datastream) => {
                self.streams(None).filter(|stream| stream.quantity.id == id).map(|s| s.entity()).collect()
            }
            (Kind::Datastream, Kind::Thing | Kind::Sensor) => self.one(to, &parent(1)).into_iter().collect(),
            (Kind::Datastream, Kind::ObservedProperty) => {
                let quantity = id.rsplit('.').next().unwrap_or_default();
                self.one(to, quantity).into_iter().collect()
            }
            (Kind::Observation, Kind::Datastream) => self.one(to, &parent(5)).into_iter().collect(),
            (Kind::Observation, Kind::FeatureOfInterest) => self.one(to, &parent(2)).into_iter().collect(),
            _ => Vec::new(),
        }
    }
}

fn thing(camera: &CameraSpec) -> Entity {
    Entity::new(
        Kind::Thing,
        camera.id.to_string(),
        json!({
            "name": camera.name,
            "description": "A fixed camera whose view is counted on its lines",
            "properties": {"department": camera.department, "profile": camera.profile.name},
        }),
    )
}

fn location(camera: &CameraSpec) -> Option<Entity> {
    let at = camera.location?;
    Some(Entity::new(
        Kind::Location,
        camera.id.to_string(),
        json!({
            "name": camera.name,
            "description": "Where the camera stands",
            "encodingType": "application/geo+json",
            "location": {"type": "Point", "coordinates": [at.lon, at.lat]},
            "properties": {"heading_deg": at.heading_deg},
        }),
    ))
}

fn sensor(camera: &CameraSpec) -> Entity {
    Entity::new(
        Kind::Sensor,
        camera.id.to_string(),
        json!({
            "name": format!("Video analysis of {}", camera.name),
            "description": "Detects road users in the camera's frames and counts them as they cross its lines; \
                            recognises and follows nobody beyond the view",
            "encodingType": "text/html",
            "metadata": "/api/docs/",
            "properties": {"calibrated": camera.calibration.is_some(), "config_version": camera.config_version},
        }),
    )
}

fn observed_property(quantity: &Quantity) -> Entity {
    Entity::new(
        Kind::ObservedProperty,
        quantity.id.to_owned(),
        json!({
            "name": quantity.name,
            "definition": format!("urn:wayside:quantity:{}", quantity.id),
            "description": quantity.description,
        }),
    )
}

fn feature(parts: &ApiParts, camera: &CameraSpec, line: &Line) -> Entity {
    let on_map = OnMap::new(camera, &parts.ground);
    let geometry = match (on_map.line(line), camera.location) {
        (Some(ends), _) => json!({"type": "LineString", "coordinates": ends}),
        (None, Some(at)) => json!({"type": "Point", "coordinates": [at.lon, at.lat]}),
        (None, None) => Value::Null,
    };
    Entity::new(
        Kind::FeatureOfInterest,
        format!("{}.{}", camera.id, line.id),
        json!({
            "name": format!("{} of {}", line.id, camera.name),
            "description": "A line on the road that is counted on; where it is not on the map, its camera",
            "encodingType": "application/geo+json",
            "feature": {"type": "Feature", "properties": {}, "geometry": geometry},
        }),
    )
}

#[cfg(test)]
mod tests {
    use wayside_store::WriterStats;

    use super::*;
    use crate::testing::{no_database, parts};

    #[tokio::test]
    async fn a_page_of_a_city_is_that_part_of_everything() {
        let mut parts = parts(no_database().await, "127.0.0.1:8080", WriterStats::default());
        let camera = parts.cameras[0].clone();
        let numbered = |n| CameraSpec { id: CameraId::new(&format!("c-{n}")).unwrap(), ..camera.clone() };
        parts.cameras = (0..600).map(numbered).collect();
        let catalogue = Catalogue(&parts);
        let all: Vec<Entity> = catalogue.all(Kind::Datastream).collect();
        assert_eq!((all.len(), catalogue.count(Kind::Datastream)), (600 * 2 * 2 * 6 * 7, all.len()));
        let from = all.len() - 150;
        assert_eq!(catalogue.some(Kind::Datastream, from, 100), all[from..from + 100]);
        assert_eq!(catalogue.some(Kind::Thing, 599, 100).len(), 1);
    }
}
