/** Majorities and sound configurations, by example; `counting.test.ts` shows what holds for all. */

import { describe, expect, it } from "vitest";
import {
  type Configuration,
  configurationProblem,
  index,
  isNoConfiguration,
  isQuorum,
  isVoter,
  majority,
  NO_CONFIGURATION,
  nodeId,
  peersOf,
  quorumIndex,
  tally,
} from "../../src/raft/index.ts";
import { configurationOf, memberNamed } from "./words.ts";

const NAMES = ["a", "b", "c", "d", "e", "f", "g"] as const;

describe("a majority", () => {
  it.each([
    [0, 0],
    [1, 1],
    [2, 2],
    [3, 2],
    [4, 3],
    [5, 3],
    [6, 4],
    [7, 4],
  ])("of %i voters is %i", (size, needed) => {
    expect(majority(size)).toBe(needed);
    if (size === 0) return;
    const configuration = configurationOf(NAMES.slice(0, size));
    const holding = (count: number) => (id: string) => NAMES.slice(0, count).some((name) => name === id);
    expect(isQuorum(configuration, holding(needed))).toBe(true);
    expect(isQuorum(configuration, holding(needed - 1))).toBe(false);
  });

  it("is needed of both halves, and a half that is empty decides nothing", () => {
    const joint = configurationOf(["a", "b", "c"], ["z"], ["c", "d", "e"]);
    const among =
      (...ids: readonly string[]) =>
      (id: string) =>
        ids.includes(id);
    expect(isQuorum(joint, among("a", "b", "z"))).toBe(false);
    expect(isQuorum(joint, among("d", "e", "z"))).toBe(false);
    expect(isQuorum(joint, among("a", "c", "d"))).toBe(true);
    expect(isQuorum(joint, among("a", "b", "d", "e"))).toBe(true);
    expect(isQuorum(NO_CONFIGURATION, () => true)).toBe(false);
  });

  it("has reached the lower of what the two halves have reached, and learners are not asked", () => {
    const at: Readonly<Record<string, number>> = { a: 9, b: 8, c: 3, d: 5, e: 2, z: 20 };
    const matchOf = (id: string): ReturnType<typeof index> => index(at[id] ?? 0);
    expect(quorumIndex(configurationOf(["a", "b", "c"], ["z"]), matchOf)).toBe(8);
    expect(quorumIndex(configurationOf(["a", "b", "c"], [], ["c", "d", "e"]), matchOf)).toBe(3);
    expect(quorumIndex(configurationOf(["c", "d", "e"], [], ["a", "b", "c"]), matchOf)).toBe(3);
    expect(quorumIndex(configurationOf(["a", "b"]), matchOf)).toBe(8);
    expect(quorumIndex(configurationOf(["a", "b"], ["z"]), matchOf)).toBe(8);
    expect(quorumIndex(NO_CONFIGURATION, matchOf)).toBe(0);
  });
});

describe("an election", () => {
  const votes = (said: Readonly<Record<string, boolean>>): ReadonlyMap<ReturnType<typeof nodeId>, boolean> =>
    new Map(Object.entries(said).map(([id, granted]) => [nodeId(id), granted]));

  it("is won with a majority of both halves, lost when one half cannot be won, and open in between", () => {
    const joint = configurationOf(["a", "b", "c"], [], ["c", "d", "e"]);
    expect(tally(joint, votes({ a: true, b: true }))).toBe("pending");
    expect(tally(joint, votes({ a: true, b: true, d: true, e: true }))).toBe("won");
    expect(tally(joint, votes({ a: true, b: true, d: false, e: false }))).toBe("lost");
    expect(tally(joint, votes({ a: false, b: false, d: true, e: true }))).toBe("lost");
    expect(tally(configurationOf(["a", "b"]), votes({ a: true, b: false }))).toBe("lost");
  });

  it("is not decided by whoever has no vote", () => {
    const configuration = configurationOf(["a", "b", "c"], ["z"]);
    expect(tally(configuration, votes({ a: true, z: true, x: true }))).toBe("pending");
    expect(tally(configuration, votes({ z: false, x: false, y: false }))).toBe("pending");
  });
});

describe("who belongs to a configuration", () => {
  const joint = configurationOf(["a", "b"], ["z"], ["b", "c"]);

  it("votes in either half, and learners do not", () => {
    expect(["a", "b", "c", "z", "x"].filter((id) => isVoter(joint, nodeId(id)))).toEqual(["a", "b", "c"]);
  });

  it("is sent the log, unless it is the node itself", () => {
    expect(peersOf(joint, nodeId("b"))).toEqual(["a", "c", "z"]);
    expect(peersOf(joint, nodeId("x"))).toEqual(["a", "b", "c", "z"]);
  });

  it("is nobody only where nobody is named in any set", () => {
    expect(isNoConfiguration(NO_CONFIGURATION)).toBe(true);
    expect(isNoConfiguration({ ...NO_CONFIGURATION, removed: [memberNamed("a")] })).toBe(true);
    for (const set of ["voters", "outgoing", "learners"] as const) {
      expect(isNoConfiguration({ ...NO_CONFIGURATION, [set]: [nodeId("a")] }), set).toBe(false);
    }
    expect(isNoConfiguration({ ...NO_CONFIGURATION, members: [memberNamed("a")] })).toBe(false);
  });
});

describe("a configuration", () => {
  const sound = configurationOf(["a", "b"], ["z"], ["b", "c"]);
  const ids = (...names: readonly string[]): Configuration["voters"] => names.map(nodeId);

  it("is sound if everyone is named once in a set and has one member record", () => {
    expect(configurationProblem(sound)).toBeUndefined();
    expect(configurationProblem({ ...sound, removed: [memberNamed("g")] })).toBeUndefined();
  });

  it.each<[string, Partial<Configuration>]>([
    ["a configuration needs at least one voter", { voters: [] }],
    ["a node is named twice in one set of the configuration", { voters: ids("a", "b", "a") }],
    ["a node is named twice in one set of the configuration", { outgoing: ids("c", "b", "c") }],
    ["a node is named twice in one set of the configuration", { learners: ids("z", "z") }],
    ["a node is both a voter and a learner", { learners: ids("z", "a") }],
    ["a node is both a voter and a learner", { learners: ids("z", "c") }],
    ["a member is listed twice", { members: [...sound.members, memberNamed("a")] }],
    ["voter or learner x has no member record", { voters: ids("a", "b", "x") }],
    ["voter or learner x has no member record", { outgoing: ids("b", "c", "x") }],
    ["voter or learner x has no member record", { learners: ids("z", "x") }],
    ["member x is neither voter nor learner", { members: [...sound.members, memberNamed("x")] }],
    ["a removed node is listed twice", { removed: [memberNamed("g"), memberNamed("g")] }],
    ["a is a member and was removed", { removed: [memberNamed("a")] }],
  ])("is refused: %s", (problem, part) => {
    expect(configurationProblem({ ...sound, ...part })).toBe(problem);
  });
});
