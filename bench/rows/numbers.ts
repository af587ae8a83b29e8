/** What rows make of many numbers. */

import { spreadOf } from "../report/statistics.ts";

/** The middle one; of an even number, the mean of the two. @throws {RangeError} if there are none. */
export function median(numbers: readonly number[]): number {
  const spread = spreadOf(numbers);
  if (spread === undefined) throw new RangeError("there is no median of nothing");
  return spread.median;
}

/** Bytes as the megabytes of the tables: 2^20. */
export function megabytes(bytes: number): number {
  return bytes / 2 ** 20;
}
