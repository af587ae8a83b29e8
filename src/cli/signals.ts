/** Being asked to stop. */

/** Calls `stop` for every SIGINT, SIGTERM and SIGHUP, with its name. Returns a function that undoes it. */
export function onStopSignal(stop: (signal: string) => void): () => void {
  const names = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const name of names) process.on(name, stop);
  return () => {
    for (const name of names) process.off(name, stop);
  };
}
