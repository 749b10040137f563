//! Observations out of the store: a quarter of an hour of a line, a direction and a class is one for each quantity that was
//! told of it. What was not watched has no observation; what may not be told has none either.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use wayside_store::query::{MeasurementQuery, Pages};
use wayside_types::BinLength;

use super::catalogue::{Catalogue, QUANTITIES, Stream};
use super::{Entity, Kind, Refusal, StaError};
use crate::export::{LineMeasurement, Measurement};

/// Observations that an answer may go through.
const MOST: usize = 100_000;
/// Rows fetched at once.
const ROWS: u32 = 5_000;
/// How far back is looked unless the filter says: of everything, and of one stream or line.
const BACK_ALL_H: i64 = 24;
const BACK_ONE_H: i64 = 31 * 24;
/// The longest time of an answer.
const LONGEST_H: i64 = 366 * 24;

/// Whose observations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Of {
    All,
    Stream(String),
    /// A line.
    Feature(String),
    /// One observation.
    One(String),
}

/// Observations by stream and time, as far as `bounds` (from a filter) and `of` want them.
///
/// # Errors
/// [`StaError::Refused`] for too many; [`StaError::Store`].
pub(super) async fn observations(
    catalogue: &Catalogue<'_>,
    of: &Of,
    bounds: (Option<Timestamp>, Option<Timestamp>),
) -> Result<Vec<Entity>, StaError> {
    let parts = catalogue.0;
    let now = parts.clock.now();
    let (from, to) = match of {
        Of::One(id) => {
            let start = id.rsplit('.').next().and_then(|s| s.parse().ok());
            let Some(start) = start.and_then(|s| Timestamp::from_second(s).ok()) else {
                return Ok(Vec::new());
            };
            (start, start.checked_add(SignedDuration::from_secs(1)).unwrap_or(start))
        }
        of => span(now, bounds, if *of == Of::All { BACK_ALL_H } else { BACK_ONE_H })?,
    };
    if from >= to {
        return Ok(Vec::new());
    }
    let mut query = MeasurementQuery::new(from, to, BinLength::Minute15, parts.time_zone.clone());
    query.limit = ROWS;
    query.cameras = parts.cameras.iter().map(|camera| camera.id.clone()).collect();
    let stream = match of {
        Of::All => None,
        Of::Feature(id) => {
            let Some((camera, line)) = catalogue.feature(id) else { return Ok(Vec::new()) };
            (query.cameras, query.lines) = (vec![camera.id.clone()], vec![line.id.clone()]);
            None
        }
        Of::Stream(id) => Some(id.clone()),
        Of::One(id) => id.rsplit_once('.').map(|(stream, _)| stream.to_owned()),
    };
    let mut only: Option<Stream<'_>> = None;
    if let Some(id) = stream {
        let Some(stream) = catalogue.stream(&id) else { return Ok(Vec::new()) };
        query.cameras = vec![stream.camera.id.clone()];
        query.lines = vec![stream.line.id.clone()];
        query.classes = vec![stream.class];
        only = Some(stream);
    }
    if query.cameras.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    let mut pages = Pages::new(&parts.database, query);
    while let Some(rows) = pages.next().await? {
        for row in rows.into_iter().map(Measurement::from) {
            let Measurement::Line(row) = row else { continue };
            if only.is_none_or(|only| row.direction == Some(only.direction.as_str())) {
                let wanted = only.map(|only| only.quantity.id);
                found.extend(of_row(&row, wanted));
            }
        }
        if found.len() > MOST {
            let accepted = format!("a filter of phenomenonTime that leaves at most {MOST} observations");
            return Err(Refusal::new("$filter", "", accepted).into());
        }
    }
    Ok(found)
}

fn span(
    now: Timestamp,
    bounds: (Option<Timestamp>, Option<Timestamp>),
    back_h: i64,
) -> Result<(Timestamp, Timestamp), Refusal> {
    let to = bounds.1.map_or(now, |to| to.min(now));
    let back = |hours| to.checked_sub(SignedDuration::from_hours(hours)).unwrap_or(Timestamp::MIN);
    // A bin that ends after a time may have begun a quarter of an hour before it.
    let quarter = SignedDuration::from_mins(15);
    let from = bounds.0.map_or_else(|| back(back_h), |from| from.checked_sub(quarter).unwrap_or(from));
    if from < back(LONGEST_H + 1) {
        let accepted = format!("phenomenonTime of at most {} days at once", LONGEST_H / 24);
        return Err(Refusal::new("$filter", from.to_string(), accepted));
    }
    Ok((from, to))
}

/// The observations of a row, or one of them.
fn of_row<'a>(row: &'a LineMeasurement, wanted: Option<&'static str>) -> impl Iterator<Item = Entity> + 'a {
    QUANTITIES.iter().filter(move |quantity| wanted.is_none_or(|wanted| wanted == quantity.id)).filter_map(
        move |quantity| {
            let result = match quantity.id {
                "count" => json!(row.counted.count?),
                "flow" => json!(row.counted.flow_per_h?),
                "speed" => json!(row.speed.as_ref()?.time_mean_kmh),
                "space-mean-speed" => json!(row.speed.as_ref()?.space_mean_kmh),
                "speed-p85" => json!(row.speed.as_ref()?.p85_kmh?),
                "headway" => json!(row.headway.as_ref()?.mean_s),
                "occupancy" => json!(row.occupancy?),
                _ => return None,
            };
            let (line, way) = (row.line.as_deref()?, row.direction?);
            let (start, end) = (row.counted.start, row.counted.end);
            let (class, second) = (row.counted.class?, start.as_second());
            Some(Entity::new(
                Kind::Observation,
                format!("{}.{line}.{way}.{class}.{}.{second}", row.camera, quantity.id),
                json!({
                    "phenomenonTime": format!("{start}/{end}"),
                    "resultTime": end,
                    "result": result,
                    "resultQuality": {
                        "observed_s": row.watched.observed_s,
                        "dropped_share": row.watched.dropped_share,
                        "grade": row.watched.grade,
                        "complete": row.watched.complete,
                    },
                }),
            ))
        },
    )
}
