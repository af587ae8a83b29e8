/** What nodes say of themselves at /metrics, before and after a load. */

/** The samples of one scrape by name with labels, as `raftally_reads_total{outcome="done"}`. */
export type Metrics = ReadonlyMap<string, number>;

/** @throws {Error} if the node does not answer. */
export async function scrape(url: string, signal?: AbortSignal): Promise<Metrics> {
  const response = await fetch(`${url}/metrics`, {
    headers: { accept: "text/plain" },
    signal: signal ?? null,
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${url}/metrics answered ${response.status}`);
  return parseMetrics(text);
}

/** Of the text format, what stands at the end of each line as a number. */
export function parseMetrics(text: string): Metrics {
  const samples = new Map<string, number>();
  for (const line of text.split("\n")) {
    const at = line.lastIndexOf(" ");
    if (line.startsWith("#") || at < 0) continue;
    const value = line.slice(at + 1);
    samples.set(line.slice(0, at), value === "+Inf" ? Number.POSITIVE_INFINITY : Number(value));
  }
  return samples;
}

/** A sample, or the sum of those with any labels. @throws {Error} if there is none of that name. */
export function sampleOf(metrics: Metrics, name: string): number {
  const exact = metrics.get(name);
  if (exact !== undefined) return exact;
  const labelled = [...metrics].filter(([key]) => key.startsWith(`${name}{`));
  if (labelled.length === 0) throw new Error(`the node gives no ${name}`);
  return labelled.reduce((sum, [, value]) => sum + value, 0);
}

/** By how much a counter grew. @throws {Error} as {@link sampleOf}, and if it fell: the node was started anew. */
export function growth(before: Metrics, after: Metrics, name: string): number {
  const grown = sampleOf(after, name) - sampleOf(before, name);
  if (grown < 0) throw new Error(`${name} fell: the node was started anew`);
  return grown;
}

/**
 * The bound that a share of the values between two scrapes of a histogram did not exceed: the upper end of a bucket,
 * so never too low, except that what is beyond the last bound is given as that.
 * @param name without `_bucket`; a histogram without labels.
 * @param share 0 to 1.
 * @returns NaN if nothing was counted between.
 */
export function boundBetween(before: Metrics, after: Metrics, name: string, share: number): number {
  const bucket = new RegExp(`^${name}_bucket\\{le="([^"]+)"\\}$`);
  const grown = [...after].flatMap(([key, value]) => {
    const bound = bucket.exec(key)?.[1];
    return bound === undefined || bound === "+Inf"
      ? []
      : [{ bound: Number(bound), count: value - (before.get(key) ?? 0) }];
  });
  const total = growth(before, after, `${name}_count`);
  if (total === 0) return Number.NaN;
  grown.sort((a, b) => a.bound - b.bound);
  return (grown.find(({ count }) => count >= share * total) ?? grown.at(-1))?.bound ?? Number.NaN;
}
