/** What a change of the configuration may not say, each with its reason (R9 among them). */

import { describe, expect, it } from "vitest";
import {
  changeProblem,
  changesVoters,
  configurationAfter,
  leaveJoint,
  memberOf,
  nodeId,
} from "../../src/raft/index.ts";
import { type Change, changeOf, configurationOf, memberNamed } from "./words.ts";

/** Voters a and b, learner z; g and h have left. */
const PRESENT = { ...configurationOf(["a", "b"], ["z"]), removed: [memberNamed("g"), memberNamed("h")] };

describe("a change of the configuration", () => {
  it.each<[string, Change]>([
    ["adds a learner", { add: ["x"] }],
    ["adds several", { add: ["x", "y"] }],
    ["promotes a learner", { promote: ["z"] }],
    ["removes a voter", { remove: ["a"] }],
    ["moves a member", { move: [{ ...memberNamed("a"), peer: "elsewhere.test:1" }] }],
    ["replaces all voters", { promote: ["z"], remove: ["a", "b"] }],
  ])("may be one that %s", (_what, change) => {
    expect(changeProblem(PRESENT, changeOf(change))).toBeUndefined();
  });

  it.each<[string, Change]>([
    ["nothing would change", {}],
    ["a node is named twice", { add: ["x"], promote: ["x"] }],
    ["a node is named twice", { promote: ["z"], remove: ["z"] }],
    ["a node is named twice", { move: [memberNamed("a")], remove: ["a"] }],
    ["a is a member already", { add: ["a"] }],
    ["z is a member already", { add: ["z"] }],
    ["g was removed from this cluster", { add: ["g"] }],
    ["a is no learner", { promote: ["a"] }],
    ["x is no learner", { promote: ["x"] }],
    ["x is no member", { remove: ["x"] }],
    ["g is no member", { remove: ["g"] }],
    ["x is no member", { move: [memberNamed("x")] }],
    ["a has another incarnation", { move: [{ ...memberNamed("a"), incarnation: "0".repeat(32) }] }],
    ["no voter would be left", { remove: ["a", "b"] }],
  ])("is refused: %s", (problem, change) => {
    expect(changeProblem(PRESENT, changeOf(change))).toBe(problem);
  });

  it("is refused for a data directory that was another node's, be that a member or removed", () => {
    for (const id of ["a", "z", "g"]) {
      const add = [{ ...memberNamed("x"), incarnation: memberNamed(id).incarnation }];
      expect(changeProblem(PRESENT, { ...changeOf({}), add })).toBe(`its data directory was that of ${id}`);
    }
    const twins = ["x", "y"].map((id) => ({ ...memberNamed(id), incarnation: "1".repeat(32) }));
    expect(changeProblem(PRESENT, { ...changeOf({}), add: twins })).toBe(
      "two nodes have the same incarnation",
    );
  });

  it("is joint exactly if it changes who votes", () => {
    const joint: readonly Change[] = [{ promote: ["z"] }, { remove: ["a"] }, { remove: ["z", "b"] }];
    const single: readonly Change[] = [{ add: ["x"] }, { remove: ["z"] }, { move: [memberNamed("a")] }];
    for (const change of joint) {
      expect(changesVoters(PRESENT, changeOf(change))).toBe(true);
      expect(configurationAfter(PRESENT, changeOf(change)).outgoing).toEqual(["a", "b"]);
    }
    for (const change of single) {
      expect(changesVoters(PRESENT, changeOf(change))).toBe(false);
      expect(configurationAfter(PRESENT, changeOf(change)).outgoing).toEqual([]);
    }
  });

  it("keeps who leaves until the joint configuration is left, and then for good, in order", () => {
    const joint = configurationAfter(PRESENT, changeOf({ add: ["c"], promote: ["z"], remove: ["a"] }));
    expect(joint).toMatchObject({ voters: ["b", "z"], outgoing: ["a", "b"], learners: ["c"] });
    expect(joint.members.map(({ id }) => id)).toEqual(["a", "b", "c", "z"]);
    expect(joint.removed.map(({ id }) => id)).toEqual(["g", "h"]);
    const after = leaveJoint(joint);
    expect(after).toMatchObject({ voters: ["b", "z"], outgoing: [], learners: ["c"] });
    expect(after.members.map(({ id }) => id)).toEqual(["b", "c", "z"]);
    const [a, g] = [memberNamed("a"), memberNamed("g")];
    expect(after.removed).toEqual([
      { id: a.id, incarnation: a.incarnation },
      expect.objectContaining({ id: g.id, incarnation: g.incarnation }),
      expect.objectContaining({ id: "h" }),
    ]);
    expect(memberOf(after, nodeId("a"))).toBeUndefined();
    expect(memberOf(after, nodeId("z"))).toEqual(memberNamed("z"));
  });
});
