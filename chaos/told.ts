/** What clients were told, in the form of a history. */

import { RaftallyError } from "../src/client/index.ts";
import type { Operation } from "./history.ts";
import type { Answer } from "./history-recorder.ts";

/** What is read of a counter that is not there. */
export const NEVER_WRITTEN: Told = { value: 0n, revision: 0, index: 0, term: 0 };

/** What the client said of a write or a read. */
export interface Told {
  readonly value: bigint;
  readonly revision: number;
  readonly index: number;
  readonly term: number;
  readonly replayed?: boolean;
  readonly changed?: boolean;
}

/** As a history has it. @param node who answered, where that is known. */
export function answerOf(
  { value, revision, index, term, replayed, changed }: Told,
  node: string | undefined,
): Answer {
  return {
    ...{ value: String(value), revision, index, term },
    ...(node === undefined ? {} : { node }),
    ...(replayed === true ? { replayed } : {}),
    ...(changed === false ? { changed } : {}),
  };
}

/** Whether a bounded increment ended as it may. */
export function isBoundary(op: Operation, error: unknown): boolean {
  const isBounded = op.f === "add" && op.max !== undefined;
  return isBounded && error instanceof RaftallyError && error.code === "LIMIT_REACHED";
}
