//! A whole site in one process: drawn frames with canaries, the real detector, engine, writer, private
//! database and API, on a clock that moves with the frames. Then everything is searched that it wrote or sent.

mod feed;
mod http;

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use metrics_exporter_prometheus::PrometheusBuilder;
use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::Value;
use wayside_api::{ApiParts, Publisher};
use wayside_camsim::scene::stage::Stage;
use wayside_camsim::{Hazard, SceneKind, SceneSpec, camera_toml};
use wayside_config::{Settings, load_site};
use wayside_detect::{Detector, Model, Provider, Runtime};
use wayside_engine::{DetectorSetup, Engine, EngineParts, Workers};
use wayside_store::{Checkpoint, Database, DatabaseOptions, Writer, WriterOptions, epoch};
use wayside_testkit::SimClock;
use wayside_track::Tracker;
use wayside_types::frame::OwnedPixels;
use wayside_types::{CameraSpec, Frame, FrameSize, LineId, LiveHub, Location, PixelFormat, TimeZone};

use crate::canary::{Canary, Forms, Searcher, canary};
use crate::common::wait;
use crate::search::{no_hidden_files, nothing_counted, nothing_in, search_files};
use feed::{Feed, OpenFeed};

const SEED: u64 = 0x5eed_0001;
/// A quarter of an hour ends within the run, and so do two minutes.
const BEGIN: &str = "2026-11-21T10:13:56Z";
const SECONDS: u64 = 66;
const FPS: u32 = 10;
const STEP: Duration = Duration::from_millis(100);
/// Traffic before the first frame, so that the street is not empty.
const AHEAD_S: u32 = 12;
/// Every so many frames, boxes are canaries.
const BOXES_EVERY: u64 = 3;
/// Distance of canaries in the picture: any crop worth keeping holds one.
const GRID: (usize, usize) = (64, 36);

/// A search for the frames' canary alone.
pub fn plain_searcher() -> Searcher {
    let mut forms = Forms::default();
    forms.frame(&canary(SEED));
    forms.searcher(canary(SEED))
}

/// Where the log goes.
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

/// The whole run and the whole search, in `dir`.
#[expect(clippy::disallowed_methods, reason = "says how long it really took")]
pub fn run(dir: &Path) {
    let began = Instant::now();
    let log = start_log();
    let site = Site::start(dir);
    let listeners = [site.listen_live(true), site.listen_live(false)];
    let shapes = site.listen_silhouette();
    let (planted, forms) = site.feed();
    let boxes = forms.boxes();
    let searcher = forms.searcher(planted);
    eprintln!("{boxes} boxes, {:?} until the last frame", began.elapsed());
    search_files(&dir.join("data"), &searcher);
    let sent = site.fetch_everything(&planted);
    let (data, lines) = (dir.join("data"), site.lines.clone());
    let metrics = site.get("/metrics", &[]).text();
    site.stop();
    let kept = search_files(&data, &searcher);
    let live: Vec<String> =
        listeners.into_iter().map(|l| String::from_utf8(l.join().unwrap()).unwrap()).collect();
    for (name, bytes) in &sent {
        nothing_in(name, bytes, &searcher);
    }
    for text in &live {
        nothing_in("live events", text.as_bytes(), &searcher);
    }
    let shapes = String::from_utf8(shapes.join().unwrap()).unwrap();
    nothing_in("the silhouette", shapes.as_bytes(), &searcher);
    assert!(shapes.contains("event: grid") && shapes.contains("event: cells"), "no silhouette was sent");
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    nothing_in("the log", log.as_bytes(), &searcher);
    nothing_counted("the log", &log, &lines);
    nothing_counted("/metrics", &metrics, &lines);

    // A run that did nothing has nothing to hide.
    assert!(boxes > 200, "hardly any boxes: {boxes}");
    assert!(log.lines().count() > 20, "hardly anything was logged:\n{log}");
    assert!(kept > 1_000_000, "hardly anything was kept: {kept} bytes");
    let analysed = metrics.lines().find(|l| l.starts_with("wayside_frames_analysed_total{")).unwrap();
    assert!(analysed.ends_with(&format!(" {}", SECONDS * u64::from(FPS))), "not every frame: {analysed}");
    assert!(live[0].contains("event: icons") && live[0].contains("\"row\":"), "no icons were sent");
    assert!(!live[1].contains("event: icons"), "icons were sent to a program");
    assert!(live.iter().all(|text| text.contains("event: bins")), "no bins were sent");
    assert!(live.iter().all(|text| text.contains("event: incident")), "no incident was sent");
    eprintln!("{kept} bytes kept, {} answers, {:?} in all", sent.len(), began.elapsed());
}

fn start_log() -> Log {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_env_filter("info,wayside=trace")
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    log
}

struct Site {
    runtime: tokio::runtime::Runtime,
    clock: SimClock,
    feed: Arc<Feed>,
    engine: Engine,
    writer: Writer,
    database: Database,
    camera: CameraSpec,
    lines: Vec<String>,
    detectors: DetectorSetup,
    address: SocketAddr,
    stop: tokio::sync::oneshot::Sender<()>,
    server: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Site {
    fn start(dir: &Path) -> Self {
        let (settings, camera) = configured(dir);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let inside = runtime.enter();
        let metrics = PrometheusBuilder::new().install_recorder().unwrap();
        let clock = SimClock::at(BEGIN);
        let hub = LiveHub::new(1_024);
        let options = DatabaseOptions::Private { dir: settings.data_dir.join("pg") };
        let database = runtime.block_on(Database::open(&options, clock.shared())).unwrap();
        let epoch = epoch::next(&settings.data_dir, &clock).unwrap();
        let writing = WriterOptions::new(epoch, vec![camera.clone()]);
        let spool = settings.data_dir.join("spool");
        let writer = Writer::start(database.clone(), &spool, clock.shared(), writing).unwrap();
        let checkpoint = Checkpoint::open(&settings.data_dir.join("checkpoint")).unwrap();
        writer.recover(&checkpoint).unwrap();
        let detectors = detectors(&settings, &camera);
        let feed = Arc::new(Feed::default());
        let engine = Engine::start(EngineParts {
            cameras: vec![Arc::new(camera.clone())],
            detectors: detectors.clone(),
            sources: Arc::new(OpenFeed(feed.clone())),
            time_zone: TimeZone::UTC,
            epoch,
            clock: clock.shared(),
            hub: hub.clone(),
            writer: Arc::new(writer.clone()),
            checkpoint,
            seed: SEED,
        })
        .unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let counted = writer.clone();
        let router = wayside_api::router(ApiParts {
            cameras: Arc::new([camera.clone()]),
            schemes: Arc::new([]),
            ground: Arc::new(|_, _| None),
            publisher: Publisher { country: "zz".to_owned(), identifier: "test".to_owned() },
            hub,
            database: database.clone(),
            writer_stats: Arc::new(move || counted.stats()),
            clock: clock.shared(),
            random: wayside_api::os_random(),
            time_zone: TimeZone::UTC,
            metrics: Arc::new(move || metrics.render()),
            version: "test",
            listen: address,
        });
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let server = runtime.spawn(wayside_api::serve(listener, router, async {
            let _ = stopped.await;
        }));
        drop(inside);
        let lines = camera.lines.iter().map(|line| line.id.to_string()).collect();
        Self {
            runtime,
            clock,
            feed,
            engine,
            writer,
            database,
            camera,
            lines,
            detectors,
            address,
            stop,
            server,
        }
    }

    /// Draws, plants and pushes every frame, and sees for itself which boxes are in it.
    fn feed(&self) -> (Canary, Forms) {
        let planted = canary(SEED);
        let mut forms = Forms::default();
        forms.frame(&planted);
        let sink = self.feed.sink.lock().unwrap().clone().unwrap();
        let mut stage = Stage::new(&scene()).unwrap();
        (0..AHEAD_S * FPS).for_each(|_| stage.skip());
        let size = FrameSize { width: 640, height: 360 };
        let mut tracker = Tracker::new(self.camera.profile.track, size);
        // The same frames, the same model, the same boxes: what the engine sees and nobody may be told.
        let mut witness: Detector = self.detectors.open().unwrap().remove(0);
        for seq in 0..SECONDS * u64::from(FPS) {
            self.clock.advance(STEP);
            let frame = Frame {
                camera: self.camera.id.clone(),
                captured_at: wayside_types::Clock::now(&self.clock),
                media_time: STEP * u32::try_from(seq).unwrap(),
                seq,
                size,
                format: PixelFormat::I420,
                pixels: Arc::new(plant(&stage.next_frame().data, &planted)),
            };
            sink.frame(frame.clone());
            *self.feed.frames.lock().unwrap() += 1;
            let detections = witness.detect(&[frame], 0.1).unwrap().remove(0);
            let tracks = tracker.update(wayside_types::Clock::now(&self.clock), &detections);
            if seq % BOXES_EVERY == 0 {
                detections.iter().for_each(|d| forms.bbox(&d.bbox));
                tracks.active.iter().for_each(|t| forms.bbox(&t.bbox));
                no_hidden_files();
            }
            while self.engine.waiting() > 0 {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        // The bins end, and the ticker sees it.
        self.clock.advance(Duration::from_secs(10));
        wait(Duration::from_secs(30), "bins and an incident in the database", || {
            let quarter = self.rows("lines", "15m");
            let minutes = self.rows("lines", "1m");
            let incident = self.incidents().into_iter().next()?;
            let path = format!("/api/v1/incidents/{}", incident["id"].as_str()?);
            let one: Value = serde_json::from_str(&self.get(&path, &[]).text()).unwrap();
            let stills = one["stills"].as_array().is_some_and(|stills| stills.len() == 2);
            (quarter >= 1 && minutes >= 2 && stills).then_some(())
        });
        (planted, forms)
    }

    /// Bins with something in them, as the API answers them.
    fn rows(&self, kind: &str, bin: &str) -> usize {
        let path = format!("/api/v1/measurements?kind={kind}&bin={bin}&limit=10000");
        let answer: Value = serde_json::from_str(&self.get(&path, &[]).text()).unwrap();
        let items = answer["items"].as_array().cloned().unwrap_or_default();
        items
            .iter()
            .filter(|item| item["count"].as_u64().is_some_and(|n| n > 0) || item["count"] == "<3")
            .count()
    }

    /// The incidents that are kept.
    fn incidents(&self) -> Vec<Value> {
        let answer: Value = serde_json::from_str(&self.get("/api/v1/incidents", &[]).text()).unwrap();
        answer["items"].as_array().cloned().unwrap_or_default()
    }

    /// Every route with every choice that changes what is sent: heads and bodies, as they came and unpacked.
    fn fetch_everything(&self, planted: &Canary) -> Vec<(String, Vec<u8>)> {
        let id = self.camera.id.as_str();
        let session = self.session();
        let page = [("Cookie", session.as_str()), ("Sec-Fetch-Site", "same-origin")];
        let mut paths: Vec<String> =
            ["/", "/api/v1/cameras", "/healthz", "/readyz", "/metrics", "/api/openapi.json"]
                .map(str::to_owned)
                .to_vec();
        paths.extend(["", "/background", "/audits"].map(|what| format!("/api/v1/cameras/{id}{what}")));
        for (kind, bins) in [
            ("lines", ["1m", "5m", "15m", "1h", "1d"].as_slice()),
            ("movements", &["15m", "1h", "1d"]),
            ("zones", &["15m", "1h", "1d"]),
        ] {
            paths.extend(bins.iter().map(|bin| format!("/api/v1/measurements?kind={kind}&bin={bin}")));
        }
        paths.extend(
            ["15m", "1h", "1d"].map(|bin| format!("/api/v1/measurements/matrix?bin={bin}&camera={id}")),
        );
        paths.extend(
            ["typical", "movers", "peaks", "gaps"].map(|what| format!("/api/v1/measurements/{what}")),
        );
        paths.extend(export_paths());
        let incident = self.incidents().first().unwrap()["id"].as_str().unwrap().to_owned();
        let one = format!("/api/v1/incidents/{incident}");
        paths.extend(["start", "confirmed"].map(|still| format!("{one}/stills/{still}")));
        paths.extend(["/api/v1/incidents".to_owned(), one]);
        self.all_routes_are_in(&paths, &incident);
        let mut sent = Vec::new();
        for path in &paths {
            for accept in ["*/*", "text/csv"] {
                for from in [page.as_slice(), &[]] {
                    let more = [("Accept", accept), ("Accept-Encoding", "gzip")];
                    let answer = self.get(path, &[from, &more].concat());
                    sent.push((format!("{path} ({accept}), head"), answer.head.into_bytes()));
                    sent.push((format!("{path} ({accept}), body"), answer.body));
                }
            }
        }
        let csv = self.get("/api/v1/measurements?bin=15m", &[("Accept", "text/csv")]).text();
        assert!(csv.lines().count() > 1, "no CSV: {csv}");
        let packed = sent.iter().filter(|(_, bytes)| bytes.starts_with(&[0x1f, 0x8b])).count();
        assert!(packed > 5, "only {packed} answers were packed");
        sent.extend(self.files_unpacked());
        self.background_is_searched(planted, &page);
        self.stills_are_searched(&incident, &page);
        sent
    }

    /// What is inside of files that compress their own parts.
    fn files_unpacked(&self) -> Vec<(String, Vec<u8>)> {
        let plain = [("Accept-Encoding", "identity")];
        let book = self.get("/api/v1/measurements?format=xlsx", &plain).body;
        let parts = unzipped(&book);
        assert!(parts.len() > 8, "a workbook of {} parts", parts.len());
        let rows = ["lines", "movements", "zones"].map(|kind| {
            let path = format!("/api/v1/measurements?format=parquet&kind={kind}&bin=15m");
            let file = SerializedFileReader::new(bytes::Bytes::from(self.get(&path, &plain).body)).unwrap();
            let rows: Vec<String> =
                file.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string()).collect();
            assert!(kind != "lines" || !rows.is_empty(), "no rows of {kind}");
            (format!("{path}, unpacked"), rows.join("\n").into_bytes())
        });
        let parts = parts.into_iter().map(|part| ("a part of the workbook".to_owned(), part));
        parts.chain(rows).collect()
    }

    /// There is a background, and the search would find the canary in such a picture.
    fn background_is_searched(&self, planted: &Canary, page: &[(&str, &str)]) {
        let path = format!("/api/v1/cameras/{}/background", self.camera.id);
        let jpeg = self.get(&path, page);
        assert!(jpeg.head.contains("image/jpeg"), "no background: {}", jpeg.head);
        let picture = image::load_from_memory(&jpeg.body).unwrap();
        assert!(picture.width() <= 480, "the background is {} px wide", picture.width());
        assert!(!self.get(&path, &[]).head.contains("image/jpeg"), "a program was given the background");

        let drawn = plant(&Stage::new(&scene()).unwrap().next_frame().data, planted);
        let luma = wayside_types::PixelBuffer::plane(&drawn, 0).data.to_vec();
        let whole = image::GrayImage::from_raw(640, 360, luma).unwrap();
        let mut bytes = std::io::Cursor::new(Vec::new());
        image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 85).encode_image(&whole).unwrap();
        let found = plain_searcher().find(bytes.get_ref());
        assert!(!found.is_empty(), "a whole frame as JPEG would not be noticed");
    }

    /// There are stills, no larger than they may be, and for the page only.
    fn stills_are_searched(&self, incident: &str, page: &[(&str, &str)]) {
        for still in ["start", "confirmed"] {
            let path = format!("/api/v1/incidents/{incident}/stills/{still}");
            let jpeg = self.get(&path, page);
            assert!(jpeg.head.contains("image/jpeg"), "no still: {}", jpeg.head);
            let picture = image::load_from_memory(&jpeg.body).unwrap();
            assert!(picture.width() <= 480, "the still is {} px wide", picture.width());
            assert!(!self.get(&path, &[]).head.contains("image/jpeg"), "a program was given a still");
        }
    }

    /// A route that this test does not know would go unsearched.
    fn all_routes_are_in(&self, paths: &[String], incident: &str) {
        let api: Value = serde_json::from_str(&self.get("/api/openapi.json", &[]).text()).unwrap();
        for (route, item) in api["paths"].as_object().unwrap() {
            // A tally that is handed in is answered with rows like those that are listed.
            let is_known =
                |method: &String| method == "get" || method == "post" && route.ends_with("/audits");
            assert!(item.as_object().unwrap().keys().all(is_known), "{route} does more than GET: search it");
            let id = if route.starts_with("/api/v1/incidents") { incident } else { self.camera.id.as_str() };
            let path =
                route.replace("{id}", id).replace("{still}", "confirmed").replace("{resource}", "Things");
            // Streams are listened to from the first frame to the last.
            let is_stream = route == "/api/v1/live" || route.ends_with("/silhouette");
            let known = paths.iter().any(|p| p.split('?').next() == Some(&path)) || is_stream;
            assert!(known, "{route} is not searched");
        }
    }

    fn stop(self) {
        self.stop.send(()).unwrap();
        self.runtime.block_on(self.server).unwrap().unwrap();
        self.engine.stop().unwrap();
        self.runtime.block_on(async {
            self.writer.shutdown().await;
            self.database.close().await;
        });
    }
}

/// The exports, each as a whole.
fn export_paths() -> Vec<String> {
    let sta = "/api/v1/sta/v1.1";
    let sets = ["Things", "Locations", "Sensors", "ObservedProperties", "FeaturesOfInterest"];
    let plain = ["/api/v1/geojson", "/api/v1/datex2/measurement-sites", "/api/v1/datex2/measured-data", sta];
    let formats = ["xlsx", "parquet", "csv"].map(|format| format!("/api/v1/measurements?format={format}"));
    let all = ["Datastreams", "Observations"].map(|set| format!("{sta}/{set}?$top=1000"));
    let data = "/api/v1/datex2/measured-data?bin=1m&from=2026-11-21T10:13:00Z&to=2026-11-21T10:15:00Z";
    let plain = plain.into_iter().chain([data]).map(str::to_owned);
    plain.chain(sets.map(|set| format!("{sta}/{set}"))).chain(formats).chain(all).collect()
}

/// The parts of a ZIP archive (APPNOTE 4.3.7), inflated.
fn unzipped(archive: &[u8]) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    for at in 0..archive.len().saturating_sub(30) {
        let head = &archive[at..];
        if !head.starts_with(b"PK\x03\x04") {
            continue;
        }
        let length = |at: usize| usize::from(u16::from_le_bytes([head[at], head[at + 1]]));
        let start = 30 + length(26) + length(28);
        let mut part = Vec::new();
        if length(8) == 8 {
            flate2::read::DeflateDecoder::new(&head[start..]).read_to_end(&mut part).unwrap();
        }
        parts.push(part);
    }
    parts
}

fn scene() -> SceneSpec {
    // Somebody drives the wrong way, so that there is an incident to search.
    let hazards = vec![Hazard::WrongWay { from_s: f64::from(AHEAD_S) + 10.0 }];
    SceneSpec { fps: FPS, density: 1.5, hazards, ..SceneSpec::new(SceneKind::Arterial, 11) }
}

/// A site with the drawn camera, whose lines have names that occur nowhere else.
fn configured(dir: &Path) -> (Settings, CameraSpec) {
    let cameras = dir.join("cameras");
    std::fs::create_dir(&cameras).unwrap();
    let text = camera_toml(&scene(), "rtsp://127.0.0.1:1/never-opened").unwrap();
    std::fs::write(cameras.join("arterial.toml"), text).unwrap();
    let config = dir.join("wayside.toml");
    let (data, timezone) = (dir.join("data"), "UTC");
    std::fs::create_dir(&data).unwrap();
    let settings = format!("data_dir = {data:?}\ntimezone = {timezone:?}\ncameras_dir = {cameras:?}\n");
    std::fs::write(&config, settings).unwrap();
    let mut site = load_site(Some(&config)).unwrap();
    let mut camera = site.cameras.remove(0);
    for (n, line) in camera.lines.iter_mut().enumerate() {
        let bits = u128::from_le_bytes(canary(SEED + 1 + n as u64));
        line.id = LineId::new(&format!("line-{bits:032x}")).unwrap();
    }
    // With a place there are measurement sites to publish.
    camera.location = Some(Location { lon: 126.63, lat: 45.6, heading_deg: None });
    (site.settings, camera)
}

fn detectors(settings: &Settings, camera: &CameraSpec) -> DetectorSetup {
    DetectorSetup {
        runtime: Runtime::load(&settings.onnxruntime).unwrap(),
        models: vec![Model::load(&settings.models_dir, &camera.profile.model).unwrap()],
        model_files_dir: settings.model_files_dir.clone(),
        provider: Provider::Cpu,
        workers: Workers::Exactly(1),
    }
}

/// The frame's planes with the canary all over them: four rows high in the luma, so that a picture of it would
/// show it, too.
fn plant(i420: &[u8], canary: &Canary) -> OwnedPixels {
    let (width, height) = (640, 360);
    let (luma, chroma) = i420.split_at(width * height);
    let (u, v) = chroma.split_at(chroma.len() / 2);
    let planted = |plane: &[u8], width: usize, rows: usize, grid: (usize, usize)| {
        let mut plane = plane.to_vec();
        let last = plane.len() / width - rows;
        for top in (0..=last).step_by(grid.1).chain([last]) {
            for left in (0..=width - canary.len()).step_by(grid.0).chain([width - canary.len()]) {
                for row in top..top + rows {
                    plane[row * width + left..][..canary.len()].copy_from_slice(canary);
                }
            }
        }
        (plane, width)
    };
    let half = (GRID.0 / 2, GRID.1 / 2);
    OwnedPixels::planar(vec![
        planted(luma, width, 4, GRID),
        planted(u, width / 2, 1, half),
        planted(v, width / 2, 1, half),
    ])
}
