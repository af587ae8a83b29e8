/** What the checkers are shown: every moment at which something may have gone wrong. */

import type { Effects, NodeEvent, Response } from "../../src/node/index.ts";
import type { Entry, Message } from "../../src/raft/index.ts";
import type { SimNode } from "./sim-node.ts";

/** One request to one process: it is taken in once, and ends at most once. */
export interface Attempt {
  readonly event: NodeEvent & { readonly kind: "write" | "read" | "membership" | "transfer" };
  /** When the process took it in, virtual ms. */
  readonly askedMs: number;
  /** How long the process had been paused in its life until then, ms. */
  readonly pausedMs: number;
}

/** Receives what happens; a checker fills in what it looks at and throws a {@link Violation}. */
export interface Observer {
  /** A process is about to read its disk. */
  recovering(node: SimNode): void;
  started(node: SimNode): void;
  /** A process is about to die; its disk still holds everything. */
  crashing(node: SimNode): void;
  /** The reducer was drained; its write is already on its way to the disk, nothing else has happened yet. */
  drained(node: SimNode, effects: Effects): void;
  /**
   * Instead of {@link drained} where nothing is to be done at all, as after nearly every tick of a calm run. Whoever
   * looks at the time that passes, or at what came in before, looks here as well.
   */
  idled(node: SimNode): void;
  /** A message has left; one that is lost on its way, arrives late or twice is this very object. */
  sent(node: SimNode, message: Message): void;
  /** A message is taken in. */
  received(node: SimNode, message: Message): void;
  /** A flush has ended. */
  synced(node: SimNode): void;
  /** One entry was applied, and the state now has this digest. */
  applied(node: SimNode, entry: Entry, digest: number): void;
  /** A process has taken in a request. */
  asked(node: SimNode, attempt: Attempt): void;
  /** A process ends a request; `attempt` is missing if no such request was open. */
  answered(node: SimNode, attempt: Attempt | undefined, response: Response): void;
  /** The disk of a process has failed, and everybody who waited there was told what is known: it is about to end. */
  failed(node: SimNode): void;
  /** Something was done to the world, in words. */
  noted(text: string): void;
  /** All faults are gone and the cluster has become one. */
  ended(nodes: readonly SimNode[]): void;
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

/** Called for every event, so without lists of arguments. No hook has more than three. */
type Call = (one: unknown, two: unknown, three: unknown) => void;

/** Shows everything to each of `observers`, in order. */
export function all(observers: readonly Partial<Observer>[]): Observer {
  function each<K extends keyof Observer>(name: K): Observer[K] {
    const hooks = observers.flatMap((observer) => {
      const hook = observer[name] as Call | undefined;
      return hook === undefined ? [] : [hook.bind(observer)];
    });
    const call: Call = (one, two, three) => {
      for (const hook of hooks) hook(one, two, three);
    };
    return call as Observer[K];
  }
  return {
    recovering: each("recovering"),
    started: each("started"),
    crashing: each("crashing"),
    drained: each("drained"),
    idled: each("idled"),
    sent: each("sent"),
    received: each("received"),
    synced: each("synced"),
    applied: each("applied"),
    asked: each("asked"),
    answered: each("answered"),
    failed: each("failed"),
    noted: each("noted"),
    ended: each("ended"),
  };
}
