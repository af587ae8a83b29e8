/** All clients of a leader that died come to the next one at once. */

import { existsSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { afterEach, expect, it } from "vitest";
import { type ApiServer, serveApi } from "../../src/api/index.ts";
import { makeBench } from "./kit.ts";

/** More than Node.js lets wait by itself. */
const CLIENTS = 900;

let server: ApiServer | undefined;
let sockets: readonly Socket[] = [];
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await server?.close(0);
});

function roomAllowed(): number {
  const file = "/proc/sys/net/core/somaxconn";
  return existsSync(file) ? Number(readFileSync(file, "utf8")) : 0;
}

/** Connections that found no room, in this machine's whole life. */
function overflows(): number {
  const [names = [], values = []] = readFileSync("/proc/net/netstat", "utf8")
    .split("\n")
    .filter((line) => line.startsWith("TcpExt:"))
    .map((line) => line.split(" "));
  return Number(values[names.indexOf("ListenOverflows")]);
}

it(`finds room for ${CLIENTS} connections that come before one is accepted`, async (context) => {
  context.skip(roomAllowed() < CLIENTS, `needs a Linux that lets ${CLIENTS} connections wait`);
  server = await serveApi(makeBench().api, { host: "127.0.0.1", port: 0 });
  const { port } = server;
  const before = overflows();
  // All within one turn of the loop that would have to accept them.
  sockets = Array.from({ length: CLIENTS }, () => connect(port, "127.0.0.1"));
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once("connect", resolve))));
  expect(overflows() - before).toBe(0);
});
