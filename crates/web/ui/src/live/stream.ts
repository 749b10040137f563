// A stream of server-sent events: one EventSource, watched and opened anew when it breaks or falls silent. What its
// events mean is `reducer.ts`'s business, or that of whoever opens another stream than that of the site. Opening it again is our own work instead of the browser's,
// because a browser gives up for good after an HTTP error.

import { DataError } from "../api/read";

/** The part of EventSource that is needed here; tests bring their own. */
export interface Source {
  addEventListener(kind: string, listener: (event: { data?: unknown }) => void): void;
  close(): void;
}

export interface StreamOptions<E> {
  open: () => Source;
  /** The names of the events that are listened to. */
  kinds: readonly string[];
  /** Reads one; null for what is not shown. */
  read: (kind: string, data: unknown) => E | null;
  /** Events flow (again). */
  up: () => void;
  /** The stream broke; it is tried again by itself. */
  lost: () => void;
  event: (event: E) => void;
  /** An event that could not be read. */
  broken: (message: string) => void;
  /** 0 to 1, spreads many pages' attempts after a restart of the server. */
  random: () => number;
}

/** Those of the site. */
export const KINDS = ["hello", "machine", "camera", "bins", "icons", "incident", "lagged"] as const;
export const FIRST_RETRY_MS = 1_000;
export const LONGEST_RETRY_MS = 15_000;
/** Bins close every minute: a stream that is silent for this long is opened anew. */
export const SILENCE_MS = 90_000;

export class Stream<E> {
  private source: Source | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private failures = 0;
  private closed = false;

  constructor(private readonly options: StreamOptions<E>) {}

  start(): void {
    clearTimeout(this.timer);
    this.source?.close();
    if (this.closed) return;
    const source = this.options.open();
    this.source = source;
    const current = () => this.source === source;
    source.addEventListener("open", () => {
      if (!current()) return;
      this.failures = 0;
      this.watch();
      this.options.up();
    });
    source.addEventListener("error", () => {
      if (current()) this.retry();
    });
    for (const kind of this.options.kinds) {
      source.addEventListener(kind, (message) => {
        if (!current()) return;
        this.watch();
        this.receive(kind, message.data);
      });
    }
    // An attempt that never answers is given up like a silent stream.
    this.watch();
  }

  stop(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }

  /** There is reason to believe that the stream is broken although nobody said so. */
  suspect(): void {
    if (this.source) this.retry();
  }

  private receive(kind: string, data: unknown): void {
    try {
      const event = this.options.read(kind, JSON.parse(String(data)));
      if (event) this.options.event(event);
    } catch (error) {
      if (!(error instanceof DataError) && !(error instanceof SyntaxError)) throw error;
      this.options.broken(error.message);
    }
  }

  private watch(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.retry(), SILENCE_MS);
  }

  private retry(): void {
    this.source?.close();
    this.source = null;
    if (this.closed) return;
    this.options.lost();
    const wait = Math.min(FIRST_RETRY_MS * 2 ** this.failures, LONGEST_RETRY_MS);
    this.failures += 1;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.start(), wait * (0.75 + this.options.random() * 0.5));
  }
}
