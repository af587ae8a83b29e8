/** A browser grants a page few connections to each node, and shares them among all its tabs: who is not seen lets go. */

/** A page that nobody has seen for so long is told so, ms. Shorter looks at another tab leave no gap in the curves. */
const HIDDEN_MS = 30_000;

/** Calls with true once nobody has seen the page for a while, and with false when somebody does again. */
export function whenUnseen(tell: (unseen: boolean) => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let unseen = false;
  const look = (): void => {
    clearTimeout(timer);
    if (document.visibilityState === "visible") {
      if (unseen) tell(false);
      unseen = false;
    } else {
      timer = setTimeout(() => {
        unseen = true;
        tell(true);
      }, HIDDEN_MS);
    }
  };
  document.addEventListener("visibilitychange", look);
  look();
  return () => {
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", look);
  };
}
