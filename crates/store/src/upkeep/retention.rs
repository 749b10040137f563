//! What is older than it is kept goes: bins by whole months, which costs nothing whatever is in them, stills and incidents
//! one by one. A month of minutes goes only when all of it is in the sums.

use jiff::SignedDuration;
use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use sqlx::postgres::PgConnection;
use wayside_types::{Retention, Timestamp};

/// Tables of each length whose months go together.
const MINUTES: &[&str] = &["coverage_60", "line_bin_60"];
const QUARTERS: &[&str] = &[
    "camera_day_900",
    "coverage_900",
    "coverage_sum_900",
    "line_bin_900",
    "line_flow_900",
    "line_quality",
    "movement_bin_900",
    "movement_lost_900",
    "zone_bin_900",
];
const HOURS: &[&str] = &[
    "camera_day_3600",
    "coverage_sum_3600",
    "line_bin_3600",
    "line_flow_3600",
    "movement_bin_3600",
    "movement_lost_3600",
    "zone_bin_3600",
];

/// Deletes what is too old.
pub(super) async fn apply(
    connection: &mut PgConnection,
    now: Timestamp,
    retention: &Retention,
) -> Result<(), sqlx::Error> {
    let bins = [
        (retention.minutes_days, MINUTES),
        (retention.quarters_days, QUARTERS),
        (retention.hours_days, HOURS),
    ];
    for (days, tables) in bins {
        let Some(before) = days.map(|days| ago(now, days)) else { continue };
        let tables: Vec<String> = tables.iter().map(|table| (*table).to_owned()).collect();
        let months = sqlx::query_scalar!(r#"SELECT drop_months($1, $2) AS "dropped!""#, &tables, before as _)
            .fetch_one(&mut *connection)
            .await?;
        if months > 0 {
            tracing::info!(
                partitions = months,
                tables = tables.join(", "),
                "deleted bins that were older than they are kept"
            );
        }
    }
    if let Some(days) = retention.incidents_days {
        let done = sqlx::query!(
            "DELETE FROM incident WHERE state <> 'open' AND last_seen_at < $1",
            ago(now, days) as _
        )
        .execute(&mut *connection)
        .await?;
        say(done.rows_affected(), "incidents", days);
    }
    let days = retention.stills_days;
    let done = sqlx::query!("DELETE FROM incident_still WHERE taken_at < $1", ago(now, days) as _)
        .execute(&mut *connection)
        .await?;
    say(done.rows_affected(), "stills", days);
    Ok(())
}

fn say(deleted: u64, what: &'static str, days: u32) {
    if deleted > 0 {
        tracing::info!(deleted, days, "deleted {what} that were older than they are kept");
    }
}

fn ago(now: Timestamp, days: u32) -> SqlTimestamp {
    let kept = SignedDuration::from_hours(24 * i64::from(days));
    now.checked_sub(kept).unwrap_or(Timestamp::MIN).to_sqlx()
}
