/** For panels whose drawing depends on how wide they are. */

import type { ClusterView } from "../model/view.ts";
import type { Store } from "../store.ts";

/** Draws whenever the view or the size of `root` changes. @returns what ends it, and empties `root`. */
export function keepDrawn(root: HTMLElement, store: Store, draw: (view: ClusterView) => void): () => void {
  const sizes = new ResizeObserver(() => draw(store.get()));
  sizes.observe(root);
  const end = store.subscribe(draw);
  return () => {
    end();
    sizes.disconnect();
    root.replaceChildren();
  };
}
