//! Manifests that are right, and every way of being wrong, with the line that the message names.

use std::path::Path;

use wayside_types::FrameSize;

use super::*;
use crate::testing;

const GOOD: &str = r#"name = "m"
file = "m.onnx"
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
licence = "MIT"
origin = "here"
layout = "yolov8"
labels = 80
[input]
name = "images"
width = 640
height = 384
colour = "rgb"
resize = "letterbox-centre"
[output]
predictions = "output0"
[classes]
2 = "car"
7 = "truck"
"#;

fn parse(text: &str) -> Result<Manifest, ManifestError> {
    Manifest::parse(Path::new("models/m.toml"), text)
}

#[test]
fn a_short_manifest_has_the_usual_settings() {
    let m = parse(GOOD).unwrap();
    assert_eq!((m.nms_iou, m.duplicate_iou, m.join_riders, m.fetch), (Some(0.45), 0.7, true, None));
    assert_eq!((m.input.pad, m.input.scale, m.input.mean, m.input.std), (114, 1.0, [0.0; 3], [1.0; 3]));
    assert_eq!((m.input.tensor, m.input.resize), (TensorOrder::Nchw, ResizeMode::LetterboxCentre));
    let ClassMap::RoadUsers(map) = m.classes else { panic!("a detector's classes are road users") };
    assert_eq!(map, [(2, RoadUserClass::Car), (7, RoadUserClass::Truck)].into());
}

#[test]
fn models_that_bring_finished_boxes_are_not_suppressed_again() {
    let text = GOOD
        .replace("yolov8", "end_to_end")
        .replace("predictions", "detections")
        .replace("labels = 80\n", "");
    assert_eq!(parse(&text).unwrap().nms_iou, None);
    let asked = text + "[post]\nnms_iou = 0.6\n";
    assert_eq!(parse(&asked).unwrap().nms_iou, Some(0.6));
}

#[test]
fn only_the_six_classes_are_accepted() {
    for refused in ["face", "license plate", "person", "man", "Car", "", "smoke"] {
        let text = GOOD.replace("\"car\"", &format!("{refused:?}"));
        let message = parse(&text).unwrap_err().to_string();
        assert_eq!(
            message,
            format!(
                "models/m.toml:17: label 2 is mapped to {refused:?}, which a detector may not name; \
                 accepted are only: car bus truck motorcycle bicycle pedestrian"
            )
        );
    }
    for class in RoadUserClass::ALL {
        parse(&GOOD.replace("\"car\"", &format!("\"{class}\""))).unwrap();
    }
}

#[test]
fn a_scene_names_smoke_fire_and_flooding_only() {
    let scene = |class: &str| {
        GOOD.replace("yolov8", "scene")
            .replace("predictions", "scores")
            .replace("\"car\"", &format!("\"{class}\""))
            .replace("7 = \"truck\"\n", "")
    };
    for class in SceneClass::ALL {
        let m = parse(&scene(class.as_str())).unwrap();
        assert_eq!(m.classes, ClassMap::Scene([(2, *class)].into()));
    }
    for refused in ["crowd", "car", "pedestrian", "protest"] {
        let message = parse(&scene(refused)).unwrap_err().to_string();
        assert!(
            message.contains(":17: label 2")
                && message.contains(&format!("{refused:?}"))
                && message.ends_with("accepted are only: smoke fire flooding"),
            "{message}"
        );
    }
}

#[test]
fn every_mistake_is_named_with_its_line() {
    let stretch = ("letterbox-centre\"", "stretch\"\npad = 3");
    for (from, to, line, part) in [
        ("name = \"m\"\n", "name = \"n\"\n", 1, "it must be \"m\""),
        ("\"m.onnx\"", "\"../m.onnx\"", 2, "plain file name"),
        ("\"m.onnx\"", "\"\"", 2, "plain file name"),
        ("\"0000", "\"000", 3, "64 lower-case"),
        ("\"0000", "\"000G", 3, "64 lower-case"),
        ("\"MIT\"", "\" \"", 4, "licence is empty"),
        ("yolov8", "yolov9", 6, "accepted are: yolox_raw yolov8 end_to_end detr ssd scene"),
        ("yolov8", "detr", 14, "output.boxes is missing"),
        ("predictions", "embeddings", 15, "is not an output of layout yolov8, which has: predictions"),
        ("labels = 80\n", "", 6, "labels is missing"),
        ("labels = 80", "labels = 0", 7, "1 to 65536"),
        ("labels = 80", "labels = 7", 18, "label 7 does not exist"),
        ("width = 640", "width = 0", 10, "1 to 4096"),
        ("height = 384", "height = -1", 11, "1 to 4096"),
        ("colour = \"rgb\"", "colour = \"grey\"", 12, "grey"),
        (stretch.0, stretch.1, 14, "no meaning"),
        ("resize =", "pad = 300\nresize =", 13, "0 to 255"),
        ("resize =", "std = [1, 0, 1]\nresize =", 13, "above 0"),
        ("resize =", "scale = 0.0\nresize =", 13, "above 0"),
        ("resize =", "size_input = \"s\"\nresize =", 13, "detr only"),
        ("resize =", "resise =", 13, "resise"),
        ("7 = \"truck\"", "seven = \"truck\"", 18, "not a label number"),
        ("7 = \"truck\"", "02 = \"truck\"", 17, "mapped twice"),
        ("labels = 80", "labels = \"80\"", 7, "invalid type"),
        ("[input]", "[face_recognition]\n[input]", 8, "unknown field `face_recognition`"),
    ] {
        let text = GOOD.replacen(from, to, 1);
        assert_ne!(text, GOOD, "{from} is not in the text");
        let message = parse(&text).unwrap_err().to_string();
        let found =
            message.lines().any(|l| l.starts_with(&format!("models/m.toml:{line}: ")) && l.contains(part));
        assert!(found, "{to:?}: wanted line {line} with {part:?}, got: {message}");
    }
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let text = GOOD.replace("MIT", "").replace("640", "0").replace("\"car\"", "\"face\"");
    assert_eq!(parse(&text).unwrap_err().to_string().lines().count(), 3);
}

#[test]
fn fetch_tables() {
    let sha = "0".repeat(64);
    let pypi = format!(
        "[fetch]\nkind = \"pypi\"\npackage = \"p\"\nversion = \"1\"\nsha256 = \"{sha}\"\nmember = \"a/b\"\n"
    );
    let npm = "[fetch]\nkind = \"npm\"\npackage = \"p\"\nversion = \"1\"\nintegrity = \"sha512-x\"\nconvert = \"c.py\"\n";
    assert!(matches!(parse(&(GOOD.to_owned() + &pypi)).unwrap().fetch, Some(FetchSpec::Pypi { .. })));
    let model = "[fetch]\nkind = \"model\"\nmodel = \"other\"\nconvert = \"c.py\"\n";
    assert!(matches!(parse(&(GOOD.to_owned() + npm)).unwrap().fetch, Some(FetchSpec::Npm { .. })));
    assert_eq!(
        parse(&(GOOD.to_owned() + model)).unwrap().fetch,
        Some(FetchSpec::Model { model: "other".to_owned(), convert: "c.py".to_owned() })
    );
    for (text, part) in [
        (pypi.replace("pypi", "https"), "accepted are: pypi npm model"),
        (pypi.replace("pypi", "npm"), "fetch.integrity is missing"),
        (npm.replace("npm", "pypi"), "fetch.member is missing"),
        (npm.replace("sha512", "md5"), "sha512-"),
        (npm.replace("c.py", "../c.py"), "plain file name"),
        (npm.replace("package = \"p\"\n", ""), "fetch.package is missing"),
        (model.replace("convert", "member"), "fetch.convert is missing"),
        (model.replace("convert", "member"), "this key has no meaning"),
        (model.replace("other", "../other"), "fetch.model is \"../other\""),
    ] {
        let message = parse(&(GOOD.to_owned() + &text)).unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let message = Manifest::load(Path::new("/nowhere/m.toml")).unwrap_err().to_string();
    assert!(message.starts_with("manifest /nowhere/m.toml: "), "{message}");
}

#[test]
fn the_shipped_manifests_are_right() {
    let dir = testing::root().join("models");
    for name in ["yolox_nano", "yolox_nano_416", "ssdlite_mobilenetv2_300"] {
        let model = Model::load(&dir, name).unwrap();
        for shape in model.shapes() {
            assert!(shape.fetch.is_some(), "{} can't be fetched", shape.name);
        }
    }
    // Whatever else lies there (a model of one's own) must be right too.
    for entry in std::fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "toml") {
            Model::load(&dir, path.file_stem().unwrap().to_str().unwrap()).unwrap();
        }
    }
}

#[test]
fn every_picture_gets_the_shape_that_it_fills_best() {
    let model = Model::load(&testing::root().join("models"), "yolox_nano").unwrap();
    for (width, height, wanted) in [
        (640, 360, "416x256"),
        (1920, 1080, "416x256"),
        (2560, 1080, "416x256"),
        (640, 480, "416x320"),
        (2048, 1536, "416x320"),
        (704, 576, "416x352"),
        (352, 288, "416x352"),
        (800, 800, "416x416"),
        (360, 640, "416x416"),
        (1, 1, "416x416"),
    ] {
        let shape = &model.shapes()[model.shape_for(FrameSize { width, height })];
        assert_eq!(shape.name, format!("yolox_nano_{wanted}"), "{width}x{height}");
        // No picture is shown smaller than the square would.
        let scale = |w: u32, h: u32| (f64::from(w) / f64::from(width)).min(f64::from(h) / f64::from(height));
        assert!(scale(shape.input.width, shape.input.height) >= 0.999 * scale(416, 416));
    }
}

/// A directory with the manifests `a`, `b` (each changed) and the family `m` of a text.
fn family(text: &str, change: impl Fn(&str) -> String) -> Result<Model, ManifestError> {
    let dir = tempfile::tempdir().unwrap();
    let write =
        |name: &str, text: String| std::fs::write(dir.path().join(format!("{name}.toml")), text).unwrap();
    write("a", GOOD.replace("name = \"m\"", "name = \"a\""));
    write("b", change(&GOOD.replace("name = \"m\"", "name = \"b\"")));
    write("m", text.to_owned());
    Model::load(dir.path(), "m")
}

#[test]
fn a_model_of_several_shapes_is_read() {
    let model = family("name = \"m\"\nshapes = [\"b\", \"a\"]\n", |b| b.replace("384", "640")).unwrap();
    let names: Vec<&str> = model.shapes().iter().map(|s| s.name.as_str()).collect();
    assert_eq!((model.name(), names), ("m", vec!["b", "a"]));
    assert_eq!(model.shape_for(FrameSize { width: 1600, height: 900 }), 1);
    assert_eq!(model.shape_for(FrameSize { width: 900, height: 900 }), 0);
}

#[test]
fn mistakes_in_a_model_of_several_shapes_are_named_with_their_line() {
    let good = "name = \"m\"\nshapes = [\"a\", \"b\"]\n";
    let same = |b: &str| b.to_owned();
    for (text, line, part) in [
        (good.replace("\"m\"", "\"n\""), 1, "name is \"n\"; it must be \"m\""),
        (good.replace(", \"b\"", ""), 2, "shapes lists 1 manifests; it must be 2 to 8"),
        (good.replace("\"b\"", "\"../b\""), 2, "shapes is \"../b\""),
        (good.replace("\"b\"", "3"), 2, "string"),
        (format!("{good}layout = \"yolov8\"\n"), 3, "unknown field `layout`"),
    ] {
        let message = family(&text, same).unwrap_err().to_string();
        assert!(message.contains(&format!("m.toml:{line}: ")) && message.contains(part), "{message}");
    }
    let message = family(&good.replace("\"b\"", "\"c\""), same).unwrap_err().to_string();
    assert!(message.contains("c.toml: "), "{message}");
    type Change = fn(&str) -> String;
    let changes: [(Change, &str); 3] = [
        (|b| b.replace("letterbox-centre", "stretch"), "shape \"b\" stretches its pictures"),
        (|b| b.replace("7 = \"truck\"", "7 = \"bus\""), "shape \"b\" names other classes than \"a\""),
        (
            |b| b.replace("yolov8", "end_to_end").replace("predictions", "detections"),
            "shape \"b\" has layout end_to_end; it must be yolov8",
        ),
    ];
    for (change, part) in changes {
        let message = family(good, change).unwrap_err().to_string();
        assert!(message.contains("m.toml:2: ") && message.contains(part), "{message}");
    }
}
