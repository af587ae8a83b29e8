/** What clients ask for: every kind of command, on few keys, so that they meet. */

import type { Prng } from "../../src/base/index.ts";
import { type Change, INT64_MAX, type Once, type Operation } from "../../src/counter/index.ts";
import type { Query } from "../../src/store/index.ts";
import { saidOnce } from "../counter/said-once.ts";
import type { Profile } from "./profile.ts";

/** Counters with which clients do nothing but what the checkers of histories know. The first only counts up. */
const PLAIN = ["plain-count", "plain-mixed"] as const;
const CHANCE_OF_PLAIN = 0.15;

/** Whether only additions, settings and reads ever concern this counter, and none of them in a batch. */
export function isPlain(key: string): boolean {
  return key.startsWith("plain-");
}

function plain(prng: Prng): Operation {
  const [counted, mixed] = PLAIN;
  if (prng.chance(0.5)) return { kind: "add", key: counted, by: 1n };
  const dice = prng.real();
  if (dice < 0.1) return { kind: "set", key: mixed, value: BigInt(prng.between(-5, 20)) };
  const by = BigInt(prng.between(-3, 5));
  return {
    kind: "add",
    key: mixed,
    by,
    ...(dice < 0.5 ? {} : { min: 0n, max: BigInt(prng.between(5, 60)) }),
  };
}

export class Workload {
  readonly #prng: Prng;
  readonly #profile: Profile;
  #keys = 0;

  constructor(prng: Prng, profile: Profile) {
    this.#prng = prng;
    this.#profile = profile;
  }

  get prng(): Prng {
    return this.#prng;
  }

  operation(prng: Prng = this.#prng): Operation {
    if (prng.chance(CHANCE_OF_PLAIN)) return plain(prng);
    const dice = prng.real();
    if (dice < 0.88) return this.#change(dice / 0.88, prng);
    const changes = Array.from({ length: prng.between(1, 4) }, () => this.#change(prng.real(), prng));
    return saidOnce(changes);
  }

  #change(dice: number, prng: Prng): Change {
    const key = this.#key(prng);
    // Plain increments of 1 most of all: they become runs.
    if (dice < 0.6) return { kind: "add", key, by: 1n };
    if (dice < 0.7) return { kind: "add", key, by: BigInt(prng.between(-3, 5)) };
    if (dice < 0.8) {
      const [by, max] = [BigInt(prng.between(-2, 3)), BigInt(prng.between(5, 60))];
      return { kind: "add", key, by, min: 0n, max, ...(max % 2n === 0n ? {} : { saturate: true }) };
    }
    if (dice < 0.9) return { kind: "add", key, by: 1n, once: `m${prng.between(1, 12)}` };
    const ifRevision = prng.chance(0.5) ? { ifRevision: prng.between(0, 40) } : {};
    if (dice < 0.94) return { kind: "set", key, value: BigInt(prng.between(-5, 20)), ...ifRevision };
    // A few short of the end of the range, so that runs overflow in their middle.
    if (dice < 0.97) return { kind: "set", key, value: INT64_MAX - BigInt(prng.between(0, 3)) };
    return { kind: "delete", key, ...ifRevision };
  }

  query(): Query {
    const prng = this.#prng;
    if (prng.chance(CHANCE_OF_PLAIN)) return { kind: "get", key: prng.pick(PLAIN) };
    if (prng.chance(0.8)) return { kind: "get", key: this.#key(prng) };
    const after = prng.chance(0.3) ? this.#key(prng) : undefined;
    return { kind: "list", prefix: prng.pick(["", "k", "x"]), after, limit: prng.between(1, 4) };
  }

  /** A key that was never used, or now and then one that was, with another operation. */
  freshKey(prng: Prng = this.#prng): Once {
    const used = this.#keys > 0 && prng.chance(0.01);
    return { kind: "key", key: used ? `op-${prng.between(1, this.#keys)}` : `op-${++this.#keys}` };
  }

  #key(prng: Prng): string {
    return `k${prng.between(1, this.#profile.keys)}`;
  }
}
