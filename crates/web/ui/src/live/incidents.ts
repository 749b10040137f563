// What the page knows about incidents, and how the stream and the list change it. Pure. What is open is the stream's to
// say: it tells of all that is open when it begins, and of every change at once; the list knows what is over.

import type { Incident, Severity } from "../api/types";
import { SEVERITIES } from "../api/types";

export interface Incidents {
  /** By id. */
  all: ReadonlyMap<string, Incident>;
}

export const NONE: Incidents = { all: new Map() };

/** More are not kept; the oldest that are over go first. */
export const KEPT = 1_000;

/** An event of the stream. */
export function told(state: Incidents, incident: Incident): Incidents {
  const known = state.all.get(incident.id);
  if (known && known.revision > incident.revision) return state;
  return { all: pruned(new Map(state.all).set(incident.id, incident)) };
}

/** The stream began (again): it tells anew of all that is open, so what it told before says nothing any more. */
export function began(state: Incidents): Incidents {
  return { all: new Map([...state.all].filter(([, incident]) => incident.state !== "open")) };
}

/** A page of the list: of what is over. An incident that is open in it either comes by the stream as well, or is over
 * already and the list will say so in a moment; whether there is one of these comes back. */
export function listed(state: Incidents, page: readonly Incident[]): { state: Incidents; stale: boolean } {
  const all = new Map(state.all);
  let stale = false;
  for (const incident of page) {
    const known = all.get(incident.id);
    if (incident.state === "open") stale ||= known === undefined;
    else if (!known || known.revision <= incident.revision) all.set(incident.id, incident);
  }
  return { state: { all: pruned(all) }, stale };
}

/** What is over is forgotten: it is read anew by other rules. */
export function onlyOpen(state: Incidents): Incidents {
  return { all: new Map([...state.all].filter(([, incident]) => incident.state === "open")) };
}

function pruned(all: Map<string, Incident>): Map<string, Incident> {
  if (all.size <= KEPT) return all;
  const over = [...all.values()].filter((i) => i.state !== "open").sort((a, b) => a.detectedAt - b.detectedAt);
  for (const incident of over.slice(0, all.size - KEPT)) all.delete(incident.id);
  return all;
}

/** What the operator wants to see; empty texts stand for everything. */
export interface Filter {
  camera: string;
  kind: string;
  /** This severe or worse. */
  severity: Severity | "";
  openOnly: boolean;
}

export const EVERYTHING: Filter = { camera: "", kind: "", severity: "", openOnly: false };

/** What fits, newest first, what is open before what is over. */
export function shown(state: Incidents, filter: Filter): Incident[] {
  const least = filter.severity === "" ? 0 : SEVERITIES.indexOf(filter.severity);
  const fits = (incident: Incident) =>
    (filter.camera === "" || incident.camera === filter.camera) &&
    (filter.kind === "" || incident.kind === filter.kind) &&
    SEVERITIES.indexOf(incident.severity) >= least &&
    (!filter.openOnly || incident.state === "open");
  const late = (incident: Incident) => (incident.state === "open" ? 0 : 1);
  return [...state.all.values()]
    .filter(fits)
    .sort((a, b) => late(a) - late(b) || b.detectedAt - a.detectedAt || (a.id < b.id ? 1 : -1));
}

/** The open ones, the worst first, then the newest. */
export function open(state: Incidents, camera?: string): Incident[] {
  return shown(state, { ...EVERYTHING, openOnly: true, camera: camera ?? "" }).sort(
    (a, b) => SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity),
  );
}

/** The query that asks the server for the same. */
export function queryOf(filter: Filter, cursor: string | null): URLSearchParams {
  const query = new URLSearchParams({ limit: "50" });
  if (filter.camera !== "") query.set("camera", filter.camera);
  if (filter.kind !== "") query.set("kind", filter.kind);
  if (filter.severity !== "") query.set("severity", filter.severity);
  if (filter.openOnly) query.set("state", "open");
  if (cursor !== null) query.set("cursor", cursor);
  return query;
}
