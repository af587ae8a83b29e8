/**
 * I12: at most one configuration is not committed: each is appended only when the one before it is committed, and
 * any two that follow each other share a node in every pair of quorums, so that they cannot decide apart from each
 * other (§6, R1). What a node holds to be in force is what its disk says: the last configuration of its log, back
 * after a truncation (R2) and after a restart, over that of its base, which is the committed one at that index (R8).
 */

import { type Configuration, isNoConfiguration, type SnapshotMeta } from "../../../src/raft/index.ts";
import { type Observer, Violation } from "../observer.ts";
import type { SimNode } from "../sim-node.ts";
import type { CommittedLog } from "./committed-log.ts";
import { configurationIn, shareQuorums } from "./configurations.ts";

export function oneChangeAtATime(log: CommittedLog): Partial<Observer> {
  /** `index` holds a configuration, which was appended just now. */
  function checkFollows({ id, disk }: SimNode, index: number): void {
    const before = configurationIn(disk.latest, index - 1);
    const after = configurationIn(disk.latest, index);
    // Who joins has been told nothing of what was before.
    if (isNoConfiguration(before.configuration)) return;
    const { last } = log;
    const isCommitted = before.index <= last && log.configurationAt(before.index).index === before.index;
    if (!isCommitted)
      fail(`${id} appends a configuration at ${index}, and that at ${before.index} is not committed`);
    const chain = before.index > disk.latest.base.index ? disk.latest.chainAt(before.index) : undefined;
    if (chain !== undefined && log.at(before.index)?.entry.chain !== chain) {
      fail(
        `${id} appends a configuration at ${index}, and another than that at ${before.index} is committed`,
      );
    }
    if (!shareQuorums(before.configuration, after.configuration)) {
      fail(`the configurations at ${before.index} and ${index} of ${id} can decide apart from each other`);
    }
  }

  function checkInForce({ id, disk, reducer }: SimNode): void {
    if (reducer === undefined) return;
    const found = reducer.configuration;
    const { index, configuration } = configurationIn(disk.latest);
    if (!isSame(found, configuration)) {
      fail(`${id} goes by ${words(found)}, and its disk says ${words(configuration)} since ${index}`);
    }
  }

  function checkBase({ id }: SimNode, { index, configuration, configurationIndex }: SnapshotMeta): void {
    if (index > log.last) return;
    const expected = log.configurationAt(index);
    const same = configurationIndex === expected.index && isSame(configuration, expected.configuration);
    if (!same)
      fail(
        `${id} has a log or a snapshot that stands at ${index} with another configuration than was in force there`,
      );
  }

  /** The latest snapshot on this disk holds the configuration of its index, committed with it (T40, T42). */
  function checkSnapshot(node: SimNode): void {
    const snapshot = node.disk.snapshot?.position;
    if (snapshot === undefined || snapshots.get(node) === snapshot) return;
    snapshots.set(node, snapshot);
    checkBase(node, snapshot);
  }

  const snapshots = new Map<SimNode, SnapshotMeta>();
  return {
    started: checkInForce,
    synced: checkSnapshot,
    drained(node, { trace, write }) {
      const base = write?.install ?? write?.compact;
      if (base !== undefined) checkBase(node, base);
      for (const entry of write?.append ?? []) {
        if (entry.kind === "configuration") checkFollows(node, entry.index);
      }
      if (trace.some(({ kind }) => CHANGING.has(kind))) checkInForce(node);
    },
  };
}

/** What may go along with another configuration. */
const CHANGING: ReadonlySet<string> = new Set(["configuration", "truncate", "install", "compact", "role"]);

/** Mostly it is the very object. */
function isSame(one: Configuration, other: Configuration): boolean {
  return one === other || words(one) === words(other);
}

function words(value: unknown): string {
  return JSON.stringify(value);
}

function fail(text: string): never {
  throw new Violation("I12 one change at a time", text);
}
