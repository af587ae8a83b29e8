/** Watches who leads, from outside, and writes it into the history. */

import { setTimeout as sleep } from "node:timers/promises";
import type { NodeView } from "../src/client/index.ts";
import type { HistoryRecorder } from "./history-recorder.ts";
import type { Target } from "./target.ts";

/** Each node is asked so often, ms. */
const EVERY_MS = 100;
const PATIENCE_MS = 500;

/** A leader that was seen. */
export interface Reign {
  readonly id: string;
  readonly term: number;
  /** When it was first seen to lead, ms since the history began. */
  readonly atMs: number;
}

export class LeaderWatch {
  readonly #target: Target;
  readonly #recorder: HistoryRecorder;
  readonly #reigns: Reign[] = [];
  #running: Promise<void> | undefined;
  #stopping = false;

  constructor(target: Target, recorder: HistoryRecorder) {
    this.#target = target;
    this.#recorder = recorder;
  }

  /** Those who led, in order of their terms. One that led for less than a tenth of a second may be missing. */
  get reigns(): readonly Reign[] {
    return this.#reigns;
  }

  /** Who led last, as far as was seen. */
  get latest(): Reign | undefined {
    return this.#reigns.at(-1);
  }

  start(): void {
    this.#running = this.#watch();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#running;
  }

  async #watch(): Promise<void> {
    while (!this.#stopping) {
      await Promise.all(this.#target.nodes.map(({ id }) => this.#look(id)));
      await sleep(EVERY_MS);
    }
  }

  async #look(id: string): Promise<void> {
    const client = this.#target.clientOf(id);
    const view = await client.status({ timeoutMs: PATIENCE_MS }).catch(() => undefined);
    if (view?.role === "leader" && view.id === id) this.#saw(view);
  }

  #saw({ id, term }: NodeView): void {
    if ((this.latest?.term ?? 0) >= term) return;
    this.#reigns.push({ id, term, atMs: this.#recorder.elapsedNs / 1e6 });
    this.#recorder.note({ f: "leader", phase: "once", nodes: [id], detail: `term ${term}` });
  }
}
