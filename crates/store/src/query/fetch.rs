//! The SQL of measurements: sums of the stored bins within given spans of time, by camera and group, and
//! what was observed. Spans are found by `width_bucket`, which takes any ascending list of times, so that
//! days of 23 and 25 hours and hours of any time zone need no arithmetic in SQL.

use std::collections::BTreeMap;

use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use wayside_types::{CameraId, LineId, RoadUserClass, ZoneId, ZoneKind};

use super::bins::Span;
use super::stored;
use crate::database::Database;
use crate::error::StoreError;

/// Some cameras and some consecutive bins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) cameras: &'a [String],
    pub(super) spans: &'a [Span],
}

impl Scope<'_> {
    pub(super) fn starts(&self) -> Vec<SqlTimestamp> {
        self.spans.iter().map(|span| span.start.to_sqlx()).collect()
    }

    pub(super) fn end(&self) -> Option<SqlTimestamp> {
        self.spans.last().map(|span| span.end.to_sqlx())
    }
}

/// The stored bins of one length and some classes, summed.
#[derive(Debug, Clone)]
pub(super) struct Sum {
    pub(super) camera: String,
    /// Line and direction, or the two lines of a movement.
    pub(super) a: String,
    pub(super) b: String,
    pub(super) class: String,
    /// Which span, from 0.
    pub(super) span: usize,
    pub(super) count: i64,
}

/// Which stored rows are summed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) length_s: i32,
    pub(super) classes: &'a [String],
    /// Empty for all.
    pub(super) lines: &'a [String],
}

/// A row of either query below, as PostgreSQL gives it.
struct StoredSum {
    camera: String,
    a: String,
    b: String,
    class: String,
    bucket: i32,
    count: i64,
}

impl StoredSum {
    fn into_sum(self) -> Option<Sum> {
        Some(Sum {
            camera: self.camera,
            a: self.a,
            b: self.b,
            class: self.class,
            span: span_of(self.bucket)?,
            count: self.count,
        })
    }
}

/// Sums of line crossings.
pub(super) async fn lines(
    db: &Database,
    scope: Scope<'_>,
    wanted: Wanted<'_>,
) -> Result<Vec<Sum>, StoreError> {
    let (Some(end), false) = (scope.end(), wanted.classes.is_empty()) else { return Ok(Vec::new()) };
    let rows = sqlx::query_as!(
        StoredSum,
        r#"SELECT camera, line AS a, direction AS b, class, width_bucket(start_at, $3) AS "bucket!",
                  sum(count)::bigint AS "count!"
           FROM line_bin
           WHERE camera = ANY($1) AND length_s = $2 AND start_at >= ($3::timestamptz[])[1] AND start_at < $4
             AND class = ANY($5) AND (cardinality($6::text[]) = 0 OR line = ANY($6))
           GROUP BY 1, 2, 3, 4, 5"#,
        scope.cameras,
        wanted.length_s,
        &scope.starts() as _,
        end as _,
        wanted.classes,
        wanted.lines,
    )
    .fetch_all(db.pool());
    let rows = db.answer("the measurements", rows).await?;
    Ok(rows.into_iter().filter_map(StoredSum::into_sum).collect())
}

/// Sums of movements, without the stored cells (two lines, class, stored bin) in which fewer than `least` were
/// counted. Leaving them out before anything is summed is what keeps them hidden: however answers are
/// added and subtracted, they are made of cells that may be shown.
pub(super) async fn movements(
    db: &Database,
    scope: Scope<'_>,
    wanted: Wanted<'_>,
    least: i64,
) -> Result<Vec<Sum>, StoreError> {
    let (Some(end), false) = (scope.end(), wanted.classes.is_empty()) else { return Ok(Vec::new()) };
    let rows = sqlx::query_as!(
        StoredSum,
        r#"SELECT camera, a, b, class, width_bucket(start_at, $3) AS "bucket!",
                  sum(count)::bigint AS "count!"
           FROM (SELECT camera, from_line AS a, to_line AS b, class, start_at, sum(count) AS count
                 FROM movement_bin
                 WHERE camera = ANY($1) AND length_s = $2 AND start_at >= ($3::timestamptz[])[1] AND start_at < $4
                   AND class = ANY($5)
                   AND (cardinality($6::text[]) = 0 OR from_line = ANY($6) OR to_line = ANY($6))
                 GROUP BY 1, 2, 3, 4, 5
                 HAVING sum(count) >= $7::bigint) AS cell
           GROUP BY 1, 2, 3, 4, 5"#,
        scope.cameras,
        wanted.length_s,
        &scope.starts() as _,
        end as _,
        wanted.classes,
        wanted.lines,
        least,
    )
    .fetch_all(db.pool());
    let rows = db.answer("the measurements", rows).await?;
    Ok(rows.into_iter().filter_map(StoredSum::into_sum).collect())
}

/// What was observed of a span, from stored coverage of one length.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Observed {
    pub(super) seconds: f64,
    /// Dropped share times seconds.
    pub(super) dropped_s: f64,
    /// How many stored bins have coverage.
    pub(super) bins: i64,
}

/// Coverage of spans by camera, span and length, and which configurations were in force.
#[derive(Debug, Default)]
pub(super) struct CoverageMap {
    pub(super) observed: BTreeMap<(String, usize, i32), Observed>,
    pub(super) versions: BTreeMap<(String, usize), Vec<String>>,
}

/// What was observed.
pub(super) async fn coverage(
    db: &Database,
    scope: Scope<'_>,
    lengths_s: &[i32],
) -> Result<CoverageMap, StoreError> {
    let mut map = CoverageMap::default();
    let Some(end) = scope.end() else { return Ok(map) };
    let rows = sqlx::query!(
        r#"SELECT camera, length_s, config_version, width_bucket(start_at, $3) AS "bucket!",
                  sum(observed_s) AS "observed_s!", sum(observed_s * dropped_share) AS "dropped_s!",
                  count(DISTINCT start_at) AS "bins!"
           FROM coverage
           WHERE camera = ANY($1) AND length_s = ANY($2) AND start_at >= ($3::timestamptz[])[1] AND start_at < $4
           GROUP BY 1, 2, 3, 4"#,
        scope.cameras,
        lengths_s,
        &scope.starts() as _,
        end as _,
    )
    .fetch_all(db.pool());
    for row in db.answer("the coverage", rows).await? {
        let Some(span) = span_of(row.bucket) else { continue };
        let observed = map.observed.entry((row.camera.clone(), span, row.length_s)).or_default();
        observed.seconds += row.observed_s;
        observed.dropped_s += row.dropped_s;
        observed.bins += row.bins;
        let versions = map.versions.entry((row.camera, span)).or_default();
        if !versions.contains(&row.config_version) {
            versions.push(row.config_version);
        }
    }
    Ok(map)
}

/// What a configuration of a camera drew.
#[derive(Debug, Clone, Default)]
pub(super) struct Drawn {
    pub(super) lines: Vec<LineId>,
    pub(super) zones: Vec<DrawnZone>,
}

/// A zone that is measured.
#[derive(Debug, Clone)]
pub(super) struct DrawnZone {
    pub(super) id: ZoneId,
    pub(super) kind: ZoneKind,
    pub(super) calibrated: bool,
}

/// What each configuration of these cameras drew, by camera and version.
pub(super) type Drawings = BTreeMap<(String, String), Drawn>;

/// Loads the lines and zones of all configurations of these cameras.
pub(super) async fn drawings(db: &Database, cameras: &[String]) -> Result<Drawings, StoreError> {
    let mut drawn = Drawings::new();
    let rows =
        sqlx::query!("SELECT camera, config_version, line FROM camera_line WHERE camera = ANY($1)", cameras)
            .fetch_all(db.pool());
    for row in db.answer("the lines", rows).await? {
        let lines = &mut drawn.entry((row.camera, row.config_version)).or_default().lines;
        lines.push(stored(LineId::new(&row.line))?);
    }
    let rows = sqlx::query!(
        "SELECT camera, config_version, zone, kind, calibrated FROM camera_zone WHERE camera = ANY($1)",
        cameras
    )
    .fetch_all(db.pool());
    for row in db.answer("the zones", rows).await? {
        let (id, kind) = (stored(ZoneId::new(&row.zone))?, stored(row.kind.parse())?);
        let zone = DrawnZone { id, kind, calibrated: row.calibrated };
        drawn.entry((row.camera, row.config_version)).or_default().zones.push(zone);
    }
    Ok(drawn)
}

/// All cameras from one on, by id.
pub(super) async fn all_cameras(db: &Database, from: &str) -> Result<Vec<CameraId>, StoreError> {
    let rows = sqlx::query_scalar!("SELECT camera FROM camera WHERE camera >= $1 ORDER BY camera", from)
        .fetch_all(db.pool());
    db.answer("the cameras", rows).await?.iter().map(|id| stored(CameraId::new(id))).collect()
}

/// Names of classes, as stored.
pub(super) fn names(classes: impl Iterator<Item = RoadUserClass>) -> Vec<String> {
    classes.map(|class| class.as_str().to_owned()).collect()
}

/// `width_bucket` counts from 1; 0 would be before the first span, which the WHERE excludes.
pub(super) fn span_of(bucket: i32) -> Option<usize> {
    usize::try_from(bucket).ok()?.checked_sub(1)
}
