/** What the tests of the client share. */

import { RaftallyClient } from "../../src/client/index.ts";
import type { FakeNode } from "./fake-node.ts";

/** Pauses are short; the time of an attempt is long enough for a machine that has much else to do. */
export function clientOf(...nodes: readonly (FakeNode | string)[]): RaftallyClient {
  return new RaftallyClient({
    urls: nodes.map((node) => (typeof node === "string" ? node : node.url)),
    timeoutMs: 10_000,
    attemptTimeoutMs: 1_000,
    backoffMsMin: 5,
    backoffMsMax: 20,
    // The answers of a fake node are counted.
    discoverMs: 0,
  });
}

/** The error that a call ends with. */
export async function failure(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => "it resolved",
    (error: unknown) => error,
  );
}

export function keysOf(...nodes: readonly FakeNode[]): readonly (string | undefined)[] {
  return nodes.flatMap((node) => node.asked.map((asked) => asked.idempotencyKey));
}
