/** What tests of a changing cluster need beside the cluster itself. */

import { expect } from "vitest";
import type { MembershipRequest } from "../../src/node/index.ts";
import { type Member as KnownMember, nodeId } from "../../src/raft/index.ts";
import { Cluster, type Member, type Setup } from "./cluster.ts";

/** A cluster whose first member leads. */
export function led(size: number, setup: Setup = {}): [Cluster, Member] {
  const cluster = new Cluster(size, setup);
  const leader = cluster.at(1);
  cluster.elect(leader);
  expect(leader.reducer.status()).toMatchObject({ role: "leader", opened: true });
  return [cluster, leader];
}

export function memberNamed(name: string, digit = "1"): KnownMember {
  return { id: nodeId(name), incarnation: digit.repeat(32), peer: `${name}:1`, api: `http://${name}` };
}

/** Asks, and lets the cluster come to rest. */
export function ask(cluster: Cluster, at: Member, request: MembershipRequest): ReturnType<Member["outcome"]> {
  const asked = cluster.change(at, request);
  cluster.settle();
  return at.outcome(asked);
}

/** A learner that has caught up. */
export function learner(cluster: Cluster, leader: Member, name: string): Member {
  const joined = cluster.newcomer(name);
  expect(ask(cluster, leader, { kind: "add", member: memberNamed(name) })).toMatchObject({ kind: "changed" });
  cluster.tick(30);
  expect(leader.reducer.status().caughtUp).toContain(name);
  return joined;
}
