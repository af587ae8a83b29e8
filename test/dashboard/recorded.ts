/** Pictures of nodes as they send them, to be shown to the page: the states that are hard to bring about on purpose. */

import type { NodePicture } from "../../src/client/index.ts";

export type Status = NodePicture["status"];

export interface Change {
  readonly status?: Partial<Status>;
  readonly picture?: Partial<Omit<NodePicture, "status">>;
}

export interface Seat {
  readonly id: string;
  readonly url: string;
}

const TERM = 7;
const LAST = 1_240;

/** A healthy cluster in which the first leads term 7, as `self` shows itself. */
export function healthy(seats: readonly Seat[], self: Seat, beat: number): NodePicture {
  const leader = seats[0] ?? self;
  const leads = self.id === leader.id;
  const others = seats.filter(({ id }) => id !== self.id);
  const members = seats.map(({ id, url }) => ({
    id,
    incarnation: "0".repeat(32),
    peer: "127.0.0.1:1",
    api: url,
  }));
  const last = LAST + beat;
  return {
    atMs: Date.now(),
    status: {
      id: self.id,
      clusterId: "recorded",
      apiUrl: self.url,
      state: "running",
      version: "0.1.0",
      role: leads ? "leader" : "follower",
      term: TERM,
      leader,
      commit: last,
      applied: last,
      last,
      first: 1_001,
      snapshot: 1_230,
      revision: last,
      counters: 12,
      digest: 4_242,
      configuration: { voters: seats.map(({ id }) => id), outgoing: [], learners: [], members },
      peers: others.map(({ id, url }, at) => ({
        id,
        api: url,
        reachable: true,
        roundTripMs: 0.3 + at / 10,
        ...(leads ? { match: last, state: "replicate" as const } : {}),
      })),
      uptimeMs: 60_000,
    },
    checks: [{ name: "leader", ok: true, detail: "" }],
    ...(leads ? {} : { election: { elapsedMs: 40, timeoutMs: 1_200 } }),
    tail: Array.from({ length: 40 }, (_, at) => ({
      index: last - 39 + at,
      term: last - 39 + at < LAST - 10 ? TERM - 1 : TERM,
      kind: last - 39 + at === LAST - 10 ? ("noop" as const) : ("command" as const),
    })),
    stable: last,
    messages: leads
      ? others.flatMap(({ id: to }) => [
          { to, kind: "append", count: 4 },
          { to, kind: "heartbeat", count: 2 },
        ])
      : [
          { to: leader.id, kind: "appendResponse", count: 4 },
          { to: leader.id, kind: "heartbeatResponse", count: 2 },
        ],
    digests: [{ index: 1_024, digest: 4_242 }],
    tally: {
      acknowledgedWrites: leads ? 900 : 0,
      acknowledgedChanges: leads ? 900 : 0,
      replays: leads ? 3 : 0,
      reads: 10,
      refused: 0,
      unknown: 0,
      revisionAtStart: 340,
    },
    memoryBytes: 70_000_000,
    ...(leads ? { commitLatency: { count: 4, p50: 1.2, p99: 2.4, max: 3 } } : {}),
    fsync: { count: 4, p50: 0.4, p99: 0.9, max: 1 },
  };
}

export function changed(picture: NodePicture, change: Change | undefined): NodePicture {
  return { ...picture, ...change?.picture, status: { ...picture.status, ...change?.status } };
}
