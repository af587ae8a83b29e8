/** Free ports: below the range from which systems give ports to outgoing connections, so that they stay free. */

import { createServer } from "node:net";

const FROM = 10_000;
const TO = 30_000;

/** In a local cluster, nodes talk to each other this far above the ports at which they answer clients. */
export const PEER_PORT_OFFSET = 100;

/** Handed out by this process, which may not have begun to listen there yet. */
const taken: Set<number> = new Set();

/** A port P such that P to P + count - 1 are free on 127.0.0.1, and those {@link PEER_PORT_OFFSET} above as well. */
export async function freePortRange(count: number): Promise<number> {
  for (;;) {
    const base = FROM + Math.floor(Math.random() * (TO - FROM));
    const ports = Array.from({ length: count }, (_, at) => [base + at, base + PEER_PORT_OFFSET + at]).flat();
    if (await take(ports)) return base;
  }
}

/** So many different ports that are free on 127.0.0.1. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = FROM + Math.floor(Math.random() * (TO - FROM));
    if (await take([port])) ports.push(port);
  }
  return ports;
}

/** Takes all of the ports or none. Before the first look at one, so that two calls at a time do not both take it. */
async function take(ports: readonly number[]): Promise<boolean> {
  if (ports.some((port) => taken.has(port))) return false;
  for (const port of ports) taken.add(port);
  const free = await Promise.all(ports.map(isFree));
  if (free.every(Boolean)) return true;
  for (const port of ports) taken.delete(port);
  return false;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host: "127.0.0.1", port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
