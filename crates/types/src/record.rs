//! An incident as it is kept and sent: with an id, a camera, where it is on the map, and how it stands. What a rule
//! says of a hazard is in [`crate::incident`]; whoever keeps or shows it takes it from here.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::camera::GroundOrigin;
use crate::geometry::Point;
use crate::ids::CameraId;
use crate::incident::{Incident, Place};
use crate::time::Timestamp;

/// Which incident, for ever: the camera, the run of the program, and its number among the incidents that the camera had
/// in that run. Written as `hp-07.1790000000000.3`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IncidentId {
    /// Whose view.
    pub camera: CameraId,
    /// The number of the run.
    pub epoch: i64,
    /// From 1.
    pub number: u32,
}

/// A text that is no id of an incident.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "incident id {0:?} must be a camera, the number of a run and a number from 1, such as hp-07.1790000000000.3"
)]
pub struct BadIncidentId(pub String);

impl fmt::Display for IncidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.camera, self.epoch, self.number)
    }
}

impl FromStr for IncidentId {
    type Err = BadIncidentId;

    fn from_str(text: &str) -> Result<Self, BadIncidentId> {
        let mut parts = text.splitn(3, '.');
        let mut part = || parts.next().unwrap_or_default();
        let (camera, epoch, number) = (CameraId::new(part()), part().parse::<i64>(), part().parse::<u32>());
        match (camera, epoch, number) {
            (Ok(camera), Ok(epoch @ 0..), Ok(number @ 1..)) => {
                let id = Self { camera, epoch, number };
                // "+1" and "007" are numbers, too, but there is one way to write an id.
                if id.to_string() == text { Ok(id) } else { Err(BadIncidentId(text.to_owned())) }
            }
            _ => Err(BadIncidentId(text.to_owned())),
        }
    }
}

impl TryFrom<String> for IncidentId {
    type Error = BadIncidentId;
    fn try_from(text: String) -> Result<Self, BadIncidentId> {
        text.parse()
    }
}

impl From<IncidentId> for String {
    fn from(id: IncidentId) -> Self {
        id.to_string()
    }
}

/// How an incident stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IncidentState {
    /// It lasts.
    Open,
    /// It was seen to end.
    Ended,
    /// Nobody watched its end: the program stopped or was killed, or the camera's picture changed its size.
    Unknown,
}

impl IncidentState {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Open, Self::Ended, Self::Unknown];

    /// The name used in API and database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Ended => "ended",
            Self::Unknown => "unknown",
        }
    }
}

/// A state that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("incident state {0:?} is not one of: open ended unknown")]
pub struct UnknownIncidentState(pub String);

impl FromStr for IncidentState {
    type Err = UnknownIncidentState;
    fn from_str(text: &str) -> Result<Self, UnknownIncidentState> {
        let found = Self::ALL.iter().copied().find(|state| state.as_str() == text);
        found.ok_or_else(|| UnknownIncidentState(text.to_owned()))
    }
}

/// A place on the map, WGS 84.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LonLat {
    /// Degrees east.
    pub lon: f64,
    /// Degrees north.
    pub lat: f64,
}

/// Which of an incident's two stills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StillKind {
    /// As it began.
    Start,
    /// As the rule was fulfilled.
    Confirmed,
}

impl StillKind {
    /// The name used in API and database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Confirmed => "confirmed",
        }
    }
}

/// A still that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("still {0:?} is not one of: start confirmed")]
pub struct UnknownStill(pub String);

impl FromStr for StillKind {
    type Err = UnknownStill;
    fn from_str(text: &str) -> Result<Self, UnknownStill> {
        let found = [Self::Start, Self::Confirmed].into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| UnknownStill(text.to_owned()))
    }
}

/// The whole of an incident at one moment of its life. A later one replaces an earlier one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IncidentRecord {
    /// Which.
    pub id: IncidentId,
    /// Counts what was told of it, from 1: of two records the one that says more is the newer.
    pub revision: u32,
    /// How it stands.
    pub state: IncidentState,
    /// When it was last known to hold.
    pub last_seen: Timestamp,
    /// Where its place is on the map, where the calibration says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<LonLat>,
    /// What the rule says of it. Its `ended` is there exactly where the state is `Ended`.
    pub incident: Incident,
}

impl IncidentRecord {
    /// A new incident. Its place is kept to a thousandth of the picture and a tenth of a metre: nothing finer is needed
    /// to find it, and nothing finer leaves memory.
    #[must_use]
    pub fn began(
        id: IncidentId,
        mut incident: Incident,
        last_seen: Timestamp,
        origin: Option<GroundOrigin>,
    ) -> Self {
        incident.place = incident.place.map(coarse);
        incident.confidence = rounded(incident.confidence, 100.0);
        for reason in &mut incident.why {
            reason.value = rounded(reason.value, 1_000.0);
        }
        let ground = incident.place.and_then(|place| place.ground_m);
        let map = ground.zip(origin).map(|(ground, origin)| origin.lon_lat(ground));
        Self { id, revision: 1, state: IncidentState::Open, last_seen, map, incident }
    }

    /// Cuts its times to milliseconds: what is told at once is then the same as what is read from the database.
    #[must_use]
    pub fn in_milliseconds(mut self) -> Self {
        let cut = |at: Timestamp| Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at);
        self.last_seen = cut(self.last_seen);
        self.incident.onset = cut(self.incident.onset);
        self.incident.detected = cut(self.incident.detected);
        self.incident.ended = self.incident.ended.map(cut);
        self
    }

    /// Whether it says more than another record of the same incident.
    #[must_use]
    pub fn is_newer_than(&self, other: &Self) -> bool {
        (self.revision, self.last_seen) > (other.revision, other.last_seen)
    }

    /// The same incident, of which nobody sees any more how it goes on.
    #[must_use]
    pub fn unwatched(mut self) -> Self {
        if self.state == IncidentState::Open {
            self.state = IncidentState::Unknown;
        }
        self
    }
}

/// A still of an incident: a JPEG that `redact` made. No other picture is kept.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct IncidentStill {
    /// Whose.
    pub incident: IncidentId,
    /// Which.
    pub kind: StillKind,
    /// When it was taken.
    pub taken_at: Timestamp,
    /// The picture.
    #[serde(with = "hex_text")]
    pub jpeg: bytes::Bytes,
}

impl IncidentStill {
    /// More bytes no still has.
    pub const MAX_BYTES: usize = 256 * 1_024;
}

impl fmt::Debug for IncidentStill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({} bytes)", self.incident, self.kind.as_str(), self.jpeg.len())
    }
}

/// Bytes as text of two digits each.
mod hex_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(bytes: &bytes::Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digits = bytes.iter().flat_map(|b| [b >> 4, b & 15]);
        let text: String = digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect();
        serializer.serialize_str(&text)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bytes::Bytes, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digit = |c: u8| char::from(c).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let pair = |pair: &[u8]| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        };
        let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(pair).collect();
        bytes.map(bytes::Bytes::from).ok_or_else(|| D::Error::custom("not pairs of hexadecimal digits"))
    }
}

fn coarse(place: Place) -> Place {
    Place {
        image: Point::new(rounded(place.image.x, 1_000.0), rounded(place.image.y, 1_000.0)),
        ground_m: place.ground_m.map(|p| Point::new(rounded(p.x, 10.0), rounded(p.y, 10.0))),
    }
}

/// To the nearest of so many steps a unit; never a negative zero.
fn rounded(value: f64, steps: f64) -> f64 {
    (value * steps).round() / steps + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incident::{IncidentKind, Reason, Severity};

    fn at(s: i64) -> Timestamp {
        Timestamp::from_second(s).unwrap()
    }

    #[test]
    fn an_id_survives_being_text() {
        for text in ["hp-07.1790000000000.3", "a.0.1", "0-0.1.4294967295"] {
            assert_eq!(text.parse::<IncidentId>().unwrap().to_string(), text);
        }
        for bad in
            ["", "hp-07", "hp-07.1", "hp-07.1.0", "HP.1.1", "a.-1.1", "a.1.1.1", "a.01.1", "a.1.+1", "a.1.x"]
        {
            let error = bad.parse::<IncidentId>().unwrap_err().to_string();
            assert!(error.contains("hp-07.1790000000000.3"), "{bad}: {error}");
        }
    }

    #[test]
    fn a_still_survives_being_text() {
        let jpeg = bytes::Bytes::from((0..=255).collect::<Vec<u8>>());
        let still = IncidentStill {
            incident: "a.1.1".parse().unwrap(),
            kind: StillKind::Confirmed,
            taken_at: at(1),
            jpeg,
        };
        let text = serde_json::to_string(&still).unwrap();
        assert!(text.contains("\"000102"), "{text}");
        assert_eq!(serde_json::from_str::<IncidentStill>(&text).unwrap(), still);
        for bad in ["0", "0g", "+1"] {
            assert!(
                serde_json::from_str::<IncidentStill>(&text.replacen("000102", bad, 1)).is_err(),
                "{bad}"
            );
        }
        assert_eq!(format!("{still:?}"), "a.1.1 confirmed (256 bytes)");
        assert_eq!(("start".parse(), "both".parse::<StillKind>().is_err()), (Ok(StillKind::Start), true));
    }

    #[test]
    fn a_place_is_no_finer_than_it_need_be() {
        let incident = Incident {
            kind: IncidentKind::StoppedVehicle,
            zone: None,
            place: Some(Place {
                image: Point::new(0.123_456, 0.9),
                ground_m: Some(Point::new(12.345, -0.04)),
            }),
            severity: Severity::Severe,
            confidence: 0.9,
            onset: at(10),
            detected: at(15),
            ended: None,
            why: vec![Reason::new("stood_s", 5.0, "hold_s", 5.0)],
        };
        let origin = GroundOrigin { lon: 126.63, lat: 45.6, y_axis_deg: 90.0 };
        let record = IncidentRecord::began("a.1.1".parse().unwrap(), incident, at(15), Some(origin));
        let place = record.incident.place.unwrap();
        assert_eq!((place.image, place.ground_m), (Point::new(0.123, 0.9), Some(Point::new(12.3, 0.0))));
        // The y axis points east, so that x points south.
        let map = record.map.unwrap();
        assert!((map.lat - (45.6 - 12.3 / 111_145.0)).abs() < 1e-6, "{map:?}");
        assert!((map.lon - 126.63).abs() < 1e-6, "{map:?}");
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<IncidentRecord>(&text).unwrap(), record);
        let seen_longer = IncidentRecord { last_seen: at(20), ..record.clone() }.unwatched();
        assert!(seen_longer.is_newer_than(&record) && !record.is_newer_than(&record));
        assert_eq!(seen_longer.state, IncidentState::Unknown);
    }
}
