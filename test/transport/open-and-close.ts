/** Run as a process of its own: opens transports, has everything in flight, closes, and must then come to its end. */

import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { index, nodeId, term } from "../../src/raft/index.ts";
import { askToJoin, openTransport, type TransportHandlers } from "../../src/transport/index.ts";

const directory = await mkdtemp(join(tmpdir(), "raftally-close-"));
const path = join(directory, "snapshot");
await writeFile(path, "");
await truncate(path, 50_000_000);

let arrived = (): void => undefined;
const arrival = new Promise<void>((resolve) => {
  arrived = resolve;
});
let reachable = (): void => undefined;
const reached = new Promise<void>((resolve) => {
  reachable = resolve;
});
let asked = (): void => undefined;
const asking = new Promise<void>((resolve) => {
  asked = resolve;
});
const handlers: TransportHandlers = {
  onPacket: () => arrived(),
  onUnreachable: () => undefined,
  onReachable: () => reachable(),
  onFirstContact: () => Promise.resolve(),
  onRefused: () => undefined,
  onJoin: () => {
    asked();
    return new Promise(() => undefined);
  },
  onNotice: () => undefined,
};
const settings = { joinMsMax: 60_000 };
const common = { clusterId: "c", listen: { host: "127.0.0.1", port: 0 }, secret: "", handlers, settings };
const n1 = { id: nodeId("n1"), incarnation: "1".repeat(32) };
const n2 = { id: nodeId("n2"), incarnation: "2".repeat(32) };
// n2 does not know where n1 is, and goes on dialling a port where nobody listens until it is closed.
const nowhere = { id: n1.id, address: "127.0.0.1:1", incarnation: undefined };
const b = await openTransport({ ...common, self: n2, peers: [nowhere] });
const known = { id: n2.id, address: `127.0.0.1:${b.port}`, incarnation: undefined };
const a = await openTransport({ ...common, self: n1, peers: [known] });
await reached;
a.send(n2.id, { kind: "digest", index: 1024, digest: 1 });
await arrival;

const configuration = { voters: [], outgoing: [], learners: [], members: [], removed: [] };
const meta = { index: index(1), term: term(1), chain: 0, configuration, configurationIndex: index(0) };
const offer = {
  meta,
  bytes: 50_000_000,
  sha256: "0".repeat(64),
  digest: 0,
  token: b.offer(path, 50_000_000),
};
let begun = (): void => undefined;
const beginning = new Promise<void>((resolve) => {
  begun = resolve;
});
const sink = {
  offset: 0,
  write: async (): Promise<void> => begun(),
};
const fetching = a.fetchSnapshot(n2.id, offer, sink, new AbortController().signal);
await beginning;
// A guest of b, a request to join that nobody answers, and a peer that is dialled where nobody is.
const n3 = { id: nodeId("n3"), incarnation: "3".repeat(32) };
b.setPeers(
  [
    { ...nowhere, incarnation: n1.incarnation },
    { ...nowhere, id: nodeId("n4") },
  ],
  [],
);
const c = await openTransport({ ...common, self: { ...n3, address: "127.0.0.1:1" }, peers: [known] });
const request = {
  ...n3,
  peer: "127.0.0.1:1",
  api: "http://127.0.0.1:2",
  ask: "learner",
  clusterId: undefined,
} as const;
const joining = askToJoin({ addresses: [known.address], secret: "", request, settings });
await asking;
await Promise.all([a.close(), b.close(), c.close()]);
if ((await joining).kind !== "unreachable") throw new Error("nobody can have answered");
if (await fetching) throw new Error("the snapshot cannot have arrived whole");
await rm(directory, { recursive: true });
process.stdout.write("a packet arrived, a snapshot and a join were under way, all are closed\n");
