//! For how long vehicles are over a line: what its occupancy is made of. A vehicle is over a line while the lower
//! half of its box, which is near enough what it covers of the road, touches it. Counting crossings is
//! `crossing`'s.

use std::collections::BTreeMap;

use wayside_types::{BBox, Direction, LineId, Point, RoadUserClass, Timestamp};

use crate::crossing::Segment;
use crate::event::{Event, Presence};

/// A vehicle that was not detected for longer than this is no longer taken to be where it was expected.
pub(crate) const UNSEEN_S: f64 = 0.5;

/// A vehicle as far as presence over lines is concerned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Over {
    pub class: RoadUserClass,
    pub bbox: BBox,
    /// Where it was first seen, px: it goes to the other side from there.
    pub came_from: Point,
}

/// Who was over a line in the `seconds` before `at`. Where several vehicles of one direction were, each class has
/// its part of the time.
pub(crate) fn over(
    id: &LineId,
    line: &Segment,
    vehicles: &[Over],
    at: Timestamp,
    seconds: f64,
) -> Vec<Event> {
    let mut by_way: BTreeMap<Direction, Vec<RoadUserClass>> = BTreeMap::new();
    for vehicle in vehicles {
        let (low, high) = lower_half(&vehicle.bbox);
        if line.meets(low, high) {
            let forward = line.distance(vehicle.came_from) < 0.0;
            let way = if forward { Direction::Forward } else { Direction::Backward };
            by_way.entry(way).or_default().push(vehicle.class);
        }
    }
    let mut events = Vec::new();
    for (direction, classes) in by_way {
        let part_s = seconds / classes.len() as f64;
        let mut by_class: BTreeMap<RoadUserClass, f64> = BTreeMap::new();
        for class in classes {
            *by_class.entry(class).or_default() += part_s;
        }
        events.extend(by_class.into_iter().map(|(class, seconds)| {
            Event::Presence(Presence { line: id.clone(), direction, class, at, seconds })
        }));
    }
    events
}

/// The corners of the lower half of a box.
pub(crate) fn lower_half(b: &BBox) -> (Point, Point) {
    let middle = f64::from(b.y1 + b.y2) / 2.0;
    (Point::new(f64::from(b.x1), middle), Point::new(f64::from(b.x2), f64::from(b.y2)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wayside_types::Line;

    /// An upright line in the middle of a picture of 100 × 100 px, walked upwards: forward is to the right.
    fn line() -> (LineId, Segment) {
        let id = LineId::new("mid").unwrap();
        let line = Line { id: id.clone(), points: [Point::new(0.5, 0.9), Point::new(0.5, 0.1)] };
        (id, Segment::new(&line, 100.0, 100.0).unwrap())
    }

    fn vehicle(class: RoadUserClass, x1: f32, y2: f32, came_from: f64) -> Over {
        Over { class, bbox: BBox::new(x1, y2 - 20.0, x1 + 30.0, y2), came_from: Point::new(came_from, 50.0) }
    }

    #[test]
    fn only_what_covers_the_line_occupies_it() {
        let (id, segment) = line();
        let car = RoadUserClass::Car;
        for (what, x1, y2, want) in [
            ("over it", 40.0, 60.0, 1),
            ("before it", 10.0, 60.0, 0),
            ("past it", 51.0, 60.0, 0),
            ("its roof only, above the line's end", 40.0, 8.0, 0),
            ("its roof only, below the line's other end", 40.0, 112.0, 0),
            ("its wheels at the upper end", 40.0, 12.0, 1),
        ] {
            let events = over(&id, &segment, &[vehicle(car, x1, y2, 0.0)], Timestamp::UNIX_EPOCH, 0.1);
            assert_eq!(events.len(), want, "{what}");
        }
    }

    #[test]
    fn vehicles_side_by_side_share_the_time() {
        let (id, segment) = line();
        let all = [
            vehicle(RoadUserClass::Car, 40.0, 60.0, 5.0),
            vehicle(RoadUserClass::Car, 30.0, 70.0, 5.0),
            vehicle(RoadUserClass::Bus, 35.0, 80.0, 5.0),
            vehicle(RoadUserClass::Car, 40.0, 40.0, 95.0),
        ];
        let events = over(&id, &segment, &all, Timestamp::UNIX_EPOCH, 0.3);
        let found: Vec<_> = events
            .iter()
            .map(|event| match event {
                Event::Presence(p) => (p.direction, p.class, (p.seconds * 10.0).round() as i32),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(
            found,
            [
                (Direction::Forward, RoadUserClass::Car, 2),
                (Direction::Forward, RoadUserClass::Bus, 1),
                (Direction::Backward, RoadUserClass::Car, 3)
            ]
        );
    }
}
