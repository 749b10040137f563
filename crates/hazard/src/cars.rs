//! How large cars are in each part of the picture, learnt from those that pass: what a camera without a calibration knows of
//! sizes. Sizes of boxes only, of nobody in particular.

use wayside_types::RoadUserClass;

use crate::road::RoadUser;

/// Sizes are learnt in so many rows, each from this many looks on.
const ROWS: usize = 12;
const LEAST_CARS: u32 = 5;
/// A look at a car that is less sure than this is none.
const LEAST_SCORE: f32 = 0.4;
/// A step of the median, from the first size on.
const STEP: f64 = 1.02;

#[derive(Debug, Clone, Copy, Default)]
struct CarSize {
    area: f64,
    cars: u32,
}

/// The usual car of each row.
#[derive(Debug, Default)]
pub struct Cars([CarSize; ROWS]);

impl Cars {
    /// Learns from those that are seen in a frame.
    pub fn learn(&mut self, users: &[RoadUser]) {
        let sure = |u: &&RoadUser| u.confirmed && u.class == RoadUserClass::Car && u.score >= LEAST_SCORE;
        for user in users.iter().filter(sure) {
            let row = &mut self.0[row_of(user.image.y)];
            let area = f64::from(user.bbox.area());
            row.cars = (row.cars + 1).min(10_000);
            row.area = match row.cars {
                1 => area,
                _ if area > row.area => row.area * STEP,
                _ => row.area / STEP,
            };
        }
    }

    /// The area (px²) of a car's box that ends at a row (share of the picture's height); `None` until some were seen nearby.
    pub fn area(&self, y: f64) -> Option<f64> {
        let row = row_of(y);
        let near = [row, row + 1, row.saturating_sub(1), row + 2, row.saturating_sub(2)];
        let known = near.into_iter().filter_map(|row| self.0.get(row)).find(|car| car.cars >= LEAST_CARS);
        known.map(|car| car.area.max(1.0))
    }
}

fn row_of(y: f64) -> usize {
    // Casts of floats saturate.
    ((y * ROWS as f64) as usize).min(ROWS - 1)
}
