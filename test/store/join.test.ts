import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Prng } from "../../src/base/index.ts";
import {
  type Configuration,
  chainHash,
  type Entry,
  type EntryBody,
  index,
  NO_CONFIGURATION,
  nodeId,
  term,
} from "../../src/raft/index.ts";
import { initJoining, loadAnyIdentity } from "../../src/store/identity.ts";
import {
  type DataDirectory,
  IdentityError,
  type JoiningDirectory,
  joinDirectory,
  loadIdentity,
  openDirectory,
  openStore,
} from "../../src/store/index.ts";
import { becomeMember } from "../../src/store/join.ts";
import { readLog } from "../../src/store/wal-read.ts";
import { form, hits, increments, MEMBERS } from "./formed-directory.ts";
import { MemoryDisk } from "./memory-disk.ts";
import { temporaryDirectory } from "./real-log.ts";

const N4 = nodeId("n4");
const OTHERS = MEMBERS.map((member, at) => ({ ...member, incarnation: String(at + 1).repeat(32) }));

let directory: ReturnType<typeof temporaryDirectory>;
let data: string;
beforeEach(() => {
  directory = temporaryDirectory();
  data = join(directory.path, "n4");
});
afterEach(() => directory.remove());

const membersWith = (incarnation: string) => [
  { id: N4, incarnation, peer: "127.0.0.1:4103", api: "http://127.0.0.1:4003" },
  ...OTHERS,
];

async function joining(overrides = {}): Promise<JoiningDirectory> {
  const found = await joinDirectory({ directory: data, id: N4, ...overrides });
  if (found.kind !== "joining") throw new Error("it is a member already");
  return found;
}

async function member(overrides = {}): Promise<DataDirectory> {
  const found = await joinDirectory({ directory: data, id: N4, ...overrides });
  if (found.kind !== "member") throw new Error("it is still joining");
  return found.data;
}

async function refusal(promise: Promise<unknown>): Promise<IdentityError> {
  const error = await promise.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(IdentityError);
  expect((error as Error).message).toMatch(/\.$/);
  return error as IdentityError;
}

/** The entry after `previous` with which the cluster takes n4 in as a learner. */
function taken(previous: { index: number; chain: number }, incarnation: string): Entry {
  const configuration: Configuration = {
    voters: MEMBERS.map(({ id }) => id),
    outgoing: [],
    learners: [N4],
    members: [...OTHERS, ...membersWith(incarnation).slice(0, 1)],
    removed: [],
  };
  const body: EntryBody = { kind: "configuration", configuration };
  const id = { index: index(previous.index + 1), term: term(1) };
  return { ...id, ...body, chain: chainHash(previous.chain, id, body) };
}

describe("a node that joins", { timeout: 180_000 }, () => {
  it("draws its incarnation once, and goes on asking under it after a restart", async () => {
    const first = await joining();
    expect(first.identity).toEqual({
      format: 1,
      joining: true,
      id: "n4",
      incarnation: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    expect(await refusal(joinDirectory({ directory: data, id: N4 }))).toMatchObject({ code: "inUse" });
    first.close();
    first.close();
    const second = await joining({ clusterId: "c1" });
    expect(second.identity).toEqual(first.identity);
    second.close();
    expect(readdirSync(data).sort()).toEqual(["identity.json", "lock"]);
  });

  it("becomes a member whose log begins with no configuration, and stays one", async () => {
    const found = await joining();
    const { incarnation } = found.identity;
    const opened = await found.joined("c1", membersWith(incarnation));
    const { identity } = opened;
    expect(identity).toMatchObject({ clusterId: "c1", id: "n4", incarnation, formed: true, joined: true });
    expect(identity.members.map(({ id }) => id)).toEqual(["n1", "n2", "n3", "n4"]);
    expect("joining" in identity).toBe(false);
    // The directory is the member's now, and stays locked.
    found.close();
    expect(await refusal(joinDirectory({ directory: data, id: N4 }))).toMatchObject({ code: "inUse" });
    const store = await opened.openStore({ onFailure: () => undefined });
    expect(store.recovered).toMatchObject({
      entries: [],
      applied: 0,
      snapshot: undefined,
      hardState: { term: 0, vote: undefined, commit: 0 },
      base: { index: 0, term: 0, chain: 0, configuration: NO_CONFIGURATION },
    });
    await store.close();
    for (const start of [
      () => member(),
      () => openDirectory({ directory: data, clusterId: "c1", id: N4, members: [] }),
    ]) {
      const again = await start();
      expect(again.identity).toEqual(identity);
      const restarted = await again.openStore({ onFailure: () => undefined });
      expect(restarted.recovered.base.configuration).toEqual(NO_CONFIGURATION);
      await restarted.close();
    }
  });

  it("learns the configuration from its log, and only then takes a snapshot", async () => {
    const found = await joining();
    const { incarnation } = found.identity;
    const opened = await found.joined("c1", membersWith(incarnation));
    const store = await opened.openStore({ onFailure: () => undefined });
    const entries = increments(store.recovered.base, 4);
    const change = taken(entries.at(-1) as Entry, incarnation);
    const hardState = { term: term(1), vote: undefined, commit: index(5) };
    await store.write({ seq: 1, hardState, append: [...entries, change] });
    await store.apply(entries, false);
    await store.close();
    const again = await (await member()).openStore({ onFailure: () => undefined });
    expect(again.recovered.applied).toBe(4);
    await again.apply(again.recovered.entries.slice(4), false);
    const { meta } = await again.takeSnapshot();
    expect(meta).toMatchObject({ index: 5, configurationIndex: 5, configuration: { learners: ["n4"] } });
    await again.write({ seq: 2, append: [], compact: meta });
    await again.close();
    const last = await (await member()).openStore({ onFailure: () => undefined });
    expect(last.recovered).toMatchObject({ base: meta, snapshot: meta, entries: [] });
    expect(await hits(last)).toBe(4n);
    await last.close();
  });

  it("takes no snapshot and receives none that nobody could go on from", async () => {
    const found = await joining();
    const opened = await found.joined("c1", membersWith(found.identity.incarnation));
    const store = await opened.openStore({ onFailure: () => undefined });
    const meta = store.recovered.base;
    const nobody = { format: 1, clusterId: "c1", meta, bytes: 9, sha256: "0".repeat(64), digest: 0 } as const;
    await expect(store.receiveSnapshot(nobody)).rejects.toThrow(/what is received names a configuration/);
    await store.close();
    const again = await (await member()).openStore({ onFailure: () => undefined });
    await expect(again.takeSnapshot()).rejects.toThrow(/knows no configuration/);
    await again.close();
    await (await (await member()).openStore({ onFailure: () => undefined })).close();
    expect(readdirSync(join(data, "snapshots"))).toEqual([]);
  });

  it("receives its state as a snapshot, at whatever step it stops", async () => {
    const path = join(directory.path, "n1");
    const leader = await openStore({ directory: path, identity: await form(path, "n1") });
    const found = await joining();
    const { incarnation } = found.identity;
    const entries = increments(leader.recovered.base, 9);
    const change = taken(entries.at(-1) as Entry, incarnation);
    const hardState = { term: term(1), vote: undefined, commit: index(10) };
    await leader.write({ seq: 1, hardState, append: [...entries, change] });
    await leader.apply([...entries, change], false);
    const manifest = await leader.takeSnapshot();
    const file = readFileSync(leader.holdSnapshot(manifest.meta) ?? "");
    await leader.close();
    const opened = await found.joined("c1", membersWith(incarnation));
    const store = await opened.openStore({ onFailure: () => undefined });
    const incoming = await store.receiveSnapshot(manifest);
    await incoming.write(file);
    expect(await incoming.finish()).toBe(true);
    // Killed before its installation was recorded: the next start records it.
    await store.close();
    const again = await (await member()).openStore({ onFailure: () => undefined });
    expect(again.recovered).toMatchObject({ base: manifest.meta, applied: 10, entries: [] });
    expect(await hits(again)).toBe(9n);
    await again.close();
  });

  it("is told from every other kind of directory, in a sentence that says what to do", async () => {
    (await joining()).close();
    const start = {
      directory: data,
      clusterId: "c1",
      id: N4,
      members: [...MEMBERS, { ...MEMBERS[0], id: N4 }],
    };
    const asInitial = await refusal(openDirectory(start as Parameters<typeof openDirectory>[0]));
    expect(asInitial.code).toBe("joining");
    expect(asInitial.message).toMatch(/is no member yet; start it with `--join` as before/);
    const renamed = await refusal(joinDirectory({ directory: data, id: nodeId("n5") }));
    expect(renamed.message).toMatch(/belongs to node "n4", not to "n5"/);
    const initial = join(directory.path, "n1");
    const unformed = { directory: initial, clusterId: "c1", id: nodeId("n1"), members: MEMBERS };
    (await openDirectory(unformed)).close();
    const forming = await refusal(joinDirectory({ directory: initial, id: nodeId("n1") }));
    expect(forming.message).toMatch(/initial member of the new cluster "c1", which has not formed yet/);
    const formed = join(directory.path, "n2");
    await form(formed, "n2");
    const other = await refusal(joinDirectory({ directory: formed, id: nodeId("n2"), clusterId: "c9" }));
    expect(other.message).toMatch(/belongs to cluster "c1", not to "c9"/);
    // A member need not join, and one that is started with --join all the same just starts.
    const found = await joinDirectory({ directory: formed, id: nodeId("n2") });
    expect(found.kind).toBe("member");
    if (found.kind === "member") found.data.close();
  });

  it("cannot be taken in by a cluster that does not name it", async () => {
    const found = await joining();
    await expect(found.joined("c1", OTHERS)).rejects.toThrow(/names it/);
    await expect(found.joined("c1", membersWith("e".repeat(32)))).rejects.toThrow(/names it/);
    expect(existsSync(join(data, "log"))).toBe(false);
    found.close();
  });

  it("keeps fields that a later version has added to its identity", async () => {
    const found = await joining();
    found.close();
    const path = join(data, "identity.json");
    writeFileSync(path, readFileSync(path, "utf8").replace("{", '{ "zone": "west",'));
    const again = await joining();
    (await again.joined("c1", membersWith(again.identity.incarnation))).close();
    expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({ zone: "west", joined: true });
  });

  it("is the same node after a power failure at any operation, or none yet", async () => {
    const seen = { none: 0, joining: 0, member: 0 };
    for (let seed = 0; seed < 300; seed++) {
      const prng = new Prng(seed);
      const disk = new MemoryDisk();
      const end = seed % 20;
      disk.before = (_, count) => {
        if (count >= end) throw new Error("power lost");
      };
      let drawn: string | undefined;
      let isMember = false;
      const steps = async (): Promise<void> => {
        const identity = await initJoining("/data", N4, disk);
        drawn = identity.incarnation;
        const members = membersWith(drawn);
        await becomeMember(disk, "/data", { joining: identity, clusterId: "c1", members });
        isMember = true;
      };
      await steps().catch((error: Error) => expect(String(error)).toMatch(/power lost/));
      const after = disk.crash({ kind: "power", prng });
      let found = await loadAnyIdentity("/data", {}, after);
      if (drawn !== undefined) expect(found?.incarnation).toBe(drawn);
      if (isMember) expect(found).toMatchObject({ formed: true, joined: true });
      seen[found === undefined ? "none" : "joining" in found ? "joining" : "member"] += 1;
      // Wherever it stopped, the next start can go on from there.
      found ??= await initJoining("/data", N4, after);
      if ("joining" in found) {
        const members = membersWith(found.incarnation);
        await becomeMember(after, "/data", { joining: found, clusterId: "c1", members });
      }
      const identity = await loadIdentity("/data", { clusterId: "c1", id: N4 }, after);
      if (identity === undefined) throw new Error("it is a member now");
      const log = await readLog(after, "/data", identity);
      expect(log.entries).toEqual([]);
      expect(log.shape.base.configuration).toEqual(NO_CONFIGURATION);
    }
    expect(Math.min(seen.none, seen.joining, seen.member)).toBeGreaterThan(15);
  });
});

describe("a formed node's list of members", () => {
  it("may differ from the one it was made with, but has to have its own row", async () => {
    const path = join(directory.path, "n1");
    await form(path, "n1");
    const start = { directory: path, clusterId: "c1", id: nodeId("n1") };
    const [n1, n2] = MEMBERS;
    if (n1 === undefined || n2 === undefined) throw new Error("there are members");
    for (const members of [MEMBERS, [], [n1], [{ ...n1, peer: "10.0.0.1:1", api: "http://new" }, n2]]) {
      const found = await openDirectory({ ...start, members });
      expect(found.identity.members.map(({ peer }) => peer)).toEqual(MEMBERS.map(({ peer }) => peer));
      found.close();
    }
    const without = await refusal(openDirectory({ ...start, members: [n2] }));
    expect(without.code).toBe("otherMembers");
    expect(without.message).toMatch(/belongs to node n1, which is not in the list of members/);
  });

  it("has to be the same as ever until the cluster has formed", async () => {
    const path = join(directory.path, "n1");
    const start = { directory: path, clusterId: "c1", id: nodeId("n1") };
    (await openDirectory({ ...start, members: MEMBERS })).close();
    const [n1, n2] = MEMBERS;
    if (n1 === undefined || n2 === undefined) throw new Error("there are members");
    const error = await refusal(openDirectory({ ...start, members: [n1, n2] }));
    expect(error.message).toMatch(/was made for the members n1=.*not for n1=/);
  });
});
