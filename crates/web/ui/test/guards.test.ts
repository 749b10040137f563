// The boundary takes what the API's description promises, ignores what it does not know, and says where
// data is broken.

import { readFileSync } from "node:fs";

import { describe, expect, test } from "vitest";

import { gapList, moverList, peakList, typicalList } from "../src/api/compareGuards";
import { cameraPage, DataError, liveEvent, measurementPage, readinessOf } from "../src/api/guards";

const T = "2026-11-21T14:31:00Z";
const STATUS = {
  state: "live",
  since: T,
  reason: null,
  last_frame_at: T,
  received_fps: 25.0,
  analysed_fps: 10,
  dropped_share: 0.001,
  dropped_for: { behind: 0.001, slowed: 0, failed: 0 },
  gated_share: 0.25,
  stages: { decode_ms: 1.5, wait_ms: 0.2, detect_ms: 12, track_ms: null, result_ms: 60 },
  size_px: [640, 360],
  reconnects: 2,
};
const CAMERA = {
  id: "hp-07",
  name: "Youxie Street, east arm",
  department: "traffic",
  profile: "intersection",
  source: "rtsp://10.0.0.7/sub",
  calibrated: true,
  lines: [{ id: "east-in", points: [[0.25, 0.95], [0.25, 0.35]] }],
  zones: [{ id: "lane-1", kind: "lane", polygon: [[0, 0], [1, 0], [1, 1]] }],
  status: STATUS,
};
const ROW = {
  camera: "hp-07",
  line: "east-in",
  direction: "forward",
  class: "car",
  start: T,
  end: "2026-11-21T14:32:00Z",
  count: 18,
  observed_s: 60,
  dropped_share: 0,
  grade: "good",
  complete: true,
};
const BINS = {
  camera: "hp-07",
  bin: "1m",
  start: T,
  end: "2026-11-21T14:32:00Z",
  counts: [{ line: "east-in", direction: "forward", class: "car", count: 18 }],
  coverage: { observed_s: 60, dropped_share: 0, grade: "good" },
  next_close_at: "2026-11-21T14:33:00Z",
};
const ICONS = { camera: "hp-07", icons: [{ class: "bus", column: 31, row: 17 }] };
const MACHINE = { workers: 2, busy_share: 0.8, waiting_frames: 3, rate_share: 1, store_ms: null, spooled_rows: 0 };
const HELLO = { version: "0.1.0", time_zone: "Asia/Shanghai", icons: true };
const READY = { ready: true, database: "reachable", reasons: [] };
const list = (...items: unknown[]) => ({ items, next_cursor: null });

test("a camera", () => {
  const { items, broken } = cameraPage(list({ ...CAMERA, novelty: { of: "a later version" } }));
  expect(broken).toEqual([]);
  expect(items[0]).toMatchObject({
    id: "hp-07",
    calibrated: true,
    lines: [{ id: "east-in", points: [{ x: 0.25, y: 0.95 }, { x: 0.25, y: 0.35 }] }],
    status: { camera: "hp-07", state: "live", since: Date.parse(T), sizePx: [640, 360], reconnects: 2 },
  });
});

test("a state that the page does not know yet is no fault", () => {
  const { items } = cameraPage(list({ ...CAMERA, status: { ...STATUS, state: "paused" } }));
  expect(items[0]?.status.state).toBe("unknown");
});

test("one broken camera does not hide the others, and it is said what is wrong with it", () => {
  const { items, broken } = cameraPage(list(CAMERA, { ...CAMERA, id: "x", lines: [{ id: "l", points: [[0.1, "a"], [1, 1]] }] }));
  expect(items.map((camera) => camera.id)).toEqual(["hp-07"]);
  expect(broken).toEqual(['camera x.lines[0].points[0].y should be a number and is "a"']);
});

test.each([[null], [[]], ["text"], [{}], [{ items: {} }], [7]])("what is no list at all is refused: %j", (value) => {
  expect(() => cameraPage(value)).toThrow(DataError);
  expect(() => measurementPage(value)).toThrow(DataError);
});

test("rows with the band of their count, where there is one", () => {
  const band = { low: 17, high: 20, coverage: 0.95 };
  const rows = list({ ...ROW, band }, ROW, { ...ROW, band: null }, { ...ROW, band: { low: 3, high: 2 } });
  const { items, broken } = measurementPage(rows);
  expect(items.map((row) => row.band)).toEqual([[17, 20], null, null]);
  expect(broken).toHaveLength(1);
});

test("rows with the signs that their count may be wrong, where there are any", () => {
  const quality = { began_well: 1, signs: { counted: 3, at_end: 2 } };
  const rows = list({ ...ROW, quality }, ROW, { ...ROW, quality: null }, { ...ROW, quality: { signs: { weak: "2" } } });
  const { items, broken } = measurementPage(rows);
  expect(items.map((row) => row.signs)).toEqual([quality.signs, null, null]);
  expect(broken).toHaveLength(1);
  expect(broken[0]).toMatch(/quality\.signs\.weak should be a number/);
});

test("rows, also those without a count", () => {
  const { items, broken } = measurementPage(list(ROW, { ...ROW, count: null }, { ...ROW, grade: "splendid" }));
  expect(items.map((row) => row.count)).toEqual([18, null]);
  expect(broken).toHaveLength(1);
});

describe("events", () => {
  test("of a closed bin", () => {
    expect(liveEvent("bins", BINS)).toMatchObject({ kind: "bins", length: "1m", bin: { observedS: 60, counts: [{ count: 18 }] } });
  });

  test("of lengths and kinds that are not shown are passed over", () => {
    expect(liveEvent("bins", { ...BINS, bin: "1h" })).toBeNull();
    expect(liveEvent("weather", {})).toBeNull();
  });

  test.each([
    ["camera", { ...STATUS }],
    ["camera", { camera: "a", ...STATUS, stages: null }],
    ["machine", { ...MACHINE, busy_share: "high" }],
    ["bins", { ...BINS, coverage: null }],
    ["bins", { ...BINS, start: "yesterday" }],
    ["icons", { camera: "a", icons: [{ class: "car", column: 32, row: 0 }] }],
    ["icons", { camera: "a", icons: [{ class: "person", column: 0, row: 0 }] }],
    ["hello", { version: 1 }],
  ])("that are broken are refused: %s (%#)", (kind, value) => {
    expect(() => liveEvent(kind, value)).toThrow(DataError);
  });
});

test("a database that is away while bins wait on disk is not a server that is not ready", () => {
  expect(readinessOf({ ...READY, database: "spooling", reasons: ["connection refused"] })).toEqual({
    ready: true,
    database: false,
    detail: "connection refused",
  });
});

// What the page reads must be what the API says that it sends: every field that a guard touches is looked
// up in the committed description.
describe("every field that the page reads is described", () => {
  type Schema = { $ref?: string; properties?: Record<string, Schema>; items?: Schema; allOf?: Schema[]; oneOf?: Schema[] };
  const description = JSON.parse(
    readFileSync(new URL("../../../../docs/reference/openapi.json", import.meta.url), "utf8"),
  ) as { components: { schemas: Record<string, Schema> } };

  /** The schema of a field, or undefined; `null` alternatives and variants are searched too. */
  function field(schema: Schema | undefined, name: string): Schema | undefined {
    if (!schema) return undefined;
    if (schema.$ref) return field(description.components.schemas[schema.$ref.split("/").at(-1)!], name);
    if (name === "[]" && schema.items) return schema.items;
    const own = schema.properties?.[name];
    if (own) return own;
    for (const part of [...(schema.allOf ?? []), ...(schema.oneOf ?? [])]) {
      const found = field(part, name);
      if (found) return found;
    }
    return undefined;
  }

  /** The value, noting the path of every field that is read. */
  function watched<T>(value: T, path: string[], seen: string[][]): T {
    if (Array.isArray(value)) return value.map((v) => watched(v, [...path, "[]"], seen)) as T;
    if (typeof value !== "object" || value === null) return value;
    return new Proxy(value, {
      get(target, key) {
        const name = String(key);
        seen.push([...path, name]);
        return watched(Reflect.get(target, key), [...path, name], seen);
      },
    });
  }

  test.each([
    ["Page_Camera", list(CAMERA), cameraPage],
    ["Page_Measurement", list(ROW), measurementPage],
    ["CameraEvent", { camera: "hp-07", ...STATUS }, (v: unknown) => liveEvent("camera", v)],
    ["MachineEvent", MACHINE, (v: unknown) => liveEvent("machine", v)],
    ["BinsEvent", BINS, (v: unknown) => liveEvent("bins", v)],
    ["IconsEvent", ICONS, (v: unknown) => liveEvent("icons", v)],
    ["Hello", HELLO, (v: unknown) => liveEvent("hello", v)],
    ["Readiness", READY, readinessOf],
    ["Typical", { items: [{ ...ROW, usual: { median: 9, low: 8, high: 10, days: 4 } }] }, typicalList],
    ["Movers", { items: [{ camera: "hp-07", count: 9, usual: 8, difference: 1, ratio: 1.125, hours: 1 }] }, moverList],
    ["Peaks", { items: [{ ...ROW, volume: 9, highest_quarter: 3, factor: 0.75 }] }, peakList],
    ["Gaps", { items: [{ ...ROW, missing_s: 0 }], more: false }, gapList],
  ])("%s", (name, sample, read) => {
    const seen: string[][] = [];
    read(watched(sample, [], seen));
    expect(seen.length).toBeGreaterThan(1);
    for (const path of seen) {
      let schema = description.components.schemas[name];
      expect(schema, name).toBeDefined();
      for (const part of path) {
        const next: Schema | undefined = field(schema, part);
        expect(next, `${name}: ${path.join(".")} at ${part}`).toBeDefined();
        schema = next;
      }
    }
  });
});
