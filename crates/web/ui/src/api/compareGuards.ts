// The boundary of what is compared: a day beside what is usual, cameras furthest from it, peak hours and gaps. What
// is not as it should be is left out of a list and reported, as in `guards.ts`.

import { DIRECTIONS, type Gap, type Mover, type Peak, type PeakHour, type TypicalBin, type Usual } from "./types";
import { fail, instant, list, number, object, oneOf, optional, text, type Json, type List } from "./read";

/** How many there were: a number that is not below zero. */
function amount(value: unknown, where: string): number {
  const n = number(value, where);
  return n >= 0 ? n : fail(where, "0 or more", value);
}

function span(o: Json, where: string): { start: number; end: number } {
  const [start, end] = [instant(o["start"], `${where}.start`), instant(o["end"], `${where}.end`)];
  return start < end ? { start, end } : fail(`${where}.end`, "after its start", o["end"]);
}

function usual(value: unknown, where: string): Usual {
  const o = object(value, where);
  const read = (name: string) => amount(o[name], `${where}.${name}`);
  const it = { median: read("median"), low: read("low"), high: read("high"), days: read("days") };
  return it.low <= it.median && it.median <= it.high ? it : fail(where, "in the order low, median, high", value);
}

function typicalBin(value: unknown, where: string): TypicalBin {
  const o = object(value, where);
  return {
    camera: text(o["camera"], `${where}.camera`),
    line: optional(o["line"], (v) => text(v, `${where}.line`)),
    direction: optional(o["direction"], (v) => oneOf(v, DIRECTIONS, `${where}.direction`)),
    ...span(o, where),
    count: optional(o["count"], (v) => amount(v, `${where}.count`)),
    usual: optional(o["usual"], (v) => usual(v, `${where}.usual`)),
  };
}

export function typicalList(value: unknown): List<TypicalBin> {
  return list(value, "the typical day", typicalBin);
}

function mover(value: unknown, where: string): Mover {
  const o = object(value, where);
  return {
    camera: text(o["camera"], `${where}.camera`),
    count: amount(o["count"], `${where}.count`),
    usual: amount(o["usual"], `${where}.usual`),
    difference: number(o["difference"], `${where}.difference`),
    ratio: optional(o["ratio"], (v) => amount(v, `${where}.ratio`)),
    hours: amount(o["hours"], `${where}.hours`),
  };
}

export function moverList(value: unknown): List<Mover> {
  return list(value, "the cameras furthest from usual", mover);
}

function peakHour(o: Json, where: string): PeakHour {
  return {
    ...span(o, where),
    volume: amount(o["volume"], `${where}.volume`),
    highestQuarter: amount(o["highest_quarter"], `${where}.highest_quarter`),
    factor: optional(o["factor"], (v) => amount(v, `${where}.factor`)),
  };
}

function peak(value: unknown, where: string): Peak {
  const o = object(value, where);
  return {
    camera: text(o["camera"], `${where}.camera`),
    line: text(o["line"], `${where}.line`),
    direction: oneOf(o["direction"], DIRECTIONS, `${where}.direction`),
    hour: optional(o["start"], () => peakHour(o, where)),
  };
}

export function peakList(value: unknown): List<Peak> {
  return list(value, "the peak hours", peak);
}

function gap(value: unknown, where: string): Gap {
  const o = object(value, where);
  return {
    camera: text(o["camera"], `${where}.camera`),
    ...span(o, where),
    observedS: amount(o["observed_s"], `${where}.observed_s`),
    missingS: amount(o["missing_s"], `${where}.missing_s`),
  };
}

/** The gaps, and whether there are more than were told. */
export interface GapList extends List<Gap> {
  more: boolean;
}

export function gapList(value: unknown): GapList {
  return { ...list(value, "the gaps", gap), more: object(value, "the gaps")["more"] === true };
}
