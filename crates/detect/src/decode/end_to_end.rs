//! Layout `end_to_end`: finished boxes, one row each, best first or not; rows that are not used have a low
//! score.

use super::{Candidate, Labels, kept};

/// Decodes `detections` [boxes, 6] of one picture: x1, y1, x2, y2 in input pixels, score, label.
pub(crate) fn decode(detections: &[f32], labels: &Labels, min_score: f32, out: &mut Vec<Candidate>) {
    for row in detections.chunks_exact(6) {
        let Some(score) = kept(row[4], min_score) else { continue };
        let Some(class) = whole(row[5]).and_then(|label| labels.class(label)) else { continue };
        out.push(Candidate { corners: [row[0], row[1], row[2], row[3]], class, score });
    }
}

/// A label written as a float: whole, not negative, small enough to be one.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked first")]
fn whole(label: f32) -> Option<usize> {
    ((0.0..65_536.0).contains(&label) && label.fract() == 0.0).then_some(label as usize)
}
