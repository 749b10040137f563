//! The SQL of sums: some cameras' quarter of an hour, or hour, in one transaction that also takes their marks away. Rows
//! are of one run of the program as their parts are, and only grow: a part that comes when the others have gone by their
//! age does not lower a sum.

use jiff::SignedDuration;
use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use sqlx::Connection;
use sqlx::postgres::{PgConnection, PgTransaction};
use wayside_types::Timestamp;

use super::flows;

pub(super) const QUARTER_S: i32 = 900;
pub(super) const HOUR_S: i32 = 3_600;
/// A stretch is summed this long after its end: its last bins close three seconds after it.
const GRACE: SignedDuration = SignedDuration::from_secs(10);
/// Most cameras of a transaction.
const CAMERAS: i64 = 200;

/// Cameras and the stretch that is summed of each.
pub(super) struct Stretch {
    pub(super) cameras: Vec<String>,
    pub(super) start: SqlTimestamp,
    pub(super) end: SqlTimestamp,
}

/// Sums one stretch of some cameras: a quarter of an hour, the oldest first, or if none is due an hour. How many cameras'.
pub(super) async fn round(connection: &mut PgConnection, now: Timestamp) -> Result<u64, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let mut done = 0;
    if let Some(quarter) = due_quarter(&mut transaction, now).await? {
        done = quarter.cameras.len();
        quarter_of_lines(&mut transaction, &quarter).await?;
        quarter_of_coverage(&mut transaction, &quarter).await?;
    } else if let Some(hour) = due_hour(&mut transaction, now).await? {
        done = hour.cameras.len();
        hour_of_lines(&mut transaction, &hour).await?;
        hour_of_coverage(&mut transaction, &hour).await?;
        flows::hour(&mut transaction, &hour).await?;
    }
    transaction.commit().await?;
    Ok(done as u64)
}

fn over_by(now: Timestamp, length_s: i32) -> SqlTimestamp {
    let length = SignedDuration::from_secs(i64::from(length_s)) + GRACE;
    now.checked_sub(length).unwrap_or(Timestamp::MIN).to_sqlx()
}

fn stretch(start: Option<SqlTimestamp>, cameras: Vec<String>, length_s: i32) -> Option<Stretch> {
    let start = start.filter(|_| !cameras.is_empty())?;
    let end = start.to_jiff().checked_add(SignedDuration::from_secs(i64::from(length_s))).ok()?;
    Some(Stretch { cameras, start, end: end.to_sqlx() })
}

/// Takes the marks of the oldest quarter that is over. Marks that somebody else is at are left to them.
async fn due_quarter(
    transaction: &mut PgTransaction<'_>,
    now: Timestamp,
) -> Result<Option<Stretch>, sqlx::Error> {
    let start = sqlx::query_scalar!(
        r#"SELECT start_at AS "start_at: SqlTimestamp" FROM rollup_due
           WHERE length_s = 900 AND start_at <= $1 ORDER BY start_at LIMIT 1"#,
        over_by(now, QUARTER_S) as _,
    )
    .fetch_optional(&mut **transaction)
    .await?;
    let Some(start) = start else { return Ok(None) };
    let cameras = sqlx::query_scalar!(
        "DELETE FROM rollup_due WHERE length_s = 900 AND start_at = $1 AND camera IN \
         (SELECT camera FROM rollup_due WHERE length_s = 900 AND start_at = $1 \
          ORDER BY camera LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING camera",
        start as _,
        CAMERAS,
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(stretch(Some(start), cameras, QUARTER_S))
}

/// Takes the marks of the oldest hour that is over and whose quarters are summed.
async fn due_hour(
    transaction: &mut PgTransaction<'_>,
    now: Timestamp,
) -> Result<Option<Stretch>, sqlx::Error> {
    let start = sqlx::query_scalar!(
        r#"SELECT start_at AS "start_at: SqlTimestamp" FROM rollup_due h
           WHERE length_s = 3600 AND start_at <= $1 AND NOT EXISTS
               (SELECT FROM rollup_due q WHERE q.camera = h.camera AND q.length_s = 900
                AND q.start_at >= h.start_at AND q.start_at < h.start_at + interval '1 hour')
           ORDER BY start_at LIMIT 1"#,
        over_by(now, HOUR_S) as _,
    )
    .fetch_optional(&mut **transaction)
    .await?;
    let Some(start) = start else { return Ok(None) };
    let cameras = sqlx::query_scalar!(
        "DELETE FROM rollup_due WHERE length_s = 3600 AND start_at = $1 AND camera IN \
         (SELECT camera FROM rollup_due h WHERE length_s = 3600 AND start_at = $1 AND NOT EXISTS \
             (SELECT FROM rollup_due q WHERE q.camera = h.camera AND q.length_s = 900 \
              AND q.start_at >= h.start_at AND q.start_at < h.start_at + interval '1 hour') \
          ORDER BY camera LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING camera",
        start as _,
        CAMERAS,
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(stretch(Some(start), cameras, HOUR_S))
}

async fn quarter_of_lines(transaction: &mut PgTransaction<'_>, quarter: &Stretch) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO line_bin AS t (camera, length_s, start_at, line, direction, class, epoch, count) \
         SELECT camera, 900, $2, line, direction, class, epoch, sum(count)::integer FROM line_bin \
         WHERE camera = ANY($1) AND length_s = 60 AND start_at >= $2 AND start_at < $3 \
         GROUP BY camera, line, direction, class, epoch \
         ON CONFLICT (camera, length_s, start_at, line, direction, class, epoch) DO UPDATE SET \
         count = excluded.count WHERE excluded.count > t.count",
        &quarter.cameras,
        quarter.start as _,
        quarter.end as _,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

async fn quarter_of_coverage(
    transaction: &mut PgTransaction<'_>,
    quarter: &Stretch,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO coverage_sum AS t \
         (camera, length_s, start_at, part_s, config_version, observed_s, dropped_s, parts) \
         SELECT camera, 900, $2, 60, config_version, sum(observed_s), sum(observed_s * dropped_share), \
                count(DISTINCT start_at)::integer \
         FROM coverage WHERE camera = ANY($1) AND length_s = 60 AND start_at >= $2 AND start_at < $3 \
         GROUP BY camera, config_version \
         ON CONFLICT (camera, length_s, start_at, part_s, config_version) DO UPDATE SET \
         observed_s = excluded.observed_s, dropped_s = excluded.dropped_s, parts = excluded.parts \
         WHERE (excluded.parts, excluded.observed_s) >= (t.parts, t.observed_s)",
        &quarter.cameras,
        quarter.start as _,
        quarter.end as _,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

async fn hour_of_lines(transaction: &mut PgTransaction<'_>, hour: &Stretch) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO line_bin AS t (camera, length_s, start_at, line, direction, class, epoch, count) \
         SELECT camera, 3600, $2, line, direction, class, epoch, sum(count)::integer FROM line_bin \
         WHERE camera = ANY($1) AND length_s = 900 AND start_at >= $2 AND start_at < $3 \
         GROUP BY camera, line, direction, class, epoch \
         ON CONFLICT (camera, length_s, start_at, line, direction, class, epoch) DO UPDATE SET \
         count = excluded.count WHERE excluded.count > t.count",
        &hour.cameras,
        hour.start as _,
        hour.end as _,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// From the sums of minutes, and from the quarters themselves.
async fn hour_of_coverage(transaction: &mut PgTransaction<'_>, hour: &Stretch) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO coverage_sum AS t \
         (camera, length_s, start_at, part_s, config_version, observed_s, dropped_s, parts) \
         SELECT camera, 3600, $2, part_s, config_version, sum(observed_s), sum(dropped_s), sum(parts)::integer \
         FROM (SELECT camera, 60 AS part_s, config_version, observed_s, dropped_s, parts FROM coverage_sum \
               WHERE camera = ANY($1) AND length_s = 900 AND start_at >= $2 AND start_at < $3 \
               UNION ALL \
               SELECT camera, 900, config_version, sum(observed_s), sum(observed_s * dropped_share), \
                      count(DISTINCT start_at)::integer \
               FROM coverage WHERE camera = ANY($1) AND length_s = 900 AND start_at >= $2 AND start_at < $3 \
               GROUP BY camera, config_version) AS part \
         GROUP BY camera, part_s, config_version \
         ON CONFLICT (camera, length_s, start_at, part_s, config_version) DO UPDATE SET \
         observed_s = excluded.observed_s, dropped_s = excluded.dropped_s, parts = excluded.parts \
         WHERE (excluded.parts, excluded.observed_s) >= (t.parts, t.observed_s)",
        &hour.cameras,
        hour.start as _,
        hour.end as _,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
