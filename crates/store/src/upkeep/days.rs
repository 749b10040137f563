//! Packs some cameras' day: what its stored quarters of an hour, and its hours, add up to, into a row of each
//! (`crate::days`). A packed day is made anew whenever its mark comes back; nothing is in it that is not in the rows.

use std::collections::BTreeMap;

use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use sqlx::postgres::PgTransaction;
use wayside_types::Doubts;

use super::sums::Stretch;
use crate::days::{Counts, Flows, Signs, Watched, pack};
use crate::lengths::{DAY_S, HOUR_S, QUARTER_S};
use crate::query::{Observed, Rest, StoredFlow, signs};

/// What is packed of a camera.
#[derive(Default)]
struct Day {
    counts: Counts,
    flows: Flows,
    signs: Signs,
    watched: Watched,
}

/// Writes the packed day of some cameras.
pub(super) async fn day(transaction: &mut PgTransaction<'_>, day: &Stretch) -> Result<(), sqlx::Error> {
    for length_s in [QUARTER_S, HOUR_S] {
        let mut days = BTreeMap::new();
        counts(transaction, day, length_s, &mut days).await?;
        flows(transaction, day, length_s, &mut days).await?;
        evidence(transaction, day, length_s, &mut days).await?;
        doubts(transaction, day, length_s, &mut days).await?;
        watched(transaction, day, length_s, &mut days).await?;
        write(transaction, day, length_s, &days).await?;
    }
    Ok(())
}

/// By camera.
type Days = BTreeMap<String, Day>;

/// The place of a stretch of a day, which is made where it is missing.
fn place<T: Clone + Default, K: Ord>(
    of: &mut BTreeMap<K, Vec<T>>,
    key: K,
    stretch: i32,
    length_s: i32,
) -> Option<&mut T> {
    let many = usize::try_from(DAY_S / length_s).unwrap_or_default();
    let all = of.entry(key).or_insert_with(|| vec![T::default(); many]);
    all.get_mut(usize::try_from(stretch).ok()?)
}

async fn counts(
    transaction: &mut PgTransaction<'_>,
    day: &Stretch,
    length_s: i32,
    days: &mut Days,
) -> Result<(), sqlx::Error> {
    let rows = sqlx::query!(
        r#"SELECT camera, line, direction, class, extract(epoch FROM start_at - $3)::integer / $2 AS "stretch!",
                  sum(count)::bigint AS "count!"
           FROM line_bin WHERE camera = ANY($1) AND length_s = $2 AND start_at >= $3 AND start_at < $4
           GROUP BY 1, 2, 3, 4, 5"#,
        &day.cameras,
        length_s,
        day.start as _,
        day.end as _,
    )
    .fetch_all(&mut **transaction)
    .await?;
    for row in rows {
        let counts = &mut days.entry(row.camera).or_default().counts;
        let count = place(counts, (row.line, row.direction, row.class), row.stretch, length_s);
        if let Some(count) = count {
            *count = u32::try_from(row.count).unwrap_or(u32::MAX);
        }
    }
    Ok(())
}

async fn flows(
    transaction: &mut PgTransaction<'_>,
    day: &Stretch,
    length_s: i32,
    days: &mut Days,
) -> Result<(), sqlx::Error> {
    let rows = sqlx::query_as!(
        StoredFlow,
        r#"SELECT camera, line, direction, class, epoch,
                  extract(epoch FROM start_at - $3)::integer / $2 AS "bucket!", count, untrusted, occupied_s,
                  speed_n, speed_sum_kmh, speed_inverse_sum, speed_first, speed_counts,
                  headway_n, headway_sum_s, headway_first, headway_counts
           FROM line_flow WHERE camera = ANY($1) AND length_s = $2 AND start_at >= $3 AND start_at < $4"#,
        &day.cameras,
        length_s,
        day.start as _,
        day.end as _,
    )
    .fetch_all(&mut **transaction)
    .await?;
    for mut row in rows {
        let sum = row.sum().map_err(unreadable)?;
        let flows = &mut days.entry(row.camera).or_default().flows;
        let known = place(flows, (row.line, row.direction, row.class), row.bucket, length_s);
        if let Some(known) = known {
            known.get_or_insert_default().merge(&sum);
        }
    }
    Ok(())
}

/// Of quarters, and for hours their sums.
async fn evidence(
    transaction: &mut PgTransaction<'_>,
    day: &Stretch,
    length_s: i32,
    days: &mut Days,
) -> Result<(), sqlx::Error> {
    let starts: Vec<SqlTimestamp> = (0..DAY_S / length_s)
        .filter_map(|n| {
            let after = jiff::SignedDuration::from_secs(i64::from(n * length_s));
            day.start.to_jiff().checked_add(after).ok()
        })
        .map(ToSqlx::to_sqlx)
        .collect();
    let whole = Rest::whole(&day.cameras, day.start, day.end);
    for row in signs(transaction, &whole, &starts).await? {
        let signs = &mut days.entry(row.camera).or_default().signs.of;
        let known = place(signs, (row.line, row.direction, row.class), row.bucket - 1, length_s);
        if let Some(known) = known {
            known.merge(&row.evidence);
        }
    }
    Ok(())
}

/// How long cameras were in question, of quarters and for hours their sums.
async fn doubts(
    transaction: &mut PgTransaction<'_>,
    day: &Stretch,
    length_s: i32,
    days: &mut Days,
) -> Result<(), sqlx::Error> {
    let rows = sqlx::query!(
        r#"SELECT camera, extract(epoch FROM start_at - $3)::integer / $2 AS "stretch!", sum(moved_s) AS "moved_s!",
                  sum(doubted_s) AS "doubted_s!", sum(dim_s) AS "dim_s!"
           FROM coverage WHERE camera = ANY($1) AND length_s = 900 AND start_at >= $3 AND start_at < $4
             AND moved_s + doubted_s + dim_s > 0
           GROUP BY 1, 2"#,
        &day.cameras,
        length_s,
        day.start as _,
        day.end as _,
    )
    .fetch_all(&mut **transaction)
    .await?;
    for row in rows {
        let doubts = days.entry(row.camera).or_default().signs.doubts.get_or_insert_default();
        if let Ok(stretch) = u8::try_from(row.stretch) {
            let (moved_s, doubted_s, dim_s) = (row.moved_s, row.doubted_s, row.dim_s);
            doubts.insert(stretch, Doubts { moved_s, doubted_s, dim_s });
        }
    }
    Ok(())
}

async fn watched(
    transaction: &mut PgTransaction<'_>,
    day: &Stretch,
    length_s: i32,
    days: &mut Days,
) -> Result<(), sqlx::Error> {
    let rows = sqlx::query!(
        r#"SELECT camera AS "camera!", config_version AS "config_version!", part_s AS "part_s!",
                  extract(epoch FROM start_at - $3)::integer / $2 AS "stretch!",
                  observed_s AS "observed_s!", dropped_s AS "dropped_s!", parts AS "parts!"
           FROM (SELECT camera, config_version, part_s, start_at, observed_s, dropped_s, parts::bigint FROM coverage_sum
                 WHERE camera = ANY($1) AND length_s = $2 AND start_at >= $3 AND start_at < $4
                 UNION ALL
                 SELECT camera, config_version, 900, start_at, sum(observed_s), sum(observed_s * dropped_share), 1
                 FROM coverage
                 WHERE camera = ANY($1) AND length_s = 900 AND $2 = 900 AND start_at >= $3 AND start_at < $4
                 GROUP BY camera, config_version, start_at) AS part"#,
        &day.cameras,
        length_s,
        day.start as _,
        day.end as _,
    )
    .fetch_all(&mut **transaction)
    .await?;
    for row in rows {
        let watched = &mut days.entry(row.camera).or_default().watched;
        let known = place(watched, (row.config_version, row.part_s), row.stretch, length_s);
        if let Some(known) = known {
            *known = Observed { seconds: row.observed_s, dropped_s: row.dropped_s, bins: row.parts };
        }
    }
    Ok(())
}

async fn write(
    transaction: &mut PgTransaction<'_>,
    day: &Stretch,
    length_s: i32,
    days: &Days,
) -> Result<(), sqlx::Error> {
    let cameras: Vec<String> = days.keys().cloned().collect();
    let [mut counts, mut flows, mut signs, mut watched] = [const { Vec::<Vec<u8>>::new() }; 4];
    for day in days.values() {
        counts.push(pack(&day.counts).map_err(unreadable)?);
        flows.push(pack(&day.flows).map_err(unreadable)?);
        signs.push(day.signs.pack().map_err(unreadable)?);
        watched.push(pack(&day.watched).map_err(unreadable)?);
    }
    sqlx::query!(
        "INSERT INTO camera_day (camera, length_s, start_at, counts, flows, signs, watched) \
         SELECT u.a, $2, $3, u.b, u.c, u.d, u.e \
         FROM UNNEST($1::text[], $4::bytea[], $5::bytea[], $6::bytea[], $7::bytea[]) AS u(a, b, c, d, e) \
         ON CONFLICT (camera, length_s, start_at) DO UPDATE SET counts = excluded.counts, flows = excluded.flows, \
         signs = excluded.signs, watched = excluded.watched",
        &cameras,
        length_s,
        day.start as _,
        &counts,
        &flows,
        &signs,
        &watched,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::Decode(error.into())
}
