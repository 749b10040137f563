//! What one camera has learnt about the usual motion at each place: per cell of a coarse grid and
//! heading sector, the mean velocity of the road users that passed. It tells a track of one detection
//! where to look next. It is an aggregate, lives in memory only and knows no individual.

use wayside_types::FrameSize;

use crate::motion::Heading;

const COLUMNS: usize = 20;
const ROWS: usize = 12;
const SECTORS: usize = 8;
/// Passes remembered: older ones fade as new ones come.
const MEMORY: f64 = 30.0;
/// Fewer samples than this around a place say nothing.
const MIN_WEIGHT: f64 = 3.0;
/// A learnt velocity is never sharper than this share of itself.
const MIN_SPREAD_SHARE: f64 = 0.25;

#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    weight: f64,
    vx: f64,
    vy: f64,
    var: f64,
}

/// The learnt motion of one camera's view.
#[derive(Debug, Clone)]
pub(crate) struct Flow {
    cells: Vec<Cell>,
    size: FrameSize,
}

impl Flow {
    pub fn new(size: FrameSize) -> Self {
        Self { cells: vec![Cell::default(); COLUMNS * ROWS * SECTORS], size }
    }

    fn place(&self, x: f64, y: f64) -> (usize, usize) {
        let bin = |v: f64, span: u32, n: usize| {
            let share = v / f64::from(span.max(1));
            ((share * n as f64).max(0.0) as usize).min(n - 1)
        };
        (bin(x, self.size.width, COLUMNS), bin(y, self.size.height, ROWS))
    }

    fn sector(vx: f64, vy: f64) -> usize {
        let turn = vy.atan2(vx) / std::f64::consts::TAU;
        ((turn.rem_euclid(1.0) * SECTORS as f64) as usize).min(SECTORS - 1)
    }

    /// A confirmed road user moves at this place with this velocity (px/s).
    pub fn learn(&mut self, x: f64, y: f64, vx: f64, vy: f64) {
        let (column, row) = self.place(x, y);
        let index = (row * COLUMNS + column) * SECTORS + Self::sector(vx, vy);
        let Some(cell) = self.cells.get_mut(index) else { return };
        cell.weight = (cell.weight + 1.0).min(MEMORY);
        let share = 1.0 / cell.weight;
        let (dx, dy) = (vx - cell.vx, vy - cell.vy);
        cell.vx += share * dx;
        cell.vy += share * dy;
        cell.var += share * ((dx * dx + dy * dy) / 2.0 * (1.0 - share) - cell.var);
    }

    /// The beliefs about a road user that was just detected here, strongest first, at most three. Their
    /// weights sum to at most 1; what is missing is the chance that it does something else.
    pub fn headings(&self, x: f64, y: f64) -> Vec<Heading> {
        let (column, row) = self.place(x, y);
        let mut pooled = [Cell::default(); SECTORS];
        for r in row.saturating_sub(1)..=(row + 1).min(ROWS - 1) {
            for c in column.saturating_sub(1)..=(column + 1).min(COLUMNS - 1) {
                let near = if (r, c) == (row, column) { 1.0 } else { 0.4 };
                for (sector, pool) in pooled.iter_mut().enumerate() {
                    if let Some(cell) = self.cells.get((r * COLUMNS + c) * SECTORS + sector) {
                        merge(pool, cell, near * cell.weight);
                    }
                }
            }
        }
        let total: f64 = pooled.iter().map(|p| p.weight).sum();
        if total < MIN_WEIGHT {
            return Vec::new();
        }
        pooled.sort_by(|a, b| b.weight.total_cmp(&a.weight));
        let known = total / (total + MIN_WEIGHT);
        pooled
            .iter()
            .take(3)
            .filter(|p| p.weight > 0.1 * total)
            .map(|p| {
                let floor = MIN_SPREAD_SHARE.powi(2) * (p.vx * p.vx + p.vy * p.vy);
                Heading { vx: p.vx, vy: p.vy, var: p.var.max(floor), weight: known * p.weight / total }
            })
            .collect()
    }
}

/// Pools a cell into another with the given weight, means and spread between them included.
fn merge(pool: &mut Cell, cell: &Cell, weight: f64) {
    if weight <= 0.0 {
        return;
    }
    let sum = pool.weight + weight;
    let share = weight / sum;
    let (dx, dy) = (cell.vx - pool.vx, cell.vy - pool.vy);
    pool.var =
        (1.0 - share) * pool.var + share * cell.var + share * (1.0 - share) * (dx * dx + dy * dy) / 2.0;
    pool.vx += share * dx;
    pool.vy += share * dy;
    pool.weight = sum;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn learns_two_ways_of_one_street() {
        let mut flow = Flow::new(FrameSize { width: 640, height: 360 });
        assert!(flow.headings(320.0, 180.0).is_empty());
        for i in 0..20 {
            flow.learn(320.0, 180.0, 200.0 + f64::from(i), 0.0);
            flow.learn(320.0, 180.0, -100.0, 5.0);
        }
        let known = flow.headings(322.0, 181.0);
        assert_eq!(known.len(), 2);
        assert!(known.iter().any(|h| (h.vx - 209.5).abs() < 2.0));
        assert!(known.iter().any(|h| (h.vx + 100.0).abs() < 1.0));
        let total: f64 = known.iter().map(|h| h.weight).sum();
        assert!(total > 0.8 && total < 1.0, "{total}");
        assert!(flow.headings(10.0, 10.0).is_empty());
        // Places outside the picture and velocities that are no numbers do no harm.
        flow.learn(-5.0, 1e9, f64::NAN, 1.0);
    }
}
