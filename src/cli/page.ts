/** Where the dashboard is, and building it where it is not. */

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { PageControl, PageOptions } from "../api/index.ts";

/** The same from the sources and from the packed JavaScript: both are two folders below. */
const ROOT: string = fileURLToPath(new URL("../..", import.meta.url));
const DIRECTORY: string = join(ROOT, "dist", "dashboard");
/** Where the page's sources and the tools that build it are; only a clone of the repository has them. */
const CONFIG: string = join(ROOT, "vite.config.ts");
const VITE: string = join(ROOT, "node_modules", "vite", "bin", "vite.js");

/** What `serve` tells the API of the page. @param environment of the process: a launcher names its control server there. */
export function pageOptions(environment: NodeJS.ProcessEnv): PageOptions {
  const control = controlOf(environment);
  return { directory: DIRECTORY, ...(control === undefined ? {} : { control }) };
}

function controlOf({
  RAFTALLY_CONTROL_URL: url,
  RAFTALLY_CONTROL_TOKEN: token,
}: NodeJS.ProcessEnv): PageControl | undefined {
  return url === undefined || token === undefined || !URL.canParse(url) ? undefined : { url, token };
}

/**
 * Builds the page in a clone of the repository that has none yet. Whether it is older than its sources is not looked at.
 * @param say is told, in one sentence, why there will be no page; the nodes do without.
 */
export async function buildPageIfMissing(say: (sentence: string) => void): Promise<void> {
  if (existsSync(join(DIRECTORY, "index.html")) || !existsSync(CONFIG)) return;
  if (!existsSync(VITE)) {
    return say("there is no dashboard: vite, which builds it, is not installed (npm install brings it).");
  }
  try {
    await build();
  } catch (error) {
    say(
      `there is no dashboard: building it failed (${error instanceof Error ? error.message : String(error)}).`,
    );
  }
}

/** Built beside its place and moved there whole: several launchers may do this at once, and nodes read it meanwhile. */
async function build(): Promise<void> {
  await mkdir(join(ROOT, "dist"), { recursive: true });
  const made = await mkdtemp(join(ROOT, "dist", "dashboard-"));
  try {
    await runVite(made);
    await rename(made, DIRECTORY).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(made, { recursive: true, force: true });
  }
}

function runVite(outDir: string): Promise<void> {
  const args = [VITE, "build", "--logLevel", "error", "--outDir", outDir];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "ignore", "pipe"] });
  let told = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    told = (told + text).slice(0, 1_000);
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(told.trim().split("\n")[0] ?? `exit code ${code}`));
    });
  });
}
