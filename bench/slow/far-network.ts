/**
 * Nodes that are far from each other: what one says reaches the other half a round trip later. All of them dial each
 * other through a proxy in front of each peer port, which delays and does nothing else (far-link.c).
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import { freePorts, type Launch, type Network, type Place } from "../../chaos/index.ts";
import { compiledProgram } from "./programs.ts";

export class FarNetwork implements Network {
  readonly #process: ChildProcess;
  readonly #answers: Interface;
  /** Asked one at a time: answers carry no number. */
  #last: Promise<void> = Promise.resolve();

  private constructor(process: ChildProcess, answers: Interface) {
    this.#process = process;
    this.#answers = answers;
  }

  /**
   * @param rttMs how much longer a message and its answer take, ms; not below 0.
   * @throws {Error} if there is no compiler (see `compilerLack`).
   */
  static async open(rttMs: number): Promise<FarNetwork> {
    const program = await compiledProgram("far-link");
    const child = spawn(program, [String(Math.round(rttMs * 500))], { stdio: ["pipe", "pipe", "inherit"] });
    await once(child, "spawn");
    return new FarNetwork(child, createInterface({ input: child.stdout }));
  }

  async place(_id: string): Promise<Place> {
    const [port = 0, peerPort = 0, proxyPort = 0] = await freePorts(3);
    await this.serve(proxyPort, peerPort);
    return {
      listen: `127.0.0.1:${port}`,
      listenPeer: `127.0.0.1:${peerPort}`,
      peer: `127.0.0.1:${proxyPort}`,
    };
  }

  /**
   * Listens at `port` of 127.0.0.1 for whoever wants to reach `target` there.
   * @throws {Error} (rejects) if it cannot, or the proxies are gone.
   */
  async serve(port: number, target: number): Promise<void> {
    const asked = this.#last.then(() => this.#ask(`${port} ${target}`));
    // One that fails does not fail those after it.
    this.#last = asked.catch(() => undefined);
    await asked;
  }

  launch(_id: string): Launch {
    return {};
  }

  started(_id: string, _pid: number): void {}

  async close(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exit = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await exit;
  }

  async #ask(line: string): Promise<void> {
    const { stdin } = this.#process;
    if (stdin === null || !stdin.writable) throw new Error("the proxies have ended");
    const gone = new AbortController();
    const ended = once(this.#process, "exit", { signal: gone.signal }).then(() => {
      throw new Error("the proxies have ended");
    });
    const answered = once(this.#answers, "line", { signal: gone.signal }) as Promise<[string]>;
    stdin.write(`${line}\n`);
    try {
      const [answer] = await Promise.race([answered, ended]);
      if (answer !== "ok") throw new Error(`a proxy cannot listen (${line}): ${answer}`);
    } finally {
      for (const waiting of [ended, answered]) waiting.catch(() => undefined);
      gone.abort();
    }
  }
}
