//! What lines' counts say of themselves, put beside the rows of a page once that is made: the evidence of the stored
//! quarters of an hour, added up, and the band that follows from it. Counts and coverage are the other modules' work.

use std::collections::BTreeMap;

use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use wayside_types::quality::is_closed;
use wayside_types::{Band, BinLength, Direction, Evidence, RoadUserClass, Sign, Timestamp};

use super::measurements::{MeasurementKind, MeasurementQuery, MeasurementRow, RowSubject};
use super::stored;
use crate::database::Database;
use crate::error::StoreError;

/// Evidence that is of fewer than this share of what was counted is not that count's: it was counted before evidence was
/// kept, or the process was killed between the two.
const SAME_COUNT: f64 = 0.9;

/// By what signs a line's count may be wrong, and where the true one is to be expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineQuality {
    /// Where the true count of what was watched is to be expected. Absent where the evidence is not of this count.
    pub band: Option<Band>,
    /// The signs.
    pub evidence: Evidence,
}

/// A stored sum of a line, direction and class within a row's bin.
struct Part {
    line: String,
    direction: Direction,
    class: RoadUserClass,
    evidence: Evidence,
}

/// The parts by camera and start of the bin.
type Parts = BTreeMap<(String, Timestamp), Vec<Part>>;

/// Puts their quality into the rows of a page, where the query asks for it and the bins are long enough.
pub(super) async fn add(
    db: &Database,
    query: &MeasurementQuery,
    classes: &[RoadUserClass],
    rows: &mut [MeasurementRow],
) -> Result<(), StoreError> {
    let kept = query.kind == MeasurementKind::Lines && query.bin >= BinLength::Minute15;
    if !(query.with_quality && kept) {
        return Ok(());
    }
    let parts = parts(db, rows).await?;
    for row in rows {
        let own: Vec<RoadUserClass> = match (row.class, &row.group, &query.scheme) {
            (Some(class), _, _) => vec![class],
            (None, Some(group), Some(scheme)) => {
                let of_group =
                    |class: &RoadUserClass| scheme.group_of(*class).is_some_and(|g| g.id == *group);
                classes.iter().copied().filter(of_group).collect()
            }
            _ => classes.to_vec(),
        };
        let of_row = parts.get(&(row.camera.to_string(), row.start)).into_iter().flatten();
        let mut evidence = Evidence::default();
        of_row.filter(|part| part.is_of(row, &own)).for_each(|part| evidence.merge(&part.evidence));
        row.quality = Some(LineQuality::of(row, evidence, is_closed(&own)));
    }
    Ok(())
}

impl LineQuality {
    fn of(row: &MeasurementRow, evidence: Evidence, together: bool) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "counts of vehicles")]
        let is_whole = |count: &u64| evidence.of(Sign::Counted) as f64 >= SAME_COUNT * *count as f64;
        let count = row.count.filter(is_whole).filter(|_| row.observed_s > 0.0);
        let band = count.map(|count| Band::of(count, &evidence, row.observed_s, together));
        Self { band, evidence }
    }
}

impl Part {
    fn is_of(&self, row: &MeasurementRow, classes: &[RoadUserClass]) -> bool {
        let RowSubject::Line { line, direction } = &row.subject else { return false };
        line.as_ref().is_none_or(|line| line.as_str() == self.line)
            && direction.is_none_or(|direction| direction == self.direction)
            && classes.contains(&self.class)
    }
}

async fn parts(db: &Database, rows: &[MeasurementRow]) -> Result<Parts, StoreError> {
    let mut starts: Vec<Timestamp> = rows.iter().map(|row| row.start).collect();
    starts.sort_unstable();
    starts.dedup();
    let Some(end) = rows.iter().map(|row| row.end).max() else { return Ok(Parts::new()) };
    let mut cameras: Vec<String> = rows.iter().map(|row| row.camera.to_string()).collect();
    cameras.dedup();
    let bounds: Vec<SqlTimestamp> = starts.iter().map(|start| start.to_sqlx()).collect();
    let found = sqlx::query!(
        r#"SELECT camera, line, direction, class, width_bucket(start_at, $2) AS "bucket!",
                  ARRAY[sum(counted), sum(astray), sum(inferred), sum(bridged), sum(weak), sum(sparse),
                        sum(crowded), sum(duplicate), sum(unsure), sum(short), sum(behind), sum(merged),
                        sum(ended), sum(ended_astray), sum(wavering), sum(elsewhere)] AS "signs!"
           FROM line_quality
           WHERE camera = ANY($1) AND length_s = 900 AND start_at >= ($2::timestamptz[])[1] AND start_at < $3
           GROUP BY 1, 2, 3, 4, 5"#,
        &cameras,
        &bounds as _,
        end.to_sqlx() as _,
    )
    .fetch_all(db.pool());
    let mut parts = Parts::new();
    for row in db.answer("the quality of counts", found).await? {
        let index = usize::try_from(row.bucket).ok().and_then(|bucket| bucket.checked_sub(1));
        let Some(start) = index.and_then(|index| starts.get(index)) else { continue };
        let mut evidence = Evidence::default();
        for (sign, times) in Sign::ALL.into_iter().zip(row.signs) {
            evidence.add(sign, u64::try_from(times).unwrap_or_default());
        }
        parts.entry((row.camera, *start)).or_default().push(Part {
            line: row.line,
            direction: stored(row.direction.parse())?,
            class: stored(row.class.parse())?,
            evidence,
        });
    }
    Ok(parts)
}
