/** What a log should hold, kept the simplest way there is, and an author of random writes that obey Raft. */

import { crc32c, type Prng } from "../../src/base/index.ts";
import {
  type Configuration,
  chainHash,
  type Entry,
  type EntryBody,
  type HardState,
  type Index,
  index,
  type LogWrite,
  nodeId,
  type SnapshotMeta,
  term,
} from "../../src/raft/index.ts";

export const CONFIGURATION: Configuration = {
  voters: [nodeId("n1"), nodeId("n2"), nodeId("n3")],
  outgoing: [],
  removed: [],
  learners: [],
  members: ["n1", "n2", "n3"].map((id, at) => ({
    id: nodeId(id),
    incarnation: "0".repeat(32),
    peer: `127.0.0.1:${4100 + at}`,
    api: `http://127.0.0.1:${4000 + at}`,
  })),
};

export const INITIAL_BASE: SnapshotMeta = {
  index: index(0),
  term: term(0),
  chain: 0,
  configuration: CONFIGURATION,
  configurationIndex: index(0),
};

export const OWNER = { clusterId: "test", incarnation: "0123456789abcdef0123456789abcdef" } as const;

/** A write without its number, which the log does not look at. */
export type Write = Omit<LogWrite, "seq">;

export interface Contents {
  readonly hardState: HardState;
  readonly base: SnapshotMeta;
  readonly entries: readonly Entry[];
}

export const EMPTY: Contents = {
  hardState: { term: term(0), vote: undefined, commit: index(0) },
  base: INITIAL_BASE,
  entries: [],
};

/** The contents after one more write, as the contract of LogWrite says it. */
export function contentsAfter(log: Contents, write: Write): Contents {
  let { hardState, base, entries } = log;
  const { truncateFrom, install, append, compact } = write;
  if (truncateFrom !== undefined) entries = entries.filter((entry) => entry.index < truncateFrom);
  if (install !== undefined) {
    base = install;
    entries = [];
  }
  entries = [...entries, ...append];
  if (compact !== undefined) {
    base = compact;
    entries = entries.filter((entry) => entry.index > compact.index);
  }
  if (write.hardState !== undefined) hardState = write.hardState;
  return { hardState, base, entries };
}

export function lastOf(log: Contents): { index: Index; term: number; chain: number } {
  return log.entries.at(-1) ?? log.base;
}

/** `count` entries that follow `log`, in its term, with payloads of `bytes` bytes. */
export function entriesAfter(log: Contents, count: number, bytes = 40): Entry[] {
  const bodies = Array.from({ length: count }, (_, at) => commandBody(new Uint8Array(bytes).fill(at + 1)));
  return chained(log, bodies);
}

function commandBody(data: Uint8Array): EntryBody {
  return { kind: "command", data, crc: crc32c(data) };
}

function chained(log: Contents, bodies: readonly EntryBody[]): Entry[] {
  let { index: at, chain } = lastOf(log);
  return bodies.map((body) => {
    at = index(at + 1);
    const id = { index: at, term: log.hardState.term };
    chain = chainHash(chain, id, body);
    return { ...id, chain, ...body } as Entry;
  });
}

/** A write of one command, with a first term if the log has none yet. */
export function simpleWrite(log: Contents, bytes = 40): Write {
  const hardState = {
    term: term(Math.max(1, log.hardState.term)),
    vote: nodeId("n1"),
    commit: lastOf(log).index,
  };
  return { hardState, append: entriesAfter({ ...log, hardState }, 1, bytes) };
}

/** A random write that may follow `log`. */
export function randomWrite(log: Contents, prng: Prng): Write {
  const dice = prng.between(0, 99);
  if (log.hardState.term === 0 || dice < 12) return newTerm(log, prng);
  if (dice < 20) return compaction(log, prng);
  if (dice < 24) return installation(log, prng);
  if (dice < 36) return repair(log, prng);
  const append = randomEntries(log, prng);
  if (prng.chance(0.4)) return { append };
  const last = append.at(-1)?.index ?? lastOf(log).index;
  return { append, hardState: { ...log.hardState, commit: index(prng.between(log.hardState.commit, last)) } };
}

function randomEntries(log: Contents, prng: Prng): Entry[] {
  const bodies = Array.from({ length: prng.between(1, 4) }, (): EntryBody => {
    if (prng.chance(0.1)) return { kind: "noop" };
    if (prng.chance(0.05)) return { kind: "configuration", configuration: CONFIGURATION };
    return commandBody(
      new Uint8Array(prng.between(0, prng.chance(0.1) ? 3000 : 80)).fill(prng.between(0, 255)),
    );
  });
  return chained(log, bodies);
}

function newTerm(log: Contents, prng: Prng): Write {
  const vote = prng.chance(0.7) ? prng.pick(CONFIGURATION.voters) : undefined;
  const hardState = { ...log.hardState, term: term(log.hardState.term + prng.between(1, 3)), vote };
  return { hardState, append: prng.chance(0.5) ? randomEntries({ ...log, hardState }, prng) : [] };
}

function compaction(log: Contents, prng: Prng): Write {
  const { base, hardState } = log;
  const at = prng.between(base.index, hardState.commit);
  const entry = log.entries.find(({ index }) => index === at);
  if (entry === undefined) return { append: randomEntries(log, prng) };
  return { append: [], compact: { ...base, index: entry.index, term: entry.term, chain: entry.chain } };
}

function installation(log: Contents, prng: Prng): Write {
  const at = index(lastOf(log).index + prng.between(1, 20));
  const install = { ...log.base, index: at, term: log.hardState.term, chain: prng.between(1, 1_000_000) };
  const hardState = { ...log.hardState, commit: at };
  return {
    install,
    hardState,
    append: prng.chance(0.5) ? randomEntries({ ...log, base: install, entries: [] }, prng) : [],
  };
}

/** Drops entries that were never committed and appends others in a later term. */
function repair(log: Contents, prng: Prng): Write {
  const { commit } = log.hardState;
  const last = lastOf(log).index;
  if (last === commit) return { append: randomEntries(log, prng) };
  const truncateFrom = index(prng.between(commit + 1, last));
  const hardState = { ...log.hardState, term: term(log.hardState.term + 1), vote: undefined };
  const cut = { ...contentsAfter(log, { truncateFrom, append: [] }), hardState };
  const append = prng.chance(0.8) ? randomEntries(cut, prng) : [];
  // As when an append repairs the log and commits what it brought in one message.
  const end = append.at(-1)?.index ?? lastOf(cut).index;
  return { truncateFrom, append, hardState: prng.chance(0.3) ? { ...hardState, commit: end } : hardState };
}
