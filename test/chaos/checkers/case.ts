/** What a checker must say of a history by hand. */

import { expect } from "vitest";
import type { Verdict } from "../../../chaos/checkers/verdict.ts";
import type { Call } from "../../../chaos/history-reader.ts";

export interface Case {
  readonly calls: readonly Call[];
  /** Part of the detail; undefined if nothing is wrong. */
  readonly detail?: RegExp;
  /** Where the operations that are named begin. */
  readonly offenders?: readonly number[];
}

export type Cases = Readonly<Record<string, Case>>;

export function expectVerdict(
  check: (calls: readonly Call[]) => Verdict,
  { calls, detail, offenders = [] }: Case,
): void {
  const verdict = check(calls);
  expect(verdict.valid).toBe(detail === undefined);
  if (detail !== undefined) expect(verdict.detail).toMatch(detail);
  expect(verdict.offenders.map(({ invoked }) => invoked)).toEqual(offenders);
}
