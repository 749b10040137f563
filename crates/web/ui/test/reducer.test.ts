// What the page knows, event by event.

import { describe, expect, test } from "vitest";

import type { Camera, CameraState, ClosedBin } from "../src/api/types";
import {
  CHANGES_KEPT,
  EMPTY,
  ICONS_MS,
  iconsAt,
  isStranger,
  keepMs,
  reduce,
  withBins,
  withCameras,
  type CameraEvent,
} from "../src/live/reducer";

const NOW = Date.parse("2026-11-21T14:32:02Z");

function camera(id: string, state: CameraState = "live", name = id): Camera {
  return {
    id,
    name,
    department: "traffic",
    profile: "arterial",
    source: "rtsp://10.0.0.7/sub",
    calibrated: false,
    lines: [],
    zones: [],
    status: {
      camera: id,
      state,
      since: NOW - 1000,
      reason: null,
      lastFrameAt: NOW,
      receivedFps: 25,
      analysedFps: 10,
      droppedShare: 0,
      droppedFor: { behind: 0, slowed: 0, failed: 0 },
      gatedShare: 0,
      stages: { decodeMs: null, waitMs: null, detectMs: null, trackMs: null, resultMs: null },
      slowedToFps: null,
      sizePx: [640, 360],
      reconnects: 0,
    },
  };
}

const status = (id: string, state: CameraState): CameraEvent => ({ kind: "camera", status: camera(id, state).status });
const bin = (start: number, n: number): ClosedBin => ({
  start,
  end: start + 60_000,
  counts: [{ line: "a", direction: "forward", class: "car", count: n }],
  observedS: 60,
  droppedShare: 0,
  grade: "good",
});
const bins = (id: string, start: number, n: number, nextCloseAt: number | null): CameraEvent => ({
  kind: "bins",
  camera: id,
  length: "1m",
  bin: bin(start, n),
  nextCloseAt,
});
const site = withCameras(EMPTY, [camera("b"), camera("a", "connecting")]);

test("cameras are in the order of their names, numbers as numbers", () => {
  const state = withCameras(EMPTY, [camera("x", "live", "Gate 10"), camera("y", "live", "Gate 9")]);
  expect(state.cameras.map((view) => view.camera.id)).toEqual(["y", "x"]);
});

test("a status replaces the one before and is remembered as a change when the state differs", () => {
  let state = reduce(site, status("a", "live"), NOW);
  expect(state.cameras[0]?.camera.status.state).toBe("live");
  expect(state.changes).toMatchObject([{ camera: "a", from: "connecting", to: "live" }]);
  state = reduce(state, status("a", "live"), NOW);
  expect(state.changes).toHaveLength(1);
  // The old state is left as it was.
  expect(site.cameras[0]?.camera.status.state).toBe("connecting");
});

test("a change that happened while nobody listened is found when the list is read again", () => {
  const state = withCameras(site, [camera("b", "failed"), camera("a", "connecting")]);
  expect(state.changes).toMatchObject([{ camera: "b", from: "live", to: "failed" }]);
});

test("changes do not grow for ever", () => {
  let state = site;
  for (let i = 0; i < CHANGES_KEPT * 2; i += 1) {
    state = reduce(state, status("b", i % 2 === 0 ? "reconnecting" : "live"), NOW);
  }
  expect(state.changes).toHaveLength(CHANGES_KEPT);
  expect(new Set(state.changes.map((change) => change.n)).size).toBe(CHANGES_KEPT);
});

test("a closed bin is added to its camera and length alone", () => {
  const start = Date.parse("2026-11-21T14:31:00Z");
  const state = reduce(site, bins("a", start, 7, NOW + 58_000), NOW);
  expect(state.cameras[0]?.bins["1m"].get(start)?.counts[0]?.count).toBe(7);
  expect(state.cameras[0]?.bins["15m"].size).toBe(0);
  expect(state.cameras[1]?.bins["1m"].size).toBe(0);
});

test("bins of the database replace those of events, and old bins go", () => {
  const start = Date.parse("2026-11-21T14:31:00Z");
  let state = reduce(site, bins("a", start, 3, null), NOW);
  state = withBins(state, "a", "1m", [bin(start, 8)], NOW);
  expect(state.cameras[0]?.bins["1m"].get(start)?.counts[0]?.count).toBe(8);
  const later = NOW + keepMs("1m") + 60_000;
  state = reduce(state, bins("a", later - 60_000, 1, null), later);
  expect([...(state.cameras[0]?.bins["1m"].keys() ?? [])]).toEqual([later - 60_000]);
});

describe("the next close", () => {
  const start = Date.parse("2026-11-21T14:31:00Z");

  test("only moves on when a camera reports late", () => {
    let state = reduce(site, bins("a", start, 1, start + 120_000), NOW);
    state = reduce(state, bins("b", start - 60_000, 1, start + 60_000), NOW);
    expect(state.nextCloseAt["1m"]).toBe(start + 120_000);
  });

  test("is not stuck in the future when the clock was set back", () => {
    let state = reduce(site, bins("a", start + 3_600_000, 1, start + 3_720_000), NOW + 3_600_000);
    state = reduce(state, bins("a", start, 1, start + 120_000), NOW);
    expect(state.nextCloseAt["1m"]).toBe(start + 120_000);
  });
});

describe("icons", () => {
  const event: CameraEvent = { kind: "icons", camera: "b", icons: [{ class: "car", column: 3, row: 4 }] };

  test("are replaced by each event and go when none comes", () => {
    let state = reduce(site, event, NOW);
    expect(iconsAt(state.cameras[1]!, NOW + ICONS_MS - 1)).toHaveLength(1);
    expect(iconsAt(state.cameras[1]!, NOW + ICONS_MS)).toEqual([]);
    state = reduce(state, { ...event, icons: [] }, NOW + 1000);
    expect(iconsAt(state.cameras[1]!, NOW + 1000)).toEqual([]);
  });

  test("go at once with a camera that is not live any more", () => {
    const state = reduce(reduce(site, event, NOW), status("b", "reconnecting"), NOW);
    expect(iconsAt(state.cameras[1]!, NOW)).toEqual([]);
  });
});

test("events of a camera that is not listed change nothing and are noticed", () => {
  const stranger = status("z", "live");
  expect(isStranger(site, stranger)).toBe(true);
  expect(isStranger(site, status("a", "live"))).toBe(false);
  expect(reduce(site, stranger, NOW)).toEqual(site);
});
