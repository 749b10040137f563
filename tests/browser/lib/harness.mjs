// A browser, pages that are watched for errors and for requests to other machines, and the counting of
// checks. What is checked is in ../checks.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

import { chromium } from "playwright-core";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Until a camera's background is learnt its address answers 404, which a browser calls an error. */
const NO_BACKGROUND = /\/background$/;

const axeSource = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export class Harness {
  passed = 0;
  failed = 0;

  static async start(url, shots) {
    const harness = new Harness();
    harness.url = new URL(url);
    harness.shots = shots;
    harness.browser = await chromium.launch({
      executablePath: process.env.WAYSIDE_CHROMIUM ?? "/usr/bin/chromium",
      headless: true,
      args: FLAGS,
    });
    return harness;
  }

  async stop() {
    await this.browser.close();
  }

  async check(name, what) {
    const before = performance.now();
    try {
      await what();
      this.passed += 1;
      console.log(`ok      ${name} (${((performance.now() - before) / 1000).toFixed(1)} s)`);
    } catch (error) {
      this.failed += 1;
      console.log(`FAILED  ${name}\n        ${String(error?.stack ?? error).replaceAll("\n", "\n        ")}`);
    }
  }

  skip(name, why) {
    console.error(`SKIPPED: ${name}: ${why}`);
  }

  /** A fresh browser profile with one page. `faulty` pages meet faults on purpose: what the browser itself
   * says about failed requests is then no error of the page. */
  async open({ path = "/", width = 1280, height = 720, scheme = "dark", faulty = false, prepare } = {}) {
    const context = await this.browser.newContext({
      viewport: { width, height },
      colorScheme: scheme,
      acceptDownloads: true,
      reducedMotion: "reduce",
    });
    const page = await context.newPage();
    page.errors = [];
    page.strangers = [];
    page.on("console", (message) => {
      if (message.type() !== "error" && message.type() !== "warning") return;
      const from = message.location().url ?? "";
      const failedRequest = /Failed to load resource|net::ERR_/.test(message.text());
      if (failedRequest && (faulty || (NO_BACKGROUND.test(from) && /404/.test(message.text())))) return;
      page.errors.push(`${message.type()}: ${message.text()} (${from})`);
    });
    page.on("pageerror", (error) => page.errors.push(`exception: ${error.message}`));
    page.on("request", (request) => {
      const to = new URL(request.url());
      if (to.protocol !== "blob:" && to.origin !== this.url.origin) page.strangers.push(request.url());
    });
    if (prepare) await prepare(page, context);
    page.response = await page.goto(new URL(path, this.url).href);
    return page;
  }

  /** Nothing went wrong on a page, and it spoke to its own server alone. */
  clean(page) {
    assert.deepEqual(page.errors, [], "the console has errors");
    assert.deepEqual(page.strangers, [], "requests to other machines");
  }

  async close(page) {
    await page.context().close();
  }

  async shot(page, name, options = {}) {
    await page.screenshot({ path: new URL(`${name}.png`, this.shots).pathname, ...options });
  }

  /** What the API says, asked by the page itself. */
  async api(page, path, headers = {}) {
    const answer = await page.evaluate(
      async ([to, with_]) => {
        const response = await fetch(to, { headers: with_ });
        return { status: response.status, text: await response.text() };
      },
      [path, headers],
    );
    assert.equal(answer.status, 200, `${path}: ${answer.text.slice(0, 200)}`);
    return JSON.parse(answer.text);
  }

  /** WCAG 2.2 A and AA, as far as a machine can tell (axe-core). */
  async accessible(page) {
    await page.evaluate(axeSource);
    const found = await page.evaluate(async () => {
      const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
      const result = await globalThis.axe.run(document, { runOnly: tags });
      return result.violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.target.join(" ")).join(" | ")}`);
    });
    assert.deepEqual(found, []);
  }

  /** No part of the page is wider than the window. */
  async fits(page) {
    const { content, window } = await page.evaluate(() => ({
      content: document.documentElement.scrollWidth,
      window: document.documentElement.clientWidth,
    }));
    assert.ok(content <= window, `the page is ${content} px wide in a window of ${window} px`);
  }
}

/** Asks until it holds; the last complaint is the failure. */
export async function eventually(seconds, what) {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    try {
      return await what();
    } catch (error) {
      if (performance.now() > end) throw error;
      await new Promise((go) => setTimeout(go, 250));
    }
  }
}
