//! `GET /api/v1/measurements/typical` and `/movers`: a day beside the same weekday of past weeks, bin by bin, and the
//! cameras whose day is furthest from it. What is usual is the store's work.

use axum::Json;
use axum::extract::{RawQuery, State};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use utoipa::ToSchema;
use wayside_store::query::{MeasurementKind, RowSubject, TypicalQuery, movers, typical};
use wayside_types::BinLength;

use super::{Error, ask};
use crate::export::rounded;
use crate::params::Params;
use crate::problem::Body;
use crate::state::ApiState;

const WEEKS_DEFAULT: u8 = 8;
const WEEKS_MAX: u8 = 26;
const MOVERS_DEFAULT: usize = 20;
const MOVERS_MAX: usize = 1_000;

/// A day, bin by bin.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Typical {
    /// The day on the site's clock.
    #[schema(value_type = String, format = Date, example = "2026-11-20")]
    day: Date,
    /// How many weeks before it were looked at.
    #[schema(example = 8)]
    weeks: u8,
    /// By camera, group and time.
    items: Vec<TypicalBin>,
}

/// A bin of the day beside what is usual.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TypicalBin {
    /// The camera's id.
    #[schema(example = "hp-07")]
    camera: String,
    /// The line; null where rows are not told apart by it.
    #[schema(example = "east-in", required)]
    line: Option<String>,
    /// Which way; null likewise.
    #[schema(example = "forward", required)]
    direction: Option<&'static str>,
    /// Which class; null likewise.
    #[schema(example = "car", required)]
    class: Option<&'static str>,
    /// Start of the bin, inclusive.
    start: Timestamp,
    /// End of the bin, exclusive.
    end: Timestamp,
    /// How many on the day; null where the bin was not watched whole.
    #[schema(example = 131, required)]
    count: Option<u64>,
    /// What is usual; null where the bin was watched whole on fewer than three of the days.
    #[schema(required)]
    usual: Option<Usual>,
}

/// Counts of the same bin on the same weekday of past weeks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Usual {
    /// Half of the days had less.
    #[schema(example = 96.0)]
    median: f64,
    /// A quarter of the days had less.
    #[schema(example = 88.5)]
    low: f64,
    /// A quarter of the days had more.
    #[schema(example = 104.0)]
    high: f64,
    /// How many days went into it.
    #[schema(example = 8)]
    days: u32,
}

/// A day beside what is usual
///
/// What was counted on a day, bin by bin, beside median and quartiles of the same weekday in the weeks before it. Only bins
/// that were watched whole are compared.
#[utoipa::path(
    get,
    path = "/api/v1/measurements/typical",
    operation_id = "get_typical_day",
    tag = "measurements",
    params(
        ("camera" = Option<Vec<String>>, Query, explode = false, description = "Only these cameras; all unless given", example = "hp-07"),
        ("line" = Option<Vec<String>>, Query, explode = false, description = "Only these lines"),
        ("class" = Option<Vec<String>>, Query, explode = false, description = "Only these classes"),
        ("group" = Option<Vec<String>>, Query, explode = false, description = "What rows are told apart by: some of line, direction, class, or none; all unless given"),
        ("bin" = Option<String>, Query, description = "15m, 1h or 1d; 1h unless given"),
        ("day" = Option<String>, Query, format = Date, description = "The day on the site's clock; today unless given"),
        ("weeks" = Option<u8>, Query, description = "How many weeks before it are looked at, 3 to 26; 8 unless given"),
    ),
    responses(
        (status = 200, body = Typical, description = "The day"),
        (status = 400, body = Body, content_type = "application/problem+json", description = "A parameter is not acceptable"),
        (status = 503, body = Body, content_type = "application/problem+json", description = "The database does not answer"),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    RawQuery(query): RawQuery,
) -> Result<Json<Typical>, Error> {
    let mut params = Params::parse(query.as_deref());
    let bin = params.parsed("bin", "one of: 15m 1h 1d", |v| {
        v.parse().ok().filter(|bin: &BinLength| *bin >= BinLength::Minute15)
    });
    let mut query = question(&mut params, &state, bin.unwrap_or(BinLength::Hour));
    query.group_by = ask::group_by(&mut params, MeasurementKind::Lines);
    params.finish()?;
    let items = typical(&state.database, &query).await?.into_iter().map(|row| {
        let (line, direction) = match row.subject {
            RowSubject::Line { line, direction } => (line, direction),
            RowSubject::Movement { .. } | RowSubject::Zone { .. } => (None, None),
        };
        TypicalBin {
            camera: row.camera.to_string(),
            line: line.map(|line| line.to_string()),
            direction: direction.map(|way| way.as_str()),
            class: row.class.map(|class| class.as_str()),
            start: row.start,
            end: row.end,
            count: row.count,
            usual: row.usual.map(|usual| Usual {
                median: usual.median,
                low: usual.low,
                high: usual.high,
                days: usual.days,
            }),
        }
    });
    Ok(Json(Typical { day: query.day, weeks: query.weeks, items: items.collect() }))
}

/// Cameras by how far their day is from what is usual.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Movers {
    /// The day on the site's clock.
    #[schema(value_type = String, format = Date, example = "2026-11-20")]
    day: Date,
    /// How many weeks before it were looked at.
    #[schema(example = 8)]
    weeks: u8,
    /// The furthest first.
    items: Vec<Mover>,
}

/// A camera's day against what is usual, over the hours of which both are known.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Mover {
    /// The camera's id.
    #[schema(example = "hp-07")]
    camera: String,
    /// How many on the day.
    #[schema(example = 9131)]
    count: u64,
    /// The medians of the same hours, added up.
    #[schema(example = 7020.5)]
    usual: f64,
    /// How many more than usual; fewer where negative.
    #[schema(example = 2110.5)]
    difference: f64,
    /// The count over what is usual; null where nobody is.
    #[schema(example = 1.301, required)]
    ratio: Option<f64>,
    /// How many hours were compared.
    #[schema(example = 17)]
    hours: u32,
}

/// The cameras furthest from what is usual
///
/// Cameras by how far their day is from the same weekday in the weeks before it: the difference of what was counted over
/// the hours that were watched whole. Of a day that is not over these are its hours so far.
#[utoipa::path(
    get,
    path = "/api/v1/measurements/movers",
    operation_id = "list_movers",
    tag = "measurements",
    params(
        ("camera" = Option<Vec<String>>, Query, explode = false, description = "Only these cameras; all unless given", example = "hp-07"),
        ("line" = Option<Vec<String>>, Query, explode = false, description = "Only these lines"),
        ("class" = Option<Vec<String>>, Query, explode = false, description = "Only these classes"),
        ("day" = Option<String>, Query, format = Date, description = "The day on the site's clock; today unless given"),
        ("weeks" = Option<u8>, Query, description = "How many weeks before it are looked at, 3 to 26; 8 unless given"),
        ("limit" = Option<usize>, Query, description = "Most cameras, 1 to 1000; 20 unless given"),
    ),
    responses(
        (status = 200, body = Movers, description = "The cameras"),
        (status = 400, body = Body, content_type = "application/problem+json", description = "A parameter is not acceptable"),
        (status = 503, body = Body, content_type = "application/problem+json", description = "The database does not answer"),
    )
)]
pub(crate) async fn movers_handler(
    State(state): State<ApiState>,
    RawQuery(query): RawQuery,
) -> Result<Json<Movers>, Error> {
    let mut params = Params::parse(query.as_deref());
    let query = question(&mut params, &state, BinLength::Hour);
    let accepted = format!("a number from 1 to {MOVERS_MAX}");
    let limit =
        params.parsed("limit", &accepted, |v| v.parse().ok().filter(|n| (1..=MOVERS_MAX).contains(n)));
    params.finish()?;
    let found = movers(&state.database, &query).await?;
    let items = found.into_iter().take(limit.unwrap_or(MOVERS_DEFAULT)).map(|mover| Mover {
        camera: mover.camera.to_string(),
        count: mover.count,
        usual: mover.usual,
        difference: mover.difference(),
        #[expect(clippy::cast_precision_loss, reason = "counts of a day are far below 2^52")]
        ratio: (mover.usual > 0.0).then(|| rounded(mover.count as f64 / mover.usual, 3)),
        hours: mover.hours,
    });
    Ok(Json(Movers { day: query.day, weeks: query.weeks, items: items.collect() }))
}

fn question(params: &mut Params, state: &ApiState, bin: BinLength) -> TypicalQuery {
    let cameras = ask::cameras(params, state);
    let lines = ask::lines(params, state, MeasurementKind::Lines, &cameras);
    let classes = ask::classes(params, MeasurementKind::Lines, bin);
    let day = params.parsed("day", "a day such as 2026-11-20", |v| v.parse::<Date>().ok());
    let accepted = format!("a number from 3 to {WEEKS_MAX}");
    let weeks = params.parsed("weeks", &accepted, |v| v.parse().ok().filter(|n| (3..=WEEKS_MAX).contains(n)));
    let zone = state.time_zone.clone();
    TypicalQuery {
        cameras,
        lines,
        classes,
        day: day.unwrap_or_else(|| state.clock.now().to_zoned(zone.clone()).date()),
        weeks: weeks.unwrap_or(WEEKS_DEFAULT),
        bin,
        group_by: Default::default(),
        zone,
    }
}
