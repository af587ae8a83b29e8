/** Whether things may move. */

const query: MediaQueryList = matchMedia("(prefers-reduced-motion: reduce)");

/** False where the system was told that its user does not want motion. Asked each time: it can change. */
export function motionIsWelcome(): boolean {
  return !query.matches;
}
