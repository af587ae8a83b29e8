/**
 * What can be done to a cluster and undone again. Each fault resolves when it is over; of those that are left
 * unfinished nothing stays behind when `heal` resolves. Whether a fault had an effect is measured, not assumed.
 */

import { readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { RaftallyError } from "../src/client/index.ts";
import type { Cluster } from "./cluster.ts";
import type { Effect, FaultLog, OpenFault } from "./faults.ts";
import type { Links, Passed, Trouble } from "./network/types.ts";
import type { Act } from "./scenario.ts";
import type { PowerLoss } from "./shim/power-loss.ts";

/** How long a node may take to be replaced, ms. */
const REPLACE_MS = 120_000;

/** From whom, to whom. */
export type Pair = readonly [string, string];

export class Nemesis {
  readonly #cluster: Cluster;
  readonly #links: Links | undefined;
  readonly #faults: FaultLog;
  /** Several faults may be in force on a pair of nodes at once: the sum of their troubles is. */
  readonly #troubles: Map<string, Trouble[]> = new Map();
  /** Kills of which somebody is not back. */
  readonly #dead: { readonly fault: OpenFault; readonly effect: Effect; readonly ids: Set<string> }[] = [];
  #fresh = 0;

  /** @param links undefined where nothing lies between the nodes. */
  constructor(cluster: Cluster, { faults }: Pick<Act, "faults">, links?: Links) {
    this.#cluster = cluster;
    this.#links = links;
    this.#faults = faults;
  }

  get ids(): readonly string[] {
    return this.#cluster.nodes.map(({ id }) => id);
  }

  /** Kills processes at once; they stay dead until {@link start}, and the fault is over when all are ready again. */
  async kill(kind: "kill" | "kill-all", ...ids: readonly string[]): Promise<void> {
    const running = ids.filter((id) => this.#cluster.isRunning(id));
    const hitsLeader = await this.#takesLeader({ down: running });
    const fault = this.#faults.begin(kind, running, { hitsLeader });
    const effective = running.length > 0 && running.length === ids.length;
    this.#dead.push({ fault, effect: { effective }, ids: new Set(running) });
    await this.#cluster.kill(...running);
  }

  /**
   * Machines lose power: their processes die, and something happens to their disks. Over as {@link kill} is.
   * @param lose does it to the disk of one node, and says what it took back.
   */
  async losePower(lose: (id: string) => PowerLoss, ...ids: readonly string[]): Promise<void> {
    const hitsLeader = await this.#takesLeader({ down: ids });
    const fault = this.#faults.begin("power-loss", ids, { hitsLeader });
    await this.#cluster.kill(...ids.filter((id) => this.#cluster.isRunning(id)));
    const losses = ids.map((id) => ({ id, ...lose(id) }));
    const effective = losses.some(({ takenBack, namesTakenBack }) => takenBack + namesTakenBack > 0);
    const lost = losses.map(({ id, unsynced, takenBack, torn, namesTakenBack }) => {
      const writes = `${takenBack} of ${unsynced} unsynced writes taken back, ${torn} in part`;
      return `${id}: ${writes}, and ${namesTakenBack} names`;
    });
    this.#dead.push({ fault, effect: { effective, detail: lost.join("; ") }, ids: new Set(ids) });
  }

  /** Starts a process, and waits for nothing. */
  spawn(id: string): void {
    this.#cluster.spawn(id);
  }

  /** Starts whatever does not run, and waits until it is ready. */
  async start(...ids: readonly string[]): Promise<void> {
    for (const id of ids) if (!this.#cluster.isRunning(id)) this.#cluster.spawn(id);
    await Promise.all(ids.map((id) => this.#back(id)));
  }

  /** Waits until a node is ready; the last one of those that were killed together ends the fault. */
  async #back(id: string): Promise<void> {
    await this.#cluster.ready(id);
    for (const { fault, effect, ids } of this.#dead) {
      if (ids.delete(id) && ids.size === 0) fault.end(effect);
    }
  }

  /** Stops a process with SIGTERM, as an operator does, and starts it again. */
  async restart(id: string): Promise<void> {
    const fault = this.#faults.begin("restart", [id]);
    const exitCode = await this.#cluster.terminate(id);
    await this.start(id);
    fault.end({ effective: true, detail: `exit code ${exitCode ?? "none"}` });
  }

  /** Stops processes where they are (SIGSTOP), and lets them go on. */
  async pause(forMs: number, ...ids: readonly string[]): Promise<void> {
    const fault = this.#faults.begin("pause", ids, { hitsLeader: await this.#takesLeader({ down: ids }) });
    for (const id of ids) this.#cluster.pause(id);
    await sleep(forMs);
    const stopped = ids.filter((id) => isStopped(this.#cluster.pid(id)));
    for (const id of ids) this.#cluster.resume(id);
    fault.end({ effective: stopped.length === ids.length });
  }

  /** Nothing arrives on any of these ways for a while. Effective if something was held back, and nothing passed. */
  async cut(
    kind: string,
    pairs: readonly Pair[],
    forMs: number,
    about: { nodes: readonly string[]; detail?: string },
  ): Promise<void> {
    const hitsLeader = await this.#takesLeader({ cut: pairs });
    const { nodes, detail } = about;
    const fault = this.#faults.begin(kind, nodes, {
      hitsLeader,
      ...(detail === undefined ? {} : { detail }),
    });
    const heal = await this.#trouble(pairs, { cut: true });
    const before = await this.#passed(pairs);
    await sleep(forMs);
    const after = await this.#passed(pairs);
    await heal();
    const bytes = after.bytes - before.bytes;
    const held = after.held - before.held;
    if (bytes > 0)
      this.#faults.doubt(`${bytes} bytes passed through a cut (${kind}, ${detail ?? nodes.join(", ")})`);
    const seen = `${bytes} bytes passed, ${held} held back`;
    fault.end({
      effective: bytes === 0 && held > 0,
      detail: detail === undefined ? seen : `${detail}; ${seen}`,
    });
  }

  /** Ways are bad for a while: slow, narrow, or such that messages are lost, doubled or damaged. */
  async worsen(kind: string, pairs: readonly Pair[], trouble: Trouble, forMs: number): Promise<void> {
    const nodes = [...new Set(pairs.flat())];
    const fault = this.#faults.begin(kind, nodes, { detail: JSON.stringify(trouble) });
    const before = await this.#passed(pairs);
    const heal = await this.#trouble(pairs, trouble);
    await sleep(forMs);
    const after = await this.#passed(pairs);
    await heal();
    const seen: Partial<Record<keyof Passed, number>> = {};
    for (const count of ["bytes", "lost", "doubled", "damaged"] as const)
      seen[count] = after[count] - before[count];
    const { bytes = 0, lost = 0, doubled = 0, damaged = 0 } = seen;
    const slows = trouble.delayMs !== undefined || trouble.bytesPerSecond !== undefined;
    const effective = (slows && bytes > 0) || lost + doubled + damaged > 0;
    fault.end({ effective, detail: `${JSON.stringify(trouble)}; ${JSON.stringify(seen)}` });
  }

  /** Every connection between two nodes breaks at once. */
  async reset(a: string, b: string): Promise<void> {
    const count = (await this.#links?.reset(a, b)) ?? 0;
    this.#faults.once("reset", [a, b], { effective: count > 0, detail: `${count} connections` });
  }

  /**
   * A node and its disk are lost; a new one joins and takes its place.
   * @returns the id of the new one.
   */
  async replace(lost: string): Promise<string> {
    const cluster = this.#cluster;
    const hitsLeader = await this.#takesLeader({ down: [lost] });
    const fault = this.#faults.begin("replace-node", [lost], { hitsLeader });
    await cluster.kill(lost);
    await rm(cluster.data(lost), { recursive: true, force: true });
    const fresh = `r${++this.#fresh}`;
    await cluster.addNode(fresh, "learner");
    const patient = { timeoutMs: REPLACE_MS };
    await this.#replaceMember(lost, fresh);
    cluster.forget(lost);
    const { members } = await cluster.client().members(patient);
    const votes = members.some(({ id, role }) => id === fresh && role === "voter");
    fault.end({
      effective: votes && members.every(({ id }) => id !== lost),
      detail: `${fresh} took its place`,
    });
    return fresh;
  }

  /** Other faults go on beside this one: while they leave no quorum, the change is refused. */
  async #replaceMember(lost: string, fresh: string): Promise<void> {
    const cluster = this.#cluster;
    const until = performance.now() + REPLACE_MS;
    for (;;) {
      const client = cluster.client(cluster.nodes.length - 1);
      try {
        await client.replaceMember(lost, fresh, { timeoutMs: REPLACE_MS });
        return;
      } catch (error) {
        const passing = error instanceof RaftallyError && error.code === "WOULD_LOSE_QUORUM";
        if (!passing || performance.now() > until) throw error;
        await sleep(200);
      }
    }
  }

  /** Undoes everything that may be left: ways are whole, and every node runs. */
  async heal(): Promise<void> {
    this.#troubles.clear();
    for (const from of this.ids)
      for (const to of this.ids) if (from !== to) await this.#links?.trouble(from, to, {});
    for (const id of this.ids) if (this.#cluster.isRunning(id)) this.#cluster.resume(id);
    await this.start(...this.ids);
  }

  /** Adds a trouble to ways; the function that it gives takes it back. */
  async #trouble(pairs: readonly Pair[], trouble: Trouble): Promise<() => Promise<void>> {
    const change = async (alter: (troubles: readonly Trouble[]) => readonly Trouble[]): Promise<void> => {
      for (const [from, to] of pairs) {
        const name = `${from} ${to}`;
        const troubles = [...alter(this.#troubles.get(name) ?? [])];
        this.#troubles.set(name, troubles);
        await this.#links?.trouble(from, to, Object.assign({}, ...troubles));
      }
    };
    await change((troubles) => [...troubles, trouble]);
    return () => change((troubles) => troubles.filter((other) => other !== trouble));
  }

  async #passed(pairs: readonly Pair[]): Promise<Passed> {
    const sum = { bytes: 0, messages: 0, held: 0, lost: 0, doubled: 0, damaged: 0 };
    for (const [from, to] of pairs) {
      const passed = await this.#links?.passed(from, to);
      if (passed === undefined) continue;
      for (const count of Object.keys(sum) as (keyof Passed)[]) sum[count] += passed[count];
    }
    return sum;
  }

  /**
   * Whether a fault leaves the leader without a majority, and one of the others with one: then somebody has to take
   * over, and can.
   */
  async #takesLeader({
    down = [],
    cut = [],
  }: {
    down?: readonly string[];
    cut?: readonly Pair[];
  }): Promise<boolean> {
    const leader = await this.#leader();
    if (leader === "") return false;
    const majority = Math.floor(this.ids.length / 2) + 1;
    const up = this.ids.filter((id) => this.#cluster.isRunning(id) && !down.includes(id));
    const areCut = new Set(cut.flatMap(([a, b]) => [`${a} ${b}`, `${b} ${a}`]));
    const friends = (id: string): number => up.filter((other) => !areCut.has(`${id} ${other}`)).length;
    if (up.includes(leader) && friends(leader) >= majority) return false;
    return up.some((id) => id !== leader && friends(id) >= majority);
  }

  /** Who leads now, as far as anybody says; nobody, if nobody does. */
  async #leader(): Promise<string> {
    const views = [...(await this.#cluster.views())].sort((a, b) => b.term - a.term);
    return views.find(({ role }) => role === "leader")?.id ?? "";
  }
}

/** Every way between a node of the one and a node of the other, in both directions. */
export function between(some: readonly string[], others: readonly string[]): Pair[] {
  return some.flatMap((a) =>
    others.flatMap((b): Pair[] => [
      [a, b],
      [b, a],
    ]),
  );
}

/** Every way between two different nodes. */
export function among(ids: readonly string[]): Pair[] {
  return ids.flatMap((from) => ids.filter((to) => to !== from).map((to): Pair => [from, to]));
}

/** Whether the system says that a process is stopped; taken for granted where it does not say. */
function isStopped(pid: number | undefined): boolean {
  if (pid === undefined) return false;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).startsWith("T");
  } catch {
    return process.platform !== "linux";
  }
}
