//! What must not leave: credentials anywhere, counts by class or line in metrics and logs, anybody's query
//! in the log.

use std::io::Write;
use std::sync::{Arc, Mutex};

use metrics_exporter_prometheus::PrometheusBuilder;
use wayside_types::{CameraId, CameraStatus, LiveEvent};

use crate::testing::{SECRETS, Site, no_database};

const PATHS: [&str; 19] = [
    "/",
    "/api/docs/",
    "/api/openapi.json",
    "/api/v1/cameras",
    "/api/v1/cameras?limit=x",
    "/api/v1/cameras/hp-07",
    "/api/v1/cameras/none",
    "/api/v1/cameras/hp-07/background",
    "/api/v1/cameras/hp-07/silhouette",
    "/api/v1/cameras/hp-07/audits",
    "/api/v1/measurements?camera=hp-07",
    "/api/v1/incidents?camera=hp-07",
    "/api/v1/incidents/hp-07.1.1",
    "/api/v1/incidents/hp-07.1.1/stills/start",
    "/api/v1/live?camera=none",
    "/healthz",
    "/readyz",
    "/metrics",
    "/nothing",
];

#[tokio::test]
async fn no_route_shows_credentials() {
    let site = Site::over(no_database().await);
    let since = "2026-11-21T12:00:00Z".parse().unwrap();
    site.hub.publish(LiveEvent::Camera(CameraStatus::connecting(CameraId::new("hp-07").unwrap(), since)));
    for path in PATHS {
        let answer = site.get(path).await;
        let whole = format!("{:?}{}", answer.headers, String::from_utf8_lossy(&answer.body));
        for secret in SECRETS {
            assert!(!whole.contains(secret), "{path} shows {secret}");
        }
    }
}

/// Labels are chosen from closed lists: no class, line, camera or anything a caller sent.
#[test]
fn request_metrics_hold_no_counts_by_class_or_line() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    metrics::with_local_recorder(&recorder, || {
        runtime.block_on(async {
            let site = Site::over(no_database().await);
            for path in PATHS {
                site.get(path).await;
            }
            site.get("/api/v1/measurements?camera=hp-07&line=east-in&class=car").await;
            site.send("BREW", "/hp-07", &[], axum::body::Body::empty()).await;
        });
    });
    let text = handle.render();
    assert!(
        text.contains(
            r#"wayside_http_requests_total{route="/api/v1/cameras/{id}",method="GET",status="200"} 1"#
        ),
        "{text}"
    );
    for word in ["class", "line", "car\"", "east-in", "hp-07", "BREW", "pedestrian"] {
        assert!(!text.contains(word), "the metrics hold {word}: {text}");
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_request_log_holds_no_query() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let site = Site::over(no_database().await);
    site.get_with("/api/v1/cameras?token=s3cr3t", &[("authorization", "s3cr3t"), ("cookie", "a=s3cr3t")])
        .await;
    site.get("/api/v1/cameras/s3cr3t").await;
    site.get("/s3cr3t").await;
    drop(guard);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("answered a request") && log.contains("/api/v1/cameras/{id}"), "{log}");
    assert!(!log.contains("s3cr3t"), "{log}");
    for secret in SECRETS {
        assert!(!log.contains(secret), "{log}");
    }
}
