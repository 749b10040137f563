// Bins, gaps and sums.

import { describe, expect, test } from "vitest";

import type { Measurement } from "../src/api/guards";
import type { ClosedBin, Count } from "../src/api/types";
import { bandText, bandTitle, binStart, fromMeasurements, latest, LATE_MS, merge, niceMax, shownUntil, slots, total, watchedOf } from "../src/model/bins";
import { breakdown, remark, series, summed, ticks, watchedPart } from "../src/model/series";

const at = (text: string) => Date.parse(`2026-11-21T${text}Z`);
const minute = (start: string, more: Partial<ClosedBin> = {}): ClosedBin => ({
  start: at(start),
  end: at(start) + 60_000,
  counts: [],
  observedS: 60,
  droppedShare: 0,
  grade: "good",
  ...more,
});
const count = (line: string, direction: Count["direction"], cls: Count["class"], n: number): Count => ({
  line,
  direction,
  class: cls,
  count: n,
});
const history = (...bins: ClosedBin[]) => new Map(bins.map((bin) => [bin.start, bin]));

test("a sum says of how much it is, and is none where nobody watched", () => {
  expect(summed([null, 4, 0, null])).toEqual({ sum: 4, watched: 2 });
  expect(summed([0, 0])).toEqual({ sum: 0, watched: 2 });
  expect(summed([null, null])).toEqual({ sum: null, watched: 0 });
  expect(watchedPart(2, 4, "1m")).toBe("in 2 of 4 minutes");
  expect(watchedPart(0, 24, "15m")).toBe("in 0 of 24 quarters of an hour");
  expect(watchedPart(60, 60, "1m")).toBe("");
});

test.each([
  ["10:00:00", "1m", "10:00:00"],
  ["10:00:59.999", "1m", "10:00:00"],
  ["10:14:59.999", "15m", "10:00:00"],
  ["10:15:00", "15m", "10:15:00"],
] as const)("%s lies in the bin of %s that starts at %s", (instant, length, start) => {
  expect(binStart(at(instant), length)).toBe(at(start));
});

test("what was not watched is a gap and no zero, what was watched without traffic is a zero and no gap", () => {
  const some = minute("10:01:00", { counts: [count("a", "forward", "car", 3), count("a", "forward", "bus", 1)] });
  const empty = minute("10:02:00");
  const unwatched = minute("10:04:00", { observedS: 0, grade: "poor" });
  const shown = slots(history(some, empty, unwatched), at("10:00:00"), at("10:05:00"), "1m");
  expect(shown.map((slot) => slot.watched)).toEqual(["none", "full", "full", "none", "none"]);
  expect(series(shown, "a", "forward")).toEqual([null, 4, 0, null, null]);
  expect(series(shown, "a", "backward")).toEqual([null, 0, 0, null, null]);
  expect(shown.map((slot) => slot.end - slot.start)).toEqual(Array(5).fill(60_000));
});

test("slots begin with the bin that the first instant lies in and end before the last", () => {
  const shown = slots(new Map(), at("10:00:30"), at("10:02:00"), "1m");
  expect(shown.map((slot) => slot.start)).toEqual([at("10:00:00"), at("10:01:00")]);
});

test.each([
  [minute("10:00:00"), "full", ""],
  [minute("10:00:00", { observedS: 51, grade: "fair" }), "partial", "watched 51 of 60 s"],
  [minute("10:00:00", { droppedShare: 0.31, grade: "poor" }), "partial", "31 % of frames dropped"],
  [minute("10:00:00", { observedS: 20, droppedShare: 0.05, grade: "poor" }), "partial", "watched 20 of 60 s, 5 % of frames dropped"],
  [minute("10:00:00", { observedS: 0, grade: "poor" }), "none", "not watched"],
] as const)("how far a bin can be trusted (%#)", (bin, watched, words) => {
  expect(watchedOf(bin)).toBe(watched);
  const [slot] = slots(history(bin), bin.start, bin.end, "1m");
  expect(remark(slot!)).toBe(words);
});

describe("rows of /measurements", () => {
  const row = (start: string, more: Partial<Measurement> = {}): Measurement => ({
    camera: "c",
    line: "a",
    direction: "forward",
    class: "car",
    start: at(start),
    end: at(start) + 60_000,
    count: 2,
    band: null,
    signs: null,
    observedS: 60,
    droppedShare: 0,
    grade: "good",
    complete: true,
    ...more,
  });

  test("are put together by bin; zeros leave a bin without counts", () => {
    const bins = fromMeasurements(
      [row("10:00:00"), row("10:00:00", { class: "truck", count: 1 }), row("10:01:00", { count: 0 })],
      at("10:05:00"),
    );
    expect(bins.get(at("10:00:00"))?.counts).toEqual([count("a", "forward", "car", 2), count("a", "forward", "truck", 1)]);
    expect(bins.get(at("10:01:00"))?.counts).toEqual([]);
  });

  test("bring their bands along", () => {
    const rows = [row("10:00:00", { band: [1, 4] }), row("10:00:00", { class: "truck", count: 1, band: [1, 1] })];
    const bin = fromMeasurements(rows, at("10:05:00")).get(at("10:00:00"))!;
    const text = (cls: Count["class"]) => bandText(bin, "a", "forward", cls);
    expect([text("car"), text("truck"), text("bus")]).toEqual(["1–4", null, null]);
  });

  test("say why a band is wide", () => {
    const signs = { counted: 9, hesitant: 3, past_end: 2, crowded: 0, of_a_later_version: 1 };
    const rows = [row("10:00:00", { band: [1, 4], signs }), row("10:00:00", { class: "truck", band: [1, 3], signs: { counted: 2, ended: 2 } })];
    const bin = fromMeasurements(rows, at("10:05:00")).get(at("10:00:00"))!;
    const title = (cls: Count["class"]) => bandTitle(bin, "a", "forward", cls);
    const [band, clean, none] = [title("car"), title("truck"), title("bus")];
    expect(band).toBe(
      "the true count, in 95 of 100 cases: 3 of a slightly doubtful class, 2 just beside the end of the line, 1 of_a_later_version",
    );
    expect([clean, none]).toEqual(Array(2).fill("the true count, in 95 of 100 cases"));
  });

  test("of a bin that is still open are not shown", () => {
    expect(fromMeasurements([row("10:00:00")], at("10:00:59"))).toEqual(new Map());
  });

  test("without a count are no zeros", () => {
    expect(fromMeasurements([row("10:00:00", { count: null })], at("10:05:00"))).toEqual(new Map());
  });

  test("that are not complete never count as watched in full", () => {
    const bin = fromMeasurements([row("10:00:00", { complete: false })], at("10:05:00")).get(at("10:00:00"));
    expect(watchedOf(bin!)).toBe("partial");
  });
});

test("newer knowledge about a bin replaces older, and what is too old goes", () => {
  const before = history(minute("09:00:00"), minute("10:00:00"));
  const newer = minute("10:00:00", { counts: [count("a", "forward", "car", 9)] });
  const merged = merge(before, [newer, minute("08:00:00")], at("09:30:00"));
  expect([...merged.keys()]).toEqual([at("10:00:00")]);
  expect(total(merged.get(at("10:00:00"))!)).toBe(9);
  expect(before.size).toBe(2);
});

test("the newest bin is the newest that was watched", () => {
  const bins = history(minute("10:00:00"), minute("10:01:00"), minute("10:02:00", { observedS: 0 }));
  expect(latest(bins)?.start).toBe(at("10:01:00"));
  expect(latest(new Map())).toBeNull();
});

test("sums by line, direction and class", () => {
  const bin = minute("10:00:00", {
    counts: [count("a", "forward", "car", 3), count("a", "backward", "car", 2), count("b", "forward", "truck", 5)],
  });
  expect(total(bin)).toBe(10);
  expect(total(bin, { line: "a" })).toBe(5);
  expect(total(bin, { line: "a", direction: "forward" })).toBe(3);
  expect(total(bin, { class: "truck" })).toBe(5);
  expect(total(bin, { line: "c" })).toBe(0);
});

test("a reading lists what is not zero, in words", () => {
  const bin = minute("10:00:00", { counts: [count("a", "forward", "car", 3), count("a", "forward", "truck", 1)] });
  const shown = slots(history(bin), at("10:00:00"), at("10:02:00"), "1m");
  expect(breakdown(shown[0]!, "a", "forward", "1m")).toBe("4 (3 cars, 1 lorry)");
  expect(breakdown(shown[0]!, "a", "backward", "1m")).toBe("0");
  expect(breakdown(shown[1]!, "a", "forward", "1m")).toBe("not watched");
});

test("labels stand on round times", () => {
  const shown = slots(new Map(), at("09:57:00"), at("10:12:00"), "1m");
  expect(ticks(shown, 600_000).map((i) => shown[i]?.start)).toEqual([at("10:00:00"), at("10:10:00")]);
});

test("a bin that has just ended is no gap while its counts are on their way", () => {
  const known = history(minute("10:00:00"));
  expect(shownUntil(known, at("10:02:05"), "1m")).toBe(at("10:01:00"));
  expect(shownUntil(known, at("10:02:00") + LATE_MS, "1m")).toBe(at("10:02:00"));
  expect(shownUntil(history(minute("10:01:00")), at("10:02:05"), "1m")).toBe(at("10:02:00"));
});

test.each([[0, 4], [4, 4], [5, 6], [7, 8], [11, 20], [9, 10], [26, 30], [61, 80], [100, 100], [101, 200]])(
  "the axis for %d ends at %d",
  (largest, top) => expect(niceMax(largest)).toBe(top),
);
