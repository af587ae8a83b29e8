/** What the doctor may say, and where the runbook says more. */

/** `fault`: it does not work, or not safely. `warning`: it will hurt soon. `note`: good to know; nothing is wrong. */
export type Severity = "fault" | "warning" | "note";

/** Sections of docs/operations.md. */
export type Section =
  | "Look first"
  | "Add a node"
  | "Remove a node"
  | "Replace a lost disk"
  | "Move to a new address"
  | "Lost majority"
  | "Back up and restore"
  | "Rolling restart and upgrade"
  | "Ask the doctor";

/** Something that the doctor found. */
export interface Finding {
  /** For programs; says what kind it is. */
  readonly code: string;
  readonly severity: Severity;
  /** The node, the directory, or the cluster. */
  readonly about: string;
  /** What is wrong, in whole sentences. */
  readonly what: string;
  /** What to do, in whole sentences. */
  readonly todo: string;
  readonly section: Section;
}

/** A list of names as it is read aloud. */
export function listed(names: readonly string[]): string {
  if (names.length <= 1) return names.join("");
  return `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

export function bytesText(bytes: number): string {
  if (bytes >= 1024 ** 3) return `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
  return `${Math.round(bytes / 1024 ** 2)} MiB`;
}

/** Below this share of the disk, or so many bytes, it counts as nearly full. */
const FREE_SHARE_MIN = 0.05;
const FREE_BYTES_MIN = 1024 ** 3;

/** What there is to say of the room that is left; a share alone says little on a very large disk. */
export function roomFinding(
  about: string,
  { freeBytes, totalBytes }: { readonly freeBytes: number; readonly totalBytes: number },
): readonly Finding[] {
  const isFull = freeBytes < FREE_BYTES_MIN / 4;
  const isScarce = freeBytes < FREE_BYTES_MIN || freeBytes < totalBytes * FREE_SHARE_MIN;
  if (totalBytes <= 0 || !isScarce || freeBytes > 50 * FREE_BYTES_MIN) return [];
  return [
    {
      code: "disk-nearly-full",
      severity: isFull ? "fault" : "warning",
      about,
      what:
        `The disk of ${about} is nearly full: ${bytesText(freeBytes)} of ${bytesText(totalBytes)} are free. ` +
        "A node whose log cannot be written stops.",
      todo: "Make room on that file system, or move the data directory to a larger one while the node is stopped.",
      section: "Ask the doctor",
    },
  ];
}

/** A sync that takes longer is felt with every write, ms. */
const SYNC_P50_MS_MAX = 25;
/** One in a hundred that takes longer comes near an election timeout, ms. */
const SYNC_P99_MS_MAX = 150;

/** How long syncs of a disk took, ms. */
export interface Syncs {
  readonly p50: number;
  readonly p99: number;
  readonly count: number;
}

/** @param how what was measured, as in "measured just now". */
export function syncFinding(about: string, { p50, p99, count }: Syncs, how: string): readonly Finding[] {
  if (count === 0 || (p50 <= SYNC_P50_MS_MAX && (p99 <= SYNC_P99_MS_MAX || count < 20))) return [];
  return [
    {
      code: "slow-fsync",
      severity: "warning",
      about,
      what:
        `The disk of ${about} is slow to sync: half of ${count} syncs took ${p50.toFixed(0)} ms or more, ` +
        `one in a hundred ${p99.toFixed(0)} ms or more (${how}). Every write waits for the syncs of a majority.`,
      todo:
        "Look for what else writes to this disk; put the data directory on an SSD that is not shared. On disks that " +
        "are slow for good, raise --election-timeout on every node.",
      section: "Ask the doctor",
    },
  ];
}
