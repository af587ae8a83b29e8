/** A client that numbers its writes in a session: the server's own rules, in small, on the other side of real HTTP. */

import { describe, expect, it } from "vitest";
import { OutcomeUnknown, RaftallyClient, Refused, Unavailable } from "../../src/client/index.ts";
import { SESSION_PENDING_MAX } from "../../src/client/session.ts";
import { LIMITS } from "../../src/counter/limits.ts";
import {
  type Answer,
  type Asked,
  counted,
  type FakeNode,
  fakeNode,
  hangUp,
  json,
  problem,
} from "./fake-node.ts";
import { failure } from "./kit.ts";

/** The time of an attempt is long enough for a machine that has much else to do. */
function sessionClient(node: FakeNode, timeoutMs = 30_000): RaftallyClient {
  return new RaftallyClient({
    urls: [node.url],
    exactlyOnce: "sessions",
    timeoutMs,
    attemptTimeoutMs: Math.min(timeoutMs, 15_000),
    backoffMsMin: 5,
    backoffMsMax: 20,
    discoverMs: 0,
  });
}

const POLL = { timeout: 20_000 };

interface Place {
  readonly id: number;
  readonly seq: number;
  readonly first: number;
}

function placeOf({ headers }: Asked): Place {
  const match = /^id=(\d+), seq=(\d+), first=(\d+)$/.exec(String(headers["raftally-session"]));
  const [id = 0, seq = 0, first = 0] = (match ?? []).slice(1).map(Number);
  return { id, seq, first };
}

/** Opens sessions 1, 2, 3 …, and gives writes the answers in turn, all later ones the last. */
async function sessionNode(
  ...answers: readonly Answer[]
): Promise<FakeNode & { readonly opened: () => number }> {
  let opened = 0;
  let writes = 0;
  const node = await fakeNode((asked, response) => {
    if (asked.path === "/v1/sessions")
      json(201, `{"session":${++opened},"index":1,"term":1}`)(asked, response);
    else answers[Math.min(writes++, answers.length - 1)]?.(asked, response);
  });
  return { ...node, asked: node.asked, opened: () => opened };
}

function writesOf(node: FakeNode): readonly Asked[] {
  return node.asked.filter(({ path }) => path !== "/v1/sessions");
}

describe("a client with sessions", { timeout: 180_000 }, () => {
  it("keeps as many numbers in use as a node takes, and not one more", () => {
    expect(SESSION_PENDING_MAX).toBe(LIMITS.sessionPendingMax);
  });

  it("opens one session, however many writes begin at once, and numbers them", async () => {
    const node = await sessionNode(counted("1"));
    const client = sessionClient(node);
    await Promise.all([client.increment("k"), client.set("k", 1), client.delete("k")]);
    await client.increment("k");
    expect(node.opened()).toBe(1);
    const places = writesOf(node).map(placeOf);
    expect(places.map(({ id }) => id)).toEqual([1, 1, 1, 1]);
    expect(places.map(({ seq }) => seq).toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4]);
    expect(places.at(-1)).toEqual({ id: 1, seq: 4, first: 4 });
    expect(writesOf(node).every(({ idempotencyKey }) => idempotencyKey === undefined)).toBe(true);
    expect(node.asked[0]?.idempotencyKey).toMatch(/^"[0-9a-f-]{36}"$/);
  });

  it("sends the same number when an answer was lost", async () => {
    const node = await sessionNode(hangUp, counted("1", { "idempotency-replayed": "true" }));
    expect(await sessionClient(node).increment("k")).toMatchObject({ replayed: true });
    expect(writesOf(node).map(placeOf)).toEqual([
      { id: 1, seq: 1, first: 1 },
      { id: 1, seq: 1, first: 1 },
    ]);
  });

  it("keeps a write with an idempotency key of its own outside the session", async () => {
    const node = await sessionNode(counted("1"));
    await sessionClient(node).increment("k", {}, { idempotencyKey: "mine" });
    expect(node.opened()).toBe(0);
    expect(node.asked[0]?.idempotencyKey).toBe('"mine"');
  });

  it("lets the numbers in use span no more than a node takes, and the others wait for the oldest", async () => {
    const held: (() => void)[] = [];
    const hold: Answer = (asked, response) => void held.push(() => counted("1")(asked, response));
    const node = await sessionNode(hold);
    const client = sessionClient(node, 60_000);
    const total = SESSION_PENDING_MAX + 20;
    const all = Array.from({ length: total }, () => client.increment("k", {}, { timeoutMs: 60_000 }));
    await expect.poll(() => held.length, POLL).toBeGreaterThanOrEqual(SESSION_PENDING_MAX);
    expect(new Set(writesOf(node).map((asked) => placeOf(asked).seq)).size).toBe(SESSION_PENDING_MAX);
    let answered = 0;
    await expect
      .poll(() => {
        for (; answered < held.length; answered++) held[answered]?.();
        return new Set(writesOf(node).map((asked) => placeOf(asked).seq)).size;
      }, POLL)
      .toBe(total);
    for (; answered < held.length; answered++) held[answered]?.();
    await Promise.all(all);
    for (const { seq, first } of writesOf(node).map(placeOf)) {
      expect(seq - first).toBeLessThan(SESSION_PENDING_MAX);
      expect(first).toBeLessThanOrEqual(seq);
    }
  }, 90_000);

  it("is Unavailable for a write that waited too long for its turn: it was never sent", async () => {
    const node = await sessionNode(() => {});
    const client = sessionClient(node, 30_000);
    const stop = new AbortController();
    const under = Array.from({ length: SESSION_PENDING_MAX }, () =>
      failure(client.increment("k", {}, { signal: stop.signal })),
    );
    await expect.poll(() => writesOf(node).length, POLL).toBeGreaterThanOrEqual(SESSION_PENDING_MAX);
    const error = await failure(client.increment("late", {}, { timeoutMs: 100 }));
    expect(error).toBeInstanceOf(Unavailable);
    const aborted = failure(client.increment("late", {}, { signal: AbortSignal.abort(new Error("enough")) }));
    expect(await aborted).toEqual(new Error("enough"));
    stop.abort(new Error("enough"));
    await Promise.all(under);
    expect(writesOf(node).some(({ path }) => path.includes("late"))).toBe(false);
  }, 90_000);
});

describe("a session that has expired", { timeout: 180_000 }, () => {
  it("is followed by another, in which the write goes out anew: its first attempt had done nothing", async () => {
    const node = await sessionNode(problem("SESSION_EXPIRED"), counted("1"));
    expect((await sessionClient(node).increment("k")).value).toBe(1n);
    expect(writesOf(node).map(placeOf)).toEqual([
      { id: 1, seq: 1, first: 1 },
      { id: 2, seq: 1, first: 1 },
    ]);
  });

  it("is Refused when the next one has expired too", async () => {
    const node = await sessionNode(problem("SESSION_EXPIRED"));
    const error = await failure(sessionClient(node).increment("k"));
    expect(error).toBeInstanceOf(Refused);
    expect(error).toMatchObject({ code: "SESSION_EXPIRED", outcome: "not-applied" });
    expect(writesOf(node).length).toBe(2);
  });

  it("leaves the outcome unknown if an earlier attempt may have counted: nobody remembers", async () => {
    const node = await sessionNode(hangUp, problem("SESSION_EXPIRED"), counted("1"));
    const client = sessionClient(node);
    const error = await failure(client.increment("k"));
    expect(error).toBeInstanceOf(OutcomeUnknown);
    expect(error).toMatchObject({ outcome: "unknown", idempotencyKey: undefined });
    // Above all it was not sent in another session, where it would count a second time.
    expect(writesOf(node).map(placeOf)).toEqual([
      { id: 1, seq: 1, first: 1 },
      { id: 1, seq: 1, first: 1 },
    ]);
  });
});

describe("an unknown outcome in a session", { timeout: 180_000 }, () => {
  it("can be asked for again by its place, and its number is held for that", async () => {
    let isKnown = false;
    const node = await sessionNode((asked, response) => {
      const { seq } = placeOf(asked);
      const answer = seq === 2 && !isKnown ? problem("OUTCOME_UNKNOWN") : counted(String(seq * 10));
      answer(asked, response);
    });
    const client = sessionClient(node);
    await client.increment("opens the session");
    const error = await failure(client.increment("k", {}, { timeoutMs: 800 }));
    if (!(error instanceof OutcomeUnknown) || error.place === undefined) throw new Error("it is known");
    const { place } = error;
    expect(place).toEqual({ session: 1, seq: 2 });
    expect((await client.increment("other")).value).toBe(30n);
    expect(writesOf(node).map(placeOf).at(-1)).toEqual({ id: 1, seq: 3, first: 2 });
    isKnown = true;
    expect((await client.increment("k", {}, { place })).value).toBe(20n);
    // Now that there is an answer nobody may ask any more, for the next write lets the cluster forget it.
    expect(await failure(client.increment("k", {}, { place }))).toBeInstanceOf(OutcomeUnknown);
    await client.increment("other");
    expect(writesOf(node).map(placeOf).at(-1)).toEqual({ id: 1, seq: 4, first: 4 });
  });

  it("gives way when so many writes have followed that a node would take no more", async () => {
    const node = await sessionNode((asked, response) => {
      (placeOf(asked).seq === 2 ? problem("OUTCOME_UNKNOWN") : counted("1"))(asked, response);
    });
    const client = sessionClient(node);
    await client.increment("opens the session");
    const error = await failure(client.increment("k", {}, { timeoutMs: 800 }));
    for (let done = 0; done < SESSION_PENDING_MAX; done += 32)
      await Promise.all(Array.from({ length: 32 }, () => client.increment("k")));
    const { seq, first } = writesOf(node).map(placeOf).at(-1) ?? { seq: 0, first: 0 };
    expect(seq).toBe(SESSION_PENDING_MAX + 2);
    expect(seq - first).toBeLessThan(SESSION_PENDING_MAX);
    const place = (error as OutcomeUnknown).place ?? { session: 0, seq: 0 };
    expect(await failure(client.increment("k", {}, { place }))).toBeInstanceOf(OutcomeUnknown);
  });

  it("stays unknown when it is asked for again and the session has expired", async () => {
    const node = await sessionNode(counted("1"), problem("OUTCOME_UNKNOWN"));
    const client = sessionClient(node);
    await client.increment("opens the session");
    const error = await failure(client.increment("k", {}, { timeoutMs: 800 }));
    if (!(error instanceof OutcomeUnknown) || error.place === undefined) throw new Error("it is known");
    const { place } = error;
    const gone = await sessionNode(problem("SESSION_EXPIRED"));
    expect(await failure(sessionClient(gone).increment("k", {}, { place }))).toBeInstanceOf(OutcomeUnknown);
    expect(writesOf(gone)).toEqual([]);
  });
});

describe("opening a session", { timeout: 180_000 }, () => {
  it("that nobody can serve leaves the write undone, and the next one tries again", async () => {
    let isUp = false;
    const node = await fakeNode((asked, response) => {
      const open = asked.path === "/v1/sessions";
      if (open && !isUp) problem("NO_LEADER", { retryAfterMs: 5 })(asked, response);
      else (open ? json(201, '{"session":4,"index":1,"term":1}') : counted("1"))(asked, response);
    });
    const client = sessionClient(node);
    expect(await failure(client.increment("k", {}, { timeoutMs: 800 }))).toBeInstanceOf(Unavailable);
    isUp = true;
    expect((await client.increment("k")).value).toBe(1n);
  });

  it("whose answer is lost for good leaves the write undone too", async () => {
    const node = await fakeNode(hangUp);
    expect(await failure(sessionClient(node, 200).increment("k"))).toBeInstanceOf(Unavailable);
  });
});
