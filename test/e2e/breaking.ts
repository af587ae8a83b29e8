/**
 * Loaded into a node before the program (`--import`), in its main thread and in its worker: breaks a part of it once
 * the file that `BREAK_FILE` names holds the part's name. Nothing of the program knows of this.
 */

import { existsSync, readFileSync } from "node:fs";
import { isMainThread } from "node:worker_threads";
import { InvariantViolation } from "../../src/base/index.ts";
import { NodeReducer } from "../../src/node/reducer.ts";

const file = process.env["BREAK_FILE"] ?? "";

function isToBreak(part: string): boolean {
  return existsSync(file) && readFileSync(file, "utf8") === part;
}

if (isMainThread) {
  const { step } = NodeReducer.prototype;
  NodeReducer.prototype.step = function stepUntilBroken(event, nowMs) {
    if (event.kind === "tick" && isToBreak("invariant")) throw new InvariantViolation("a rule of the test");
    step.call(this, event, nowMs);
  };
} else {
  // In a worker this ends the thread and not the process.
  setInterval(() => isToBreak("worker") && process.exit(7), 10).unref();
}
