/** A local cluster with `--chaos`, and what its tests ask of it. */

import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { freePortRange } from "../../chaos/index.ts";
import type { LocalView } from "../../src/cli/local/words.ts";
import { RaftallyClient } from "../../src/client/index.ts";
import { eventually, isAlive, type Running, start } from "./processes.ts";
import { type Ran, raftally } from "./terminal.ts";

/** Several processes are started, on a machine that may have other things to do. */
export const PROCESS_MS = 120_000;

export class LocalCluster {
  readonly data: string = mkdtempSync(join(tmpdir(), "raftally-local-"));
  readonly #port: number;
  readonly #launchers: Running[] = [];

  private constructor(port: number) {
    this.#port = port;
  }

  /** A directory and ports; nothing runs yet. */
  static async make(): Promise<LocalCluster> {
    return new LocalCluster(await freePortRange(3));
  }

  get urls(): readonly string[] {
    return [0, 1, 2].map((at) => `http://127.0.0.1:${this.#port + at}`);
  }

  async launch(...flags: readonly string[]): Promise<Running> {
    const running = start(["cluster", "--data", this.data, "--port", String(this.#port), ...flags]);
    this.#launchers.push(running);
    await running.until(/Stop: {2}Ctrl-C/);
    return running;
  }

  /** Ends as Ctrl-C does: all within 3 s, and no process left. */
  async stop(launcher: Running): Promise<void> {
    const asked = performance.now();
    launcher.child.kill("SIGINT");
    expect((await launcher.ended).exitCode).toBe(0);
    expect(performance.now() - asked).toBeLessThan(3_000);
    expect(this.pids().filter(isAlive)).toEqual([]);
  }

  /** At the end of a test, however that ended. */
  async discard(): Promise<void> {
    for (const { child } of this.#launchers) child.kill("SIGKILL");
    await eventually(() => !this.pids().some(isAlive), "all nodes are gone");
    rmSync(this.data, { recursive: true, maxRetries: 5 });
  }

  /** Of every process that a node ever had, as the logs say. */
  pids(): readonly number[] {
    const logs = ["n1", "n2", "n3", "n4", "n5"].map((id) => join(this.data, `${id}.log`));
    return logs
      .filter((path) => existsSync(path))
      .flatMap((path) => {
        const text = readFileSync(path, "utf8");
        return [...text.matchAll(/ready .*pid=(\d+)/g)].map(([, pid]) => Number(pid));
      });
  }

  /** Runs `raftally local`. */
  local(...words: readonly string[]): Promise<Ran> {
    return raftally(["local", ...words, "--data", this.data]);
  }

  async view(): Promise<LocalView> {
    const { out } = await this.local("status", "--json");
    return JSON.parse(out) as LocalView;
  }

  async stateOf(id: string): Promise<string | undefined> {
    return (await this.view()).nodes.find((node) => node.id === id)?.state;
  }

  async leader(): Promise<string> {
    return (await this.client().status()).leader?.id ?? "";
  }

  /** Of the whole cluster, or of the node at one place only. */
  client(at?: number): RaftallyClient {
    if (at === undefined) return new RaftallyClient({ urls: this.urls });
    return new RaftallyClient({ urls: this.urls.slice(at, at + 1), discoverMs: 0, timeoutMs: 20_000 });
  }

  /** Bytes that one node has said to another. */
  async passed(from: string, to: string): Promise<number> {
    const { links } = await this.view();
    return links.passed.find((link) => link.from === from && link.to === to)?.bytes ?? -1;
  }

  /** Where the launcher is asked over HTTP. */
  door(): { readonly url: string; readonly token: string } {
    const { local } = JSON.parse(readFileSync(join(this.data, "control.json"), "utf8")) as {
      readonly local: { readonly url: string; readonly token: string };
    };
    return local;
  }
}
