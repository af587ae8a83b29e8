/** Doctored nodes, logs and answers, for the tests of the checkers. */

import { crc32c } from "../../src/base/index.ts";
import { type Command, encodePayload, LIMITS, type Payload } from "../../src/counter/index.ts";
import type { Effects, Response, WriteResult } from "../../src/node/index.ts";
import {
  chainHash,
  type Entry,
  type EntryBody,
  index,
  initialMeta,
  type LogWrite,
  type NodeId,
  nodeId,
  type SnapshotMeta,
  type TraceEvent,
  term,
} from "../../src/raft/index.ts";
import { CommittedLog } from "./checkers/committed-log.ts";
import { exactlyOnce } from "./checkers/exactly-once.ts";
import { Reference } from "./checkers/reference.ts";
import type { Attempt, Observer } from "./observer.ts";
import type { Profile } from "./profile.ts";
import { SimDisk } from "./sim-disk.ts";
import type { SimNode } from "./sim-node.ts";
import { World } from "./world.ts";

export const IDS: readonly NodeId[] = ["n1", "n2", "n3"].map((id) => nodeId(id));
const INCARNATION = "0".repeat(32);
export const INITIAL: SnapshotMeta = initialMeta({
  voters: IDS,
  outgoing: [],
  removed: [],
  learners: [],
  members: IDS.map((id) => ({ id, incarnation: INCARNATION, peer: `${id}:1`, api: `http://${id}` })),
});
export const PROFILE: Profile = new World(1).profile;

/** What a checker sees of a node: its disk, and the role it claims. */
export function fake(at: number, claims: { role?: string; term?: number } = {}): SimNode {
  const node = {
    id: IDS[at - 1],
    incarnation: INCARNATION,
    boot: 1,
    pausedMs: 0,
    disk: new SimDisk(INITIAL),
  };
  const status = { role: claims.role ?? "follower", term: claims.term ?? 1, progress: new Map(), applied: 0 };
  const { configuration } = INITIAL;
  return { ...node, reducer: { status: () => status, pendingBytes: 0, configuration } } as unknown as SimNode;
}

export function effects(some: Partial<Effects>): Effects {
  const none = {
    write: undefined,
    send: [],
    restore: undefined,
    apply: undefined,
    queries: [],
    responses: [],
  };
  return { ...none, digests: [], takeSnapshot: false, sendSnapshot: [], trace: [], ...some };
}

/** The entry that follows `previous`, or the first. */
export function entry(
  previous: Entry | undefined,
  inTerm: number,
  body: EntryBody = { kind: "noop" },
): Entry {
  const id = { index: index((previous?.index ?? 0) + 1), term: term(inTerm) };
  return { ...body, ...id, chain: chainHash(previous?.chain ?? 0, id, body) };
}

export function payload(items: Payload["items"], elapsed: number = 0): EntryBody {
  const data = encodePayload({ elapsed, items });
  return { kind: "command", data, crc: crc32c(data) };
}

export function command(value: Command): Payload["items"][number] {
  return { kind: "command", command: value };
}

let seq = 0;
/** A write that is durable at once. */
export function store(node: SimNode, some: Partial<LogWrite>): LogWrite {
  const write = { seq: ++seq, append: [], ...some };
  node.disk.write(write);
  node.disk.begin();
  node.disk.end();
  return write;
}

export function hard(inTerm: number, vote: number | undefined, commit: number = 0): Partial<LogWrite> {
  const voted = vote === undefined ? undefined : IDS[vote - 1];
  return { hardState: { term: term(inTerm), vote: voted, commit: index(commit) } };
}

export const KEYED: Command = {
  operation: { kind: "add", key: "a", by: 1n },
  once: { kind: "key", key: "once" },
};
export const PLAIN: Command = { operation: { kind: "add", key: "a", by: 1n } };

export function attempt(asked: Command | "read", askedMs: number = 0): Attempt {
  const event =
    asked === "read"
      ? ({ kind: "read", id: 1, query: { kind: "get", key: "a" }, consistency: "linearizable" } as const)
      : ({ kind: "write", id: 1, command: asked } as const);
  return { event, askedMs, pausedMs: 0 };
}

export function applied(value: bigint, at: number, revision: number = 1): Response {
  const results = [{ key: "a", value, revision, changed: true }];
  const outcome = { kind: "done", results, replayed: false } as const;
  return { kind: "write", id: 1, result: { kind: "applied", outcome, index: at, term: 1 } };
}

export function readAnswer(value: bigint | undefined, at: number): Response {
  const row = value === undefined ? undefined : { key: "a", value, revision: 1 };
  const answer = { kind: "get", row } as const;
  return { kind: "read", id: 1, result: { kind: "answer", answer, index: at, term: 1, ageMs: 0 } };
}

export function failed(code: (WriteResult & { kind: "failed" })["code"]): Response {
  return { kind: "write", id: 1, result: { kind: "failed", code, detail: "", retryAfterMs: 0 } };
}

/** A committed log of these bodies, all of term 1, and what it gives. */
export function history(...bodies: readonly EntryBody[]): {
  log: CommittedLog;
  reference: Reference;
  entries: Entry[];
} {
  const log = new CommittedLog();
  const entries: Entry[] = [];
  for (const body of bodies) {
    entries.push(entry(entries.at(-1), 1, body));
    log.add({ entry: entries.at(-1) as Entry, byTerm: 1 });
  }
  return { log, entries, reference: new Reference(log, LIMITS, [exactlyOnce(LIMITS)]) };
}

export const LEADS: TraceEvent & { readonly kind: "role" } = {
  kind: "role",
  role: "leader",
  term: term(2),
  why: "",
};

export function commits(at: number, inTerm: number): Partial<Effects> {
  return { trace: [{ kind: "commit", index: index(at), term: term(inTerm), byLeader: true }] };
}

export type Hook<K extends keyof Observer> = Observer[K];
/** A checker's hook, which it has. */
export function hook<K extends keyof Observer>(checker: Partial<Observer>, name: K): Hook<K> {
  const found = checker[name];
  if (found === undefined) throw new Error(`the checker does not look at ${name}`);
  return found as Hook<K>;
}
