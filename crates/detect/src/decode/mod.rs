//! From a model's output tensors to boxes, one file a layout. Boxes are in pixels of the input (`detr`: of
//! the size it was told); mapping them to the frame, sorting out duplicates and refusing numbers that are
//! none is done by `post` for all layouts alike.

pub(crate) mod detr;
pub(crate) mod end_to_end;
pub(crate) mod ssd;
pub(crate) mod yolov8;
pub(crate) mod yolox;

#[cfg(test)]
mod tests;

use wayside_types::RoadUserClass;

use crate::manifest::ClassMap;

/// A box as the model gave it: corners that may be anything, a score in [min, 1].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Candidate {
    /// x1, y1, x2, y2.
    pub corners: [f32; 4],
    /// What.
    pub class: RoadUserClass,
    /// How sure.
    pub score: f32,
}

/// The labels that mean something to us, ready for decoding.
#[derive(Debug, Clone)]
pub(crate) struct Labels {
    list: Vec<(usize, RoadUserClass)>,
}

impl Labels {
    /// Empty for a scene's classes: no layout that is decoded has them.
    pub(crate) fn new(classes: &ClassMap) -> Self {
        let list = match classes {
            ClassMap::RoadUsers(map) => map.iter().map(|(label, class)| (*label as usize, *class)).collect(),
            ClassMap::Scene(_) => Vec::new(),
        };
        Self { list }
    }

    /// The class of a label, if it is one of ours.
    fn class(&self, label: usize) -> Option<RoadUserClass> {
        self.list.iter().find(|(l, _)| *l == label).map(|(_, class)| *class)
    }

    /// The best of our labels for one box; labels that are not ours don't compete, so that a coach called
    /// `train` with a little `bus` is still a bus.
    fn best(&self, score_of: impl Fn(usize) -> Option<f32>) -> Option<(RoadUserClass, f32)> {
        let mut best: Option<(RoadUserClass, f32)> = None;
        for (label, class) in &self.list {
            let Some(score) = score_of(*label) else { continue };
            if score.is_finite() && best.is_none_or(|(_, s)| score > s) {
                best = Some((*class, score));
            }
        }
        best
    }
}

/// Keeps a score that reaches the threshold, at most 1; nothing that is not a number does.
fn kept(score: f32, min_score: f32) -> Option<f32> {
    (score >= min_score && score.is_finite()).then(|| score.min(1.0))
}

/// Corners of a box given by its middle and size.
fn around(cx: f32, cy: f32, w: f32, h: f32) -> [f32; 4] {
    [cx - w / 2.0, cy - h / 2.0, cx + w / 2.0, cy + h / 2.0]
}
