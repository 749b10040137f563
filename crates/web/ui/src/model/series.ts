// What charts and tables of one camera show: for each line its two directions over the slots of a span.
// Pure; drawing lives in `parts/`.

import { CLASSES, MOTOR_CLASSES, type BinLength, type Direction, type RoadUserClass } from "../api/types";
import { counted } from "./format";
import { total, type Slot } from "./bins";

/** The classes that a bin of this length may hold. */
export function classesOf(length: BinLength): readonly RoadUserClass[] {
  return length === "1m" ? MOTOR_CLASSES : CLASSES;
}

/** Counts of one line and direction by slot; null where nobody watched. */
export function series(slots: readonly Slot[], line: string, direction: Direction): (number | null)[] {
  return slots.map((slot) => (slot.bin ? total(slot.bin, { line, direction }) : null));
}

/** What was counted in the slots that were watched at all, and in how many that was; `sum` is null where none was, since nobody
 * can say then that nothing crossed. */
export function summed(values: readonly (number | null)[]): { sum: number | null; watched: number } {
  const known = values.filter((n) => n !== null);
  return { sum: known.length === 0 ? null : known.reduce((a, n) => a + n, 0), watched: known.length };
}

/** "in 3 of 60 minutes" where not all of so many slots were watched; empty where all were. */
export function watchedPart(watched: number, all: number, length: BinLength): string {
  return watched === all ? "" : `in ${watched} of ${all} ${length === "1m" ? "minutes" : "quarters of an hour"}`;
}

/** "12 (10 cars, 2 lorries)"; only what is not zero is listed. */
export function breakdown(slot: Slot, line: string, direction: Direction, length: BinLength): string {
  if (!slot.bin) return "not watched";
  const bin = slot.bin;
  const parts = classesOf(length)
    .map((cls) => ({ cls, n: total(bin, { line, direction, class: cls }) }))
    .filter(({ n }) => n > 0)
    .map(({ cls, n }) => counted(n, cls));
  const sum = String(total(bin, { line, direction }));
  return parts.length === 0 ? sum : `${sum} (${parts.join(", ")})`;
}

/** What is to be known about a slot that was not watched in full; empty for the others. */
export function remark(slot: Slot): string {
  if (!slot.bin) return "not watched";
  if (slot.watched === "full") return "";
  const length = (slot.end - slot.start) / 1000;
  const parts: string[] = [];
  if (slot.bin.observedS < length * 0.98) parts.push(`watched ${Math.round(slot.bin.observedS)} of ${length} s`);
  if (slot.bin.droppedShare > 0.02) parts.push(`${Math.round(slot.bin.droppedShare * 100)} % of frames dropped`);
  return parts.length === 0 ? "watched in part" : parts.join(", ");
}

/** Which slots get a label on the time axis, so that labels stand on round times about `every` slots apart. */
export function ticks(slots: readonly Slot[], everyMs: number): number[] {
  const all: number[] = [];
  slots.forEach((slot, i) => {
    if (slot.start % everyMs === 0) all.push(i);
  });
  return all;
}
