/**
 * All who follow changes of counters on this node. Each flush asks the state once for what has changed, whoever many
 * they are, and makes each text once for all who watch the same from the same place. With nobody there, nothing is done.
 *
 * Each watcher has looked at everything up to its position. What it has been told ends at `told`: the next event that
 * concerns it covers the revisions from there on, so that ranges tile.
 */

import type { NodeService, ReadResult } from "../node/index.ts";
import { Refusal } from "./problem.ts";
import { eventText, type SseStream } from "./sse.ts";

export interface WatchLimits {
  /** Changes are sent at most this often, ms. */
  readonly flushMs: number;
  /** After this long without an event a sign of life is sent, ms. */
  readonly heartbeatMs: number;
  /** A reader for whom more bytes wait than this is cut off. */
  readonly bufferBytesMax: number;
  /** Watchers on this node; more are refused. */
  readonly watchersMax: number;
  /** Changes asked for at a time. */
  readonly changesMax: number;
}

export const WATCH_LIMITS: WatchLimits = {
  flushMs: 50,
  heartbeatMs: 15_000,
  bufferBytesMax: 1_048_576,
  watchersMax: 4_096,
  changesMax: 4_096,
};

/** One counter, or those whose key begins with `prefix`. */
export type WatchFilter =
  | { readonly kind: "key"; readonly key: string }
  | { readonly kind: "prefix"; readonly prefix: string };

type Answer = Extract<ReadResult, { readonly kind: "answer" }>;
type Changes = Extract<Answer["answer"], { readonly kind: "changes" }>;
type Change = Changes["changes"][number];

/** Where a watcher begins. */
export interface WatchStart {
  readonly filter: WatchFilter;
  /** Changes after this revision are told. */
  readonly after: number;
  /** Whether it was told of this revision by somebody else: by another node, or long ago. */
  readonly isResumed: boolean;
}

interface Watcher {
  readonly filter: WatchFilter;
  /** Names the filter: equal names, equal filters. */
  readonly name: string;
  readonly stream: SseStream;
  position: number;
  told: number;
  /** Whether it is known that its revision exists. */
  isKnown: boolean;
}

/** A revision that no state has: only its number is asked for. */
const BEYOND = Number.MAX_SAFE_INTEGER;
/** Questions in one flush. More than one only while some watchers are far behind others. */
const QUESTIONS_MAX = 3;

export class WatchHub {
  readonly #service: NodeService;
  readonly limits: WatchLimits;
  readonly #watchers: Set<Watcher> = new Set();
  /** Places that are promised to watchers who are still being answered. */
  #reserved = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(service: NodeService, limits: WatchLimits) {
    this.#service = service;
    this.limits = limits;
  }

  /** Watchers that are here now. */
  get size(): number {
    return this.#watchers.size;
  }

  /**
   * Runs `work`, which may make one more watcher, if there is room.
   * @throws {Refusal} OVERLOADED.
   */
  async reserve<T>(work: () => Promise<T>): Promise<T> {
    if (this.#watchers.size + this.#reserved >= this.limits.watchersMax) {
      const detail = `this node has ${this.limits.watchersMax} watchers, and takes no more; ask another node`;
      throw new Refusal("OVERLOADED", detail);
    }
    this.#reserved++;
    try {
      return await work();
    } finally {
      this.#reserved--;
    }
  }

  /** From now on the reader of `stream` hears of changes. @returns to be called when it is gone. */
  add(stream: SseStream, { filter, after, isResumed }: WatchStart): () => void {
    const name = filter.kind === "key" ? `=${filter.key}` : `^${filter.prefix}`;
    const watcher = { filter, name, stream, position: after, told: after, isKnown: !isResumed };
    this.#watchers.add(watcher);
    this.#timer ??= this.#later(this.limits.flushMs);
    return () => void this.#watchers.delete(watcher);
  }

  #later(ms: number): NodeJS.Timeout {
    return setTimeout(() => void this.#turn(), ms).unref();
  }

  async #turn(): Promise<void> {
    const beganMs = performance.now();
    try {
      await this.#flush();
    } finally {
      const tookMs = performance.now() - beganMs;
      const again = this.#watchers.size > 0;
      this.#timer = again ? this.#later(Math.max(1, this.limits.flushMs - tookMs)) : undefined;
    }
  }

  async #flush(): Promise<void> {
    const { revision } = this.#service.status();
    let waiting: Watcher[] = [];
    for (const watcher of this.#watchers) {
      if (watcher.position < revision) waiting.push(watcher);
      else if (!watcher.isKnown) this.#verify(watcher, revision);
    }
    for (let asked = 0; asked < QUESTIONS_MAX && waiting.length > 0; asked++) {
      const lowest = waiting.reduce((low, { position }) => Math.min(low, position), BEYOND);
      const answer = await this.#changes(lowest, "stale");
      if (answer === undefined) return;
      waiting = this.#tell(waiting, answer);
    }
  }

  /** What changed after a revision; undefined if the node cannot say now. */
  async #changes(after: number, consistency: "stale" | "linearizable"): Promise<Answer | undefined> {
    const limit = this.limits.changesMax;
    const result = await this.#service.read({ kind: "changes", after, limit }, consistency);
    if (result.kind === "answer") return result;
    const isOver = result.code === "SHUTTING_DOWN" || result.code === "STATE_DIVERGED";
    // Whoever loses the stream turns to another node, and goes on there.
    if (isOver) for (const { stream } of this.#watchers) stream.end();
    return undefined;
  }

  /** Tells those whom the answer concerns, and gives back those for whom another has to be asked for. */
  #tell(watchers: readonly Watcher[], result: Answer): Watcher[] {
    const { answer } = result;
    if (answer.kind !== "changes") return [];
    const texts = new Texts(answer);
    const left: Watcher[] = [];
    for (const watcher of watchers) {
      // It is ahead of this state, which will get there.
      if (watcher.position > answer.revision) continue;
      if (watcher.position < answer.since) {
        this.#resync(watcher, result, answer.revision, "the changes since then are not remembered any more");
      } else if (watcher.position >= answer.upTo && answer.upTo < answer.revision) left.push(watcher);
      else {
        const text = texts.of(watcher);
        watcher.position = answer.upTo;
        watcher.isKnown = true;
        if (text === undefined) continue;
        watcher.told = text.to;
        watcher.stream.send(text.bytes);
      }
    }
    return left;
  }

  #resync(watcher: Watcher, { index, term }: Answer, revision: number, reason: string): void {
    const data = JSON.stringify({ revision, index, term, reason });
    watcher.position = revision;
    watcher.told = revision;
    watcher.isKnown = true;
    watcher.stream.send(eventText({ event: "resync", id: String(revision), data }));
  }

  /** A revision that this node does not have: has the cluster? */
  #verify(watcher: Watcher, revision: number): void {
    watcher.isKnown = true;
    if (watcher.position === revision) return;
    void this.#changes(BEYOND, "linearizable").then((result) => {
      // Nobody could say, for want of a leader perhaps: the next flush asks again.
      if (result === undefined) watcher.isKnown = false;
      if (result?.answer.kind !== "changes" || watcher.stream.isOver) return;
      const latest = result.answer.revision;
      if (watcher.position <= latest) return;
      this.#resync(watcher, result, latest, "the cluster has never been at this revision");
    });
  }
}

interface Text {
  readonly bytes: Uint8Array;
  /** The last revision that it covers. */
  readonly to: number;
}

/** The texts of one answer, each made once. */
class Texts {
  readonly #changes: readonly Change[];
  #byKey: Map<string, Change> | undefined;
  readonly #made: Map<string, Text | undefined> = new Map();

  constructor({ changes }: Changes) {
    this.#changes = changes;
  }

  /** What to tell a watcher; undefined if nothing concerns it. */
  of({ filter, name, position, told }: Watcher): Text | undefined {
    const id = `${position} ${told} ${name}`;
    const made = this.#made.get(id);
    if (made !== undefined || this.#made.has(id)) return made;
    const text = textOf(this.#matching(filter, position), told);
    this.#made.set(id, text);
    return text;
  }

  #matching(filter: WatchFilter, after: number): readonly Change[] {
    if (filter.kind === "prefix") {
      const { prefix } = filter;
      return this.#changes.filter(({ key, revision }) => revision > after && key.startsWith(prefix));
    }
    // Each key is there once: watchers of a thousand counters cost no more than those of one.
    this.#byKey ??= new Map(this.#changes.map((change) => [change.key, change]));
    const change = this.#byKey.get(filter.key);
    return change !== undefined && change.revision > after ? [change] : [];
  }
}

/** Events for changes in order of revision, the first of which goes on after `told`. */
function textOf(changes: readonly Change[], told: number): Text | undefined {
  let to = told;
  let text = "";
  for (const { key, value, revision, deleted } of changes) {
    const fields = `{"key":${JSON.stringify(key)},"value":${value},"revision":${revision}`;
    const range = `,"from":${to + 1},"to":${revision},"deleted":${deleted}}`;
    to = revision;
    text += eventText({ event: "change", id: String(to), data: fields + range });
  }
  return text === "" ? undefined : { bytes: Buffer.from(text), to };
}
