/**
 * Wakes a paused node when its launcher dies: a stopped process would notice nothing, and lie there with its port and
 * its lock for ever. The guard is a shell that waits for the end of a pipe whose other end the launcher holds.
 */

import { spawn } from "node:child_process";

export interface PauseGuard {
  /** The node was woken, or is gone: nobody has to watch over it any more. */
  dismiss(): void;
}

/** @param pid of a process that is paused. Without a shell on this machine the guard does nothing. */
export function guardPaused(pid: number): PauseGuard {
  // Of a session of its own, so that a Ctrl-C in the terminal does not end it before the launcher.
  const guard = spawn("/bin/sh", ["-c", `read -r line || kill -CONT ${pid}`], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  guard.on("error", () => undefined);
  guard.stdin.on("error", () => undefined);
  guard.unref();
  return {
    dismiss: () => {
      guard.stdin.end("\n");
      guard.kill("SIGKILL");
    },
  };
}
