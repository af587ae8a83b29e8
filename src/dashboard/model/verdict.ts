/** How the cluster is, in words. */

import type { ClusterView, Verdict } from "./view.ts";

export interface Facts extends Omit<ClusterView, "verdict"> {
  /** Since the page was loaded, ms. */
  readonly waitedMs: number;
}

export function judge(facts: Facts): Verdict {
  const { leader, nodes } = facts;
  const up = nodes.filter(({ fresh }) => fresh).length;
  const base = { notes: [], concerns: [] };
  if (up === 0) return { kind: "unheard", tone: "none", sentence: "Connecting …", ...base };
  if (leader === undefined) return { kind: "electing", tone: "busy", sentence: "Electing a leader", ...base };
  const sentence = `${up} of ${nodes.length} nodes, ${leader.id} leads term ${facts.term}`;
  return { kind: "healthy", tone: "good", sentence, ...base };
}
