import { describe, expect, it } from "vitest";
import { add } from "./cluster.ts";
import { led, memberNamed } from "./membership-kit.ts";

describe("a node that ends what waits, and lives on until its servers are closed", () => {
  it.each(["write", "membership"] as const)(
    "answers a %s that is in the log as unknown, and takes its outcome without a word",
    (what) => {
      const [cluster, leader] = led(3);
      for (const at of [2, 3]) cluster.cut.add(cluster.at(at).id);
      const asked =
        what === "write"
          ? cluster.write(leader, add("hits"))
          : cluster.change(leader, { kind: "add", member: memberNamed("n4") });
      cluster.settle();
      cluster.step(leader, { kind: "stop" });
      cluster.settle();
      const held = leader.reducer.status();
      expect(held.last).toBeGreaterThan(held.committed);

      const responses = leader.reducer.abandon();
      expect(responses).toMatchObject([{ kind: what, id: asked, result: { code: "OUTCOME_UNKNOWN" } }]);
      expect(leader.reducer.abandon()).toEqual([]);

      cluster.cut.clear();
      cluster.tick(30);
      expect(leader.reducer.status().committed).toBeGreaterThanOrEqual(held.last);
      const later = what === "write" ? leader.answer(asked) : leader.outcome(asked);
      expect(later).toBeUndefined();
    },
  );
});
