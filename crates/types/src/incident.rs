//! Hazards as they are told to others: what kind, where on the road, when, how sure and why. Nothing in here says
//! anything about who was there. Which rule finds what is `hazard`'s work, what people do about it `desk`'s.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::geometry::Point;
use crate::ids::ZoneId;
use crate::time::Timestamp;

/// What kind of hazard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentKind {
    /// A motor vehicle that moved stands where traffic flows.
    StoppedVehicle,
    /// Somebody drives against the traffic.
    WrongWay,
    /// Traffic has slowed down and fills the road, or a queue reaches past its mark.
    Congestion,
    /// A pedestrian or bicycle where neither may be.
    PedestrianOnCarriageway,
    /// Something that is no vehicle lies on the road.
    ObjectOnRoad,
    /// Fog, smoke, heavy rain.
    LowVisibility,
    /// What a watch zone shows is not what it showed.
    WatchChanged,
    /// No picture comes.
    CameraNoSignal,
    /// The same picture comes again and again.
    CameraFrozen,
    /// The picture is black.
    CameraDark,
    /// The picture has lost its edges.
    CameraBlurred,
    /// The camera looks somewhere else.
    CameraMoved,
    /// Told by a sensor outside, through the API.
    External,
}

impl IncidentKind {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::StoppedVehicle,
        Self::WrongWay,
        Self::Congestion,
        Self::PedestrianOnCarriageway,
        Self::ObjectOnRoad,
        Self::LowVisibility,
        Self::WatchChanged,
        Self::CameraNoSignal,
        Self::CameraFrozen,
        Self::CameraDark,
        Self::CameraBlurred,
        Self::CameraMoved,
        Self::External,
    ];

    /// The name used in config, API and database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StoppedVehicle => "stopped_vehicle",
            Self::WrongWay => "wrong_way",
            Self::Congestion => "congestion",
            Self::PedestrianOnCarriageway => "pedestrian_on_carriageway",
            Self::ObjectOnRoad => "object_on_road",
            Self::LowVisibility => "low_visibility",
            Self::WatchChanged => "watch_changed",
            Self::CameraNoSignal => "camera_no_signal",
            Self::CameraFrozen => "camera_frozen",
            Self::CameraDark => "camera_dark",
            Self::CameraBlurred => "camera_blurred",
            Self::CameraMoved => "camera_moved",
            Self::External => "external",
        }
    }

    /// Whether it is the camera that fails: then nothing else that it shows can be believed.
    #[must_use]
    pub const fn is_camera_fault(self) -> bool {
        matches!(
            self,
            Self::CameraNoSignal
                | Self::CameraFrozen
                | Self::CameraDark
                | Self::CameraBlurred
                | Self::CameraMoved
        )
    }
}

impl fmt::Display for IncidentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A kind of incident that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("incident kind {0:?} is not one of: {list}", list = kinds())]
pub struct UnknownIncidentKind(pub String);

fn kinds() -> String {
    IncidentKind::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(" ")
}

impl FromStr for IncidentKind {
    type Err = UnknownIncidentKind;
    fn from_str(s: &str) -> Result<Self, UnknownIncidentKind> {
        let found = Self::ALL.iter().copied().find(|kind| kind.as_str() == s);
        found.ok_or_else(|| UnknownIncidentKind(s.to_owned()))
    }
}

/// How bad it is. The names are those of CAP 1.2 (OASIS Common Alerting Protocol), least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Minimal threat.
    Minor,
    /// Possible threat.
    Moderate,
    /// Significant threat.
    Severe,
    /// Extraordinary threat.
    Extreme,
}

/// A severity that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("severity {0:?} is not one of: minor moderate severe extreme")]
pub struct UnknownSeverity(pub String);

impl FromStr for Severity {
    type Err = UnknownSeverity;
    fn from_str(s: &str) -> Result<Self, UnknownSeverity> {
        let found = Self::ALL.iter().copied().find(|severity| severity.as_str() == s);
        found.ok_or_else(|| UnknownSeverity(s.to_owned()))
    }
}

impl Severity {
    /// All of them, least first.
    pub const ALL: &'static [Self] = &[Self::Minor, Self::Moderate, Self::Severe, Self::Extreme];

    /// The name used in API and database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Minor => "minor",
            Self::Moderate => "moderate",
            Self::Severe => "severe",
            Self::Extreme => "extreme",
        }
    }
}

/// One reason why a rule fired: what was found against what is set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// What was looked at, with its unit: `stood_s`.
    pub what: String,
    /// What was found.
    pub value: f64,
    /// The setting that it was held against, as in the profile: `hold_s`.
    pub setting: String,
    /// What is set.
    pub limit: f64,
}

impl Reason {
    /// A value against a setting.
    #[must_use]
    pub fn new(what: &str, value: f64, setting: &str, limit: f64) -> Self {
        Self { what: what.to_owned(), value, setting: setting.to_owned(), limit }
    }
}

/// Where on the road. Of people it is the middle of a cell of the live view's coarse grid, never the very place.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// In the picture, fractions of width and height.
    pub image: Point,
    /// On the ground, metres of the calibration; `None` without one or above its horizon.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ground_m: Option<Point>,
}

/// A hazard as one camera found it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// What kind.
    pub kind: IncidentKind,
    /// The zone it is in; `None` where it is about the whole view.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<ZoneId>,
    /// Where it is, if it is at one place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// How bad.
    pub severity: Severity,
    /// How sure, 0 to 1.
    pub confidence: f64,
    /// When it began.
    pub onset: Timestamp,
    /// When the rule was fulfilled.
    pub detected: Timestamp,
    /// When it was over; `None` while it lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Why the rule fired.
    pub why: Vec<Reason>,
}

/// Something new about an incident: that it is there, how it stands now, or that it is over. Each carries the
/// whole, so that the last one is all that must be kept.
#[derive(Debug, Clone, PartialEq)]
pub struct IncidentChange {
    /// Tells the incidents of one run of one camera's rules apart.
    pub number: u64,
    /// What happened to it.
    pub phase: IncidentPhase,
    /// When it was last known to hold.
    pub last_seen: Timestamp,
    /// How it stands.
    pub incident: Incident,
}

/// Where an incident is in its life, as far as the camera can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IncidentPhase {
    /// It was detected just now.
    Began,
    /// It got worse, or surer.
    Changed,
    /// It is over.
    Ended,
    /// Nobody watches it any more: whether it is over is not known.
    Lost,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_one_name_everywhere() {
        for &kind in IncidentKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
        }
        let error = "smoke".parse::<IncidentKind>().unwrap_err().to_string();
        assert!(
            error.starts_with("incident kind \"smoke\" is not one of: stopped_vehicle wrong_way"),
            "{error}"
        );
    }

    #[test]
    fn worse_is_more() {
        assert!(Severity::Extreme > Severity::Severe && Severity::Moderate > Severity::Minor);
    }
}
