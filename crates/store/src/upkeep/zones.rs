//! Hours of zones, from the stored quarters: seconds and delays add up, of queues the longest counts and the one that was
//! told last. Within a run of the program a zone keeps its length; if it did not, an hour's is the one that gives the density
//! of its quarters.

use sqlx::postgres::PgTransaction;

use super::sums::Stretch;

/// Writes the zones of an hour of some cameras.
pub(super) async fn hour(transaction: &mut PgTransaction<'_>, hour: &Stretch) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO zone_bin AS t \
         (camera, length_s, start_at, zone, epoch, observed_s, occupied_s, vehicle_s, length_m, \
         queue_max_m, queue_max, queue_last_m, queue_last, delay_n, delay_sum_s, latest_at) \
         SELECT camera, 3600, $2, zone, epoch, sum(observed_s), sum(occupied_s)::integer, sum(vehicle_s)::integer, \
                CASE WHEN count(length_m) < count(*) THEN NULL \
                     WHEN min(length_m) = max(length_m) OR sum(vehicle_s) = 0 THEN min(length_m) \
                     ELSE sum(vehicle_s) / sum(vehicle_s / length_m) END, \
                max(queue_max_m), max(queue_max), \
                (array_agg(queue_last_m ORDER BY start_at DESC) FILTER (WHERE queue_last IS NOT NULL))[1], \
                (array_agg(queue_last ORDER BY start_at DESC) FILTER (WHERE queue_last IS NOT NULL))[1], \
                sum(delay_n)::integer, sum(delay_sum_s), max(start_at) \
         FROM zone_bin \
         WHERE camera = ANY($1) AND length_s = 900 AND start_at >= $2 AND start_at < $3 \
         GROUP BY camera, zone, epoch \
         ON CONFLICT (camera, length_s, start_at, zone, epoch) DO UPDATE SET \
         observed_s = excluded.observed_s, occupied_s = excluded.occupied_s, vehicle_s = excluded.vehicle_s, \
         length_m = excluded.length_m, queue_max_m = excluded.queue_max_m, queue_max = excluded.queue_max, \
         queue_last_m = excluded.queue_last_m, queue_last = excluded.queue_last, \
         delay_n = excluded.delay_n, delay_sum_s = excluded.delay_sum_s, latest_at = excluded.latest_at \
         WHERE excluded.observed_s >= t.observed_s",
        &hour.cameras,
        hour.start as _,
        hour.end as _,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
