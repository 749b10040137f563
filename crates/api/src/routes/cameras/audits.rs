//! `/api/v1/cameras/{id}/audits`: counts held against a person's tally. `POST` takes a tally from the page, compares it with
//! what was counted in the same stretch and keeps the comparison, as `wayside audit` does; `GET` lists what was kept.

use std::fmt::Display;

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wayside_store::StoreError;
use wayside_store::audit::{Audit, AuditCursor, Compared, Stretch, Tally, TallyClass, compare, list};
use wayside_types::{Band, CameraSpec, Direction};

use super::camera_of_path;
use crate::page::{self, Page};
use crate::params::Params;
use crate::problem::{Body, FieldError, Kind, Problem};
use crate::routes::measurements::ask::TIME;
use crate::state::{ApiState, list_of};

const LIMIT_DEFAULT: u32 = 100;
const LIMIT_MAX: u32 = 1_000;
/// Numbers in one tally.
const TALLIES_MAX: usize = 200;

/// What a person counted over a stretch of time.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAudit {
    /// When the stretch began: a whole minute of the site's clock. Pedestrians, bicycles and motorcycles want whole
    /// quarters of an hour.
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T10:15:00Z")]
    from: String,
    /// How many minutes it lasted, 1 to 1440.
    #[schema(example = 15, minimum = 1, maximum = 1440)]
    minutes: u32,
    /// The numbers, 1 to 200 of them. What is not among them is not compared; nobody seen is a 0.
    tallies: Vec<NewTally>,
}

/// One number of a tally.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTally {
    /// The line's id.
    #[schema(example = "east-in")]
    line: String,
    /// `forward` or `backward`.
    #[schema(example = "forward")]
    direction: String,
    /// `motor` (cars, buses and lorries), `two_wheeler` (bicycles and motorcycles), or one class.
    #[schema(example = "motor")]
    class: String,
    /// How many.
    #[schema(example = 212, minimum = 0, maximum = 1_000_000)]
    count: u32,
}

/// One count beside its tally.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditRow {
    /// The line's id.
    #[schema(example = "east-in")]
    line: String,
    /// `forward` or `backward`.
    #[schema(example = "forward")]
    direction: &'static str,
    /// `motor` (cars, buses and lorries), `two_wheeler` (bicycles and motorcycles), or one class.
    #[schema(example = "motor")]
    class: &'static str,
    /// When the stretch began.
    from: Timestamp,
    /// How many minutes it lasted.
    minutes: u32,
    /// What Wayside counted.
    counted: u32,
    /// What a person counted.
    tallied: u32,
    /// Seconds of the stretch that the camera observed.
    observed_s: f64,
    /// By how many per cent of the tally the count is off; null where nobody was tallied.
    #[schema(required)]
    error_percent: Option<f64>,
    /// The GEH statistic of the two flows by the hour; under 5 is held to be a good agreement.
    geh: f64,
    /// Where the true count was to be expected, lowest and highest; null in lists, and where that was not kept.
    #[schema(required)]
    band: Option<[u64; 2]>,
    /// When the two were compared.
    made_at: Timestamp,
}

impl AuditRow {
    fn new(audit: &Audit, band: Option<Band>) -> Self {
        Self {
            line: audit.line.to_string(),
            direction: audit.direction.as_str(),
            class: audit.class.as_str(),
            from: audit.start,
            minutes: audit.length_s / 60,
            counted: audit.counted,
            tallied: audit.tallied,
            observed_s: audit.observed_s,
            error_percent: audit.error_percent(),
            geh: audit.geh(),
            band: band.map(|band| [band.low, band.high]),
            made_at: audit.made_at,
        }
    }
}

/// What counts were held against
///
/// The comparisons of a camera's counts with people's tallies, newest stretch first.
#[utoipa::path(
    get,
    path = "/api/v1/cameras/{id}/audits",
    operation_id = "list_audits",
    tag = "measurements",
    params(
        ("id" = String, Path, description = "The camera's id", example = "hp-07"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "At most this many on one page; 100 unless given"),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before"),
    ),
    responses(
        (status = 200, body = Page<AuditRow>, description = "A page of comparisons"),
        (status = 400, body = Body, content_type = "application/problem+json", description = "A parameter is not acceptable"),
        (status = 404, body = Body, content_type = "application/problem+json", description = "No such camera"),
        (status = 503, body = Body, content_type = "application/problem+json", description = "The database does not answer"),
    )
)]
pub(crate) async fn listed(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<Page<AuditRow>>, Problem> {
    let mut params = Params::parse(query.as_deref());
    let limit = page::limit(&mut params, LIMIT_DEFAULT, LIMIT_MAX);
    let after: Option<AuditCursor> =
        params.parsed("cursor", "the next_cursor of an earlier page", |v| v.parse().ok());
    params.finish()?;
    let spec = camera_of_path(&state, &id)?;
    let found = list(&state.database, &spec.id, after.as_ref(), limit + 1).await;
    let mut audits = found.map_err(|error| problem_of(&error))?;
    let is_more = audits.len() > limit as usize;
    audits.truncate(limit as usize);
    let next_cursor = audits.last().filter(|_| is_more).map(|last| AuditCursor::after(last).to_string());
    Ok(Json(Page { items: audits.iter().map(|audit| AuditRow::new(audit, None)).collect(), next_cursor }))
}

/// Hand in a tally
///
/// Holds what a person counted, at the roadside or by the silhouette, against what Wayside counted in the same minutes, and
/// keeps the comparison. A tally of the same stretch, line, direction and class replaces the one before. For browser
/// sessions of the page only; programs have `wayside audit --tally`.
#[utoipa::path(
    post,
    path = "/api/v1/cameras/{id}/audits",
    operation_id = "create_audit",
    tag = "measurements",
    params(("id" = String, Path, description = "The camera's id", example = "hp-07")),
    request_body(content = NewAudit, content_type = "application/json"),
    responses(
        (status = 200, body = Page<AuditRow>, description = "The comparisons, in the order of the tally; all on one page"),
        (status = 400, body = Body, content_type = "application/problem+json", description = "The tally is not acceptable"),
        (status = 403, body = Body, content_type = "application/problem+json", description = "Not the page"),
        (status = 404, body = Body, content_type = "application/problem+json", description = "No such camera"),
        (status = 503, body = Body, content_type = "application/problem+json", description = "The database does not answer"),
    )
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Page<AuditRow>>, Problem> {
    Params::parse(query.as_deref()).finish()?;
    let not_the_page =
        || Problem::new(Kind::BrowserOnly, "tallies are taken from the web page in a browser only");
    state.sessions.of(&headers).ok_or_else(not_the_page)?;
    let spec = camera_of_path(&state, &id)?;
    let asked = read(&headers, &body)?;
    let now = state.clock.now();
    let (from, tallies) = checked(&asked, spec)?;
    let stretch =
        Stretch::new(from, asked.minutes, now, &state.time_zone).map_err(|error| problem_of(&error))?;
    let compared = compare(&state.database, &spec.id, &tallies, &stretch, now).await;
    let compared = compared.map_err(|error| problem_of(&error))?;
    let items = compared.iter().map(|Compared { audit, band }| AuditRow::new(audit, *band)).collect();
    Ok(Json(Page { items, next_cursor: None }))
}

fn read(headers: &HeaderMap, body: &[u8]) -> Result<NewAudit, Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.split(';').next().unwrap_or_default().trim() != "application/json" {
        return Err(Problem::field(Kind::InvalidParameter, "content-type", kind, "application/json"));
    }
    serde_json::from_slice(body).map_err(|error| {
        let accepted = "an object of from, minutes and tallies, each of line, direction, class and count";
        Problem::fields(Kind::InvalidParameter, vec![FieldError::new("body", None, accepted)])
            .saying(format!("the body is not {accepted}: {error}"))
    })
}

/// Every value that is not acceptable at once.
fn checked(asked: &NewAudit, spec: &CameraSpec) -> Result<(Timestamp, Vec<Tally>), Problem> {
    let mut errors = Vec::new();
    let mut refuse = |field: &str, value: &str, accepted: &dyn Display| {
        errors.push(FieldError::new(field, Some(value), accepted));
    };
    let from: Option<Timestamp> = asked.from.parse().ok();
    if from.is_none() {
        refuse("from", &asked.from, &TIME);
    }
    let many = asked.tallies.len();
    if !(1..=TALLIES_MAX).contains(&many) {
        refuse("tallies", &many.to_string(), &format!("1 to {TALLIES_MAX} numbers"));
    }
    let mut tallies = Vec::new();
    for (n, tally) in asked.tallies.iter().take(TALLIES_MAX).enumerate() {
        let line = spec.lines.iter().find(|line| line.id.as_str() == tally.line);
        let direction: Option<Direction> = tally.direction.parse().ok();
        let class: Option<TallyClass> = tally.class.parse().ok();
        if line.is_none() {
            let lines = list_of("one of the lines", spec.lines.iter().map(|line| line.id.as_str()));
            refuse(&format!("tallies[{n}].line"), &tally.line, &lines);
        }
        if direction.is_none() {
            refuse(&format!("tallies[{n}].direction"), &tally.direction, &"one of: forward backward");
        }
        if class.is_none() {
            refuse(&format!("tallies[{n}].class"), &tally.class, &TallyClass::ACCEPTED);
        }
        if tally.count > Tally::MOST {
            let accepted = format!("a whole number from 0 to {}", Tally::MOST);
            refuse(&format!("tallies[{n}].count"), &tally.count.to_string(), &accepted);
        }
        if let (Some(line), Some(direction), Some(class)) = (line, direction, class) {
            tallies.push(Tally { line: line.id.clone(), direction, class, count: tally.count });
        }
    }
    match from.filter(|_| errors.is_empty()) {
        Some(from) => Ok((from, tallies)),
        None => Err(Problem::fields(Kind::InvalidParameter, errors)),
    }
}

fn problem_of(error: &StoreError) -> Problem {
    match error {
        StoreError::BadQuery { field, reason } => {
            Problem::fields(Kind::InvalidParameter, vec![FieldError::new(field, None, reason)])
                .saying(format!("{field} can't be used: {reason}"))
        }
        error if error.is_transient() => {
            tracing::warn!(%error, "tallies can't be compared");
            Problem::new(Kind::DatabaseAway, format!("{error}; hand the tally in again later"))
        }
        error => Problem::internal(error),
    }
}
