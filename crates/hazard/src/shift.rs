//! Whether the camera looks where it looked. The directions of edges in the picture are compared with those of the
//! empty scene, whichever side is the brighter (at night it is often the other one); where they no longer agree, the
//! shift is sought at which they do, and the turn about the middle of the picture.
//!
//! Directions are compared as doubled angles, by normalised correlation.

use multiversion::multiversion;

use crate::parts::parts_of;

/// So far is a shift sought, in cells across and down: first nearby, then a fifth of the picture.
pub const NEARBY: (i32, i32) = (5, 5);
pub const MOST_SHIFT: (i32, i32) = (16, 9);
/// Turns are sought up to this angle either way, in steps of which a half is told apart: at the sides of the picture
/// that is a cell and a half.
const MOST_TURN_DEG: f32 = 12.0;
const TURN_STEP_DEG: f32 = 2.0;
/// With a turn a shift is sought this far, in cells across and down, at every other cell first.
const TURNED_SHIFT: (i32, i32) = (6, 4);
/// Parts of the picture that are compared apart, across and down: traffic covers some of them, never most.
const PARTS: (usize, usize) = (8, 5);
/// Parts whose edges are weaker than this mean, grey levels, tell nothing.
const LEAST_EDGES: f32 = 1.0;
/// Nor do those of which fewer than one cell in so many is asked.
const LEAST_PART: usize = 8;
/// Edges are compared up to this strength, so that no single one decides.
const MOST_EDGE: f32 = 12.0;

/// A cell tells what is left of its edges from this strength on, grey levels.
const TOLD_EDGE: f32 = 1.0;
/// So much of an edge is left where nothing covers it.
const KEPT_EDGE: f32 = 0.6;
/// An edge is gone if this share of it is left at most.
const GONE_EDGE: f32 = 0.25;

/// How well two pictures agree, each −1 to 1.
#[derive(Debug, Clone, Copy)]
pub struct Agreement {
    /// Of the middle part.
    pub median: f64,
    /// Of the best fifth at least: what traffic leaves uncovered.
    pub best: f64,
}

/// What is left of the edges of a picture, counted in cells.
#[derive(Debug, Clone, Copy, Default)]
pub struct Left {
    /// Cells that had edges.
    pub told: usize,
    /// Of these, without any now.
    pub gone: usize,
    /// Of these, with weaker ones now.
    pub between: usize,
}

/// Where the view went: every cell by as many to the right and down, after a turn about the middle.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Movement {
    /// Cells to the right and down.
    pub shift: (i32, i32),
    /// Degrees, clockwise in the picture.
    pub turn_deg: f32,
}

impl Movement {
    /// By how much of the picture's width (`columns` cells) it moved: its middle, or its sides if a turn moves them more.
    pub fn share(self, columns: usize) -> f64 {
        let shifted = f64::from(self.shift.0).hypot(f64::from(self.shift.1)) / columns.max(1) as f64;
        shifted.max(f64::from(self.turn_deg).to_radians().sin().abs() / 2.0)
    }
}

/// Directions of edges, cell by cell.
#[derive(Debug)]
pub struct Directions {
    columns: usize,
    rows: usize,
    cells: Vec<[f32; 2]>,
}

impl Directions {
    /// Of a picture of `columns * rows` grey levels.
    pub fn of(levels: &[f32], (columns, rows): (usize, usize)) -> Self {
        let mut cells = vec![[0.0; 2]; columns * rows];
        for y in 1..rows.saturating_sub(1) {
            for x in 1..columns.saturating_sub(1) {
                let i = y * columns + x;
                let gx = (levels[i + 1] - levels[i - 1]) / 2.0;
                let gy = (levels[i + columns] - levels[i - columns]) / 2.0;
                // Grey levels neither overflow nor vanish when squared.
                let strength = (gx * gx + gy * gy).sqrt();
                if strength > 0.3 {
                    let scale = strength.min(MOST_EDGE) / (strength * strength);
                    cells[i] = [(gx * gx - gy * gy) * scale, 2.0 * gx * gy * scale];
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
        self.agreement_where(now, |_| true)
    }

    /// The same of those cells that are to be asked.
    pub fn agreement_where(&self, now: &Self, asked: impl Fn(usize) -> bool) -> Option<Agreement> {
        let parts = PARTS.0 * PARTS.1;
        let mut sums = vec![(0.0_f32, 0.0_f32, 0.0_f32, 0.0_f32, 0_u16); parts];
        parts_of((self.columns, self.rows), PARTS, |part, cells| {
            let sum = &mut sums[part];
            for index in cells.filter(|&index| asked(index)) {
                let (Some(a), Some(b)) = (self.cells.get(index), now.cells.get(index)) else { return };
                let squares = a[0] * a[0] + a[1] * a[1];
                *sum = (
                    sum.0 + a[0] * b[0] + a[1] * b[1],
                    sum.1 + squares,
                    sum.2 + b[0] * b[0] + b[1] * b[1],
                    sum.3 + squares.sqrt(),
                    sum.4 + 1,
                );
            }
        });
        let least_cells = self.cells.len() / parts / LEAST_PART;
        let told = sums
            .iter()
            .filter(|sum| sum.3 >= LEAST_EDGES * f32::from(sum.4) && usize::from(sum.4) >= least_cells);
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

    /// The turn, with a shift, at which another agrees best, and how well it does then. None is not among them.
    pub fn best_turn(&self, now: &Self) -> (Movement, f64) {
        let mut best = (Movement::default(), f64::MIN);
        let mut turned = Self { columns: self.columns, rows: self.rows, cells: Vec::new() };
        let steps = (MOST_TURN_DEG / TURN_STEP_DEG) as i32;
        for step in (-steps..=steps).filter(|step| *step != 0) {
            turned.turn(self, step as f32 * TURN_STEP_DEG);
            turned.improve(now, step as f32 * TURN_STEP_DEG, (0, 0), 2, TURNED_SHIFT, &mut best);
        }
        let coarse = best.0;
        for half in [-0.5, 0.0, 0.5] {
            let turn_deg = coarse.turn_deg + half * TURN_STEP_DEG;
            turned.turn(self, turn_deg);
            turned.improve(now, turn_deg, coarse.shift, 1, (1, 1), &mut best);
        }
        best
    }

    /// What is left of the edges of each cell that has some.
    pub fn left(&self, now: &Self) -> Left {
        let mut left = Left::default();
        for (a, b) in self.cells.iter().zip(&now.cells) {
            let [then, now] = [a, b].map(|edge| (edge[0] * edge[0] + edge[1] * edge[1]).sqrt());
            if then < TOLD_EDGE {
                continue;
            }
            left.told += 1;
            if now <= GONE_EDGE * then {
                left.gone += 1;
            } else if now < KEPT_EDGE * then {
                left.between += 1;
            }
        }
        left
    }

    /// How well another agrees that moved so.
    pub fn agreement_after(&self, now: &Self, moved: Movement) -> f64 {
        let (dx, dy) = moved.shift;
        if moved.turn_deg == 0.0 {
            return self.correlation(now, dx, dy);
        }
        let mut turned = Self { columns: self.columns, rows: self.rows, cells: Vec::new() };
        turned.turn(self, moved.turn_deg);
        turned.correlation(now, dx, dy)
    }

    /// Tries shifts around one, so many cells apart and so far, and keeps what agrees better.
    fn improve(
        &self,
        now: &Self,
        turn_deg: f32,
        around: (i32, i32),
        apart: usize,
        most: (i32, i32),
        best: &mut (Movement, f64),
    ) {
        for dy in (-most.1..=most.1).step_by(apart) {
            for dx in (-most.0..=most.0).step_by(apart) {
                let shift = (around.0 + dx, around.1 + dy);
                let score = self.correlation(now, shift.0, shift.1);
                if score > best.1 {
                    *best = (Movement { shift, turn_deg }, score);
                }
            }
        }
    }

    /// Becomes another turned about its middle, degrees clockwise; the directions turn as well. What was outside has no edges.
    fn turn(&mut self, of: &Self, deg: f32) {
        let (columns, rows) = (self.columns as f32, self.rows as f32);
        let (middle_x, middle_y) = ((columns - 1.0) / 2.0, (rows - 1.0) / 2.0);
        let ((sin, cos), (sin2, cos2)) = (deg.to_radians().sin_cos(), (2.0 * deg).to_radians().sin_cos());
        self.cells.clear();
        for y in 0..self.rows {
            for x in 0..self.columns {
                let (px, py) = (x as f32 - middle_x, y as f32 - middle_y);
                let sx = (cos * px + sin * py + middle_x).round();
                let sy = (cos * py - sin * px + middle_y).round();
                let inside = (0.0..columns).contains(&sx) && (0.0..rows).contains(&sy);
                // Casts of floats saturate.
                let index = sy.max(0.0) as usize * self.columns + sx.max(0.0) as usize;
                let [a, b] = if inside { of.cells[index] } else { [0.0; 2] };
                self.cells.push([a * cos2 - b * sin2, a * sin2 + b * cos2]);
            }
        }
    }

    /// Normalised correlation of the common part after a shift.
    pub fn correlation(&self, now: &Self, dx: i32, dy: i32) -> f64 {
        let (columns, rows) = (self.columns as i32, self.rows as i32);
        let mut sums = Products::default();
        for y in 0.max(-dy)..rows.min(rows - dy) {
            let x0 = 0.max(-dx);
            let length = (columns.min(columns - dx) - x0).max(0) as usize;
            let row = |y: i32, x: i32| (y * columns + x) as usize;
            let a = &self.cells[row(y, x0)..][..length];
            let b = &now.cells[row(y + dy, x0 + dx)..][..length];
            sums.add(a.as_flattened(), b.as_flattened());
        }
        sums.correlation()
    }
}

/// Floats that are handled at once.
const LANES: usize = 8;

/// Sums of products, in as many parts as the compiler makes SIMD of: one sum after the other would wait for itself.
#[derive(Debug, Default)]
struct Products {
    product: [f32; LANES],
    a_squares: [f32; LANES],
    b_squares: [f32; LANES],
}

impl Products {
    fn add(&mut self, a: &[f32], b: &[f32]) {
        let ((a, a_rest), (b, b_rest)) = (a.as_chunks(), b.as_chunks());
        add_all(self, a, b);
        if !a_rest.is_empty() {
            // What is beyond the end adds nothing.
            let padded =
                |rest: &[f32]| std::array::from_fn(|lane| rest.get(lane).copied().unwrap_or_default());
            add_all(self, &[padded(a_rest)], &[padded(b_rest)]);
        }
    }

    fn correlation(&self) -> f64 {
        let [product, a, b] =
            [self.product, self.a_squares, self.b_squares].map(|lanes| lanes.iter().sum::<f32>());
        f64::from(product / (a * b).sqrt().max(1e-6))
    }
}

/// One loop a sum, and the sums written back at the end, is what the compiler makes SIMD of.
#[multiversion(targets("x86_64+avx2"))]
fn add_all(sums: &mut Products, a: &[[f32; LANES]], b: &[[f32; LANES]]) {
    let Products { mut product, mut a_squares, mut b_squares } = *sums;
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            product[lane] += a[lane] * b[lane];
        }
        for lane in 0..LANES {
            a_squares[lane] += a[lane] * a[lane];
        }
        for lane in 0..LANES {
            b_squares[lane] += b[lane] * b[lane];
        }
    }
    *sums = Products { product, a_squares, b_squares };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(x: i32, y: i32) -> f32 {
        let hash = (x / 5).wrapping_mul(73) ^ (y / 4).wrapping_mul(151) ^ (x / 11).wrapping_mul(y / 9 + 3);
        (hash.rem_euclid(120)) as f32 + 40.0
    }

    /// A picture with edges everywhere, seen `dx`, `dy` cells further.
    fn picture(dx: i32, dy: i32, invert: bool) -> Directions {
        let level = |x: i32, y: i32| if invert { 200.0 - level(x, y) } else { level(x, y) };
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

    #[test]
    fn dirt_takes_the_edges_of_what_it_covers_and_leaves_the_others() {
        let here = picture(0, 0, false);
        let none = here.left(&here);
        assert!(none.told > 1_000 && none.gone == 0 && none.between == 0, "{none:?}");
        let covered = |x: i32| if x < 44 { 90.0 } else { level(x + 50, 60) };
        let levels: Vec<f32> = (0..45).flat_map(|_| (0..80).map(covered)).collect();
        let then: Vec<f32> = (0..45).flat_map(|_| (0..80).map(|x| level(x + 50, 60))).collect();
        let left = Directions::of(&then, (80, 45)).left(&Directions::of(&levels, (80, 45)));
        let share = left.gone as f64 / left.told as f64;
        assert!((0.4..0.65).contains(&share) && left.between * 20 < left.told, "{left:?}");
    }

    /// The same picture turned about its middle, degrees clockwise, and then shifted.
    fn turned(deg: f32, (dx, dy): (f32, f32)) -> Directions {
        let (sin, cos) = deg.to_radians().sin_cos();
        let at = |x: usize, y: usize| {
            let (px, py) = (x as f32 - 39.5 - dx, y as f32 - 22.0 - dy);
            let (sx, sy) = (cos * px + sin * py + 89.5, cos * py - sin * px + 72.0);
            let (x0, y0) = (sx.floor(), sy.floor());
            let mix = |a: f32, b: f32, share: f32| a + (b - a) * share;
            let row = |y: i32| mix(level(x0 as i32, y), level(x0 as i32 + 1, y), sx - x0);
            mix(row(y0 as i32), row(y0 as i32 + 1), sy - y0)
        };
        let levels: Vec<f32> =
            (0..45).flat_map(|y| (0..80).map(move |x| (x, y))).map(|(x, y)| at(x, y)).collect();
        Directions::of(&levels, (80, 45))
    }

    #[test]
    fn turns_are_found_with_their_shift() {
        let here = turned(0.0, (0.0, 0.0));
        for (deg, shift) in [(4.0, (0.0, 0.0)), (-7.0, (0.0, 0.0)), (10.0, (0.0, 0.0)), (-5.0, (4.0, -3.0))] {
            let there = turned(deg, shift);
            let still = here.correlation(&there, 0, 0);
            let (found, score) = here.best_turn(&there);
            assert!((found.turn_deg - deg).abs() <= 1.0, "{deg}: {found:?}");
            let off = (found.shift.0 as f32 - shift.0).hypot(found.shift.1 as f32 - shift.1);
            assert!(off <= 1.5, "{deg}: {found:?}");
            assert!(score > 1.4 * still, "{deg}: {score} there, {still} here");
            assert!((here.agreement_after(&there, found) - score).abs() < 1e-6);
        }
    }
}
