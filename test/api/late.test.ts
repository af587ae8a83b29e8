/** Requests that arrive after they were refused for being late: what was refused is not carried out. */

import { connect, type Socket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { serveApi } from "../../src/api/index.ts";
import { type Bench, INCREMENT, makeBench } from "./kit.ts";

const LIMITS = { headersTimeout: 40, requestTimeout: 40, connectionsCheckingInterval: 5 };

interface Late {
  readonly bench: Bench;
  readonly socket: Socket;
  /** All that was answered so far. */
  received(): string;
}

/** A client that goes on sending after it has heard the end of the answers. */
async function lateClient(): Promise<Late> {
  const bench = makeBench();
  const server = await serveApi(bench.api, { host: "127.0.0.1", port: 0, limits: LIMITS });
  onTestFinished(() => server.close(0));
  const socket = connect({ host: "127.0.0.1", port: server.port, allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  let text = "";
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1");
  });
  socket.on("error", () => {});
  return { bench, socket, received: () => text };
}

/** One that was answered once. On a busy machine even that may be late for limits as short as these: then another. */
async function answeredClient(): Promise<Late> {
  for (;;) {
    const late = await lateClient();
    late.socket.write(`${HEAD}\r\n{"by":5}`);
    await expect.poll(late.received, { interval: 5 }).toMatch(/^HTTP\/1\.1 (?:200|408) /);
    if (late.received().startsWith("HTTP/1.1 200 ")) return late;
    late.socket.destroy();
  }
}

/** Until the server has read all that was sent, or has closed. */
async function settle({ bench, socket }: Late): Promise<void> {
  const other = await serveApi(bench.api, { host: "127.0.0.1", port: 0 });
  onTestFinished(() => other.close(0));
  for (let n = 0; n < 20; n++) await fetch(`http://127.0.0.1:${other.port}/livez`);
  expect(socket.writableLength).toBe(0);
}

const HEAD = `POST ${INCREMENT} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 8\r\n`;

describe("what was refused for being late", () => {
  it.each([
    ["nothing of it was there", "", `${HEAD}\r\n{"by":5}`],
    ["its headers were not all there", HEAD.slice(0, 40), `${HEAD.slice(40)}\r\n{"by":5}`],
    ["its body was not all there", `${HEAD}\r\n{"by"`, ":5}"],
    ["a whole one comes after it", `${HEAD}\r\n{"by"`, `:5}${HEAD}\r\n{"by":5}`],
  ])("is not carried out when it comes after all: %s", async (_, first, rest) => {
    const late = await lateClient();
    if (first !== "") late.socket.write(first);
    await expect.poll(late.received, { interval: 5 }).toMatch(/^HTTP\/1\.1 408 /);
    late.socket.write(rest);
    await settle(late);
    expect(late.bench.service.index).toBe(0);
    expect(late.received().match(/HTTP\/1\.1/g)).toHaveLength(1);
  });

  it("leaves no connection behind, though the client keeps its side open", async () => {
    const late = await lateClient();
    const closed = new Promise((resolve) => late.socket.once("close", resolve));
    late.socket.write(`${HEAD}\r\n{"by"`);
    await expect.poll(late.received, { interval: 5 }).toMatch(/^HTTP\/1\.1 408 /);
    // More than any buffer on the way holds, so that it is not read to its end.
    late.socket.write(Buffer.alloc(32 * 1_048_576));
    await closed;
    expect(late.bench.service.index).toBe(0);
  });

  it("is not carried out either where an earlier one was answered on the connection", async () => {
    const late = await answeredClient();
    late.socket.write(HEAD.slice(0, 40));
    await expect.poll(late.received, { interval: 5 }).toMatch(/HTTP\/1\.1 408 /);
    late.socket.write(`${HEAD.slice(40)}\r\n{"by":5}`);
    await settle(late);
    expect(late.bench.service.index).toBe(1);
  });
});
