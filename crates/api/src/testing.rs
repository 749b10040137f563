//! What the tests of this crate share: a site with secrets in its settings, and requests against the whole
//! router.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use axum::response::Response;
use bytes::Bytes;
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;
use wayside_store::{Database, DatabaseOptions, SecretUrl, WriterStats};
use wayside_testkit::SimClock;
use wayside_types::camera::{GroundOrigin, RtspUrl};
use wayside_types::{
    Calibration, CameraSpec, ClassGroup, Line, LineId, LiveHub, Location, Point, RoadUserClass, Scheme,
    SourceUrl, TimeZone, Zone, ZoneId, ZoneKind,
};

use crate::{ApiParts, GroundMap, Publisher, os_random, router};

/// When the tests take place.
pub(crate) fn clock() -> SimClock {
    SimClock::at("2026-11-21T12:00:30Z")
}

/// What must never be seen outside: parts of the cameras' addresses.
pub(crate) const SECRETS: [&str; 3] = ["hunter2", "surveyor", "t0ken"];

/// Motor vehicles and everyone else.
fn scheme() -> Scheme {
    let (motor, others) = RoadUserClass::ALL.split_at(3);
    let group = |id: &str, classes: &[RoadUserClass], pcu| ClassGroup {
        id: id.to_owned(),
        title: id.to_owned(),
        classes: classes.to_vec(),
        pcu,
    };
    let groups = vec![group("motor", motor, 1.5), group("others", others, 0.25)];
    Scheme { id: "two".to_owned(), title: "Two groups".to_owned(), groups }
}

/// Two cameras, one with everything and one with nothing that can be left out.
pub(crate) fn cameras() -> Arc<[CameraSpec]> {
    let drawn = |id: &str, points: [Point; 2]| Line { id: LineId::new(id).unwrap(), points };
    let line = |id: &str| drawn(id, [Point::new(0.25, 0.95), Point::new(0.25, 0.35)]);
    // Who enters by the first and leaves by this one turns left.
    let north = drawn("north-out", [Point::new(0.3, 0.2), Point::new(0.6, 0.2)]);
    let lane = Zone {
        id: ZoneId::new("lane-1").unwrap(),
        kind: ZoneKind::Lane,
        polygon: vec![Point::new(0.0, 0.35), Point::new(1.0, 0.35), Point::new(1.0, 0.6)],
        heading: Some([Point::new(0.1, 0.5), Point::new(0.9, 0.5)].into()),
        closed_to: vec![RoadUserClass::Pedestrian],
        free_flow_kmh: Some(50.0),
    };
    let full = CameraSpec {
        name: "Youxie Street, \"east\" arm".to_owned(),
        source: rtsp("rtsp://surveyor:hunter2@10.0.0.7/sub?key=t0ken"),
        location: Some(Location { lon: 126.63, lat: 45.6, heading_deg: Some(90.0) }),
        calibration: Some(Calibration {
            image: Vec::new(),
            ground_m: Vec::new(),
            ground_origin: Some(GroundOrigin { lon: 126.63, lat: 45.6, y_axis_deg: 0.0 }),
            distortion: None,
        }),
        lines: vec![line("east-in"), north],
        zones: vec![lane],
        ..wayside_testkit::camera("hp-07")
    };
    let bare = CameraSpec {
        name: "Bare".to_owned(),
        source: rtsp("rtsp://surveyor:hunter2@10.0.0.8"),
        lines: vec![line("only")],
        ..wayside_testkit::camera("hp-01")
    };
    Arc::new([full, bare])
}

/// A camera 100 m from the far edge of its picture looks straight down; the other is not calibrated.
fn ground() -> GroundMap {
    Arc::new(|camera, p| (camera.as_str() == "hp-07").then(|| Point::new(100.0 * p.x, 100.0 * (1.0 - p.y))))
}

fn rtsp(url: &str) -> SourceUrl {
    SourceUrl::Rtsp(RtspUrl::new(url).unwrap())
}

/// The parts of a site over [`cameras`].
pub(crate) fn parts(database: Database, listen: &str, stats: WriterStats) -> ApiParts {
    ApiParts {
        ground: ground(),
        publisher: Publisher { country: "np".to_owned(), identifier: "Kathmandu & Co".to_owned() },
        cameras: cameras(),
        schemes: Arc::new([scheme()]),
        hub: LiveHub::new(4),
        database,
        writer_stats: Arc::new(move || stats.clone()),
        clock: clock().shared(),
        random: os_random(),
        time_zone: TimeZone::get("Asia/Kathmandu").unwrap(),
        metrics: Arc::new(|| "wayside_up 1\n".to_owned()),
        version: "1.2.3",
        listen: listen.parse().unwrap(),
    }
}

/// The API over [`cameras`], with everything to move it by.
pub(crate) struct Site {
    pub(crate) router: Router,
    pub(crate) hub: LiveHub,
}

impl Site {
    /// Over this database, listening on loopback.
    pub(crate) fn over(database: Database) -> Self {
        Self::with(database, "127.0.0.1:8080", WriterStats::default())
    }

    pub(crate) fn with(database: Database, listen: &str, stats: WriterStats) -> Self {
        let parts = parts(database, listen, stats);
        let hub = parts.hub.clone();
        Self { router: router(parts), hub }
    }

    /// Answers one request to `localhost`.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[]).await
    }

    /// Answers one request with these headers; `host` is `localhost` unless given.
    pub(crate) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send("GET", path, headers, Body::empty()).await
    }

    /// The beginning of an answer, for those that have no end.
    pub(crate) async fn begin(&self, path: &str) -> Response {
        let request = Request::builder().uri(path).header("host", "localhost").body(Body::empty()).unwrap();
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", "localhost:8080");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: head.status.as_u16(), headers: head.headers, body }
    }

    /// The headers that a browser sends from the page, after loading it.
    pub(crate) async fn page_headers(&self) -> [(&'static str, String); 2] {
        let page = self.get("/").await;
        assert_eq!(page.status, 200);
        let cookie = page.header("set-cookie").split(';').next().unwrap().to_owned();
        [("cookie", cookie), ("sec-fetch-site", "same-origin".to_owned())]
    }
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// A header's text, empty when there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }
}

/// A database that is away: nobody listens on port 1.
pub(crate) async fn no_database() -> Database {
    let url = SecretUrl::new("postgres://surveyor:hunter2@127.0.0.1:1/t0ken").unwrap();
    Database::connect_lazy(&DatabaseOptions::Url(url), clock().shared()).await.unwrap()
}
