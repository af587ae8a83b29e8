/** `--writes forward`: what a node passes on to the leader, and what it says when the leader does not answer. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { serveApi } from "../../src/api/index.ts";
import { ERRORS, type ErrorCode } from "../../src/base/index.ts";
import type { WriteResult } from "../../src/node/index.ts";
import { nodeId } from "../../src/raft/index.ts";
import { type Answer, counted, deadUrl, type FakePeer, fake, hangUp, problem, silence } from "./fake-peer.ts";
import { type Bench, expectRefusal, INCREMENT, makeBench, post } from "./kit.ts";

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((clean) => clean()));
});

/** The node that is asked; it follows until a test says otherwise. */
let follower: Bench;
beforeEach(() => forwardWithin(10_000, 60_000));

/** Long times for what is to succeed, however busy the machine is; short ones for what is to be given up. */
function forwardWithin(holdMs: number, answerMs: number): void {
  follower = makeBench({ writes: "forward", forwardHoldMs: holdMs, forwardAnswerMs: answerMs });
  follower.service.about = { role: "follower", leader: undefined };
}

const N2 = nodeId("n2");
const KEYED = { headers: { "Idempotency-Key": '"k1"' } };

/** Another node: the real interface over a real state machine. */
interface Leader extends Bench {
  readonly url: string;
}

async function startLeader(): Promise<Leader> {
  const leader = makeBench();
  const server = await serveApi(leader.api, { host: "127.0.0.1", port: 0 });
  cleanups.push(() => server.close(0));
  return { ...leader, url: `http://127.0.0.1:${server.port}` };
}

function leadsAt(url: string, leader = N2): WriteResult {
  follower.service.about = { role: "follower", leader: { id: leader, url } };
  return { kind: "redirect", leader, url };
}

/** The n-th time that the node looks for the leader it finds the n-th of these. */
function leaders(...urls: readonly (string | WriteResult)[]): void {
  let times = 0;
  follower.service.instead = async () => {
    times += 1;
    const found = urls[Math.min(times, urls.length) - 1] ?? "";
    return typeof found === "string" ? leadsAt(found, nodeId(`n${times + 1}`)) : found;
  };
}

describe("a write at a node that forwards", () => {
  it("is done by the leader, whose whole answer comes back", async () => {
    const leader = await startLeader();
    leaders(leader.url);
    const headers = { "Idempotency-Key": '"k 1"', "X-Request-Id": "r-17" };
    const first = await post(follower, `${INCREMENT}`, { body: '{"by":9007199254740993}', headers });
    expect([first.status, await first.text()]).toEqual([
      200,
      '{"key":"hits","value":9007199254740993,"revision":1,"changed":true,"index":1,"term":3}',
    ]);
    expect(Object.fromEntries(first.headers)).toMatchObject({
      "content-type": "application/json",
      etag: '"1"',
      "x-request-id": "r-17",
      "raftally-forwarded-by": "n1",
    });
    const again = await post(follower, INCREMENT, { body: '{"by":9007199254740993}', headers });
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    const plain = await post(follower, INCREMENT, { headers: { Accept: "text/plain" } });
    expect(await plain.text()).toBe("9007199254740994\n");
    const session = await post(follower, "/v1/sessions");
    expect(session.status).toBe(201);
    expect([leader.service.index, follower.service.index]).toEqual([4, 0]);
  });

  it("says who passed it on, keeps its path as it was sent, and uses connections again", async () => {
    const leader = await fake(counted);
    leaders(leader.url);
    const body = '{"operations":[{"key":"ä"}]}';
    for (let i = 0; i < 20; i++) await post(follower, "/v1/batch", { body });
    // The next request may come before the connection of the one before is free again.
    expect(leader.connections).toBeLessThan(4);
    expect(leader.asked[0]).toMatchObject({
      method: "POST",
      body,
      headers: { "raftally-forwarded-by": "n1", "content-type": "application/json" },
    });
    const paths: (string | undefined)[] = [];
    const other = await fake((incoming, outgoing) => {
      paths.push(incoming.url);
      counted(incoming, outgoing);
    });
    leaders(`${other.url}/base`);
    await post(follower, "/v1/counters/a%2Fb%20c/increment");
    expect(paths).toEqual(["/base/v1/counters/a%2Fb%20c/increment"]);
  });

  it("is done once each, however many come at the same time", async () => {
    const leader = await startLeader();
    leaders(leader.url);
    const answers = await Promise.all(Array.from({ length: 600 }, () => post(follower, INCREMENT)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(leader.service.counter("hits")?.value).toBe(600n);
  });

  it.each<ErrorCode>(["LIMIT_REACHED", "OVERLOADED", "STATE_DIVERGED"])(
    "is refused with the leader's own words for %s",
    async (code) => {
      const leader = await fake(problem(code, { retryAfterMs: 70 }, { "Retry-After": "1" }));
      leaders(leader.url);
      const response = await post(follower, INCREMENT, KEYED);
      expect([response.status, response.headers.get("retry-after")]).toEqual([ERRORS[code].status, "1"]);
      expect(await response.json()).toMatchObject({ code, detail: `because of ${code}`, retryAfterMs: 70 });
      expect(leader.asked.length).toBe(1);
    },
  );

  it("that another node passed on already is redirected, and never goes round in circles", async () => {
    const leader = await fake(counted);
    leaders(leader.url);
    const response = await post(follower, INCREMENT, { headers: { "Raftally-Forwarded-By": "n3" } });
    expect(response.headers.get("location")).toBe(leader.url + INCREMENT);
    await expectRefusal(response, "NOT_LEADER");
    expect(leader.asked.length).toBe(0);
  });

  it("is answered by the node itself if that leads", async () => {
    const response = await post(follower, INCREMENT);
    expect([response.status, response.headers.get("raftally-forwarded-by")]).toEqual([200, null]);
  });

  it("that is wrong is refused without bothering the leader", async () => {
    const leader = await fake(counted);
    leaders(leader.url);
    await expectRefusal(await post(follower, INCREMENT, { body: '{"by":0.5}' }), "INVALID_BODY");
    expect(leader.asked.length).toBe(0);
  });
});

describe("when the leader cannot be reached", () => {
  it("a write goes to the next one, without a key, for nothing was sent", async () => {
    const leader = await startLeader();
    leaders(await deadUrl(), leader.url);
    expect((await post(follower, INCREMENT)).status).toBe(200);
    expect(leader.service.counter("hits")?.value).toBe(1n);
  });

  it("a write is done by the node itself if it leads by then", async () => {
    const dead = await deadUrl();
    follower.service.instead = async () => {
      follower.service.instead = undefined;
      return leadsAt(dead);
    };
    expect((await post(follower, INCREMENT)).status).toBe(200);
    expect(follower.service.counter("hits")?.value).toBe(1n);
  });

  it("a write ends as surely not done once it was held long enough", async () => {
    forwardWithin(100, 60_000);
    const url = await deadUrl();
    leaders(url);
    const detail = /^the request could not be passed on to the leader: n\d+ at .*: nothing listens there$/;
    await expectRefusal(await post(follower, INCREMENT), "NO_LEADER", detail);
  });

  it("a write ends in the node's own words if it finds no leader any more", async () => {
    const none = { kind: "failed", code: "NO_LEADER", detail: "None.", retryAfterMs: 9 } as const;
    leaders(await deadUrl(), none);
    await expectRefusal(await post(follower, INCREMENT), "NO_LEADER", "None.");
  });
});

describe("when the leader leads no more", () => {
  it("a write follows it to the one that does", async () => {
    const next = await startLeader();
    const extra = { leader: { id: "n3", url: next.url } };
    const former = await fake((incoming, outgoing) =>
      problem("NOT_LEADER", extra, { Location: next.url + (incoming.url ?? "") })(incoming, outgoing),
    );
    leaders(former.url);
    expect((await post(follower, INCREMENT)).status).toBe(200);
    expect([former.asked.length, next.service.counter("hits")?.value]).toEqual([1, 1n]);
  });

  it("a write is not sent to and fro between two who point at each other", async () => {
    forwardWithin(100, 60_000);
    const urls: string[] = [];
    const pointTo =
      (at: number): Answer =>
      (incoming, outgoing) => {
        const url = urls[at] ?? "";
        const extra = { leader: { id: "n3", url } };
        problem("NOT_LEADER", extra, { Location: url + (incoming.url ?? "") })(incoming, outgoing);
      };
    const a = await fake(pointTo(1));
    const b = await fake(pointTo(0));
    urls.push(a.url, b.url);
    leaders(a.url);
    const response = await post(follower, INCREMENT);
    expect(response.headers.get("location")).toBeNull();
    await expectRefusal(response, "NO_LEADER", /does not lead any more$/);
    expect(a.asked.length + b.asked.length).toBeLessThan(40);
  });

  it.each<ErrorCode>(["SHUTTING_DOWN", "NO_LEADER"])(
    "and says %s, a write goes to the next one",
    async (code) => {
      const next = await startLeader();
      const former = await fake(problem(code));
      leaders(former.url, next.url);
      expect((await post(follower, INCREMENT)).status).toBe(200);
      expect(next.service.counter("hits")?.value).toBe(1n);
    },
  );

  it("and nobody takes over, the caller gets its refusal", async () => {
    forwardWithin(100, 60_000);
    const former = await fake(problem("SHUTTING_DOWN"));
    leaders(former.url);
    const response = await post(follower, INCREMENT);
    expect(await response.json()).toMatchObject({ code: "SHUTTING_DOWN", outcome: "not-applied" });
  });
});

describe("when the answer is lost after the request was sent", () => {
  const short: Answer = (_, outgoing) => {
    outgoing.writeHead(200, { "Content-Length": "100" });
    outgoing.write('{"value":', () => outgoing.destroy());
  };

  it.each([
    ["the connection breaks", hangUp],
    ["the answer breaks off", short],
    ["no answer comes", silence],
  ])("because %s, a write without a key is sent once, and its outcome is unknown", async (_, answer) => {
    forwardWithin(100, 1_000);
    const leader = await fake(answer, counted);
    leaders(leader.url);
    const response = await post(follower, INCREMENT);
    await expectRefusal(
      response,
      "OUTCOME_UNKNOWN",
      /^the request was passed on .* may have been carried out: n2 at/,
    );
    expect(leader.asked.length).toBe(1);
  });

  it.each([
    ["the connection breaks", hangUp],
    ["the answer breaks off", short],
    ["the leader cannot say what came of it", problem("OUTCOME_UNKNOWN")],
  ])("because %s, a write with a key is sent again, at whoever leads then", async (_, answer) => {
    const first = await fake(answer);
    const next = await startLeader();
    leaders(first.url, next.url);
    expect((await post(follower, INCREMENT, KEYED)).status).toBe(200);
    expect([first.asked.length, next.service.counter("hits")?.value]).toEqual([1, 1n]);
  });

  it("a place in a session is as good as a key", async () => {
    const first = await fake(hangUp, counted);
    leaders(first.url);
    const headers = { "Raftally-Session": "id=1, seq=1, first=1" };
    expect((await post(follower, INCREMENT, { headers })).status).toBe(200);
    expect(first.asked.length).toBe(2);
  });

  it("a write with a key leaves a leader that is silent as soon as another one leads", async () => {
    const paused = await fake(silence);
    const next = await startLeader();
    follower.service.instead = async () => {
      follower.service.instead = async () => leadsAt(next.url, nodeId("n3"));
      return leadsAt(paused.url);
    };
    const answer = post(follower, INCREMENT, KEYED);
    await expect.poll(() => paused.asked.length, { interval: 5 }).toBe(1);
    leadsAt(next.url, nodeId("n3"));
    expect((await answer).status).toBe(200);
    expect(next.service.counter("hits")?.value).toBe(1n);
  });

  it("a refusal that does not hold for the lost attempt is not passed off as the outcome", async () => {
    forwardWithin(100, 60_000);
    const leader = await fake(hangUp, problem("INVALID_BODY"));
    leaders(leader.url);
    await expectRefusal(await post(follower, INCREMENT, KEYED), "OUTCOME_UNKNOWN", /this one was refused$/);
  });

  it("a refusal of the counters themselves holds for every attempt", async () => {
    const leader = await fake(hangUp, problem("LIMIT_REACHED"));
    leaders(leader.url);
    const response = await post(follower, INCREMENT, KEYED);
    expect(await response.json()).toMatchObject({ code: "LIMIT_REACHED" });
  });

  it("not even this node's own refusal is passed off as the outcome", async () => {
    forwardWithin(100, 60_000);
    const first = await fake(hangUp);
    leaders(first.url, { kind: "failed", code: "NO_LEADER", detail: "None.", retryAfterMs: 9 });
    await expectRefusal(await post(follower, INCREMENT, KEYED), "OUTCOME_UNKNOWN");
  });
});

describe("a change of the cluster at a node that forwards", () => {
  const asked = (leader: FakePeer): readonly (string | undefined)[] =>
    leader.asked.map(({ method }) => method);

  it("is passed on, whatever its method, and so is the question how the leader sees the members", async () => {
    const leader = await fake(counted);
    const redirect = { kind: "redirect", leader: N2, url: leader.url } as const;
    leadsAt(leader.url);
    follower.service.changeResult = redirect;
    follower.service.transferResult = redirect;
    const json = { "Content-Type": "application/json" };
    const requests: readonly (readonly [string, string, string?])[] = [
      ["DELETE", "/v1/cluster/members/n3"],
      ["PATCH", "/v1/cluster/members/n3", '{"peer":"a:1"}'],
      ["POST", "/v1/cluster/transfer"],
      ["GET", "/v1/cluster/members?from=leader"],
    ];
    for (const [method, path, body] of requests) {
      const init = body === undefined ? { method } : { method, headers: json, body };
      const response = await follower.api.request(path, init);
      expect([response.status, response.headers.get("raftally-forwarded-by")]).toEqual([200, "n1"]);
    }
    expect(asked(leader)).toEqual(["DELETE", "PATCH", "POST", "GET"]);
  });

  it("is not sent twice, and its outcome is unknown when the answer is lost", async () => {
    const leader = await fake(hangUp, counted);
    follower.service.changeResult = { kind: "redirect", leader: N2, url: leader.url };
    const response = await follower.api.request("/v1/cluster/members/n3", { method: "DELETE" });
    await expectRefusal(response, "OUTCOME_UNKNOWN");
    expect(asked(leader)).toEqual(["DELETE"]);
  });

  it("leaves reads and probes to the node that was asked", async () => {
    leaders(await deadUrl());
    for (const path of ["/v1/counters", "/v1/cluster", "/v1/cluster/members", "/livez", "/readyz"]) {
      expect((await follower.api.request(path)).status).toBe(200);
    }
  });
});

describe("a form of another service, at a node that does not forward", () => {
  it("waits for the next leader once one was reached: the way is there, and only the leader is gone", async () => {
    follower = makeBench({ forwardHoldMs: 10_000, forwardAnswerMs: 60_000 });
    const [gone, next] = [await startLeader(), await startLeader()];
    const body = '{"key":"a","value":1}';
    leaders(gone.url);
    expect((await post(follower, "/increment", { body })).status).toBe(200);
    leaders(await deadUrl(), await deadUrl(), next.url);
    const response = await post(follower, "/increment", { body });
    expect([response.status, response.headers.get("raftally-forwarded-by")]).toEqual([200, "n1"]);
    expect(next.service.counter("a")?.value).toBe(1n);
  });

  it("is redirected where another node's URL leads back here, though once this node led meanwhile", async () => {
    follower = makeBench({ forwardHoldMs: 10_000, forwardAnswerMs: 60_000 });
    const server = await serveApi(follower.api, { host: "127.0.0.1", port: 0 });
    cleanups.push(() => server.close(0));
    const own = `http://127.0.0.1:${server.port}`;
    const body = '{"key":"a","value":1}';
    const done = await startLeader();
    const result = await done.service.write({ operation: { kind: "add", key: "a", by: 1n } });
    leaders(own, result);
    expect((await post(follower, "/increment", { body })).status).toBe(200);
    leaders(own);
    const response = await post(follower, "/increment", { body });
    expect([response.status, response.headers.get("location")]).toEqual([307, `${own}/increment`]);
  });

  it("is not sent on to anybody once it may have been carried out", async () => {
    follower = makeBench({ forwardHoldMs: 10_000, forwardAnswerMs: 60_000 });
    const lost = await fake(hangUp);
    leaders(lost.url, await deadUrl());
    await expectUnknown(await post(follower, "/increment", { body: '{"key":"a","value":1}' }));
    expect(lost.asked.length).toBe(1);
  });
});

async function expectUnknown(response: Response): Promise<void> {
  expect(response.status).toBe(504);
  expect(await response.json()).toMatchObject({ code: "OUTCOME_UNKNOWN", outcome: "unknown" });
}
