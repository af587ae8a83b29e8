import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { index, nodeId, term } from "../../src/raft/index.ts";
import type { SnapshotOffer, SnapshotSink } from "../../src/transport/index.ts";
import { gateway, isUp, type TestNode, until, World } from "./nodes.ts";

const BYTES = 3_000_000;
const CHUNK = 50_000;
const NEVER = new AbortController().signal;
let directory: string;
let path: string;
let content: Buffer;
let world: World;
/** Has the snapshot. */
let a: TestNode;
/** Fetches it. */
let b: TestNode;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "raftally-transport-"));
  path = join(directory, "snapshot");
  content = randomBytes(BYTES);
  await writeFile(path, content);
});
afterAll(() => rm(directory, { recursive: true }));

beforeEach(async () => {
  world = await World.of("n1", "n2");
  a = await world.open("n1", { settings: { chunkBytes: CHUNK } });
  b = await world.open("n2", { settings: { chunkBytes: CHUNK } });
});
afterEach(() => world.close());

function offerOf(token: string, bytes: number = BYTES): SnapshotOffer {
  const configuration = { voters: [], outgoing: [], learners: [], members: [], removed: [] };
  const meta = { index: index(1), term: term(1), chain: 1, configuration, configurationIndex: index(0) };
  return { meta, bytes, sha256: createHash("sha256").update(content).digest("hex"), digest: 1, token };
}

/** Keeps what it is given, as the store does: what has come stays. */
class Sink implements SnapshotSink {
  readonly chunks: Buffer[] = [];
  offset = 0;
  /** Called after each chunk. */
  onChunk: (offset: number) => Promise<void> | void = () => undefined;
  #writing = false;

  async write(chunk: Uint8Array): Promise<void> {
    if (this.#writing) throw new Error("the chunk before was not awaited");
    this.#writing = true;
    this.chunks.push(Buffer.from(chunk));
    this.offset += chunk.length;
    await this.onChunk(this.offset);
    this.#writing = false;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }
}

/** A bare request to n1's peer port. */
function ask(
  where: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: Buffer; range: string | undefined }> {
  return new Promise((resolve, reject) => {
    get({ host: "127.0.0.1", port: a.transport.port, path: where, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          body: Buffer.concat(chunks),
          range: response.headers["content-range"],
        }),
      );
    }).on("error", reject);
  });
}

describe("a snapshot", () => {
  it("arrives whole, in chunks that are awaited one by one", async () => {
    const sink = new Sink();
    const token = a.transport.offer(path, BYTES);
    expect(await b.transport.fetchSnapshot(nodeId("n1"), offerOf(token), sink, NEVER)).toBe(true);
    expect(sink.bytes.equals(content)).toBe(true);
    expect(Math.max(...sink.chunks.map((chunk) => chunk.length))).toBeLessThanOrEqual(CHUNK);
  });

  it("is fetched from an offset on, and not at all when everything is here", async () => {
    const token = a.transport.offer(path, BYTES);
    const sink = new Sink();
    await sink.write(content.subarray(0, 2_999_000));
    expect(await b.transport.fetchSnapshot(nodeId("n1"), offerOf(token), sink, NEVER)).toBe(true);
    expect(sink.bytes.equals(content)).toBe(true);
    a.transport.withdraw(token);
    expect(await b.transport.fetchSnapshot(nodeId("n1"), offerOf(token), sink, NEVER)).toBe(true);
    expect(sink.offset).toBe(BYTES);
  });

  it("is served as a range over plain HTTP, and only as far as it was offered", async () => {
    const token = a.transport.offer(path, 1000);
    const whole = await ask(`/raft/snapshots/${token}`);
    expect([whole.status, whole.range]).toEqual([206, "bytes 0-999/1000"]);
    expect(whole.body.equals(content.subarray(0, 1000))).toBe(true);
    const rest = await ask(`/raft/snapshots/${token}`, { range: "bytes=990-" });
    expect([rest.status, rest.range]).toEqual([206, "bytes 990-999/1000"]);
    expect(rest.body.equals(content.subarray(990, 1000))).toBe(true);
    for (const range of ["bytes=1000-", "bytes=-5", "bytes=1-2", "lines=1-", "bytes=99999999999999999999-"]) {
      expect((await ask(`/raft/snapshots/${token}`, { range })).status).toBe(416);
    }
  });

  it("is not found by another token, nor by one that was withdrawn, nor by a path", async () => {
    const token = a.transport.offer(path, BYTES);
    a.transport.withdraw(token);
    for (const name of [token, "", "x".repeat(22), "../../etc/passwd", path, "__proto__"]) {
      expect((await ask(`/raft/snapshots/${encodeURI(name)}`)).status).toBe(404);
    }
    const sink = new Sink();
    expect(await b.transport.fetchSnapshot(nodeId("n1"), offerOf(token), sink, NEVER)).toBe(false);
    expect(sink.offset).toBe(0);
    expect(b.heard.notices.at(-1)?.detail).toContain("404");
  });

  it("goes on where it was interrupted, wherever that was", async () => {
    const token = a.transport.offer(path, BYTES);
    const sink = new Sink();
    let attempts = 0;
    for (const stop of [1, 60_000, 1_000_000, 2_000_001, 2_999_999]) {
      sink.onChunk = (offset) => {
        if (offset >= stop) world.relay("n1").cut();
      };
      const before = sink.offset;
      const done = await b.transport.fetchSnapshot(nodeId("n1"), offerOf(token), sink, NEVER);
      attempts += done ? 0 : 1;
      expect(sink.offset).toBeGreaterThanOrEqual(before);
      if (done) break;
    }
    sink.onChunk = () => undefined;
    expect(await b.transport.fetchSnapshot(nodeId("n1"), offerOf(token), sink, NEVER)).toBe(true);
    expect(sink.bytes.equals(content)).toBe(true);
    expect(attempts).toBeGreaterThanOrEqual(2);
  });

  it("ends when it is withdrawn in the middle, and the file is let go of", async () => {
    const token = a.transport.offer(path, BYTES);
    const sink = new Sink();
    sink.onChunk = () => a.transport.withdraw(token);
    expect(await b.transport.fetchSnapshot(nodeId("n1"), offerOf(token), sink, NEVER)).toBe(false);
    expect(sink.offset).toBeLessThan(BYTES);
    expect(a.heard.notices.filter((notice) => notice.event === "snapshotSendFailed")).toEqual([]);
  });

  it("ends when the caller gives up", async () => {
    const token = a.transport.offer(path, BYTES);
    const sink = new Sink();
    const giveUp = new AbortController();
    sink.onChunk = () => giveUp.abort();
    expect(await b.transport.fetchSnapshot(nodeId("n1"), offerOf(token), sink, giveUp.signal)).toBe(false);
    expect(sink.chunks).toHaveLength(1);
    expect(await b.transport.fetchSnapshot(nodeId("n1"), offerOf(token), sink, giveUp.signal)).toBe(false);
    expect(sink.chunks).toHaveLength(1);
  });

  it("ends when the sink cannot take it", async () => {
    const token = a.transport.offer(path, BYTES);
    const sink = new Sink();
    sink.onChunk = () => Promise.reject(new Error("the disk is full"));
    expect(await b.transport.fetchSnapshot(nodeId("n1"), offerOf(token), sink, NEVER)).toBe(false);
    expect(b.heard.notices.at(-1)?.detail).toContain("the disk is full");
  });

  it("ends when no byte moves any more", async () => {
    await b.close();
    b = await world.open("n2", { settings: { snapshotIdleMsMax: 200 } });
    const token = a.transport.offer(path, BYTES);
    const sink = new Sink();
    sink.onChunk = () => {
      world.relay("n1").frozen = true;
    };
    expect(await b.transport.fetchSnapshot(nodeId("n1"), offerOf(token), sink, NEVER)).toBe(false);
    expect(sink.offset).toBeLessThan(BYTES);
  });

  it("is refused when the file is shorter than was offered", async () => {
    const short = join(directory, "short");
    await writeFile(short, content.subarray(0, 5000));
    const token = a.transport.offer(short, 10_000);
    const sink = new Sink();
    expect(await b.transport.fetchSnapshot(nodeId("n1"), offerOf(token, 10_000), sink, NEVER)).toBe(false);
    expect(sink.offset).toBe(0);
    expect(a.heard.notices.at(-1)?.detail).toContain("5000 bytes and not 10000");
  });

  it("is not taken for whole when the file shrinks on the way, or has another length than the offer says", async () => {
    const shrinking = join(directory, "shrinking");
    await writeFile(shrinking, content);
    const token = a.transport.offer(shrinking, BYTES);
    const sink = new Sink();
    sink.onChunk = () => truncate(shrinking, 100_000);
    expect(await b.transport.fetchSnapshot(nodeId("n1"), offerOf(token), sink, NEVER)).toBe(false);
    await until(() => a.heard.notices.some((notice) => /became shorter/.test(notice.detail)));
    const other = new Sink();
    const whole = a.transport.offer(path, BYTES);
    expect(await b.transport.fetchSnapshot(nodeId("n1"), offerOf(whole, BYTES - 1), other, NEVER)).toBe(
      false,
    );
    expect(other.offset).toBe(0);
  });

  it("waits for a slow reader instead of filling the memory, and heartbeats pass by meanwhile", async () => {
    await until(() => isUp(a, "n2") && isUp(b, "n1"));
    const large = join(directory, "large");
    const size = 80_000_000;
    await writeFile(large, "");
    await truncate(large, size);
    const token = a.transport.offer(large, size);
    const gate = gateway();
    const sink = new Sink();
    let received = 0;
    sink.onChunk = (offset) => {
      received = offset;
      sink.chunks.length = 0;
      return gate.passed;
    };
    const before = process.memoryUsage().rss;
    const fetching = b.transport.fetchSnapshot(nodeId("n1"), offerOf(token, size), sink, NEVER);
    await until(() => received > 0);
    for (let i = 1; i <= 20; i++) {
      a.transport.send(b.id, { kind: "digest", index: 1024 * i, digest: i });
      await until(() => b.heard.packets.length === i);
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(40_000_000);
    expect(received).toBeLessThanOrEqual(CHUNK);
    gate.open();
    expect(await fetching).toBe(true);
    expect(received).toBe(size);
  });

  it("is not fetched from a node that is no peer, nor after the transport was closed", async () => {
    const token = a.transport.offer(path, BYTES);
    const sink = new Sink();
    expect(await b.transport.fetchSnapshot(nodeId("n9"), offerOf(token), sink, NEVER)).toBe(false);
    sink.onChunk = () => b.close();
    expect(await b.transport.fetchSnapshot(nodeId("n1"), offerOf(token), sink, NEVER)).toBe(false);
    expect(await b.transport.fetchSnapshot(nodeId("n1"), offerOf(token), new Sink(), NEVER)).toBe(false);
    expect((await readFile(path)).equals(content)).toBe(true);
  });
});
