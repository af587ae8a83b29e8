/** Makes logs that a leader could have made, and says what applying them must give. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32c, Prng } from "../../src/base/index.ts";
import {
  applyPayload,
  type Change,
  type Command,
  decodePayload,
  encodePayload,
  type Item,
  type ItemOutcome,
  LIMITS,
  MemoryTable,
} from "../../src/counter/index.ts";
import {
  type Configuration,
  chainHash,
  type Entry,
  type EntryBody,
  index,
  nodeId,
  type SnapshotMeta,
  term,
} from "../../src/raft/index.ts";

export const CLUSTER = "test-cluster";

/** A configuration of one voter whose address ends in `port`. */
export function configurationAt(port: number): Configuration {
  const id = nodeId("n1");
  const member = {
    id,
    incarnation: "0".repeat(32),
    peer: `127.0.0.1:${port}`,
    api: `http://127.0.0.1:${port}`,
  };
  return { voters: [id], outgoing: [], learners: [], members: [member], removed: [] };
}

export const INITIAL: Configuration = configurationAt(4100);

/** Makes entries one after the other; equal seeds give equal logs. */
export class LogMaker {
  readonly #random: Prng;
  position: SnapshotMeta = {
    index: index(0),
    term: term(1),
    chain: 0,
    configuration: INITIAL,
    configurationIndex: index(0),
  };

  constructor(seed: number) {
    this.#random = new Prng(seed);
  }

  /** An entry of any kind, with `items` commands if it is one of commands. */
  next(items: number = 8): Entry {
    const random = this.#random;
    if (random.chance(0.05)) return this.#entry({ kind: "noop" });
    if (random.chance(0.02)) {
      return this.#entry({ kind: "configuration", configuration: configurationAt(random.between(1, 9999)) });
    }
    const list = Array.from({ length: items }, () => this.#item());
    return this.commands(list, random.chance(0.02) ? random.between(0, 400_000) : random.between(0, 20));
  }

  many(count: number, items: number = 8): Entry[] {
    return Array.from({ length: count }, () => this.next(items));
  }

  commands(items: readonly Item[], elapsed: number = 1): Entry {
    const data = encodePayload({ elapsed, items });
    return this.#entry({ kind: "command", data, crc: crc32c(data) });
  }

  /** Adds 1 to each of `count` keys, from `prefix` + `from` on. */
  adds(prefix: string, from: number, count: number): Entry {
    const key = (at: number): string => prefix + String(from + at).padStart(7, "0");
    return this.commands(
      Array.from({ length: count }, (_, at) => ({ kind: "run", key: key(at), by: 1n, count: 1 })),
    );
  }

  /** Adds 1 to one key for each of `count` members, from number `from` on. */
  members(key: string, from: number, count: number): Entry {
    return this.commands(
      Array.from({ length: count }, (_, at): Item => {
        const operation = { kind: "add", key, by: 1n, once: `member ${from + at}` } as const;
        return { kind: "command", command: { operation } };
      }),
    );
  }

  #entry(body: EntryBody): Entry {
    const id = { index: index(this.position.index + 1), term: this.position.term };
    const chain = chainHash(this.position.chain, id, body);
    this.position = { ...this.position, ...id, chain };
    if (body.kind === "configuration") {
      this.position = {
        ...this.position,
        configuration: body.configuration,
        configurationIndex: this.position.index,
      };
    }
    return { ...body, ...id, chain };
  }

  #item(): Item {
    const random = this.#random;
    if (random.chance(0.3)) {
      return { kind: "run", key: this.#key(), by: BigInt(random.between(1, 5)), count: random.between(1, 9) };
    }
    return { kind: "command", command: this.#command() };
  }

  #command(): Command {
    const random = this.#random;
    if (random.chance(0.05)) return { operation: { kind: "openSession" } };
    const changes = Array.from({ length: random.between(1, 4) }, () => this.#change());
    const operation = random.chance(0.3) ? ({ kind: "batch", changes } as const) : this.#change();
    if (random.chance(0.4)) return { operation };
    if (random.chance(0.5)) return { operation, once: { kind: "key", key: `key-${random.between(1, 60)}` } };
    const seq = random.between(1, 12);
    const session = random.between(1, 8);
    return { operation, once: { kind: "session", session, seq, firstUnanswered: random.between(1, seq) } };
  }

  #change(): Change {
    const random = this.#random;
    const key = this.#key();
    if (random.chance(0.1)) return { kind: "delete", key };
    if (random.chance(0.15)) return { kind: "set", key, value: BigInt(random.next()) ** 2n / 4n };
    const add = { kind: "add", key, by: BigInt(random.between(-9, 9)) } as const;
    if (random.chance(0.3)) return { ...add, once: `member-${random.between(1, 30)}` };
    return random.chance(0.3) ? { ...add, max: 40n } : add;
  }

  #key(): string {
    return this.#random.pick(["hits", "items:acme", "ü", "\u{1f600}", "a\0b"]) + this.#random.between(1, 12);
  }
}

/** What applying `entries` to nothing gives: the table, and for each entry of commands its outcomes. */
export function replay(entries: readonly Entry[]): {
  readonly table: MemoryTable;
  readonly outcomes: readonly (readonly ItemOutcome[])[];
} {
  const table = new MemoryTable();
  const outcomes: (readonly ItemOutcome[])[] = [];
  for (const entry of entries) {
    if (entry.kind !== "command") continue;
    outcomes.push(applyPayload(table, decodePayload(entry.data), LIMITS));
  }
  return { table, outcomes };
}

/** A fresh directory; give it to {@link removeDirectory} at the end. */
export function makeDirectory(): string {
  return mkdtempSync(join(tmpdir(), "raftally-state-"));
}

export function removeDirectory(path: string): void {
  rmSync(path, { recursive: true, force: true });
}
