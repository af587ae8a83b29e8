import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Sqlite from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { Prng } from "../../src/base/index.ts";
import { term } from "../../src/raft/index.ts";
import { type Disk, realDisk } from "../../src/store/disk.ts";
import { StorageFailure } from "../../src/store/errors.ts";
import type { SnapshotManifest } from "../../src/store/types.ts";
import { flip } from "./real-log.ts";
import {
  bytes,
  directory,
  entries,
  filesOf,
  manifest,
  nameAt,
  openSnapshots,
  openState,
  prepareSnapshotHome,
} from "./snapshot-home.ts";
import { LogMaker, replay } from "./state-log.ts";

prepareSnapshotHome();

describe("receiving a snapshot", () => {
  it("goes on where it was interrupted, at every chunk, also by the end of the process", async () => {
    const random = new Prng(41);
    let snapshots = await openSnapshots();
    let interruptions = 0;
    for (;;) {
      const incoming = await snapshots.receive(manifest);
      const { offset } = incoming;
      if (offset === bytes.length) {
        expect(await incoming.finish()).toBe(true);
        break;
      }
      await incoming.write(bytes.subarray(offset, offset + random.between(1, 4_000)));
      expect(incoming.offset).toBeGreaterThan(offset);
      interruptions += 1;
      if (random.chance(0.4)) await incoming.abandon();
      else if (random.chance(0.5)) {
        // Neither finished nor let go of.
        await snapshots.close();
        snapshots = await openSnapshots();
      }
      expect(snapshots.latest()).toBeUndefined();
    }
    expect(interruptions).toBeGreaterThan(10);
    expect(snapshots.latest()).toEqual({ manifest, origin: "received" });
    expect(filesOf()).toEqual([`${nameAt(200)}.db`, `${nameAt(200)}.json`]);

    const state = await openState();
    const restored = await state.restore(snapshots.hold(manifest.meta) ?? "", manifest);
    expect(restored).toMatchObject({ index: 200, totals: replay(entries).table.totals() });
    await snapshots.close();
    expect((await openSnapshots()).latest()).toEqual({ manifest, origin: "received" });
  });

  it("has nothing left to send for a snapshot that is here already", async () => {
    const snapshots = await openSnapshots();
    const first = await snapshots.receive(manifest);
    await first.write(bytes);
    expect(await first.finish()).toBe(true);
    const again = await snapshots.receive(manifest);
    expect(again.offset).toBe(manifest.bytes);
    expect(await again.finish()).toBe(true);
  });

  it.each<[string, Partial<SnapshotManifest["meta"]>, Partial<SnapshotManifest>]>([
    ["digest", {}, { digest: 1 }],
    ["chain of hashes", { chain: 1 }, {}],
    ["term", { term: term(2) }, {}],
  ])(
    "refuses one with another %s at an index that is here, and keeps its own",
    async (_name, meta, change) => {
      const snapshots = await openSnapshots();
      const own = await snapshots.receive(manifest);
      await own.write(bytes);
      expect(await own.finish()).toBe(true);
      const wrong = await snapshots.receive({ ...manifest, ...change, meta: { ...manifest.meta, ...meta } });
      expect(wrong.offset).toBe(manifest.bytes);
      expect(await wrong.finish()).toBe(false);
      expect(snapshots.failure).toBeUndefined();
      expect(snapshots.all()).toEqual([{ manifest, origin: "received" }]);
      expect(filesOf()).toEqual([`${nameAt(200)}.db`, `${nameAt(200)}.json`]);
    },
  );

  it("keeps the one that was taken at the same index while it arrived", async () => {
    const state = await openState();
    await state.apply(entries, false);
    const snapshots = await openSnapshots();
    const incoming = await snapshots.receive(manifest);
    await incoming.write(bytes);
    const taken = await snapshots.take(state);
    expect(await incoming.finish()).toBe(true);
    expect(snapshots.all()).toEqual([{ manifest: taken, origin: "taken" }]);
    expect(filesOf()).toEqual([`${nameAt(200)}.db`, `${nameAt(200)}.json`]);
    expect(await snapshots.verify(taken.meta)).toBe(true);
  });

  it.each<[string, (bytes: Buffer) => Buffer]>([
    ["a flipped bit", (good) => flip(good, 5_000)],
    ["a flipped bit in the first chunk", (good) => flip(good, 30)],
    ["a missing end", (good) => good.subarray(0, -1)],
    ["a byte too many", (good) => Buffer.concat([good, Buffer.of(0)])],
    ["other bytes", (good) => Buffer.alloc(good.length, 1)],
    ["nothing", () => Buffer.alloc(0)],
  ])("refuses %s, and begins anew", async (_name, spoil) => {
    const snapshots = await openSnapshots();
    const spoilt = spoil(Buffer.from(bytes));
    const bad = await snapshots.receive(manifest);
    for (let at = 0; at < spoilt.length; at += 3_000) await bad.write(spoilt.subarray(at, at + 3_000));
    expect(await bad.finish()).toBe(false);
    expect(filesOf()).toEqual([]);
    const good = await snapshots.receive(manifest);
    expect(good.offset).toBe(0);
    await good.write(bytes);
    expect(await good.finish()).toBe(true);
  });

  it.each<[string, Partial<SnapshotManifest>]>([
    ["another digest", { digest: 1 }],
    ["another position", { meta: { ...new LogMaker(1).position } }],
  ])("refuses a file whose inside has %s than its manifest", async (_name, change) => {
    const snapshots = await openSnapshots();
    const incoming = await snapshots.receive({ ...manifest, ...change });
    await incoming.write(bytes);
    expect(await incoming.finish()).toBe(false);
    expect(filesOf()).toEqual([]);
  });

  it("refuses a file with a remembered digest that is damaged: no sum covers it, and a node that opens it stops", async () => {
    const file = join(directory, "spoilt.db");
    writeFileSync(file, bytes);
    const database = new Sqlite(file);
    database.prepare("INSERT INTO digests (at, digest, hash) VALUES (0, 1, 2)").run();
    database.close();
    const spoilt = readFileSync(file);
    const sha256 = createHash("sha256").update(spoilt).digest("hex");
    const snapshots = await openSnapshots();
    const incoming = await snapshots.receive({ ...manifest, bytes: spoilt.length, sha256 });
    await incoming.write(spoilt);
    expect(await incoming.finish()).toBe(false);
    expect(filesOf()).toEqual([]);
  });

  it("lets a second attempt take over from one that was not let go of", async () => {
    const snapshots = await openSnapshots();
    const first = await snapshots.receive(manifest);
    await first.write(bytes.subarray(0, 100));
    const second = await snapshots.receive(manifest);
    expect(second.offset).toBe(100);
    await first.write(Buffer.alloc(1_000, 1));
    expect(await first.finish()).toBe(false);
    await second.write(bytes.subarray(100));
    expect(await second.finish()).toBe(true);
    await first.abandon();
  });

  it("begins anew after a sync that failed: what can be read then need not be on the disk", async () => {
    const failing: Disk = {
      ...realDisk,
      async create(path) {
        const file = await realDisk.create(path);
        const sync = () => Promise.reject(new Error("EIO: i/o error"));
        return {
          write: (chunk, offset) => file.write(chunk, offset),
          truncate: (length) => file.truncate(length),
          sync,
          close: () => file.close(),
        };
      },
    };
    const snapshots = await openSnapshots("snapshots", failing);
    const incoming = await snapshots.receive(manifest);
    await incoming.write(bytes);
    await expect(incoming.finish()).rejects.toThrow(StorageFailure);
    await snapshots.close();
    const next = await openSnapshots();
    expect(filesOf()).toEqual([]);
    const again = await next.receive(manifest);
    expect(again.offset).toBe(0);
    await again.write(bytes);
    expect(await again.finish()).toBe(true);
  });

  it("is not restored if its file was damaged after it had been received", async () => {
    const snapshots = await openSnapshots();
    const incoming = await snapshots.receive(manifest);
    await incoming.write(bytes);
    expect(await incoming.finish()).toBe(true);
    const file = snapshots.hold(manifest.meta) ?? "";
    writeFileSync(file, flip(Buffer.from(bytes), 9_000));
    const state = await openState();
    await state.apply(entries.slice(0, 10), false);
    await expect(state.restore(file, manifest)).rejects.toThrow(
      /does not match the checksum in its manifest; stop/,
    );
    await state.close();
    expect((await openState()).opened.index).toBe(10);
  });

  it("is restored before what is asked for afterwards, and after what was asked for before", async () => {
    const snapshots = await openSnapshots();
    const incoming = await snapshots.receive(manifest);
    await incoming.write(bytes);
    expect(await incoming.finish()).toBe(true);
    const file = snapshots.hold(manifest.meta) ?? "";
    const state = await openState();
    const log = new LogMaker(40);
    log.many(200);
    const before = state.apply(entries.slice(0, 10), false);
    // A snapshot of the old state is being taken meanwhile; the restore has to wait for it.
    const older = snapshots.take(state);
    const restored = state.restore(file, manifest);
    const after = state.apply([log.next()], false);
    const restoredAgain = state.restore(file, manifest).catch((error: Error) => error.message);
    const rest = state.totals().catch((error: Error) => error.message);
    expect((await before).index).toBe(10);
    expect((await older).meta.index).toBe(10);
    expect((await restored).index).toBe(200);
    expect((await after).index).toBe(201);
    expect(await restoredAgain).toMatch(/never goes back/);
    expect(await rest).toMatch(/never goes back/);
  });
});
