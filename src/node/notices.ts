/** What a person wants to read in the log of a node. */

import type { Configuration, Term } from "../raft/index.ts";
import type { NodeTrace } from "./events.ts";

/** A line for the log of the process. */
export interface NodeNotice {
  readonly level: "info" | "warn" | "error";
  readonly event: string;
  readonly detail: string;
  readonly term?: Term;
}

/** The line for one transition; undefined if it is not worth one. */
export function noticeOf(trace: NodeTrace): NodeNotice | undefined {
  switch (trace.kind) {
    case "role":
      return { level: "info", event: trace.role, detail: trace.why, term: trace.term };
    case "leader":
      if (trace.leader === undefined) return undefined;
      return { level: "info", event: "leader", detail: `${trace.leader} leads`, term: trace.term };
    case "configuration":
      return { level: "info", event: "configuration", detail: nameAll(trace.configuration) };
    case "autoremove": {
      const seconds = Math.round(trace.silentMs / 1_000);
      const detail = `${trace.peer} was not heard of for ${seconds} s, so this leader removes it from the cluster`;
      return { level: "warn", event: "autoremove", detail };
    }
    case "install":
      return { level: "info", event: "install", detail: `snapshot at ${trace.index} replaces the log` };
    case "compact":
      return { level: "info", event: "compact", detail: `the log begins after ${trace.index}` };
    case "alarm":
      return { level: "error", event: "alarm", detail: trace.text };
    default:
      return undefined;
  }
}

function nameAll({ voters, outgoing, learners }: Configuration): string {
  const parts = [`voters ${voters.join(", ")}`];
  if (outgoing.length > 0) parts.push(`until now ${outgoing.join(", ")}`);
  if (learners.length > 0) parts.push(`learners ${learners.join(", ")}`);
  return parts.join("; ");
}
