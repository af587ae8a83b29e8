/** What can be done to each node now, and how it is, in words. No document. */

import type { Cut, LocalNode, LocalState, NodeVerb } from "./control.ts";

export interface Choice {
  readonly verb: NodeVerb;
  readonly text: string;
  readonly enabled: boolean;
}

/** Always four, so that buttons stay where they are. */
export function choicesOf({ state }: LocalNode): readonly Choice[] {
  const alive = state === "running" || state === "paused";
  const there = state !== "gone";
  return [
    { verb: "kill", text: "Kill", enabled: alive || state === "starting" },
    state === "paused"
      ? { verb: "resume", text: "Resume", enabled: true }
      : { verb: "pause", text: "Pause", enabled: state === "running" },
    state === "stopped"
      ? { verb: "start", text: "Start", enabled: true }
      : { verb: "restart", text: "Restart", enabled: alive },
    { verb: "wipe", text: "Wipe and replace…", enabled: there },
  ];
}

/** "running", "stopped, comes back in 8 s", … and with whom it cannot talk. */
export function stateText(node: LocalNode, { links }: LocalState): string {
  const parts: string[] = [node.state === "gone" ? "replaced" : node.state];
  if (node.pid !== undefined && (node.state === "running" || node.state === "paused"))
    parts.push(`pid ${node.pid}`);
  if (node.state === "stopped" && node.backInMs !== undefined) {
    parts.push(`back by itself in ${Math.max(0, Math.ceil(node.backInMs / 1_000))} s`);
  }
  if (node.progress !== undefined) parts.push(node.progress);
  const others = links.cut.filter((pair) => pair.includes(node.id)).map(([a, b]) => (a === node.id ? b : a));
  if (others.length > 0) parts.push(`cut off from ${[...new Set(others)].sort().join(", ")}`);
  const deaf = (links.oneWay ?? []).filter(([, to]) => to === node.id).map(([from]) => from);
  if (deaf.length > 0) parts.push(`does not hear ${deaf.join(", ")}`);
  return parts.join(", ");
}

/** What of the links between the checked nodes and the others is cut. */
export type Direction = "both" | "mute" | "deaf";

export const DIRECTIONS: readonly { readonly direction: Direction; readonly text: string }[] = [
  { direction: "both", text: "in both directions" },
  { direction: "mute", text: "only what they say" },
  { direction: "deaf", text: "only what they hear" },
];

/** The cut between the checked nodes and the others; undefined if one of these groups is empty. */
export function cutOf(
  nodes: readonly LocalNode[],
  checked: ReadonlySet<string>,
  direction: Direction,
): Cut | undefined {
  const present = nodes.filter(({ state }) => state !== "gone").map(({ id }) => id);
  const groups = [present.filter((id) => checked.has(id)), present.filter((id) => !checked.has(id))];
  if (groups.some((group) => group.length === 0)) return undefined;
  return { groups: direction === "deaf" ? groups.toReversed() : groups, oneWay: direction !== "both" };
}
