//! What the database knows of cameras: name, owner, profile, place, and the lines and zones that each version
//! of the configuration drew. Sources and their credentials are never stored. Reading them back is
//! [`crate::query::cameras`].

use jiff_sqlx::ToSqlx;
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use wayside_types::{CameraSpec, Timestamp};

use crate::database::Database;
use crate::error::StoreError;

impl Database {
    /// Writes these cameras and the lines of their present configuration. A repeated write is harmless.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Refused`].
    pub async fn upsert_cameras(&self, cameras: &[CameraSpec]) -> Result<(), StoreError> {
        self.schema().await?;
        let now = self.clock().now();
        let mut connection = self.answer("a connection", self.pool().acquire()).await?;
        self.answer("the cameras", upsert(&mut connection, cameras, None, now)).await
    }
}

/// Writes cameras, lines and, where an epoch is given, who is watched in this run, in one transaction.
pub(crate) async fn upsert(
    connection: &mut PgConnection,
    cameras: &[CameraSpec],
    epoch: Option<i64>,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    for spec in cameras {
        upsert_one(&mut transaction, spec, now).await?;
        if let Some(epoch) = epoch {
            sqlx::query!(
                "INSERT INTO run (camera, epoch, started_at, config_version) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (camera, epoch) DO NOTHING",
                spec.id.as_str(),
                epoch,
                now.to_sqlx() as _,
                spec.config_version,
            )
            .execute(&mut *transaction)
            .await?;
        }
    }
    transaction.commit().await
}

async fn upsert_one(
    connection: &mut PgConnection,
    spec: &CameraSpec,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let location = spec.location;
    sqlx::query!(
        "INSERT INTO camera (camera, name, department, profile, lon, lat, heading_deg, config_version, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
         ON CONFLICT (camera) DO UPDATE SET name = excluded.name, department = excluded.department, \
         profile = excluded.profile, lon = excluded.lon, lat = excluded.lat, heading_deg = excluded.heading_deg, \
         config_version = excluded.config_version, updated_at = excluded.updated_at",
        spec.id.as_str(),
        spec.name,
        spec.department.as_str(),
        spec.profile.name,
        location.map(|place| place.lon),
        location.map(|place| place.lat),
        location.and_then(|place| place.heading_deg),
        spec.config_version,
        now.to_sqlx() as _,
    )
    .execute(&mut *connection)
    .await?;
    let lines: Vec<String> = spec.lines.iter().map(|line| line.id.to_string()).collect();
    sqlx::query!(
        "INSERT INTO camera_line (camera, config_version, line) SELECT $1, $2, line FROM UNNEST($3::text[]) AS line \
         ON CONFLICT (camera, config_version, line) DO NOTHING",
        spec.id.as_str(),
        spec.config_version,
        &lines,
    )
    .execute(&mut *connection)
    .await?;
    let zones: Vec<(String, String)> = spec
        .zones
        .iter()
        .filter(|zone| zone.kind.is_measured())
        .map(|zone| (zone.id.to_string(), zone.kind.as_str().to_owned()))
        .collect();
    let (zones, kinds): (Vec<String>, Vec<String>) = zones.into_iter().unzip();
    sqlx::query!(
        "INSERT INTO camera_zone (camera, config_version, zone, kind, calibrated) \
         SELECT $1, $2, u.zone, u.kind, $5 FROM UNNEST($3::text[], $4::text[]) AS u(zone, kind) \
         ON CONFLICT (camera, config_version, zone) DO NOTHING",
        spec.id.as_str(),
        spec.config_version,
        &zones,
        &kinds,
        spec.calibration.is_some(),
    )
    .execute(&mut *connection)
    .await?;
    Ok(())
}
