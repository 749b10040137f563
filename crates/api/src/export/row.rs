//! What a measurement looks like outside, in every format: here as an object, in `columns` as a line of a table. Speeds and
//! headways are in `flow`, zones in `zone`.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use wayside_store::query::{LineFlow, MeasurementRow, RowSubject};
use wayside_types::{Direction, LineId};

use super::flow::{Headway, Speed};
use super::quality::{CountBand, CountQuality};
use super::zone::{ZoneMeasurement, ZoneState};

/// One row: what a camera measured in a bin. A line count, a movement or a zone, by `kind`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Measurement {
    /// Crossings of a line.
    Line(Box<LineMeasurement>),
    /// Road users that entered by one line and left by another.
    Movement(MovementMeasurement),
    /// What a zone was like.
    Zone(ZoneMeasurement),
}

/// Crossings of a line in a bin.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LineMeasurement {
    /// The camera's id.
    #[schema(example = "hp-07")]
    pub(crate) camera: String,
    /// The line's id; null where lines are summed.
    #[schema(example = "east-in", required)]
    pub(crate) line: Option<String>,
    /// `forward` or `backward`; null where directions are summed.
    #[schema(example = "forward", required)]
    pub(crate) direction: Option<&'static str>,
    #[serde(flatten)]
    pub(crate) counted: Counted,
    /// Where the true count is to be expected; null in bins under 15 minutes, and where it is not known by what signs the
    /// count may be wrong.
    #[schema(required)]
    pub(crate) band: Option<CountBand>,
    /// By what signs the count may be wrong; null in bins under 15 minutes.
    #[schema(required)]
    pub(crate) quality: Option<CountQuality>,
    /// Speeds; null in bins under 15 minutes, without calibration, and where fewer than five may be told.
    #[schema(required)]
    pub(crate) speed: Option<Speed>,
    /// How many crossed with a speed that could not be trusted: too short a path, or too far away. Null in bins under
    /// 15 minutes, without calibration, and where nobody crossed.
    #[schema(example = 1, required)]
    pub(crate) untrusted: Option<u64>,
    /// Times between successive cars, buses, trucks and motorcycles; null in bins under 15 minutes and where fewer than
    /// five may be told.
    #[schema(required)]
    pub(crate) headway: Option<Headway>,
    /// Mean time from a vehicle's rear to the next one's front, seconds: the mean headway times the share of time in which
    /// nothing was over the line. Null where classes are told apart, and as `headway` and `occupancy`.
    #[schema(example = 5.1, required)]
    pub(crate) gap_mean_s: Option<f64>,
    /// Share of the observed time in which a vehicle was over the line, 0 to 1; where classes are told apart, each class'
    /// part of it. Null in bins under 15 minutes and where lines or directions are summed.
    #[schema(example = 0.083, required)]
    pub(crate) occupancy: Option<f64>,
    #[serde(flatten)]
    pub(crate) watched: Watched,
}

/// Road users that entered by one line and left by another in a bin.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MovementMeasurement {
    /// The camera's id.
    #[schema(example = "hp-07")]
    pub(crate) camera: String,
    /// The line by which they entered; null where these are summed.
    #[schema(example = "east-in", required)]
    pub(crate) from: Option<String>,
    /// The line by which they left; null where these are summed.
    #[schema(example = "north-out", required)]
    pub(crate) to: Option<String>,
    #[serde(flatten)]
    pub(crate) counted: Counted,
    #[serde(flatten)]
    pub(crate) watched: Watched,
}

/// What was counted in a bin.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Counted {
    /// `car`, `bus`, `truck`, `motorcycle`, `bicycle` or `pedestrian`; null where classes are summed.
    #[schema(example = "car", required)]
    pub(crate) class: Option<&'static str>,
    /// The group of the class scheme asked for; null without `scheme` and where classes are summed.
    #[schema(example = json!(null), required)]
    pub(crate) group: Option<String>,
    /// Start of the bin, inclusive.
    pub(crate) start: Timestamp,
    /// End of the bin, exclusive.
    pub(crate) end: Timestamp,
    /// How many; null where suppressed.
    #[schema(example = 18, required)]
    pub(crate) count: Option<u64>,
    /// Whether the count is hidden because it is a movement's and under 3.
    pub(crate) suppressed: bool,
    /// How many an hour, by the observed time: `count` × 3600 ÷ `observed_s`; null where suppressed.
    #[schema(example = 72.0, required)]
    pub(crate) flow_per_h: Option<f64>,
    /// The same in passenger-car units of the class scheme asked for; null without `scheme`.
    #[schema(example = json!(null), required)]
    pub(crate) pcu_per_h: Option<f64>,
}

/// How far to trust a row.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Watched {
    /// Seconds of the bin that the camera observed.
    #[schema(example = 900.0)]
    pub(crate) observed_s: f64,
    /// Share of the frames due for analysis that were dropped, 0 to 1.
    #[schema(example = 0.001)]
    pub(crate) dropped_share: f64,
    /// `good`, `fair` or `poor`.
    #[schema(example = "good")]
    pub(crate) grade: &'static str,
    /// Whether the bin is over and at least 98 % of it was observed; otherwise it is part of a bin, not a whole one.
    pub(crate) complete: bool,
}

impl From<&MeasurementRow> for Watched {
    fn from(row: &MeasurementRow) -> Self {
        Self {
            observed_s: rounded(row.observed_s, 3),
            dropped_share: rounded(row.dropped_share, 4),
            grade: row.grade.as_str(),
            complete: row.complete,
        }
    }
}

impl From<&MeasurementRow> for Counted {
    fn from(row: &MeasurementRow) -> Self {
        Self {
            class: row.class.map(|class| class.as_str()),
            group: row.group.clone(),
            start: row.start,
            end: row.end,
            count: row.count,
            suppressed: row.suppressed,
            flow_per_h: row.flow_per_h.map(|flow| rounded(flow, 1)),
            pcu_per_h: row.pcu_per_h.map(|flow| rounded(flow, 1)),
        }
    }
}

impl From<MeasurementRow> for Measurement {
    fn from(row: MeasurementRow) -> Self {
        let (camera, counted, watched) = (row.camera.to_string(), Counted::from(&row), Watched::from(&row));
        let name = |id: Option<LineId>| id.map(String::from);
        match row.subject {
            RowSubject::Line { line, direction } => {
                let quality = row.quality.as_ref();
                let (band, quality) =
                    (quality.and_then(|q| q.band).map(CountBand::from), quality.map(CountQuality::from));
                let flow: Option<LineFlow> = row.flow;
                let direction = direction.map(Direction::as_str);
                Self::Line(Box::new(LineMeasurement {
                    camera,
                    line: name(line),
                    direction,
                    counted,
                    band,
                    quality,
                    untrusted: flow.as_ref().and_then(|flow| flow.untrusted),
                    gap_mean_s: flow.as_ref().and_then(|flow| flow.gap_mean_s).map(|s| rounded(s, 2)),
                    occupancy: flow.as_ref().and_then(|flow| flow.occupancy).map(|share| rounded(share, 4)),
                    speed: flow.as_ref().and_then(|flow| flow.speeds.as_ref()).map(Speed::from),
                    headway: flow.as_ref().and_then(|flow| flow.headways.as_ref()).map(Headway::from),
                    watched,
                }))
            }
            RowSubject::Movement { from, to } => Self::Movement(MovementMeasurement {
                camera,
                from: name(from),
                to: name(to),
                counted,
                watched,
            }),
            RowSubject::Zone { zone } => {
                let state = row.zone.map(ZoneState::from);
                let (zone, start, end) = (zone.to_string(), row.start, row.end);
                Self::Zone(ZoneMeasurement { camera, zone, start, end, state, watched })
            }
        }
    }
}

/// Without digits that measure nothing.
pub(crate) fn rounded(value: f64, digits: i32) -> f64 {
    let factor = 10_f64.powi(digits);
    (value * factor).round() / factor
}

impl Measurement {
    /// When its bin began.
    pub(super) fn start(&self) -> Timestamp {
        match self {
            Self::Line(row) => row.counted.start,
            Self::Movement(row) => row.counted.start,
            Self::Zone(row) => row.start,
        }
    }
}
