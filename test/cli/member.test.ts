/** `raftally member` against nodes that answer as a test tells them to. */

import { describe, expect, it } from "vitest";
import { type Answer, deadUrl, fakeNode, json, problem } from "../client/fake-node.ts";
import { member } from "./member-samples.ts";
import { raftally } from "./terminal.ts";

const THREE = [member("n1", { leads: true }), member("n2"), member("n3")];
const NEWCOMER = {
  id: "n4",
  incarnation: "4".repeat(32),
  peer: "10.0.0.4:4100",
  api: "http://10.0.0.4:4000",
};

function membership(members: readonly unknown[]): Answer {
  return json(200, JSON.stringify({ members, seenBy: "n1", leader: { id: "n1", url: "http://n1" } }));
}

function nodeView(extra: Readonly<Record<string, unknown>>): Answer {
  const { incarnation, peer: peerAddress, api: apiUrl } = NEWCOMER;
  const who = { id: "n4", incarnation, peerAddress, apiUrl, clusterId: "", version: "1.0.0" };
  const what = { role: "follower", term: 0, commit: 0, applied: 0, revision: 0, counters: 0 };
  return json(200, JSON.stringify({ ...who, ...what, state: "joining", peers: [], uptimeMs: 1, ...extra }));
}

/** Answers by method and path; the list of members moves on with each look. */
function cluster(
  pictures: readonly (readonly unknown[])[],
  routes: Readonly<Record<string, Answer>> = {},
): Answer {
  let looks = 0;
  return (asked, response) => {
    const route = routes[`${asked.method} ${asked.path}`];
    if (route !== undefined) return route(asked, response);
    if (asked.path === "/v1/cluster/members?from=leader") {
      return membership(pictures[Math.min(looks++, pictures.length - 1)] ?? [])(asked, response);
    }
    return problem("ROUTE_NOT_FOUND")(asked, response);
  };
}

const changed = json(200, '{"index":9,"configuration":{"voters":["n1"],"learners":[]}}');

describe("raftally member list", () => {
  it("gives what the leader sees as a table, or as JSON", async () => {
    const { url } = await fakeNode(cluster([THREE]));
    const ran = await raftally(["member", "list", "--url", url]);
    expect(ran.out.split("\n").at(-1)).toBe("3 voters, 1 may fail.");
    const { out } = await raftally(["member", "list", "--json", "--url", url]);
    expect(JSON.parse(out)).toEqual({
      members: THREE.map(({ catchUp: _, ...rest }) => rest),
      voters: 3,
      mayFail: 1,
      reachable: 3,
    });
  });

  it("says how to find a cluster where none is", async () => {
    const ran = await raftally(["member", "list", "--url", await deadUrl(), "--timeout", "200ms"]);
    expect(ran.exitCode).toBe(1);
    expect(ran.error).toContain("Could not list the members; nothing has changed (UNREACHABLE).");
  });
});

describe("raftally member add", () => {
  const learner = { ...member("n4", { role: "learner" }), ...NEWCOMER };

  it("asks the new node who it is, adds it, and tells how it catches up", async () => {
    const fresh = await fakeNode(nodeView({}));
    const behind = { ...learner, match: 40, catchUp: { percent: 62, msLeft: 3_600 } };
    const answer = cluster([THREE, [...THREE, behind], [...THREE, behind], [...THREE, learner]], {
      "POST /v1/cluster/members": changed,
    });
    const { url, asked } = await fakeNode(answer);
    const ran = await raftally(["member", "add", fresh.url, "--url", url]);
    expect(JSON.parse(asked.find(({ method }) => method === "POST")?.body ?? "")).toEqual(NEWCOMER);
    expect(ran).toEqual({
      exitCode: 0,
      error: "n4 is a learner now\nn4 is catching up, 62 %, about 4 s left",
      out:
        "n4 is a learner and has caught up.\n" +
        "It has no vote: raftally member promote n4 gives it one.\n3 voters, 1 may fail.",
    });
  });

  it.each([
    [{ state: "forming" }, "n4 waits for the other members of a new cluster there"],
    [{ state: "running", clusterId: "other" }, 'n4 belongs to the cluster "other" already'],
    [{ incarnation: "" }, "n4 has not said yet who it is; try again in a moment"],
  ])("adds no node that says %o of itself", async (extra, why) => {
    const fresh = await fakeNode(nodeView(extra));
    const { url, asked } = await fakeNode(cluster([THREE]));
    const ran = await raftally(["member", "add", fresh.url, "--url", url]);
    expect(ran.exitCode).toBe(1);
    expect(ran.error).toContain(`The node at ${fresh.url} cannot be added.\n  why: ${why}\n  try: start`);
    expect(asked.filter(({ method }) => method === "POST")).toEqual([]);
  });

  it("says so when the argument is no URL", async () => {
    const ran = await raftally(["member", "add", "n4", "--url", await deadUrl()]);
    expect(ran.error).toContain("why: a node is named by a URL such as http://127.0.0.1:4000");
  });

  it("with --dry-run only says what it would mean", async () => {
    const fresh = await fakeNode(nodeView({}));
    const tolerance = { voters: 3, mayFail: 1, reachable: 3 };
    const plan = { dryRun: true, before: tolerance, after: tolerance };
    const { url, asked } = await fakeNode(
      cluster([THREE], { "POST /v1/cluster/members?dryRun=true": json(200, JSON.stringify(plan)) }),
    );
    const ran = await raftally(["member", "add", fresh.url, "--dry-run", "--url", url]);
    expect(ran).toEqual({ exitCode: 0, out: "3 voters, 1 may fail → 3 voters, 1 may fail", error: "" });
    expect(asked.map(({ path }) => path)).toEqual(["/v1/cluster/members?dryRun=true"]);
  });
});

describe("raftally member remove", () => {
  it("says that what was removed never comes back, and what the cluster bears now", async () => {
    const routes = { "DELETE /v1/cluster/members/n3": changed };
    const { url } = await fakeNode(cluster([THREE, THREE.slice(0, 2)], routes));
    const ran = await raftally(["member", "remove", "n3", "--url", url]);
    expect(ran.exitCode).toBe(0);
    expect(ran.out).toContain(
      "n3 was removed.\nIf it runs it stops by itself. Its id and its data directory never",
    );
    expect(ran.out).toContain("\n2 voters, none may fail.");
  });

  it("is refused with the reason and what to do, also as a plan", async () => {
    const detail = "After this change 2 of 2 voters would have to answer, and 1 can be reached now (not n2).";
    const before = { voters: 3, mayFail: 1, reachable: 2 };
    const after = { voters: 2, mayFail: 0, reachable: 1 };
    const plan = { before, after, refusal: { code: "WOULD_LOSE_QUORUM", detail } };
    const routes = {
      "DELETE /v1/cluster/members/n3": problem("WOULD_LOSE_QUORUM", { detail }),
      "DELETE /v1/cluster/members/n3?dryRun=true": json(200, JSON.stringify(plan)),
    };
    const { url } = await fakeNode(cluster([THREE], routes));
    const ran = await raftally(["member", "remove", "n3", "--url", url]);
    expect(ran.exitCode).toBe(1);
    expect(ran.error).toContain("The cluster refused to remove n3; nothing has changed (WOULD_LOSE_QUORUM).");
    expect(ran.error).toContain(`why: ${detail}`);
    const planned = await raftally(["member", "remove", "n3", "--dry-run", "--url", url]);
    expect(planned.exitCode).toBe(1);
    expect(planned.out).toContain("3 voters, 1 may fail → 2 voters, none may fail");
    expect(planned.error).toBe(`It would be refused now (WOULD_LOSE_QUORUM): ${detail}`);
    const forPrograms = await raftally(["member", "remove", "n3", "--dry-run", "--json", "--url", url]);
    expect(JSON.parse(forPrograms.out)).toEqual(plan);
  });

  it("does not take for done what never was a member", async () => {
    const routes = { "DELETE /v1/cluster/members/n9": problem("MEMBER_NOT_FOUND") };
    const { url } = await fakeNode(cluster([THREE], routes));
    const ran = await raftally(["member", "remove", "n9", "--url", url]);
    expect(ran.exitCode).toBe(1);
    expect(ran.error).toContain("MEMBER_NOT_FOUND");
  });
});

describe("raftally member replace", () => {
  const learner = member("n4", { role: "learner" });
  const after = [...THREE.slice(0, 2), member("n4")];

  it("waits for the new one to join, then makes one change", async () => {
    const routes = { "POST /v1/cluster/members/n3/replace": changed };
    const before = [...THREE, learner];
    const { url, asked } = await fakeNode(cluster([THREE, before, before, before, after], routes));
    const ran = await raftally(["member", "replace", "n3", "n4", "--url", url]);
    expect(asked.find(({ method }) => method === "POST")?.body).toBe('{"by":"n4"}');
    expect(ran.error).toBe(
      "waiting for n4 to join: start it with raftally serve --id n4 --join and an empty directory\n" +
        "n4 takes the place of n3",
    );
    expect(ran.out).toContain("n4 has taken the place of n3, which may be switched off.\n");
    expect(ran.exitCode).toBe(0);
  });

  it("only removes the old one where the new one has got its vote by itself", async () => {
    const routes = { "DELETE /v1/cluster/members/n3": changed };
    const both = [...THREE, member("n4")];
    const { url, asked } = await fakeNode(cluster([both, both, both, both, after], routes));
    const ran = await raftally(["member", "replace", "n3", "n4", "--json", "--url", url]);
    expect(asked.filter(({ method }) => method !== "GET").map(({ path }) => path)).toEqual([
      "/v1/cluster/members/n3",
    ]);
    expect(JSON.parse(ran.out)).toMatchObject({ done: "replace", voters: 3, mayFail: 1 });
    expect(ran.error).toBe("");
  });
});

describe("raftally member promote and transfer", () => {
  it("leave a voter as it is", async () => {
    const { url, asked } = await fakeNode(cluster([THREE]));
    const ran = await raftally(["member", "promote", "n3", "--url", url]);
    expect(ran.out).toBe("n3 has a vote already.\n3 voters, 1 may fail.");
    expect(asked.every(({ method }) => method === "GET")).toBe(true);
  });

  it("say who leads now", async () => {
    const leader = json(200, '{"leader":{"id":"n2","url":"http://10.0.0.2:4000"}}');
    const { url, asked } = await fakeNode(cluster([THREE], { "POST /v1/cluster/transfer": leader }));
    expect((await raftally(["member", "transfer", "n2", "--url", url])).out).toBe("n2 leads now.");
    expect(asked[0]?.body).toBe('{"to":"n2"}');
  });
});
