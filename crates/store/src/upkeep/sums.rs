//! The SQL of sums: some cameras' quarter of an hour, hour or day, in one transaction that also takes their marks away. Rows
//! are of one run of the program as their parts are, and only grow: a part that comes when the others have gone by their
//! age does not lower a sum.

use jiff::SignedDuration;
use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use sqlx::Connection;
use sqlx::postgres::{PgConnection, PgTransaction};
use wayside_types::Timestamp;

use super::{days, flows, movements, zones};
use crate::lengths::{DAY_S, HOUR_S, MINUTE_S, QUARTER_S};

/// A stretch is summed this long after its end: its last bins close three seconds after it.
const GRACE: SignedDuration = SignedDuration::from_secs(10);
/// Most cameras of a transaction, and of one that packs a day.
const CAMERAS: i64 = 200;
const CAMERAS_A_DAY: i64 = 20;

/// Cameras and the stretch that is summed of each.
pub(super) struct Stretch {
    pub(super) cameras: Vec<String>,
    pub(super) start: SqlTimestamp,
    pub(super) end: SqlTimestamp,
}

/// Sums one stretch of some cameras: a quarter of an hour, the oldest first, or if none is due an hour, or a day. How many
/// cameras'.
pub(super) async fn round(connection: &mut PgConnection, now: Timestamp) -> Result<u64, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let mut done = 0;
    if let Some(quarter) = due(&mut transaction, now, QUARTER_S, CAMERAS).await? {
        done = quarter.cameras.len();
        lines(&mut transaction, &quarter, MINUTE_S, QUARTER_S).await?;
        quarter_of_coverage(&mut transaction, &quarter).await?;
    } else if let Some(hour) = due(&mut transaction, now, HOUR_S, CAMERAS).await? {
        done = hour.cameras.len();
        lines(&mut transaction, &hour, QUARTER_S, HOUR_S).await?;
        hour_of_coverage(&mut transaction, &hour).await?;
        flows::hour(&mut transaction, &hour).await?;
        movements::hour(&mut transaction, &hour).await?;
        zones::hour(&mut transaction, &hour).await?;
    } else if let Some(day) = due(&mut transaction, now, DAY_S, CAMERAS_A_DAY).await? {
        done = day.cameras.len();
        days::day(&mut transaction, &day).await?;
    }
    transaction.commit().await?;
    Ok(done as u64)
}

/// Takes the marks of the oldest stretch of a length that is over and has no shorter one in it that waits. Marks that
/// somebody else is at are left to them.
async fn due(
    transaction: &mut PgTransaction<'_>,
    now: Timestamp,
    length_s: i32,
    cameras: i64,
) -> Result<Option<Stretch>, sqlx::Error> {
    let length = SignedDuration::from_secs(i64::from(length_s));
    let newest = now.checked_sub(length + GRACE).unwrap_or(Timestamp::MIN);
    let start = sqlx::query_scalar!(
        r#"SELECT start_at AS "start_at: SqlTimestamp" FROM rollup_due d
           WHERE length_s = $1 AND start_at <= $2 AND NOT EXISTS
               (SELECT FROM rollup_due p WHERE p.camera = d.camera AND p.length_s < d.length_s
                AND p.start_at >= d.start_at AND p.start_at < d.start_at + make_interval(secs => d.length_s))
           ORDER BY start_at LIMIT 1"#,
        length_s,
        newest.to_sqlx() as _,
    )
    .fetch_optional(&mut **transaction)
    .await?;
    let Some(start) = start else { return Ok(None) };
    let cameras = sqlx::query_scalar!(
        "DELETE FROM rollup_due WHERE length_s = $1 AND start_at = $2 AND camera IN \
         (SELECT camera FROM rollup_due d WHERE length_s = $1 AND start_at = $2 AND NOT EXISTS \
             (SELECT FROM rollup_due p WHERE p.camera = d.camera AND p.length_s < d.length_s \
              AND p.start_at >= d.start_at AND p.start_at < d.start_at + make_interval(secs => d.length_s)) \
          ORDER BY camera LIMIT $3 FOR UPDATE SKIP LOCKED) RETURNING camera",
        length_s,
        start as _,
        cameras,
    )
    .fetch_all(&mut **transaction)
    .await?;
    let end = start.to_jiff().checked_add(length).ok().filter(|_| !cameras.is_empty());
    Ok(end.map(|end| Stretch { cameras, start, end: end.to_sqlx() }))
}

/// Counts of a stretch out of those of its parts.
async fn lines(
    transaction: &mut PgTransaction<'_>,
    stretch: &Stretch,
    part_s: i32,
    length_s: i32,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO line_bin AS t (camera, length_s, start_at, line, direction, class, epoch, count) \
         SELECT camera, $5, $2, line, direction, class, epoch, sum(count)::integer FROM line_bin \
         WHERE camera = ANY($1) AND length_s = $4 AND start_at >= $2 AND start_at < $3 \
         GROUP BY camera, line, direction, class, epoch \
         ON CONFLICT (camera, length_s, start_at, line, direction, class, epoch) DO UPDATE SET \
         count = excluded.count WHERE excluded.count > t.count",
        &stretch.cameras,
        stretch.start as _,
        stretch.end as _,
        part_s,
        length_s,
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
