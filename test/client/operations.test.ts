/** What an operator asks of a cluster, and how honest the answer is when one of the answers was lost. */

import { describe, expect, it } from "vitest";
import { type MembershipChange, OutcomeUnknown, Refused, Unavailable } from "../../src/client/index.ts";
import {
  type Answer,
  deadUrl,
  fakeNode,
  hangUp,
  inTurn,
  json,
  problem,
  redirect,
  routes,
  silence,
} from "./fake-node.ts";
import { clientOf, failure } from "./kit.ts";

const INCARNATION = "0123456789abcdef0123456789abcdef";
const N4 = { id: "n4", incarnation: INCARNATION, peer: "10.0.0.4:4100", api: "http://10.0.0.4:4000" };

const done = json(
  200,
  '{"index":42,"configuration":{"voters":["n1","n2"],"outgoing":[],"learners":["n4"],"members":[],"removed":[]}}',
);

interface Shown {
  readonly id: string;
  readonly role?: string;
  readonly api?: string;
  readonly incarnation?: string;
}

/** What GET /v1/cluster/members answers. */
function listing(...members: readonly Shown[]): Answer {
  const shown = members.map((member) => ({ ...N4, role: "voter", leads: false, reachable: true, ...member }));
  return json(200, JSON.stringify({ members: shown, seenBy: "n1", leader: { id: "n1", url: "http://a:1" } }));
}

const LIST = "GET /v1/cluster/members";

describe("the list of members", () => {
  it("is the leader's, with the progress of learners", async () => {
    const catchUp = { percent: 62, msLeft: 4_000 };
    const members = [
      { ...N4, id: "n1", role: "voter", leads: true, reachable: true, match: 9 },
      { ...N4, role: "learner", leads: false, reachable: false, match: 5, catchUp },
    ];
    const text = JSON.stringify({ members, seenBy: "n1", leader: { id: "n1", url: "http://a:1" } });
    const leader = await fakeNode(json(200, text));
    const follower = await fakeNode(redirect(() => leader.url));
    expect(await clientOf(follower, leader).members()).toEqual({
      members: [{ ...members[0], catchUp: undefined }, members[1]],
      seenBy: "n1",
      leader: { id: "n1", url: "http://a:1" },
    });
    expect(leader.asked[0]).toMatchObject({ method: "GET", path: "/v1/cluster/members?from=leader" });
  });

  it("is not guessed when it is not what nodes give", async () => {
    const node = await fakeNode(listing({ id: "n1", role: "king" }));
    expect(String(await failure(clientOf(node).members()))).toContain('"role" is none of voter, learner');
  });
});

const CHANGES: readonly (readonly [MembershipChange, string, string, unknown])[] = [
  [{ kind: "add", member: N4 }, "POST", "/v1/cluster/members", N4],
  [{ kind: "promote", id: "n4" }, "POST", "/v1/cluster/members/n4/promote", undefined],
  [{ kind: "remove", id: "n3" }, "DELETE", "/v1/cluster/members/n3", undefined],
  [{ kind: "replace", id: "n3", by: "n4" }, "POST", "/v1/cluster/members/n3/replace", { by: "n4" }],
  [{ kind: "move", id: "n3", peer: "a:1" }, "PATCH", "/v1/cluster/members/n3", { peer: "a:1" }],
  [{ kind: "move", id: "n3", api: "http://a" }, "PATCH", "/v1/cluster/members/n3", { api: "http://a" }],
];

describe.each(CHANGES)("the change %j", (change, method, path, body) => {
  it("is asked of the leader, without a key, and ends with the configuration", async () => {
    const leader = await fakeNode(done);
    const follower = await fakeNode(redirect(() => leader.url));
    expect(await clientOf(follower, leader).change(change)).toEqual({
      index: 42,
      voters: ["n1", "n2"],
      learners: ["n4"],
    });
    expect(leader.asked[0]).toMatchObject({ method, path, idempotencyKey: undefined });
    const sent = leader.asked[0]?.body ?? "";
    expect(sent === "" ? undefined : JSON.parse(sent)).toEqual(body);
  });

  it("is only planned on request", async () => {
    const tolerance = { voters: 3, mayFail: 1, reachable: 2 };
    const refusal = { code: "WOULD_LOSE_QUORUM", detail: "Start n2 first." };
    const text = JSON.stringify({ dryRun: true, before: tolerance, after: tolerance, refusal });
    const node = await fakeNode(json(200, text));
    expect(await clientOf(node).plan(change)).toEqual({ before: tolerance, after: tolerance, refusal });
    expect(node.asked[0]).toMatchObject({ method, path: `${path}?dryRun=true` });
  });
});

describe("a change of the cluster", () => {
  it("has a method for each kind", async () => {
    const node = await fakeNode(done);
    const client = clientOf(node);
    await client.addMember(N4);
    await client.promoteMember("n4");
    await client.removeMember("n3");
    await client.replaceMember("n3", "n4");
    await client.moveMember("n3", { peer: "a:1" });
    expect(node.asked.map(({ method, path }) => `${method} ${path}`)).toEqual([
      "POST /v1/cluster/members",
      "POST /v1/cluster/members/n4/promote",
      "DELETE /v1/cluster/members/n3",
      "POST /v1/cluster/members/n3/replace",
      "PATCH /v1/cluster/members/n3",
    ]);
  });

  it.each(["ALREADY_CHANGING", "NOT_CAUGHT_UP", "NO_LEADER"] as const)(
    "is tried again while the cluster says %s",
    async (code) => {
      const wait = problem(code, { retryAfterMs: 5 });
      const node = await fakeNode(wait, wait, done);
      expect(await clientOf(node).promoteMember("n4")).toMatchObject({ index: 42 });
      expect(node.asked.length).toBe(3);
    },
  );

  it("ends as surely not made when the cluster says so until the deadline", async () => {
    const node = await fakeNode(problem("NOT_CAUGHT_UP", { retryAfterMs: 10_000 }));
    const error = await failure(clientOf(node).promoteMember("n4", { timeoutMs: 5_000 }));
    expect(error).toBeInstanceOf(Unavailable);
    expect(error).toMatchObject({ code: "NOT_CAUGHT_UP", outcome: "not-applied" });
  });

  it.each(["WOULD_LOSE_QUORUM", "ID_USED", "MEMBER_NOT_FOUND", "INVALID_CHANGE"] as const)(
    "is refused at once for %s",
    async (code) => {
      const node = await fakeNode(problem(code));
      const error = await failure(clientOf(node).removeMember("n3"));
      expect(error).toBeInstanceOf(Refused);
      expect([error, node.asked.length]).toMatchObject([{ code, message: `because of ${code}` }, 1]);
    },
  );

  it("is refused before anything is sent for what can be nobody's id", async () => {
    const node = await fakeNode(done);
    for (const id of ["", "../n1", "N1", "n1?x"]) {
      expect(await failure(clientOf(node).removeMember(id))).toMatchObject({ code: "MEMBER_NOT_FOUND" });
    }
    expect(node.asked).toEqual([]);
  });

  it("goes to another node when one cannot be reached", async () => {
    const node = await fakeNode(done);
    expect(await clientOf(await deadUrl(), node).removeMember("n3")).toMatchObject({ index: 42 });
  });
});

describe("a change of the cluster whose answer was lost", () => {
  const api = "http://10.0.0.9:4000";
  const MADE: readonly (readonly [MembershipChange, readonly Shown[]])[] = [
    [{ kind: "add", member: N4 }, [{ id: "n1" }, { id: "n4", role: "learner" }]],
    [{ kind: "promote", id: "n4" }, [{ id: "n1" }, { id: "n4", role: "voter" }]],
    [{ kind: "remove", id: "n3" }, [{ id: "n1" }, { id: "n4", role: "voter" }]],
    [{ kind: "replace", id: "n3", by: "n4" }, [{ id: "n1" }, { id: "n4", role: "voter" }]],
    [{ kind: "move", id: "n4", api: `${api}/` }, [{ id: "n1" }, { id: "n4", api, role: "voter" }]],
  ];
  const NOT_MADE: readonly (readonly [MembershipChange, readonly Shown[]])[] = [
    [{ kind: "add", member: N4 }, [{ id: "n1" }]],
    [{ kind: "add", member: N4 }, [{ id: "n4", incarnation: "f".repeat(32) }]],
    [{ kind: "promote", id: "n4" }, [{ id: "n1" }, { id: "n4", role: "learner" }]],
    [{ kind: "promote", id: "n4" }, [{ id: "n1" }, { id: "n4", role: "joining" }]],
    [{ kind: "remove", id: "n3" }, [{ id: "n1" }, { id: "n3", role: "leaving" }]],
    [{ kind: "remove", id: "n3" }, [{ id: "n1" }, { id: "n2", role: "leaving" }]],
    [{ kind: "replace", id: "n3", by: "n4" }, [{ id: "n3" }, { id: "n4" }]],
    [{ kind: "replace", id: "n3", by: "n4" }, [{ id: "n1" }, { id: "n4", role: "learner" }]],
    [{ kind: "move", id: "n4", api }, [{ id: "n4" }]],
    [{ kind: "move", id: "n9", api }, [{ id: "n4" }]],
  ];

  it.each(MADE)("%j was made if the members say so", async (change, members) => {
    // As a node refuses what has been done already.
    const node = await fakeNode(
      routes({ [LIST]: listing(...members), "": inTurn(hangUp, problem("INVALID_CHANGE")) }),
    );
    expect(await clientOf(node).change(change)).toEqual({
      index: undefined,
      voters: members.filter(({ role = "voter" }) => role === "voter").map(({ id }) => id),
      learners: members.filter(({ role }) => role === "learner").map(({ id }) => id),
    });
  });

  it.each(NOT_MADE)("%j has an unknown outcome while the members say %j", async (change, members) => {
    const node = await fakeNode(
      routes({ [LIST]: listing(...members), "": inTurn(hangUp, problem("INVALID_CHANGE")) }),
    );
    const error = await failure(clientOf(node).change(change));
    expect(error).toBeInstanceOf(OutcomeUnknown);
    expect(error).toMatchObject({ code: "OUTCOME_UNKNOWN", outcome: "unknown", idempotencyKey: undefined });
  });

  it("is tried again, and counts as made when that succeeds", async () => {
    const node = await fakeNode(hangUp, done);
    expect(await clientOf(node).removeMember("n3")).toMatchObject({ index: 42 });
  });

  it("has an unknown outcome when nobody can be asked any more", async () => {
    const node = await fakeNode(silence);
    const error = await failure(clientOf(node).removeMember("n3", { timeoutMs: 300 }));
    expect(error).toBeInstanceOf(OutcomeUnknown);
  });
});

describe("handing over leadership", () => {
  const leads = json(200, '{"leader":{"id":"n2","url":"http://b:1"}}');

  it("names the next leader, or leaves it to the cluster", async () => {
    const node = await fakeNode(routes({ [LIST]: listing({ id: "n1" }), "": leads }));
    expect(await clientOf(node).transfer("n2")).toEqual({ id: "n2", url: "http://b:1" });
    await clientOf(node).transfer();
    const asked = node.asked.filter(({ method }) => method === "POST");
    expect(asked.map(({ path, body }) => [path, body])).toEqual([
      ["/v1/cluster/transfer", '{"to":"n2"}'],
      ["/v1/cluster/transfer", '{"from":"n1"}'],
    ]);
  });

  it("is asked for again in the same words when an answer was lost, so that it is done once", async () => {
    const node = await fakeNode(routes({ [LIST]: listing({ id: "n1" }), "": inTurn(hangUp, leads) }));
    expect(await clientOf(node).transfer()).toEqual({ id: "n2", url: "http://b:1" });
    const asked = node.asked.filter(({ method }) => method === "POST");
    expect(asked.map(({ body }) => body)).toEqual(['{"from":"n1"}', '{"from":"n1"}']);
  });

  it("is done if who was named leads, though the answer was lost", async () => {
    const lost = inTurn(hangUp, problem("INVALID_CHANGE"));
    const node = await fakeNode(routes({ [LIST]: listing({ id: "n1" }), "": lost }));
    expect(await clientOf(node).transfer("n1")).toEqual({ id: "n1", url: "http://a:1" });
    const other = await fakeNode(
      routes({ [LIST]: listing({ id: "n1" }), "": inTurn(hangUp, problem("INVALID_CHANGE")) }),
    );
    expect(await failure(clientOf(other).transfer("n2"))).toBeInstanceOf(OutcomeUnknown);
  });
});

describe("a backup", () => {
  const headers = {
    "content-length": "6",
    "content-disposition": 'attachment; filename="raftally-c-42.backup"',
    "raftally-backup-index": "42",
    "raftally-backup-term": "3",
    "raftally-backup-digest": "99",
    "raftally-backup-sha256": "ab".repeat(32),
  };
  const file = (text: string, more: object = {}): Answer => {
    return (_asked, response) => {
      response.writeHead(200, { ...headers, ...more });
      response.end(text);
    };
  };

  it("comes as a stream, with its length, index and digest", async () => {
    const node = await fakeNode(file("onetwo"));
    const { stream, ...about } = await clientOf(await deadUrl(), node).backup();
    expect(about).toEqual({
      bytes: 6,
      index: 42,
      term: 3,
      digest: 99,
      sha256: "ab".repeat(32),
      filename: "raftally-c-42.backup",
    });
    expect(await new Response(stream).text()).toBe("onetwo");
  });

  it("is taken from another node when one refuses, and refused for good when all do", async () => {
    const wrong = await fakeNode(problem("STATE_DIVERGED", { retryAfterMs: 60_000 }));
    const node = await fakeNode(file("onetwo"));
    expect((await clientOf(wrong, node).backup()).bytes).toBe(6);
    const error = await failure(clientOf(wrong).backup({ timeoutMs: 500 }));
    expect(error).toMatchObject({ name: "Unavailable", code: "STATE_DIVERGED" });
  });

  it("breaks off with an error when the node does", async () => {
    const node = await fakeNode((_asked, response) => {
      response.writeHead(200, headers);
      response.write("one", () => response.destroy());
    });
    const { stream } = await clientOf(node).backup();
    await expect(new Response(stream).text()).rejects.toThrow();
  });

  it("ends when the caller aborts, also in the middle", async () => {
    const stop = new AbortController();
    const node = await fakeNode((_asked, response) => {
      response.writeHead(200, headers);
      response.write("one");
    });
    const { stream } = await clientOf(node).backup({ signal: stop.signal });
    const reader = stream.getReader();
    expect((await reader.read()).value?.length).toBe(3);
    stop.abort(new Error("enough"));
    await expect(reader.read()).rejects.toThrow();
  });

  it("is not guessed when a header is missing", async () => {
    const node = await fakeNode(file("onetwo", { "raftally-backup-digest": "x" }));
    const error = await failure(clientOf(node).backup({ timeoutMs: 500 }));
    expect(String(error)).toContain("the header raftally-backup-digest is not a whole number");
  });
});
