//! Whole detectors: tiny models made on the spot for every refusal and for batching, and the real ones
//! against the shared references where they have been fetched.

use wayside_types::RoadUserClass;

mod dark;
mod shapes;

use super::*;
use crate::manifest::{Manifest, Model};
use crate::testing::onnx::{FLOAT, Graph, INT64, MEAN_COLOUR, mean_colour};
use crate::testing::{
    ModelDir, assert_agrees, expected, model_dir, picture, plain, present, root, runtime, to_yuv,
};

fn open(model: &ModelDir, options: DetectorOptions) -> Result<Detector, DetectError> {
    let runtime = runtime().unwrap();
    Detector::open(&runtime, &model.manifest.clone().into(), model.dir.path(), &options)
}

fn refusal(model: &ModelDir, options: DetectorOptions) -> String {
    open(model, options).unwrap_err().to_string()
}

/// Frames of growing redness, of different sizes.
fn reds(n: u8) -> Vec<Frame> {
    (1..=n).map(|i| plain(32 + u32::from(i), 24, [25 * i, 0, 0])).collect()
}

fn scores(found: &[Vec<Detection>]) -> Vec<f32> {
    found.iter().map(|list| if let [one] = list[..] { one.score } else { panic!("{list:?}") }).collect()
}

#[test]
fn a_dynamic_batch_is_used() {
    if runtime().is_none() {
        return;
    }
    let model = model_dir(&mean_colour(-1).bytes(), MEAN_COLOUR);
    let mut detector = open(&model, DetectorOptions { max_batch: 4, ..Default::default() }).unwrap();
    assert_eq!(detector.max_batch(), 4);
    let found = detector.detect(&reds(10), 0.05).unwrap();
    assert_eq!(detector.runs(), 3, "10 frames in batches of 4, 4 and 2");
    for (i, score) in scores(&found).into_iter().enumerate() {
        let want = 25.0 * (i + 1) as f32 / 255.0;
        assert!((score - want).abs() < 0.01, "frame {i} scored {score} instead of {want}");
    }
    // The box is the middle half of the input, so of each frame, whatever its size.
    let b = found[9][0].bbox;
    assert!((b.x1 - 42.0 / 4.0).abs() < 0.01 && (b.y2 - 18.0).abs() < 0.01);
    assert!(detector.detect(&[], 0.05).unwrap().is_empty());
    for (limit, max_batch, runs) in [(2, 2, 8), (8, 2, 13), (0, 1, 23)] {
        detector.limit_batch(limit);
        detector.detect(&reds(10), 0.05).unwrap();
        assert_eq!((detector.max_batch(), detector.runs()), (max_batch, runs), "limit {limit}");
    }
}

#[test]
fn a_batch_of_one_takes_several_frames_one_by_one() {
    if runtime().is_none() {
        return;
    }
    let model = model_dir(&mean_colour(1).bytes(), MEAN_COLOUR);
    let mut detector = open(&model, DetectorOptions { max_batch: 4, ..Default::default() }).unwrap();
    assert_eq!(detector.max_batch(), 1);
    let found = detector.detect(&reds(5), 0.05).unwrap();
    assert_eq!(detector.runs(), 5);
    let scores = scores(&found);
    assert!(scores.windows(2).all(|w| w[0] < w[1]), "{scores:?}");
}

#[test]
fn a_fixed_batch_is_filled_up() {
    if runtime().is_none() {
        return;
    }
    let model = model_dir(&mean_colour(4).bytes(), MEAN_COLOUR);
    let mut detector = open(&model, DetectorOptions { max_batch: 2, ..Default::default() }).unwrap();
    assert_eq!(detector.max_batch(), 4);
    let found = detector.detect(&reds(6), 0.05).unwrap();
    assert_eq!((found.len(), detector.runs()), (6, 2));
    detector.limit_batch(1);
    assert_eq!(detector.max_batch(), 4);
    let scores = scores(&found);
    assert!(scores.windows(2).all(|w| w[0] < w[1]), "{scores:?}");
}

#[test]
fn scores_below_the_threshold_and_useless_thresholds() {
    if runtime().is_none() {
        return;
    }
    let model = model_dir(&mean_colour(1).bytes(), MEAN_COLOUR);
    let mut detector = open(&model, DetectorOptions::default()).unwrap();
    let frame = [plain(16, 16, [100, 120, 0])];
    assert_eq!(detector.detect(&frame, 0.5).unwrap(), [vec![]]);
    let found = detector.detect(&frame, 0.4).unwrap();
    assert_eq!(found[0].iter().map(|d| d.class).collect::<Vec<_>>(), [RoadUserClass::Bus]);
    for bad in [0.0, -1.0, 1.1, f32::NAN] {
        assert!(matches!(detector.detect(&frame, bad), Err(DetectError::MinScore { .. })), "{bad}");
    }
}

#[test]
fn one_broken_frame_is_named_and_nothing_is_run() {
    if runtime().is_none() {
        return;
    }
    let model = model_dir(&mean_colour(-1).bytes(), MEAN_COLOUR);
    let mut detector = open(&model, DetectorOptions::default()).unwrap();
    let mut frames = reds(3);
    frames[1] = crate::testing::frame(wayside_types::PixelFormat::I420, 16, 16, vec![(vec![0; 100], 16)]);
    let error = detector.detect(&frames, 0.05).unwrap_err();
    assert!(matches!(error, DetectError::Frame { index: 1, .. }), "{error}");
    assert!(error.to_string().contains("camera test: frame 1 of this call: plane 0 is cut short"), "{error}");
    assert_eq!(detector.runs(), 0);
    frames.remove(1);
    assert_eq!(detector.detect(&frames, 0.05).unwrap().len(), 2);
}

#[test]
fn files_that_are_not_the_one_described_are_refused() {
    if runtime().is_none() {
        return;
    }
    let bytes = mean_colour(1).bytes();
    let options = DetectorOptions::default();

    let model = model_dir(&bytes, MEAN_COLOUR);
    std::fs::remove_file(model.dir.path().join("tiny.onnx")).unwrap();
    let message = refusal(&model, options);
    assert!(
        message.contains("tiny.onnx") && message.contains("scripts/models/fetch.py models/tiny.toml"),
        "{message}"
    );

    let model = model_dir(&bytes, MEAN_COLOUR);
    std::fs::write(model.dir.path().join("tiny.onnx"), &bytes[..bytes.len() - 1]).unwrap();
    let message = refusal(&model, options);
    assert!(message.contains("has SHA-256") && message.contains(&model.manifest.sha256), "{message}");

    // With the hash of what is left of it, ONNX Runtime finds that it makes no sense.
    for cut in [bytes.len() / 2, 7, 0] {
        let model = model_dir(&bytes[..cut], MEAN_COLOUR);
        assert!(matches!(open(&model, options), Err(DetectError::Model { .. })), "cut to {cut} bytes");
    }
}

#[test]
fn graphs_that_differ_from_the_manifest_are_refused() {
    if runtime().is_none() {
        return;
    }
    let good = mean_colour(1);
    let twice = |graph: Graph, element, shape: &[i64]| {
        let graph = graph.output("embedding", element, shape);
        if element == FLOAT { graph.node("Identity", &["conv"], "embedding", &[]) } else { graph }
    };
    for (what, graph, manifest, part) in [
        (
            "an output too many",
            twice(good.clone(), FLOAT, &[1, 6, 1, 1]),
            MEAN_COLOUR.to_owned(),
            "has an output \"embedding\" (f32 [1,6,1,1]) that layout yolov8 does not name",
        ),
        (
            "height",
            good.clone(),
            MEAN_COLOUR.replace("height = 16", "height = 32"),
            "says f32 [batch,3,32,16]",
        ),
        (
            "channels last",
            good.clone(),
            MEAN_COLOUR.replace("width", "tensor = \"nhwc\", width"),
            "[batch,16,16,3]",
        ),
        (
            "input name",
            good.clone(),
            MEAN_COLOUR.replace("images", "image"),
            "the graph's inputs are: \"images\"",
        ),
        (
            "output name",
            good.clone(),
            MEAN_COLOUR.replace("\"out\"", "\"output\""),
            "graph's outputs are: \"out\"",
        ),
        ("labels", good.clone(), MEAN_COLOUR.replace("labels = 2", "labels = 3"), "wants f32 [batch,7,any]"),
        (
            "an input too many",
            good.clone().input("extra", INT64, &[1, 2]),
            MEAN_COLOUR.to_owned(),
            "wants an input \"extra\" (i64 [1,2]) that the manifest does not name",
        ),
        (
            "another layout",
            good.clone(),
            MEAN_COLOUR.replace("yolov8", "end_to_end").replace("predictions", "detections"),
            "layout end_to_end wants f32 [batch,any,6]",
        ),
        (
            "no size input",
            good.clone(),
            MEAN_COLOUR
                .replace("yolov8", "detr")
                .replace("predictions = \"out\"", "labels = \"out\", boxes = \"b\", scores = \"s\"")
                .replace("colour", "size_input = \"size\", colour"),
            "input.size_input is \"size\"",
        ),
    ] {
        let message = refusal(&model_dir(&graph.bytes(), &manifest), DetectorOptions::default());
        assert!(message.starts_with("model tiny: ") && message.contains(part), "{what}: {message}");
    }
}

#[test]
fn a_batch_that_the_output_loses_is_refused() {
    if runtime().is_none() {
        return;
    }
    let graph = Graph::default()
        .input("images", FLOAT, &[-1, 3, 16, 16])
        .output("out", FLOAT, &[1, 6, 1])
        .floats("bias", &[1, 6, 1], &[0.5; 6])
        .node("Identity", &["bias"], "out", &[]);
    let message = refusal(&model_dir(&graph.bytes(), MEAN_COLOUR), DetectorOptions::default());
    assert!(message.contains("[1,6,1], but layout yolov8 wants f32 [batch,6,any]"), "{message}");
}

#[test]
fn scenes_are_not_run_yet() {
    if runtime().is_none() {
        return;
    }
    let manifest = MEAN_COLOUR
        .replace("yolov8", "scene")
        .replace("predictions", "scores")
        .replace("\"car\"", "\"smoke\"")
        .replace("\"bus\"", "\"fire\"");
    let message = refusal(&model_dir(&mean_colour(1).bytes(), &manifest), DetectorOptions::default());
    assert!(message.contains("layout scene is not supported yet"), "{message}");
}

#[test]
fn providers_that_are_not_there_are_errors() {
    if runtime().is_none() {
        return;
    }
    // The library that scripts/setup fetches is built for the processor alone.
    let model = model_dir(&mean_colour(1).bytes(), MEAN_COLOUR);
    for provider in [Provider::Cuda, Provider::TensorRt] {
        let error = open(&model, DetectorOptions { provider, ..Default::default() }).unwrap_err();
        assert!(matches!(&error, DetectError::Provider { provider: p, .. } if *p == provider), "{error}");
    }
    for (intra_threads, max_batch) in [(0, 1), (1, 0), (257, 1), (1, 65)] {
        let options = DetectorOptions { intra_threads, max_batch, ..Default::default() };
        assert!(matches!(open(&model, options), Err(DetectError::Option { .. })));
    }
}

#[test]
fn a_runtime_is_loaded_once() {
    let missing = Runtime::load(Path::new("/nowhere/libonnxruntime.so")).unwrap_err().to_string();
    assert!(missing.contains("/nowhere/libonnxruntime.so") && missing.contains("scripts/setup"), "{missing}");
    let other = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    assert!(Runtime::load(&other).is_err());
    let (Some(first), Some(second)) = (runtime(), runtime()) else { return };
    assert_eq!(first.library(), second.library());
    assert!(matches!(Runtime::load(&other), Err(DetectError::SecondRuntime { .. })));
}

#[test]
fn detectors_move_to_other_threads() {
    fn is_send<T: Send>() {}
    is_send::<Detector>();
    is_send::<Runtime>();
}

/// Opens one of the shared models under its own manifest.
fn shared(file: &str, sha256: &str, rest: &str) -> Option<Detector> {
    let dir = present(root().join("../shared/models"))?;
    let runtime = runtime()?;
    let name = file.trim_end_matches(".onnx");
    let coco = "classes = { 0 = \"pedestrian\", 1 = \"bicycle\", 2 = \"car\", 3 = \"motorcycle\", 5 = \"bus\", 7 = \"truck\" }";
    let text = format!(
        "name = \"{name}\"\nfile = \"{file}\"\nsha256 = \"{sha256}\"\nlicence = \"Apache-2.0\"\norigin = \"shared\"\n{rest}\n{coco}\n"
    );
    let mut manifest = Manifest::parse(Path::new(&format!("{name}.toml")), &text).unwrap();
    // The references are of per-class suppression alone.
    (manifest.duplicate_iou, manifest.join_riders) = (1.0, false);
    Some(Detector::open(&runtime, &manifest.into(), &dir, &DetectorOptions::default()).unwrap())
}

fn reference(list: &str) -> (Frame, Vec<crate::testing::Expected>) {
    let dir = root().join("../shared/models");
    let json: serde_json::Value =
        serde_json::from_slice(&std::fs::read(dir.join("expected.json")).unwrap()).unwrap();
    (picture(&dir.join("frame.png")), expected(&json[list]))
}

const RGB_01: &str = "colour = \"rgb\", scale = 0.00392156862745098";

#[test]
fn yolov8_agrees_with_the_reference() {
    let Some(mut detector) = shared(
        "yolox_nano_416_v8.onnx",
        "b29d6789e124668e0fde6580c6f6838e06003ab87e014aeca1690a69ace100e4",
        &format!(
            "layout = \"yolov8\"\nlabels = 80\ninput = {{ name = \"images\", width = 416, height = 416, {RGB_01}, resize = \"letterbox-top-left\" }}\noutput = {{ predictions = \"output0\" }}"
        ),
    ) else {
        return;
    };
    let (frame, expected) = reference("yolox_raw");
    assert_agrees("yolov8", &expected, &detector.detect(&[frame], 0.4).unwrap()[0]);
}

#[test]
fn end_to_end_agrees_with_the_reference() {
    let Some(mut detector) = shared(
        "yolox_nano_416_e2e.onnx",
        "6464978a2bd0f440e9a1d47419260757564c5356f5c743b8438f6f82e6dc9da2",
        &format!(
            "layout = \"end_to_end\"\ninput = {{ name = \"images\", width = 416, height = 416, {RGB_01}, resize = \"letterbox-top-left\" }}\noutput = {{ detections = \"output0\" }}"
        ),
    ) else {
        return;
    };
    let (frame, expected) = reference("yolox_raw");
    assert_agrees("end_to_end", &expected, &detector.detect(&[frame], 0.4).unwrap()[0]);
}

#[test]
fn detr_agrees_with_the_reference() {
    let Some(mut detector) = shared(
        "yolox_nano_416_detr.onnx",
        "5d965400d180fa8401dfcd4fc6f460168f9758a2875e65a054e2046856d592e6",
        &format!(
            "layout = \"detr\"\ninput = {{ name = \"images\", width = 416, height = 416, {RGB_01}, resize = \"stretch\", size_input = \"orig_target_sizes\" }}\noutput = {{ labels = \"labels\", boxes = \"boxes\", scores = \"scores\" }}"
        ),
    ) else {
        return;
    };
    let (frame, expected) = reference("detr");
    assert_agrees("detr", &expected, &detector.detect(&[frame], 0.4).unwrap()[0]);
}

/// Opens a model that ships with Wayside.
fn shipped(name: &str, change: impl Fn(&mut Manifest)) -> Option<Detector> {
    let mut manifest = Manifest::load(&root().join(format!("models/{name}.toml"))).unwrap();
    change(&mut manifest);
    let dir = root().join(".wayside/models");
    present(dir.join(&manifest.file))?;
    Some(Detector::open(&runtime()?, &manifest.into(), &dir, &DetectorOptions::default()).unwrap())
}

#[test]
fn yolox_raw_agrees_with_the_reference() {
    if present(root().join("../shared/models")).is_none() {
        return;
    }
    let (frame, expected) = reference("yolox_raw");
    let plain = |m: &mut Manifest| (m.duplicate_iou, m.join_riders) = (1.0, false);
    let Some(mut detector) = shipped("yolox_nano_416", plain) else { return };
    let found = detector.detect(std::slice::from_ref(&frame), 0.4).unwrap().remove(0);
    assert_agrees("yolox_raw", &expected, &found);
    // The same picture with its chroma halved is not the same to the byte: what is near the threshold may
    // come or go, anything else may not.
    let rgb = detector.detect(std::slice::from_ref(&frame), 0.35).unwrap().remove(0);
    let same = |a: &Detection, b: &Detection| {
        a.class == b.class && (a.score - b.score).abs() <= 0.05 && a.bbox.iou(&b.bbox) >= 0.9
    };
    for (format, padding) in [(wayside_types::PixelFormat::I420, 32), (wayside_types::PixelFormat::Nv12, 0)] {
        let yuv = detector.detect(&[to_yuv(&frame, format, padding)], 0.35).unwrap().remove(0);
        for (these, those) in [(&rgb, &yuv), (&yuv, &rgb)] {
            for d in these.iter().filter(|d| d.score >= 0.4) {
                let n = those.iter().filter(|other| same(d, other)).count();
                assert_eq!(n, 1, "{format:?}: a {} of {:.3} is there {n} times", d.class, d.score);
            }
        }
    }
    // As it is shipped, the lorry that is also a car (0.564 and 0.41) is one lorry.
    let mut detector = shipped("yolox_nano_416", |_| ()).unwrap();
    let found = detector.detect(&[frame], 0.4).unwrap().remove(0);
    assert_eq!(found.len(), expected.len() - 1);
    assert_eq!(found.iter().filter(|d| d.class == RoadUserClass::Truck).count(), 1);
}

/// The upper rows of an RGB frame.
fn upper(frame: &Frame, height: u32) -> Frame {
    let row = 3 * frame.size.width as usize;
    let data = frame.pixels.plane(0).data[..row * height as usize].to_vec();
    crate::testing::frame(wayside_types::PixelFormat::Rgb8, frame.size.width, height, vec![(data, row)])
}

#[test]
fn trimmed_models_agree_with_the_square_one() {
    // Same weights, less padding, six labels: see scripts/models/trim_yolox.py.
    if present(root().join("../shared/models")).is_none() {
        return;
    }
    let (frame, expected) = reference("yolox_raw");
    let plain = |m: &mut Manifest| (m.duplicate_iou, m.join_riders) = (1.0, false);
    let Some(mut square) = shipped("yolox_nano_416", plain) else { return };
    // 800 x 600, and the 16:9 part of it.
    let cases = [
        ("yolox_nano_416x416", frame.clone()),
        ("yolox_nano_416x352", frame.clone()),
        ("yolox_nano_416x320", frame.clone()),
        ("yolox_nano_416x256", upper(&frame, 450)),
    ];
    for (name, frame) in cases {
        let Some(mut trimmed) = shipped(name, plain) else { return };
        let wanted = square.detect(std::slice::from_ref(&frame), 0.15).unwrap().remove(0);
        let found = trimmed.detect(std::slice::from_ref(&frame), 0.05).unwrap().remove(0);
        assert!(wanted.len() > 9, "{name}: {wanted:?}");
        for d in wanted {
            let same = |o: &&Detection| {
                o.class == d.class && (o.score - d.score).abs() <= 0.05 && o.bbox.iou(&d.bbox) >= 0.95
            };
            assert_eq!(
                found.iter().filter(same).count(),
                1,
                "{name}: {} of {:.3}: {found:?}",
                d.class,
                d.score
            );
        }
    }
    let mut trimmed = shipped("yolox_nano_416x320", plain).unwrap();
    assert_agrees("yolox_nano_416x320", &expected, &trimmed.detect(&[frame], 0.4).unwrap()[0]);
}

#[test]
fn ssd_agrees_with_a_reference_of_its_own() {
    // Written by scripts/models/reference_ssdlite.py, which runs the original graph in numpy.
    let text = include_str!("../../tests/fixtures/ssdlite.expected.json");
    let json: serde_json::Value = serde_json::from_str(text).unwrap();
    let expected = expected(&json["ssdlite"]);
    let Some(picture_path) = present(root().join("../shared/models/frame.png")) else { return };
    let plain = |m: &mut Manifest| (m.duplicate_iou, m.join_riders) = (1.0, false);
    let Some(mut detector) = shipped("ssdlite_mobilenetv2_300", plain) else { return };
    assert_eq!(
        detector.max_batch(),
        DetectorOptions::default().max_batch,
        "the conversion keeps the batch dynamic"
    );
    let frame = picture(&picture_path);
    // The reference goes down to 0.30; half way to its weakest box nothing sits on the threshold.
    for found in detector.detect(&[frame.clone(), frame], 0.34).unwrap() {
        assert_agrees("ssd", &expected, &found);
    }
}
