// What every reader of answers stands on: one value of a wanted kind, or a `DataError` that says where it is broken.
// Which answers there are is the matter of `guards.ts` and `compareGuards.ts`.

/** Data that is not what it should be; the message says where and what was wanted. */
export class DataError extends Error {
  override readonly name = "DataError";
}

export type Json = Record<string, unknown>;

export function fail(where: string, wanted: string, got: unknown): never {
  const shown = JSON.stringify(got)?.slice(0, 60) ?? typeof got;
  throw new DataError(`${where} should be ${wanted} and is ${shown}`);
}

export function object(value: unknown, where: string): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value)) fail(where, "an object", value);
  return value as Json;
}

export function array(value: unknown, where: string): unknown[] {
  if (!Array.isArray(value)) fail(where, "a list", value);
  return value;
}

export function text(value: unknown, where: string): string {
  if (typeof value !== "string") fail(where, "a text", value);
  return value;
}

export function number(value: unknown, where: string): number {
  if (typeof value !== "number" || !Number.isFinite(value)) fail(where, "a number", value);
  return value;
}

export function oneOf<T extends string>(value: unknown, all: readonly T[], where: string): T {
  const found = all.find((v) => v === value);
  return found ?? fail(where, `one of ${all.join(" ")}`, value);
}

/** An RFC 3339 instant as milliseconds since 1970. */
export function instant(value: unknown, where: string): number {
  const ms = Date.parse(text(value, where));
  if (Number.isNaN(ms)) fail(where, "a time", value);
  return ms;
}

/** Absent and null both mean that it is not known. */
export function optional<T>(value: unknown, read: (v: unknown) => T): T | null {
  return value === undefined || value === null ? null : read(value);
}

/** What could be read of a list, and what was wrong with the rest. */
export interface List<T> {
  items: T[];
  broken: string[];
}

export function list<T>(value: unknown, where: string, read: (v: unknown, where: string) => T): List<T> {
  const items: T[] = [];
  const broken: string[] = [];
  array(object(value, where)["items"], `${where}.items`).forEach((item, i) => {
    try {
      items.push(read(item, `${where}.items[${i}]`));
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      broken.push(error.message);
    }
  });
  return { items, broken };
}

/** A list that comes in pages; null after the last. */
export interface Page<T> extends List<T> {
  next: string | null;
}

export function page<T>(value: unknown, where: string, read: (v: unknown, where: string) => T): Page<T> {
  const next = optional(object(value, where)["next_cursor"], (v) => text(v, `${where}.next_cursor`));
  return { ...list(value, where, read), next };
}
