/** Work on whole snapshot files, each job in a thread of its own: it scans every row and hashes every byte. */

import { Worker } from "node:worker_threads";
import { assert } from "../base/index.ts";
import { reviveError, type SnapshotJob, type SnapshotJobResult, workerUrl } from "./state-protocol.ts";
import type { SnapshotManifest } from "./types.ts";

/**
 * Copies state.db at `source` to the new, fsynced file `target` and describes it.
 * @throws {CorruptionError} if the rows are not those that the state's digest was made of.
 */
export async function copyState(source: string, target: string): Promise<SnapshotManifest> {
  const result = await runJob({ kind: "take", source, target });
  assert(result.kind === "taken", "snapshot: a worker answers the job that it was given");
  return result.manifest;
}

/** In what way a file differs from its manifest, as a clause; undefined if it does not. */
export async function mismatchOf(file: string, manifest: SnapshotManifest): Promise<string | undefined> {
  const result = await runJob({ kind: "verify", file, manifest });
  assert(result.kind === "verified", "snapshot: a worker answers the job that it was given");
  return result.mismatch;
}

function runJob(job: SnapshotJob): Promise<Exclude<SnapshotJobResult, { kind: "failed" }>> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(workerUrl("snapshot-worker"), { workerData: job, name: "raftally-snapshot" });
    let result: SnapshotJobResult | undefined;
    worker.on("message", (message: SnapshotJobResult) => {
      result = message;
    });
    worker.on("error", reject);
    // Settling at the exit, not at the message: by then the thread has let go of all files.
    worker.on("exit", (code) => {
      if (result === undefined) reject(new Error(`the snapshot worker ended with exit code ${code}`));
      else if (result.kind === "failed") reject(reviveError(result.error));
      else resolve(result);
    });
  });
}
