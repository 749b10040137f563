//! `GET /api/v1/incidents`: incidents, newest first.

use std::collections::BTreeSet;
use std::str::FromStr;

use axum::Json;
use axum::extract::{RawQuery, State};
use jiff::Timestamp;
use wayside_store::query::{IncidentQuery, incidents};
use wayside_types::{CameraId, IncidentKind, IncidentState, Severity, ZoneId};

use super::{Incident, problem_of};
use crate::page::{self, Page};
use crate::params::Params;
use crate::problem::{Body, Problem};
use crate::routes::measurements::ask::{TIME, cameras, time};
use crate::state::{ApiState, list_of};

const LIMIT_DEFAULT: u32 = 100;
const LIMIT_MAX: u32 = 1_000;

/// Incidents
///
/// Hazards on roads and faults of cameras, newest first by when they were detected. What is open now is also told by
/// the live events (`incident`), and a change is told there before it is here.
#[utoipa::path(
    get,
    path = "/api/v1/incidents",
    operation_id = "list_incidents",
    tag = "incidents",
    params(
        ("camera" = Option<Vec<String>>, Query, explode = false, description = "Only of these cameras; repeated or separated by commas"),
        ("kind" = Option<Vec<String>>, Query, explode = false, description = "Only of these kinds"),
        ("state" = Option<Vec<String>>, Query, explode = false, description = "Only in these states: `open`, `ended`, `unknown`"),
        ("zone" = Option<Vec<String>>, Query, explode = false, description = "Only in these zones"),
        ("severity" = Option<String>, Query, description = "Only of this severity or worse: `minor`, `moderate`, `severe` or `extreme`"),
        ("from" = Option<String>, Query, format = DateTime, description = "Detected at this time or later"),
        ("to" = Option<String>, Query, format = DateTime, description = "Detected before this time"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "At most this many on one page; 100 unless given"),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before"),
    ),
    responses(
        (status = 200, body = Page<Incident>, description = "A page of incidents"),
        (status = 400, body = Body, content_type = "application/problem+json", description = "A parameter is not acceptable"),
        (status = 503, body = Body, content_type = "application/problem+json", description = "The database does not answer"),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    RawQuery(query): RawQuery,
) -> Result<Json<Page<Incident>>, Problem> {
    let query = question(&state, query.as_deref())?;
    let page = incidents(&state.database, &query).await.map_err(|error| problem_of(&error))?;
    let items = page.items.iter().map(Incident::from).collect();
    Ok(Json(Page { items, next_cursor: page.next.map(|cursor| cursor.to_string()) }))
}

/// The question that a request asks.
fn question(state: &ApiState, query: Option<&str>) -> Result<IncidentQuery, Problem> {
    let mut params = Params::parse(query);
    let cameras = cameras(&mut params, state);
    let kinds = named(&mut params, "kind", IncidentKind::ALL.iter().map(|kind| kind.as_str()));
    let states = named(&mut params, "state", IncidentState::ALL.iter().map(|state| state.as_str()));
    let zones = zones(&mut params, state, &cameras);
    let severity = params.parsed("severity", "one of: minor moderate severe extreme", |v| v.parse().ok());
    let (from, to) = (params.parsed("from", TIME, time), params.parsed("to", TIME, time));
    ordered(&mut params, from, to);
    let limit = page::limit(&mut params, LIMIT_DEFAULT, LIMIT_MAX);
    let cursor = params.parsed("cursor", "the next_cursor of an earlier page", |v| v.parse().ok());
    params.finish()?;
    let severity = severity.unwrap_or(Severity::Minor);
    Ok(IncidentQuery { cameras, kinds, states, zones, severity, from, to, cursor, limit })
}

/// A list of names of a closed set.
fn named<T: FromStr>(
    params: &mut Params,
    name: &'static str,
    all: impl Iterator<Item = &'static str>,
) -> Vec<T> {
    let accepted = format!("some of: {}", all.collect::<Vec<_>>().join(" "));
    let mut values = Vec::new();
    for value in params.many(name) {
        match value.parse() {
            Ok(parsed) => values.push(parsed),
            Err(_) => params.refuse(name, &value, &accepted),
        }
    }
    values
}

fn zones(params: &mut Params, state: &ApiState, cameras: &[CameraId]) -> Vec<ZoneId> {
    let specs = state.cameras.iter().filter(|spec| cameras.is_empty() || cameras.contains(&spec.id));
    let known: BTreeSet<&ZoneId> = specs.flat_map(|spec| spec.zones.iter().map(|zone| &zone.id)).collect();
    let mut zones = Vec::new();
    for name in params.many("zone") {
        match ZoneId::new(&name).ok().filter(|id| known.contains(id)) {
            Some(id) => zones.push(id),
            None => params.refuse(
                "zone",
                &name,
                list_of("one of the zones of these cameras", known.iter().map(|id| id.as_str())),
            ),
        }
    }
    zones
}

/// A time that ends before it begins holds nothing.
fn ordered(params: &mut Params, from: Option<Timestamp>, to: Option<Timestamp>) {
    if let Some((from, to)) = from.zip(to).filter(|(from, to)| from >= to) {
        params.refuse("from", &from.to_string(), format!("a time before {to} (to)"));
    }
}
