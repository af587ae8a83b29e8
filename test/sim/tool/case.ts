/**
 * A case: a seed, and what of it is needed to show something. Cases that have shown a bug are files in
 * `test/sim/corpus`, and run with every test run.
 */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { FaultId } from "../faults.ts";
import { type Profile, RUN_LENGTHS, type RunLength } from "../profile.ts";
import { World, type WorldOptions } from "../world.ts";
import { calm, FEATURES } from "./features.ts";

export interface Case {
  readonly seed: number;
  /** Instead of the length that the seed draws. */
  readonly length?: RunLength;
  /** What it showed, for people. */
  readonly showed?: string;
  /** The checker that it set off. */
  readonly invariant?: string;
  /** Parts of the profile; undefined for what the seed draws. Features that are not named are off. */
  readonly profile?: Partial<Profile>;
  /** Only these faults happen; undefined for all that are due. */
  readonly faults?: readonly FaultId[];
}

const FIELDS = ["seed", "length", "showed", "invariant", "profile", "faults"];

/** The world of a case. */
export function worldOf({ seed, length, profile, faults }: Case, options: WorldOptions = {}): World {
  const drawn: WorldOptions = length === undefined ? {} : { length };
  return new World(seed, {
    ...options,
    ...drawn,
    ...(profile === undefined ? {} : { profile: { ...calm(new World(seed, drawn).profile), ...profile } }),
    ...(faults === undefined ? {} : { only: new Set(faults) }),
  });
}

/** @throws {Error} saying what is wrong with it. */
export function parseCase(text: string): Case {
  const parsed: unknown = JSON.parse(text);
  if (typeof parsed !== "object" || parsed === null) throw new Error("a case is an object");
  const one = parsed as Record<keyof Case, unknown>;
  const unknown = Object.keys(one).filter((name) => !FIELDS.includes(name));
  if (unknown.length > 0) throw new Error(`a case has no ${unknown.join(", ")}`);
  if (!Number.isSafeInteger(one.seed)) throw new Error("a case has a seed, which is a whole number");
  if (one.length !== undefined && !RUN_LENGTHS.some((length) => length === one.length)) {
    throw new Error(`a run has no length ${String(one.length)}`);
  }
  if (one.profile !== undefined) {
    const strange = Object.keys(one.profile as object).filter((name) => !Object.hasOwn(FEATURES, name));
    if (strange.length > 0) throw new Error(`a profile has no ${strange.join(", ")}`);
  }
  if (one.faults !== undefined) {
    const isId = (id: unknown): boolean => typeof id === "string" && /^[a-z]+ [1-9][0-9]*$/.test(id);
    if (!Array.isArray(one.faults) || !one.faults.every(isId)) {
      throw new Error('faults are a list of names like "crash 3"');
    }
  }
  return parsed as Case;
}

/** A case as it is written to a file: without those features that are off. */
export function formatCase({ seed, length, showed, invariant, profile, faults }: Case): string {
  const on = profile === undefined ? undefined : Object.fromEntries(Object.entries(profile).filter(isOn));
  return `${JSON.stringify({ seed, length, showed, invariant, profile: on, faults }, undefined, 2)}\n`;
}

function isOn([name, value]: readonly [string, unknown]): boolean {
  const off = Object.hasOwn(FEATURES, name) ? FEATURES[name as keyof Profile] : "size";
  return off === "size" || JSON.stringify(off[name as keyof Profile]) !== JSON.stringify(value);
}

/** All cases of a directory, by the names of their files. @throws {Error} naming the file that is no case. */
export function readCorpus(directory: string): readonly { readonly name: string; readonly case: Case }[] {
  const names = readdirSync(directory).filter((name) => name.endsWith(".json"));
  return names.sort().map((name) => {
    try {
      return { name, case: parseCase(readFileSync(join(directory, name), "utf8")) };
    } catch (error) {
      throw new Error(`${name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  });
}
