/** Whether the copies of the state are the same. */

import type { NodeView } from "./view.ts";

export interface DigestComparison {
  /** The highest index at which at least two nodes can be compared; undefined if there is none yet. */
  readonly index: number | undefined;
  /** Who was compared there. */
  readonly nodes: readonly string[];
  readonly digest: number | undefined;
  /** Where two nodes differ: the lowest such index that is still known, and who has which digest there. */
  readonly fault: { readonly index: number; readonly sides: readonly DigestSide[] } | undefined;
}

export interface DigestSide {
  readonly digest: number;
  readonly nodes: readonly string[];
}

/**
 * Compares digests at every index for which two nodes have one: those that nodes keep, and those of the state that each
 * has right now. Old pictures count: what a node had applied then, it has applied for good.
 */
export function compareDigests(nodes: readonly NodeView[]): DigestComparison {
  const at = new Map<number, Map<string, number>>();
  for (const { id, picture } of nodes) {
    if (picture === undefined) continue;
    const { applied, digest } = picture.status;
    for (const one of [...picture.digests, { index: applied, digest }]) {
      if (one.index === 0) continue;
      const known = at.get(one.index) ?? new Map<string, number>();
      at.set(one.index, known.set(id, one.digest));
    }
  }
  const compared = [...at].filter(([, known]) => known.size > 1).sort(([a], [b]) => a - b);
  const wrong = compared.find(([, known]) => new Set(known.values()).size > 1);
  const [index, known] = compared.at(-1) ?? [];
  return {
    index,
    nodes: [...(known?.keys() ?? [])],
    digest: known?.values().next().value,
    fault: wrong === undefined ? undefined : { index: wrong[0], sides: sidesOf(wrong[1]) },
  };
}

/** Most nodes first: the side with a majority is most likely right. */
function sidesOf(known: ReadonlyMap<string, number>): readonly DigestSide[] {
  return [...new Set(known.values())]
    .map((digest) => ({ digest, nodes: [...known].filter(([, own]) => own === digest).map(([id]) => id) }))
    .sort((a, b) => b.nodes.length - a.nodes.length);
}
