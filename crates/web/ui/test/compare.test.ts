// The choice in the address, the slots of a day, what is summed and drawn of them, and gaps with their faults.

import { describe, expect, test } from "vitest";

import type { Gap, Incident, TypicalBin, Usual } from "../src/api/types";
import { classesOfUsers, DEFAULT, groupOf, usersName, whereName, type Choice } from "../src/model/compare";
import { boundsOf } from "../src/model/day";
import { amount, relative, signed } from "../src/model/format";
import { faultsDuring, gapsByCamera } from "../src/model/gaps";
import { compareHref, parseRoute } from "../src/model/route";
import { bandPath, byLine, comparison, daySlots, hourTicks, stepPath, whyUnknown } from "../src/model/typical";

const at = (text: string) => Date.parse(text);
const USUAL: Usual = { median: 96, low: 88.5, high: 104, days: 8 };

describe("the choice", () => {
  const choice: Choice = { camera: "hp-07", line: "east-in", direction: "forward", users: "bicycle", day: "2026-11-20", bin: "1h", weeks: 13 };

  test("comes back from its address", () => {
    expect(parseRoute(compareHref(choice))).toEqual({ view: "compare", choice });
    expect(parseRoute(compareHref())).toEqual({ view: "compare", choice: DEFAULT });
    expect(compareHref()).toBe("#/compare");
    expect(compareHref({ camera: "a-1" })).toBe("#/compare?camera=a-1");
  });

  test.each(["camera=A%20b", "line=x/y", "direction=up", "users=person", "day=2026-02-30", "bin=1m", "weeks=2", "weeks=27", "weeks=x"])(
    "of an address that can't be meant leads nowhere: %s",
    (query) => expect(parseRoute(`#/compare?${query}`).view).toBe("missing"),
  );

  test("asks for classes and groups, and is said in words", () => {
    expect([classesOfUsers("all"), classesOfUsers("motor"), classesOfUsers("bus")]).toEqual([[], ["car", "bus", "truck"], ["bus"]]);
    expect([groupOf({ direction: "" }), groupOf({ direction: "backward" })]).toEqual(["none", "direction"]);
    expect([usersName("motor"), usersName("truck")]).toEqual(["motor vehicles", "lorries"]);
    expect([whereName("", ""), whereName("a", "forward")]).toEqual(["all lines", "a, forward"]);
  });
});

function bin(start: string, minutes: number, count: number | null, usual: Usual | null, more: Partial<TypicalBin> = {}): TypicalBin {
  const from = at(start);
  return { camera: "c", line: null, direction: null, start: from, end: from + minutes * 60_000, count, usual, ...more };
}

describe("the slots of a day", () => {
  const day = boundsOf("2026-11-20", "UTC");

  test("are all there, and what is not known is no zero", () => {
    const bins = [bin("2026-11-20T08:00:00Z", 60, 0, USUAL), bin("2026-11-20T09:00:00Z", 60, null, USUAL)];
    const slots = daySlots(bins, day, "1h", at("2026-11-20T12:00:00Z"), "UTC");
    expect(slots).toHaveLength(24);
    expect(slots.map((slot) => slot.count).filter((n) => n !== null)).toEqual([0]);
    expect([7, 8, 9, 11, 12].map((hour) => slots[hour]!.known)).toEqual(["unwatched", "known", "unwatched", "unwatched", "open"]);
    expect(slots[9]!.usual).toEqual(USUAL);
    expect(slots.map(whyUnknown)).toContain("not watched whole");
  });

  test("are as many as the day has hours, and an hour that comes twice is said to", () => {
    const zone = "Europe/London";
    const back = boundsOf("2026-10-25", zone);
    // One o'clock in summer time, the first of the two.
    const first = bin("2026-10-25T00:00:00Z", 60, 5, USUAL);
    const slots = daySlots([first], back, "1h", back.to, zone);
    expect(slots).toHaveLength(25);
    expect(slots.slice(0, 4).map((slot) => slot.known)).toEqual(["unwatched", "known", "twice", "unwatched"]);
    expect(daySlots([], boundsOf("2026-03-29", zone), "15m", back.to, zone)).toHaveLength(92);
  });

  test("follow the clock of a zone whose hours are not those of UTC", () => {
    const zone = "Asia/Kathmandu";
    const slots = daySlots([], boundsOf("2026-11-20", zone), "1h", 0, zone);
    expect([slots.length, slots[0]!.start]).toEqual([24, at("2026-11-19T18:15:00Z")]);
    expect(hourTicks(slots, 6, zone).map((slot) => slots.indexOf(slot))).toEqual([0, 6, 12, 18]);
  });

  test("of other days are left out", () => {
    const slots = daySlots([bin("2026-11-21T00:00:00Z", 60, 5, null)], day, "1h", day.to, "UTC");
    expect(slots.every((slot) => slot.count === null)).toBe(true);
  });
});

describe("sums", () => {
  test("are of the bins of which both are known", () => {
    const slots = daySlots(
      [
        bin("2026-11-20T08:00:00Z", 60, 131, USUAL),
        bin("2026-11-20T09:00:00Z", 60, 100, { ...USUAL, median: 104 }),
        bin("2026-11-20T10:00:00Z", 60, 500, null),
        bin("2026-11-20T11:00:00Z", 60, null, USUAL),
      ],
      boundsOf("2026-11-20", "UTC"),
      "1h",
      at("2026-11-20T12:00:00Z"),
      "UTC",
    );
    expect(comparison(slots)).toEqual({ count: 231, usual: 200, difference: 31, ratio: 1.155, compared: 2, over: 12 });
    expect(comparison([])).toMatchObject({ compared: 0, ratio: null });
  });

  test("by line have the furthest from usual first, up or down, and last what can't be compared", () => {
    const row = (line: string, count: number | null) =>
      bin("2026-11-20T08:00:00Z", 60, count, USUAL, { line, direction: "forward" });
    const lines = byLine([row("a", 97), row("b", 20), row("c", null), row("d", 150), bin("2026-11-20T08:00:00Z", 60, 1, USUAL)]);
    expect(lines.map(({ line, difference, compared }) => [line, difference, compared])).toEqual([
      ["b", -76, 1],
      ["d", 54, 1],
      ["a", 1, 1],
      ["c", 0, 0],
    ]);
  });
});

test("steps are joined, and broken where nothing is known", () => {
  const steps = [
    { from: 0, to: 10, y: 5 },
    { from: 10, to: 20, y: 0 },
    { from: 20, to: 30, y: null },
    { from: 30, to: 40, y: 7.126 },
  ];
  expect(stepPath(steps)).toBe("M0 5H10V0H20M30 7.13H40");
  expect(bandPath([{ from: 0, to: 10, low: 8, high: 2 }, { from: 10, to: 20, low: null, high: null }])).toBe("M0 2H10V8H0Z");
});

test("numbers, differences and shares as they are read", () => {
  expect([amount(0), amount(88.5), amount(131.04), amount(9131), amount(1234567.26)]).toEqual(["0", "88.5", "131", "9\u202f131", "1\u202f234\u202f567"]);
  expect([signed(35), signed(-12.5), signed(0.04), signed(-0.02)]).toEqual(["+35", "−12.5", "±0", "±0"]);
  expect([relative(1.36), relative(0.5), relative(1.004), relative(3.21), relative(0), relative(null)]).toEqual([
    "+36 %",
    "−50 %",
    "±0 %",
    "3.2 ×",
    "−100 %",
    "",
  ]);
});

describe("gaps", () => {
  const gap = (camera: string, start: string, end: string, missingS: number): Gap => ({
    camera,
    start: at(`2026-11-20T${start}:00Z`),
    end: at(`2026-11-20T${end}:00Z`),
    observedS: 0,
    missingS,
  });
  const incident = (more: Partial<Incident>): Incident => ({
    id: "a.1.1",
    camera: "a",
    revision: 1,
    kind: "camera_no_signal",
    state: "ended",
    severity: "severe",
    confidence: 1,
    zone: null,
    startedAt: at("2026-11-20T10:02:00Z"),
    detectedAt: at("2026-11-20T10:02:10Z"),
    lastSeenAt: at("2026-11-20T10:40:00Z"),
    endedAt: at("2026-11-20T10:40:00Z"),
    place: null,
    why: [],
    ...more,
  });

  test("of a camera stand together, what misses most first", () => {
    const all = [gap("a", "10:00", "10:45", 2_280), gap("b", "01:00", "02:00", 3_600), gap("a", "12:00", "12:30", 1_800)];
    expect(gapsByCamera(all).map(({ camera, missingS, gaps }) => [camera, missingS, gaps.length])).toEqual([
      ["a", 4_080, 2],
      ["b", 3_600, 1],
    ]);
  });

  test("have the faults that the camera had meanwhile, and no others", () => {
    const told = [
      incident({}),
      incident({ kind: "stopped_vehicle" }),
      incident({ camera: "b" }),
      incident({ startedAt: at("2026-11-20T10:45:00Z"), endedAt: at("2026-11-20T10:50:00Z") }),
      incident({ kind: "camera_dark", startedAt: at("2026-11-18T20:00:00Z"), state: "open", endedAt: null }),
      incident({ kind: "camera_moved", state: "unknown", endedAt: null, lastSeenAt: at("2026-11-20T09:00:00Z") }),
    ];
    expect(faultsDuring(gap("a", "10:00", "10:45", 2_280), told, "UTC")).toEqual([
      "Camera: no signal 10:02–10:40",
      "Camera: dark Wed 18 Nov 2026 20:00–now",
    ]);
    expect(faultsDuring(gap("a", "12:00", "12:30", 1_800), told.slice(0, 4), "UTC")).toEqual([]);
  });
});
