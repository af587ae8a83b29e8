/**
 * I12, R9: ids and data directories are never used twice. Whoever a configuration no longer names, the next one lists as
 * removed, for ever; whoever joins was never removed under this id or with this data directory, and an id keeps its
 * data directory for as long as it is a member.
 */

import type { Configuration } from "../../../src/raft/index.ts";
import { type Observer, Violation } from "../observer.ts";
import { configurationIn, hasRemoved, memberOf } from "./configurations.ts";

export function removedStayRemoved(): Partial<Observer> {
  return {
    drained({ disk }, { write }) {
      for (const entry of write?.append ?? []) {
        if (entry.kind !== "configuration") continue;
        check(configurationIn(disk.latest, entry.index - 1).configuration, entry.configuration);
      }
    },
  };
}

function check(before: Configuration, after: Configuration): void {
  for (const gone of before.removed) {
    if (!hasRemoved(after, gone)) fail(`${gone.id} was removed, and that is forgotten`);
  }
  for (const member of before.members) {
    const { id, incarnation } = member;
    const now = memberOf(after, id);
    if (now === undefined && !hasRemoved(after, member)) fail(`${id} left, and is not listed as removed`);
    if (now !== undefined && now.incarnation !== incarnation)
      fail(`${id} has another data directory than before`);
  }
  for (const { id, incarnation } of after.members) {
    const used = after.removed.some((gone) => gone.id === id || gone.incarnation === incarnation);
    if (used) fail(`${id} is a member, and its id or its data directory was removed`);
  }
}

function fail(text: string): never {
  throw new Violation("R9 the removed stay removed", text);
}
