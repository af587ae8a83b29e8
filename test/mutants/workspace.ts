/** A copy of the sources in a temporary folder, in which patches come and go. Packages are linked, not copied. */

import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { applyHunks, type FilePatch } from "./patch.ts";

/** What tests and simulator need of the repository; vitest reads every project that tsconfig.json names. */
const FOLDERS = ["src", "test", "chaos", "bench", "examples", "bin"];
const FILES = ["package.json", "tsconfig.json", "tsconfig.base.json", "vitest.config.ts"];

export class Workspace {
  readonly path: string;
  /** What the files that are changed now held before, by path. */
  readonly #originals: Map<string, string> = new Map();

  /** @param from the repository, or another copy of it. */
  constructor(from: string, packages: string) {
    this.path = mkdtempSync(join(tmpdir(), "raftally-mutant-"));
    for (const part of [...FOLDERS, ...FILES])
      cpSync(join(from, part), join(this.path, part), { recursive: true });
    symlinkSync(packages, join(this.path, "node_modules"));
  }

  read(path: string): string {
    return readFileSync(join(this.path, path), "utf8");
  }

  /**
   * Plants a bug.
   * @throws {PatchError} if the patch does not fit; nothing is changed then.
   */
  apply(patch: readonly FilePatch[]): void {
    const changed = patch.map((file) => {
      const original = this.read(file.path);
      return { path: file.path, original, text: applyHunks(file, original) };
    });
    for (const { path, original, text } of changed) {
      this.#originals.set(path, original);
      writeFileSync(join(this.path, path), text);
    }
  }

  /** Takes the bug out again. */
  restore(): void {
    for (const [path, text] of this.#originals) writeFileSync(join(this.path, path), text);
    this.#originals.clear();
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
