//! Whether the camera looks where it looked. The directions of edges in the picture are compared with those of the
//! empty scene, whichever side is the brighter (at night it is often the other one); where they no longer agree, the
//! shift is sought at which they do.
//!
//! Directions are compared as doubled angles, by normalised correlation.

/// So far is a shift sought, in cells across and down: first nearby, then a fifth of the picture.
pub const NEARBY: (i32, i32) = (5, 5);
pub const MOST_SHIFT: (i32, i32) = (16, 9);
/// Parts of the picture that are compared apart, across and down: traffic covers some of them, never most.
const PARTS: (usize, usize) = (8, 5);
/// Parts whose edges are weaker than this mean, grey levels, tell nothing.
const LEAST_EDGES: f32 = 1.0;
/// Edges are compared up to this strength, so that no single one decides.
const MOST_EDGE: f32 = 12.0;

/// How well two pictures agree, each −1 to 1.
#[derive(Debug, Clone, Copy)]
pub struct Agreement {
    /// Of the middle part.
    pub median: f64,
    /// Of the best fifth at least: what traffic leaves uncovered.
    pub best: f64,
}

/// Directions of edges, cell by cell.
#[derive(Debug)]
pub struct Directions {
    columns: usize,
    rows: usize,
    cells: Vec<(f32, f32)>,
}

impl Directions {
    /// Of a picture of `columns * rows` grey levels.
    pub fn of(levels: &[f32], (columns, rows): (usize, usize)) -> Self {
        let mut cells = vec![(0.0, 0.0); columns * rows];
        for y in 1..rows.saturating_sub(1) {
            for x in 1..columns.saturating_sub(1) {
                let i = y * columns + x;
                let gx = (levels[i + 1] - levels[i - 1]) / 2.0;
                let gy = (levels[i + columns] - levels[i - columns]) / 2.0;
                let strength = gx.hypot(gy);
                if strength > 0.3 {
                    let scale = strength.min(MOST_EDGE) / (strength * strength);
                    cells[i] = ((gx * gx - gy * gy) * scale, 2.0 * gx * gy * scale);
                }
            }
        }
        Self { columns, rows, cells }
    }

    /// Cells across.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// How well it agrees with another of the same shape without a shift: over those parts of `self` that have edges.
    /// `None` where hardly any has.
    pub fn agreement(&self, now: &Self) -> Option<Agreement> {
        let parts = PARTS.0 * PARTS.1;
        let mut sums = vec![(0.0_f32, 0.0_f32, 0.0_f32, 0.0_f32); parts];
        for (index, (a, b)) in self.cells.iter().zip(&now.cells).enumerate() {
            let (column, row) = (index % self.columns, index / self.columns);
            let part = (row * PARTS.1 / self.rows) * PARTS.0 + column * PARTS.0 / self.columns;
            let sum = &mut sums[part];
            let squares = a.0 * a.0 + a.1 * a.1;
            *sum = (
                sum.0 + a.0 * b.0 + a.1 * b.1,
                sum.1 + squares,
                sum.2 + b.0 * b.0 + b.1 * b.1,
                sum.3 + squares.sqrt(),
            );
        }
        let a_part = (self.cells.len() / parts) as f32;
        let told = sums.iter().filter(|sum| sum.3 >= LEAST_EDGES * a_part);
        let mut scores: Vec<f32> = told.map(|sum| sum.0 / (sum.1 * sum.2).sqrt().max(1e-6)).collect();
        if scores.len() < 6 {
            return None;
        }
        scores.sort_by(f32::total_cmp);
        let at = |share: usize| scores.get(scores.len() * share / 100).copied().map_or(0.0, f64::from);
        Some(Agreement { median: at(50), best: at(80) })
    }

    /// The shift, in cells to the right and down, at which another agrees best, and how well it does then.
    pub fn best_shift(&self, now: &Self, most: (i32, i32)) -> ((i32, i32), f64) {
        let mut best = ((0, 0), f64::MIN);
        for dy in -most.1..=most.1 {
            for dx in -most.0..=most.0 {
                let score = self.correlation(now, dx, dy);
                if score > best.1 {
                    best = ((dx, dy), score);
                }
            }
        }
        best
    }

    /// Normalised correlation of the common part after a shift.
    pub fn correlation(&self, now: &Self, dx: i32, dy: i32) -> f64 {
        let (columns, rows) = (self.columns as i32, self.rows as i32);
        let (mut product, mut a_squares, mut b_squares) = (0.0_f32, 0.0_f32, 0.0_f32);
        for y in 0.max(-dy)..rows.min(rows - dy) {
            let x0 = 0.max(-dx);
            let length = (columns.min(columns - dx) - x0).max(0) as usize;
            let row = |y: i32, x: i32| (y * columns + x) as usize;
            let a = &self.cells[row(y, x0)..][..length];
            let b = &now.cells[row(y + dy, x0 + dx)..][..length];
            for (a, b) in a.iter().zip(b) {
                product += a.0 * b.0 + a.1 * b.1;
                a_squares += a.0 * a.0 + a.1 * a.1;
                b_squares += b.0 * b.0 + b.1 * b.1;
            }
        }
        f64::from(product / (a_squares * b_squares).sqrt().max(1e-6))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture with edges everywhere, seen `dx`, `dy` cells further.
    fn picture(dx: i32, dy: i32, invert: bool) -> Directions {
        let level = |x: i32, y: i32| {
            let hash =
                (x / 5).wrapping_mul(73) ^ (y / 4).wrapping_mul(151) ^ (x / 11).wrapping_mul(y / 9 + 3);
            let level = (hash.rem_euclid(120)) as f32 + 40.0;
            if invert { 200.0 - level } else { level }
        };
        let levels: Vec<f32> = (0..45)
            .flat_map(|y| (0..80).map(move |x| (x, y)))
            .map(|(x, y)| level(x + 50 - dx, y + 50 - dy))
            .collect();
        Directions::of(&levels, (80, 45))
    }

    #[test]
    fn shifts_are_found_and_polarity_is_none() {
        let here = picture(0, 0, false);
        assert!(here.agreement(&here).unwrap().median > 0.99);
        assert!(here.agreement(&picture(0, 0, true)).unwrap().median > 0.99, "night is no movement");
        for (dx, dy) in [(3, 0), (-7, 2), (0, -5), (12, 6)] {
            let there = picture(dx, dy, false);
            assert!(here.agreement(&there).unwrap().median < 0.6, "{dx}, {dy}");
            let (found, score) = here.best_shift(&there, MOST_SHIFT);
            assert_eq!(found, (dx, dy));
            assert!(score > 0.95, "{score}");
        }
    }
}
