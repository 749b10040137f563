// Words and numbers as an operator reads them. Pure.

import type { CameraState, Direction, RoadUserClass } from "../api/types";

export const CLASS_NAMES: Record<RoadUserClass, { one: string; many: string }> = {
  car: { one: "car", many: "cars" },
  bus: { one: "bus", many: "buses" },
  truck: { one: "lorry", many: "lorries" },
  motorcycle: { one: "motorcycle", many: "motorcycles" },
  bicycle: { one: "bicycle", many: "bicycles" },
  pedestrian: { one: "pedestrian", many: "pedestrians" },
};

export const STATE_NAMES: Record<CameraState, string> = {
  live: "Live",
  connecting: "Connecting",
  reconnecting: "Reconnecting",
  ended: "Ended",
  failed: "Failed",
  unknown: "Unknown",
};

/** What needs an operator comes first. */
export const STATE_ORDER: readonly CameraState[] = ["failed", "reconnecting", "unknown", "connecting", "ended", "live"];

export const DIRECTION_NAMES: Record<Direction, string> = { forward: "forward", backward: "backward" };

/** "12 cars", "1 lorry". */
export function counted(n: number, cls: RoadUserClass): string {
  return `${n} ${n === 1 ? CLASS_NAMES[cls].one : CLASS_NAMES[cls].many}`;
}

export function fps(value: number): string {
  return value >= 99.95 ? value.toFixed(0) : value.toFixed(1);
}

/** A share as per cent: exact zero is "0 %", anything above it never reads as zero. */
export function percent(share: number): string {
  const p = share * 100;
  if (p === 0) return "0 %";
  if (p < 0.1) return "< 0.1 %";
  return p < 9.95 ? `${p.toFixed(1)} %` : `${p.toFixed(0)} %`;
}

/** A time in milliseconds, as fine as it matters. */
export function ms(value: number): string {
  return value < 9.95 ? value.toFixed(1) : value.toFixed(0);
}

/** Whether any of the texts contains every word that was typed. */
export function matches(typed: string, ...texts: string[]): boolean {
  const all = texts.join(" ").toLocaleLowerCase();
  return typed.toLocaleLowerCase().split(/\s+/).every((word) => all.includes(word));
}

/** Counts and medians, thousands apart, from a hundred on without tenths: "9 131", "88.5". */
export function amount(value: number): string {
  const rounded = value < 100 ? Math.round(value * 10) / 10 : Math.round(value);
  const [whole = "", tenth] = String(rounded).split(".");
  const apart = whole.replace(/\B(?=(\d{3})+$)/g, "\u202f");
  return tenth === undefined ? apart : `${apart}.${tenth}`;
}

/** How far from usual: "+35", "−12", "±0". */
export function signed(difference: number): string {
  const size = amount(Math.abs(difference));
  if (size === "0") return "±0";
  return (difference < 0 ? "−" : "+") + size;
}

/** The same of what is usual: "+36 %"; from three times on "3.2 ×", and nothing where usually nobody comes. */
export function relative(ratio: number | null): string {
  if (ratio === null) return "";
  if (ratio >= 2.995) return `${amount(ratio)} ×`;
  const percent = Math.round((ratio - 1) * 100);
  return percent === 0 ? "±0 %" : `${percent < 0 ? "−" : "+"}${Math.abs(percent)} %`;
}
