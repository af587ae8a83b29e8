/** What a checker says of a history. */

import type { Call } from "../history-reader.ts";

/** `unknown` is no praise: the checker gave up, and what was not shown to be right counts as wrong. */
export type Validity = true | false | "unknown";

export interface Verdict {
  readonly checker: string;
  readonly valid: Validity;
  /** How many operations it judged: those that it does not claim to understand are not among them. */
  readonly operations: number;
  /** One sentence: what was shown, or what is wrong. */
  readonly detail: string;
  /** The operations that cannot have happened together: the smallest explanation that the checker has. */
  readonly offenders: readonly Call[];
  /** How long it took. */
  readonly ms: number;
}

/** What is wrong, and who shows it. */
export interface Complaint {
  readonly detail: string;
  readonly offenders: readonly Call[];
  /** The checker gave up: no contradiction was found. */
  readonly gaveUp?: true;
}

export interface Finding {
  readonly operations: number;
  /** Nothing is wrong without one. */
  readonly complaint: Complaint | undefined;
  /** What was shown if nothing is wrong. */
  readonly shown: string;
}

/** Runs a checker and takes its time. */
export function verdictOf(checker: string, check: () => Finding): Verdict {
  const began = performance.now();
  const { operations, complaint, shown } = check();
  const ms = Math.round(performance.now() - began);
  if (complaint === undefined) return { checker, valid: true, operations, detail: shown, offenders: [], ms };
  const { detail, offenders, gaveUp } = complaint;
  return { checker, valid: gaveUp === true ? "unknown" : false, operations, detail, offenders, ms };
}

/** The complaint that weighs most: a contradiction rather than one who gave up. */
export function gravest(complaints: readonly Complaint[]): Complaint | undefined {
  return complaints.find(({ gaveUp }) => gaveUp !== true) ?? complaints[0];
}
