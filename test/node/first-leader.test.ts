import { expect, it } from "vitest";
import { defined } from "../../src/base/index.ts";
import { Cluster, type Member } from "./cluster.ts";

const ELECTION_TICKS = 30;

/** Each of these knows of a link to each other one. */
function link(cluster: Cluster, members: readonly Member[]): void {
  for (const member of members) {
    for (const { id } of members)
      if (id !== member.id) cluster.step(member, { kind: "linked", peer: id, outdated: false });
  }
}

it("nodes that were all started together have a leader as soon as a majority is there, without waiting out their timers", () => {
  const cluster = new Cluster(5, { raft: { electionTicks: ELECTION_TICKS } });
  const [first, second, third] = cluster.members;
  const here = [first, second, third].map((member) => defined(member, "test: there are five"));
  for (const { id } of cluster.members.slice(2)) cluster.cut.add(id);
  link(cluster, here.slice(0, 2));
  cluster.tick(ELECTION_TICKS / 2, here);
  expect(here.map(({ reducer }) => reducer.status().leader)).toEqual([undefined, undefined, undefined]);
  cluster.cut.delete(defined(third, "test: there are five").id);
  link(cluster, here);
  cluster.tick(ELECTION_TICKS / 2, here);
  const leaders = new Set(here.map(({ reducer }) => reducer.status().leader));
  expect(leaders.size).toBe(1);
  expect(leaders).not.toContain(undefined);
});
