/** Counts: each click is one write that counts once, however often it has to be sent. */

import { type Incremented, OutcomeUnknown, RaftallyClient, RaftallyError } from "../../client/index.ts";
import type { ClusterView } from "../model/view.ts";
import type { Store } from "../store.ts";

/** How a click ended. */
export type ClickResult =
  | {
      readonly kind: "counted";
      readonly key: string;
      readonly by: bigint;
      readonly value: bigint;
      /** The number of this change. */
      readonly revision: number;
      readonly ms: number;
      /** Sends after the first one. */
      readonly retries: number;
      /** Whether an earlier send had counted already, and the cluster recognised this one. */
      readonly replayed: boolean;
      /** Who answered, as far as its address tells. */
      readonly node: string | undefined;
    }
  | { readonly kind: "failed"; readonly key: string; readonly text: string; readonly unknown: boolean };

/** What came of this page's clicks. */
export interface ClickTally {
  readonly sent: number;
  readonly counted: number;
  readonly refused: number;
  /** Given up without an answer: they may count. */
  readonly unknown: number;
  /** Those that were sent more than once, and counted once. */
  readonly retried: number;
  /** Of them, those whose first send had counted: without the key they would have counted twice. */
  readonly replayed: number;
  /** Answers that carried a revision that another answer of this page had carried: a count that was lost. Always 0. */
  readonly sameRevision: number;
}

/** For one click in all, ms. Long enough for an election, and for a cluster that is put together again by hand. */
const CLICK_MS = 30_000;
/** How often a click whose outcome is unknown is asked for again. */
const ASK_AGAIN = 4;
/** Revisions that are remembered to find one twice; a window is enough, for both answers come about the same time. */
const REVISIONS_MAX = 20_000;

/** What the sends of one click came to. */
interface Sends {
  /** Without those that were only told where to go. */
  made: number;
  answeredBy: string | undefined;
}

export class Writer {
  readonly #store: Store;
  readonly #send: typeof fetch;
  readonly #clients = new Map<Preference, { readonly order: string; readonly client: RaftallyClient }>();
  readonly #sends = new Map<string, Sends>();
  readonly #revisions = new Set<number>();
  readonly #listeners = new Set<(result: ClickResult) => void>();
  #tally: ClickTally = {
    sent: 0,
    counted: 0,
    refused: 0,
    unknown: 0,
    retried: 0,
    replayed: 0,
    sameRevision: 0,
  };
  #waiting = 0;

  /** @param send replaces the browser's `fetch`, for tests. */
  constructor(store: Store, send: typeof fetch = (input, init) => fetch(input, init)) {
    this.#store = store;
    this.#send = send;
  }

  get tally(): ClickTally {
    return this.#tally;
  }

  /** Clicks whose answer has not come yet. */
  get waiting(): number {
    return this.#waiting;
  }

  onResult(listener: (result: ClickResult) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * A client that asks the leader first, or a follower. Another one when the nodes have changed places: a browser follows
   * no redirect from one origin to another in the name of the page.
   */
  client(prefer: Preference = "leader"): RaftallyClient {
    const urls = urlsOf(this.#store.get(), prefer);
    const order = urls.join(" ");
    const known = this.#clients.get(prefer);
    if (known?.order === order) return known.client;
    const counting: typeof fetch = (input, init) => this.#fetch(input, init);
    const client = new RaftallyClient({ urls, fetch: counting, timeoutMs: CLICK_MS });
    this.#clients.set(prefer, { order, client });
    return client;
  }

  async increment(key: string, by: bigint): Promise<ClickResult> {
    const idempotencyKey = randomKey();
    const sends: Sends = { made: 0, answeredBy: undefined };
    this.#sends.set(idempotencyKey, sends);
    this.#waiting += 1;
    this.#tally = { ...this.#tally, sent: this.#tally.sent + 1 };
    const began = performance.now();
    let result: ClickResult;
    try {
      const done = await this.#carryThrough(key, by, idempotencyKey);
      const ms = performance.now() - began;
      result = this.#counted(done, { key, by, ms, sends });
    } catch (error) {
      result = this.#failed(error, key);
    }
    this.#sends.delete(idempotencyKey);
    this.#waiting -= 1;
    for (const listener of this.#listeners) listener(result);
    return result;
  }

  /** Asks again with the same key while the outcome is unknown: it then becomes known, and counts no second time. */
  async #carryThrough(key: string, by: bigint, idempotencyKey: string): Promise<Incremented> {
    for (let again = 0; ; again++) {
      try {
        return await this.client().increment(key, { by }, { idempotencyKey });
      } catch (error) {
        if (!(error instanceof OutcomeUnknown) || again >= ASK_AGAIN) throw error;
      }
    }
  }

  #counted(
    done: Incremented,
    {
      key,
      by,
      ms,
      sends,
    }: { readonly key: string; readonly by: bigint; readonly ms: number; readonly sends: Sends },
  ): ClickResult {
    // A node that passed the write on may have had to repeat it, too; then it was recognised.
    const retries = Math.max(sends.made - 1, done.replayed ? 1 : 0);
    const twice = this.#revisions.has(done.revision);
    this.#revisions.add(done.revision);
    if (this.#revisions.size > REVISIONS_MAX) {
      for (const oldest of this.#revisions) {
        this.#revisions.delete(oldest);
        break;
      }
    }
    const { counted, retried, replayed, sameRevision } = this.#tally;
    this.#tally = {
      ...this.#tally,
      counted: counted + 1,
      retried: retried + (retries > 0 ? 1 : 0),
      replayed: replayed + (done.replayed ? 1 : 0),
      sameRevision: sameRevision + (twice ? 1 : 0),
    };
    const { nodes } = this.#store.get();
    const node = nodes.find(({ url }) => url === sends.answeredBy)?.id;
    const { value, revision } = done;
    return { kind: "counted", key, by, value, revision, ms, retries, replayed: done.replayed, node };
  }

  #failed(error: unknown, key: string): ClickResult {
    const unknown = !(error instanceof RaftallyError) || error.outcome === "unknown";
    const text = error instanceof Error ? error.message : String(error);
    this.#tally = unknown
      ? { ...this.#tally, unknown: this.#tally.unknown + 1 }
      : { ...this.#tally, refused: this.#tally.refused + 1 };
    return { kind: "failed", key, text, unknown };
  }

  /** The browser's, and a note of what became of each send. */
  async #fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    const header = new Headers(init?.headers).get("idempotency-key");
    const sends = header === null ? undefined : this.#sends.get(header.replace(/^"|"$/g, ""));
    if (sends !== undefined) sends.made += 1;
    const response = await this.#send(input, init);
    if (sends !== undefined) {
      if (response.type === "opaqueredirect") sends.made -= 1;
      else if (response.url !== "") sends.answeredBy = new URL(response.url).origin;
    }
    return response;
  }
}

/** Whom to ask first. Streams that may lag a little are kept off the leader, whose connections the writes need. */
export type Preference = "leader" | "follower";

/** Nodes heard just now, the preferred one first, and then the rest. */
export function urlsOf({ nodes, home }: ClusterView, prefer: Preference): readonly string[] {
  const rank = (node: ClusterView["nodes"][number]): number => {
    const alone = node.reachedBy.length === 0;
    if (!node.fresh) return 3;
    if (node.leads) return prefer === "leader" ? 0 : 1;
    return alone ? 2 : prefer === "leader" ? 1 : 0;
  };
  const known = nodes
    .filter(({ url, link }) => url !== "" && link !== "blocked")
    .toSorted((a, b) => rank(a) - rank(b))
    .map(({ url }) => url);
  return [...new Set([...known, home.url])];
}

/** 128 random bits. `crypto.randomUUID` exists only on pages that came encrypted or from this machine. */
function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
