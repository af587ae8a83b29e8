import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Random } from "../../../chaos/random.ts";
import { requires } from "../../support/capability.ts";
import { DurableModel } from "./durable-model.ts";
import { withDesk } from "./kit.ts";
import type { Step } from "./scribe.ts";

const STEPS = 1_000;

/** A step that can be taken now, and now and then a sync. */
function drawn(random: Random, names: readonly string[]): Step {
  const fresh = `f${random.below(8)}`;
  if (names.length === 0) return { do: "write", file: fresh, at: 0, text: "first" };
  const file = random.pick(names);
  const roll = random.next();
  const at = random.below(5_000);
  const text = String.fromCharCode(97 + random.below(26)).repeat(1 + random.below(3_000));
  if (roll < 0.35) return { do: "write", file: random.chance(0.2) ? fresh : file, at, text };
  if (roll < 0.5) return { do: "writeDurably", file, at, text };
  if (roll < 0.6) return { do: "truncate", file, length: random.below(6_000) };
  if (roll < 0.75) return { do: "fsync", file };
  if (roll < 0.83) return { do: "syncFolder", file: "." };
  if (roll < 0.9) return { do: "unlink", file };
  return fresh === file ? { do: "fsync", file } : { do: "rename", file, to: fresh };
}

describe("the shim on random steps", () => {
  for (const seed of [1, 2, 3]) {
    it(`leaves exactly what is durable when everything else is lost (seed ${seed})`, async (context) => {
      requires(context, "compiler");
      await withDesk(({ disk, run, read }) => {
        const random = new Random(seed);
        const model = new DurableModel();
        const steps: Step[] = [];
        while (steps.length < STEPS) {
          const step = drawn(random, model.names);
          model.take(step);
          steps.push(step);
        }
        const said = run(steps);
        expect(said.filter((line) => !/^(?:ok|\d+)$/.test(line))).toEqual([]);
        const lost = disk.losePower(random, "all");
        expect(lost.takenBack + lost.namesTakenBack).toBeGreaterThan(0);
        const left = readdirSync(disk.root).sort();
        expect(left.map((name) => [name, read(name)])).toEqual(model.left());
      });
    });
  }
});
