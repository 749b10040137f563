//! How pictures in cells are cut into parts that are looked at apart.

use std::ops::Range;

/// Gives every part of a picture the indices of its cells, row of cells by row: `columns * rows` cells in row order, cut into
/// `(across, down)` parts in that order too. Parts hold as many cells as others as far as that works out.
pub fn parts_of(
    (columns, rows): (usize, usize),
    (across, down): (usize, usize),
    mut take: impl FnMut(usize, Range<usize>),
) {
    if across == 0 || down == 0 {
        return;
    }
    for row in 0..rows {
        let first_part = row * down / rows * across;
        let begins = |part: usize| (part * columns).div_ceil(across);
        for part in 0..across {
            take(first_part + part, row * columns + begins(part)..row * columns + begins(part + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_is_in_the_part_that_its_place_says() {
        for (columns, rows, across, down) in [(80, 45, 8, 5), (80, 45, 16, 9), (77, 31, 16, 9), (5, 3, 8, 5)]
        {
            let mut parts = vec![usize::MAX; columns * rows];
            parts_of((columns, rows), (across, down), |part, cells| parts[cells].fill(part));
            for (cell, part) in parts.into_iter().enumerate() {
                let (column, row) = (cell % columns, cell / columns);
                let want = (row * down / rows) * across + column * across / columns;
                assert_eq!(part, want, "cell {column}, {row} of {columns} x {rows}");
            }
        }
    }
}
