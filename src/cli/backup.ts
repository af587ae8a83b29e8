/** `raftally backup`: the state of a running cluster in a file, which is verified before it gets its name. */

import { existsSync, linkSync, renameSync, rmSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { type Json, parseExact, printExact } from "../client/index.ts";
import { type BackupManifest, readBackup } from "../node/index.ts";
import { asking } from "./ask.ts";
import { EXIT } from "./commands.ts";
import { GaveUp } from "./gave-up.ts";
import type { Terminal } from "./output.ts";
import type { Parsed } from "./parse.ts";
import { systemReason } from "./refusal.ts";

export async function backup(parsed: Parsed, terminal: Terminal): Promise<number> {
  const [file = ""] = parsed.positionals;
  return asking(parsed, terminal, `back the cluster up to ${file}`, async () => {
    const { url, timeout, json } = parsed.values;
    if (existsSync(file)) throw taken(file);
    const folder = dirname(resolve(file));
    if (!existsSync(folder))
      throw failed(`There is no directory ${folder}.`, "nothing was copied", "make it first");
    const signal = AbortSignal.timeout(timeout);
    const node = await firstReady(url, signal);
    if (!json) terminal.error(`copying the state of ${node}`);
    const part = `${file}.${process.pid}.part`;
    try {
      await download(node, part, signal);
      const manifest = await verify(part);
      giveName(part, file);
      if (json) terminal.out(printExact(manifestJson(manifest, file)));
      else for (const line of showManifest(manifest, file)) terminal.out(line);
      return EXIT.done;
    } finally {
      rmSync(part, { force: true });
    }
  });
}

/** What a backup holds, in lines. The digest is what every node shows that has applied the same index. */
export function showManifest(manifest: BackupManifest, file: string): readonly string[] {
  const { clusterId, meta, counters, revision, digest } = manifest;
  return [
    `${file}: cluster ${clusterId}, index ${meta.index} of term ${meta.term}`,
    `${counters.toLocaleString("en")} counters, revision ${revision}, digest ${digest}, verified`,
  ];
}

export function manifestJson(manifest: BackupManifest, file: string): Json {
  const { clusterId, meta, counters, revision, digest, bytes, sha256, createdBy } = manifest;
  const { index, term } = meta;
  return { file, clusterId, index, term, counters, revision, digest, bytes, sha256, createdBy };
}

/** Asked before anything else: a node that is down or has no state yet would take all the time. */
const READY_MS = 3_000;

/** The first node that can serve; where none can, the first that runs has at least what it had applied. */
async function firstReady(urls: readonly string[], signal: AbortSignal): Promise<string> {
  for (const probe of ["readyz", "livez"]) {
    for (const url of urls) {
      const soon = AbortSignal.any([signal, AbortSignal.timeout(READY_MS)]);
      const response = await fetch(`${url}/${probe}`, { signal: soon }).catch(() => undefined);
      await response?.body?.cancel();
      if (response?.status === 200) return url;
    }
  }
  throw failed(`No node answers at ${urls.join(", ")}.`, "nothing was copied", "raftally status --url URL");
}

/** @throws {GaveUp} with what went wrong on the way. */
async function download(node: string, part: string, signal: AbortSignal): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    const response = await fetch(`${node}/v1/backup`, { signal, redirect: "error" });
    if (response.status !== 200 || response.body === null) {
      throw failed(
        `${node} gave no backup.`,
        problemOf(response.status, await response.text()),
        "another --url",
      );
    }
    handle = await open(part, "wx", 0o600);
    for await (const chunk of response.body) await handle.write(chunk);
    await handle.sync();
  } catch (error) {
    if (error instanceof GaveUp) throw error;
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const why = signal.aborted ? "it took longer than --timeout" : systemReason(cause);
    throw failed(`The backup of ${node} could not be copied to ${part}.`, why, "again, or another --url");
  } finally {
    await handle?.close();
  }
}

async function verify(part: string): Promise<BackupManifest> {
  try {
    return await readBackup(part);
  } catch (error) {
    if (!(error instanceof Error && error.name === "BackupError")) throw error;
    throw failed(
      "What arrived is no whole backup, and was deleted.",
      error.message,
      "again, or another --url",
    );
  }
}

/** A link, because that fails where a file has appeared meanwhile; not every file system has them. */
function giveName(part: string, file: string): void {
  try {
    linkSync(part, file);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "EEXIST" || existsSync(file)) throw taken(file);
    renameSync(part, file);
  }
}

function problemOf(status: number, text: string): string {
  try {
    const problem = parseExact(text);
    if (typeof problem === "object" && problem !== null && "detail" in problem)
      return String(problem["detail"]);
  } catch {
    // What follows says as much as is known.
  }
  return `it answered ${status}`;
}

function taken(file: string): GaveUp {
  return failed(`${file} exists already.`, "a backup never overwrites a file", "another file name");
}

function failed(what: string, why: string, advice: string): GaveUp {
  return new GaveUp({ what, why, try: advice, exitCode: EXIT.failed });
}
