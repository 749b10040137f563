//! `GET /readyz`: whether what is counted is kept, and how. A database that is away is no reason to say no
//! as long as closed bins wait safely on disk; that they do is said.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use wayside_store::{StoreError, WriterStats};
use wayside_types::CameraState;

use crate::problem::{Body, Kind, Problem};
use crate::state::ApiState;

/// How long the database may take to answer before it counts as away.
const DATABASE_MAX: Duration = Duration::from_secs(3);

/// What is counted is kept.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Readiness {
    /// Always true; what is not ready answers 503.
    ready: bool,
    /// `reachable`, or `spooling`: away, and closed bins wait on disk until it is back.
    #[schema(example = "reachable")]
    database: &'static str,
    /// Rows of closed bins that wait on disk.
    spooled_rows: u64,
    /// Cameras whose frames are coming.
    cameras_live: usize,
    /// Cameras that are configured.
    cameras: usize,
    /// What is not as it should be, in words for an operator.
    reasons: Vec<String>,
}

/// Why what is counted is not kept.
#[derive(Debug, thiserror::Error)]
#[error("{}", .reasons.join("; "))]
pub(crate) struct NotReady {
    reasons: Vec<String>,
}

impl From<NotReady> for Problem {
    fn from(error: NotReady) -> Self {
        Self::new(Kind::NotReady, error.to_string())
    }
}

/// Is what is counted kept?
///
/// Ready with the database reachable, and ready while it is away and closed bins wait on disk: `database`
/// says which. Queries need the database itself.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "readyz",
    tag = "operation",
    responses(
        (status = 200, body = Readiness, description = "It is"),
        (status = 503, body = Body, content_type = "application/problem+json", description = "It is not; the detail gives the reasons"),
    )
)]
pub(crate) async fn handler(State(state): State<ApiState>) -> Result<Json<Readiness>, Problem> {
    let asked = tokio::time::timeout(DATABASE_MAX, state.database.ready()).await;
    let asked = asked.unwrap_or_else(|_| {
        Err(StoreError::Unavailable { reason: format!("no answer within {} s", DATABASE_MAX.as_secs()) })
    });
    let stats = (state.writer_stats)();
    let (database, reasons) = judge(asked, &stats)?;
    let live = |status: &wayside_types::CameraStatus| {
        status.state == CameraState::Live && state.camera(&status.camera).is_some()
    };
    Ok(Json(Readiness {
        ready: true,
        database,
        spooled_rows: stats.spooled_rows,
        cameras_live: state.hub.statuses().iter().filter(|status| live(status)).count(),
        cameras: state.cameras.len(),
        reasons,
    }))
}

/// The state of the database and what is wrong although we are ready.
fn judge(
    asked: Result<(), StoreError>,
    stats: &WriterStats,
) -> Result<(&'static str, Vec<String>), NotReady> {
    let mut reasons: Vec<String> = asked.as_ref().err().map(ToString::to_string).into_iter().collect();
    if stats.lost_rows > 0 {
        reasons.push(format!("{} rows of closed bins were lost since the start", stats.lost_rows));
    }
    if stats.memory_rows > 0 {
        reasons.push(format!(
            "{} rows of closed bins are in memory only, because the spool under data_dir can't be written",
            stats.memory_rows
        ));
    }
    match asked {
        Ok(()) => Ok(("reachable", reasons)),
        // A schema that does not fit does not come right by waiting, and memory is no safe place.
        Err(error) if !error.is_transient() || stats.memory_rows > 0 => Err(NotReady { reasons }),
        Err(_) => Ok(("spooling", reasons)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_means_that_counts_are_kept() {
        let away = || Err(StoreError::Unavailable { reason: "connection refused".to_owned() });
        let newer = || Err(StoreError::Migration { reason: "a newer Wayside".to_owned() });
        let calm = WriterStats::default();
        let in_memory = WriterStats { memory_rows: 7, ..WriterStats::default() };
        let lost = WriterStats { lost_rows: 3, ..WriterStats::default() };
        for (asked, stats, want, words) in [
            (Ok(()), &calm, Some("reachable"), vec![]),
            (Ok(()), &lost, Some("reachable"), vec!["3 rows", "lost"]),
            (Ok(()), &in_memory, Some("reachable"), vec!["7 rows", "data_dir"]),
            (away(), &calm, Some("spooling"), vec!["connection refused"]),
            (away(), &in_memory, None, vec!["connection refused", "7 rows"]),
            (newer(), &calm, None, vec!["newer Wayside"]),
        ] {
            let (ready, text) = match judge(asked, stats) {
                Ok((database, reasons)) => (Some(database), reasons.join("; ")),
                Err(error) => (None, error.to_string()),
            };
            assert_eq!(ready, want, "{text}");
            assert_eq!(text.is_empty(), words.is_empty(), "{text}");
            assert!(words.iter().all(|word| text.contains(word)), "{text}");
        }
    }
}
