/** Whether a node's disk lets it work. */

import { sizeText } from "./live-events.ts";
import type { DiskSpace } from "./live-types.ts";
import type { Check } from "./types.ts";

/** A node whose oldest write to the log has waited for the disk for this long is not ready, ms. */
const HANGING_MS = 1_000;
/** With less room than this a node is about to stop: the next write or two will fail. */
const FREE_BYTES_MIN = 4_194_304;

/** What is known of the disk that holds the data directory. */
export interface Disk {
  /** How long the oldest write to the log has been waiting, ms; 0 if none is. */
  readonly writeAgeMs: number;
  readonly diskSpace: DiskSpace | undefined;
}

/** A disk that hangs makes a node useless; one that is nearly full soon will. */
export function diskCheck({ writeAgeMs, diskSpace }: Disk): Check {
  const name = "disk";
  if (writeAgeMs > HANGING_MS) {
    const seconds = (writeAgeMs / 1_000).toFixed(1);
    return { name, ok: false, detail: `a write to the log has been waiting for ${seconds} s` };
  }
  if (diskSpace === undefined) return { name, ok: true, detail: "how much room is left is not known" };
  const { freeBytes, totalBytes } = diskSpace;
  const left = `${sizeText(freeBytes)} of ${sizeText(totalBytes)} are free`;
  if (freeBytes < FREE_BYTES_MIN) return { name, ok: false, detail: `full: ${left}` };
  return { name, ok: true, detail: freeBytes < totalBytes / 10 ? `nearly full: ${left}` : left };
}
