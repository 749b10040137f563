//! What cameras observed of given spans: stored coverage, or its sums by quarter and hour.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sqlx::postgres::PgConnection;

use super::days::Days;
use super::fetch::{Scope, span_of};
use crate::database::Database;
use crate::error::StoreError;
use crate::lengths::QUARTER_S;

/// What was observed of a span, from stored coverage of one length or its sums.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Observed {
    pub(crate) seconds: f64,
    /// Dropped share times seconds.
    pub(crate) dropped_s: f64,
    /// How many stored bins have coverage.
    pub(crate) bins: i64,
}

/// What was observed, by camera.
#[derive(Debug, Default)]
pub(super) struct CoverageMap(BTreeMap<String, CameraCoverage>);

/// What a camera observed.
#[derive(Debug, Default)]
pub(super) struct CameraCoverage {
    /// Of each span of which anything was observed.
    pub(super) spans: BTreeMap<usize, Watch>,
    /// The configurations that were in force, each once.
    pub(super) versions: Vec<String>,
}

/// What was observed of a span, by the length of the stored bins that say so.
#[derive(Debug, Clone, Default)]
pub(super) struct Watch {
    minutes: Option<Observed>,
    quarters: Option<Observed>,
    /// The configurations in force, as places in [`CameraCoverage::versions`].
    pub(super) versions: Vec<usize>,
}

impl Watch {
    /// By stored bins of this length, minutes or quarters of an hour.
    pub(super) fn by(&self, base_s: i32) -> Option<Observed> {
        if base_s == QUARTER_S { self.quarters } else { self.minutes }
    }

    fn add(&mut self, base_s: i32, version: usize, observed: Observed) {
        let known = if base_s == QUARTER_S { &mut self.quarters } else { &mut self.minutes };
        let known = known.get_or_insert_default();
        known.seconds += observed.seconds;
        known.dropped_s += observed.dropped_s;
        known.bins += observed.bins;
        if !self.versions.contains(&version) {
            self.versions.push(version);
        }
    }
}

impl CoverageMap {
    /// Of one camera; nothing where it observed nothing.
    pub(super) fn of(&self, camera: &str) -> Option<&CameraCoverage> {
        self.0.get(camera)
    }

    /// Adds what was observed of spans of a camera while a configuration was in force.
    pub(super) fn add(
        &mut self,
        camera: &str,
        base_s: i32,
        version: &str,
        spans: impl IntoIterator<Item = (usize, Observed)>,
    ) {
        let CameraCoverage { spans: watched, versions } = self.0.entry(camera.to_owned()).or_default();
        let version = versions.iter().position(|known| known == version).unwrap_or_else(|| {
            versions.push(version.to_owned());
            versions.len() - 1
        });
        for (span, observed) in spans {
            watched.entry(span).or_default().add(base_s, version, observed);
        }
    }
}

/// What was observed by the bins that were stored with each of these lengths: of packed days, and of the rest row by row.
pub(super) async fn coverage(
    db: &Database,
    snapshot: &mut PgConnection,
    scope: Scope<'_>,
    days: &Days,
    lengths_s: &[i32],
) -> Result<CoverageMap, StoreError> {
    let mut map = CoverageMap::default();
    for base_s in lengths_s {
        days.watched(*base_s, &mut map);
        for row in stored(db, snapshot, scope, *base_s).await? {
            let Some(span) = span_of(row.bucket) else { continue };
            let observed = Observed { seconds: row.observed_s, dropped_s: row.dropped_s, bins: row.parts };
            map.add(&row.camera, *base_s, &row.config_version, [(span, observed)]);
        }
    }
    Ok(map)
}

struct StoredCoverage {
    camera: String,
    config_version: String,
    bucket: i32,
    observed_s: f64,
    dropped_s: f64,
    parts: i64,
}

/// Sums by quarter or hour, where the spans are made of such, what waits to be summed from its parts; else coverage as it
/// was stored.
async fn stored(
    db: &Database,
    snapshot: &mut PgConnection,
    scope: Scope<'_>,
    base_s: i32,
) -> Result<Vec<StoredCoverage>, StoreError> {
    let Some(rest) = scope.rest else { return Ok(Vec::new()) };
    let sources = scope.sources(base_s);
    let summed_s = if sources.top_s > base_s { sources.top_s } else { 0 };
    // Which stored coverage is read: all of it, or that of what is marked with this length.
    let (all_s, marked_s) = match (summed_s, base_s) {
        (0, _) => (base_s, 0),
        (_, QUARTER_S) => (0, sources.marked_s),
        _ => (0, QUARTER_S),
    };
    let parts_s = if sources.parts_s > base_s { sources.parts_s } else { 0 };
    let rows = sqlx::query_as!(
        StoredCoverage,
        r#"SELECT camera AS "camera!", config_version AS "config_version!", width_bucket(start_at, $2) AS "bucket!",
                  sum(observed_s) AS "observed_s!", sum(dropped_s) AS "dropped_s!", sum(parts)::bigint AS "parts!"
           FROM (SELECT s.camera, s.config_version, s.start_at, s.observed_s, s.dropped_s, s.parts FROM coverage_sum s
                 JOIN UNNEST($9::text[], $10::timestamptz[], $11::timestamptz[]) AS r(camera, start_at, end_at)
                   ON s.camera = r.camera AND s.start_at >= r.start_at AND s.start_at < r.end_at
                 WHERE s.length_s = $4 AND s.part_s = $5 AND s.start_at >= $12 AND s.start_at < $3 AND NOT EXISTS
                       (SELECT FROM rollup_due d
                        WHERE d.camera = s.camera AND d.length_s = $4 AND d.start_at = s.start_at)
                 UNION ALL
                 SELECT s.camera, s.config_version, s.start_at, s.observed_s, s.dropped_s, s.parts
                 FROM UNNEST($1::text[]) AS w(camera) JOIN rollup_due o ON o.camera = w.camera
                 JOIN coverage_sum s ON s.camera = o.camera
                   AND s.start_at >= o.start_at AND s.start_at < o.start_at + make_interval(secs => o.length_s)
                 WHERE o.length_s = $4 AND o.start_at >= $12 AND o.start_at < $3
                   AND s.length_s = $6 AND s.part_s = $5 AND s.start_at >= $12 AND s.start_at < $3 AND NOT EXISTS
                       (SELECT FROM rollup_due d
                        WHERE d.camera = s.camera AND d.length_s = $6 AND d.start_at = s.start_at)
                 UNION ALL
                 SELECT c.camera, c.config_version, min(c.start_at), sum(c.observed_s), sum(c.observed_s * c.dropped_share),
                        count(DISTINCT c.start_at)
                 FROM UNNEST($1::text[]) AS w(camera) JOIN rollup_due o ON o.camera = w.camera
                 JOIN coverage c ON c.camera = o.camera
                   AND c.start_at >= o.start_at AND c.start_at < o.start_at + make_interval(secs => o.length_s)
                 WHERE o.length_s = $8 AND o.start_at >= $12 AND o.start_at < $3
                   AND c.length_s = $5 AND c.start_at >= $12 AND c.start_at < $3
                 GROUP BY c.camera, c.config_version, width_bucket(c.start_at, $2)
                 UNION ALL
                 SELECT c.camera, c.config_version, min(c.start_at), sum(c.observed_s), sum(c.observed_s * c.dropped_share),
                        count(DISTINCT c.start_at)
                 FROM UNNEST($9::text[], $10::timestamptz[], $11::timestamptz[]) AS r(camera, start_at, end_at)
                 JOIN coverage c ON c.camera = r.camera AND c.start_at >= r.start_at AND c.start_at < r.end_at
                 WHERE c.length_s = $7 AND c.start_at >= $12 AND c.start_at < $3
                 GROUP BY c.camera, c.config_version, width_bucket(c.start_at, $2)) AS part
           GROUP BY 1, 2, 3"#,
        &rest.cameras,
        &scope.starts() as _,
        rest.end as _,
        summed_s,
        base_s,
        parts_s,
        all_s,
        marked_s,
        &rest.camera,
        &rest.from as _,
        &rest.to as _,
        rest.start as _,
    )
    .fetch_all(snapshot);
    db.answer("the coverage", rows).await
}
