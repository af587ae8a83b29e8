/**
 * Load over HTTP. Two generators can do the same work:
 *
 * wrk, where it is installed. Measured on the machine this was written on, against a server that answers a constant, in
 * five alternating runs: in the median 9.8 µs of CPU for a request with wrk and 12.5 µs with the sockets of this process,
 * most of both in the kernel. So one core of this process could ask 80,000 times a second at most, which would flatter
 * everything that is compared with a bare server.
 *
 * Bare sockets of this process, where wrk is missing; for client sessions, of which each caller has one, whose earlier
 * answers it has when it asks again: a script of wrk is not told which caller it speaks for; and for the latency of one caller alone: there the ways of the
 * generator itself are part of what is measured, and etcd, whose gRPC wrk does not speak, is asked by the same.
 */

import type { HttpGenerator, Timing } from "../types.ts";
import { closedLoop, type LoadResult } from "./closed-loop.ts";
import { HttpCaller } from "./http-caller.ts";
import { type HttpWork, portOf } from "./http-work.ts";
import { wrkLoad } from "./wrk.ts";

/**
 * Does the work, warm-up first.
 * @param directory where the generator may write.
 * @param generator another one than that of `timing`.
 * @throws {Error} if a connection broke or an answer was not 200.
 */
export async function httpLoad(
  work: HttpWork,
  timing: Timing,
  directory: string,
  generator: HttpGenerator = timing.generator,
): Promise<LoadResult> {
  if (generator === "wrk" && work.numbered?.kind !== "session") return await wrkLoad(work, timing, directory);
  const connections = Array.from({ length: work.connections }, (_, at) => ({
    port: portOf(work.urls[at % work.urls.length] ?? ""),
    caller: new HttpCaller(work, at),
  }));
  return await closedLoop(connections, timing);
}
