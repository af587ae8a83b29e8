/** What is shown of the clock that leads to an election. */

import { expect, it } from "vitest";
import { Cluster, SETTINGS } from "./kit.ts";

it("a voter that does not lead shows how long it has waited and how long it will, a leader and a learner do not", () => {
  const cluster = new Cluster({ voters: ["a", "b", "c"], learners: ["d"] });
  cluster.elect("a");
  cluster.heartbeat("a");
  expect(cluster.status("a").election).toBeUndefined();
  expect(cluster.status("d").election).toBeUndefined();
  const { timeout } = cluster.status("b").election ?? { timeout: 0 };
  expect(timeout).toBeGreaterThanOrEqual(SETTINGS.electionTicks);
  expect(timeout).toBeLessThan(2 * SETTINGS.electionTicks);
  expect(cluster.status("b").election).toEqual({ ticks: 0, timeout });
  cluster.tick("b", 3);
  expect(cluster.status("b").election).toEqual({ ticks: 3, timeout });
  cluster.heartbeat("a");
  expect(cluster.status("b").election).toEqual({ ticks: 0, timeout });
});

it("a candidate shows the time until it tries again", () => {
  const cluster = new Cluster({ voters: ["a", "b", "c"] });
  cluster.loseLeader("a", "b", "c");
  cluster.stand("b");
  expect(cluster.status("b").role).toBe("candidate");
  cluster.tick("b", 2);
  expect(cluster.status("b").election?.ticks).toBe(2);
});

it("a link that stands makes a node without a leader ask soon, at a moment that is drawn", () => {
  const waits = new Set<number>();
  for (let seed = 1; seed <= 50; seed++) {
    const cluster = new Cluster({ voters: ["a", "b", "c"], seed });
    cluster.step("a", { kind: "reachable" });
    waits.add(ticksUntilAsked(cluster));
    // The first answer was late, or its own link was not there: the next link that stands is another chance.
    cluster.step("a", { kind: "reachable" });
    waits.add(ticksUntilAsked(cluster));
  }
  expect(Math.min(...waits)).toBe(1);
  expect(Math.max(...waits)).toBe(Math.ceil(SETTINGS.electionTicks / 2));
});

it("a link that stands after another one changes nothing: the moment is drawn once", () => {
  const cluster = new Cluster({ voters: ["a", "b", "c"] });
  cluster.step("a", { kind: "reachable" });
  const drawn = cluster.status("a").election;
  for (let link = 0; link < 20; link++) cluster.step("a", { kind: "reachable" });
  expect(cluster.status("a").election).toEqual(drawn);
});

it("a link that stands does not hurry whoever has just voted, until the time for that is over", () => {
  const cluster = new Cluster({ voters: ["a", "b", "c"] });
  cluster.stand("a");
  cluster.deliverAll({ from: "a", to: "b", kind: "requestVote" });
  const waiting = cluster.status("b").election;
  expect(waiting?.ticks).toBe(0);
  cluster.step("b", { kind: "reachable" });
  expect(cluster.status("b").election).toEqual(waiting);
  // Nothing came of it: it asks, and may be hurried again.
  cluster.campaign("b");
  const drawn = cluster.status("b").election;
  cluster.step("b", { kind: "reachable" });
  expect(cluster.status("b").election?.ticks).toBeGreaterThan(drawn?.ticks ?? 0);
});

it("a link that stands hurries nobody who has a leader, is one, or stands for an election", () => {
  const cluster = new Cluster({ voters: ["a", "b", "c"] });
  cluster.elect("a");
  cluster.heartbeat("a");
  // This one has given its vote to nobody since it started.
  cluster.restart("c");
  cluster.heartbeat("a");
  expect(cluster.status("c").leader).toBe("a");
  const before = cluster.status("c").election;
  for (const id of ["a", "c"]) cluster.step(id, { kind: "reachable" });
  expect(cluster.status("a").role).toBe("leader");
  expect(cluster.status("c").election).toEqual(before);
  cluster.loseLeader("b", "c");
  cluster.stand("b");
  const standing = cluster.status("b").election;
  cluster.step("b", { kind: "reachable" });
  expect(cluster.status("b")).toMatchObject({ role: "candidate", election: standing });
});

it("whoever asks because a link stands is refused where a leader lives, and changes nothing", () => {
  const cluster = new Cluster({ voters: ["a", "b", "c"] });
  cluster.elect("a");
  cluster.heartbeat("a");
  cluster.restart("c");
  const { term } = cluster.status("a");
  cluster.step("c", { kind: "reachable" });
  cluster.campaign("c");
  cluster.settle();
  expect(cluster.leader).toBe("a");
  expect(cluster.status("a").term).toBe(term);
});

/** Ticks until `a` asks for votes. */
function ticksUntilAsked(cluster: Cluster): number {
  const asked = (): number => cluster.node("a").trace.filter((event) => event.kind === "role").length;
  const before = asked();
  for (let ticks = 1; ; ticks++) {
    cluster.tick("a");
    if (asked() > before) return ticks;
  }
}
