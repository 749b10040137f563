//! What goes into association: detections with sane boxes, in an order that does not depend on the
//! detector's, riders joined with what they ride, and a vehicle seen twice reduced to once.

use std::cmp::Ordering;

use wayside_types::{BBox, Detection, FrameSize, RoadUserClass};

/// Classes that may be taken for one another from frame to frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    /// Car, bus, lorry.
    Vehicle,
    /// On foot, or on two wheels: a rider is detected now as a person, now as a bicycle.
    Light,
}

impl Group {
    pub fn of(class: RoadUserClass) -> Self {
        if class.is_motor_vehicle() { Self::Vehicle } else { Self::Light }
    }
}

/// Boxes smaller than this on either side, in pixels, are noise.
const MIN_SIDE_PX: f32 = 2.0;
/// Two vehicle boxes that overlap by this much (IoU) are one vehicle under two classes.
const TWICE_IOU: f32 = 0.65;
/// So are two of which the smaller lies in the larger by this share …
const INSIDE_SHARE: f32 = 0.65;
/// … and stands on the same ground: bottoms within this share of the larger's height. A cab within its
/// lorry's box does; a car on the next lane seen past a lorry does not.
const SAME_GROUND: f32 = 0.15;

/// A weak detection that shares this much of the smaller box with a known road user is no new one.
const PART_SHARE: f32 = 0.5;

/// Sane, ordered and free of doubles; best score first.
pub(crate) fn clean(detections: &[Detection], size: FrameSize) -> Vec<Detection> {
    let mut sane: Vec<Detection> = detections.iter().filter_map(|d| sane(d, size)).collect();
    sane.sort_by(order);
    join_riders(&mut sane);
    let mut kept: Vec<Detection> = Vec::with_capacity(sane.len());
    for d in sane {
        let twice = |k: &Detection| Group::of(k.class) == Group::of(d.class) && is_same(&k.bbox, &d.bbox);
        if !kept.iter().any(twice) {
            kept.push(d);
        }
    }
    kept
}

/// Whether two boxes of one group in one frame show one road user.
pub(crate) fn is_same(a: &BBox, b: &BBox) -> bool {
    if a.iou(b) >= TWICE_IOU {
        return true;
    }
    let inside = a.intersection(b) >= INSIDE_SHARE * a.area().min(b.area());
    inside && (a.y2 - b.y2).abs() <= SAME_GROUND * a.height().max(b.height())
}

/// Whether a weak detection is likely to be a part of a road user that is seen anyway, or a box around
/// several: it shares this much of the smaller of both boxes.
pub(crate) fn is_part(known: &BBox, weak: &BBox) -> bool {
    known.intersection(weak) >= PART_SHARE * known.area().min(weak.area())
}

fn sane(d: &Detection, size: FrameSize) -> Option<Detection> {
    let b = d.bbox;
    let finite = [b.x1, b.y1, b.x2, b.y2, d.score].iter().all(|v| v.is_finite());
    if !finite || d.score <= 0.0 {
        return None;
    }
    // A box that reaches past the picture says nothing about what is there.
    let bbox = BBox::new(b.x1, b.y1, b.x2, b.y2).clipped(size.width as f32, size.height as f32);
    let large_enough = bbox.width() >= MIN_SIDE_PX && bbox.height() >= MIN_SIDE_PX;
    large_enough.then_some(Detection { bbox, class: d.class, score: d.score.min(1.0) })
}

/// Best score first; the rest of the order only serves to be the same for the same set of detections.
fn order(a: &Detection, b: &Detection) -> Ordering {
    let corner = |x: f32, y: f32| x.total_cmp(&y);
    b.score
        .total_cmp(&a.score)
        .then(a.class.cmp(&b.class))
        .then(corner(a.bbox.x1, b.bbox.x1))
        .then(corner(a.bbox.y1, b.bbox.y1))
        .then(corner(a.bbox.x2, b.bbox.x2))
        .then(corner(a.bbox.y2, b.bbox.y2))
}

/// A person on a bicycle or motorcycle is one road user: the person's box goes into that of the vehicle.
fn join_riders(detections: &mut Vec<Detection>) {
    let rides = |d: &Detection| matches!(d.class, RoadUserClass::Bicycle | RoadUserClass::Motorcycle);
    let mut ridden: Vec<Detection> = detections.iter().copied().filter(rides).collect();
    if ridden.is_empty() {
        return;
    }
    let mut rest = Vec::with_capacity(detections.len());
    for d in detections.drain(..) {
        if rides(&d) {
            continue;
        }
        let mount = (d.class == RoadUserClass::Pedestrian)
            .then(|| ridden.iter_mut().find(|r| sits_on(&d.bbox, &r.bbox)))
            .flatten();
        match mount {
            Some(mount) => {
                let (r, p) = (mount.bbox, d.bbox);
                mount.bbox = BBox::new(r.x1.min(p.x1), r.y1.min(p.y1), r.x2.max(p.x2), r.y2.max(p.y2));
                mount.score = mount.score.max(d.score);
            }
            None => rest.push(d),
        }
    }
    rest.append(&mut ridden);
    rest.sort_by(order);
    *detections = rest;
}

/// The lower part of the person lies in the vehicle's box, over its middle.
fn sits_on(person: &BBox, ridden: &BBox) -> bool {
    let overlap = person.intersection(ridden) / person.area().min(ridden.area()).max(1.0);
    let off = ((person.x1 + person.x2) - (ridden.x1 + ridden.x2)).abs() / 2.0;
    overlap >= 0.35
        && off <= 0.4 * ridden.width().max(person.width())
        && person.y2 <= ridden.y2 + 0.3 * ridden.height()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: FrameSize = FrameSize { width: 640, height: 360 };

    fn det(class: RoadUserClass, score: f32, b: [f32; 4]) -> Detection {
        Detection { bbox: BBox { x1: b[0], y1: b[1], x2: b[2], y2: b[3] }, class, score }
    }

    #[test]
    fn doubles_become_one_and_neighbours_stay() {
        use RoadUserClass::{Bicycle, Car, Pedestrian, Truck};
        for (what, boxes, want) in [
            (
                "lorry under two classes",
                vec![det(Car, 0.4, [100., 100., 200., 160.]), det(Truck, 0.6, [98., 102., 204., 160.])],
                1,
            ),
            (
                "cab within its lorry",
                vec![det(Car, 0.5, [160., 110., 200., 158.]), det(Truck, 0.6, [98., 102., 204., 160.])],
                1,
            ),
            (
                "car seen past a lorry",
                vec![det(Car, 0.5, [160., 104., 200., 130.]), det(Truck, 0.6, [98., 102., 204., 160.])],
                2,
            ),
            (
                "cars in a queue",
                vec![det(Car, 0.5, [100., 100., 160., 140.]), det(Car, 0.5, [145., 100., 205., 140.])],
                2,
            ),
            (
                "rider",
                vec![
                    det(Pedestrian, 0.8, [105., 80., 130., 135.]),
                    det(Bicycle, 0.4, [100., 110., 138., 150.]),
                ],
                1,
            ),
            (
                "walker beside a bicycle",
                vec![
                    det(Pedestrian, 0.8, [60., 80., 85., 150.]),
                    det(Bicycle, 0.4, [100., 110., 138., 150.]),
                ],
                2,
            ),
            (
                "person before a car",
                vec![det(Pedestrian, 0.8, [105., 100., 125., 160.]), det(Car, 0.9, [60., 100., 180., 160.])],
                2,
            ),
        ] {
            assert_eq!(clean(&boxes, SIZE).len(), want, "{what}");
        }
    }

    #[test]
    fn absurd_boxes_are_dropped() {
        use RoadUserClass::Car;
        for b in [
            [f32::NAN, 0., 10., 10.],
            [0., 0., f32::INFINITY, 10.],
            [10., 10., 10., 40.],
            [-50., -50., -10., -10.],
            [700., 10., 900., 60.],
        ] {
            assert!(clean(&[det(Car, 0.9, b)], SIZE).is_empty(), "{b:?}");
        }
        assert!(clean(&[det(Car, f32::NAN, [1., 1., 50., 50.])], SIZE).is_empty());
        assert_eq!(
            clean(&[det(Car, 0.9, [60., 50., 10., 10.])], SIZE).len(),
            1,
            "crossed corners are put in order"
        );
    }
}
