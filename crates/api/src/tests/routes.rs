//! What each route answers when all is well.

use bytes::Bytes;
use serde_json::json;
use wayside_types::{CameraId, CameraState, CameraStatus, LiveEvent};

use crate::testing::{Site, no_database};

#[tokio::test]
async fn cameras_are_listed_in_pages() {
    let site = Site::over(no_database().await);
    let all = site.get("/api/v1/cameras").await;
    assert_eq!(all.status, 200, "{}", all.text());
    let all = all.json();
    assert_eq!(all["next_cursor"], json!(null));
    let ids: Vec<_> = all["items"].as_array().unwrap().iter().map(|c| c["id"].clone()).collect();
    assert_eq!(ids, ["hp-01", "hp-07"]);

    let first = site.get("/api/v1/cameras?limit=1").await.json();
    assert_eq!(
        (first["items"][0]["id"].as_str(), first["next_cursor"].as_str()),
        (Some("hp-01"), Some("hp-01"))
    );
    let second = site.get("/api/v1/cameras?limit=1&cursor=hp-01").await.json();
    assert_eq!((&second["items"][0]["id"], &second["next_cursor"]), (&json!("hp-07"), &json!(null)));
    assert_eq!(site.get("/api/v1/cameras?cursor=zz").await.json()["items"], json!([]));
}

#[tokio::test]
async fn a_camera_is_shown_with_its_state() {
    let site = Site::over(no_database().await);
    let mut status =
        CameraStatus::connecting(CameraId::new("hp-07").unwrap(), "2026-11-21T12:00:00Z".parse().unwrap());
    status.state = CameraState::Reconnecting;
    status.reason = Some("no answer for 10 s".to_owned());
    status.size_px = Some([640, 360]);
    status.reconnects = 3;
    site.hub.publish(LiveEvent::Camera(status));
    let camera = site.get("/api/v1/cameras/hp-07").await.json();
    assert_eq!(
        camera,
        json!({
            "id": "hp-07",
            "name": "Youxie Street, \"east\" arm",
            "department": "traffic",
            "profile": "intersection",
            "source": "rtsp://10.0.0.7/sub",
            "location": {"lon": 126.63, "lat": 45.6, "heading_deg": 90.0},
            "lines": [
                {"id": "east-in", "points": [[0.25, 0.95], [0.25, 0.35]]},
                {"id": "north-out", "points": [[0.3, 0.2], [0.6, 0.2]]},
            ],
            "zones": [{
                "id": "lane-1", "kind": "lane", "polygon": [[0.0, 0.35], [1.0, 0.35], [1.0, 0.6]],
                "heading": [[0.1, 0.5], [0.9, 0.5]], "closed_to": ["pedestrian"], "free_flow_kmh": 50.0,
            }],
            "calibrated": true,
            "status": {
                "state": "reconnecting", "since": "2026-11-21T12:00:00Z", "reason": "no answer for 10 s",
                "last_frame_at": null, "received_fps": 0.0, "analysed_fps": 0.0, "dropped_share": 0.0,
                "dropped_for": {"behind": 0.0, "slowed": 0.0, "failed": 0.0}, "gated_share": 0.0,
                "stages": {
                    "decode_ms": null, "wait_ms": null, "detect_ms": null, "track_ms": null, "result_ms": null,
                },
                "slowed_to_fps": null,
                "size_px": [640, 360], "reconnects": 3,
            },
        })
    );
    let bare = site.get("/api/v1/cameras/hp-01").await.json();
    assert_eq!(bare["status"]["state"], "connecting");
    assert_eq!(
        (&bare["location"], &bare["calibrated"], &bare["zones"]),
        (&json!(null), &json!(false), &json!([]))
    );
}

#[tokio::test]
async fn the_background_is_for_the_page_only() {
    let site = Site::over(no_database().await);
    let path = "/api/v1/cameras/hp-07/background";
    let page = site.page_headers().await;
    let page: Vec<_> = page.iter().map(|(n, v)| (*n, v.as_str())).collect();

    assert_eq!(site.get_with(path, &page).await.status, 404, "there is none yet");
    let id = CameraId::new("hp-07").unwrap();
    let since = "2026-11-21T12:00:00Z".parse().unwrap();
    site.hub.publish(LiveEvent::Camera(CameraStatus::connecting(id.clone(), since)));
    site.hub.set_background(&id, Bytes::from_static(b"\xff\xd8jpeg"));

    let shown = site.get_with(path, &page).await;
    assert_eq!((shown.status, &shown.body[..]), (200, &b"\xff\xd8jpeg"[..]));
    assert_eq!((shown.header("content-type"), shown.header("cache-control")), ("image/jpeg", "no-store"));
    assert_eq!(site.get_with(&format!("{path}?at=123"), &page).await.status, 200);

    for headers in [vec![], vec![page[0]], vec![page[1]], vec![page[0], ("sec-fetch-site", "cross-site")]] {
        let refused = site.get_with(path, &headers).await;
        assert_eq!(refused.status, 403, "{headers:?}");
        assert_eq!(refused.json()["type"], "urn:wayside:problem:browser-only");
        assert!(!refused.text().contains("jpeg"));
    }
}

#[tokio::test]
async fn the_page_sets_a_session_once() {
    let site = Site::over(no_database().await);
    let page = site.get("/").await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert_eq!(page.header("cache-control"), "no-store");
    let cookie = page.header("set-cookie").to_owned();
    assert!(cookie.starts_with("wayside_session_8080=") && cookie.contains("HttpOnly"), "{cookie}");
    let again = site.get_with("/", &[("cookie", cookie.split(';').next().unwrap())]).await;
    assert_eq!(again.header("set-cookie"), "");
    assert_ne!(site.get("/").await.header("set-cookie"), cookie);
    assert_eq!(site.get("/api/v1/cameras").await.header("set-cookie"), "", "only the page opens sessions");
}

#[tokio::test]
async fn small_routes_answer() {
    let site = Site::over(no_database().await);
    assert_eq!(site.get("/healthz").await.json(), json!({"status": "ok", "version": "1.2.3"}));
    let metrics = site.get("/metrics").await;
    assert_eq!(metrics.text(), "wayside_up 1\n");
    assert_eq!(metrics.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(site.get("/api/openapi.json").await.text(), crate::openapi_json());
    let head = site.send("HEAD", "/healthz", &[], axum::body::Body::empty()).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
}

/// The documentation page works without any other machine: what it loads comes from here.
#[tokio::test]
async fn the_documentation_page_comes_with_the_binary() {
    let site = Site::over(no_database().await);
    assert_eq!(site.get("/api/docs").await.header("location"), "/api/docs/");
    let page = site.get("/api/docs/").await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html"));
    let mut loaded = 0;
    for part in page.text().split(['"', '\'']).filter(|p| p.ends_with(".js") || p.ends_with(".css")) {
        assert!(!part.contains("//"), "{part} is on another machine");
        let file = site.get(&format!("/api/docs/{}", part.trim_start_matches("./"))).await;
        assert_eq!(file.status, 200, "{part}");
        loaded += 1;
    }
    assert!(loaded >= 5, "only {loaded} files named in {}", page.text());
    let script = site.get("/api/docs/swagger-initializer.js").await;
    assert!(script.text().contains("/api/openapi.json"), "{}", script.text());
    assert!(!script.text().contains("http"), "{}", script.text());
}

#[tokio::test]
async fn every_answer_is_guarded() {
    let site = Site::over(no_database().await);
    for path in ["/", "/api/docs/", "/api/v1/cameras", "/nothing", "/api/v1/cameras/none", "/healthz?x=1"] {
        let answer = site.get(path).await;
        let csp = answer.header("content-security-policy");
        assert!(
            csp.contains("default-src 'none'") && csp.contains("frame-ancestors 'none'"),
            "{path}: {csp}"
        );
        assert!(!csp.contains("http") && !csp.contains('*') && !csp.contains("unsafe-eval"), "{path}: {csp}");
        assert!(csp.contains("script-src 'self';"), "{path}: {csp}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
        assert_ne!(answer.header("cache-control"), "", "{path}");
    }
}
