/**
 * Unified diffs, applied without any tolerance: what a hunk takes away and keeps must stand in the file exactly once,
 * character by character. Line numbers are not looked at, so that code may move; a changed context is refused, because
 * a bug that is planted in other code than it was made for is another bug.
 */

/** A patch that does not fit, with the reason. */
export class PatchError extends Error {
  override readonly name: string = "PatchError";
}

interface Hunk {
  readonly before: string;
  readonly after: string;
}

export interface FilePatch {
  /** From the root of the repository, as in `src/raft/log.ts`. */
  readonly path: string;
  readonly hunks: readonly Hunk[];
}

/**
 * Reads a unified diff as `git diff` and `diff -u` write it.
 * @throws {PatchError} if it is none, is empty, or makes, removes or renames files.
 */
export function parsePatch(text: string): readonly FilePatch[] {
  const files: FilePatch[] = [];
  const lines = text.replace(/\n$/, "").split("\n");
  for (let at = 0; at < lines.length; ) {
    const line = lines[at] ?? "";
    if (!line.startsWith("--- ")) {
      if (!/^(?:diff |index |$)/.test(line))
        throw new PatchError(`line ${at + 1} belongs to no hunk: ${line}`);
      at++;
      continue;
    }
    const path = pathOf(line);
    if (path !== pathOf(lines[at + 1] ?? "")) throw new PatchError(`${path} is made, removed or renamed`);
    at += 2;
    const hunks: Hunk[] = [];
    while (lines[at]?.startsWith("@@ ") === true) {
      const { hunk, end } = readHunk(lines, at);
      hunks.push(hunk);
      at = end;
    }
    if (hunks.length === 0) throw new PatchError(`${path} has no hunk`);
    files.push({ path, hunks });
  }
  if (files.length === 0) throw new PatchError("the patch changes nothing");
  return files;
}

function pathOf(line: string): string {
  const path = /^(?:---|\+\+\+) [ab]\/([^\t]+)/.exec(line)?.[1];
  if (path === undefined) throw new PatchError(`this names no file of the repository: ${line}`);
  return path;
}

function readHunk(lines: readonly string[], start: number): { readonly hunk: Hunk; readonly end: number } {
  const header = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@/.exec(lines[start] ?? "");
  if (header === null) throw new PatchError(`line ${start + 1} is no head of a hunk`);
  const count = { before: Number(header[1] ?? 1), after: Number(header[2] ?? 1) };
  const before: string[] = [];
  const after: string[] = [];
  let at = start + 1;
  while (before.length < count.before || after.length < count.after) {
    const line = lines[at];
    if (line === undefined) throw new PatchError("the last hunk is cut short");
    const text = line.slice(1);
    if (line === "" || line.startsWith(" ") || line.startsWith("-")) before.push(text);
    if (line === "" || line.startsWith(" ") || line.startsWith("+")) after.push(text);
    if (!/^(?:[ +-]|$)/.test(line)) throw new PatchError(`line ${at + 1} is no line of a hunk: ${line}`);
    at++;
  }
  if (before.length !== count.before || after.length !== count.after) {
    throw new PatchError(`the hunk at line ${start + 1} has other lines than its head says`);
  }
  return { hunk: { before: block(before), after: block(after) }, end: at };
}

function block(lines: readonly string[]): string {
  return `\n${lines.join("\n")}\n`;
}

/**
 * The text with the hunks of one file applied.
 * @throws {PatchError} unless each of them fits at exactly one place.
 */
export function applyHunks({ path, hunks }: FilePatch, text: string): string {
  let changed = `\n${text}`;
  for (const [number, { before, after }] of hunks.entries()) {
    const at = changed.indexOf(before);
    const which = `hunk ${number + 1} of ${path}`;
    if (at === -1) throw new PatchError(`${which} no longer applies: what it changes is not there any more`);
    if (changed.indexOf(before, at + 1) !== -1) throw new PatchError(`${which} fits at more than one place`);
    changed = changed.slice(0, at) + after + changed.slice(at + before.length);
  }
  return changed.slice(1);
}
