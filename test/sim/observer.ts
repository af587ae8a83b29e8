/** What the checkers are shown: every moment at which something may have gone wrong. */

import type { NodeReducer } from "../../src/node/index.ts";
import type { Entry } from "../../src/raft/index.ts";
import type { SimNode } from "./sim-node.ts";

export type Effects = ReturnType<NodeReducer["drain"]>;

/** Receives what happens; a checker fills in what it looks at and throws a {@link Violation}. */
export interface Observer {
  /** A process is about to read its disk. */
  recovering(node: SimNode): void;
  started(node: SimNode): void;
  /** A process is about to die; its disk still holds everything. */
  crashing(node: SimNode): void;
  /** The reducer was drained; its write is already on its way to the disk, nothing else has happened yet. */
  drained(node: SimNode, effects: Effects): void;
  /** A flush has ended. */
  synced(node: SimNode): void;
  /** One entry was applied, and the state now has this digest. */
  applied(node: SimNode, entry: Entry, digest: number): void;
}

/** An invariant is broken. */
export class Violation extends Error {
  override readonly name: string = "Violation";
  readonly invariant: string;

  constructor(invariant: string, detail: string) {
    super(`${invariant}: ${detail}`);
    this.invariant = invariant;
  }
}

/** Shows everything to each of `observers`, in order. */
export function all(observers: readonly Partial<Observer>[]): Observer {
  return {
    recovering: (node) => {
      for (const observer of observers) observer.recovering?.(node);
    },
    started: (node) => {
      for (const observer of observers) observer.started?.(node);
    },
    crashing: (node) => {
      for (const observer of observers) observer.crashing?.(node);
    },
    drained: (node, effects) => {
      for (const observer of observers) observer.drained?.(node, effects);
    },
    synced: (node) => {
      for (const observer of observers) observer.synced?.(node);
    },
    applied: (node, entry, digest) => {
      for (const observer of observers) observer.applied?.(node, entry, digest);
    },
  };
}
