// A tally by the silhouette: cells are drawn, keys are counted while it runs, and the page hands it in and shows how the
// counts compare.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

import { eventually } from "../lib/harness.mjs";

/** The empty road is learnt within half a minute, unless all of it is busy. */
const SILHOUETTE_S = 240;

export async function checks(t) {
  const page = await t.open();
  const cameras = (await t.api(page, "/api/v1/cameras")).items;
  const camera = cameras.find((c) => c.lines.length > 0 && c.status.state === "live") ?? cameras[0];
  await page.goto(new URL(`/#/cameras/${camera.id}`, t.url).href);
  await page.getByRole("link", { name: "Tally by hand" }).click();

  await t.check("the silhouette is black and white cells, and changes", async () => {
    await page.getByRole("heading", { level: 1, name: `Tally of ${camera.name}` }).waitFor();
    await page.locator('[data-testid="silhouette"][data-seen="true"]').waitFor({ timeout: SILHOUETTE_S * 1000 });
    const look = () =>
      page.locator("figure canvas").evaluate((canvas) => {
        // Read from a copy: a browser warns of a page's own canvas that is read again and again.
        const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
        copy.drawImage(canvas, 0, 0);
        const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
        const colours = new Set();
        let set = 0;
        for (let i = 0; i < data.length; i += 4) {
          colours.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
          if (data[i] > 200) set += 1;
        }
        return { colours: colours.size, set, all: data.length / 4, width: canvas.width };
      });
    const seen = new Set();
    await eventually(90, async () => {
      const { colours, set, all, width } = await look();
      assert.ok(width <= 480, `${width} px wide`);
      assert.ok(colours <= 2, `${colours} colours`);
      assert.ok(set < all / 2, "half of the picture differs from the empty road");
      if (set > 0) seen.add(set);
      assert.ok(seen.size >= 3, "nothing moves");
    });
    for (const line of camera.lines) assert.equal(await page.locator(`figure [data-line="${line.id}"]`).count(), 1, line.id);
  });

  await t.check("programs are not given the silhouette", async () => {
    const answer = await fetch(new URL(`/api/v1/cameras/${camera.id}/silhouette`, t.url));
    assert.equal(answer.status, 403);
  });

  await t.check("keys and buttons are tallied while it runs, and not before", async () => {
    await page.getByTestId("minutes").selectOption({ label: "1, motor vehicles only" });
    await page.getByRole("button", { name: /^Tally from / }).click();
    await page.keyboard.press("q");
    const first = page.getByTestId("keys").locator("button b").first();
    assert.equal(await first.innerText(), "0");
    await t.shot(page, "audit-dark");
    await page.locator('[data-phase="running"]').waitFor({ timeout: 70_000 });
    // The picture comes a little after the clock: what is pressed before it shows the minute belongs to the one before.
    await eventually(10, async () => {
      await page.keyboard.press("q");
      assert.notEqual(await first.innerText(), "0");
    });
    for (let left = Number(await first.innerText()); left > 0; left -= 1) await page.keyboard.press("Backspace");
    for (const key of ["q", "q", "w", "a"]) await page.keyboard.press(key);
    await page.getByTestId("keys").locator("button").first().click();
    await page.keyboard.press("Backspace");
    await eventually(5, async () => {
      const told = await page.getByTestId("keys").locator("tbody button b").allInnerTexts();
      assert.deepEqual(told.slice(0, 2), ["2", "1"]);
    });
  });

  await t.check("a tally can be had as a file, and is handed in once the bin is kept", async () => {
    await page.locator('[data-phase="late"], [data-phase="over"]').waitFor({ timeout: 70_000 });
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Download as CSV" }).click(),
    ]);
    const rows = (await readFile(await download.path(), "utf8")).trim().split("\n");
    assert.equal(rows[0], "line,direction,class,count");
    assert.equal(rows[1], `${camera.lines[0].id},forward,motor,2`);
    await page.locator('[data-phase="over"]').waitFor({ timeout: 30_000 });
    await page.getByRole("button", { name: "Hand in" }).click();
    const result = page.getByRole("region", { name: "Your tally against what was counted" }).first();
    await result.waitFor({ timeout: 30_000 });
    const told = await result.getByTestId("audits").locator("tbody tr").first().innerText();
    assert.match(told.replace(/\s+/g, " "), new RegExp(`^${camera.lines[0].id}, forward Motor vehicles .* 1 \\d+ – 2 `));
    const listed = (await t.api(page, `/api/v1/cameras/${camera.id}/audits`)).items;
    const own = listed.filter((row) => row.minutes === 1 && row.line === camera.lines[0].id);
    assert.equal(own.find((row) => row.direction === "forward")?.tallied, 2);
    assert.equal(own.find((row) => row.direction === "backward")?.tallied, 1);
  });

  await t.check("the page of a tally is accessible, fits and has no errors", async () => {
    await t.fits(page);
    await t.accessible(page);
    await t.shot(page, "audit-dark-whole", { fullPage: true });
    t.clean(page);
  });
  await t.close(page);

  await t.check("it is usable at 390 px, in light colours", async () => {
    const phone = await t.open({ path: `/#/cameras/${camera.id}/audit`, width: 390, height: 844, scheme: "light" });
    await phone.getByRole("button", { name: /^Tally from / }).waitFor();
    await phone.locator('[data-testid="silhouette"][data-seen="true"]').waitFor({ timeout: SILHOUETTE_S * 1000 });
    await t.fits(phone);
    await t.accessible(phone);
    await t.shot(phone, "audit-phone", { fullPage: true });
    t.clean(phone);
    await t.close(phone);
  });
}
