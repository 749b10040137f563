//! `GET /api/v1/datex2/measured-data`: what was measured at the sites.

use axum::extract::{RawQuery, State};
use axum::response::Response;
use wayside_types::BinLength;

use super::document;
use crate::export::datex::measured_data;
use crate::export::last_quarter;
use crate::params::Params;
use crate::problem::Body;
use crate::routes::measurements::{BINS, Error, range};
use crate::state::ApiState;

/// Most sites times bins of a publication.
const VALUES_MAX: i64 = 20_000;

/// Measured data (DATEX II)
///
/// A `MeasuredDataPublication` of DATEX II v3 for the bins that start in `[from, to)`, the last whole quarter of an hour unless
/// given: flow, mean speeds and percentiles, headway and occupancy of each site, for motor vehicles together and by class.
/// Pedestrians have no term there and are left out. A site that was not watched has a fault and no value; one that was
/// watched in part has `dataError` and the reason.
#[utoipa::path(
    get,
    path = "/api/v1/datex2/measured-data",
    operation_id = "get_datex2_measured_data",
    tag = "measurements",
    params(
        ("from" = Option<String>, Query, format = DateTime, description = "Bins that start at this time or later"),
        ("to" = Option<String>, Query, format = DateTime, description = "Bins that start before this time"),
        ("bin" = Option<String>, Query, description = "`1m`, `5m`, `15m` (the default), `1h` or `1d`; speeds, headways, occupancy, motorcycles and bicycles from `15m` on"),
    ),
    responses(
        (status = 200, body = String, content_type = "application/xml", description = "The publication"),
        (status = 400, body = Body, content_type = "application/problem+json", description = "A parameter is not acceptable"),
        (status = 404, body = Body, content_type = "application/problem+json", description = "No line has a place"),
        (status = 503, body = Body, content_type = "application/problem+json", description = "The database does not answer"),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let mut params = Params::parse(query.as_deref());
    let bin = params.parsed("bin", BINS, |v| v.parse().ok()).unwrap_or(BinLength::Minute15);
    let now = state.clock.now();
    let span = if params.has("from") || params.has("to") {
        range(&mut params, now, bin)
    } else {
        last_quarter(now, &state.time_zone)
    };
    let bins = span.1.duration_since(span.0).as_secs() / i64::from(bin.nominal_s());
    let lines: usize = state.cameras.iter().map(|camera| 2 * camera.lines.len()).sum();
    let values = bins.saturating_mul(i64::try_from(lines).unwrap_or(i64::MAX));
    if values > VALUES_MAX {
        let accepted =
            format!("less time or longer bins: {bins} bins of {lines} sites are more than {VALUES_MAX}");
        params.refuse("from", &span.0.to_string(), accepted);
    }
    params.finish()?;
    Ok(document(measured_data(&state, span, bin).await?))
}
