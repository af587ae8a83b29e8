/** The data of commands, and the bytes of remembered outcomes: what the log and the state hold. */

import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import type { Prng } from "../../../src/base/index.ts";
import {
  applyPayload,
  decodeOutcome,
  decodePayload,
  encodeOutcome,
  encodePayload,
  LIMITS,
  MalformedBytes,
  MemoryTable,
  type Operation,
} from "../../../src/counter/index.ts";
import { add, anyHistory, batch, OPEN, remove, set } from "../../counter/commands.ts";
import { msgpack, Pool } from "../pool.ts";
import { accepted, demand, refused, type Subject, type Target, type Verdict } from "../target.ts";

const OPERATIONS: readonly Operation[] = [
  add("a"),
  add("\ufeffbom", 2n ** 62n, { min: -1n, max: 2n ** 63n - 1n, once: "m" }),
  set("b", -(2n ** 63n), 3),
  remove("c", 0),
  batch(add("a"), set("b", 1n), remove("c")),
  OPEN,
];

export const payloads: Target = {
  name: "payloads",
  about:
    "data of commands and remembered outcomes: a value that comes back the same and can be applied, or MalformedBytes",
  inputs: 150_000,
  sample: 1_500,
  msMax: 250,
  open: async (seed): Promise<Subject> => {
    const histories = fc.sample(anyHistory, { numRuns: 60, seed });
    const real = histories.flat().map((payload) => encodePayload(payload));
    const commands = new Pool(real, msgpack);
    const outcomes = new Pool(outcomesOf(histories), msgpack);
    return { draw: (prng) => draw(prng, commands, outcomes), feed, close: async () => undefined };
  },
};

/** What becomes of real histories. */
function outcomesOf(histories: readonly Parameters<typeof applyPayload>[1][][]): Uint8Array[] {
  const bytes: Uint8Array[] = [];
  for (const history of histories) {
    const table = new MemoryTable();
    for (const payload of history) {
      for (const outcome of applyPayload(table, payload, LIMITS)) {
        if (outcome.kind === "command") bytes.push(encodeOutcome(outcome.outcome));
      }
    }
  }
  return bytes;
}

/** An input begins with 0 and a payload, or with the number of an operation from 1 on and its outcome. */
function draw(prng: Prng, commands: Pool, outcomes: Pool): Buffer {
  if (prng.chance(0.75)) return Buffer.concat([Buffer.from([0]), commands.draw(prng)]);
  return Buffer.concat([Buffer.from([prng.between(1, OPERATIONS.length)]), outcomes.draw(prng)]);
}

function feed(input: Buffer): Verdict {
  const bytes = new Uint8Array(input.subarray(1));
  const operation = OPERATIONS[(input[0] ?? 0) - 1];
  try {
    return operation === undefined ? feedPayload(bytes) : feedOutcome(bytes, operation);
  } catch (error) {
    if (error instanceof MalformedBytes) return refused(error.message);
    throw error;
  }
}

function feedPayload(bytes: Uint8Array): Verdict {
  const payload = decodePayload(bytes);
  const encoded = encodePayload(payload);
  const again = decodePayload(encoded);
  demand(
    isDeepStrictEqual(again, payload),
    "round trip: a payload is another one after encoding and decoding",
  );
  // Two nodes that apply it must come to the same state, the one that read it and the one that it was sent on to.
  const states = [payload, again].map((one) => {
    const table = new MemoryTable();
    applyPayload(table, one, LIMITS);
    return table.totals();
  });
  demand(
    isDeepStrictEqual(states[0], states[1]),
    "apply: two nodes come to another state by the same payload",
  );
  return accepted(`payload of ${payload.items[0]?.kind ?? "nothing"}`);
}

function feedOutcome(bytes: Uint8Array, operation: Operation): Verdict {
  const outcome = decodeOutcome(bytes, operation);
  const again = decodeOutcome(encodeOutcome(outcome), operation);
  demand(
    isDeepStrictEqual(again, outcome),
    "round trip: an outcome is another one after encoding and decoding",
  );
  return accepted(`outcome ${outcome.kind}`);
}
