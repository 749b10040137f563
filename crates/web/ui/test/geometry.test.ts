// Arrows point where crossings count as forward; icons stand in the middle of their cells.

import { describe, expect, test } from "vitest";

import type { Line } from "../src/api/types";
import { arrow, arrowLength, forward, forwardDegrees, iconAt, placeLabels, scaled, side } from "../src/model/geometry";

const line = (x1: number, y1: number, x2: number, y2: number): Line => ({
  id: "l",
  points: [{ x: x1, y: y1 }, { x: x2, y: y2 }],
});
const SIZE = { width: 1000, height: 500 };

test.each([
  // Walking up the picture, the right hand is to the right.
  [line(0.25, 0.95, 0.25, 0.35), 0],
  [line(0.75, 0.11, 0.75, 0.33), 180],
  // Walking to the left, the right hand is up: away from the camera.
  [line(0.46, 0.7, 0.02, 0.7), -90],
  [line(0.53, 0.7, 0.98, 0.7), 90],
])("forward is from the left hand to the right hand (%#)", (l, degrees) => {
  expect(forwardDegrees(l, SIZE)).toBeCloseTo(degrees, 6);
});

test.each([line(0.1, 0.2, 0.8, 0.9), line(0.9, 0.1, 0.3, 0.4), line(0.5, 0.9, 0.45, 0.1), line(0.2, 0.5, 0.9, 0.5)])(
  "an arrow's head lies where `side` is positive, its tail where it is negative (%#)",
  (l) => {
    const [a, b] = l.points.map((p) => scaled(p, SIZE)) as [{ x: number; y: number }, { x: number; y: number }];
    const drawn = arrow(l, SIZE, 60);
    expect(side(a, b, drawn.head[0])).toBeGreaterThan(0);
    expect(side(a, b, drawn.from)).toBeLessThan(0);
    // At right angles to the line as it is seen, and as long as was asked for.
    const along = { x: drawn.head[0].x - drawn.from.x, y: drawn.head[0].y - drawn.from.y };
    expect(along.x * (b.x - a.x) + along.y * (b.y - a.y)).toBeCloseTo(0, 6);
    expect(Math.hypot(along.x, along.y)).toBeCloseTo(60, 6);
  },
);

test("a line without length has no direction and breaks nothing", () => {
  const p = { x: 0.5, y: 0.5 };
  expect(forward(p, p)).toEqual({ x: 0, y: 0 });
  expect(arrow(line(0.5, 0.5, 0.5, 0.5), SIZE, 60).to).toEqual({ x: 500, y: 250 });
});

describe("names of lines", () => {
  const boxes = (lines: Line[]) =>
    placeLabels(lines, SIZE, 24, 78).map(({ x, y }, i) => {
      const half = (lines[i]!.id.length * 24 * 0.6) / 2;
      return { x1: x - half, y1: y - 24, x2: x + half, y2: y + 8 };
    });
  const named = (id: string, ...[x1, y1, x2, y2]: [number, number, number, number]): Line => ({ ...line(x1, y1, x2, y2), id });

  test("stay inside the picture", () => {
    for (const l of [line(0, 0, 1, 0), line(1, 0, 1, 1), line(0.99, 0.99, 0.01, 0.99), line(0.5, 0, 0.5, 1)]) {
      const [box] = boxes([{ ...l, id: "a-long-name" }]);
      expect(box!.x1).toBeGreaterThanOrEqual(0);
      expect(box!.x2).toBeLessThanOrEqual(SIZE.width);
      expect(box!.y1).toBeGreaterThanOrEqual(0);
      expect(box!.y2).toBeLessThanOrEqual(SIZE.height);
    }
  });

  test("do not cover each other where lines lie close together", () => {
    const close = [
      named("north-in", 0.19, 0.43, 0.31, 0.41),
      named("north-out", 0.31, 0.41, 0.42, 0.37),
      named("west-out", 0.11, 0.53, 0.22, 0.62),
      named("west-in", 0.22, 0.62, 0.33, 0.72),
    ];
    const all = boxes(close);
    all.forEach((a, i) =>
      all.slice(i + 1).forEach((b) => {
        expect(a.x1 < b.x2 && b.x1 < a.x2 && a.y1 < b.y2 && b.y1 < a.y2).toBe(false);
      }),
    );
  });
});

test("arrows are in keeping with their lines", () => {
  expect(arrowLength(line(0.1, 0.5, 0.9, 0.5), SIZE, 80)).toBe(80);
  expect(arrowLength(line(0.1, 0.5, 0.2, 0.5), SIZE, 80)).toBe(50);
  expect(arrowLength(line(0.1, 0.5, 0.11, 0.5), SIZE, 80)).toBe(36);
});

test("icons stand on the grid of 32 × 18", () => {
  const size = { width: 320, height: 180 };
  expect(iconAt({ class: "car", column: 0, row: 0 }, size)).toMatchObject({ x: 5, y: 5 });
  expect(iconAt({ class: "car", column: 31, row: 17 }, size)).toMatchObject({ x: 315, y: 175 });
});
