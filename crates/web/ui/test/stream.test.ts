// The stream comes back by itself, whatever happens to it.

import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { liveEvent } from "../src/api/guards";
import type { LiveEvent } from "../src/api/types";
import { FIRST_RETRY_MS, KINDS, LONGEST_RETRY_MS, SILENCE_MS, Stream, type Source } from "../src/live/stream";

class FakeSource implements Source {
  listeners = new Map<string, (event: { data?: unknown }) => void>();
  closed = false;
  addEventListener(kind: string, listener: (event: { data?: unknown }) => void) {
    this.listeners.set(kind, listener);
  }
  close() {
    this.closed = true;
  }
  emit(kind: string, data?: unknown) {
    this.listeners.get(kind)?.({ data: typeof data === "string" ? data : JSON.stringify(data) });
  }
}

let sources: FakeSource[];
let log: string[];
let events: LiveEvent[];
let stream: Stream<LiveEvent>;
const newest = () => sources.at(-1)!;

beforeEach(() => {
  vi.useFakeTimers();
  sources = [];
  log = [];
  events = [];
  stream = new Stream({
    open: () => {
      sources.push(new FakeSource());
      return newest();
    },
    kinds: KINDS,
    read: liveEvent,
    up: () => log.push("up"),
    lost: () => log.push("lost"),
    event: (event) => events.push(event),
    broken: (message) => log.push(`broken: ${message}`),
    random: () => 0.5,
  });
  stream.start();
});
afterEach(() => {
  stream.stop();
  vi.useRealTimers();
});

test("a broken stream is closed and opened anew", () => {
  newest().emit("open");
  newest().emit("error");
  expect(sources[0]?.closed).toBe(true);
  expect(log).toEqual(["up", "lost"]);
  vi.advanceTimersByTime(FIRST_RETRY_MS);
  newest().emit("open");
  expect(log).toEqual(["up", "lost", "up"]);
  expect(sources).toHaveLength(2);
});

test("attempts become rarer, up to a limit, and quick again after a success", () => {
  const waits: number[] = [];
  for (let i = 0; i < 8; i += 1) {
    newest().emit("error");
    const before = sources.length;
    let waited = 0;
    while (sources.length === before) {
      vi.advanceTimersByTime(250);
      waited += 250;
    }
    waits.push(waited);
  }
  expect(waits.slice(0, 4)).toEqual([1000, 2000, 4000, 8000]);
  expect(waits.at(-1)).toBe(LONGEST_RETRY_MS);
  newest().emit("open");
  newest().emit("error");
  vi.advanceTimersByTime(FIRST_RETRY_MS);
  expect(sources).toHaveLength(10);
});

test("a stream that falls silent is opened anew, one that speaks is not", () => {
  newest().emit("open");
  vi.advanceTimersByTime(SILENCE_MS - 1);
  newest().emit("icons", { camera: "a", icons: [] });
  vi.advanceTimersByTime(SILENCE_MS - 1);
  expect(log).toEqual(["up"]);
  vi.advanceTimersByTime(1);
  expect(log).toEqual(["up", "lost"]);
});

test("an attempt that is never answered is given up", () => {
  vi.advanceTimersByTime(SILENCE_MS + FIRST_RETRY_MS);
  expect(sources).toHaveLength(2);
});

test("what the old stream still says is not heard", () => {
  newest().emit("open");
  newest().emit("error");
  sources[0]?.emit("icons", { camera: "a", icons: [] });
  sources[0]?.emit("error");
  expect(events).toEqual([]);
  expect(log).toEqual(["up", "lost"]);
});

test("broken events are reported and the stream goes on", () => {
  newest().emit("open");
  newest().emit("bins", "{");
  newest().emit("camera", { state: "live" });
  newest().emit("icons", { camera: "a", icons: [{ class: "face", column: 1, row: 1 }] });
  expect(log.filter((line) => line.startsWith("broken: "))).toHaveLength(3);
  newest().emit("icons", { camera: "a", icons: [{ class: "bus", column: 1, row: 1 }] });
  expect(events).toEqual([{ kind: "icons", camera: "a", icons: [{ class: "bus", column: 1, row: 1 }] }]);
});

test("after the end nothing is opened any more", () => {
  stream.stop();
  vi.advanceTimersByTime(10 * SILENCE_MS);
  expect(sources).toHaveLength(1);
});
