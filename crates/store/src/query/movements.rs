//! The SQL of movements and of those who were lost on the way: sums of the stored cells that may be shown, from stored hours
//! where the spans are made of hours (an hour that waits to be summed from its quarters), else from quarters.
//!
//! A cell is two lines, a class and a quarter of an hour. Leaving out the small ones before anything is summed is what keeps
//! them hidden: however answers are added and subtracted, they are made of cells that may be shown. Hours keep the sum of
//! those beside the sum of all (`shown` and `count`, migration 0011).
//!
//! Movements and those who were lost are two statements although they are nearly the same: over a union of both tables PostgreSQL 15
//! looks up what is marked among everybody's quarters of the whole stretch instead of by camera and hour.

use sqlx::postgres::PgConnection;

use super::SmallCells;
use super::fetch::{Scope, StoredSum, Sum, Wanted};
use crate::database::Database;
use crate::error::StoreError;

/// Sums of movements, without the stored cells in which too few were counted to be shown.
pub(super) async fn movements(
    db: &Database,
    snapshot: &mut PgConnection,
    scope: Scope<'_>,
    wanted: Wanted<'_>,
    small: SmallCells,
) -> Result<Vec<Sum>, StoreError> {
    let (Some(end), false) = (scope.end(), wanted.classes.is_empty()) else { return Ok(Vec::new()) };
    let sources = scope.sources(wanted.base_s);
    let rows = sqlx::query_as!(
        StoredSum,
        r#"SELECT camera AS "camera!", a AS "a!", b AS "b!", class AS "class!", width_bucket(start_at, $3) AS "bucket!",
                  sum(count)::bigint AS "count!"
           FROM (SELECT camera, from_line AS a, to_line AS b, class, start_at,
                        CASE WHEN $7::bigint > 0 THEN shown ELSE count END::bigint AS count
                 FROM movement_bin m
                 WHERE $2::integer = 3600 AND camera = ANY($1) AND length_s = 3600
                   AND start_at >= ($3::timestamptz[])[1] AND start_at < $4 AND NOT EXISTS
                       (SELECT FROM rollup_due d
                        WHERE d.camera = m.camera AND d.length_s = $8 AND d.start_at = m.start_at)
                 UNION ALL
                 SELECT camera, from_line, to_line, class, start_at, sum(count)
                 FROM (SELECT camera, from_line, to_line, class, start_at, count FROM movement_bin
                       WHERE $2 = 900 AND camera = ANY($1) AND length_s = 900
                         AND start_at >= ($3::timestamptz[])[1] AND start_at < $4
                       UNION ALL
                       SELECT m.camera, m.from_line, m.to_line, m.class, m.start_at, m.count
                       FROM rollup_due o JOIN movement_bin m ON m.camera = o.camera
                         AND m.start_at >= o.start_at AND m.start_at < o.start_at + make_interval(secs => o.length_s)
                       WHERE o.camera = ANY($1) AND o.length_s = $8
                         AND o.start_at >= ($3::timestamptz[])[1] AND o.start_at < $4 AND m.length_s = 900
                         AND m.start_at >= ($3::timestamptz[])[1] AND m.start_at < $4) AS quarter
                 GROUP BY 1, 2, 3, 4, 5
                 HAVING sum(count) >= $7) AS cell
           WHERE count > 0 AND class = ANY($5) AND (cardinality($6::text[]) = 0 OR a = ANY($6) OR b = ANY($6))
           GROUP BY 1, 2, 3, 4, 5"#,
        scope.cameras,
        sources.top_s,
        &scope.starts() as _,
        end as _,
        wanted.classes,
        wanted.lines,
        small.least(),
        sources.marked_s,
    )
    .fetch_all(snapshot);
    let rows = db.answer("the measurements", rows).await?;
    Ok(rows.into_iter().filter_map(|row| row.into_sum(wanted.base_s)).collect())
}

/// How many of some classes were lost after each line that they entered by, without stored cells (a line, a class and a
/// quarter of an hour) in which too few were lost to be shown. Of all spans together.
pub(super) async fn lost(
    db: &Database,
    snapshot: &mut PgConnection,
    scope: Scope<'_>,
    wanted: Wanted<'_>,
    small: SmallCells,
) -> Result<Vec<(String, i64)>, StoreError> {
    let (Some(end), false) = (scope.end(), wanted.classes.is_empty()) else { return Ok(Vec::new()) };
    let sources = scope.sources(wanted.base_s);
    let rows = sqlx::query!(
        r#"SELECT from_line AS "from_line!", sum(count)::bigint AS "count!"
           FROM (SELECT from_line, class, CASE WHEN $6::bigint > 0 THEN shown ELSE count END::bigint AS count
                 FROM movement_lost m
                 WHERE $2::integer = 3600 AND camera = ANY($1) AND length_s = 3600 AND start_at >= $3 AND start_at < $4
                   AND NOT EXISTS (SELECT FROM rollup_due d
                                   WHERE d.camera = m.camera AND d.length_s = $7 AND d.start_at = m.start_at)
                 UNION ALL
                 SELECT from_line, class, sum(count)
                 FROM (SELECT camera, from_line, class, start_at, count FROM movement_lost
                       WHERE $2 = 900 AND camera = ANY($1) AND length_s = 900 AND start_at >= $3 AND start_at < $4
                       UNION ALL
                       SELECT m.camera, m.from_line, m.class, m.start_at, m.count
                       FROM rollup_due o JOIN movement_lost m ON m.camera = o.camera
                         AND m.start_at >= o.start_at AND m.start_at < o.start_at + make_interval(secs => o.length_s)
                       WHERE o.camera = ANY($1) AND o.length_s = $7 AND o.start_at >= $3 AND o.start_at < $4
                         AND m.length_s = 900 AND m.start_at >= $3 AND m.start_at < $4) AS quarter
                 GROUP BY camera, from_line, class, start_at
                 HAVING sum(count) >= $6) AS cell
           WHERE count > 0 AND class = ANY($5)
           GROUP BY 1"#,
        scope.cameras,
        sources.top_s,
        scope.starts().first().copied() as _,
        end as _,
        wanted.classes,
        small.least(),
        sources.marked_s,
    )
    .fetch_all(snapshot);
    let rows = db.answer("the movements", rows).await?;
    Ok(rows.into_iter().map(|row| (row.from_line, row.count)).collect())
}
