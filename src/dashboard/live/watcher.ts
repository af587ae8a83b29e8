/** Keeps a watch open, at whoever leads, through elections and deaths. */

import type { WatchEvent, WatchOptions } from "../../client/index.ts";
import type { Store } from "../store.ts";
import type { Writer } from "./writer.ts";

/** How a watch stands: `live` once it was opened, `waiting` while no node serves it. */
export type WatchState = "live" | "waiting";

export interface WatchListener {
  event(event: WatchEvent): void;
  state(state: WatchState): void;
}

/** After a failure the watch is opened again so much later, ms. */
const AGAIN_MS = 400;
/** Moving to a new leader waits so long, so that an election with two tries moves once, ms. */
const MOVE_MS = 300;

/**
 * Watches until it is ended. When another node leads it goes on there: one that was cut off would keep the line open
 * and have nothing to tell.
 */
export function keepWatching(
  { store, writer }: { readonly store: Store; readonly writer: Writer },
  what: Pick<WatchOptions, "key" | "prefix">,
  listener: WatchListener,
): () => void {
  const ended = new AbortController();
  let current = new AbortController();
  let leader = store.get().leader?.id;
  let mover: ReturnType<typeof setTimeout> | undefined;
  const unsubscribe = store.subscribe((view) => {
    const next = view.leader?.id;
    if (next === undefined || next === leader) return;
    leader = next;
    clearTimeout(mover);
    mover = setTimeout(() => current.abort(), MOVE_MS);
  });
  const run = async (): Promise<void> => {
    let after: number | undefined;
    while (!ended.signal.aborted) {
      current = new AbortController();
      const signal = AbortSignal.any([ended.signal, current.signal]);
      try {
        const options = { ...what, consistency: "stale", signal } as const;
        const events = writer.client().watch(after === undefined ? options : { ...options, after });
        for await (const event of events) {
          listener.state("live");
          after = event.kind === "change" ? event.to : event.revision;
          listener.event(event);
        }
      } catch {
        // Aborted, or no node could serve: both are answered by beginning again.
      }
      if (ended.signal.aborted) return;
      if (current.signal.aborted) continue;
      listener.state("waiting");
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  };
  void run();
  return () => {
    ended.abort();
    clearTimeout(mover);
    unsubscribe();
  };
}
