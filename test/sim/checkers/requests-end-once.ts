/**
 * I19: each request ends at most once, and in time while its process lives and runs. A process that dies takes
 * its open requests along; that is the one way not to be answered.
 */

import { type Attempt, type Observer, Violation } from "../observer.ts";
import type { Profile } from "../profile.ts";
import type { SimNode } from "../sim-node.ts";

/** Deadlines are looked at by the tick, and answers leave with the drain after it. */
const SLACK = { ticks: 2, ms: 5 } as const;
/** A confirmed read waits for the state machine, which has no deadline of its own. */
const MACHINE_MS = 3_000;

export function requestsEndOnce(
  { node: settings, tickMs }: Pick<Profile, "node" | "tickMs">,
  now: (node: SimNode) => number,
): Partial<Observer> {
  const open = new Map<SimNode, Set<Attempt>>();

  function checkTime(node: SimNode, attempt: Attempt, verb: string): void {
    const waited = now(node) - attempt.askedMs - (node.pausedMs - attempt.pausedMs);
    const { holdMs, writeMs, readMs } = settings;
    const due = attempt.event.kind === "read" ? readMs + MACHINE_MS : Math.max(holdMs, writeMs);
    if (waited <= due + SLACK.ticks * tickMs + SLACK.ms) return;
    const what = `${node.id} ${verb} a ${attempt.event.kind} after ${Math.round(waited)} ms; it was due after ${due}`;
    throw new Violation("I19 requests end in time", what);
  }

  function checkOpen(node: SimNode): void {
    for (const attempt of open.get(node) ?? []) checkTime(node, attempt, "still holds");
  }

  return {
    asked(node, attempt) {
      const attempts = open.get(node) ?? new Set();
      open.set(node, attempts);
      attempts.add(attempt);
    },
    answered(node, attempt, response) {
      if (attempt === undefined || open.get(node)?.delete(attempt) !== true) {
        throw new Violation(
          "I19 requests end once",
          `${node.id} answered ${response.kind} ${response.id} again`,
        );
      }
      if (attempt.event.kind !== response.kind) {
        throw new Violation(
          "I19 requests end once",
          `${node.id} answered a ${attempt.event.kind} as a ${response.kind}`,
        );
      }
      checkTime(node, attempt, "ended");
    },
    crashing(node) {
      checkOpen(node);
      open.delete(node);
    },
    ended(nodes) {
      for (const node of nodes) checkOpen(node);
    },
  };
}
