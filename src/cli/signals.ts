/** Being asked to stop. */

/** The same signal again within this time is the same wish: npm passes on a Ctrl-C that the terminal sent already. */
const SAME_WISH_MS = 400;

/** Calls `stop` for every SIGINT, SIGTERM and SIGHUP, with its name. Returns a function that undoes it. */
export function onStopSignal(stop: (signal: string) => void): () => void {
  const names = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const heardMs = new Map<string, number>();
  const hear = (signal: string): void => {
    const now = performance.now();
    const since = now - (heardMs.get(signal) ?? Number.NEGATIVE_INFINITY);
    if (since < SAME_WISH_MS) return;
    heardMs.set(signal, now);
    stop(signal);
  };
  for (const name of names) process.on(name, hear);
  return () => {
    for (const name of names) process.off(name, hear);
  };
}
