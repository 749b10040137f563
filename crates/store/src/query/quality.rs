//! What lines' counts say of themselves, put beside the rows of a page once that is made: the evidence of the stored
//! quarters of an hour, added up, and the band that follows from it. Counts and coverage are the other modules' work.

use std::collections::BTreeMap;

use jiff_sqlx::Timestamp as SqlTimestamp;
use sqlx::postgres::PgConnection;
use wayside_types::quality::is_closed;
use wayside_types::{Band, BinLength, Direction, Doubts, Evidence, RoadUserClass, Sign, Timestamp};

use super::days::{Days, Rest};
use super::fetch::{Scope, span_of};
use super::measurements::{MeasurementKind, MeasurementQuery, MeasurementRow, RowSubject};
use super::stored;
use crate::database::Database;
use crate::error::StoreError;

/// Evidence that is of fewer than this share of what was counted is not that count's: it was counted before evidence was
/// kept, or the process was killed between the two.
const SAME_COUNT: f64 = 0.9;

/// By what signs a line's count may be wrong, and where the true one is to be expected.
#[derive(Debug, Clone, PartialEq)]
pub struct LineQuality {
    /// Where the true count of what was watched is to be expected. Absent where the evidence is not of this count, and
    /// where visibility was low.
    pub band: Option<Band>,
    /// The signs.
    pub evidence: Evidence,
    /// How long the camera was in question.
    pub doubts: Doubts,
}

/// What was seen of a line, direction and class within a span.
pub(crate) struct StoredSigns {
    pub(crate) camera: String,
    pub(crate) line: String,
    pub(crate) direction: String,
    pub(crate) class: String,
    /// Which span, from 1.
    pub(crate) bucket: i32,
    pub(crate) evidence: Evidence,
}

/// The same within a row's bin.
struct Part<'a> {
    line: &'a str,
    direction: Direction,
    class: RoadUserClass,
    evidence: &'a Evidence,
}

/// The parts by camera and start of the bin.
type Parts<'a> = BTreeMap<&'a str, BTreeMap<Timestamp, Vec<Part<'a>>>>;

/// Whether the rows of a question tell it.
pub(super) fn is_wanted(query: &MeasurementQuery) -> bool {
    query.with_quality && query.kind == MeasurementKind::Lines && query.bin >= BinLength::Minute15
}

/// Puts their quality into rows of these cameras and bins, where the query asks for it and the bins are long enough.
pub(super) async fn add(
    db: &Database,
    snapshot: &mut PgConnection,
    query: &MeasurementQuery,
    classes: &[RoadUserClass],
    (scope, days): (Scope<'_>, &Days),
    rows: &mut [MeasurementRow],
) -> Result<(), StoreError> {
    if !is_wanted(query) {
        return Ok(());
    }
    let signs = match scope.rest {
        Some(rest) => db.answer("the quality of counts", signs(snapshot, rest, &scope.starts())).await?,
        None => Vec::new(),
    };
    let parts = parts(scope, days, &signs)?;
    let doubts = doubts(db, snapshot, scope, days).await?;
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
        let of_row =
            parts.get(row.camera.as_str()).and_then(|starts| starts.get(&row.start)).into_iter().flatten();
        let mut evidence = Evidence::default();
        of_row.filter(|part| part.is_of(row, &own)).for_each(|part| evidence.merge(part.evidence));
        let doubts = doubts.get(row.camera.as_str()).and_then(|starts| starts.get(&row.start));
        let doubts = doubts.copied().unwrap_or_default();
        row.quality = Some(LineQuality::of(row, evidence, doubts, is_closed(&own)));
    }
    Ok(())
}

impl LineQuality {
    fn of(row: &MeasurementRow, evidence: Evidence, doubts: Doubts, together: bool) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "counts of vehicles")]
        let is_whole = |count: &u64| evidence.of(Sign::Counted) as f64 >= SAME_COUNT * *count as f64;
        let count = row.count.filter(is_whole).filter(|_| row.observed_s > 0.0);
        let band = count.and_then(|count| {
            let band = Band::of(count, &evidence, row.observed_s, together);
            doubts.widen(band, count, row.observed_s)
        });
        Self { band, evidence, doubts }
    }
}

impl Part<'_> {
    fn is_of(&self, row: &MeasurementRow, classes: &[RoadUserClass]) -> bool {
        let RowSubject::Line { line, direction } = &row.subject else { return false };
        line.as_ref().is_none_or(|line| line.as_str() == self.line)
            && direction.is_none_or(|direction| direction == self.direction)
            && classes.contains(&self.class)
    }
}

/// How long cameras were in question, by camera and start of the bin: of packed days that know it, and of the rest row by
/// row. Most quarters of an hour are in none, and an index holds the others.
async fn doubts(
    db: &Database,
    snapshot: &mut PgConnection,
    scope: Scope<'_>,
    days: &Days,
) -> Result<BTreeMap<String, BTreeMap<Timestamp, Doubts>>, StoreError> {
    let Some(end) = scope.end() else { return Ok(BTreeMap::new()) };
    let found = sqlx::query!(
        r#"SELECT c.camera, width_bucket(start_at, $2) AS "bucket!",
                  floor(extract(epoch FROM start_at) / 86400)::bigint AS "day!", sum(moved_s) AS "moved_s!",
                  sum(doubted_s) AS "doubted_s!", sum(dim_s) AS "dim_s!"
           FROM UNNEST($1::text[]) AS w(camera) JOIN coverage c ON c.camera = w.camera
           WHERE length_s = 900 AND start_at >= ($2::timestamptz[])[1] AND start_at < $3
             AND moved_s + doubted_s + dim_s > 0
           GROUP BY 1, 2, 3"#,
        scope.cameras,
        &scope.starts() as _,
        end as _,
    )
    .fetch_all(snapshot);
    let known = days.with_doubts();
    let mut doubts = BTreeMap::<String, BTreeMap<Timestamp, Doubts>>::new();
    let mut add = |camera: &str, span: usize, more: &Doubts| {
        if let Some(span) = scope.spans.get(span) {
            let of_camera = doubts.entry(camera.to_owned()).or_default();
            of_camera.entry(span.start).or_default().merge(more);
        }
    };
    for row in db.answer("how long cameras were in question", found).await? {
        let (moved_s, doubted_s, dim_s) = (row.moved_s, row.doubted_s, row.dim_s);
        if let Some(span) = span_of(row.bucket).filter(|_| !known.contains(&(row.camera.as_str(), row.day))) {
            add(&row.camera, span, &Doubts { moved_s, doubted_s, dim_s });
        }
    }
    days.doubts().for_each(|(camera, span, more)| add(camera, span, more));
    Ok(doubts)
}

/// Those of packed days, and these of the rest.
fn parts<'a>(scope: Scope<'_>, days: &'a Days, signs: &'a [StoredSigns]) -> Result<Parts<'a>, StoreError> {
    let of_days = days.signs().map(|(camera, (line, direction, class), span, evidence)| {
        (camera, (line.as_str(), direction.as_str(), class.as_str()), Some(span), evidence)
    });
    let of_rest = signs.iter().map(|row| {
        let subject = (row.line.as_str(), row.direction.as_str(), row.class.as_str());
        (row.camera.as_str(), subject, span_of(row.bucket), &row.evidence)
    });
    let mut parts = Parts::new();
    for (camera, (line, direction, class), span, evidence) in of_days.chain(of_rest) {
        let Some(span) = span.and_then(|span| scope.spans.get(span)) else { continue };
        let part =
            Part { line, direction: stored(direction.parse())?, class: stored(class.parse())?, evidence };
        parts.entry(camera).or_default().entry(span.start).or_default().push(part);
    }
    Ok(parts)
}

/// The stored signs of these stretches, summed within the spans that begin at `starts`.
pub(crate) async fn signs(
    connection: &mut PgConnection,
    of: &Rest,
    starts: &[SqlTimestamp],
) -> Result<Vec<StoredSigns>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"SELECT q.camera, q.line, q.direction, q.class, width_bucket(q.start_at, $1) AS "bucket!",
                  ARRAY[sum(counted), sum(astray), sum(inferred), sum(bridged), sum(weak), sum(sparse),
                        sum(crowded), sum(duplicate), sum(unsure), sum(short), sum(behind), sum(merged),
                        sum(ended), sum(ended_astray), sum(wavering), sum(elsewhere), sum(part), sum(rejoined),
                        sum(hesitant), sum(resembling), sum(at_end), sum(past_end)] AS "signs!"
           FROM UNNEST($2::text[], $3::timestamptz[], $4::timestamptz[]) AS r(camera, start_at, end_at)
           JOIN line_quality q ON q.camera = r.camera AND q.start_at >= r.start_at AND q.start_at < r.end_at
           WHERE q.length_s = 900 AND q.start_at >= $5 AND q.start_at < $6
           GROUP BY 1, 2, 3, 4, 5"#,
        starts as _,
        &of.camera,
        &of.from as _,
        &of.to as _,
        of.start as _,
        of.end as _,
    )
    .fetch_all(connection)
    .await?;
    let signs = rows.into_iter().map(|row| {
        let mut evidence = Evidence::default();
        for (sign, times) in Sign::ALL.into_iter().zip(row.signs) {
            evidence.add(sign, u64::try_from(times).unwrap_or_default());
        }
        let (line, direction, class) = (row.line, row.direction, row.class);
        StoredSigns { camera: row.camera, line, direction, class, bucket: row.bucket, evidence }
    });
    Ok(signs.collect())
}
