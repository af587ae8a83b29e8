/** Real inputs, and what is drawn from them. */

import type { Prng } from "../../src/base/index.ts";
import { mutateBytes, randomBytes } from "./bytes.ts";
import { mutateJson } from "./json-text.ts";
import { mutateMsgpack } from "./msgpack.ts";

/** Changes an input with some knowledge of its form. @param other another real input. */
export type Mutate = (bytes: Buffer, prng: Prng, other: Buffer) => Buffer;

export const msgpack: Mutate = mutateMsgpack;
export const json: Mutate = (bytes, prng, other) =>
  Buffer.from(mutateJson(bytes.toString("utf8"), prng, other.toString("utf8")));

/**
 * Draws inputs: a few of them as they are, so that acceptance is tried too, a few without any plan, the others
 * mutated, with knowledge of their form (`structured`), without, or both.
 */
export class Pool {
  readonly #real: readonly Buffer[];
  readonly #structured: Mutate | undefined;

  constructor(real: readonly Uint8Array[], structured?: Mutate) {
    this.#real = real.map((bytes) => Buffer.from(bytes));
    this.#structured = structured;
  }

  /** One of the real ones. */
  pick(prng: Prng): Buffer {
    return prng.pick(this.#real);
  }

  draw(prng: Prng): Buffer {
    const real = prng.pick(this.#real);
    const dice = prng.between(0, 99);
    if (dice < 3) return Buffer.from(real);
    if (dice < 5) return randomBytes(prng, prng.chance(0.9) ? 60 : 2_000);
    const other = prng.pick(this.#real);
    if (this.#structured === undefined || dice < 40) return mutateBytes(real, prng, other);
    const changed = this.#structured(real, prng, other);
    return dice < 50 ? mutateBytes(changed, prng, other) : changed;
  }
}
