//! One camera's movements over a stretch of time as a matrix from line to line, with those beside it who were lost from
//! sight on the way. Cells are sums of the stored ones that may be shown, as in `measurements`.

use std::collections::BTreeSet;

use wayside_types::{BinLength, CameraId, Grade, LineId, RoadUserClass, TimeZone, Timestamp};

use super::bins::{Span, bins};
use super::coverage::coverage;
use super::days::{Days, Parts};
use super::fetch::{self, Scope, Wanted};
use super::fill::{is_complete, shares};
use super::{SmallCells, movements, stored};
use crate::database::Database;
use crate::error::StoreError;
use crate::lengths::QUARTER_S;

/// Most quarters of an hour of a matrix: a year.
const QUARTERS_MAX: usize = 366 * 96;

/// A question for a matrix.
#[derive(Debug, Clone)]
pub struct MatrixQuery {
    /// Of which camera.
    pub camera: CameraId,
    /// Which classes; empty for all.
    pub classes: Vec<RoadUserClass>,
    /// Quarters of an hour that start here or later…
    pub from: Timestamp,
    /// …and before this.
    pub to: Timestamp,
    /// On whose clock they are cut: the site's.
    pub zone: TimeZone,
    /// What becomes of cells under 3.
    pub small_cells: SmallCells,
}

/// Who went from which line to which.
#[derive(Debug, Clone, PartialEq)]
pub struct MovementMatrix {
    /// Start of the first quarter of an hour, inclusive.
    pub start: Timestamp,
    /// End of the last, exclusive.
    pub end: Timestamp,
    /// The lines, by id.
    pub lines: Vec<LineId>,
    /// A row for each line entered by, a column for each line left by; absent where no stored cell may be shown.
    pub counts: Vec<Vec<Option<u64>>>,
    /// For each line, who entered by it and was lost from sight before another; likewise.
    pub lost: Vec<Option<u64>>,
    /// Seconds that were observed.
    pub observed_s: f64,
    /// Share of the frames due that were dropped, 0 to 1.
    pub dropped_share: f64,
    /// How far to trust it.
    pub grade: Grade,
    /// Whether at least 98 % of the whole was observed.
    pub complete: bool,
}

/// Answers with the matrix; `None` where no quarter of an hour begins in the time asked for.
///
/// # Errors
/// [`StoreError::BadQuery`] for a range that ends before it begins or is longer than a year,
/// [`StoreError::Unavailable`] when the database can't be reached or takes too long.
pub async fn matrix(db: &Database, query: &MatrixQuery) -> Result<Option<MovementMatrix>, StoreError> {
    let bad = |reason| Err(StoreError::BadQuery { field: "to", reason });
    if query.to <= query.from {
        return bad(format!("{} is not after from ({})", query.to, query.from));
    }
    let quarters = bins(BinLength::Minute15, query.from, query.to, &query.zone, QUARTERS_MAX + 1);
    if quarters.len() > QUARTERS_MAX {
        return bad("a matrix is of a year at most; ask for less time".to_owned());
    }
    let (Some(first), Some(last)) = (quarters.first(), quarters.last()) else { return Ok(None) };
    let span = Span { start: first.start, end: last.end };
    db.schema().await?;
    let cameras = [query.camera.to_string()];
    let mut snapshot = db.snapshot().await?;
    let days = Days::read(db, &mut snapshot, &cameras, &[span], Parts::default()).await?;
    let scope = Scope { cameras: &cameras, spans: &[span], rest: days.rest() };
    let all = if query.classes.is_empty() { RoadUserClass::ALL } else { query.classes.as_slice() };
    let classes = fetch::names(all.iter().copied());
    let wanted = Wanted { base_s: QUARTER_S, classes: &classes, lines: &[], apart: [true; 3] };
    let least = query.small_cells.least();
    let sums = movements::movements(db, &mut snapshot, scope, wanted, query.small_cells).await?;
    let lost = movements::lost(db, &mut snapshot, scope, wanted, query.small_cells).await?;
    let coverage = coverage(db, &mut snapshot, scope, &days, &[QUARTER_S]).await?;
    db.answer("the end of a question", snapshot.commit()).await?;
    let drawn = fetch::drawings(db, &cameras).await?;

    let mut lines: BTreeSet<LineId> = BTreeSet::new();
    let watched = coverage.of(query.camera.as_str());
    for version in watched.into_iter().flat_map(|watched| &watched.versions) {
        let key = (query.camera.to_string(), version.clone());
        lines.extend(drawn.get(&key).into_iter().flat_map(|drawn| drawn.lines.iter().cloned()));
    }
    for name in sums.iter().flat_map(|sum| [&sum.a, &sum.b]).chain(lost.iter().map(|(line, _)| line)) {
        lines.insert(stored(LineId::new(name))?);
    }
    let lines: Vec<LineId> = lines.into_iter().collect();
    let cell = |from: &LineId, to: &LineId| {
        let own = sums.iter().filter(|sum| sum.a == from.as_str() && sum.b == to.as_str());
        shown(own.flat_map(|sum| &sum.of).map(|(_, count)| count).sum(), least)
    };
    let counts = lines.iter().map(|from| lines.iter().map(|to| cell(from, to)).collect()).collect();
    let lost = lines.iter().map(|line| {
        let own = lost.iter().filter(|(name, _)| name == line.as_str());
        shown(own.map(|(_, count)| count).sum(), least)
    });
    let observed = watched.and_then(|watched| watched.spans.get(&0)?.by(QUARTER_S)).unwrap_or_default();
    let (observed_s, dropped_share) = shares(observed, span);
    Ok(Some(MovementMatrix {
        start: span.start,
        end: span.end,
        counts,
        lost: lost.collect(),
        lines,
        observed_s,
        dropped_share,
        grade: Grade::of(observed_s / span.seconds(), dropped_share),
        complete: is_complete(observed, QUARTER_S, observed_s, span),
    }))
}

fn shown(count: i64, least: i64) -> Option<u64> {
    (count >= least).then(|| u64::try_from(count).unwrap_or_default())
}
