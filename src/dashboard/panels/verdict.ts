import type { Store } from "../store.ts";

export function mountVerdict(root: HTMLElement, store: Store): () => void {
  return store.subscribe((view) => {
    root.dataset["tone"] = view.verdict.tone;
  });
}
