// Bins as the page shows them: aligned slots of a stretch of time, with gaps where a camera did not
// watch and zeros only where it did. Pure; fetching and drawing live elsewhere.

import type { BinLength, ClosedBin, Count, Direction, RoadUserClass } from "../api/types";
import type { Measurement } from "../api/guards";
import { doubtsOf } from "./signs";

export const BIN_MS: Record<BinLength, number> = { "1m": 60_000, "15m": 900_000 };

/** The bin that an instant falls into. Bins follow the site's clock, whose offset from UTC is a whole
 * number of quarters of an hour everywhere today, so that short bins are aligned to UTC as well. */
export function binStart(ms: number, length: BinLength): number {
  return Math.floor(ms / BIN_MS[length]) * BIN_MS[length];
}

/** Closed bins of one camera and one length, by start. */
export type BinHistory = ReadonlyMap<number, ClosedBin>;

/** How far a slot can be trusted: fully watched, watched in part, or not watched at all. */
export type Watched = "full" | "partial" | "none";

export interface Slot {
  start: number;
  end: number;
  watched: Watched;
  bin: ClosedBin | null;
}

/** Less than this share of a bin observed, or more than the rest of it dropped, and it is partial
 * (the server's grade "good" draws the line at the same place). */
export function watchedOf(bin: ClosedBin): Watched {
  if (bin.observedS <= 0) return "none";
  return bin.grade === "good" ? "full" : "partial";
}

/** Every slot of `length` in [from, to), in order, whether or not anything is known about it. */
export function slots(history: BinHistory, from: number, to: number, length: BinLength): Slot[] {
  const all: Slot[] = [];
  for (let start = binStart(from, length); start < to; start += BIN_MS[length]) {
    const bin = history.get(start) ?? null;
    const watched = bin ? watchedOf(bin) : "none";
    all.push({ start, end: start + BIN_MS[length], watched, bin: watched === "none" ? null : bin });
  }
  return all;
}

/** Counts of a bin arrive a few seconds after its end; later than this they are not waited for. */
export const LATE_MS = 20_000;

/** Up to where slots are shown: a bin that has just ended is no gap while its counts are on their way. */
export function shownUntil(history: BinHistory, now: number, length: BinLength): number {
  const end = binStart(now, length);
  const waiting = !history.has(end - BIN_MS[length]) && now - end < LATE_MS;
  return waiting ? end - BIN_MS[length] : end;
}

/** The newest bin of a history that was watched at all. */
export function latest(history: BinHistory): ClosedBin | null {
  let newest: ClosedBin | null = null;
  for (const bin of history.values()) {
    if (watchedOf(bin) !== "none" && (!newest || bin.start > newest.start)) newest = bin;
  }
  return newest;
}

export interface CountFilter {
  line?: string;
  direction?: Direction;
  class?: RoadUserClass;
}

/** How many crossings of a bin fit; zero where the bin was watched and nothing crossed. */
export function total(bin: ClosedBin, filter: CountFilter = {}): number {
  const fits = (c: Count) =>
    (filter.line === undefined || c.line === filter.line) &&
    (filter.direction === undefined || c.direction === filter.direction) &&
    (filter.class === undefined || c.class === filter.class);
  return bin.counts.reduce((sum, c) => (fits(c) ? sum + c.count : sum), 0);
}

/** The band of one line, direction and class as text, where it is known and wider than the count: "17–20". */
export function bandText(bin: ClosedBin, line: string, direction: Direction, cls: RoadUserClass): string | null {
  const band = bin.counts.find((c) => c.line === line && c.direction === direction && c.class === cls)?.band;
  return band && band[0] < band[1] ? `${band[0]}–${band[1]}` : null;
}

/** What the band beside a count is and, where that is known, what makes it as wide as it is. */
export function bandTitle(bin: ClosedBin, line: string, direction: Direction, cls: RoadUserClass): string {
  const signs = bin.counts.find((c) => c.line === line && c.direction === direction && c.class === cls)?.signs;
  const doubts = doubtsOf(signs);
  return `the true count, in 95 of 100 cases${doubts === null ? "" : `: ${doubts}`}`;
}

/** Puts rows of /measurements together again: one bin for each start. Rows without a count, and bins
 * that are not closed yet, are left out, so that they become gaps and not zeros. */
export function fromMeasurements(rows: readonly Measurement[], now: number): Map<number, ClosedBin> {
  const bins = new Map<number, ClosedBin>();
  for (const row of rows) {
    if (row.count === null || row.end > now) continue;
    let bin = bins.get(row.start);
    if (!bin) {
      const { start, end, observedS, droppedShare, grade } = row;
      bin = { start, end, observedS, droppedShare, grade: row.complete ? grade : worse(grade), counts: [] };
      bins.set(row.start, bin);
    }
    if (row.count > 0) {
      const { line, direction, class: cls, count, band, signs } = row;
      bin.counts.push({ line, direction, class: cls, count, ...(band ? { band } : {}), ...(signs ? { signs } : {}) });
    }
  }
  return bins;
}

/** A bin that the server calls incomplete is never shown as fully watched. */
function worse(grade: ClosedBin["grade"]): ClosedBin["grade"] {
  return grade === "good" ? "fair" : grade;
}

/** Adds bins to a history; newer knowledge about the same bin replaces older. What started before
 * `keepFrom` is let go, so that a page that is open for weeks does not grow. */
export function merge(history: BinHistory, more: Iterable<ClosedBin>, keepFrom: number): Map<number, ClosedBin> {
  const merged = new Map<number, ClosedBin>();
  for (const [start, bin] of history) if (start >= keepFrom) merged.set(start, bin);
  for (const bin of more) if (bin.start >= keepFrom) merged.set(bin.start, bin);
  return merged;
}

/** A round number at or above the largest value, for the top of a chart's axis; its half is whole. */
export function niceMax(largest: number): number {
  if (largest <= 4) return 4;
  const power = 10 ** Math.floor(Math.log10(largest));
  const step = [1, 2, 3, 4, 5, 6, 8, 10].find((s) => s * power >= largest && (s * power) % 2 === 0) ?? 10;
  return step * power;
}
