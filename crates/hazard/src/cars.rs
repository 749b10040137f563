//! How large cars are in each part of the picture, learnt from those that pass: what a camera without a calibration knows of
//! sizes. Sizes of boxes only, of nobody in particular.

use wayside_types::{FrameSize, RoadUserClass};

use crate::road::RoadUser;

/// Sizes are learnt in so many rows, each from this many looks on.
const ROWS: usize = 12;
const LEAST_CARS: u32 = 5;
/// A look at a car that is this sure counts; where there are none, by night for instance, so many that are less sure.
const LEAST_SCORE: f32 = 0.4;
const LEAST_UNSURE_SCORE: f32 = 0.2;
const LEAST_UNSURE_CARS: u32 = 10;
/// Cars at most so many rows away say how large one is, if it is not less than this share of them.
const FURTHEST_ROWS: usize = 5;
const LEAST_SHARE: f64 = 0.3;
/// One row of them says it at most so many rows away.
const ALONE_ROWS: f64 = 3.0;
/// A box this close to the edge of the picture, pixels, may be cut there.
const EDGE_PX: f32 = 2.0;
/// A step of the median, from the first size on.
const STEP: f64 = 1.02;

#[derive(Debug, Clone, Copy, Default)]
struct CarSize {
    area: f64,
    cars: u32,
}

impl CarSize {
    /// A step of the median towards one more.
    fn take(&mut self, area: f64) {
        self.cars = (self.cars + 1).min(10_000);
        self.area = match self.cars {
            1 => area,
            _ if area > self.area => self.area * STEP,
            _ => self.area / STEP,
        };
    }
}

/// The usual car of each row.
#[derive(Debug, Default)]
pub struct Cars {
    sure: [CarSize; ROWS],
    unsure: [CarSize; ROWS],
}

impl Cars {
    /// Learns from those that are seen in a frame of this size (pixels). Of one that the edge of the picture cuts, nobody is sure how
    /// large it is; what the upper edge cuts ends in a row where none does that is whole.
    pub fn learn(&mut self, users: &[RoadUser], size: FrameSize) {
        let (w, h) = (size.width as f32 - EDGE_PX, size.height as f32 - EDGE_PX);
        for user in users.iter().filter(|u| u.class == RoadUserClass::Car) {
            let (row, area) = (row_of(user.image.y), f64::from(user.bbox.area()));
            let b = &user.bbox;
            let is_whole = b.x1 >= EDGE_PX && b.y1 >= EDGE_PX && b.x2 <= w && b.y2 <= h;
            if user.confirmed && user.score >= LEAST_SCORE && is_whole {
                self.sure[row].take(area);
            } else if user.score >= LEAST_UNSURE_SCORE && user.anchor.is_none() && b.y1 >= EDGE_PX {
                self.unsure[row].take(area);
            }
        }
    }

    /// The area (px²) of a car's box that ends at a row (share of the picture's height); `None` until some were seen nearby.
    pub fn area(&self, y: f64) -> Option<f64> {
        let row = row_of(y);
        let near = [row, row + 1, row.saturating_sub(1), row + 2, row.saturating_sub(2)];
        let known = |sizes: &[CarSize; ROWS], least: u32| {
            near.into_iter().filter_map(|row| sizes.get(row)).find(|car| car.cars >= least).copied()
        };
        let nearby = known(&self.sure, LEAST_CARS).map(|car| car.area);
        let nearby = nearby.or_else(|| self.further(row));
        let area = nearby.or_else(|| known(&self.unsure, LEAST_UNSURE_CARS).map(|car| car.area));
        area.map(|area| area.max(1.0))
    }

    /// The area (px²) that a car's box has at least in a row where none was seen and none is expected: as much as in the nearest row
    /// further up where some were, since nobody looks smaller for being nearer.
    pub fn least_area(&self, y: f64) -> Option<f64> {
        let known = self.sure[..row_of(y)].iter().rev().find(|car| car.cars >= LEAST_CARS);
        known.map(|car| car.area.max(1.0))
    }

    /// The area (px²) that a car's box is taken for in a row above all in which any was seen, however far and however unsure, by a straight
    /// line through the sides of all that were; `None` where they are too few, or so far away that next to nothing would be left.
    pub fn area_above(&self, y: f64) -> Option<f64> {
        let row = row_of(y);
        let rows_of = |sizes: &[CarSize; ROWS], least: u32| -> Vec<(f64, f64, f64)> {
            // Looks count up to some, so that no queue outweighs the others.
            let point = |(i, car): (usize, &CarSize)| {
                let n = f64::from(car.cars.min(LEAST_UNSURE_CARS));
                (i as f64 - row as f64, car.area.sqrt(), n)
            };
            let known = sizes.iter().enumerate().filter(|(_, car)| car.cars >= least).map(point);
            known.filter(|(rows, ..)| *rows > 0.0).collect()
        };
        // Boxes that nobody is sure of hold lamps and shadows as well: they are asked only where sure ones do not say enough.
        let mut points = rows_of(&self.sure, LEAST_CARS);
        if points.len() < 2 {
            points = [rows_of(&self.sure, 1), rows_of(&self.unsure, 1)].concat();
        }
        let nearest = points.iter().min_by(|a, b| a.0.total_cmp(&b.0))?.1;
        let n: f64 = points.iter().map(|p| p.2).sum();
        let mean = |pick: fn(&(f64, f64, f64)) -> f64| points.iter().map(|p| p.2 * pick(p)).sum::<f64>() / n;
        let (at, side) = (mean(|p| p.0), mean(|p| p.1));
        let spread: f64 = points.iter().map(|p| p.2 * (p.0 - at).powi(2)).sum();
        let together: f64 = points.iter().map(|p| p.2 * (p.0 - at) * (p.1 - side)).sum();
        let slope = if spread > 0.0 { (together / spread).max(0.0) } else { 0.0 };
        let expected = (side - slope * at).min(nearest);
        let known = n >= f64::from(LEAST_UNSURE_CARS) && spread > 0.0;
        (known && expected >= LEAST_SHARE * nearest).then_some(expected * expected)
    }

    /// What cars further up and down let expect in a row: on a level road their sides grow evenly from row to row, and seen
    /// from the side they are alike. One row of them alone says it nearby.
    fn further(&self, row: usize) -> Option<f64> {
        let known: Vec<(f64, f64)> = (0..ROWS)
            .filter(|i| i.abs_diff(row) <= FURTHEST_ROWS && self.sure[*i].cars >= LEAST_CARS)
            .map(|i| (i as f64 - row as f64, self.sure[i].area.sqrt()))
            .collect();
        if let [(rows, side)] = known[..] {
            return (rows.abs() <= ALONE_ROWS).then_some(side * side);
        }
        let n = known.len() as f64;
        let mean = |pick: fn(&(f64, f64)) -> f64| known.iter().map(pick).sum::<f64>() / n;
        let (at, side) = (mean(|k| k.0), mean(|k| k.1));
        let spread: f64 = known.iter().map(|k| (k.0 - at).powi(2)).sum();
        let slope = known.iter().map(|k| (k.0 - at) * (k.1 - side)).sum::<f64>() / spread;
        // They never grow upwards.
        let expected = side - slope.max(0.0) * at;
        (known.len() >= 2 && expected >= LEAST_SHARE * side).then_some(expected * expected)
    }
}

fn row_of(y: f64) -> usize {
    // Casts of floats saturate.
    ((y * ROWS as f64) as usize).min(ROWS - 1)
}

#[cfg(test)]
mod tests {
    use wayside_types::{BBox, Point, TrackId};

    use super::*;

    #[test]
    fn sizes_grow_evenly_to_rows_where_no_car_was_seen() {
        let mut cars = Cars::default();
        for (row, side) in [(2, 20.0), (3, 30.0)] {
            (0..LEAST_CARS).for_each(|_| cars.sure[row].take(side * side));
        }
        let area = |row: usize| cars.area((row as f64 + 0.5) / ROWS as f64);
        assert_eq!(area(3), Some(900.0));
        assert_eq!(area(5), Some(900.0), "nearby ones are taken as they are");
        let grown = area(7).unwrap().sqrt();
        assert!((69.0..71.0).contains(&grown), "{grown}");
        assert_eq!(area(10), None, "too far away");
        assert_eq!(Cars::default().area(0.5), None);
    }

    #[test]
    fn nearer_cars_are_no_smaller() {
        let mut cars = Cars::default();
        let least = |cars: &Cars, row: usize| cars.least_area((row as f64 + 0.5) / ROWS as f64);
        (1..LEAST_CARS).for_each(|_| cars.sure[2].take(900.0));
        assert_eq!(least(&cars, 9), None, "too few were seen");
        cars.sure[2].take(900.0);
        assert_eq!((least(&cars, 9), least(&cars, 2), least(&cars, 0)), (Some(900.0), None, None));
        (0..LEAST_CARS).for_each(|_| cars.sure[5].take(2_500.0));
        assert_eq!(least(&cars, 9), Some(2_500.0), "the nearest row says it");
    }

    #[test]
    fn cars_cut_by_the_edge_of_the_picture_say_less() {
        let user = |x1: f32| RoadUser {
            id: TrackId::FIRST,
            class: RoadUserClass::Car,
            bbox: BBox::new(x1, 100.0, x1 + 60.0, 140.0),
            p: Point::new(0.0, 0.0),
            image: Point::new(0.5, 0.5),
            unit: 49.0,
            car_share: None,
            score: 0.8,
            standing_score: 0.8,
            confirmed: true,
            zones: Vec::new(),
            speed_units: None,
            speed_mps: None,
            anchor: None,
            arrived: false,
            rolled: false,
        };
        let size = FrameSize { width: 640, height: 360 };
        let after = |looks: u32, x1: f32| {
            let mut cars = Cars::default();
            (0..looks).for_each(|_| cars.learn(&[user(x1)], size));
            cars.area(0.5)
        };
        // The median goes by steps.
        let is_about = |area: Option<f64>| area.is_some_and(|area| (2_300.0..2_500.0).contains(&area));
        assert!(is_about(after(LEAST_CARS, 300.0)));
        assert_eq!((after(LEAST_CARS, 0.0), after(LEAST_CARS, 579.0)), (None, None));
        // Where all are cut, it is better than nothing.
        assert!(is_about(after(LEAST_UNSURE_CARS, 0.0)));
        let mut cars = Cars::default();
        let cut_above = RoadUser { bbox: BBox::new(300.0, 0.0, 360.0, 20.0), ..user(300.0) };
        (0..LEAST_UNSURE_CARS).for_each(|_| cars.learn(std::slice::from_ref(&cut_above), size));
        assert_eq!(cars.area(0.5), None, "but at the upper edge it says nothing");
    }

    #[test]
    fn above_all_cars_that_were_seen_they_go_on_shrinking() {
        let mut cars = Cars::default();
        let above =
            |cars: &Cars, row: usize| cars.area_above((row as f64 + 0.5) / ROWS as f64).map(f64::sqrt);
        (0..6).for_each(|_| cars.unsure[9].take(60.0 * 60.0));
        assert_eq!(above(&cars, 2), None, "too few, in one row");
        (0..6).for_each(|_| cars.sure[7].take(50.0 * 50.0));
        let side = above(&cars, 2).unwrap();
        assert!((24.0..26.0).contains(&side), "{side}");
        assert_eq!(above(&cars, 8).map(|side| side as u32), None, "one row is left below");
        for (row, side) in [(8, 90.0), (9, 60.0)] {
            (0..6).for_each(|_| cars.sure[row].take(side * side));
        }
        let side = above(&cars, 6).unwrap();
        assert!((49.0..51.0).contains(&side), "no larger than the nearest: {side}");
        let mut cars = Cars::default();
        [6, 9].into_iter().for_each(|row| (0..6).for_each(|_| cars.sure[row].take(90.0 * 90.0)));
        (0..90).for_each(|_| cars.unsure[11].take(200.0 * 200.0));
        let side = above(&cars, 1).unwrap();
        assert!((89.0..91.0).contains(&side), "lamps and shadows near by say nothing of it: {side}");
    }

    #[test]
    fn one_row_of_cars_says_it_nearby_and_alike_ones_everywhere() {
        let area = |rows: &[(usize, f64)], row: usize| {
            let mut cars = Cars::default();
            for &(row, side) in rows {
                (0..LEAST_CARS).for_each(|_| cars.sure[row].take(side * side));
            }
            cars.area((row as f64 + 0.5) / ROWS as f64)
        };
        assert_eq!(area(&[(4, 30.0)], 7), Some(900.0));
        assert_eq!(area(&[(4, 30.0)], 8), None, "too far away for one row");
        let alike = area(&[(3, 30.0), (4, 28.0)], 7).unwrap().sqrt();
        assert!((28.0..30.0).contains(&alike), "{alike}");
    }
}
