//! How large cars are in each part of the picture, learnt from those that pass: what a camera without a calibration knows of
//! sizes. Sizes of boxes only, of nobody in particular.

use wayside_types::RoadUserClass;

use crate::road::RoadUser;

/// Sizes are learnt in so many rows, each from this many looks on.
const ROWS: usize = 12;
const LEAST_CARS: u32 = 5;
/// A look at a car that is this sure counts; where there are none, by night for instance, so many that are less sure.
const LEAST_SCORE: f32 = 0.4;
const LEAST_UNSURE_SCORE: f32 = 0.2;
const LEAST_UNSURE_CARS: u32 = 10;
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
    /// Learns from those that are seen in a frame.
    pub fn learn(&mut self, users: &[RoadUser]) {
        for user in users.iter().filter(|u| u.class == RoadUserClass::Car) {
            let (row, area) = (row_of(user.image.y), f64::from(user.bbox.area()));
            if user.confirmed && user.score >= LEAST_SCORE {
                self.sure[row].take(area);
            } else if user.score >= LEAST_UNSURE_SCORE && user.anchor.is_none() {
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
        let car = known(&self.sure, LEAST_CARS).or_else(|| known(&self.unsure, LEAST_UNSURE_CARS))?;
        Some(car.area.max(1.0))
    }
}

fn row_of(y: f64) -> usize {
    // Casts of floats saturate.
    ((y * ROWS as f64) as usize).min(ROWS - 1)
}
