/** Between a process and whoever decides about its fate. */

import type { CorruptionError } from "../../src/store/index.ts";
import type { Fault } from "./faults.ts";
import type { Recovered } from "./sim-disk.ts";
import type { SimNode } from "./sim-node.ts";
import type { Trouble } from "./sim-writer.ts";

/** What a process asks whoever decides about its fate, and tells them. */
export interface Perils {
  /** How long this restore of a snapshot takes, ms. */
  readonly restoreMs: () => number;
  /** How much longer this flush takes, ms. */
  readonly stall: () => number;
  /** Of so many effects, after how many the process dies, and through which fault; undefined to live. */
  readonly diesAfter: (
    node: SimNode,
    effects: number,
  ) => { readonly effects: number; readonly fault: Fault } | undefined;
  /** The process has died in the middle of its effects. */
  readonly onDeath: (node: SimNode, fault: Fault) => void;
  /** Before which of the steps of its recovery a process dies that starts, and through which fault. */
  readonly diesRecovering: () => { readonly before: number; readonly fault: Fault } | undefined;
  readonly onDeathInRecovery: (node: SimNode, fault: Fault) => void;
  /** A process has started. */
  readonly onRecovery: (node: SimNode, recovered: Recovered) => void;
  /** A process does not start, because what it has acknowledged is damaged. */
  readonly onRefusal: (node: SimNode, reason: CorruptionError) => void;
  /** The disk refused a write; the process has answered everybody and ended. */
  readonly onFailure: (node: SimNode, trouble: Trouble) => void;
  /** A snapshot has arrived whole; nobody has been told yet. */
  readonly diesReceiving: (node: SimNode) => void;
  /** A process is about to offer its latest snapshot. */
  readonly sendsSnapshot: (node: SimNode) => void;
  /** A flush has met with trouble. */
  readonly onTrouble: (node: SimNode, trouble: Trouble) => void;
}
