// What the page knows of incidents, event by event, and how it puts them into words.

import { describe, expect, test } from "vitest";

import { incidentPage, liveEvent, stillsOf } from "../src/api/guards";
import type { Incident } from "../src/api/types";
import { began, EVERYTHING, KEPT, listed, NONE, onlyOpen, open, queryOf, shown, told } from "../src/live/incidents";
import { because, kindName, lasting, onMap } from "../src/model/incidents";
import { parseRoute } from "../src/model/route";

const AT = Date.parse("2026-11-21T14:32:02Z");

function incident(n: number, more: Partial<Incident> = {}): Incident {
  return {
    id: `a.1.${n}`,
    camera: "a",
    revision: 1,
    kind: "stopped_vehicle",
    state: "open",
    severity: "moderate",
    confidence: 0.9,
    zone: "lane-1",
    startedAt: AT + n * 1000 - 5000,
    detectedAt: AT + n * 1000,
    lastSeenAt: AT + n * 1000,
    endedAt: null,
    place: null,
    why: [],
    ...more,
  };
}

const ended = (n: number, more: Partial<Incident> = {}) =>
  incident(n, { revision: 2, state: "ended", endedAt: AT + n * 1000 + 60_000, ...more });
const ids = (all: Incident[]) => all.map((i) => i.id);

test("the newer version stays, in whatever order they come", () => {
  let state = told(NONE, incident(1));
  state = told(state, ended(1));
  state = told(state, incident(1));
  expect(shown(state, EVERYTHING)).toEqual([ended(1)]);
});

test("open ones come first, then the newest; the worst lead where only they are shown", () => {
  let state = listed(NONE, [ended(9), ended(3)]).state;
  for (const i of [incident(1, { severity: "extreme" }), incident(2)]) state = told(state, i);
  expect(ids(shown(state, EVERYTHING))).toEqual(["a.1.2", "a.1.1", "a.1.9", "a.1.3"]);
  expect(ids(open(state))).toEqual(["a.1.1", "a.1.2"]);
  expect(open(state, "b")).toEqual([]);
});

test("what is open is the stream's to say", () => {
  // The list is a moment behind: what it says is open may be over.
  const read = listed(NONE, [incident(1), ended(2)]);
  expect([ids(shown(read.state, EVERYTHING)), read.stale]).toEqual([["a.1.2"], true]);
  const known = listed(told(NONE, incident(1)), [incident(1)]);
  expect([ids(open(known.state)), known.stale]).toEqual([["a.1.1"], false]);
  // A stream that begins anew tells of all that is open; nothing that it told before is taken for open meanwhile.
  const state = told(listed(told(NONE, incident(1)), [ended(2)]).state, incident(3));
  expect(ids(shown(began(state), EVERYTHING))).toEqual(["a.1.2"]);
  expect(ids(shown(onlyOpen(state), EVERYTHING))).toEqual(["a.1.3", "a.1.1"]);
  // The list knows that nobody saw the end of one that was open when the server died.
  const lost = incident(1, { state: "unknown" });
  expect(shown(listed(state, [lost]).state, { ...EVERYTHING, camera: "a" })).toContainEqual(lost);
});

test("filters hold for what is told as for what is read", () => {
  let state = NONE;
  for (const i of [incident(1, { camera: "b", kind: "wrong_way", severity: "severe" }), ended(2), incident(3)]) state = told(state, i);
  expect(ids(shown(state, { ...EVERYTHING, camera: "b" }))).toEqual(["a.1.1"]);
  expect(ids(shown(state, { ...EVERYTHING, kind: "stopped_vehicle" }))).toEqual(["a.1.3", "a.1.2"]);
  expect(ids(shown(state, { ...EVERYTHING, severity: "severe" }))).toEqual(["a.1.1"]);
  expect(ids(shown(state, { ...EVERYTHING, openOnly: true }))).toEqual(["a.1.3", "a.1.1"]);
  const filter = { camera: "b", kind: "wrong_way", severity: "severe", openOnly: true } as const;
  expect(String(queryOf(filter, "1.2"))).toBe("limit=50&camera=b&kind=wrong_way&severity=severe&state=open&cursor=1.2");
  expect(String(queryOf(EVERYTHING, null))).toBe("limit=50");
});

test("what is kept is bounded, and what is open is never forgotten", () => {
  let state = told(NONE, incident(0));
  state = listed(state, Array.from({ length: KEPT + 50 }, (_, n) => ended(n + 1))).state;
  expect(state.all.size).toBe(KEPT);
  expect(state.all.has("a.1.0")).toBe(true);
  expect(state.all.has("a.1.1")).toBe(false);
});

const wire = {
  id: "hp-07.1.3",
  camera: "hp-07",
  revision: 2,
  kind: "wrong_way",
  state: "ended",
  severity: "extreme",
  confidence: 0.93,
  zone: "lane-1",
  started_at: "2026-11-21T14:31:00Z",
  detected_at: "2026-11-21T14:31:01Z",
  last_seen_at: "2026-11-21T14:31:05Z",
  ended_at: "2026-11-21T14:31:05Z",
  place: { image: [0.25, 0.75], ground_m: [1.5, -20], lon: 126.63, lat: 45.6 },
  why: [{ what: "angle_deg", value: 171.2, setting: "min_angle_deg", limit: 120 }],
};

describe("the wire", () => {
  test("an event and a list item are the same", () => {
    const event = liveEvent("incident", wire);
    expect(event).toMatchObject({ kind: "incident", incident: { id: "hp-07.1.3", place: { lonLat: [126.63, 45.6] } } });
    const page = incidentPage({ items: [wire, { ...wire, severity: "bad" }], next_cursor: "1.x" });
    expect(page.items).toEqual([event?.kind === "incident" ? event.incident : null]);
    expect(page.broken[0]).toContain("incident hp-07.1.3.severity should be one of minor moderate severe extreme");
    expect(page.next).toBe("1.x");
  });

  test("a fault of the camera has neither zone nor place", () => {
    const { items } = incidentPage({ items: [{ ...wire, zone: null, place: null, ended_at: null, state: "unknown" }] });
    expect(items[0]).toMatchObject({ zone: null, place: null, endedAt: null });
  });
});

test("an incident says which stills there are", () => {
  expect(stillsOf({ ...wire, stills: ["start", "confirmed"] })).toEqual(["start", "confirmed"]);
  expect(stillsOf({ ...wire, stills: null })).toEqual([]);
  expect(() => stillsOf({ ...wire, stills: ["face"] })).toThrow("one of start confirmed");
});

test("it is said in words", () => {
  expect(kindName("wrong_way")).toBe("Wrong-way driver");
  expect(kindName("smoke_seen")).toBe("smoke seen");
  expect(because({ what: "stood_s", value: 5.12, setting: "hold_s", limit: 5 })).toBe("stood for 5.1 s (hold_s = 5)");
  expect(because({ what: "angle_deg", value: 164.13, setting: "min_angle_deg", limit: 120 })).toBe(
    "turned away from the lane's direction by 164° (min_angle_deg = 120)",
  );
  expect(because({ what: "lengths", value: 5.07, setting: "min_lengths", limit: 1 })).toBe("over 5.1 of its own lengths (min_lengths = 1)");
  expect(because({ what: "occupancy", value: 0.216, setting: "min_occupancy", limit: 0.15 })).toContain("22 %");
  expect(because({ what: "new_value", value: 1, setting: "x", limit: 2 })).toBe("new value 1 (x = 2)");
  expect(lasting(incident(0), AT + 7_000)).toBe("for 12 s");
  expect(lasting(ended(0), AT)).toBe("lasted 1 min");
  expect(lasting(incident(0, { state: "unknown" }), AT)).toBe("end not seen; known to have lasted 5 s");
  expect(onMap([-3.5, 45.6])).toBe("45.60000° N, 3.50000° W");
  expect(parseRoute("#/incidents")).toEqual({ view: "incidents" });
});
