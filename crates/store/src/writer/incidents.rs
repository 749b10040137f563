//! Incidents on their way into the database: what may be written, as columns, and the SQL. A record is the whole of an
//! incident at one moment; the newest stays, however often and in whatever order they come.

use std::collections::BTreeMap;

use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use sqlx::postgres::{PgConnection, PgTransaction};
use wayside_types::{CameraSpec, IncidentId, IncidentRecord, IncidentState};

use crate::error::StoreError;
use crate::spool::Notice;

/// Most reasons of an incident; rules give two or three.
const REASONS_MAX: usize = 16;
/// Longest name of a value or setting.
const NAME_MAX: usize = 80;

/// Rows that a record makes.
pub(super) fn rows(record: &IncidentRecord) -> usize {
    1 + record.incident.why.len()
}

/// What the database would refuse for ever.
pub(super) fn check(record: &IncidentRecord) -> Result<(), StoreError> {
    let incident = &record.incident;
    let bad = |reason: String| StoreError::BadIncident { id: record.id.to_string(), reason };
    if !(0.0..=1.0).contains(&incident.confidence) {
        return Err(bad(format!("confidence {} is not within 0 to 1", incident.confidence)));
    }
    if record.revision == 0 || i32::try_from(record.revision).is_err() {
        return Err(bad(format!("revision {} is not within 1 to {}", record.revision, i32::MAX)));
    }
    if (record.state == IncidentState::Ended) != incident.ended.is_some() {
        return Err(bad(format!("it is {} and ended is {:?}", record.state.as_str(), incident.ended)));
    }
    if incident.why.len() > REASONS_MAX {
        return Err(bad(format!("{} reasons are more than {REASONS_MAX}", incident.why.len())));
    }
    for reason in &incident.why {
        if !(reason.value.is_finite() && reason.limit.is_finite()) {
            return Err(bad(format!(
                "{} {} against {} is no number",
                reason.what, reason.value, reason.limit
            )));
        }
        if reason.what.len() > NAME_MAX || reason.setting.len() > NAME_MAX {
            return Err(bad(format!("a reason's name is longer than {NAME_MAX} characters")));
        }
    }
    Ok(())
}

/// The newest record of each incident in a batch.
#[derive(Debug, Default)]
pub(super) struct Newest(BTreeMap<IncidentId, IncidentRecord>);

impl Newest {
    pub(super) fn of(notices: &[Notice]) -> Self {
        let mut newest: BTreeMap<IncidentId, IncidentRecord> = BTreeMap::new();
        for record in notices
            .iter()
            .filter_map(|notice| if let Notice::Incident(record) = notice { Some(record) } else { None })
        {
            match newest.get_mut(&record.id) {
                Some(known) if !record.is_newer_than(known) => {}
                Some(known) => *known = record.clone(),
                None => {
                    newest.insert(record.id.clone(), record.clone());
                }
            }
        }
        Self(newest)
    }

    pub(super) fn rows(&self) -> usize {
        self.0.values().map(rows).sum()
    }
}

#[derive(Debug, Default)]
struct Columns {
    id: Vec<String>,
    camera: Vec<String>,
    epoch: Vec<i64>,
    revision: Vec<i32>,
    kind: Vec<String>,
    state: Vec<String>,
    severity: Vec<String>,
    confidence: Vec<f64>,
    zone: Vec<Option<String>>,
    started_at: Vec<SqlTimestamp>,
    detected_at: Vec<SqlTimestamp>,
    last_seen_at: Vec<SqlTimestamp>,
    ended_at: Vec<Option<SqlTimestamp>>,
    image_x: Vec<Option<f64>>,
    image_y: Vec<Option<f64>>,
    ground_x_m: Vec<Option<f64>>,
    ground_y_m: Vec<Option<f64>>,
    lon: Vec<Option<f64>>,
    lat: Vec<Option<f64>>,
}

impl Columns {
    fn push(&mut self, record: &IncidentRecord) {
        let incident = &record.incident;
        let ground = incident.place.and_then(|place| place.ground_m);
        self.id.push(record.id.to_string());
        self.camera.push(record.id.camera.to_string());
        self.epoch.push(record.id.epoch);
        self.revision.push(i32::try_from(record.revision).unwrap_or(i32::MAX));
        self.kind.push(incident.kind.as_str().to_owned());
        self.state.push(record.state.as_str().to_owned());
        self.severity.push(incident.severity.as_str().to_owned());
        self.confidence.push(incident.confidence);
        self.zone.push(incident.zone.as_ref().map(ToString::to_string));
        self.started_at.push(incident.onset.to_sqlx());
        self.detected_at.push(incident.detected.to_sqlx());
        self.last_seen_at.push(record.last_seen.to_sqlx());
        self.ended_at.push(incident.ended.map(ToSqlx::to_sqlx));
        self.image_x.push(incident.place.map(|place| place.image.x));
        self.image_y.push(incident.place.map(|place| place.image.y));
        self.ground_x_m.push(ground.map(|p| p.x));
        self.ground_y_m.push(ground.map(|p| p.y));
        self.lon.push(record.map.map(|map| map.lon));
        self.lat.push(record.map.map(|map| map.lat));
    }
}

/// Writes the newest of each, and its reasons where the row was not newer already.
pub(super) async fn write(transaction: &mut PgTransaction<'_>, newest: &Newest) -> Result<(), sqlx::Error> {
    if newest.0.is_empty() {
        return Ok(());
    }
    let mut rows = Columns::default();
    newest.0.values().for_each(|record| rows.push(record));
    let taken = sqlx::query_scalar!(
        "INSERT INTO incident AS t \
         (id, camera, epoch, revision, kind, state, severity, confidence, zone, started_at, detected_at, last_seen_at, \
         ended_at, image_x, image_y, ground_x_m, ground_y_m, lon, lat) \
         SELECT * FROM UNNEST($1::text[], $2::text[], $3::bigint[], $4::int[], $5::text[], $6::text[], $7::text[], \
         $8::float8[], $9::text[], $10::timestamptz[], $11::timestamptz[], $12::timestamptz[], $13::timestamptz[], \
         $14::float8[], $15::float8[], $16::float8[], $17::float8[], $18::float8[], $19::float8[]) \
         ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, kind = excluded.kind, state = excluded.state, \
         severity = excluded.severity, confidence = excluded.confidence, zone = excluded.zone, \
         started_at = excluded.started_at, detected_at = excluded.detected_at, \
         last_seen_at = excluded.last_seen_at, ended_at = excluded.ended_at, image_x = excluded.image_x, \
         image_y = excluded.image_y, ground_x_m = excluded.ground_x_m, ground_y_m = excluded.ground_y_m, \
         lon = excluded.lon, lat = excluded.lat \
         WHERE (excluded.revision, excluded.last_seen_at) > (t.revision, t.last_seen_at) \
         RETURNING id",
        &rows.id,
        &rows.camera,
        &rows.epoch,
        &rows.revision,
        &rows.kind,
        &rows.state,
        &rows.severity,
        &rows.confidence,
        &rows.zone as _,
        &rows.started_at as _,
        &rows.detected_at as _,
        &rows.last_seen_at as _,
        &rows.ended_at as _,
        &rows.image_x as _,
        &rows.image_y as _,
        &rows.ground_x_m as _,
        &rows.ground_y_m as _,
        &rows.lon as _,
        &rows.lat as _,
    )
    .fetch_all(&mut **transaction)
    .await?;
    write_reasons(transaction, newest, &taken).await
}

async fn write_reasons(
    transaction: &mut PgTransaction<'_>,
    newest: &Newest,
    taken: &[String],
) -> Result<(), sqlx::Error> {
    sqlx::query!("DELETE FROM incident_reason WHERE incident = ANY($1)", taken)
        .execute(&mut **transaction)
        .await?;
    let (mut incident, mut position, mut what, mut value, mut setting, mut set_to) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for record in newest.0.values() {
        let id = record.id.to_string();
        if !taken.contains(&id) {
            continue;
        }
        for (n, reason) in (1_i16..).zip(&record.incident.why) {
            incident.push(id.clone());
            position.push(n);
            what.push(reason.what.clone());
            value.push(reason.value);
            setting.push(reason.setting.clone());
            set_to.push(reason.limit);
        }
    }
    sqlx::query!(
        "INSERT INTO incident_reason (incident, position, what, value, setting, set_to) \
         SELECT * FROM UNNEST($1::text[], $2::smallint[], $3::text[], $4::float8[], $5::text[], $6::float8[])",
        &incident,
        &position,
        &what,
        &value,
        &setting,
        &set_to,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Says of these cameras' incidents that are still open under an earlier run that nobody saw their end. Asked once all
/// that earlier runs left in the spool is written; how many there were.
pub(super) async fn close_earlier(
    connection: &mut PgConnection,
    cameras: &[CameraSpec],
    epoch: i64,
) -> Result<u64, sqlx::Error> {
    let cameras: Vec<String> = cameras.iter().map(|camera| camera.id.to_string()).collect();
    let done = sqlx::query!(
        "UPDATE incident SET state = 'unknown' WHERE state = 'open' AND camera = ANY($1) AND epoch < $2",
        &cameras,
        epoch,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}
