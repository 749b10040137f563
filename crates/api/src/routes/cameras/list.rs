//! `GET /api/v1/cameras`: all cameras, in the order of their ids.

use axum::Json;
use axum::extract::{RawQuery, State};
use wayside_types::CameraId;

use super::Camera;
use crate::page::{self, Page};
use crate::params::Params;
use crate::problem::{Body, Problem};
use crate::state::ApiState;

const LIMIT_DEFAULT: u32 = 100;
const LIMIT_MAX: u32 = 1_000;

/// All cameras
///
/// With their lines, zones and present state, in the order of their ids.
#[utoipa::path(
    get,
    path = "/api/v1/cameras",
    operation_id = "list_cameras",
    tag = "cameras",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "At most this many on one page; 100 unless given"),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before"),
    ),
    responses(
        (status = 200, body = Page<Camera>, description = "A page of cameras"),
        (status = 400, body = Body, content_type = "application/problem+json", description = "A parameter is not acceptable"),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    RawQuery(query): RawQuery,
) -> Result<Json<Page<Camera>>, Problem> {
    let mut params = Params::parse(query.as_deref());
    let limit = page::limit(&mut params, LIMIT_DEFAULT, LIMIT_MAX) as usize;
    let after = params.parsed("cursor", "the next_cursor of an earlier page", |v| CameraId::new(v).ok());
    params.finish()?;

    let mut cameras: Vec<_> = state.cameras.iter().collect();
    cameras.sort_by(|a, b| a.id.cmp(&b.id));
    let rest: Vec<_> = cameras.into_iter().filter(|c| after.as_ref().is_none_or(|id| c.id > *id)).collect();
    let next_cursor = (rest.len() > limit).then(|| rest[limit - 1].id.to_string());
    let items = rest.into_iter().take(limit).map(|spec| Camera::new(&state, spec)).collect();
    Ok(Json(Page { items, next_cursor }))
}
