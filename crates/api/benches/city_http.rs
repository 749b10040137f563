//! What HTTP adds to questions at the size of a city: the same questions through the served API, to the last byte, and to the store
//! alone, by turns. `cargo bench -p wayside-api --bench city_http -- DIR CAMERAS [ONLY]` asks the database that the store's bench
//! `city` filled in `DIR` with so many cameras; `ONLY` is a part of the names of those questions that are to be asked.

#![expect(clippy::print_stdout, reason = "a bench prints its result")]
#![expect(clippy::disallowed_methods, reason = "a bench measures real time")]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wayside_api::{ApiParts, Publisher, os_random, router, serve};
use wayside_store::query::{GroupBy, GroupKey, MeasurementQuery, Pages};
use wayside_store::{Cluster, ClusterOptions, Database, DatabaseOptions, WriterStats};
use wayside_testkit::{SimClock, bench_arguments, camera};
use wayside_types::{BinLength, CameraId, CameraSpec, Line, LineId, LiveHub, Point, TimeZone};

/// When the bench `city` says it is.
const NOW: &str = "2026-11-02T08:50:00Z";
const RUNS: usize = 15;
const LIMIT: u32 = 10_000;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let Some(mut arguments) = bench_arguments() else { return Ok(()) };
    let dir = arguments.next().ok_or("name the directory that the bench city filled")?;
    let many: usize = arguments.next().ok_or("say how many cameras it was filled with")?.parse()?;
    let only = arguments.next().unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(run(Path::new(&dir), many, &only))
}

async fn run(dir: &Path, many: usize, only: &str) -> Result<()> {
    let mut options = ClusterOptions::new(dir.join("pg"));
    options.durable = true;
    let cluster = tokio::task::spawn_blocking(move || Cluster::start(&options)).await??;
    let clock = SimClock::at(NOW);
    let url = DatabaseOptions::Url(cluster.url("city")?);
    let database = Database::open(&url, clock.shared()).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let listen = listener.local_addr()?;
    let parts = ApiParts {
        cameras: (0..many).map(drawn).collect::<Result<Vec<_>>>()?.into(),
        schemes: Arc::new([]),
        ground: Arc::new(|_, _| None),
        publisher: Publisher { country: "zz".to_owned(), identifier: "bench".to_owned() },
        hub: LiveHub::new(4),
        database: database.clone(),
        writer_stats: Arc::new(WriterStats::default),
        clock: clock.shared(),
        random: os_random(),
        time_zone: TimeZone::UTC,
        metrics: Arc::new(String::new),
        version: "bench",
        listen,
    };
    let served = tokio::spawn(serve(listener, router(parts), std::future::pending()));
    let one = format!("cam-{:04}", many / 2);
    let all = String::new();
    let (month, day) = (("2026-10-01", "2026-11-01"), ("2026-10-15", "2026-10-16"));
    let questions = [
        ("a camera's month of 15 minutes", &one, month, BinLength::Minute15, "none"),
        (
            "a camera's month of 15 minutes by line and direction",
            &one,
            month,
            BinLength::Minute15,
            "line,direction",
        ),
        ("a camera's month of hours", &one, month, BinLength::Hour, "none"),
        ("everybody's day", &all, day, BinLength::Day, "none"),
        ("everybody's day by hours", &all, day, BinLength::Hour, "none"),
    ];
    for (what, camera, (from, to), bin, group) in questions {
        for detail in ["all", "counts"] {
            let what = format!("{what}, detail={detail}");
            if !what.contains(only) {
                continue;
            }
            let mut query = MeasurementQuery::new(
                format!("{from}T00:00:00Z").parse()?,
                format!("{to}T00:00:00Z").parse()?,
                bin,
                TimeZone::UTC,
            );
            if !camera.is_empty() {
                query.cameras = vec![CameraId::new(camera)?];
            }
            query.group_by = match group {
                "none" => GroupBy::new(),
                _ => GroupBy::from([GroupKey::Line, GroupKey::Direction]),
            };
            (query.flows, query.with_quality, query.limit) = (detail == "all", detail == "all", LIMIT);
            let cameras = if camera.is_empty() { String::new() } else { format!("&camera={camera}") };
            let path = format!(
                "/api/v1/measurements?from={from}T00:00:00Z&to={to}T00:00:00Z&bin={}&group={group}&detail={detail}\
                 &limit={LIMIT}{cameras}",
                bin.as_str()
            );
            compare(&database, listen.port(), &what, &path, &query).await?;
        }
    }
    served.abort();
    database.close().await;
    tokio::task::spawn_blocking(move || cluster.stop()).await?;
    Ok(())
}

/// A camera as the bench `city` has it.
fn drawn(n: usize) -> Result<CameraSpec> {
    let line = |id: &str| -> Result<Line> {
        Ok(Line { id: LineId::new(id)?, points: [Point::new(0.2, 0.5), Point::new(0.8, 0.5)] })
    };
    Ok(CameraSpec { lines: vec![line("in")?, line("out")?], ..camera(&format!("cam-{n:04}")) })
}

/// Asks the store, the API and the API for a compressed answer, by turns.
async fn compare(
    database: &Database,
    port: u16,
    what: &str,
    path: &str,
    query: &MeasurementQuery,
) -> Result<()> {
    let paths = all_pages(port, path).await?;
    let [mut store, mut http, mut gzip] = [const { Vec::new() }; 3];
    let (mut rows, mut bytes, mut packed) = (0, 0, 0);
    for _ in 0..RUNS {
        let began = Instant::now();
        let mut pages = Pages::new(database, query.clone());
        rows = 0;
        while let Some(page) = pages.next().await? {
            rows += page.len();
        }
        store.push(ms(began));
        for (accepted, took, bytes) in [("identity", &mut http, &mut bytes), ("gzip", &mut gzip, &mut packed)]
        {
            let began = Instant::now();
            *bytes = 0;
            for path in &paths {
                *bytes += get(port, path, accepted).await?.len();
            }
            took.push(ms(began));
        }
    }
    println!("{what}: {rows} rows, {} pages", paths.len());
    for (how, took, bytes) in [("store", store, 0), ("HTTP", http, bytes), ("HTTP, gzip", gzip, packed)] {
        let (p50, worst) = middle_and_worst(took);
        let size = if bytes > 0 { format!(", {:.2} MB", bytes as f64 / 1e6) } else { String::new() };
        println!("  {how}: p50 {p50:.0} ms, worst of {RUNS} {worst:.0} ms{size}");
    }
    Ok(())
}

/// The paths of all pages, the first of which is known.
async fn all_pages(port: u16, path: &str) -> Result<Vec<String>> {
    let mut paths = vec![path.to_owned()];
    loop {
        let last = paths.last().map_or(path, String::as_str);
        let answer = String::from_utf8(get(port, last, "identity").await?)?;
        if !answer.starts_with("HTTP/1.1 200 ") {
            return Err(format!("{last}: {}", answer.get(..2_000).unwrap_or(&answer)).into());
        }
        let cursor = answer.rsplit_once("\"next_cursor\":\"").and_then(|(_, rest)| rest.split('"').next());
        let Some(cursor) = cursor else { return Ok(paths) };
        paths.push(format!("{path}&cursor={cursor}"));
    }
}

/// An answer to its last byte, head and chunk sizes included.
async fn get(port: u16, path: &str, accepted: &str) -> Result<Vec<u8>> {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\naccept: application/json\r\naccept-encoding: {accepted}\r\n\
         connection: close\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await?;
    Ok(answer)
}

fn ms(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1_000.0
}

fn middle_and_worst(mut took: Vec<f64>) -> (f64, f64) {
    took.sort_by(f64::total_cmp);
    let at = |index: usize| took.get(index).copied().unwrap_or_default();
    (at(took.len() / 2), at(took.len().saturating_sub(1)))
}
