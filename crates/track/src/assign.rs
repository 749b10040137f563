//! Optimal assignment of rows to columns: the shortest-augmenting-path form of the Hungarian method
//! (Jonker and Volgenant 1987), where any row may also stay alone. Costs are `associate`'s business.

/// For each row the column it gets, so that the sum of costs is the smallest possible. A row stays alone
/// where that is cheaper than `alone`, and never takes a column whose cost is not finite.
///
/// `cost` holds `rows * columns` values, row by row.
pub(crate) fn assign(cost: &[f64], rows: usize, columns: usize, alone: f64) -> Vec<Option<usize>> {
    if rows == 0 || columns == 0 {
        return vec![None; rows];
    }
    // Every row has a column of its own, after the real ones, that means staying alone.
    let width = columns + rows;
    let at = |row: usize, column: usize| -> f64 {
        if column < columns {
            cost.get(row * columns + column).copied().filter(|c| c.is_finite()).unwrap_or(FORBIDDEN)
        } else if column == columns + row {
            alone
        } else {
            FORBIDDEN
        }
    };
    let owner = solve(rows, width, at);
    let mut result = vec![None; rows];
    for (column, owner) in owner.iter().enumerate().take(columns) {
        if let Some(row) = *owner
            && at(row, column) < FORBIDDEN
        {
            result[row] = Some(column);
        }
    }
    result
}

/// Dearer than any allowed pairing, and small enough for sums to stay exact.
const FORBIDDEN: f64 = 1e9;

/// The owner of each column.
fn solve(rows: usize, width: usize, cost: impl Fn(usize, usize) -> f64) -> Vec<Option<usize>> {
    let mut row_price = vec![0.0; rows];
    let mut column_price = vec![0.0; width];
    let mut owner: Vec<Option<usize>> = vec![None; width];
    for start in 0..rows {
        // Dijkstra over columns from `start` until a free column is reached.
        let mut best = vec![f64::INFINITY; width];
        let mut from: Vec<Option<usize>> = vec![None; width];
        let mut done = vec![false; width];
        let (mut row, mut via) = (start, None);
        let free = loop {
            let (mut step, mut next) = (f64::INFINITY, 0);
            for column in 0..width {
                if done[column] {
                    continue;
                }
                let reduced = cost(row, column) - row_price[row] - column_price[column];
                if reduced < best[column] {
                    best[column] = reduced;
                    from[column] = via;
                }
                if best[column] < step {
                    step = best[column];
                    next = column;
                }
            }
            row_price[start] += step;
            for column in 0..width {
                if done[column] {
                    column_price[column] -= step;
                    if let Some(r) = owner[column] {
                        row_price[r] += step;
                    }
                } else {
                    best[column] -= step;
                }
            }
            done[next] = true;
            match owner[next] {
                Some(r) => (row, via) = (r, Some(next)),
                None => break next,
            }
        };
        // Flip ownership along the path back to `start`.
        let mut column = free;
        while let Some(previous) = from[column] {
            owner[column] = owner[previous];
            column = previous;
        }
        owner[column] = Some(start);
    }
    owner
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn total(cost: &[f64], columns: usize, alone: f64, result: &[Option<usize>]) -> f64 {
        result.iter().enumerate().map(|(r, c)| c.map_or(alone, |c| cost[r * columns + c])).sum()
    }

    /// Tries everything.
    fn brute(cost: &[f64], rows: usize, columns: usize, alone: f64, row: usize, used: u32) -> f64 {
        if row == rows {
            return 0.0;
        }
        let mut best = alone + brute(cost, rows, columns, alone, row + 1, used);
        for c in 0..columns {
            let here = cost[row * columns + c];
            if used & (1 << c) == 0 && here.is_finite() {
                best = best.min(here + brute(cost, rows, columns, alone, row + 1, used | (1 << c)));
            }
        }
        best
    }

    #[test]
    fn takes_the_cheaper_sum_over_the_nearest_pair() {
        // Greedy would take (0,0) = 1 and leave row 1 with 10.
        assert_eq!(assign(&[1.0, 2.0, 2.0, 10.0], 2, 2, 100.0), vec![Some(1), Some(0)]);
    }

    #[test]
    fn stays_alone_where_that_is_cheaper() {
        assert_eq!(assign(&[5.0, f64::INFINITY, f64::NAN, 1.0], 2, 2, 3.0), vec![None, Some(1)]);
        assert_eq!(assign(&[], 0, 3, 1.0), vec![]);
        assert_eq!(assign(&[], 2, 0, 1.0), vec![None, None]);
    }

    proptest! {
        #[test]
        fn is_optimal(rows in 1_usize..6, columns in 1_usize..6,
                      cells in proptest::collection::vec(-9_i32..30, 36), alone in -5_i32..20) {
            let cost: Vec<f64> = cells.iter().take(rows * columns)
                .map(|&c| if c > 24 { f64::INFINITY } else { f64::from(c) }).collect();
            let result = assign(&cost, rows, columns, f64::from(alone));
            let mut taken: Vec<_> = result.iter().flatten().collect();
            taken.sort_unstable();
            taken.dedup();
            prop_assert_eq!(taken.len(), result.iter().flatten().count(), "a column was taken twice");
            let best = brute(&cost, rows, columns, f64::from(alone), 0, 0);
            prop_assert!((total(&cost, columns, f64::from(alone), &result) - best).abs() < 1e-6);
        }
    }
}
