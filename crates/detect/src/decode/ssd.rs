//! Layout `ssd`: the graphs that `scripts/models/convert_ssdlite.py` writes. Anchors are decoded in the
//! graph and labels that Wayside never reads are cut out of its heads.

use super::{Candidate, Labels, kept};

/// Decodes `boxes` [boxes, 4] (x1, y1, x2, y2 in fractions of the input) and `scores` [boxes, labels] of one
/// picture into input pixels.
#[expect(clippy::cast_precision_loss, reason = "sides are far below 2^24")]
pub(crate) fn decode(
    boxes: &[f32],
    scores: &[f32],
    label_count: usize,
    input: (u32, u32),
    labels: &Labels,
    min_score: f32,
    out: &mut Vec<Candidate>,
) {
    let (width, height) = (input.0 as f32, input.1 as f32);
    for (corners, scores) in boxes.chunks_exact(4).zip(scores.chunks_exact(label_count.max(1))) {
        let best = labels.best(|label| scores.get(label).copied());
        let Some((class, score)) = best.and_then(|(c, s)| Some((c, kept(s, min_score)?))) else { continue };
        let corners = [corners[0] * width, corners[1] * height, corners[2] * width, corners[3] * height];
        out.push(Candidate { corners, class, score });
    }
}
