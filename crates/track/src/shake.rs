//! The camera's own movement from one frame to the next, told from the tracks alone: when most of them
//! are off their predictions by the same few pixels, it was the camera that moved. What is left of it
//! fades, so that tracks stay true to the picture that lines and zones are drawn on.

use wayside_types::{BBox, Detection};

use crate::associate::Pair;
use crate::motion::Measured;
use crate::tracklet::Tracklet;

/// An offset fades with this time constant: shaking swings around the place the camera was set up in. A
/// common drift of all tracks looks like a movement of the camera, so an offset that did not fade would
/// run away with them.
const FADE_S: f64 = 0.5;
/// Tracks of fewer detections than this say nothing about the camera.
const MIN_HITS: u32 = 5;
/// A shift needs this many tracks …
const MIN_TRACKS: usize = 4;
/// … of which this share agree with it …
const MIN_AGREE_SHARE: f64 = 0.6;
/// … within this many pixels, or within the spread of their own prediction if that is more.
const AGREE_PX: f64 = 1.5;
/// A shift that is no more than this many times its standard error is none.
const MIN_SIGMAS: f64 = 3.0;

/// How far the picture is from where it should be, px.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Shake {
    x: f64,
    y: f64,
    /// Share of an offset that is left at the current frame.
    left: f64,
}

/// How far one track is off its prediction along one axis, px, with the variance of that.
type Residual = (f64, f64);

impl Shake {
    /// The offset of the last frame, faded to one `dt_s` later.
    pub fn fade(&mut self, dt_s: f64) {
        self.left = (-dt_s / FADE_S).exp();
        (self.x, self.y) = (self.x * self.left, self.y * self.left);
    }

    /// Looks at a first association of steadied detections; whether the camera moved and the association
    /// is to be made again.
    pub fn learn(&mut self, tracks: &[Tracklet], detections: &[Detection], pairs: &[Pair]) -> bool {
        let (mut xs, mut ys) = (Vec::new(), Vec::new());
        for pair in pairs {
            let (Some(t), Some(d)) = (tracks.get(pair.track), detections.get(pair.detection)) else {
                continue;
            };
            if t.hits >= MIN_HITS && t.seen_lately {
                let m = Measured::new(&d.bbox, d.score);
                let (var_x, var_y) = pair.motion.spread(&m);
                xs.push((m.cx - pair.motion.x.pos, var_x));
                ys.push((m.cy - pair.motion.y.pos, var_y));
            }
        }
        let (x, y) = (common(&mut xs), common(&mut ys));
        for (offset, shift) in [(&mut self.x, x), (&mut self.y, y)] {
            // What fades is the whole offset: the shift just seen makes up for what faded before.
            if let Some(shift) = shift {
                *offset = (*offset + shift) * self.left;
            }
        }
        x.is_some() || y.is_some()
    }

    /// The detections as they would be without the offset.
    pub fn steadied(&self, detections: &[Detection]) -> Vec<Detection> {
        let (x, y) = (self.x as f32, self.y as f32);
        let steady = |d: &Detection| {
            let b = d.bbox;
            Detection { bbox: BBox::new(b.x1 - x, b.y1 - y, b.x2 - x, b.y2 - y), ..*d }
        };
        detections.iter().map(steady).collect()
    }
}

/// What most residuals have in common, if that is more than chance.
fn common(residuals: &mut [Residual]) -> Option<f64> {
    if residuals.len() < MIN_TRACKS {
        return None;
    }
    let median = weighted_median(residuals)?;
    let agree = |r: &&Residual| (r.0 - median).abs() <= r.1.sqrt().max(AGREE_PX);
    let (mut n, mut sum, mut weight) = (0.0, 0.0, 0.0);
    for (value, var) in residuals.iter().filter(agree) {
        n += 1.0;
        sum += value / var;
        weight += 1.0 / var;
    }
    let shift = sum / weight;
    let significant = shift.abs() * weight.sqrt() >= MIN_SIGMAS;
    (n >= MIN_AGREE_SHARE * residuals.len() as f64 && significant).then_some(shift)
}

/// The value that half of the weight (1 / standard deviation) lies below.
fn weighted_median(residuals: &mut [Residual]) -> Option<f64> {
    residuals.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = residuals.iter().map(|r| 1.0 / r.1.sqrt()).sum::<f64>() / 2.0;
    let mut below = 0.0;
    residuals.iter().find_map(|r| {
        below += 1.0 / r.1.sqrt();
        (below >= half).then_some(r.0)
    })
}
