import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { digestAdd, digestRemove } from "../../src/base/index.ts";
import { counterRowHash } from "../../src/counter/index.ts";
import { RowReader } from "../../src/store/sqlite-rows.ts";
import { MetaWriter, openToWrite, readMeta } from "../../src/store/sqlite-schema.ts";
import { requires } from "../support/capability.ts";
import { ask, Cluster, type Machine, PATIENT_MS, probe, until } from "./machines.ts";

let cluster: Cluster;
afterEach(() => cluster.end());

/** Adds 1 to a counter of a stopped node's state, with every hash as it should be: no damage can be seen. */
function falsify(id: string, key: string): void {
  const path = join(cluster.site(id).directory, "state.db");
  const database = openToWrite(path);
  const columns = database.prepare<unknown[], unknown[]>(
    "SELECT key, value, revision, hash FROM counters WHERE key = ?",
  );
  const row = new RowReader(path).counter(columns.raw().safeIntegers().get(key) ?? []);
  const wrong = { ...row, value: row.value + 1n };
  const update = database.prepare("UPDATE counters SET value = ?, hash = ? WHERE key = ?");
  update.run(wrong.value, counterRowHash(wrong), key);
  const meta = readMeta(database);
  const digest = digestAdd(digestRemove(meta.totals.digest, counterRowHash(row)), counterRowHash(wrong));
  new MetaWriter(database).write({ ...meta, totals: { ...meta.totals, digest } });
  database.close();
}

/** Writes until all that run have applied the next index at which digests are compared. */
async function passDigest(): Promise<void> {
  const due = (Math.floor((await cluster.leader()).service.status().last / 1_024) + 1) * 1_024;
  await until(async () => {
    const leader = await cluster.leader();
    const missing = due - leader.service.status().last;
    if (missing > 0) await Promise.all(Array.from({ length: missing }, () => leader.increment("filler")));
    return cluster.machines.every(({ service }) => service.status().applied >= due);
  }, "all have applied the next index that is compared");
}

async function expectDiverged(machine: Machine): Promise<void> {
  await until(
    () => machine.service.checks().some(({ name, ok }) => name === "state" && !ok),
    "it stops serving",
  );
  const { status, text } = await probe(machine.url, "readyz");
  expect(status).toBe(503);
  expect(text).toContain(
    `[-]state failed: The state of this node, ${machine.id}, differs from the majority's`,
  );
  expect(machine.service.status().alarm).toContain("it no longer serves");
  for (const query of ["", "?consistency=stale"]) {
    const refused = await ask(`${machine.url}/v1/counters/hits${query}`, { method: "GET" });
    expect([refused.status, refused.body.code]).toEqual([503, "STATE_DIVERGED"]);
  }
  const refused = await ask(`${machine.url}/v1/counters/hits/increment`);
  expect([refused.status, refused.body.code]).toEqual([503, "STATE_DIVERGED"]);
  await machine.noticed("alarm", /no longer serves/);
}

/** One command in each entry, so that an index that is compared soon comes. */
const SMALL_ENTRIES = { node: { entryBytesMax: 1 } };

describe("a node whose state is wrong, without any damage to see", { timeout: PATIENT_MS }, () => {
  it("stops serving once a majority knows better; of two nodes nobody can tell, and both raise the alarm", async () => {
    cluster = await Cluster.formed(SMALL_ENTRIES);
    await cluster.write({ kind: "add", key: "hits", by: 5n });
    await cluster.digests();
    const [wrong, third] = await cluster.followers();
    await cluster.crash(wrong.id);
    falsify(wrong.id, "hits");
    await cluster.crash(third.id);
    const lied = await cluster.start(wrong.id);
    await cluster.leader();
    const right = cluster.machines.find((machine) => machine !== lied) ?? lied;

    await until(async () => {
      // Digests travel like all messages: one that is lost is made up for by the next.
      await passDigest();
      return [lied, right].every(({ service }) => service.status().alarm !== undefined);
    }, "both raise the alarm");
    for (const machine of [lied, right]) {
      expect(machine.service.status().alarm).toContain("no majority agrees on one");
      expect((await probe(machine.url, "readyz")).status).toBe(200);
    }
    expect(await cluster.write({ kind: "add", key: "hits", by: 1n })).toMatchObject({ kind: "applied" });

    // The third arrives at that index later, and decides.
    const judge = await cluster.start(third.id);
    await expectDiverged(lied);
    await until(
      () => right.service.status().alarm?.includes(`of ${lied.id} differs from the majority's`),
      "it is named",
    );
    expect(await until(async () => judge.value("hits").catch(() => undefined), "the third serves")).toBe(6n);
    expect(await right.value("hits")).toBe(6n);

    // It never leads for long either: the others would be sent to it.
    await cluster.crash(judge.id);
    await cluster.start(judge.id);
    await until(
      () => [right, judge].some(({ id }) => cluster.machine(id).service.status().role === "leader"),
      "one of the others leads",
    );
  });

  it("hears of it also if the others had passed the index before it was back", async (context) => {
    requires(context, "patience");
    cluster = await Cluster.formed(SMALL_ENTRIES);
    await cluster.write({ kind: "add", key: "hits", by: 5n });
    await cluster.digests();
    const [wrong] = await cluster.followers();
    await cluster.crash(wrong.id);
    falsify(wrong.id, "hits");
    await passDigest();
    const lied = await cluster.start(wrong.id);
    await expectDiverged(lied);
    // To start again does not make it right, and it knows before the next index that is compared.
    await cluster.crash(wrong.id);
    await expectDiverged(await cluster.start(wrong.id));
    for (const machine of cluster.machines.filter(({ id }) => id !== lied.id)) {
      await until(() => machine.service.status().alarm?.includes(lied.id), `${machine.id} names it`);
      expect((await probe(machine.url, "readyz")).status).toBe(200);
      expect(await machine.value("hits")).toBe(5n);
    }
    expect(await cluster.write({ kind: "add", key: "hits", by: 1n })).toMatchObject({
      outcome: { results: [{ value: 6n }] },
    });
  });
});
