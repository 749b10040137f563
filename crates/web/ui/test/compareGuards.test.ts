// What is compared is taken as the API describes it; what is broken is left out and said, never read as zero.

import { describe, expect, test } from "vitest";

import { gapList, moverList, peakList, typicalList } from "../src/api/compareGuards";
import { DataError } from "../src/api/guards";

const SPAN = { start: "2026-11-20T08:00:00Z", end: "2026-11-20T09:00:00Z" };
const TYPICAL = { camera: "hp-07", line: "east-in", direction: "forward", class: null, ...SPAN, count: 131 };
const USUAL = { median: 96, low: 88.5, high: 104, days: 8 };
const MOVER = { camera: "hp-07", count: 225, usual: 75, difference: 150, ratio: 3, hours: 1 };
const PEAK = { camera: "hp-07", line: "east-in", direction: "forward", day: "2026-11-20", ...SPAN, volume: 225, highest_quarter: 90, factor: 0.625 };
const GAP = { camera: "hp-07", ...SPAN, observed_s: 312.5, missing_s: 3287.5 };
const from = Date.parse(SPAN.start);

test("a day beside what is usual; what is not known stays unknown", () => {
  const none = { ...TYPICAL, line: null, direction: null, count: null, usual: null };
  const { items, broken } = typicalList({ items: [{ ...TYPICAL, usual: USUAL }, none, TYPICAL] });
  expect(broken).toEqual([]);
  expect(items[0]).toMatchObject({ line: "east-in", direction: "forward", start: from, count: 131, usual: USUAL });
  expect(items.slice(1).map(({ line, count, usual }) => [line, count, usual])).toEqual([
    [null, null, null],
    ["east-in", 131, null],
  ]);
});

test("cameras furthest from usual, also where usually nobody comes", () => {
  const { items } = moverList({ items: [MOVER, { ...MOVER, difference: -3.5, ratio: null }] });
  expect(items.map(({ difference, ratio }) => [difference, ratio])).toEqual([[150, 3], [-3.5, null]]);
});

test("peak hours, also of a line of which no hour was watched whole", () => {
  const none = { ...PEAK, start: null, end: null, volume: null, highest_quarter: null, factor: null };
  const { items } = peakList({ items: [PEAK, none, { ...PEAK, volume: 0, highest_quarter: 0, factor: null }] });
  expect(items[0]?.hour).toEqual({ start: from, end: Date.parse(SPAN.end), volume: 225, highestQuarter: 90, factor: 0.625 });
  expect([items[1]?.hour, items[2]?.hour?.factor]).toEqual([null, null]);
});

test("gaps, and whether there are more", () => {
  const { items, more } = gapList({ items: [GAP], more: true });
  expect([items[0]?.missingS, items[0]?.observedS, more]).toEqual([3287.5, 312.5, true]);
  expect(gapList({ items: [], more: false })).toEqual({ items: [], broken: [], more: false });
});

describe("what is broken", () => {
  test.each([
    [typicalList, { ...TYPICAL, count: -1 }],
    [typicalList, { ...TYPICAL, count: "131" }],
    [typicalList, { ...TYPICAL, usual: { ...USUAL, low: 97 } }],
    [typicalList, { ...TYPICAL, direction: "up" }],
    [typicalList, { ...TYPICAL, end: SPAN.start }],
    [moverList, { ...MOVER, usual: null }],
    [peakList, { ...PEAK, volume: null }],
    [gapList, { ...GAP, missing_s: undefined }],
  ])("is left out and said (%#)", (read, item) => {
    const { items, broken } = read({ items: [item] });
    expect(items).toEqual([]);
    expect(broken).toHaveLength(1);
  });

  test.each([[typicalList], [moverList], [peakList], [gapList]])("is refused as a whole (%#)", (read) => {
    for (const value of [null, [], {}, { items: 7 }]) expect(() => read(value)).toThrow(DataError);
  });
});
