// The boundary: turns whatever came over the wire into the page's types, or says where it is broken.
// Fields that nobody knows are ignored. In a list one broken item does not hide the others: it is left
// out and reported. Fetching is `client.ts`'s work; answers about what is usual are in `compareGuards.ts`.

import {
  BIN_LENGTHS,
  CLASSES,
  DIRECTIONS,
  GRID,
  SEVERITIES,
  STATES,
  type BinLength,
  type Camera,
  type CameraStatus,
  type ClosedBin,
  type Count,
  type Direction,
  type Grade,
  type Icon,
  type Incident,
  type Line,
  type LiveEvent,
  type Machine,
  type Point,
  type Readiness,
  type Reason,
  type RoadUserClass,
  type StillKind,
  type Stages,
  type Zone,
} from "./types";
import { array, fail, instant, number, object, oneOf, optional, page, text, type Json, type Page } from "./read";

export { DataError, type Page } from "./read";

function point(value: unknown, where: string): Point {
  const [x, y] = array(value, where);
  return { x: number(x, `${where}.x`), y: number(y, `${where}.y`) };
}

function line(value: unknown, where: string): Line {
  const o = object(value, where);
  const [a, b] = array(o["points"], `${where}.points`);
  return {
    id: text(o["id"], `${where}.id`),
    points: [point(a, `${where}.points[0]`), point(b, `${where}.points[1]`)],
  };
}

function zone(value: unknown, where: string): Zone {
  const o = object(value, where);
  const polygon = array(o["polygon"], `${where}.polygon`).map((p, i) => point(p, `${where}.polygon[${i}]`));
  return { id: text(o["id"], `${where}.id`), kind: text(o["kind"], `${where}.kind`), polygon };
}

function stages(value: unknown, where: string): Stages {
  const o = object(value, where);
  const ms = (name: string) => optional(o[name], (v) => number(v, `${where}.${name}`));
  return {
    decodeMs: ms("decode_ms"),
    waitMs: ms("wait_ms"),
    detectMs: ms("detect_ms"),
    trackMs: ms("track_ms"),
    resultMs: ms("result_ms"),
  };
}

function droppedFor(value: unknown, where: string): CameraStatus["droppedFor"] {
  const o = object(value, where);
  const share = (name: string) => number(o[name], `${where}.${name}`);
  return { behind: share("behind"), slowed: share("slowed"), failed: share("failed") };
}

function machine(value: unknown, where: string): Machine {
  const o = object(value, where);
  return {
    workers: number(o["workers"], `${where}.workers`),
    busyShare: number(o["busy_share"], `${where}.busy_share`),
    waitingFrames: number(o["waiting_frames"], `${where}.waiting_frames`),
    rateShare: number(o["rate_share"], `${where}.rate_share`),
    storeMs: optional(o["store_ms"], (v) => number(v, `${where}.store_ms`)),
    spooledRows: number(o["spooled_rows"], `${where}.spooled_rows`),
  };
}

/** A camera's status; `camera` is who it belongs to where the object itself does not say. */
export function cameraStatus(value: unknown, where: string, camera?: string): CameraStatus {
  const o = object(value, where);
  const state = text(o["state"], `${where}.state`);
  const size = optional(o["size_px"], (v): [number, number] => {
    const [w, h] = array(v, `${where}.size_px`);
    return [number(w, `${where}.size_px[0]`), number(h, `${where}.size_px[1]`)];
  });
  return {
    camera: camera ?? text(o["camera"], `${where}.camera`),
    state: STATES.find((s) => s === state) ?? "unknown",
    since: instant(o["since"], `${where}.since`),
    reason: optional(o["reason"], (v) => text(v, `${where}.reason`)),
    lastFrameAt: optional(o["last_frame_at"], (v) => instant(v, `${where}.last_frame_at`)),
    receivedFps: number(o["received_fps"], `${where}.received_fps`),
    analysedFps: number(o["analysed_fps"], `${where}.analysed_fps`),
    droppedShare: number(o["dropped_share"], `${where}.dropped_share`),
    droppedFor: droppedFor(o["dropped_for"], `${where}.dropped_for`),
    gatedShare: number(o["gated_share"], `${where}.gated_share`),
    stages: stages(o["stages"], `${where}.stages`),
    slowedToFps: optional(o["slowed_to_fps"], (v) => number(v, `${where}.slowed_to_fps`)),
    sizePx: size && size[0] > 0 && size[1] > 0 ? size : null,
    reconnects: optional(o["reconnects"], (v) => number(v, `${where}.reconnects`)) ?? 0,
  };
}

function camera(value: unknown, where: string): Camera {
  const o = object(value, where);
  const id = text(o["id"], `${where}.id`);
  const here = `camera ${id}`;
  return {
    id,
    name: text(o["name"], `${here}.name`),
    department: text(o["department"], `${here}.department`),
    profile: text(o["profile"], `${here}.profile`),
    source: optional(o["source"], (v) => text(v, `${here}.source`)) ?? "",
    calibrated: o["calibrated"] === true,
    lines: (optional(o["lines"], (v) => array(v, `${here}.lines`)) ?? []).map((l, i) => line(l, `${here}.lines[${i}]`)),
    zones: (optional(o["zones"], (v) => array(v, `${here}.zones`)) ?? []).map((z, i) => zone(z, `${here}.zones[${i}]`)),
    status: cameraStatus(o["status"], `${here}.status`, id),
  };
}

export function cameraPage(value: unknown): Page<Camera> {
  return page(value, "the list of cameras", camera);
}

/** One row of /measurements that counts crossings of a line. */
export interface Measurement {
  camera: string;
  line: string;
  direction: Direction;
  class: RoadUserClass;
  start: number;
  end: number;
  /** Null where the camera did not watch. */
  count: number | null;
  /** Lowest and highest true count to be expected; null in short bins and where it is not known. */
  band: readonly [number, number] | null;
  /** How often each sign was seen that the count may be wrong; null in short bins. */
  signs: Readonly<Record<string, number>> | null;
  observedS: number;
  droppedShare: number;
  grade: Grade;
  /** False while the bin is still open or was not seen to its end. */
  complete: boolean;
}

const GRADES = ["good", "fair", "poor"] as const;

function band(value: unknown, where: string): readonly [number, number] {
  const o = object(value, where);
  const [low, high] = [number(o["low"], `${where}.low`), number(o["high"], `${where}.high`)];
  if (low > high) fail(where, "from low to high", value);
  return [low, high];
}

/** Also signs that this page does not know. */
function signs(value: unknown, where: string): Readonly<Record<string, number>> {
  const seen = Object.entries(object(value, where));
  return Object.fromEntries(seen.map(([sign, times]) => [sign, number(times, `${where}.${sign}`)]));
}

function measurement(value: unknown, where: string): Measurement {
  const o = object(value, where);
  const share = (v: unknown, name: string) => optional(v, (w) => number(w, `${where}.${name}`)) ?? 0;
  return {
    camera: text(o["camera"], `${where}.camera`),
    line: text(o["line"], `${where}.line`),
    direction: oneOf(o["direction"], DIRECTIONS, `${where}.direction`),
    class: oneOf(o["class"], CLASSES, `${where}.class`),
    start: instant(o["start"], `${where}.start`),
    end: instant(o["end"], `${where}.end`),
    count: optional(o["count"], (v) => number(v, `${where}.count`)),
    band: optional(o["band"], (v) => band(v, `${where}.band`)),
    signs: optional(o["quality"], (v) => optional(object(v, `${where}.quality`)["signs"], (w) => signs(w, `${where}.quality.signs`))),
    observedS: share(o["observed_s"], "observed_s"),
    droppedShare: share(o["dropped_share"], "dropped_share"),
    grade: optional(o["grade"], (v) => oneOf(v, GRADES, `${where}.grade`)) ?? "poor",
    complete: o["complete"] !== false,
  };
}

export function measurementPage(value: unknown): Page<Measurement> {
  return page(value, "the measurements", measurement);
}

export function readinessOf(value: unknown): Readiness {
  const o = object(value, "the answer of /readyz");
  const reasons = optional(o["reasons"], (v) => array(v, "reasons").map((r, i) => text(r, `reasons[${i}]`))) ?? [];
  return { ready: o["ready"] !== false, database: o["database"] !== "spooling", detail: reasons.join("; ") };
}

function icon(value: unknown, where: string): Icon {
  const o = object(value, where);
  const column = number(o["column"], `${where}.column`);
  const row = number(o["row"], `${where}.row`);
  if (column < 0 || column >= GRID.columns || row < 0 || row >= GRID.rows) {
    fail(where, `on the grid of ${GRID.columns} × ${GRID.rows}`, value);
  }
  return { class: oneOf(o["class"], CLASSES, `${where}.class`), column, row };
}

/** Counts of lines; what counts something else, like movements, is none of this page's business. */
function counts(value: unknown, where: string): Count[] {
  const all: Count[] = [];
  array(value, where).forEach((item, i) => {
    const here = `${where}[${i}]`;
    const o = object(item, here);
    if (o["line"] === undefined || o["line"] === null) return;
    all.push({
      line: text(o["line"], `${here}.line`),
      direction: oneOf(o["direction"], DIRECTIONS, `${here}.direction`),
      class: oneOf(o["class"], CLASSES, `${here}.class`),
      count: number(o["count"], `${here}.count`),
    });
  });
  return all;
}

function closedBin(o: Json, where: string): ClosedBin {
  const coverage = object(o["coverage"], `${where}.coverage`);
  return {
    start: instant(o["start"], `${where}.start`),
    end: instant(o["end"], `${where}.end`),
    counts: counts(o["counts"], `${where}.counts`),
    observedS: number(coverage["observed_s"], `${where}.coverage.observed_s`),
    droppedShare: number(coverage["dropped_share"], `${where}.coverage.dropped_share`),
    grade: oneOf(coverage["grade"], GRADES, `${where}.coverage.grade`),
  };
}

const STILLS = ["start", "confirmed"] as const;
const INCIDENT_STATES = ["open", "ended", "unknown"] as const;

function reason(value: unknown, where: string): Reason {
  const o = object(value, where);
  return {
    what: text(o["what"], `${where}.what`),
    value: number(o["value"], `${where}.value`),
    setting: text(o["setting"], `${where}.setting`),
    limit: number(o["limit"], `${where}.limit`),
  };
}

function place(value: unknown, where: string): NonNullable<Incident["place"]> {
  const o = object(value, where);
  const lon = optional(o["lon"], (v) => number(v, `${where}.lon`));
  const lat = optional(o["lat"], (v) => number(v, `${where}.lat`));
  return { image: point(o["image"], `${where}.image`), lonLat: lon !== null && lat !== null ? [lon, lat] : null };
}

function incident(value: unknown, where: string): Incident {
  const o = object(value, where);
  const id = text(o["id"], `${where}.id`);
  const here = `incident ${id}`;
  return {
    id,
    camera: text(o["camera"], `${here}.camera`),
    revision: number(o["revision"], `${here}.revision`),
    kind: text(o["kind"], `${here}.kind`),
    state: oneOf(o["state"], INCIDENT_STATES, `${here}.state`),
    severity: oneOf(o["severity"], SEVERITIES, `${here}.severity`),
    confidence: number(o["confidence"], `${here}.confidence`),
    zone: optional(o["zone"], (v) => text(v, `${here}.zone`)),
    startedAt: instant(o["started_at"], `${here}.started_at`),
    detectedAt: instant(o["detected_at"], `${here}.detected_at`),
    lastSeenAt: instant(o["last_seen_at"], `${here}.last_seen_at`),
    endedAt: optional(o["ended_at"], (v) => instant(v, `${here}.ended_at`)),
    place: optional(o["place"], (v) => place(v, `${here}.place`)),
    why: array(o["why"], `${here}.why`).map((r, i) => reason(r, `${here}.why[${i}]`)),
  };
}

/** Which stills an incident has, as its own address says. */
export function stillsOf(value: unknown): StillKind[] {
  const o = object(value, "the incident");
  const kinds = optional(o["stills"], (v) => array(v, "the incident's stills")) ?? [];
  return kinds.map((kind, i) => oneOf(kind, STILLS, `the incident's stills[${i}]`));
}

export function incidentPage(value: unknown): Page<Incident> {
  return page(value, "the list of incidents", incident);
}

/** An event of the live stream; null for kinds and lengths of bin that the page does not show. */
export function liveEvent(kind: string, value: unknown): LiveEvent | null {
  const where = `a live event "${kind}"`;
  switch (kind) {
    case "hello": {
      const o = object(value, where);
      const timeZone = optional(o["time_zone"], (v) => text(v, `${where}.time_zone`));
      return { kind, version: text(o["version"], `${where}.version`), timeZone, icons: o["icons"] === true };
    }
    case "lagged":
      return { kind };
    case "machine":
      return { kind, machine: machine(value, where) };
    case "camera":
      return { kind, status: cameraStatus(value, where) };
    case "bins": {
      const o = object(value, where);
      const length = BIN_LENGTHS.find((l): l is BinLength => l === o["bin"]);
      if (!length) return null;
      const nextCloseAt = optional(o["next_close_at"], (v) => instant(v, `${where}.next_close_at`));
      return { kind, camera: text(o["camera"], `${where}.camera`), length, bin: closedBin(o, where), nextCloseAt };
    }
    case "incident":
      return { kind, incident: incident(value, where) };
    case "icons": {
      const o = object(value, where);
      const icons = array(o["icons"], `${where}.icons`).map((v, i) => icon(v, `${where}.icons[${i}]`));
      return { kind, camera: text(o["camera"], `${where}.camera`), icons };
    }
    default:
      return null;
  }
}
