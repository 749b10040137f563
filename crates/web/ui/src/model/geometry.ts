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

/** How long a line's arrow may be: in keeping with the line, so that short lines are not buried. */
export function arrowLength(line: Line, size: Size, longest: number): number {
  const [a, b] = line.points.map((p) => scaled(p, size)) as [Point, Point];
  return Math.min(longest, Math.max(longest * 0.45, Math.hypot(b.x - a.x, b.y - a.y) * 0.5));
}

export interface Label {
  x: number;
  y: number;
}

interface Box {
  x1: number;
  y1: number;
  x2: number;
  y2: number;
}

function overlap(a: Box, b: Box): number {
  const w = Math.min(a.x2, b.x2) - Math.max(a.x1, b.x1);
  const h = Math.min(a.y2, b.y2) - Math.max(a.y1, b.y1);
  return w > 0 && h > 0 ? w * h : 0;
}

/** Width of a character of the page's bold type, as a share of its size. */
const CHARACTER = 0.6;

/** Where the names of lines stand: for each line the middle of its text's foot, at an end or beside it,
 * wherever it covers least of arrows and of names that were placed before, and inside the picture. */
export function placeLabels(lines: readonly Line[], size: Size, fontSize: number, longestArrow: number): Label[] {
  const taken: Box[] = lines.map((line) => {
    const { from, head } = arrow(line, size, arrowLength(line, size, longestArrow));
    const xs = [from.x, ...head.map((p) => p.x)];
    const ys = [from.y, ...head.map((p) => p.y)];
    return { x1: Math.min(...xs), y1: Math.min(...ys), x2: Math.max(...xs), y2: Math.max(...ys) };
  });
  return lines.map((line) => {
    const half = (line.id.length * fontSize * CHARACTER) / 2;
    const box = (l: Label): Box => ({ x1: l.x - half, y1: l.y - fontSize, x2: l.x + half, y2: l.y + fontSize * 0.3 });
    const clamp = (l: Label): Label => ({
      x: Math.min(Math.max(l.x, half + 4), size.width - half - 4),
      y: Math.min(Math.max(l.y, fontSize * 1.2), size.height - fontSize * 0.5),
    });
    const [a, b] = line.points.map((p) => scaled(p, size)) as [Point, Point];
    const gap = fontSize * 0.5;
    const candidates = [a, b, { x: a.x * 0.75 + b.x * 0.25, y: a.y * 0.75 + b.y * 0.25 }, { x: a.x * 0.25 + b.x * 0.75, y: a.y * 0.25 + b.y * 0.75 }]
      .flatMap((p) => [
        { x: p.x, y: p.y - gap },
        { x: p.x, y: p.y + gap + fontSize },
        { x: p.x + half + gap, y: p.y + fontSize * 0.35 },
        { x: p.x - half - gap, y: p.y + fontSize * 0.35 },
      ])
      .map(clamp);
    const cost = (l: Label) => taken.reduce((sum, other) => sum + overlap(box(l), other), 0);
    const best = candidates.reduce((x, y) => (cost(y) < cost(x) ? y : x));
    taken.push(box(best));
    return best;
  });
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
