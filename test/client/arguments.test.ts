/** What a client is given that no type has checked, as from JavaScript: refused before anything is sent. */

import { describe, expect, it } from "vitest";
import type { RaftallyClient } from "../../src/client/index.ts";
import { RaftallyClient as Client, Refused } from "../../src/client/index.ts";
import { counted, fakeNode, json, redirect } from "./fake-node.ts";
import { clientOf, failure } from "./kit.ts";

/** Each is a call with which a program would have counted something that nobody meant. */
const MISTAKES: readonly [string, (client: RaftallyClient) => Promise<unknown>, string][] = [
  ["a key that is undefined", (client) => client.increment(undefined as never), "INVALID_KEY"],
  ["a key that is a number", (client) => client.get(5 as never), "INVALID_KEY"],
  ["a number as text", (client) => client.increment("k", { by: "5" as never }), "INVALID_BODY"],
  ["null for a number", (client) => client.set("k", null as never), "INVALID_BODY"],
  ["a misspelt field", (client) => client.increment("k", { By: 5 } as never), "INVALID_BODY"],
  [
    "an option in the place of the change",
    (client) => client.increment("k", { idempotencyKey: "order-17" } as never),
    "INVALID_BODY",
  ],
  [
    "a misspelt operation of a batch",
    (client) => client.batch([{ op: "sett", key: "k", value: 1n } as never]),
    "INVALID_BODY",
  ],
  [
    "a field of another operation",
    (client) => client.batch([{ op: "set", key: "k", value: 1n, by: 2n } as never]),
    "INVALID_BODY",
  ],
  [
    "a condition under another name",
    (client) => client.batch([{ op: "delete", key: "k", ifMatch: 2 } as never]),
    "INVALID_BODY",
  ],
];

describe("a call from JavaScript", () => {
  it.each(MISTAKES)("with %s is refused, and nothing is sent", async (_, call, code) => {
    const node = await fakeNode(counted("1"));
    const error = await failure(call(clientOf(node)));
    expect(error).toBeInstanceOf(Refused);
    expect(error).toMatchObject({ code, outcome: "not-applied" });
    expect(node.asked).toEqual([]);
  });

  it("may leave out what is undefined", async () => {
    const node = await fakeNode(counted("1"));
    await clientOf(node).increment("k", { by: undefined, more: undefined } as never);
    expect(node.asked[0]?.body).toBe("{}");
  });
});

it("a client is made with a list of URLs, and one alone is no list", () => {
  expect(() => new Client({ urls: "http://127.0.0.1:4000" as never })).toThrow(RangeError);
});

describe("a URL with a user and a password", () => {
  it("is refused when the client is made, without showing the password: fetch would send nothing to it", () => {
    const make = (): unknown => new Client({ urls: ["http://user:secret@127.0.0.1:4000"] });
    expect(make).toThrow(RangeError);
    expect(make).toThrow(/user or password: http:\/\/127\.0\.0\.1:4000…$/);
  });
});

describe("a token", () => {
  it("goes to every node that is asked, with whatever else is sent", async () => {
    const leader = await fakeNode(counted("1"));
    const follower = await fakeNode(redirect(() => leader.url));
    const client = new Client({ urls: [follower.url], token: "abc.DEF-1~+/==", discoverMs: 0 });
    await client.set("k", 1, { ifExists: true });
    for (const { asked } of [follower, leader]) {
      expect(asked.map(({ headers }) => [headers.authorization, headers["if-match"]])).toEqual([
        ["Bearer abc.DEF-1~+/==", "*"],
      ]);
    }
    expect(follower.asked[0]?.idempotencyKey).toBe(leader.asked[0]?.idempotencyKey);
  });

  it("that no header can carry is refused when the client is made, without being shown", () => {
    const make = (): unknown => new Client({ urls: ["http://127.0.0.1:4000"], token: "se cret" });
    expect(make).toThrow(RangeError);
    expect(make).not.toThrow(/se cret/);
  });
});

describe("an idempotency key", () => {
  it("may be any that nodes take, spaces inside among them", async () => {
    const node = await fakeNode(counted("1"));
    await clientOf(node).increment("k", {}, { idempotencyKey: 'order 17 "a"' });
    expect(node.asked[0]?.idempotencyKey).toBe('"order 17 \\"a\\""');
  });

  it.each(["", " a", "a ", "é", "a\n", "a".repeat(256)])("is none that nodes refuse: %j", async (key) => {
    const node = await fakeNode(counted("1"));
    const error = await failure(clientOf(node).increment("k", {}, { idempotencyKey: key }));
    expect(error).toMatchObject({ name: "Refused", code: "INVALID_HEADER" });
    expect(node.asked).toEqual([]);
  });
});

describe("a condition", () => {
  it("on a delete can be that the counter exists", async () => {
    const node = await fakeNode(counted("0"));
    await clientOf(node).delete("k", { ifExists: true });
    expect(node.asked[0]?.headers["if-match"]).toBe("*");
  });

  it("on a delete is one, of a revision that a counter can have", async () => {
    const node = await fakeNode(counted("0"));
    const client = clientOf(node);
    for (const options of [{ ifRevision: 0 }, { ifRevision: 3, ifExists: true }]) {
      expect(await failure(client.delete("k", options))).toMatchObject({ code: "INVALID_HEADER" });
    }
    expect(node.asked).toEqual([]);
  });

  it("in a batch can be that the counter exists", async () => {
    const node = await fakeNode(json(200, '{"results":[],"index":3,"term":1}'));
    await clientOf(node).batch([
      { op: "set", key: "a", value: 1, ifRevision: "any" },
      { op: "delete", key: "b", ifRevision: "any" },
    ]);
    expect(node.asked[0]?.body).toBe(
      '{"operations":[{"op":"set","key":"a","value":1,"ifRevision":"any"},{"op":"delete","key":"b","ifRevision":"any"}]}',
    );
  });
});
