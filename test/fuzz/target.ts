/** What is fuzzed, and what must hold of every input. */

import type { Prng } from "../../src/base/index.ts";

/** A promise was broken. Whatever else is thrown while an input is worked on counts as a crash. */
export class Fault extends Error {
  override readonly name: string = "Fault";
}

/** Throws a {@link Fault} with this sentence unless `condition` holds. */
export function demand(condition: boolean, rule: string): asserts condition {
  if (!condition) throw new Fault(rule);
}

/** What became of one input. */
export interface Verdict {
  readonly accepted: boolean;
  /** The reason of a refusal as the code gave it, or in a word what was accepted. */
  readonly why: string;
}

export function accepted(what: string): Verdict {
  return { accepted: true, why: what };
}

export function refused(why: string): Verdict {
  return { accepted: false, why };
}

/** A target that stands ready. */
export interface Subject {
  /** The input that `prng` draws: the same for the same numbers. */
  draw(prng: Prng): Buffer;
  /**
   * Gives `input` to the real code and judges what it does. Must depend on nothing but the input.
   * @throws {Fault} when a promise is broken; anything else that is thrown is a crash of the code.
   */
  feed(input: Buffer): Verdict | Promise<Verdict>;
  /** Looks back at all inputs, and lets go of everything. @throws {Fault} */
  close(): Promise<void>;
}

/** One place where bytes of strangers, or of a damaged disk, come in. */
export interface Target {
  readonly name: string;
  /** What is fed and what must hold, in a line. */
  readonly about: string;
  /** Inputs of a whole `npm run fuzz`. */
  readonly inputs: number;
  /** Inputs in `npm test`. */
  readonly sample: number;
  /** No input may take longer than this, in ms. */
  readonly msMax: number;
  /** Everything that is drawn depends on `seed`. */
  open(seed: number): Promise<Subject>;
}

/** Inputs are numbered; each draws from a generator of its own, so that any one can be drawn again alone. */
export function seedOf(seed: number, name: string, ordinal: number): number {
  let mixed = seed >>> 0;
  for (let at = 0; at < name.length; at++) mixed = (Math.imul(mixed, 31) + name.charCodeAt(at)) >>> 0;
  return mixed + ordinal * 4_294_967_296;
}
