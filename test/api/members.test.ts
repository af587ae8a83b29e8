import { beforeEach, describe, expect, it } from "vitest";
import type { ErrorCode } from "../../src/base/index.ts";
import type { MembershipRefusal, NodeRefusal } from "../../src/node/index.ts";
import { nodeId } from "../../src/raft/index.ts";
import { type Bench, expectRefusal, get, makeBench, post } from "./kit.ts";
import { OWN } from "./memory-service.ts";

const MEMBERS = "/v1/cluster/members";
const N4 = {
  id: "n4",
  incarnation: "0123456789abcdef0123456789abcdef",
  peer: "10.0.0.4:4100",
  api: "http://10.0.0.4:4000",
};
const LEADER = { id: nodeId("n2"), url: "http://127.0.0.1:4001" };
const REDIRECT = { kind: "redirect", leader: LEADER.id, url: LEADER.url } as const;

let bench: Bench;
beforeEach(() => {
  bench = makeBench();
});

async function send(method: string, path: string, body?: string): Promise<Response> {
  const init: RequestInit = { method };
  if (body !== undefined) Object.assign(init, { body, headers: { "Content-Type": "application/json" } });
  return bench.api.request(path, init);
}

/** Every route that changes the membership, with a request that is right, and what it asks of the node. */
const CHANGES: readonly (readonly [string, string, string | undefined, unknown])[] = [
  ["POST", MEMBERS, JSON.stringify(N4), { kind: "add", member: N4 }],
  ["POST", `${MEMBERS}/n4/promote`, undefined, { kind: "promote", id: "n4" }],
  ["DELETE", `${MEMBERS}/n4`, undefined, { kind: "remove", id: "n4" }],
  ["POST", `${MEMBERS}/n1/replace`, '{"by":"n4"}', { kind: "replace", id: "n1", by: "n4" }],
  [
    "PATCH",
    `${MEMBERS}/n1`,
    '{"peer":"[::1]:4109"}',
    { kind: "move", member: { id: "n1", incarnation: OWN.incarnation, peer: "[::1]:4109", api: OWN.api } },
  ],
  [
    "PATCH",
    `${MEMBERS}/n1`,
    '{"api":"https://count.example/n1/","peer":"n1.example:1"}',
    {
      kind: "move",
      member: {
        id: "n1",
        incarnation: OWN.incarnation,
        peer: "n1.example:1",
        api: "https://count.example/n1",
      },
    },
  ],
];

describe.each(CHANGES)("%s %s", (method, path, body, request) => {
  it("asks the node for that change, and answers with the configuration once it is in force", async () => {
    const response = await send(method, path, body);
    expect([response.status, await response.json()]).toEqual([
      200,
      { index: 9, configuration: { voters: ["n1"], outgoing: [], learners: [], members: [], removed: [] } },
    ]);
    expect(bench.service.changes).toEqual([request]);
    expect(bench.service.plans).toEqual([]);
  });

  it("only says what the change would mean when it is a dry run", async () => {
    const response = await send(method, `${path}?dryRun=true`, body);
    expect([response.status, await response.json()]).toEqual([
      200,
      {
        dryRun: true,
        before: { voters: 3, mayFail: 1, reachable: 3 },
        after: { voters: 2, mayFail: 0, reachable: 2 },
      },
    ]);
    expect(bench.service.plans).toEqual([request]);
    expect(bench.service.changes).toEqual([]);
  });

  it("redirects to the leader with path and query, also a dry run", async () => {
    bench.service.changeResult = REDIRECT;
    bench.service.planResult = REDIRECT;
    for (const query of ["", "?dryRun=true"]) {
      const response = await send(method, path + query, body);
      expect(response.headers.get("location")).toBe(LEADER.url + path + query);
      expect((await expectRefusal(response, "NOT_LEADER"))["leader"]).toEqual(LEADER);
    }
  });

  it.each<[ErrorCode, number | undefined, number | undefined]>([
    ["ID_USED", undefined, undefined],
    ["MEMBER_NOT_FOUND", undefined, undefined],
    ["ALREADY_CHANGING", 300, 300],
    ["WOULD_LOSE_QUORUM", undefined, undefined],
    ["NOT_CAUGHT_UP", 2_000, 2_000],
    ["INVALID_CHANGE", undefined, undefined],
    ["NO_LEADER", 500, 500],
    ["OUTCOME_UNKNOWN", 500, 500],
  ])("passes on %s with the node's sentence", async (code, retryAfterMs, shown) => {
    const refusal = { kind: "failed", code, detail: "It is so; do this.", retryAfterMs };
    bench.service.changeResult = refusal as MembershipRefusal | NodeRefusal;
    const problem = await expectRefusal(await send(method, path, body), code, "It is so; do this.");
    expect(problem["retryAfterMs"]).toBe(shown);
  });

  it("takes no idempotency key, for it could not keep its promise", async () => {
    const headers = { "Content-Type": "application/json", "Idempotency-Key": "k" };
    const init = body === undefined ? { method, headers } : { method, headers, body };
    await expectRefusal(await bench.api.request(path, init), "INVALID_HEADER", /says what was done$/);
    expect(bench.service.changes).toEqual([]);
  });
});

describe("a change of the membership is refused", () => {
  const ADD = (changes: Readonly<Record<string, unknown>>): string => JSON.stringify({ ...N4, ...changes });
  const cases: readonly (readonly [string, string, string | undefined, ErrorCode, string | RegExp])[] = [
    ["POST", MEMBERS, undefined, "INVALID_BODY", /^a body such as \{"id":"n4",/],
    ["POST", MEMBERS, "[]", "INVALID_BODY", "the body must be an object; got an array"],
    ["POST", MEMBERS, "{", "INVALID_JSON", /not valid JSON/],
    ["POST", MEMBERS, "{}", "INVALID_BODY", "id is missing"],
    [
      "POST",
      MEMBERS,
      ADD({ role: "voter" }),
      "INVALID_BODY",
      'unknown field "role"; known: id, incarnation, peer, api',
    ],
    ["POST", MEMBERS, ADD({ id: 4 }), "INVALID_BODY", "id must be a string; got 4"],
    ["POST", MEMBERS, ADD({ id: "N4" }), "INVALID_BODY", /^id must be 1 to 32 of .*; got the string "N4"$/],
    ["POST", MEMBERS, ADD({ id: "n4-" }), "INVALID_BODY", /^id must be/],
    ["POST", MEMBERS, ADD({ id: "n".repeat(33) }), "INVALID_BODY", /^id must be/],
    ["POST", MEMBERS, ADD({ incarnation: "abc" }), "INVALID_BODY", /^incarnation must be the 32 hex digits/],
    ["POST", MEMBERS, ADD({ incarnation: "G".repeat(32) }), "INVALID_BODY", /^incarnation must be/],
    [
      "POST",
      MEMBERS,
      ADD({ peer: "10.0.0.4" }),
      "INVALID_BODY",
      /^peer must be host:port .*; got the string/,
    ],
    ["POST", MEMBERS, ADD({ peer: "10.0.0.4:0" }), "INVALID_BODY", /^peer must be host:port/],
    ["POST", MEMBERS, ADD({ peer: "10.0.0.4:65536" }), "INVALID_BODY", /^peer must be host:port/],
    ["POST", MEMBERS, ADD({ peer: "::1:4100" }), "INVALID_BODY", /^peer must be host:port/],
    ["POST", MEMBERS, ADD({ peer: "http://a:1" }), "INVALID_BODY", /^peer must be host:port/],
    ["POST", MEMBERS, ADD({ peer: `${"a".repeat(300)}:1` }), "INVALID_BODY", /^peer must be host:port/],
    ["POST", MEMBERS, ADD({ api: "10.0.0.4:4000" }), "INVALID_BODY", /^api must be a URL such as/],
    ["POST", MEMBERS, ADD({ api: "ftp://a" }), "INVALID_BODY", /^api must be a URL/],
    ["POST", MEMBERS, ADD({ api: "http://me:pw@a:1" }), "INVALID_BODY", /^api must be a URL/],
    ["POST", MEMBERS, ADD({ api: "http://a:1/?x=1" }), "INVALID_BODY", /^api must be a URL/],
    ["POST", MEMBERS, ADD({ api: "http://a:1/#x" }), "INVALID_BODY", /^api must be a URL/],
    ["POST", MEMBERS, ADD({ api: null }), "INVALID_BODY", "api must be a string; got null"],
    ["PATCH", `${MEMBERS}/n1`, "{}", "INVALID_BODY", /must name a new peer address, a new api URL, or both$/],
    ["PATCH", `${MEMBERS}/n1`, '{"id":"n2"}', "INVALID_BODY", 'unknown field "id"; known: peer, api'],
    ["PATCH", `${MEMBERS}/n1`, '{"peer":"x"}', "INVALID_BODY", /^peer must be host:port/],
    ["PATCH", `${MEMBERS}/n1`, undefined, "INVALID_BODY", /^a body such as \{"peer"/],
    ["PATCH", `${MEMBERS}/n9`, '{"peer":"a:1"}', "MEMBER_NOT_FOUND", "n9 is no member; the members are n1"],
    ["POST", `${MEMBERS}/n1/replace`, undefined, "INVALID_BODY", 'a body such as {"by":"n4"} is needed'],
    ["POST", `${MEMBERS}/n1/replace`, '{"by":"_"}', "INVALID_BODY", /^by must be 1 to 32/],
    ["POST", `${MEMBERS}/n1/replace`, '{"with":"n4"}', "INVALID_BODY", 'unknown field "with"; known: by'],
    ["POST", `${MEMBERS}/n1/promote`, "{}", "INVALID_BODY", "promoting a member takes no body"],
    ["DELETE", `${MEMBERS}/n1`, "{}", "INVALID_BODY", "removing a member takes no body"],
    [
      "DELETE",
      `${MEMBERS}/N1`,
      undefined,
      "MEMBER_NOT_FOUND",
      /^"N1" in the path is nobody's id; an id is 1 to/,
    ],
    ["DELETE", `${MEMBERS}/%zz`, undefined, "MEMBER_NOT_FOUND", /^"%zz" in the path/],
    ["DELETE", `${MEMBERS}/`, undefined, "MEMBER_NOT_FOUND", /^"" in the path/],
    ["POST", `${MEMBERS}//promote`, undefined, "MEMBER_NOT_FOUND", /^"" in the path/],
    ["GET", `${MEMBERS}/n1`, undefined, "METHOD_NOT_ALLOWED", /allowed: DELETE, PATCH$/],
    ["PUT", MEMBERS, undefined, "METHOD_NOT_ALLOWED", /allowed: GET, HEAD, POST$/],
    ["DELETE", `${MEMBERS}/n1?dryRun=1`, undefined, "INVALID_QUERY", 'dryRun must be true or false; got "1"'],
    [
      "DELETE",
      `${MEMBERS}/n1?force`,
      undefined,
      "INVALID_QUERY",
      'unknown query parameter "force"; known: dryRun',
    ],
    ["POST", "/v1/cluster/transfer?dryRun=true", undefined, "INVALID_QUERY", /this route takes none$/],
    ["POST", "/v1/cluster/transfer", '{"to":"N2"}', "INVALID_BODY", /^to must be 1 to 32/],
    [
      "POST",
      "/v1/cluster/transfer",
      '{"till":"n2"}',
      "INVALID_BODY",
      'unknown field "till"; known: to, from',
    ],
    ["POST", "/v1/cluster/transfer", '{"to":"n2","from":"n1"}', "INVALID_BODY", /^from does not go together/],
    ["GET", `${MEMBERS}?from=n2`, undefined, "INVALID_QUERY", 'from must be leader; got "n2"'],
  ];

  it.each(cases)("%s %s %s with %s", async (method, path, body, code, detail) => {
    await expectRefusal(await send(method, path, body), code, detail);
    expect([bench.service.changes, bench.service.plans, bench.service.transfers]).toEqual([[], [], []]);
  });

  it("by saying why a dry run would end so, without being an error itself", async () => {
    const refusal = {
      kind: "failed",
      code: "WOULD_LOSE_QUORUM",
      detail: "2 of 3 would be left and one of them is down; start it first.",
      retryAfterMs: undefined,
    } as const;
    const tolerance = { voters: 3, mayFail: 1, reachable: 2 };
    bench.service.planResult = { kind: "planned", plan: { before: tolerance, after: tolerance, refusal } };
    const response = await send("DELETE", `${MEMBERS}/n1?dryRun=true`);
    expect([response.status, await response.json()]).toEqual([
      200,
      {
        dryRun: true,
        before: tolerance,
        after: tolerance,
        refusal: { code: refusal.code, detail: refusal.detail },
      },
    ]);
  });
});

describe("moving a member", () => {
  it("is left to the leader, even by a node that does not know the member yet", async () => {
    bench.service.about = { role: "follower", leader: LEADER };
    for (const id of ["n1", "n9"]) {
      const response = await send("PATCH", `${MEMBERS}/${id}`, '{"peer":"a:1"}');
      expect(response.headers.get("location")).toBe(`${LEADER.url}${MEMBERS}/${id}`);
      await expectRefusal(response, "NOT_LEADER");
    }
    expect(bench.service.changes).toEqual([]);
  });

  it("is refused while no leader is known", async () => {
    bench.service.about = { role: "follower", leader: undefined };
    const response = await send("PATCH", `${MEMBERS}/n1`, '{"peer":"a:1"}');
    expect((await expectRefusal(response, "NO_LEADER", /try again/))["retryAfterMs"]).toBe(500);
  });
});

describe("the list of members", () => {
  it("shows each with its progress, who sees it so, and who leads", async () => {
    const learner = {
      ...N4,
      id: nodeId("n4"),
      role: "learner",
      leads: false,
      reachable: true,
      match: 620,
      catchUp: { percent: 62, msLeft: 4_000 },
    } as const;
    bench.service.known = [OWN, learner];
    const response = await get(bench, MEMBERS);
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/json"]);
    const { catchUp: _, ...own } = OWN;
    expect(await response.json()).toEqual({
      members: [own, learner],
      seenBy: "n1",
      leader: { id: "n1", url: "http://127.0.0.1:4000" },
    });
  });

  it("is that of the leader when asked for, and this node's own while none is known", async () => {
    bench.service.about = { role: "follower", leader: LEADER };
    const response = await get(bench, `${MEMBERS}?from=leader`);
    expect(response.headers.get("location")).toBe(`${LEADER.url}${MEMBERS}?from=leader`);
    await expectRefusal(response, "NOT_LEADER");
    expect((await get(bench, MEMBERS)).status).toBe(200);
    bench.service.about = { role: "candidate", leader: undefined };
    const own = await get(bench, `${MEMBERS}?from=leader`);
    expect([own.status, await own.json()]).toMatchObject([200, { seenBy: "n1" }]);
  });
});

describe("handing over leadership", () => {
  it.each([
    [undefined, undefined, undefined],
    ["{}", undefined, undefined],
    ['{"to":"n2"}', "n2", undefined],
    ['{"from":"n1"}', undefined, "n1"],
  ])("with the body %s asks for %s from %s, and answers with who leads then", async (body, to, from) => {
    bench.service.transferResult = { kind: "transferred", leader: LEADER.id, url: LEADER.url };
    const response = await send("POST", "/v1/cluster/transfer", body);
    expect([response.status, await response.json()]).toEqual([200, { leader: LEADER }]);
    expect([bench.service.transfers, bench.service.transfersFrom]).toEqual([[to], [from]]);
  });

  it("is refused in the node's words, or left to the leader", async () => {
    const detail = "n2 did not take over in time; try again";
    bench.service.transferResult = {
      kind: "failed",
      code: "TRANSFER_FAILED",
      detail,
      retryAfterMs: undefined,
    };
    await expectRefusal(await post(bench, "/v1/cluster/transfer"), "TRANSFER_FAILED", detail);
    bench.service.transferResult = REDIRECT;
    const response = await post(bench, "/v1/cluster/transfer");
    expect(response.headers.get("location")).toBe(`${LEADER.url}/v1/cluster/transfer`);
  });
});
