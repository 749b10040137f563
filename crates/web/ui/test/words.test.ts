// Routes, numbers and words.

import { expect, test } from "vitest";

import { counted, fps, matches, percent } from "../src/model/format";
import { Gate } from "../src/model/gate";
import { cameraHref, parseRoute } from "../src/model/route";

test.each([
  ["", { view: "overview" }],
  ["#/", { view: "overview" }],
  ["#/cameras/hp-07", { view: "camera", id: "hp-07" }],
  ["#/cameras/HP", { view: "missing", path: "/cameras/HP" }],
  ["#/cameras/../x", { view: "missing", path: "/cameras/../x" }],
  ["#/nothing", { view: "missing", path: "/nothing" }],
])("the address %s", (hash, route) => {
  expect(parseRoute(hash)).toEqual(route);
});

test("a camera's link leads to it", () => {
  expect(parseRoute(cameraHref("a-1"))).toEqual({ view: "camera", id: "a-1" });
});

test.each([[0, "0 %"], [0.0004, "< 0.1 %"], [0.034, "3.4 %"], [0.0996, "10 %"], [1, "100 %"]])("a share of %d is %s", (share, words) => {
  expect(percent(share)).toBe(words);
});

test("numbers with their nouns", () => {
  expect([counted(1, "bus"), counted(2, "bus"), counted(0, "car")]).toEqual(["1 bus", "2 buses", "0 cars"]);
  expect([fps(24.96), fps(120)]).toEqual(["25.0", "120"]);
});

test("a search finds every word wherever it stands", () => {
  expect(matches("EAST youxie", "Youxie Street, east arm", "hp-07")).toBe(true);
  expect(matches("east west", "Youxie Street, east arm")).toBe(false);
  expect(matches("  ", "anything")).toBe(true);
});

test("a gate lets so many through at a time, in order, and goes on after a failure", async () => {
  const gate = new Gate(2);
  let running = 0;
  let most = 0;
  const order: number[] = [];
  const work = (n: number) => async () => {
    running += 1;
    most = Math.max(most, running);
    await new Promise((go) => setTimeout(go, 1));
    running -= 1;
    order.push(n);
    if (n === 1) throw new Error("one");
  };
  const results = await Promise.allSettled([0, 1, 2, 3, 4].map((n) => gate.run(work(n))));
  expect(results.filter((r) => r.status === "rejected")).toHaveLength(1);
  expect(most).toBe(2);
  expect(order).toEqual([0, 1, 2, 3, 4]);
});
