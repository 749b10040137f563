//! Layout `detr`: labels, boxes and scores in three tensors, as RT-DETR and D-FINE export with their
//! post-processor. Boxes come in pixels of the size that the graph was told.

use super::{Candidate, Labels, kept};

/// Decodes `labels` [boxes], `boxes` [boxes, 4] and `scores` [boxes] of one picture.
pub(crate) fn decode(
    label_of: &[i64],
    boxes: &[f32],
    scores: &[f32],
    labels: &Labels,
    min_score: f32,
    out: &mut Vec<Candidate>,
) {
    for ((label, corners), score) in label_of.iter().zip(boxes.chunks_exact(4)).zip(scores) {
        let Some(score) = kept(*score, min_score) else { continue };
        let Some(class) = usize::try_from(*label).ok().and_then(|l| labels.class(l)) else { continue };
        out.push(Candidate { corners: [corners[0], corners[1], corners[2], corners[3]], class, score });
    }
}
