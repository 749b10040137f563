//! `GET /api/v1/measurements/matrix`: who went from which line of a camera to which, as a square. The sums and what is
//! hidden are the store's work.

use axum::Json;
use axum::extract::{RawQuery, State};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use wayside_store::query::{MatrixQuery, MeasurementKind, SmallCells, matrix};
use wayside_types::{BinLength, CameraId};

use super::Error;
use super::ask;
use crate::export::{Watched, rounded};
use crate::params::Params;
use crate::problem::{Body, Problem};
use crate::state::ApiState;

/// Origins and destinations of a camera's road users.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Matrix {
    /// The camera's id.
    #[schema(example = "hp-07")]
    camera: String,
    /// Start of the first quarter of an hour, inclusive; null where none begins in the time asked for.
    #[schema(required)]
    start: Option<Timestamp>,
    /// End of the last, exclusive.
    #[schema(required)]
    end: Option<Timestamp>,
    /// The lines: what rows and columns stand for.
    #[schema(example = json!(["east-in", "north-out"]))]
    lines: Vec<String>,
    /// A row for each line entered by, a column for each line left by. Null where no quarter of an hour holds 3 or more of
    /// one class; numbers are sums of those that do.
    #[schema(example = json!([[null, 18], [null, null]]))]
    counts: Vec<Vec<Option<u64>>>,
    /// For each line, road users that entered by it and were lost from sight in the picture before another line; null likewise.
    #[schema(example = json!([4, null]))]
    lost: Vec<Option<u64>>,
    #[serde(flatten)]
    watched: Watched,
}

/// Movements as a matrix
///
/// Who went from which line of a camera to which, over all quarters of an hour that start in the time asked for, and
/// beside it who was lost on the way: reported, not shared out among the cells.
#[utoipa::path(
    get,
    path = "/api/v1/measurements/matrix",
    operation_id = "get_movement_matrix",
    tag = "measurements",
    params(
        ("camera" = String, Query, description = "The camera's id", example = "hp-07"),
        ("class" = Option<Vec<String>>, Query, explode = false, description = "Only these classes, summed; all unless given"),
        ("from" = Option<String>, Query, format = DateTime, description = "Quarters of an hour that start at this time or later; 24 hours before `to` unless given"),
        ("to" = Option<String>, Query, format = DateTime, description = "Quarters of an hour that start before this time; now unless given. At most a year at once"),
    ),
    responses(
        (status = 200, body = Matrix, description = "The matrix"),
        (status = 400, body = Body, content_type = "application/problem+json", description = "A parameter is not acceptable"),
        (status = 503, body = Body, content_type = "application/problem+json", description = "The database does not answer"),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    RawQuery(query): RawQuery,
) -> Result<Json<Matrix>, Error> {
    let query = question(&state, query.as_deref())?;
    let found = matrix(&state.database, &query).await?;
    Ok(Json(Matrix {
        camera: query.camera.to_string(),
        start: found.as_ref().map(|m| m.start),
        end: found.as_ref().map(|m| m.end),
        lines: found.iter().flat_map(|m| m.lines.iter().map(ToString::to_string)).collect(),
        counts: found.as_ref().map(|m| m.counts.clone()).unwrap_or_default(),
        lost: found.as_ref().map(|m| m.lost.clone()).unwrap_or_default(),
        watched: Watched {
            observed_s: found.as_ref().map_or(0.0, |m| rounded(m.observed_s, 3)),
            dropped_share: found.as_ref().map_or(0.0, |m| rounded(m.dropped_share, 4)),
            grade: found.as_ref().map_or("poor", |m| m.grade.as_str()),
            complete: found.as_ref().is_some_and(|m| m.complete),
        },
    }))
}

fn question(state: &ApiState, query: Option<&str>) -> Result<MatrixQuery, Problem> {
    let mut params = Params::parse(query);
    let bin = BinLength::Minute15;
    let camera = params.one("camera");
    let id = camera.as_deref().and_then(|name| CameraId::new(name).ok());
    let known = id.filter(|id| state.camera(id).is_some());
    if known.is_none() && !params.refused("camera") {
        match &camera {
            Some(unknown) => params.refuse("camera", unknown, state.camera_ids()),
            None => params.miss("camera", state.camera_ids()),
        }
    }
    let classes = ask::classes(&mut params, MeasurementKind::Movements, bin);
    let (from, to) = ask::range(&mut params, state.clock.now(), bin);
    params.finish()?;
    // One that is unknown or missing was refused above.
    let camera =
        known.ok_or_else(|| Problem::new(crate::problem::Kind::InvalidParameter, "camera is missing"))?;
    let (zone, small_cells) = (state.time_zone.clone(), SmallCells::Suppress);
    Ok(MatrixQuery { camera, classes, from, to, zone, small_cells })
}
