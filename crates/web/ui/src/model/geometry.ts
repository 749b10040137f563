// Where things lie on the picture: the arrow of a line's forward direction, and the cells of the icons'
// grid. Pure; coordinates are those of the picture on the page, x to the right and y down.

import { GRID, type Icon, type Line, type Point } from "../api/types";

export interface Size {
  width: number;
  height: number;
}

/** What a picture is taken for until its size is known. */
export const DEFAULT_SIZE: Size = { width: 640, height: 360 };

export function scaled(p: Point, size: Size): Point {
  return { x: p.x * size.width, y: p.y * size.height };
}

/** On which side of the endless line a → b a point lies: negative on the left hand, positive on the right
 * hand of someone who walks along it. Forward crossings go from − to +. */
export function side(a: Point, b: Point, p: Point): number {
  return (b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x);
}

/** The unit vector of the forward direction: at right angles to the line, towards growing `side`. */
export function forward(a: Point, b: Point): Point {
  const length = Math.hypot(b.x - a.x, b.y - a.y);
  if (length === 0) return { x: 0, y: 0 };
  // "0 -" instead of a unary minus, which would turn 0 into −0.
  return { x: (0 - (b.y - a.y)) / length, y: (b.x - a.x) / length };
}

/** The forward direction of a line as an angle in degrees, clockwise from "to the right", −180 to 180. */
export function forwardDegrees(line: Line, size: Size): number {
  const n = forward(scaled(line.points[0], size), scaled(line.points[1], size));
  return (Math.atan2(n.y, n.x) * 180) / Math.PI;
}

export interface Arrow {
  from: Point;
  to: Point;
  /** The head's three corners. */
  head: [Point, Point, Point];
}

/** An arrow across the middle of a line, `length` long, pointing forward. */
export function arrow(line: Line, size: Size, length: number): Arrow {
  const a = scaled(line.points[0], size);
  const b = scaled(line.points[1], size);
  const n = forward(a, b);
  const middle = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
  const at = (along: number, across: number): Point => ({
    x: middle.x + n.x * along - n.y * across,
    y: middle.y + n.y * along + n.x * across,
  });
  const head = length * 0.42;
  return {
    from: at(-length * 0.35, 0),
    to: at(length * 0.65 - head, 0),
    head: [at(length * 0.65, 0), at(length * 0.65 - head, head * 0.55), at(length * 0.65 - head, -head * 0.55)],
  };
}

/** Where a text can stand beside a line, kept inside the picture: at the upper end of a steep line, over
 * the left part of a flat one, where neither the arrow nor a neighbour's name is. */
export function labelAt(line: Line, size: Size, margin: number): Point & { anchor: "start" | "end" } {
  const [a, b] = line.points.map((p) => scaled(p, size)) as [Point, Point];
  const flat = Math.abs(b.x - a.x) > Math.abs(b.y - a.y);
  const left = a.x <= b.x ? a : b;
  const right = left === a ? b : a;
  const along = (t: number): Point => ({ x: left.x + (right.x - left.x) * t, y: left.y + (right.y - left.y) * t });
  const at = flat ? along(0.12) : a.y <= b.y ? a : b;
  const anchor = !flat && at.x > size.width * 0.7 ? "end" : "start";
  return {
    x: Math.min(Math.max(at.x + (anchor === "end" ? -margin : margin) * 0.5, margin), size.width - margin),
    y: Math.min(Math.max(at.y - margin * 0.6, margin * 1.6), size.height - margin * 0.6),
    anchor,
  };
}

/** The middle of an icon's cell, and how large its symbol may be. */
export function iconAt(icon: Icon, size: Size): Point & { size: number } {
  const cell = { width: size.width / GRID.columns, height: size.height / GRID.rows };
  return {
    x: (icon.column + 0.5) * cell.width,
    y: (icon.row + 0.5) * cell.height,
    size: Math.min(cell.width, cell.height) * 1.5,
  };
}
