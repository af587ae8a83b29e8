/** What is wrong with a data directory. */

import type { DirectoryReport } from "../../node/index.ts";
import { bytesText, type Finding, roomFinding, type Syncs, syncFinding } from "./finding.ts";

/** What a directory looks like, and how fast its disk is. */
export interface DirectoryLook {
  readonly report: DirectoryReport;
  /** Undefined where it could not be measured. */
  readonly syncs: Syncs | undefined;
}

/** In an order in which they are best dealt with. */
export function judgeDirectory({ report, syncs }: DirectoryLook): readonly Finding[] {
  const { directory, disk } = report;
  return [
    ...emptiness(report),
    ...damage(report),
    ...leftovers(report),
    ...roomFinding(directory, disk),
    ...(syncs === undefined ? [] : syncFinding(directory, syncs, "measured just now")),
    ...work(report),
  ];
}

function emptiness({ directory, identity, damage }: DirectoryReport): readonly Finding[] {
  if (identity !== undefined || damage.length > 0) return [];
  return [
    {
      code: "no-node",
      severity: "fault",
      about: directory,
      what: `${directory} holds no node: it has no identity.json. If a node was here, its disk is lost, or not mounted.`,
      todo:
        "Check the path and the mounts. If the disk is lost, do not start the node on the empty directory under its " +
        "old id, but put a new one in its place: raftally serve --join, then raftally member replace.",
      section: "Replace a lost disk",
    },
  ];
}

function damage({ directory, damage }: DirectoryReport): readonly Finding[] {
  return damage.map((error): Finding => {
    const base = { about: directory, what: sentence(error.message) } as const;
    if (error.name === "NewerFormatError") {
      const todo = "Start the newer version of Raftally on it; an older one cannot read it.";
      return {
        ...base,
        code: "newer-format",
        severity: "fault",
        todo,
        section: "Rolling restart and upgrade",
      };
    }
    if (error.name === "IdentityError") {
      const todo = "Give this node its own data directory, or the directory its own node.";
      return { ...base, code: "wrong-directory", severity: "fault", todo, section: "Replace a lost disk" };
    }
    if (error.name === "CorruptionError") {
      const todo =
        "Do not delete or repair single files, and never go back to an older copy of this directory. The sentence says " +
        "what to do with this damage; the other nodes hold every count.";
      return { ...base, code: "corruption", severity: "fault", todo, section: "Replace a lost disk" };
    }
    const todo = "Look whether this user may read the directory, and what the system's log says of the disk.";
    return { ...base, code: "unreadable", severity: "fault", todo, section: "Replace a lost disk" };
  });
}

function leftovers({ directory, unfinished, isWritable, inUse, log }: DirectoryReport): readonly Finding[] {
  const found: Finding[] = [];
  if (unfinished !== undefined) {
    found.push({
      code: `unfinished-${unfinished}`,
      severity: "fault",
      about: directory,
      what: `A ${unfinished} of ${directory} was begun and interrupted. No node starts on it until it is finished.`,
      todo:
        unfinished === "recovery" ? "Run raftally recover on it again." : "Run raftally restore on it again.",
      section: unfinished === "recovery" ? "Lost majority" : "Back up and restore",
    });
  }
  if (!isWritable) {
    found.push({
      code: "not-writable",
      severity: "warning",
      about: directory,
      what: `This user may not write in ${directory}. A node that runs as this user could not start on it.`,
      todo: "Run the node as the user that owns the directory, or give it to this user; a read-only mount shows like this too.",
      section: "Ask the doctor",
    });
  }
  if (!inUse && log !== undefined && log.tornBytes > 0) {
    found.push({
      code: "torn-tail",
      severity: "note",
      about: directory,
      what:
        `The log ends in ${log.tornBytes} bytes of a batch that was never written whole, as after a crash or a power ` +
        "cut. Nothing that was acknowledged is in them.",
      todo: "Nothing: the next start cuts them off.",
      section: "Ask the doctor",
    });
  }
  return found;
}

/** Beyond so many entries a start takes a while. */
const REPLAY_ENTRIES = 100_000;

function work({ directory, log, state, disk }: DirectoryReport): readonly Finding[] {
  if (log === undefined || state === undefined) return [];
  const behind = log.last - state.applied;
  if (behind < REPLAY_ENTRIES) return [];
  return [
    {
      code: "state-behind-log",
      severity: "note",
      about: directory,
      what: `state.db is ${behind.toLocaleString("en")} entries older than the log. A start applies them again first.`,
      todo: `Nothing, but have patience, and keep room on the disk (${bytesText(disk.freeBytes)} are free).`,
      section: "Ask the doctor",
    },
  ];
}

/** As a sentence; one that begins with the path of a file keeps that as it is. */
function sentence(text: string): string {
  const isPath = /^\S*[./]\S/.test(text);
  const first = isPath ? text.charAt(0) : text.charAt(0).toUpperCase();
  return `${first}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
}
