// A day beside what is usual, as charts and tables show it: every bin of the day, known or not, sums over what can be
// compared, and the stepped outlines of both. What is not known is null and never zero. Pure; drawing lives in `parts/`.

import type { DayBin, Direction, TypicalBin, Usual } from "../api/types";
import type { Bounds } from "./day";
import { hourMinute } from "./time";

export const DAY_BIN_MS: Record<DayBin, number> = { "15m": 900_000, "1h": 3_600_000 };

/** Whether a bin's count is known, and why not: it is not over, nobody watched it whole, or its hour came before
 * already, when clocks were set back, and the first one was compared. */
export type Known = "known" | "open" | "unwatched" | "twice";

export interface DaySlot {
  start: number;
  end: number;
  known: Known;
  count: number | null;
  usual: Usual | null;
}

/** Every bin of the day in order: those that were told, and between them those that were not. Of what was not over at
 * `asOf` nothing can be known yet. */
export function daySlots(bins: readonly TypicalBin[], day: Bounds, bin: DayBin, asOf: number, zone?: string): DaySlot[] {
  const told = new Map<number, TypicalBin>();
  for (const one of bins) if (one.start >= day.from && one.start < day.to) told.set(one.start, one);
  const starts = [...told.keys()].sort((a, b) => a - b);
  const slots: DaySlot[] = [];
  const clocks = new Set<string>();
  const add = (start: number, end: number, one?: TypicalBin) => {
    const clock = hourMinute(start, zone);
    const again = clocks.has(clock);
    clocks.add(clock);
    const count = one?.count ?? null;
    const why = end > asOf ? "open" : again ? "twice" : "unwatched";
    slots.push({ start, end, known: count !== null ? "known" : why, count, usual: one?.usual ?? null });
  };
  let at = day.from;
  for (const start of [...starts, day.to]) {
    while (at < start) {
      const end = Math.min(at + DAY_BIN_MS[bin], start);
      add(at, end);
      at = end;
    }
    const one = told.get(start);
    if (one) {
      add(start, one.end, one);
      at = one.end;
    }
  }
  return slots;
}

export interface Comparison {
  count: number;
  /** The medians, added up. */
  usual: number;
  /** Fewer than usual where negative. */
  difference: number;
  /** Null where usually nobody comes. */
  ratio: number | null;
  /** Of how many bins both are known. */
  compared: number;
  /** How many bins are over. */
  over: number;
}

/** Counts and medians over the bins of which both are known. */
export function comparison(slots: readonly Pick<DaySlot, "count" | "usual" | "known">[]): Comparison {
  let [count, usual, compared] = [0, 0, 0];
  for (const slot of slots) {
    if (slot.count === null || slot.usual === null) continue;
    count += slot.count;
    usual += slot.usual.median;
    compared += 1;
  }
  const over = slots.filter((slot) => slot.known !== "open").length;
  return { count, usual, difference: count - usual, ratio: usual > 0 ? count / usual : null, compared, over };
}

/** A line and direction of a camera by how far it is from usual. */
export interface LineComparison extends Comparison {
  line: string;
  direction: Direction;
}

/** Lines and directions, the furthest from usual first; those that can't be compared last. */
export function byLine(bins: readonly TypicalBin[]): LineComparison[] {
  const groups = new Map<string, TypicalBin[]>();
  for (const bin of bins) {
    if (bin.line === null || bin.direction === null) continue;
    const key = `${bin.line} ${bin.direction}`;
    groups.set(key, [...(groups.get(key) ?? []), bin]);
  }
  const all = [...groups.values()].map((group): LineComparison => {
    const { line, direction } = group[0] as TypicalBin & { line: string; direction: Direction };
    return { line, direction, ...comparison(group.map((bin) => ({ ...bin, known: "known" as const }))) };
  });
  const rank = (one: LineComparison) => (one.compared === 0 ? -1 : Math.abs(one.difference));
  return all.sort((a, b) => rank(b) - rank(a) || a.line.localeCompare(b.line) || a.direction.localeCompare(b.direction));
}

/** A bin as wide as it lasts, at a height; or one of which nothing is known. */
export interface Step {
  from: number;
  to: number;
  y: number | null;
}

const n = (value: number) => String(Math.round(value * 100) / 100);

/** The outline of steps: bins that follow one another are joined, and nothing is drawn over a gap. */
export function stepPath(steps: readonly Step[]): string {
  let path = "";
  let before: Step | null = null;
  for (const step of steps) {
    if (step.y === null) {
      before = null;
      continue;
    }
    path += before && before.to === step.from ? `V${n(step.y)}H${n(step.to)}` : `M${n(step.from)} ${n(step.y)}H${n(step.to)}`;
    before = step;
  }
  return path;
}

/** The area between two outlines, a closed piece for each stretch of bins that are known. */
export function bandPath(steps: readonly { from: number; to: number; low: number | null; high: number | null }[]): string {
  let path = "";
  for (const { from, to, low, high } of steps) {
    if (low !== null && high !== null) path += `M${n(from)} ${n(high)}H${n(to)}V${n(low)}H${n(from)}Z`;
  }
  return path;
}

/** What is to be said of a bin whose count is not known; empty for the others. */
export function whyUnknown(slot: Pick<DaySlot, "known">): string {
  const words: Record<Known, string> = {
    known: "",
    open: "not over yet",
    unwatched: "not watched whole",
    twice: "hour comes twice, the first one is compared",
  };
  return words[slot.known];
}

/** Bins that begin at every so many hours of the clock. */
export function hourTicks(slots: readonly DaySlot[], hours: number, zone?: string): DaySlot[] {
  return slots.filter((slot) => {
    const [hour, minute] = hourMinute(slot.start, zone).split(":").map(Number);
    return minute === 0 && (hour ?? 0) % hours === 0;
  });
}
