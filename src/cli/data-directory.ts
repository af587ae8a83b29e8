/** Making the directory that `--data` names. */

import { existsSync, mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { StartRefusal, systemReason } from "./refusal.ts";

/**
 * Makes the data directory and those above it.
 * @throws {StartRefusal} if that is not possible.
 */
export function makeDataDirectory(data: string): void {
  try {
    make(resolve(data));
  } catch (error) {
    throw new StartRefusal(`the data directory ${data} cannot be written: ${systemReason(error)}.`);
  }
}

/**
 * Not with `recursive: true`, for then Node.js never returns where a parent exists and yet nothing can be made
 * in it, as in /proc.
 */
function make(path: string): void {
  if (existsSync(path)) return;
  make(dirname(path));
  mkdirSync(path);
}
