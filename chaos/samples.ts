/** When answers came and how long they took, for the report. */

/** Answers are gathered in pieces of this many ms. */
export const PIECE_MS = 250;

/** A time in which no write was acknowledged: from one acknowledgement to the next. */
export interface Gap {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Answers of one piece of time. */
export interface Piece {
  writes: number;
  reads: number;
  /** ms, of the writes. */
  readonly latencies: number[];
}

/** Shorter gaps between acknowledgements are not worth remembering, ms. */
const GAP_MS_MIN = 50;

export class Samples {
  readonly #pieces: Piece[] = [];
  readonly #gaps: Gap[] = [];
  #beganMs = performance.now();
  #lastMs = performance.now();
  #longestStallMs = 0;
  #lapStallMs = 0;

  /** @param originMs from when on time is counted, of `performance.now()`; now if left out. */
  begin(originMs: number = performance.now()): void {
    this.#beganMs = originMs;
    this.#lastMs = performance.now();
  }

  get pieces(): readonly Piece[] {
    return this.#pieces;
  }

  /** Those of at least 50 ms, in order; ms since the beginning. */
  get gaps(): readonly Gap[] {
    return this.#gaps;
  }

  get longestStallMs(): number {
    return this.#longestStallMs;
  }

  /** The longest time without an acknowledged write since the last call of this, or since the beginning; ms. */
  lap(): number {
    const stallMs = Math.max(this.#lapStallMs, performance.now() - this.#lastMs);
    this.#lapStallMs = 0;
    return stallMs;
  }

  /** A write was acknowledged now. @param sentMs when it was first sent, of `performance.now()`. */
  written(sentMs: number): void {
    const nowMs = performance.now();
    const stallMs = nowMs - this.#lastMs;
    this.#longestStallMs = Math.max(this.#longestStallMs, stallMs);
    this.#lapStallMs = Math.max(this.#lapStallMs, stallMs);
    if (stallMs >= GAP_MS_MIN)
      this.#gaps.push({ fromMs: this.#lastMs - this.#beganMs, toMs: nowMs - this.#beganMs });
    this.#lastMs = nowMs;
    const piece = this.#piece(nowMs);
    piece.writes++;
    piece.latencies.push(nowMs - sentMs);
  }

  /** A read was answered now. */
  read(): void {
    this.#piece(performance.now()).reads++;
  }

  #piece(nowMs: number): Piece {
    const at = Math.floor((nowMs - this.#beganMs) / PIECE_MS);
    while (this.#pieces.length <= at) this.#pieces.push({ writes: 0, reads: 0, latencies: [] });
    const piece = this.#pieces[at];
    if (piece === undefined) throw new Error("every piece of time up to now is there");
    return piece;
  }
}
