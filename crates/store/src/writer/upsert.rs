//! Writes a batch in one transaction: one statement a table, columns as arrays. Within an epoch counts and
//! observed seconds only grow, so a stale checkpoint that is replayed after a newer row changes nothing.

use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use sqlx::Connection;
use sqlx::postgres::{PgConnection, PgTransaction};

use super::batch::{CountColumns, CoverageColumns, Rows};
use super::flow_columns::{FlowColumns, ZoneColumns};
use super::{incidents, stills};

/// Writes all rows, or none.
pub(super) async fn write(connection: &mut PgConnection, rows: &Rows) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    write_marks(&mut transaction, rows).await?;
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
    let lost = rows.lost();
    if !lost.epoch.is_empty() {
        write_lost(&mut transaction, &lost).await?;
    }
    let flows = rows.flows();
    if !flows.epoch.is_empty() {
        write_flows(&mut transaction, &flows).await?;
    }
    let zones = rows.zones();
    if !zones.epoch.is_empty() {
        write_zones(&mut transaction, &zones).await?;
    }
    let quality = rows.quality();
    if !quality.epoch.is_empty() {
        quality.write(&mut transaction).await?;
    }
    incidents::write(&mut transaction, &rows.incidents).await?;
    stills::write(&mut transaction, &rows.stills).await?;
    transaction.commit().await
}

/// Before anything else, so that whoever sums waits for the rows of this transaction.
async fn write_marks(transaction: &mut PgTransaction<'_>, rows: &Rows) -> Result<(), sqlx::Error> {
    let marks = rows.marks();
    if marks.is_empty() {
        return Ok(());
    }
    let camera: Vec<String> = marks.iter().map(|mark| mark.0.to_owned()).collect();
    let length_s: Vec<i32> = marks.iter().map(|mark| mark.1).collect();
    let start_at: Vec<SqlTimestamp> = marks.iter().map(|mark| mark.2.to_sqlx()).collect();
    sqlx::query!(
        "INSERT INTO rollup_due AS t (camera, length_s, start_at, marks) \
         SELECT u.a, u.b, u.c, 1 FROM UNNEST($1::text[], $2::int[], $3::timestamptz[]) AS u(a, b, c) \
         ON CONFLICT (camera, length_s, start_at) DO UPDATE SET marks = t.marks + 1",
        &camera,
        &length_s,
        &start_at as _,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

async fn write_coverage(
    transaction: &mut PgTransaction<'_>,
    rows: &CoverageColumns,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO coverage AS t \
         (camera, length_s, start_at, epoch, observed_s, dropped_share, grade, config_version, moved_s, doubted_s, dim_s) \
         SELECT * FROM UNNEST($1::text[], $2::int[], $3::timestamptz[], $4::bigint[], $5::float8[], $6::float8[], \
         $7::text[], $8::text[], $9::float8[], $10::float8[], $11::float8[]) \
         ON CONFLICT (camera, length_s, start_at, epoch) DO UPDATE SET observed_s = excluded.observed_s, \
         dropped_share = excluded.dropped_share, grade = excluded.grade, config_version = excluded.config_version, \
         moved_s = excluded.moved_s, doubted_s = excluded.doubted_s, dim_s = excluded.dim_s \
         WHERE (excluded.observed_s, excluded.moved_s + excluded.doubted_s) > (t.observed_s, t.moved_s + t.doubted_s)",
        &rows.head.camera,
        &rows.head.length_s,
        &rows.head.start_at as _,
        &rows.epoch,
        &rows.observed_s,
        &rows.dropped_share,
        &rows.grade,
        &rows.config_version,
        &rows.moved_s,
        &rows.doubted_s,
        &rows.dim_s,
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
         (camera, length_s, start_at, line, direction, class, epoch, count) \
         SELECT * FROM UNNEST($1::text[], $2::int[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], \
         $7::bigint[], $8::int[]) \
         ON CONFLICT (camera, length_s, start_at, line, direction, class, epoch) DO UPDATE SET \
         count = excluded.count WHERE excluded.count > t.count"
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
         (camera, length_s, start_at, from_line, to_line, class, epoch, count) \
         SELECT * FROM UNNEST($1::text[], $2::int[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], \
         $7::bigint[], $8::int[]) \
         ON CONFLICT (camera, length_s, start_at, from_line, to_line, class, epoch) DO UPDATE SET \
         count = excluded.count WHERE excluded.count > t.count"
    )
}

async fn write_lost(transaction: &mut PgTransaction<'_>, rows: &CountColumns) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO movement_lost AS t (camera, length_s, start_at, from_line, class, epoch, count) \
         SELECT * FROM UNNEST($1::text[], $2::int[], $3::timestamptz[], $4::text[], $5::text[], $6::bigint[], $7::int[]) \
         ON CONFLICT (camera, length_s, start_at, from_line, class, epoch) DO UPDATE SET \
         count = excluded.count WHERE excluded.count > t.count",
        &rows.head.camera,
        &rows.head.length_s,
        &rows.head.start_at as _,
        &rows.a,
        &rows.class,
        &rows.epoch,
        &rows.count,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// A row is replaced as a whole by one that saw more.
pub(crate) async fn write_flows(
    transaction: &mut PgTransaction<'_>,
    rows: &FlowColumns,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO line_flow AS t \
         (camera, length_s, start_at, line, direction, class, epoch, count, untrusted, occupied_s, \
         speed_n, speed_sum_kmh, speed_inverse_sum, speed_first, speed_counts, \
         headway_n, headway_sum_s, headway_first, headway_counts) \
         SELECT u.a, u.b, u.c, u.d, u.e, u.f, u.g, u.h, u.i, u.j, u.k, u.l, u.m, u.n, u.o::int[], \
         u.p, u.q, u.r, u.s::int[] FROM UNNEST($1::text[], $2::int[], $3::timestamptz[], $4::text[], $5::text[], \
         $6::text[], $7::bigint[], $8::int[], $9::int[], $10::int[], \
         $11::int[], $12::float8[], $13::float8[], $14::smallint[], $15::text[], \
         $16::int[], $17::float8[], $18::smallint[], $19::text[]) \
         AS u(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s) \
         ON CONFLICT (camera, length_s, start_at, line, direction, class, epoch) DO UPDATE SET \
         count = excluded.count, untrusted = excluded.untrusted, occupied_s = excluded.occupied_s, \
         speed_n = excluded.speed_n, speed_sum_kmh = excluded.speed_sum_kmh, \
         speed_inverse_sum = excluded.speed_inverse_sum, speed_first = excluded.speed_first, \
         speed_counts = excluded.speed_counts, headway_n = excluded.headway_n, \
         headway_sum_s = excluded.headway_sum_s, headway_first = excluded.headway_first, \
         headway_counts = excluded.headway_counts \
         WHERE (excluded.count, excluded.occupied_s, COALESCE(excluded.headway_n, 0)) \
             > (t.count, t.occupied_s, COALESCE(t.headway_n, 0))",
        &rows.head.camera,
        &rows.head.length_s,
        &rows.head.start_at as _,
        &rows.line,
        &rows.direction,
        &rows.class,
        &rows.epoch,
        &rows.count,
        &rows.untrusted as _,
        &rows.occupied_s,
        &rows.speed_n as _,
        &rows.speed_sum_kmh as _,
        &rows.speed_inverse_sum as _,
        &rows.speed_first as _,
        &rows.speed_counts as _,
        &rows.headway_n as _,
        &rows.headway_sum_s as _,
        &rows.headway_first as _,
        &rows.headway_counts as _,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

async fn write_zones(transaction: &mut PgTransaction<'_>, rows: &ZoneColumns) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO zone_bin AS t \
         (camera, length_s, start_at, zone, epoch, observed_s, occupied_s, vehicle_s, length_m, \
         queue_max_m, queue_max, queue_last_m, queue_last, delay_n, delay_sum_s) \
         SELECT * FROM UNNEST($1::text[], $2::int[], $3::timestamptz[], $4::text[], $5::bigint[], $6::float8[], \
         $7::int[], $8::int[], $9::float8[], $10::float8[], $11::int[], $12::float8[], $13::int[], $14::int[], \
         $15::float8[]) \
         ON CONFLICT (camera, length_s, start_at, zone, epoch) DO UPDATE SET \
         observed_s = excluded.observed_s, occupied_s = excluded.occupied_s, vehicle_s = excluded.vehicle_s, length_m = excluded.length_m, \
         queue_max_m = excluded.queue_max_m, queue_max = excluded.queue_max, \
         queue_last_m = excluded.queue_last_m, queue_last = excluded.queue_last, \
         delay_n = excluded.delay_n, delay_sum_s = excluded.delay_sum_s \
         WHERE excluded.observed_s > t.observed_s",
        &rows.head.camera,
        &rows.head.length_s,
        &rows.head.start_at as _,
        &rows.zone,
        &rows.epoch,
        &rows.observed_s,
        &rows.occupied_s,
        &rows.vehicle_s,
        &rows.length_m as _,
        &rows.queue_max_m as _,
        &rows.queue_max as _,
        &rows.queue_last_m as _,
        &rows.queue_last as _,
        &rows.delay_n as _,
        &rows.delay_sum_s as _,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
