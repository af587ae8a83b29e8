/** Looks at a data directory for the doctor: that of one node, or that of a local cluster, which holds several. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { inspectDirectory } from "../../node/index.ts";
import { storedPlan } from "../cluster-file.ts";
import { systemReason } from "../refusal.ts";
import { type DirectoryLook, judgeDirectory } from "./directory.ts";
import { type Finding, listed, type Syncs } from "./finding.ts";
import type { NodeLook } from "./look.ts";
import { probeSyncs } from "./probe.ts";

/** What could be looked at, and what could not. */
export interface Examined {
  readonly findings: readonly Finding[];
  /** What was seen, in sentences. */
  readonly seen: readonly string[];
  /** What could not be looked at, and why. */
  readonly blind: readonly string[];
}

export const NOTHING: Examined = { findings: [], seen: [], blind: [] };

/** @param looks at the cluster that the directory should belong to; none if no node was asked. */
export async function examineDirectory(data: string, looks: readonly NodeLook[]): Promise<Examined> {
  if (!existsSync(data)) return { ...NOTHING, blind: [`There is no directory ${data}.`] };
  try {
    const nodes = nodesOf(data);
    const syncs = probeSyncs(data);
    if (nodes === undefined) return await examineNode(data, syncs, looks);
    const names = listed(nodes.map(({ id }) => id));
    const parts: Examined[] = [{ ...NOTHING, seen: [`${data} holds a local cluster: ${names}.`] }];
    // They share one disk, of which it is said once what there is to say.
    for (const [at, { directory }] of nodes.entries()) {
      const { findings, ...part } = await examineNode(directory, at === 0 ? syncs : undefined, looks);
      const own = at === 0 ? findings : findings.filter(({ code }) => code !== "disk-nearly-full");
      parts.push({ ...part, findings: own });
    }
    return {
      findings: parts.flatMap(({ findings }) => findings),
      seen: parts.flatMap(({ seen }) => seen),
      blind: parts.flatMap(({ blind }) => blind),
    };
  } catch (error) {
    return { ...NOTHING, blind: [`${data} cannot be looked at: ${systemReason(error)}.`] };
  }
}

/**
 * The nodes of the local cluster whose directory this is; undefined if it is none. Those that were replaced are left out,
 * and so are directories that are gone: of a node that was removed they may be deleted.
 */
function nodesOf(data: string): readonly { readonly id: string; readonly directory: string }[] | undefined {
  const plan = storedPlan(data);
  if (plan === undefined) return undefined;
  const replaced = new Set(plan.newcomers.filter(({ done }) => done).map(({ replaces }) => replaces));
  const ids = [...plan.members, ...plan.newcomers].map(({ id }) => id).filter((id) => !replaced.has(id));
  const nodes = [...new Set(ids)].map((id) => ({ id, directory: join(data, id) }));
  return nodes.filter(({ directory }) => existsSync(directory));
}

async function examineNode(
  data: string,
  syncs: Syncs | undefined,
  looks: readonly NodeLook[],
): Promise<Examined> {
  const report = await inspectDirectory(data);
  const look: DirectoryLook = { report, syncs };
  return { findings: [...judgeDirectory(look), ...compare(look, looks)], seen: [seenOf(look)], blind: [] };
}

function seenOf({ report, syncs }: DirectoryLook): string {
  const { directory, identity, inUse, log, state, stateSkipped, snapshots } = report;
  if (identity === undefined) return `Looked at ${directory}, which holds no node.`;
  const who = `Looked at ${directory}, the directory of ${identity.id}, which ${inUse ? "is running" : "is stopped"}`;
  const entries =
    log === undefined
      ? ""
      : `; ${log.entries} entries up to ${log.last} in ${several(log.segments, "segment")}`;
  const counters =
    state === undefined
      ? ""
      : `, ${several(state.counters, "counter")} as of ${state.applied}, each verified`;
  const skipped = stateSkipped === undefined ? "" : `; state.db was not read, because ${stateSkipped}`;
  const kept = log === undefined ? "" : `; ${several(snapshots, "snapshot")}`;
  const disk = syncs === undefined ? "" : `; a sync takes ${syncs.p50.toFixed(1)} ms (p50)`;
  return `${who}${entries}${counters}${kept}${skipped}${disk}.`;
}

function several(count: number, thing: string): string {
  return `${count.toLocaleString("en")} ${thing}${count === 1 ? "" : "s"}`;
}

/** The directory against the cluster that it should belong to. */
function compare({ report }: DirectoryLook, looks: readonly NodeLook[]): readonly Finding[] {
  const { identity, directory } = report;
  const running = looks.flatMap(({ status }) => (status?.state === "running" ? status : []));
  const [one] = running;
  if (identity === undefined || "joining" in identity || one === undefined) return [];
  const { id, clusterId, incarnation } = identity;
  if (running.every((status) => status.clusterId !== clusterId)) {
    return [
      {
        code: "wrong-cluster",
        severity: "fault",
        about: directory,
        what: `${directory} belongs to node ${id} of cluster "${clusterId}", and the nodes that were asked to "${one.clusterId}".`,
        todo: "Look which of the two is meant: another --data, or another --url. Nodes of different clusters never mix.",
        section: "Add a node",
      },
    ];
  }
  const known = running.find((status) => status.clusterId === clusterId && status.role === "leader");
  const member = known?.members.find((each) => each.id === id);
  if (known === undefined || member?.incarnation === incarnation) return [];
  const why =
    member === undefined
      ? `the cluster has no member ${id} any more`
      : `the cluster knows ${id} as another incarnation`;
  return [
    {
      code: "not-a-member",
      severity: "fault",
      about: directory,
      what: `The node of ${directory} does not belong to the cluster: ${why}. It was removed, or its disk was replaced.`,
      todo:
        "Do not start it. The directory can be deleted; to let this machine take part again, start a node on an empty " +
        "directory under a new id, with --join.",
      section: "Remove a node",
    },
  ];
}
