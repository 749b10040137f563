// A person's tally while it is made: what is tallied, by which keys, when, and what was pressed. Pure; it lives in the
// page's memory until it is handed in.

import type { AuditRow, Tallied } from "../api/auditGuards";
import type { Direction, Line } from "../api/types";

/** Who can be told apart by cells of 20 cm. */
export const GROUPS = ["motor", "two_wheeler", "pedestrian"] as const satisfies readonly Tallied[];
export type Group = (typeof GROUPS)[number];

export const TALLIED_NAMES: Record<Tallied, string> = {
  motor: "Motor vehicles",
  two_wheeler: "Two-wheelers",
  pedestrian: "Pedestrians",
  car: "Cars",
  bus: "Buses",
  truck: "Lorries",
  motorcycle: "Motorcycles",
  bicycle: "Bicycles",
};

/** How long a tally may be; what is no multiple of 15 is of motor vehicles only. */
export const LENGTHS = [15, 30, 60, 5, 1] as const;

/** One line, one way. */
export interface Pair {
  line: string;
  direction: Direction;
}

/** Rows of keys, by where they lie on a keyboard: a column for each pair, a row for each group. */
const KEYS: Record<Group, string> = { motor: "QWERTYUI", two_wheeler: "ASDFGHJK", pedestrian: "ZXCVBNM," };

/** No more lines than there are keys for both their ways. */
export const MOST_LINES = KEYS.motor.length / 2;

/** The key of a pair and group. */
export function keyOf(pair: number, group: Group): string {
  return KEYS[group].charAt(pair);
}

/** What a key means, by its place on the keyboard (`KeyboardEvent.code`), so that it does not depend on the layout. */
export function meaning(code: string): { pair: number; group: Group } | null {
  const key = code === "Comma" ? "," : /^Key([A-Z])$/.exec(code)?.[1];
  if (key === undefined) return null;
  for (const group of GROUPS) {
    const pair = KEYS[group].indexOf(key);
    if (pair >= 0) return { pair, group };
  }
  return null;
}

interface Press {
  pair: number;
  group: Group;
}

/** A tally that was set up. */
export interface Tally {
  pairs: readonly Pair[];
  groups: readonly Group[];
  from: number;
  minutes: number;
  presses: readonly Press[];
}

const MINUTE_MS = 60_000;
/** So long before it begins one can get ready. */
const READY_MS = 5_000;
/** Bins are closed and kept this long after their end. */
const KEPT_MS = 15_000;

/** Both ways of each line. */
export function pairsOf(lines: readonly Line[]): Pair[] {
  return lines.flatMap(({ id }) => [
    { line: id, direction: "forward" as const },
    { line: id, direction: "backward" as const },
  ]);
}

/** Who can be compared over so many minutes: people and two-wheelers are counted by the quarter of an hour only. */
export function groupsFor(minutes: number): readonly Group[] {
  return minutes % 15 === 0 ? GROUPS : ["motor"];
}

/** When the next tally of so many minutes can begin, as bins do. Quarters of an hour are the same in all time zones. */
export function nextStart(now: number, minutes: number): number {
  const step = (minutes % 15 === 0 ? 15 : 1) * MINUTE_MS;
  return Math.ceil((now + READY_MS) / step) * step;
}

export function endOf(tally: Pick<Tally, "from" | "minutes">): number {
  return tally.from + tally.minutes * MINUTE_MS;
}

/** `late`: over, but what was counted is not kept yet. */
export type Phase = "before" | "running" | "late" | "over";

export function phase(tally: Tally, at: number): Phase {
  if (at < tally.from) return "before";
  if (at < endOf(tally)) return "running";
  return at < endOf(tally) + KEPT_MS ? "late" : "over";
}

/** Somebody passed: counts only while the tally runs, and only what is tallied. */
export function pressed(tally: Tally, pair: number, group: Group, at: number): Tally {
  const is = tally.pairs[pair] !== undefined && tally.groups.includes(group) && phase(tally, at) === "running";
  return is ? { ...tally, presses: [...tally.presses, { pair, group }] } : tally;
}

/** The last press was a mistake. */
export function undone(tally: Tally): Tally {
  return { ...tally, presses: tally.presses.slice(0, -1) };
}

export function countOf(tally: Tally, pair: number, group: Group): number {
  return tally.presses.filter((press) => press.pair === pair && press.group === group).length;
}

interface Told extends Pair {
  class: Group;
  count: number;
}

/** All numbers of a tally: nobody seen is a number as well. */
function told(tally: Tally): Told[] {
  return tally.pairs.flatMap((pair, n) => tally.groups.map((group) => ({ ...pair, class: group, count: countOf(tally, n, group) })));
}

/** As the server takes it. */
export function handedIn(tally: Tally): { from: string; minutes: number; tallies: Told[] } {
  return { from: new Date(tally.from).toISOString().replace(".000Z", "Z"), minutes: tally.minutes, tallies: told(tally) };
}

/** As `wayside audit --tally` takes it. */
export function csv(tally: Tally): string {
  const rows = told(tally).map((t) => [t.line, t.direction, t.class, String(t.count)].join(","));
  return ["line,direction,class,count", ...rows, ""].join("\n");
}

/** A GEH under this is held to be a good agreement. */
const GOOD_GEH = 5;
/** A stretch of which less was observed says little. */
const WATCHED = 0.98;

/** What a comparison says, in a few words. */
export function verdict(row: AuditRow): string {
  const words: string[] = [];
  if (row.band) words.push(row.tallied >= row.band[0] && row.tallied <= row.band[1] ? "within the band" : "OUTSIDE the band");
  words.push(row.geh < GOOD_GEH ? "good agreement" : "no good agreement");
  if (row.observedS < WATCHED * row.minutes * 60) words.push("watched in part");
  return words.join(", ");
}
