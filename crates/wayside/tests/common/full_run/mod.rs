//! A whole site in one process: drawn frames with canaries, the real detector, engine, writer, private
//! database and API, on a clock that moves with the frames. Then everything is searched that it wrote or sent. What is drawn is
//! in `drawn`, what the site is asked for in `answers`, with the client in `http`.

mod answers;
mod drawn;
mod feed;
mod http;

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::Value;
use wayside_api::{ApiParts, Publisher};
use wayside_camsim::camera_toml;
use wayside_camsim::scene::stage::Stage;
use wayside_config::{Settings, load_site};
use wayside_detect::{Detector, Model, Provider, Runtime};
use wayside_engine::{DetectorSetup, Engine, EngineParts, Workers};
use wayside_store::{Checkpoint, Database, DatabaseOptions, Writer, WriterOptions, epoch};
use wayside_testkit::SimClock;
use wayside_track::Tracker;
use wayside_types::{CameraSpec, Frame, FrameSize, LineId, LiveHub, Location, PixelFormat, TimeZone};

use crate::canary::{Canary, Forms, Searcher, canary};
use crate::common::wait;
use crate::search::{no_hidden_files, nothing_counted, nothing_in, search_files};
use drawn::{AHEAD_S, FPS, plant, scene};
use feed::{Feed, OpenFeed};

const SEED: u64 = 0x5eed_0001;
/// A quarter of an hour ends within the run, and so do two minutes.
const BEGIN: &str = "2026-11-21T10:13:56Z";
const SECONDS: u64 = 66;
const STEP: Duration = Duration::from_millis(100);
/// Every so many frames, boxes are canaries.
const BOXES_EVERY: u64 = 3;

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
