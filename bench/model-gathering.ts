/**
 * When what waits becomes the next entry, for the model: the rule of the product (src/node/gathering.ts), which knows why.
 * The benchmark sees the product from outside only, so it is written again, and test/bench/rows-model.test.ts holds the two together.
 * Where entries are large, the next one waits for the latest to be answered, and then until about as many are here again.
 */

/** From so many increments in an entry on. */
const FROM = 16;
/** Of those in the latest entry, as many are worth waiting for. */
const ENOUGH = 15 / 16;
/** So long for the latest to be answered, µs, and so long for enough of them after that. */
const FLIGHT_US_MAX = 10_000;
const GATHER_US_MAX = 5_000;
/** An entry so old says nothing, µs. */
const STALE_US = 100_000;
/** Where nothing else happens it is looked again at each tick, µs. */
const TICK_US = 10_000;

export class Gathering {
  #latest = 0;
  #madeUs = 0;
  #readyUs: number | undefined;

  /** An entry of so many increments is on its way. */
  made(increments: number, nowUs: number): void {
    this.#latest = increments;
    this.#madeUs = nowUs;
    this.#readyUs = undefined;
  }

  /**
   * Until when what waits should wait at most, µs: not after `nowUs` if it should become an entry now.
   * @param underWay entries that are not answered.
   */
  until(
    { waiting, underWay }: { readonly waiting: number; readonly underWay: number },
    nowUs: number,
  ): number {
    if (this.#latest < FROM || nowUs - this.#madeUs >= STALE_US) return nowUs;
    const flownUs = this.#madeUs + FLIGHT_US_MAX;
    if (underWay > 0 && nowUs < flownUs) return nextTick(flownUs);
    this.#readyUs ??= underWay > 0 ? flownUs : nowUs;
    const isOver = waiting >= this.#latest * ENOUGH || nowUs - this.#readyUs >= GATHER_US_MAX;
    return isOver ? nowUs : nextTick(this.#readyUs + GATHER_US_MAX);
  }
}

function nextTick(us: number): number {
  return Math.ceil(us / TICK_US) * TICK_US;
}
