/** What a launcher says once its cluster has come up. */

import { join } from "node:path";
import type { LocalNodes } from "./local/nodes.ts";
import { type Column, type Terminal, table } from "./output.ts";
import { hasPage } from "./page.ts";
import { type Seen, survey } from "./status.ts";
import { version } from "./version.ts";

/** Without a leader by then, the terminal says so. */
const LEADER_WAIT_MS = 15_000;
const POLL_MS = 100;

const COLUMNS: readonly Column[] = [
  { title: "node" },
  { title: "role" },
  { title: "url" },
  { title: "pid", align: "right" },
];

export interface Report {
  readonly nodes: LocalNodes;
  readonly data: string;
  /** Lines on what else can be done, each after its word. */
  readonly more: readonly string[];
}

/** Waits until everyone knows the leader, then says what there is and what to try. */
export async function announce(report: Report, signal: AbortSignal, terminal: Terminal): Promise<void> {
  const { nodes, data, more } = report;
  const { urls, all, plan } = nodes;
  const seen = await settled(nodes, signal);
  if (signal.aborted) return;
  const rows = all.map(({ member, child }) => {
    const view = seen.find((node) => node.view?.id === member.id)?.view;
    const silent = child.hasGivenUp ? "stopped" : "does not answer";
    return [member.id, view?.role ?? silent, member.api, child.pid === undefined ? "" : String(child.pid)];
  });
  const led = seen.some(({ view }) => view?.leader !== undefined);
  const lines = [
    `raftally ${version()}: ${plan.existed ? "going on with" : "made"} a cluster of ${urls.length} in ${data}`,
    "",
    ...table(COLUMNS, rows).map((line) => `  ${line}`),
    ...(led ? [] : ["", `No node leads yet; the logs are ${join(data, "*.log")}`]),
    "",
    ...(hasPage() ? [`Open:  ${urls[0]}`] : []),
    `Try:   curl -L -X POST ${urls[0]}/v1/counters/visits/increment`,
    ...more,
    "Stop:  Ctrl-C",
  ];
  for (const line of lines) terminal.out(line);
}

async function settled({ urls, all }: LocalNodes, signal: AbortSignal): Promise<readonly Seen[]> {
  const deadline = performance.now() + LEADER_WAIT_MS;
  let seen: readonly Seen[] = [];
  while (performance.now() < deadline && !signal.aborted) {
    seen = await survey(urls, 500);
    const isSettled = all.every(({ member, child }) => {
      const knows = seen.some(({ url, view }) => url === member.api && view?.leader !== undefined);
      return knows || child.hasGivenUp;
    });
    if (isSettled) break;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return seen;
}
