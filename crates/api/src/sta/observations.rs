//! Observations out of the store: a quarter of an hour of a line, a direction and a class is one for each quantity that was
//! told of it. What was not watched has no observation; what may not be told has none either.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use wayside_store::query::{MeasurementQuery, Pages};
use wayside_types::{BinLength, CameraId, LineId, RoadUserClass};

use super::catalogue::{Catalogue, QUANTITIES, Stream};
use super::filter::Filter;
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

/// Most rows that are kept for the next stream.
const KEPT: usize = 20_000;

/// What a request has asked the store for. Streams of a line and class that are expanded one after the other (a direction's
/// quantities, then the next class) are made of the same rows, which are asked for once.
pub(super) struct Asked {
    /// One moment for all of a request.
    now: Timestamp,
    last: Mutex<Option<(Question, Arc<Vec<LineMeasurement>>)>>,
}

/// Which rows.
#[derive(Debug, Clone, PartialEq)]
struct Question {
    from: Timestamp,
    to: Timestamp,
    cameras: Vec<CameraId>,
    lines: Vec<LineId>,
    classes: Vec<RoadUserClass>,
}

impl Asked {
    pub(super) fn at(now: Timestamp) -> Self {
        Self { now, last: Mutex::new(None) }
    }

    fn known(&self, question: &Question) -> Option<Arc<Vec<LineMeasurement>>> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().filter(|(known, _)| known == question).map(|(_, rows)| rows.clone())
    }

    async fn rows(
        &self,
        catalogue: &Catalogue<'_>,
        question: Question,
        most: usize,
    ) -> Result<Arc<Vec<LineMeasurement>>, StaError> {
        if let Some(rows) = self.known(&question) {
            return Ok(rows);
        }
        let parts = catalogue.0;
        let Question { from, to, cameras, lines, classes } = question.clone();
        let zone = parts.time_zone.clone();
        let mut query = MeasurementQuery::new(from, to, BinLength::Minute15, zone);
        // No observation holds a band or a sign.
        (query.limit, query.with_quality) = (ROWS, false);
        (query.cameras, query.lines, query.classes) = (cameras, lines, classes);
        let mut rows = Vec::new();
        let mut pages = Pages::new(&parts.database, query);
        while let Some(page) = pages.next().await? {
            rows.extend(page.into_iter().map(Measurement::from).filter_map(|row| match row {
                Measurement::Line(row) => Some(*row),
                Measurement::Movement(_) | Measurement::Zone(_) => None,
            }));
            if rows.len() > most {
                return Err(too_many());
            }
        }
        let rows = Arc::new(rows);
        if rows.len() <= KEPT {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            *last = Some((question, rows.clone()));
        }
        Ok(rows)
    }
}

/// How a filter names whose observations are wanted.
const STREAM: &[&[&str]] = &[&["Datastream", "id"], &["Datastream", "@iot.id"]];
const FEATURE: &[&[&str]] = &[&["FeatureOfInterest", "id"], &["FeatureOfInterest", "@iot.id"]];
const CAMERA: &[&[&str]] = &[
    &["Datastream", "Thing", "id"],
    &["Datastream", "Thing", "@iot.id"],
    &["Datastream", "Sensor", "id"],
    &["Datastream", "Sensor", "@iot.id"],
    &["Datastream", "properties", "camera"],
];

/// Observations by stream and time, as far as `of` and times and names of a filter want them.
///
/// # Errors
/// [`StaError::Refused`] for too many; [`StaError::Store`].
pub(super) async fn observations(
    catalogue: &Catalogue<'_>,
    asked: &Asked,
    of: &Of,
    filter: Option<&Filter>,
) -> Result<Vec<Entity>, StaError> {
    let bounds = filter.map(Filter::time_bounds).unwrap_or_default();
    let (from, to) = match of {
        Of::One(id) => {
            let start = id.rsplit('.').next().and_then(|s| s.parse().ok());
            let Some(start) = start.and_then(|s| Timestamp::from_second(s).ok()) else {
                return Ok(Vec::new());
            };
            (start, start.checked_add(SignedDuration::from_secs(1)).unwrap_or(start))
        }
        of => span(asked.now, bounds, if *of == Of::All { BACK_ALL_H } else { BACK_ONE_H })?,
    };
    if from >= to {
        return Ok(Vec::new());
    }
    let cameras = catalogue.0.cameras.iter().map(|camera| camera.id.clone()).collect();
    let mut question = Question { from, to, cameras, lines: Vec::new(), classes: Vec::new() };
    let must = |names| filter.and_then(|filter| filter.must_equal(names));
    let (feature, stream) = match of {
        Of::All => (must(FEATURE), must(STREAM)),
        Of::Feature(id) => (Some(id.as_str()), must(STREAM)),
        Of::Stream(id) => (None, Some(id.as_str())),
        Of::One(id) => (None, id.rsplit_once('.').map(|(stream, _)| stream)),
    };
    if let Some(id) = must(CAMERA) {
        question.cameras = catalogue.camera(id).map(|camera| camera.id.clone()).into_iter().collect();
    }
    let mut at = None;
    if let Some(id) = feature {
        let Some((camera, line)) = catalogue.feature(id) else { return Ok(Vec::new()) };
        (question.cameras, question.lines) = (vec![camera.id.clone()], vec![line.id.clone()]);
        at = Some((&camera.id, &line.id));
    }
    let mut only: Option<Stream<'_>> = None;
    // A row is two observations at least, its count and its flow; of a stream it is one, and half of the rows go the other way.
    let mut most = MOST / 2;
    if let Some(id) = stream {
        let Some(stream) = catalogue.stream(id) else { return Ok(Vec::new()) };
        if at.is_some_and(|at| at != (&stream.camera.id, &stream.line.id)) {
            return Ok(Vec::new());
        }
        question.cameras = vec![stream.camera.id.clone()];
        question.lines = vec![stream.line.id.clone()];
        question.classes = vec![stream.class];
        only = Some(stream);
        most = 2 * MOST;
    }
    if question.cameras.is_empty() {
        return Ok(Vec::new());
    }
    let rows = asked.rows(catalogue, question, most).await?;
    let rows =
        rows.iter().filter(|row| only.is_none_or(|only| row.direction == Some(only.direction.as_str())));
    let found: Vec<Entity> = rows.flat_map(|row| of_row(row, only.map(|only| only.quantity.id))).collect();
    if found.len() > MOST {
        return Err(too_many());
    }
    Ok(found)
}

fn too_many() -> StaError {
    let accepted = format!("a filter of phenomenonTime that leaves at most {MOST} observations");
    Refusal::new("$filter", "", accepted).into()
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
fn of_row(row: &LineMeasurement, wanted: Option<&'static str>) -> impl Iterator<Item = Entity> {
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

#[cfg(test)]
mod tests {
    use wayside_store::WriterStats;
    use wayside_testkit::TestDb;

    use super::super::filter;
    use super::*;
    use crate::testing::parts;
    use crate::tests::measurements::{fill, half_an_hour};

    async fn found(parts: &crate::ApiParts, asked: &Asked, stream: &str) -> Option<usize> {
        let of = Of::Stream(format!("hp-07.{stream}"));
        let found = observations(&Catalogue(parts), asked, &of, None).await;
        found.ok().map(|found| found.len())
    }

    /// A client that expands the observations of a camera's 168 streams would otherwise ask the store 168 times.
    #[tokio::test]
    async fn streams_of_a_line_and_class_are_asked_for_once() {
        let db = TestDb::new().await;
        let database = fill(&db, half_an_hour()).await;
        let parts = parts(database.clone(), "127.0.0.1:8080", WriterStats::default());
        let asked = Asked::at(parts.clock.now());
        assert_eq!(found(&parts, &asked, "east-in.forward.car.count").await, Some(2));
        database.close().await;
        for (stream, want) in [("forward.car.flow", 2), ("forward.car.speed", 1), ("backward.car.count", 2)] {
            assert_eq!(found(&parts, &asked, &format!("east-in.{stream}")).await, Some(want), "{stream}");
        }
        // Another line's, another class', and those of another request are not known yet.
        assert_eq!(found(&parts, &asked, "north-out.forward.car.count").await, None);
        assert_eq!(found(&parts, &asked, "east-in.forward.bus.count").await, None);
        assert_eq!(found(&parts, &Asked::at(parts.clock.now()), "east-in.forward.car.flow").await, None);
    }

    /// Who asks for a camera's or a line's observations of a day does not have the whole city's read.
    #[tokio::test]
    async fn whose_observations_are_asked_for_is_asked_of_the_store() {
        let db = TestDb::new().await;
        let database = fill(&db, half_an_hour()).await;
        let parts = parts(database.clone(), "127.0.0.1:8080", WriterStats::default());
        assert!(parts.cameras.len() > 1);
        let catalogue = Catalogue(&parts);
        for (filter, lines, classes) in [
            ("Datastream/id eq 'hp-07.east-in.forward.car.count' and result ge 0", 1, 1),
            ("FeatureOfInterest/id eq 'hp-07.east-in'", 1, 0),
            ("Datastream/Thing/id eq 'hp-07'", 0, 0),
            ("Datastream/properties/camera eq 'hp-07'", 0, 0),
        ] {
            let asked = Asked::at(parts.clock.now());
            let parsed = filter::parse(filter).unwrap();
            let found = observations(&catalogue, &asked, &Of::All, Some(&parsed)).await.unwrap();
            assert!(!found.is_empty(), "{filter}");
            let last = asked.last.lock().unwrap().clone().unwrap().0;
            assert_eq!(last.cameras.iter().map(CameraId::as_str).collect::<Vec<_>>(), ["hp-07"], "{filter}");
            assert_eq!((last.lines.len(), last.classes.len()), (lines, classes), "{filter}");
        }
        // What a line does not have is not given out as its own.
        let elsewhere = filter::parse("Datastream/id eq 'hp-07.east-in.forward.car.count'").unwrap();
        let of = Of::Feature("hp-07.north-out".to_owned());
        let asked = Asked::at(parts.clock.now());
        assert_eq!(observations(&catalogue, &asked, &of, Some(&elsewhere)).await.unwrap(), []);
        let nobody = filter::parse("Datastream/Thing/id eq 'nobody'").unwrap();
        let asked = Asked::at(parts.clock.now());
        assert_eq!(observations(&catalogue, &asked, &Of::All, Some(&nobody)).await.unwrap(), []);
    }
}
