/** Where the dashboard is, and building it where it is not. */

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { PageControl, PageOptions } from "../api/index.ts";

/** The same from the sources and from the packed JavaScript: both are two folders below. */
const ROOT: string = fileURLToPath(new URL("../..", import.meta.url));

function directoryIn(root: string): string {
  return join(root, "dist", "dashboard");
}

function viteIn(root: string): string {
  return join(root, "node_modules", "vite", "bin", "vite.js");
}

/** What `serve` tells the API of the page. @param environment of the process: a launcher names its control server there. */
export function pageOptions(environment: NodeJS.ProcessEnv): PageOptions {
  const control = controlOf(environment);
  return { directory: directoryIn(ROOT), ...(control === undefined ? {} : { control }) };
}

function controlOf({
  RAFTALLY_CONTROL_URL: url,
  RAFTALLY_CONTROL_TOKEN: token,
}: NodeJS.ProcessEnv): PageControl | undefined {
  return url === undefined || token === undefined || !URL.canParse(url) ? undefined : { url, token };
}

/** Whether there is a page to be looked at. */
export function hasPage(root: string = ROOT): boolean {
  return existsSync(join(directoryIn(root), "index.html"));
}

/**
 * Builds the page in a clone of the repository that has none yet. Whether it is older than its sources is not looked at.
 * @param say is told, in one sentence, why there will be no page; the nodes do without.
 * @param root of the repository or the installed package; that of this file by default.
 */
export async function buildPageIfMissing(
  say: (sentence: string) => void,
  root: string = ROOT,
): Promise<void> {
  // Only a clone of the repository has what it is built with.
  const isClone = existsSync(join(root, "vite.config.ts"));
  if (!isClone || hasPage(root)) return;
  if (!existsSync(viteIn(root))) {
    return say("there is no dashboard: vite, which builds it, is not installed (npm install brings it).");
  }
  try {
    await build(root);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    say(`there is no dashboard: building it failed (${why}).`);
  }
}

/** Built beside its place and moved there whole: several launchers may do this at once, and nodes read it meanwhile. */
async function build(root: string): Promise<void> {
  await mkdir(join(root, "dist"), { recursive: true });
  const made = await mkdtemp(join(root, "dist", ".dashboard-"));
  try {
    await runVite(root, made);
    await rename(made, directoryIn(root)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(made, { recursive: true, force: true });
  }
}

function runVite(root: string, outDir: string): Promise<void> {
  const args = [viteIn(root), "build", "--logLevel", "error", "--outDir", outDir];
  const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "ignore", "pipe"] });
  let told = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    told = (told + text).slice(0, 1_000);
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(reasonIn(told) ?? `exit code ${code}`));
    });
  });
}

/** The line that names an error; before it Vite says only what it was doing. */
function reasonIn(told: string): string | undefined {
  const lines = told.split("\n").map((line) => line.trim());
  return lines.find((line) => /^\w*Error\b/.test(line)) ?? lines.find((line) => line !== "");
}
