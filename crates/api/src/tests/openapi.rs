//! The description of the API: committed, complete and true.

use std::path::PathBuf;

use serde_json::Value;

use wayside_testkit::TestDb;

use super::measurements;
use crate::testing::{Site, no_database};

fn committed() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/openapi.json"))
}

fn description() -> Value {
    serde_json::from_str(&crate::openapi_json()).unwrap()
}

/// `UPDATE_OPENAPI=1` writes the committed file anew.
#[test]
fn the_committed_description_is_this_one() {
    let now = crate::openapi_json();
    assert_eq!(now, crate::openapi_json(), "it differs from call to call");
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(committed(), &now).unwrap();
    }
    let committed = std::fs::read_to_string(committed()).unwrap_or_default();
    assert!(
        committed == now,
        "docs/reference/openapi.json is not what the code says; look at the change to the API, then run \
         UPDATE_OPENAPI=1 cargo nextest run -p wayside-api the_committed_description"
    );
}

#[test]
fn it_is_openapi_3_1_with_all_references_resolved() {
    let description = description();
    assert!(description["openapi"].as_str().unwrap().starts_with("3.1."));
    let mut references = Vec::new();
    collect_references(&description, &mut references);
    assert!(!references.is_empty());
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(description.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

fn collect_references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match (key.as_str(), value) {
                    ("$ref", Value::String(reference)) => found.push(reference.clone()),
                    _ => collect_references(value, found),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| collect_references(value, found)),
        _ => {}
    }
}

/// The routes that have to exist, by the design; a described one is mounted in the same step, which the
/// second half of the test sees from outside.
#[tokio::test]
async fn described_routes_are_mounted_and_mounted_ones_described() {
    let description = description();
    let paths: Vec<&String> = description["paths"].as_object().unwrap().keys().collect();
    assert_eq!(
        paths,
        [
            "/api/openapi.json",
            "/api/v1/cameras",
            "/api/v1/cameras/{id}",
            "/api/v1/cameras/{id}/audits",
            "/api/v1/cameras/{id}/background",
            "/api/v1/cameras/{id}/silhouette",
            "/api/v1/datex2/measured-data",
            "/api/v1/datex2/measurement-sites",
            "/api/v1/geojson",
            "/api/v1/incidents",
            "/api/v1/incidents/{id}",
            "/api/v1/incidents/{id}/stills/{still}",
            "/api/v1/live",
            "/api/v1/measurements",
            "/api/v1/measurements/gaps",
            "/api/v1/measurements/matrix",
            "/api/v1/measurements/movers",
            "/api/v1/measurements/peaks",
            "/api/v1/measurements/typical",
            "/api/v1/sta/v1.1",
            "/api/v1/sta/v1.1/{resource}",
            "/healthz",
            "/metrics",
            "/readyz",
        ]
    );
    let site = Site::over(no_database().await);
    for path in paths {
        let described: Vec<&String> = description["paths"][path].as_object().unwrap().keys().collect();
        let methods: &[&str] = if path.ends_with("/audits") { &["get", "post"] } else { &["get"] };
        assert_eq!(described, methods, "{path}");
        // A route that is not mounted answers 404 by the web app's fallback; one that is refuses the method.
        let answer = site
            .send(
                "PUT",
                &path.replace("{id}", "hp-07").replace("{resource}", "Things"),
                &[],
                axum::body::Body::empty(),
            )
            .await;
        assert_eq!(answer.status, 405, "{path} is described and not mounted");
    }
}

#[test]
fn everything_described_says_what_it_is() {
    let description = description();
    for (path, item) in description["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values() {
            for field in ["summary", "operationId", "tags"] {
                assert!(!operation[field].is_null(), "{path} has no {field}");
            }
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                assert!(parameter["description"].is_string(), "{path}: {parameter} has no description");
            }
            for (status, response) in operation["responses"].as_object().unwrap() {
                assert!(response["content"].is_object(), "{path} {status} says nothing of its body");
                if status.starts_with(['4', '5']) {
                    assert!(response["content"]["application/problem+json"].is_object(), "{path} {status}");
                }
            }
        }
    }
    for (name, schema) in description["components"]["schemas"].as_object().unwrap() {
        for (property, schema) in schema["properties"].as_object().into_iter().flatten() {
            // What may be null is described inside of its `oneOf`.
            let described =
                schema["description"].is_string() || schema["oneOf"][0]["description"].is_string();
            assert!(described, "{name}.{property} has no description: {schema}");
        }
    }
}

/// What a schema says must be there, its parts included.
fn required(description: &Value, schema: &Value) -> Vec<String> {
    let schema = match schema["$ref"].as_str() {
        Some(reference) => description.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    };
    let own = schema["required"].as_array().into_iter().flatten();
    let own = own.map(|name| name.as_str().unwrap().to_owned());
    let parts = schema["allOf"].as_array().into_iter().flatten();
    own.chain(parts.flat_map(|part| required(description, part))).collect()
}

/// A client that is made from the description refuses a row that could be two of the things it is said to be one of.
#[tokio::test]
async fn a_row_is_one_thing_and_no_other() {
    let db = TestDb::new().await;
    let (site, database) = measurements::site(&db, measurements::half_an_hour()).await;
    let description = description();
    let things = description["components"]["schemas"]["Measurement"]["oneOf"].as_array().unwrap();
    for (kind, want) in
        [("lines", "LineMeasurement"), ("movements", "MovementMeasurement"), ("zones", "ZoneMeasurement")]
    {
        let span = "from=2026-11-21T11:30:00Z&to=2026-11-21T12:00:00Z";
        let answer = site.get(&format!("/api/v1/measurements?kind={kind}&{span}")).await.json();
        let rows = answer["items"].as_array().unwrap();
        assert!(!rows.is_empty(), "{kind}: {answer}");
        for row in rows {
            let fits =
                |thing: &&Value| required(&description, thing).iter().all(|name| row.get(name).is_some());
            let fitting: Vec<&str> =
                things.iter().filter(fits).map(|thing| thing["$ref"].as_str().unwrap()).collect();
            assert_eq!(fitting, [format!("#/components/schemas/{want}")], "{row}");
        }
    }
    database.close().await;
}

/// What is not known is answered as null, so that a client need not ask whether it is there.
#[test]
fn what_is_always_there_is_said_to_be() {
    let description = description();
    for (name, schema) in description["components"]["schemas"].as_object().unwrap() {
        let parts = schema["allOf"].as_array().into_iter().flatten().chain([schema]);
        for part in parts.filter(|part| part["properties"].is_object()) {
            let required = part["required"].as_array().cloned().unwrap_or_default();
            for property in part["properties"].as_object().unwrap().keys() {
                let said = required.iter().any(|known| known == property);
                let left_out = name == "Problem" && property == "errors";
                assert!(said != left_out, "{name}.{property}");
            }
        }
    }
}
