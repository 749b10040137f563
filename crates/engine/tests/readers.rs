//! Makes the background views, the silhouettes and the stills of incidents that readers of faces and plates must find nothing in: the real detector, the real
//! running background and the real redaction over frames in which somebody planted something. Planting and
//! reading are done by tests/readers, which starts this; on its own it has nothing to do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of a test fails it the same way"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use wayside_detect::{Detector, DetectorOptions, Lift, Model, Runtime};
use wayside_engine::evidence::Evidence;
use wayside_engine::view::LiveView;
use wayside_ingest::background::{Background, reduced};
use wayside_redact::{BackgroundPicture, MAX_WIDTH_PX, Marks, Still, background_jpeg};
use wayside_types::frame::OwnedPixels;
use wayside_types::{
    BBox, CameraId, Detection, Frame, FrameSize, Incident, IncidentKind, IncidentRecord, PixelFormat,
    Severity, Timestamp,
};

/// Where tests/readers put cases.json and the frames, and wants the pictures.
const FOLDER: &str = "WAYSIDE_READERS_DIR";
/// Long enough for the first picture, and for one of a median that has all its samples.
const SECONDS: u32 = 40;
/// When an incident is detected.
const DETECTED_S: u32 = 30;
/// As the engine's worker asks.
const LOWEST_SCORE: f32 = 0.1;

#[test]
#[ignore = "makes pictures for tests/readers, which runs it: scripts/readers"]
fn make_the_views_that_readers_look_at() {
    let folder = PathBuf::from(std::env::var_os(FOLDER).expect("WAYSIDE_READERS_DIR names the folder"));
    let cases: Vec<Value> =
        serde_json::from_slice(&std::fs::read(folder.join("cases.json")).unwrap()).unwrap();
    assert!(!cases.is_empty(), "no cases");
    let mut detector = detector();
    for case in &cases {
        Case::read(&folder, case).make(&mut detector);
    }
}

fn detector() -> Detector {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let runtime = Runtime::load(&root.join(".wayside/lib/libonnxruntime.so")).unwrap();
    let model = Model::load(&root.join("models"), "yolox_nano").unwrap();
    let options = DetectorOptions { max_batch: 1, ..DetectorOptions::default() };
    Detector::open(&runtime, &model, &root.join(".wayside/models"), &options).unwrap()
}

/// What one camera sends: the same few frames, one a second, over and over.
struct Case {
    folder: PathBuf,
    name: String,
    frames: Vec<Frame>,
}

impl Case {
    fn read(folder: &Path, case: &Value) -> Self {
        let side = |name: &str| u32::try_from(case[name].as_u64().unwrap()).unwrap();
        let size = FrameSize { width: side("width"), height: side("height") };
        let file = |name: &Value| frame(&std::fs::read(folder.join(name.as_str().unwrap())).unwrap(), size);
        Self {
            folder: folder.to_owned(),
            name: case["name"].as_str().unwrap().to_owned(),
            frames: case["frames"].as_array().unwrap().iter().map(file).collect(),
        }
    }

    fn make(&self, detector: &mut Detector) {
        let found: Vec<Vec<Detection>> = self
            .frames
            .iter()
            .map(|frame| detector.detect(std::slice::from_ref(frame), LOWEST_SCORE).unwrap().remove(0))
            .collect();
        self.write_boxes(&found);
        let mut view = LiveView::new(None, Duration::ZERO);
        let mut unredacted = Background::new(MAX_WIDTH_PX);
        let mut evidence = Evidence::default();
        for second in 0..SECONDS {
            let index = second as usize % self.frames.len();
            let now = Duration::from_secs(second.into());
            let captured_at = Timestamp::UNIX_EPOCH + now;
            let frame =
                Frame { media_time: now, captured_at, seq: second.into(), ..self.frames[index].clone() };
            view.sample(now, &frame, &found[index]);
            if let Some(jpeg) = view.picture(now, &frame, (&mut *detector, Lift::NONE)).unwrap() {
                self.write(&format!("redacted.background-{second:02}s.jpg"), &jpeg);
            }
            unredacted.update(&frame, &[]);
            evidence.see(&frame, &found[index], view.still_width_px(frame.size));
            if second == 0 {
                self.write_lone_still(&frame, &found[index], &mut view);
            }
            if second == DETECTED_S {
                evidence.want(&incident(), &[]);
            }
            for given in evidence.give(false, view.still_width_px(frame.size)) {
                self.write(&format!("redacted.still-{}.jpg", given.kind.as_str()), &given.jpeg().unwrap());
            }
        }
        self.write("control.jpg", &control(&unredacted));
        self.write_silhouettes(&found);
    }

    /// Silhouettes as telling as there could ever be: what is taken for the empty road is grey all over, so that whatever
    /// is brighter or darker than that shows, also what stands still.
    fn write_silhouettes(&self, found: &[Vec<Detection>]) {
        for grey in [70_u8, 128, 190] {
            let mut view = LiveView::new(None, Duration::ZERO);
            let (frame, found) = (&self.frames[0], &found[0]);
            let FrameSize { width, height } = frame.size;
            let flat = vec![grey; width as usize * height as usize];
            let flat = self::frame(&[flat, vec![128; (width * height) as usize / 2]].concat(), frame.size);
            let learnt = (0..5).map(Duration::from_secs);
            learnt.for_each(|now| view.sample(now, &flat, &[]));
            // No sample is due: only the sizes seen are taken in.
            view.sample(Duration::from_secs(4), frame, found);
            let seen = view.silhouette(Duration::from_secs(5), frame).unwrap();
            assert!(seen.known_share > 0.99, "{}: {} is known", self.name, seen.known_share);
            let mut picture = image::GrayImage::new(seen.grid.size.width, seen.grid.size.height);
            let mut cells = seen.cells.iter();
            for band in &seen.grid.bands {
                for (column, set) in (0..band.columns).zip(&mut cells) {
                    let inside = (0..band.side_px * band.side_px).filter(|_| *set);
                    for n in inside {
                        let (x, y) =
                            (column * band.side_px + n % band.side_px, band.top_px + n / band.side_px);
                        picture.put_pixel(x, y, image::Luma([255]));
                    }
                }
            }
            let mut jpeg = std::io::Cursor::new(Vec::new());
            picture.write_to(&mut jpeg, image::ImageFormat::Jpeg).unwrap();
            self.write(&format!("redacted.silhouette-{grey}.jpg"), jpeg.get_ref());
        }
    }

    /// A still of which nothing is known but its own frame: the least that is ever covered.
    fn write_lone_still(&self, frame: &Frame, found: &[Detection], view: &mut LiveView) {
        let width_px = view.still_width_px(frame.size);
        let (size, rgb) = reduced(frame, width_px).unwrap();
        let still = Still::new(size, rgb, frame.size, width_px, found).unwrap();
        self.write("redacted.still-alone.jpg", &still.jpeg(&Marks::default(), "planted").unwrap());
    }

    /// What the detector saw in each frame, grown as it is before it is kept out: for telling apart whether
    /// something was planted in a box.
    fn write_boxes(&self, found: &[Vec<Detection>]) {
        let corners = |d: &Detection| {
            let BBox { x1, y1, x2, y2 } = d.bbox.grown(0.2);
            json!([x1, y1, x2, y2])
        };
        let boxes: Vec<Vec<Value>> = found.iter().map(|one| one.iter().map(corners).collect()).collect();
        self.write("boxes.json", &serde_json::to_vec(&boxes).unwrap());
    }

    fn write(&self, what: &str, bytes: &[u8]) {
        std::fs::write(self.folder.join(format!("{}.{what}", self.name)), bytes).unwrap();
    }
}

/// An incident that began ten seconds before it was detected.
fn incident() -> IncidentRecord {
    let at = |s: u32| Timestamp::UNIX_EPOCH + Duration::from_secs(s.into());
    let incident = Incident {
        kind: IncidentKind::StoppedVehicle,
        zone: None,
        place: None,
        severity: Severity::Moderate,
        confidence: 0.9,
        onset: at(DETECTED_S - 10),
        detected: at(DETECTED_S),
        ended: None,
        why: Vec::new(),
    };
    IncidentRecord::began("planted.1.1".parse().unwrap(), incident, at(DETECTED_S), None)
}

/// The same background if nothing were kept out, filled or brought to scale: readers must find something here.
fn control(background: &Background) -> Vec<u8> {
    let view = background.view().unwrap();
    let picture = BackgroundPicture { size: view.size, rgb: &view.rgb, known: &view.known };
    background_jpeg(&picture, &[], MAX_WIDTH_PX).unwrap()
}

/// Planes of 4:2:0, luma first, without padding, of even width and height.
fn frame(bytes: &[u8], size: FrameSize) -> Frame {
    let (width, height) = (size.width as usize, size.height as usize);
    assert!(
        width % 2 == 0 && height % 2 == 0 && bytes.len() == width * height * 3 / 2,
        "not I420 of {size:?}"
    );
    let (luma, chroma) = bytes.split_at(width * height);
    let (u, v) = chroma.split_at(chroma.len() / 2);
    Frame {
        camera: CameraId::new("planted").unwrap(),
        captured_at: Timestamp::UNIX_EPOCH,
        media_time: Duration::ZERO,
        seq: 0,
        size,
        format: PixelFormat::I420,
        pixels: Arc::new(OwnedPixels::planar(vec![
            (luma.to_vec(), width),
            (u.to_vec(), width / 2),
            (v.to_vec(), width / 2),
        ])),
    }
}
