// What the page knows of a day beside what is usual: asks for it, again when a question fails, and keeps no answer to
// another question than the one that is asked. Components read it; nothing here draws.

import { untrack } from "svelte";

import { ApiError, faults, gaps, movers, peaks, typicalDay, typicalLines } from "./api/client";
import type { GapList } from "./api/compareGuards";
import type { List } from "./api/read";
import type { Incident, Mover, Peak, TypicalBin } from "./api/types";
import type { Choice } from "./model/compare";
import { noonOf, type Bounds } from "./model/day";

const RETRY_MS = 10_000;
/** A fault that began so long before a day is still known on it. */
const FAULTS_BEFORE_MS = 7 * 86_400_000;

/** One question with its newest answer. */
export class Asked<T> {
  /** Null until it is answered. */
  answer = $state.raw<T | null>(null);
  /** Why there is no answer, or no newer one. */
  error = $state<string | null>(null);
  private question = "";
  private turn = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;

  /** Asks. The answer before it stays while the same is asked anew, and goes when something else is. */
  ask(question: string, answer: () => Promise<T>): void {
    untrack(() => {
      if (question !== this.question) {
        this.question = question;
        this.answer = null;
        this.error = null;
      }
      void this.run(answer);
    });
  }

  /** Nothing is asked for any more. */
  forget(): void {
    this.turn += 1;
    clearTimeout(this.retry);
  }

  private async run(answer: () => Promise<T>): Promise<void> {
    this.forget();
    const turn = this.turn;
    try {
      const got = await answer();
      if (turn !== this.turn) return;
      this.answer = got;
      this.error = null;
    } catch (error) {
      if (turn !== this.turn) return;
      this.error = error instanceof Error ? error.message : String(error);
      // What the server refuses it would refuse again.
      const refused = error instanceof ApiError && error.status !== null && error.status < 500;
      if (!refused) this.retry = setTimeout(() => void this.run(answer), RETRY_MS);
    }
  }
}

/** The busiest hours of a camera's lines: before noon, from noon on, of the whole day. Null is still to come. */
export interface PeakHours {
  morning: List<Peak> | null;
  afternoon: List<Peak> | null;
  day: List<Peak> | null;
}

class Comparisons {
  readonly day = new Asked<List<TypicalBin>>();
  readonly lines = new Asked<List<TypicalBin>>();
  readonly movers = new Asked<List<Mover>>();
  readonly peaks = new Asked<PeakHours>();
  readonly gaps = new Asked<GapList>();
  readonly faults = new Asked<List<Incident>>();

  /** What is of the whole site: who is furthest from usual, and who did not watch. */
  askSite(choice: Pick<Choice, "users" | "day" | "weeks">, bounds: Bounds, now: number): void {
    const { users, day, weeks } = choice;
    this.movers.ask(`${users} ${day} ${weeks}`, () => movers({ users, day, weeks }));
    const question = `${bounds.from} ${bounds.to}`;
    const { from, to } = bounds;
    if (from < now) {
      this.gaps.ask(question, () => gaps({ from, to }));
      this.faults.ask(question, () => faults({ from: from - FAULTS_BEFORE_MS, to }));
    } else {
      this.gaps.ask(question, () => Promise.resolve({ items: [], broken: [], more: false }));
      this.faults.ask(question, () => Promise.resolve({ items: [], broken: [] }));
    }
  }

  /** What is of one camera. */
  askCamera(choice: Choice, bounds: Bounds, now: number, zone?: string): void {
    const { camera, line, direction, users, day, bin, weeks } = choice;
    this.day.ask([camera, line, direction, users, day, bin, weeks].join(" "), () => typicalDay(choice));
    this.lines.ask([camera, users, day, weeks].join(" "), () => typicalLines(choice));
    const noon = noonOf(bounds, zone);
    const within = (from: number, to: number) => (from < now ? peaks(choice, { from, to }) : Promise.resolve(null));
    this.peaks.ask([camera, users, bounds.from].join(" "), async () => {
      const [morning, afternoon, whole] = await Promise.all([
        within(bounds.from, noon),
        within(noon, bounds.to),
        within(bounds.from, bounds.to),
      ]);
      return { morning, afternoon, day: whole };
    });
  }

  /** The view is left. */
  leave(): void {
    for (const one of [this.day, this.lines, this.movers, this.peaks, this.gaps, this.faults]) one.forget();
  }
}

export const comparisons = new Comparisons();
