/** A cluster that lives for years, in a minute: every node is replaced while clients notice nothing. */

import { setTimeout as sleep } from "node:timers/promises";
import type { Cluster } from "./cluster.ts";
import type { FaultLog } from "./faults.ts";
import type { Load } from "./load.ts";
import type { Act } from "./scenario.ts";

type Say = (line: string) => void;

/** Runs one step, and tells how long it took and for how long no increment was acknowledged in it. */
class Steps {
  readonly #load: Load;
  readonly #faults: FaultLog;
  readonly #say: Say;

  constructor({ load, faults, say }: Act) {
    this.#load = load;
    this.#faults = faults;
    this.#say = say;
  }

  async step(what: string, act: () => Promise<string | undefined>): Promise<void> {
    this.#load.lap();
    const fault = this.#faults.begin("change-members", [], { detail: what });
    const began = performance.now();
    const found = await act();
    fault.end({ effective: true });
    const seconds = ((performance.now() - began) / 1_000).toFixed(1);
    const stall = Math.round(this.#load.lap());
    this.#say(`${what}: ${seconds} s, longest stall ${stall} ms${found === undefined ? "" : `; ${found}`}`);
  }
}

/** 3 → 5 → 4 → 3 nodes, the leader removed, every node that is left replaced once, and a removed one coming back. */
export async function changeMembers(cluster: Cluster, act: Act): Promise<void> {
  const client = cluster.client();
  const steps = new Steps(act);
  await steps.step("add n4", async () => await addVoter(cluster, "n4"));
  await steps.step("add n5", async () => await addVoter(cluster, "n5"));
  const leader = await cluster.leader();
  const follower = cluster.nodes.find(({ id }) => id !== leader)?.id ?? "n1";
  await steps.step(`remove the follower ${follower}`, async () => {
    await client.removeMember(follower);
    return ended(follower, await cluster.gone(follower));
  });
  await steps.step(`remove the leader ${leader}`, async () => {
    await client.removeMember(leader);
    return ended(leader, await cluster.gone(leader));
  });
  for (const [at, { id: old }] of [...cluster.nodes].entries()) {
    const fresh = `n${6 + at}`;
    await steps.step(`replace ${old} by ${fresh}`, async () => {
      await cluster.addNode(fresh, "learner");
      await caughtUp(cluster, fresh);
      await client.replaceMember(old, fresh);
      return ended(old, await cluster.gone(old));
    });
  }
  const before = (await client.status()).term;
  await steps.step(`${leader} comes back`, async () => ended(leader, await cluster.haunt(leader)));
  const after = (await client.status()).term;
  if (after !== before) throw new Error(`a removed node moved the term from ${before} to ${after}`);
}

function ended(id: string, exitCode: number | undefined): string {
  return `${id} ended by itself with exit code ${exitCode ?? "none: it was killed"}`;
}

async function addVoter(cluster: Cluster, id: string): Promise<undefined> {
  await cluster.addNode(id, "voter");
  const client = cluster.client();
  for (;;) {
    const { members } = await client.members();
    if (members.some((member) => member.id === id && member.role === "voter")) return undefined;
    await sleep(20);
  }
}

async function caughtUp(cluster: Cluster, id: string): Promise<void> {
  const client = cluster.client();
  for (;;) {
    const { members } = await client.members();
    const member = members.find((one) => one.id === id);
    if (member?.role === "learner" && member.catchUp === undefined) return;
    await sleep(20);
  }
}
