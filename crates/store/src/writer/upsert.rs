//! Writes a batch in one transaction: one statement a table, columns as arrays. Within an epoch counts and
//! observed seconds only grow, so a stale checkpoint that is replayed after a newer row changes nothing.

use sqlx::Connection;
use sqlx::postgres::{PgConnection, PgTransaction};

use super::batch::{CountColumns, CoverageColumns, Rows};

/// Writes all rows, or none.
pub(super) async fn write(connection: &mut PgConnection, rows: &Rows) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let coverage = rows.coverage();
    if !coverage.epoch.is_empty() {
        write_coverage(&mut transaction, &coverage).await?;
    }
    let lines = rows.lines();
    if !lines.epoch.is_empty() {
        write_lines(&mut transaction, &lines).await?;
    }
    let movements = rows.movements();
    if !movements.epoch.is_empty() {
        write_movements(&mut transaction, &movements).await?;
    }
    let zones = rows.zones();
    if !zones.epoch.is_empty() {
        write_zones(&mut transaction, &zones).await?;
    }
    transaction.commit().await
}

async fn write_coverage(
    transaction: &mut PgTransaction<'_>,
    rows: &CoverageColumns,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO coverage AS t \
         (camera, length_s, start_at, epoch, observed_s, dropped_share, grade, config_version) \
         SELECT * FROM UNNEST($1::text[], $2::int[], $3::timestamptz[], $4::bigint[], $5::float8[], $6::float8[], \
         $7::text[], $8::text[]) \
         ON CONFLICT (camera, length_s, start_at, epoch) DO UPDATE SET observed_s = excluded.observed_s, \
         dropped_share = excluded.dropped_share, grade = excluded.grade, config_version = excluded.config_version \
         WHERE excluded.observed_s > t.observed_s",
        &rows.head.camera,
        &rows.head.length_s,
        &rows.head.start_at as _,
        &rows.epoch,
        &rows.observed_s,
        &rows.dropped_share,
        &rows.grade,
        &rows.config_version,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Upserts counts whose subject is two names: a line and a direction, or two lines. SQLx reads the statement when
/// this is compiled, so that it can't be an argument of a function.
macro_rules! upsert_of_pairs {
    ($transaction:ident, $rows:ident, $sql:tt) => {
        sqlx::query!(
            $sql,
            &$rows.head.camera,
            &$rows.head.length_s,
            &$rows.head.start_at as _,
            &$rows.a,
            &$rows.b,
            &$rows.class,
            &$rows.epoch,
            &$rows.count,
            &$rows.speed_n as _,
            &$rows.speed_mean_kmh as _,
        )
        .execute(&mut **$transaction)
        .await
        .map(drop)
    };
}

async fn write_lines(transaction: &mut PgTransaction<'_>, rows: &CountColumns) -> Result<(), sqlx::Error> {
    upsert_of_pairs!(
        transaction,
        rows,
        "INSERT INTO line_bin AS t \
         (camera, length_s, start_at, line, direction, class, epoch, count, speed_n, speed_mean_kmh) \
         SELECT * FROM UNNEST($1::text[], $2::int[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], \
         $7::bigint[], $8::int[], $9::int[], $10::float8[]) \
         ON CONFLICT (camera, length_s, start_at, line, direction, class, epoch) DO UPDATE SET \
         count = GREATEST(t.count, excluded.count), \
         speed_n = GREATEST(t.speed_n, excluded.speed_n), \
         speed_mean_kmh = CASE WHEN excluded.speed_n > COALESCE(t.speed_n, 0) THEN excluded.speed_mean_kmh \
         ELSE t.speed_mean_kmh END \
         WHERE excluded.count > t.count OR excluded.speed_n > COALESCE(t.speed_n, 0)"
    )
}

async fn write_movements(
    transaction: &mut PgTransaction<'_>,
    rows: &CountColumns,
) -> Result<(), sqlx::Error> {
    upsert_of_pairs!(
        transaction,
        rows,
        "INSERT INTO movement_bin AS t \
         (camera, length_s, start_at, from_line, to_line, class, epoch, count, speed_n, speed_mean_kmh) \
         SELECT * FROM UNNEST($1::text[], $2::int[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], \
         $7::bigint[], $8::int[], $9::int[], $10::float8[]) \
         ON CONFLICT (camera, length_s, start_at, from_line, to_line, class, epoch) DO UPDATE SET \
         count = GREATEST(t.count, excluded.count), \
         speed_n = GREATEST(t.speed_n, excluded.speed_n), \
         speed_mean_kmh = CASE WHEN excluded.speed_n > COALESCE(t.speed_n, 0) THEN excluded.speed_mean_kmh \
         ELSE t.speed_mean_kmh END \
         WHERE excluded.count > t.count OR excluded.speed_n > COALESCE(t.speed_n, 0)"
    )
}

async fn write_zones(transaction: &mut PgTransaction<'_>, rows: &CountColumns) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO zone_bin AS t \
         (camera, length_s, start_at, zone, class, epoch, count, speed_n, speed_mean_kmh) \
         SELECT * FROM UNNEST($1::text[], $2::int[], $3::timestamptz[], $4::text[], $5::text[], \
         $6::bigint[], $7::int[], $8::int[], $9::float8[]) \
         ON CONFLICT (camera, length_s, start_at, zone, class, epoch) DO UPDATE SET \
         count = GREATEST(t.count, excluded.count), \
         speed_n = GREATEST(t.speed_n, excluded.speed_n), \
         speed_mean_kmh = CASE WHEN excluded.speed_n > COALESCE(t.speed_n, 0) THEN excluded.speed_mean_kmh \
         ELSE t.speed_mean_kmh END \
         WHERE excluded.count > t.count OR excluded.speed_n > COALESCE(t.speed_n, 0)",
        &rows.head.camera,
        &rows.head.length_s,
        &rows.head.start_at as _,
        &rows.a,
        &rows.class,
        &rows.epoch,
        &rows.count,
        &rows.speed_n as _,
        &rows.speed_mean_kmh as _,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
