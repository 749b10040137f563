//! `[[export]]` in a real `wayside run`: what was counted arrives in a directory and at a receiver on loopback, and while
//! neither takes it nothing is lost, not even over a restart.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of a test fails it the same way"
)]

mod common;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use common::{Site, wait};
use jiff::{Timestamp, ToSpan};
use serde_json::Value;
use wayside_store::{Database, DatabaseOptions, Writer, WriterOptions};
use wayside_types::time::SystemClock;
use wayside_types::{
    Bin, BinKey, BinLength, BinSubject, CameraId, ClosedBins, Coverage, Direction, Grade, LineId,
    RoadUserClass,
};

const CAMERA: &str = "id = \"hp-07\"\nname = \"Youxie Street\"\nsource = \"rtsp://127.0.0.1:1/x\"\n\
                      department = \"traffic\"\nprofile = \"arterial\"\n\
                      [[line]]\nid = \"east-in\"\npoints = [[0.25, 0.95], [0.25, 0.35]]\n";

fn now() -> Timestamp {
    SystemClock::shared().now()
}

/// Bicycles of a quarter of an hour: of each another number, so that an hour is told from another.
fn bicycles(start: Timestamp) -> u32 {
    u32::try_from(start.as_second() / 900 % 17).unwrap() + 3
}

/// Every quarter of an hour of the last four hours, in the site's own database.
fn count(site: &Site) {
    let data = site.dir.path().join("data");
    let camera = CameraId::new("hp-07").unwrap();
    let quarter = now().as_second().div_euclid(900) * 900;
    let closed = (1..=16).map(|ago| {
        let start = Timestamp::from_second(quarter - 900 * ago).unwrap();
        let subject = BinSubject::Line(LineId::new("east-in").unwrap(), Direction::Forward);
        let (class, length) = (RoadUserClass::Bicycle, BinLength::Minute15);
        let key = BinKey { camera: camera.clone(), subject, class, start, length, epoch: 1 };
        let coverage = Coverage {
            camera: camera.clone(),
            start,
            length,
            epoch: 1,
            observed_s: 900.0,
            dropped_share: 0.0,
            grade: Grade::Good,
            config_version: "v1".to_owned(),
        };
        ClosedBins { bins: vec![Bin { key, count: bicycles(start) }], ..ClosedBins::of(coverage) }
    });
    let closed: Vec<ClosedBins> = closed.collect();
    std::fs::create_dir_all(&data).unwrap();
    let clock = SystemClock::shared();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let made = DatabaseOptions::Private { dir: data.join("pg") };
        let database = Database::open(&made, clock.clone()).await.unwrap();
        let cameras = wayside_config::load_site(Some(&site.config())).unwrap().cameras;
        let writing = WriterOptions::new(1, cameras);
        let writer = Writer::start(database.clone(), &data.join("spool"), clock, writing).unwrap();
        writer.submit(closed).unwrap();
        writer.clone().shutdown().await;
        assert_eq!(writer.stats().spooled_rows, 0);
        database.close().await;
    });
}

/// A request as a receiver got it.
struct Posted {
    head: String,
    body: String,
}

impl Posted {
    fn header(&self, name: &str) -> Option<&str> {
        let pairs = self.head.lines().filter_map(|line| line.split_once(": "));
        pairs.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }
}

/// Answers every post with the status of the moment.
fn receiver(status: Arc<AtomicU16>) -> (String, Receiver<Posted>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if let Some(posted) = take(stream, status.load(Ordering::SeqCst)) {
                let _ = tell.send(posted);
            }
        }
    });
    (format!("http://{address}/in"), told)
}

fn take(mut stream: TcpStream, status: u16) -> Option<Posted> {
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    let (mut got, mut buffer) = (Vec::new(), [0; 4_096]);
    loop {
        let text = String::from_utf8_lossy(&got).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let posted = Posted { head: head.to_owned(), body: body.to_owned() };
            let length = posted.header("content-length").and_then(|value| value.parse::<usize>().ok());
            if length.is_some_and(|length| posted.body.len() >= length) {
                write!(stream, "HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                    .ok()?;
                return Some(posted);
            }
        }
        let n = stream.read(&mut buffer).ok().filter(|n| *n > 0)?;
        got.extend_from_slice(&buffer[..n]);
    }
}

/// The start of the hour that a file is about, and the bicycles that were counted in its quarters.
fn hour_of(file: &str) -> (Timestamp, Vec<u64>) {
    let at = file.split_once("-2").map(|(_, rest)| format!("2{}", rest.split('.').next().unwrap())).unwrap();
    let civil = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", &at).unwrap();
    let start = civil.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
    let counts = (0..4).map(|n| u64::from(bicycles(start + (15 * n).minutes())));
    (start, counts.collect())
}

fn files(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// How often an export ended so, as `/metrics` says.
fn exported(site: &Site, name: &str, result: &str) -> u64 {
    let metrics = site.text("/metrics").unwrap_or_default();
    let of_it = |line: &&str| {
        line.starts_with("wayside_exports_total{")
            && line.contains(&format!("export=\"{name}\""))
            && line.contains(&format!("result=\"{result}\""))
    };
    let value = metrics.lines().find(of_it).and_then(|line| line.rsplit(' ').next());
    value.map_or(0, |value| value.parse().unwrap())
}

#[test]
fn exports_arrive_whole_and_none_is_lost() {
    let mut site = Site::new();
    std::fs::write(site.cameras().join("hp-07.toml"), CAMERA).unwrap();
    count(&site);
    let status = Arc::new(AtomicU16::new(503));
    let (url, posts) = receiver(status.clone());
    let directory = site.dir.path().join("files");
    let export =
        |what: &str| format!("[[export]]\nwhat = \"lines\"\nevery = \"hour\"\nafter_minutes = 2\n{what}\n");
    site.configure(&format!(
        "{}{}",
        export(&format!("name = \"kept\"\nformat = \"csv\"\ndirectory = {directory:?}")),
        export(&format!("name = \"sent\"\nformat = \"json\"\nurl = {url:?}\nbearer = \"${{EXPORT_TOKEN}}\"")),
    ));
    site.environment.push(("EXPORT_TOKEN", "t0ken".to_owned()));
    site.environment.push(("WAYSIDE_HOME", common::root().to_string_lossy().into_owned()));
    // Neither can be made: a file lies where the directory should be, the receiver is busy.
    std::fs::write(&directory, "in the way").unwrap();
    site.start();
    let patience = Duration::from_secs(60);
    let first = posts.recv_timeout(patience).unwrap();
    let again = posts.recv_timeout(patience).unwrap();
    let key = first.header("idempotency-key").unwrap().to_owned();
    assert_eq!(again.header("idempotency-key"), Some(key.as_str()), "the same is sent again");
    for name in ["kept", "sent"] {
        wait(patience, "failures to be counted", || (exported(&site, name, "failed") >= 2).then_some(()));
        assert_eq!(exported(&site, name, "made"), 0);
    }

    // Stopped before anything was taken, and started again once both can be made.
    assert!(site.process.take().unwrap().stop());
    std::fs::remove_file(&directory).unwrap();
    status.store(200, Ordering::SeqCst);
    while posts.try_recv().is_ok() {}
    site.start();
    let taken = posts.recv_timeout(patience).unwrap();
    assert_eq!(taken.header("idempotency-key"), Some(key.as_str()), "it is still the same hour");
    assert_eq!(taken.header("authorization"), Some("Bearer t0ken"));
    assert_eq!(taken.body, first.body);
    wait(patience, "both to be made", || {
        (exported(&site, "kept", "made") >= 1 && exported(&site, "sent", "made") >= 1).then_some(())
    });

    let names = files(&directory);
    assert!(names.len() == 1 || names.len() == 2, "an hour, or two if one ended meanwhile: {names:?}");
    assert!(names.iter().all(|name| name.starts_with("kept-") && name.ends_with(".csv")), "{names:?}");
    let (start, counts) = hour_of(&names[0]);
    assert!(key.contains(&start.to_string()), "{key} is about the hour of {}", names[0]);
    let text = std::fs::read_to_string(directory.join(&names[0])).unwrap();
    let mut rows = text.lines();
    let columns: Vec<&str> = rows.next().unwrap().split(',').collect();
    let column =
        |name: &str| columns.iter().position(|c| *c == name).unwrap_or_else(|| panic!("{columns:?}"));
    let (class, direction, count) = (column("class"), column("direction"), column("count"));
    let of_rows: Vec<u64> = rows
        .map(|row| row.split(',').collect::<Vec<_>>())
        .filter(|row| row[class] == "bicycle" && row[direction] == "forward")
        .map(|row| row[count].parse().unwrap())
        .collect();
    assert_eq!(of_rows, counts);
    let posted: Value = serde_json::from_str(&taken.body).unwrap();
    let items = posted["items"].as_array().or_else(|| posted.as_array()).unwrap();
    let of_items: Vec<u64> = items
        .iter()
        .filter(|row| row["class"] == "bicycle" && row["direction"] == "forward")
        .map(|row| row["count"].as_u64().unwrap())
        .collect();
    assert_eq!(of_items, counts);
    let disposition = taken.header("content-disposition").unwrap();
    assert!(
        disposition.contains(&format!("sent-{}.json", start.strftime("%Y%m%dT%H%M%SZ"))),
        "{disposition}"
    );
    assert_eq!(
        files(&site.dir.path().join("data/exports/outbox")),
        Vec::<String>::new(),
        "what was taken is gone"
    );

    // Nothing is made twice: neither by waiting nor by another start.
    let made = files(&directory);
    assert!(site.process.take().unwrap().stop());
    while posts.try_recv().is_ok() {}
    let hours_before = now().as_second() / 3_600;
    site.start();
    let more = posts.recv_timeout(Duration::from_secs(8));
    if now().as_second() / 3_600 == hours_before {
        assert!(more.is_err(), "sent twice: {}", more.unwrap().head);
        assert_eq!(files(&directory), made);
    }
    assert!(site.process.take().unwrap().stop());
    let log = std::fs::read_to_string(site.log()).unwrap();
    assert!(!log.contains("t0ken"), "the token is in the log");
}
