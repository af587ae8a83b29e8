/** Bytes on a real connection to the HTTP interface: Node's parser, the limits, and what is answered outside the routes. */

import { createApi, serveApi } from "../../../src/api/index.ts";
import type { Prng } from "../../../src/base/index.ts";
import { MemoryService } from "../../api/memory-service.ts";
import { mutateBytes } from "../bytes.ts";
import { Pool } from "../pool.ts";
import { accepted, demand, refused, type Subject, type Target } from "../target.ts";
import { NO_BACKUP } from "./http.ts";
import { converseHttp, hasSuccess, statusesIn } from "./raw.ts";
import { mutateRequest, REQUESTS } from "./requests.ts";

export const httpWire: Target = {
  name: "http-wire",
  about:
    "bytes on a connection to the HTTP interface: an answer as documented or a closed connection, and no harm",
  inputs: 5_000,
  sample: 60,
  msMax: 4_000,
  open: async (): Promise<Subject> => {
    const service = new MemoryService();
    service.backupResult = NO_BACKUP;
    const thrown: unknown[] = [];
    const onError = (error: unknown): void => void thrown.push(error);
    const api = createApi(service, { onFatal: onError, onError });
    const server = await serveApi(api, { host: "127.0.0.1", port: 0, onError });
    const pool = new Pool(REQUESTS, mutateRequest);
    // The first request of a process takes its time.
    await converseHttp(server.port, Buffer.alloc(0));
    return {
      draw: (prng) => draw(prng, pool),
      feed: async (input) => {
        const before = service.index;
        const { answer, isOver } = await converseHttp(server.port, input);
        // The last one is that of the request that ends the conversation, unless it came to an end before.
        const statuses = statusesIn(answer);
        if (thrown[0] !== undefined) throw thrown[0];
        // Every request that was carried out is answered, if only with a refusal that the counters decided.
        const answers = statuses.filter((status) =>
          [200, 201, 404, 409, 410, 412, 422, 503].includes(status),
        ).length;
        demand(!isOver || service.index - before <= answers, "state: refused bytes were applied");
        const why = statuses.join(" ") || "closed";
        return hasSuccess(statuses) ? accepted(why) : refused(why);
      },
      close: () => server.close(0),
    };
  },
};

/** One request, or several that do not wait for each other's answers; some in chunks. */
export function draw(prng: Prng, pool: Pool): Buffer {
  const count = prng.chance(0.7) ? 1 : prng.between(2, 5);
  const requests = Array.from({ length: count }, () => (prng.chance(0.1) ? chunked(prng) : pool.draw(prng)));
  const bytes = Buffer.concat(requests);
  return prng.chance(0.2) ? mutateBytes(bytes, prng, pool.pick(prng)) : bytes;
}

function chunked(prng: Prng): Buffer {
  const sizes = ["5", "0005", "5;ext=1", "6", "-5", "fffffffffffffffff", "5 ", "0x5", "5\r\n"];
  const head = "POST /v1/counters/hits/increment HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
  const size = prng.chance(0.5) ? "8" : prng.pick(sizes);
  return Buffer.from(`${head}Transfer-Encoding: chunked\r\n\r\n${size}\r\n{"by":5}\r\n0\r\n\r\n`);
}
