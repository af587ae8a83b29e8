/** The hash by which a retry is told from another request with the same idempotency key. */

import { type Hash52, hash52 } from "../base/index.ts";
import { changesOf } from "./batch.ts";
import type { Change, Operation } from "./types.ts";

/** Hash of everything that an operation says. Part of the replicated state: see digest.ts. */
export function fingerprintOf(operation: Operation): Hash52 {
  if (operation.kind === "openSession") return hash52([operation.kind]);
  if (operation.kind !== "batch") return hash52(partsOf(operation));
  return hash52([operation.kind, ...changesOf(operation).flatMap(partsOf)]);
}

/** As many parts for each kind, whatever is left out, so that no two lists of changes have the same parts. */
function partsOf(change: Change): (number | string)[] {
  switch (change.kind) {
    case "add":
      return [
        change.saturate === true ? "add, saturating" : "add",
        change.key,
        change.by.toString(),
        change.min?.toString() ?? "none",
        change.max?.toString() ?? "none",
        // No member is empty.
        change.once ?? "",
      ];
    case "set":
      return ["set", change.key, change.value.toString(), change.ifRevision ?? "none"];
    case "delete":
      return ["delete", change.key, change.ifRevision ?? "none"];
  }
}
