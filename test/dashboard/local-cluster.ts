/** A real cluster of real processes that can be broken: what `npm start` runs, shared by the tests of a file. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { freePortRange } from "../../chaos/index.ts";
import type { LocalState } from "../../src/dashboard/chaos/control.ts";

const PROGRAM = fileURLToPath(new URL("../../bin/raftally.js", import.meta.url));
const START_MS = 30_000;
const PATIENCE_MS = 30_000;

export class LocalCluster {
  readonly urls: readonly string[];
  readonly #directory: string;
  readonly #launcher: ChildProcess;
  #said = "";

  private constructor(urls: readonly string[], directory: string, launcher: ChildProcess) {
    this.urls = urls;
    this.#directory = directory;
    this.#launcher = launcher;
    const hear = (chunk: Buffer): void => {
      this.#said += chunk.toString("utf8");
    };
    launcher.stdout?.on("data", hear);
    launcher.stderr?.on("data", hear);
  }

  /** @param flags more of them for `raftally cluster`. */
  static async start(size = 3, flags: readonly string[] = ["--chaos"]): Promise<LocalCluster> {
    const directory = mkdtempSync(join(tmpdir(), "raftally-page-"));
    const port = await freePortRange(size);
    const urls = Array.from({ length: size }, (_, at) => `http://127.0.0.1:${port + at}`);
    const argv = ["cluster", ...flags, "--nodes", String(size), "--port", String(port)];
    const launcher = spawn(process.execPath, [PROGRAM, ...argv], {
      // As `npm start` does in a clone, with the data where it is by default: so are the commands that the page shows.
      cwd: directory,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        PATH: process.env["PATH"],
        NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"],
        npm_command: "run-script",
      },
    });
    const cluster = new LocalCluster(urls, directory, launcher);
    const deadline = performance.now() + START_MS;
    while (!cluster.#said.includes("Stop:")) {
      if (launcher.exitCode !== null || performance.now() > deadline) {
        await cluster.stop();
        throw new Error(`the cluster did not start:\n${cluster.#said}`);
      }
      await sleep(20);
    }
    return cluster;
  }

  get home(): string {
    return this.urls[0] ?? "";
  }

  /** What a further node needs to join: the secret, and the peer address of a member. */
  door(): { readonly secret: string; readonly peer: string } {
    const { secret, members } = this.#read("cluster.json") as {
      readonly secret: string;
      readonly members: readonly { readonly peer: string }[];
    };
    return { secret, peer: members[0]?.peer ?? "" };
  }

  #read(file: string): unknown {
    return JSON.parse(readFileSync(join(this.#directory, "data", file), "utf8"));
  }

  /** @throws {Error} (rejects) with what the control server answered. */
  async control(method: string, path: string, body?: unknown): Promise<LocalState> {
    const { local } = this.#read("control.json") as {
      readonly local: { readonly url: string; readonly token: string };
    };
    const { url, token } = local;
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as LocalState;
  }

  /** Everybody runs, no link is cut, and somebody leads. */
  async heal(): Promise<void> {
    await this.control("PUT", "/v1/local/links", { groups: [] });
    for (const { id, state } of (await this.control("GET", "/v1/local")).nodes) {
      if (state === "paused") await this.control("POST", `/v1/local/nodes/${id}/resume`);
      if (state === "stopped") await this.control("POST", `/v1/local/nodes/${id}/start`);
    }
    await until(async () => {
      const ready = await Promise.all(
        this.urls.map(async (url) => (await fetch(`${url}/readyz`)).ok).map(orFalse),
      );
      return ready.every(Boolean);
    }, "every node is ready again");
  }

  /** The id of whoever leads, as any node tells that has a leader. */
  async leader(): Promise<string> {
    return until(async () => {
      for (const url of this.urls) {
        const status = await get(`${url}/v1/cluster`).catch(() => undefined);
        const { leader } = (status ?? {}) as { leader?: { id?: string } };
        if (typeof leader?.id === "string") return leader.id;
      }
      return undefined;
    }, "somebody leads");
  }

  /** The counter as it is, wherever it can be had; 0 if there is none. */
  async value(key: string): Promise<number> {
    return until(async () => {
      for (const url of this.urls) {
        const answer = await fetch(`${url}/v1/counters/${key}`, { signal: AbortSignal.timeout(4_000) }).catch(
          () => undefined,
        );
        if (answer?.status === 404) return 0;
        if (answer?.ok) return ((await answer.json()) as { readonly value: number }).value;
      }
      return undefined;
    }, `${key} can be read`);
  }

  async stop(): Promise<void> {
    if (this.#launcher.exitCode === null && this.#launcher.signalCode === null) {
      const ended = new Promise((resolve) => this.#launcher.once("close", resolve));
      this.#launcher.kill("SIGTERM");
      await ended;
    }
    rmSync(this.#directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function get(url: string): Promise<unknown> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(4_000) });
  return answer.ok ? answer.json() : undefined;
}

function orFalse(promise: Promise<boolean>): Promise<boolean> {
  return promise.catch(() => false);
}

/** Resolves with the first value that is not undefined or false. */
export async function until<T>(look: () => Promise<T | undefined | false>, what: string): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`it never came to this: ${what}`);
    await sleep(50);
  }
}
