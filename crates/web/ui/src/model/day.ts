// Days on the site's clock: which one it is, where it begins and ends, and the ones before and after. A day is written
// "2026-11-20" and has 23 or 25 hours when clocks are changed. Pure.

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** No clock is further from UTC than this. */
const FURTHEST_MS = 15 * 3_600_000;

const formats = new Map<string, Intl.DateTimeFormat>();

/** The day of an instant on the clock of `zone`, or of the machine that shows the page. */
export function dayOf(ms: number, zone?: string): string {
  const key = zone ?? "";
  let format = formats.get(key);
  if (!format) {
    const parts = { year: "numeric", month: "2-digit", day: "2-digit" } as const;
    // Written in Sweden as here: year, month, day.
    format = new Intl.DateTimeFormat("sv-SE", { ...parts, ...(zone ? { timeZone: zone } : {}) });
    formats.set(key, format);
  }
  return format.format(ms);
}

/** Whether a text is a day of the calendar. */
export function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const at = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(text);
}

export function addDays(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
}

/** Where a day begins: its first minute, which is not midnight where clocks skip it. */
function beginning(day: string, zone?: string): number {
  const middle = Date.parse(`${day}T00:00:00Z`);
  let before = (middle - FURTHEST_MS) / MINUTE_MS;
  let within = (middle + FURTHEST_MS) / MINUTE_MS;
  while (within - before > 1) {
    const at = Math.floor((before + within) / 2);
    if (dayOf(at * MINUTE_MS, zone) < day) before = at;
    else within = at;
  }
  return within * MINUTE_MS;
}

export interface Bounds {
  /** Inclusive. */
  from: number;
  /** Exclusive. */
  to: number;
}

export function boundsOf(day: string, zone?: string): Bounds {
  return { from: beginning(day, zone), to: beginning(addDays(day, 1), zone) };
}

/** The first quarter of an hour of the afternoon. */
export function noonOf({ from, to }: Bounds, zone?: string): number {
  const hour = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", hourCycle: "h23", ...(zone ? { timeZone: zone } : {}) });
  for (let at = from; at < to; at += 900_000) if (Number(hour.format(at)) >= 12) return at;
  return to;
}

function named(day: string, options: Intl.DateTimeFormatOptions): string {
  return new Intl.DateTimeFormat("en-GB", { ...options, timeZone: "UTC" }).format(Date.parse(`${day}T00:00:00Z`));
}

/** "Friday". */
export function weekday(day: string): string {
  return named(day, { weekday: "long" });
}

/** "Friday 20 November 2026". */
export function longDay(day: string): string {
  return named(day, { weekday: "long", day: "numeric", month: "long", year: "numeric" }).replace(",", "");
}
