/** More of `raftally cluster --chaos`, which takes longer: pauses, restarts, and launchers that end in the middle of it. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { requires } from "../support/capability.ts";
import { LocalCluster, PROCESS_MS } from "./local-cluster.ts";
import { eventually, isAlive } from "./processes.ts";

let cluster: LocalCluster;
beforeEach(async () => {
  cluster = await LocalCluster.make();
});
afterEach(() => cluster.discard());

describe("a local cluster with --chaos", () => {
  it(
    "pauses and resumes, restarts, and refuses what makes no sense now",
    async (context) => {
      requires(context, "patience");
      const launcher = await cluster.launch("--chaos");
      const lead = await cluster.leader();
      const [pausedPid] = (await cluster.view()).nodes.flatMap(({ id, pid }) => (id === lead ? [pid] : []));
      expect((await cluster.local("pause", lead)).exitCode).toBe(0);
      expect(await cluster.stateOf(lead)).toBe("paused");
      expect((await cluster.local("pause", lead)).error).toBe(`raftally: ${lead} is paused already.`);
      const elsewhere = cluster.client();
      expect((await elsewhere.increment("k")).value).toBe(1n);
      // Two of three: the third must not lose its data now.
      const [a = "", b = ""] = ["n1", "n2", "n3"].filter((id) => id !== lead);
      const wipe = await cluster.local("wipe", a);
      expect(wipe).toMatchObject({ exitCode: 1, out: "" });
      expect(wipe.error).toMatch(`raftally: ${a} is not wiped: of 3 voters 2 must hold every count`);
      expect(wipe.error).toMatch(new RegExp(`: ${b}\\.$`));
      expect(existsSync(join(cluster.data, a))).toBe(true);

      expect((await cluster.local("resume", lead)).out).toBe(`${lead} goes on.`);
      expect((await cluster.local("resume", lead)).error).toBe(`raftally: ${lead} is not paused.`);
      expect((await cluster.local("start", lead)).error).toBe(`raftally: ${lead} runs already.`);
      await eventually(
        async () =>
          (await elsewhere.increment("j")).value > 0n && (await cluster.stateOf(lead)) === "running",
        "up",
      );
      expect((await cluster.view()).nodes.find(({ id }) => id === lead)?.pid).toBe(pausedPid);

      // Also one that is paused, which would never hear of a plain signal.
      await cluster.local("pause", a);
      expect((await cluster.local("restart", a)).exitCode).toBe(0);
      const isNew = async (): Promise<boolean> =>
        (await cluster.stateOf(a)) === "running" && cluster.pids().length === 4;
      await eventually(isNew, "it runs again");
      await cluster.local("kill", a);
      await eventually(async () => (await cluster.stateOf(a)) === "stopped", "down");
      expect((await cluster.local("pause", a)).error).toMatch(
        `raftally: ${a} is down: raftally local start ${a}`,
      );
      expect((await cluster.local("restart", a)).out).toBe(`${a} was down, and is being started.`);
      await eventually(async () => (await cluster.stateOf(a)) === "running", "back");
      // What was killed comes back by itself in the end.
      await cluster.local("kill", b);
      const asked = performance.now();
      await eventually(async () => (await cluster.stateOf(b)) === "running", "back by itself");
      expect(performance.now() - asked).toBeGreaterThan(8_000);
      await cluster.stop(launcher);
    },
    PROCESS_MS,
  );

  it(
    "stops within 3 s with a node paused, another killed, and with a wipe under way, which the next start ends",
    async (context) => {
      requires(context, "patience");
      const first = await cluster.launch("--chaos");
      await cluster.client(0).increment("k");
      await cluster.local("pause", "n1");
      await cluster.local("kill", "n3");
      await cluster.stop(first);

      const second = await cluster.launch("--chaos");
      // Cut off, the newcomer cannot get in before the launcher is stopped.
      expect((await cluster.local("wipe", "n3")).exitCode).toBe(0);
      await cluster.stop(second);
      expect(second.text()).not.toContain("n4 has taken");

      const third = await cluster.launch("--chaos");
      await eventually(async () => {
        const { members } = await cluster.client().members();
        return members.map(({ id, role }) => `${id} ${role}`).join() === "n1 voter,n2 voter,n4 voter";
      }, "the exchange is made");
      await eventually(
        async () => (await cluster.view()).nodes.every(({ replaces }) => replaces === undefined),
        "and known",
      );
      expect((await cluster.client(2).get("k"))?.value).toBe(1n);
      await cluster.stop(third);
    },
    PROCESS_MS,
  );

  it(
    "leaves no paused node behind when the launcher itself is killed",
    async (context) => {
      requires(context, "patience");
      const launcher = await cluster.launch("--chaos");
      await cluster.local("pause", "n2");
      const pids = (await cluster.view()).nodes.map(({ pid = 0 }) => pid);
      launcher.child.kill("SIGKILL");
      await launcher.ended;
      await eventually(() => !pids.some(isAlive), "every node is gone");
      expect(readFileSync(join(cluster.data, "n2.log"), "utf8")).toMatch(
        /stopping .*why="the launcher is gone"/,
      );
      expect(await cluster.local("status")).toMatchObject({
        exitCode: 2,
        error: expect.stringMatching(/no launcher runs/),
      });
    },
    PROCESS_MS,
  );
});
