/** What rows make of many numbers. */

/** The middle one; of an even number, the mean of the two. @throws {RangeError} if there are none. */
export function median(numbers: readonly number[]): number {
  if (numbers.length === 0) throw new RangeError("there is no median of nothing");
  const sorted = [...numbers].sort((a, b) => a - b);
  const half = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(half)] ?? 0) + (sorted[Math.ceil(half)] ?? 0)) / 2;
}

/** Bytes as the megabytes of the tables: 2^20. */
export function megabytes(bytes: number): number {
  return bytes / 2 ** 20;
}
