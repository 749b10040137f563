//! Incidents: the list and one by its id. What an incident looks like in the API, also in the live events, stands here.
//! Nothing here says who was there: a zone, a place and a time.

pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod still;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use wayside_store::StoreError;
use wayside_types::IncidentRecord;

use crate::problem::{FieldError, Kind, Problem};

/// A hazard on a road or a fault of a camera, as it stands.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Incident {
    /// The same for ever.
    #[schema(example = "hp-07.1790000000000.3")]
    id: String,
    /// The camera's id.
    #[schema(example = "hp-07")]
    camera: String,
    /// Counts what was told of this incident: of two versions the one with the larger number is newer.
    #[schema(example = 1)]
    revision: u32,
    /// `stopped_vehicle`, `wrong_way`, `congestion`, `pedestrian_on_carriageway`, `object_on_road`, `low_visibility`,
    /// `watch_changed`, `camera_no_signal`, `camera_frozen`, `camera_dark`, `camera_blurred`, `camera_moved` or
    /// `external`.
    #[schema(example = "stopped_vehicle")]
    kind: &'static str,
    /// `open` while it lasts, `ended`, or `unknown`: nobody watched its end, because Wayside stopped meanwhile.
    #[schema(example = "open")]
    state: &'static str,
    /// `minor`, `moderate`, `severe` or `extreme`, as in CAP 1.2.
    #[schema(example = "severe")]
    severity: &'static str,
    /// How sure, 0 to 1.
    confidence: f64,
    /// The zone it is in; null where it is about the whole view.
    #[schema(example = "lane-1", required)]
    zone: Option<String>,
    /// When it began.
    started_at: Timestamp,
    /// When the rule was fulfilled.
    detected_at: Timestamp,
    /// When it was last known to hold, by this version; newer versions come when something changes.
    last_seen_at: Timestamp,
    /// When it was over; null while it lasts and where nobody saw its end.
    #[schema(required)]
    ended_at: Option<Timestamp>,
    /// Where it is, if it is at one place; of people the middle of a cell of a coarse grid.
    #[schema(required)]
    place: Option<Place>,
    /// Why the rule fired: each value that was found against the setting that it was held against.
    why: Vec<Reason>,
    /// Which stills there are: some of `start` and `confirmed`; null in lists and live events.
    #[schema(required)]
    stills: Option<Vec<&'static str>>,
}

/// A place on the road.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct Place {
    /// In the picture, as fractions of its width and height.
    image: [f64; 2],
    /// On the ground, metres of the calibration; null without one.
    #[schema(required)]
    ground_m: Option<[f64; 2]>,
    /// Degrees east, WGS 84; null unless the calibration says where its ground is.
    #[schema(required)]
    lon: Option<f64>,
    /// Degrees north, WGS 84; null unless the calibration says where its ground is.
    #[schema(required)]
    lat: Option<f64>,
}

/// One value against one setting.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Reason {
    /// What was looked at, with its unit.
    #[schema(example = "stood_s")]
    what: String,
    /// What was found.
    value: f64,
    /// The setting in the camera's profile.
    #[schema(example = "hold_s")]
    setting: String,
    /// What it is set to.
    limit: f64,
}

impl From<&IncidentRecord> for Incident {
    fn from(record: &IncidentRecord) -> Self {
        let incident = &record.incident;
        let place = incident.place.map(|place| Place {
            image: place.image.into(),
            ground_m: place.ground_m.map(<[f64; 2]>::from),
            lon: record.map.map(|map| map.lon),
            lat: record.map.map(|map| map.lat),
        });
        let why = incident.why.iter().map(|reason| Reason {
            what: reason.what.clone(),
            value: reason.value,
            setting: reason.setting.clone(),
            limit: reason.limit,
        });
        Self {
            id: record.id.to_string(),
            camera: record.id.camera.to_string(),
            revision: record.revision,
            kind: incident.kind.as_str(),
            state: record.state.as_str(),
            severity: incident.severity.as_str(),
            confidence: incident.confidence,
            zone: incident.zone.as_ref().map(ToString::to_string),
            started_at: incident.onset,
            detected_at: incident.detected,
            last_seen_at: record.last_seen,
            ended_at: incident.ended,
            place,
            why: why.collect(),
            stills: None,
        }
    }
}

/// What the store's refusal is to the caller.
fn problem_of(error: &StoreError) -> Problem {
    match error {
        StoreError::BadQuery { field, reason } => {
            Problem::fields(Kind::InvalidParameter, vec![FieldError::new(field, None, reason)])
                .saying(format!("{field} can't be used: {reason}"))
        }
        error if error.is_transient() => {
            tracing::warn!(%error, "incidents could not be read");
            let kept = "what is open now is in the live events, and all is kept; try again later";
            Problem::new(Kind::DatabaseAway, format!("{error}; {kept}"))
        }
        error => Problem::internal(error),
    }
}
