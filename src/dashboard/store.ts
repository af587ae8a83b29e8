/** Holds the newest view of the cluster and tells whoever shows it. */

import type { ClusterView } from "./model/view.ts";

/**
 * What a panel is given. Listeners are called at most once a frame, and only while the page is visible; a panel that
 * draws frame by frame (an arc that runs down) asks for frames itself and stops when nothing moves.
 */
export interface Store {
  get(): ClusterView;
  /** Calls at once and at every change. @returns what ends it. */
  subscribe(listener: (view: ClusterView) => void): () => void;
}

/** The store and the way to change it. */
export class ViewStore implements Store {
  #view: ClusterView;
  readonly #listeners = new Set<(view: ClusterView) => void>();
  #frame = 0;

  constructor(view: ClusterView) {
    this.#view = view;
  }

  get(): ClusterView {
    return this.#view;
  }

  subscribe(listener: (view: ClusterView) => void): () => void {
    this.#listeners.add(listener);
    listener(this.#view);
    return () => this.#listeners.delete(listener);
  }

  set(view: ClusterView): void {
    this.#view = view;
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      for (const listener of this.#listeners) listener(this.#view);
    });
  }
}
