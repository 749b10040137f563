//! What a measurement looks like outside: as JSON and as a line of CSV.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use wayside_store::query::{MeasurementKind, MeasurementRow, RowSubject};
use wayside_types::{Direction, LineId, SpeedSummary};

/// One row: what a camera counted in a bin. A line count or a movement, by `kind`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Measurement {
    /// Crossings of a line.
    Line(LineMeasurement),
    /// Road users that entered by one line and left by another.
    Movement(MovementMeasurement),
}

/// Crossings of a line in a bin.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LineMeasurement {
    /// The camera's id.
    #[schema(example = "hp-07")]
    camera: String,
    /// The line's id; null where lines are summed.
    #[schema(example = "east-in")]
    line: Option<String>,
    /// `forward` or `backward`; null where directions are summed.
    #[schema(example = "forward")]
    direction: Option<&'static str>,
    #[serde(flatten)]
    counted: Counted,
}

/// Road users that entered by one line and left by another in a bin.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MovementMeasurement {
    /// The camera's id.
    #[schema(example = "hp-07")]
    camera: String,
    /// The line by which they entered; null where these are summed.
    #[schema(example = "east-in")]
    from: Option<String>,
    /// The line by which they left; null where these are summed.
    #[schema(example = "north-out")]
    to: Option<String>,
    #[serde(flatten)]
    counted: Counted,
}

/// What was counted in a bin, and how far to trust it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Counted {
    /// `car`, `bus`, `truck`, `motorcycle`, `bicycle` or `pedestrian`; null where classes are summed.
    #[schema(example = "car")]
    class: Option<&'static str>,
    /// Start of the bin, inclusive.
    start: Timestamp,
    /// End of the bin, exclusive.
    end: Timestamp,
    /// How many; null where suppressed.
    #[schema(example = 18)]
    count: Option<u64>,
    /// Whether the count is hidden because it is a movement's and under 3.
    suppressed: bool,
    /// Speeds; null where fewer than five went into them or the camera is not calibrated.
    speed: Option<Speed>,
    /// Seconds of the bin that the camera observed.
    #[schema(example = 900.0)]
    observed_s: f64,
    /// Share of the frames due for analysis that were dropped, 0 to 1.
    #[schema(example = 0.001)]
    dropped_share: f64,
    /// `good`, `fair` or `poor`.
    #[schema(example = "good")]
    grade: &'static str,
    /// Whether the bin is over and at least 98 % of it was observed.
    complete: bool,
}

/// Speeds that went into a bin.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Speed {
    /// How many, at least 5.
    #[schema(example = 18)]
    n: u32,
    /// Their arithmetic mean, km/h.
    #[schema(example = 27.1)]
    mean_kmh: f64,
}

impl From<SpeedSummary> for Speed {
    fn from(speed: SpeedSummary) -> Self {
        Self { n: speed.n, mean_kmh: rounded(speed.mean_kmh, 2) }
    }
}

impl From<MeasurementRow> for Measurement {
    fn from(row: MeasurementRow) -> Self {
        let camera = row.camera.to_string();
        let counted = Counted {
            class: row.class.map(|class| class.as_str()),
            start: row.start,
            end: row.end,
            count: row.count,
            suppressed: row.suppressed,
            speed: row.speed.map(Speed::from),
            observed_s: rounded(row.observed_s, 3),
            dropped_share: rounded(row.dropped_share, 4),
            grade: row.grade.as_str(),
            complete: row.complete,
        };
        let name = |id: Option<LineId>| id.map(String::from);
        match row.subject {
            RowSubject::Line { line, direction } => Self::Line(LineMeasurement {
                camera,
                line: name(line),
                direction: direction.map(Direction::as_str),
                counted,
            }),
            RowSubject::Movement { from, to } => {
                Self::Movement(MovementMeasurement { camera, from: name(from), to: name(to), counted })
            }
        }
    }
}

/// The names of a CSV file's columns.
pub(super) fn csv_header(kind: MeasurementKind) -> [&'static str; 13] {
    let [a, b] = match kind {
        MeasurementKind::Lines => ["line", "direction"],
        MeasurementKind::Movements => ["from", "to"],
    };
    [
        "camera",
        "start",
        "end",
        a,
        b,
        "class",
        "count",
        "speed_n",
        "speed_mean_kmh",
        "observed_s",
        "dropped_share",
        "grade",
        "complete",
    ]
}

impl Measurement {
    /// The fields of a CSV line, as many as the header has. What is summed or not known is empty, a
    /// suppressed count is `<3`.
    pub(super) fn csv_fields(&self) -> [String; 13] {
        let (camera, a, b, counted) = match self {
            Self::Line(row) => (&row.camera, row.line.as_deref(), row.direction, &row.counted),
            Self::Movement(row) => (&row.camera, row.from.as_deref(), row.to.as_deref(), &row.counted),
        };
        let text = |part: Option<&str>| part.unwrap_or_default().to_owned();
        let count = match counted.count {
            _ if counted.suppressed => "<3".to_owned(),
            count => count.map(|n| n.to_string()).unwrap_or_default(),
        };
        let speed = counted.speed.as_ref();
        [
            camera.clone(),
            counted.start.to_string(),
            counted.end.to_string(),
            text(a),
            text(b),
            text(counted.class),
            count,
            speed.map(|speed| speed.n.to_string()).unwrap_or_default(),
            speed.map(|speed| speed.mean_kmh.to_string()).unwrap_or_default(),
            counted.observed_s.to_string(),
            counted.dropped_share.to_string(),
            counted.grade.to_owned(),
            counted.complete.to_string(),
        ]
    }
}

/// Without digits that measure nothing.
fn rounded(value: f64, digits: i32) -> f64 {
    let factor = 10_f64.powi(digits);
    (value * factor).round() / factor
}
