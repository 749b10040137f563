//! The cameras that the database knows, by id, with the lines of their present configuration. Whether they
//! run is live state, which is not here.

use wayside_types::{CameraId, Department, LineId, Location};

use super::{Cursor, Page, stored};
use crate::database::Database;
use crate::error::StoreError;

/// A camera that has been configured at some time.
#[derive(Debug, Clone, PartialEq)]
pub struct CameraRow {
    /// Which.
    pub id: CameraId,
    /// For people.
    pub name: String,
    /// Who owns it.
    pub department: Department,
    /// How its frames are processed.
    pub profile: String,
    /// Where it stands.
    pub location: Option<Location>,
    /// Its present configuration.
    pub config_version: String,
    /// The lines of that configuration, by id.
    pub lines: Vec<LineId>,
}

/// A page of at most `limit` cameras by id.
///
/// # Errors
/// [`StoreError::BadQuery`] for a limit outside 1 to 10,000; [`StoreError::Unavailable`].
pub async fn cameras(
    db: &Database,
    cursor: Option<&Cursor>,
    limit: u32,
) -> Result<Page<CameraRow>, StoreError> {
    if !(1..=10_000).contains(&limit) {
        return Err(StoreError::BadQuery {
            field: "limit",
            reason: format!("{limit} is not within 1 to 10000"),
        });
    }
    db.schema().await?;
    let after = cursor.map(|cursor| cursor.camera.to_string()).unwrap_or_default();
    let rows = sqlx::query!(
        r#"SELECT c.camera, c.name, c.department, c.profile, c.lon, c.lat, c.heading_deg, c.config_version,
           ARRAY(SELECT l.line FROM camera_line l
                 WHERE l.camera = c.camera AND l.config_version = c.config_version ORDER BY l.line) AS "lines!"
           FROM camera c WHERE c.camera > $1 ORDER BY c.camera LIMIT $2"#,
        after,
        i64::from(limit) + 1,
    )
    .fetch_all(db.pool());
    let mut items = Vec::new();
    for row in db.answer("the cameras", rows).await? {
        let lines: Result<Vec<LineId>, StoreError> =
            row.lines.iter().map(|line| stored(LineId::new(line))).collect();
        items.push(CameraRow {
            id: stored(CameraId::new(&row.camera))?,
            name: row.name,
            department: stored(Department::new(&row.department))?,
            profile: row.profile,
            location: row.lon.zip(row.lat).map(|(lon, lat)| Location {
                lon,
                lat,
                heading_deg: row.heading_deg,
            }),
            config_version: row.config_version,
            lines: lines?,
        });
    }
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let last = items.last().filter(|_| more);
    let next = last.map(|row| Cursor { camera: row.id.clone(), start: None, group: Default::default() });
    Ok(Page { items, next })
}
