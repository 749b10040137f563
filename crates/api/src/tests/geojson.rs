//! The map: what RFC 7946 wants of it, and what it says of cameras and lines.

use serde_json::{Value, json};
use wayside_testkit::TestDb;

use super::measurements::{half_an_hour, site};

/// Longitudes and latitudes of a geometry, in the order in which they stand there.
fn positions(value: &Value, found: &mut Vec<[f64; 2]>) {
    match value.as_array().map(Vec::as_slice) {
        Some([Value::Number(lon), Value::Number(lat)]) => {
            found.push([lon.as_f64().unwrap(), lat.as_f64().unwrap()]);
        }
        Some(all) => all.iter().for_each(|inner| positions(inner, found)),
        None => {}
    }
}

#[tokio::test]
async fn the_map_shows_cameras_lines_and_zones() {
    let db = TestDb::new().await;
    let (site, database) = site(&db, half_an_hour()).await;
    let answer = site.get("/api/v1/geojson").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/geo+json"));
    let map = answer.json();
    assert_eq!((&map["type"], &map["crs"]), (&json!("FeatureCollection"), &Value::Null));
    let features = map["features"].as_array().unwrap();
    let ids: Vec<&str> = features.iter().map(|feature| feature["id"].as_str().unwrap()).collect();
    // The second camera has no place, so that it stands there alone and nowhere.
    assert_eq!(ids, ["hp-07", "hp-07/east-in", "hp-07/north-out", "hp-07/zone/lane-1", "hp-01"]);
    assert_eq!(features[4]["geometry"], Value::Null);
    assert_eq!(features[0]["geometry"], json!({"type": "Point", "coordinates": [126.63, 45.6]}));
    assert_eq!(features[0]["properties"]["state"], "connecting");
    for feature in features {
        assert_eq!(feature["type"], "Feature");
        let mut all = Vec::new();
        positions(&feature["geometry"]["coordinates"], &mut all);
        for [lon, lat] in all {
            assert!((126.63..126.64).contains(&lon) && (45.6..45.61).contains(&lat), "{lon} {lat}");
        }
    }
    // East-in runs from the near edge of the picture to the far one: from south to north.
    let line = &features[1]["geometry"];
    assert_eq!(line["type"], "LineString");
    let ends: Vec<[f64; 2]> = serde_json::from_value(line["coordinates"].clone()).unwrap();
    assert!((ends[0][0] - ends[1][0]).abs() < 1e-9 && ends[0][1] < ends[1][1], "{ends:?}");
    rings_run_anticlockwise(&features[3]["geometry"]);
    let forward = &features[1]["properties"]["directions"][1];
    assert_eq!(
        (&forward["direction"], &forward["motor_vehicles"], &forward["flow_per_h"], &forward["complete"]),
        (&json!("forward"), &json!(0), &json!(0.0), &json!(true)),
        "the last quarter: watched, and nobody came"
    );
    assert_eq!(map["quarter"], json!({"start": "2026-11-21T11:45:00Z", "end": "2026-11-21T12:00:00Z"}));
    let refused = site.get("/api/v1/geojson?camera=hp-07").await;
    assert_eq!(refused.status, 400, "{}", refused.text());
    database.close().await;
}

fn rings_run_anticlockwise(geometry: &Value) {
    assert_eq!(geometry["type"], "Polygon");
    let ring: Vec<[f64; 2]> = serde_json::from_value(geometry["coordinates"][0].clone()).unwrap();
    assert!(ring.len() >= 4 && ring.first() == ring.last(), "{ring:?}");
    let area: f64 = ring.windows(2).map(|pair| pair[0][0] * pair[1][1] - pair[1][0] * pair[0][1]).sum();
    assert!(area > 0.0, "{area}");
}
