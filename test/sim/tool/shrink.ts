/**
 * Makes a case that breaks an invariant small: time, features, faults, then clients, nodes and keys. Whatever is
 * tried is accepted only if it breaks the same invariant.
 */

import { defined } from "../../../src/base/index.ts";
import type { Profile } from "../profile.ts";
import { type Case, worldOf } from "./case.ts";
import { ddmin } from "./ddmin.ts";
import { featuresOf } from "./features.ts";
import { type Broken, type Trial, type TrialOptions, tryCase } from "./trial.ts";

/** A case that is known to break, and how. */
export interface Found {
  readonly case: Case & { readonly profile: Profile; readonly faults: NonNullable<Case["faults"]> };
  readonly broken: Broken;
  readonly trial: Trial;
}

export interface ShrinkOptions {
  /** Whether there is time for another attempt. */
  readonly mayGoOn: () => boolean;
  /** Is told what has become smaller. */
  readonly told: (text: string) => void;
  readonly run?: (one: Case, options: TrialOptions) => Trial;
}

export interface Shrunk extends Found {
  readonly attempts: number;
  /** Whether it ended because nothing more could be left out, and not for want of time. */
  readonly minimal: boolean;
}

/** A smaller case may need longer to break. */
const LONGER = { times: 1.5, ms: 500 } as const;
/** Sizes that are tried instead of a bigger one, best first. */
const SIZES = { nodes: [1, 2, 3, 4, 5], clients: [1, 2, 3, 5, 8], keys: [1, 2], operators: [1] } as const;

/** @returns undefined if the case, as it is, does not break the same invariant: then it is not deterministic. */
export function shrink(
  drawn: Pick<Case, "seed" | "length">,
  broken: Broken,
  options: ShrinkOptions,
): Shrunk | undefined {
  const { profile } = worldOf(drawn);
  const { faults } = (options.run ?? tryCase)(drawn, {});
  return new Shrinker({ ...drawn, profile, faults: faults.map(({ id }) => id) }, broken, options).run();
}

class Shrinker {
  readonly #options: ShrinkOptions;
  readonly #invariant: string;
  readonly #untilMs: number;
  #best: Found | undefined;
  #attempts = 0;
  readonly #start: Found["case"];

  constructor(start: Found["case"], broken: Broken, options: ShrinkOptions) {
    this.#start = start;
    this.#options = options;
    this.#invariant = broken.invariant;
    this.#untilMs = broken.atMs * LONGER.times + LONGER.ms;
  }

  run(): Shrunk | undefined {
    if (!this.#breaks(this.#start)) return undefined;
    for (let before = ""; before !== this.#size && this.#mayGoOn; ) {
      before = this.#size;
      this.#dropFeatures();
      this.#dropFaults();
      this.#reduceSizes();
      this.#shorten();
    }
    return { ...this.#found, attempts: this.#attempts, minimal: this.#mayGoOn };
  }

  get #found(): Found {
    return defined(this.#best, "shrink: the case broke before anything is left out");
  }

  get #mayGoOn(): boolean {
    return this.#options.mayGoOn();
  }

  get #size(): string {
    return JSON.stringify(this.#best?.case);
  }

  /** Tries a case, and keeps it if it breaks the same. */
  #breaks(one: Found["case"]): boolean {
    this.#attempts++;
    const trial = (this.#options.run ?? tryCase)(one, { untilMs: this.#untilMs });
    const { broken } = trial;
    if (broken?.invariant !== this.#invariant) return false;
    // What was to happen later, or found nothing to do, is of no account.
    const happened = new Set(trial.faults.map(({ id }) => id));
    const faults = one.faults.filter((id) => happened.has(id));
    this.#best = { case: { ...one, faults }, broken, trial };
    return true;
  }

  #try(change: Partial<Profile>): boolean {
    const { case: one } = this.#found;
    return this.#breaks({ ...one, profile: { ...one.profile, ...change } });
  }

  #dropFeatures(): void {
    for (const { name, off } of featuresOf(this.#found.case.profile)) {
      if (!this.#mayGoOn) return;
      if (this.#try(off)) this.#options.told(`without ${name}: ${this.#found.case.faults.length} faults`);
    }
  }

  #dropFaults(): void {
    const { faults } = this.#found.case;
    const smallest = ddmin(
      faults,
      (part) => this.#breaks({ ...this.#found.case, faults: part }),
      () => this.#mayGoOn,
    );
    if (smallest.length < faults.length) this.#options.told(`${this.#found.case.faults.length} faults`);
  }

  #reduceSizes(): void {
    for (const [name, sizes] of Object.entries(SIZES) as [keyof typeof SIZES, readonly number[]][]) {
      const smaller = sizes.find((size) => {
        return size < this.#found.case.profile[name] && this.#mayGoOn && this.#try({ [name]: size });
      });
      if (smaller !== undefined) this.#options.told(`${name}: ${smaller}`);
    }
  }

  /** What breaks only once everything has healed breaks sooner if everything heals sooner. */
  #shorten(): void {
    for (let halves = 0; halves < 6 && this.#mayGoOn; halves++) {
      const { faultyMs: before } = this.#found.case.profile;
      const faultyMs = Math.ceil(before / 2);
      if (this.#found.broken.atMs < before || !this.#try({ faultyMs })) return;
      this.#options.told(`faults for ${faultyMs} ms`);
    }
  }
}
