/**
 * The same load from wrk, where it is installed: written in C, it costs about a fifth less CPU for each request
 * than the sockets of this process, and what it saves goes to the system that is measured (see http.ts).
 *
 * It breaks off when the time is over, so up to one request of each connection is carried out without being counted.
 */

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { tracked } from "../child.ts";
import type { Timing } from "../types.ts";
import type { LoadResult } from "./closed-loop.ts";
import { type HttpWork, portOf, requestOf } from "./http-work.ts";

/** wrk takes whole seconds; it is stopped when the time is over. */
const LONGEST = "36000s";
/** Answers that take longer are errors. */
const TIMEOUT = "10s";
const TELL_MS = 200;

/** Stands in a request where its own header line goes. */
const MARK = "<numbered>";

/** What the script prints at the end. Times in µs. */
interface Printed {
  readonly requests: number;
  readonly bytes: number;
  readonly durationUs: number;
  readonly errors: number;
  readonly cpuSeconds: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/**
 * Loads a server by wrk: once to warm it up, once to measure.
 * @param directory for its script.
 * @throws {Error} if a connection broke, or an answer had another status than 200 (a redirect goes unnoticed: whoever
 *   asks compares the sum).
 */
export async function wrkLoad(
  work: HttpWork,
  timing: Pick<Timing, "warmupSeconds" | "seconds" | "signal">,
  directory: string,
): Promise<LoadResult> {
  const warm = await runOnce(work, timing.warmupSeconds, timing.signal, directory, "w");
  const { requests, durationUs, cpuSeconds, ...latency } = await runOnce(
    work,
    timing.seconds,
    timing.signal,
    directory,
    "m",
  );
  const seconds = durationUs / 1e6;
  return {
    rate: (requests * work.weight) / seconds,
    acknowledged: (warm.requests + requests) * work.weight,
    underway: work.connections * work.weight * 2,
    figures: {
      p50: latency.p50 / 1_000,
      p99: latency.p99 / 1_000,
      p999: latency.p999 / 1_000,
      max: latency.max / 1_000,
      cpu: cpuSeconds / seconds,
    },
  };
}

/** One run of wrk. @param name of its script: each run numbers its requests by itself. */
async function runOnce(
  work: HttpWork,
  seconds: number,
  signal: AbortSignal,
  directory: string,
  name: string,
): Promise<Printed> {
  signal.throwIfAborted();
  const script = join(directory, `wrk-${name}.lua`);
  await writeFile(script, scriptOf(work, name));
  // One thread for each node: a thread keeps to one address, and one is plenty for all these cores can serve.
  const threads = work.urls.length;
  const connections = Math.floor(work.connections / threads) * threads;
  const numbers = ["-t", String(threads), "-c", String(connections), "-d", LONGEST, "--timeout", TIMEOUT];
  const args = [...numbers, "-s", script, work.urls[0] ?? ""];
  const child = spawn("wrk", args, { stdio: ["ignore", "pipe", "pipe"] });
  tracked(child);
  const stop = (): void => {
    child.kill("SIGINT");
  };
  // Until its threads run wrk is deaf to signals, so it is told until it has ended.
  let telling: NodeJS.Timeout | undefined;
  const timer = setTimeout(() => {
    stop();
    telling = setInterval(stop, TELL_MS);
  }, seconds * 1_000);
  const kill = (): void => {
    child.kill("SIGKILL");
  };
  signal.addEventListener("abort", kill, { once: true });
  try {
    let printed = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        printed += text;
      });
    }
    await once(child, "close");
    signal.throwIfAborted();
    return resultIn(printed);
  } finally {
    clearTimeout(timer);
    clearInterval(telling);
    signal.removeEventListener("abort", kill);
  }
}

/** @throws {Error} if wrk did not get as far as its result, or saw errors. */
export function resultIn(printed: string): Printed {
  const json = /^RESULT (.*)$/m.exec(printed)?.[1];
  if (json === undefined) throw new Error(`wrk did not end as it should: ${printed.trim()}`);
  const result = JSON.parse(json) as Printed;
  if (result.errors > 0) throw new Error(`wrk saw ${result.errors} errors: ${printed.trim()}`);
  return result;
}

/** A text as Lua writes it. */
function quoted(text: string): string {
  const escaped = text.replace(/[\\"\r\n]/g, (one) => ({ "\r": "\\r", "\n": "\\n" })[one] ?? `\\${one}`);
  return `"${escaped}"`;
}

/**
 * How the script makes the header line that tells requests apart. `n` is the number of the request in its thread.
 * @throws {Error} for sessions: a script is not told which of its connections it makes a request for.
 */
function numberedLua({ numbered }: HttpWork, name: string): string {
  if (numbered === undefined) return '""';
  if (numbered.kind === "session") throw new Error("wrk cannot keep a session for each caller");
  return `"Idempotency-Key: ${numbered.prefix}-${name}-" .. id .. "-" .. n .. "\\r\\n"`;
}

/** Requests that are all alike: wrk makes one and sends it again and again, without asking the script. */
function aloneLua({ method, paths, body }: HttpWork): string {
  const lines = [`wrk.method = ${quoted(method)}`, `wrk.path = ${quoted(paths[0] ?? "/")}`];
  if (method === "POST") lines.push(`wrk.body = ${quoted(body ?? "")}`);
  if (body !== undefined) lines.push('wrk.headers["Content-Type"] = "application/json"');
  return lines.join("\n");
}

/** Requests that differ in their path are made before the start, and only numbered ones are put together one by one. */
function manyLua(work: HttpWork, name: string): string {
  const made = work.paths.map((path) => quoted(requestOf(work, path, MARK)));
  const request =
    work.numbered === undefined
      ? "return before[at]"
      : `return before[at] .. ${numberedLua(work, name)} .. after[at]`;
  return `local before, after = {}, {}
for at, text in ipairs({ ${made.join(",\n  ")} }) do
  local mark = string.find(text, ${quoted(MARK)}, 1, true)
  before[at] = string.sub(text, 1, mark - 1)
  after[at] = string.sub(text, mark + ${MARK.length})
  if ${work.numbered === undefined} then before[at] = before[at] .. after[at] end
end

local n = -1
function request()
  n = n + 1
  local at = n % #before + 1
  ${request}
end`;
}

/** The script for some work. @param name of the run: two runs never number a request alike. */
export function scriptOf(work: HttpWork, name: string): string {
  const isAlone = work.paths.length === 1 && work.numbered === undefined;
  return `local addresses = { ${work.urls.map((url) => portOf(url)).join(", ")} }
local threads = 0
function setup(thread)
  threads = threads + 1
  thread:set("id", threads)
  thread.addr = wrk.lookup("127.0.0.1", tostring(addresses[threads]))[1]
end

${isAlone ? aloneLua(work) : manyLua(work, name)}

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    'RESULT {"requests":%d,"bytes":%d,"durationUs":%d,"errors":%d,"cpuSeconds":%f,"p50":%d,"p99":%d,"p999":%d,"max":%d}\\n',
    summary.requests, summary.bytes, summary.duration, e.connect + e.read + e.write + e.status + e.timeout,
    os.clock(), latency:percentile(50), latency:percentile(99), latency:percentile(99.9), latency.max))
end
`;
}

/** Which wrk is installed; undefined if there is none. (It says its version with an exit code of 1.) */
export function wrkVersion(): string | undefined {
  const { error, stdout } = spawnSync("wrk", ["-v"], { encoding: "utf8" });
  if (error !== undefined) return undefined;
  return /^wrk (?:debian\/)?(\S+)/m.exec(stdout)?.[1] ?? "of an unknown version";
}
