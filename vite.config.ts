/** How the page is built: `npm run build:dashboard`. */

import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import type { Plugin, UserConfig } from "vite";

/** Beside each asset its compressed forms, as small as they get: the nodes only have to read them. */
function compress(): Plugin {
  return {
    name: "compress",
    apply: "build",
    writeBundle({ dir = "" }) {
      const assets = join(dir, "assets");
      for (const name of readdirSync(assets)) {
        const bytes = readFileSync(join(assets, name));
        const best = { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } };
        writeFileSync(join(assets, `${name}.br`), brotliCompressSync(bytes, best));
        writeFileSync(join(assets, `${name}.gz`), gzipSync(bytes, { level: constants.Z_BEST_COMPRESSION }));
      }
    },
  };
}

const DIST = join(import.meta.dirname, "dist");
const PLACE = join(DIST, "dashboard");
const BESIDE = join(DIST, `.dashboard-${process.pid}`);

/** Built beside its place and put there whole: nodes that start meanwhile find the page of before or the new one. */
function putInPlace(): Plugin {
  let outDir = "";
  return {
    name: "put-in-place",
    apply: "build",
    configResolved(resolved) {
      outDir = resolved.build.outDir;
    },
    closeBundle() {
      if (outDir !== BESIDE || !existsSync(join(BESIDE, "index.html"))) return;
      mkdirSync(DIST, { recursive: true });
      if (!isThere()) swap();
      rmSync(BESIDE, { recursive: true, force: true });
    },
  };
}

/** Whether this very page is there already: it names its assets by their content. What is there, others may be reading. */
function isThere(): boolean {
  const old = join(PLACE, "index.html");
  return existsSync(old) && readFileSync(old, "utf8") === readFileSync(join(BESIDE, "index.html"), "utf8");
}

function swap(): void {
  const before = `${BESIDE}-before`;
  if (existsSync(PLACE)) renameSync(PLACE, before);
  try {
    renameSync(BESIDE, PLACE);
  } catch (error) {
    // Another build was first: it has put the same sources there.
    if (!isThere()) throw error;
  }
  rmSync(before, { recursive: true, force: true });
}

const config: UserConfig = {
  root: join(import.meta.dirname, "src/dashboard"),
  base: "/",
  publicDir: false,
  plugins: [compress(), putInPlace()],
  build: {
    outDir: BESIDE,
    emptyOutDir: true,
    target: "es2023",
    // Every browser that can run the rest preloads modules by itself.
    modulePreload: { polyfill: false },
    // The page's policy lets nothing be part of a stylesheet or a script that is not its own file.
    assetsInlineLimit: 0,
  },
};

export default config;
