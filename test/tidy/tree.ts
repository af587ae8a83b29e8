/** The files that the rules are about: those of the repository, or an invented few. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type SourceFile, sourceFile } from "./source.ts";

export interface Tree {
  readonly files: readonly SourceFile[];
}

/** An invented tree: path to text. */
export type Files = Readonly<Record<string, string>>;

export function treeOf(files: Files): Tree {
  return { files: Object.entries(files).map(([path, text]) => sourceFile(path, text)) };
}

export function textAt(tree: Tree, path: string): string | undefined {
  return tree.files.find((file) => file.path === path)?.text;
}

/** Whether a file or a folder is there. */
export function exists(tree: Tree, path: string): boolean {
  const folder = path.endsWith("/") ? path : `${path}/`;
  return tree.files.some((file) => file.path === path || file.path.startsWith(folder));
}

const BINARY = /\.(?:gz|png|ico|db|woff2)$/;

/**
 * Everything under `root` that `.gitignore` does not name, tracked or not. It reads the folder rather than asking git,
 * so that the tests also pass in an unpacked archive.
 */
export function readTree(root: string): Tree {
  const ignored = ignores(readFileSync(join(root, ".gitignore"), "utf8"));
  const files: SourceFile[] = [];
  const walk = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      if (entry.name === ".git" || ignored(entry.name, entry.isDirectory())) continue;
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) walk(path);
      else if (entry.isFile()) {
        files.push(sourceFile(path, BINARY.test(path) ? "" : readFileSync(join(root, path), "utf8")));
      }
    }
  };
  walk("");
  return { files };
}

/**
 * Whether a `.gitignore` names something. It knows the three shapes that ours has: `name/`, `*.ending` and `name`.
 * @throws {Error} for any other shape, rather than guess.
 */
export function ignores(gitignore: string): (name: string, directory: boolean) => boolean {
  const lines = gitignore.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  for (const line of lines) {
    if (!/^(?:\*?[\w.-]+|[\w.-]+\/)$/.test(line)) throw new Error(`.gitignore: tidy cannot read ${line}`);
  }
  return (name, directory) =>
    lines.some((line) => {
      if (line.endsWith("/")) return directory && name === line.slice(0, -1);
      return line.startsWith("*") ? name.endsWith(line.slice(1)) : name === line;
    });
}
