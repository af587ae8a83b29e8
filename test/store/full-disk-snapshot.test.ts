import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Operation } from "../../src/counter/index.ts";
import { type RunningNode, startNode } from "../../src/node/index.ts";
import { realDisk } from "../../src/store/disk.ts";
import { loadIdentity, StorageFailure } from "../../src/store/index.ts";
import { openToRead, readMeta } from "../../src/store/sqlite-schema.ts";
import { readLog } from "../../src/store/wal-read.ts";
import { temporaryDirectory } from "./real-log.ts";

const SNAPSHOT_ENTRIES = 40;

let directory: ReturnType<typeof temporaryDirectory>;
let mounted = false;
const running: RunningNode[] = [];
beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(async () => {
  for (const node of running.splice(0)) await node.close();
  if (mounted) spawnSync("umount", [directory.path]);
  mounted = false;
  directory.remove();
});

function mount(...args: string[]): string | undefined {
  const { error, status, stderr } = spawnSync("mount", args, { encoding: "utf8" });
  if (error !== undefined) return "there is no mount command";
  return status === 0
    ? undefined
    : `no tmpfs can be mounted, which needs root (${stderr.trim().split("\n")[0]})`;
}

interface Started {
  readonly node: RunningNode;
  /** Resolves with what `onFatal` was told. */
  readonly fatal: Promise<Error>;
}

/** A cluster of one node that takes a snapshot every few entries and keeps nothing of the log behind it. */
async function start(data: string): Promise<Started> {
  let node: RunningNode | undefined;
  const fatal = new Promise<Error>((onFatal, reject) => {
    startNode({
      id: "n1",
      clusterId: "c1",
      members: [{ id: "n1", peer: "127.0.0.1:4100", api: "http://127.0.0.1:4000" }],
      directory: data,
      listenPeer: { host: "127.0.0.1", port: 0 },
      secret: "",
      version: "1.2.3",
      settings: {
        node: { snapshotEntries: SNAPSHOT_ENTRIES },
        raft: { trailingEntriesMax: 0, trailingBytesMax: 0 },
      },
      onNotice: () => undefined,
      onFatal,
    }).then((started) => {
      node = started;
      begun();
    }, reject);
  });
  let begun: () => void = () => undefined;
  await Promise.race([new Promise<void>((resolve) => (begun = resolve)), fatal]);
  if (node === undefined) throw new Error("it failed while it started");
  running.push(node);
  return { node, fatal };
}

/** Whether the write was acknowledged. */
async function write({ service }: RunningNode, operation: Operation): Promise<boolean> {
  const result = await service.write({ operation });
  return result.kind === "applied" && result.outcome.kind !== "refused";
}

async function hits({ service }: RunningNode): Promise<bigint | undefined> {
  const result = await service.read({ kind: "get", key: "hits" }, "linearizable");
  return result.kind === "answer" && result.answer.kind === "get" ? result.answer.row?.value : undefined;
}

/** The applied index in state.db of a node that may be running. */
function appliedIn(data: string): number {
  const reader = openToRead(join(data, "state.db"));
  try {
    return readMeta(reader).position.index;
  } finally {
    reader.close();
  }
}

describe("a snapshot that does not fit on the disk (T48)", { timeout: 180_000 }, () => {
  it("cuts nothing off the log, stops the node, and after room was made every count is there (needs root)", async (ctx) => {
    const missing = mount("-t", "tmpfs", "-o", "size=24m", "tmpfs", directory.path);
    if (missing !== undefined) ctx.skip(missing);
    mounted = true;
    const data = join(directory.path, "n1");
    const { node, fatal } = await start(data);
    // Some megabytes of counters, so that a copy of the state needs room that the log does not.
    for (let batch = 0; batch < 5; batch++) {
      const changes = Array.from({ length: 1_000 }, (_, at) => {
        return { kind: "add", key: `${"k".repeat(480)}-${batch}-${at}`, by: 1n } as const;
      });
      expect(await write(node, { kind: "batch", changes })).toBe(true);
    }
    // The state takes what was applied to it a moment later, and room for it that the ballast must not count on.
    const { applied } = node.service.status();
    await expect.poll(() => appliedIn(data), { timeout: 30_000 }).toBe(applied);
    const ballast = join(directory.path, "ballast");
    const { bavail, bsize } = statfsSync(directory.path);
    writeFileSync(ballast, Buffer.alloc(bavail * bsize - 1_000_000));
    let acknowledged = 0n;
    let failed = false;
    void fatal.then(() => {
      failed = true;
    });
    while (!failed) {
      if (await write(node, { kind: "add", key: "hits", by: 1n })) acknowledged += 1n;
      expect(acknowledged).toBeLessThan(5_000n);
    }
    const failure = await fatal;
    expect(failure).toBeInstanceOf(StorageFailure);
    expect(failure.message).toMatch(/disk is full/);
    expect(acknowledged).toBeGreaterThan(10n);
    running.length = 0;
    // It ends by itself, with nothing left open. The disk may be too full even for the last word of the log; that
    // was seen once, and it is said.
    const said = await node.close().catch((error: unknown) => error);
    if (said !== undefined) expect(said).toBeInstanceOf(StorageFailure);
    const identity = await loadIdentity(data);
    if (identity === undefined) throw new Error("the directory has an identity");
    const log = await readLog(realDisk, data, identity);
    expect(log.shape.base.index).toBe(0);
    expect(log.entries.length).toBeGreaterThanOrEqual(SNAPSHOT_ENTRIES);
    expect(readdirSync(join(data, "snapshots")).filter((name) => name.endsWith(".json"))).toEqual([]);
    rmSync(ballast);
    const again = await start(data);
    const counted = await hits(again.node);
    // What was being written when it stopped may count as well.
    expect(counted).toBeGreaterThanOrEqual(acknowledged);
    expect(counted).toBeLessThanOrEqual(acknowledged + 1n);
    // Now that there is room, the snapshot is taken and the log is cut behind it.
    for (let more = 0; more < 5_000 && again.node.service.status().first === 1; more++) {
      expect(await write(again.node, { kind: "add", key: "hits", by: 1n })).toBe(true);
    }
    expect(again.node.service.status().first).toBeGreaterThan(1);
    expect(existsSync(join(data, "snapshots", "taking.tmp"))).toBe(false);
  });
});
