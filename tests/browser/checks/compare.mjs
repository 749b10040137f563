// A day beside what is usual: the chart and its table against the API, who is furthest from usual, peak hours, gaps; what
// is said where nothing is known and where something fails. The past is that of past.sql.

import assert from "node:assert/strict";

import { eventually } from "../lib/harness.mjs";

/** The server may still be summing the past. */
const ANSWER_S = 60;
/** Cameras tell of their state at least once in this time. */
const QUIET_S = 6;
const MOTOR = "car,bus,truck";
const number = (text) => Number(text.replace(/\s/g, "").replace("−", "-"));
const flat = (text) => text.replace(/\s+/g, " ").trim();
const dayAfter = (day) => new Date(Date.parse(day) + 86_400_000).toISOString().slice(0, 10);

export async function checks(t) {
  await words(t);
  if (process.env.WAYSIDE_PAST) await past(t, process.env.WAYSIDE_PAST);
  else t.skip("a day beside what is usual", "WAYSIDE_PAST says of no past in the database (tests/browser/past.sql)");
}

async function past(t, yesterday) {
  const today = dayAfter(yesterday);
  const page = await t.open({ path: `/#/compare?day=${yesterday}` });
  const names = Object.fromEntries((await t.api(page, "/api/v1/cameras")).items.map((c) => [c.id, c.name]));
  const [up, down, fresh] = Object.keys(names).sort();
  const asked = (route, query) => t.api(page, `/api/v1/measurements/${route}?${new URLSearchParams(query)}`);
  const day = page.getByTestId("day");
  const table = page.getByTestId("day-table").locator("tbody tr");

  await t.check("who is furthest from usual is listed by how far, up and down, and leads the page", async () => {
    const movers = page.getByTestId("movers");
    await movers.waitFor({ timeout: ANSWER_S * 1000 });
    const { items } = await asked("movers", { day: yesterday, class: MOTOR });
    for (const [side, camera, sign] of [["More than usual", up, "+"], ["Fewer than usual", down, "−"]]) {
      const listed = await page.getByRole("list", { name: side }).locator("[data-mover]").evaluateAll((all) => all.map((li) => li.dataset.mover));
      assert.deepEqual(listed, items.filter((m) => (sign === "+" ? m.difference > 0 : m.difference < 0)).map((m) => m.camera));
      assert.ok(listed.includes(camera), `${camera} is not among ${listed}`);
      const { count, usual, difference, hours } = items.find((m) => m.camera === camera);
      const text = await movers.locator(`[data-mover="${camera}"]`).innerText();
      const [, shown] = /([+−][\d\s]+)/.exec(text);
      assert.ok(Math.abs(number(shown) - difference) <= 0.5, `${shown}, not ${difference}`);
      const [, n, median, over] = /([\d\s]+) counted, usually ([\d\s.]+), over (\d+) hours/.exec(text);
      assert.deepEqual([number(n), Number(over)], [count, hours]);
      assert.ok(Math.abs(number(median) - usual) <= 0.5);
    }
    await eventually(ANSWER_S, async () => assert.equal(await day.getAttribute("data-camera-shown"), items[0].camera));
  });

  await t.check("the table says what the API does, bin by bin, and what was not watched is no zero", async () => {
    await page.goto(new URL(`/#/compare?day=${yesterday}&camera=${up}`, t.url).href);
    await page.getByTestId("day-chart").waitFor({ timeout: ANSWER_S * 1000 });
    await page.getByText("All numbers", { exact: true }).click();
    const { items } = await asked("typical", { day: yesterday, class: MOTOR, camera: up, bin: "15m", group: "none" });
    assert.equal(await table.count(), 96);
    const rows = await table.evaluateAll((all) => all.map((tr) => [...tr.children].map((cell) => cell.innerText)));
    for (const [i, row] of rows.entries()) {
      const want = items.find((bin) => bin.start.slice(11, 16) === row[0].slice(0, 5));
      if (want?.count == null) assert.ok(!/\d/.test(row[1]) && row[6] === "not watched whole", row.join(" | "));
      else assert.equal(number(row[1]), want.count, row.join(" | "));
      if (want?.usual) assert.ok(Math.abs(number(row[2]) - want.usual.median) <= 0.5, row.join(" | "));
      assert.equal(await table.nth(i).getAttribute("data-known"), want?.count == null ? "unwatched" : "known");
    }
    assert.equal(rows.filter((row) => row[6] !== "").length, 7, "10:00 to 11:45");
    const counted = items.filter((bin) => bin.count !== null && bin.usual).reduce((sum, bin) => sum + bin.count, 0);
    const [, shown] = /^([\d\s]+) counted/.exec(await page.getByTestId("day-sum").innerText());
    assert.equal(number(shown), counted);
  });

  await t.check("the chart has a line over a band, and neither over what is not known", async () => {
    const chart = page.getByTestId("day-chart");
    const drawn = await chart.evaluate((svg) => {
      const steps = [];
      let x = 0;
      for (const [, op, a] of svg.querySelector('[data-testid="day-counts"]').getAttribute("d").matchAll(/([MVH])([\d.]+)/g)) {
        if (op === "M") x = Number(a);
        if (op === "H") steps.push([x, (x = Number(a))]);
      }
      const gaps = [...svg.querySelectorAll("rect.gap")].map((r) => [Number(r.getAttribute("x")), Number(r.getAttribute("x")) + Number(r.getAttribute("width"))]);
      const band = svg.querySelector('[data-testid="usual-band"]').getAttribute("d").split("Z").length - 1;
      return { steps, gaps, band };
    });
    assert.deepEqual([drawn.steps.length, drawn.gaps.length, drawn.band], [89, 7, 96]);
    for (const [from, to] of drawn.gaps) {
      assert.ok(drawn.steps.every(([a, b]) => b <= from + 0.02 || a >= to - 0.02), "the line runs over a gap");
    }
  });

  await t.check("the day's chart is read with the arrow keys", async () => {
    const reading = page.getByTestId("day-reading");
    await page.getByTestId("day-chart").focus();
    await page.keyboard.press("Home");
    for (let i = 0; i < 39; i += 1) await page.keyboard.press("ArrowRight");
    assert.match(flat(await reading.innerText()), /^09:45–10:00 \d+ counted usually [\d.]+ \([\d.]+–[\d.]+, 8 days\) [+−±]/);
    await page.keyboard.press("ArrowRight");
    assert.match(flat(await reading.innerText()), /^10:00–10:15 not watched whole usually /);
  });

  await t.check("peak hours are those of the API: before noon, after it, of the whole day", async () => {
    const rows = page.getByTestId("peaks").locator("tbody tr");
    const span = (from, to) => ({ camera: up, class: MOTOR, from: `${yesterday}T${from}:00Z`, to: `${today}T00:00:00Z`, ...to });
    const whole = (await asked("peaks", span("00:00"))).items;
    const morning = (await asked("peaks", span("00:00", { to: `${yesterday}T12:00:00Z` }))).items;
    const later = (await asked("peaks", span("12:00"))).items;
    assert.equal(await rows.count(), whole.length);
    for (const [i, peak] of whole.entries()) {
      const cells = await rows.nth(i).locator("th, td").allInnerTexts();
      const of = (list) => {
        const one = list.find((p) => p.line === peak.line && p.direction === peak.direction);
        return [`${one.start.slice(11, 16)}–${one.end.slice(11, 16)}`, String(one.volume), one.factor.toFixed(2)];
      };
      const shown = cells.map((cell, at) => ([2, 5, 8].includes(at) ? String(number(cell)) : cell.trim()));
      assert.deepEqual(shown, [`${peak.line}, ${peak.direction}`, ...of(morning), ...of(later), ...of(whole)]);
    }
  });

  await t.check("gaps say from when to when, how long, and what fault was told", async () => {
    const gap = page.locator(`[data-gaps="${up}"]`);
    assert.equal(flat(await gap.innerText()), `${names[up]} 10:00 11:45 1 h 40 min Camera: no signal 10:00–11:40`);
    assert.equal(await page.locator("[data-gaps]").count(), 1);
  });

  await t.check("a line's name leads to its chart, and the choice stands in the address", async () => {
    const link = page.getByTestId("line-differences").getByRole("link").first();
    const [line, direction] = (await link.innerText()).trim().split(", ");
    await link.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 2, name: `${names[up]}: ${line}, ${direction}, motor vehicles` }).waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.id), "day-title");
    await page.getByTestId("day-chart").waitFor({ timeout: ANSWER_S * 1000 });
    const who = page.getByRole("combobox", { name: "Who" });
    await who.focus();
    await who.selectOption("bicycle");
    await page.getByRole("combobox", { name: "Bins" }).selectOption("1h");
    const query = new URLSearchParams(new URL(page.url()).hash.split("?")[1]);
    assert.deepEqual(Object.fromEntries(query), { camera: up, line, direction, users: "bicycle", day: yesterday, bin: "1h" });
    await eventually(ANSWER_S, async () => assert.equal(await table.count(), 24));
    const { items } = await asked("typical", { day: yesterday, class: "bicycle", camera: up, line, bin: "1h", group: "direction" });
    const five = items.find((bin) => bin.direction === direction && bin.start.slice(11, 13) === "17");
    await eventually(10, async () => assert.equal(number(await table.nth(17).locator("td").first().innerText()), five.count));
    await t.shot(page, "compare-line", { fullPage: true });
  });

  await t.check("days are walked through by their buttons", async () => {
    const after = page.getByRole("button", { name: "The day after" });
    // Midnight may have passed since the past was written: today is where no day can come after.
    let before = yesterday;
    for (;;) {
      await after.click();
      await eventually(5, async () => assert.ok(!page.url().includes(`day=${before}`)));
      if (!page.url().includes("day=")) break;
      before = dayAfter(before);
    }
    assert.ok(await after.isDisabled(), "tomorrow can be chosen");
    await page.getByRole("button", { name: "The day before" }).click();
    await eventually(5, async () => assert.ok(page.url().includes(`day=${before}`)));
  });

  await t.check("of a camera without a past it is said what is missing, and its counts are drawn", async () => {
    await page.goto(new URL(`/#/compare?day=${yesterday}&camera=${fresh}`, t.url).href);
    await page.getByTestId("day-chart").waitFor({ timeout: ANSWER_S * 1000 });
    assert.match(await page.getByTestId("day-sum").innerText(), /^What is usual is not known yet: it takes three \w+days of the 8 before/);
    assert.equal(await page.getByTestId("usual-band").getAttribute("d"), "");
    await eventually(ANSWER_S, async () => assert.match(await page.getByTestId("line-differences").innerText(), /can't be compared yet/));
  });
  t.clean(page);
  await t.close(page);

  for (const [name, options] of [
    ["compare-dark", {}],
    ["compare-light", { scheme: "light" }],
    ["compare-phone", { width: 390, height: 844, scheme: "light" }],
  ]) {
    await t.check(`${name} is accessible, fits and has no errors`, async () => {
      const other = await t.open({ path: `/#/compare?day=${yesterday}`, ...options });
      for (const part of ["day-chart", "peaks", "line-differences", "gaps"]) await other.getByTestId(part).waitFor({ timeout: ANSWER_S * 1000 });
      await t.shot(other, name, { fullPage: true });
      await other.getByText("All numbers", { exact: true }).click();
      await t.fits(other);
      await t.accessible(other);
      t.clean(other);
      await t.close(other);
    });
  }
}

/** What is said where nothing is known, and where something fails: answers are made up. */
async function words(t) {
  const page = await t.open({ faulty: true });
  const [camera] = (await t.api(page, "/api/v1/cameras")).items.filter((c) => c.lines.length > 0);
  const answers = {};
  const calls = { typical: 0, movers: 0, peaks: 0, gaps: 0 };
  for (const route of ["typical", "movers", "peaks", "gaps"]) {
    await page.route(`**/api/v1/measurements/${route}?*`, (call) => {
      calls[route] += 1;
      return answers[route](call);
    });
  }
  const items = (...all) => (call) => call.fulfill({ json: { day: "2026-11-20", weeks: 8, items: all, more: false } });
  const section = (name) => page.getByRole("region", { name });
  const show = async () => {
    await page.goto(new URL(`/#/compare?day=2026-11-20&camera=${camera.id}`, t.url).href);
    await page.reload();
  };

  await t.check("where nothing is known it is said what is missing", async () => {
    Object.assign(answers, { typical: items(), movers: items(), peaks: items(), gaps: items() });
    await show();
    await section(/motor vehicles$/).getByText("Nothing of this day was watched whole.").waitFor();
    await page.getByText("No camera can be compared: that takes an hour watched whole on this day and on three Fridays of the 8 before.").waitFor();
    await page.getByText("No hour of this day was watched whole.").waitFor();
    await page.getByText("Every camera watched all quarters of an hour of this day that are over.").waitFor();
    assert.equal(await page.getByTestId("day-chart").count(), 0);
    await t.accessible(page);
    await t.shot(page, "compare-nothing", { fullPage: true });
  });

  await t.check("a day that is over is asked for once, whatever cameras do, and a line asks for itself alone", async () => {
    const before = { ...calls };
    await page.waitForTimeout(QUIET_S * 1000);
    assert.deepEqual(calls, before);
    await page.getByRole("combobox", { name: "Line" }).selectOption(camera.lines[0].id);
    await eventually(5, async () => assert.ok(calls.typical > before.typical));
    await page.waitForTimeout(500);
    assert.deepEqual([calls.movers, calls.gaps], [before.movers, before.gaps]);
  });

  await t.check("cameras that are as usual are not called unusual", async () => {
    const same = { camera: camera.id, count: 80, usual: 80, difference: 0, ratio: 1, hours: 3 };
    Object.assign(answers, { movers: items(same) });
    await show();
    await page.getByText("1 camera is just as usual.").waitFor();
    await page.getByText("No camera has more than usual.").waitFor();
    assert.equal(await page.locator("[data-mover]").count(), 0);
  });

  await t.check("what fails is said in words, each for itself, and what is broken is left out and said", async () => {
    const away = { type: "about:blank", title: "The database does not answer", status: 503, detail: "try again later" };
    const start = "2026-11-20T08:00:00Z";
    const bin = { camera: camera.id, line: null, direction: null, class: null, start, end: "2026-11-20T08:15:00Z", count: 0, usual: null };
    Object.assign(answers, {
      movers: (call) => call.fulfill({ status: 503, contentType: "application/problem+json", json: away }),
      peaks: (call) => call.abort(),
      gaps: (call) => call.fulfill({ body: "<html>" }),
      typical: items(bin, { ...bin, count: "many" }),
    });
    await show();
    const alert = (name, text) => section(name).getByRole("alert").filter({ hasText: text }).waitFor();
    await alert(/^Furthest from usual/, "The list can't be read. The database does not answer: try again later");
    await alert(/^Peak hours/, "The peak hours can't be read. The server can't be reached.");
    await alert(/^Gaps/, "The list can't be read. the answer to");
    await alert(/: all lines, motor vehicles$/, 'Some of it could not be read and is left out: the typical day.items[1].count should be a number and is "many"');
    // A zero that was counted is one, and nothing else is.
    await page.getByText("All numbers", { exact: true }).click();
    const counts = await page.getByTestId("day-table").locator("td.count").evaluateAll((all) => all.map((td) => td.innerText).filter((n) => /\d/.test(n)));
    assert.deepEqual(counts, ["0"]);
    await t.accessible(page);
    await t.fits(page);
  });

  await t.check("the page asks again by itself after a failure", async () => {
    Object.assign(answers, { movers: items(), peaks: items(), gaps: items(), typical: items() });
    await page.getByText("No camera can be compared").waitFor({ timeout: 20_000 });
    await eventually(20, async () => assert.equal(await section(/^Peak hours/).getByRole("alert").count(), 0));
  });

  await t.check("addresses that can't be meant and cameras that are not there are said to be so", async () => {
    await page.goto(new URL("/#/compare?day=2026-02-30", t.url).href);
    await page.getByRole("heading", { name: "There is no such view" }).waitFor();
    await page.goto(new URL("/#/compare?camera=no-such-camera", t.url).href);
    await page.getByText("There is no camera of this id.").waitFor();
  });

  await t.check("the way there is in the bar and on a camera's page", async () => {
    await page.goto(new URL(`/#/cameras/${camera.id}`, t.url).href);
    await page.getByRole("link", { name: "Compare with usual" }).click();
    await page.waitForURL(/#\/compare\?camera=/);
    await eventually(5, async () => assert.equal(await page.evaluate(() => document.activeElement?.tagName), "H1"));
    await page.goto(t.url.href);
    await page.getByRole("link", { name: "Compare", exact: true }).click();
    await page.getByRole("heading", { level: 1, name: "Compared with usual" }).waitFor();
    assert.deepEqual(page.errors, []);
  });
  await t.close(page);
}
