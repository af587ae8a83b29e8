/**
 * I20: with all faults gone the cluster elects, serves everybody who still waits, brings every change of the
 * membership to its end, and becomes one.
 */

import { Violation } from "../observer.ts";
import type { SimNode } from "../sim-node.ts";
import type { CommittedLog } from "./committed-log.ts";

/**
 * Whether no change is under way, one leader has opened its term, and every member, with the disk that it joined
 * with, has applied all that is committed and goes by the committed configuration.
 */
export function isOne(nodes: readonly SimNode[], log: CommittedLog): boolean {
  const { index, configuration } = log.configuration;
  if (configuration.outgoing.length > 0) return false;
  let opened = 0;
  for (const member of configuration.members) {
    const node = nodes.find(({ id, incarnation }) => id === member.id && incarnation === member.incarnation);
    if (node?.reducer === undefined || node.disk.state.position.index !== log.last) return false;
    const status = node.reducer.status();
    if (status.applied !== log.last || status.configurationIndex !== index) return false;
    if (status.opened) opened++;
  }
  return opened === 1;
}

/** @throws {Violation} unless the cluster is one, and nobody waits: clients for answers, people for a change. */
export function converged(
  nodes: readonly SimNode[],
  log: CommittedLog,
  idle: { readonly clients: boolean; readonly operator: boolean },
): void {
  if (idle.clients && idle.operator && isOne(nodes, log)) return;
  const standing = nodes.map(({ id, reducer }) => {
    const { role, term, applied, committed, last, configurationIndex } = reducer?.status() ?? {};
    return `${id} ${role} term ${term} applied ${applied} committed ${committed} last ${last} configuration ${configurationIndex}`;
  });
  const { voters, outgoing, learners } = log.configuration.configuration;
  standing.push(`voters ${voters} outgoing ${outgoing} learners ${learners}`);
  const client = idle.clients ? "" : "; somebody still waits for an answer";
  const waits = idle.operator ? client : `${client}; a change is neither made nor refused`;
  throw new Violation("I20 liveness", `not one cluster long after healing: ${standing.join("; ")}${waits}`);
}
