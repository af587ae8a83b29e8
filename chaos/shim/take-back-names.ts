/** Gives names back, and takes them away again, as if changes of them had never been made. */

import { linkSync, lstatSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { NameChange } from "./unsynced.ts";

/**
 * Takes these changes back.
 * @param root below which all names are.
 * @param keep where the shim has kept the inodes that lost a name.
 * @returns how many names are not what they were.
 */
export function applyNames(root: string, keep: string, changes: readonly NameChange[]): number {
  const wanted = before(changes);
  const now = pathsByInode(root);
  const staging = join(keep, "staging");
  mkdirSync(staging, { recursive: true });
  // Every inode is put aside before any name is touched: two names may have changed places.
  for (const inode of new Set([...wanted.values()])) {
    if (inode === 0) continue;
    const held = now.get(inode) ?? join(keep, String(inode));
    linkSync(held, join(staging, String(inode)));
  }
  let changed = 0;
  for (const [path, inode] of wanted) {
    if (inodeAt(path) === inode) continue;
    changed += 1;
    rmSync(path, { recursive: true, force: true });
    // Its folder is gone if that was taken back as well.
    if (inode !== 0 && inodeAt(path.slice(0, path.lastIndexOf("/"))) !== 0)
      linkSync(join(staging, String(inode)), path);
  }
  rmSync(staging, { recursive: true });
  return changed;
}

/** The inode that each name had before the changes; 0 for none. Of several changes of a name the first counts. */
function before(changes: readonly NameChange[]): ReadonlyMap<string, number> {
  const names = new Map<string, number>();
  const first = (path: string, inode: number): void => {
    if (!names.has(path)) names.set(path, inode);
  };
  for (const { kind, path, path2, inode, replaced } of changes) {
    first(path, kind === "create" || kind === "mkdir" ? 0 : inode);
    if (kind === "rename") first(path2, replaced);
  }
  return names;
}

function inodeAt(path: string): number {
  return lstatSync(path, { throwIfNoEntry: false })?.ino ?? 0;
}

/** Where each file below `root` is. */
export function pathsByInode(root: string): ReadonlyMap<number, string> {
  const paths = new Map<number, string>();
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) paths.set(inodeAt(path), path);
  }
  return paths;
}
