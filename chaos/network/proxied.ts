/** Nodes on 127.0.0.1 that reach each other through proxies only. Needs no root. */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Launch } from "../node-process.ts";
import { freePorts } from "../ports.ts";
import { canTellOwners } from "./owner.ts";
import type { Answer, Ask, Numbered } from "./proxy-words.ts";
import type { Links, Passed, Place, Trouble, TroubledNetwork } from "./types.ts";

const PROGRAM = fileURLToPath(new URL("./proxy-process.ts", import.meta.url));

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

export class ProxiedNetwork implements TroubledNetwork {
  readonly links: Links;
  readonly #process: ChildProcess;
  readonly #waiting: Map<number, Waiting> = new Map();
  readonly #faults: string[] = [];
  #asked = 0;
  #dead: Error | undefined;

  constructor(seed: number) {
    this.#process = fork(PROGRAM, [String(seed)]);
    this.#process.on("message", (answer: Answer) => this.#hear(answer));
    this.#process.on("error", (error) => this.#fail(error));
    this.#process.on("exit", () => this.#fail(new Error("the process of the proxies has ended")));
    this.links = {
      trouble: async (from, to, trouble) => this.#trouble(from, to, trouble),
      passed: async (from, to) => (await this.#ask({ kind: "passed", from, to })) as Passed,
      reset: async (a, b) => Number(await this.#ask({ kind: "reset", a, b })),
    };
  }

  /** What this machine lacks for it; undefined if nothing. */
  static lack(): string | undefined {
    return canTellOwners() ? undefined : "needs Linux, where /proc tells who has connected to a proxy";
  }

  async place(id: string): Promise<Place> {
    const [port, peerPort, proxyPort] = await freePorts(3);
    if (port === undefined || peerPort === undefined || proxyPort === undefined)
      throw new Error("three ports were asked for");
    await this.#ask({ kind: "serve", to: id, port: proxyPort, target: peerPort });
    return {
      listen: `127.0.0.1:${port}`,
      listenPeer: `127.0.0.1:${peerPort}`,
      peer: `127.0.0.1:${proxyPort}`,
    };
  }

  get doubts(): readonly string[] {
    return this.#faults;
  }

  launch(): Launch {
    return {};
  }

  started(id: string, pid: number): void {
    // If the proxies are gone, whoever asks them next is told.
    this.#ask({ kind: "started", id, pid }).catch(() => undefined);
  }

  async close(): Promise<void> {
    if (this.#dead === undefined) {
      const ended = once(this.#process, "exit");
      this.#process.kill("SIGKILL");
      await ended;
    }
  }

  async #trouble(from: string, to: string, trouble: Trouble): Promise<void> {
    await this.#ask({ kind: "trouble", from, to, trouble });
  }

  #ask(ask: Ask): Promise<unknown> {
    if (this.#dead !== undefined) return Promise.reject(this.#dead);
    const number = ++this.#asked;
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject });
      this.#process.send({ number, ask } satisfies Numbered);
    });
  }

  #hear(answer: Answer): void {
    if (answer.kind === "fault") {
      this.#faults.push(answer.sentence);
      return;
    }
    const waiting = this.#waiting.get(answer.number);
    this.#waiting.delete(answer.number);
    if (answer.kind === "done") waiting?.resolve(answer.value);
    else waiting?.reject(new Error(answer.reason));
  }

  #fail(error: Error): void {
    this.#dead ??= error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
