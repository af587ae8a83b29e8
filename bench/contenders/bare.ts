/** What HTTP alone costs on Node.js: the same POST, answered with a constant. */

import { fileURLToPath } from "node:url";
import { freePorts } from "../../chaos/index.ts";
import { Child, listens } from "../child.ts";
import { httpLoad } from "../load/http.ts";
import { type Contender, contender, type Sample, type Timing, type WorkloadOf } from "../types.ts";

const SERVER: string = fileURLToPath(new URL("./bare-server.ts", import.meta.url));
const CONNECTIONS = 64;

type Kind = "http" | "hono";

interface Bare {
  readonly servers: Readonly<Record<Kind, { readonly child: Child; readonly url: string }>>;
  readonly directory: string;
}

async function startServer(
  kind: Kind,
  signal: AbortSignal,
): Promise<{ readonly child: Child; readonly url: string }> {
  const [port = 0] = await freePorts(1);
  const child = new Child(process.execPath, [SERVER, kind, String(port)]);
  try {
    await child.until("listening", () => listens(port), signal);
    return { child, url: `http://127.0.0.1:${port}` };
  } catch (error) {
    await child.stop();
    throw error;
  }
}

async function load(bare: Bare, kind: Kind, timing: Timing): Promise<Sample> {
  const { url } = bare.servers[kind];
  const work = {
    urls: [url],
    connections: CONNECTIONS,
    method: "POST",
    paths: ["/v1/counters/hits/increment"],
    weight: 1,
  } as const;
  const done = await httpLoad(work, timing, bare.directory);
  return {
    figures: { rate: done.rate, ...done.figures },
    check: {
      about: "the requests that the server says it answered",
      acknowledged: BigInt(done.acknowledged),
      found: BigInt(await (await fetch(`${url}/count`)).text()),
      underway: done.underway,
    },
  };
}

function workload(id: Kind, about: string): WorkloadOf<Bare> {
  return {
    id,
    about,
    connections: CONNECTIONS,
    keys: 0,
    run: (bare, timing) => load(bare, id, timing),
  };
}

export const bare: Contender = contender<Bare>({
  id: "bare",
  name: "HTTP alone",
  about: "a server that answers every POST with the same bytes and remembers nothing",
  packages: [],
  probe: async () => ({ available: true, version: `Node.js ${process.version}` }),
  start: async ({ directory, signal }) => {
    const http = await startServer("http", signal);
    try {
      return { servers: { http, hono: await startServer("hono", signal) }, directory };
    } catch (error) {
      await http.child.stop();
      throw error;
    }
  },
  stop: async ({ servers }) => {
    await Promise.all(Object.values(servers).map(({ child }) => child.stop()));
  },
  workloads: [
    workload("http", "a constant from node:http"),
    { ...workload("hono", "a constant from a route of Hono, on node:http"), fullOnly: true },
  ],
});
