// Requests to the server that the page came from. Answers are checked by `guards.ts`; failures become
// `ApiError`s whose message can be shown as it is.

import { classesOfUsers, groupOf, type Choice } from "../model/compare";
import type { Bounds } from "../model/day";
import { FAULTS } from "../model/gaps";
import { clockOffset } from "../model/time";
import { auditPage, type AuditRow } from "./auditGuards";
import { gapList, moverList, peakList, typicalList, type GapList } from "./compareGuards";
import { cameraPage, DataError, incidentPage, measurementPage, readinessOf, stillsOf, type Measurement, type Page } from "./guards";
import type { List } from "./read";
import type { BinLength, Camera, Incident, Mover, Peak, Readiness, StillKind, TypicalBin } from "./types";

/** A request that failed, in words for an operator. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  constructor(
    message: string,
    /** The HTTP status, or null when there was no answer at all. */
    readonly status: number | null,
  ) {
    super(message);
  }
}

export const LIVE_URL = "/api/v1/live";
const TIMEOUT_MS = 15_000;
/** Weeks of a whole city are read for as long as the server itself tries. */
const LONG_MS = 35_000;
/** The server's own limit keeps a page from asking for ever. */
const MOST_PAGES = 50;
/** As many as the server gives at once. */
const ROWS_A_PAGE = 10_000;

let offsetMs = 0;

/** The server's clock, as well as it is known: countdowns must not depend on the operator's own clock. */
export function serverNow(): number {
  return Date.now() + offsetMs;
}

async function get(url: string, init: RequestInit = {}, timeoutMs = TIMEOUT_MS): Promise<Response> {
  const sentAt = Date.now();
  let response: Response;
  try {
    response = await fetch(url, { ...init, signal: AbortSignal.timeout(timeoutMs) });
  } catch (error) {
    const slow = error instanceof DOMException && error.name === "TimeoutError";
    throw new ApiError(slow ? "The server did not answer in time." : "The server can't be reached.", null);
  }
  offsetMs = clockOffset(response.headers.get("date"), sentAt, Date.now()) ?? offsetMs;
  return response;
}

/** What a refusal says about itself (RFC 9457), else its status. */
async function refusal(response: Response): Promise<ApiError> {
  const fallback = `The server answered ${response.status} ${response.statusText}`.trim() + ".";
  try {
    const problem: unknown = await response.json();
    if (typeof problem === "object" && problem !== null) {
      const { title, detail } = problem as { title?: unknown; detail?: unknown };
      const parts = [title, detail].filter((part) => typeof part === "string" && part !== "");
      if (parts.length > 0) return new ApiError(parts.join(": "), response.status);
    }
  } catch {
    // Not JSON: the status alone has to do.
  }
  return new ApiError(fallback, response.status);
}

function json(url: string, timeoutMs = TIMEOUT_MS): Promise<unknown> {
  return answer(url, { headers: { accept: "application/json" }, cache: "no-store" }, timeoutMs);
}

async function answer(url: string, init: RequestInit, timeoutMs: number): Promise<unknown> {
  const response = await get(url, init, timeoutMs);
  if (!response.ok) throw await refusal(response);
  try {
    return await response.json();
  } catch {
    throw new DataError(`the answer to ${url} is not JSON`);
  }
}

/** Follows a list from page to page. */
async function all<T>(path: string, query: URLSearchParams, read: (value: unknown) => Page<T>): Promise<Page<T>> {
  const whole: Page<T> = { items: [], broken: [], next: null };
  const asked = new URLSearchParams(query);
  for (let n = 0; n < MOST_PAGES; n += 1) {
    const page = read(await json(`${path}?${asked}`.replace(/\?$/, "")));
    whole.items.push(...page.items);
    whole.broken.push(...page.broken);
    if (page.next === null) break;
    asked.set("cursor", page.next);
  }
  return whole;
}

export function cameras(): Promise<Page<Camera>> {
  return all("/api/v1/cameras", new URLSearchParams(), cameraPage);
}

export interface Span {
  from: number;
  to: number;
  length: BinLength;
}

/** Kinds of files that counts can be had as. */
export const FILES = { csv: "CSV", xlsx: "Excel workbook", parquet: "Parquet", json: "JSON" } as const;
export type FileKind = keyof typeof FILES;

const at = (ms: number) => new Date(ms).toISOString().replace(".000Z", "Z");

/** The query of one camera's counts, for rows and for files. */
export function measurementsQuery(camera: string, span: Span): URLSearchParams {
  return new URLSearchParams({ camera, from: at(span.from), to: at(span.to), bin: span.length });
}

export function measurements(camera: string, span: Span): Promise<Page<Measurement>> {
  const query = measurementsQuery(camera, span);
  query.set("limit", String(ROWS_A_PAGE));
  return all("/api/v1/measurements", query, measurementPage);
}

/** One camera's counts as a file. */
export async function file(camera: string, span: Span, kind: FileKind): Promise<Blob> {
  const query = measurementsQuery(camera, span);
  // JSON comes in pages: the longest holds what the page shows.
  if (kind === "json") query.set("limit", String(ROWS_A_PAGE));
  else query.set("format", kind);
  const response = await get(`/api/v1/measurements?${query}`, { cache: "no-store" });
  if (!response.ok) throw await refusal(response);
  return response.blob();
}

/** Of these cameras' lines, those that are chosen; no class means all. */
function chosen(choice: Pick<Choice, "users">, more: Record<string, string>): URLSearchParams {
  const query = new URLSearchParams(more);
  const classes = classesOfUsers(choice.users);
  if (classes.length > 0) query.set("class", classes.join(","));
  return query;
}

/** The chosen camera, line and direction's day beside what is usual, as one series. `choice.day` is a day here. */
export async function typicalDay(choice: Choice): Promise<List<TypicalBin>> {
  const { camera, line, day, bin, weeks } = choice;
  const query = chosen(choice, { camera, day, bin, weeks: String(weeks), group: groupOf(choice) });
  if (line !== "") query.set("line", line);
  return typicalList(await json(`/api/v1/measurements/typical?${query}`, LONG_MS));
}

/** The hours of all lines and directions of the chosen camera beside what is usual. */
export async function typicalLines(choice: Choice): Promise<List<TypicalBin>> {
  const { camera, day, weeks } = choice;
  const query = chosen(choice, { camera, day, bin: "1h", weeks: String(weeks), group: "line,direction" });
  return typicalList(await json(`/api/v1/measurements/typical?${query}`, LONG_MS));
}

/** The cameras furthest from usual on the chosen day, as many as the server tells of. */
export async function movers(choice: Pick<Choice, "users" | "day" | "weeks">): Promise<List<Mover>> {
  const query = chosen(choice, { day: choice.day, weeks: String(choice.weeks), limit: "1000" });
  return moverList(await json(`/api/v1/measurements/movers?${query}`, LONG_MS));
}

/** The busiest hour of each line and direction of the camera within a span. */
export async function peaks(choice: Pick<Choice, "camera" | "users">, span: Bounds): Promise<List<Peak>> {
  const query = chosen(choice, { camera: choice.camera, from: at(span.from), to: at(span.to) });
  return peakList(await json(`/api/v1/measurements/peaks?${query}`, LONG_MS));
}

/** When cameras did not watch within a span, up to now. */
export async function gaps(span: Bounds): Promise<GapList> {
  const query = new URLSearchParams({ from: at(span.from), to: at(span.to), limit: String(ROWS_A_PAGE) });
  return gapList(await json(`/api/v1/measurements/gaps?${query}`, LONG_MS));
}

/** Faults of cameras that were detected within a span. */
export function faults(span: Bounds): Promise<Page<Incident>> {
  const query = new URLSearchParams({ kind: FAULTS.join(","), from: at(span.from), to: at(span.to), limit: "1000" });
  return all("/api/v1/incidents", query, incidentPage);
}

/** A page of the incidents, newest first. */
export async function incidents(query: URLSearchParams): Promise<Page<Incident>> {
  return incidentPage(await json(`/api/v1/incidents?${query}`));
}

/** Which stills of an incident there are. */
export async function stills(id: string): Promise<StillKind[]> {
  return stillsOf(await json(`/api/v1/incidents/${id}`));
}

export function stillUrl(id: string, kind: StillKind): string {
  return `/api/v1/incidents/${id}/stills/${kind}`;
}

/** A camera's background, or null while there is none yet. */
export async function background(camera: string): Promise<ImageBitmap | null> {
  const response = await get(`/api/v1/cameras/${camera}/background`, { cache: "no-cache" });
  if (response.status === 404 || response.status === 204) return null;
  if (!response.ok) throw await refusal(response);
  try {
    return await createImageBitmap(await response.blob());
  } catch {
    throw new DataError("the background is not a picture");
  }
}

/** Where a camera's silhouette is streamed from. */
export function silhouetteUrl(camera: string): string {
  return `/api/v1/cameras/${camera}/silhouette`;
}

/** The newest comparisons of a camera's counts with people's tallies. */
export async function audits(camera: string): Promise<Page<AuditRow>> {
  return auditPage(await json(`/api/v1/cameras/${camera}/audits?limit=50`));
}

/** Hands in a tally, as the server takes it; gives the comparisons. */
export async function handIn(camera: string, tally: unknown): Promise<Page<AuditRow>> {
  const headers = { accept: "application/json", "content-type": "application/json" };
  const init = { method: "POST", headers, body: JSON.stringify(tally), cache: "no-store" as const };
  return auditPage(await answer(`/api/v1/cameras/${camera}/audits`, init, LONG_MS));
}

/** Whether the server can keep what it counts. */
export async function readiness(): Promise<Readiness> {
  const response = await get("/readyz", { cache: "no-store" });
  if (!response.ok) return { ready: false, database: false, detail: (await refusal(response)).message };
  return readinessOf(await response.json());
}

/** Asks for the page itself, which gives this browser a new session if it needs one. */
export async function renewSession(): Promise<void> {
  const response = await get("/", { cache: "no-store" });
  if (!response.ok) throw await refusal(response);
}
