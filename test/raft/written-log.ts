/** The log of one node as its writes make it, durable or not: what its core must hold in memory. */

import { assert } from "../../src/base/index.ts";
import { type Configuration, type Entry, isNoConfiguration, type LogWrite } from "../../src/raft/index.ts";
import type { Disk } from "./disk.ts";

interface ConfigurationAt {
  readonly index: number;
  readonly chain: number;
  readonly configuration: Configuration;
}

export class WrittenLog {
  readonly #entries: Map<number, Entry>;
  #configurations: ConfigurationAt[];

  constructor({ base, entries }: Disk) {
    this.#configurations = [{ index: base.configurationIndex, chain: 0, configuration: base.configuration }];
    this.#entries = new Map();
    for (const entry of entries) this.#append(entry);
  }

  get(at: number): Entry | undefined {
    return this.#entries.get(at);
  }

  /** The configuration in force: the last one written. */
  get configuration(): Configuration {
    return this.#configurations.at(-1)?.configuration as Configuration;
  }

  /** The configurations written above the one that the log began with. */
  get appended(): readonly ConfigurationAt[] {
    return this.#configurations.slice(1);
  }

  /** Carries out a write; tells of each entry that goes and of each that comes. */
  take(write: LogWrite, goes: (entry: Entry) => void, comes: (entry: Entry) => void): void {
    const { install, truncateFrom } = write;
    if (install !== undefined) {
      this.#entries.clear();
      const { configurationIndex, configuration } = install;
      this.#configurations = [{ index: configurationIndex, chain: 0, configuration }];
    }
    for (let at: number = truncateFrom ?? Number.NaN; this.#entries.has(at); at++) {
      goes(this.#entries.get(at) as Entry);
      this.#entries.delete(at);
    }
    if (truncateFrom !== undefined) {
      this.#configurations = this.#configurations.filter((one, at) => at === 0 || one.index < truncateFrom);
    }
    for (const entry of write.append) {
      comes(entry);
      this.#append(entry);
    }
  }

  #append(entry: Entry): void {
    this.#entries.set(entry.index, entry);
    if (entry.kind !== "configuration") return;
    const { index, chain, configuration } = entry;
    assertAdjacent(this.configuration, configuration);
    this.#configurations.push({ index, chain, configuration });
  }
}

/** One configuration follows another only if every quorum of the one meets every quorum of the other (I12). */
function assertAdjacent(before: Configuration, after: Configuration): void {
  if (isNoConfiguration(before)) return;
  const later = halves(after);
  assert(
    halves(before).some((half) => later.includes(half)),
    "check: adjacent configurations share a half, so that their quorums meet (I12)",
  );
  const gone = new Set(after.removed.map(({ id }) => id));
  assert(
    before.removed.every(({ id }) => gone.has(id)),
    "check: who was removed stays removed (R9)",
  );
}

/** The halves that decide, as text. */
function halves({ voters, outgoing }: Configuration): readonly string[] {
  return [voters, outgoing].filter((half) => half.length > 0).map((half) => half.toSorted().join(" "));
}
