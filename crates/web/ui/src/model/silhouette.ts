// Which squares of a silhouette are to be filled. Pure; drawing them is `Silhouette.svelte`'s.

import type { Grid } from "../api/auditGuards";

export interface Square {
  x: number;
  y: number;
  side: number;
}

/** The cells that are set, in the grid's pixels; nothing where the digits are not of this grid. */
export function squares(grid: Grid, rows: readonly string[]): Square[] {
  if (rows.length !== grid.bands.length) return [];
  return grid.bands.flatMap(({ top, side, columns }, n) => {
    const digits = rows[n] ?? "";
    if (digits.length !== Math.ceil(columns / 4)) return [];
    const found: Square[] = [];
    for (let column = 0; column < columns; column += 1) {
      const four = parseInt(digits.charAt(column >> 2), 16);
      if (four & (8 >> (column & 3))) found.push({ x: column * side, y: top, side });
    }
    return found;
  });
}
