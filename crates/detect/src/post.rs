//! What all layouts have in common after decoding: boxes back to the frame, numbers that are none
//! dropped, overlapping boxes of one class suppressed, one vehicle under two classes made one, and riders
//! joined with what they ride.

use wayside_types::{BBox, Detection, RoadUserClass};

use crate::decode::Candidate;
use crate::preprocess::Fit;

/// A picture never holds this many road users; a broken model may say so, and suppression is quadratic.
const MAX_CANDIDATES: usize = 1_000;

/// The settings of a manifest that matter here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PostSettings {
    /// Suppression within a class; `None` where the model did it.
    pub nms_iou: Option<f32>,
    /// Suppression between related classes.
    pub duplicate_iou: f32,
    /// Whether a rider is part of the two-wheeler.
    pub join_riders: bool,
}

/// Cleans up the candidates of one frame. `place` maps corners to frame pixels.
pub(crate) fn finish(
    candidates: &mut Vec<Candidate>,
    fit: Fit,
    place: impl Fn([f32; 4]) -> BBox,
    settings: PostSettings,
) -> Vec<Detection> {
    let mut found: Vec<Detection> = candidates
        .drain(..)
        .filter_map(|c| {
            Some(Detection { bbox: sane(c.corners, fit, &place)?, class: c.class, score: c.score })
        })
        .collect();
    best_first(&mut found);
    found.truncate(MAX_CANDIDATES);
    if let Some(iou) = settings.nms_iou {
        found = suppress(found, iou);
    }
    found = one_of_each(found, settings.duplicate_iou);
    if settings.join_riders {
        found = join_riders(found);
    }
    found
}

/// A box that means something: finite, not empty, and at least partly in the frame. How far it reaches out
/// of the frame is limited to the frame's own size, so that no later arithmetic overflows.
#[expect(clippy::cast_precision_loss, reason = "sides are far below 2^24")]
fn sane(corners: [f32; 4], fit: Fit, place: impl Fn([f32; 4]) -> BBox) -> Option<BBox> {
    if corners.iter().any(|v| !v.is_finite()) {
        return None;
    }
    let b = place(corners);
    let (w, h) = (fit.frame.width as f32, fit.frame.height as f32);
    let b = BBox {
        x1: b.x1.clamp(-w, 2.0 * w),
        y1: b.y1.clamp(-h, 2.0 * h),
        x2: b.x2.clamp(-w, 2.0 * w),
        y2: b.y2.clamp(-h, 2.0 * h),
    };
    let inside = b.clipped(w, h);
    // Two infinities of the mapping may have met; their difference compares false here.
    (b.width() > 0.0 && b.height() > 0.0 && inside.area() > 0.0).then_some(b)
}

/// By score, then by class and place: the same boxes in another order give the same result.
fn best_first(found: &mut [Detection]) {
    found.sort_unstable_by(|a, b| {
        b.score
            .total_cmp(&a.score)
            .then(a.class.cmp(&b.class))
            .then(a.bbox.x1.total_cmp(&b.bbox.x1))
            .then(a.bbox.y1.total_cmp(&b.bbox.y1))
            .then(a.bbox.x2.total_cmp(&b.bbox.x2))
            .then(a.bbox.y2.total_cmp(&b.bbox.y2))
    });
}

/// Greedy suppression within a class: of two boxes that overlap by more than `iou`, the better one stays.
/// Expects the best first and keeps that order, as all that follow do.
fn suppress(found: Vec<Detection>, iou: f32) -> Vec<Detection> {
    keep_unless(found, |kept, d| kept.class == d.class && kept.bbox.iou(&d.bbox) > iou)
}

/// One vehicle under two classes is the better one: a lorry is seen as car and truck at once, whoever rides
/// as bicycle and motorcycle. Lorries and cars hide each other in part, so only boxes that are nearly the
/// same are taken for one; two-wheelers never stand that close, and their boxes are less exact.
fn one_of_each(found: Vec<Detection>, duplicate_iou: f32) -> Vec<Detection> {
    if duplicate_iou >= 1.0 {
        return found;
    }
    keep_unless(found, |kept, d| {
        if kept.class.is_motor_vehicle() && d.class.is_motor_vehicle() {
            kept.class != d.class && kept.bbox.iou(&d.bbox) > duplicate_iou
        } else if two_wheeler(kept.class) && two_wheeler(d.class) {
            // A wheel or a half of what is seen whole is no second one.
            let part = d.score <= kept.score / 2.0 && kept.bbox.intersection(&d.bbox) > 0.85 * d.bbox.area();
            part || kept.class != d.class && kept.bbox.iou(&d.bbox) > TWO_WHEELER_IOU.min(duplicate_iou)
        } else {
            false
        }
    })
}

/// Two-wheelers of two classes that overlap by more than this are one.
const TWO_WHEELER_IOU: f32 = 0.45;

fn keep_unless(found: Vec<Detection>, beaten: impl Fn(&Detection, &Detection) -> bool) -> Vec<Detection> {
    let mut kept: Vec<Detection> = Vec::with_capacity(found.len());
    for candidate in found {
        if !kept.iter().any(|k| beaten(k, &candidate)) {
            kept.push(candidate);
        }
    }
    kept
}

fn two_wheeler(class: RoadUserClass) -> bool {
    matches!(class, RoadUserClass::Bicycle | RoadUserClass::Motorcycle)
}

/// A person on a bicycle or motorcycle is not a pedestrian besides. The two-wheeler takes over the person's
/// part of the picture, so that stills cover the rider whole, and the better of the two scores: both are
/// evidence for the one road user.
fn join_riders(found: Vec<Detection>) -> Vec<Detection> {
    if !found.iter().any(|d| two_wheeler(d.class)) {
        return found;
    }
    let (people, mut others): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|d| d.class == RoadUserClass::Pedestrian);
    // What the model itself saw of each: a first rider must not make room for a second.
    let seen: Vec<BBox> = others.iter().map(|d| d.bbox).collect();
    for person in people {
        let mount = others
            .iter()
            .zip(&seen)
            .enumerate()
            .filter(|(_, (d, mount))| {
                two_wheeler(d.class)
                    && d.score >= MIN_MOUNT_SHARE * person.score
                    && rides(&person.bbox, mount)
            })
            .max_by(|(_, (_, a)), (_, (_, b))| {
                person.bbox.intersection(a).total_cmp(&person.bbox.intersection(b))
            })
            .map(|(index, _)| index);
        match mount.and_then(|index| others.get_mut(index)) {
            Some(mount) => {
                mount.bbox = union(&mount.bbox, &person.bbox);
                mount.score = mount.score.max(person.score);
            }
            None => others.push(person),
        }
    }
    best_first(&mut others);
    others
}

/// A two-wheeler that is much less certain than the person is more likely a bag, a shadow or a pole.
const MIN_MOUNT_SHARE: f32 = 0.25;

/// Whether a person's box sits on a two-wheeler's as a rider does: most of the smaller one shared across,
/// feet between the middle of the wheels and the ground, head above the handlebar. Somebody who walks past
/// in front has the feet lower, somebody behind has them hidden or higher.
fn rides(person: &BBox, mount: &BBox) -> bool {
    let across = person.x2.min(mount.x2) - person.x1.max(mount.x1);
    let narrower = person.width().min(mount.width());
    let feet = (person.y2 - mount.y1) / mount.height();
    let size = person.height() / mount.height();
    across >= 0.6 * narrower
        && (0.3..=1.1).contains(&feet)
        && person.y1 <= mount.y1 + 0.2 * mount.height()
        && (0.5..=3.0).contains(&size)
}

fn union(a: &BBox, b: &BBox) -> BBox {
    BBox { x1: a.x1.min(b.x1), y1: a.y1.min(b.y1), x2: a.x2.max(b.x2), y2: a.y2.max(b.y2) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wayside_types::FrameSize;

    const FIT: Fit =
        Fit { frame: FrameSize { width: 640, height: 480 }, left: 0, top: 0, width: 640, height: 480 };
    const SETTINGS: PostSettings =
        PostSettings { nms_iou: Some(0.45), duplicate_iou: 0.7, join_riders: true };

    fn run(settings: PostSettings, candidates: &[(&str, f32, [f32; 4])]) -> Vec<(String, f32, [f32; 4])> {
        let mut candidates = candidates
            .iter()
            .map(|(class, score, corners)| Candidate {
                corners: *corners,
                class: class.parse().unwrap(),
                score: *score,
            })
            .collect();
        finish(&mut candidates, FIT, |c| FIT.to_frame(c), settings)
            .iter()
            .map(|d| (d.class.to_string(), d.score, [d.bbox.x1, d.bbox.y1, d.bbox.x2, d.bbox.y2]))
            .collect()
    }

    fn classes(candidates: &[(&str, f32, [f32; 4])]) -> Vec<String> {
        run(SETTINGS, candidates).into_iter().map(|(class, _, _)| class).collect()
    }

    #[test]
    fn one_lorry_under_two_classes_is_one() {
        let truck = ("truck", 0.56, [176.9, 85.7, 348.3, 179.7]);
        let car = ("car", 0.41, [178.9, 85.7, 348.7, 179.9]);
        assert_eq!(classes(&[car, truck]), ["truck"]);
        assert_eq!(classes(&[("car", 0.6, car.2), ("truck", 0.5, truck.2), ("bus", 0.3, truck.2)]), ["car"]);
        let off = PostSettings { duplicate_iou: 1.0, ..SETTINGS };
        assert_eq!(run(off, &[car, truck]).len(), 2);
        // A car half hidden by a lorry, and people on a bus stop, are nobody's duplicates.
        assert_eq!(classes(&[("car", 0.5, [176.9, 130.0, 348.3, 179.7]), truck]).len(), 2);
        assert_eq!(classes(&[("pedestrian", 0.5, truck.2), truck]).len(), 2);
    }

    #[test]
    fn a_cyclist_under_two_classes_is_one() {
        // What YOLOX-Nano says of one cyclist at a junction (800 × 600) in three frames.
        for (seen, want) in [
            (
                vec![
                    ("pedestrian", 0.63, [178.0, 129.0, 237.0, 237.0]),
                    ("motorcycle", 0.59, [188.0, 169.0, 235.0, 246.0]),
                    ("bicycle", 0.34, [196.0, 177.0, 235.0, 252.0]),
                ],
                "motorcycle",
            ),
            (
                vec![
                    ("motorcycle", 0.54, [219.0, 166.0, 294.0, 289.0]),
                    ("pedestrian", 0.51, [225.0, 137.0, 291.0, 273.0]),
                    ("bicycle", 0.48, [238.0, 183.0, 292.0, 294.0]),
                ],
                "motorcycle",
            ),
            (
                vec![
                    ("pedestrian", 0.72, [476.0, 283.0, 544.0, 406.0]),
                    ("bicycle", 0.68, [437.0, 331.0, 563.0, 455.0]),
                    ("pedestrian", 0.57, [459.0, 287.0, 509.0, 404.0]),
                    ("bicycle", 0.23, [501.0, 349.0, 563.0, 455.0]),
                    ("bicycle", 0.13, [438.0, 337.0, 495.0, 418.0]),
                ],
                "bicycle",
            ),
        ] {
            assert_eq!(classes(&seen), [want]);
        }
        // Two who ride side by side are two.
        let abreast =
            [("bicycle", 0.5, [100.0, 100.0, 180.0, 160.0]), ("bicycle", 0.4, [150.0, 105.0, 230.0, 165.0])];
        assert_eq!(classes(&abreast).len(), 2);
    }

    #[test]
    fn suppression_within_a_class() {
        let a = [100.0, 100.0, 200.0, 200.0];
        let b = [110.0, 100.0, 210.0, 200.0];
        let c = [160.0, 100.0, 260.0, 200.0];
        let kept = run(SETTINGS, &[("car", 0.5, b), ("car", 0.9, a), ("car", 0.4, c)]);
        assert_eq!(kept, [("car".to_owned(), 0.9, a), ("car".to_owned(), 0.4, c)]);
        let finished = PostSettings { nms_iou: None, ..SETTINGS };
        assert_eq!(run(finished, &[("car", 0.5, b), ("car", 0.9, a)]).len(), 2);
    }

    #[test]
    fn a_rider_is_part_of_the_two_wheeler() {
        // From the side: the bicycle's wheels below, the person's feet on the pedals.
        let bicycle = ("bicycle", 0.5, [100.0, 130.0, 170.0, 180.0]);
        let rider = ("pedestrian", 0.8, [115.0, 90.0, 150.0, 170.0]);
        let joined = run(SETTINGS, &[rider, bicycle]);
        assert_eq!(joined, [("bicycle".to_owned(), 0.8, [100.0, 90.0, 170.0, 180.0])]);
        // Two on one moped are still one road user.
        let moped = ("motorcycle", 0.6, bicycle.2);
        let pillion = ("pedestrian", 0.4, [130.0, 92.0, 160.0, 168.0]);
        assert_eq!(classes(&[rider, moped, pillion]), ["motorcycle"]);
        let off = PostSettings { join_riders: false, ..SETTINGS };
        assert_eq!(run(off, &[rider, bicycle]).len(), 2);
    }

    #[test]
    fn people_beside_two_wheelers_stay_pedestrians() {
        let bicycle = ("bicycle", 0.5, [100.0, 130.0, 170.0, 180.0]);
        for (what, person) in [
            ("in front", [115.0, 100.0, 150.0, 200.0]),
            ("beside", [165.0, 90.0, 200.0, 175.0]),
            ("far behind", [120.0, 100.0, 135.0, 140.0]),
            ("much larger", [60.0, 20.0, 200.0, 182.0]),
        ] {
            assert_eq!(classes(&[("pedestrian", 0.8, person), bicycle]).len(), 2, "{what}");
        }
        let doubtful = ("bicycle", 0.12, bicycle.2);
        assert_eq!(classes(&[("pedestrian", 0.8, [115.0, 90.0, 150.0, 170.0]), doubtful]).len(), 2);
    }

    #[test]
    fn what_is_no_box_is_dropped() {
        for (what, corners) in [
            ("NaN", [f32::NAN, 0.0, 10.0, 10.0]),
            ("infinite", [0.0, 0.0, f32::INFINITY, 10.0]),
            ("empty", [10.0, 10.0, 10.0, 20.0]),
            ("outside", [-50.0, 10.0, -10.0, 20.0]),
        ] {
            assert!(run(SETTINGS, &[("car", 0.9, corners)]).is_empty(), "{what}");
        }
        let [(_, _, huge)] = &run(SETTINGS, &[("car", 0.9, [-1e30, -1e30, 1e30, 1e30])])[..] else {
            panic!("a huge box is limited, not dropped")
        };
        assert_eq!(*huge, [-640.0, -480.0, 1280.0, 960.0]);
    }
}
