import { createServer } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { benchIn } from "../../bench/contenders/postgres.ts";
import { csvIn } from "../../bench/contenders/redis.ts";
import { type Connection, closedLoop } from "../../bench/load/closed-loop.ts";
import { Puts } from "../../bench/load/etcd-calls.ts";
import { GrpcCaller } from "../../bench/load/grpc-caller.ts";
import { HttpCaller } from "../../bench/load/http-caller.ts";
import type { HttpWork } from "../../bench/load/http-work.ts";
import { encode } from "../../bench/load/protobuf.ts";
import { resultIn, scriptOf } from "../../bench/load/wrk.ts";

const SHORT = { warmupSeconds: 0.02, seconds: 0.1, signal: new AbortController().signal };

const WORK: HttpWork = {
  urls: ["http://127.0.0.1:6000"],
  connections: 4,
  method: "POST",
  paths: ["/a"],
  weight: 1,
};

async function listening(server: Pick<Server, "listen" | "close" | "address">): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

function httpCallers(port: number, work: HttpWork): readonly Connection[] {
  return Array.from({ length: work.connections }, (_, at) => ({ port, caller: new HttpCaller(work, at) }));
}

describe("the generator", () => {
  it("knows exactly what was answered, from the first to the last", async () => {
    let answered = 0;
    const server = createServer((_, response) => {
      answered += 1;
      response.setHeader("content-length", 2).end("{}");
    });
    const port = await listening(server);
    const done = await closedLoop(httpCallers(port, { ...WORK, weight: 10 }), SHORT);
    expect(done.acknowledged).toBe(answered * 10);
    expect(done.rate).toBeGreaterThan(0);
    expect(done.rate * SHORT.seconds).toBeLessThan(done.acknowledged);
    expect(done.figures.p50).toBeGreaterThan(0);
    expect(done.figures.p99).toBeGreaterThanOrEqual(done.figures.p50 ?? 0);
  });

  it("fails when one answer is not what it has to be", async () => {
    let answered = 0;
    const server = createServer((_, response) => {
      answered += 1;
      response.statusCode = answered === 20 ? 503 : 200;
      response.setHeader("content-length", 2).end("{}");
    });
    const port = await listening(server);
    await expect(closedLoop(httpCallers(port, WORK), { ...SHORT, seconds: 10 })).rejects.toThrow("503");
  });

  it("fails when a connection is closed, or nobody listens", async () => {
    const server = createTcpServer((socket) => socket.once("data", () => socket.end()));
    const port = await listening(server);
    await expect(closedLoop(httpCallers(port, WORK), { ...SHORT, seconds: 10 })).rejects.toThrow("closed");
    await new Promise((resolve) => server.close(resolve));
    await expect(closedLoop(httpCallers(port, WORK), SHORT)).rejects.toThrow("ECONNREFUSED");
  });

  it("ends at once when it is interrupted", async () => {
    const controller = new AbortController();
    const server = createServer((_, response) => {
      controller.abort();
      response.setHeader("content-length", 2).end("{}");
    });
    const port = await listening(server);
    const asked = closedLoop(httpCallers(port, WORK), { ...SHORT, seconds: 10, signal: controller.signal });
    await expect(asked).rejects.toThrow(/interrupted|abort/);
  });
});

describe("gRPC on bare sockets", () => {
  /** As much of etcd as a put needs, on Node's own HTTP/2. */
  async function etcdLike(
    answerOf: (put: number) => "ok" | "error",
  ): Promise<{ port: number; puts: () => number }> {
    let puts = 0;
    const server = createHttp2Server();
    server.on("stream", (stream, headers) => {
      expect(headers[":path"]).toBe("/etcdserverpb.KV/Put");
      expect(headers["content-type"]).toBe("application/grpc");
      const parts: Buffer[] = [];
      stream.on("data", (part: Buffer) => parts.push(part));
      stream.on("end", () => {
        puts += 1;
        const put = Buffer.concat(parts);
        expect(put.readUInt32BE(1)).toBe(put.length - 5);
        if (answerOf(puts) === "error") {
          stream.respond({ ":status": 200, "grpc-status": "8" }, { endStream: true });
          return;
        }
        const message = encode([[1, [[3, puts]]]]);
        const prefix = Buffer.alloc(5);
        prefix.writeUInt32BE(message.length, 1);
        stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
        stream.end(Buffer.concat([prefix, message]));
      });
    });
    return { port: await listening(server), puts: () => puts };
  }

  function callers(port: number): readonly Connection[] {
    return [0, 1, 2].map(() => ({ port, caller: new GrpcCaller(new Puts(["k"], 0)) }));
  }

  it("is understood by another HTTP/2, call after call on one connection", async () => {
    const { port, puts } = await etcdLike(() => "ok");
    const done = await closedLoop(callers(port), { ...SHORT, seconds: 0.3 });
    expect(done.acknowledged).toBe(puts());
    expect(done.acknowledged).toBeGreaterThan(6);
  });

  it("carries many calls at a time on one connection", async () => {
    const { port, puts } = await etcdLike(() => "ok");
    const shared = [{ port, caller: new GrpcCaller(new Puts(["k"], 0), 32) }];
    const done = await closedLoop(shared, { ...SHORT, seconds: 0.3 });
    expect(done.acknowledged).toBe(puts());
    expect(done.acknowledged).toBeGreaterThan(64);
  });

  it("does not take an error for an answer", async () => {
    const { port } = await etcdLike((put) => (put === 5 ? "error" : "ok"));
    await expect(closedLoop(callers(port), { ...SHORT, seconds: 10 })).rejects.toThrow("carries no message");
  });
});

describe("what other generators print", () => {
  it("is read of wrk, unless it saw errors", () => {
    const line = 'RESULT {"requests":10,"bytes":1,"durationUs":1000000,"errors":0,"cpuSeconds":0.1,"p50":1}';
    expect(resultIn(`Running\n${line}\n`)).toMatchObject({ requests: 10, p50: 1 });
    expect(() => resultIn(line.replace('"errors":0', '"errors":2'))).toThrow("2 errors");
    expect(() => resultIn("unable to connect")).toThrow("unable to connect");
  });

  it("is read of pgbench, unless transactions failed", () => {
    const printed = [
      "number of transactions actually processed: 1541",
      "number of failed transactions: 0 (0.000%)",
      "initial connection time = 93.1 ms",
      "tps = 475.5 (without initial connection time)",
    ].join("\n");
    expect(benchIn(printed)).toEqual({ transactions: 1541, rate: 475.5 });
    expect(() => benchIn(printed.replace("failed transactions: 0", "failed transactions: 3"))).toThrow(
      "pgbench",
    );
    expect(() => benchIn("could not connect")).toThrow("could not connect");
  });

  it("is read of redis-benchmark by the names of its columns", () => {
    const head =
      '"test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"';
    const printed = `${head}\n"INCR key","5574.14","10.9","0.2","5.663","40.1","84.927","175.103"\n`;
    expect(csvIn(printed)).toEqual({ rate: 5574.14, p50: 5.663, p99: 84.927, max: 175.103 });
    expect(() => csvIn("Could not connect")).toThrow("Could not connect");
  });
});

describe("the script for wrk", () => {
  it("writes requests as Lua does, and numbers them only where they are numbered", () => {
    const plain = scriptOf({ ...WORK, body: '{"a\\b":1}' }, "m");
    expect(plain).toContain('\\"a\\\\b\\"');
    expect(plain).toContain('wrk.path = "/a"');
    expect(plain).not.toContain("function request");
    expect(scriptOf({ ...WORK, paths: ["/a", "/b"] }, "m")).toContain("return before[at]\n");
    expect(scriptOf({ ...WORK, numbered: { kind: "key", prefix: "p" } }, "m")).toContain(
      '"Idempotency-Key: p-m-" .. id .. "-" .. n',
    );
    const inSessions = { ...WORK, numbered: { kind: "session", sessions: [4, 5] } } as const;
    expect(() => scriptOf(inSessions, "m")).toThrow("cannot keep a session for each caller");
  });

  it("gives each thread an address", () => {
    const urls = ["http://127.0.0.1:6001", "http://127.0.0.1:6002"];
    expect(scriptOf({ ...WORK, urls }, "m")).toContain("local addresses = { 6001, 6002 }");
  });
});
