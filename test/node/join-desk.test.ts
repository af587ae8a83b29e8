import { expect, it } from "vitest";
import type { MembershipRequest, MembershipResult } from "../../src/node/index.ts";
import { JoinDesk } from "../../src/node/join-desk.ts";
import { type Configuration, nodeId } from "../../src/raft/index.ts";
import type { JoinAnswer, JoinRequest } from "../../src/transport/index.ts";

const ONE = nodeId("n1");
const TWO = nodeId("n2");

function memberNamed(name: string): Configuration["members"][number] {
  return {
    id: nodeId(name),
    incarnation: name.slice(1).repeat(32),
    peer: `${name}:1`,
    api: `http://${name}`,
  };
}

const CONFIGURATION: Configuration = {
  voters: [ONE, TWO],
  outgoing: [],
  learners: [],
  members: [memberNamed("n1"), memberNamed("n2")],
  removed: [{ id: nodeId("n9"), incarnation: "9".repeat(32) }],
};

function request(name: string, differing: Partial<JoinRequest> = {}): JoinRequest {
  return {
    ...memberNamed(name),
    ask: "learner",
    clusterId: undefined,
    versions: { min: 1, max: 1 },
    ...differing,
  };
}

/** What the desk of n1 says, and what it asked for. */
async function answer(
  asked: JoinRequest,
  { leader, result }: { leader?: typeof ONE | undefined; result?: MembershipResult } = { leader: ONE },
): Promise<{ answer: JoinAnswer; changes: MembershipRequest[] }> {
  const changes: MembershipRequest[] = [];
  const desk = new JoinDesk({
    clusterId: "counters",
    self: ONE,
    known: () => ({ committedConfiguration: CONFIGURATION, configuration: CONFIGURATION, leader }),
    change: (change) => {
      changes.push(change);
      return result === undefined ? Promise.reject(new Error("nothing is changed")) : Promise.resolve(result);
    },
  });
  return { answer: await desk.answer(asked), changes };
}

it("adds a node that nobody knows as a learner, and tells it whom to know", async () => {
  const members = [...CONFIGURATION.members, memberNamed("n3")];
  const configuration = { ...CONFIGURATION, learners: [nodeId("n3")], members };
  const given = await answer(request("n3"), {
    leader: ONE,
    result: { kind: "changed", configuration, index: 7 },
  });
  expect(given.changes).toEqual([{ kind: "add", member: memberNamed("n3") }]);
  expect(given.answer).toEqual({ kind: "member", clusterId: "counters", members });
});

it("tells a member that it is one, without any change, whoever leads", async () => {
  for (const leader of [ONE, TWO, undefined]) {
    const given = await answer(request("n2", { ask: "wait" }), { leader });
    expect(given).toEqual({
      answer: { kind: "member", clusterId: "counters", members: CONFIGURATION.members },
      changes: [],
    });
  }
});

it("sends to the leader, and asks for patience while there is none, or while nobody has added the node", async () => {
  expect((await answer(request("n3"), { leader: TWO })).answer).toEqual({ kind: "redirect", peer: "n2:1" });
  expect((await answer(request("n3"), { leader: undefined })).answer).toMatchObject({ kind: "later" });
  const waits = await answer(request("n3", { ask: "wait" }));
  expect(waits.answer).toMatchObject({
    kind: "later",
    detail: expect.stringContaining("raftally member add http://n3"),
  });
  expect(waits.changes).toEqual([]);
  const busy = await answer(request("n3"), {
    leader: ONE,
    result: { kind: "failed", code: "ALREADY_CHANGING", detail: "Another change.", retryAfterMs: 500 },
  });
  expect(busy.answer).toEqual({ kind: "later", detail: "Another change.", retryMs: 500 });
});

it("refuses for good what can never be", async () => {
  const refused = async (asked: JoinRequest): Promise<JoinAnswer> =>
    (await answer(asked, { leader: TWO })).answer;
  expect(await refused(request("n3", { clusterId: "another" }))).toMatchObject({ code: "cluster" });
  expect(await refused(request("n9"))).toMatchObject({ kind: "refused", code: "removed" });
  expect(await refused(request("n9", { incarnation: "a".repeat(32) }))).toMatchObject({ code: "idUsed" });
  expect(await refused(request("n2", { incarnation: "a".repeat(32) }))).toMatchObject({
    code: "idUsed",
    detail: expect.stringContaining('"raftally member replace n2 NEW"'),
  });
});
