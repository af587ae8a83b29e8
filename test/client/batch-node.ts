/** A server that takes batches of increments as a node does: all or nothing, and each idempotency key once. */

import type { ServerResponse } from "node:http";
import { expect, vi } from "vitest";
import { RaftallyClient } from "../../src/client/index.ts";
import { type Answer, type Asked, type FakeNode, fakeNode, json, problem } from "./fake-node.ts";

export interface Increment {
  readonly key: string;
  readonly by: bigint;
}

export interface BatchNode extends FakeNode {
  readonly values: Map<string, bigint>;
  /** Answers the request that has waited longest, and from then on, with `all`, each as it comes. */
  release(all?: "all"): void;
  /** How many wait for that. */
  readonly held: number;
}

export interface BatchNodeOptions {
  /** Requests wait for `release`. */
  readonly hold?: boolean;
  /** Instead of the answer of the n-th request, from 0; undefined for the answer. */
  readonly instead?: (at: number, asked: Asked) => Answer | undefined;
}

export const INT64_MAX: bigint = 2n ** 63n - 1n;
export const INT64_MIN: bigint = -(2n ** 63n);
const POLL = { timeout: 20_000, interval: 1 };

/** Requests that the node holds back are not taken for lost, however slow the machine is. */
export function patientClient({ url }: FakeNode): RaftallyClient {
  return new RaftallyClient({
    urls: [url],
    timeoutMs: 30_000,
    attemptTimeoutMs: 30_000,
    backoffMsMin: 5,
    backoffMsMax: 20,
    discoverMs: 0,
  });
}

/** The sums of each request that arrived, in order. */
export function sent(node: FakeNode): readonly string[] {
  return node.asked.map((asked) =>
    incrementsOf(asked)
      .map(({ key, by }) => `${key} ${by}`)
      .join(", "),
  );
}

export async function arrived(node: FakeNode, requests: number): Promise<void> {
  await vi.waitFor(() => expect(node.asked.length).toBe(requests), POLL);
}

/** Whatever needs no more than this has been done by then. */
export async function turns(count = 5): Promise<void> {
  for (let at = 0; at < count; at++) await new Promise((resolve) => setImmediate(resolve));
}

/** What a request asks for, without losing a digit. */
export function incrementsOf({ body }: Pick<Asked, "body">): readonly Increment[] {
  const exact = body.replace(/"by":(-?\d+)/g, '"by":"$1"');
  const { operations } = JSON.parse(exact) as { operations: { key: string; by: string }[] };
  return operations.map(({ key, by }) => ({ key, by: BigInt(by) }));
}

export async function batchNode(options: BatchNodeOptions = {}): Promise<BatchNode> {
  const values = new Map<string, bigint>();
  const remembered = new Map<string, Answer>();
  const waiting: (() => void)[] = [];
  let isHolding = options.hold ?? false;
  let index = 0;
  let times = 0;

  const apply = (asked: Asked): Answer => {
    const after = new Map<string, bigint>();
    const rows: string[] = [];
    for (const [position, { key, by }] of incrementsOf(asked).entries()) {
      const value = (after.get(key) ?? values.get(key) ?? 0n) + by;
      if (value > INT64_MAX || value < -INT64_MAX - 1n) return problem("COUNTER_OVERFLOW", { position });
      after.set(key, value);
      rows.push(`{"key":${JSON.stringify(key)},"value":${value},"revision":${index + 1},"changed":true}`);
    }
    for (const [key, value] of after) values.set(key, value);
    const text = `{"results":[${rows.join(",")}],"index":${++index},"term":1}`;
    remembered.set(asked.idempotencyKey ?? "", json(200, text, { "idempotency-replayed": "true" }));
    return json(200, text);
  };

  const node = await fakeNode((asked: Asked, response: ServerResponse) => {
    expect(asked.path).toBe("/v1/batch");
    const instead = options.instead?.(times++, asked);
    const answer = (): void =>
      (instead ?? remembered.get(asked.idempotencyKey ?? "") ?? apply(asked))(asked, response);
    if (isHolding) waiting.push(answer);
    else answer();
  });
  return {
    ...node,
    values,
    release: (all) => {
      if (all !== undefined) isHolding = false;
      for (const answer of waiting.splice(0, all === undefined ? 1 : waiting.length)) answer();
    },
    get held() {
      return waiting.length;
    },
  };
}
