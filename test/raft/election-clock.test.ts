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
