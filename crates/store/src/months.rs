//! Partitions by month. Those of this month and the next two are made ahead; any other month is made when
//! its first row comes, so that no write fails for want of a partition.

use jiff::civil::Date;
use jiff_sqlx::ToSqlx;
use sqlx::postgres::PgConnection;
use wayside_types::{TimeZone, Timestamp};

use crate::error::StoreError;

/// How many months are ready before they begin.
const AHEAD: i32 = 2;

/// The first day of the UTC month that an instant falls into.
pub(crate) fn month_of(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date().first_of_month()
}

/// Makes the partitions of one month; does nothing where they exist.
pub(crate) async fn ensure(connection: &mut PgConnection, month: Date) -> Result<(), StoreError> {
    sqlx::query!("SELECT ensure_month($1)", month.to_sqlx() as _)
        .execute(connection)
        .await
        .map_err(StoreError::sql("making a partition"))?;
    Ok(())
}

/// Makes the partitions of this month and of those to come.
pub(crate) async fn ensure_ahead(connection: &mut PgConnection, now: Timestamp) -> Result<(), StoreError> {
    for month in ahead(now) {
        ensure(connection, month).await?;
    }
    Ok(())
}

/// This month and the next ones, first days.
pub(crate) fn ahead(now: Timestamp) -> Vec<Date> {
    let first = month_of(now);
    (0..=AHEAD).filter_map(|months| first.checked_add(jiff::Span::new().months(months)).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_cut_in_utc() {
        let months = ahead("2026-11-30T23:59:59Z".parse().unwrap());
        assert_eq!(
            months.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["2026-11-01", "2026-12-01", "2027-01-01"]
        );
    }
}
