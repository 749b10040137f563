// What is compared with what: the operator's choice, as it stands in the address, so that a link shows a colleague the
// same. Pure; asking is `compare.svelte.ts`'s work.

import { CLASSES, DAY_BINS, DIRECTIONS, MOTOR_CLASSES, type DayBin, type Direction, type RoadUserClass } from "../api/types";
import { isDay } from "./day";
import { CLASS_NAMES } from "./format";

export const USERS = ["motor", "all", ...CLASSES] as const;
/** Who is counted: motor vehicles, everybody, or one class. */
export type Users = (typeof USERS)[number];

export const WEEKS = [4, 8, 13, 26] as const;
/** The least and the most weeks that the server looks back. */
const [WEEKS_LEAST, WEEKS_MOST] = [3, 26];

export interface Choice {
  /** Empty for the one that is furthest from usual. */
  camera: string;
  /** Empty for all lines of the camera together. */
  line: string;
  /** Empty for both together. */
  direction: Direction | "";
  users: Users;
  /** On the site's clock, "2026-11-20"; empty for today. */
  day: string;
  bin: DayBin;
  /** How many weeks before the day say what is usual. */
  weeks: number;
}

export const DEFAULT: Choice = { camera: "", line: "", direction: "", users: "motor", day: "", bin: "15m", weeks: 8 };

const ID = /^[a-z0-9-]{0,40}$/;

function among<T extends string>(text: string, all: readonly T[]): T | null {
  return all.find((one) => one === text) ?? null;
}

/** The choice of an address; null where a part of it can't be meant. */
export function choiceOf(query: string): Choice | null {
  const asked = new URLSearchParams(query);
  const text = (name: keyof Choice) => asked.get(name) ?? String(DEFAULT[name]);
  const [camera, line, day, weeks] = [text("camera"), text("line"), text("day"), Number(text("weeks"))];
  const direction = among(text("direction"), ["", ...DIRECTIONS]);
  const users = among(text("users"), USERS);
  const bin = among(text("bin"), DAY_BINS);
  if (direction === null || users === null || bin === null) return null;
  if (!ID.test(camera) || !ID.test(line) || !(day === "" || isDay(day))) return null;
  if (!Number.isInteger(weeks) || weeks < WEEKS_LEAST || weeks > WEEKS_MOST) return null;
  return { camera, line, direction, users, day, bin, weeks };
}

/** What differs from the default, as it stands behind the "?" of the address. */
export function choiceQuery(choice: Choice): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(choice)) {
    if (value !== DEFAULT[name as keyof Choice]) query.set(name, String(value));
  }
  return query.toString();
}

/** The classes to ask for; none for all. */
export function classesOfUsers(users: Users): readonly RoadUserClass[] {
  if (users === "all") return [];
  return users === "motor" ? MOTOR_CLASSES : [users];
}

/** "motor vehicles", "pedestrians". */
export function usersName(users: Users): string {
  if (users === "all") return "road users";
  return users === "motor" ? "motor vehicles" : CLASS_NAMES[users].many;
}

/** What rows are told apart by, so that the chosen line and direction are one series. */
export function groupOf(choice: Pick<Choice, "direction">): string {
  return choice.direction === "" ? "none" : "direction";
}

/** "east-in, forward", "all lines". */
export function whereName(line: string, direction: Direction | ""): string {
  return (line === "" ? "all lines" : line) + (direction === "" ? "" : `, ${direction}`);
}
