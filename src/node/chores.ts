/** What is done now and then, each thing at its own interval, on one clock. */

export interface Chore {
  readonly everyMs: number;
  readonly run: (nowMs: number) => void;
}

export class Chores {
  readonly #chores: { readonly chore: Chore; ranMs: number }[];

  /** @param nowMs each is first run one interval after this. */
  constructor(chores: readonly Chore[], nowMs: number) {
    this.#chores = chores.map((chore) => ({ chore, ranMs: nowMs }));
  }

  /** Runs what is due. What was missed is not made up for. */
  tick(nowMs: number): void {
    for (const one of this.#chores) {
      if (nowMs - one.ranMs < one.chore.everyMs) continue;
      one.ranMs = nowMs;
      one.chore.run(nowMs);
    }
  }
}
