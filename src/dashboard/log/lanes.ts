/** The end of every node's log, laid side by side by index. */

import type { ClusterView, NodeView } from "../model/view.ts";

/** How far an entry has come on a node. Each state includes those before it. */
export type EntryState = "appended" | "stable" | "committed" | "applied";

export interface Cell {
  readonly index: number;
  /** Counts from 0 at the left edge of the window. */
  readonly column: number;
  readonly term: number;
  readonly kind: "command" | "noop" | "configuration";
  readonly state: EntryState;
  /** Another node has committed an entry of another term here: this one will be overwritten. */
  readonly conflict: boolean;
}

/** Consecutive cells of one term. */
export interface TermRun {
  readonly term: number;
  readonly column: number;
  readonly columns: number;
}

export interface Lane {
  readonly id: string;
  readonly fresh: boolean;
  readonly leads: boolean;
  /** Nothing is known of this node. */
  readonly unheard: boolean;
  readonly cells: readonly Cell[];
  readonly runs: readonly TermRun[];
  /** Columns at the left whose entries are in the snapshot only. */
  readonly compacted: number;
  /** The column after whose cell the newest snapshot ends; undefined if that lies outside the window. */
  readonly snapshotColumn: number | undefined;
  /** Entries between the end of this log and the left edge; 0 if any of it is in the window. */
  readonly offLeft: number;
  /** Entries that it has not got and the longest log has. */
  readonly behind: number;
  readonly last: number;
  readonly stable: number;
  readonly commit: number;
  readonly applied: number;
  readonly snapshot: number;
  /** All of this in one sentence. */
  readonly words: string;
}

export interface Lanes {
  /** The indexes of the first and the last column. */
  readonly from: number;
  readonly to: number;
  readonly lanes: readonly Lane[];
}

/** Lays out the last `columns` indexes of the longest log that is heard; of all, while none is. */
export function lanesOf(view: ClusterView, columns: number): Lanes {
  const heard = view.nodes.filter(({ fresh }) => fresh);
  const reference = heard.length > 0 ? heard : view.nodes;
  const to = Math.max(0, ...reference.map(({ picture }) => picture?.status.last ?? 0));
  const from = Math.max(1, to - columns + 1);
  const committed = committedTerms(view.nodes);
  return { from, to, lanes: view.nodes.map((node) => laneOf(node, { from, to, committed })) };
}

/** The term of each index that some node has committed: there is only one. */
function committedTerms(nodes: readonly NodeView[]): ReadonlyMap<number, number> {
  const terms = new Map<number, number>();
  for (const { picture } of nodes) {
    if (picture === undefined) continue;
    for (const { index, term } of picture.tail) if (index <= picture.status.commit) terms.set(index, term);
  }
  return terms;
}

interface Frame {
  readonly from: number;
  readonly to: number;
  readonly committed: ReadonlyMap<number, number>;
}

function laneOf(node: NodeView, frame: Frame): Lane {
  const { id, picture, fresh, leads } = node;
  if (picture === undefined) {
    return { id, fresh, leads, unheard: true, ...NOTHING, words: `${id}: its log has not been seen yet.` };
  }
  const { status, stable } = picture;
  const { last, commit, applied, snapshot, first } = status;
  const { from, to } = frame;
  const cells = cellsOf(node, frame);
  const lane = {
    id,
    fresh,
    leads,
    unheard: false,
    cells,
    runs: runsOf(cells),
    compacted: last < from ? 0 : Math.max(0, Math.min(first - from, to - from + 1)),
    snapshotColumn: snapshot >= from && snapshot <= last && snapshot <= to ? snapshot - from : undefined,
    offLeft: last < from ? from - last : 0,
    behind: Math.max(0, to - last),
    last,
    stable,
    commit,
    applied,
    snapshot,
  };
  return { ...lane, words: laneWords(lane) };
}

const NOTHING: Omit<Lane, "id" | "fresh" | "leads" | "unheard" | "words"> = {
  cells: [],
  runs: [],
  compacted: 0,
  snapshotColumn: undefined,
  offLeft: 0,
  behind: 0,
  last: 0,
  stable: 0,
  commit: 0,
  applied: 0,
  snapshot: 0,
};

function cellsOf({ picture }: NodeView, { from, to, committed }: Frame): readonly Cell[] {
  if (picture === undefined) return [];
  const { stable, status, tail } = picture;
  return tail
    .filter(({ index }) => index >= from && index <= to)
    .map(({ index, term, kind }) => ({
      index,
      column: index - from,
      term,
      kind,
      state: stateOf(index, { stable, commit: status.commit, applied: status.applied }),
      conflict: committed.has(index) && committed.get(index) !== term,
    }));
}

function stateOf(
  index: number,
  marks: { readonly stable: number; readonly commit: number; readonly applied: number },
): EntryState {
  if (index <= marks.applied) return "applied";
  if (index <= marks.commit) return "committed";
  return index <= marks.stable ? "stable" : "appended";
}

function runsOf(cells: readonly Cell[]): readonly TermRun[] {
  const runs: TermRun[] = [];
  for (const { term, column } of cells) {
    const run = runs.at(-1);
    if (run?.term === term) runs[runs.length - 1] = { ...run, columns: column - run.column + 1 };
    else runs.push({ term, column, columns: 1 });
  }
  return runs;
}

function laneWords(lane: Omit<Lane, "words">): string {
  const parts = [
    `${lane.id}${lane.leads ? ", the leader" : ""}: its log ends at entry ${count(lane.last)}`,
    `committed to ${count(lane.commit)} and applied to ${count(lane.applied)}`,
  ];
  if (lane.stable < lane.last) parts.push(`on disk to ${count(lane.stable)}`);
  if (lane.snapshot > 0) parts.push(`its newest snapshot holds the first ${count(lane.snapshot)}`);
  if (lane.behind > 0) parts.push(`${count(lane.behind)} behind the longest log`);
  const words = `${parts.join("; ")}.`;
  return lane.fresh ? words : `${words} This is how it was when it was last heard.`;
}

/** With separators: 1,234,567. */
export function count(n: number): string {
  return n.toLocaleString("en");
}
