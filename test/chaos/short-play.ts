/**
 * A short play on the product beside which this file lies, so that a copy of the repository can be judged as well:
 *
 *     node test/chaos/short-play.ts SCENARIO
 *
 * Prints one JSON object, a {@link Judgement}.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Machines } from "../../chaos/broken/machines.ts";
import { losePower } from "../../chaos/broken/power-loss.ts";
import { judge } from "../../chaos/checkers/judge.ts";
import { Cluster } from "../../chaos/cluster.ts";
import { readHistory } from "../../chaos/history-reader.ts";
import { play } from "../../chaos/play.ts";
import { type Scenario, type Stage, served } from "../../chaos/scenario.ts";

export interface Judgement {
  /** Whether the cluster could be played on to the end. */
  readonly ended: boolean;
  /** Promises that were not kept, and why a cluster could not be played on. */
  readonly wrong: readonly string[];
  /** Effective faults. */
  readonly faults: number;
  readonly acknowledged: number;
}

const SERVED = 300;

async function calm(): Promise<Stage> {
  const cluster = await Cluster.start();
  return { cluster, run: ({ load }) => served(load, 3 * SERVED) };
}

/** Readers give a read up after 2 s, so that those that begin later know of what was acknowledged meanwhile. */
const NAP_MS = 3_000;

/** A follower sleeps three times, and finds requests waiting when it wakes. */
async function naps(): Promise<Stage> {
  const cluster = await Cluster.start();
  return {
    cluster,
    run: async ({ load, faults }) => {
      for (let nap = 0; nap < 3; nap++) {
        await served(load, SERVED / 4);
        const leader = await cluster.leader();
        const follower = cluster.nodes.find(({ id }) => id !== leader)?.id ?? leader;
        cluster.pause(follower);
        await sleep(NAP_MS);
        await served(load, SERVED / 4);
        cluster.resume(follower);
        faults.once("pause", [follower], { effective: true });
      }
      await served(load, SERVED / 4);
    },
  };
}

/** The leader is left alone, goes on for a moment, and dies; the others come back without it. */
async function lonelyDeath(): Promise<Stage> {
  const cluster = await Cluster.start();
  return {
    cluster,
    run: async ({ load, faults }) => {
      await served(load, SERVED);
      const leader = await cluster.leader();
      const others = cluster.nodes.map(({ id }) => id).filter((id) => id !== leader);
      await cluster.kill(...others);
      await sleep(300);
      await cluster.kill(leader);
      faults.once("kill", [leader], { effective: true });
      for (const id of others) cluster.spawn(id);
      await served(load, SERVED);
      // What the load has seen so far is told at once: a broken product may not come to its end.
      const [problem] = (await load.stop()).problems;
      if (problem !== undefined) throw new Error(problem);
      await cluster.startNode(leader);
    },
  };
}

async function powerLoss(): Promise<Stage> {
  const machines = await Machines.start();
  return { cluster: machines.staged, run: (act) => losePower(machines, act, 2) };
}

const STAGES: Readonly<Record<string, () => Promise<Stage>>> = {
  calm,
  naps,
  "lonely-death": lonelyDeath,
  "power-loss": powerLoss,
};

async function main(name: string): Promise<Judgement> {
  const stage = STAGES[name];
  if (stage === undefined) throw new RangeError(`there is no play ${name}`);
  const directory = mkdtempSync(join(tmpdir(), "raftally-play-"));
  const scenario: Scenario = { name, about: name, harmless: false, needs: {}, stage };
  const { signal } = new AbortController();
  try {
    const options = { seed: 7, durationMs: 0, directory, say: () => undefined, signal };
    const played = await play(scenario, options);
    const verdicts = judge(readHistory(played.history)).filter(({ valid }) => valid !== true);
    return {
      ended: true,
      wrong: [...played.wrong, ...verdicts.map(({ checker, detail }) => `${checker}: ${detail}`)],
      faults: played.faults.spans.filter(({ effective }) => effective).length,
      acknowledged: played.result.acknowledged,
    };
  } catch (error) {
    return { ended: false, wrong: [String(error)], faults: 0, acknowledged: 0 };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

process.stdout.write(`${JSON.stringify(await main(process.argv[2] ?? ""))}\n`, () => process.exit(0));
