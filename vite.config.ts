/** How the page is built: `npm run build:dashboard`. */

import { join } from "node:path";
import type { UserConfig } from "vite";

const config: UserConfig = {
  root: join(import.meta.dirname, "src/dashboard"),
  base: "/",
  publicDir: false,
  build: {
    outDir: join(import.meta.dirname, "dist/dashboard"),
    emptyOutDir: true,
    target: "es2023",
    // A script in the page to preload modules would be one more, and old browsers cannot run the rest anyway.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
  },
};

export default config;
