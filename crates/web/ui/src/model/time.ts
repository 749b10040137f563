// Time on the page: the server's clock, the countdown to the next counts, and how instants are written.
// Pure; the ticking itself is the site's (`site.svelte.ts`).

import { BIN_MS, binStart, LATE_MS } from "./bins";
import type { BinLength } from "../api/types";

/** When the next bin closes: what the server last said, or, before it has said anything and after it
 * failed to, the end of the bin that is open now. */
export function nextClose(announced: number | null, now: number, length: BinLength): number {
  // Counts arrive a few seconds after their bin's end: until then the announced time stays.
  if (announced !== null && now - announced < LATE_MS) return announced;
  return binStart(now, length) + BIN_MS[length];
}

/** "in 23 s", "in 1 min 05 s", or that it is about to come. */
export function countdown(at: number, now: number): string {
  const seconds = Math.ceil((at - now) / 1000);
  if (seconds <= 0) return "due now";
  if (seconds < 60) return `in ${seconds} s`;
  return `in ${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
}

/** How long something has lasted: "12 s", "4 min", "3 h 20 min", "2 d 5 h". */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return hours % 24 === 0 ? `${Math.floor(hours / 24)} d` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function format(ms: number, options: Intl.DateTimeFormatOptions, zone?: string): string {
  const key = JSON.stringify(options) + (zone ?? "");
  let formatter = formats.get(key);
  if (!formatter) {
    formatter = new Intl.DateTimeFormat("en-GB", { ...options, hourCycle: "h23", ...(zone ? { timeZone: zone } : {}) });
    formats.set(key, formatter);
  }
  return formatter.format(ms);
}

/** "14:32:07" on the clock of `zone`, or of the machine that shows the page. */
export function clock(ms: number, zone?: string): string {
  return format(ms, { hour: "2-digit", minute: "2-digit", second: "2-digit" }, zone);
}

/** "14:32". */
export function hourMinute(ms: number, zone?: string): string {
  return format(ms, { hour: "2-digit", minute: "2-digit" }, zone);
}

/** "Sat 21 Nov 2026". */
export function date(ms: number, zone?: string): string {
  return format(ms, { weekday: "short", day: "numeric", month: "short", year: "numeric" }, zone).replace(",", "");
}

/** The time of day, with the day before it when that is not today. */
export function since(ms: number, now: number, zone?: string): string {
  const day = { day: "numeric", month: "short" } as const;
  const same = format(ms, day, zone) === format(now, day, zone) && Math.abs(now - ms) < 86_400_000;
  return same ? clock(ms, zone) : `${format(ms, day, zone)} ${hourMinute(ms, zone)}`;
}

/** How far the server's clock is ahead of ours, from an answer's `Date` header (whole seconds: the middle
 * of that second is the best guess) and the times when the request left and the answer came. */
export function clockOffset(dateHeader: string | null, sentAt: number, gotAt: number): number | null {
  const server = dateHeader === null ? NaN : Date.parse(dateHeader);
  if (Number.isNaN(server)) return null;
  const offset = server + 500 - (sentAt + gotAt) / 2;
  // Below the header's own resolution there is nothing to correct.
  return Math.abs(offset) <= 1500 ? 0 : offset;
}
