//! Incidents: the list, newest first, and one by its id. What an incident is, is in `types`; how it came here in
//! [`crate::writer`].

use std::fmt;
use std::str::FromStr;

use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use wayside_types::{
    CameraId, Incident, IncidentId, IncidentKind, IncidentRecord, IncidentState, IncidentStill, LonLat,
    Place, Point, Reason, Severity, StillKind, Timestamp, ZoneId,
};

use super::stored;
use crate::database::Database;
use crate::error::StoreError;

/// Which incidents. Empty lists stand for all.
#[derive(Debug, Clone)]
pub struct IncidentQuery {
    /// Of these cameras.
    pub cameras: Vec<CameraId>,
    /// Of these kinds.
    pub kinds: Vec<IncidentKind>,
    /// In these states.
    pub states: Vec<IncidentState>,
    /// In these zones.
    pub zones: Vec<ZoneId>,
    /// This severe or worse.
    pub severity: Severity,
    /// Detected at this time or later…
    pub from: Option<Timestamp>,
    /// …and before this.
    pub to: Option<Timestamp>,
    /// Where the page before ended.
    pub cursor: Option<IncidentCursor>,
    /// At most this many, 1 to 1,000.
    pub limit: u32,
}

impl IncidentQuery {
    /// The newest, of everything.
    #[must_use]
    pub const fn newest(limit: u32) -> Self {
        Self {
            cameras: Vec::new(),
            kinds: Vec::new(),
            states: Vec::new(),
            zones: Vec::new(),
            severity: Severity::Minor,
            from: None,
            to: None,
            cursor: None,
            limit,
        }
    }
}

/// The place after a page's last incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentCursor {
    detected: Timestamp,
    id: IncidentId,
}

impl fmt::Display for IncidentCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}.{}", self.detected.as_microsecond(), self.id)
    }
}

impl FromStr for IncidentCursor {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let parse = || {
            let (at, id) = text.strip_prefix("1.")?.split_once('.')?;
            let detected = Timestamp::from_microsecond(at.parse().ok()?).ok()?;
            Some(Self { detected, id: id.parse().ok()? })
        };
        parse().ok_or_else(|| StoreError::BadQuery {
            field: "cursor",
            reason: "it is not one that a page of this list ended with".to_owned(),
        })
    }
}

/// One page of the list.
#[derive(Debug, Clone, PartialEq)]
pub struct IncidentPage {
    /// Newest first, by when they were detected.
    pub items: Vec<IncidentRecord>,
    /// Where the next page begins; absent on the last.
    pub next: Option<IncidentCursor>,
}

/// A row with its reasons, as PostgreSQL gives it.
struct Row {
    id: String,
    revision: i32,
    kind: String,
    state: String,
    severity: String,
    confidence: f64,
    zone: Option<String>,
    started_at: SqlTimestamp,
    detected_at: SqlTimestamp,
    last_seen_at: SqlTimestamp,
    ended_at: Option<SqlTimestamp>,
    image_x: Option<f64>,
    image_y: Option<f64>,
    ground_x_m: Option<f64>,
    ground_y_m: Option<f64>,
    lon: Option<f64>,
    lat: Option<f64>,
    what: Vec<String>,
    value: Vec<f64>,
    setting: Vec<String>,
    set_to: Vec<f64>,
}

impl Row {
    fn into_record(self) -> Result<IncidentRecord, StoreError> {
        let point = |(x, y)| Point::new(x, y);
        let ground_m = self.ground_x_m.zip(self.ground_y_m).map(point);
        let place = self.image_x.zip(self.image_y).map(|at| Place { image: point(at), ground_m });
        let values = self.value.into_iter().zip(self.setting).zip(self.set_to);
        let why = self.what.into_iter().zip(values);
        Ok(IncidentRecord {
            id: stored(self.id.parse())?,
            revision: stored(u32::try_from(self.revision))?,
            state: stored(self.state.parse())?,
            last_seen: self.last_seen_at.to_jiff(),
            map: self.lon.zip(self.lat).map(|(lon, lat)| LonLat { lon, lat }),
            incident: Incident {
                kind: stored(self.kind.parse())?,
                zone: self.zone.map(|zone| stored(ZoneId::new(&zone))).transpose()?,
                place,
                severity: stored(self.severity.parse())?,
                confidence: self.confidence,
                onset: self.started_at.to_jiff(),
                detected: self.detected_at.to_jiff(),
                ended: self.ended_at.map(SqlTimestamp::to_jiff),
                why: why
                    .map(|(what, ((value, setting), limit))| Reason { what, value, setting, limit })
                    .collect(),
            },
        })
    }
}

/// A page of the list.
///
/// # Errors
/// [`StoreError::BadQuery`] for a limit outside 1 to 1,000 and a time that ends before it begins;
/// [`StoreError::Unavailable`] when the database can't be reached or takes too long.
pub async fn incidents(db: &Database, query: &IncidentQuery) -> Result<IncidentPage, StoreError> {
    check(query)?;
    db.schema().await?;
    let texts = |list: &mut dyn Iterator<Item = String>| list.collect::<Vec<String>>();
    let cameras = texts(&mut query.cameras.iter().map(ToString::to_string));
    let kinds = texts(&mut query.kinds.iter().map(ToString::to_string));
    let states = texts(&mut query.states.iter().map(|state| state.as_str().to_owned()));
    let zones = texts(&mut query.zones.iter().map(ToString::to_string));
    let worse = Severity::ALL.iter().filter(|severity| **severity >= query.severity);
    let severities = texts(&mut worse.map(|severity| severity.as_str().to_owned()));
    let cursor_at = query.cursor.as_ref().map(|cursor| cursor.detected.to_sqlx());
    let cursor_id = query.cursor.as_ref().map(|cursor| cursor.id.to_string());
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT i.id, i.revision, i.kind, i.state, i.severity, i.confidence, i.zone,
                  i.started_at AS "started_at: SqlTimestamp", i.detected_at AS "detected_at: SqlTimestamp",
                  i.last_seen_at AS "last_seen_at: SqlTimestamp", i.ended_at AS "ended_at: SqlTimestamp",
                  i.image_x, i.image_y, i.ground_x_m, i.ground_y_m, i.lon, i.lat,
                  ARRAY(SELECT what FROM incident_reason r WHERE r.incident = i.id ORDER BY position) AS "what!",
                  ARRAY(SELECT value FROM incident_reason r WHERE r.incident = i.id ORDER BY position) AS "value!",
                  ARRAY(SELECT setting FROM incident_reason r WHERE r.incident = i.id ORDER BY position) AS "setting!",
                  ARRAY(SELECT set_to FROM incident_reason r WHERE r.incident = i.id ORDER BY position) AS "set_to!"
           FROM incident i
           WHERE (cardinality($1::text[]) = 0 OR i.camera = ANY($1))
             AND (cardinality($2::text[]) = 0 OR i.kind = ANY($2))
             AND (cardinality($3::text[]) = 0 OR i.state = ANY($3))
             AND (cardinality($4::text[]) = 0 OR i.zone = ANY($4))
             AND i.severity = ANY($5)
             AND ($6::timestamptz IS NULL OR i.detected_at >= $6)
             AND ($7::timestamptz IS NULL OR i.detected_at < $7)
             AND ($8::timestamptz IS NULL OR (i.detected_at, i.id) < ($8, $9::text COLLATE "C"))
           ORDER BY i.detected_at DESC, i.id DESC LIMIT $10"#,
        &cameras,
        &kinds,
        &states,
        &zones,
        &severities,
        query.from.map(ToSqlx::to_sqlx) as _,
        query.to.map(ToSqlx::to_sqlx) as _,
        cursor_at as _,
        cursor_id,
        i64::from(query.limit) + 1,
    )
    .fetch_all(db.pool());
    let rows = db.answer("the incidents", rows).await?;
    let more = rows.len() > query.limit as usize;
    let items = rows.into_iter().take(query.limit as usize).map(Row::into_record);
    let items: Vec<IncidentRecord> = items.collect::<Result<_, _>>()?;
    let last = items.last().filter(|_| more);
    let next = last.map(|last| IncidentCursor { detected: last.incident.detected, id: last.id.clone() });
    Ok(IncidentPage { items, next })
}

fn check(query: &IncidentQuery) -> Result<(), StoreError> {
    let bad = |field, reason| Err(StoreError::BadQuery { field, reason });
    if !(1..=1_000).contains(&query.limit) {
        return bad("limit", format!("{} is not within 1 to 1000", query.limit));
    }
    match query.from.zip(query.to) {
        Some((from, to)) if to <= from => bad("to", format!("{to} is not after from ({from})")),
        _ => Ok(()),
    }
}

/// One incident; `None` where none has this id.
///
/// # Errors
/// [`StoreError::Unavailable`] when the database can't be reached or takes too long.
pub async fn incident(db: &Database, id: &IncidentId) -> Result<Option<IncidentRecord>, StoreError> {
    db.schema().await?;
    let row = sqlx::query_as!(
        Row,
        r#"SELECT i.id, i.revision, i.kind, i.state, i.severity, i.confidence, i.zone,
                  i.started_at AS "started_at: SqlTimestamp", i.detected_at AS "detected_at: SqlTimestamp",
                  i.last_seen_at AS "last_seen_at: SqlTimestamp", i.ended_at AS "ended_at: SqlTimestamp",
                  i.image_x, i.image_y, i.ground_x_m, i.ground_y_m, i.lon, i.lat,
                  ARRAY(SELECT what FROM incident_reason r WHERE r.incident = i.id ORDER BY position) AS "what!",
                  ARRAY(SELECT value FROM incident_reason r WHERE r.incident = i.id ORDER BY position) AS "value!",
                  ARRAY(SELECT setting FROM incident_reason r WHERE r.incident = i.id ORDER BY position) AS "setting!",
                  ARRAY(SELECT set_to FROM incident_reason r WHERE r.incident = i.id ORDER BY position) AS "set_to!"
           FROM incident i WHERE i.id = $1"#,
        id.to_string(),
    )
    .fetch_optional(db.pool());
    db.answer("an incident", row).await?.map(Row::into_record).transpose()
}

/// Which stills of an incident there are.
///
/// # Errors
/// [`StoreError::Unavailable`] when the database can't be reached or takes too long.
pub async fn stills(db: &Database, id: &IncidentId) -> Result<Vec<StillKind>, StoreError> {
    db.schema().await?;
    let kinds = sqlx::query_scalar!(
        "SELECT kind FROM incident_still WHERE incident = $1 ORDER BY kind DESC",
        id.to_string()
    )
    .fetch_all(db.pool());
    let kinds = db.answer("an incident's stills", kinds).await?;
    kinds.iter().map(|kind| stored(kind.parse())).collect()
}

/// One still of an incident; `None` where there is none, or none any more.
///
/// # Errors
/// [`StoreError::Unavailable`] when the database can't be reached or takes too long.
pub async fn still(
    db: &Database,
    id: &IncidentId,
    kind: StillKind,
) -> Result<Option<IncidentStill>, StoreError> {
    db.schema().await?;
    let row = sqlx::query!(
        r#"SELECT taken_at AS "taken_at: SqlTimestamp", jpeg FROM incident_still WHERE incident = $1 AND kind = $2"#,
        id.to_string(),
        kind.as_str(),
    )
    .fetch_optional(db.pool());
    let row = db.answer("a still", row).await?;
    Ok(row.map(|row| IncidentStill {
        incident: id.clone(),
        kind,
        taken_at: row.taken_at.to_jiff(),
        jpeg: row.jpeg.into(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_being_text() {
        let text = "1.1763719200000000.hp-07.1790000000000.3";
        assert_eq!(text.parse::<IncidentCursor>().unwrap().to_string(), text);
        for bad in ["", "1", "2.1.a.1.1", "1.x.a.1.1", "1.1.A.1.1", "1.1.a.1", "1.99999999999999999999.a.1.1"]
        {
            assert!(bad.parse::<IncidentCursor>().unwrap_err().to_string().contains("cursor"), "{bad}");
        }
    }
}
