/** I1: in each term at most one process ever leads (§5.2, election safety). */

import { type Observer, Violation } from "../observer.ts";

export function oneLeaderPerTerm(): Partial<Observer> {
  const leaders = new Map<number, string>();
  return {
    drained(node, { trace }) {
      for (const event of trace) {
        if (event.kind !== "role" || event.role !== "leader") continue;
        const name = `${node.id} (start ${node.boot} of ${node.incarnation})`;
        const known = leaders.get(event.term);
        if (known !== undefined && known !== name) {
          throw new Violation("I1 one leader per term", `${known} and ${name} lead term ${event.term}`);
        }
        leaders.set(event.term, name);
      }
    },
  };
}
