/** How one configuration becomes the next, for any of them, against the definitions. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Configuration,
  type ConfigurationChange,
  changeProblem,
  changesVoters,
  configurationAfter,
  configurationProblem,
  leaveJoint,
  memberOf,
  type NodeId,
  nodeId,
} from "../../src/raft/index.ts";
import { changeOf, configurationOf, memberNamed } from "./words.ts";

const IDS = ["a", "b", "c", "d", "e", "f", "g"];

/** Any configuration that is not joint: some voters, some learners, some who have left. */
const anyConfiguration: fc.Arbitrary<Configuration> = fc
  .array(fc.constantFrom("voter", "learner", "removed", "unknown"), {
    minLength: IDS.length,
    maxLength: IDS.length,
  })
  .map((kinds) => {
    const of = (kind: string): string[] => IDS.filter((_, at) => kinds[at] === kind);
    const removed = of("removed").map((id) => ({
      id: nodeId(id),
      incarnation: memberNamed(id).incarnation,
    }));
    return { ...configurationOf(of("voter"), of("learner")), removed };
  })
  .filter(({ voters }) => voters.length > 0);

/** Any change of it that is no contradiction; of several kinds at once. */
function anyChange({ voters, learners, members, removed }: Configuration): fc.Arbitrary<ConfigurationChange> {
  const known = new Set([...members, ...removed].map(({ id }) => `${id}`));
  const fates = fc.array(fc.constantFrom("stay", "remove", "promote", "move"), {
    minLength: members.length,
    maxLength: members.length,
  });
  return fc.tuple(fc.subarray(IDS.filter((id) => !known.has(id))), fates).map(([add, fate]) => {
    const of = (kind: string): NodeId[] => members.map(({ id }) => id).filter((_, at) => fate[at] === kind);
    const promote = of("promote").filter((id) => learners.includes(id));
    const gone = of("remove");
    const spared = voters.every((id) => gone.includes(id)) && promote.length === 0 ? gone.slice(1) : gone;
    const move = of("move").map((id) => ({ ...memberNamed(id), peer: `moved-${id}.test:1` }));
    return changeOf({ add, promote, remove: spared, move });
  });
}

const anyStep: fc.Arbitrary<readonly [Configuration, ConfigurationChange]> = anyConfiguration
  .chain((configuration) => anyChange(configuration).map((change) => [configuration, change] as const))
  .filter(([current, change]) => changeProblem(current, change) === undefined);

/** All sets of nodes that are a quorum, by the definition: more than half of each half. */
function quorums({ voters, outgoing }: Configuration): readonly (readonly string[])[] {
  const halves = outgoing.length === 0 ? [voters] : [voters, outgoing];
  const all: string[][] = [];
  for (let bits = 0; bits < 2 ** IDS.length; bits++) {
    const set = IDS.filter((_, at) => (bits & (2 ** at)) !== 0);
    if (halves.every((half) => 2 * half.filter((id) => set.includes(id)).length > half.length)) all.push(set);
  }
  return all;
}

/** Only the smallest: whatever meets those meets all. */
function smallest(sets: readonly (readonly string[])[]): readonly (readonly string[])[] {
  return sets.filter(
    (set) => !sets.some((other) => other.length < set.length && other.every((id) => set.includes(id))),
  );
}

function steps(current: Configuration, change: ConfigurationChange): readonly Configuration[] {
  const after = configurationAfter(current, change);
  return after.outgoing.length === 0 ? [current, after] : [current, after, leaveJoint(after)];
}

describe("the steps of a change", () => {
  it("begin and end with configurations that are valid, and are joint only in between", () => {
    fc.assert(
      fc.property(anyStep, ([current, change]) => {
        const all = steps(current, change);
        for (const one of all) expect(configurationProblem(one)).toBeUndefined();
        expect(all.length).toBe(changesVoters(current, change) ? 3 : 2);
        expect(all.at(-1)?.outgoing).toEqual([]);
        if (all.length === 2) expect(all[1]?.voters).toEqual(current.voters);
      }),
    );
  });

  it("share a quorum: each of one meets each of the next (I12)", () => {
    fc.assert(
      fc.property(anyStep, ([current, change]) => {
        const all = steps(current, change).map((one) => smallest(quorums(one)));
        for (let at = 1; at < all.length; at++) {
          for (const one of all[at - 1] ?? []) {
            for (const other of all[at] ?? []) expect(one.some((id) => other.includes(id))).toBe(true);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it("need the joint configuration between them: without it two quorums can miss each other", () => {
    const current = configurationOf(["a", "b", "c"], ["d", "e"]);
    const change = changeOf({ promote: ["d", "e"], remove: ["a", "b"] });
    const last = leaveJoint(configurationAfter(current, change));
    const apart = quorums(current).some((one) =>
      quorums(last).some((other) => !one.some((id) => other.includes(id))),
    );
    expect(apart).toBe(true);
  });

  it("name as members exactly those that are in a set, each as it was or as it moved", () => {
    fc.assert(
      fc.property(anyStep, ([current, change]) => {
        for (const one of steps(current, change)) {
          const named = new Set([...one.voters, ...one.outgoing, ...one.learners]);
          expect(one.members.map(({ id }) => id)).toEqual([...named].toSorted());
          for (const member of one.members) {
            const moved = change.move.find(({ id }) => id === member.id);
            const known = memberOf(current, member.id) ?? change.add.find(({ id }) => id === member.id);
            expect([moved, known]).toContainEqual(member);
          }
        }
        const [, first] = steps(current, change);
        for (const moved of change.move) expect(memberOf(first as Configuration, moved.id)).toEqual(moved);
      }),
    );
  });

  it("remove for good, exactly those that leave, and keep who left before", () => {
    fc.assert(
      fc.property(anyStep, ([current, change]) => {
        const all = steps(current, change);
        for (let at = 1; at < all.length; at++) {
          const gone = all[at]?.removed.map(({ id }) => id) ?? [];
          for (const { id } of all[at - 1]?.removed ?? []) expect(gone).toContain(id);
          expect(gone).toEqual(gone.toSorted());
        }
        const before = current.removed.map(({ id }) => id);
        const after = all.at(-1)?.removed ?? [];
        expect(after.map(({ id }) => id)).toEqual([...before, ...change.remove].toSorted());
        for (const { id, incarnation } of after) expect(incarnation).toBe(memberNamed(id).incarnation);
      }),
    );
  });

  it("end with the voters and learners that were asked for", () => {
    fc.assert(
      fc.property(anyStep, ([current, { add, promote, remove, move }]) => {
        const last = steps(current, { add, promote, remove, move }).at(-1);
        const voters = [...current.voters, ...promote].filter((id) => !remove.includes(id));
        const learners = [...current.learners, ...add.map(({ id }) => id)].filter(
          (id) => !promote.includes(id) && !remove.includes(id),
        );
        expect(last?.voters).toEqual(voters.toSorted());
        expect(last?.learners).toEqual(learners.toSorted());
      }),
    );
  });
});

describe("a change that contradicts the configuration", () => {
  const current: Configuration = {
    ...configurationOf(["a", "b"], ["c"]),
    removed: [{ id: nodeId("x"), incarnation: memberNamed("x").incarnation }],
  };
  const twin = { ...memberNamed("e"), incarnation: memberNamed("d").incarnation };
  const cases: readonly (readonly [string, ConfigurationChange])[] = [
    ["nothing would change", changeOf({})],
    ["a node is named twice", changeOf({ promote: ["c"], remove: ["c"] })],
    ["a node is named twice", changeOf({ add: ["d", "d"] })],
    ["two nodes have the same incarnation", { ...changeOf({}), add: [memberNamed("d"), twin] }],
    ["a is a member already", changeOf({ add: ["a"] })],
    ["x was removed from this cluster", changeOf({ add: ["x"] })],
    [
      "its data directory was that of x",
      { ...changeOf({}), add: [{ ...memberNamed("d"), incarnation: memberNamed("x").incarnation }] },
    ],
    [
      "its data directory was that of b",
      { ...changeOf({}), add: [{ ...memberNamed("d"), incarnation: memberNamed("b").incarnation }] },
    ],
    ["b is no learner", changeOf({ promote: ["b"] })],
    ["d is no learner", changeOf({ promote: ["d"] })],
    ["d is no member", changeOf({ remove: ["d"] })],
    ["x is no member", changeOf({ remove: ["x"] })],
    ["d is no member", changeOf({ move: [memberNamed("d")] })],
    ["a has another incarnation", changeOf({ move: [{ ...memberNamed("a"), incarnation: "f".repeat(32) }] })],
    ["no voter would be left", changeOf({ remove: ["a", "b"] })],
  ];

  it.each(cases)("is told so: %s", (reason, change) => {
    expect(changeProblem(current, change)).toBe(reason);
  });

  it("may take the last voters away if another takes their place", () => {
    expect(changeProblem(current, changeOf({ promote: ["c"], remove: ["a", "b"] }))).toBeUndefined();
  });
});
