// Incidents in plain words: what they are called, why they were told, how long they last. Pure.

import type { Incident, Reason, Severity } from "../api/types";
import { duration } from "./time";

export const KIND_NAMES: Record<string, string> = {
  stopped_vehicle: "Stopped vehicle",
  wrong_way: "Wrong-way driver",
  congestion: "Congestion",
  pedestrian_on_carriageway: "Somebody on the carriageway",
  object_on_road: "Object on the road",
  low_visibility: "Low visibility",
  watch_changed: "Watched spot has changed",
  camera_no_signal: "Camera: no signal",
  camera_frozen: "Camera: frozen picture",
  camera_dark: "Camera: dark",
  camera_blurred: "Camera: blurred",
  camera_moved: "Camera: moved",
  external: "Told by a sensor",
};

/** A kind of a newer server reads as it is written. */
export function kindName(kind: string): string {
  return KIND_NAMES[kind] ?? kind.replaceAll("_", " ");
}

export const SEVERITY_NAMES: Record<Severity, string> = {
  minor: "Minor",
  moderate: "Moderate",
  severe: "Severe",
  extreme: "Extreme",
};

const seconds = (v: number) => `${v.toFixed(v < 10 ? 1 : 0)} s`;
const share = (v: number) => `${(v * 100).toFixed(0)} %`;
const plain = (v: number) => String(Number(v.toFixed(2)));
const degrees = (v: number) => `${v.toFixed(0)}°`;
const lengths = (v: number) => `${v.toFixed(1)} of its own lengths`;

/** What each value means, and how it is written. */
const REASONS: Record<string, [words: string, write: (v: number) => string]> = {
  silent_s: ["no frame came for", seconds],
  contrast: ["contrast of the picture in grey levels", plain],
  brighter_share: ["share of the picture that is not black", share],
  change_share: ["change from frame to frame, of what is usual", share],
  agreement_share: ["agreement of edges with the usual view", share],
  shift_share: ["the view has shifted by, of its width,", share],
  area_share: ["share of the picture without sharp edges", share],
  edges_share: ["sharpness, of what is usual", share],
  contrast_share: ["contrast, of what is usual", share],
  mean_speed_kmh: ["mean speed in km/h", plain],
  mean_speed_share: ["mean speed, of free flow", share],
  lasted_s: ["lasted", seconds],
  occupancy: ["vehicles stand on, of the zone,", share],
  full_s: ["full for", seconds],
  reaches_share: ["the queue reaches over, of the zone,", share],
  there_s: ["there for", seconds],
  mean_score: ["mean certainty of what was seen", plain],
  stood_s: ["stood for", seconds],
  slow_vehicles: ["slow or standing vehicles", plain],
  against_s: ["went against the traffic for", seconds],
  lengths: ["over", lengths],
  angle_deg: ["turned away from the lane's direction by", degrees],
};

/** "stood for 5.1 s (hold_s = 5)". */
export function because(reason: Reason): string {
  const [words, write] = REASONS[reason.what] ?? [reason.what.replaceAll("_", " "), plain];
  return `${words} ${write(reason.value)} (${reason.setting} = ${plain(reason.limit)})`;
}

/** "open for 12 s", "lasted 3 min", "last seen …": how it stands, without the clock. */
export function lasting(incident: Incident, now: number): string {
  switch (incident.state) {
    case "open":
      return `for ${duration(now - incident.startedAt)}`;
    case "ended":
      return `lasted ${duration((incident.endedAt ?? incident.lastSeenAt) - incident.startedAt)}`;
    case "unknown":
      return `end not seen; known to have lasted ${duration(incident.lastSeenAt - incident.startedAt)}`;
  }
}

/** "45.60012° N, 126.63045° E": to a metre, which is what a crew needs. */
export function onMap([lon, lat]: [number, number]): string {
  const side = (v: number, plus: string, minus: string) => `${Math.abs(v).toFixed(5)}° ${v < 0 ? minus : plus}`;
  return `${side(lat, "N", "S")}, ${side(lon, "E", "W")}`;
}
