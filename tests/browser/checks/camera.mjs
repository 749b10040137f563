// A camera's page: lines and zones over the background, icons of the moment, charts, table, CSV.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

import { eventually } from "../lib/harness.mjs";

/** The running background needs a while before it can be shown. */
const BACKGROUND_S = 240;
const ICONS_S = 90;

export async function checks(t) {
  const page = await t.open();
  const cameras = (await t.api(page, "/api/v1/cameras")).items;
  const camera = cameras.find((c) => c.lines.length > 0) ?? cameras[0];
  await page.goto(new URL(`/#/cameras/${camera.id}`, t.url).href);

  await t.check("the camera's page has its name and state", async () => {
    await page.getByRole("heading", { level: 1, name: camera.name }).waitFor();
    await eventually(30, async () => assert.equal(await page.getByTestId("state").getAttribute("data-state"), "live"));
  });

  await t.check("the background is drawn", async () => {
    await eventually(BACKGROUND_S, async () => {
      const colours = await page.locator("figure canvas").evaluate((canvas) => {
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        const seen = new Set();
        for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 0) seen.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
        return seen.size;
      });
      assert.ok(colours > 50, `the canvas has ${colours} colours`);
      assert.equal(await page.locator("figure canvas.shown").count(), 1);
    });
  });

  await t.check("every line is drawn over it, with an arrow on its forward side, and every zone", async () => {
    for (const line of camera.lines) {
      const drawn = page.locator(`figure [data-line="${line.id}"]`);
      assert.equal(await drawn.count(), 1, line.id);
      const { box, head } = await drawn.evaluate((g) => {
        const [, , width, height] = g.ownerSVGElement.getAttribute("viewBox").split(" ").map(Number);
        const [x, y] = g.querySelector(".ink polygon").getAttribute("points").split(" ")[0].split(",").map(Number);
        return { box: { width, height }, head: { x: x / width, y: y / height } };
      });
      assert.ok(box.width > 0 && box.height > 0);
      const [[x1, y1], [x2, y2]] = line.points;
      assert.ok((x2 - x1) * (head.y - y1) - (y2 - y1) * (head.x - x1) > 0, `the arrow of ${line.id} points backward`);
      assert.ok((await drawn.textContent()).includes(line.id));
    }
    assert.equal(await page.locator("figure polygon.zone").count(), camera.zones.length);
    const [canvas, drawing] = await Promise.all([
      page.locator("figure canvas").boundingBox(),
      page.locator("figure svg.drawing").boundingBox(),
    ]);
    for (const side of ["x", "y", "width", "height"]) assert.ok(Math.abs(canvas[side] - drawing[side]) <= 1, side);
  });

  await t.check("class icons of the moment come, stand on the grid, and say nothing else", async () => {
    const icons = page.locator("figure g.icon");
    await icons.first().waitFor({ timeout: ICONS_S * 1000 });
    const seen = await icons.evaluateAll((all) =>
      all.map((g) => {
        const [, , width, height] = g.ownerSVGElement.getAttribute("viewBox").split(" ").map(Number);
        const rect = g.querySelector("rect");
        const size = Number(rect.getAttribute("width"));
        return {
          cls: g.dataset.class,
          column: ((Number(rect.getAttribute("x")) + size / 2) / width) * 32 - 0.5,
          row: ((Number(rect.getAttribute("y")) + size / 2) / height) * 18 - 0.5,
          size: size.toFixed(3),
          text: g.textContent.trim(),
        };
      }),
    );
    for (const icon of seen) {
      assert.ok(["car", "bus", "truck", "motorcycle", "bicycle", "pedestrian"].includes(icon.cls), icon.cls);
      assert.ok(Math.abs(icon.column - Math.round(icon.column)) < 0.01, `column ${icon.column}`);
      assert.ok(Math.abs(icon.row - Math.round(icon.row)) < 0.01, `row ${icon.row}`);
      assert.match(icon.text, /^(car|bus|lorry|motorcycle|bicycle|pedestrian)$/);
    }
    assert.ok(new Set(seen.map((icon) => icon.size)).size <= 1, "symbols differ in size");
    await t.shot(page, "camera-dark");
  });

  await t.check("it is said where frames spend their time", async () => {
    await eventually(60, async () => {
      const stages = (await page.getByTestId("stages").innerText()).replace(/\s+/g, " ");
      for (const stage of ["decode", "wait", "detect", "track, measure", "capture to result"]) {
        assert.match(stages, new RegExp(`${stage} \\d[\\d.]* ms`), stages);
      }
      assert.match(stages, /detector spared [<\d]/, stages);
    });
  });

  await t.check("charts and table show the past hour, gaps as gaps", async () => {
    assert.equal(await page.getByTestId("chart").count(), camera.lines.length);
    // Sixty minutes, unless the newest is still on its way.
    const rows = page.getByTestId("bins").locator("tbody tr");
    await eventually(30, async () => assert.equal(await rows.count(), 60));
    const gaps = await page.getByTestId("bins").locator("tbody tr.none").count();
    assert.equal(await page.getByTestId("chart").first().locator("rect.gap").count(), gaps);
    // A Wayside that was started less than an hour ago can't know what was before.
    assert.equal(await page.getByTestId("bins").locator("tbody tr.none td").filter({ hasText: /^\d+$/ }).count(), 0);
  });

  await t.check("a chart is read with the arrow keys", async () => {
    const chart = page.getByTestId("chart").first();
    await chart.locator("svg[tabindex]").focus();
    const before = await chart.locator(".reading").innerText();
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("ArrowLeft");
    await eventually(5, async () => assert.notEqual(await chart.locator(".reading").innerText(), before));
  });

  await t.check("bins of a quarter of an hour hold all six classes", async () => {
    await page.getByRole("tab", { name: "By the minute" }).focus();
    await page.keyboard.press("ArrowRight");
    await eventually(20, async () => {
      const heads = await page.getByTestId("bins").locator("thead tr").nth(1).locator("svg").count();
      assert.equal(heads, camera.lines.length * 2 * 6);
    });
    await page.keyboard.press("ArrowLeft");
  });

  await t.check("counts can be downloaded as files", async () => {
    const magic = { csv: "camera,start,end,line,direction,class,group,count,", xlsx: "PK", parquet: "PAR1", json: '{"items":[' };
    for (const [kind, begins] of Object.entries(magic)) {
      await page.getByRole("combobox", { name: "Kind of file" }).selectOption(kind);
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("button", { name: "Download", exact: true }).click(),
      ]);
      assert.match(download.suggestedFilename(), new RegExp(`^${camera.id}-.*-1m\\.${kind}$`));
      const bytes = await readFile(await download.path());
      assert.equal(bytes.subarray(0, begins.length).toString("latin1"), begins, kind);
    }
  });

  await t.check("the page says what is never shown", async () => {
    const text = await page.locator("body").innerText();
    for (const words of ["never a video", "no people", "no number plates", "wait for their"]) {
      assert.ok(text.includes(words), words);
    }
  });

  await t.check("the camera's page is accessible, fits and has no errors", async () => {
    await t.fits(page);
    await t.accessible(page);
    await t.shot(page, "camera-dark-whole", { fullPage: true });
    t.clean(page);
  });
  await t.close(page);

  await t.check("the camera's page is usable at 390 px, in light colours", async () => {
    const phone = await t.open({ path: `/#/cameras/${camera.id}`, width: 390, height: 844, scheme: "light" });
    await phone.getByRole("heading", { level: 1, name: camera.name }).waitFor();
    await phone.getByTestId("bins").waitFor();
    await phone.locator("figure canvas.shown").waitFor({ timeout: 30_000 });
    await t.fits(phone);
    await t.accessible(phone);
    await t.shot(phone, "camera-phone", { fullPage: true });
    t.clean(phone);
    await t.close(phone);
  });

  await t.check("a camera that does not exist is said not to", async () => {
    const none = await t.open({ path: "/#/cameras/no-such-camera" });
    await none.getByText("There is no camera of this id.").waitFor();
    t.clean(none);
    await t.close(none);
  });
}
