//! `GET /api/v1/geojson`: cameras, lines and zones on a map, with what they are doing. What stands in it is `export`'s work.

use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::measurements::Error;
use crate::export::geojson;
use crate::params::Params;
use crate::problem::Body;
use crate::state::ApiState;

/// A GeoJSON feature collection (RFC 7946).
#[derive(Serialize, ToSchema)]
pub(crate) struct FeatureCollection {
    /// `FeatureCollection`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Cameras as points, lines as line strings, zones as polygons. `properties.kind` says which.
    features: Vec<serde_json::Value>,
}

/// Cameras, lines and zones on a map
///
/// GeoJSON (RFC 7946): longitude and latitude on WGS 84. A camera is a point with its state; its lines and zones are there
/// where its calibration has a `ground_origin`. A line says for each direction what the last whole quarter of an hour
/// brought, motor vehicles together; one that was not watched has no directions.
#[utoipa::path(
    get,
    path = "/api/v1/geojson",
    operation_id = "get_geojson",
    tag = "cameras",
    responses(
        (status = 200, body = FeatureCollection, content_type = "application/geo+json", description = "The map"),
        (status = 400, body = Body, content_type = "application/problem+json", description = "A parameter is not acceptable"),
        (status = 503, body = Body, content_type = "application/problem+json", description = "The database does not answer"),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    Params::parse(query.as_deref()).finish()?;
    let map = geojson::map(&state).await?;
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static(geojson::MEDIA_TYPE));
    Ok(([kind], map.to_string()).into_response())
}
