import { afterEach, expect, it } from "vitest";
import { type ApiServer, serveApi } from "../../src/api/index.ts";
import { makeBench, RawConnection } from "./kit.ts";

let server: ApiServer | undefined;
afterEach(() => server?.close(0));

const WRITE = "POST /v1/counters/hits/increment HTTP/1.1\r\nHost: x\r\n\r\n";

/** Requests that are refused with an answer that ends the connection, and have no body. */
const LAST_WORDS = {
  "without a Host": "GET / HTTP/1.1\r\n\r\n",
  "with two of them": "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
  "with a backslash in its target": "GET /v1/counters/a\\b HTTP/1.1\r\nHost: x\r\n\r\n",
  "that expects the unknown": "GET / HTTP/1.1\r\nHost: x\r\nExpect: more\r\n\r\n",
};

it.each(Object.entries(LAST_WORDS))(
  "a write behind a request %s is not carried out, for nobody would be told",
  async (_, refused) => {
    const bench = makeBench();
    server = await serveApi(bench.api, { host: "127.0.0.1", port: 0 });
    const connection = new RawConnection(server.port).send(refused + WRITE + WRITE);
    const { head } = await connection.answer();
    expect(head).toMatch(/^HTTP\/1\.1 4[0-9]{2} /);
    expect(head).toMatch(/^connection: close\r?$/im);
    await connection.untilClosed();
    expect(bench.service.index).toBe(0);
  },
);

it("writes that follow each other on one connection are carried out and answered in order", async () => {
  const bench = makeBench();
  server = await serveApi(bench.api, { host: "127.0.0.1", port: 0 });
  const connection = new RawConnection(server.port).send(WRITE.repeat(3));
  const values: number[] = [];
  for (let write = 0; write < 3; write++) values.push(JSON.parse((await connection.answer()).body).value);
  expect(values).toEqual([1, 2, 3]);
  connection.socket.destroy();
});
