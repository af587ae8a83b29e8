/** Runs seeds on as many threads as are wanted. */

import { Worker } from "node:worker_threads";
import type { Done, Job } from "./worker.ts";

export interface PoolOptions {
  readonly jobs: number;
  /** The next thing to do; undefined when there is nothing more. */
  readonly next: () => Job | undefined;
  readonly done: (done: Done) => void;
}

/**
 * Resolves when everything is done that was begun.
 * @throws {Error} if a thread fails otherwise than by a violation.
 */
export async function runPool({ jobs, next, done }: PoolOptions): Promise<void> {
  await Promise.all(Array.from({ length: jobs }, () => runThread(next, done)));
}

async function runThread(next: PoolOptions["next"], done: PoolOptions["done"]): Promise<void> {
  const worker = new Worker(new URL("./worker.ts", import.meta.url));
  try {
    await new Promise<void>((resolve, reject) => {
      const give = (): void => {
        const job = next();
        if (job === undefined) resolve();
        else worker.postMessage(job);
      };
      worker.on("message", (one: Done) => {
        done(one);
        give();
      });
      worker.on("error", reject);
      worker.on("exit", (code) => reject(new Error(`a thread of the simulator ended with code ${code}`)));
      give();
    });
  } finally {
    worker.removeAllListeners("exit");
    await worker.terminate();
  }
}
