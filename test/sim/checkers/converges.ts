/** I20: with all faults gone the cluster elects, serves everybody who still waits, and becomes one. */

import { Violation } from "../observer.ts";
import type { SimNode } from "../sim-node.ts";
import type { CommittedLog } from "./committed-log.ts";

/** Whether one leader has opened its term and every node has applied all that is committed. */
export function isOne(nodes: readonly SimNode[], log: CommittedLog): boolean {
  let opened = 0;
  for (const { reducer, disk } of nodes) {
    if (reducer === undefined || disk.state.position.index !== log.last) return false;
    const status = reducer.status();
    if (status.applied !== log.last) return false;
    if (status.opened) opened++;
  }
  return opened === 1;
}

/** @throws {Violation} unless the cluster is one and nobody waits. */
export function converged(nodes: readonly SimNode[], log: CommittedLog, idle: boolean): void {
  if (idle && isOne(nodes, log)) return;
  const standing = nodes.map(({ id, reducer }) => {
    const { role, term, applied, committed, last } = reducer?.status() ?? {};
    return `${id} ${role} term ${term} applied ${applied} committed ${committed} last ${last}`;
  });
  const waits = idle ? "" : "; somebody still waits for an answer";
  throw new Violation("I20 liveness", `not one cluster long after healing: ${standing.join("; ")}${waits}`);
}
