/**
 * Where the outcomes of idempotency keys are, in memory: a million of them in 24 MiB. An index of SQLite's on keys would
 * change a page somewhere else in the file for each of them, which took more than half of the time that a worker spends on one.
 */

import { randomInt } from "node:crypto";
import { assert, hash52 } from "../base/index.ts";

/** Places at first: a power of 2. */
const PLACES_MIN = 1_024;
/** Of the places, as many are used at most before there are twice as many. */
const LOAD_MAX = 0.7;

/** Serials by hashes of keys: open addressing with linear probing (Knuth, TAOCP 6.4, algorithms L and R). */
export class OutcomeIndex {
  /** Nobody who makes up keys knows which of them have a place in common. */
  readonly #seed = randomInt(2 ** 32);
  /** Of each place, the low bits of its key's hash. */
  #hashes = new Uint32Array(PLACES_MIN);
  /** Of each place, the serial; 0 where it is free. */
  #serials = new Float64Array(PLACES_MIN);
  #size = 0;

  /** Outcomes in it. */
  get size(): number {
    return this.#size;
  }

  /** @param serial of an outcome that is not in it, from 1. */
  add(key: string, serial: number): void {
    assert(Number.isSafeInteger(serial) && serial > 0, "outcomes: serials begin at 1");
    if (this.#size >= this.#serials.length * LOAD_MAX) this.#grow();
    this.#put(this.#hashOf(key), serial);
    this.#size++;
  }

  /** @param serial of an outcome that is in it, by this key. */
  remove(key: string, serial: number): void {
    let place = this.#homeOf(this.#hashOf(key));
    while (this.#serials[place] !== serial) {
      assert(this.#serials[place] !== 0, "outcomes: what is removed is in the index");
      place = this.#after(place);
    }
    this.#free(place);
    this.#size--;
  }

  /** What `read` finds by the first serial that it finds anything by, of those that keys like this one have. */
  find<T>(key: string, read: (serial: number) => T | undefined): T | undefined {
    const hash = this.#hashOf(key);
    for (let place = this.#homeOf(hash); ; place = this.#after(place)) {
      const serial = this.#serials[place] ?? 0;
      if (serial === 0) return undefined;
      if (this.#hashes[place] !== hash) continue;
      const found = read(serial);
      if (found !== undefined) return found;
    }
  }

  #hashOf(key: string): number {
    return hash52([this.#seed, key]) % 2 ** 32;
  }

  #homeOf(hash: number): number {
    // The places are a power of 2.
    return hash & (this.#serials.length - 1);
  }

  #after(place: number): number {
    return (place + 1) & (this.#serials.length - 1);
  }

  #put(hash: number, serial: number): void {
    let place = this.#homeOf(hash);
    while (this.#serials[place] !== 0) place = this.#after(place);
    this.#hashes[place] = hash;
    this.#serials[place] = serial;
  }

  /** Frees a place, and moves into it what would not be found behind a free one. */
  #free(free: number): void {
    let gap = free;
    for (let place = this.#after(gap); this.#serials[place] !== 0; place = this.#after(place)) {
      const hash = this.#hashes[place] ?? 0;
      const mask = this.#serials.length - 1;
      // Probing for it passes the gap before it comes to its place.
      const isBehind = ((place - this.#homeOf(hash)) & mask) >= ((place - gap) & mask);
      if (!isBehind) continue;
      this.#hashes[gap] = hash;
      this.#serials[gap] = this.#serials[place] ?? 0;
      gap = place;
    }
    this.#serials[gap] = 0;
  }

  #grow(): void {
    const [hashes, serials] = [this.#hashes, this.#serials];
    this.#hashes = new Uint32Array(2 * hashes.length);
    this.#serials = new Float64Array(2 * serials.length);
    for (const [place, serial] of serials.entries()) {
      if (serial !== 0) this.#put(hashes[place] ?? 0, serial);
    }
  }
}
