/** Wall clocks that jump, one for each node, by Debian's libfaketime. The monotonic clock goes on as it is. */

import { globSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Launch } from "./node-process.ts";
import { type Scenario, served } from "./scenario.ts";
import { type Hurt, onNodes } from "./stages.ts";

const LIBRARIES = ["/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib/faketime/libfaketimeMT.so.1"];
const HOUR_S = 3_600;
/** How far clocks jump, s. */
const JUMPS_S = [HOUR_S, -HOUR_S, 24 * HOUR_S, 2, -2, -24 * HOUR_S, 0.4, 0];
/** A clock is off by so much at most before it counts as not having jumped, s: the Date header has no fractions. */
const TOLERANCE_S = 1.9;

function library(): string | undefined {
  return LIBRARIES.flatMap((pattern) => globSync(pattern))[0];
}

class Clocks {
  readonly #directory: string;
  readonly #library: string;

  constructor(directory: string, path: string) {
    this.#directory = directory;
    this.#library = path;
  }

  launch(id: string): Launch {
    this.set(id, 0);
    return {
      env: {
        LD_PRELOAD: this.#library,
        FAKETIME_TIMESTAMP_FILE: this.#file(id),
        FAKETIME_NO_CACHE: "1",
        FAKETIME_DONT_FAKE_MONOTONIC: "1",
        DONT_FAKE_MONOTONIC: "1",
      },
    };
  }

  /** From now on the node's clock is off by so many seconds. */
  set(id: string, seconds: number): void {
    writeFileSync(this.#file(id), `${seconds < 0 ? "" : "+"}${seconds}\n`);
  }

  #file(id: string): string {
    return join(this.#directory, `${id}.clock`);
  }
}

/** How far the clock is off by which a node dates its answers, s. */
async function offsetOf(url: string): Promise<number> {
  const answer = await fetch(`${url}/livez`);
  await answer.body?.cancel();
  return (Date.parse(answer.headers.get("date") ?? "") - Date.now()) / 1_000;
}

async function jumps(
  { cluster, nemesis, act: { load, faults, random } }: Hurt,
  clocks: Clocks,
): Promise<void> {
  await served(load, 200);
  const before = await cluster.client().status();
  for (const [round, seconds] of JUMPS_S.entries()) {
    const leader = await cluster.leader();
    // The leader first, then one of the others, and so on; every third time all of them.
    const others = nemesis.ids.filter((id) => id !== leader);
    const ids = round % 3 === 2 ? nemesis.ids : [round % 3 === 0 ? leader : random.pick(others)];
    const was = await offsetOf(cluster.node(ids[0] ?? leader).url);
    for (const id of ids) clocks.set(id, seconds);
    // The server writes the date anew once a second.
    await sleep(1_500);
    const is = await offsetOf(cluster.node(ids[0] ?? leader).url);
    const jumped = Math.abs(seconds) < TOLERANCE_S || Math.abs(is - seconds) < TOLERANCE_S;
    const effective = jumped && Math.abs(is - was) > TOLERANCE_S;
    faults.once("clock-jump", ids, { effective, detail: `to ${seconds} s off; was ${was.toFixed(0)} s off` });
    await served(load, 150);
  }
  const after = await cluster.client().status();
  if (after.term !== before.term)
    throw new Error(`wall clocks jumped, and the term went from ${before.term} to ${after.term}`);
}

/** Long enough that a busy machine does not elect somebody by itself. */
const FLAGS = ["--election-timeout", "2s"];

export const CLOCK_SCENARIO: Scenario = {
  name: "clock-jump",
  about: "lets the wall clocks of nodes jump by up to a day in both directions; nobody may be elected for it",
  needs: { "clock-jump": 5 },
  ...onNodes((hurt) => jumps(hurt, clocksIn(hurt.cluster.directory)), {
    flags: FLAGS,
    launch: (id, directory) => clocksIn(directory).launch(id),
  }),
  lacks: async () => (library() === undefined ? "needs libfaketime (Debian's faketime)" : undefined),
};

function clocksIn(directory: string): Clocks {
  const path = library();
  if (path === undefined) throw new Error("libfaketime is not there");
  return new Clocks(directory, path);
}
