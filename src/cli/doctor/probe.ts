/** Measures how long the syncs of a file system take. */

import { closeSync, constants, fdatasyncSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { Syncs } from "./finding.ts";

/** A file without a name (Linux), which no directory shows and which goes with its descriptor. */
const O_TMPFILE = 0o20200000;
/** A batch of the log is about that long, bytes. */
const WRITE_BYTES = 4_096;
const WRITES = 30;
/** A disk that is very slow is not kept busy for longer than this, ms. */
const PROBE_MS = 1_500;

/**
 * Writes and syncs a small file again and again, in the file system of `directory` but not under a name in it.
 * @returns undefined where no such file can be made.
 */
export function probeSyncs(directory: string): Syncs | undefined {
  const file = openNameless(directory);
  if (file === undefined) return undefined;
  const bytes = Buffer.alloc(WRITE_BYTES, 1);
  const times: number[] = [];
  const began = performance.now();
  try {
    for (let at = 0; at < WRITES && performance.now() - began < PROBE_MS; at++) {
      writeSync(file.descriptor, bytes);
      const before = performance.now();
      fdatasyncSync(file.descriptor);
      times.push(performance.now() - before);
    }
  } catch {
    // A full disk, say: that is another finding.
  } finally {
    closeSync(file.descriptor);
    file.remove();
  }
  if (times.length === 0) return undefined;
  times.sort((a, b) => a - b);
  const at = (share: number): number =>
    times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  return { count: times.length, p50: at(0.5), p99: at(0.99) };
}

interface Nameless {
  readonly descriptor: number;
  readonly remove: () => void;
}

/** Without a name where the system can do that; else beside the directory, on the same file system. */
function openNameless(directory: string): Nameless | undefined {
  if (process.platform === "linux") {
    try {
      return { descriptor: openSync(directory, constants.O_RDWR | O_TMPFILE, 0o600), remove: () => {} };
    } catch {
      // Not every file system knows such files.
    }
  }
  for (const folder of [dirname(resolve(directory)), tmpdir()]) {
    const path = join(folder, `.raftally-probe-${process.pid}`);
    try {
      if (statSync(folder).dev !== statSync(directory).dev) continue;
      const descriptor = openSync(path, "wx", 0o600);
      return { descriptor, remove: () => rmSync(path, { force: true }) };
    } catch {
      // The next place, then.
    }
  }
  return undefined;
}
