/** The nodes that a client may ask: those it was given, and those that the cluster names while it works. */

import { baseUrlOf } from "./base-url.ts";

/** What a node says of its cluster, as far as it matters here. */
export interface Members {
  readonly clusterId: string;
  /** How much of the log the node knew to be committed. */
  readonly commit: number;
  /** The URLs of all members; empty if the node does not know any yet. */
  readonly apis: readonly string[];
}

/**
 * Keeps the URLs in an order worth trying. A URL that was given is kept for good, for it may be a load balancer or a
 * name: while the cluster does not name it and it does not answer, it is only left out. One that was learnt is dropped
 * as soon as the cluster does not name it any more.
 */
export class Nodes {
  readonly #given: readonly string[];
  #learnt: readonly string[] = [];
  #latest: { readonly clusterId: string; readonly commit: number } | undefined;
  /** Those that gave no answer when they were asked last. */
  readonly #failing = new Set<string>();
  #preferred: string | undefined;

  constructor(given: readonly string[]) {
    this.#given = given;
  }

  /** Whether `url` is known, or only a redirect has named it. */
  knows(url: string): boolean {
    return this.#given.includes(url) || this.#learnt.includes(url);
  }

  /** The likely leader first, then the others in a fixed order that begins after it, those that failed last. */
  candidates(): string[] {
    const all = this.#all();
    const at = this.#preferred === undefined ? -1 : all.indexOf(this.#preferred);
    const others = [...all.slice(at + 1), ...all.slice(0, Math.max(at, 0))];
    const sound = others.filter((url) => !this.#failing.has(url));
    const rest = others.filter((url) => this.#failing.has(url));
    return this.#preferred === undefined ? [...sound, ...rest] : [this.#preferred, ...sound, ...rest];
  }

  #all(): readonly string[] {
    const named = this.#learnt.some((url) => !this.#failing.has(url));
    const given = this.#given.filter(
      (url) => !named || this.#learnt.includes(url) || !this.#failing.has(url),
    );
    return [...given, ...this.#learnt.filter((url) => !given.includes(url))];
  }

  /** `url` is said to lead, or has just answered for the leader. */
  prefer(url: string): void {
    this.#preferred = url;
  }

  /** `url` has answered, if only to refuse. */
  answered(url: string): void {
    this.#failing.delete(url);
    this.#preferred ??= url;
  }

  /** `url` could not serve. @param silent whether it gave no answer at all. */
  failed(url: string, silent: boolean): void {
    if (silent) this.#failing.add(url);
    else this.#failing.delete(url);
    if (this.#preferred === url) this.#preferred = undefined;
  }

  /**
   * Takes over what the node at `base` says of its cluster, unless newer news came before, or it belongs to another
   * cluster and is not one of those that were given.
   */
  learn(base: string, { clusterId, commit, apis }: Members): void {
    const learnt = apis.map(baseUrlOf).filter((url) => url !== undefined);
    if (learnt.length === 0) return;
    if (this.#latest?.clusterId === clusterId) {
      if (commit < this.#latest.commit) return;
    } else if (this.#latest !== undefined && !this.#given.includes(base)) return;
    this.#latest = { clusterId, commit };
    this.#learnt = [...new Set(learnt)];
    for (const url of this.#failing) if (!this.knows(url)) this.#failing.delete(url);
    const preferred = this.#preferred;
    if (preferred !== undefined && preferred !== base && !this.knows(preferred)) this.#preferred = undefined;
  }
}
