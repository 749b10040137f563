//! Live events over a real TCP connection.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use wayside_types::{
    Bin, BinKey, BinLength, BinSubject, CameraId, CameraStatus, ClosedBins, Coverage, Direction, Grade, Icon,
    LineId, LiveEvent, RoadUserClass, Timestamp,
};

use crate::testing::{Site, no_database};
use crate::tests::incidents::{ended, incident, shown};

pub(crate) struct Server {
    pub(crate) site: Site,
    pub(crate) port: u16,
    stop: oneshot::Sender<()>,
    served: JoinHandle<std::io::Result<()>>,
}

pub(crate) async fn start() -> Server {
    let site = Site::over(no_database().await);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (stop, stopped) = oneshot::channel::<()>();
    let router = site.router.clone();
    let served = tokio::spawn(crate::serve(listener, router, async {
        stopped.await.ok();
    }));
    Server { site, port, stop, served }
}

pub(crate) struct Stream(BufReader<TcpStream>);

impl Stream {
    pub(crate) async fn open(port: u16, path: &str, headers: &str) -> Self {
        let mut socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n{headers}\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut stream = Self(BufReader::new(socket));
        assert_eq!(stream.line().await, "HTTP/1.1 200 OK");
        let mut is_event_stream = false;
        loop {
            match stream.line().await.as_str() {
                "" => break,
                line => is_event_stream |= line == "content-type: text/event-stream",
            }
        }
        assert!(is_event_stream);
        stream
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        tokio::time::timeout(Duration::from_secs(10), self.0.read_line(&mut line)).await.unwrap().unwrap();
        line.trim_end().to_owned()
    }

    /// The next event: its name and data. Chunk sizes and keep-alive comments are skipped.
    pub(crate) async fn next(&mut self) -> (String, Value) {
        let mut name = String::new();
        loop {
            let line = self.line().await;
            if let Some(n) = line.strip_prefix("event: ") {
                name = n.to_owned();
            } else if let Some(data) = line.strip_prefix("data: ") {
                return (name, serde_json::from_str(data).unwrap());
            }
        }
    }
}

fn id(text: &str) -> CameraId {
    CameraId::new(text).unwrap()
}

fn status(camera: &str) -> LiveEvent {
    LiveEvent::Camera(CameraStatus::connecting(id(camera), "2026-11-21T12:00:00Z".parse().unwrap()))
}

fn icons(camera: &str) -> LiveEvent {
    LiveEvent::Icons {
        camera: id(camera),
        icons: vec![Icon { class: RoadUserClass::Bicycle, column: 31, row: 17 }],
    }
}

/// A closed bin of three cars one way, one pedestrian and a movement.
fn bins(length: BinLength) -> LiveEvent {
    let start: Timestamp = "2026-11-21T11:45:00Z".parse().unwrap();
    let line = LineId::new("east-in").unwrap();
    let bin = |subject, class, count| Bin {
        key: BinKey { camera: id("hp-07"), subject, class, start, length, epoch: 1 },
        count,
    };
    let crossing = BinSubject::Line(line.clone(), Direction::Forward);
    let closed = ClosedBins {
        coverage: Coverage {
            camera: id("hp-07"),
            start,
            length,
            epoch: 1,
            observed_s: 59.5,
            dropped_share: 0.0,
            grade: Grade::Good,
            config_version: "v1".to_owned(),
        },
        bins: vec![
            bin(crossing.clone(), RoadUserClass::Car, 3),
            bin(crossing, RoadUserClass::Pedestrian, 1),
            bin(BinSubject::Movement(line.clone(), line), RoadUserClass::Car, 1),
        ],
        flows: Vec::new(),
        zones: Vec::new(),
        quality: Vec::new(),
        doubts: Default::default(),
    };
    LiveEvent::Bins { closed: Arc::new(closed), next_close_at: "2026-11-21T12:01:00Z".parse().unwrap() }
}

#[tokio::test]
async fn events_arrive_by_name() {
    let server = start().await;
    server.site.hub.publish(status("hp-07"));
    let mut stream = Stream::open(server.port, "/api/v1/live", "").await;
    let hello = json!({"version": "1.2.3", "time_zone": "Asia/Kathmandu", "icons": false});
    assert_eq!(stream.next().await, ("hello".to_owned(), hello));
    let (name, camera) = stream.next().await;
    assert_eq!(
        (name.as_str(), &camera["camera"], &camera["state"]),
        ("camera", &json!("hp-07"), &json!("connecting"))
    );

    server.site.hub.publish(bins(BinLength::Minute1));
    let (name, event) = stream.next().await;
    assert_eq!(name, "bins");
    assert_eq!(
        event,
        json!({
            "camera": "hp-07", "start": "2026-11-21T11:45:00Z", "end": "2026-11-21T11:46:00Z", "bin": "1m",
            // No pedestrian: a minute is finer than what may be stored of them. No movement of one.
            "counts": [{"line": "east-in", "direction": "forward", "class": "car", "count": 3}],
            "coverage": {"observed_s": 59.5, "dropped_share": 0.0, "grade": "good"},
            "next_close_at": "2026-11-21T12:01:00Z",
        })
    );
    server.site.hub.publish(bins(BinLength::Minute15));
    let (_, event) = stream.next().await;
    assert_eq!(
        event["counts"][1],
        json!({"line": "east-in", "direction": "forward", "class": "pedestrian", "count": 1})
    );
    assert_eq!(event["end"], "2026-11-21T12:00:00Z");
}

#[tokio::test]
async fn icons_are_for_the_page_only() {
    let server = start().await;
    let page = server.site.page_headers().await;
    let page: String = page.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let mut program = Stream::open(server.port, "/api/v1/live", "").await;
    let mut browser = Stream::open(server.port, "/api/v1/live", &page).await;
    program.next().await;
    assert_eq!(browser.next().await.1["icons"], true);

    server.site.hub.publish(icons("hp-07"));
    server.site.hub.publish(status("hp-07"));
    let shown = json!({"camera": "hp-07", "icons": [{"class": "bicycle", "column": 31, "row": 17}]});
    assert_eq!(browser.next().await, ("icons".to_owned(), shown));
    assert_eq!(browser.next().await.0, "camera");
    assert_eq!(program.next().await.0, "camera", "the icons before it were withheld");
}

#[tokio::test]
async fn a_stream_may_be_of_some_cameras() {
    let server = start().await;
    let mut stream = Stream::open(server.port, "/api/v1/live?camera=hp-01", "").await;
    stream.next().await;
    for camera in ["hp-07", "gone-99", "hp-01"] {
        server.site.hub.publish(status(camera));
    }
    assert_eq!(stream.next().await.1["camera"], "hp-01");
}

/// Whoever comes later is told of what is open, and of nothing that is over.
#[tokio::test]
async fn incidents_are_told_at_once_and_to_late_comers() {
    let server = start().await;
    let mut stream = Stream::open(server.port, "/api/v1/live?camera=hp-07", "").await;
    stream.next().await;
    let told = incident("hp-07", 1);
    for record in [incident("hp-01", 1), told.clone()] {
        server.site.hub.publish(LiveEvent::Incident(Arc::new(record)));
    }
    let (name, event) = stream.next().await;
    assert_eq!((name.as_str(), event), ("incident", shown(&told)));
    let mut late = Stream::open(server.port, "/api/v1/live", "").await;
    late.next().await;
    let mut ids = [late.next().await.1["id"].clone(), late.next().await.1["id"].clone()];
    ids.sort_by_key(|id| id.to_string());
    assert_eq!(ids, ["hp-01.1.1", "hp-07.1.1"]);

    let over = ended(&told);
    server.site.hub.publish(LiveEvent::Incident(Arc::new(over.clone())));
    assert_eq!(late.next().await.1, shown(&over));
    server.site.hub.publish(status("hp-07"));
    let mut later = Stream::open(server.port, "/api/v1/live?camera=hp-07", "").await;
    later.next().await;
    assert_eq!(later.next().await.0, "camera");
    server.site.hub.publish(status("hp-07"));
    assert_eq!(later.next().await.0, "camera", "what is over is not told again");
}

/// The hub of the tests keeps four events: a reader that does not read loses some and is told.
#[tokio::test]
async fn a_slow_reader_is_told_what_it_missed() {
    let server = start().await;
    let mut stream = Stream::open(server.port, "/api/v1/live", "").await;
    assert_eq!(stream.next().await.0, "hello");
    // One thread runs this test and the server: these are published before the server gets to send any.
    for _ in 0..10 {
        server.site.hub.publish(status("hp-07"));
    }
    assert_eq!(stream.next().await, ("lagged".to_owned(), json!({"missed": 6})));
    let (name, camera) = stream.next().await;
    assert_eq!((name.as_str(), &camera["camera"]), ("camera", &json!("hp-07")));
}

#[tokio::test]
async fn streams_end_when_the_server_stops() {
    let server = start().await;
    let mut stream = Stream::open(server.port, "/api/v1/live", "").await;
    assert_eq!(stream.next().await.0, "hello");
    server.stop.send(()).unwrap();
    let mut rest = Vec::new();
    tokio::time::timeout(Duration::from_secs(3), stream.0.read_to_end(&mut rest)).await.unwrap().unwrap();
    assert!(rest.ends_with(b"0\r\n\r\n"), "the stream did not end properly: {rest:?}");
    tokio::time::timeout(Duration::from_secs(3), server.served).await.unwrap().unwrap().unwrap();
    assert!(TcpStream::connect(("127.0.0.1", server.port)).await.is_err());
}

#[tokio::test]
async fn streams_are_bounded_and_give_their_places_back() {
    let site = Site::over(no_database().await);
    let mut open = Vec::new();
    loop {
        let response = site.begin("/api/v1/live").await;
        if response.status().as_u16() == 503 {
            assert_eq!(response.headers()["retry-after"], "5");
            break;
        }
        assert!(open.len() < 1_000, "there is no bound");
        open.push(response);
    }
    open.pop();
    assert_eq!(site.begin("/api/v1/live").await.status().as_u16(), 200);
}
