//! The stills of incidents on their way into the database. What they show was redacted before it came here.

use std::collections::BTreeMap;

use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use sqlx::postgres::PgTransaction;
use wayside_types::{IncidentId, IncidentStill, StillKind};

use crate::error::StoreError;
use crate::spool::Notice;

/// What the database would refuse for ever.
pub(super) fn check(still: &IncidentStill) -> Result<(), StoreError> {
    let bad = |reason: String| StoreError::BadIncident { id: still.incident.to_string(), reason };
    if still.jpeg.len() > IncidentStill::MAX_BYTES {
        let (got, most) = (still.jpeg.len(), IncidentStill::MAX_BYTES);
        return Err(bad(format!("a still of {got} bytes is more than {most}")));
    }
    if !still.jpeg.starts_with(&[0xff, 0xd8]) || still.jpeg.len() < 4 {
        return Err(bad("a still is no JPEG".to_owned()));
    }
    Ok(())
}

/// The stills of a batch.
#[derive(Debug, Default)]
pub(super) struct Stills(BTreeMap<(IncidentId, StillKind), IncidentStill>);

impl Stills {
    pub(super) fn of(notices: &[Notice]) -> Self {
        let mut first = BTreeMap::new();
        for notice in notices {
            if let Notice::Still(still) = notice {
                // As in the database: the first stays.
                first.entry((still.incident.clone(), still.kind)).or_insert_with(|| still.clone());
            }
        }
        Self(first)
    }

    pub(super) fn rows(&self) -> usize {
        self.0.len()
    }
}

/// Writes the stills of incidents that are there; one whose incident was deleted meanwhile is gone with it. What was
/// written once stays as it is.
pub(super) async fn write(transaction: &mut PgTransaction<'_>, stills: &Stills) -> Result<(), sqlx::Error> {
    if stills.0.is_empty() {
        return Ok(());
    }
    let all = stills.0.values();
    let incident: Vec<String> = all.clone().map(|still| still.incident.to_string()).collect();
    let kind: Vec<String> = all.clone().map(|still| still.kind.as_str().to_owned()).collect();
    let taken_at: Vec<SqlTimestamp> = all.clone().map(|still| still.taken_at.to_sqlx()).collect();
    let jpeg: Vec<Vec<u8>> = all.map(|still| still.jpeg.to_vec()).collect();
    sqlx::query!(
        "INSERT INTO incident_still (incident, kind, taken_at, jpeg) \
         SELECT u.incident, u.kind, u.taken_at, u.jpeg \
         FROM UNNEST($1::text[], $2::text[], $3::timestamptz[], $4::bytea[]) AS u(incident, kind, taken_at, jpeg) \
         WHERE EXISTS (SELECT FROM incident i WHERE i.id = u.incident) \
         ON CONFLICT (incident, kind) DO NOTHING",
        &incident,
        &kind,
        &taken_at as _,
        &jpeg,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
