/** Every kind of packet, as fast-check draws them. */

import fc from "fast-check";
import { crc32c, HASH_MODULUS } from "../../src/base/index.ts";
import {
  type Configuration,
  type Entry,
  index,
  type Message,
  nodeId,
  type SnapshotMeta,
  term,
} from "../../src/raft/index.ts";
import type { Packet } from "../../src/transport/index.ts";
import { incarnationOf } from "./nodes.ts";

const whole = fc.oneof(
  fc.nat(),
  fc.maxSafeNat(),
  fc.constantFrom(0, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER),
);
const anIndex = whole.map(index);
const aTerm = whole.map(term);
const hash = whole.map((value) => value % HASH_MODULUS);
const node = fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/).map(nodeId);
const hex = (length: number): fc.Arbitrary<string> => fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`));
const text = fc.string({ minLength: 1, maxLength: 60, unit: "grapheme" });
const entryId = fc.record({ index: anIndex, term: aTerm }, { noNullPrototype: true });

export const configuration: fc.Arbitrary<Configuration> = fc.record(
  {
    voters: fc.array(node, { maxLength: 5 }),
    outgoing: fc.array(node, { maxLength: 5 }),
    learners: fc.array(node, { maxLength: 2 }),
    removed: fc.array(fc.record({ id: node, incarnation: hex(32) }, { noNullPrototype: true }), {
      maxLength: 3,
    }),
    members: fc.array(
      fc.record({ id: node, incarnation: hex(32), peer: text, api: text }, { noNullPrototype: true }),
      {
        maxLength: 5,
      },
    ),
  },
  { noNullPrototype: true },
);

export const meta: fc.Arbitrary<SnapshotMeta> = fc.record(
  { index: anIndex, term: aTerm, chain: hash, configuration, configurationIndex: anIndex },
  { noNullPrototype: true },
);

const entryBase = { index: anIndex, term: aTerm, chain: hash };
const data = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ minLength: 250, maxLength: 300 }));

export const entry: fc.Arbitrary<Entry> = fc.oneof(
  fc.record({ ...entryBase, kind: fc.constant("noop" as const) }, { noNullPrototype: true }),
  fc
    .record({ ...entryBase, kind: fc.constant("command" as const), data }, { noNullPrototype: true })
    .map((drawn) => ({ ...drawn, crc: crc32c(drawn.data) })),
  fc.record(
    { ...entryBase, kind: fc.constant("configuration" as const), configuration },
    { noNullPrototype: true },
  ),
);

type Bodies = {
  [K in Message["kind"]]: fc.Arbitrary<Omit<Extract<Message, { kind: K }>, "from" | "to" | "term">>;
};

function body<K extends string, T>(
  kind: K,
  fields: { [F in keyof T]: fc.Arbitrary<T[F]> },
): fc.Arbitrary<T & { kind: K }> {
  return fc.record({ kind: fc.constant(kind), ...fields }, { noNullPrototype: true }) as fc.Arbitrary<
    T & { kind: K }
  >;
}

/** A table by kind, so that a new kind of message does not compile until it is drawn here. */
export const bodies: Bodies = {
  requestPreVote: body("requestPreVote", { last: entryId }),
  preVoteResponse: body("preVoteResponse", { granted: fc.boolean() }),
  requestVote: body("requestVote", { last: entryId, transfer: fc.boolean() }),
  voteResponse: body("voteResponse", { granted: fc.boolean() }),
  append: body("append", {
    previous: entryId,
    previousChain: hash,
    entries: fc.array(entry, { maxLength: 20 }),
    commit: anIndex,
  }),
  appendResponse: fc.oneof(
    body("appendResponse", { ok: fc.constant(true as const), match: anIndex }),
    body("appendResponse", { ok: fc.constant(false as const), rejected: anIndex, hint: entryId }),
  ),
  heartbeat: body("heartbeat", { commit: anIndex, leaderCommit: anIndex, round: whole }),
  heartbeatResponse: body("heartbeatResponse", { round: whole }),
  timeoutNow: fc.constant({ kind: "timeoutNow" }),
  readIndex: body("readIndex", { id: whole }),
  readIndexResponse: fc.oneof(
    body("readIndexResponse", { id: whole, ok: fc.constant(true as const), index: anIndex }),
    body("readIndexResponse", { id: whole, ok: fc.constant(false as const) }),
  ),
};

/** A message of one kind; `from` and `to` are drawn unless given. */
export function message(kind: Message["kind"], from?: string, to?: string): fc.Arbitrary<Message> {
  const envelope = fc.record({
    from: from === undefined ? node : fc.constant(nodeId(from)),
    to: to === undefined ? node : fc.constant(nodeId(to)),
    term: aTerm,
  });
  return fc.tuple(envelope, bodies[kind]).map(([head, rest]) => ({ ...head, ...rest }) as Message);
}

export const MESSAGE_KINDS = Object.keys(bodies) as Message["kind"][];

/** Every other kind of packet. */
export const otherPackets: readonly fc.Arbitrary<Packet>[] = [
  fc.record({ kind: fc.constant("digest" as const), index: whole, digest: hash }, { noNullPrototype: true }),
  fc.record(
    {
      kind: fc.constant("snapshotOffer" as const),
      offer: fc.record(
        {
          meta,
          bytes: whole,
          sha256: hex(64),
          digest: hash,
          token: fc.stringMatching(/^[A-Za-z0-9_-]{16,64}$/),
        },
        { noNullPrototype: true },
      ),
    },
    { noNullPrototype: true },
  ),
  fc.record(
    { kind: fc.constant("snapshotResult" as const), meta, ok: fc.boolean() },
    { noNullPrototype: true },
  ),
  fc.record({ kind: fc.constant("snapshotProgress" as const) }, { noNullPrototype: true }),
];

/** An announcement of `id`, or of anyone. */
export function announcement(id?: string): fc.Arbitrary<Packet> {
  const about = fc.record(
    {
      id: id === undefined ? node : fc.constant(nodeId(id)),
      incarnation: id === undefined ? hex(32) : fc.constant(incarnationOf(id)),
      peer: text,
      api: text,
    },
    { noNullPrototype: true },
  );
  return fc.record(
    { kind: fc.constant("announce" as const), member: about, wantsVote: fc.boolean() },
    { noNullPrototype: true },
  );
}

/** One packet of each kind there is, from `from` to `to`: the same ones at each call. */
export function onePacketOfEachKind(from: string, to: string): Packet[] {
  const raft = MESSAGE_KINDS.map((kind) =>
    message(kind, from, to).map((drawn): Packet => ({ kind: "raft", message: drawn })),
  );
  return [...raft, ...otherPackets, announcement(from)].flatMap((arbitrary) =>
    fc.sample(arbitrary, { numRuns: 2, seed: 42 }),
  );
}
