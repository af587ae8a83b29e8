import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Sqlite from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { crc32c } from "../../src/base/index.ts";
import { encodePayload } from "../../src/counter/index.ts";
import { chainHash, type Entry, type EntryBody, index, nodeId, term } from "../../src/raft/index.ts";
import {
  type Identity,
  IdentityFile,
  initIdentity,
  loadIdentity,
  NewerFormatError,
  type NodeStore,
  openDirectory,
  openStore,
} from "../../src/store/index.ts";
import { decodeManifest, encodeManifest } from "../../src/store/snapshot-manifest.ts";
import type { LocalSnapshot } from "../../src/store/types.ts";
import { form, increments, MEMBERS } from "./formed-directory.ts";
import { temporaryDirectory } from "./real-log.ts";

const FIXTURES = fileURLToPath(new URL("../fixtures", import.meta.url));
const VERSIONS = readdirSync(FIXTURES).filter((name) => name.startsWith("data-v"));

/** What `expected.json` says. */
interface Expected {
  readonly identity: Identity;
  readonly base: { readonly index: number; readonly chain: number };
  readonly applied: number;
  readonly last: number;
  readonly totals: { readonly digest: number; readonly sessions: number };
  readonly counters: Readonly<Record<string, readonly [string, number]>>;
}

let directory: ReturnType<typeof temporaryDirectory>;
let data: string;
const stores: NodeStore[] = [];
beforeEach(() => {
  directory = temporaryDirectory();
  data = join(directory.path, "n1");
});
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close().catch(() => undefined);
  directory.remove();
});

async function open(clusterId: string): Promise<NodeStore> {
  const found = await openDirectory({ directory: data, clusterId, id: nodeId("n1"), members: MEMBERS });
  const store = await found.openStore({ onFailure: () => undefined });
  stores.push(store);
  return store;
}

async function countersOf(store: NodeStore): Promise<Record<string, readonly [string, number]>> {
  const list = { kind: "list", prefix: "", after: undefined, limit: 1_000 } as const;
  const { answers } = await store.query([list]);
  const rows = answers[0]?.kind === "list" ? answers[0].rows : [];
  return Object.fromEntries(rows.map(({ key, value, revision }) => [key, [String(value), revision]]));
}

async function refusal(promise: Promise<unknown>): Promise<Error> {
  const error = await promise.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(Error);
  return error as Error;
}

describe("a data directory of every released format", { timeout: 180_000 }, () => {
  it("lies here for the version of the package", () => {
    const { version } = JSON.parse(readFileSync(join(FIXTURES, "../../package.json"), "utf8")) as {
      version: string;
    };
    expect(VERSIONS).toContain(`data-v${version}`);
  });

  it.each(VERSIONS)("%s opens with every count, goes on counting, and starts again", async (name) => {
    const expected = JSON.parse(readFileSync(join(FIXTURES, name, "expected.json"), "utf8")) as Expected;
    cpSync(join(FIXTURES, name, "n1"), data, { recursive: true });
    expect(Object.keys(expected.counters).length).toBeGreaterThan(8);
    expect(await loadIdentity(data)).toEqual(expected.identity);
    const store = await open("fixture");
    const { recovered } = store;
    expect(recovered).toMatchObject({ applied: expected.applied, base: expected.base, tornBytes: 0 });
    expect(recovered.snapshot).toEqual(recovered.base);
    expect(recovered.entries.at(-1)?.index).toBe(expected.last);
    expect(recovered.base.configuration.removed).toEqual([]);
    expect(await countersOf(store)).toEqual(expected.counters);
    expect(await store.totals()).toEqual(expected.totals);
    expect(await store.verifySnapshot(recovered.base)).toBe(true);
    await store.apply(recovered.entries.slice(-1), false);
    const [before] = expected.counters["run:1"] ?? ["0"];
    expect((await countersOf(store))["run:1"]?.[0]).toBe(String(BigInt(before) + 1_000n));
    const last = recovered.entries.at(-1) as Entry;
    const more = increments(last, 5, 3);
    const hardState = { term: term(3), vote: undefined, commit: index(last.index + 5) };
    await store.write({ seq: 1, hardState, append: more });
    await store.apply(more, false);
    const { meta } = await store.takeSnapshot();
    await store.write({ seq: 2, append: [], compact: meta });
    await store.close();
    const again = await open("fixture");
    expect(again.recovered).toMatchObject({ base: meta, applied: last.index + 5, entries: [] });
    expect((await countersOf(again))["hits"]?.[0]).toBe("5");
  });
});

describe("what a newer version has written", { timeout: 180_000 }, () => {
  /** A node with a snapshot, stopped. */
  async function stopped(): Promise<Identity> {
    const identity = await form(data, "n1");
    const store = await openStore({ directory: data, identity });
    const entries = increments(store.recovered.base, 5);
    const hardState = { term: term(1), vote: undefined, commit: index(5) };
    await store.write({ seq: 1, hardState, append: entries });
    await store.apply(entries, false);
    await store.takeSnapshot();
    await store.close();
    return identity;
  }

  it("is refused with a sentence that says so: the identity, a joining one too", async () => {
    await stopped();
    const path = join(data, "identity.json");
    for (const text of ['{ "format": 2, "anything": [] }', '{ "format": 2, "joining": true }']) {
      writeFileSync(path, text);
      expect((await refusal(open("c1"))).message).toMatch(
        /identity\.json has format 2 and this version of Raftally reads format 1, so start the newer version\.$/,
      );
    }
  });

  it("is refused with a sentence that says so: state.db", async () => {
    const identity = await stopped();
    const database = new Sqlite(join(data, "state.db"));
    database.pragma("user_version = 2");
    database.close();
    const error = await refusal(openStore({ directory: data, identity }));
    expect(error).toBeInstanceOf(NewerFormatError);
    expect(error.message).toMatch(/state\.db: format 2 is above 1; it was written by a newer version/);
  });

  it("is refused with a sentence that says so: the manifest of a snapshot", async () => {
    const identity = await stopped();
    const folder = join(data, "snapshots");
    const manifest = readdirSync(folder).find((name) => name.endsWith(".json")) ?? "";
    writeFileSync(join(folder, manifest), '{ "format": 2 }');
    const error = await refusal(openStore({ directory: data, identity }));
    expect(error).toBeInstanceOf(NewerFormatError);
    expect(error.message).toMatch(/\.json: format 2 is above 1; it was written by a newer version/);
  });

  it("is refused with a sentence that says so: a segment of the log", async () => {
    const identity = await stopped();
    const path = join(data, "log", "00000000000000000001.wal");
    const segment = readFileSync(path);
    segment.writeUInt32LE(2, 8);
    segment.writeUInt32LE(crc32c(segment.subarray(0, 76)), 76);
    writeFileSync(path, segment);
    const error = await refusal(openStore({ directory: data, identity }));
    expect(error).toBeInstanceOf(NewerFormatError);
    expect(error.message).toMatch(/\.wal: the log has format 2 and this version reads format 1/);
  });

  it("is refused with a sentence that says so: the payload of an entry that came from another node", async () => {
    const store = await openStore({ directory: data, identity: await form(data, "n1") });
    stores.push(store);
    const known = encodePayload({ elapsed: 1, items: [] });
    // MessagePack: an array whose first element is the format.
    const body: EntryBody = { kind: "command", data: Uint8Array.of(...known), crc: 0 };
    body.data[1] = 2;
    const made = { ...body, crc: crc32c(body.data) };
    const id = { index: index(1), term: term(1) };
    const entry: Entry = { ...id, ...made, chain: chainHash(0, id, made) };
    await store.write({ seq: 1, hardState: { ...id, vote: undefined, commit: index(0) }, append: [entry] });
    const error = await refusal(store.apply([entry], false));
    expect(error).toBeInstanceOf(NewerFormatError);
    expect(error.message).toMatch(
      /entry 1 cannot be read \(payload format 2 is not known; .*written by a newer version of Raftally, so start/,
    );
  });

  it("keeps its further fields in an identity that is written again", async () => {
    const options = { directory: data, clusterId: "c1", id: nodeId("n1"), members: MEMBERS };
    await initIdentity(options);
    const path = join(data, "identity.json");
    const text = readFileSync(path, "utf8")
      .replace('"format": 1,', '"format": 1, "zone": { "name": "west" },')
      .replace('"id": "n2",', '"id": "n2", "weight": 3,');
    writeFileSync(path, text);
    const identity = await loadIdentity(data);
    if (identity === undefined) throw new Error("it was initialised");
    const file = new IdentityFile(data, identity);
    await file.pinMember(nodeId("n2"), "2".repeat(32));
    await file.pinMember(nodeId("n3"), "3".repeat(32));
    await file.form();
    const written = JSON.parse(readFileSync(path, "utf8")) as { members: unknown[] };
    expect(written).toMatchObject({ zone: { name: "west" }, formed: true });
    expect(written.members[1]).toMatchObject({ id: "n2", weight: 3, incarnation: "2".repeat(32) });
    expect(existsSync(join(data, "log"))).toBe(true);
  });

  it("keeps its further fields in a manifest, whose checksum covers them", async () => {
    const identity = await stopped();
    const folder = join(data, "snapshots");
    const name = readdirSync(folder).find((file) => file.endsWith(".json")) ?? "";
    const snapshot = decodeManifest(name, readFileSync(join(folder, name)));
    const later = { ...snapshot.manifest, zone: "west" };
    const bytes = encodeManifest({ ...snapshot, manifest: later } satisfies LocalSnapshot);
    writeFileSync(join(folder, name), bytes);
    const found = decodeManifest(name, bytes);
    expect(found.manifest).toEqual(later);
    expect(encodeManifest(found)).toEqual(bytes);
    await (await openStore({ directory: data, identity })).close();
    const damaged = Buffer.from(bytes).toString().replace("west", "east");
    expect(() => decodeManifest(name, Buffer.from(damaged))).toThrow(/do not match their checksum/);
  });
});
