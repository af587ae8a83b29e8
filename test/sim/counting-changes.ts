/** Counts what becomes of changes of the membership, for {@link Coverage}. */

import { isVoter, type NodeId } from "../../src/raft/index.ts";
import type { CommittedLog } from "./checkers/committed-log.ts";
import { type ConfigurationAt, configurationIn, hasRemoved, memberOf } from "./checkers/configurations.ts";
import type { Coverage } from "./coverage.ts";
import type { Observer } from "./observer.ts";
import type { SimNode } from "./sim-node.ts";

export function countingChanges(log: CommittedLog, coverage: Coverage): Partial<Observer> {
  const inForce = new Map<SimNode, ConfigurationAt>();
  const leading = new Set<SimNode>();

  function elected({ id }: SimNode, { configuration }: ConfigurationAt): void {
    if (configuration.outgoing.length > 0) coverage.count("joint configurations across a change of leader");
    if (!configuration.voters.includes(id)) coverage.count("leaders elected that were being removed");
  }

  function appended(node: SimNode, index: number): void {
    if (!leading.has(node)) return;
    coverage.count("configurations appended");
    const before = configurationIn(node.disk.latest, index - 1).configuration;
    if (before.outgoing.length > 0) coverage.count("joint configurations left");
    const after = configurationIn(node.disk.latest, index).configuration;
    const hasMoved = after.members.some(({ id, peer }) => (memberOf(before, id)?.peer ?? peer) !== peer);
    if (hasMoved) coverage.count("members moved");
  }

  return {
    started: (node) => inForce.set(node, configurationIn(node.disk.latest)),
    crashing(node) {
      const at = inForce.get(node);
      inForce.delete(node);
      if (leading.delete(node) && at !== undefined && at.index > log.last) {
        coverage.count("configurations in flight when their leader died");
      }
    },
    drained(node, { trace, write }) {
      const before = inForce.get(node);
      // Most drains change nothing.
      if (before !== undefined && write === undefined && trace.length === 0) return;
      const now = configurationIn(node.disk.latest);
      inForce.set(node, now);
      for (const entry of write?.append ?? []) {
        if (entry.kind === "configuration") appended(node, entry.index);
      }
      if (write?.install !== undefined && isLearner(write.install, node.id)) {
        coverage.count("learners caught up by a snapshot");
      }
      for (const event of trace) {
        if (event.kind === "truncate" && before !== undefined && before.index >= event.from) {
          coverage.count("configurations truncated");
        }
        if (event.kind !== "role") continue;
        if (event.role === "leader") leading.add(node);
        else leading.delete(node);
        if (event.role === "leader") elected(node, now);
        if (event.why === "it is no voter any more") coverage.count("leaders that removed themselves");
        if (event.role === "preCandidate" && hasRemoved(log.configuration.configuration, node)) {
          coverage.count("removed nodes that campaigned");
        }
      }
    },
  };
}

function isLearner({ configuration }: Pick<ConfigurationAt, "configuration">, id: NodeId): boolean {
  return !isVoter(configuration, id);
}
