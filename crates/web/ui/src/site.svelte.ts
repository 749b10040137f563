// The site as the page knows it: reads the lists, keeps the stream open, ticks the clock, and hands
// every change to the reducer. Components read it; nothing here draws.

import { SvelteSet } from "svelte/reactivity";

import { ApiError, cameras, LIVE_URL, measurements, readiness, renewSession, serverNow } from "./api/client";
import { DataError, liveEvent } from "./api/guards";
import { incidents } from "./incidents.svelte";
import type { BinLength, LiveEvent, Machine } from "./api/types";
import { EMPTY, isStranger, reduce, SHOWN_BINS, withBins, withCameras, type CameraEvent, type CameraView } from "./live/reducer";
import { KINDS, Stream } from "./live/stream";
import { BIN_MS, binStart, fromMeasurements, watchedOf } from "./model/bins";
import { Gate } from "./model/gate";

const TICK_MS = 250;
const READY_EVERY_MS = 10_000;
/** Statuses come as events; the list itself (new lines, new cameras) changes seldom. */
const CAMERAS_EVERY_MS = 60_000;
const RETRY_MS = 5_000;
/** A camera that is missing in the list, perhaps because it can't be read, is looked for this often at most. */
const STRANGER_MS = 15_000;
/** Histories are read a few at a time, so that 40 cameras do not ask at once. */
const READ_AT_ONCE = 3;
/** Counts are written a moment after they are announced. */
const WRITTEN_MS = 4_000;

export type Link = "connecting" | "up" | "lost";
/** `away`: closed bins wait on disk; `failing`: they are not safe; `unreachable`: the server says nothing. */
export type Database = "unknown" | "ready" | "away" | "failing" | "unreachable";

function words(error: unknown): string {
  if (error instanceof ApiError || error instanceof DataError) return error.message;
  // Anything else is a fault of the page itself: it must be seen where faults are looked for.
  console.error(error);
  return "The page met a fault of its own.";
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}

class Site {
  state = $state.raw(EMPTY);
  /** The server's clock, a few times a second. */
  now = $state(serverNow());
  link = $state<Link>("connecting");
  /** When the stream was lost. */
  lostAt = $state<number | null>(null);
  database = $state<Database>("unknown");
  databaseDetail = $state("");
  /** How the machine keeps up; null before it said so, and while nothing is heard. */
  machine = $state.raw<Machine | null>(null);
  /** Whether the list of cameras was ever read. */
  loaded = $state(false);
  /** Why the list of cameras can't be read. */
  error = $state<string | null>(null);
  /** Pieces of data that could not be read, newest first. */
  broken = $state.raw<readonly string[]>([]);
  /** Whether the server was replaced by one of another version since the page was loaded. */
  newerPage = $state(false);
  /** The site's time zone; the browser's own until the server has said. */
  zone = $state<string | undefined>(undefined);

  private stream: Stream<LiveEvent> | null = null;
  private timers: ReturnType<typeof setInterval>[] = [];
  private reading = new Map<string, Promise<void>>();
  private gate = new Gate(READ_AT_ONCE);
  private read = new SvelteSet<string>();
  /** Histories that are tried again after a while and not before. */
  private failed = new Set<string>();
  private strangerAt = 0;
  private camerasRetry: ReturnType<typeof setTimeout> | undefined;
  private version: string | null = null;
  private renewed = false;

  view(id: string): CameraView | undefined {
    return this.state.cameras.find((view) => view.camera.id === id);
  }

  start(): void {
    this.every(TICK_MS, () => (this.now = serverNow()));
    this.every(READY_EVERY_MS, () => void this.checkReady());
    this.every(CAMERAS_EVERY_MS, () => void this.loadCameras());
    void this.checkReady();
    void this.loadCameras();
    this.stream = new Stream({
      open: () => new EventSource(LIVE_URL),
      kinds: KINDS,
      read: liveEvent,
      up: () => this.streamUp(),
      lost: () => this.streamLost(),
      event: (event) => this.receive(event),
      broken: (message) => this.report(message),
      random: Math.random,
    });
    this.stream.start();
    // A page that slept in a closed notebook shows nothing stale when it wakes.
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") void this.loadCameras();
    });
  }

  private every(ms: number, what: () => void): void {
    this.timers.push(setInterval(what, ms));
  }

  private report(message: string): void {
    this.broken = [message, ...this.broken.filter((m) => m !== message)].slice(0, 5);
  }

  private streamUp(): void {
    const again = this.link === "lost";
    this.link = "up";
    this.lostAt = null;
    if (again) this.readAnew();
  }

  /** Something was not heard: the lists say how things stand. */
  private readAnew(): void {
    const known = [...this.read];
    this.read.clear();
    void this.loadCameras();
    for (const key of known) {
      const [id, length] = key.split(" ") as [string, BinLength];
      void this.readBins(id, length);
    }
  }

  private streamLost(): void {
    if (this.link !== "lost") this.lostAt = serverNow();
    this.link = "lost";
    this.machine = null;
  }

  private receive(event: LiveEvent): void {
    if (event.kind === "hello") {
      incidents.began();
      this.greeted(event);
    } else if (event.kind === "lagged") {
      incidents.began();
      this.readAnew();
    } else if (event.kind === "machine") this.machine = event.machine;
    else if (event.kind === "incident") incidents.told(event.incident);
    else this.happened(event);
  }

  private greeted(hello: LiveEvent & { kind: "hello" }): void {
    if (hello.timeZone !== null && isTimeZone(hello.timeZone)) this.zone = hello.timeZone;
    this.version ??= hello.version;
    this.newerPage = hello.version !== this.version;
    // Sessions are in the server's memory: after its restart the page asks for a new one, once.
    if (!hello.icons && !this.renewed) {
      this.renewed = true;
      void renewSession().then(
        () => this.stream?.start(),
        () => (this.renewed = false),
      );
    } else if (hello.icons) {
      this.renewed = false;
    }
  }

  private happened(event: CameraEvent): void {
    const now = serverNow();
    if (this.loaded && isStranger(this.state, event) && now - this.strangerAt > STRANGER_MS) {
      this.strangerAt = now;
      void this.loadCameras();
    }
    this.state = reduce(this.state, event, now);
    if (event.kind === "bins" && watchedOf(event.bin) !== "full") {
      // An event tells of this run of the server only; the database has the sum over all runs.
      const { camera, length } = event;
      if (!this.read.delete(`${camera} ${length}`)) return;
      setTimeout(() => void this.readBins(camera, length), WRITTEN_MS);
    }
  }

  private async checkReady(): Promise<void> {
    try {
      const { ready, database, detail } = await readiness();
      this.database = !ready ? "failing" : database ? "ready" : "away";
      this.databaseDetail = detail;
    } catch (error) {
      this.database = "unreachable";
      this.databaseDetail = words(error);
      if (this.link === "up") this.stream?.suspect();
    }
  }

  async loadCameras(): Promise<void> {
    await this.once("cameras", async () => {
      try {
        const page = await cameras();
        this.state = withCameras(this.state, page.items);
        page.broken.forEach((message) => this.report(message));
        this.loaded = true;
        this.error = null;
      } catch (error) {
        this.error = words(error);
        // One attempt waits at a time, however many asked meanwhile.
        clearTimeout(this.camerasRetry);
        this.camerasRetry = setTimeout(() => void this.loadCameras(), RETRY_MS);
      }
    });
  }

  /** Reads the closed bins of a camera, once; the stream keeps them up to date afterwards. */
  async readBins(id: string, length: BinLength): Promise<void> {
    const key = `${id} ${length}`;
    if (this.read.has(key) || this.failed.has(key)) return;
    await this.once(key, () => this.gate.run(() => this.fetchBins(id, length)));
  }

  /** Whether the closed bins of a camera are known: until then nothing can be said of there being none. */
  hasRead(id: string, length: BinLength): boolean {
    return this.read.has(`${id} ${length}`);
  }

  private async fetchBins(id: string, length: BinLength): Promise<void> {
    try {
      const now = serverNow();
      const to = binStart(now, length);
      const page = await measurements(id, { from: to - SHOWN_BINS[length] * BIN_MS[length], to, length });
      this.state = withBins(this.state, id, length, fromMeasurements(page.items, now).values(), now);
      page.broken.slice(0, 1).forEach((message) => this.report(message));
      this.read.add(`${id} ${length}`);
    } catch (error) {
      this.report(`Counts of ${id} can't be read. ${words(error)}`);
      const key = `${id} ${length}`;
      this.failed.add(key);
      setTimeout(() => {
        this.failed.delete(key);
        void this.readBins(id, length);
      }, RETRY_MS);
    }
  }

  /** The same request is not made twice at once. */
  private once(key: string, what: () => Promise<void>): Promise<void> {
    const running = this.reading.get(key) ?? what().finally(() => this.reading.delete(key));
    this.reading.set(key, running);
    return running;
  }
}

export const site = new Site();
