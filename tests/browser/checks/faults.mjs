// What goes wrong is said, and never leaves a blank page.

import assert from "node:assert/strict";

import { eventually } from "../lib/harness.mjs";

const PROBLEM = { type: "urn:wayside:problem:internal", title: "Something broke inside Wayside", status: 500, detail: "The log names the cause" };

export async function checks(t) {
  for (const [name, answer, words] of [
    ["an answer that is no JSON", { status: 200, contentType: "application/json", body: "{" }, /is not JSON/],
    ["a list that is none", { json: [] }, /the list of cameras should be an object/],
    ["a refusal", { status: 500, contentType: "application/problem+json", body: JSON.stringify(PROBLEM) }, /Something broke inside Wayside: The log names the cause/],
  ]) {
    await t.check(`${name} in place of the cameras is said, not shown as nothing`, async () => {
      const page = await t.open({ faulty: true, prepare: (p) => p.route("**/api/v1/cameras", (route) => route.fulfill(answer)) });
      await page.getByRole("alert").filter({ hasText: words }).waitFor();
      await page.getByRole("heading", { name: "The cameras can't be shown" }).waitFor();
      // Once the answer is right again the page recovers by itself.
      await page.unroute("**/api/v1/cameras");
      await page.locator("[data-camera]").first().waitFor({ timeout: 20_000 });
      assert.deepEqual(page.errors, []);
      await t.close(page);
    });
  }

  await t.check("one broken camera leaves the others and is reported", async () => {
    let whole = 0;
    const page = await t.open({
      prepare: (p) =>
        p.route("**/api/v1/cameras", async (route) => {
          const answer = await route.fetch();
          const list = await answer.json();
          whole = list.items.length;
          list.items.push({ id: "broken", name: 7 });
          await route.fulfill({ response: answer, json: list });
        }),
    });
    await page.getByText("camera broken.name should be a text and is 7").waitFor();
    assert.equal(await page.locator("[data-camera]").count(), whole);
    await page.getByRole("button", { name: "Dismiss" }).click();
    assert.equal(await page.getByText("camera broken.name").count(), 0);
    t.clean(page);
    await t.close(page);
  });

  await t.check("broken and unknown live events do no harm", async () => {
    const events = ["event: camera\ndata: {\n\n", 'event: icons\ndata: {"camera":"x","icons":[{"class":"face","column":1,"row":1}]}\n\n', "event: weather\ndata: {}\n\n"];
    const page = await t.open({
      faulty: true,
      prepare: (p) => p.route("**/api/v1/live", (route) => route.fulfill({ contentType: "text/event-stream", body: events.join("") })),
    });
    await page.getByText("Some data could not be read").waitFor();
    await page.locator("[data-camera]").first().waitFor();
    assert.deepEqual(page.errors, []);
    await t.close(page);
  });

  await t.check("a database that is away is said to be", async () => {
    const away = { ready: true, database: "spooling", spooled_rows: 12, cameras_live: 1, cameras: 1, reasons: ["connection refused"] };
    const page = await t.open({ prepare: (p) => p.route("**/readyz", (route) => route.fulfill({ json: away })) });
    await page.getByText("The database is away").waitFor();
    await page.getByText("connection refused").waitFor();
    t.clean(page);
    await t.close(page);
  });

  await t.check("a lost stream is said at once, and comes back by itself", async () => {
    const page = await t.open({ faulty: true });
    await page.locator("[data-camera]").first().waitFor();
    await eventually(15, async () => assert.equal((await page.getByTestId("link").innerText()).trim(), "Connected"));
    await page.context().setOffline(true);
    const banner = page.getByRole("alert").filter({ hasText: "Live updates lost" });
    await banner.waitFor({ timeout: 40_000 });
    // What may be old must not look live.
    assert.equal(await page.locator("main").evaluate((main) => getComputedStyle(main).filter), "grayscale(1)");
    await t.shot(page, "lost");
    await page.context().setOffline(false);
    await eventually(60, async () => {
      assert.equal(await banner.count(), 0);
      assert.equal((await page.getByTestId("link").innerText()).trim(), "Connected");
    });
    assert.deepEqual(page.errors, []);
    await t.close(page);
  });
}
