/** What the chaos panel offers, and how it asks for it. */

import { describe, expect, it } from "vitest";
import { choicesOf, cutOf, stateText } from "../../src/dashboard/chaos/choices.ts";
import {
  deedText,
  type LocalNode,
  type LocalNodeState,
  requestOf,
} from "../../src/dashboard/chaos/control.ts";

function node(state: LocalNodeState, more: Partial<LocalNode> = {}): LocalNode {
  return { id: "n2", api: "http://127.0.0.1:4001", state, ...more };
}

const WHOLE = { nodes: [], links: { cut: [] } };

describe("choicesOf", () => {
  const enabled = (state: LocalNodeState): readonly string[] =>
    choicesOf(node(state)).flatMap(({ verb, enabled: can }) => (can ? [verb] : []));

  it.each([
    ["running", ["kill", "pause", "restart", "wipe"]],
    ["paused", ["kill", "resume", "restart", "wipe"]],
    ["stopped", ["start", "wipe"]],
    ["starting", ["kill", "wipe"]],
    ["gone", []],
  ] as const)("offers for a node that is %s: %j", (state, verbs) => {
    expect(enabled(state)).toEqual(verbs);
  });
});

describe("stateText", () => {
  it("says how a node is, when it comes back, and whom it cannot reach", () => {
    expect(stateText(node("running", { pid: 41 }), WHOLE)).toBe("running, pid 41");
    expect(stateText(node("stopped", { backInMs: 7_400 }), WHOLE)).toBe("stopped, back by itself in 8 s");
    const links = { cut: [["n1", "n2"] as const, ["n2", "n3"] as const], oneWay: [["n4", "n2"] as const] };
    expect(stateText(node("running"), { nodes: [], links })).toBe(
      "running, cut off from n1, n3, does not hear n4",
    );
    expect(stateText(node("starting", { progress: "catching up" }), WHOLE)).toBe("starting, catching up");
  });
});

describe("cutOf", () => {
  const nodes = ["n1", "n2", "n3"].map((id) => ({ ...node("running"), id }));

  it("sets the checked nodes against the others, if there are both", () => {
    expect(cutOf(nodes, new Set(["n2"]), "both")).toEqual({ groups: [["n2"], ["n1", "n3"]], oneWay: false });
    expect(cutOf(nodes, new Set(), "both")).toBeUndefined();
    expect(cutOf(nodes, new Set(["n1", "n2", "n3"]), "both")).toBeUndefined();
  });

  it("lets the first group say nothing to the second, whichever was checked", () => {
    expect(cutOf(nodes, new Set(["n2"]), "mute")).toEqual({ groups: [["n2"], ["n1", "n3"]], oneWay: true });
    expect(cutOf(nodes, new Set(["n2"]), "deaf")).toEqual({ groups: [["n1", "n3"], ["n2"]], oneWay: true });
  });
});

describe("requestOf", () => {
  it("asks as the control server wants to be asked", () => {
    expect(requestOf({ kind: "node", id: "a/b", verb: "pause" })).toEqual({
      method: "POST",
      path: "/v1/local/nodes/a%2Fb/pause",
    });
    expect(requestOf({ kind: "killLeader" }).path).toBe("/v1/local/leader/kill");
    const { method, body } = requestOf({ kind: "links", groups: [["n1"], ["n2"]], oneWay: true });
    expect([method, body]).toEqual(["PUT", '{"groups":[["n1"],["n2"]],"oneWay":true}']);
  });
});

describe("deedText", () => {
  it("names the leader that was killed, and both sides of a cut", () => {
    expect(deedText({ kind: "killLeader" }, { node: "n3" })).toBe("Killed the leader, n3");
    const links = { kind: "links", groups: [["n1"], ["n2", "n3"]], oneWay: false } as const;
    expect(deedText(links, { node: undefined })).toBe("Cut the links between n1 and n2, n3");
    expect(deedText({ ...links, oneWay: true }, { node: undefined })).toBe("Cut what n1 says to n2 and n3");
    const apart = { ...links, groups: [["n1"], ["n2"], ["n3"]] };
    expect(deedText(apart, { node: undefined })).toBe("Cut every link between n1, n2 and n3");
    expect(deedText({ ...links, groups: [] }, { node: undefined })).toBe("Healed every link");
  });
});
