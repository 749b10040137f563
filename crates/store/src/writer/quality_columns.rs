//! The columns of `line_quality`, its statement, and what is refused of its rows before it is in the spool. What every
//! table begins with is `batch`'s.

use sqlx::postgres::PgTransaction;
use wayside_types::{Evidence, QualityBin, Sign};

use super::batch::{Head, HeadColumns};

/// Columns of `line_quality`; of the signs one list each, in the order of [`Sign::ALL`].
#[derive(Debug, Default)]
pub(super) struct QualityColumns {
    pub(super) head: HeadColumns,
    pub(super) epoch: Vec<i64>,
    line: Vec<String>,
    direction: Vec<String>,
    class: Vec<String>,
    signs: [Vec<i32>; Sign::ALL.len()],
}

impl QualityColumns {
    pub(super) fn push(&mut self, head: &Head, epoch: i64, row: &QualityBin) {
        self.head.push(head);
        self.epoch.push(epoch);
        self.line.push(row.line.to_string());
        self.direction.push(row.direction.as_str().to_owned());
        self.class.push(row.class.as_str().to_owned());
        for (column, sign) in self.signs.iter_mut().zip(Sign::ALL) {
            column.push(i32::try_from(row.evidence.of(sign)).unwrap_or(i32::MAX));
        }
    }

    /// Upserts. A row is replaced as a whole by one that saw more.
    pub(super) async fn write(&self, transaction: &mut PgTransaction<'_>) -> Result<(), sqlx::Error> {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v] = &self.signs;
        sqlx::query!(
            "INSERT INTO line_quality AS t \
             (camera, length_s, start_at, line, direction, class, epoch, counted, astray, inferred, bridged, weak, sparse, crowded, duplicate, \
             unsure, short, behind, merged, ended, ended_astray, wavering, elsewhere, part, rejoined, \
             hesitant, resembling, at_end, past_end) \
             SELECT * FROM UNNEST($1::text[], $2::int[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], \
             $7::bigint[], $8::int[], $9::int[], $10::int[], $11::int[], $12::int[], $13::int[], $14::int[], $15::int[], \
             $16::int[], $17::int[], $18::int[], $19::int[], $20::int[], $21::int[], $22::int[], $23::int[], $24::int[], $25::int[], \
             $26::int[], $27::int[], $28::int[], $29::int[]) \
             ON CONFLICT (camera, length_s, start_at, line, direction, class, epoch) DO UPDATE SET \
             counted = excluded.counted, astray = excluded.astray, inferred = excluded.inferred, bridged = excluded.bridged, \
             weak = excluded.weak, sparse = excluded.sparse, crowded = excluded.crowded, duplicate = excluded.duplicate, \
             unsure = excluded.unsure, short = excluded.short, behind = excluded.behind, merged = excluded.merged, \
             ended = excluded.ended, ended_astray = excluded.ended_astray, wavering = excluded.wavering, elsewhere = excluded.elsewhere, \
             part = excluded.part, rejoined = excluded.rejoined, hesitant = excluded.hesitant, resembling = excluded.resembling, \
             at_end = excluded.at_end, past_end = excluded.past_end \
             WHERE excluded.counted + excluded.astray + excluded.inferred + excluded.bridged + excluded.weak + excluded.sparse + excluded.crowded + excluded.duplicate + excluded.unsure + excluded.short + excluded.behind + excluded.merged + excluded.ended + excluded.ended_astray + excluded.wavering + excluded.elsewhere + excluded.part + excluded.rejoined + excluded.hesitant + excluded.resembling + excluded.at_end + excluded.past_end \
                 > t.counted + t.astray + t.inferred + t.bridged + t.weak + t.sparse + t.crowded + t.duplicate + t.unsure + t.short + t.behind + t.merged + t.ended + t.ended_astray + t.wavering + t.elsewhere + t.part + t.rejoined + t.hesitant + t.resembling + t.at_end + t.past_end",
            &self.head.camera,
            &self.head.length_s,
            &self.head.start_at as _,
            &self.line,
            &self.direction,
            &self.class,
            &self.epoch,
            a,
            b,
            c,
            d,
            e,
            f,
            g,
            h,
            i,
            j,
            k,
            l,
            m,
            n,
            o,
            p,
            q,
            r,
            s,
            t,
            u,
            v,
        )
        .execute(&mut **transaction)
        .await?;
        Ok(())
    }
}

/// How much a row saw: of two reports on one bin the one that saw more is the later one.
pub(super) fn seen(evidence: &Evidence) -> u64 {
    Sign::ALL.into_iter().map(|sign| evidence.of(sign)).sum()
}

/// What is wrong with a row of `line_quality`.
pub(super) fn check_quality(row: &QualityBin) -> Result<(), String> {
    match Sign::ALL.into_iter().find(|sign| i32::try_from(row.evidence.of(*sign)).is_err()) {
        Some(sign) => Err(format!("{sign} {} is not within 0 to {}", row.evidence.of(sign), i32::MAX)),
        None => Ok(()),
    }
}
