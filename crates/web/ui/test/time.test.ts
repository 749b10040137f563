// The countdown, the server's clock, and how instants are written.

import { expect, test } from "vitest";

import { LATE_MS } from "../src/model/bins";
import { clock, clockOffset, countdown, date, duration, hourMinute, nextClose, since } from "../src/model/time";

const at = (text: string) => Date.parse(`2026-11-21T${text}Z`);

test("the announced time is kept until its counts are overdue", () => {
  const announced = at("14:32:00");
  expect(nextClose(announced, at("14:31:37"), "1m")).toBe(announced);
  expect(nextClose(announced, at("14:32:05"), "1m")).toBe(announced);
  expect(nextClose(announced, announced + LATE_MS, "1m")).toBe(at("14:33:00"));
});

test("before anything was announced, the end of the open bin is the next close", () => {
  expect(nextClose(null, at("14:31:37"), "1m")).toBe(at("14:32:00"));
  expect(nextClose(null, at("14:31:37"), "15m")).toBe(at("14:45:00"));
  expect(nextClose(null, at("14:32:00"), "1m")).toBe(at("14:33:00"));
});

test.each([
  ["14:31:37", "in 23 s"],
  ["14:31:36.500", "in 24 s"],
  ["14:31:59.999", "in 1 s"],
  ["14:32:00", "due now"],
  ["14:32:09", "due now"],
  ["14:31:00", "in 1 min 00 s"],
  ["14:25:55", "in 6 min 05 s"],
])("at %s the counts of 14:32:00 are %s", (now, words) => {
  expect(countdown(at("14:32:00"), at(now))).toBe(words);
});

test.each([
  [-5, "0 s"],
  [12_900, "12 s"],
  [60_000, "1 min"],
  [3_599_000, "59 min"],
  [3_600_000, "1 h"],
  [12_000_000, "3 h 20 min"],
  [190_800_000, "2 d 5 h"],
])("%d ms are %s", (ms, words) => {
  expect(duration(ms)).toBe(words);
});

test("times are those of the site", () => {
  expect(clock(at("22:27:17"), "Asia/Shanghai")).toBe("06:27:17");
  expect(hourMinute(at("00:00:00"), "UTC")).toBe("00:00");
  expect(date(at("22:27:17"), "Asia/Shanghai")).toBe("Sun 22 Nov 2026");
});

test("what began on another day says so", () => {
  expect(since(at("14:02:11"), at("14:31:00"), "UTC")).toBe("14:02:11");
  expect(since(at("14:02:11") - 86_400_000, at("14:31:00"), "UTC")).toBe("20 Nov 14:02");
});

test("the server's clock is followed when it differs by more than a header can't tell", () => {
  const header = "Sat, 21 Nov 2026 14:31:00 GMT";
  expect(clockOffset(header, at("14:31:00.200"), at("14:31:00.300"))).toBe(0);
  expect(clockOffset(header, at("14:26:00.450"), at("14:26:00.550"))).toBe(300_000);
  expect(clockOffset(null, 0, 0)).toBeNull();
  expect(clockOffset("soon", 0, 0)).toBeNull();
});
