/** The counters as a tree of the segments of their keys, of which only what was opened is known. */

/** A group of counters, or one counter: then the prefix is its key. */
export interface Group {
  readonly prefix: string;
  readonly sum: bigint;
  readonly counters: number;
}

export interface Level {
  readonly groups: readonly Group[];
  /** Whether there are more groups than were given. */
  readonly more: boolean;
}

/** One line of the tree as it is shown. */
export interface TreeRow {
  /** Unique among the rows. */
  readonly id: string;
  readonly kind: "group" | "counter" | "more" | "wait";
  readonly prefix: string;
  /** The last segment only. */
  readonly name: string;
  readonly depth: number;
  readonly value: bigint | undefined;
  readonly counters: number;
  readonly open: boolean;
}

/**
 * The rows to show, in order. A group's own counter (`items` beside `items:acme`) is a row like any other.
 * @param levels what is known, by prefix; "" is the top.
 * @param live newer values of single counters.
 */
export function treeRows(
  levels: ReadonlyMap<string, Level>,
  open: ReadonlySet<string>,
  live: ReadonlyMap<string, bigint>,
): readonly TreeRow[] {
  const rows: TreeRow[] = [];
  const walk = (prefix: string, depth: number): void => {
    const level = levels.get(prefix);
    if (level === undefined) {
      rows.push(special("wait", prefix, depth));
      return;
    }
    for (const group of level.groups) {
      const isGroup = group.prefix.endsWith(":") && group.prefix !== prefix;
      const isOpen = isGroup && open.has(group.prefix);
      rows.push({
        id: `${isGroup ? "g" : "c"}${group.prefix}`,
        kind: isGroup ? "group" : "counter",
        prefix: group.prefix,
        name: group.prefix.slice(prefix.length) || group.prefix,
        depth,
        value: isGroup ? group.sum : (live.get(group.prefix) ?? group.sum),
        counters: group.counters,
        open: isOpen,
      });
      if (isOpen) walk(group.prefix, depth + 1);
    }
    if (level.more) rows.push(special("more", prefix, depth));
  };
  walk("", 0);
  return rows;
}

function special(kind: "more" | "wait", prefix: string, depth: number): TreeRow {
  const name = kind === "more" ? "… and more: search for them" : "…";
  return { id: `${kind}${prefix}`, kind, prefix, name, depth, value: undefined, counters: 0, open: false };
}

/** What is searched for: text without wildcards may stand anywhere in the key. */
export function patternOf(text: string): string {
  return /[*?[]/.test(text) ? text : `*${text.replace(/\\/g, "\\\\")}*`;
}
