/** Brings what one process writes to its disk: one batch at a time, as slowly and as badly as the disk takes it. */

import type { Prng } from "../../src/base/index.ts";
import type { LogWrite } from "../../src/raft/index.ts";
import type { EventQueue } from "./event-queue.ts";
import type { Fault } from "./faults.ts";
import type { SimDisk } from "./sim-disk.ts";

/** What is wrong with a disk for a while. */
export interface Trouble {
  readonly kind: "slow" | "hangs" | "fails" | "full";
  readonly fault: Fault;
  /** Virtual ms. */
  readonly until: number;
}

export interface SimWriterOptions {
  readonly disk: SimDisk;
  readonly queue: EventQueue;
  readonly prng: Prng;
  /** How long a flush takes at most, ms. */
  readonly diskMs: number;
  /** How much longer this flush takes, ms. */
  readonly stall: () => number;
  /** Runs something in this process, unless it has died. */
  readonly later: (delayMs: number, happen: () => void) => void;
  /** This flush meets with trouble. */
  readonly met: (trouble: Trouble) => void;
  readonly persisted: (seqs: readonly number[]) => void;
  /** The process cannot go on. */
  readonly failed: (trouble: Trouble) => void;
}

/** How much longer everything takes on a slow disk. */
const SLOW_FACTOR = 25;

export class SimWriter {
  readonly #options: SimWriterOptions;
  #trouble: Trouble | undefined;

  constructor(options: SimWriterOptions) {
    this.#options = options;
  }

  /** What is wrong now. */
  get trouble(): Trouble | undefined {
    const trouble = this.#trouble;
    return trouble !== undefined && this.#options.queue.now < trouble.until ? trouble : undefined;
  }

  /** From now on, for as long as it says. */
  suffer(trouble: Trouble | undefined): void {
    this.#trouble = trouble;
  }

  write(write: LogWrite): void {
    this.#options.disk.write(write);
    this.#begin();
  }

  #begin(): void {
    const { disk, prng, diskMs, stall, later, met } = this.#options;
    if (!disk.mayBegin) return;
    disk.begin();
    const { trouble } = this;
    // A stall takes as long on a slow disk: else one flush could take a minute, and nobody could call that well again.
    const usual = prng.real() * diskMs * (trouble?.kind === "slow" ? SLOW_FACTOR : 1) + stall();
    if (trouble !== undefined) met(trouble);
    later(this.#duration(usual, trouble), () => this.#end(trouble));
  }

  #duration(usual: number, trouble: Trouble | undefined): number {
    // The call returns when the disk is itself again, if the process lives to see it.
    if (trouble?.kind === "hangs") return trouble.until - this.#options.queue.now + usual;
    return usual;
  }

  #end(trouble: Trouble | undefined): void {
    const { disk, persisted, failed } = this.#options;
    if ((trouble?.kind === "fails" || trouble?.kind === "full") && this.#trouble === trouble) {
      // A failed flush is not repeated: the process ends, and the next one finds the disk as it is.
      if (trouble.kind === "fails") this.suffer(undefined);
      return failed(trouble);
    }
    const seqs = disk.end();
    persisted(seqs);
    this.#begin();
  }
}
