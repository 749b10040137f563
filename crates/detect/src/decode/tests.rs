//! Decoders on rows worked out by hand, and on any floats at all.

use proptest::prelude::*;
use wayside_types::{FrameSize, RoadUserClass};

use super::*;
use crate::post::{self, PostSettings};
use crate::preprocess::Fit;

fn labels() -> Labels {
    Labels::new(&ClassMap::RoadUsers([(0, RoadUserClass::Pedestrian), (2, RoadUserClass::Car)].into()))
}

#[test]
fn yolox_cells_of_the_default_input() {
    assert_eq!(yolox::cells(416, 416), 3549);
    assert_eq!(yolox::cells(640, 384), 5040);
}

#[test]
fn yolox_row_by_hand() {
    // Input 64 × 32: grids of 8×4, 4×2 and 2×1 cells. The cell at x 1, y 1 of the second grid is row 37.
    let row_len = 8;
    let mut rows = vec![0.0; yolox::cells(64, 32) * row_len];
    rows[37 * row_len..][..8].copy_from_slice(&[0.5, 0.25, 2f32.ln(), 3f32.ln(), 0.8, 0.1, 0.9, 0.5]);
    let mut out = Vec::new();
    yolox::decode(&rows, row_len, (64, 32), &labels(), 0.1, &mut out);
    let [found] = out[..] else { panic!("{out:?}") };
    // The best label, 1, is none of ours: label 2 counts, with 0.8 * 0.5.
    assert_eq!((found.class, found.score), (RoadUserClass::Car, 0.4));
    // Middle (1.5, 1.25) * 16, size (2, 3) * 16.
    for (got, want) in found.corners.iter().zip([8.0, -4.0, 40.0, 44.0]) {
        assert!((got - want).abs() < 1e-4, "{:?}", found.corners);
    }
}

#[test]
fn yolov8_columns_by_hand() {
    // Two boxes, three labels: rows cx, cy, w, h, scores of labels 0, 1, 2.
    let tensor = [10.0, 50.0, 20.0, 60.0, 4.0, 8.0, 6.0, 2.0, 0.2, 0.0, 0.9, 0.95, 0.05, 0.7];
    let mut out = Vec::new();
    yolov8::decode(&tensor, 2, &labels(), 0.1, &mut out);
    assert_eq!(
        out,
        [
            Candidate { corners: [8.0, 17.0, 12.0, 23.0], class: RoadUserClass::Pedestrian, score: 0.2 },
            Candidate { corners: [46.0, 59.0, 54.0, 61.0], class: RoadUserClass::Car, score: 0.7 },
        ]
    );
}

#[test]
fn end_to_end_rows_by_hand() {
    let rows = [1.0, 2.0, 3.0, 4.0, 0.5, 2.0, 1.0, 2.0, 3.0, 4.0, 0.5, 1.0, 1.0, 2.0, 3.0, 4.0, 0.5, 2.5];
    let mut out = Vec::new();
    end_to_end::decode(&rows, &labels(), 0.1, &mut out);
    // Labels that are not ours and labels that are no whole number are left out.
    assert_eq!(out, [Candidate { corners: [1.0, 2.0, 3.0, 4.0], class: RoadUserClass::Car, score: 0.5 }]);
}

#[test]
fn detr_and_ssd_by_hand() {
    let mut out = Vec::new();
    detr::decode(&[2, -1, 0], &[1.0; 12], &[0.5, 0.9, 0.05], &labels(), 0.1, &mut out);
    assert_eq!(out, [Candidate { corners: [1.0; 4], class: RoadUserClass::Car, score: 0.5 }]);
    out.clear();
    let boxes = [0.25, 0.5, 0.5, 1.0, 0.0, 0.0, 1.0, 1.0];
    ssd::decode(&boxes, &[0.3, 0.9, 0.2, 0.05, 0.9, 0.0], 3, (300, 200), &labels(), 0.1, &mut out);
    let want =
        Candidate { corners: [75.0, 100.0, 150.0, 200.0], class: RoadUserClass::Pedestrian, score: 0.3 };
    assert_eq!(out, [want]);
}

/// Any float, with the awkward ones often and plausible ones often enough that boxes come out.
fn any_float() -> impl Strategy<Value = f32> {
    prop_oneof![
        4 => 0f32..1.0,
        2 => -100f32..700.0,
        1 => any::<f32>(),
        1 => prop::sample::select(vec![f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, -0.0, 1e20]),
    ]
}

fn check(out: &mut Vec<Candidate>, min_score: f32) -> Result<usize, TestCaseError> {
    let fit = Fit { frame: FrameSize { width: 640, height: 360 }, left: 3, top: 5, width: 57, height: 31 };
    let settings = PostSettings { nms_iou: Some(0.45), duplicate_iou: 0.7, join_riders: true };
    let found = post::finish(out, fit, |c| fit.to_frame(c), settings);
    for d in &found {
        let b = d.bbox;
        prop_assert!([b.x1, b.y1, b.x2, b.y2].iter().all(|v| v.is_finite()));
        prop_assert!(b.x1 < b.x2 && b.y1 < b.y2 && b.area().is_finite());
        prop_assert!(d.score >= min_score && d.score <= 1.0);
    }
    Ok(found.len())
}

proptest! {
    #[test]
    fn any_floats_decode_to_sane_boxes(
        data in prop::collection::vec(any_float(), 0..700),
        label_of in prop::collection::vec(any::<i64>(), 0..50),
        row_len in 0usize..12,
        min_score in 0.01f32..=1.0,
    ) {
        let labels = labels();
        let mut out = Vec::new();
        yolox::decode(&data, row_len, (64, 32), &labels, min_score, &mut out);
        check(&mut out, min_score)?;
        yolov8::decode(&data, row_len, &labels, min_score, &mut out);
        check(&mut out, min_score)?;
        end_to_end::decode(&data, &labels, min_score, &mut out);
        check(&mut out, min_score)?;
        detr::decode(&label_of, &data, &data, &labels, min_score, &mut out);
        check(&mut out, min_score)?;
        ssd::decode(&data, &data, row_len, (64, 32), &labels, min_score, &mut out);
        check(&mut out, min_score)?;
    }

    #[test]
    fn rows_with_good_scores_give_boxes(rows in prop::collection::vec([0f32..300.0, 0f32..300.0, 1f32..50.0, 1f32..50.0, 0.5f32..1.0], 1..20)) {
        // Without this the test above could pass on decoders that never give anything.
        let data: Vec<f32> = rows.iter().flat_map(|[x, y, w, h, s]| [*x, *y, x + w, y + h, *s, 2.0]).collect();
        let mut out = Vec::new();
        end_to_end::decode(&data, &labels(), 0.4, &mut out);
        prop_assert_eq!(out.len(), rows.len());
    }
}
