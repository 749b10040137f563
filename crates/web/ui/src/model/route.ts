// Addresses of the page's views, in the part after "#", so that the server needs to know one page only.

import { choiceOf, choiceQuery, DEFAULT, type Choice } from "./compare";

export type Route =
  | { view: "overview" }
  | { view: "incidents" }
  | { view: "compare"; choice: Choice }
  | { view: "camera"; id: string }
  | { view: "audit"; id: string }
  | { view: "missing"; path: string };

/** Ids are `[a-z0-9-]{1,40}`; anything else is no camera. */
export function parseRoute(hash: string): Route {
  const path = hash.replace(/^#/, "");
  if (path === "" || path === "/") return { view: "overview" };
  if (path === "/incidents") return { view: "incidents" };
  const compared = /^\/compare(?:\?(.*))?$/.exec(path);
  if (compared) {
    const choice = choiceOf(compared[1] ?? "");
    return choice ? { view: "compare", choice } : { view: "missing", path };
  }
  const audit = /^\/cameras\/([a-z0-9-]{1,40})\/audit$/.exec(path);
  if (audit?.[1]) return { view: "audit", id: audit[1] };
  const camera = /^\/cameras\/([a-z0-9-]{1,40})$/.exec(path);
  return camera?.[1] ? { view: "camera", id: camera[1] } : { view: "missing", path };
}

export const OVERVIEW = "#/";
export const INCIDENTS = "#/incidents";

export function cameraHref(id: string): string {
  return `#/cameras/${id}`;
}

/** Where a person tallies by the camera's silhouette. */
export function auditHref(id: string): string {
  return `#/cameras/${id}/audit`;
}

/** What of the choice is not given is as it is at first. */
export function compareHref(choice: Partial<Choice> = {}): string {
  const query = choiceQuery({ ...DEFAULT, ...choice });
  return query === "" ? "#/compare" : `#/compare?${query}`;
}
