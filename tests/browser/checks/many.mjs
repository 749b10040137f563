// Forty-five cameras: rows instead of cards, and filters that find one among them. The list is made from
// the real one, so that every camera but the first few exists on the page only.

import assert from "node:assert/strict";

const MANY = 45;
const ODD = {
  3: { state: "failed", reason: "the camera refuses user and password" },
  11: { state: "reconnecting", reason: "no frame for 10 s" },
  19: { state: "ended", reason: "the file was played to its end" },
  27: { state: "connecting", reason: null },
};

async function pretend(page) {
  await page.route("**/api/v1/cameras", async (route) => {
    const answer = await route.fetch();
    const { items } = await answer.json();
    const many = Array.from({ length: MANY }, (_, i) => {
      const model = items[i % items.length];
      const status = { ...model.status, ...ODD[i] };
      const department = i % 9 === 0 ? "water" : model.department;
      return { ...model, id: `many-${i}`, name: `Gate ${i + 1}`, source: "", department, status };
    });
    await route.fulfill({ response: answer, json: { items: many, next_cursor: null } });
  });
  await page.route("**/api/v1/measurements?*", (route) => route.fulfill({ json: { items: [], next_cursor: null } }));
  await page.route("**/background", (route) => route.fulfill({ status: 204, body: "" }));
}

export async function checks(t) {
  const page = await t.open({ prepare: pretend });

  await t.check(`${MANY} cameras are rows, in the order of their names`, async () => {
    await page.locator("tr[data-camera]").nth(MANY - 1).waitFor();
    const names = await page.locator("tr[data-camera] th a").allInnerTexts();
    assert.deepEqual(names, Array.from({ length: MANY }, (_, i) => `Gate ${i + 1}`));
    await t.shot(page, "many-rows");
  });

  await t.check("states can be told without colour and filter the list", async () => {
    for (const [i, { state }] of Object.entries(ODD)) {
      const row = page.locator(`tr[data-camera="many-${i}"]`);
      assert.match(await row.innerText(), new RegExp(state, "i"));
    }
    const shapes = new Set();
    for (const i of [0, ...Object.keys(ODD)]) {
      shapes.add(await page.locator(`tr[data-camera="many-${i}"] .state svg`).innerHTML());
    }
    assert.equal(shapes.size, 5, "two states have the same shape");
    const failed = page.getByRole("button", { name: /^Failed/ });
    await failed.click();
    assert.deepEqual(await page.locator("tr[data-camera] th a").allInnerTexts(), ["Gate 4"]);
    await failed.click();
  });

  await t.check("text and department filter the list", async () => {
    await page.getByRole("searchbox").fill("gate 45");
    assert.deepEqual(await page.locator("tr[data-camera] th a").allInnerTexts(), ["Gate 45"]);
    await page.getByRole("searchbox").fill("no such thing");
    await page.getByText("No camera fits.").waitFor();
    await page.getByRole("button", { name: "Show all" }).click();
    await page.getByLabel("Department").selectOption("water");
    assert.equal(await page.locator("tr[data-camera]").count(), 5);
    await page.getByRole("button", { name: "Show all" }).click();
    assert.equal(await page.locator("tr[data-camera]").count(), MANY);
  });

  await t.check("many cameras are accessible and fit, as rows and as cards", async () => {
    await t.fits(page);
    await t.accessible(page);
    await page.getByRole("button", { name: "Cards" }).click();
    await page.locator("article[data-camera]").first().waitFor();
    await t.fits(page);
    await page.setViewportSize({ width: 390, height: 844 });
    await t.fits(page);
    await page.getByRole("button", { name: "Rows" }).click();
    await t.fits(page);
    await t.shot(page, "many-phone");
    t.clean(page);
  });
  await t.close(page);
}
