//! `GET /api/v1/measurements/peaks`: the busiest hour of each line and day, as in the workbook.

use axum::Json;
use axum::extract::{RawQuery, State};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use utoipa::ToSchema;
use wayside_store::query::{MeasurementKind, MeasurementQuery, SmallCells};
use wayside_types::BinLength;

use super::{Error, ask};
use crate::export::{Quarters, rounded};
use crate::params::Params;
use crate::problem::{Body, Problem};
use crate::state::ApiState;

/// Longest time of a question, seconds: three months.
const LONGEST_S: i64 = 92 * 86_400;

/// Busiest hours.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Peaks {
    /// By camera, line, direction and day.
    items: Vec<Peak>,
}

/// The busiest hour of a day: four quarters of an hour in a row, all watched whole.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Peak {
    /// The camera's id.
    #[schema(example = "hp-07")]
    camera: String,
    /// The line.
    #[schema(example = "east-in")]
    line: String,
    /// Which way.
    #[schema(example = "forward")]
    direction: String,
    /// The day on the site's clock on which the hour begins.
    #[schema(value_type = String, format = Date, example = "2026-11-20")]
    day: Date,
    /// Start of the hour, inclusive; null where no hour of the day was watched whole.
    #[schema(required)]
    start: Option<Timestamp>,
    /// End of the hour, exclusive.
    #[schema(required)]
    end: Option<Timestamp>,
    /// How many in it, of the classes asked for.
    #[schema(example = 812, required)]
    volume: Option<u64>,
    /// How many in its highest quarter of an hour.
    #[schema(example = 241, required)]
    highest_quarter: Option<u64>,
    /// Peak-hour factor: the volume over four times its highest quarter; null where nobody came.
    #[schema(example = 0.842, required)]
    factor: Option<f64>,
}

/// Peak hours
///
/// The busiest hour of each line, direction and day, by quarters of an hour that were watched whole.
#[utoipa::path(
    get,
    path = "/api/v1/measurements/peaks",
    operation_id = "list_peak_hours",
    tag = "measurements",
    params(
        ("camera" = Option<Vec<String>>, Query, explode = false, description = "Only these cameras; all unless given", example = "hp-07"),
        ("line" = Option<Vec<String>>, Query, explode = false, description = "Only these lines"),
        ("class" = Option<Vec<String>>, Query, explode = false, description = "These classes, summed; all unless given"),
        ("from" = Option<String>, Query, format = DateTime, description = "Quarters of an hour that start at this time or later; 24 hours before `to` unless given"),
        ("to" = Option<String>, Query, format = DateTime, description = "Quarters of an hour that start before this time; now unless given. At most three months at once"),
    ),
    responses(
        (status = 200, body = Peaks, description = "The hours"),
        (status = 400, body = Body, content_type = "application/problem+json", description = "A parameter is not acceptable"),
        (status = 503, body = Body, content_type = "application/problem+json", description = "The database does not answer"),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    RawQuery(query): RawQuery,
) -> Result<Json<Peaks>, Error> {
    let query = question(&state, query.as_deref())?;
    let quarters = Quarters::load(&state, &query, MeasurementKind::Lines).await?;
    let mut items = Vec::new();
    for (camera, of_camera) in &quarters.cameras {
        let classes: Vec<_> = of_camera.classes.iter().copied().collect();
        for subject in of_camera.counts.keys() {
            let series = of_camera.sum(subject, &classes);
            for day in of_camera.days(&query.zone) {
                let peak = of_camera.peak(&series, &query.zone, Some(day));
                #[expect(clippy::cast_precision_loss, reason = "counts of an hour are far below 2^52")]
                let factor = peak
                    .filter(|peak| peak.volume > 0)
                    .map(|peak| rounded(peak.volume as f64 / (4 * peak.highest_quarter) as f64, 3));
                items.push(Peak {
                    camera: camera.clone(),
                    line: subject.0.clone(),
                    direction: subject.1.clone(),
                    day,
                    start: peak.map(|peak| peak.start),
                    end: peak.map(|peak| peak.end),
                    volume: peak.map(|peak| peak.volume),
                    highest_quarter: peak.map(|peak| peak.highest_quarter),
                    factor,
                });
            }
        }
    }
    Ok(Json(Peaks { items }))
}

fn question(state: &ApiState, query: Option<&str>) -> Result<MeasurementQuery, Problem> {
    let mut params = Params::parse(query);
    let bin = BinLength::Minute15;
    let cameras = ask::cameras(&mut params, state);
    let lines = ask::lines(&mut params, state, MeasurementKind::Lines, &cameras);
    let classes = ask::classes(&mut params, MeasurementKind::Lines, bin);
    let (from, to) = ask::range(&mut params, state.clock.now(), bin);
    if to.duration_since(from).as_secs() > LONGEST_S {
        params.refuse("from", &from.to_string(), "at most three months before to");
    }
    params.finish()?;
    let all = MeasurementQuery::new(from, to, bin, state.time_zone.clone());
    Ok(MeasurementQuery { cameras, lines, classes, small_cells: SmallCells::Suppress, ..all })
}
