/** The callers of the rows: what they count as acknowledged, and what they ask for. */

import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { describe, expect, it, onTestFinished } from "vitest";
import { inBatches } from "../../bench/rows/batches.ts";
import { AnyKeyCaller, keyOf } from "../../bench/rows/many-keys.ts";
import { Writers } from "../../bench/rows/writers.ts";

/** A cluster of one that answers when it is told to. */
class Desk {
  readonly #waiting: ((answer: Response | Error) => void)[] = [];
  #asked = 0;

  readonly fetch = (async (_url: string | URL | Request, init?: RequestInit): Promise<Response> => {
    this.#asked += 1;
    return await new Promise((resolve, reject) => {
      init?.signal?.addEventListener("abort", () => reject(new Error("aborted")));
      this.#waiting.push((answer) => (answer instanceof Error ? reject(answer) : resolve(answer)));
    });
  }) as typeof fetch;

  get asked(): number {
    return this.#asked;
  }

  async answer(make: () => Response | Error): Promise<void> {
    await expect.poll(() => this.#waiting.length, { interval: 1 }).toBeGreaterThan(0);
    this.#waiting.shift()?.(make());
  }
}

const done = (): Response =>
  Response.json({ key: "k", value: 1, revision: 1, changed: true, index: 1, term: 1 });

const refused = (): Response =>
  Response.json(
    { type: "about:blank", status: 409, code: "COUNTER_OVERFLOW", outcome: "not-applied", title: "no" },
    { status: 409 },
  );

function writersAt(desk: Desk, loops: number): { writers: Writers; stop: AbortController } {
  const stop = new AbortController();
  const writers = new Writers(
    { urls: ["http://127.0.0.1:1"], clients: 1, loops, key: "k", signal: stop.signal },
    { fetch: desk.fetch, discoverMs: 0, timeoutMs: 600_000, attemptTimeoutMs: 600_000 },
  );
  onTestFinished(() => stop.abort());
  return { writers, stop };
}

describe("writers", () => {
  it("tell the first acknowledgement of a write that was begun after a moment, not one from before", async () => {
    const desk = new Desk();
    const { writers, stop } = writersAt(desk, 1);
    writers.start();
    await expect.poll(() => desk.asked, { interval: 1 }).toBe(1);
    const momentMs = performance.now();
    let first: { readonly begunMs: number } | undefined;
    const heard = writers.firstBegunFrom(momentMs, stop.signal).then((one) => {
      first = one;
    });
    await desk.answer(done);
    await expect.poll(() => desk.asked, { interval: 1 }).toBe(2);
    expect(writers.acknowledged).toBe(1);
    expect(first).toBeUndefined();
    await desk.answer(done);
    await heard;
    expect(first?.begunMs).toBeGreaterThanOrEqual(momentMs);
  });

  it("know what was acknowledged, what was refused, and of what nobody knows", async () => {
    const desk = new Desk();
    const { writers, stop } = writersAt(desk, 1);
    writers.start();
    await desk.answer(done);
    await desk.answer(refused);
    await desk.answer(done);
    await expect.poll(() => desk.asked, { interval: 1 }).toBe(4);
    expect([writers.acknowledged, writers.refused, writers.unknown]).toEqual([2, 1, 0]);
    // The fourth is out and will not be answered: it may count or not.
    stop.abort();
    await writers.stop();
    expect([writers.acknowledged, writers.refused, writers.unknown]).toEqual([2, 1, 1]);
  });

  it("tell the longest time without an acknowledgement, also while it goes on", async () => {
    const desk = new Desk();
    const { writers } = writersAt(desk, 1);
    writers.start();
    await desk.answer(done);
    await expect.poll(() => writers.acknowledged, { interval: 1 }).toBe(1);
    const fromMs = performance.now();
    await expect.poll(() => performance.now() - fromMs, { interval: 5 }).toBeGreaterThan(60);
    expect(writers.lap()).toBeGreaterThan(60);
    expect(writers.lap()).toBeLessThan(50);
  });

  it("wait no longer than they are allowed to", async () => {
    const desk = new Desk();
    const { writers, stop } = writersAt(desk, 1);
    const waiting = writers.progress(1, stop.signal);
    stop.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    await expect(writers.firstBegunFrom(0, stop.signal)).rejects.toThrow("enough");
  });
});

async function listening(
  onBatch: (keys: readonly string[], request: IncomingMessage) => number,
): Promise<string> {
  const server: Server = createServer((request, response) => {
    let text = "";
    request.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    request.on("end", () => {
      const { operations } = JSON.parse(text) as { operations: readonly { key: string }[] };
      response.writeHead(
        onBatch(
          operations.map(({ key }) => key),
          request,
        ),
      );
      response.end("{}");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
}

describe("batches", () => {
  const { signal } = new AbortController();

  it("increment every key equally often, exactly as often as they are to", async () => {
    const counted = new Map<string, number>();
    const url = await listening((keys, { url: path, method }) => {
      expect([method, path]).toEqual(["POST", "/v1/batch"]);
      expect(keys).toHaveLength(1_000);
      for (const key of keys) counted.set(key, (counted.get(key) ?? 0) + 1);
      return 200;
    });
    const told: number[] = [];
    const onProgress = (count: number): void => void told.push(count);
    const nameOf = keyOf;
    expect(await inBatches({ url, keys: 4_000, increments: 40_000, nameOf, signal, onProgress })).toBe(
      40_000,
    );
    expect(counted.size).toBe(4_000);
    expect(new Set(counted.values())).toEqual(new Set([10]));
    expect(told).toEqual([20_000, 40_000]);
  });

  it("go round fewer keys than a batch has operations", async () => {
    const keys = new Set<string>();
    const url = await listening((some) => {
      for (const key of some) keys.add(key);
      return 200;
    });
    const nameOf = (key: number): string => `k${key}`;
    expect(await inBatches({ url, keys: 3, increments: 2_000, nameOf, signal })).toBe(2_000);
    expect([...keys].sort()).toEqual(["k0", "k1", "k2"]);
  });

  it("end with the first that is not carried out", async () => {
    let batches = 0;
    const url = await listening(() => (++batches < 3 ? 200 : 307));
    const all = inBatches({ url, keys: 1_000, increments: 100_000, nameOf: keyOf, signal });
    await expect(all).rejects.toThrow(/answered by 307/);
    await expect(inBatches({ url, keys: 1, increments: 999, nameOf: keyOf, signal })).rejects.toThrow(
      "multiple of 1,000",
    );
  });
});

describe("callers of any key", () => {
  const KEY =
    /^POST \/v1\/counters\/many:(\d{7})\/increment HTTP\/1\.1\r\nHost: [^\r]+\r\nContent-Length: 0\r\n\r\n$/;
  const asked = (caller: AnyKeyCaller): number =>
    Number(KEY.exec(Buffer.from(caller.request()).toString("latin1"))?.[1] ?? "not a request");

  it("ask for each key about as often as for any other, and for no other", () => {
    const caller = new AnyKeyCaller(1_000, 5);
    const counts = new Array<number>(1_000).fill(0);
    for (let n = 0; n < 200_000; n++) {
      const key = asked(caller);
      counts[key] = (counts[key] ?? 0) + 1;
    }
    expect(counts).toHaveLength(1_000);
    // 200 on average, with a deviation of 14: six of them to either side.
    expect(Math.min(...counts)).toBeGreaterThan(115);
    expect(Math.max(...counts)).toBeLessThan(285);
  });

  it("go different ways, each the same every time", () => {
    const way = (seed: number): readonly number[] => {
      const caller = new AnyKeyCaller(1_000_000, seed);
      return Array.from({ length: 20 }, () => asked(caller));
    };
    expect(way(1)).toEqual(way(1));
    expect(way(1)).not.toEqual(way(2));
    expect(new Set(way(3)).size).toBeGreaterThan(15);
  });

  it("take nothing but a 200 for an acknowledgement", () => {
    const caller = new AnyKeyCaller(10, 0);
    const head = (status: string): Buffer => Buffer.from(`HTTP/1.1 ${status}\r\nContent-Length: 2\r\n\r\n{}`);
    expect(caller.hear(head("200 OK"))).toBe("done");
    expect(() => caller.hear(head("307 Temporary Redirect"))).toThrow("307");
    expect(() => caller.hear(head("503 Service Unavailable"))).toThrow("503");
  });
});
