//! `GET /api/v1/datex2/measurement-sites`: the table of measurement sites.

use axum::extract::{RawQuery, State};
use axum::response::Response;

use super::document;
use crate::export::datex::site_table;
use crate::params::Params;
use crate::problem::Body;
use crate::routes::measurements::Error;
use crate::state::ApiState;

/// Measurement sites (DATEX II)
///
/// A `MeasurementSiteTablePublication` of DATEX II v3: each line and direction with a place on the map is a site.
#[utoipa::path(
    get,
    path = "/api/v1/datex2/measurement-sites",
    operation_id = "get_datex2_measurement_sites",
    tag = "measurements",
    responses(
        (status = 200, body = String, content_type = "application/xml", description = "The publication"),
        (status = 400, body = Body, content_type = "application/problem+json", description = "A parameter is not acceptable"),
        (status = 404, body = Body, content_type = "application/problem+json", description = "No line has a place"),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    Params::parse(query.as_deref()).finish()?;
    Ok(document(site_table(&state)?))
}
