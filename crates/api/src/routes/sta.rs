//! `GET /api/v1/sta/v1.1/…`: OGC SensorThings 1.1, read only. All of it is `sta`'s work; here it meets HTTP.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::measurements;
use crate::problem::{Body, Kind, Problem};
use crate::sta::{self, Answer, ROOT, StaError};
use crate::state::ApiState;

/// SensorThings: the service
///
/// The entity sets of the OGC SensorThings API 1.1 (18-088) and what is implemented of it: everything for reading but functions
/// and arithmetic in `$filter`.
#[utoipa::path(
    get,
    path = "/api/v1/sta/v1.1",
    operation_id = "get_sensorthings_root",
    tag = "measurements",
    responses((status = 200, body = Value, description = "Entity sets and conformance"))
)]
pub(crate) async fn root(headers: HeaderMap) -> Json<Value> {
    Json(sta::root(&base(&headers)))
}

/// SensorThings: entities
///
/// A set (`Things`, `Locations`, `Datastreams`, `Sensors`, `ObservedProperties`, `Observations`, `FeaturesOfInterest`,
/// `HistoricalLocations`), an entity of it (`Things('hp-07')`), and on from there as the standard says
/// (`Things('hp-07')/Datastreams`). Observations are quarters of an hour of lines; without a lower bound of `phenomenonTime` in
/// `$filter` those of the last 24 hours, of one Datastream or FeatureOfInterest those of the last 31 days.
#[utoipa::path(
    get,
    path = "/api/v1/sta/v1.1/{resource}",
    operation_id = "get_sensorthings",
    tag = "measurements",
    params(
        ("resource" = String, Path, description = "A resource path of the standard", example = "Things"),
        ("$filter" = Option<String>, Query, description = "`eq ne gt ge lt le` of properties and literals with `and or not ( )`"),
        ("$expand" = Option<String>, Query, description = "What leads on, with options of its own in parentheses"),
        ("$select" = Option<String>, Query, description = "Only these properties"),
        ("$orderby" = Option<String>, Query, description = "Properties, each with `asc` or `desc`"),
        ("$top" = Option<u32>, Query, maximum = 1000, description = "At most so many; 100 unless given"),
        ("$skip" = Option<u32>, Query, description = "Without the first so many"),
        ("$count" = Option<bool>, Query, description = "Whether to say how many there are"),
    ),
    responses(
        (status = 200, body = Value, description = "Entities"),
        (status = 400, body = Body, content_type = "application/problem+json", description = "An option is not acceptable"),
        (status = 404, body = Body, content_type = "application/problem+json", description = "The address leads nowhere"),
        (status = 503, body = Body, content_type = "application/problem+json", description = "The database does not answer"),
    )
)]
pub(crate) async fn entities(
    state: State<ApiState>,
    Path(resource): Path<String>,
    query: RawQuery,
    headers: HeaderMap,
) -> Result<Response, measurements::Error> {
    respond(state, &resource, query, &headers).await
}

/// Addresses that go on after an entity.
pub(crate) async fn further(
    state: State<ApiState>,
    Path((resource, rest)): Path<(String, String)>,
    query: RawQuery,
    headers: HeaderMap,
) -> Result<Response, measurements::Error> {
    respond(state, &format!("{resource}/{rest}"), query, &headers).await
}

async fn respond(
    State(state): State<ApiState>,
    resource: &str,
    RawQuery(query): RawQuery,
    headers: &HeaderMap,
) -> Result<Response, measurements::Error> {
    let pairs: Vec<(String, String)> =
        form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect();
    Ok(match sta::answer(&state, &base(headers), resource, &pairs).await? {
        Answer::Json(value) => Json(value).into_response(),
        Answer::Text(text) => text.into_response(),
        Answer::Nothing => StatusCode::NO_CONTENT.into_response(),
    })
}

/// The service's address as the caller knows it.
fn base(headers: &HeaderMap) -> String {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(header::HOST.as_str()).unwrap_or("localhost");
    // A proxy in front that ends TLS says so.
    let scheme = text("x-forwarded-proto").filter(|scheme| *scheme == "https").unwrap_or("http");
    format!("{scheme}://{host}{ROOT}")
}

impl From<StaError> for measurements::Error {
    fn from(error: StaError) -> Self {
        match error {
            StaError::Store(error) => Self::Store(error),
            StaError::Refused(refusal) => Self::Request(refusal.into()),
            StaError::NotFound(detail) => Self::Request(Problem::new(Kind::NotFound, detail)),
        }
    }
}
