// Addresses of the page's views, in the part after "#", so that the server needs to know one page only.

export type Route = { view: "overview" } | { view: "incidents" } | { view: "camera"; id: string } | { view: "missing"; path: string };

/** Ids are `[a-z0-9-]{1,40}`; anything else is no camera. */
export function parseRoute(hash: string): Route {
  const path = hash.replace(/^#/, "");
  if (path === "" || path === "/") return { view: "overview" };
  if (path === "/incidents") return { view: "incidents" };
  const camera = /^\/cameras\/([a-z0-9-]{1,40})$/.exec(path);
  return camera?.[1] ? { view: "camera", id: camera[1] } : { view: "missing", path };
}

export const OVERVIEW = "#/";
export const INCIDENTS = "#/incidents";

export function cameraHref(id: string): string {
  return `#/cameras/${id}`;
}
