/** Runs the example configurations in the real nginx and HAProxy, on free ports. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePortRange } from "../../chaos/index.ts";
import { eventually } from "../cli/processes.ts";

const FOLDER = fileURLToPath(new URL("../../examples/load-balancer/", import.meta.url));
/** Where the examples listen, and what their first node is called. */
const FRONT = "127.0.0.1:8080";
const FIRST_NODE = "127.0.0.1:4000";

export type Program = "nginx" | "haproxy";

/**
 * The text of an example for other addresses: its lists of nodes have one line for each, and nothing else changes.
 * @throws {Error} if the example does not have the form that this relies on.
 */
export function configuration(file: string, front: string, nodes: readonly string[]): string {
  const text = readFileSync(join(FOLDER, file), "utf8");
  if (text.split(FRONT).length !== 2) throw new Error(`${file} listens once, on ${FRONT}`);
  let lists = 0;
  const served = text.replace(/(?:^ +server [^\n{]*\n)+/gm, (list) => {
    const [first = ""] = list.split("\n");
    if (!first.includes(FIRST_NODE)) throw new Error(`${file} lists ${FIRST_NODE} first`);
    lists++;
    const lines = nodes.map((node, at) => first.replace(FIRST_NODE, node).replace(/ n1 /, ` n${at + 1} `));
    return `${lines.join("\n")}\n`;
  });
  if (lists === 0) throw new Error(`${file} lists no nodes`);
  return served.replace(FRONT, front);
}

export class Balancer {
  readonly url: string;
  readonly #file: string;
  readonly #program: Program;
  readonly #directory: string;
  readonly #process: ChildProcess;
  #said = "";

  private constructor(file: string, program: Program, front: string, nodes: readonly string[]) {
    this.url = `http://${front}`;
    this.#file = file;
    this.#program = program;
    this.#directory = mkdtempSync(join(tmpdir(), "raftally-balancer-"));
    // nginx lets its workers run as nobody.
    chmodSync(this.#directory, 0o755);
    this.#write(nodes);
    const path = this.#path;
    const flags = program === "nginx" ? ["-p", this.#directory, "-c", path] : ["-W", "-f", path];
    this.#process = spawn(program, flags, { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        this.#said += chunk.toString("utf8");
      });
    }
  }

  /** Starts it in front of `nodes`, each a host:port, and waits until one of them is reached through it. */
  static async start(file: string, program: Program, nodes: readonly string[]): Promise<Balancer> {
    const balancer = new Balancer(file, program, `127.0.0.1:${await freePortRange(1)}`, nodes);
    try {
      await eventually(() => {
        if (balancer.#process.exitCode !== null) throw new Error(`${program} ended: ${balancer.#said}`);
        return balancer.#answers();
      }, `${file} lets a request through`);
    } catch (error) {
      await balancer.stop();
      throw error;
    }
    return balancer;
  }

  get #path(): string {
    return join(this.#directory, this.#file);
  }

  #write(nodes: readonly string[]): void {
    writeFileSync(this.#path, configuration(this.#file, new URL(this.url).host, nodes));
  }

  async #answers(): Promise<boolean> {
    const answer = await fetch(`${this.url}/readyz`).catch(() => undefined);
    await answer?.body?.cancel();
    return answer?.status === 200;
  }

  /** Changes the list of nodes, as somebody would who edits the file and has it read again. */
  serve(nodes: readonly string[]): void {
    this.#write(nodes);
    this.#process.kill(this.#program === "nginx" ? "SIGHUP" : "SIGUSR2");
  }

  async stop(): Promise<void> {
    const child = this.#process;
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
      const exit = once(child, "exit");
      child.kill("SIGTERM");
      await exit;
    }
    rmSync(this.#directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A request as it came through. */
export interface Came {
  readonly method: string;
  readonly target: string;
  readonly id: string;
}

/** Stands in for a node: says that it is ready, remembers what came, and answers or breaks the connection. */
export class FakeNode {
  readonly came: Came[] = [];
  /** Whether it breaks the connection of every request that is no health check, after it has read it. */
  breaks = false;
  leads = false;
  readonly #server: Server = createServer((asked, answer) => this.#serve(asked, answer));

  static async start(): Promise<FakeNode> {
    const node = new FakeNode();
    node.#server.listen(0, "127.0.0.1");
    await once(node.#server, "listening");
    return node;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #serve(asked: IncomingMessage, answer: ServerResponse): void {
    const { method = "", url: target = "" } = asked;
    asked.resume().once("end", () => {
      if (target.startsWith("/readyz")) {
        const ready = !target.includes("leader") || this.leads;
        answer.writeHead(ready ? 200 : 503).end("");
        return;
      }
      this.came.push({ method, target, id: asked.headers["idempotency-key"]?.toString() ?? "" });
      if (this.breaks) asked.socket.destroy();
      else answer.writeHead(200, { "Content-Type": "application/json" }).end("{}");
    });
  }

  /** Nothing listens there any more. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}
