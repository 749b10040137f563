// Incidents: one appears on the page by itself and ends there, the list is filtered, and its place is marked on the
// camera's picture.

import assert from "node:assert/strict";
import { exec } from "node:child_process";
import { promisify } from "node:util";

import { eventually } from "../lib/harness.mjs";

/** A camera is silent for ten seconds before it is an incident, and heard for some before that is over. */
const TOLD_S = 90;

export async function checks(t) {
  await live(t);
  await marked(t);
}

async function live(t) {
  const { WAYSIDE_BREAK_CAMERA: broken, WAYSIDE_MEND_CAMERA: mended } = process.env;
  if (!broken || !mended) return t.skip("incidents that appear and end", "no commands to break and mend a camera");
  const sh = promisify(exec);
  const page = await t.open({ path: "/#/incidents" });
  await page.getByRole("heading", { level: 1, name: "Incidents" }).waitFor();
  const overview = await t.open();
  const cameras = (await t.api(page, "/api/v1/cameras")).items;
  const before = new Set((await t.api(page, "/api/v1/incidents?limit=1000")).items.map((i) => i.id));
  const fresh = async (state) => {
    const all = await page.locator(`[data-incident][data-state="${state}"][data-kind="camera_no_signal"]`).evaluateAll((rows) => rows.map((r) => r.dataset.incident));
    return all.filter((id) => !before.has(id));
  };
  let id = "";

  try {
    await sh(broken);
    await t.check("an incident appears on the page without loading it anew, and its age runs", async () => {
      await eventually(TOLD_S, async () => assert.ok((await fresh("open")).length > 0, "none is open"));
      [id] = await fresh("open");
      const row = page.locator(`[data-incident="${id}"]`);
      assert.match(await row.innerText(), /Camera: no signal[\s\S]*no frame came for [\d.]+ s \(hold_s = 10\)/);
      const age = async () => (await row.getByTestId("lasting").innerText()).trim();
      const first = await age();
      assert.match(first, /^for \d+/);
      await eventually(70, async () => assert.notEqual(await age(), first));
      await t.accessible(page);
      await t.fits(page);
      await t.shot(page, "incidents-open", { fullPage: true });
    });

    await t.check("its stills are shown, no wider than they may be", async () => {
      await eventually(30, async () => assert.deepEqual((await t.api(page, `/api/v1/incidents/${id}`)).stills, ["start", "confirmed"]));
      const row = page.locator(`[data-incident="${id}"]`);
      await row.locator("summary").click();
      await eventually(15, async () => {
        const widths = await row.locator("img").evaluateAll((all) => all.map((img) => img.naturalWidth));
        assert.equal(widths.length, 2);
        assert.ok(widths.every((w) => w >= 16 && w <= 480), widths.join(" "));
      });
      await t.accessible(page);
      await t.shot(page, "incidents-stills", { fullPage: true });
    });

    await t.check("the overview and the camera's card say what is open", async () => {
      await overview.getByTestId("open-incidents").waitFor();
      await overview.getByTestId("card-incidents").first().waitFor();
      assert.match(await overview.getByTestId("incidents-open").innerText(), /Incidents\s*\d+ open/);
      await t.accessible(overview);
      await t.fits(overview);
      await t.shot(overview, "overview-incident");
    });

    await t.check("the list filters by camera, kind and what is open", async () => {
      const { camera } = (await t.api(page, "/api/v1/incidents?state=open&limit=1000")).items.find((i) => i.id === id);
      const rows = page.locator("[data-incident]");
      await page.getByRole("combobox", { name: /^Camera/ }).selectOption(camera);
      await eventually(15, async () => {
        const found = await rows.evaluateAll((all) => all.map((r) => r.dataset.incident));
        assert.ok(found.includes(id) && found.every((i) => i.startsWith(`${camera}.`)), found.join(" "));
      });
      await page.getByRole("combobox", { name: /^Kind/ }).selectOption("wrong_way");
      await eventually(15, async () => assert.equal(await page.locator(`[data-incident="${id}"]`).count(), 0));
      await page.getByRole("button", { name: "Show all" }).click();
      await page.getByLabel("Open only").check();
      await eventually(15, async () => {
        const states = await rows.evaluateAll((all) => all.map((r) => r.dataset.state));
        assert.ok(states.length > 0 && states.every((s) => s === "open"), states.join(" "));
      });
      await page.getByRole("button", { name: "Show all" }).click();
      await page.locator(`[data-incident="${id}"]`).waitFor();
    });
  } finally {
    await sh(mended);
  }

  await t.check("it ends on the page, and the list keeps it", async () => {
    await eventually(TOLD_S, async () => assert.ok((await fresh("ended")).includes(id), "it is still open"));
    await eventually(20, async () => {
      const kept = await t.api(page, `/api/v1/incidents/${id}`);
      assert.equal(kept.state, "ended");
    });
    const again = await t.open({ path: "/#/incidents", width: 390, height: 844 });
    await again.locator(`[data-incident="${id}"][data-state="ended"]`).waitFor();
    assert.match(await again.locator(`[data-incident="${id}"]`).innerText(), /lasted/);
    await t.fits(again);
    await t.shot(again, "incidents-phone");
    t.clean(again);
    await t.close(again);
    await eventually(TOLD_S, async () => {
      const states = (await t.api(page, "/api/v1/cameras")).items.map((c) => c.status.state);
      assert.deepEqual([...new Set(states)], ["live"], `${cameras.length} cameras`);
    });
  });
  t.clean(page);
  t.clean(overview);
  await t.close(overview);
  await t.close(page);
}

/** A stream that tells of a stopped vehicle in the first zone that a camera has. */
async function marked(t) {
  const page = await t.open({ faulty: true });
  const camera = (await t.api(page, "/api/v1/cameras")).items.find((c) => c.zones.length > 0);
  if (!camera) return t.skip("an incident's place on the picture", "no camera has a zone");
  const zone = camera.zones[0];
  const middle = [0, 1].map((axis) => zone.polygon.reduce((sum, p) => sum + p[axis], 0) / zone.polygon.length);
  const at = new Date(Date.now() - 65_000).toISOString();
  const incident = {
    id: `${camera.id}.1.1`, camera: camera.id, revision: 1, kind: "stopped_vehicle", state: "open", severity: "severe",
    confidence: 0.93, zone: zone.id, started_at: at, detected_at: at, last_seen_at: at, ended_at: null,
    place: { image: middle, ground_m: [1.5, 20], lon: 126.63045, lat: 45.60012 },
    why: [{ what: "stood_s", value: 5.1, setting: "hold_s", limit: 5 }],
  };
  const events = [["hello", { version: "1", time_zone: "UTC", icons: true }], ["incident", incident]];
  const body = events.map(([name, data]) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`).join("");
  await page.route("**/api/v1/live", (route) => route.fulfill({ contentType: "text/event-stream", body }));
  await page.goto(new URL(`/#/cameras/${camera.id}`, t.url).href);
  await page.reload();

  await t.check("zone and place of an open incident are marked on the camera's picture", async () => {
    // The stream that was made up ends at once, so that the page opens it anew and draws the mark again now and then.
    await eventually(20, async () => {
      assert.equal(await page.locator(`figure [data-alarm="${zone.id}"]`).count(), 1);
      const mark = page.locator(`figure [data-place="${incident.id}"]`);
      const place = await mark.evaluate((g) => {
        const box = g.ownerSVGElement?.getAttribute("viewBox").split(" ").map(Number);
        const tip = /^M([\d.]+) ([\d.]+)/.exec(g.querySelector("path").getAttribute("d")).slice(1).map(Number);
        return box ? [tip[0] / box[2], tip[1] / box[3]] : null;
      });
      assert.ok(place?.every((at, axis) => Math.abs(at - middle[axis]) < 0.005), `${place}, not ${middle}`);
      const text = await page.getByTestId("open-incidents").innerText();
      assert.match(text, /Stopped vehicle[\s\S]*Severe[\s\S]*stood for 5\.1 s \(hold_s = 5\)/);
      assert.match(text, /45\.60012° N, 126\.63045° E/);
    });
    await t.shot(page, "camera-incident", { fullPage: true });
    assert.deepEqual(page.errors, []);
  });
  await t.close(page);
}
