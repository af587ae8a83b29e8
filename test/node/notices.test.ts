import { expect, it } from "vitest";
import { noticeOf } from "../../src/node/notices.ts";
import { index, nodeId, term } from "../../src/raft/index.ts";

it("names everyone of a configuration, and who leaves it", () => {
  const configuration = {
    voters: [nodeId("n1"), nodeId("n4")],
    outgoing: [nodeId("n1"), nodeId("n2")],
    learners: [nodeId("n5")],
    members: [],
    removed: [],
  };
  expect(noticeOf({ kind: "configuration", index: index(7), configuration })).toEqual({
    level: "info",
    event: "configuration",
    detail: "voters n1, n4; until now n1, n2; learners n5",
  });
  const simple = { ...configuration, outgoing: [], learners: [] };
  expect(noticeOf({ kind: "configuration", index: index(8), configuration: simple })?.detail).toBe(
    "voters n1, n4",
  );
});

it("warns of a member that is removed for its silence, and passes over what nobody reads", () => {
  expect(noticeOf({ kind: "autoremove", peer: nodeId("n3"), silentMs: 61_400 })).toMatchObject({
    level: "warn",
    detail: "n3 was not heard of for 61 s, so this leader removes it from the cluster",
  });
  expect(noticeOf({ kind: "leader", leader: undefined, term: term(2) })).toBeUndefined();
  expect(noticeOf({ kind: "entry", commands: 1, bytes: 10 })).toBeUndefined();
});
