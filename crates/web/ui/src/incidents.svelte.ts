// The incidents as the page knows them, with the operator's choice of them: takes events from the stream, reads the
// list of what is over, a page at a time. Components read it; nothing here draws.

import { ApiError, incidents as ask } from "./api/client";
import type { Incident } from "./api/types";
import * as model from "./live/incidents";

/** The list knows of a change a moment after the stream. */
const SETTLED_MS = 3_000;
const RETRY_MS = 10_000;

class Incidents {
  state = $state.raw(model.NONE);
  filter = $state<model.Filter>({ ...model.EVERYTHING });
  /** Whether there is more in the list than was read. */
  next = $state<string | null>(null);
  reading = $state(false);
  /** Whether the list was read since the filter was chosen. */
  loaded = $state(false);
  /** Why the list can't be read. */
  error = $state<string | null>(null);
  private wanted = false;
  private asked = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;

  shown = $derived(model.shown(this.state, this.filter));
  open = $derived(model.open(this.state));

  of(camera: string): Incident[] {
    return this.open.filter((incident) => incident.camera === camera);
  }

  told(incident: Incident): void {
    this.state = model.told(this.state, incident);
  }

  /** The stream begins: it tells of all that is open. */
  began(): void {
    this.state = model.began(this.state);
    if (this.wanted) void this.read();
  }

  /** Somebody looks at the list. */
  want(): void {
    this.wanted = true;
    void this.read();
  }

  choose(filter: Partial<model.Filter>): void {
    Object.assign(this.filter, filter);
    this.state = model.onlyOpen(this.state);
    this.next = null;
    this.loaded = false;
    void this.read();
  }

  /** Reads the newest, or what comes after what was read. */
  async read(more = false): Promise<void> {
    const turn = (this.asked += 1);
    clearTimeout(this.retry);
    this.reading = true;
    try {
      const page = await ask(model.queryOf(this.filter, more ? this.next : null));
      // The choice may be another by now.
      if (turn !== this.asked) return;
      const { state, stale } = model.listed(this.state, page.items);
      this.state = state;
      if (more || !this.loaded) this.next = page.next;
      this.loaded = true;
      this.error = page.broken[0] ?? null;
      if (stale) this.retry = setTimeout(() => void this.read(), SETTLED_MS);
    } catch (error) {
      if (turn !== this.asked) return;
      this.error = error instanceof ApiError || error instanceof Error ? error.message : String(error);
      this.retry = setTimeout(() => void this.read(more), RETRY_MS);
    } finally {
      if (turn === this.asked) this.reading = false;
    }
  }
}

export const incidents = new Incidents();
