/** How long nothing was answered while something waited for an answer. Moments are of one clock, in ms. */

/** A stretch of the replay. */
export interface Stretch {
  readonly what: string;
  /** The longest time in it without any answer, ms. */
  readonly longestMs: number;
}

export class Stalls {
  readonly #stretches: { what: string; longestMs: number }[];
  #waiting = 0;
  /** Since when nothing has been answered. */
  #sinceMs = 0;

  /** @param what names the first stretch. */
  constructor(what: string) {
    this.#stretches = [{ what, longestMs: 0 }];
  }

  /** Something was asked. */
  asked(nowMs: number): void {
    if (this.#waiting === 0) this.#sinceMs = nowMs;
    this.#waiting += 1;
  }

  /** Something that was asked has been answered. */
  answered(nowMs: number): void {
    this.#note(nowMs);
    this.#sinceMs = nowMs;
    this.#waiting -= 1;
  }

  /** Another stretch begins. */
  begin(what: string, nowMs: number): void {
    if (this.#waiting > 0) this.#note(nowMs);
    this.#sinceMs = nowMs;
    this.#stretches.push({ what, longestMs: 0 });
  }

  get stretches(): readonly Stretch[] {
    return this.#stretches;
  }

  #note(nowMs: number): void {
    const current = this.#stretches.at(-1);
    if (current !== undefined) current.longestMs = Math.max(current.longestMs, nowMs - this.#sinceMs);
  }
}
