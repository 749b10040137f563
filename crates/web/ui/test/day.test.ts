// Days on the site's clock, also those on which clocks are changed.

import { describe, expect, test } from "vitest";

import { addDays, boundsOf, dayOf, isDay, longDay, noonOf, weekday } from "../src/model/day";

const at = (text: string) => Date.parse(text);
const HOUR = 3_600_000;

test.each([
  ["2026-11-20", "UTC", "2026-11-20T00:00:00Z", 24],
  ["2026-11-20", "Asia/Kathmandu", "2026-11-19T18:15:00Z", 24],
  ["2026-03-29", "Europe/London", "2026-03-29T00:00:00Z", 23],
  ["2026-10-25", "Europe/London", "2026-10-24T23:00:00Z", 25],
  // Clocks go from 24:00 to 01:00: the day has no midnight.
  ["2026-04-24", "Africa/Cairo", "2026-04-23T22:00:00Z", 23],
  ["2026-11-20", "Pacific/Kiritimati", "2026-11-19T10:00:00Z", 24],
  ["2026-11-20", "Pacific/Pago_Pago", "2026-11-20T11:00:00Z", 24],
])("%s in %s begins at %s and has %d hours", (day, zone, from, hours) => {
  const bounds = boundsOf(day, zone);
  expect(new Date(bounds.from).toISOString()).toBe(new Date(from).toISOString());
  expect((bounds.to - bounds.from) / HOUR).toBe(hours);
  expect([dayOf(bounds.from, zone), dayOf(bounds.to - 1, zone)]).toEqual([day, day]);
});

test("an instant is of another day elsewhere", () => {
  const late = at("2026-11-20T22:30:00Z");
  expect([dayOf(late, "UTC"), dayOf(late, "Asia/Shanghai")]).toEqual(["2026-11-20", "2026-11-21"]);
});

test("noon is by the clock, not by the hours that passed", () => {
  const zone = "Europe/London";
  expect(noonOf(boundsOf("2026-03-29", zone), zone)).toBe(at("2026-03-29T11:00:00Z"));
  expect(noonOf(boundsOf("2026-11-20", zone), zone)).toBe(at("2026-11-20T12:00:00Z"));
});

describe("the calendar", () => {
  test.each([["2026-02-28", true], ["2026-02-30", false], ["2026-13-01", false], ["today", false], ["2026-1-1", false]])(
    "%s: %s",
    (text, is) => expect(isDay(text)).toBe(is),
  );

  test("days before and after, and their names", () => {
    expect([addDays("2026-03-01", -1), addDays("2026-12-31", 1)]).toEqual(["2026-02-28", "2027-01-01"]);
    expect([weekday("2026-11-20"), longDay("2026-11-20")]).toEqual(["Friday", "Friday 20 November 2026"]);
  });
});
