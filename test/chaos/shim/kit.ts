/** Runs lists of steps under the shim, each in a process of its own that dies at the end. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ShimmedDisk } from "../../../chaos/shim/disk.ts";
import { shimLibrary } from "../../../chaos/shim/library.ts";
import type { Step } from "./scribe.ts";

export interface Desk {
  readonly disk: ShimmedDisk;
  /** What each step said. */
  run(steps: readonly Step[]): readonly string[];
  read(file: string): string;
}

/** Gives a folder under the shim to `use`, and removes it afterwards. */
export async function withDesk(use: (desk: Desk) => void): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "raftally-shim-test-"));
  try {
    const disk = new ShimmedDisk(join(directory, "root"), await shimLibrary());
    const list = join(directory, "list.json");
    use({
      disk,
      run: (steps) => {
        writeFileSync(list, JSON.stringify(steps));
        const program = join(import.meta.dirname, "scribe.ts");
        const { stdout, stderr, signal } = spawnSync(process.execPath, [program, list, disk.root], {
          env: { ...process.env, ...disk.env },
          encoding: "utf8",
        });
        if (signal !== "SIGKILL" || stderr !== "") throw new Error(`the scribe failed: ${stderr}`);
        return stdout.split("\n").slice(0, -1);
      },
      read: (file) => readFileSync(join(disk.root, file), "utf8"),
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** `steps` for each of so many files that share nothing, so that one run shows what can become of them. */
export function forEach(count: number, steps: (name: string) => readonly Step[]): readonly Step[] {
  return Array.from({ length: count }, (_, at) => steps(`f${at}`)).flat();
}
