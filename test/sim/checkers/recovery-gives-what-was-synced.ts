/**
 * I22: what is found after a crash, at whatever point and whatever it tore, is what had been synced, with or without
 * the one batch that was on its way; and whoever looks a second time finds the same. (That the rest of I1 to I14 holds
 * of what is found is seen by the other checkers, whose world goes on with it.)
 */

import type { LogWrite } from "../../../src/raft/index.ts";
import type { LogImage } from "../log-image.ts";
import { Violation } from "../observer.ts";

/** @param onItsWay the batch of which nobody has been told that it is on the disk. @throws {Violation} */
export function checkFound(found: LogImage, synced: LogImage, onItsWay: readonly LogWrite[]): void {
  if (found.equals(synced)) return;
  const whole = synced.clone();
  for (const write of onItsWay) whole.apply(write);
  if (found.equals(whole)) return;
  fail(`the log was synced up to ${synced.last.index}, and is found up to ${found.last.index}`);
}

/** @throws {Violation} if a second recovery finds another log than the first. */
export function checkFoundAgain(first: LogImage, second: LogImage): void {
  if (!second.equals(first)) fail("a second recovery gives another log");
}

function fail(text: string): never {
  throw new Violation("I22 recovery gives what was synced", text);
}
