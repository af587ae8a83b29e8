/** A node as a process of its own, started from the real command line. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePortRange, PEER_PORT_OFFSET } from "../../../chaos/index.ts";
import { demand, Fault } from "../target.ts";

const PROGRAM: string = join(import.meta.dirname, "../../../bin/raftally.js");
export const NODE_SECRET = "a secret of the fuzzer";
/** Lines of its log that are kept. */
const LINES_MAX = 400;

export class NodeProcess {
  readonly port: number;
  readonly peerPort: number;
  readonly #child: ChildProcess;
  readonly #directory: string;
  readonly #lines: string[] = [];
  readonly #ended: Promise<string>;
  #hasEnded = false;
  #heard: () => void = () => undefined;

  private constructor(port: number, directory: string) {
    this.port = port;
    this.peerPort = port + PEER_PORT_OFFSET;
    this.#directory = directory;
    const listen = ["--listen", `127.0.0.1:${port}`, "--listen-peer", `127.0.0.1:${this.peerPort}`];
    const own = ["--id", "n1", "--cluster-id", "c1", "--new-cluster", "--data", join(directory, "n1")];
    this.#child = spawn(process.execPath, [PROGRAM, "serve", ...own, ...listen], {
      env: {
        PATH: process.env["PATH"],
        RAFTALLY_SECRET: NODE_SECRET,
        NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"],
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on("data", (chunk: Buffer) => this.#hear(chunk));
    this.#ended = new Promise((resolve) => {
      this.#child.once("close", (code, signal) => {
        this.#hasEnded = true;
        resolve(`${code ?? signal}`);
      });
    });
  }

  /** Starts a node that is its own cluster, and waits until it takes part. */
  static async start(): Promise<NodeProcess> {
    const directory = mkdtempSync(join(tmpdir(), "raftally-fuzz-node-"));
    const node = new NodeProcess(await freePortRange(1), directory);
    await node.#until(/"msg":"ready"/);
    return node;
  }

  /** @throws {Fault} if the process has ended, with the end of its log. */
  demandAlive(): void {
    demand(!this.#hasEnded, `crash: the node has ended: ${this.#lines.slice(-5).join(" ")}`);
  }

  /** Bytes that the process has resident; undefined where the system does not say. */
  residentBytes(): number | undefined {
    try {
      const status = readFileSync(`/proc/${this.#child.pid}/status`, "utf8");
      return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024;
    } catch {
      return undefined;
    }
  }

  /** Stops it as an operator does. @throws {Fault} if it does not stop in order. */
  async stop(): Promise<void> {
    this.#child.kill("SIGTERM");
    const code = await this.#ended;
    demand(code === "0", `stop: the node ended with ${code}: ${this.#lines.slice(-5).join(" ")}`);
  }

  async dispose(): Promise<void> {
    if (!this.#hasEnded) this.#child.kill("SIGKILL");
    await this.#ended;
    rmSync(this.#directory, { recursive: true, force: true, maxRetries: 5 });
  }

  #hear(chunk: Buffer): void {
    this.#lines.push(...chunk.toString("utf8").split("\n").filter(Boolean));
    if (this.#lines.length > LINES_MAX) this.#lines.splice(0, this.#lines.length - LINES_MAX);
    this.#heard();
  }

  async #until(pattern: RegExp): Promise<void> {
    while (!this.#lines.some((line) => pattern.test(line))) {
      if (this.#hasEnded)
        throw new Fault(`the node ended before it said ${pattern}: ${this.#lines.join(" ")}`);
      await Promise.race([this.#ended, new Promise<void>((resolve) => (this.#heard = resolve))]);
    }
  }
}
