// What the page knows about the site, and how each event changes it. Pure: a new state for an old one
// and an event, so that the whole can be tested without a browser. Receiving is `stream.ts`'s work.

import type { BinLength, Camera, CameraState, ClosedBin, Icon, LiveEvent } from "../api/types";
import { BIN_MS, merge, type BinHistory } from "../model/bins";

/** How many closed bins the page shows: the past hour by the minute, six hours by the quarter. */
export const SHOWN_BINS: Record<BinLength, number> = { "1m": 60, "15m": 24 };

/** How long a bin is kept after its start: the shown ones, the open one, and one to spare. */
export function keepMs(length: BinLength): number {
  return (SHOWN_BINS[length] + 2) * BIN_MS[length];
}

/** Icons are of the moment: without a newer event they go after this long. */
export const ICONS_MS = 3_000;

export interface Icons {
  at: number;
  icons: readonly Icon[];
}

export interface CameraView {
  camera: Camera;
  bins: Record<BinLength, BinHistory>;
  icons: Icons | null;
}

/** A camera that went from one state to another while the page was looking. */
export interface Change {
  /** Counts up, to tell changes apart. */
  n: number;
  at: number;
  camera: string;
  from: CameraState;
  to: CameraState;
  reason: string | null;
}

export interface SiteState {
  /** In the order in which they are shown. */
  cameras: readonly CameraView[];
  /** When the next bin of each length closes, as the server last said. */
  nextCloseAt: Record<BinLength, number | null>;
  /** Newest first. */
  changes: readonly Change[];
}

export const CHANGES_KEPT = 50;

export const EMPTY: SiteState = { cameras: [], nextCloseAt: { "1m": null, "15m": null }, changes: [] };

/** The list of cameras was read (again): their bins are kept, and what happened to their state while the
 * page was not looking counts as a change. */
export function withCameras(state: SiteState, cameras: readonly Camera[]): SiteState {
  const before = new Map(state.cameras.map((view) => [view.camera.id, view]));
  const collator = new Intl.Collator("en", { numeric: true });
  const sorted = [...cameras].sort((a, b) => collator.compare(a.name, b.name) || collator.compare(a.id, b.id));
  let changes = state.changes;
  const views = sorted.map((camera): CameraView => {
    const view = before.get(camera.id);
    if (!view) return { camera, bins: { "1m": new Map(), "15m": new Map() }, icons: null };
    changes = withChange(changes, view.camera, camera);
    return { ...view, camera };
  });
  return { ...state, cameras: views, changes };
}

function withChange(changes: readonly Change[], before: Camera, after: Camera): readonly Change[] {
  const { state, since, reason } = after.status;
  if (before.status.state === state) return changes;
  const n = (changes[0]?.n ?? 0) + 1;
  const change = { n, at: since, camera: after.id, from: before.status.state, to: state, reason };
  return [change, ...changes].slice(0, CHANGES_KEPT);
}

function update(state: SiteState, id: string, change: (view: CameraView) => CameraView): SiteState {
  const index = state.cameras.findIndex((view) => view.camera.id === id);
  const view = state.cameras[index];
  // A camera that was added since the list was read: the next reading brings it.
  if (!view) return state;
  return { ...state, cameras: state.cameras.with(index, change(view)) };
}

/** The events that change what is known about cameras; `hello` and `lagged` are about the stream itself, incidents are
 * `incidents.ts`'s. */
export type CameraEvent = Exclude<LiveEvent, { kind: "hello" } | { kind: "lagged" } | { kind: "machine" } | { kind: "incident" }>;

/** Whether an event is about a camera that is not in the list yet. */
export function isStranger(state: SiteState, event: CameraEvent): boolean {
  const id = event.kind === "camera" ? event.status.camera : event.camera;
  return !state.cameras.some((view) => view.camera.id === id);
}

/** Bins that were read from the database. They are sums over all runs, so they replace what is known. */
export function withBins(
  state: SiteState,
  id: string,
  length: BinLength,
  bins: Iterable<ClosedBin>,
  now: number,
): SiteState {
  return update(state, id, (view) => ({
    ...view,
    bins: { ...view.bins, [length]: merge(view.bins[length], bins, now - keepMs(length)) },
  }));
}

/** One event of the live stream, received at `now`. */
export function reduce(state: SiteState, event: CameraEvent, now: number): SiteState {
  switch (event.kind) {
    case "camera": {
      let changes = state.changes;
      const next = update(state, event.status.camera, (view) => {
        const camera = { ...view.camera, status: event.status };
        changes = withChange(changes, view.camera, camera);
        // A camera that is not live shows nothing that moves.
        return { ...view, camera, icons: event.status.state === "live" ? view.icons : null };
      });
      return { ...next, changes };
    }
    case "bins": {
      const next = withBins(state, event.camera, event.length, [event.bin], now);
      // Cameras may report late: the announced time only moves on.
      const announced = Math.max(event.nextCloseAt ?? 0, state.nextCloseAt[event.length] ?? 0);
      // A clock that was set back must not leave the announcement far in the future.
      const sane = announced > 0 && announced - now <= 2 * BIN_MS[event.length] ? announced : event.nextCloseAt;
      return { ...next, nextCloseAt: { ...state.nextCloseAt, [event.length]: sane } };
    }
    case "icons":
      return update(state, event.camera, (view) => ({ ...view, icons: { at: now, icons: event.icons } }));
  }
}

/** The icons to draw now: none when the last event is too old. */
export function iconsAt(view: CameraView, now: number): readonly Icon[] {
  return view.icons && now - view.icons.at < ICONS_MS ? view.icons.icons : [];
}
