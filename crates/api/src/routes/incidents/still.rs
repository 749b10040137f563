//! `GET /api/v1/incidents/{id}/stills/{still}`: one of the two pictures of an incident. `redact` made it free of people and
//! readable plates before anything else saw it (design rule 1.4); it is given to the page only.

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use wayside_store::query;
use wayside_types::{IncidentId, StillKind};

use super::get::no_such;
use super::problem_of;
use crate::params::Params;
use crate::problem::{Body, Kind, Problem};
use crate::state::ApiState;

/// A still of an incident
///
/// As the incident began or as it was confirmed: people and two-wheelers are flat areas with an icon, vehicles coarse
/// grey cells, and no pixel covers less than is allowed; zone and place are marked. For browser sessions of the page
/// only. Stills are deleted with their incident, and after the days that the settings say.
#[utoipa::path(
    get,
    path = "/api/v1/incidents/{id}/stills/{still}",
    operation_id = "get_incident_still",
    tag = "incidents",
    params(
        ("id" = String, Path, description = "The incident's id", example = "hp-07.1790000000000.3"),
        ("still" = String, Path, description = "`start` or `confirmed`", example = "confirmed"),
    ),
    responses(
        (status = 200, content_type = "image/jpeg", body = Vec<u8>, description = "The still"),
        (status = 400, body = Body, content_type = "application/problem+json", description = "A parameter that does not exist"),
        (status = 403, body = Body, content_type = "application/problem+json", description = "Not the page"),
        (status = 404, body = Body, content_type = "application/problem+json", description = "No such incident or still"),
        (status = 503, body = Body, content_type = "application/problem+json", description = "The database does not answer"),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    Path((id, still)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    Params::parse(query.as_deref()).finish()?;
    let not_the_page = || Problem::new(Kind::BrowserOnly, "stills are for the web page in a browser only");
    state.sessions.of(&headers).ok_or_else(not_the_page)?;
    let parsed: IncidentId = id.parse().map_err(|_| no_such(&id))?;
    let kind: StillKind = still
        .parse()
        .map_err(|_| Problem::field(Kind::NotFound, "still", &still, "one of: start confirmed"))?;
    let found = query::still(&state.database, &parsed, kind).await.map_err(|error| problem_of(&error))?;
    let none = || Problem::new(Kind::NotFound, format!("incident {id} has no such still, or none any more"));
    let jpeg = found.ok_or_else(none)?.jpeg;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((headers, jpeg).into_response())
}
