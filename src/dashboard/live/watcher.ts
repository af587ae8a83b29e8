/** Keeps a watch open, at a node that is fit to tell, through elections and deaths. */

import type { RaftallyClient, WatchEvent, WatchOptions } from "../../client/index.ts";
import type { ClusterView } from "../model/view.ts";
import type { Store } from "../store.ts";
import { whenUnseen } from "../visibility.ts";
import type { Preference, Writer } from "./writer.ts";

/** How a watch stands: `live` while a node that knows the present serves it, `waiting` otherwise. */
export type WatchState = "live" | "waiting";

export interface WatchListener {
  event(event: WatchEvent): void;
  state(state: WatchState): void;
}

/** After a failure the watch is opened again so much later, ms. */
const AGAIN_MS = 400;
/** A node that has been unfit for so long is left, ms. */
const MOVE_MS = 400;

export interface WatchOn {
  readonly store: Store;
  readonly writer: Writer;
  /** The leader knows first; a follower a moment later. */
  readonly prefer: Preference;
}

/**
 * Watches until it is ended. Where another node is fit, it leaves one that the page does not hear any more or that is
 * cut off, and one that does not lead any more if the leader is preferred: the line to it may stay open and have nothing
 * to tell.
 */
export function keepWatching(
  { store, writer, prefer }: WatchOn,
  what: Pick<WatchOptions, "key" | "prefix">,
  listener: WatchListener,
): () => void {
  const ended = new AbortController();
  let current = new AbortController();
  let at: string | undefined;
  /** The one that is asked: made when fewer nodes may have been known than now. */
  let client: RaftallyClient | undefined;
  /** Whether all that the node at `at` knows has been told: it answered, and had changes to begin with or none. */
  let upToDate = false;
  let told: WatchState | undefined;
  let unfitSinceMs: number | undefined;
  let wake: () => void = () => undefined;
  let unseen = false;
  const tell = (): void => {
    const live = at !== undefined && upToDate && isFit(store.get(), at, prefer);
    const state = live ? "live" : "waiting";
    if (state !== told) listener.state(state);
    told = state;
  };
  const ends = [
    store.subscribe((view) => {
      tell();
      const stays =
        at === undefined
          ? client === undefined || client === writer.client(prefer)
          : isFit(view, at, prefer) || !hasFit(view, prefer);
      if (stays) {
        unfitSinceMs = undefined;
        return;
      }
      unfitSinceMs ??= view.nowMs;
      if (view.nowMs - unfitSinceMs < MOVE_MS) return;
      unfitSinceMs = undefined;
      current.abort();
    }),
    whenUnseen((hidden) => {
      unseen = hidden;
      if (hidden) current.abort();
      else wake();
    }),
  ];
  const run = async (): Promise<void> => {
    let after: number | undefined;
    while (!ended.signal.aborted) {
      current = new AbortController();
      at = undefined;
      upToDate = false;
      const signal = AbortSignal.any([ended.signal, current.signal]);
      try {
        client = writer.client(prefer);
        const events = client.watch({
          ...what,
          ...(after === undefined ? {} : { after }),
          consistency: "stale",
          signal,
          onConnection: (connection) => {
            at = connection.kind === "connected" ? connection.url : undefined;
            // Whoever goes on after a revision is told nothing as long as nothing changes.
            upToDate = at !== undefined && after !== undefined;
            tell();
          },
        });
        for await (const event of events) {
          after = event.kind === "change" ? event.to : event.revision;
          listener.event(event);
          upToDate = true;
          tell();
        }
      } catch {
        // Aborted, or no node could serve: both are answered by beginning again.
      }
      if (ended.signal.aborted) return;
      at = undefined;
      tell();
      if (unseen) await new Promise<void>((resolve) => (wake = resolve));
      else if (!current.signal.aborted) await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  };
  void run();
  return () => {
    ended.abort();
    for (const end of ends) end();
    wake();
  };
}

function hasFit(view: ClusterView, prefer: Preference): boolean {
  return view.nodes.some(({ url, fresh }) => fresh && isFit(view, url, prefer));
}

/** Whether what the node at `url` tells is the present. One that the view does not know cannot be judged. */
function isFit({ nodes, leader }: ClusterView, url: string, prefer: Preference): boolean {
  const node = nodes.find((one) => one.url === url);
  if (node === undefined) return true;
  if (!node.fresh) return false;
  if (prefer === "leader" && leader?.fresh === true) return node.leads;
  return node.leads || node.reachedBy.length > 0 || nodes.filter(({ fresh }) => fresh).length === 1;
}
