//! The SQL of crossings: sums of the stored bins within given spans of time, by camera and group, and
//! what was observed. Spans are found by `width_bucket`, which takes any ascending list of times, so that
//! days of 23 and 25 hours and hours of any time zone need no arithmetic in SQL. Cameras are joined as a list: `= ANY` of
//! a thousand is planned one by one. Marks on the parts of an hour are looked up once an hour, as a list of at most four
//! (`OFFSET 0` keeps them from being looked up once a row). The SQL of movements is in `movements`.

use std::collections::BTreeMap;

use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use sqlx::postgres::PgConnection;
use wayside_types::{CameraId, LineId, RoadUserClass, ZoneId, ZoneKind};

use super::bins::Span;
use super::days::Rest;
use super::sources::Sources;
use super::stored;
use crate::database::Database;
use crate::error::StoreError;

/// Some cameras and some consecutive bins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) cameras: &'a [String],
    pub(super) spans: &'a [Span],
    /// What of them is to be read row by row; nothing where packed days have it all.
    pub(super) rest: Option<&'a Rest>,
}

impl Scope<'_> {
    pub(super) fn starts(&self) -> Vec<SqlTimestamp> {
        self.spans.iter().map(|span| span.start.to_sqlx()).collect()
    }

    pub(super) fn end(&self) -> Option<SqlTimestamp> {
        self.spans.last().map(|span| span.end.to_sqlx())
    }

    /// Where sums of bins that were stored with this length come from.
    pub(super) fn sources(&self, base_s: i32) -> Sources {
        Sources::of(self.spans, base_s)
    }
}

/// Sums of something stored of a subject, one of each span that has any: crossings or, as `flow` reads them, flows.
#[derive(Debug, Clone)]
pub(super) struct Series<T> {
    pub(super) camera: String,
    /// Line and direction, or the two lines of a movement; empty where summed over.
    pub(super) a: String,
    pub(super) b: String,
    /// Empty where classes were summed over.
    pub(super) class: String,
    /// The length that its parts were stored with.
    pub(super) base_s: i32,
    /// Spans, from 0, and their sums.
    pub(super) of: Vec<(usize, T)>,
}

/// Crossings, or movements.
pub(super) type Sum = Series<i64>;

/// Which stored rows are summed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// The length that they were stored with.
    pub(super) base_s: i32,
    pub(super) classes: &'a [String],
    /// Empty for all.
    pub(super) lines: &'a [String],
    /// Whether the answer tells line, direction and class apart.
    pub(super) apart: [bool; 3],
}

/// A row of sums of crossings or of movements, as PostgreSQL gives it.
pub(super) struct StoredSum {
    pub(super) camera: String,
    pub(super) a: String,
    pub(super) b: String,
    pub(super) class: String,
    /// Which span, from 1.
    pub(super) bucket: i32,
    pub(super) count: i64,
}

impl StoredSum {
    pub(super) fn into_sum(self, base_s: i32) -> Option<Sum> {
        let of = vec![(span_of(self.bucket)?, self.count)];
        let Self { camera, a, b, class, .. } = self;
        Some(Sum { camera, a, b, class, base_s, of })
    }
}

/// Sums of line crossings.
pub(super) async fn lines(
    db: &Database,
    snapshot: &mut PgConnection,
    scope: Scope<'_>,
    wanted: Wanted<'_>,
) -> Result<Vec<Sum>, StoreError> {
    let (Some(rest), false) = (scope.rest, wanted.classes.is_empty()) else { return Ok(Vec::new()) };
    let sources = scope.sources(wanted.base_s);
    let [line, direction, class] = wanted.apart;
    let rows = sqlx::query_as!(
        StoredSum,
        r#"SELECT camera AS "camera!", CASE WHEN $11 THEN line ELSE '' END AS "a!",
                  CASE WHEN $12 THEN direction ELSE '' END AS "b!", CASE WHEN $13 THEN class ELSE '' END AS "class!",
                  width_bucket(start_at, $3) AS "bucket!", sum(count)::bigint AS "count!"
           FROM (SELECT b.camera, b.line, b.direction, b.class, b.start_at, b.count
                 FROM UNNEST($14::text[], $15::timestamptz[], $16::timestamptz[]) AS r(camera, start_at, end_at)
                 JOIN line_bin b ON b.camera = r.camera AND b.start_at >= r.start_at AND b.start_at < r.end_at
                 WHERE b.length_s = $2 AND b.start_at >= $17 AND b.start_at < $4 AND NOT EXISTS
                       (SELECT FROM rollup_due d
                        WHERE d.camera = b.camera AND d.length_s = $7 AND d.start_at = b.start_at)
                 UNION ALL
                 SELECT b.camera, b.line, b.direction, b.class, b.start_at, b.count
                 FROM UNNEST($1::text[]) AS w(camera) JOIN rollup_due o ON o.camera = w.camera
                 CROSS JOIN LATERAL (SELECT ARRAY
                       (SELECT d.start_at FROM rollup_due d
                        WHERE d.camera = o.camera AND d.length_s = $9 AND d.start_at >= o.start_at
                          AND d.start_at < o.start_at + make_interval(secs => o.length_s)) AS starts OFFSET 0) AS marked
                 JOIN line_bin b ON b.camera = o.camera
                   AND b.start_at >= o.start_at AND b.start_at < o.start_at + make_interval(secs => o.length_s)
                 WHERE o.length_s = $7 AND o.start_at >= $17 AND o.start_at < $4
                   AND b.length_s = $8 AND b.start_at >= $17 AND b.start_at < $4 AND b.start_at <> ALL (marked.starts)
                 UNION ALL
                 SELECT b.camera, b.line, b.direction, b.class, b.start_at, b.count
                 FROM UNNEST($1::text[]) AS w(camera) JOIN rollup_due o ON o.camera = w.camera
                 JOIN line_bin b ON b.camera = o.camera
                   AND b.start_at >= o.start_at AND b.start_at < o.start_at + make_interval(secs => o.length_s)
                 WHERE o.length_s = $9 AND o.start_at >= $17 AND o.start_at < $4
                   AND b.length_s = $10 AND b.start_at >= $17 AND b.start_at < $4) AS stored
           WHERE class = ANY($5) AND (cardinality($6::text[]) = 0 OR line = ANY($6))
           GROUP BY 1, 2, 3, 4, 5"#,
        &rest.cameras,
        sources.top_s,
        &scope.starts() as _,
        rest.end as _,
        wanted.classes,
        wanted.lines,
        sources.marked_s,
        sources.parts_s,
        sources.parts_marked_s,
        sources.least_s,
        line,
        direction,
        class,
        &rest.camera,
        &rest.from as _,
        &rest.to as _,
        rest.start as _,
    )
    .fetch_all(snapshot);
    let rows = db.answer("the measurements", rows).await?;
    Ok(rows.into_iter().filter_map(|row| row.into_sum(wanted.base_s)).collect())
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
    let rows = sqlx::query!(
        "SELECT c.camera, config_version, line \
         FROM UNNEST($1::text[]) AS w(camera) JOIN camera_line c ON c.camera = w.camera",
        cameras
    )
    .fetch_all(db.pool());
    for row in db.answer("the lines", rows).await? {
        let lines = &mut drawn.entry((row.camera, row.config_version)).or_default().lines;
        lines.push(stored(LineId::new(&row.line))?);
    }
    let rows = sqlx::query!(
        "SELECT c.camera, config_version, zone, kind, calibrated \
         FROM UNNEST($1::text[]) AS w(camera) JOIN camera_zone c ON c.camera = w.camera",
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
