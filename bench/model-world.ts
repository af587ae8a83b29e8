/** Virtual time and what takes it, for the model: servers with a queue, and disks that sync what has gathered. */

/** Something that does one thing after the other. */
export class Server {
  readonly #clock: Clock;
  readonly #slowness: number;
  #freeUs = 0;
  /** CPU that it has used, µs. */
  used = 0;

  constructor(clock: Clock, slowness: number) {
    this.#clock = clock;
    this.#slowness = slowness;
  }

  /** Does something that costs so much, after all that it was given before. */
  run(us: number, done: () => void): void {
    this.used += us;
    this.#freeUs = Math.max(this.#freeUs, this.#clock.nowUs) + us * this.#slowness;
    this.#clock.at(this.#freeUs, done);
  }
}

/** One sync at a time, of all that waits. */
export class Disk {
  readonly #clock: Clock;
  readonly #syncUs: number;
  #waiting: (() => void)[] = [];
  #isBusy = false;
  syncs = 0;

  constructor(clock: Clock, syncUs: number) {
    this.#clock = clock;
    this.#syncUs = syncUs;
  }

  write(done: () => void): void {
    this.#waiting.push(done);
    if (!this.#isBusy) this.#sync();
  }

  #sync(): void {
    const group = this.#waiting;
    this.#waiting = [];
    this.#isBusy = true;
    this.#clock.at(this.#clock.nowUs + this.#syncUs, () => {
      this.#isBusy = false;
      this.syncs += 1;
      for (const done of group) done();
      if (this.#waiting.length > 0 && !this.#isBusy) this.#sync();
    });
  }
}

interface Timer {
  readonly atUs: number;
  readonly order: number;
  readonly run: () => void;
}

/** Virtual time: a heap of what is to happen. What is due at the same time happens in the order in which it was asked for. */
export class Clock {
  nowUs = 0;
  #order = 0;
  readonly #heap: Timer[] = [];

  at(atUs: number, run: () => void): void {
    const heap = this.#heap;
    const timer = { atUs, order: this.#order++, run };
    let place = heap.push(timer) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || isBefore(above, timer)) break;
      heap[place] = above;
      place = parent;
    }
    heap[place] = timer;
  }

  /** Lets time pass up to `untilUs`. */
  pass(untilUs: number): void {
    for (let next = this.#heap[0]; next !== undefined && next.atUs <= untilUs; next = this.#heap[0]) {
      this.#removeFirst();
      this.nowUs = next.atUs;
      next.run();
    }
    this.nowUs = untilUs;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let place = 0;
    for (;;) {
      const [left, right] = [heap[2 * place + 1], heap[2 * place + 2]];
      if (left === undefined) break;
      const isRight = right !== undefined && isBefore(right, left);
      const child = isRight ? right : left;
      if (isBefore(last, child)) break;
      heap[place] = child;
      place = 2 * place + (isRight ? 2 : 1);
    }
    heap[place] = last;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.atUs < b.atUs || (a.atUs === b.atUs && a.order < b.order);
}
