// Gaps in what cameras watched: by camera, with the faults of that camera that were told meanwhile. Pure.

import type { Gap, Incident } from "../api/types";
import { kindName } from "./incidents";
import { date, hourMinute } from "./time";

/** The kinds of incident that are faults of a camera. */
export const FAULTS = ["camera_no_signal", "camera_frozen", "camera_dark", "camera_blurred", "camera_moved"] as const;

export interface CameraGaps {
  camera: string;
  missingS: number;
  gaps: Gap[];
}

/** By camera, what misses most first. */
export function gapsByCamera(gaps: readonly Gap[]): CameraGaps[] {
  const cameras = new Map<string, CameraGaps>();
  for (const gap of gaps) {
    const one = cameras.get(gap.camera) ?? { camera: gap.camera, missingS: 0, gaps: [] };
    one.missingS += gap.missingS;
    one.gaps.push(gap);
    cameras.set(gap.camera, one);
  }
  return [...cameras.values()].sort((a, b) => b.missingS - a.missingS || a.camera.localeCompare(b.camera));
}

/** The faults of the camera that were there during a gap: "Camera: no signal 10:02–10:40". */
export function faultsDuring(gap: Gap, incidents: readonly Incident[], zone?: string): string[] {
  const words: string[] = [];
  for (const one of incidents) {
    if (one.camera !== gap.camera || !FAULTS.some((kind) => kind === one.kind)) continue;
    // Of one whose end nobody saw it is known up to when it was there.
    const end = one.state === "open" ? null : (one.endedAt ?? one.lastSeenAt);
    if (one.startedAt >= gap.end || (end !== null && end <= gap.start)) continue;
    const at = (ms: number) => (Math.abs(ms - gap.start) < 43_200_000 ? "" : `${date(ms, zone)} `) + hourMinute(ms, zone);
    words.push(`${kindName(one.kind)} ${at(one.startedAt)}–${end === null ? "now" : at(end)}`);
  }
  return words;
}
