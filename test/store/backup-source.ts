/** A node of the old cluster with something to lose, and the files that are made of it. */

import { createHash } from "node:crypto";
import { cpSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32c } from "../../src/base/index.ts";
import { encodePayload } from "../../src/counter/index.ts";
import { chainHash, type Entry, type EntryBody, index, nodeId, term } from "../../src/raft/index.ts";
import { type Disk, realDisk } from "../../src/store/disk.ts";
import {
  type InitialMember,
  type NodeStore,
  openStore,
  type SnapshotManifest,
  writeBackup,
} from "../../src/store/index.ts";
import type { Identity } from "../../src/store/types.ts";
import { form, increments } from "./formed-directory.ts";

export const SELF: InitialMember = { id: nodeId("n1"), peer: "127.0.0.1:5100", api: "http://127.0.0.1:5000" };

/** Writes and applies `count` increments of `hits`, and one visit that is remembered by its member. */
export async function grow(store: NodeStore, count: number): Promise<Entry> {
  const from = store.recovered.entries.at(-1) ?? store.recovered.base;
  const entries = [...increments(from, count - 1)];
  entries.push(visit(entries.at(-1) ?? from));
  const last = entries.at(-1) as Entry;
  const hardState = { term: term(3), vote: nodeId("n2"), commit: last.index };
  await store.write({ seq: 1, hardState, append: entries });
  await store.apply(entries, false);
  return last;
}

/** An entry after `previous` that counts a visitor once. */
export function visit(previous: { index: number; chain: number }, member = "ada"): Entry {
  const operation = { kind: "add", key: "visitors", by: 1n, once: member } as const;
  const data = encodePayload({ elapsed: 5, items: [{ kind: "command", command: { operation } }] });
  const body: EntryBody = { kind: "command", data, crc: crc32c(data) };
  const id = { index: index(previous.index + 1), term: term(1) };
  return { ...id, ...body, chain: chainHash(previous.chain, id, body) };
}

/** A directory of node n1 of cluster c1 with `count` entries, all applied, at `path`; closed. */
export async function oldNode(path: string, count: number): Promise<Identity> {
  const identity = await form(path, "n1");
  const store = await openStore({ directory: path, identity });
  if (count > 0) await grow(store, count);
  await store.close();
  return identity;
}

export interface OldBackup {
  readonly file: string;
  readonly manifest: SnapshotManifest;
}

/** The backup of such a node after `count` entries, at `file`. */
export async function oldBackup(directory: string, count: number): Promise<OldBackup> {
  const path = join(directory, `old-${count}`);
  const identity = await form(path, "n1");
  const store = await openStore({ directory: path, identity });
  if (count > 0) await grow(store, count);
  const manifest = await store.takeSnapshot();
  const file = join(directory, `backup-${count}`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeBackup(manifest, store.holdSnapshot(manifest.meta) ?? "", "1.2.3")) {
    chunks.push(chunk);
  }
  await store.close();
  writeFileSync(file, Buffer.concat(chunks));
  return { file, manifest };
}

/** Every file below `path` with a hash of its content, but for the lock. */
export function contentsOf(path: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of readdirSync(path, { recursive: true }) as string[]) {
    if (name.startsWith("lock") || statSync(join(path, name)).isDirectory()) continue;
    found[name] = createHash("sha256")
      .update(readFileSync(join(path, name)))
      .digest("hex");
  }
  return found;
}

/**
 * The real disk, and before each of its operations that changes something a copy of `directory` as a process that is
 * killed then would leave it, unless nothing has changed since the last. The copies are in `into`, numbered.
 */
export function copyingDisk(directory: string, into: string): { readonly disk: Disk; copies(): string[] } {
  const made: string[] = [];
  let last = "";
  const copy = (): void => {
    const contents = JSON.stringify(contentsOf(directory));
    if (contents === last) return;
    last = contents;
    const target = join(into, `crash-${made.length}`);
    cpSync(directory, target, { recursive: true });
    made.push(target);
  };
  const disk: Disk = {
    ...realDisk,
    create: (path) => {
      copy();
      return realDisk.create(path);
    },
    rename: (from, to) => {
      copy();
      return realDisk.rename(from, to);
    },
    remove: (path) => {
      copy();
      return realDisk.remove(path);
    },
    syncDirectory: (path) => {
      copy();
      return realDisk.syncDirectory(path);
    },
  };
  return { disk, copies: () => made };
}
