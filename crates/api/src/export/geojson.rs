//! Cameras, lines and zones as GeoJSON (RFC 7946) with what they are doing: longitude and latitude on WGS 84, outer rings
//! anticlockwise. Lines and zones are there where the calibration says how the ground lies on the map.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use wayside_store::query::{GroupKey, MeasurementKind, MeasurementQuery, Pages};
use wayside_store::{Database, StoreError};
use wayside_types::{BinLength, CameraSpec, CameraState, RoadUserClass, TimeZone, Zone};

use super::place::{OnMap, Place, doubled_area};
use super::row::Measurement;
use super::rows::ROWS_AT_ONCE;
use crate::state::ApiParts;

/// Its media type (RFC 7946, section 12).
pub(crate) const MEDIA_TYPE: &str = "application/geo+json";

/// Cars, buses, trucks and motorcycles: what the state of a line is about.
pub(super) const MOTOR: [RoadUserClass; 4] =
    [RoadUserClass::Car, RoadUserClass::Bus, RoadUserClass::Truck, RoadUserClass::Motorcycle];

/// The last quarter of an hour that is over.
pub(crate) fn last_quarter(now: Timestamp, zone: &TimeZone) -> (Timestamp, Timestamp) {
    let (start, _) = BinLength::Minute15.bounds(now, zone);
    let before = start.checked_sub(SignedDuration::from_secs(1)).unwrap_or(start);
    BinLength::Minute15.bounds(before, zone)
}

/// The map of all cameras as it is now.
///
/// # Errors
/// [`StoreError::Unavailable`] when the database does not answer.
pub(crate) async fn map(parts: &ApiParts) -> Result<Value, StoreError> {
    let (start, end) = last_quarter(parts.clock.now(), &parts.time_zone);
    let rows = quarter(&parts.database, start, end, &parts.time_zone).await?;
    let features: Vec<Value> =
        parts.cameras.iter().flat_map(|camera| features(parts, camera, &rows)).collect();
    Ok(json!({
        "type": "FeatureCollection",
        "features": features,
        "at": parts.clock.now(),
        "quarter": {"start": start, "end": end},
    }))
}

/// What all lines counted in a quarter of an hour, motor vehicles together.
async fn quarter(
    database: &Database,
    start: Timestamp,
    end: Timestamp,
    zone: &TimeZone,
) -> Result<Vec<Measurement>, StoreError> {
    let mut query = MeasurementQuery::new(start, end, BinLength::Minute15, zone.clone());
    query.kind = MeasurementKind::Lines;
    query.classes = MOTOR.to_vec();
    query.group_by = [GroupKey::Line, GroupKey::Direction].into();
    query.limit = ROWS_AT_ONCE;
    let mut rows = Vec::new();
    let mut pages = Pages::new(database, query);
    while let Some(page) = pages.next().await? {
        rows.extend(page.into_iter().map(Measurement::from));
    }
    Ok(rows)
}

fn features(parts: &ApiParts, camera: &CameraSpec, rows: &[Measurement]) -> Vec<Value> {
    let on_map = OnMap::new(camera, &parts.ground);
    let mut features = vec![of_camera(parts, camera)];
    for line in &camera.lines {
        let Some(ends) = on_map.line(line) else { continue };
        let directions: Vec<Value> = rows
            .iter()
            .filter_map(|row| match row {
                Measurement::Line(row) if row.camera == camera.id.as_str() => Some(row),
                _ => None,
            })
            .filter(|row| row.line.as_deref() == Some(line.id.as_str()))
            .map(|row| {
                json!({
                    "direction": row.direction,
                    "motor_vehicles": row.counted.count,
                    "flow_per_h": row.counted.flow_per_h,
                    "speed_time_mean_kmh": row.speed.as_ref().map(|speed| speed.time_mean_kmh),
                    "speed_p85_kmh": row.speed.as_ref().and_then(|speed| speed.p85_kmh),
                    "occupancy": row.occupancy,
                    "observed_s": row.watched.observed_s,
                    "grade": row.watched.grade,
                    "complete": row.watched.complete,
                })
            })
            .collect();
        let properties =
            json!({"kind": "line", "camera": camera.id, "line": line.id, "directions": directions});
        features.push(feature(
            &format!("{}/{}", camera.id, line.id),
            json!({"type": "LineString", "coordinates": ends}),
            properties,
        ));
    }
    for zone in &camera.zones {
        let Some(ring) = ring(&on_map, zone) else { continue };
        let properties =
            json!({"kind": "zone", "camera": camera.id, "zone": zone.id, "zone_kind": zone.kind.as_str()});
        // A zone may go by the name of a line.
        let id = format!("{}/zone/{}", camera.id, zone.id);
        features.push(feature(&id, json!({"type": "Polygon", "coordinates": [ring]}), properties));
    }
    features
}

fn of_camera(parts: &ApiParts, camera: &CameraSpec) -> Value {
    let status = parts.hub.status(&camera.id);
    let state = status.as_ref().map_or(CameraState::Connecting, |status| status.state);
    let geometry = match camera.location {
        Some(at) => json!({"type": "Point", "coordinates": [at.lon, at.lat]}),
        None => Value::Null,
    };
    let properties = json!({
        "kind": "camera",
        "camera": camera.id,
        "name": camera.name,
        "department": camera.department,
        "heading_deg": camera.location.and_then(|at| at.heading_deg),
        "calibrated": camera.calibration.is_some(),
        "state": state,
        "since": status.as_ref().map(|status| status.since),
        "last_frame_at": status.as_ref().and_then(|status| status.last_frame_at),
    });
    feature(camera.id.as_str(), geometry, properties)
}

fn feature(id: &str, geometry: Value, properties: Value) -> Value {
    json!({"type": "Feature", "id": id, "geometry": geometry, "properties": properties})
}

/// A zone's outer ring, closed and anticlockwise (RFC 7946, section 3.1.6); `None` where a corner has no place.
fn ring(on_map: &OnMap<'_>, zone: &Zone) -> Option<Vec<Place>> {
    let mut ring: Vec<Place> =
        zone.polygon.iter().map(|corner| on_map.place(*corner)).collect::<Option<_>>()?;
    if doubled_area(&ring) < 0.0 {
        ring.reverse();
    }
    ring.extend(ring.first().copied());
    Some(ring)
}
