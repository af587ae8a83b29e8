import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type Configuration,
  chainHash,
  type Entry,
  type EntryBody,
  index,
  nodeId,
  type SnapshotMeta,
  term,
} from "../../src/raft/index.ts";
import {
  CorruptionError,
  IdentityError,
  joinDirectory,
  lockDirectory,
  openDirectory,
  openStore,
  recoverDirectory,
  recoveryOutlook,
} from "../../src/store/index.ts";
import { recoverDirectory as recoverOn } from "../../src/store/recovery.ts";
import { requires } from "../support/capability.ts";
import { contentsOf, copyingDisk, grow, oldNode } from "./backup-source.ts";
import { form, hits, increments, MEMBERS, positionOf } from "./formed-directory.ts";
import { flip, temporaryDirectory } from "./real-log.ts";

let directory: ReturnType<typeof temporaryDirectory>;
let data: string;
beforeEach(() => {
  directory = temporaryDirectory();
  data = join(directory.path, "n1");
});
afterEach(() => directory.remove());

const options = (overrides = {}) => ({ directory: data, clusterId: "c2", ...overrides });

async function refusal(promise: Promise<unknown>): Promise<Error> {
  const error = await promise.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(Error);
  expect((error as Error).message).toMatch(/\.$/);
  return error as Error;
}

async function opened(path: string, clusterId = "c2") {
  const found = await openDirectory({ directory: path, clusterId, id: nodeId("n1"), members: [] });
  const store = await found.openStore({ onFailure: () => undefined });
  try {
    const { digest } = await store.totals();
    return { identity: found.identity, recovered: store.recovered, digest, hits: await hits(store) };
  } finally {
    await store.close();
  }
}

/** 30 entries, of which 20 are known to be committed and applied; the log begins after 10. */
async function survivor(): Promise<SnapshotMeta> {
  const identity = await form(data, "n1");
  const store = await openStore({ directory: data, identity });
  const { base } = store.recovered;
  const entries = increments(base, 30);
  const at = (end: number) => ({ term: term(4), vote: nodeId("n2"), commit: index(end) });
  await store.write({ seq: 1, hardState: at(0), append: entries });
  await store.apply(entries.slice(0, 10), false);
  await store.takeSnapshot();
  const compact = positionOf(entries[9] as Entry, base);
  await store.write({ seq: 2, hardState: at(20), append: [], compact });
  await store.apply(entries.slice(10, 20), false);
  await store.close();
  return positionOf(entries.at(-1) as Entry, base);
}

function configured(previous: SnapshotMeta, configuration: Configuration): Entry {
  const body: EntryBody = { kind: "configuration", configuration };
  const id = { index: index(previous.index + 1), term: previous.term };
  return { ...id, ...body, chain: chainHash(previous.chain, id, body) };
}

describe("a recovery", { timeout: 120_000 }, () => {
  it("keeps every entry of the log, the unconfirmed ones too, under a new cluster and incarnation", async () => {
    const last = await survivor();
    const recovery = await recoverDirectory(options());
    expect(recovery).toMatchObject({
      previous: { clusterId: "c1", incarnation: "1".repeat(32) },
      knownCommitted: 20,
      unconfirmed: 10,
      wasVoter: true,
      counters: 1,
      revision: 30,
      resumed: false,
      removed: [
        { id: "n2", incarnation: "2".repeat(32) },
        { id: "n3", incarnation: "3".repeat(32) },
      ],
    });
    const found = await opened(data);
    expect(found.hits).toBe(30n);
    expect(found.digest).toBe(recovery.digest);
    expect(found.identity).toEqual(recovery.identity);
    expect(found.identity.incarnation).not.toBe("1".repeat(32));
    expect(found.recovered).toMatchObject({
      entries: [],
      applied: 30,
      // The term is kept: no entry of the new cluster may have one that the old one has used.
      hardState: { term: 4, vote: undefined, commit: 30 },
      base: { index: 30, term: last.term, chain: last.chain, configurationIndex: 30 },
    });
    expect(found.recovered.base.configuration).toMatchObject({
      voters: ["n1"],
      learners: [],
      members: [{ ...MEMBERS[0], incarnation: recovery.identity.incarnation }],
      removed: recovery.removed,
    });
    expect(found.recovered.snapshot).toEqual(recovery.base);
    expect(readdirSync(data).sort()).toEqual(["identity.json", "lock", "log", "snapshots", "state.db"]);
    expect(readdirSync(join(data, "snapshots"))).toHaveLength(2);
  });

  it("gives a state with the same digest as the old node would have had", async () => {
    await oldNode(data, 25);
    const before = await opened(data, "c1");
    const moved = { peer: "10.0.0.9:4100", api: "http://10.0.0.9:4000" };
    const recovery = await recoverDirectory(options(moved));
    expect(recovery).toMatchObject({ unconfirmed: 0, digest: before.digest, base: { index: 25 } });
    expect(recovery.base.configuration.members).toMatchObject([{ id: "n1", ...moved }]);
    // Once more, as after a second disaster.
    const second = await recoverDirectory(options({ clusterId: "c3" }));
    expect(second).toMatchObject({ digest: before.digest, removed: recovery.removed });
    expect(second.base.configuration.members).toMatchObject([moved]);
    expect((await opened(data, "c3")).hits).toBe(24n);
  });

  it("removes whoever was added or left, be the last change committed or not, and its half undone", async () => {
    const identity = await form(data, "n1");
    const store = await openStore({ directory: data, identity });
    const { base } = store.recovered;
    const { configuration } = base;
    const n4 = { id: nodeId("n4"), incarnation: "4".repeat(32), peer: "127.0.0.1:1", api: "http://h" };
    const joint: Configuration = {
      ...configuration,
      voters: [nodeId("n2"), n4.id],
      outgoing: configuration.voters,
      members: [...configuration.members, n4],
      removed: [{ id: nodeId("n0"), incarnation: "0".repeat(32) }],
    };
    const entry = configured({ ...base, term: term(1) }, joint);
    const hardState = { term: term(1), vote: nodeId("n1"), commit: index(0) };
    await store.write({ seq: 1, hardState, append: [entry] });
    await store.close();
    const { removed, base: begins, wasVoter } = await recoverDirectory(options());
    expect(wasVoter).toBe(true);
    expect(removed.map(({ id }) => id)).toEqual(["n0", "n2", "n3", "n4"]);
    expect(begins.configuration).toMatchObject({ voters: ["n1"], outgoing: [] });
    expect((await opened(data)).recovered.base).toEqual(begins);
  });

  it("says beforehand where the log ends and who voted, and changes nothing by that", async () => {
    const last = await survivor();
    for (const reading of ["first", "second"]) {
      expect(await recoveryOutlook(data), reading).toMatchObject({
        identity: { clusterId: "c1", id: "n1" },
        last: { index: 30, term: last.term },
        knownCommitted: 20,
        voters: ["n1", "n2", "n3"],
      });
    }
    const old = await opened(data, "c1");
    expect(old.recovered).toMatchObject({ hardState: { term: 4, vote: "n2", commit: 20 }, applied: 20 });
    expect((await recoverDirectory(options())).base.index).toBe(30);
    expect((await recoveryOutlook(data))?.voters).toEqual(["n1"]);
  });

  it("refuses what cannot be recovered, and says what to do instead", async () => {
    const nothing = await refusal(recoverDirectory(options({ directory: join(directory.path, "no") })));
    expect(nothing.message).toMatch(/is not the data directory of a node/);
    expect(existsSync(join(directory.path, "no"))).toBe(false);
    await oldNode(data, 5);
    const untouched = contentsOf(data);
    const lock = lockDirectory(data);
    expect((await refusal(recoverDirectory(options()))).message).toMatch(
      /in use by another process; stop that one first/,
    );
    lock.release();
    expect((await refusal(recoverDirectory(options({ clusterId: "c1" })))).message).toMatch(
      /belongs to cluster "c1" now.*recover it under another cluster id\.$/,
    );
    expect(contentsOf(data)).toEqual(untouched);
    const joining = join(directory.path, "n9");
    const joined = await joinDirectory({ directory: joining, id: nodeId("n9") });
    if (joined.kind !== "joining") throw new Error("a fresh directory joins");
    joined.close();
    expect(await refusal(recoverDirectory(options({ directory: joining })))).toMatchObject({
      code: "joining",
    });
    const self = { id: nodeId("n9"), incarnation: joined.identity.incarnation, peer: "h:1", api: "http://h" };
    (await joined.joined("c1", [self])).close();
    const empty = await refusal(recoverDirectory(options({ directory: joining })));
    expect(empty).toBeInstanceOf(IdentityError);
    expect((await refusal(recoveryOutlook(joining))).message).toBe(empty.message);
    expect(empty.message).toMatch(/has received nothing of it yet; recover the directory of another node\.$/);
  });

  it("refuses a damaged directory and changes nothing in it", async () => {
    await oldNode(data, 30);
    const segment = join(data, "log", "00000000000000000001.wal");
    writeFileSync(segment, flip(readFileSync(segment), 2_000));
    const damaged = contentsOf(data);
    const error = await refusal(recoverDirectory(options()));
    expect(error).toBeInstanceOf(CorruptionError);
    expect(error.message).toMatch(
      /wal at byte \d+: .*; a damaged directory is not recovered.* recover that of another surviving node, or restore a backup with `raftally restore`\.$/,
    );
    expect(contentsOf(data)).toEqual(damaged);
  });

  it("is undone or finished, wherever it is interrupted", async (context) => {
    requires(context, "patience");
    await survivor();
    const into = join(directory.path, "crashes");
    mkdirSync(into);
    const { disk, copies } = copyingDisk(data, into);
    const { digest } = await recoverOn(options(), disk);
    const recovered = { hits: 30n, digest, recovered: { applied: 30, entries: [] } };
    const whole = contentsOf(data);
    expect(Object.keys(whole).sort()).toEqual([
      "identity.json",
      "log/00000000000000000001.wal",
      "snapshots/00000000000000000030-1.db",
      "snapshots/00000000000000000030-1.json",
      "state.db",
    ]);
    const seen = { undone: 0, finished: 0, done: 0 };
    for (const [at, path] of copies().entries()) {
      const decided = existsSync(join(path, "recovered"));
      if (decided) {
        for (const start of [
          openDirectory({ directory: path, clusterId: "c1", id: nodeId("n1"), members: MEMBERS }),
          joinDirectory({ directory: path, id: nodeId("n1") }),
        ]) {
          expect((await refusal(start)).message).toMatch(
            /run `raftally recover` on it again, which finishes it/,
          );
        }
        const { resumed, identity } = await recoverDirectory(options({ directory: path }));
        expect(resumed).toBe(true);
        expect(identity.clusterId).toBe("c2");
        seen.finished += 1;
      } else if (readFileSync(join(path, "identity.json"), "utf8").includes('"clusterId": "c2"')) {
        seen.done += 1;
      } else {
        seen.undone += 1;
        // Which takes long, and is the same each time: the folder goes first.
        if (at % 5 > 0) continue;
        // The old node is as it was, and may start and go on as if nothing had been tried.
        const old = await opened(path, "c1");
        expect(old.recovered).toMatchObject({ hardState: { term: 4, vote: "n2", commit: 20 }, applied: 20 });
        expect(old.recovered.entries).toHaveLength(20);
        expect(existsSync(join(path, "recovery.tmp"))).toBe(false);
        expect((await recoverDirectory(options({ directory: path }))).resumed).toBe(false);
        expect(await opened(path)).toMatchObject(recovered);
        continue;
      }
      const leftover = ([name]: [string, string]): boolean => name.startsWith("recovery.tmp");
      const kept = Object.entries(contentsOf(path)).filter((file) => !leftover(file));
      expect(Object.fromEntries(kept)).toEqual(whole);
    }
    expect(await opened(data)).toMatchObject(recovered);
    expect(seen.undone).toBeGreaterThan(5);
    expect(seen.finished).toBeGreaterThan(5);
    expect(seen.done).toBeGreaterThan(0);
  });

  it("that was interrupted is finished as it was decided, and says so to whoever wanted another", async () => {
    await oldNode(data, 8);
    const into = join(directory.path, "crashes");
    mkdirSync(into);
    const { disk, copies } = copyingDisk(data, into);
    await recoverOn(options(), disk);
    const path = copies().find((copy) => existsSync(join(copy, "recovered"))) ?? "";
    // Killed in the middle of removing the old log and the old state.
    for (const name of ["log/00000000000000000001.wal", "state.db"]) rmSync(join(path, name));
    expect(await recoveryOutlook(path)).toBeUndefined();
    const error = await refusal(recoverDirectory(options({ directory: path, clusterId: "c3" })));
    expect(error.message).toMatch(/to cluster "c2" had been interrupted and is finished now/);
    expect((await opened(path)).hits).toBe(7n);

    const other = copies().findLast((copy) => existsSync(join(copy, "recovered"))) ?? "";
    const { resumed, identity } = await recoverDirectory({ directory: other });
    expect([resumed, identity.clusterId]).toEqual([true, "c2"]);
  });
});

describe("what a survivor goes on with", { timeout: 120_000 }, () => {
  it("is counted on by the new cluster", async () => {
    await oldNode(data, 6);
    await recoverDirectory(options());
    const found = await openDirectory({ directory: data, clusterId: "c2", id: nodeId("n1"), members: [] });
    const store = await found.openStore({ onFailure: () => undefined });
    await grow(store, 4);
    expect(await hits(store)).toBe(8n);
    await store.close();
    expect((await opened(data)).hits).toBe(8n);
  });
});
