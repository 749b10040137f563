//! Hours of movements and of those who were lost on the way, from the stored quarters: of each run of the program what was
//! counted, and what of it lies in cells that may be shown. A cell is of all runs together, so that a run's share may grow
//! when another run's late row comes.

use sqlx::postgres::PgTransaction;

use super::sums::Stretch;
use crate::query::LEAST_CELL;

/// Writes the movements of an hour of some cameras.
pub(super) async fn hour(transaction: &mut PgTransaction<'_>, hour: &Stretch) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO movement_bin AS t \
         (camera, length_s, start_at, from_line, to_line, class, epoch, count, shown) \
         SELECT camera, 3600, $2, from_line, to_line, class, epoch, sum(count)::integer, \
                COALESCE(sum(count) FILTER (WHERE cell >= $4::bigint), 0)::integer \
         FROM (SELECT camera, from_line, to_line, class, epoch, count, \
                      sum(count) OVER (PARTITION BY camera, start_at, from_line, to_line, class) AS cell \
               FROM movement_bin \
               WHERE camera = ANY($1) AND length_s = 900 AND start_at >= $2 AND start_at < $3) AS quarter \
         GROUP BY camera, from_line, to_line, class, epoch \
         ON CONFLICT (camera, length_s, start_at, from_line, to_line, class, epoch) DO UPDATE SET \
         count = greatest(t.count, excluded.count), shown = greatest(t.shown, excluded.shown) \
         WHERE excluded.count > t.count OR excluded.shown > t.shown",
        &hour.cameras,
        hour.start as _,
        hour.end as _,
        LEAST_CELL,
    )
    .execute(&mut **transaction)
    .await?;
    sqlx::query!(
        "INSERT INTO movement_lost AS t (camera, length_s, start_at, from_line, class, epoch, count, shown) \
         SELECT camera, 3600, $2, from_line, class, epoch, sum(count)::integer, \
                COALESCE(sum(count) FILTER (WHERE cell >= $4::bigint), 0)::integer \
         FROM (SELECT camera, from_line, class, epoch, count, \
                      sum(count) OVER (PARTITION BY camera, start_at, from_line, class) AS cell \
               FROM movement_lost \
               WHERE camera = ANY($1) AND length_s = 900 AND start_at >= $2 AND start_at < $3) AS quarter \
         GROUP BY camera, from_line, class, epoch \
         ON CONFLICT (camera, length_s, start_at, from_line, class, epoch) DO UPDATE SET \
         count = greatest(t.count, excluded.count), shown = greatest(t.shown, excluded.shown) \
         WHERE excluded.count > t.count OR excluded.shown > t.shown",
        &hour.cameras,
        hour.start as _,
        hour.end as _,
        LEAST_CELL,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
