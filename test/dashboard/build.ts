/** The page as it is served: built once for each run of the tests, from the sources as they are now. */

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SOURCES = [join(ROOT, "src/dashboard"), join(ROOT, "src/client"), join(ROOT, "vite.config.ts")];

/** Where `npm run build:dashboard` puts it. */
export const PAGE: string = join(ROOT, "dist/dashboard");

/** Builds the page if a source is newer than what was built. @throws {Error} what Vite said. */
export function buildPage(): void {
  const built = join(PAGE, "index.html");
  if (existsSync(built) && statSync(built).mtimeMs > Math.max(...SOURCES.map(newest))) return;
  const { status, stderr, stdout } = spawnSync(
    process.execPath,
    [join(ROOT, "node_modules/vite/bin/vite.js"), "build", "--logLevel", "warn"],
    { cwd: ROOT, encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`the page cannot be built:\n${stdout}${stderr}`);
}

function newest(path: string): number {
  const { mtimeMs } = statSync(path);
  if (!statSync(path).isDirectory()) return mtimeMs;
  return Math.max(mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}
