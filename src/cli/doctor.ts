/** `raftally doctor`: looks at a cluster and at a data directory, and says what is wrong and what to do. */

import { existsSync } from "node:fs";
import { printExact } from "../client/index.ts";
import { inspectDirectory } from "../node/index.ts";
import { EXIT } from "./commands.ts";
import { judgeCluster, summary } from "./doctor/cluster.ts";
import { type DirectoryLook, judgeDirectory } from "./doctor/directory.ts";
import type { Finding } from "./doctor/finding.ts";
import { lookAtCluster, type NodeLook } from "./doctor/look.ts";
import { probeSyncs } from "./doctor/probe.ts";
import { wrap } from "./help.ts";
import { printable, type Terminal } from "./output.ts";
import type { Parsed } from "./parse.ts";
import { systemReason } from "./refusal.ts";

/** What could be looked at, and what could not. */
interface Examined {
  readonly findings: readonly Finding[];
  /** What was seen, in sentences. */
  readonly seen: readonly string[];
  /** What could not be looked at, and why. */
  readonly blind: readonly string[];
}

export async function doctor(parsed: Parsed, terminal: Terminal): Promise<number> {
  const { data, url, timeout, json } = parsed.values;
  const hasData = parsed.source("data") !== "default";
  const hasUrl = parsed.source("url") !== "default" || !hasData;
  const looks = hasUrl ? await lookAtCluster(url, timeout) : [];
  const cluster = hasUrl ? examineCluster(looks, url) : NOTHING;
  const directory = hasData ? await examineDirectory(data, looks) : NOTHING;
  const findings = [...cluster.findings, ...directory.findings];
  const blind = [...cluster.blind, ...directory.blind];
  const wrong = findings.filter(({ severity }) => severity !== "note");
  const isBlind = blind.length > 0 && wrong.length === 0;
  if (json) {
    const shown = findings.map((finding) => ({ ...finding }));
    const seen = [...cluster.seen, ...directory.seen];
    terminal.out(printExact({ healthy: wrong.length === 0 && !isBlind, findings: shown, seen, blind }, 2));
  } else {
    print({ findings, seen: [...cluster.seen, ...directory.seen], blind }, terminal);
  }
  if (isBlind) return EXIT.blind;
  return wrong.length > 0 ? EXIT.unhealthy : EXIT.healthy;
}

const NOTHING: Examined = { findings: [], seen: [], blind: [] };

function examineCluster(looks: readonly NodeLook[], urls: readonly string[]): Examined {
  if (looks.every(({ status }) => status === undefined)) {
    const reasons = looks.map(({ url, reason = "no answer" }) => `${url}: ${reason}`).join("; ");
    const asked = urls.length === 1 ? "The node that was named does not answer" : "No node answers";
    return { ...NOTHING, blind: [`${asked} (${reasons}). With --data its directory can be looked at.`] };
  }
  return { findings: judgeCluster(looks), seen: [summary(looks)], blind: [] };
}

async function examineDirectory(data: string, looks: readonly NodeLook[]): Promise<Examined> {
  if (!existsSync(data)) return { ...NOTHING, blind: [`There is no directory ${data}.`] };
  try {
    const report = await inspectDirectory(data);
    const look: DirectoryLook = { report, syncs: probeSyncs(data) };
    const findings = [...judgeDirectory(look), ...compare(look, looks)];
    return { findings, seen: [directorySeen(look)], blind: [] };
  } catch (error) {
    return { ...NOTHING, blind: [`${data} cannot be looked at: ${systemReason(error)}.`] };
  }
}

function directorySeen({ report, syncs }: DirectoryLook): string {
  const { directory, identity, inUse, log, state, stateSkipped, snapshots } = report;
  if (identity === undefined) return `Looked at ${directory}, which holds no node.`;
  const who = `Looked at ${directory}, the directory of ${identity.id}, which ${inUse ? "is running" : "is stopped"}`;
  const entries =
    log === undefined ? "" : `; ${log.entries} entries up to ${log.last} in ${log.segments} segments`;
  const counters =
    state === undefined ? "" : `, ${state.counters} counters as of ${state.applied}, each verified`;
  const skipped = stateSkipped === undefined ? "" : `; state.db was not read, because ${stateSkipped}`;
  const kept = log === undefined ? "" : `; ${snapshots} snapshot${snapshots === 1 ? "" : "s"}`;
  const disk = syncs === undefined ? "" : `; a sync takes ${syncs.p50.toFixed(1)} ms (p50)`;
  return `${who}${entries}${counters}${kept}${skipped}${disk}.`;
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

function print({ findings, seen, blind }: Examined, terminal: Terminal): void {
  for (const line of seen) for (const part of wrap(printable(line), 0)) terminal.out(part);
  for (const { severity, about, what, todo, section } of findings) {
    terminal.out("");
    for (const part of wrap(printable(`${severity.toUpperCase()} (${about}): ${what}`), 0))
      terminal.out(part);
    const [first = "", ...rest] = wrap(printable(`do: ${todo}`), 6);
    for (const part of [`  ${first.trim()}`, ...rest]) terminal.out(part);
    terminal.out(`  see: docs/operations.md, "${section}"`);
  }
  for (const line of blind) terminal.error(`raftally: ${printable(line)}`);
  if (seen.length === 0) return;
  const count = (severity: string): number => findings.filter((each) => each.severity === severity).length;
  const wrong = [...counted(count("fault"), "fault"), ...counted(count("warning"), "warning")];
  terminal.out("");
  if (wrong.length > 0) terminal.out(`${wrong.join(" and ")}.`);
  else
    terminal.out(
      blind.length > 0 ? "Nothing wrong was found in what could be looked at." : "Nothing is wrong.",
    );
}

function counted(count: number, word: string): readonly string[] {
  return count === 0 ? [] : [`${count} ${word}${count === 1 ? "" : "s"}`];
}
