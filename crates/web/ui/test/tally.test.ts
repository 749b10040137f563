// A person's tally: when it can begin, what keys mean, what is handed in, and what is drawn meanwhile.

import { describe, expect, test } from "vitest";

import { auditPage, silhouetteEvent, type Grid } from "../src/api/auditGuards";
import { auditHref, parseRoute } from "../src/model/route";
import { squares } from "../src/model/silhouette";
import { countOf, csv, endOf, groupsFor, handedIn, keyOf, meaning, nextStart, pairsOf, phase, pressed, undone, verdict, type Tally } from "../src/model/tally";

const at = (time: string) => Date.parse(`2026-11-21T${time}Z`);
const line = (id: string) => ({ id, points: [{ x: 0, y: 0 }, { x: 1, y: 1 }] as [{ x: number; y: number }, { x: number; y: number }] });

function tally(minutes = 15): Tally {
  return { pairs: pairsOf([line("in"), line("out")]), groups: groupsFor(minutes), from: at("10:15:00"), minutes, presses: [] };
}

describe("when", () => {
  test("a tally begins with a bin, and not before one can be ready", () => {
    expect(nextStart(at("10:01:00"), 15)).toBe(at("10:15:00"));
    expect(nextStart(at("10:14:54"), 30)).toBe(at("10:15:00"));
    expect(nextStart(at("10:14:56"), 15)).toBe(at("10:30:00"));
    expect(nextStart(at("10:14:20"), 5)).toBe(at("10:15:00"));
    expect(nextStart(at("10:14:57"), 1)).toBe(at("10:16:00"));
  });

  test("it can be handed in once its bins are kept", () => {
    const phases = ["10:14:59", "10:15:00", "10:29:59", "10:30:00", "10:30:14", "10:30:15"].map((t) => phase(tally(), at(t)));
    expect(phases).toEqual(["before", "running", "running", "late", "late", "over"]);
    expect(endOf(tally())).toBe(at("10:30:00"));
  });
});

describe("keys", () => {
  test("each pair and group has a key of its own, by its place on the keyboard", () => {
    const seen = new Set<string>();
    for (const [n] of [...Array(8).keys()].entries()) {
      for (const group of groupsFor(15)) {
        const key = keyOf(n, group);
        expect(meaning(key === "," ? "Comma" : `Key${key}`)).toEqual({ pair: n, group });
        seen.add(key);
      }
    }
    expect(seen.size).toBe(24);
    expect([meaning("KeyP"), meaning("Space"), meaning("Digit1")]).toEqual([null, null, null]);
  });

  test("only whoever passes while it runs is tallied, and only what is tallied at all", () => {
    let now = tally(5);
    now = pressed(now, 0, "motor", at("10:14:59"));
    now = pressed(now, 0, "motor", at("10:15:00"));
    now = pressed(now, 3, "motor", at("10:16:00"));
    now = pressed(now, 0, "pedestrian", at("10:16:00"));
    now = pressed(now, 7, "motor", at("10:16:00"));
    now = pressed(now, 0, "motor", at("10:20:00"));
    expect([countOf(now, 0, "motor"), countOf(now, 3, "motor"), now.presses.length]).toEqual([1, 1, 2]);
    expect(undone(now).presses).toHaveLength(1);
    expect(undone(undone(undone(now))).presses).toHaveLength(0);
  });
});

test("what is handed in has every number, and nobody is a number", () => {
  const now = pressed(pressed(tally(5), 1, "motor", at("10:16:00")), 1, "motor", at("10:17:00"));
  expect(handedIn(now)).toEqual({
    from: "2026-11-21T10:15:00Z",
    minutes: 5,
    tallies: [
      { line: "in", direction: "forward", class: "motor", count: 0 },
      { line: "in", direction: "backward", class: "motor", count: 2 },
      { line: "out", direction: "forward", class: "motor", count: 0 },
      { line: "out", direction: "backward", class: "motor", count: 0 },
    ],
  });
  expect(csv(now)).toBe("line,direction,class,count\nin,forward,motor,0\nin,backward,motor,2\nout,forward,motor,0\nout,backward,motor,0\n");
  expect(handedIn(tally()).tallies).toHaveLength(12);
});

describe("silhouettes", () => {
  const wire = { size_px: [32, 18], bands: [{ top_px: 4, side_px: 5, columns: 6 }, { top_px: 9, side_px: 8, columns: 4 }] };
  const grid: Grid = { width: 32, height: 18, bands: [{ top: 4, side: 5, columns: 6 }, { top: 9, side: 8, columns: 4 }] };

  test("are read, or said to be broken", () => {
    expect(silhouetteEvent("grid", wire)).toEqual({ kind: "grid", grid });
    const cells = { at: "2026-11-21T10:15:00Z", known_share: 0.5, rows: ["84", "1"] };
    expect(silhouetteEvent("cells", cells)).toEqual({ kind: "cells", at: at("10:15:00"), knownShare: 0.5, rows: ["84", "1"] });
    expect(silhouetteEvent("other", {})).toBeNull();
    expect(() => silhouetteEvent("cells", { ...cells, rows: ["xyz"] })).toThrow(/hexadecimal/);
    expect(() => silhouetteEvent("grid", { ...wire, bands: [{ top_px: 0, side_px: 0, columns: 1 }] })).toThrow(/side_px/);
    expect(() => silhouetteEvent("grid", { ...wire, size_px: [32] })).toThrow(/size_px/);
  });

  test("are squares where a bit is set", () => {
    expect(squares(grid, ["84", "1"])).toEqual([{ x: 0, y: 4, side: 5 }, { x: 25, y: 4, side: 5 }, { x: 24, y: 9, side: 8 }]);
    // Bits beyond the last column are no cells, and digits of another grid are none at all.
    expect(squares(grid, ["03", "0"])).toEqual([]);
    expect(squares(grid, ["8", "1"])).toEqual([{ x: 24, y: 9, side: 8 }]);
    expect(squares(grid, ["84"])).toEqual([]);
  });
});

test("comparisons are read and judged", () => {
  const wire = {
    line: "in", direction: "forward", class: "two_wheeler", from: "2026-11-21T10:15:00Z", minutes: 15, counted: 12, tallied: 16,
    observed_s: 900, error_percent: -25, geh: 2.1, band: [10, 15], made_at: "2026-11-21T10:31:00Z",
  };
  const { items, broken } = auditPage({ items: [wire, { ...wire, band: null, observed_s: 800, geh: 6 }, { ...wire, class: "van" }], next_cursor: null });
  expect(items.map(verdict)).toEqual(["OUTSIDE the band, good agreement", "no good agreement, watched in part"]);
  expect(items[0]).toMatchObject({ class: "two_wheeler", band: [10, 15], errorPercent: -25, from: at("10:15:00") });
  expect(broken).toHaveLength(1);
  expect(verdict({ ...items[0]!, tallied: 15 })).toBe("within the band, good agreement");
});

test("a tally has an address of its own", () => {
  expect(parseRoute(auditHref("hp-07"))).toEqual({ view: "audit", id: "hp-07" });
  expect(parseRoute("#/cameras/HP/audit")).toMatchObject({ view: "missing" });
});
