/** Short ways to say what tests say often: configurations, logs by their terms, messages made by hand. */

import { crc32c } from "../../src/base/index.ts";
import {
  type Configuration,
  type ConfigurationChange,
  chainHash,
  type Entry,
  type EntryId,
  type HardState,
  index,
  type Member,
  type Message,
  type MessageKind,
  type MessageOf,
  nodeId,
  type SnapshotMeta,
  term,
} from "../../src/raft/index.ts";

export function configurationOf(
  voters: readonly string[],
  learners: readonly string[] = [],
  outgoing: readonly string[] = [],
): Configuration {
  const all = [...new Set([...voters, ...outgoing, ...learners])].sort();
  return {
    voters: voters.map(nodeId),
    outgoing: outgoing.map(nodeId),
    learners: learners.map(nodeId),
    removed: [],
    members: all.map(memberNamed),
  };
}

/** The member record of a node, by its name. Every node has an incarnation and addresses of its own. */
export function memberNamed(id: string): Member {
  const hex = [...id].map((letter) => letter.charCodeAt(0).toString(16).padStart(2, "0")).join("");
  return {
    id: nodeId(id),
    incarnation: hex.padEnd(32, "0"),
    peer: `${id}.test:7101`,
    api: `http://${id}.test:7001`,
  };
}

/** A change of the configuration, by names; what is left out does not change. */
export interface Change {
  readonly add?: readonly string[];
  readonly promote?: readonly string[];
  readonly remove?: readonly string[];
  readonly move?: readonly Member[];
}

export function changeOf({ add = [], promote = [], remove = [], move = [] }: Change): ConfigurationChange {
  return { add: add.map(memberNamed), promote: promote.map(nodeId), remove: remove.map(nodeId), move };
}

/** The entry that any log of the tests holds at a place, given what comes before it. */
export function entryAfter(before: EntryId & { readonly chain: number }, at: number): Entry {
  const id = { index: index(before.index + 1), term: term(at) };
  const data = new TextEncoder().encode(`v${id.index}.${id.term}`);
  const body = { kind: "command", data, crc: crc32c(data) } as const;
  return { ...body, ...id, chain: chainHash(before.chain, id, body) };
}

/** A log of commands with these terms, after `base`. */
export function buildLog(base: SnapshotMeta, terms: readonly number[]): readonly Entry[] {
  const entries: Entry[] = [];
  for (const one of terms) entries.push(entryAfter(entries.at(-1) ?? base, one));
  return entries;
}

/** The hard state of a node that begins with `last`, unless said otherwise. */
export function metaOf(
  setup: { readonly term?: number; readonly vote?: string; readonly commit?: number },
  last: EntryId,
): HardState {
  return {
    term: term(setup.term ?? last.term),
    vote: setup.vote === undefined ? undefined : nodeId(setup.vote),
    commit: index(setup.commit ?? 0),
  };
}

export function entryId(at: number, of: number): EntryId {
  return { index: index(at), term: term(of) };
}

type Loose<M> = M extends Message ? Omit<M, "from" | "to" | "term" | "kind"> : never;

/** A message made by hand. */
export function message<K extends MessageKind>(
  kind: K,
  envelope: { readonly from: string; readonly to: string; readonly term: number },
  body: Loose<MessageOf<K>>,
): Message {
  const { from, to, term: of } = envelope;
  return { ...body, kind, from: nodeId(from), to: nodeId(to), term: term(of) } as unknown as Message;
}

/** The terms of a log, which is how the paper draws it. */
export function termsOf(entries: readonly Entry[]): readonly number[] {
  return entries.map((entry) => entry.term);
}
