//! Layout `yolov8`: one column a box, four rows of geometry in input pixels, then one row of scores a
//! label. YOLOv8 and its successors export this; there is no objectness.

use wayside_types::RoadUserClass;

use super::{Candidate, Labels, around, kept};

/// Decodes `predictions` [4 + labels, boxes] of one picture into input pixels.
pub(crate) fn decode(
    predictions: &[f32],
    boxes: usize,
    labels: &Labels,
    min_score: f32,
    out: &mut Vec<Candidate>,
) {
    let row = |index: usize| predictions.get(index * boxes..(index + 1) * boxes);
    let (Some(cx), Some(cy), Some(w), Some(h)) = (row(0), row(1), row(2), row(3)) else { return };
    let scores: Vec<(&[f32], RoadUserClass)> =
        labels.list.iter().filter_map(|(label, class)| Some((row(4 + label)?, *class))).collect();
    for i in 0..boxes {
        let mut best: Option<(RoadUserClass, f32)> = None;
        for (row, class) in &scores {
            // A comparison with NaN is false, so NaN never becomes the best.
            if row[i] > best.map_or(f32::NEG_INFINITY, |(_, s)| s) && row[i] >= min_score {
                best = Some((*class, row[i]));
            }
        }
        if let Some((class, score)) = best.and_then(|(c, s)| Some((c, kept(s, min_score)?))) {
            out.push(Candidate { corners: around(cx[i], cy[i], w[i], h[i]), class, score });
        }
    }
}
