//! `GET /api/v1/cameras/{id}`: one camera.

use axum::Json;
use axum::extract::{Path, RawQuery, State};

use super::{Camera, camera_of_path};
use crate::params::Params;
use crate::problem::{Body, Problem};
use crate::state::ApiState;

/// One camera
///
/// Its place, lines, zones and present state.
#[utoipa::path(
    get,
    path = "/api/v1/cameras/{id}",
    operation_id = "get_camera",
    tag = "cameras",
    params(("id" = String, Path, description = "The camera's id", example = "hp-07")),
    responses(
        (status = 200, body = Camera, description = "The camera"),
        (status = 400, body = Body, content_type = "application/problem+json", description = "A parameter that does not exist"),
        (status = 404, body = Body, content_type = "application/problem+json", description = "No such camera"),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<Camera>, Problem> {
    Params::parse(query.as_deref()).finish()?;
    let spec = camera_of_path(&state, &id)?;
    Ok(Json(Camera::new(&state, spec)))
}
