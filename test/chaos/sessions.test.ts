/** That the load judges client sessions too: a service that keeps their promise, and two that do not. */

import type { ServerResponse } from "node:http";
import { expect, it } from "vitest";
import { Load } from "../../chaos/load.ts";
import type { Target } from "../../chaos/target.ts";
import { type ClientOptions, RaftallyClient } from "../../src/client/index.ts";
import { eventually } from "../cli/processes.ts";
import { type Asked, fakeNode } from "../client/fake-node.ts";

/** What the service does with a write that it has seen before. */
type Memory = "remembers" | "forgets" | "forgets sessions";

/** Counts, as one node would that is never in trouble. */
class Service {
  readonly #memory: Memory;
  readonly #values = new Map<string, bigint>();
  readonly #answers = new Map<string, string>();
  #sessions = 0;
  #index = 0;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  answer(asked: Asked, response: ServerResponse): void {
    const say = (status: number, text: string, replayed = false): void => {
      const headers = { "content-type": "application/json", "idempotency-replayed": String(replayed) };
      response.writeHead(status, headers).end(text);
    };
    const at = `"index":${++this.#index},"term":1`;
    if (asked.path === "/v1/sessions") return say(201, `{"session":${++this.#sessions},${at}}`);
    const key = /^\/v1\/counters\/([^/?]+)/.exec(asked.path)?.[1] ?? "";
    const now = this.#values.get(key) ?? 0n;
    if (asked.method === "GET") return say(200, `{"key":"${key}","value":${now},"revision":1,${at}}`);
    const session = String(asked.headers["raftally-session"] ?? "").replace(/, first=\d+$/, "");
    const name = session === "" ? String(asked.idempotencyKey) : session;
    const known = this.#answers.get(name);
    const isKept = this.#memory === "remembers" || (this.#memory === "forgets sessions" && session === "");
    if (known !== undefined && isKept) return say(200, known, true);
    this.#values.set(key, now + 1n);
    const text = `{"key":"${key}","value":${now + 1n},"revision":${this.#index},"changed":true,${at}}`;
    this.#answers.set(name, text);
    return say(200, text);
  }
}

async function judged(
  memory: Memory,
): Promise<{ wrong: readonly string[]; inSessions: number; replayed: number }> {
  const service = new Service(memory);
  const node = await fakeNode((asked, response) => service.answer(asked, response));
  const client = (options: Partial<ClientOptions> = {}): RaftallyClient =>
    new RaftallyClient({ urls: [node.url], discoverMs: 0, backoffMsMin: 1, backoffMsMax: 2, ...options });
  const target: Target = {
    nodes: [{ id: "n1", url: node.url, peer: "" }],
    client: (_first, options) => client(options),
    clientOf: (_id, options) => client(options),
  };
  // One answer of five is lost, so that writes are sent again all the time.
  const load = new Load(target, { readers: "any", lossOfAnswers: 0.2, sessionsEvery: 3 });
  load.start(6);
  await eventually(() => load.acknowledged > 400, "400 increments are acknowledged");
  const { problems, inSessions, replayedInSessions } = await load.stop();
  return { wrong: [...problems, ...(await load.verify())], inSessions, replayed: replayedInSessions };
}

it("writes a share in sessions, has answers lost there, and finds nothing wrong with a service that remembers", async () => {
  const { wrong, inSessions, replayed } = await judged("remembers");
  expect(wrong).toEqual([]);
  expect(inSessions).toBeGreaterThan(50);
  expect(replayed).toBeGreaterThan(5);
});

it("finds the counts that went twice in sessions alone", async () => {
  const { wrong } = await judged("forgets sessions");
  expect(wrong.join("\n")).toMatch(/after \d+ increments|more than was ever sent/);
});

it("finds the counts that went twice whatever the service forgets", async () => {
  const { wrong } = await judged("forgets");
  expect(wrong.join("\n")).toMatch(/after \d+ increments|more than was ever sent/);
});
