//! Hours of how lines were crossed, from the stored quarters. Histograms are added up here and not in SQL, which would
//! take them apart into buckets.

use std::collections::BTreeMap;

use jiff_sqlx::Timestamp as SqlTimestamp;
use sqlx::postgres::PgTransaction;
use wayside_types::{FlowBin, LineId};

use super::sums::Stretch;
use crate::lengths::{HOUR_S, QUARTER_S};
use crate::query::{FlowSum, StoredFlow};
use crate::writer::{FlowColumns, write_flows};

/// Camera, line, direction, class and epoch.
type Key = (String, String, String, String, i64);

/// Writes the flows of an hour of some cameras.
pub(super) async fn hour(transaction: &mut PgTransaction<'_>, hour: &Stretch) -> Result<(), sqlx::Error> {
    let stored = sqlx::query_as!(
        StoredFlow,
        r#"SELECT camera, line, direction, class, epoch, 1 AS "bucket!", count, untrusted, occupied_s,
                  speed_n, speed_sum_kmh, speed_inverse_sum, speed_first, speed_counts,
                  headway_n, headway_sum_s, headway_first, headway_counts
           FROM line_flow WHERE camera = ANY($1) AND length_s = $2 AND start_at >= $3 AND start_at < $4"#,
        &hour.cameras,
        QUARTER_S,
        hour.start as _,
        hour.end as _,
    )
    .fetch_all(&mut **transaction)
    .await?;
    let mut sums: BTreeMap<Key, (u32, FlowSum)> = BTreeMap::new();
    for mut row in stored {
        let sum = row.sum().map_err(unreadable)?;
        let key = (row.camera, row.line, row.direction, row.class, row.epoch);
        let (count, known) = sums.entry(key).or_default();
        *count = count.saturating_add(u32::try_from(row.count).unwrap_or_default());
        known.merge(&sum);
    }
    let mut columns = FlowColumns::default();
    for ((camera, line, direction, class, epoch), (count, sum)) in sums {
        let flow = bin(&line, &direction, &class, count, sum)?;
        columns.push(&(camera, HOUR_S, SqlTimestamp::to_jiff(hour.start)), epoch, &flow);
    }
    if columns.epoch.is_empty() { Ok(()) } else { write_flows(transaction, &columns).await }
}

fn bin(line: &str, direction: &str, class: &str, count: u32, sum: FlowSum) -> Result<FlowBin, sqlx::Error> {
    Ok(FlowBin {
        line: LineId::new(line).map_err(unreadable)?,
        direction: direction.parse().map_err(unreadable)?,
        class: class.parse().map_err(unreadable)?,
        count,
        untrusted: sum.untrusted.map(|n| u32::try_from(n).unwrap_or(u32::MAX)),
        occupied_s: u32::try_from(sum.occupied_s).unwrap_or(u32::MAX),
        speeds: Some(sum.speeds).filter(|speeds| speeds.n > 0),
        headways: Some(sum.headways).filter(|headways| headways.n > 0),
    })
}

fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::Decode(error.into())
}
