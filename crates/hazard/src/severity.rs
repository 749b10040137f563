//! How bad an incident is, from its kind, its zone, the traffic around it and how long it lasts.

use wayside_types::{IncidentKind, RoadUserClass, Severity, Zone};

/// An incident that lasts this long is one step worse.
const LONG_S: f64 = 600.0;

/// What is known of an incident for this.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    pub zone: Option<&'a Zone>,
    /// Whether other vehicles drive past.
    pub traffic_moves: bool,
    /// How long it lasts, seconds.
    pub lasted_s: f64,
    /// How far beyond its setting: 0 at the setting, 1 at its far end.
    pub excess: f64,
}

/// The severity of an incident.
pub fn severity(kind: IncidentKind, about: Circumstances<'_>) -> Severity {
    // A road that people are kept off is a fast one.
    let fast = about.zone.is_some_and(|zone| zone.closed_to.contains(&RoadUserClass::Pedestrian));
    let first = match kind {
        IncidentKind::WrongWay if fast => Severity::Extreme,
        IncidentKind::WrongWay => Severity::Severe,
        IncidentKind::StoppedVehicle | IncidentKind::ObjectOnRoad if fast && about.traffic_moves => {
            Severity::Severe
        }
        IncidentKind::PedestrianOnCarriageway if about.traffic_moves => Severity::Severe,
        IncidentKind::LowVisibility if about.excess >= 0.5 => Severity::Severe,
        IncidentKind::Congestion if about.excess < 0.5 => Severity::Minor,
        IncidentKind::CameraFrozen | IncidentKind::CameraDark | IncidentKind::CameraBlurred => {
            Severity::Minor
        }
        _ => Severity::Moderate,
    };
    match first {
        Severity::Minor if about.lasted_s >= LONG_S => Severity::Moderate,
        Severity::Moderate if about.lasted_s >= LONG_S => Severity::Severe,
        severity => severity,
    }
}
