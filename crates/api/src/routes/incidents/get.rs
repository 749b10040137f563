//! `GET /api/v1/incidents/{id}`: one incident.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use wayside_store::query;
use wayside_types::{IncidentId, StillKind};

use super::{Incident, problem_of};
use crate::params::Params;
use crate::problem::{Body, Kind, Problem};
use crate::state::ApiState;

/// One incident
///
/// As it is kept: a change that the live events tell is here a moment later.
#[utoipa::path(
    get,
    path = "/api/v1/incidents/{id}",
    operation_id = "get_incident",
    tag = "incidents",
    params(("id" = String, Path, description = "The incident's id", example = "hp-07.1790000000000.3")),
    responses(
        (status = 200, body = Incident, description = "The incident"),
        (status = 400, body = Body, content_type = "application/problem+json", description = "A parameter that does not exist"),
        (status = 404, body = Body, content_type = "application/problem+json", description = "No such incident"),
        (status = 503, body = Body, content_type = "application/problem+json", description = "The database does not answer"),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<Incident>, Problem> {
    Params::parse(query.as_deref()).finish()?;
    let parsed: IncidentId = id.parse().map_err(|_| no_such(&id))?;
    let found = query::incident(&state.database, &parsed).await.map_err(|error| problem_of(&error))?;
    let mut incident = found.as_ref().map(Incident::from).ok_or_else(|| no_such(&id))?;
    let stills = query::stills(&state.database, &parsed).await.map_err(|error| problem_of(&error))?;
    incident.stills = Some(stills.into_iter().map(StillKind::as_str).collect());
    Ok(Json(incident))
}

/// Nothing is known under this id.
pub(super) fn no_such(id: &str) -> Problem {
    let accepted = "the id of an incident from the list, such as hp-07.1790000000000.3";
    Problem::field(Kind::NotFound, "id", id, accepted).saying(format!("there is no incident {id:?}"))
}
