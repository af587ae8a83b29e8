/** Views of a cluster made from recorded pictures, without a browser. */

import type { NodePicture } from "../../src/client/index.ts";
import { ClusterModel, type ClusterView } from "../../src/dashboard/index.ts";
import { type Change, changed, healthy, type Seat } from "./recorded.ts";

export const NOW = 1_800_000_000_000;

export function seats(count: number): readonly Seat[] {
  return Array.from({ length: count }, (_, at) => ({
    id: `n${at + 1}`,
    url: `http://127.0.0.1:${4_000 + at}`,
  }));
}

type Changes = Readonly<Record<string, Change | ((picture: NodePicture) => Change) | "unheard">>;

/** What the page knows once each node of a healthy cluster has shown itself, with changes. */
export function viewOf(count: number, changes: Changes = {}): ClusterView {
  const all = seats(count);
  const model = new ClusterModel(all[0]?.url ?? "", NOW);
  for (const seat of all) {
    const change = changes[seat.id];
    if (change === "unheard") continue;
    const picture = healthy(all, seat, 0);
    model.heard(seat.url, changed(picture, typeof change === "function" ? change(picture) : change), NOW);
  }
  return model.view(NOW);
}

/** The same, but `ids` were heard last a while ago; those `refused` do not even take connections. */
export function viewWithout(
  count: number,
  {
    silent = [],
    refused = [],
  }: { readonly silent?: readonly string[]; readonly refused?: readonly string[] },
): ClusterView {
  const all = seats(count);
  const model = new ClusterModel(all[0]?.url ?? "", NOW - 10_000);
  for (const seat of all) model.heard(seat.url, healthy(all, seat, 0), NOW - 9_000);
  for (const seat of all) {
    if (refused.includes(seat.id)) model.line(seat.url, "connecting", NOW);
    else if (!silent.includes(seat.id)) model.heard(seat.url, healthy(all, seat, 0), NOW);
  }
  return model.view(NOW);
}
