// The boundary for tallies: silhouettes and comparisons as they come over the wire, or where they are broken. What other
// answers there are is in `guards.ts`.

import { array, fail, instant, list, number, object, oneOf, optional, page, text, type Page } from "./read";
import { CLASSES, DIRECTIONS, type Direction, type RoadUserClass } from "./types";

/** Who is tallied together: cars, buses and lorries; bicycles and motorcycles; or one class. */
export const TALLIED = ["motor", "two_wheeler", ...CLASSES] as const;
export type Tallied = "motor" | "two_wheeler" | RoadUserClass;

/** One count beside its tally. */
export interface AuditRow {
  line: string;
  direction: Direction;
  class: Tallied;
  from: number;
  minutes: number;
  counted: number;
  tallied: number;
  observedS: number;
  /** Null where nobody was tallied. */
  errorPercent: number | null;
  geh: number;
  /** Where the true count was to be expected; null in lists and where that is not known. */
  band: readonly [number, number] | null;
}

/** A row of square cells, beginning at the left edge. */
export interface Band {
  top: number;
  side: number;
  columns: number;
}

/** How a picture is cut into cells, in its own pixels. */
export interface Grid {
  width: number;
  height: number;
  bands: Band[];
}

/** What the stream of a silhouette tells. */
export type SilhouetteEvent =
  | { kind: "grid"; grid: Grid }
  | { kind: "cells"; at: number; knownShare: number; rows: string[] };

export const SILHOUETTE_KINDS = ["grid", "cells"] as const;

function row(value: unknown, where: string): AuditRow {
  const o = object(value, where);
  const count = (name: string) => number(o[name], `${where}.${name}`);
  const band = optional(o["band"], (v): readonly [number, number] => {
    const [low, high] = array(v, `${where}.band`);
    return [number(low, `${where}.band[0]`), number(high, `${where}.band[1]`)];
  });
  return {
    line: text(o["line"], `${where}.line`),
    direction: oneOf(o["direction"], DIRECTIONS, `${where}.direction`),
    class: oneOf(o["class"], TALLIED, `${where}.class`),
    from: instant(o["from"], `${where}.from`),
    minutes: count("minutes"),
    counted: count("counted"),
    tallied: count("tallied"),
    observedS: count("observed_s"),
    errorPercent: optional(o["error_percent"], (v) => number(v, `${where}.error_percent`)),
    geh: count("geh"),
    band,
  };
}

export function auditPage(value: unknown): Page<AuditRow> {
  return page(value, "the list of tallies", row);
}

/** A length of at least this much. */
function length(value: unknown, least: number, where: string): number {
  const px = number(value, where);
  return Number.isInteger(px) && px >= least ? px : fail(where, `a whole number from ${least}`, value);
}

function band(value: unknown, where: string): Band {
  const o = object(value, where);
  return {
    top: length(o["top_px"], 0, `${where}.top_px`),
    side: length(o["side_px"], 1, `${where}.side_px`),
    columns: length(o["columns"], 1, `${where}.columns`),
  };
}

/** An event of a silhouette's stream; null for kinds that the page does not know. */
export function silhouetteEvent(kind: string, value: unknown): SilhouetteEvent | null {
  const where = `an event "${kind}" of the silhouette`;
  if (kind === "grid") {
    const o = object(value, where);
    const [width, height] = array(o["size_px"], `${where}.size_px`);
    // One broken band would shift all that follow.
    const bands = list({ items: o["bands"] }, where, band);
    if (bands.broken[0] !== undefined) fail(`${where}.bands`, "bands of cells", bands.broken[0]);
    const grid = { width: length(width, 1, `${where}.size_px`), height: length(height, 1, `${where}.size_px`), bands: bands.items };
    return { kind, grid };
  }
  if (kind !== "cells") return null;
  const o = object(value, where);
  const rows = array(o["rows"], `${where}.rows`).map((r, i) => {
    const digits = text(r, `${where}.rows[${i}]`);
    return /^[0-9a-f]*$/.test(digits) ? digits : fail(`${where}.rows[${i}]`, "hexadecimal digits", r);
  });
  return { kind, at: instant(o["at"], `${where}.at`), knownShare: number(o["known_share"], `${where}.known_share`), rows };
}
