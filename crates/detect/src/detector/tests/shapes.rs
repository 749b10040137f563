//! Models that come in several shapes: which one a frame goes to, and when each is opened.

use super::*;

#[test]
fn each_frame_goes_to_the_shape_that_fits_it() {
    let dir = root().join(".wayside/models");
    let model = Model::load(&root().join("models"), "yolox_nano").unwrap();
    if present(root().join("../shared/models")).is_none()
        || model.shapes().iter().any(|shape| present(dir.join(&shape.file)).is_none())
    {
        return;
    }
    let runtime = runtime().unwrap();
    let (tall, _) = reference("yolox_raw");
    let frames = [upper(&tall, 450), tall.clone(), upper(&tall, 450)];
    let mut detector = Detector::open(&runtime, &model, &dir, &DetectorOptions::default()).unwrap();
    let found = detector.detect(&frames, 0.3).unwrap();
    // One by one, and by a detector that knows this shape only.
    for (frame, found) in frames.iter().zip(&found) {
        assert_eq!(&detector.detect(std::slice::from_ref(frame), 0.3).unwrap()[0], found);
        let own = Model::from(model.shapes()[model.shape_for(frame.size)].clone());
        let mut own = Detector::open(&runtime, &own, &dir, &DetectorOptions::default()).unwrap();
        assert_eq!(&own.detect(std::slice::from_ref(frame), 0.3).unwrap()[0], found);
    }
    assert_eq!(found[0], found[2]);
    assert_ne!(found[0], found[1]);
    assert_eq!(detector.runs(), 6);
}

#[test]
fn shapes_are_opened_as_they_are_needed() {
    let model = Model::load(&root().join("models"), "yolox_nano").unwrap();
    let (wide, square) = (plain(416, 256, [90; 3]), plain(416, 416, [90; 3]));
    let [needed, other] = [&wide, &square].map(|frame| &model.shapes()[model.shape_for(frame.size)].file);
    let Some(file) = present(root().join(".wayside/models").join(needed)) else { return };
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(file, dir.path().join(needed)).unwrap();
    let runtime = runtime().unwrap();
    let open = |as_needed| {
        let options = DetectorOptions { as_needed, ..DetectorOptions::default() };
        Detector::open(&runtime, &model, dir.path(), &options)
    };
    assert!(open(false).is_err(), "all are looked at");
    let mut detector = open(true).unwrap();
    for _ in 0..2 {
        detector.detect(std::slice::from_ref(&wide), 0.3).unwrap();
        let error = detector.detect(std::slice::from_ref(&square), 0.3).unwrap_err().to_string();
        assert!(error.contains(other.as_str()), "{error}");
    }
    assert_eq!(detector.runs(), 2);
}
