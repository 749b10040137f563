//! How small a picture must be before it may leave memory: small enough that faces and plates can't be
//! read. The rule is the design's (section 1, rule 4); the ground geometry comes from `measure` as one
//! number, the finest metres a pixel.

use wayside_types::{BBox, Detection, FrameSize, RoadUserClass};

/// No picture that is kept or shown is wider than this.
pub const MAX_WIDTH_PX: u32 = 480;
/// Longer side where nothing is known of how large things are.
const UNKNOWN_SIDE_PX: f64 = 160.0;
/// The sizes seen say how large things are once something was seen whose lower edge is this far down the
/// picture: whatever is nearer to the camera than all that was seen is larger than all that was seen.
const NEAR_SHARE: f64 = 0.75;
/// One pixel covers at least this much at the finest place.
const MIN_METRES_PER_PX: f64 = 0.04;
/// The widest car box seen is at most this wide.
const MAX_CAR_WIDTH_PX: f64 = 45.0;
/// The tallest pedestrian seen is at most this tall.
const MAX_PEDESTRIAN_HEIGHT_PX: f64 = 43.0;

/// Sizes that are to tell 20 cm are those of detections from this score on: one wrong box as large as the picture would
/// make all cells as large for ever.
const SURE_SCORE: f32 = 0.5;
/// A car is 1.7 m wide from its end, more from the side, and 1.4 m tall: of either this share is 20 cm or more.
const CELLS_A_CAR: (f64, f64) = (8.0, 7.0);
/// The same of a person.
const CELLS_A_PEDESTRIAN: f64 = 8.0;

/// The largest road users a camera has seen so far, and how far down the picture any of them was: a few
/// numbers, of nobody in particular.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct SeenSizes {
    widest_car_share: Option<f64>,
    tallest_pedestrian_share: Option<f64>,
    nearest_share: Option<f64>,
    /// The longest stretch of the picture, as a share of its width, that was found to be 20 cm or more at a road user.
    cell_share: Option<f64>,
    /// How far down the picture a road user was of whom that is known.
    sure_share: Option<f64>,
}

impl SeenSizes {
    /// Takes the detections of one frame (any score) into account.
    pub fn observe(&mut self, detections: &[Detection], size: FrameSize) {
        let (width, height) = (f64::from(size.width.max(1)), f64::from(size.height.max(1)));
        for detection in detections {
            let BBox { x1, y1, x2, y2 } = detection.bbox;
            match detection.class {
                RoadUserClass::Car => grow(&mut self.widest_car_share, f64::from(x2 - x1) / width),
                RoadUserClass::Pedestrian => {
                    grow(&mut self.tallest_pedestrian_share, f64::from(y2 - y1) / height);
                }
                _ => continue,
            }
            grow(&mut self.nearest_share, f64::from(y2) / height);
            if detection.score >= SURE_SCORE {
                let (across, down) = (f64::from(x2 - x1), f64::from(y2 - y1));
                let cell_px = match detection.class {
                    RoadUserClass::Car => (across / CELLS_A_CAR.0).min(down / CELLS_A_CAR.1),
                    _ => down / CELLS_A_PEDESTRIAN,
                };
                grow(&mut self.cell_share, cell_px / width);
                grow(&mut self.sure_share, f64::from(y2) / height);
            }
        }
    }

    /// What a cell of 20 cm is at least, as a share of the picture's width, and whether somebody was seen so near, and surely
    /// enough, that it holds everywhere.
    pub(crate) fn cell_share(&self) -> (f64, bool) {
        let is_near = self.sure_share.is_some_and(|share| share >= NEAR_SHARE);
        (self.cell_share.unwrap_or(0.0), is_near)
    }
}

fn grow(largest: &mut Option<f64>, seen: f64) {
    if seen.is_finite() {
        *largest = Some(largest.unwrap_or(0.0).max(seen));
    }
}

/// Width in pixels to which a picture of a camera must be brought before anybody sees it.
///
/// `source` is the camera's frame, `finest_metres_per_px` what its calibration says one pixel of that
/// frame covers at the finest place, 2.5 m above the ground, along the smallest direction. Without it
/// the sizes of the road users seen decide. Until one of them was seen near, the longer side is at most 160
/// as well: a camera that has seen only far cars knows nothing of the one that is parked below it.
#[must_use]
pub fn still_width(source: FrameSize, finest_metres_per_px: Option<f64>, seen: &SeenSizes) -> u32 {
    let source_width = f64::from(source.width.max(1));
    let allowed = match finest_metres_per_px {
        Some(metres) if metres.is_finite() && metres > 0.0 => source_width * metres / MIN_METRES_PER_PX,
        _ => {
            // A picture `w` wide shows a car of share s as s·w pixels; heights scale alike.
            let aspect = f64::from(source.height.max(1)) / source_width;
            let by_car = seen.widest_car_share.map(|share| MAX_CAR_WIDTH_PX / share.max(1e-6));
            let by_pedestrian = seen
                .tallest_pedestrian_share
                .map(|share| MAX_PEDESTRIAN_HEIGHT_PX / (share.max(1e-6) * aspect));
            let is_near = seen.nearest_share.is_some_and(|share| share >= NEAR_SHARE);
            let unknown = (!is_near).then_some(UNKNOWN_SIDE_PX / aspect.max(1.0));
            [by_car, by_pedestrian, unknown].into_iter().flatten().fold(f64::INFINITY, f64::min)
        }
    };
    let width = allowed.min(source_width).min(f64::from(MAX_WIDTH_PX)).floor().max(16.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 16 and 480")]
    {
        width as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: FrameSize = FrameSize { width: 640, height: 360 };

    fn seen(class: RoadUserClass, bbox: BBox) -> SeenSizes {
        let mut seen = SeenSizes::default();
        seen.observe(&[Detection { bbox, class, score: 0.1 }], SIZE);
        seen
    }

    #[test]
    fn the_rule_of_the_design() {
        let nothing = SeenSizes::default();
        assert_eq!(still_width(SIZE, None, &nothing), 160);
        // A car of 90 px in 640 becomes 45 px in 320.
        let car = |width| seen(RoadUserClass::Car, BBox::new(0.0, 280.0, width, 330.0));
        assert_eq!(still_width(SIZE, None, &car(90.0)), 320);
        // A pedestrian of 86 px in 360 becomes 43 px in 180 lines, which are 320 wide.
        let tall = seen(RoadUserClass::Pedestrian, BBox::new(0.0, 244.0, 20.0, 330.0));
        assert_eq!(still_width(SIZE, None, &tall), 320);
        // A small car allows more than 480, which is the most.
        assert_eq!(still_width(SIZE, None, &car(20.0)), 480);
        // Two centimetres a pixel at the finest place: half the width.
        assert_eq!(still_width(SIZE, Some(0.02), &nothing), 320);
        assert_eq!(still_width(SIZE, Some(f64::NAN), &nothing), 160);
    }

    #[test]
    fn who_was_seen_far_away_says_nothing_of_the_near() {
        let far = seen(RoadUserClass::Car, BBox::new(0.0, 40.0, 20.0, 49.0));
        assert_eq!(still_width(SIZE, None, &far), 160);
        // Unless even the far are too large for that.
        let large = seen(RoadUserClass::Car, BBox::new(0.0, 40.0, 320.0, 200.0));
        assert_eq!(still_width(SIZE, None, &large), 90);
        let mut then_near = far;
        let near =
            Detection { bbox: BBox::new(0.0, 300.0, 60.0, 330.0), class: RoadUserClass::Car, score: 0.1 };
        then_near.observe(&[near], SIZE);
        assert_eq!(still_width(SIZE, None, &then_near), 480);
        // A picture that stands upright is held to 160 px of height.
        let upright = FrameSize { width: 360, height: 640 };
        assert_eq!(still_width(upright, None, &SeenSizes::default()), 90);
    }
}
