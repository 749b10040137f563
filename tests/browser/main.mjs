// Runs every check of the page and prints how many passed and failed.
//
//   WAYSIDE_URL                the address of a running Wayside with live cameras (required)
//   WAYSIDE_BREAK_CAMERA       a shell command that makes at least one camera fall silent, and
//   WAYSIDE_MEND_CAMERA        one that brings it back: with both, a real loss is watched on the page
//   WAYSIDE_PAST               which day past.sql took for yesterday, where it was run on its database: what there is to compare with
//   WAYSIDE_CHROMIUM           the browser, /usr/bin/chromium unless told
//
// Screenshots go to shots/. The checks share one Wayside and run in order: the first ones wait until its
// cameras are live and a minute has closed.

import { mkdir, rm } from "node:fs/promises";

import { Harness } from "./lib/harness.mjs";
import * as audit from "./checks/audit.mjs";
import * as camera from "./checks/camera.mjs";
import * as compare from "./checks/compare.mjs";
import * as faults from "./checks/faults.mjs";
import * as incidents from "./checks/incidents.mjs";
import * as many from "./checks/many.mjs";
import * as overview from "./checks/overview.mjs";

const url = process.env.WAYSIDE_URL;
if (!url) {
  console.error("WAYSIDE_URL is missing: give the address of a running Wayside, such as http://127.0.0.1:8080");
  process.exit(2);
}

const shots = new URL("./shots/", import.meta.url);
await rm(shots, { recursive: true, force: true });
await mkdir(shots, { recursive: true });

const harness = await Harness.start(url, shots);
try {
  for (const part of [overview, camera, audit, compare, incidents, many, faults]) await part.checks(harness);
} finally {
  await harness.stop();
}
console.log(`${harness.passed} passed, ${harness.failed} failed`);
process.exitCode = harness.failed === 0 && harness.passed > 0 ? 0 : 1;
