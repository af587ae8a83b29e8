import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { index, nodeId, term } from "../../src/raft/index.ts";
import {
  BackupError,
  IdentityError,
  loadIdentity,
  lockDirectory,
  openDirectory,
  restoreBackup,
} from "../../src/store/index.ts";
import { restoreBackup as restoreOn } from "../../src/store/restore.ts";
import { requires } from "../support/capability.ts";
import { contentsOf, copyingDisk, oldBackup, SELF, visit } from "./backup-source.ts";
import { hits, increments } from "./formed-directory.ts";
import { flip, temporaryDirectory } from "./real-log.ts";

let directory: ReturnType<typeof temporaryDirectory>;
let data: string;
beforeEach(() => {
  directory = temporaryDirectory();
  data = join(directory.path, "data");
});
afterEach(() => directory.remove());

const options = (file: string, overrides = {}) => ({
  ...SELF,
  file,
  directory: data,
  clusterId: "c2",
  ...overrides,
});

async function refusal(promise: Promise<unknown>): Promise<Error> {
  const error = await promise.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(Error);
  return error as Error;
}

/** Opens what was restored as a node would, and gives what it holds. */
async function opened(path: string, clusterId = "c2") {
  const found = await openDirectory({ directory: path, clusterId, id: SELF.id, members: [] });
  const store = await found.openStore({ onFailure: () => undefined });
  try {
    const { recovered } = store;
    const { digest, counters, sessionsOpened } = await store.totals();
    const at = { identity: found.identity, recovered, digest, counters, sessionsOpened };
    return { ...at, hits: await hits(store), store };
  } finally {
    await store.close();
  }
}

describe("a restore", { timeout: 120_000 }, () => {
  it("makes a cluster of one node, in which everyone of the old one is removed", async () => {
    const { file, manifest } = await oldBackup(directory.path, 40);
    const restored = await restoreBackup(options(file));
    expect(restored.digest).toBe(manifest.digest);
    expect(restored.identity.incarnation).not.toBe("1".repeat(32));
    const found = await opened(data);
    expect(found).toMatchObject({ digest: manifest.digest, counters: 2, hits: 39n });
    expect(found.identity).toEqual(restored.identity);
    expect(found.identity).toMatchObject({ clusterId: "c2", id: "n1", formed: true });
    const { base, entries, applied, hardState, snapshot } = found.recovered;
    expect({ entries, applied, hardState }).toEqual({
      entries: [],
      applied: 40,
      hardState: { term: 1, vote: undefined, commit: 40 },
    });
    const { meta } = manifest;
    expect(base).toEqual({
      index: 40,
      term: meta.term,
      chain: meta.chain,
      configurationIndex: 40,
      configuration: {
        voters: ["n1"],
        outgoing: [],
        learners: [],
        members: [{ ...SELF, incarnation: restored.identity.incarnation }],
        // The old n1 is another incarnation in another cluster, and its name is in use again.
        removed: [
          { id: "n2", incarnation: "2".repeat(32) },
          { id: "n3", incarnation: "3".repeat(32) },
        ],
      },
    });
    expect(snapshot).toEqual(base);
    expect(readdirSync(data).sort()).toEqual(["identity.json", "lock", "log", "snapshots", "state.db"]);
  });

  it("goes on counting where the backup was made, and still knows who was counted", async () => {
    const { file } = await oldBackup(directory.path, 10);
    await restoreBackup(options(file, { id: nodeId("x1") }));
    const found = await openDirectory({ directory: data, clusterId: "c2", id: nodeId("x1"), members: [] });
    const store = await found.openStore({ onFailure: () => undefined });
    expect(store.recovered.base.configuration.removed.map(({ id }) => id)).toEqual(["n1", "n2", "n3"]);
    const more = increments(store.recovered.base, 5);
    const again = visit(more.at(-1) ?? { index: 0, chain: 0 });
    const hardState = { term: term(2), vote: nodeId("x1"), commit: index(10) };
    await store.write({ seq: 1, hardState, append: [...more, again] });
    await store.apply([...more, again], false);
    expect(await hits(store)).toBe(14n);
    const { answers } = await store.query([{ kind: "get", key: "visitors" }]);
    expect(answers[0]).toMatchObject({ row: { value: 1n } });
    await store.close();
  });

  it("opens no client session under an id that the old cluster may have opened after the backup", async () => {
    const { file } = await oldBackup(directory.path, 40);
    await restoreBackup(options(file));
    expect((await opened(data)).sessionsOpened).toBeGreaterThanOrEqual(2 ** 32);
  });

  it("takes the backup of a cluster that had not counted anything", async () => {
    const { file } = await oldBackup(directory.path, 0);
    await restoreBackup(options(file));
    expect((await opened(data)).recovered.base).toMatchObject({
      index: 0,
      configuration: { voters: ["n1"] },
    });
  });

  it("refuses a damaged backup and leaves the directory empty, and then takes a good one", async () => {
    const { file } = await oldBackup(directory.path, 20);
    const bad = join(directory.path, "bad");
    writeFileSync(bad, flip(readFileSync(file), 9_000));
    const error = await refusal(restoreBackup(options(bad)));
    expect(error).toBeInstanceOf(BackupError);
    expect(error).toMatchObject({ code: "damaged" });
    expect(readdirSync(data)).toEqual(["lock"]);
    await restoreBackup(options(file));
    expect((await opened(data)).hits).toBe(19n);
  });

  it("refuses a directory that holds anything, the old cluster's id, and one in use", async () => {
    const { file } = await oldBackup(directory.path, 3);
    const same = await refusal(restoreBackup(options(file, { clusterId: "c1" })));
    expect(same).toMatchObject({ code: "otherCluster" });
    expect(same.message).toMatch(/is of cluster "c1" itself.*restore it under another cluster id\.$/);
    expect(existsSync(data)).toBe(false);
    await expect(restoreBackup(options(file, { clusterId: "a b" }))).rejects.toThrow(RangeError);
    mkdirSync(data);
    writeFileSync(join(data, "state.db"), "somebody's");
    expect((await refusal(restoreBackup(options(file)))).message).toMatch(/other files \(state\.db\)/);
    expect(readFileSync(join(data, "state.db"), "utf8")).toBe("somebody's");
    rmSync(join(data, "state.db"));
    const lock = lockDirectory(data);
    expect(await refusal(restoreBackup(options(file)))).toMatchObject({ code: "inUse" });
    lock.release();
    await restoreBackup(options(file));
    expect((await refusal(restoreBackup(options(file)))).message).toMatch(
      /is the data directory of a node already/,
    );
    expect((await opened(data)).hits).toBe(2n);
  });

  it("leaves nothing usable or a whole node, wherever it is interrupted, and can be run again", async (context) => {
    requires(context, "patience");
    const { file, manifest } = await oldBackup(directory.path, 12);
    const into = join(directory.path, "crashes");
    mkdirSync(into);
    const { disk, copies } = copyingDisk(data, into);
    await restoreOn(options(file), disk);
    const restored = { hits: 11n, digest: manifest.digest };
    const whole = contentsOf(data);
    const seen = { nothing: 0, refused: 0, whole: 0 };
    for (const [at, path] of copies().entries()) {
      const start = { directory: path, clusterId: "c2", id: SELF.id, members: [SELF] };
      if ((await loadIdentity(path)) === undefined) {
        const wasBegun = existsSync(join(path, "restoring.json"));
        const before = join(directory.path, "before");
        cpSync(path, before, { recursive: true });
        const open = openDirectory({ ...start, directory: before });
        if (wasBegun) {
          const error = await refusal(open);
          expect(error).toBeInstanceOf(IdentityError);
          expect(error.message).toMatch(
            /holds a restore that was interrupted.*`raftally restore` on it again\.$/,
          );
          seen.refused += 1;
        } else {
          // Nothing but the lock and a file that was never named: as good as empty.
          (await open).close();
          seen.nothing += 1;
        }
        rmSync(before, { recursive: true });
        // Which takes long, and is the same each time: what was left goes first.
        if (at % 4 > 0) continue;
        await restoreBackup(options(file, { directory: path }));
        expect(await opened(path)).toMatchObject(restored);
      } else {
        seen.whole += 1;
        const start = { directory: path, clusterId: "c2", id: SELF.id, members: [] };
        (await openDirectory(start)).close();
        expect(contentsOf(path)).toEqual(whole);
      }
      expect(existsSync(join(path, "restoring.json"))).toBe(false);
    }
    expect(await opened(data)).toMatchObject(restored);
    expect(seen.nothing).toBeGreaterThan(0);
    expect(seen.refused).toBeGreaterThan(5);
    expect(seen.whole).toBeGreaterThan(0);
  });
});
