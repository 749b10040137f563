//! `GET /api/v1/measurements/gaps`: when cameras did not watch.

use axum::Json;
use axum::extract::{RawQuery, State};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use wayside_store::query::{GapsQuery, gaps};
use wayside_types::BinLength;

use super::{Error, ask};
use crate::export::rounded;
use crate::params::Params;
use crate::problem::Body;
use crate::state::ApiState;

const LIMIT_DEFAULT: usize = 1_000;
const LIMIT_MAX: usize = 10_000;

/// When cameras did not watch.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Gaps {
    /// Where the time that was looked at begins.
    from: Timestamp,
    /// Where it ends: not after now.
    to: Timestamp,
    /// By camera and time.
    items: Vec<Gap>,
    /// Whether there are more than were asked for.
    more: bool,
}

/// Quarters of an hour in a row of which less than 98 % was observed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Gap {
    /// The camera's id.
    #[schema(example = "hp-07")]
    camera: String,
    /// Start of the first, inclusive.
    start: Timestamp,
    /// End of the last, exclusive.
    end: Timestamp,
    /// Seconds that were observed all the same.
    #[schema(example = 312.5)]
    observed_s: f64,
    /// Seconds that were not.
    #[schema(example = 2387.5)]
    missing_s: f64,
}

/// Gaps in the data
///
/// Stretches in which a camera did not watch, in quarters of an hour that are over; one of which less than 98 % was observed
/// is part of a gap.
#[utoipa::path(
    get,
    path = "/api/v1/measurements/gaps",
    operation_id = "list_gaps",
    tag = "measurements",
    params(
        ("camera" = Option<Vec<String>>, Query, explode = false, description = "Only these cameras; all unless given", example = "hp-07"),
        ("from" = Option<String>, Query, format = DateTime, description = "Quarters of an hour that start at this time or later; 24 hours before `to` unless given"),
        ("to" = Option<String>, Query, format = DateTime, description = "Quarters of an hour that are over by this time; now unless given. At most three months at once"),
        ("limit" = Option<usize>, Query, description = "Most gaps, 1 to 10000; 1000 unless given"),
    ),
    responses(
        (status = 200, body = Gaps, description = "The gaps"),
        (status = 400, body = Body, content_type = "application/problem+json", description = "A parameter is not acceptable"),
        (status = 503, body = Body, content_type = "application/problem+json", description = "The database does not answer"),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    RawQuery(query): RawQuery,
) -> Result<Json<Gaps>, Error> {
    let mut params = Params::parse(query.as_deref());
    let cameras = ask::cameras(&mut params, &state);
    let now = state.clock.now();
    let (from, to) = ask::range(&mut params, now, BinLength::Minute15);
    let accepted = format!("a number from 1 to {LIMIT_MAX}");
    let limit = params.parsed("limit", &accepted, |v| v.parse().ok().filter(|n| (1..=LIMIT_MAX).contains(n)));
    params.finish()?;
    // What is still to come is no gap.
    let to = to.min(now);
    let query =
        GapsQuery { cameras, from, to, zone: state.time_zone.clone(), limit: limit.unwrap_or(LIMIT_DEFAULT) };
    let (found, more) = if from < to { gaps(&state.database, &query).await? } else { (Vec::new(), false) };
    let items = found.into_iter().map(|gap| Gap {
        camera: gap.camera.to_string(),
        start: gap.start,
        end: gap.end,
        observed_s: rounded(gap.observed_s, 1),
        missing_s: rounded(gap.missing_s(), 1),
    });
    Ok(Json(Gaps { from, to, items: items.collect(), more }))
}
