/** The page as it is served: built once for each run of the tests, from the sources as they are now. */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SOURCES = [join(ROOT, "src/dashboard"), join(ROOT, "src/client"), join(ROOT, "vite.config.ts")];

/** Where `npm run build:dashboard` puts it. */
export const PAGE: string = join(ROOT, "dist/dashboard");

/** Test files run beside each other, and only one may build. */
const LOCK = join(ROOT, "node_modules/.cache/raftally-page-lock");
/** A lock that is older was left by a process that was killed, ms. */
const LOCK_MS = 60_000;

/** Builds the page if a source is newer than what was built. @throws {Error} what Vite said. */
export function buildPage(): void {
  if (isBuilt()) return;
  lock();
  try {
    if (isBuiltNow()) return;
    const vite = join(ROOT, "node_modules/vite/bin/vite.js");
    const { status, stderr, stdout } = spawnSync(process.execPath, [vite, "build", "--logLevel", "warn"], {
      cwd: ROOT,
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`the page cannot be built:\n${stdout}${stderr}`);
  } finally {
    rmSync(LOCK, { recursive: true, force: true });
  }
}

function isBuilt(): boolean {
  return !existsSync(LOCK) && isBuiltNow();
}

function isBuiltNow(): boolean {
  const built = join(PAGE, "index.html");
  return existsSync(built) && statSync(built).mtimeMs > Math.max(...SOURCES.map(newest));
}

function lock(): void {
  mkdirSync(join(LOCK, ".."), { recursive: true });
  for (;;) {
    try {
      return mkdirSync(LOCK);
    } catch {
      const since = statSync(LOCK, { throwIfNoEntry: false })?.mtimeMs ?? 0;
      if (since !== 0 && Date.now() - since > LOCK_MS) rmSync(LOCK, { recursive: true, force: true });
      else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
    }
  }
}

function newest(path: string): number {
  const { mtimeMs } = statSync(path);
  if (!statSync(path).isDirectory()) return mtimeMs;
  return Math.max(mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}
