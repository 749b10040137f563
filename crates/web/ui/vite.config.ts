// How the page is built. It goes into the binary as it leaves here, so nothing in it may point at another
// machine, and nothing may need inline scripts, inline styles or data: addresses, which the content
// security policy of the server forbids.

import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

/** Where `npm run dev` finds a running Wayside. */
const wayside = "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [svelte({ configFile: false })],
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  server: { proxy: { "/api": wayside, "/healthz": wayside, "/readyz": wayside } },
});
