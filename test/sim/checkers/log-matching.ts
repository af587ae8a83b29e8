/**
 * I5: two entries with the same index and term are the same, and so is everything before them (§5.3): in all logs,
 * committed or not, as they are written and as they are read from the disk again.
 */

import type { Entry } from "../../../src/raft/index.ts";
import { type Observer, Violation } from "../observer.ts";
import type { SimNode } from "../sim-node.ts";

export function logMatching(): Partial<Observer> {
  const entries = new Map<string, Entry>();

  function check({ id }: SimNode, entry: Entry): void {
    const key = `${entry.index} ${entry.term}`;
    const known = entries.get(key);
    if (known === undefined) entries.set(key, entry);
    if (known === undefined || known === entry) return;
    // The chain hash covers an entry and all before it, so one comparison covers the whole prefix.
    if (known.chain === entry.chain && isSame(known, entry)) return;
    throw new Violation(
      "I5 log matching",
      `${id} holds another log behind index ${entry.index} term ${entry.term}`,
    );
  }

  return {
    started(node) {
      for (const entry of node.disk.synced.entries) check(node, entry);
    },
    drained(node, { write }) {
      for (const entry of write?.append ?? []) check(node, entry);
    },
  };
}

/** Whether they hold the same, whatever their chain hashes say. */
function isSame(one: Entry, other: Entry): boolean {
  if (one.kind === "command" && other.kind === "command") return hasSameBytes(one.data, other.data);
  if (one.kind === "configuration" && other.kind === "configuration") {
    return JSON.stringify(one.configuration) === JSON.stringify(other.configuration);
  }
  return one.kind === other.kind;
}

function hasSameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one === other || (one.length === other.length && one.every((byte, at) => byte === other[at]));
}
