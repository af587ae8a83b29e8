/** What only the bytes on the wire show: raw targets, bodies without a length, header limits, pipelining. */

import { createServer } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ApiServer, serveApi } from "../../src/api/index.ts";
import type { ErrorCode } from "../../src/base/index.ts";
import { type Bench, expectProblem, INCREMENT, makeBench, RawConnection } from "./kit.ts";

let bench: Bench;
let server: ApiServer;
beforeEach(async () => {
  bench = makeBench();
  server = await serveApi(bench.api, { host: "127.0.0.1", port: 0 });
});
afterEach(() => server.close(0));

const open = (): RawConnection => new RawConnection(server.port);

/** A request of these lines, each ended as HTTP wants it, and a blank one. */
function lines(...all: readonly string[]): string {
  return `${all.join("\r\n")}\r\n\r\n`;
}

const post = (target: string, ...headers: readonly string[]): string =>
  lines(`POST ${target} HTTP/1.1`, "Host: x", ...headers);

const get = (target: string, ...headers: readonly string[]): string =>
  lines(`GET ${target} HTTP/1.1`, "Host: x", ...headers);

function chunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}

describe("a key in the raw target", () => {
  it.each([
    ["/v1/counters/a%2Fb/increment", "a/b"],
    ["/v1/counters/%2e%2e%2fx/increment", "../x"],
    ["/v1/counters/.../increment", "..."],
    ["/v1/counters/a+b/increment", "a+b"],
    ["/v1/counters/a;v=1/increment", "a;v=1"],
    ["/v1/counters/%E2%82%AC/increment", "€"],
    ["/v1/counters/%25zz/increment", "%zz"],
    ["/v1/counters/{x}|'\"/increment", "{x}|'\""],
    ["http://elsewhere:99/v1/counters/abs/increment", "abs"],
    ["HTTP://x/v1/counters/abs%2e/increment", "abs."],
  ])("%s is %j", async (target, key) => {
    const answer = await open().send(post(target, "Content-Length: 0")).answer();
    expect(JSON.parse(answer.body)).toMatchObject({ key, value: 1 });
    expect(bench.service.counter(key)?.value).toBe(1n);
  });

  it.each<[string, ErrorCode, RegExp]>([
    ["/v1/counters/./increment", "INVALID_KEY", /must not be "\."/],
    ["/v1/counters/../increment", "INVALID_KEY", /must not be "\."/],
    ["/v1/counters/%2e/increment", "INVALID_KEY", /must not be "\."/],
    ["/v1/counters/%2E%2e/increment", "INVALID_KEY", /must not be "\."/],
    ["/v1/counters/.%2e/increment", "INVALID_KEY", /must not be "\."/],
    ["/v1/counters//increment", "INVALID_KEY", /must not be empty/],
    ["/v1/counters/a#b/increment", "INVALID_KEY", /percent-encoded/],
    ["/v1/counters/caf\u00c3\u00a9/increment", "MALFORMED_REQUEST", /percent-encoded ASCII/],
    ["/v1/counters/a\\b/increment", "INVALID_KEY", /%5C/],
    ["/v1/counters/%/increment", "INVALID_KEY", /two hex digits/],
    ["/v1/counters/%f0%28%8c%28/increment", "INVALID_KEY", /UTF-8/],
    ["/v1/counters/a/../b/increment", "ROUTE_NOT_FOUND", /there is no/],
    ["/v1/../v1/counters/a/increment", "ROUTE_NOT_FOUND", /there is no/],
    ["//v1/counters/a/increment", "ROUTE_NOT_FOUND", /there is no/],
    ["/v1/counters/a/increment#x", "ROUTE_NOT_FOUND", /there is no/],
    ["\\v1", "MALFORMED_REQUEST", /percent-encoded ASCII/],
    ["*", "ROUTE_NOT_FOUND", /there is no/],
  ])("%s is refused", async (target, code, detail) => {
    const connection = open().send(Buffer.from(post(target, "Content-Length: 0"), "latin1"));
    const answer = await connection.answer();
    expectProblem(JSON.parse(answer.body), code, detail);
    expect(bench.service.index).toBe(0);
  });
});

describe("a body on the wire", () => {
  it("may be absent, with or without a type, a length or chunks", async () => {
    const connection = open();
    const requests = [
      post(INCREMENT),
      post(INCREMENT, "Content-Length: 0", "Content-Type: text/plain"),
      `${post(INCREMENT, "Transfer-Encoding: chunked", "Content-Type: text/plain")}0\r\n\r\n`,
    ];
    for (const request of requests) expect((await connection.send(request).answer()).status).toBe(200);
    expect(bench.service.counter("hits")?.value).toBe(3n);
  });

  it("may come in pieces, split inside a character", async () => {
    const body = Buffer.from('{"once":"é","by":3}');
    const connection = open();
    connection.send(post(INCREMENT, "Content-Type: application/json", `Content-Length: ${body.length}`));
    for (const byte of body) connection.send(Uint8Array.of(byte));
    expect(JSON.parse((await connection.answer()).body)).toMatchObject({ value: 3 });
    const request = post(INCREMENT, "Content-Type: application/json", "Transfer-Encoding: chunked");
    const pieces = chunk('{"by"') + chunk(":2") + chunk("}");
    expect(JSON.parse((await connection.send(`${request}${pieces}0\r\n\r\n`).answer()).body)).toMatchObject({
      value: 5,
    });
  });

  it("that is announced too large is refused before it is read, and the connection ends", async () => {
    const connection = open();
    connection.send(post(INCREMENT, "Content-Type: application/json", "Content-Length: 1048577"));
    const answer = await connection.answer();
    expect(answer.status).toBe(413);
    expectProblem(JSON.parse(answer.body), "BODY_TOO_LARGE");
    await connection.untilClosed();
    expect(bench.service.index).toBe(0);
  });

  it("that never ends is refused at the limit, and the connection ends", async () => {
    const connection = open();
    connection.send(post(INCREMENT, "Content-Type: application/json", "Transfer-Encoding: chunked"));
    const piece = chunk(" ".repeat(65_536));
    const flood = setInterval(() => connection.send(piece), 1);
    const answer = await connection.answer();
    expectProblem(JSON.parse(answer.body), "BODY_TOO_LARGE");
    await connection.untilClosed();
    clearInterval(flood);
    expect(bench.service.index).toBe(0);
  });

  it("that is too large but soon over leaves the connection usable", async () => {
    const connection = open();
    const body = " ".repeat(1_048_577);
    connection.send(
      post(INCREMENT, "Content-Type: application/json", `Content-Length: ${body.length}`) + body,
    );
    expect((await connection.answer()).status).toBe(413);
    expect((await connection.send(post(INCREMENT)).answer()).status).toBe(200);
  });

  it("that a client asks about first is only asked for if it fits", async () => {
    const expecting = (length: number): string =>
      post(INCREMENT, "Content-Type: application/json", `Content-Length: ${length}`, "Expect: 100-continue");
    const small = open().send(expecting(8));
    expect((await small.answer()).status).toBe(100);
    expect((await small.send('{"by":4}').answer()).status).toBe(200);
    expect((await open().send(expecting(1_048_577)).answer()).status).toBe(413);
  });

  it("that breaks off changes nothing", async () => {
    const connection = open();
    connection.send(post(INCREMENT, "Content-Type: application/json", "Content-Length: 20"));
    connection.send('{"by":1');
    await new Promise<void>((resolve) => connection.socket.end(resolve));
    await connection.untilClosed();
    expect((await open().send(post("/v1/counters/other/increment")).answer()).status).toBe(200);
    expect(bench.service.counter("hits")).toBeUndefined();
    expect(bench.errors).toEqual([]);
  });

  it("is refused when its type is given twice, even the same", async () => {
    const type = "Content-Type: application/json";
    const request = `${post(INCREMENT, type, type.toUpperCase(), "Content-Length: 8")}{"by":5}`;
    const answer = await open().send(request).answer();
    expectProblem(JSON.parse(answer.body), "UNSUPPORTED_MEDIA_TYPE", "Content-Type is given more than once");
    expect(bench.service.index).toBe(0);
  });

  it("is refused in other types without being read, and the connection goes on", async () => {
    const connection = open();
    connection.send(`${post(INCREMENT, "Content-Type: text/plain", "Content-Length: 8")}{"by":5}`);
    expect((await connection.answer()).status).toBe(415);
    expect((await connection.send(post(INCREMENT)).answer()).status).toBe(200);
    expect(bench.service.counter("hits")?.value).toBe(1n);
  });
});

describe("a connection", () => {
  it("answers pipelined requests in order", async () => {
    const connection = open().send(post(INCREMENT) + post("/v1/counters/%zz/increment") + post(INCREMENT));
    const statuses = [];
    for (let i = 0; i < 3; i++) statuses.push((await connection.answer()).status);
    expect(statuses).toEqual([200, 400, 200]);
  });

  it("gets the true answer to a request that is followed by garbage, and then no other", async () => {
    const connection = open().send(`${post(INCREMENT)}garbage\r\n\r\n`);
    const answer = await connection.answer();
    expect(JSON.parse(answer.body)).toMatchObject({ value: 1 });
    await connection.untilClosed();
    await expect(connection.answer()).rejects.toThrow("closed after");
  });

  it("is told of chunks that are none, and nothing counts", async () => {
    const broken = open();
    broken.send(post(INCREMENT, "Content-Type: application/json", "Transfer-Encoding: chunked"));
    expect((await broken.send("zz\r\n").answer()).status).toBe(400);
    await broken.untilClosed();
    // Behind another request the same bytes get no answer, which could be taken for that request's.
    let release: () => void = () => {};
    const arrived = new Promise<void>((resolve) => {
      bench.service.instead = () =>
        new Promise((finish) => {
          release = () => finish({ kind: "failed", code: "OVERLOADED", detail: "", retryAfterMs: 1 });
          resolve();
        });
    });
    const behind = open().send(post(INCREMENT));
    await arrived;
    behind.send(`${post(INCREMENT, "Content-Type: application/json", "Transfer-Encoding: chunked")}zz\r\n`);
    await expect(behind.answer()).rejects.toThrow('closed after ""');
    release();
    expect(bench.service.index).toBe(0);
  });

  it("carries exact integers both ways", async () => {
    const body = '{"by":-9223372036854775808}';
    const type = "Content-Type: application/json";
    const request = post(INCREMENT, type, "Accept: text/plain", `Content-Length: ${body.length}`) + body;
    expect((await open().send(request).answer()).body).toBe("-9223372036854775808\n");
  });

  it("takes idempotency keys, and two of them as none", async () => {
    const connection = open();
    for (const replayed of [false, true]) {
      const answer = await connection.send(post(INCREMENT, 'Idempotency-Key: "k 1"')).answer();
      expect(/^idempotency-replayed: true\r?$/im.test(answer.head)).toBe(replayed);
    }
    const two = await connection.send(post(INCREMENT, "Idempotency-Key: a", "Idempotency-Key: b")).answer();
    expectProblem(JSON.parse(two.body), "INVALID_HEADER");
    expect(bench.service.counter("hits")?.value).toBe(1n);
  });

  it.each<[string, string, number, ErrorCode, RegExp]>([
    ["no HTTP", "hello\r\n\r\n", 400, "MALFORMED_REQUEST", /not an HTTP\/1\.1 request: .*method/i],
    ["another protocol", "GET / FTP/1.1\r\n\r\n", 400, "MALFORMED_REQUEST", /request: \w/],
    [
      "a method that is none",
      lines("FROBNICATE / HTTP/1.1", "Host: x"),
      400,
      "MALFORMED_REQUEST",
      /request: .*method/i,
    ],
    [
      "a raw target",
      get("/v1/counters/caf\u00e9"),
      400,
      "MALFORMED_REQUEST",
      /target must be percent-encoded/,
    ],
    [
      "headers of 20 KB",
      get("/", `X-Long: ${"a".repeat(20_000)}`),
      431,
      "INVALID_HEADER",
      /longer than 16384/,
    ],
    ["a header name that is none", get("/", "a b: c"), 400, "INVALID_HEADER", /cannot be read: .*token/i],
    ["two lengths", post("/", "Content-Length: 1", "Content-Length: 2"), 400, "INVALID_HEADER", /length/i],
    ["a length that is none", post("/", "Content-Length: x"), 400, "INVALID_HEADER", /content-length/i],
    [
      "a length and chunks",
      post("/", "Content-Length: 5", "Transfer-Encoding: chunked"),
      400,
      "INVALID_HEADER",
      /Transfer-Encoding/i,
    ],
    ["no host", lines("GET /livez HTTP/1.1"), 400, "INVALID_HEADER", /needs a Host header/],
    ["two hosts", get("/livez", "Host: y"), 400, "INVALID_HEADER", /Host header is given more than once/],
    ["the same host twice", get("/livez", "hOST: x"), 400, "INVALID_HEADER", /given more than once/],
    [
      "two hosts in HTTP/1.0",
      lines("GET /livez HTTP/1.0", "Host: x", "Host: y"),
      400,
      "INVALID_HEADER",
      /given more than once/,
    ],
    ["a strange expectation", post(INCREMENT, "Expect: frob"), 417, "INVALID_HEADER", /100-continue/],
  ])("with %s is answered with a problem and closed", async (_name, bytes, status, code, detail) => {
    const connection = open().send(Buffer.from(bytes, "latin1"));
    const answer = await connection.answer();
    expect(answer.status).toBe(status);
    expect(answer.head).toMatch(/^content-type: application\/problem\+json\r?$/im);
    const document = JSON.parse(answer.body) as { readonly detail: string };
    expect(document).toMatchObject({ code, status, outcome: "not-applied" });
    expect(document.detail).toMatch(detail);
    await connection.untilClosed();
    expect(bench.service.index).toBe(0);
  });

  it("with a host that is none is answered with a problem", async () => {
    const answer = await open().send(lines("GET / HTTP/1.1", "Host: a b")).answer();
    expectProblem(JSON.parse(answer.body), "INVALID_HEADER", "the Host header is not valid");
  });

  it("without a Host is served in HTTP/1.0", async () => {
    const old = open().send(lines("GET /livez HTTP/1.0"));
    expect((await old.answer()).status).toBe(200);
    await old.untilClosed();
  });

  it("is cut off when its headers do not come", async () => {
    const limits = { headersTimeout: 60, requestTimeout: 60, connectionsCheckingInterval: 10 };
    const strict = await serveApi(bench.api, { host: "127.0.0.1", port: 0, limits });
    const slow = new RawConnection(strict.port).send("GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ");
    const answer = await slow.answer();
    expect(answer.status).toBe(408);
    expect(JSON.parse(answer.body)).toMatchObject({ code: "MALFORMED_REQUEST", status: 408 });
    await slow.untilClosed();
    await strict.close(0);
  });
});

describe("a server", () => {
  it("says that its port is in use, by code and by sentence", async () => {
    await expect(serveApi(bench.api, { host: "127.0.0.1", port: server.port })).rejects.toMatchObject({
      name: "ListenError",
      code: "EADDRINUSE",
      message: `cannot listen on 127.0.0.1:${server.port}: the port is in use by another program, or by another node`,
    });
  });

  it("says that an address is not this machine's", async () => {
    await expect(serveApi(bench.api, { host: "192.0.2.1", port: 0 })).rejects.toMatchObject({
      code: "EADDRNOTAVAIL",
      message: "cannot listen on 192.0.2.1:0: this machine does not have that address",
    });
  });

  it("finishes what is in flight when it closes, and cuts idle connections at once", async () => {
    const idle = open();
    expect((await idle.send(post(INCREMENT)).answer()).status).toBe(200);
    let release: () => void = () => {};
    const { service } = bench;
    const arrived = new Promise<void>((resolve) => {
      service.instead = async () => {
        resolve();
        await new Promise<void>((go) => {
          release = go;
        });
        return { kind: "failed", code: "SHUTTING_DOWN", detail: "Now.", retryAfterMs: 1_000 };
      };
    });
    const busy = open().send(post(INCREMENT));
    await arrived;
    let closed = false;
    const closing = server.close(60_000).then(() => {
      closed = true;
    });
    await idle.untilClosed();
    expect(closed).toBe(false);
    await expect(
      new Promise((resolve, reject) => open().socket.once("connect", resolve).once("error", reject)),
    ).rejects.toMatchObject({ code: "ECONNREFUSED" });
    release();
    const last = await busy.answer();
    expect(last.status).toBe(503);
    expect(last.head).toMatch(/^connection: close\r?$/im);
    await busy.untilClosed();
    await closing;
  });

  it("answers a request that was still arriving when it began to close, and says that it is the last", async () => {
    const request = post(INCREMENT, "Content-Length: 0");
    const arriving = open();
    // The first answer shows that the connection stands; the second request is then half on its way.
    await arriving.send(request).answer();
    const seen = new RawConnection(server.port).send(request.slice(0, 20));
    arriving.send(request.slice(0, 20));
    await open().send(request).answer();
    const closing = server.close(60_000);
    for (const connection of [arriving, seen]) {
      const answer = await connection.send(request.slice(20)).answer();
      expect(answer.status).toBe(200);
      expect(answer.head).toMatch(/^connection: close\r?$/im);
      await connection.untilClosed();
    }
    await closing;
    expect(bench.service.counter("hits")?.value).toBe(4n);
  });

  it("cuts what is still in flight after the time of grace", async () => {
    const arrived = new Promise<void>((resolve) => {
      bench.service.instead = () => {
        resolve();
        return new Promise(() => {});
      };
    });
    const stuck = open().send(post(INCREMENT));
    await arrived;
    await Promise.all([server.close(30), stuck.untilClosed()]);
  });

  it("frees its port", async () => {
    await server.close(0);
    const next = createServer();
    await new Promise<void>((resolve) => next.listen(server.port, "127.0.0.1", resolve));
    await new Promise((resolve) => next.close(resolve));
  });
});
