//! When cameras did not watch: stretches of quarters of an hour of which less than 98 % was observed.

use std::collections::BTreeSet;

use wayside_types::{BinLength, CameraId, TimeZone, Timestamp};

use super::bins::{Span, bins};
use super::coverage::coverage;
use super::days::{Days, Parts};
use super::fetch::{self, Scope};
use crate::database::Database;
use crate::error::StoreError;
use crate::lengths::{MINUTE_S, QUARTER_S};

/// Most quarters of an hour of a question: three months.
const QUARTERS_MAX: usize = 92 * 96;
/// About how many quarters of cameras are looked at together.
const AT_ONCE: usize = 50_000;
/// A quarter of which this share was observed was watched.
const WATCHED: f64 = 0.98;

/// A question for gaps.
#[derive(Debug, Clone)]
pub struct GapsQuery {
    /// Which cameras; empty for all.
    pub cameras: Vec<CameraId>,
    /// Quarters of an hour that start here or later…
    pub from: Timestamp,
    /// …and are over by then.
    pub to: Timestamp,
    /// On whose clock they are cut: the site's.
    pub zone: TimeZone,
    /// Most gaps of the answer.
    pub limit: usize,
}

/// A stretch that was not watched, or not whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Gap {
    /// Whose.
    pub camera: CameraId,
    /// Start of its first quarter of an hour, inclusive.
    pub start: Timestamp,
    /// End of its last, exclusive.
    pub end: Timestamp,
    /// Seconds of it that were observed all the same.
    pub observed_s: f64,
}

impl Gap {
    /// Seconds that nobody watched.
    #[must_use]
    pub fn missing_s(&self) -> f64 {
        (Span { start: self.start, end: self.end }.seconds() - self.observed_s).max(0.0)
    }
}

/// Answers with gaps by camera and time, and whether there are more.
///
/// # Errors
/// [`StoreError::BadQuery`] for a range that ends before it begins or is longer than three months,
/// [`StoreError::Unavailable`] when the database can't be reached or takes too long.
pub async fn gaps(db: &Database, query: &GapsQuery) -> Result<(Vec<Gap>, bool), StoreError> {
    let bad = |reason| Err(StoreError::BadQuery { field: "to", reason });
    if query.to <= query.from {
        return bad(format!("{} is not after from ({})", query.to, query.from));
    }
    let mut spans = bins(BinLength::Minute15, query.from, query.to, &query.zone, QUARTERS_MAX + 1);
    if spans.len() > QUARTERS_MAX {
        return bad("gaps are of three months at most; ask for less time".to_owned());
    }
    spans.retain(|span| span.end <= query.to);
    db.schema().await?;
    let cameras = match query.cameras.as_slice() {
        [] => fetch::all_cameras(db, "").await?,
        some => some.iter().collect::<BTreeSet<_>>().into_iter().cloned().collect(),
    };
    let mut found = Vec::new();
    for some in cameras.chunks((AT_ONCE / spans.len().max(1)).max(1)) {
        let names: Vec<String> = some.iter().map(ToString::to_string).collect();
        let mut snapshot = db.snapshot().await?;
        let days = Days::read(db, &mut snapshot, &names, &spans, Parts::default()).await?;
        let scope = Scope { cameras: &names, spans: &spans, rest: days.rest() };
        let watched = coverage(db, &mut snapshot, scope, &days, &[MINUTE_S, QUARTER_S]).await?;
        db.answer("the end of a question", snapshot.commit()).await?;
        for camera in some {
            let watched = watched.of(camera.as_str());
            // Minutes are stored sooner than the quarter that holds them.
            let seconds = |index: usize| {
                let of = |length_s| watched?.spans.get(&index)?.by(length_s);
                [MINUTE_S, QUARTER_S].into_iter().filter_map(of).map(|o| o.seconds).fold(0.0, f64::max)
            };
            let observed = spans.iter().enumerate().map(|(index, span)| (*span, seconds(index)));
            found.extend(stretches(camera, observed));
        }
        if found.len() > query.limit {
            found.truncate(query.limit);
            return Ok((found, true));
        }
    }
    Ok((found, false))
}

/// Neighbours that were not watched, put together.
fn stretches(camera: &CameraId, observed: impl Iterator<Item = (Span, f64)>) -> Vec<Gap> {
    let mut gaps: Vec<Gap> = Vec::new();
    for (span, seconds) in observed.filter(|(span, seconds)| *seconds < WATCHED * span.seconds()) {
        match gaps.last_mut().filter(|gap| gap.end == span.start) {
            Some(gap) => {
                gap.end = span.end;
                gap.observed_s += seconds;
            }
            None => gaps.push(Gap {
                camera: camera.clone(),
                start: span.start,
                end: span.end,
                observed_s: seconds,
            }),
        }
    }
    gaps
}
