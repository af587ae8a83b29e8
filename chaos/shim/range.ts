/** Stretches of a file. */

/** Bytes from `from` up to, and not including, `to`. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Made longer, to whole blocks of so many bytes. */
export function rounded({ from, to }: Range, block: number): Range {
  return { from: Math.floor(from / block) * block, to: Math.ceil(to / block) * block };
}

/** What is left of `ranges` when `gone` is taken out. */
export function without(ranges: readonly Range[], gone: Range): readonly Range[] {
  return ranges.flatMap(({ from, to }) => {
    if (gone.to <= from || gone.from >= to) return [{ from, to }];
    const parts = [
      { from, to: Math.min(to, gone.from) },
      { from: Math.max(from, gone.to), to },
    ];
    return parts.filter((part) => part.from < part.to);
  });
}
