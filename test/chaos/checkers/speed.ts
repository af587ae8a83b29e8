/**
 * How fast the checkers are: speed.ts [OPERATIONS]. Long histories of a service that works; prints the processor time of
 * each checker, all threads of the garbage collector included.
 */

import { checkArithmetic } from "../../../chaos/checkers/arithmetic.ts";
import { checkCounting } from "../../../chaos/checkers/counting.ts";
import { checkLinearizable } from "../../../chaos/checkers/linearizable.ts";
import { checkReplays } from "../../../chaos/checkers/replays.ts";
import { checkWitness } from "../../../chaos/checkers/witness.ts";
import type { Operation } from "../../../chaos/history.ts";
import { Prng } from "../../../src/base/index.ts";
import { serve } from "./service.ts";

const operations = Number(process.argv[2] ?? "1000000");

function unit(prng: Prng, key: string): Operation {
  return prng.chance(0.6) ? { f: "add", key, by: "1" } : { f: "read", key };
}

function mixed(prng: Prng, key: string): Operation {
  const kind = prng.between(0, 9);
  if (kind < 4) return { f: "add", key, by: prng.pick(["1", "-1", "3"]) };
  if (kind < 5) return { f: "add", key, by: prng.pick(["1", "-1"]), min: "0", max: "100" };
  if (kind < 6) return { f: "set", key, value: String(prng.between(0, 100)) };
  return prng.chance(0.9) ? { f: "read", key } : { f: "read", key, stale: true };
}

const LOADS = {
  "one counter, increments by 1 and reads": { keys: ["a"], draw: unit, unknown: 0.001 },
  "eight counters, adds, bounded adds, sets, reads": { keys: [..."abcdefgh"], draw: mixed, unknown: 0.0005 },
};

for (const [name, { keys, draw, unknown }] of Object.entries(LOADS)) {
  const calls = serve(new Prng(1), { operations, clients: 32, keys, unknown, repeated: 0, draw });
  const lost = calls.filter(({ outcome }) => outcome.type === "info").length;
  process.stdout.write(`${name}: ${calls.length} operations, 32 at a time, ${lost} of unknown outcome\n`);
  for (const check of [checkArithmetic, checkCounting, checkLinearizable, checkWitness, checkReplays]) {
    const began = process.cpuUsage();
    const { checker, valid, operations: judged, detail } = check(calls);
    const { user, system } = process.cpuUsage(began);
    const seconds = ((user + system) / 1e6).toFixed(2);
    process.stdout.write(
      `  ${checker.padEnd(13)} ${String(valid).padEnd(8)} ${judged} in ${seconds} s: ${detail}\n`,
    );
  }
}
