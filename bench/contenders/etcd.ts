/** etcd with three members, each put to work over gRPC by the same generator as everything else. */

import { join } from "node:path";
import { freePorts } from "../../chaos/index.ts";
import { Child, listens, versionOf } from "../child.ts";
import { type Connection, closedLoop } from "../load/closed-loop.ts";
import { Increments, Puts, Reads } from "../load/etcd-calls.ts";
import { type Calls, GrpcCaller } from "../load/grpc-caller.ts";
import { type Contender, contender, type Sample, type StartContext, type Timing } from "../types.ts";

const MEMBERS = 3;
const CONNECTIONS = 64;
const KEYS = 1_000;

interface Etcd {
  readonly members: readonly Child[];
  /** Of the member that leads. */
  readonly port: number;
}

interface Kv {
  /** base64 */
  readonly value: string;
  /** How often the key was written. */
  readonly version: string;
}

async function start({ directory, signal }: StartContext): Promise<Etcd> {
  const ports = await freePorts(MEMBERS * 2);
  const members = Array.from({ length: MEMBERS }, (_, at) => ({
    name: `m${at}`,
    client: ports[at] ?? 0,
    peer: `http://127.0.0.1:${ports[MEMBERS + at]}`,
  }));
  const cluster = members.map(({ name, peer }) => `${name}=${peer}`).join(",");
  const children = members.map(({ name, client, peer }) => {
    const url = `http://127.0.0.1:${client}`;
    const flags = {
      name,
      "data-dir": join(directory, name),
      "listen-client-urls": url,
      "advertise-client-urls": url,
      "listen-peer-urls": peer,
      "initial-advertise-peer-urls": peer,
      "initial-cluster": cluster,
      // The history of a minute of puts would pass the default of 2 GB and stop it.
      "quota-backend-bytes": String(8 * 2 ** 30),
      "log-level": "error",
      logger: "zap",
    };
    return new Child(
      "etcd",
      Object.entries(flags).map(([name, value]) => `--${name}=${value}`),
    );
  });
  try {
    for (const [at, child] of children.entries()) {
      const port = members[at]?.client ?? 0;
      await child.until("ready", async () => (await listens(port)) && (await isHealthy(port)), signal);
    }
    return { members: children, port: await leaderAmong(members.map(({ client }) => client)) };
  } catch (error) {
    await Promise.all(children.map((child) => child.stop()));
    throw error;
  }
}

async function isHealthy(port: number): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined);
  return (
    ((await answer?.json().catch(() => undefined)) as { health?: string } | undefined)?.health === "true"
  );
}

/** etcd's own gateway from JSON, for what is not measured. */
async function ask(port: number, path: string, body: unknown): Promise<unknown> {
  const answer = await fetch(`http://127.0.0.1:${port}/v3/${path}`, {
    method: "POST",
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`etcd answered ${path} with ${answer.status}: ${await answer.text()}`);
  return await answer.json();
}

async function leaderAmong(ports: readonly number[]): Promise<number> {
  for (const port of ports) {
    const status = (await ask(port, "maintenance/status", {})) as {
      leader: string;
      header: { member_id: string };
    };
    if (status.leader === status.header.member_id) return port;
  }
  throw new Error("etcd has no leader");
}

/** All keys that begin with a prefix. */
async function keysOf(port: number, prefix: string): Promise<readonly Kv[]> {
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  // "~" is above all that the keys are made of.
  const range = { key: base64(prefix), range_end: base64(`${prefix}~`) };
  return ((await ask(port, "kv/range", range)) as { kvs?: readonly Kv[] }).kvs ?? [];
}

function connections(port: number, count: number, calls: (at: number) => Calls): readonly Connection[] {
  return Array.from({ length: count }, (_, at) => ({ port, caller: new GrpcCaller(calls(at)) }));
}

function keys(prefix: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, at) => `${prefix}${at}`);
}

/** @param shared whether all callers share one connection. */
async function puts(
  etcd: Etcd,
  { count, callers, shared }: { readonly count: number; readonly callers: number; readonly shared: boolean },
  timing: Timing,
): Promise<Sample> {
  const prefix = `put-${count}-${callers}-${shared ? "shared" : "own"}/`;
  const all = keys(prefix, count);
  const first = (at: number): number => Math.floor((at * count) / callers);
  const done = await closedLoop(
    shared
      ? [{ port: etcd.port, caller: new GrpcCaller(new Puts(all, 0), callers) }]
      : connections(etcd.port, callers, (at) => new Puts(all, first(at))),
    timing,
  );
  const written = (await keysOf(etcd.port, prefix)).reduce((sum, { version }) => sum + BigInt(version), 0n);
  return {
    figures: { rate: done.rate, ...done.figures },
    check: {
      about: "how often the keys were written, says etcd",
      acknowledged: BigInt(done.acknowledged),
      found: written,
      underway: done.underway,
    },
  };
}

async function increments(etcd: Etcd, count: number, timing: Timing): Promise<Sample> {
  const prefix = `increment-${count}/`;
  const all = keys(prefix, count);
  const first = (at: number): number => Math.floor((at * count) / CONNECTIONS);
  const done = await closedLoop(
    connections(etcd.port, CONNECTIONS, (at) => new Increments(all, first(at))),
    timing,
  );
  const values = (await keysOf(etcd.port, prefix)).map(({ value }) => Buffer.from(value, "base64"));
  return {
    figures: { rate: done.rate, ...done.figures },
    check: {
      about: "the sum of the keys",
      acknowledged: BigInt(done.acknowledged),
      found: values.reduce((sum, value) => sum + BigInt(value.toString()), 0n),
      underway: done.underway,
    },
  };
}

async function reads(etcd: Etcd, timing: Timing): Promise<Sample> {
  const put = { key: Buffer.from("read").toString("base64"), value: Buffer.from("1").toString("base64") };
  await ask(etcd.port, "kv/put", put);
  const done = await closedLoop(
    connections(etcd.port, CONNECTIONS, () => new Reads("read")),
    timing,
  );
  return {
    figures: { rate: done.rate, ...done.figures },
    check: {
      about: "the answers that carried the key (each is looked into)",
      acknowledged: BigInt(done.acknowledged),
      found: BigInt(done.acknowledged),
      underway: 0,
    },
  };
}

export const etcd: Contender = contender<Etcd>({
  id: "etcd",
  name: "etcd",
  about: "three members, everything at its default; asked over gRPC, at the member that leads",
  packages: ["etcd-server"],
  probe: async () => {
    const version = await versionOf("etcd", "--version");
    return version === undefined
      ? { available: false, reason: "etcd is not installed (Debian: etcd-server)" }
      : { available: true, version: version.replace(/^etcd Version: /, "etcd ") };
  },
  start,
  stop: async ({ members }) => {
    await Promise.all(members.map((child) => child.stop()));
  },
  workloads: [
    {
      id: "put",
      about: "blind put of one key",
      connections: CONNECTIONS,
      keys: 1,
      run: (etcd, timing) => puts(etcd, { count: 1, callers: CONNECTIONS, shared: false }, timing),
    },
    {
      id: "put-1000",
      about: "blind put of 1,000 keys",
      connections: CONNECTIONS,
      keys: KEYS,
      run: (etcd, timing) => puts(etcd, { count: KEYS, callers: CONNECTIONS, shared: false }, timing),
    },
    {
      id: "put-alone",
      about: "blind put by one client alone",
      connections: 1,
      keys: 1,
      run: (etcd, timing) => puts(etcd, { count: 1, callers: 1, shared: false }, timing),
    },
    {
      id: "put-shared",
      fullOnly: true,
      about: "blind put of one key, all callers on one connection, as etcd's own client does",
      connections: CONNECTIONS,
      keys: 1,
      run: (etcd, timing) => puts(etcd, { count: 1, callers: CONNECTIONS, shared: true }, timing),
    },
    {
      id: "increment",
      fullOnly: true,
      about: "increment of one key by compare-and-swap",
      connections: CONNECTIONS,
      keys: 1,
      run: (etcd, timing) => increments(etcd, 1, timing),
    },
    {
      id: "increment-1000",
      fullOnly: true,
      about: "increment of 1,000 keys by compare-and-swap",
      connections: CONNECTIONS,
      keys: KEYS,
      run: (etcd, timing) => increments(etcd, KEYS, timing),
    },
    {
      id: "read",
      about: "linearizable read of one key",
      connections: CONNECTIONS,
      keys: 1,
      run: reads,
    },
  ],
});
