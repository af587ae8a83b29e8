import { describe, expect, it } from "vitest";
import type { NodeTrace } from "../../src/node/index.ts";
import { happeningOf, type Situation, sizeText } from "../../src/node/live-events.ts";
import { index, nodeId, term } from "../../src/raft/index.ts";

const SITUATION: Situation = { self: nodeId("n1"), role: "follower", term: 6, votes: 2, voters: 3 };

function told(trace: NodeTrace, situation: Partial<Situation> = {}): readonly [string, string] | undefined {
  const happening = happeningOf(trace, { ...SITUATION, ...situation });
  return happening === undefined ? undefined : [happening.kind, happening.text];
}

const SEVEN = { term: term(7), why: "no word from a leader" };

describe("what happens to a node is told in a sentence", () => {
  const configuration = {
    voters: [nodeId("n1"), nodeId("n2")],
    outgoing: [],
    learners: [nodeId("n4")],
    members: [],
    removed: [],
  };
  const cases: readonly (readonly [NodeTrace, readonly [string, string]])[] = [
    [
      { kind: "role", role: "preCandidate", term: term(6), why: "no word from a leader" },
      ["election", "n1 asks who would vote for it in term 7: no word from a leader"],
    ],
    [
      { kind: "role", role: "candidate", term: term(7), why: "the pre-vote was won" },
      ["election", "n1 stands for election in term 7: the pre-vote was won"],
    ],
    [
      { kind: "role", role: "leader", term: term(7), why: "a majority voted for it" },
      ["leader", "n1 won the election of term 7 with 2 of 3 votes"],
    ],
    [
      { kind: "leader", leader: nodeId("n2"), term: term(7) },
      ["leader", "n1 follows n2, the leader of term 7"],
    ],
    [
      { kind: "configuration", index: index(9), configuration },
      ["configuration", "n1 knows the voters n1, n2; the learners n4 (entry 9)"],
    ],
    [
      {
        kind: "configuration",
        index: index(9),
        configuration: { ...configuration, outgoing: [nodeId("n3")] },
      },
      [
        "configuration",
        "n1 knows the voters n1, n2; until the change is through also n3; the learners n4 (entry 9)",
      ],
    ],
    [
      { kind: "autoremove", peer: nodeId("n3"), silentMs: 90_000 },
      ["configuration", "n1 removes n3, which was not heard of for 90 s"],
    ],
    [
      { kind: "install", index: index(50) },
      ["snapshot", "n1 puts a snapshot at entry 50 in the place of its log"],
    ],
    [
      { kind: "progress", peer: nodeId("n3"), state: "snapshot" },
      ["snapshot", "n3 is so far behind that n1 sends it a snapshot"],
    ],
    [{ kind: "transfer", to: nodeId("n2"), ended: false }, ["role", "n1 hands its leadership over to n2"]],
    [{ kind: "alarm", text: "The states differ." }, ["alarm", "The states differ."]],
  ];
  it.each(cases)("%j", (trace, expected) => {
    expect(told(trace)).toEqual(expected);
  });

  it("when a node becomes something else, and when it only enters another term", () => {
    const trace = { kind: "role", role: "follower", ...SEVEN } as const;
    expect(told(trace, { role: "leader" })?.[1]).toBe(
      "n1 becomes a follower in term 7: no word from a leader",
    );
    expect(told(trace)?.[1]).toBe("n1 enters term 7: no word from a leader");
  });
});

describe("what is only the other side of an event is not told again", () => {
  const silent: readonly NodeTrace[] = [
    { kind: "role", role: "follower", term: term(6), why: "heard of a leader" },
    { kind: "leader", leader: nodeId("n1"), term: term(7) },
    { kind: "leader", leader: undefined, term: term(7) },
    { kind: "transfer", to: nodeId("n2"), ended: true },
    { kind: "progress", peer: nodeId("n3"), state: "replicate" },
    { kind: "compact", index: index(3) },
    { kind: "truncate", from: index(3) },
    { kind: "commit", index: index(3), term: term(3), byLeader: true },
    { kind: "entry", commands: 1, bytes: 10 },
  ];
  it.each(silent)("%j", (trace) => {
    expect(told(trace)).toBeUndefined();
  });
});

it("bytes are said as people say them", () => {
  expect([0, 999, 1_000, 999_700, 1_234_567, 5e9, 7e12, 8e15].map(sizeText)).toEqual([
    "0 bytes",
    "999 bytes",
    "1.00 kB",
    "1.00 MB",
    "1.23 MB",
    "5.00 GB",
    "7.00 TB",
    "8.00 PB",
  ]);
});
