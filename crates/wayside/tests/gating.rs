//! Motion gating in the live engine: two cameras are given the same drawn frames, one of them is gated. Every count
//! of the one must be that of the other, although its detector looked at far fewer frames; and a car that stands
//! still, so that nothing moves, must still be there when it goes on.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of a test fails it the same way"
)]

mod common;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{scratch, wait};
use wayside_camsim::scene::stage::Stage;
use wayside_camsim::{Hazard, SceneKind, SceneSpec, camera_toml};
use wayside_config::load_site;
use wayside_detect::{Model, Provider, Runtime};
use wayside_engine::{DetectorSetup, Engine, EngineParts, OpenSource, Source, Workers};
use wayside_ingest::{FrameSink, IngestError, SourceChange, SourceStats};
use wayside_store::{Checkpoint, Writer, WriterOptions};
use wayside_testkit::{SimClock, TestDb};
use wayside_types::frame::OwnedPixels;
use wayside_types::{
    BinLength, CameraId, CameraSpec, Clock, Frame, FrameSize, LiveEvent, LiveHub, PixelFormat, Profile,
    SharedClock, TimeZone,
};

const FPS: u32 = 10;
const STEP: Duration = Duration::from_millis(100);
/// Just before a minute begins, so that whole minutes are counted.
const BEGIN: &str = "2026-11-21T10:13:59.900Z";
const MINUTES: u32 = 2;

/// Little traffic, and a car that stands in its lane for a while.
fn scene() -> SceneSpec {
    let hazards = vec![Hazard::StoppedVehicle { from_s: 25.0, for_s: 20.0 }];
    SceneSpec { fps: FPS, density: 0.35, hazards, ..SceneSpec::new(SceneKind::Highway, 5) }
}

/// Gives out the cameras' sinks, and says that nothing was received.
#[derive(Default)]
struct Sinks(Mutex<BTreeMap<CameraId, Arc<dyn FrameSink>>>);

struct OpenSinks(Arc<Sinks>);

struct Pushed;

impl Source for Pushed {
    fn stats(&self) -> SourceStats {
        SourceStats {
            frames: 0,
            decoded: 0,
            decode_time: Duration::ZERO,
            due: 0,
            reconnects: 0,
            discontinuities: 0,
            newest_captured_at: None,
            camera_clock_used: true,
        }
    }
}

impl OpenSource for OpenSinks {
    fn open(
        &self,
        spec: &CameraSpec,
        _: SharedClock,
        _: u64,
        sink: Arc<dyn FrameSink>,
    ) -> Result<Box<dyn Source>, IngestError> {
        let size = FrameSize { width: 640, height: 360 };
        sink.state(SourceChange::Live { size, codec: "drawn".to_owned(), decoder: "none".to_owned() });
        self.0.0.lock().unwrap().insert(spec.id.clone(), sink);
        Ok(Box::new(Pushed))
    }
}

/// Line, direction and class with their count, of one camera's closed minutes.
type Counts = BTreeMap<String, u32>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gating_costs_no_count_live() {
    let dir = scratch();
    let clock = SimClock::at(BEGIN);
    let db = TestDb::new().await;
    let database = db.open(clock.shared()).await;
    let (setup, cameras) = site(dir.path());
    let writing = WriterOptions::new(1, cameras.iter().map(|c| CameraSpec::clone(c)).collect());
    let writer = Writer::start(database.clone(), &dir.path().join("spool"), clock.shared(), writing).unwrap();
    let (hub, sinks) = (LiveHub::new(100_000), Arc::new(Sinks::default()));
    let mut heard = hub.subscribe();
    let engine = Engine::start(EngineParts {
        cameras,
        detectors: setup,
        sources: Arc::new(OpenSinks(sinks.clone())),
        time_zone: TimeZone::UTC,
        epoch: 1,
        clock: clock.shared(),
        hub,
        writer: Arc::new(writer.clone()),
        checkpoint: Checkpoint::open(&dir.path().join("checkpoint")).unwrap(),
        seed: 7,
    })
    .unwrap();

    let mut closed: BTreeMap<CameraId, Counts> = BTreeMap::new();
    let (mut minutes, mut spared) = (0, BTreeMap::new());
    let mut listen = || {
        while let Ok(event) = heard.try_recv() {
            match event {
                LiveEvent::Bins { closed: bins, .. } if bins.coverage.length == BinLength::Minute1 => {
                    minutes += 1;
                    let counts = closed.entry(bins.coverage.camera.clone()).or_default();
                    for bin in &bins.bins {
                        *counts.entry(format!("{:?} {:?}", bin.key.subject, bin.key.class)).or_default() +=
                            bin.count;
                    }
                }
                LiveEvent::Camera(status) if status.analysed_fps > 0.0 => {
                    assert_eq!(status.dropped_share, 0.0, "a frame of {} was dropped", status.camera);
                    let most: &mut f64 = spared.entry(status.camera.clone()).or_default();
                    *most = most.max(status.gated_share);
                }
                _ => {}
            }
        }
        minutes
    };
    let mut stage = Stage::new(&scene()).unwrap();
    let sinks: Vec<_> = sinks.0.lock().unwrap().clone().into_iter().collect();
    for seq in 0..=u64::from(MINUTES * 60 * FPS) {
        clock.advance(STEP);
        let frame = drawn(&mut stage, &clock, seq);
        for (camera, sink) in &sinks {
            sink.frame(Frame { camera: camera.clone(), ..frame.clone() });
        }
        while engine.waiting() > 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        listen();
    }
    clock.advance(Duration::from_secs(10));
    wait(Duration::from_secs(30), "both cameras' minutes", || (listen() >= 2 * MINUTES).then_some(()));
    engine.stop().unwrap();
    writer.shutdown().await;

    let (gated, whole) = (CameraId::new("gated").unwrap(), CameraId::new("whole").unwrap());
    assert_eq!(closed[&gated], closed[&whole]);
    let crossings: u32 = closed[&whole].values().sum();
    assert!(crossings >= 10, "hardly anybody crossed a line: {crossings}");
    assert_eq!(spared[&whole], 0.0);
    assert!(spared[&gated] > 0.5, "the detector was hardly spared anything: {}", spared[&gated]);
}

/// The drawn camera twice, once gated and once not, and the detector of its profile.
fn site(dir: &std::path::Path) -> (DetectorSetup, Vec<Arc<CameraSpec>>) {
    let folder = dir.join("cameras");
    std::fs::create_dir(&folder).unwrap();
    let text = camera_toml(&scene(), "rtsp://127.0.0.1:1/never-opened").unwrap();
    std::fs::write(folder.join("highway.toml"), text).unwrap();
    let config = dir.join("wayside.toml");
    let data = dir.join("data");
    let settings = format!("data_dir = {data:?}\ntimezone = \"UTC\"\ncameras_dir = {folder:?}\n");
    std::fs::write(&config, settings).unwrap();
    let mut site = load_site(Some(&config)).unwrap();
    let drawn = site.cameras.remove(0);
    let camera = |id: &str, gate| {
        let mut motion = drawn.profile.motion;
        motion.gate = gate;
        let profile = Profile { rate_fps: f64::from(FPS), motion, ..Profile::clone(&drawn.profile) };
        Arc::new(CameraSpec { id: CameraId::new(id).unwrap(), profile: Arc::new(profile), ..drawn.clone() })
    };
    let setup = DetectorSetup {
        runtime: Runtime::load(&site.settings.onnxruntime).unwrap(),
        models: vec![Model::load(&site.settings.models_dir, &drawn.profile.model).unwrap()],
        model_files_dir: site.settings.model_files_dir.clone(),
        provider: Provider::Cpu,
        workers: Workers::Exactly(2),
    };
    (setup, vec![camera("gated", true), camera("whole", false)])
}

fn drawn(stage: &mut Stage, clock: &SimClock, seq: u64) -> Frame {
    let (width, height) = (640, 360);
    let data = stage.next_frame().data;
    let (luma, chroma) = data.split_at(width * height);
    let (u, v) = chroma.split_at(chroma.len() / 2);
    let planes = vec![(luma.to_vec(), width), (u.to_vec(), width / 2), (v.to_vec(), width / 2)];
    Frame {
        camera: CameraId::new("drawn").unwrap(),
        captured_at: clock.now(),
        media_time: STEP * u32::try_from(seq).unwrap(),
        seq,
        size: FrameSize { width: 640, height: 360 },
        format: PixelFormat::I420,
        pixels: Arc::new(OwnedPixels::planar(planes)),
    }
}
