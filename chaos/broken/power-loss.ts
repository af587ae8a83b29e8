/** All nodes at once lose power, again and again: the test that killing processes can never be. */

import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Act, served } from "../scenario.ts";
import type { PowerLoss } from "../shim/power-loss.ts";
import type { Machines } from "./machines.ts";

/** How often; each time is a fault that must have taken something back. */
export const POWER_LOSSES = 6;
const SERVED = 400;

/** What was lost altogether. */
interface Sum {
  takenBack: number;
  torn: number;
  names: number;
}

/**
 * Lets the machines lose power under load.
 * @param times how often.
 */
export async function losePower(machines: Machines, act: Act, times: number = POWER_LOSSES): Promise<void> {
  const { load, random, say } = act;
  const { cluster } = machines;
  const sum: Sum = { takenBack: 0, torn: 0, names: 0 };
  for (let round = 0; round < times; round++) {
    // A disk that takes its time is caught more often with a write that was made and not yet synced.
    for (const id of machines.ids) machines.disk(id).control.delaySyncs(random.pick([0, 1, 4]));
    const snapshot = takeSnapshot(machines, act);
    await served(load, SERVED + random.below(100));
    await loseOnce(machines, act, sum);
    await snapshot;
    while (random.chance(0.4)) {
      // Once more, while they are still reading what the last one has left them.
      for (const id of machines.ids) cluster.spawn(id);
      await sleep(random.between(0, 1_500));
      await loseOnce(machines, act, sum);
    }
    await cluster.startAll();
  }
  await served(load, SERVED);
  machines.checkModel();
  say(`taken back: ${sum.takenBack} writes, of which ${sum.torn} in part, and ${sum.names} names`);
}

async function loseOnce(machines: Machines, { faults, random, say }: Act, sum: Sum): Promise<void> {
  const losses = await machines.losePower(random);
  const detail = losses.map((loss, at) => `${machines.ids[at]} ${inWords(loss)}`).join("; ");
  const effective = losses.some(({ takenBack, namesTakenBack }) => takenBack + namesTakenBack > 0);
  faults.once("power-loss", machines.ids, { effective, detail });
  say(`power lost: ${detail}`);
  for (const { takenBack, torn, namesTakenBack } of losses) {
    sum.takenBack += takenBack;
    sum.torn += torn;
    sum.names += namesTakenBack;
  }
}

function inWords({ mode, block, unsynced, takenBack, torn, namesTakenBack }: PowerLoss): string {
  return `lost ${takenBack} of ${unsynced} writes (${torn} torn), ${namesTakenBack} names (${mode}, ${block} B)`;
}

/** A backup of some node makes it take a snapshot; it may be cut off by what follows. */
async function takeSnapshot({ cluster }: Machines, { random }: Act): Promise<void> {
  const { id, url } = random.pick(cluster.nodes);
  const file = join(cluster.directory, `${id}-${random.below(1_000_000)}.backup`);
  await sleep(random.between(0, 1_500));
  await cluster.run("backup", file, "--url", url, "--timeout", "2s").catch(() => undefined);
  rmSync(file, { force: true });
}
