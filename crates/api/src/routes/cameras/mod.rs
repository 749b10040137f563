//! Cameras: the list, one camera, its background view. What a camera looks like in the API stands here,
//! one file per endpoint beside it. Nothing here shows credentials or counts.

pub(crate) mod audits;
pub(crate) mod background;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod silhouette;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use wayside_types::{CameraId, CameraSpec, CameraState, CameraStatus, DroppedShares, StageTimes};

use crate::problem::{Kind, Problem};
use crate::state::ApiState;

/// One fixed view and its state.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Camera {
    /// Unique in the site, 1 to 40 of `a-z 0-9 -`.
    #[schema(example = "hp-07")]
    id: String,
    /// For people.
    #[schema(example = "Youxie Street, east arm")]
    name: String,
    /// Who owns it.
    #[schema(example = "traffic")]
    department: String,
    /// How its frames are processed.
    #[schema(example = "intersection")]
    profile: String,
    /// Where frames come from, without user, password and query.
    #[schema(example = "rtsp://10.0.0.7/sub")]
    source: String,
    /// Where it stands and looks.
    #[schema(required)]
    location: Option<Location>,
    /// Counting lines.
    lines: Vec<Line>,
    /// Zones.
    zones: Vec<Zone>,
    /// Whether image points are mapped to the ground; without that there are no speeds.
    calibrated: bool,
    /// What it is doing.
    status: Status,
}

/// Where a camera stands and looks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Location {
    /// Degrees east, WGS 84.
    lon: f64,
    /// Degrees north, WGS 84.
    lat: f64,
    /// View direction, clockwise from north.
    #[schema(required)]
    heading_deg: Option<f64>,
}

/// A directed segment. Forward is from the left hand to the right hand of someone walking along it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Line {
    /// Unique within the camera.
    #[schema(example = "east-in")]
    id: String,
    /// From and to, as fractions of the picture's width and height (x to the right, y down).
    #[schema(example = json!([[0.25, 0.95], [0.25, 0.35]]))]
    points: [[f64; 2]; 2],
}

/// A polygon in the picture with a purpose.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Zone {
    /// Unique within the camera.
    #[schema(example = "lane-1")]
    id: String,
    /// `lane`, `carriageway`, `crossing`, `queue`, `watch` or `ignore`.
    #[schema(example = "lane")]
    kind: &'static str,
    /// Corners as fractions of the picture's width and height.
    polygon: Vec<[f64; 2]>,
    /// The way traffic should go, as an arrow in the picture; lanes have one.
    #[schema(required)]
    heading: Option<[[f64; 2]; 2]>,
    /// Classes that must not be here.
    closed_to: Vec<&'static str>,
    /// How fast traffic goes here when nothing is in its way, km/h: what delay is measured against.
    #[schema(example = 50.0, required)]
    free_flow_kmh: Option<f64>,
}

/// What a camera is doing. Holds no counts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Status {
    /// `connecting`, `live`, `reconnecting`, `ended` or `failed`.
    #[schema(example = "live")]
    state: &'static str,
    /// Since when.
    since: Timestamp,
    /// Why, in words for an operator, when something is wrong.
    #[schema(required)]
    reason: Option<String>,
    /// Capture time of the newest frame.
    #[schema(required)]
    last_frame_at: Option<Timestamp>,
    /// Decoded frames a second over the last seconds.
    received_fps: f64,
    /// Analysed frames a second over the last seconds.
    analysed_fps: f64,
    /// Share of the frames due for analysis that were dropped over the last seconds, 0 to 1.
    dropped_share: f64,
    /// The same by reason.
    dropped_for: Dropped,
    /// Share of the analysed frames that the detector was spared over the last seconds, because they showed nothing
    /// new, 0 to 1.
    gated_share: f64,
    /// Where frames spent their time over the last seconds.
    stages: Stages,
    /// Analysed frames a second that the camera has been slowed to because the machine is overloaded; null at
    /// its full rate.
    #[schema(required)]
    slowed_to_fps: Option<f64>,
    /// Picture width and height in pixels, once known.
    #[schema(required)]
    size_px: Option<[u32; 2]>,
    /// Times the connection was made anew since the start.
    reconnects: u64,
}

/// Shares of the frames due for analysis that were dropped over the last seconds, each 0 to 1.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Dropped {
    /// No worker was free in time.
    behind: f64,
    /// The machine is overloaded and the camera was slowed down a step.
    slowed: f64,
    /// The detector failed, or its detections could not be measured.
    failed: f64,
}

impl From<DroppedShares> for Dropped {
    fn from(shares: DroppedShares) -> Self {
        let DroppedShares { behind, slowed, failed } = shares;
        Self { behind, slowed, failed }
    }
}

/// Mean milliseconds that frames spent in each stage over the last seconds; null where no frame went through it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Stages {
    /// From the decoder being given data to its giving a picture.
    #[schema(required)]
    decode_ms: Option<f64>,
    /// From a due frame's arrival to a worker taking it.
    #[schema(required)]
    wait_ms: Option<f64>,
    /// The detector's run that the frame was part of.
    #[schema(required)]
    detect_ms: Option<f64>,
    /// Tracking, measuring and looking for hazards.
    #[schema(required)]
    track_ms: Option<f64>,
    /// From capture to result; only as true as the camera's clock.
    #[schema(required)]
    result_ms: Option<f64>,
}

impl From<StageTimes> for Stages {
    fn from(times: StageTimes) -> Self {
        let StageTimes { decode_ms, wait_ms, detect_ms, track_ms, result_ms } = times;
        Self { decode_ms, wait_ms, detect_ms, track_ms, result_ms }
    }
}

impl From<CameraStatus> for Status {
    fn from(s: CameraStatus) -> Self {
        Self {
            state: state_name(s.state),
            since: s.since,
            reason: s.reason,
            last_frame_at: s.last_frame_at,
            received_fps: s.received_fps,
            analysed_fps: s.analysed_fps,
            dropped_share: s.dropped_share,
            dropped_for: s.dropped_for.into(),
            gated_share: s.gated_share,
            stages: s.stages.into(),
            slowed_to_fps: s.slowed_to_fps,
            size_px: s.size_px,
            reconnects: s.reconnects,
        }
    }
}

const fn state_name(state: CameraState) -> &'static str {
    match state {
        CameraState::Connecting => "connecting",
        CameraState::Live => "live",
        CameraState::Reconnecting => "reconnecting",
        CameraState::Ended => "ended",
        CameraState::Failed => "failed",
    }
}

impl Camera {
    fn new(state: &ApiState, spec: &CameraSpec) -> Self {
        // A camera whose engine has not spoken yet is about to be connected.
        let status = state
            .hub
            .status(&spec.id)
            .unwrap_or_else(|| CameraStatus::connecting(spec.id.clone(), state.started_at));
        let line = |line: &wayside_types::Line| Line {
            id: line.id.to_string(),
            points: line.points.map(<[f64; 2]>::from),
        };
        let zone = |zone: &wayside_types::Zone| Zone {
            id: zone.id.to_string(),
            kind: zone.kind.as_str(),
            polygon: zone.polygon.iter().map(|p| (*p).into()).collect(),
            heading: zone.heading.map(|h| [h.from.into(), h.to.into()]),
            closed_to: zone.closed_to.iter().map(|class| class.as_str()).collect(),
            free_flow_kmh: zone.free_flow_kmh,
        };
        Self {
            id: spec.id.to_string(),
            name: spec.name.clone(),
            department: spec.department.to_string(),
            profile: spec.profile.name.clone(),
            source: spec.source.to_string(),
            location: spec.location.map(|l| Location { lon: l.lon, lat: l.lat, heading_deg: l.heading_deg }),
            lines: spec.lines.iter().map(line).collect(),
            zones: spec.zones.iter().map(zone).collect(),
            calibrated: spec.calibration.is_some(),
            status: status.into(),
        }
    }
}

/// Why a camera named in a path can't be shown.
#[derive(Debug, thiserror::Error)]
#[error("there is no camera {id:?}")]
pub(crate) struct NoSuchCamera {
    id: String,
    accepted: String,
}

impl From<NoSuchCamera> for Problem {
    fn from(error: NoSuchCamera) -> Self {
        let detail = error.to_string();
        Self::field(Kind::NotFound, "id", &error.id, error.accepted).saying(detail)
    }
}

/// The configured camera that a path names.
fn camera_of_path<'a>(state: &'a ApiState, id: &str) -> Result<&'a CameraSpec, NoSuchCamera> {
    CameraId::new(id)
        .ok()
        .and_then(|id| state.camera(&id))
        .ok_or_else(|| NoSuchCamera { id: id.to_owned(), accepted: state.camera_ids() })
}
