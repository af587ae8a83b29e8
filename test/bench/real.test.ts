/** The benchmark itself, with real processes: short, so that it proves that it works and not how fast anything is. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import type { HttpWork } from "../../bench/load/http-work.ts";
import { wrkLoad } from "../../bench/load/wrk.ts";
import { resultIn } from "../../bench/report/json.ts";
import { requires } from "../support/capability.ts";

const PROGRAM = fileURLToPath(new URL("../../bench/run.ts", import.meta.url));
const PATIENCE = 120_000;

function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), "raftally-bench-test-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

interface Ran {
  readonly child: ChildProcess;
  /** What it has said so far, of both kinds. */
  readonly said: () => string;
}

function bench(...args: readonly string[]): Ran {
  const child = spawn(process.execPath, [PROGRAM, "--quick", ...args], { stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
  }
  return { child, said: () => said };
}

/** Processes of this machine that have a directory in their command line. */
function processesOf(directory: string): readonly string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
        return line.includes(directory) ? [line] : [];
      } catch {
        return [];
      }
    });
}

/** Waits until the three nodes run that keep their data there. */
async function nodesOf(directory: string): Promise<void> {
  const nodes = (): readonly string[] => processesOf(directory).filter((line) => line.includes(" serve "));
  await expect.poll(nodes, { timeout: 60_000 }).toHaveLength(3);
}

describe("npm run bench", () => {
  it(
    "measures, compares the counts, writes its files and leaves nothing else behind",
    async (context) => {
      requires(context, "patience");
      const [directory, out] = [temporary(), temporary()];
      const only =
        "raftally/hot-key,raftally/sessions,raftally/read-spread,raftally/combining,bare/http,sqlite,disk";
      const short = ["--rounds", "1", "--seconds", "1", "--warmup", "0.1"];
      const { child, said } = bench("--only", only, ...short, "--dir", directory, "--out", out, "--sockets");
      const [code] = (await once(child, "close")) as [number];
      expect(said()).not.toMatch(/FAILED|WRONG/);
      expect(code).toBe(0);
      expect(readdirSync(directory)).toEqual([]);
      expect(processesOf(directory)).toEqual([]);
      const json = readdirSync(out).find((name) => name.endsWith(".json"));
      const result = resultIn(readFileSync(join(out, json ?? "none"), "utf8"));
      expect(result.series).toHaveLength(7);
      for (const { rounds } of result.series) {
        expect(rounds).toEqual([expect.objectContaining({ outcome: "measured" })]);
      }
      expect(said()).toContain("× bare/http");
    },
    PATIENCE,
  );

  it(
    "ends everything that it started when it is interrupted",
    async (context) => {
      requires(context, "patience");
      const directory = temporary();
      const long = ["--only", "raftally/hot-key,raftally/batch", "--rounds", "9", "--seconds", "60"];
      const { child, said } = bench(...long, "--dir", directory);
      await nodesOf(directory);
      // Impatience changes nothing.
      for (const signal of ["SIGINT", "SIGTERM", "SIGINT"] as const) child.kill(signal);
      const [code] = (await once(child, "close")) as [number];
      expect(code).toBe(130);
      expect(said()).toContain("Interrupted");
      expect(readdirSync(directory)).toEqual([]);
      expect(processesOf(directory)).toEqual([]);
    },
    PATIENCE,
  );
});

describe("load by wrk", () => {
  const SHORT = { warmupSeconds: 0.1, seconds: 0.3, signal: new AbortController().signal };

  /** What a server hears that answers everything. */
  async function heard(
    work: Omit<HttpWork, "urls">,
    header: string,
  ): Promise<{
    acknowledged: number;
    underway: number;
    values: readonly string[];
    paths: readonly string[];
  }> {
    const [values, paths]: [string[], string[]] = [[], []];
    const server = createServer((request, response) => {
      paths.push(`${request.method} ${request.url}`);
      values.push(String(request.headers[header]));
      response.setHeader("content-length", 2).end("{}");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => {
      server.close();
    });
    const urls = [`http://127.0.0.1:${(server.address() as AddressInfo).port}`];
    const { acknowledged, underway } = await wrkLoad({ ...work, urls }, SHORT, temporary());
    return { acknowledged, underway, values, paths };
  }

  const WORK = { connections: 4, method: "POST", paths: ["/a"], weight: 1 } as const;

  it("counts what is answered, but for what is on its way at the end", async (context) => {
    requires(context, "patience", "wrk");
    const { acknowledged, underway, paths } = await heard({ ...WORK, paths: ["/a", "/b%20c"] }, "x");
    expect(acknowledged).toBeGreaterThan(10);
    expect(paths.length).toBeGreaterThanOrEqual(acknowledged);
    expect(paths.length).toBeLessThanOrEqual(acknowledged + underway);
    expect(new Set(paths)).toEqual(new Set(["POST /a", "POST /b%20c"]));
  });

  it("sends bodies as they are", async (context) => {
    requires(context, "patience", "wrk");
    const { values } = await heard({ ...WORK, body: '{"é":"\\n"}' }, "content-length");
    expect(new Set(values)).toEqual(new Set(["11"]));
  });

  it("never sends an idempotency key twice", async (context) => {
    requires(context, "patience", "wrk");
    const { values } = await heard({ ...WORK, numbered: { kind: "key", prefix: "k" } }, "idempotency-key");
    expect(new Set(values).size).toBe(values.length);
    expect(values[0]).toMatch(/^k-w-1-\d+$/);
  });
});
