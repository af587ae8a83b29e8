/** Data directories of nodes that have met, and entries that count, for the tests of the whole store. */

import { crc32c } from "../../src/base/index.ts";
import { encodePayload } from "../../src/counter/index.ts";
import {
  chainHash,
  type Entry,
  type EntryBody,
  index,
  nodeId,
  type SnapshotMeta,
  term,
} from "../../src/raft/index.ts";
import { IdentityFile, type InitialMember, initIdentity, type NodeStore } from "../../src/store/index.ts";
import type { Identity } from "../../src/store/types.ts";

export const MEMBERS: readonly InitialMember[] = ["n1", "n2", "n3"].map((id, at) => ({
  id: nodeId(id),
  peer: `127.0.0.1:${4100 + at}`,
  api: `http://127.0.0.1:${4000 + at}`,
}));
const INCARNATIONS = { n1: "1".repeat(32), n2: "2".repeat(32), n3: "3".repeat(32) };

/** A data directory as it is once all members have met. */
export async function form(path: string, id: "n1" | "n2"): Promise<Identity> {
  const drawn = await initIdentity({ directory: path, clusterId: "c1", id: nodeId(id), members: MEMBERS });
  // Nodes of one cluster know each other's incarnations; those that were drawn here differ from run to run.
  const own = { ...drawn, incarnation: INCARNATIONS[id] };
  const members = drawn.members.map((member) => ({
    ...member,
    incarnation: INCARNATIONS[member.id as "n1"],
  }));
  return new IdentityFile(path, { ...own, members }).form();
}

/** `count` entries of term `inTerm` after `previous`, each adding 1 to the counter `hits`. */
export function increments(
  previous: { index: number; chain: number },
  count: number,
  inTerm: number = 1,
): Entry[] {
  let { index: at, chain } = previous;
  return Array.from({ length: count }, () => {
    at += 1;
    const item = { kind: "command", command: { operation: { kind: "add", key: "hits", by: 1n } } } as const;
    const data = encodePayload({ elapsed: 1, items: [item] });
    const body: EntryBody = { kind: "command", data, crc: crc32c(data) };
    const id = { index: index(at), term: term(inTerm) };
    chain = chainHash(chain, id, body);
    return { ...id, ...body, chain };
  });
}

/** The value of the counter `hits`. */
export async function hits(store: NodeStore): Promise<bigint | undefined> {
  const { answers } = await store.query([{ kind: "get", key: "hits" }]);
  return answers[0]?.kind === "get" ? answers[0].row?.value : undefined;
}

export function positionOf(entry: Entry, base: SnapshotMeta): SnapshotMeta {
  return { ...base, index: entry.index, term: entry.term, chain: entry.chain };
}
